//! Changes of level in values whose precision differs from point to point and is known: the overhead of a loud minute
//! is removed less exactly than that of a quiet one.

use super::distributions::{normal_two_sided, scan_p_value, t_reach, z_from_t};
use super::{Estimate, MAD_TO_SD, mad, median, weighted_median};

/// Residuals beyond this many standard deviations are pulled in (Huber 1964; 95 % efficient at the normal).
const HUBER: f64 = 1.5;
/// Values farther than this from the middle, in their own standard deviations, are pulled in before a scan.
const SCAN_CLIP: f64 = 4.0;
/// Smallest factor by which stated uncertainties may be too large.
const MIN_DISPERSION: f64 = 0.85;
/// Smallest own spread of a series: this share of its level.
const MIN_RELATIVE_SPREAD: f64 = 0.1;
/// Points of a regime, and of one in a series of fewer than 20 points.
const MIN_SEGMENT: usize = 5;
const MIN_SEGMENT_SHORT: usize = 3;
/// Twice the log-likelihood ratio below which a place belongs to the 95 % confidence set of a change:
/// (1 - exp(-x / 2))^2 = 0.95 (Siegmund, Annals of Statistics 16, 1988).
const PLACE_CUT: f64 = 7.35;
/// A series is cut at most this many times in sequence.
const MAX_DEPTH: u32 = 3;
/// Places of a series up to which each is looked at robustly, and how many are in a longer one.
const ALL_PLACES: usize = 128;
const PROMISING: usize = 48;
/// Fewest points that are searched.
const MIN_POINTS: usize = 12;

/// Values in the order of time with what is known of their precision.
#[derive(Clone, Copy, Debug)]
pub struct Uneven<'a> {
    /// Values.
    pub value: &'a [f64],
    /// Standard deviation of what is not the series' own (0 where everything is its own), in the unit of the values.
    pub sd: &'a [f64],
}

/// A change of level.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// First point of the new level.
    pub index: usize,
    /// Earliest and latest place at 95 %.
    pub index_low: usize,
    /// Latest place at 95 %.
    pub index_high: usize,
    /// Difference of the levels over its standard error; the largest over all places.
    pub score: f64,
    /// Points that were searched.
    pub searched: usize,
}

/// A level with its standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Level {
    value: f64,
    variance: f64,
    n: usize,
}

impl Split {
    /// Two-sided p-value, corrected for having searched all places.
    #[must_use]
    pub fn p_value(&self) -> f64 {
        scan_p_value(z_from_t(self.score, df(self.searched)), self.searched, least(self.searched))
    }
}

impl<'a> Uneven<'a> {
    /// The points `from..to`.
    #[must_use]
    pub fn slice(self, from: usize, to: usize) -> Self {
        Self { value: &self.value[from..to], sd: &self.sd[from..to] }
    }

    fn len(self) -> usize {
        self.value.len().min(self.sd.len())
    }
}

/// All changes whose score reaches `threshold`, in order: the strongest first cuts the series, then each side is searched
/// (binary segmentation: Scott & Knott 1974; robust levels). Cost: O(n log n) a level of cuts; in a series of more than 128
/// places the 48 most promising ones are looked at robustly.
#[must_use]
pub fn splits(series: Uneven<'_>, threshold: f64) -> Vec<Split> {
    let mut found = Vec::new();
    search(series, 0, threshold, MAX_DEPTH, &mut found);
    found.sort_by_key(|split: &Split| split.index);
    bound(series, &mut found);
    found
}

fn search(series: Uneven<'_>, offset: usize, threshold: f64, depth: u32, found: &mut Vec<Split>) {
    let n = series.len();
    if n < MIN_POINTS {
        return;
    }
    let Some((score, place)) = best_split(series).filter(|(score, _)| *score >= threshold) else { return };
    let index = offset + place;
    found.push(Split { index, index_low: index, index_high: index, score, searched: n });
    if depth > 0 {
        search(series.slice(0, place), offset, threshold, depth - 1, found);
        search(series.slice(place, n), index, threshold, depth - 1, found);
    }
}

