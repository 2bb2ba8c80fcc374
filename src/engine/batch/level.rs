//! Whether the work has become faster or slower for good: a stall is over after some batches.

/// Batches that a change lasts before it counts.
const LASTS: u32 = 6;
/// What the past weighs in the moving average when a batch comes: ten batches.
const MEMORY: f64 = 0.9;
/// Change of the level in logarithms after which it is elsewhere: rates of a disk wander by a quarter.
const ELSEWHERE: f64 = 0.5;
/// How near to its average a level has settled.
const SETTLED: f64 = 0.15;

/// By how much the logarithm of the rate has drifted, as what is believed of the size held tells, whichever that was.
#[derive(Debug, Default)]
pub(super) struct Level {
    drifted: f64,
    /// Its moving average.
    average: f64,
    /// The average for which what is believed of the other sizes was learned.
    known: f64,
    /// Batches in a row for which it has been elsewhere, and near to its average.
    settled: u32,
    change: Option<Change>,
}

/// A batch at the size held was off by so much.
#[derive(Debug)]
struct Change {
    by: f64,
    /// Batches since then.
    lasted: u32,
}

impl Level {
    /// A batch has moved what is believed of the size held by so much; `off` is by how much it was off, if it was one of that size and
    /// by more than noise does. Once the work has changed for good it gives by how much at once, or 0 where it came bit by bit or while
    /// other sizes were tried.
    pub(super) fn see(&mut self, moved: f64, off: Option<f64>) -> Option<f64> {
        self.moves(moved);
        let lasting = self.lasting(off);
        if lasting.is_none() && self.settled < LASTS {
            return None;
        }
        self.known = if lasting.is_some() { self.drifted } else { self.average };
        self.average = self.known;
        self.settled = 0;
        Some(lasting.unwrap_or(0.0))
    }

    /// The same of a batch that failed, which tells nothing of how fast the work is.
    pub(super) fn disturbed(&mut self, moved: f64) {
        self.moves(moved);
        self.settled = 0;
        self.change = None;
    }

    fn moves(&mut self, by: f64) {
        self.drifted += by;
        self.average = self.average * MEMORY + self.drifted * (1.0 - MEMORY);
        let is_settled = (self.average - self.known).abs() > ELSEWHERE && (self.drifted - self.average).abs() < SETTLED;
        self.settled = if is_settled { self.settled + 1 } else { 0 };
    }

    /// By how much the rate has changed, once that has lasted.
    fn lasting(&mut self, off: Option<f64>) -> Option<f64> {
        let Some(change) = &mut self.change else {
            self.change = off.map(|by| Change { by, lasted: 0 });
            return None;
        };
        let by = change.by;
        change.lasted += 1;
        if (self.drifted - self.known) / by < 0.5 {
            // It is over.
            self.change = None;
            return None;
        }
        if change.lasted < LASTS {
            return None;
        }
        self.change = None;
        Some(by)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Batches at one size, whose rate is learned with a gain of .6 where it surprises and a tenth where it does not.
    fn told(log_rates: impl IntoIterator<Item = f64>) -> Vec<(usize, f64)> {
        let (mut level, mut mean, mut told) = (Level::default(), 0.0, Vec::new());
        for (i, log_rate) in log_rates.into_iter().enumerate() {
            let off = log_rate - mean;
            let is_off = f64::abs(off) > 0.5;
            let moved = off * if is_off { 0.6 } else { 0.1 };
            mean += moved;
            told.extend(level.see(moved, is_off.then_some(off)).map(|by| (i, by)));
        }
        told
    }

    #[test]
    fn what_is_over_soon_is_no_change() {
        for stalled in 1..LASTS as usize {
            let stall = [vec![-1.6; stalled], vec![0.0; 60]].concat();
            assert_eq!(told(stall.repeat(5)), [], "{stalled} batches");
        }
    }

    #[test]
    fn what_lasts_is_a_change_once() {
        assert_eq!(told([vec![0.0; 10], vec![-1.6; 200]].concat()), [(10 + LASTS as usize, -1.6)]);
    }

    #[test]
    fn a_level_that_creeps_away_is_elsewhere_in_the_end() {
        let creeps = told((0..300).map(|i| -0.01 * f64::from(i)));
        assert!((3..=6).contains(&creeps.len()) && creeps.iter().all(|(_, by)| *by == 0.0), "three units: {creeps:?}");
        assert_eq!(told((0..300).map(|i| if i % 2 == 0 { 0.3 } else { -0.3 })), [], "to and fro is nowhere else");
    }

    #[test]
    fn a_batch_that_fails_ends_a_change() {
        let mut level = Level::default();
        level.see(-1.0, Some(-1.5));
        level.disturbed(0.0);
        assert!((0..LASTS).all(|_| level.see(0.0, None).is_none()));
    }
}
