//! `simulate`: a schedule in virtual time, with what no schedule can beat.

use super::estimate::{Estimate, finite, tidy};
use super::{VERSION, backlog::Backlog};
use crate::{
    cli::command::simulate::{Simulation, lower_bound},
    model::Workflow,
    replay::{
        airflow::TaskTimes,
        simulate::{Arrivals, Bounds, Completions, Schedule, slots},
    },
    report::{BacklogResult, SimulatedTask, SimulationResults, SweptValue},
    stats,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Microseconds in a second.
const SECOND: f64 = 1e6;

/// What a simulation gave.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(in crate::cli) struct Document {
    schema: Cow<'static, str>,
    windtunnel: Cow<'static, str>,
    seed: u64,
    /// Name of the DAG.
    dag: String,
    policy: Cow<'static, str>,
    /// Where the best order came from; only of `best`. Of a DAG of the lake, all figures are then of the later half of its runs, which had
    /// no say in the choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order_from: Option<Cow<'static, str>>,
    slots: u32,
    /// `null` where it never ends.
    makespan_s: Option<f64>,
    /// Critical path or work over slots, the larger: no schedule is shorter.
    lower_bound_s: f64,
    /// The same with what must come before and after; at least `lower_bound_s`.
    lower_bound_tight_s: f64,
    work_s: f64,
    critical_path_s: f64,
    critical_path: Vec<String>,
    tasks: Vec<Task>,
    /// Recorded against replayed; only where there is a recorded history.
    model_error: Option<Estimate>,
    /// Of the makespan; only where there is a history that it can rest on.
    interval: Option<Estimate>,
    /// The same without the what-ifs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<Before>,
    /// Only of a DAG of the lake; then `tasks` and `critical_path` are those of its last run, and the other figures medians.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    history: Option<History>,
    warnings: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Task {
    task_id: String,
    start_s: f64,
    end_s: f64,
    /// From 0.
    slot: u32,
}

/// As things are.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Before {
    makespan_s: Option<f64>,
    lower_bound_s: f64,
    work_s: f64,
    critical_path_s: f64,
}

/// The replay of a recorded history.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct History {
    /// `serialized`, `api`, or `inferred` from the history.
    edges_from: Cow<'static, str>,
    /// Runs that the medians are of.
    runs: usize,
    /// The replay of what really happened against the record.
    checked: Checked,
    /// What is otherwise, in words.
    #[serde(default)]
    what_ifs: Vec<String>,
    /// Median seconds from when a run was made to its end, without and with the what-ifs.
    #[serde(default)]
    landed_s: Vec<f64>,
    /// Makespans with what-ifs over those without, run by run; only with what-ifs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ratio: Option<Estimate>,
    /// Of earlier runs of which an interval like `interval` was told from those before them: how many lay inside.
    told_and_held: Held,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    sweep: Vec<Swept>,
    /// When what lies ahead will be done; only where it was asked for. `after` is with the what-ifs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    backlog: Option<BacklogDone>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct BacklogDone {
    added_runs: u32,
    as_is: Backlog,
    after: Option<Backlog>,
}

/// How well the replay tells what happened.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Checked {
    /// Median over its runs of replayed over recorded makespans: above 1 where the replay is too long.
    #[serde(default)]
    bias: Option<f64>,
    /// Median of its recorded makespans.
    #[serde(default)]
    recorded_makespan_s: Option<f64>,
    /// Median error of the makespans of this DAG alone.
    #[serde(default)]
    own_error: Option<Estimate>,
    /// Runs without a scheduler restart, of all DAGs, that were compared.
    runs_compared: usize,
    /// Runs that a restart touched.
    runs_restarted: usize,
    /// Runs of which task instances are missing.
    runs_incomplete: usize,
    /// By how much later than recorded tasks were queued within their runs: median.
    start_error_median_s: Option<f64>,
    /// The same without its sign, 90 % quantile.
    start_error_p90_s: Option<f64>,
    /// Seconds in slots, replayed over recorded.
    slot_seconds_ratio: f64,
}

