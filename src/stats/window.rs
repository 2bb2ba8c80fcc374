//! Medians of a window that moves over a series.

use super::MAD_TO_SD;

/// Values in order, as the window moves on. They are finite.
#[derive(Default)]
pub(super) struct SortedWindow(Vec<f64>);

/// Values up to which a count of the smaller ones, several at a time, is quicker than a search, whose branches no processor
/// foresees.
const COUNTED: usize = 64;

impl SortedWindow {
    pub(super) fn insert(&mut self, value: f64) {
        self.0.insert(self.place(value), value);
    }

    /// Takes out one that was inserted.
    pub(super) fn remove(&mut self, value: f64) {
        self.0.remove(self.place(value));
    }

    /// Takes out one and puts in another: only what lies between the two moves.
    pub(super) fn replace(&mut self, old: f64, new: f64) {
        let (from, to) = self.places(old, new);
        if from < to {
            self.0.copy_within(from + 1..to, from);
            self.0[to - 1] = new;
        } else {
            self.0.copy_within(to..from, to + 1);
            self.0[to] = new;
        }
    }

    fn place(&self, value: f64) -> usize {
        if self.0.len() > COUNTED {
            return self.0.partition_point(|v| *v < value);
        }
        self.0.iter().map(|v| usize::from(*v < value)).sum()
    }

    /// [`Self::place`] of two, in one pass.
    fn places(&self, one: f64, two: f64) -> (usize, usize) {
        if self.0.len() > COUNTED {
            return (self.place(one), self.place(two));
        }
        let count = |(a, b), v: &f64| (a + u64::from(*v < one), b + u64::from(*v < two));
        let (one, two) = self.0.iter().fold((0, 0), count);
        (one as usize, two as usize)
    }

    pub(super) fn median(&self) -> Option<f64> {
        let n = self.0.len();
        let upper = *self.0.get(n / 2)?;
        Some(if n % 2 == 1 { upper } else { 0.5 * (self.0[n / 2 - 1] + upper) })
    }
}

/// Distance of each value from the median of those within `half` days on either side; `days` ascend, values are finite.
pub(super) fn from_middle_around(days: &[f64], values: &[f64], half: f64) -> Vec<f64> {
    let n = values.len().min(days.len());
    let (mut from, mut to) = (0, 0);
    let mut window = SortedWindow::default();
    let mut off = |i: usize| {
        loop {
            let enters = to < n && days[to] - days[i] <= half;
            let leaves = days[i] - days[from] > half;
            match (enters, leaves) {
                (true, true) => window.replace(values[from], values[to]),
                (true, false) => window.insert(values[to]),
                (false, true) => window.remove(values[from]),
                (false, false) => break,
            }
            (from, to) = (from + usize::from(leaves), to + usize::from(enters));
        }
        values[i] - window.median().unwrap_or(values[i])
    };
    (0..n).map(&mut off).collect()
}

/// Middle and spread of some values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Middle {
    pub(super) median: f64,
    /// Half the distance between the quartiles (definition 1 of Hyndman & Fan 1996), scaled to the standard deviation of
    /// normal data.
    pub(super) sd: f64,
}

/// Middle of the `width` values before each place, of as many as there are; NaN where there are none. One more than
/// there are values: the last is that before the end. O(n · width) moves of memory, far cheaper than selecting anew.
pub(super) fn middles_before(values: &[f64], width: usize) -> Vec<Middle> {
    let mut window = SortedWindow::default();
    let mut middles = vec![Middle { median: f64::NAN, sd: f64::NAN }];
    for (i, value) in values.iter().enumerate() {
        match i.checked_sub(width) {
            Some(oldest) => window.replace(values[oldest], *value),
            None => window.insert(*value),
        }
        let (n, sorted) = (window.0.len(), &window.0);
        let sd = 0.5 * MAD_TO_SD * (sorted[n - 1 - n / 4] - sorted[n / 4]);
        middles.push(Middle { median: window.median().unwrap_or(f64::NAN), sd });
    }
    middles
}

/// Middle of the `width` values from each place on, of as many as there are, from those before each place; NaN at the end.
pub(super) fn middles_from(values: &[f64], before: &[Middle], width: usize) -> Vec<Middle> {
    let n = values.len();
    let whole = (n + 1).saturating_sub(width);
    let mut middles: Vec<Middle> = before.iter().skip(width).copied().collect();
    middles.truncate(whole);
    let last: Vec<f64> = values[middles.len()..].iter().rev().copied().collect();
    middles.extend(middles_before(&last, width).into_iter().rev().take(n + 1 - middles.len()));
    middles
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::median;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn medians_are_those_of_each_window(values in prop::collection::vec(-9.0..9.0_f64, 1..80), width in 1..12_usize) {
            let middles = middles_before(&values, width);
            prop_assert_eq!(middles.len(), values.len() + 1);
            for (to, found) in middles.iter().enumerate().skip(1) {
                prop_assert_eq!(Some(found.median), median(&values[to.saturating_sub(width)..to]));
            }
            let from = middles_from(&values, &middles, width);
            prop_assert_eq!(from.len(), values.len() + 1);
            for (at, found) in from.iter().enumerate().take(values.len()) {
                prop_assert_eq!(Some(found.median), median(&values[at..(at + width).min(values.len())]));
            }
        }
    }
}
