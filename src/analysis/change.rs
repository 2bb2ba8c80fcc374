//! What changed in one series: steps, excursions, creep, spread, rates; each with its p-value, before any comparison with
//! other series.

use super::{series::Series, settings::Settings};
use crate::{
    model::{Index, Quantity},
    stats::{
        Detector, Scale, Split, Uneven, ar1_residual, ar1_robust, detect_rate_change, detect_spread_change, excursion,
        line_beats_steps, median, normal_two_sided, own_spread, splits, uneven_difference, uneven_slope_p_value,
        weekday_pattern,
    },
};

/// Points without which a series is not judged.
pub(super) const MIN_POINTS: usize = 12;
/// An excursion is shorter than a step's regimes: it must stand out more.
pub(super) const EXCURSION_THRESHOLD: f64 = 5.0;
/// Where the removed overhead's error is below this share of the level, noise is relative and logs are the scale.
const LOG_MAX_ERROR: f64 = 0.05;

/// The longest instance of a mapped task must stand out by this much more: its siblings start with it and slow it down, more
/// so on a loud host, and that is not common to all tasks. (In the bundled history the largest score of an unchanged task is
/// such a one, 4.6.)
const MAPPED_FACTOR: f64 = 1.25;

/// One change.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) what: What,
    pub(super) p_value: f64,
}

/// Kinds of change; places are points of the series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum What {
    /// A new level from `at` on, held until `to`; the level before held from `from` on.
    Step { from: usize, at: usize, low: usize, high: usize, to: usize },
    /// `from..to` stands out, the level before and after is the same.
    Excursion { from: usize, to: usize },
    /// The whole series creeps.
    Trend,
}

/// A judged series.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) changes: Vec<Change>,
    /// p-value of the whole series: the smallest of its changes, 1 where there is none.
    pub(super) p_value: f64,
    /// Values are logarithms.
    pub(super) logs: bool,
    pub(super) value: Vec<f64>,
    pub(super) sd: Vec<f64>,
    /// Standard errors of levels are larger by this, as neighbours in time resemble each other.
    pub(super) inflation: f64,
}

impl Judged {
    fn scale(&self) -> Scale {
        if self.logs { Scale::Logs } else { Scale::Plain }
    }

    /// Values and their uncertainty.
    pub(super) fn uneven(&self) -> Uneven<'_> {
        Uneven { value: &self.value, sd: &self.sd, scale: self.scale() }
    }
}

/// Judges one series.
pub(super) fn judge(series: &Series, settings: &Settings) -> Judged {
    let (logs, mut value, sd) = scaled(series);
    if !series.key.quantity.is_rate() {
        remove_weekdays(series, &mut value);
    }
    let mut judged = Judged { changes: Vec::new(), p_value: 1.0, logs, value, sd, inflation: 1.0 };
    if series.points.len() >= MIN_POINTS {
        if !series.key.quantity.is_rate() {
            judged.inflation = autocorrelation_factor(judged.uneven(), settings.threshold);
        }
        judged.changes =
            if series.key.quantity.is_rate() { rate_change(series) } else { level_changes(series, &judged, settings) };
    }
    judged.p_value = judged.changes.iter().map(|change| change.p_value).fold(1.0, f64::min);
    judged
}

/// Relative noise becomes even on the log scale; values that the removal of overhead brought near zero have none.
fn scaled(series: &Series) -> (bool, Vec<f64>, Vec<f64>) {
    let value: Vec<f64> = series.points.iter().map(|point| point.adjusted).collect();
    let sd: Vec<f64> = series.points.iter().map(|point| point.sd).collect();
    let positive = value.iter().all(|v| *v > 0.0);
    let error = median(&sd).unwrap_or(0.0) / median(&value).unwrap_or(0.0);
    if series.key.quantity.is_rate() || !positive || error.is_nan() || error > LOG_MAX_ERROR {
        return (false, value, sd);
    }
    let relative = value.iter().zip(&sd).map(|(v, s)| s / v).collect();
    (true, value.iter().map(|v| v.ln()).collect(), relative)
}

/// A weekly pattern is no change, and it hides changes: each day of the week is brought to the middle one.
fn remove_weekdays(series: &Series, value: &mut [f64]) {
    let days: Vec<f64> = series.points.iter().map(|point| point.at.seconds() / 86_400.0).collect();
    let pattern = weekday_pattern(&days, value).unwrap_or_default();
    for (value, pattern) in value.iter_mut().zip(pattern) {
        *value -= pattern;
    }
}

