//! Stretches that stand out and are over: what came and went, in values whose precision differs from point to point.

use super::distributions::normal_two_sided;
use super::saddle::Shape;
use super::split::{Level, level_of, weights};
use super::window::{Middle, middles_before, middles_from};
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
    /// The same as a normal deviate, with the tail that the series' own noise has.
    pub z: f64,
    /// Stretches that were searched.
    pub searched: usize,
}

impl Excursion {
    /// Two-sided p-value, corrected for having searched all stretches (Bonferroni: they overlap, so it is too large).
    #[must_use]
    pub fn p_value(&self) -> f64 {
        (normal_two_sided(self.z) * self.searched as f64).min(1.0)
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
/// Part of the threshold that the plain mean of a stretch must reach for a robust look.
const FAR: f64 = 0.65;
/// Longest excursion that is looked for, in points.
const MAX_EXCURSION: usize = 40;

/// The clearest excursion whose score reaches `threshold` times `inflation`, by which standard errors are larger as
/// neighbours resemble each other. O(n), and a robust look at each stretch that lies well beyond the medians around it.
#[must_use]
pub fn excursion(series: Uneven<'_>, threshold: f64, inflation: f64) -> Option<Excursion> {
    let n = series.len();
    let threshold = threshold * inflation;
    let longest = ((n as f64 * MAX_EXCURSION_SHARE) as usize).min(MAX_EXCURSION);
    let searched = n * longest.max(1);
    let value = &series.value[..n];
    let before = middles_before(value, MAX_SURROUNDINGS);
    let after = middles_from(value, &before, MAX_SURROUNDINGS);
    let mut best: Option<Excursion> = None;
    // What lies after each place, once it was asked for: many stretches end there.
    let mut following: Vec<Option<Option<Side>>> = vec![None; n];
    let starts = before.iter().enumerate().take(n.saturating_sub(MIN_SURROUNDINGS)).skip(MIN_SURROUNDINGS);
    for (from, past) in starts {
        let (mut low, mut high, mut sum) = (f64::INFINITY, f64::NEG_INFINITY, 0.0);
        let mut preceding = None;
        for to in from + 1..=(from + longest).min(n - MIN_SURROUNDINGS) {
            (low, high, sum) = (low.min(value[to - 1]), high.max(value[to - 1]), sum + value[to - 1]);
            // Everything inside lies on one side of the middle before, and of that after.
            let next = after[to];
            if low <= past.median && high >= past.median {
                break;
            }
            let (least, most) = (past.median.min(next.median), past.median.max(next.median));
            if to - from < MIN_EXCURSION || !(low > most || high < least) {
                continue;
            }
            // A robust look costs as much as all else: not where the plain mean is far from enough.
            let points = (to - from) as f64;
            let is_near = |side: Middle| (sum / points - side.median).abs() * points.sqrt() < FAR * threshold * side.sd;
            if is_near(*past) || is_near(next) {
                continue;
            }
            let Some(before) = *preceding.get_or_insert_with(|| Side::before(series, from)) else { break };
            let Some(after) = *following[to].get_or_insert_with(|| Side::after(series, to)) else { continue };
            if let Some(score) = stands_out(series.slice(from, to), before, after)
                && score >= best.as_ref().map_or(threshold, |best| best.score)
            {
                best = Some(Excursion { from, to, score, z: score / inflation, searched });
            }
        }
    }
    let mut best = best?;
    // Noise about the running middle, but for what stands out.
    let quiet = (MIN_SURROUNDINGS..n).filter(|i| !(best.from..best.to + MAX_SURROUNDINGS).contains(i));
    let noise: Vec<f64> = quiet.map(|i| value[i] - before[i].median).collect();
    let around = (best.from.min(MAX_SURROUNDINGS) + (n - best.to).min(MAX_SURROUNDINGS)) as f64;
    let inside = &value[best.from..best.to];
    let level = 0.5 * (before[best.from].median + after[best.to].median);
    let shift = inside.iter().sum::<f64>() / inside.len() as f64 - level;
    let counts = |points: f64| points / inflation.powi(2);
    best.z = best.z.min(Shape::new(&noise).deviate(shift, counts(around), counts(inside.len() as f64)));
    Some(best)
}

/// The points on one side of a stretch.
#[derive(Clone, Copy)]
struct Side {
    level: Level,
    /// Of the points themselves.
    spread: f64,
}

impl Side {
    fn before(series: Uneven<'_>, from: usize) -> Option<Self> {
        Self::of(series.slice(from.saturating_sub(MAX_SURROUNDINGS), from))
    }

    fn after(series: Uneven<'_>, to: usize) -> Option<Self> {
        Self::of(series.slice(to, (to + MAX_SURROUNDINGS).min(series.len())))
    }

    fn of(points: Uneven<'_>) -> Option<Self> {
        let spread = own_spread(points, &vec![median(points.value)?; points.len()]);
        Some(Self { level: level_of(points)?, spread })
    }
}

fn stands_out(inside: Uneven<'_>, before: Side, after: Side) -> Option<f64> {
    let (a, b) = (before.level, after.level);
    let x = short_level(inside, before.spread.max(after.spread))?;
    let distance = |p: Level, q: Level| (p.value - q.value).abs() / (p.variance + q.variance).sqrt();
    let score = distance(a, x).min(distance(b, x));
    let size = (x.value - (a.value + b.value) / 2.0).abs();
    let apart = (a.value - b.value).abs();
    // A level is held, not touched: each point lies on its side of the middle.
    let middle = (x.value + if x.value > a.value { a.value.max(b.value) } else { a.value.min(b.value) }) / 2.0;
    let held = inside.value.iter().all(|v| (*v - middle) * (x.value - a.value) > 0.0);
    (held && distance(a, b) < AGREE && apart < AGREE_SHARE * size).then_some(score)
}

/// Level of a short stretch: its variance is at least what the spread of its surroundings makes of so few points.
fn short_level(inside: Uneven<'_>, around: f64) -> Option<Level> {
    let at = level_of(inside)?;
    let total: f64 = weights(inside, around).iter().sum();
    Some(Level { variance: at.variance.max(1.0 / total), ..at })
}
