//! The series of one DAG, judged. What is kept of them is what a finding may come from.

use super::{
    axis::DagAxis,
    change::{Change, Judged, MIN_POINTS, What, judge, spread_change},
    doubt::inconclusive,
    overhead::Overhead,
    result::{Inconclusive, NotMeasurable},
    series::{self, Series},
    settings::Settings,
    structure::Structure,
    traits::{Traits, traits},
};
use crate::{
    model::{DagHistory, Index, Quantity, SeriesKey, TimeRange},
    stats::parallel_map,
};

/// One series after its examination.
pub(super) struct Examined {
    pub(super) key: SeriesKey,
    /// The DAG's place among the histories.
    pub(super) h: usize,
    pub(super) traits: Traits,
    pub(super) outcome: Outcome,
    /// It takes longer or less long only because of how much it handles: said so.
    pub(super) by_volume: Option<String>,
}

/// What came of it.
pub(super) enum Outcome {
    /// Nothing can be said; `None` where that is no gap in the report.
    Silent(Option<NotMeasurable>),
    /// Tested, and no change found; it may look changed nevertheless.
    Unchanged(Option<Inconclusive>),
    /// Tested, and something found that others may have to confirm.
    Changed(Box<Found>),
}

/// A series in which something was found.
pub(super) struct Found {
    pub(super) series: Series,
    pub(super) judged: Judged,
    /// Change of the spread.
    pub(super) spread: Option<Change>,
    /// What is said where nothing of it can be upheld.
    pub(super) doubt: Option<Inconclusive>,
}

impl Examined {
    /// Is it one of the series that share the false discovery rate?
    pub(super) fn is_tested(&self) -> bool {
        !matches!(self.outcome, Outcome::Silent(_))
    }

    /// The p-value of its level, and of its spread: 1 where nothing was found.
    pub(super) fn p_values(&self) -> (f64, f64) {
        match &self.outcome {
            Outcome::Changed(found) => (found.judged.p_value, found.spread.as_ref().map_or(1.0, |s| s.p_value)),
            _ => (1.0, 1.0),
        }
    }
}

/// Examines all series of a DAG.
pub(super) fn examine(
    (h, history, structure): (usize, &DagHistory, &Structure),
    axis: &DagAxis,
    overhead: &Overhead,
    (baseline, window): (TimeRange, TimeRange),
    settings: &Settings,
) -> Vec<Examined> {
    let mut all = series::of_dag((h, history, structure), axis, overhead);
    all.retain(|series| !series.takes_no_time());
    all.iter_mut().for_each(|series| series.cut(|point| point.at < window.to));
    let judged = parallel_map(&all, |series| {
        let judged = judge(series, settings);
        let spread = spread_change(series, &judged);
        let doubt = is_testable(series).then(|| inconclusive(series, &judged, window, baseline, settings)).flatten();
        (judged, spread, doubt)
    });
    let traits = traits(history);
    let one = |(series, (judged, spread, doubt)): (Series, (Judged, Option<Change>, Option<Inconclusive>))| {
        let key = series.key.clone();
        let unknowable = unknowable(&series, &judged);
        let doubt = doubt.filter(|_| unknowable.is_none());
        let by_volume = match unknowable {
            Some((from, at)) => series.explained_by_volume(from, at, settings.min_effect.max(MIN_EXPLAINED)),
            None if judged.changes.is_empty() && doubt.is_none() => by_volume(&series, baseline, window, settings),
            None => None,
        };
        let outcome = if !is_testable(&series) {
            Outcome::Silent(why_silent(&series))
        } else if judged.changes.is_empty() && spread.is_none() {
            Outcome::Unchanged(doubt)
        } else {
            Outcome::Changed(Box::new(Found { series, judged, spread, doubt }))
        };
        let traits = key.task_id.as_ref().and_then(|task_id| traits.get(task_id)).cloned().unwrap_or_default();
        Examined { key, h, traits, outcome, by_volume }
    };
    all.into_iter().zip(judged).map(one).collect()
}

/// Runs on each side without which nothing is said of volume.
const MIN_RUNS: usize = 3;
/// Smallest difference of the durations that is worth saying that volume explains it.
const MIN_EXPLAINED: f64 = 0.1;

/// The last step, if nothing can be said of it as the volume changed with it beyond all that was seen: the level before it
/// begins there, and it.
fn unknowable(series: &Series, judged: &Judged) -> Option<(usize, usize)> {
    let steps = judged.changes.iter().filter_map(|change| match change.what {
        What::Step { from, at, to, .. } => Some((from, at, to)),
        _ => None,
    });
    let last = steps.max_by_key(|(_, at, _)| *at);
    last.filter(|(from, at, to)| series.is_beyond_volume(*from..*at, *at..*to)).map(|(from, at, _)| (from, at))
}

fn by_volume(series: &Series, baseline: TimeRange, window: TimeRange, settings: &Settings) -> Option<String> {
    let place = |at| series.points.partition_point(|point| point.at < at);
    let (from, at) = (place(baseline.from), place(window.from));
    let enough = at >= from + MIN_RUNS && series.points.len() >= at + MIN_RUNS && series.key.index == Index::All;
    enough.then(|| series.explained_by_volume(from, at, settings.min_effect.max(MIN_EXPLAINED))).flatten()
}

fn is_testable(series: &Series) -> bool {
    series.not_measurable.is_none() && series.points.len() >= MIN_POINTS
}

fn why_silent(series: &Series) -> Option<NotMeasurable> {
    let silent = |why: String| NotMeasurable { key: series.key.clone(), why };
    match &series.not_measurable {
        Some(why) => Some(silent(why.clone())),
        // A quantity that hardly ever occurs (a retry) is no gap in the report.
        None if series.key.quantity == Quantity::RetryDuration => None,
        None => Some(silent(format!("{} runs; {MIN_POINTS} are needed", series.points.len()))),
    }
}