/// The place where two levels differ most, and by how many standard errors. Twice: the series' own spread is first taken
/// about the common middle, then about the two levels found.
#[must_use]
pub fn best_split(series: Uneven<'_>) -> Option<(f64, usize)> {
    let middle = median(series.value)?;
    let first = scan(series, &vec![middle; series.len()])?;
    let (left, right) = series.value.split_at(first.1);
    let (left, right) = (median(left)?, median(right)?);
    let levels: Vec<f64> = (0..series.len()).map(|i| if i < first.1 { left } else { right }).collect();
    let second = scan(series, &levels)?;
    Some(if second.0 > first.0 { second } else { first })
}

fn scan(series: Uneven<'_>, level: &[f64]) -> Option<(f64, usize)> {
    let n = series.len();
    let least = least(n);
    if n < 2 * least + 2 {
        return None;
    }
    let weight = weights(series, own_spread(series, level));
    let centre = location(series.value, &weight)?.value;
    let clipped: Vec<f64> = (0..n)
        .map(|i| centre + (series.value[i] - centre).clamp(-SCAN_CLIP / weight[i].sqrt(), SCAN_CLIP / weight[i].sqrt()))
        .collect();
    let score = |k: usize| {
        let (a, b) = (location(&clipped[..k], &weight[..k])?, location(&clipped[k..], &weight[k..])?);
        let residual = |i: usize, level: f64| (series.value[i] - level) * weight[i].sqrt();
        let residuals: Vec<f64> =
            (0..k).map(|i| residual(i, a.value)).chain((k..n).map(|i| residual(i, b.value))).collect();
        let dispersion = mad(&residuals)?.max(MIN_DISPERSION).powi(2);
        let variance = a.variance(dispersion) + b.variance(dispersion);
        Some(((a.value - b.value).abs() / variance.sqrt(), k))
    };
    let places = promising(&clipped, &weight, least);
    places.into_iter().filter_map(score).max_by(|a, b| a.0.total_cmp(&b.0))
}

/// Places worth a robust look: all of a short series, else those where the plain weighted means of the clipped values are
/// farthest apart. O(n log n).
fn promising(clipped: &[f64], weight: &[f64], least: usize) -> Vec<usize> {
    let n = clipped.len();
    let mut places: Vec<usize> = (least..=n - least).collect();
    if places.len() <= ALL_PLACES {
        return places;
    }
    let (total, sum) = clipped.iter().zip(weight).fold((0.0, 0.0), |(w, s), (v, u)| (w + u, s + u * v));
    let (mut w, mut s) = (0.0, 0.0);
    let apart: Vec<f64> = (0..n)
        .map(|k| {
            let gap = if w > 0.0 { s / w - (sum - s) / (total - w) } else { 0.0 };
            let score = gap.abs() * (w * (total - w) / total).sqrt();
            w += weight[k];
            s += weight[k] * clipped[k];
            score
        })
        .collect();
    places.sort_by(|a, b| apart[*b].total_cmp(&apart[*a]));
    places.truncate(PROMISING);
    places.sort_unstable();
    places
}

/// Narrows where each change lies, between its neighbours.
fn bound(series: Uneven<'_>, found: &mut [Split]) {
    let places: Vec<usize> = found.iter().map(|split| split.index).collect();
    for (i, split) in found.iter_mut().enumerate() {
        let from = if i == 0 { 0 } else { places[i - 1] };
        let to = places.get(i + 1).copied().unwrap_or(series.len());
        if let Some((low, best, high)) = place_interval(series.slice(from, to), split.index - from) {
            (split.index_low, split.index_high) = (from + low, from + high);
            split.index = from + best;
        }
    }
}

