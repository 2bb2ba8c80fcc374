//! What a run costs before and after, weekdays matched.

use crate::{
    model::NumberSeries,
    stats::{Draw, calendar_pattern, plain_gap},
};

/// One kind of run before and after a change, in order of time on both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    /// Its name.
    pub id: String,
    /// Slot-seconds a run, all tries and instances.
    pub before: NumberSeries,
    /// The same after.
    pub after: NumberSeries,
    /// Seconds from start to end of the runs, before and after, where they are known.
    pub durations: Option<(NumberSeries, NumberSeries)>,
    /// Runs a year.
    pub runs_per_year: f64,
}

/// Days of a year.
const DAYS_PER_YEAR: f64 = 365.25;
/// Days from which on runs a year are told from the times of runs.
const LEAST_DAYS: f64 = 1.0;

/// Runs a year at the pace of these. `None` without times over a day and more.
#[must_use]
pub fn runs_per_year(runs: &NumberSeries) -> Option<f64> {
    let times = runs.times.as_ref()?;
    let days = times.last()?.seconds_since(*times.first()?) / 86_400.0;
    (days >= LEAST_DAYS).then(|| (times.len() - 1) as f64 / days * DAYS_PER_YEAR)
}

/// A difference of means that is known up to an error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Saving {
    /// Before minus after, a run.
    pub(super) point: f64,
    pub(super) standard_error: f64,
    pub(super) df: f64,
}

impl Saving {
    /// Of the plain mean, because a bill adds up stragglers too. Weekdays are taken out where they show and both sides have
    /// times. `None` under 2 runs a side.
    pub(super) fn of(before: &NumberSeries, after: &NumberSeries) -> Option<Self> {
        let (a, b) = matched(before, after).unwrap_or_else(|| (before.values.clone(), after.values.clone()));
        let gap = plain_gap(&a, &b)?;
        Some(Self { point: -gap.point, standard_error: gap.standard_error, df: gap.df })
    }

    /// Another outcome of chance: Student's t about the point.
    pub(super) fn draw(&self, draw: &mut Draw) -> f64 {
        if self.standard_error <= 0.0 {
            return self.point;
        }
        self.point + self.standard_error * student(self.df, draw)
    }

    /// Quantiles 0.05 and 0.95, for the tornado.
    pub(super) fn ends(&self) -> (f64, f64) {
        let reach = crate::stats::student_quantile(0.95, self.df) * self.standard_error;
        (self.point - reach, self.point + reach)
    }
}

/// A draw of Student's t with `df` degrees of freedom (Bailey 1994, Mathematics of Computation 62, 779).
pub(super) fn student(df: f64, draw: &mut Draw) -> f64 {
    loop {
        let (u, v) = (2.0 * draw.uniform() - 1.0, 2.0 * draw.uniform() - 1.0);
        let w = u * u + v * v;
        if w > 0.0 && w < 1.0 {
            return u * (df * (w.powf(-2.0 / df) - 1.0) / w).sqrt();
        }
    }
}

/// Both sides without what weekdays and hours add.
fn matched(before: &NumberSeries, after: &NumberSeries) -> Option<(Vec<f64>, Vec<f64>)> {
    let (first, second) = (before.times.as_ref()?, after.times.as_ref()?);
    let days: Vec<f64> = first.iter().chain(second).map(|t| t.seconds() / 86_400.0).collect();
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (a, b) = (mean(&before.values), mean(&after.values));
    let flat: Vec<f64> = before.values.iter().map(|v| v - a).chain(after.values.iter().map(|v| v - b)).collect();
    let pattern = calendar_pattern(&days, &flat)?;
    let (of_before, of_after) = pattern.split_at(before.values.len());
    let without = |values: &[f64], pattern: &[f64]| values.iter().zip(pattern).map(|(v, p)| v - p).collect();
    Some((without(&before.values, of_before), without(&after.values, of_after)))
}
