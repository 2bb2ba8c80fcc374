//! Exact segmentation into stretches of constant level.

use super::cost::Cost;

/// Change points that minimise the squared error within segments plus `penalty` per change: PELT.
///
/// Killick, Fearnhead & Eckley 2012, JASA 107, 1590, with the pruning delayed by `min_segment` so that the minimum
/// stays exact. `penalty` has the squared unit of the values (times weight); `weights` are inverse variances. The
/// result holds the first index of each new regime, ascending, without 0. O(n) with many changes, O(n²) without any;
/// memory O(n). Empty when the input is shorter than two segments, the weights do not fit, or something is not finite.
#[must_use]
pub fn pelt(values: &[f64], weights: Option<&[f64]>, penalty: f64, min_segment: usize) -> Vec<usize> {
    let Some(cost) = Cost::new(values, weights) else {
        return Vec::new();
    };
    let n = values.len();
    let min_segment = min_segment.max(1);
    if n < 2 * min_segment || penalty.is_nan() {
        return Vec::new();
    }
    let mut best = vec![f64::INFINITY; n + 1];
    let mut last = vec![0_usize; n + 1];
    best[0] = -penalty;
    // Open starts, one array a field so that the loop over them runs in vector registers: place, the end
    // from which on it cannot be best any more, its sums, its optimum less its squares (a constant of the comparison),
    // total.
    let mut open = Open::default();
    let mut next_start = 0;
    for end in 1..=n {
        while next_start + min_segment <= end {
            if best[next_start].is_finite() {
                open.push(next_start, cost.at(next_start), best[next_start]);
            }
            next_start += 1;
        }
        let Some((least, start)) = open.best(cost.at(end), end) else { continue };
        best[end] = least + penalty;
        last[end] = start;
        // Splitting at `end` is at least as good as going on, for every later end that leaves it a full segment.
        open.close_above(best[end], end + min_segment);
    }
    let mut changes = Vec::new();
    let mut t = n;
    if !best[t].is_finite() {
        return changes;
    }
    while t > 0 {
        t = last[t];
        if t > 0 {
            changes.push(t);
        }
    }
    changes.reverse();
    changes
}

/// Starts of the last segment that may still become best.
#[derive(Default)]
struct Open {
    place: Vec<usize>,
    dead_from: Vec<usize>,
    weight: Vec<f64>,
    first: Vec<f64>,
    rest: Vec<f64>,
    total: Vec<f64>,
}

impl Open {
    fn push(&mut self, place: usize, (weight, first, second): (f64, f64, f64), best: f64) {
        self.place.push(place);
        self.dead_from.push(usize::MAX);
        self.weight.push(weight);
        self.first.push(first);
        self.rest.push(best - second);
        self.total.push(0.0);
    }

    /// Least optimum plus squared error up to `end`, and the place where that last segment starts.
    fn best(&mut self, (weight, first, second): (f64, f64, f64), end: usize) -> Option<(f64, usize)> {
        if self.dead_from.iter().any(|&d| d <= end) {
            self.drop_dead(end);
        }
        let starts = self.weight.iter().zip(&self.first).zip(&self.rest);
        for (total, ((w, f), rest)) in self.total.iter_mut().zip(starts) {
            let sum = first - f;
            *total = rest + second - sum * sum / (weight - w);
        }
        let mut best = None;
        let mut least = f64::INFINITY;
        for (total, &place) in self.total.iter().zip(&self.place) {
            if *total < least {
                (least, best) = (*total, Some(place));
            }
        }
        best.map(|place| (least, place))
    }

    /// Marks starts whose total reached `bound` as dead from `end` on.
    fn close_above(&mut self, bound: f64, end: usize) {
        for (dead_from, total) in self.dead_from.iter_mut().zip(&self.total) {
            if *total >= bound {
                *dead_from = (*dead_from).min(end);
            }
        }
    }

    fn drop_dead(&mut self, end: usize) {
        let mut kept = 0;
        for i in 0..self.place.len() {
            if self.dead_from[i] > end {
                self.place[kept] = self.place[i];
                self.dead_from[kept] = self.dead_from[i];
                for field in [&mut self.weight, &mut self.first, &mut self.rest] {
                    field[kept] = field[i];
                }
                kept += 1;
            }
        }
        self.place.truncate(kept);
        self.dead_from.truncate(kept);
        for field in [&mut self.weight, &mut self.first, &mut self.rest, &mut self.total] {
            field.truncate(kept);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Optimal partitioning without pruning (Jackson et al. 2005, IEEE Signal Processing Letters 12, 105): the oracle.
    fn optimum(values: &[f64], weights: Option<&[f64]>, penalty: f64, min_segment: usize) -> f64 {
        let cost = Cost::new(values, weights).expect("finite");
        let mut best = vec![f64::INFINITY; values.len() + 1];
        best[0] = -penalty;
        for t in min_segment..=values.len() {
            for s in 0..=t - min_segment {
                best[t] = best[t].min(best[s] + cost.of(s, t) + penalty);
            }
        }
        best[values.len()]
    }

    fn total(values: &[f64], weights: Option<&[f64]>, penalty: f64, changes: &[usize]) -> f64 {
        let cost = Cost::new(values, weights).expect("finite");
        cost.of_segments(changes) + penalty * changes.len() as f64
    }

    #[test]
    fn finds_plain_steps() {
        let y: Vec<f64> = [0.0; 8].into_iter().chain([5.0; 6]).chain([-2.0; 9]).collect();
        assert_eq!(pelt(&y, None, 1.0, 3), [8, 14]);
        assert!(pelt(&[1.0, 9.0, 9.0], None, 0.1, 2).is_empty());
        assert!(pelt(&[1.0, f64::NAN, 9.0, 9.0], None, 0.1, 1).is_empty());
        assert!(pelt(&[], None, 0.1, 0).is_empty());
    }

    proptest! {
        #[test]
        fn as_good_as_the_oracle(
            data in prop::collection::vec((-3i32..4, 0.2..3.0f64), 2..60),
            penalty in 0.0..12.0f64,
            min_segment in 1usize..6,
            weighted: bool,
        ) {
            let mut level = 0.0;
            let mut walk = |step: i32| { level += if step.abs() == 3 { f64::from(step) } else { 0.0 }; level };
            let values: Vec<f64> = data.iter().map(|&(step, w)| walk(step) + w).collect();
            let weights: Vec<f64> = data.iter().map(|d| d.1).collect();
            let weights = weighted.then_some(&weights[..]);
            prop_assume!(values.len() >= 2 * min_segment);
            let changes = pelt(&values, weights, penalty, min_segment);
            let ends: Vec<usize> = [0].into_iter().chain(changes.iter().copied()).chain([values.len()]).collect();
            prop_assert!(ends.windows(2).all(|w| w[1] - w[0] >= min_segment));
            let got = total(&values, weights, penalty, &changes);
            let want = optimum(&values, weights, penalty, min_segment);
            prop_assert!((got - want).abs() < 1e-8 * (1.0 + want.abs()), "{} instead of {}", got, want);
        }

        #[test]
        fn shift_and_scale_leave_the_places(
            values in prop::collection::vec(-5.0..5.0f64, 10..60),
            shift in -1e4..1e4f64,
        ) {
            let moved: Vec<f64> = values.iter().map(|v| 4.0 * v + shift).collect();
            prop_assert_eq!(pelt(&values, None, 9.0, 3), pelt(&moved, None, 9.0 * 16.0, 3));
        }
    }
}