/// Earliest, likeliest and latest first point of the new level.
fn place_interval(series: Uneven<'_>, place: usize) -> Option<(usize, usize, usize)> {
    let n = series.len();
    let (left, right) = series.value.split_at(place);
    let (left, right) = (median(left)?, median(right)?);
    let levels: Vec<f64> = (0..n).map(|i| if i < place { left } else { right }).collect();
    let weight = weights(series, own_spread(series, &levels));
    let (a, b) =
        (location(&series.value[..place], &weight[..place])?, location(&series.value[place..], &weight[place..])?);
    let loss = |i: usize, level: f64| huber_loss((series.value[i] - level) * weight[i].sqrt());
    // cost[k]: twice the negative log-likelihood with the change before point k.
    let mut cost = vec![(0..n).map(|i| loss(i, b.value)).sum::<f64>()];
    for k in 0..n {
        cost.push(cost[k] + loss(k, a.value) - loss(k, b.value));
    }
    let inside = 1..n;
    let best = inside.clone().min_by(|x, y| cost[*x].total_cmp(&cost[*y]))?;
    let residuals: Vec<f64> =
        (0..n).map(|i| (series.value[i] - if i < best { a.value } else { b.value }) * weight[i].sqrt()).collect();
    let dispersion = mad(&residuals)?.max(1.0).powi(2);
    let likely = |k: &usize| cost[*k] - cost[best] <= PLACE_CUT * dispersion;
    Some((inside.clone().find(likely)?, best, inside.rev().find(likely)?))
}

/// Twice Huber's loss: the square near zero, linear beyond.
fn huber_loss(u: f64) -> f64 {
    if u.abs() <= HUBER { u * u } else { 2.0 * HUBER * u.abs() - HUBER * HUBER }
}

/// Level of a stretch, with its interval.
#[must_use]
pub fn uneven_level(series: Uneven<'_>, level: f64) -> Option<Estimate> {
    let at = level_of(series)?;
    let half = t_reach(level, df(at.n))? * at.variance.sqrt();
    Some(Estimate {
        point: at.value,
        lower: at.value - half,
        upper: at.value + half,
        level,
        n: at.n,
        method: "Huber location, sandwich variance".into(),
    })
}

/// Ratio of the levels of two stretches, with its interval by the delta method on the log scale. `None` where a level is not
/// clearly above zero: a ratio says nothing there.
#[must_use]
pub fn uneven_ratio(before: Uneven<'_>, after: Uneven<'_>, level: f64) -> Option<Estimate> {
    let (a, b) = (level_of(before)?, level_of(after)?);
    if a.value <= 0.0 || b.value <= 0.0 {
        return None;
    }
    let ratio = b.value / a.value;
    let se = (a.variance / a.value.powi(2) + b.variance / b.value.powi(2)).sqrt();
    let half = t_reach(level, df(a.n + b.n))? * se;
    Some(Estimate {
        point: ratio,
        lower: ratio * (-half).exp(),
        upper: ratio * half.exp(),
        level,
        n: a.n + b.n,
        method: "ratio of Huber locations, sandwich variances, delta method on logs".into(),
    })
}

/// Difference of the levels of two stretches, with its interval; in the unit of the values.
#[must_use]
pub fn uneven_difference(before: Uneven<'_>, after: Uneven<'_>, level: f64) -> Option<Estimate> {
    let (a, b) = (level_of(before)?, level_of(after)?);
    let half = t_reach(level, df(a.n + b.n))? * (a.variance + b.variance).sqrt();
    let point = b.value - a.value;
    Some(Estimate {
        point,
        lower: point - half,
        upper: point + half,
        level,
        n: a.n + b.n,
        method: "difference of Huber locations, sandwich variances".into(),
    })
}

fn least(n: usize) -> usize {
    if n >= 20 { MIN_SEGMENT } else { MIN_SEGMENT_SHORT }
}

fn df(n: usize) -> f64 {
    (n as f64 - 2.0).max(1.0)
}

fn level_of(series: Uneven<'_>) -> Option<Level> {
    let middle = median(series.value)?;
    let weight = weights(series, own_spread(series, &vec![middle; series.len()]));
    let fit = location(series.value, &weight)?;
    let dispersion = if series.len() >= 8 {
        let residuals: Vec<f64> = (0..series.len()).map(|i| (series.value[i] - fit.value) * weight[i].sqrt()).collect();
        mad(&residuals)?.max(MIN_DISPERSION)
    } else {
        1.0
    };
    Some(Level { value: fit.value, variance: fit.variance(dispersion * dispersion), n: series.len() })
}

