//! What to try next, as commands, each with what it brings by a replay.

use super::{Context, Loaded, name};
use crate::{
    analysis::CriticalTasks,
    cli::{args::Explain, command::export_sql::shell},
    replay::airflow::{Crowded, DagReplay, Limit, Room, WhatIf, dag_replay},
    stats::Estimate,
};

/// Share of the mean run that waits for a limit must come to, a run, for that limit to be tried.
const MIN_SHARE: f64 = 0.02;
/// How many times as large a limit is tried, and values of it at most.
const TIMES: u32 = 4;
const MOST_VALUES: u32 = 16;
/// Gain from which on something is worth a try.
const MIN_GAIN: f64 = 0.02;
/// How much faster a task is tried.
const FASTER: f64 = 2.0;

/// A command, and makespans with its last change over those of the record.
pub(in crate::cli) struct NextStep {
    pub(in crate::cli) command: String,
    pub(in crate::cli) ratio: Estimate,
}

/// A larger limit where tasks waited for it, and the task that is worth most made faster: those that shorten runs, by a replay.
pub(super) fn steps(
    context: &Context<'_>,
    args: &Explain,
    loaded: &Loaded,
    base: Option<&DagReplay>,
    (tasks, at_zero, limits): (&CriticalTasks, &[Option<Estimate>], &[Crowded]),
) -> Vec<NextStep> {
    let Some((base, simulate)) = base.zip(simulate(context, args)) else { return Vec::new() };
    let room = Room::of_record(&loaded.recorded);
    let runs = loaded.histories[loaded.dag].runs.len().max(1) as f64;
    let crowded = limits.iter().find_map(|crowded| {
        let now = room.last_size(crowded.limit)?;
        let larger = now.saturating_mul(TIMES).min(now.saturating_add(MOST_VALUES - 1));
        let what_if = match crowded.limit {
            Limit::Pool(pool) => WhatIf::Pool(loaded.recorded.pools[pool as usize].clone(), larger),
            Limit::Parallelism => WhatIf::Parallelism(larger),
            Limit::ActiveTasks(dag) => WhatIf::MaxActiveTasks(Some(loaded.dags[dag as usize].clone()), larger),
            Limit::Down | Limit::Loop | Limit::Executor => return None,
        };
        let limit = name(loaded, crowded.limit);
        let worth = crowded.seconds / runs > MIN_SHARE * tasks.mean_s && is_plain(&limit);
        worth.then(|| (format!("{simulate} --sweep {}={now}..{larger}", shell(&limit)), what_if))
    });
    let worth = tasks.tasks.iter().zip(at_zero).filter_map(|(task, ratio)| {
        let ratio = ratio.as_ref().filter(|ratio| pays(ratio) && is_plain(&task.task_id))?;
        Some((ratio.point, &task.task_id))
    });
    let most = worth.min_by(|a, b| a.0.total_cmp(&b.0));
    let faster = most.map(|(_, task)| {
        let what_if = WhatIf::Speedup(args.dag.as_str().into(), task.clone(), FASTER);
        (format!("{simulate} --speedup {}={FASTER}", shell(task)), what_if)
    });
    let tried = |(command, what_if): (String, WhatIf)| {
        let changed = loaded.recorded.with(&[what_if], &loaded.dags).ok()?;
        let ratio = dag_replay(&changed, loaded.dag as u32).over(base).filter(pays)?;
        Some(NextStep { command, ratio })
    };
    crowded.into_iter().chain(faster).filter_map(tried).collect()
}

fn pays(ratio: &Estimate) -> bool {
    ratio.upper < 1.0 && ratio.point < 1.0 - MIN_GAIN
}

/// The command as this one was called; `None` where a name has something in it that no terminal should be given.
fn simulate(context: &Context<'_>, args: &Explain) -> Option<String> {
    let mut all = "windtunnel".to_owned();
    for (option, path) in [("--lake", &context.common.lake), ("--config", &context.common.config)] {
        if let Some(path) = path {
            all.push_str(&format!(" {option} {}", shell(path.to_str().filter(|path| is_plain(path))?)));
        }
    }
    let dag = shell(Some(args.dag.as_str()).filter(|dag| is_plain(dag))?);
    // What begins with a dash would be taken for an option.
    let between = if args.dag.starts_with('-') { '=' } else { ' ' };
    all.push_str(&format!(" simulate --dag{between}{dag}"));
    if let Some(deployment) = &args.deployment {
        all.push_str(&format!(" --deployment {}", shell(Some(deployment).filter(|name| is_plain(name))?)));
    }
    Some(all)
}

fn is_plain(name: &str) -> bool {
    !name.chars().any(char::is_control)
}
