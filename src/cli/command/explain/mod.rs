//! `explain`: why a run took so long, and which tasks and limits decide how long a DAG takes.

use super::{
    Context,
    loaded::Loaded,
    simulate::{LARGE_ERROR, of_backlog},
};
use crate::{
    analysis::{CriticalTasks, Explained, Explanation, StretchKind, critical_tasks, due_at, explain, interval_s},
    cli::{
        args::Explain,
        console::line,
        exit::{Error, Outcome},
        wire::explain::{Document, Overview},
    },
    model::{DagHistory, DagRun, Deployment, EdgeSource, RunState, Text, Timestamp},
    replay::airflow::{
        Ahead, Backlog, Crowd, Crowded, Foretold, Limit, Recorded, Room, WhatIf, ahead, crowded, dag_replay, foretold,
    },
    stats::Estimate,
};
use std::collections::BTreeSet;

mod next;
mod overall_text;
mod run_text;

pub(in crate::cli) use next::NextStep;

/// Runs that a message lists.
const SHOWN: usize = 5;

/// A limit, and for how long it was full.
pub(in crate::cli) struct Blocked {
    pub(in crate::cli) limit: String,
    pub(in crate::cli) seconds: f64,
}

/// Runs against a deadline.
pub(in crate::cli) struct Landing {
    pub(in crate::cli) deadline_s: f64,
    /// Of one run.
    pub(in crate::cli) late_s: Option<f64>,
    pub(in crate::cli) missed: usize,
    pub(in crate::cli) of: usize,
}

/// All that is told of a run.
pub(in crate::cli) struct OneRun<'a> {
    pub(in crate::cli) deployment: &'a Deployment,
    pub(in crate::cli) explanation: Explanation,
    /// Of each part.
    pub(in crate::cli) blocked: Vec<Vec<Blocked>>,
    pub(in crate::cli) landing: Option<Landing>,
    pub(in crate::cli) sla_missed: Vec<Text>,
}

/// All that is told of many runs.
pub(in crate::cli) struct Overall<'a> {
    pub(in crate::cli) deployment: &'a Deployment,
    pub(in crate::cli) dag: &'a str,
    pub(in crate::cli) tasks: CriticalTasks,
    /// Of the first tasks: makespans with them taking no time, over those as they are.
    pub(in crate::cli) at_zero: Vec<Option<Estimate>>,
    /// By limit; those that were full at once each have the time.
    pub(in crate::cli) waits: Vec<(String, Crowded)>,
    /// Seconds waited in all, and by hour of the week those in which any limit was full.
    pub(in crate::cli) waited_s: f64,
    pub(in crate::cli) by_hour: Vec<f64>,
    /// Runs that the replays of `at_zero` are of.
    pub(in crate::cli) replayed: usize,
    pub(in crate::cli) landing: Option<Landing>,
    pub(in crate::cli) model_error: Option<Estimate>,
    pub(in crate::cli) foretold: Foretold,
    /// When its runs that are not over will be.
    pub(in crate::cli) backlog: Option<Ahead>,
    /// Commands that go on from here.
    pub(in crate::cli) next: Vec<NextStep>,
}

pub(super) fn run(context: &Context<'_>, args: &Explain) -> Result<Outcome, Error> {
    let loaded = Loaded::new(context, &args.dag, args.deployment.as_deref(), false)?;
    match &args.run {
        Some(wanted) => one_run(context, args, &loaded, wanted),
        None => overall(context, args, &loaded),
    }
}

fn one_run(context: &Context<'_>, args: &Explain, loaded: &Loaded, wanted: &str) -> Result<Outcome, Error> {
    let history = &loaded.histories[loaded.dag];
    let run = find(history, wanted)?;
    let explanation = explain(history, run).ok_or_else(|| {
        Error::Usage(format!("{} has no start, or none of its tasks has ended: nothing to explain yet", run.run_id))
    })?;
    let room = Room::of_record(&loaded.recorded);
    let blocked = explanation.parts.iter().map(|part| blocked(loaded, &room, run, part)).collect();
    let missed = context.lake().deadlines(&loaded.deployment)?.into_iter().filter(|deadline| {
        deadline.kind == "sla_miss"
            && deadline.dag_id.as_ref() == Some(&run.dag_id)
            && deadline.logical_date.is_some()
            && deadline.logical_date == run.logical_date
    });
    let sla_missed: BTreeSet<Text> = missed.filter_map(|deadline| deadline.task_id).collect();
    let late = |deadline: f64| explanation.landing.filter(|_| explanation.is_over).map(|(landed, _)| landed - deadline);
    let one = OneRun {
        deployment: &loaded.deployment,
        landing: args.deadline.map(|deadline| landing(history, deadline, args.runs, late(deadline))),
        explanation,
        blocked,
        sla_missed: sla_missed.into_iter().collect(),
    };
    let mut warnings = Vec::new();
    if !one.explanation.is_over {
        warnings.push("this run is not over: it is told as far as the last end of a task of it".to_owned());
    }
    caught_up(loaded, &mut warnings);
    inferred(one.explanation.edges_from, &mut warnings);
    if context.console.json {
        context.console.document(&Document::new(&one, warnings))?;
    } else {
        warnings.iter().for_each(|warning| context.console.warn(warning));
        context.console.say(&run_text::text(context, &one))?;
    }
    Ok(Outcome::Fine)
}