/// Standard deviation of the series' own noise: what its spread about `level` leaves over the stated uncertainty; in the
/// unit of the values.
#[must_use]
pub fn own_spread(series: Uneven<'_>, level: &[f64]) -> f64 {
    let residuals: Vec<f64> = series.value.iter().zip(level).map(|(v, l)| v - l).collect();
    let all = mad(&residuals).unwrap_or(0.0).powi(2);
    let stated = median(series.sd).unwrap_or(0.0).powi(2);
    let floor = MIN_RELATIVE_SPREAD * median(series.value).unwrap_or(0.0).abs();
    let tiny = MAD_TO_SD * 0.02;
    (all - stated).max(0.0).sqrt().max(floor).max(if floor > 0.0 { 0.0 } else { tiny }).max(f64::MIN_POSITIVE)
}

fn weights(series: Uneven<'_>, own: f64) -> Vec<f64> {
    series.sd.iter().map(|sd| 1.0 / (sd * sd + own * own)).collect()
}

struct Fit {
    value: f64,
    /// Variance if the stated precisions are true.
    model: f64,
    /// Variance by the spread seen.
    seen: f64,
}

impl Fit {
    fn variance(&self, dispersion: f64) -> f64 {
        (self.model * dispersion).max(self.seen)
    }
}

/// Huber's location with known precisions, by reweighting, and both its variances.
fn location(value: &[f64], weight: &[f64]) -> Option<Fit> {
    let mut at = weighted_median(value, weight)?;
    let pull = |v: f64, w: f64, at: f64| (HUBER / ((v - at).abs() * w.sqrt()).max(1e-12)).min(1.0);
    for _ in 0..15 {
        let (mut sum, mut total) = (0.0, 0.0);
        for (v, w) in value.iter().zip(weight) {
            let h = w * pull(*v, *w, at);
            sum += h * v;
            total += h;
        }
        let next = sum / total;
        let done = (next - at).abs() <= 1e-10 * at.abs().max(1e-3);
        at = next;
        if done {
            break;
        }
    }
    let (mut total, mut seen) = (0.0, 0.0);
    for (v, w) in value.iter().zip(weight) {
        let h = w * pull(*v, *w, at);
        total += h;
        seen += (h * (v - at)).powi(2);
    }
    let n = value.len() as f64;
    let fit = Fit { value: at, model: 1.0 / total, seen: seen / (total * total) * n / (n - 2.0).max(1.0) };
    fit.value.is_finite().then_some(fit)
}

/// Does a straight line over time describe the series better than steps at `places` do? Compares robust losses with the
/// Bayesian information criterion (Schwarz 1978): a line has two parameters, k steps have 2 k + 1.
#[must_use]
pub fn line_beats_steps(time: &[f64], series: Uneven<'_>, places: &[usize]) -> bool {
    let n = series.len();
    if time.len() != n || n < MIN_POINTS {
        return false;
    }
    let mut level = vec![0.0; n];
    let edges: Vec<usize> = std::iter::once(0).chain(places.iter().copied()).chain([n]).collect();
    for edge in edges.windows(2) {
        let Some(middle) = median(&series.value[edge[0]..edge[1]]) else { return false };
        level[edge[0]..edge[1]].fill(middle);
    }
    let weight = weights(series, own_spread(series, &level));
    let Some(line) = fit_line(time, series.value, &weight) else { return false };
    let loss = |fit: &dyn Fn(usize) -> f64| -> f64 {
        (0..n).map(|i| huber_loss((series.value[i] - fit(i)) * weight[i].sqrt())).sum()
    };
    let residuals: Vec<f64> = (0..n).map(|i| (series.value[i] - level[i]) * weight[i].sqrt()).collect();
    let dispersion = mad(&residuals).unwrap_or(1.0).max(MIN_DISPERSION).powi(2);
    let price = (n as f64).ln();
    let steps = loss(&|i| level[i]) / dispersion + (2 * places.len() + 1) as f64 * price;
    let straight = loss(&|i| line.0 + line.1 * time[i]) / dispersion + 2.0 * price;
    straight < steps
}

