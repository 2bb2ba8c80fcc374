//! `explain`: where the seconds of a run went, and what decides how long runs of a DAG take.

use super::estimate::{Estimate, finite, tidy};
use super::{VERSION, backlog::Backlog};
use crate::{
    analysis::{self, CriticalTask, Explained, Explanation},
    cli::command::explain::{Blocked, Landing, OneRun, Overall},
    report::{DecidingTask, ExplanationResults, OverviewResults, PathPart, UsualSeconds, WaitedFor},
    stats,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// One run.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(in crate::cli) struct Document {
    schema: Cow<'static, str>,
    windtunnel: Cow<'static, str>,
    deployment: String,
    dag_id: String,
    run_id: String,
    run_type: String,
    state: Option<String>,
    logical_date: Option<String>,
    started_at: Option<String>,
    /// `null` while it goes on.
    ended_at: Option<String>,
    /// From its start to its end; of a run that goes on, to the last end of a task.
    duration_s: f64,
    usual: Option<Usual>,
    /// From made to begun.
    waited_to_begin: Option<Compared>,
    /// From when it was due (the end of its interval) to its end.
    landing: Option<Compared>,
    /// Of a run that goes on: how long others took from the end of the task of it that ended last.
    to_go: Option<Usual>,
    deadline: Option<Deadline>,
    /// Tasks of it whose SLA Airflow found missed.
    sla_missed: Vec<String>,
    /// Tasks on the critical path, first to last.
    critical_path: Vec<String>,
    /// The critical path: each second of the run once.
    parts: Vec<Part>,
    /// `serialized`, `api`, or `inferred` from the history.
    edges_from: Cow<'static, str>,
    warnings: Vec<String>,
}

/// What other runs took, in seconds: the 30 before it, and where these are few the next after it; 5 % lie below `low_s`, and 5 % above `high_s`; of fewer than twenty, the least and the most.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Usual {
    median_s: f64,
    low_s: f64,
    high_s: f64,
    n: usize,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Compared {
    seconds: f64,
    usual: Option<Usual>,
}

/// By when runs should have ended, counted from when they were due. One that failed missed it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Deadline {
    deadline_s: f64,
    /// Seconds past it; below 0 where it was kept. `null` of many runs, and of a run that goes on.
    late_s: Option<f64>,
    /// Of the runs looked at: how many were late.
    missed: usize,
    of: usize,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Part {
    task_id: Option<String>,
    /// -1 where it is not mapped.
    map_index: i32,
    /// `running`, `queued`, `waiting`, `sensing` (a sensor between its pokes), `failed_try`, `retry_delay` or `idle`.
    kind: Cow<'static, str>,
    from: String,
    seconds: f64,
    usual: Option<Usual>,
    /// Seconds above the usual.
    more_s: Option<f64>,
    /// Longer than in 95 % of the other runs.
    unusual: bool,
    /// Of waiting: which limits were full meanwhile. Each limit has all the time in which it was.
    blocked_by: Vec<Limit>,
}

/// A limit and how long it was full.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Limit {
    /// `pool.NAME`, `parallelism`, `max_active_tasks.DAG`, `scheduler_down`, or `scheduler_loop` where nothing was full.
    limit: String,
    seconds: f64,
}

/// Many runs.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(in crate::cli) struct Overview {
    schema: Cow<'static, str>,
    windtunnel: Cow<'static, str>,
    deployment: String,
    dag_id: String,
    runs: usize,
    mean_s: f64,
    /// Mean seconds before the first task and after the last.
    idle_s: f64,
    tasks: Vec<Task>,
    /// What for; limits that were full at once each have the time. `executor` is from queued to started, and follows the others.
    waits: Vec<Wait>,
    /// Seconds waited in all before they were queued.
    waited_s: f64,
    /// By hour of the week, from Monday 00:00 UTC: seconds in which any limit was full.
    full_by_hour_s: Vec<f64>,
    deadline: Option<Deadline>,
    /// When its runs that are not over will be; only where there are any.
    backlog: Option<Backlog>,
    /// Durations of tasks, each foretold from those before it by the scheduler's predictor.
    foretold: Foretold,
    /// Of the replay that tells what a task is worth.
    model_error: Option<Estimate>,
    /// What shortens runs, by a replay.
    next: Vec<Next>,
    edges_from: Cow<'static, str>,
    warnings: Vec<String>,
}

