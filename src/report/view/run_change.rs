//! Where a DAG's seconds went: the parts of its run's change, which sum to the whole.

use super::{parts::Badge, shelf::Shelf};
use crate::{
    analysis::{Analysis, Axis, AxisChoice, ChangePart, PartKind, RunChange},
    report::words,
};
use serde::Serialize;

/// Parts smaller than this share of the largest are added up with the rest.
const MIN_SHARE: f64 = 0.005;

/// DAGs shown: those that changed most.
pub(crate) const MOST: usize = 20;

/// Parts shown of each; the others are added up.
const MOST_PARTS: usize = 10;

/// Seconds by which the parts may miss the whole before the difference is shown.
const ROUNDING_S: f64 = 0.005;

/// One DAG's change.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RunChangeView {
    pub id: String,
    pub dag: String,
    /// Seconds more a run, with interval.
    pub total: String,
    pub badge: Badge,
    /// Does the interval leave zero out?
    pub clear: bool,
    pub runs: String,
    /// What a reader should know of these parts.
    pub note: Option<String>,
    pub parts: Vec<PartView>,
    /// What the parts add up to.
    pub sum: String,
}

/// One part, with its bar: places in percent of the column.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PartView {
    pub what: String,
    pub kind: String,
    pub seconds: String,
    pub class: &'static str,
    pub left: String,
    pub width: String,
}

/// The DAGs that changed most.
pub(crate) fn largest(analysis: &Analysis, shelf: &mut Shelf<'_>) -> Vec<RunChangeView> {
    let size = |change: &RunChange| if change.seconds.point.is_nan() { -1.0 } else { change.seconds.point.abs() };
    let mut changes: Vec<&RunChange> = analysis.run_changes.iter().collect();
    let unclear = |change: &RunChange| change.seconds.contains(0.0);
    changes.sort_by(|a, b| {
        unclear(a).cmp(&unclear(b)).then(size(b).total_cmp(&size(a))).then_with(|| a.dag_id.cmp(&b.dag_id))
    });
    changes.into_iter().take(MOST).map(|change| view(change, note(analysis, change), shelf)).collect()
}

/// In a catch-up, waiting is the catch-up's own.
fn note(analysis: &Analysis, change: &RunChange) -> Option<String> {
    let of_dag = |a: &&AxisChoice| (&a.deployment, &a.dag_id) == (&change.deployment, &change.dag_id);
    let caught_up = analysis.axes.iter().find(of_dag).is_some_and(|a| a.axis == Axis::Logical);
    caught_up.then(|| {
        "By logical date: where the history was caught up, queue and gaps tell of the catch-up, not of normal running.".to_owned()
    })
}

fn view(change: &RunChange, note: Option<String>, shelf: &mut Shelf<'_>) -> RunChangeView {
    let sum: f64 = change.parts.iter().map(|p| p.seconds).sum();
    let least = MIN_SHARE * change.parts.first().map_or(0.0, |p| p.seconds.abs());
    let shown = change.parts.iter().take(MOST_PARTS).take_while(|p| p.seconds.abs() > least).count();
    let mut rows: Vec<(String, String, f64)> =
        change.parts.iter().take(shown).map(|p| (what(p), kind(p.kind).to_owned(), p.seconds)).collect();
    if change.parts.len() > shown {
        let rest = &change.parts[shown..];
        let seconds = rest.iter().map(|p| p.seconds).sum();
        rows.push((words::counted(rest.len(), "smaller part", "smaller parts"), String::new(), seconds));
    }
    let unexplained = change.seconds.point - sum;
    if unexplained.abs() > ROUNDING_S {
        rows.push(("not explained".to_owned(), String::new(), unexplained));
    }
    let largest = rows.iter().map(|r| r.2.abs()).filter(|s| s.is_finite()).fold(0.0, f64::max);
    let range = words::seconds_range(&change.seconds);
    let badge = match change.seconds.point {
        _ if note.is_some() => Badge::new("calm", "●", "caught up"),
        _ if change.seconds.contains(0.0) => Badge::new("calm", "●", "no clear change"),
        s if s > 0.0 => Badge::new("worse", "▲", "slower"),
        s if s < 0.0 => Badge::new("better", "▼", "faster"),
        _ => Badge::new("calm", "●", "not known"),
    };
    RunChangeView {
        id: shelf.anchor(&format!("run-{}", change.dag_id)),
        dag: words::visible(&change.dag_id),
        total: if change.seconds.point > 0.0 { format!("+{range}") } else { range },
        note,
        clear: badge.class != "calm",
        badge,
        runs: format!(
            "{} of the baseline, {} of the window",
            words::counted(change.n_before, "run", "runs"),
            words::count(change.n_after as u64)
        ),
        sum: words::signed_seconds(rows.iter().map(|r| r.2).sum()),
        parts: rows.into_iter().map(|(what, kind, seconds)| part(what, kind, seconds, largest)).collect(),
    }
}

/// A part with a bar to the right of the middle for more seconds, to the left for fewer.
fn part(what: String, kind: String, seconds: f64, largest: f64) -> PartView {
    let share = if largest > 0.0 && seconds.is_finite() { (seconds / largest).clamp(-1.0, 1.0) } else { 0.0 };
    let width = share.abs() * 50.0;
    let left = if share < 0.0 { 50.0 - width } else { 50.0 };
    PartView {
        what,
        kind,
        seconds: words::signed_seconds(seconds),
        class: if share < 0.0 { "better" } else { "worse" },
        left: format!("{left:.1}"),
        width: format!("{width:.1}"),
    }
}

fn what(part: &ChangePart) -> String {
    part.task_id.as_deref().map_or_else(|| "the run as a whole".to_owned(), words::visible)
}

fn kind(kind: PartKind) -> &'static str {
    match kind {
        PartKind::Duration => "ran",
        PartKind::QueueWait => "sat in the queue",
        PartKind::Gap => "nothing ran or was queued",
    }
}
