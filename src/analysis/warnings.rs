//! What a reader should know before believing an analysis.

use super::{
    axis::DagAxis,
    facts::{Ends, Facts},
    overhead::Overheads,
    result::{Axis, Finding},
    settings::{AxisMode, Settings},
};
/// The sentences, most general first.
pub(super) fn warnings(
    facts: &[Facts],
    axes: &[DagAxis],
    overheads: &Overheads,
    ends: &[Ends],
    settings: &Settings,
) -> Vec<String> {
    let mut warnings: Vec<String> = stray_end(facts, ends, settings).into_iter().collect();
    let caught_up = axes.iter().filter(|axis| axis.caught_up && axis.choice.axis == Axis::Logical).count();
    if caught_up > 1 {
        warnings.push(format!(
            "{caught_up} DAGs were caught up, each to a date of its own: each is judged on the last week of its own logical dates"
        ));
    }
    let by_wall = axes.iter().filter(|axis| axis.caught_up && axis.choice.axis == Axis::Wall).count();
    if by_wall > 0 && settings.axis == AxisMode::Wall {
        warnings.push(format!(
            "{by_wall} DAGs were caught up: by wall clock, weeks of their logical dates share a few hours; without --axis wall \
             they are judged by logical date"
        ));
    }
    for (deployment, overhead) in overheads {
        if let Some(why) = &overhead.absent {
            warnings.push(format!("deployment {deployment}: the overhead common to all tasks was not removed: {why}"));
        }
    }
    let without_runs = facts.iter().filter(|dag| !dag.has_runs).count();
    if without_runs > 0 {
        warnings.push(format!("{without_runs} DAG(s) have attempts but no runs: export dag_run as well"));
    }
    if !facts.is_empty() && facts.iter().all(|dag| !dag.has_edges) {
        warnings.push("no serialized DAG was exported: dependencies are inferred from the history".to_owned());
    }
    warnings
}

/// A run or two long after all others (a date in the future, a test) move the week that is judged past everything.
fn stray_end(facts: &[Facts], ends: &[Ends], settings: &Settings) -> Option<String> {
    if settings.as_of.is_some() {
        return None;
    }
    let last_before = ends.iter().filter_map(|ends| ends.before).max()?;
    let since: usize = ends.iter().map(|ends| ends.since).sum();
    let first = facts.iter().zip(ends).filter_map(|(dag, ends)| Some((ends.first_since?, &dag.dag_id)));
    let (first, dag_id) = first.min()?;
    (since <= MAX_STRAY && first > last_before).then(|| {
        format!(
            "the week that is judged holds {} run(s) of {} alone, all others are older than {} days: if that date is a mistake, \
             name the end of the history with --as-of {}",
            since,
            dag_id,
            (settings.window_days + settings.baseline_days).round(),
            last_before.date_string()
        )
    })
}

/// Runs that may be strays.
const MAX_STRAY: usize = 2;

/// Acknowledgements that hide nothing: what they were about is over, their date has passed, or a name is misspelt.
pub(super) fn stale_acknowledgements<'a>(
    regressions: &'a [Finding],
    settings: &'a Settings,
) -> impl Iterator<Item = String> + 'a {
    settings.acknowledged.iter().filter_map(|known| {
        let mut about = regressions.iter().filter(|finding| known.is_about(&finding.key)).peekable();
        let name = match &known.task_id {
            Some(task) => format!("{}.{task}", known.dag_id),
            None => known.dag_id.clone(),
        };
        if about.peek().is_none() {
            return Some(format!("the acknowledgement of {name} fits no regression: delete it, or correct its names"));
        }
        about.all(|finding| finding.acknowledged.is_none()).then(|| {
            format!(
                "the acknowledgement of {name} ended on {}: renew it, or repair what it is about",
                known.until.date_string()
            )
        })
    })
}
