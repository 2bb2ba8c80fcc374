//! Changes of a series' level: steps, what came and went, creep.
//!
//! Where no point is known better than another, [`detect_regimes`] finds steps and creep at once. Where a common overhead was
//! removed, and more exactly from some points than from others, levels are weighted and cut one at a time ([`splits`]).

use super::{
    change::{Change, What},
    finding::TELLS,
    series::Series,
    settings::Settings,
};
use crate::stats::{
    Detector, Regimes, Scale, Split, Step, Uneven, ar1_residual, ar1_robust, detect_regimes, difference_sd, excursion,
    line_beats_steps, median, normal_two_sided, quantile, splits, uneven_difference, uneven_slope_p_value,
};
use std::ops::Range;

/// An excursion is shorter than a step's regimes: it must stand out more.
pub(super) const EXCURSION_THRESHOLD: f64 = 5.0;
/// The longest instance of a mapped task must stand out by this much more: its siblings start with it and slow it down, more
/// so on a loud host, and that is not common to all tasks. (In the bundled history the largest score of an unchanged task is
/// such a one, 4.6.)
const MAPPED_FACTOR: f64 = 1.25;

/// Points are alike where nine of ten have an error of what was removed below this share of the series' own noise: their
/// variances then differ by less than a tenth.
const ALIKE: f64 = 0.3;

/// What was found.
pub(super) struct LevelChanges {
    pub(super) changes: Vec<Change>,
    /// Standard errors of levels are larger by this, as neighbours in time resemble each other.
    pub(super) inflation: f64,
}

/// Changes of the level of a series whose values, as they are compared, are `all`.
pub(super) fn level_changes(series: &Series, all: Uneven<'_>, settings: &Settings) -> LevelChanges {
    let mapped = if series.means.is_some() { MAPPED_FACTOR } else { 1.0 };
    let days: Vec<f64> = series.points.iter().map(|point| point.at.seconds() / 86_400.0).collect();
    let alike = are_alike(all).then(|| even(all, &days, mapped));
    let mut found = alike.unwrap_or_else(|| uneven(all, &days, settings.threshold * mapped, settings.threshold));
    found.changes.retain(|change| is_confirmed(series, change));
    found
}

fn are_alike(all: Uneven<'_>) -> bool {
    let mut sd = all.sd.to_vec();
    sd.sort_by(f64::total_cmp);
    quantile(&sd, 0.9).is_some_and(|sd| sd <= ALIKE * difference_sd(all.value))
}

/// A step among the kept points, whoever found it.
struct FoundStep {
    index: usize,
    index_low: usize,
    index_high: usize,
    p_value: f64,
}

impl From<&Step> for FoundStep {
    fn from(step: &Step) -> Self {
        let &Step { index, index_low, index_high, p_value, .. } = step;
        Self { index, index_low, index_high, p_value }
    }
}

impl From<&Split> for FoundStep {
    fn from(split: &Split) -> Self {
        let &Split { index, index_low, index_high, .. } = split;
        Self { index, index_low, index_high, p_value: split.p_value() }
    }
}

/// Points that are not part of an excursion.
struct Kept {
    at: Vec<usize>,
    n: usize,
}

impl Kept {
    fn without(hidden: &Range<usize>, n: usize) -> Self {
        Self { at: (0..n).filter(|i| !hidden.contains(i)).collect(), n }
    }

    fn of(&self, values: &[f64]) -> Vec<f64> {
        self.at.iter().map(|&i| values[i]).collect()
    }

    /// Place in the whole series.
    fn place(&self, i: usize) -> usize {
        self.at.get(i).copied().unwrap_or(self.n)
    }

    /// Steps as changes of the whole series.
    fn steps(&self, found: &[FoundStep]) -> Vec<Change> {
        let step = |(i, step): (usize, &FoundStep)| Change {
            what: What::Step {
                from: if i == 0 { 0 } else { self.place(found[i - 1].index) },
                at: self.place(step.index),
                low: self.place(step.index_low),
                high: self.place(step.index_high),
                to: found.get(i + 1).map_or(self.n, |next| self.place(next.index)),
            },
            p_value: step.p_value,
        };
        found.iter().enumerate().map(step).collect()
    }
}

/// Points that are known equally well.
fn even(all: Uneven<'_>, days: &[f64], mapped: f64) -> LevelChanges {
    let usual = Detector::default();
    let detector = Detector { z_min: usual.z_min * mapped, ..usual };
    let Some(whole) = detect_regimes(days, all.value, &detector) else {
        return LevelChanges { changes: Vec::new(), inflation: 1.0 };
    };
    let inflation = |regimes: &Regimes| {
        let phi = regimes.phi.max(0.0);
        ((1.0 + phi) / (1.0 - phi)).sqrt()
    };
    let came_and_went = excursion(all, EXCURSION_THRESHOLD * mapped, inflation(&whole));
    let kept = Kept::without(&came_and_went.as_ref().map_or(0..0, |e| e.from..e.to), all.value.len());
    let rest = came_and_went.as_ref().and_then(|_| detect_regimes(&kept.of(days), &kept.of(all.value), &detector));
    let regimes = rest.unwrap_or(whole);
    let went = came_and_went.map(|e| Change { what: What::Excursion { from: e.from, to: e.to }, p_value: e.p_value() });
    let mut changes: Vec<Change> = went.into_iter().collect();
    // A few runs that stand apart may be over next week: they are undecided.
    let lasting = regimes.steps.iter().filter(|step| step.index + TELLS <= kept.at.len());
    let steps: Vec<FoundStep> = lasting.map(FoundStep::from).collect();
    changes.extend(kept.steps(&steps));
    if steps.is_empty() && regimes.slope_z().abs() >= detector.z_min {
        changes.push(Change { what: What::Trend, p_value: normal_two_sided(regimes.slope_z()) });
    }
    LevelChanges { changes, inflation: inflation(&regimes) }
}