/// A command to try next.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Next {
    command: String,
    /// Makespans with the largest value of its limit, or the faster task, over those of the record.
    ratio: Estimate,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Foretold {
    /// Those with an interval of 95 %.
    n: usize,
    /// Of these, those whose rows or bytes were known.
    with_volume: usize,
    /// Of all, those inside the interval.
    inside: usize,
    /// Mean absolute relative errors: of the predictor, of the mean of the last two, of the mean of all before.
    error: f64,
    error_of_last_two: f64,
    error_of_mean: f64,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Task {
    task_id: String,
    runs: usize,
    /// Runs in which it was on the critical path.
    critical_runs: usize,
    /// Mean seconds of the critical path that are this task's.
    on_path_s: f64,
    slack_s: f64,
    /// Replayed with this task taking no time: makespans over those with it. `null` where that was not replayed.
    at_zero: Option<Estimate>,
}

/// What task instances waited for between the end of what they depend on and being queued.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Wait {
    limit: String,
    seconds: f64,
    instances: usize,
    /// By hour of the week, from Monday 00:00 UTC.
    by_hour_s: Vec<f64>,
}

impl Document {
    pub(in crate::cli) fn new(one: &OneRun<'_>, warnings: Vec<String>) -> Self {
        let Explanation { run, seconds, usual, waited, landing, parts, edges_from, .. } = &one.explanation;
        let compared = |(seconds, usual): &(f64, Option<analysis::Usual>)| Compared {
            seconds: tidy(*seconds),
            usual: usual.as_ref().map(Usual::from),
        };
        let mut critical_path: Vec<String> =
            parts.iter().filter_map(|part| part.task_id.as_ref()).map(ToString::to_string).collect();
        critical_path.dedup();
        Self {
            schema: "windtunnel.explanation.v1".into(),
            windtunnel: VERSION.into(),
            deployment: one.deployment.to_string(),
            dag_id: run.dag_id.to_string(),
            run_id: run.run_id.to_string(),
            run_type: run.run_type.as_str().to_owned(),
            state: run.state.as_ref().map(|state| state.as_str().to_owned()),
            logical_date: run.logical_date.map(|time| time.to_string()),
            started_at: run.started_at.map(|time| time.to_string()),
            ended_at: run.ended_at.map(|time| time.to_string()),
            duration_s: tidy(*seconds),
            usual: usual.as_ref().map(Usual::from),
            waited_to_begin: waited.as_ref().map(compared),
            landing: landing.as_ref().filter(|_| run.ended_at.is_some()).map(compared),
            to_go: one.explanation.to_go.as_ref().map(|(_, usual)| usual.into()),
            deadline: one.landing.as_ref().map(Deadline::from),
            sla_missed: one.sla_missed.iter().map(ToString::to_string).collect(),
            critical_path,
            parts: parts.iter().zip(&one.blocked).map(|(part, blocked)| Part::new(part, blocked)).collect(),
            edges_from: edges_from.as_str().into(),
            warnings,
        }
    }
}

impl Part {
    fn new(part: &Explained, blocked: &[Blocked]) -> Self {
        let limit = |blocked: &Blocked| Limit { limit: blocked.limit.clone(), seconds: tidy(blocked.seconds) };
        Self {
            task_id: part.task_id.as_ref().map(ToString::to_string),
            map_index: part.map_index,
            kind: part.kind.as_str().into(),
            from: part.from.to_string(),
            seconds: tidy(part.seconds),
            usual: part.usual.as_ref().map(Usual::from),
            more_s: part.more().and_then(finite),
            unusual: part.is_unusual(),
            blocked_by: blocked.iter().map(limit).collect(),
        }
    }
}

impl From<&analysis::Usual> for Usual {
    fn from(usual: &analysis::Usual) -> Self {
        Self { median_s: tidy(usual.median), low_s: tidy(usual.low), high_s: tidy(usual.high), n: usual.n }
    }
}

impl From<&Landing> for Deadline {
    fn from(landing: &Landing) -> Self {
        let Landing { deadline_s, late_s, missed, of } = landing;
        Self { deadline_s: tidy(*deadline_s), late_s: late_s.and_then(finite), missed: *missed, of: *of }
    }
}

