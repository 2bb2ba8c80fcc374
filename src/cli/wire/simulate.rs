//! `simulate`: a schedule in virtual time, with what no schedule can beat.

use super::VERSION;
use super::estimate::{Estimate, tidy};
use crate::{
    model::Workflow,
    replay::simulate::{Bounds, Schedule, slots},
};
use schemars::JsonSchema;
use serde::Serialize;

/// Microseconds in a second.
const SECOND: f64 = 1e6;

/// What a simulation gave.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct Document {
    schema: &'static str,
    windtunnel: &'static str,
    seed: u64,
    /// Name of the DAG.
    dag: String,
    policy: &'static str,
    /// Where the best order came from; only of `best`.
    #[serde(skip_serializing_if = "Option::is_none")]
    order_from: Option<&'static str>,
    slots: u32,
    makespan_s: f64,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Before>,
    warnings: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Task {
    task_id: String,
    start_s: f64,
    end_s: f64,
    /// From 0.
    slot: u32,
}

/// As things are.
#[derive(Debug, Serialize, JsonSchema)]
struct Before {
    makespan_s: f64,
    lower_bound_s: f64,
    work_s: f64,
    critical_path_s: f64,
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
            schema: "windtunnel.simulation.v1",
            windtunnel: VERSION,
            seed,
            dag: after.workflow.name.to_string(),
            policy,
            order_from: after.order_from,
            slots: slots_given,
            makespan_s: seconds(after.schedule.makespan),
            lower_bound_s: tidy(after.bounds.lower / SECOND),
            lower_bound_tight_s: tidy(after.bounds.tight / SECOND),
            work_s: seconds(after.bounds.work),
            critical_path_s: seconds(after.bounds.critical_path),
            critical_path: after.critical_path.iter().map(name).collect(),
            tasks: (0..after.workflow.tasks.len() as u32).map(task).collect(),
            model_error: None,
            interval: None,
            before: before.map(Before::from),
            warnings,
        }
    }
}

impl From<&Simulated<'_>> for Before {
    fn from(of: &Simulated<'_>) -> Self {
        Self {
            makespan_s: seconds(of.schedule.makespan),
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