/// How often intervals held, and how wide they were.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Held {
    inside: usize,
    of: usize,
    /// Over the point: median.
    #[serde(default)]
    width: f64,
    /// The same of mean and spread of all runs before (Student's t).
    #[serde(default)]
    whole_run_width: f64,
}

/// One value of a sweep.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Swept {
    limit: String,
    value: u32,
    /// `null` where the median run never ends.
    makespan_s: Option<f64>,
    /// Makespans over those of the record, run by run.
    #[serde(default)]
    ratio: Option<Estimate>,
    /// Runs that never end.
    never_end: usize,
    /// Where a backlog was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    backlog: Option<Backlog>,
}

impl Document {
    /// Of a DAG of the lake.
    pub(in crate::cli) fn of_history(
        simulation: &Simulation<'_>,
        policy: &'static str,
        seed: u64,
        warnings: Vec<String>,
    ) -> Self {
        let base = &simulation.base;
        let shown = simulation.after.as_ref().unwrap_or(base);
        let bound = lower_bound(shown, simulation.parallelism);
        let task = |times: &TaskTimes| Task {
            task_id: match times.map_index {
                0.. => format!("{}[{}]", times.task_id, times.map_index),
                _ => times.task_id.to_string(),
            },
            start_s: tidy(times.queued_s),
            end_s: tidy(times.ended_s),
            slot: 0,
        };
        let mut tasks: Vec<Task> = shown.tasks.iter().map(task).collect();
        let micros = |seconds: f64| (seconds * SECOND).round() as u64;
        let schedule = Schedule {
            starts: tasks.iter().map(|task| micros(task.start_s)).collect(),
            ends: tasks.iter().map(|task| micros(task.end_s)).collect(),
            makespan: 0,
        };
        tasks.iter_mut().zip(slots(&schedule)).for_each(|(task, slot)| task.slot = slot);
        let error = &base.error;
        Self {
            schema: "windtunnel.simulation.v1".into(),
            windtunnel: VERSION.into(),
            seed,
            dag: simulation.dag.to_owned(),
            policy: policy.into(),
            order_from: simulation.order_from.map(Into::into),
            slots: simulation.parallelism,
            makespan_s: finite(shown.median_s),
            lower_bound_s: tidy(bound),
            lower_bound_tight_s: tidy(bound),
            work_s: tidy(shown.work_s),
            critical_path_s: tidy(shown.critical_path_s),
            critical_path: shown.critical_path.iter().map(ToString::to_string).collect(),
            tasks,
            model_error: error.makespan.as_ref().map(Estimate::from),
            interval: simulation.next.as_ref().map(Estimate::from),
            before: simulation.after.as_ref().map(|_| Before {
                makespan_s: finite(base.median_s),
                lower_bound_s: tidy(lower_bound(base, simulation.parallelism)),
                work_s: tidy(base.work_s),
                critical_path_s: tidy(base.critical_path_s),
            }),
            history: Some(History::new(simulation)),
            warnings,
        }
    }
}

