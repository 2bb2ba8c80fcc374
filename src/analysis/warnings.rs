//! What a reader should know before believing an analysis.

use super::{
    axis::{DagAxis, instant},
    calendar::Calendar,
    overhead::Overheads,
    result::{Axis, Finding},
    settings::Settings,
};
use crate::model::{DagHistory, Timestamp};

/// The sentences, most general first.
pub(super) fn warnings(
    histories: &[DagHistory],
    axes: &[DagAxis],
    overheads: &Overheads,
    calendar: &Calendar,
    settings: &Settings,
) -> Vec<String> {
    let mut warnings: Vec<String> = stray_end(histories, axes, calendar, settings).into_iter().collect();
    let caught_up = axes.iter().filter(|axis| axis.caught_up && axis.choice.axis == Axis::Logical).count();
    if caught_up > 1 {
        warnings.push(format!(
            "{caught_up} DAGs were caught up, each to a date of its own: each is judged on the last week of its own logical dates"
        ));
    }
    for (deployment, overhead) in overheads {
        if let Some(why) = &overhead.absent {
            warnings.push(format!("deployment {deployment}: the overhead common to all tasks was not removed: {why}"));
        }
    }
    let without_runs = histories.iter().filter(|history| history.runs.is_empty()).count();
    if without_runs > 0 {
        warnings.push(format!("{without_runs} DAG(s) have attempts but no runs: export dag_run as well"));
    }
    let unstructured = histories.iter().filter(|history| history.edges.is_empty()).count();
    if unstructured > 0 && unstructured == histories.len() {
        warnings.push("no serialized DAG was exported: dependencies are inferred from the history".to_owned());
    }
    warnings
}

/// A run or two long after all others (a date in the future, a test) move the week that is judged past everything.
fn stray_end(histories: &[DagHistory], axes: &[DagAxis], calendar: &Calendar, settings: &Settings) -> Option<String> {
    if settings.as_of.is_some() {
        return None;
    }
    let earlier = |h: usize| {
        let to = calendar.baseline(h).from;
        let ats = histories[h].runs.iter().filter_map(|run| instant(run, axes[h].choice.axis));
        let (before, since): (Vec<Timestamp>, Vec<Timestamp>) = ats.partition(|at| *at < to);
        (before.into_iter().max(), since)
    };
    let sides: Vec<_> = (0..histories.len()).map(earlier).collect();
    let last_before = sides.iter().filter_map(|(before, _)| *before).max()?;
    let since: Vec<(usize, Timestamp)> =
        sides.iter().enumerate().flat_map(|(h, (_, since))| since.iter().map(move |at| (h, *at))).collect();
    let (h, first) = since.iter().min_by_key(|(_, at)| *at).copied()?;
    (since.len() <= MAX_STRAY && first > last_before).then(|| {
        format!(
            "the week that is judged holds {} run(s) of {} alone, all others are older than {} days: if that date is a mistake, \
             name the end of the history with --as-of {}",
            since.len(),
            histories[h].dag_id,
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
