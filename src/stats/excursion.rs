//! Stretches that stand out and are over: what came and went, in values whose precision differs from point to point.

use super::distributions::normal_two_sided;
use super::split::{Level, level_of, weights};
use super::{Uneven, median, own_spread};

/// A stretch whose level differs while the levels before and after it agree.
#[derive(Clone, Debug, PartialEq)]
pub struct Excursion {
    /// First point.
    pub from: usize,
    /// First point after.
    pub to: usize,
    /// The smaller of the distances to the levels before and after, in standard errors.
    pub score: f64,
    /// Stretches that were searched.
    pub searched: usize,
}

impl Excursion {
    /// Two-sided p-value, corrected for having searched all stretches (Bonferroni: they overlap, so it is too large).
    #[must_use]
    pub fn p_value(&self) -> f64 {
        (normal_two_sided(self.score) * self.searched as f64).min(1.0)
    }
}

/// Fewest points of an excursion, and the most as a share of the series.
const MIN_EXCURSION: usize = 3;
const MAX_EXCURSION_SHARE: f64 = 0.25;
/// Points on each side that it is compared with, at most, and at least.
const MAX_SURROUNDINGS: usize = 30;
const MIN_SURROUNDINGS: usize = 5;
/// Levels before and after agree when they differ by less than this many standard errors, and by less than a third of the
/// excursion's size.
const AGREE: f64 = 3.0;
const AGREE_SHARE: f64 = 1.0 / 3.0;
/// Longest excursion that is looked for, in points: the scan is O(n x this).
const MAX_EXCURSION: usize = 40;

/// The clearest excursion whose score reaches `threshold`.
#[must_use]
pub fn excursion(series: Uneven<'_>, threshold: f64) -> Option<Excursion> {
    let n = series.len();
    let longest = ((n as f64 * MAX_EXCURSION_SHARE) as usize).min(MAX_EXCURSION);
    let searched = n * longest.max(1);
    let middles =
        |sides: Vec<Uneven<'_>>| -> Vec<f64> { sides.iter().map(|s| median(s.value).unwrap_or(f64::NAN)).collect() };
    let before = middles((0..n).map(|from| before(series, from)).collect());
    let after = middles((0..=n).map(|to| after(series, to)).collect());
    let mut best: Option<Excursion> = None;
    let starts = MIN_SURROUNDINGS..n.saturating_sub(MIN_SURROUNDINGS);
    let stretches = starts
        .flat_map(|from| (from + MIN_EXCURSION..=(from + longest).min(n - MIN_SURROUNDINGS)).map(move |to| (from, to)));
    for (from, to) in stretches {
        // Cheap look first: everything inside lies beyond the middle of both surroundings.
        let (high, low) = (before[from].max(after[to]), before[from].min(after[to]));
        let inside = &series.value[from..to];
        if !(inside.iter().all(|v| *v > high) || inside.iter().all(|v| *v < low)) {
            continue;
        }
        if let Some(score) = stands_out(series, from, to)
            && score >= best.as_ref().map_or(threshold, |best| best.score)
        {
            best = Some(Excursion { from, to, score, searched });
        }
    }
    best
}

fn before(series: Uneven<'_>, from: usize) -> Uneven<'_> {
    series.slice(from.saturating_sub(MAX_SURROUNDINGS), from)
}

fn after(series: Uneven<'_>, to: usize) -> Uneven<'_> {
    series.slice(to, (to + MAX_SURROUNDINGS).min(series.len()))
}

fn stands_out(series: Uneven<'_>, from: usize, to: usize) -> Option<f64> {
    let (before, after) = (before(series, from), after(series, to));
    let (a, x, b) = (level_of(before)?, short_level(series.slice(from, to), before, after)?, level_of(after)?);
    let distance = |p: Level, q: Level| (p.value - q.value).abs() / (p.variance + q.variance).sqrt();
    let score = distance(a, x).min(distance(b, x));
    let size = (x.value - (a.value + b.value) / 2.0).abs();
    let apart = (a.value - b.value).abs();
    // A level is held, not touched: each point lies on its side of the middle.
    let middle = (x.value + if x.value > a.value { a.value.max(b.value) } else { a.value.min(b.value) }) / 2.0;
    let held = series.value[from..to].iter().all(|v| (*v - middle) * (x.value - a.value) > 0.0);
    (held && distance(a, b) < AGREE && apart < AGREE_SHARE * size).then_some(score)
}

/// Level of a short stretch: its variance is at least what the spread of its surroundings makes of so few points.
fn short_level(inside: Uneven<'_>, before: Uneven<'_>, after: Uneven<'_>) -> Option<Level> {
    let at = level_of(inside)?;
    let spread = |side: Uneven<'_>| Some(own_spread(side, &vec![median(side.value)?; side.len()]));
    let own = spread(before)?.max(spread(after)?);
    let total: f64 = weights(inside, own).iter().sum();
    Some(Level { variance: at.variance.max(1.0 / total), ..at })
}