/// Slope of a straight line through values of known precision, with its interval; in the unit of the values per unit of
/// `time`. Huber's regression, sandwich variance (Huber 1967).
#[must_use]
pub fn uneven_slope(time: &[f64], series: Uneven<'_>, level: f64) -> Option<Estimate> {
    let (slope, se, df) = slope_of(time, series)?;
    let half = t_reach(level, df)? * se;
    Some(Estimate {
        point: slope,
        lower: slope - half,
        upper: slope + half,
        level,
        n: series.len(),
        method: "Huber regression, sandwich variance".into(),
    })
}

/// Two-sided p-value of no slope, from the statistic of [`uneven_slope`].
#[must_use]
pub fn uneven_slope_p_value(time: &[f64], series: Uneven<'_>) -> Option<f64> {
    let (slope, se, df) = slope_of(time, series)?;
    Some(normal_two_sided(z_from_t(slope.abs() / se, df)))
}

/// Slope, standard error, degrees of freedom.
fn slope_of(time: &[f64], series: Uneven<'_>) -> Option<(f64, f64, f64)> {
    let n = series.len();
    if time.len() != n || n < MIN_POINTS {
        return None;
    }
    let rough = fit_line(time, series.value, &weights(series, own_spread(series, &vec![median(series.value)?; n])))?;
    let level: Vec<f64> = time.iter().map(|t| rough.0 + rough.1 * t).collect();
    let weight = weights(series, own_spread(series, &level));
    let line = fit_line(time, series.value, &weight)?;
    let residual = |i: usize| series.value[i] - line.0 - line.1 * time[i];
    let pulled = |i: usize| weight[i] * (HUBER / (residual(i).abs() * weight[i].sqrt()).max(1e-12)).min(1.0);
    let total: f64 = (0..n).map(pulled).sum();
    let centre = (0..n).map(|i| pulled(i) * time[i]).sum::<f64>() / total;
    let spread: f64 = (0..n).map(|i| pulled(i) * (time[i] - centre).powi(2)).sum();
    let seen: f64 = (0..n).map(|i| (pulled(i) * (time[i] - centre) * residual(i)).powi(2)).sum();
    let df = (n as f64 - 2.0).max(1.0);
    let variance = (seen / spread.powi(2) * n as f64 / df).max(MIN_DISPERSION.powi(2) / spread);
    (variance.is_finite() && variance > 0.0).then(|| (line.1, variance.sqrt(), df))
}