/// `latest` (that has ended), `slowest`, a run id, or a part of one that no other has.
fn find<'a>(history: &'a DagHistory, wanted: &str) -> Result<&'a DagRun, Error> {
    let runs = &history.runs;
    let found = match wanted {
        "latest" => runs
            .iter()
            .filter(|run| run.started_at.is_some() && run.ended_at.is_some())
            .max_by_key(|run| (run.started_at, &run.run_id)),
        "slowest" => runs
            .iter()
            .filter(|run| run.duration_s().is_some())
            .max_by(|a, b| a.duration_s().partial_cmp(&b.duration_s()).unwrap_or(std::cmp::Ordering::Equal)),
        _ => runs.iter().find(|run| *run.run_id == *wanted),
    };
    if let Some(run) = found {
        return Ok(run);
    }
    let near: Vec<&DagRun> = runs.iter().filter(|run| run.run_id.contains(wanted)).collect();
    let names = |runs: &[&DagRun]| {
        let names: Vec<String> = runs.iter().take(SHOWN).map(|run| line(&run.run_id)).collect();
        format!("{}{}", names.join(", "), if runs.len() > SHOWN { ", .." } else { "" })
    };
    match near.as_slice() {
        [one] => Ok(one),
        [] => {
            let last: Vec<&DagRun> = runs.iter().rev().collect();
            let dag = line(&history.dag_id);
            Err(Error::Usage(format!("no run of {dag} has `{wanted}` in its id; its last ones are {}", names(&last))))
        }
        several => {
            Err(Error::Usage(format!("{} runs have `{wanted}` in their ids: {}", several.len(), names(several))))
        }
    }
}

/// What was full while a part waited.
fn blocked(loaded: &Loaded, room: &Room<'_>, run: &DagRun, part: &Explained) -> Vec<Blocked> {
    let Recorded { origin, names, runs, case, .. } = &loaded.recorded;
    let (Some(task), StretchKind::Waiting) = (&part.task_id, part.kind) else { return Vec::new() };
    let is_it = |place: &usize| {
        let (name, of) = (&names[*place], &runs[case.instances[*place].run as usize]);
        name.dag as usize == loaded.dag
            && of.run_id == run.run_id
            && (&name.task_id, name.map_index) == (task, part.map_index)
    };
    let Some(place) = (0..names.len()).find(is_it) else { return Vec::new() };
    let from = (part.from.micros() - origin.micros()).max(0) as u64;
    let to = from + (part.seconds * 1e6).round() as u64;
    let told = |(limit, micros): (Limit, u64)| Blocked { limit: name(loaded, limit), seconds: micros as f64 / 1e6 };
    room.blocked(place as u32, from, to).into_iter().map(told).collect()
}

/// A limit as `simulate --set` names it.
fn name(loaded: &Loaded, limit: Limit) -> String {
    match limit {
        Limit::Pool(pool) => format!("pool.{}", loaded.recorded.pools[pool as usize]),
        Limit::Parallelism => "parallelism".to_owned(),
        Limit::ActiveTasks(dag) => format!("max_active_tasks.{}", loaded.dags[dag as usize]),
        Limit::Down => "scheduler_down".to_owned(),
        Limit::Loop => "scheduler_loop".to_owned(),
        Limit::Executor => "executor".to_owned(),
    }
}