impl History {
    fn new(simulation: &Simulation<'_>) -> Self {
        let (base, error) = (&simulation.base, &simulation.base.error);
        let restarted = error.runs.iter().filter(|run| run.restarted).count();
        let swept = simulation.sweep.iter().flat_map(|(name, tried)| tried.iter().map(move |tried| (name, tried)));
        Self {
            edges_from: simulation.edges_from.as_str().into(),
            runs: base.makespans.len(),
            checked: Checked {
                bias: simulation.bias.and_then(finite),
                recorded_makespan_s: stats::median(&base.recorded).and_then(finite),
                own_error: base.own_error.as_ref().map(Estimate::from),
                runs_compared: error.runs.len() - restarted,
                runs_restarted: restarted,
                runs_incomplete: error.not_whole,
                start_error_median_s: error.starts.map(|(median, _)| tidy(median)),
                start_error_p90_s: error.starts.map(|(_, p90)| tidy(p90)),
                slot_seconds_ratio: tidy(error.slot_seconds),
            },
            what_ifs: simulation.what_ifs.clone(),
            landed_s: [Some(base), simulation.after.as_ref()]
                .into_iter()
                .flatten()
                .filter_map(|replay| finite(replay.landed_s))
                .collect(),
            ratio: simulation.after.as_ref().and_then(|after| after.over(base)).as_ref().map(Estimate::from),
            told_and_held: Held {
                inside: simulation.held.inside,
                of: simulation.held.of,
                width: tidy(simulation.held.width),
                whole_run_width: tidy(simulation.held.whole_run_width),
            },
            sweep: swept
                .map(|(name, tried)| Swept {
                    limit: (*name).to_owned(),
                    value: tried.value,
                    makespan_s: finite(tried.replay.median_s),
                    ratio: tried.replay.over(base).as_ref().map(Estimate::from),
                    never_end: tried.replay.never_end(),
                    backlog: tried.ahead.as_ref().map(Backlog::from),
                })
                .collect(),
            backlog: simulation.backlog.as_ref().map(|backlog| BacklogDone {
                added_runs: backlog.added,
                as_is: Backlog::from(&backlog.as_is),
                after: backlog.after.as_ref().map(Backlog::from),
            }),
        }
    }
}

/// What one simulation of a workflow gave.
pub(in crate::cli) struct Simulated<'a> {
    pub(in crate::cli) workflow: &'a Workflow,
    pub(in crate::cli) schedule: Schedule,
    pub(in crate::cli) bounds: Bounds,
    pub(in crate::cli) critical_path: Vec<u32>,
    pub(in crate::cli) order_from: Option<&'static str>,
}

impl Document {
    pub(in crate::cli) fn new(
        after: &Simulated<'_>,
        before: Option<&Simulated<'_>>,
        (policy, slots_given, seed): (&'static str, u32, u64),
        warnings: Vec<String>,
    ) -> Self {
        let name = |task: &u32| after.workflow.tasks[*task as usize].task_id.to_string();
        let on_slots = slots(&after.schedule);
        let task = |task: u32| Task {
            task_id: name(&task),
            start_s: seconds(after.schedule.starts[task as usize]),
            end_s: seconds(after.schedule.ends[task as usize]),
            slot: on_slots[task as usize],
        };
        Self {
            schema: "windtunnel.simulation.v1".into(),
            windtunnel: VERSION.into(),
            seed,
            dag: after.workflow.name.to_string(),
            policy: policy.into(),
            order_from: after.order_from.map(Into::into),
            slots: slots_given,
            makespan_s: Some(seconds(after.schedule.makespan)),
            lower_bound_s: tidy(after.bounds.lower / SECOND),
            lower_bound_tight_s: tidy(after.bounds.tight / SECOND),
            work_s: seconds(after.bounds.work),
            critical_path_s: seconds(after.bounds.critical_path),
            critical_path: after.critical_path.iter().map(name).collect(),
            tasks: (0..after.workflow.tasks.len() as u32).map(task).collect(),
            model_error: None,
            interval: None,
            before: before.map(Before::from),
            history: None,
            warnings,
        }
    }
}

impl From<&Simulated<'_>> for Before {
    fn from(of: &Simulated<'_>) -> Self {
        Self {
            makespan_s: Some(seconds(of.schedule.makespan)),
            lower_bound_s: tidy(of.bounds.lower / SECOND),
            work_s: seconds(of.bounds.work),
            critical_path_s: seconds(of.bounds.critical_path),
        }
    }
}

/// Microseconds as seconds: whole ones divided once, so that equal times stay equal.
fn seconds(micros: u64) -> f64 {
    micros as f64 / SECOND
}