fn rate_change(series: &Series) -> Vec<Change> {
    let outcomes: Vec<bool> = series.points.iter().map(|point| point.raw > 0.5).collect();
    let n = outcomes.len();
    let change = detect_rate_change(&outcomes).map(|change| Change {
        what: What::Step { from: 0, at: change.index, low: change.index_low, high: change.index_high, to: n },
        p_value: change.p_value,
    });
    change.into_iter().collect()
}

fn level_changes(series: &Series, judged: &Judged, settings: &Settings) -> Vec<Change> {
    let all = judged.uneven();
    let n = judged.value.len();
    let mapped = if series.means.is_some() { MAPPED_FACTOR } else { 1.0 };
    let threshold = settings.threshold * mapped * judged.inflation;
    let came_and_went = excursion(all, EXCURSION_THRESHOLD * threshold / settings.threshold);
    let hidden = came_and_went.as_ref().map_or(0..0, |e| e.from..e.to);
    let kept: Vec<usize> = (0..n).filter(|i| !hidden.contains(i)).collect();
    let value: Vec<f64> = kept.iter().map(|&i| judged.value[i]).collect();
    let sd: Vec<f64> = kept.iter().map(|&i| judged.sd[i]).collect();
    let rest = Uneven { value: &value, sd: &sd, scale: all.scale };
    let found = splits(rest, threshold);
    let days: Vec<f64> = kept.iter().map(|&i| series.points[i].at.seconds() / 86_400.0).collect();
    let places: Vec<usize> = found.iter().map(|split| split.index).collect();
    let mut changes: Vec<Change> = came_and_went
        .map(|e| Change { what: What::Excursion { from: e.from, to: e.to }, p_value: e.p_value() })
        .into_iter()
        .collect();
    let line = line_beats_steps(&days, rest, &places).then(|| uneven_slope_p_value(&days, rest)).flatten();
    match line.filter(|p_value| *p_value <= normal_two_sided(threshold)) {
        Some(p_value) => changes.push(Change { what: What::Trend, p_value }),
        None => changes.extend(steps(&found, &kept, n).filter(|change| is_confirmed(series, change))),
    }
    changes
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

/// Places in the whole series.
fn steps<'a>(found: &'a [Split], kept: &'a [usize], n: usize) -> impl Iterator<Item = Change> + 'a {
    let place = move |i: usize| kept.get(i).copied().unwrap_or(n);
    found.iter().enumerate().map(move |(i, split)| Change {
        what: What::Step {
            from: if i == 0 { 0 } else { place(found[i - 1].index) },
            at: place(split.index),
            low: place(split.index_low),
            high: place(split.index_high),
            to: found.get(i + 1).map_or(n, |next| place(next.index)),
        },
        p_value: split.p_value(),
    })
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
    let gone = excursion(all, EXCURSION_THRESHOLD).map_or(0..0, |e| e.from..e.to);
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

/// A change of the spread of a task's duration around its levels.
pub(super) fn spread_change(series: &Series, judged: &Judged) -> Option<Change> {
    let suited = series.key.quantity == Quantity::Duration && series.key.index == Index::All;
    if !suited || series.not_measurable.is_some() {
        return None;
    }
    let step = detect_spread_change(&residuals(judged), &Detector::default())?;
    let n = judged.value.len();
    let what = What::Step { from: 0, at: step.index, low: step.index_low, high: step.index_high, to: n };
    Some(Change { what, p_value: step.p_value })
}

/// Distances from the level of the regime, in the standard deviations expected of each point.
pub(super) fn residuals(judged: &Judged) -> Vec<f64> {
    let n = judged.value.len();
    let mut level = vec![0.0; n];
    let mut edges: Vec<usize> = judged
        .changes
        .iter()
        .flat_map(|change| match change.what {
            What::Step { at, .. } => vec![at],
            What::Excursion { from, to } => vec![from, to],
            What::Trend => Vec::new(),
        })
        .chain([0, n])
        .collect();
    edges.sort_unstable();
    edges.dedup();
    for edge in edges.windows(2) {
        let middle = median(&judged.value[edge[0]..edge[1]]).unwrap_or(0.0);
        level[edge[0]..edge[1]].fill(middle);
    }
    let own = own_spread(judged.uneven(), &level);
    (0..n).map(|i| (judged.value[i] - level[i]) / (own * own + judged.sd[i].powi(2)).sqrt()).collect()
}