impl Overview {
    pub(in crate::cli) fn new(overall: &Overall<'_>, warnings: Vec<String>) -> Self {
        let tasks = &overall.tasks;
        let task = |(at, task): (usize, &CriticalTask)| Task {
            task_id: task.task_id.to_string(),
            runs: task.runs,
            critical_runs: task.critical,
            on_path_s: tidy(task.on_path_s),
            slack_s: tidy(task.slack_s),
            at_zero: overall.at_zero.get(at).and_then(Option::as_ref).map(Estimate::from),
        };
        let wait = |(limit, crowded): &(String, crate::replay::airflow::Crowded)| Wait {
            limit: limit.clone(),
            seconds: tidy(crowded.seconds),
            instances: crowded.instances,
            by_hour_s: crowded.by_hour.iter().map(|seconds| tidy(*seconds)).collect(),
        };
        Self {
            schema: "windtunnel.critical_path.v1".into(),
            windtunnel: VERSION.into(),
            deployment: overall.deployment.to_string(),
            dag_id: overall.dag.to_owned(),
            runs: tasks.runs,
            mean_s: tidy(tasks.mean_s),
            idle_s: tidy(tasks.idle_s),
            tasks: tasks.tasks.iter().enumerate().map(task).collect(),
            waits: overall.waits.iter().map(wait).collect(),
            deadline: overall.landing.as_ref().map(Deadline::from),
            model_error: overall.model_error.as_ref().map(Estimate::from),
            waited_s: tidy(overall.waited_s),
            full_by_hour_s: overall.by_hour.iter().map(|seconds| tidy(*seconds)).collect(),
            backlog: overall.backlog.as_ref().map(Backlog::from),
            foretold: Foretold {
                n: overall.foretold.n,
                with_volume: overall.foretold.with_volume,
                inside: overall.foretold.inside,
                error: tidy(overall.foretold.error),
                error_of_last_two: tidy(overall.foretold.error_of_last_two),
                error_of_mean: tidy(overall.foretold.error_of_mean),
            },
            next: overall
                .next
                .iter()
                .map(|step| Next { command: step.command.clone(), ratio: Estimate::from(&step.ratio) })
                .collect(),
            edges_from: tasks.edges_from.as_str().into(),
            warnings,
        }
    }
}

impl Document {
    /// What a report is made of.
    pub(in crate::cli) fn into_results(self) -> ExplanationResults {
        let mut at_s = 0.0;
        let mut part = |part: Part| {
            let from = at_s;
            at_s += part.seconds;
            PathPart {
                task: part.task_id.map(|task| match part.map_index {
                    0.. => format!("{task}[{}]", part.map_index),
                    _ => task,
                }),
                kind: part.kind.into_owned(),
                at_s: from,
                seconds: part.seconds,
                usual: part.usual.map(UsualSeconds::from),
                unusual: part.unusual,
                blocked: part.blocked_by.into_iter().map(|limit| (limit.limit, limit.seconds)).collect(),
            }
        };
        ExplanationResults {
            parts: self.parts.into_iter().map(&mut part).collect(),
            dag: self.dag_id,
            run_id: self.run_id,
            state: self.state.unwrap_or_else(|| "unknown".to_owned()),
            duration_s: self.duration_s,
            usual: self.usual.map(UsualSeconds::from),
            landed_s: self.landing.map(|landing| landing.seconds),
            deadline: self.deadline.map(|of| (of.deadline_s, of.late_s, of.missed, of.of)),
            warnings: self.warnings,
        }
    }
}

impl From<Usual> for UsualSeconds {
    fn from(usual: Usual) -> Self {
        Self { median: usual.median_s, low: usual.low_s, high: usual.high_s, n: usual.n }
    }
}

impl Overview {
    /// What a report is made of.
    pub(in crate::cli) fn into_results(self) -> OverviewResults {
        let task = |task: Task| DecidingTask {
            task: task.task_id,
            runs: (task.runs, task.critical_runs),
            on_path_s: task.on_path_s,
            slack_s: task.slack_s,
            at_zero: task.at_zero.map(stats::Estimate::from),
        };
        let wait = |wait: Wait| WaitedFor {
            limit: wait.limit,
            seconds: wait.seconds,
            instances: wait.instances,
            by_hour_s: wait.by_hour_s,
        };
        OverviewResults {
            dag: self.dag_id,
            runs: self.runs,
            mean_s: self.mean_s,
            tasks: self.tasks.into_iter().map(task).collect(),
            waits: self.waits.into_iter().map(wait).collect(),
            full_by_hour_s: self.full_by_hour_s,
            next: self.next.into_iter().map(|next| (next.command, stats::Estimate::from(next.ratio))).collect(),
            backlog: self.backlog.map(|of| (of.under_way, of.done_s.map(stats::Estimate::from))),
            model_error: self.model_error.map(stats::Estimate::from),
            warnings: self.warnings,
        }
    }
}