/// How many of the last runs missed their deadline: they ended past it or failed, or go on and are past it by the last instant that is
/// known.
fn landing(history: &DagHistory, deadline_s: f64, most: u32, late_s: Option<f64>) -> Landing {
    let interval = interval_s(history);
    let known: Option<Timestamp> = history.attempts.iter().filter_map(|attempt| attempt.ended_at).max();
    let missed = |run: &DagRun| {
        let late = |at: Timestamp| Some(at.seconds_since(due_at(run, interval)?) > deadline_s);
        match (run.ended_at, &run.state) {
            (Some(_), Some(RunState::Failed)) => Some(true),
            (Some(end), _) => late(end),
            (None, _) => late(known?).filter(|late| *late),
        }
    };
    let all: Vec<bool> = history.runs.iter().filter_map(missed).collect();
    let last = &all[all.len().saturating_sub(most as usize)..];
    Landing { deadline_s, late_s, missed: last.iter().filter(|missed| **missed).count(), of: last.len() }
}

fn overall(context: &Context<'_>, args: &Explain, loaded: &Loaded) -> Result<Outcome, Error> {
    let history = &loaded.histories[loaded.dag];
    let tasks = critical_tasks(history, args.runs as usize)
        .ok_or_else(|| Error::Usage(format!("no run of {} has ended well: nothing to tell yet", args.dag)))?;
    let worth = tasks.tasks.iter().filter(|task| task.critical > 0).take(args.worth).count();
    let bar = context.console.bar(1 + worth as u64, "replaying");
    let dag = loaded.dag as u32;
    let under_way = loaded.recorded.under_way.iter().any(|run| loaded.recorded.runs[run.run as usize].dag == dag);
    let base = (worth > 0 || under_way).then(|| dag_replay(&loaded.recorded, dag));
    bar.inc(1);
    let mut at_zero = Vec::new();
    for task in tasks.tasks.iter().take(worth) {
        let no_time = WhatIf::Speedup(args.dag.as_str().into(), task.task_id.clone(), f64::INFINITY);
        let changed = loaded.recorded.with(&[no_time], &loaded.dags);
        at_zero.push(changed.ok().zip(base.as_ref()).and_then(|(changed, base)| dag_replay(&changed, dag).over(base)));
        bar.inc(1);
    }
    let backlog = base.as_ref().filter(|_| under_way).and_then(|base| {
        let errors = base.error.ratios(&loaded.recorded, dag);
        ahead(&loaded.recorded, &errors, Backlog { dag, added: 0, seed: context.seed() })
    });
    bar.finish_and_clear();
    let Crowd { limits, by_hour, seconds } = crowded(&loaded.recorded, Some(dag));
    let next = next::steps(context, args, loaded, base.as_ref(), (&tasks, &at_zero, &limits));
    let overall = Overall {
        deployment: &loaded.deployment,
        dag: &args.dag,
        waited_s: seconds,
        by_hour,
        landing: args.deadline.map(|deadline| landing(history, deadline, args.runs, None)),
        replayed: base.as_ref().map_or(0, |base| base.makespans.len()),
        model_error: base.and_then(|base| base.own_error),
        foretold: foretold(history),
        backlog,
        next,
        at_zero,
        waits: limits.into_iter().map(|crowded| (name(loaded, crowded.limit), crowded)).collect(),
        tasks,
    };
    let mut warnings = Vec::new();
    if let Some(error) = overall.model_error.as_ref().filter(|error| error.point > LARGE_ERROR) {
        warnings.push(format!(
            "the replay that tells what a task is worth is {:.0} % off in the median run (are the recorded limits in windtunnel.toml, under \
             [airflow]?)",
            error.point * 100.0
        ));
    }
    warnings.extend(overall.backlog.iter().flat_map(of_backlog));
    caught_up(loaded, &mut warnings);
    inferred(overall.tasks.edges_from, &mut warnings);
    if context.console.json {
        context.console.document(&Overview::new(&overall, warnings))?;
    } else {
        warnings.iter().for_each(|warning| context.console.warn(warning));
        context.console.say(&overall_text::text(context, &overall))?;
    }
    Ok(Outcome::Fine)
}

fn caught_up(loaded: &Loaded, warnings: &mut Vec<String>) {
    if loaded.recorded.caught_up(loaded.dag as u32) {
        warnings.push("this history was caught up: its runs began long after they were due, and landed so".to_owned());
    }
}

fn inferred(edges_from: EdgeSource, warnings: &mut Vec<String>) {
    if edges_from == EdgeSource::Inferred {
        warnings.push(
            "dependencies are inferred from the order of ends and starts: no serialized DAG was exported".to_owned(),
        );
    }
}
