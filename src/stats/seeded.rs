//! Places worth a closer look: the clearest step of each of a fixed set of intervals.

use super::step_scan::{Creep, Elsewhere, StepScan};

/// Each layer of intervals is half as long as the one before.
const DECAY: f64 = 0.5;

/// Shortest interval that is searched, in points.
const SHORTEST: usize = 12;

/// Intervals that cover `n` points at all scales, longest first: all of it, then layers of half the length that overlap
/// by half.
///
/// Seeded binary segmentation: Kovács, Li, Bühlmann & Munk 2023, Biometrika 110, 249. O(n) intervals of O(n log n)
/// points in all.
pub(super) fn seeded_intervals(n: usize, margin: usize) -> Vec<(usize, usize)> {
    let mut intervals = vec![(0, n)];
    let mut length = n as f64 * DECAY;
    while length.ceil() as usize >= SHORTEST.max(2 * margin) {
        let points = length.ceil() as usize;
        let count = 2 * (n as f64 / length).ceil() as usize - 1;
        let shift = (n - points) as f64 / (count - 1).max(1) as f64;
        intervals.extend((0..count).map(|i| {
            let from = (i as f64 * shift) as usize;
            (from, (from + points).min(n))
        }));
        length *= DECAY;
    }
    intervals
}

/// Places where the evidence for a step is at least `threshold`, ascending: the clearest first, and no second one from
/// an interval that holds one already (greedy selection, Kovács et al., section 2). O(n log n).
pub(super) fn propose(scan: &StepScan, noise: f64, creep: Creep, threshold: f64, margin: usize) -> Vec<usize> {
    let n = scan.len();
    let mut candidates: Vec<(f64, usize, usize, usize)> = Vec::new();
    let most = (threshold * noise).powi(2);
    for (from, to) in seeded_intervals(n, margin) {
        // A step cannot explain more than there is to explain, and in most short intervals that is not enough.
        if scan.squared_error(from, to) < most {
            continue;
        }
        // Creep over a short stretch is no rival to a step; over the whole series it is.
        let ramps = [creep.precision, creep.fast_precision].into_iter().filter(|_| to - from == n);
        let beside = ramps.filter_map(|precision| scan.clearest_beside_slope(from, to, margin, precision));
        let places = scan.clearest_plain(from, to, margin).into_iter().chain(beside);
        let places = places.filter(|place| !scan.is_weaker((from, *place, to), noise, creep, threshold));
        let evidence =
            |place: usize| (scan.evidence((from, place, to), noise, creep, Elsewhere::default()).abs(), place);
        let Some((best, place)) = places.map(evidence).max_by(|a, b| a.0.total_cmp(&b.0)) else { continue };
        if best >= threshold {
            candidates.push((best, from, place, to));
        }
    }
    candidates.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut chosen: Vec<usize> = Vec::new();
    for (_, from, place, to) in candidates {
        if chosen.iter().all(|c| *c <= from || *c >= to) {
            chosen.push(place);
        }
    }
    chosen.sort_unstable();
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_cover_all_scales_in_n_log_n() {
        for n in [12, 100, 365, 5_000] {
            let all = seeded_intervals(n, 3);
            assert!(all.iter().all(|(from, to)| from < to && *to <= n));
            let points: usize = all.iter().map(|(from, to)| to - from).sum();
            assert!(points as f64 <= 3.0 * n as f64 * (n as f64).log2(), "{n}: {points}");
            // Each pair of neighbours lies well within some interval of each layer.
            assert!((12..n - 12).all(|i| all.iter().any(|(a, b)| b - a < 50 && a + 3 <= i && i + 3 <= *b) || n < 50));
        }
    }

    #[test]
    fn proposals_are_few_and_hold_the_steps() {
        let y: Vec<f64> =
            (0..400).map(|i| [0.0, 5.0, 1.0, 9.0][i / 100] + ((i * 7919 % 101) as f64 - 50.0) * 0.01).collect();
        let times: Vec<f64> = (0..400).map(|i| i as f64).collect();
        let creep = Creep::new((365.0 / 2.5_f64).powi(2), 0.75, 0.1);
        assert_eq!(propose(&StepScan::new(&y, &times), 0.3, creep, 3.5, 5), [100, 200, 300]);
    }
}