/// Points of which some are known better than others.
fn uneven(all: Uneven<'_>, days: &[f64], threshold: f64, usual: f64) -> LevelChanges {
    let inflation = autocorrelation_factor(all, usual);
    let came_and_went = excursion(all, EXCURSION_THRESHOLD * threshold / usual, inflation);
    let threshold = threshold * inflation;
    let kept = Kept::without(&came_and_went.as_ref().map_or(0..0, |e| e.from..e.to), all.value.len());
    let (value, sd, days) = (kept.of(all.value), kept.of(all.sd), kept.of(days));
    let rest = Uneven { value: &value, sd: &sd, scale: all.scale };
    let found = splits(rest, threshold);
    let places: Vec<usize> = found.iter().map(|split| split.index).collect();
    let went = came_and_went.map(|e| Change { what: What::Excursion { from: e.from, to: e.to }, p_value: e.p_value() });
    let mut changes: Vec<Change> = went.into_iter().collect();
    let line = line_beats_steps(&days, rest, &places).then(|| uneven_slope_p_value(&days, rest)).flatten();
    match line.filter(|p_value| *p_value <= normal_two_sided(threshold)) {
        Some(p_value) => changes.push(Change { what: What::Trend, p_value }),
        None => {
            changes.extend(kept.steps(&found.iter().map(FoundStep::from).collect::<Vec<_>>()));
        }
    }
    LevelChanges { changes, inflation }
}

/// Level of the interval that must exclude zero before the mean over mapped instances confirms a change of the longest.
const CONFIRM_LEVEL: f64 = 0.999;

/// The longest of several noisy instances is a noisy thing: where a task is mapped, their mean has to agree.
fn is_confirmed(series: &Series, change: &Change) -> bool {
    let (Some(means), What::Step { from, at, to, .. }) = (&series.means, change.what) else { return true };
    let (value, sd): (Vec<f64>, Vec<f64>) = means.iter().copied().unzip();
    let all = Uneven { value: &value, sd: &sd, scale: Scale::Plain };
    let longest = |a: usize, b: usize| median(&series.points[a..b].iter().map(|p| p.adjusted).collect::<Vec<_>>());
    let grew = longest(at, to) > longest(from, at);
    uneven_difference(all.slice(from, at), all.slice(at, to), CONFIRM_LEVEL)
        .is_some_and(|mean| if grew { mean.lower > 0.0 } else { mean.upper < 0.0 })
}

/// Standard errors of levels are larger by this where neighbours in time resemble each other: sqrt((1 + phi) / (1 - phi)).
///
/// What remains around the levels (or around a line, where that leaves less) tells it with a standard error of 1 / sqrt(n);
/// where it is less than twice that, the cruder estimate from differences counts, one such error less: chance must not cost
/// power.
pub(super) fn autocorrelation_factor(all: Uneven<'_>, threshold: f64) -> f64 {
    let se = 1.0 / (all.value.len() as f64).sqrt();
    let around_levels = ar1_residual(&around_levels(all, threshold));
    let phi = around_levels.min(ar1_residual(&around_line(all.value)));
    let rough = ar1_robust(all.value) - se;
    let phi = if phi > 2.0 * se { phi } else { rough };
    let phi = phi.clamp(0.0, 0.9);
    ((1.0 + phi) / (1.0 - phi)).sqrt()
}

fn around_levels(all: Uneven<'_>, threshold: f64) -> Vec<f64> {
    // What came and went is no memory of the series.
    let gone = excursion(all, EXCURSION_THRESHOLD, 1.0).map_or(0..0, |e| e.from..e.to);
    let kept: Vec<usize> = (0..all.value.len()).filter(|i| !gone.contains(i)).collect();
    let value: Vec<f64> = kept.iter().map(|&i| all.value[i]).collect();
    let sd: Vec<f64> = kept.iter().map(|&i| all.sd[i]).collect();
    let all = Uneven { value: &value, sd: &sd, scale: all.scale };
    let mut edges: Vec<usize> = splits(all, threshold).iter().map(|split| split.index).collect();
    edges.insert(0, 0);
    edges.push(all.value.len());
    let stretch = |edge: &[usize]| {
        let values = &all.value[edge[0]..edge[1]];
        let middle = median(values).unwrap_or(0.0);
        values.iter().map(|value| value - middle).collect::<Vec<_>>()
    };
    edges.windows(2).flat_map(stretch).collect()
}

/// Least squares on the order of the values.
fn around_line(value: &[f64]) -> Vec<f64> {
    let middle = (value.len() as f64 - 1.0) / 2.0;
    let mean = value.iter().sum::<f64>() / value.len() as f64;
    let place = |i: usize| i as f64 - middle;
    let squares: f64 = (0..value.len()).map(|i| place(i).powi(2)).sum();
    let slope = (0..value.len()).map(|i| place(i) * (value[i] - mean)).sum::<f64>() / squares.max(1.0);
    (0..value.len()).map(|i| value[i] - mean - slope * place(i)).collect()
}
