//! What changed in one series: steps, excursions, creep, spread, rates; each with its p-value, before any comparison with
//! other series.

use super::{level_change::level_changes, series::Series, settings::Settings};
use crate::{
    model::{Index, Quantity},
    stats::{
        Detector, Scale, Uneven, detect_rate_change, detect_spread_change, detect_spread_change_of, median, own_spread,
        weekday_pattern,
    },
};

/// Points without which a series is not judged.
pub(super) const MIN_POINTS: usize = 12;
/// Where the removed overhead's error is below this share of the level, noise is relative and logs are the scale.
const LOG_MAX_ERROR: f64 = 0.05;

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
        if series.key.quantity.is_rate() {
            judged.changes = rate_change(series);
        } else {
            let found = level_changes(series, judged.uneven(), settings);
            (judged.changes, judged.inflation) = (found.changes, found.inflation);
        }
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

/// A change of the spread of a task's duration around its levels.
pub(super) fn spread_change(series: &Series, judged: &Judged) -> Option<Change> {
    let suited = series.key.quantity == Quantity::Duration && series.key.index == Index::All;
    if !suited || series.not_measurable.is_some() {
        return None;
    }
    let residuals = residuals(judged);
    // Creep is still in them, and where some points are known better than others, levels were found in another way.
    let levels_are_left = judged.sd.iter().any(|sd| *sd > 0.0) || judged.changes.iter().any(|c| c.what == What::Trend);
    let step = match levels_are_left {
        true => detect_spread_change(&residuals, &Detector::default())?,
        false => detect_spread_change_of(&residuals)?,
    };
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
