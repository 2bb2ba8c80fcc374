//! What to try next, as commands.

use super::{Loaded, name};
use crate::{
    analysis::CriticalTasks,
    cli::command::export_sql::shell,
    replay::airflow::{Crowded, Room},
    stats::Estimate,
};

/// Share of the mean run that waits for a limit must come to, a run, for that limit to be tried.
const MIN_SHARE: f64 = 0.02;
/// How many times as large a limit is tried, and values of it at most.
const TIMES: u32 = 4;
const MOST_VALUES: u32 = 16;
/// Gain of a task that took no time from which on it is worth a try to make it faster.
const MIN_GAIN: f64 = 0.02;

/// A larger limit where tasks waited for it, and the task that is worth most made twice as fast.
pub(super) fn steps(
    loaded: &Loaded,
    dag: &str,
    tasks: &CriticalTasks,
    at_zero: &[Option<Estimate>],
    limits: &[Crowded],
) -> Vec<String> {
    let simulate = format!("windtunnel simulate --dag {}", shell(dag));
    let room = Room::of_record(&loaded.recorded);
    let runs = loaded.histories[loaded.dag].runs.len().max(1) as f64;
    let crowded = limits.iter().find_map(|crowded| {
        let now = room.last_size(crowded.limit)?;
        let worth = crowded.seconds / runs > MIN_SHARE * tasks.mean_s;
        worth.then(|| {
            let to = now.saturating_mul(TIMES).min(now.saturating_add(MOST_VALUES - 1));
            format!("{simulate} --sweep {}={now}..{to}", shell(&name(loaded, crowded.limit)))
        })
    });
    let worth = tasks.tasks.iter().zip(at_zero).filter_map(|(task, ratio)| {
        let ratio = ratio.as_ref().filter(|ratio| ratio.upper < 1.0 && ratio.point < 1.0 - MIN_GAIN)?;
        Some((ratio.point, &task.task_id))
    });
    let most = worth.min_by(|a, b| a.0.total_cmp(&b.0));
    let faster = most.map(|(_, task)| format!("{simulate} --speedup {}=2", shell(task)));
    crowded.into_iter().chain(faster).collect()
}