/// DAGs that share slots.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct Sharing {
    schema: &'static str,
    windtunnel: &'static str,
    seed: u64,
    dags: usize,
    slots: u32,
    /// Work that arrives over what the slots can do.
    load: f64,
    prediction_error: f64,
    /// Each order on the same arrivals.
    policies: Vec<Shared>,
    warnings: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Shared {
    policy: &'static str,
    /// From arrival to end, mean of all DAGs.
    mean_completion_s: f64,
    /// Over that of Airflow's order, on the same arrivals.
    against_airflow: Option<Estimate>,
    /// Completion over what a DAG would take with all slots for itself: geometric mean.
    slowdown: f64,
    worst_slowdown: f64,
}

impl Sharing {
    pub(in crate::cli) fn new(workflows: &[Workflow], arrivals: Arrivals, told: &[Completions]) -> Self {
        let shared = |of: &Completions| Shared {
            policy: of.policy,
            mean_completion_s: tidy(of.mean_s),
            against_airflow: of.against_airflow.as_ref().map(Estimate::from),
            slowdown: tidy(of.slowdown),
            worst_slowdown: tidy(of.worst_slowdown),
        };
        Self {
            schema: "windtunnel.sharing.v1",
            windtunnel: VERSION,
            seed: arrivals.seed,
            dags: workflows.len(),
            slots: arrivals.slots,
            load: arrivals.load,
            prediction_error: arrivals.error,
            policies: told.iter().map(shared).collect(),
            warnings: Vec::new(),
        }
    }
}

impl Document {
    /// What a report is made of.
    pub(in crate::cli) fn into_results(self) -> SimulationResults {
        let task = |task: Task| SimulatedTask {
            task_id: task.task_id,
            start_s: task.start_s,
            end_s: task.end_s,
            slot: task.slot,
        };
        let estimate = |of: Option<Estimate>| of.map(stats::Estimate::from);
        let (mut runs, mut ratio, mut own_error, mut sweep, mut backlog) = (None, None, None, Vec::new(), None);
        let mut what_ifs = Vec::new();
        if let Some(history) = self.history {
            (runs, ratio) = (Some(history.runs), estimate(history.ratio));
            own_error = estimate(history.checked.own_error);
            sweep = history.sweep.into_iter().map(Swept::into_value).collect();
            backlog = history.backlog.map(BacklogDone::into_result);
            what_ifs = history.what_ifs;
        }
        SimulationResults {
            dag: self.dag,
            policy: self.policy.into_owned(),
            slots: self.slots,
            makespan_s: self.makespan_s,
            lower_bound_s: self.lower_bound_tight_s,
            work_s: self.work_s,
            critical_path_s: self.critical_path_s,
            critical_path: self.critical_path,
            tasks: self.tasks.into_iter().map(task).collect(),
            before_s: self.before.and_then(|before| before.makespan_s),
            ratio,
            model_error: self.model_error.map(stats::Estimate::from),
            interval: self.interval.map(stats::Estimate::from),
            order_from: self.order_from.map(Cow::into_owned),
            what_ifs,
            own_error,
            runs,
            sweep,
            backlog,
            seed: self.seed,
            warnings: self.warnings,
        }
    }
}

impl Swept {
    fn into_value(self) -> SweptValue {
        SweptValue {
            limit: self.limit,
            value: self.value,
            makespan_s: self.makespan_s,
            ratio: self.ratio.map(stats::Estimate::from),
        }
    }
}

impl BacklogDone {
    fn into_result(self) -> BacklogResult {
        let Backlog { now, under_way, tasks_to_go, done_s, .. } = self.as_is;
        BacklogResult {
            runs: (under_way, self.added_runs),
            tasks: tasks_to_go,
            now,
            done_s: done_s.map(stats::Estimate::from),
            after_s: self.after.map(|after| after.done_s.map(stats::Estimate::from)),
        }
    }
}
