//! Changes of level in values whose precision differs from point to point and is known: the overhead of a loud minute
//! is removed less exactly than that of a quiet one.

use super::distributions::{scan_p_value, t_reach, z_from_t};
use super::{Estimate, mad, median, weighted_median};

/// Residuals beyond this many standard deviations are pulled in (Huber 1964; 95 % efficient at the normal).
pub(super) const HUBER: f64 = 1.5;
/// Values farther than this from the middle, in their own standard deviations, are pulled in before a scan.
const SCAN_CLIP: f64 = 4.0;
/// Smallest factor by which stated uncertainties may be too large.
pub(super) const MIN_DISPERSION: f64 = 0.85;
/// Smallest own spread of a series of plain values, as a share of its level: few points happen to agree, and what was removed
/// from them is not exact.
const MIN_RELATIVE_SPREAD: f64 = 0.1;
/// Smallest own spread of logarithms: one per cent, what rounding and scheduling alone make of equal work.
const MIN_LOG_SPREAD: f64 = 0.01;
/// Smallest own spread at all, against division by zero.
const MIN_SPREAD: f64 = 1e-9;
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
pub(super) const MIN_POINTS: usize = 12;

/// Values in the order of time with what is known of their precision.
#[derive(Clone, Copy, Debug)]
pub struct Uneven<'a> {
    /// Values.
    pub value: &'a [f64],
    /// Standard deviation of what is not the series' own (0 where everything is its own), in the unit of the values.
    pub sd: &'a [f64],
    /// What the values are.
    pub scale: Scale,
}

/// What values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Plain values, whose spread grows with their level.
    Plain,
    /// Logarithms, whose spread is relative already.
    Logs,
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
pub(super) struct Level {
    pub(super) value: f64,
    pub(super) variance: f64,
    pub(super) n: usize,
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
        Self { value: &self.value[from..to], sd: &self.sd[from..to], scale: self.scale }
    }

    pub(super) fn len(self) -> usize {
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
    let root = roots(&weight);
    // Neighbouring places have nearly the same levels.
    let mut guess = (centre, centre);
    let score = |k: usize| {
        let a = location_from(guess.0, &clipped[..k], &weight[..k], &root[..k])?;
        let b = location_from(guess.1, &clipped[k..], &weight[k..], &root[k..])?;
        guess = (a.value, b.value);
        let residual = |i: usize, level: f64| (series.value[i] - level) * root[i];
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
pub(super) fn huber_loss(u: f64) -> f64 {
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

pub(super) fn level_of(series: Uneven<'_>) -> Option<Level> {
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
    let floor = match series.scale {
        Scale::Logs => MIN_LOG_SPREAD,
        Scale::Plain => MIN_RELATIVE_SPREAD * median(series.value).unwrap_or(0.0).abs(),
    };
    (all - stated).max(0.0).sqrt().max(floor).max(MIN_SPREAD)
}

pub(super) fn weights(series: Uneven<'_>, own: f64) -> Vec<f64> {
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

/// A step of the location, in standard deviations of a typical value, below which it has arrived.
const ARRIVED: f64 = 1e-7;

/// Huber's location with known precisions, by reweighting from `start` on (it has one minimum, so a good guess saves time and
/// changes nothing), and both its variances.
fn location_from(start: f64, value: &[f64], weight: &[f64], root: &[f64]) -> Option<Fit> {
    let mut at = start;
    let typical = (value.len() as f64 / weight.iter().sum::<f64>()).sqrt();
    let pull = |v: f64, r: f64, at: f64| (HUBER / ((v - at).abs() * r).max(1e-12)).min(1.0);
    let rows = || value.iter().zip(weight).zip(root);
    for _ in 0..50 {
        let (mut sum, mut total) = (0.0, 0.0);
        for ((v, w), r) in rows() {
            let h = w * pull(*v, *r, at);
            sum += h * (v - at);
            total += h;
        }
        let step = sum / total;
        at += step;
        // NaN and what is infinitely wide end here too.
        if step.abs() > ARRIVED * typical {
            continue;
        }
        break;
    }
    let (mut total, mut seen) = (0.0, 0.0);
    for ((v, w), r) in rows() {
        let h = w * pull(*v, *r, at);
        total += h;
        seen += (h * (v - at)).powi(2);
    }
    let n = value.len() as f64;
    let fit = Fit { value: at, model: 1.0 / total, seen: seen / (total * total) * n / (n - 2.0).max(1.0) };
    fit.value.is_finite().then_some(fit)
}

/// [`location_from`] the weighted median.
fn location(value: &[f64], weight: &[f64]) -> Option<Fit> {
    location_from(weighted_median(value, weight)?, value, weight, &roots(weight))
}

fn roots(weight: &[f64]) -> Vec<f64> {
    weight.iter().map(|w| w.sqrt()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::excursion;
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
        let found = splits(Uneven { value: &value, sd: &vec![0.0; 80], scale: Scale::Plain }, 4.5);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].index_low <= 50 && 50 <= found[0].index_high, "{found:?}");
        let series = Uneven { value: &value, sd: &[0.0; 80], scale: Scale::Plain };
        let ratio = uneven_ratio(series.slice(0, 50), series.slice(50, 80), 0.95).expect("positive");
        assert!(ratio.contains(1.4), "{ratio:?}");
    }

    #[test]
    fn noise_has_no_steps_and_no_excursions() {
        let mut alarms = 0;
        for seed in 1..=200 {
            let value: Vec<f64> = noise(80, seed).iter().map(|e| 10.0 + e).collect();
            let series = Uneven { value: &value, sd: &[0.0; 80], scale: Scale::Plain };
            alarms += usize::from(!splits(series, 4.5).is_empty() || excursion(series, 5.0, 1.0).is_some());
        }
        assert!(alarms <= 2, "{alarms} of 200");
    }

    #[test]
    fn the_interval_of_the_place_holds_it() {
        let (mut inside, mut found) = (0, 0);
        for seed in 1..=200 {
            let value: Vec<f64> =
                noise(80, seed).iter().enumerate().map(|(i, e)| 10.0 + e + if i < 40 { 0.0 } else { 1.2 }).collect();
            for split in splits(Uneven { value: &value, sd: &[0.0; 80], scale: Scale::Plain }, 4.5).iter().take(1) {
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
        let series = Uneven { value: &value, sd: &[0.0; 70], scale: Scale::Plain };
        let found = excursion(series, 5.0, 1.0).expect("found");
        assert_eq!((found.from, found.to), (30, 34));
        assert!(splits(series, 4.5).is_empty());
    }

    proptest! {
        #[test]
        fn nothing_panics(value in prop::collection::vec(-1e12_f64..1e12, 0..40), sd in 0.0_f64..1e6) {
            let sd = vec![sd; value.len()];
            let series = Uneven { value: &value, sd: &sd, scale: Scale::Plain };
            let _ = (splits(series, 4.5), excursion(series, 5.0, 1.0), uneven_level(series, 0.95));
        }

        #[test]
        fn shifting_and_scaling_moves_nothing(factor in 0.1_f64..10.0) {
            let value: Vec<f64> = noise(60, 9).iter().enumerate().map(|(i, e)| 10.0 + e + if i < 30 { 0.0 } else { 4.0 }).collect();
            let scaled: Vec<f64> = value.iter().map(|v| v * factor).collect();
            let places = |value: &[f64]| splits(Uneven { value, sd: &[0.0; 60], scale: Scale::Plain }, 4.5).iter().map(|s| s.index).collect::<Vec<_>>();
            prop_assert_eq!(places(&value), places(&scaled));
        }
    }
}