/// Intercept and slope by Huber's weights.
fn fit_line(time: &[f64], value: &[f64], weight: &[f64]) -> Option<(f64, f64)> {
    let mut line = (weighted_median(value, weight)?, 0.0);
    for _ in 0..20 {
        let (mut s, mut st, mut sv, mut stt, mut stv) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for ((t, v), w) in time.iter().zip(value).zip(weight) {
            let u = ((v - line.0 - line.1 * t).abs() * w.sqrt()).max(1e-12);
            let h = w * (HUBER / u).min(1.0);
            s += h;
            st += h * t;
            sv += h * v;
            stt += h * t * t;
            stv += h * t * v;
        }
        let determinant = s * stt - st * st;
        if determinant.abs() < 1e-12 * (s * stt).abs().max(f64::MIN_POSITIVE) {
            return None;
        }
        let slope = (s * stv - st * sv) / determinant;
        line = ((sv - slope * st) / s, slope);
    }
    line.1.is_finite().then_some(line)
}

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
    for from in MIN_SURROUNDINGS..n.saturating_sub(MIN_SURROUNDINGS) {
        for to in from + MIN_EXCURSION..=(from + longest).min(n - MIN_SURROUNDINGS) {
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
    (distance(a, b) < AGREE && apart < AGREE_SHARE * size).then_some(score)
}

/// Level of a short stretch: its variance is at least what the spread of its surroundings makes of so few points.
fn short_level(inside: Uneven<'_>, before: Uneven<'_>, after: Uneven<'_>) -> Option<Level> {
    let at = level_of(inside)?;
    let spread = |side: Uneven<'_>| Some(own_spread(side, &vec![median(side.value)?; side.len()]));
    let own = spread(before)?.max(spread(after)?);
    let total: f64 = weights(inside, own).iter().sum();
    Some(Level { variance: at.variance.max(1.0 / total), ..at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Values between -1 and 1 without pattern, the same every time.
    fn noise(n: usize, seed: u64) -> Vec<f64> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        (0..n)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
            })
            .collect()
    }

    #[test]
    fn a_clear_step_is_found_in_its_place() {
        let value: Vec<f64> =
            noise(80, 3).iter().enumerate().map(|(i, e)| 10.0 + e + if i < 50 { 0.0 } else { 4.0 }).collect();
        let found = splits(Uneven { value: &value, sd: &vec![0.0; 80] }, 4.5);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].index_low <= 50 && 50 <= found[0].index_high, "{found:?}");
        let series = Uneven { value: &value, sd: &[0.0; 80] };
        let ratio = uneven_ratio(series.slice(0, 50), series.slice(50, 80), 0.95).expect("positive");
        assert!(ratio.contains(1.4), "{ratio:?}");
    }

    #[test]
    fn noise_has_no_steps_and_no_excursions() {
        let mut alarms = 0;
        for seed in 1..=200 {
            let value: Vec<f64> = noise(80, seed).iter().map(|e| 10.0 + e).collect();
            let series = Uneven { value: &value, sd: &[0.0; 80] };
            alarms += usize::from(!splits(series, 4.5).is_empty() || excursion(series, 5.0).is_some());
        }
        assert!(alarms <= 2, "{alarms} of 200");
    }

    #[test]
    fn the_interval_of_the_place_holds_it() {
        let (mut inside, mut found) = (0, 0);
        for seed in 1..=200 {
            let value: Vec<f64> =
                noise(80, seed).iter().enumerate().map(|(i, e)| 10.0 + e + if i < 40 { 0.0 } else { 1.2 }).collect();
            for split in splits(Uneven { value: &value, sd: &[0.0; 80] }, 4.5).iter().take(1) {
                found += 1;
                inside += usize::from(split.index_low <= 40 && 40 <= split.index_high);
            }
        }
        assert!(found > 150 && inside as f64 >= 0.93 * found as f64, "{inside} of {found}");
    }

    #[test]
    fn what_came_and_went_is_an_excursion_and_no_step() {
        let value: Vec<f64> = noise(70, 5)
            .iter()
            .enumerate()
            .map(|(i, e)| 10.0 + e + if (30..34).contains(&i) { 6.0 } else { 0.0 })
            .collect();
        let series = Uneven { value: &value, sd: &[0.0; 70] };
        let found = excursion(series, 5.0).expect("found");
        assert_eq!((found.from, found.to), (30, 34));
        assert!(splits(series, 4.5).is_empty());
    }

    proptest! {
        #[test]
        fn nothing_panics(value in prop::collection::vec(-1e12_f64..1e12, 0..40), sd in 0.0_f64..1e6) {
            let sd = vec![sd; value.len()];
            let series = Uneven { value: &value, sd: &sd };
            let _ = (splits(series, 4.5), excursion(series, 5.0), uneven_level(series, 0.95));
        }

        #[test]
        fn shifting_and_scaling_moves_nothing(factor in 0.1_f64..10.0) {
            let value: Vec<f64> = noise(60, 9).iter().enumerate().map(|(i, e)| 10.0 + e + if i < 30 { 0.0 } else { 4.0 }).collect();
            let scaled: Vec<f64> = value.iter().map(|v| v * factor).collect();
            let places = |value: &[f64]| splits(Uneven { value, sd: &[0.0; 60] }, 4.5).iter().map(|s| s.index).collect::<Vec<_>>();
            prop_assert_eq!(places(&value), places(&scaled));
        }
    }
}
