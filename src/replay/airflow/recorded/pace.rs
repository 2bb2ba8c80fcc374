//! How long a pass of the loop took: what one pass queues has one `queued_dttm`, so that distinct ones show the passes.

use crate::replay::airflow::Change;

/// Length of the windows in which the pace is taken to be one, in microseconds.
const WINDOW_US: u64 = 120_000_000;
/// Passes further apart than this had nothing to do in between.
const LONGEST_US: u64 = 30_000_000;
/// Gaps without which a window takes the pace of the one before it.
const MIN_GAPS: usize = 10;

/// Something that is one in each window of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ByWindow(Vec<(u64, u64)>);

impl ByWindow {
    /// The median of the values in each window; `values` are (time, value), by time.
    fn of(values: &[(u64, u64)], quantile: f64) -> Self {
        let mut windows = Vec::new();
        let mut from = 0;
        while from < values.len() {
            let begin = values[from].0;
            let to = from + values[from..].iter().take_while(|(at, _)| *at - begin < WINDOW_US).count();
            let mut inside: Vec<u64> = values[from..to].iter().map(|(_, value)| *value).collect();
            inside.sort_unstable();
            if inside.len() >= MIN_GAPS {
                windows.push((begin, inside[(inside.len() as f64 * quantile) as usize]));
            }
            from = to;
        }
        Self(windows)
    }

    /// At a time; before the first window as in it.
    pub(super) fn at(&self, time: u64) -> Option<u64> {
        let after = self.0.partition_point(|(begin, _)| *begin <= time);
        self.0.get(after.saturating_sub(1)).map(|(_, value)| *value)
    }
}

/// Microseconds of a pass of the loop; `queued` are the distinct times at which something was queued, ascending.
pub(super) fn pace(queued: &[u64]) -> ByWindow {
    let gaps = queued.windows(2).map(|pair| (pair[0], pair[1] - pair[0])).filter(|(_, gap)| *gap <= LONGEST_US);
    ByWindow::of(&gaps.collect::<Vec<_>>(), 0.5)
}

/// Microseconds from the end of a task to the queueing of one that waited for it and had room: (end, gap), in any order.
pub(super) fn handover(mut gaps: Vec<(u64, u64)>) -> ByWindow {
    gaps.sort_unstable();
    ByWindow::of(&gaps, 0.25)
}

impl ByWindow {
    /// As changes of the loop's period.
    pub(super) fn as_loop(&self) -> Vec<(u64, Change)> {
        // In force from the beginning of time for the first window.
        let at = |place: usize, begin: u64| if place == 0 { 0 } else { begin };
        let changes = self.0.iter().enumerate();
        changes.map(|(place, (begin, period))| (at(place, *begin), Change::Loop((*period).max(1)))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_that_becomes_slower_is_seen() {
        let mut queued = Vec::new();
        let mut at = 0;
        for pass in 0..200 {
            at += if pass < 100 { 1_000_000 } else { 3_000_000 };
            // Every fifth pass queues nothing.
            if pass % 5 != 0 {
                queued.push(at);
            }
        }
        let pace = pace(&queued);
        assert_eq!((pace.at(0), pace.at(50_000_000)), (Some(1_000_000), Some(1_000_000)));
        assert_eq!(pace.at(350_000_000), Some(3_000_000));
        assert_eq!(pace.as_loop().first(), Some(&(0, Change::Loop(1_000_000))));
        assert_eq!(super::pace(&[5]).at(7), None);
    }
}
