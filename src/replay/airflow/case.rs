//! What is replayed: an Airflow's limits, its DAGs and runs, and what each task instance does once it is started.

use crate::model::Graph;
use std::ops::Range;

/// Whose rules: they differ in what `max_active_tasks` counts, and in who finds that a task may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// Airflow 2: `max_active_tasks` counts all runs of a DAG; a task that ends schedules those behind it itself.
    Two,
    /// Airflow 3: `max_active_tasks` counts one run; the loop schedules.
    Three,
}

/// What the scheduler goes by. Defaults are those of Airflow 2.10 and 3.3 (`config.yml`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Generation.
    pub generation: Generation,
    /// `core.parallelism`: task instances that are with the executor at once.
    pub parallelism: u32,
    /// `scheduler.max_tis_per_query`: task instances that one pass looks at; 0 is as many as have room.
    pub max_tis: u32,
    /// Microseconds of a pass of the loop that did something.
    pub loop_us: u64,
    /// Does the critical section come at the end of a pass, so that what ends meanwhile waits for the next one? Else a pass takes
    /// no time, and the next comes a period later.
    pub section_last: bool,
    /// `scheduler.scheduler_idle_sleep_time`: microseconds of sleep after one that did nothing.
    pub idle_us: u64,
    /// `scheduler.max_dagruns_per_loop_to_schedule`: runs that one pass brings forward.
    pub runs_a_loop: usize,
    /// `scheduler.schedule_after_task_execution` (2.x).
    pub mini_scheduler: bool,
}

impl Rules {
    /// The defaults of a generation; a pass takes a tenth of a second where nothing better is known.
    #[must_use]
    pub fn of(generation: Generation) -> Self {
        Self {
            generation,
            parallelism: 32,
            max_tis: 16,
            loop_us: 100_000,
            section_last: true,
            idle_us: 1_000_000,
            runs_a_loop: 20,
            mini_scheduler: generation == Generation::Two,
        }
    }
}

/// A pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolCase {
    /// Slots.
    pub slots: u32,
    /// Do deferred task instances keep theirs?
    pub include_deferred: bool,
}

/// Limits of a DAG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DagCase {
    /// `max_active_tasks`.
    pub max_active_tasks: u32,
    /// `max_active_runs`.
    pub max_active_runs: u32,
}

/// A run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunCase {
    /// Place of its DAG.
    pub dag: u32,
    /// When it is made, in microseconds.
    pub made: u64,
    /// What it is ordered by: logical date (2.x) or `run_after` (3.x).
    pub date: i64,
    /// Backfills come last (3.x).
    pub backfill: bool,
}

/// Why a task instance is away before a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Away {
    /// Not at all: its first step.
    No,
    /// Between two tries, or between two pokes of a rescheduled sensor: the loop finds that its time has come.
    Delayed,
    /// With the triggerer, which schedules it itself.
    Deferred,
}

/// One stay in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Where it was before.
    pub away: Away,
    /// For how long, in microseconds.
    pub pause: u64,
    /// From queued to started, in microseconds.
    pub latency: u64,
    /// From started to ended, in microseconds.
    pub length: u64,
    /// From ended until its process is gone: until then the executor holds it, and nobody has seen that it ended.
    pub tail: u64,
}

/// A task instance; its dependencies stand in [`Case::graph`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Place of its run.
    pub run: u32,
    /// Place of its pool.
    pub pool: u32,
    /// Slots it takes there.
    pub slots: u32,
    /// Effective priority weight.
    pub weight: i64,
    /// Map index, -1 where it is not mapped.
    pub map_index: i32,
    /// What tells tasks apart whose instances have common limits of their own: pool slots that do not fit bar the whole task.
    pub task: u32,
    /// Its steps, as places in [`Case::steps`]; none for an operator that needs no slot.
    pub steps: Range<u32>,
}

/// What changes while it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// `core.parallelism`
    Parallelism(u32),
    /// `scheduler.max_tis_per_query`
    MaxTis(u32),
    /// Slots of a pool.
    Pool(u32, u32),
    /// `max_active_tasks` of a DAG.
    MaxActiveTasks(u32, u32),
    /// `max_active_runs` of a DAG.
    MaxActiveRuns(u32, u32),
    /// Microseconds of a pass of the loop that did something.
    Loop(u64),
    /// The scheduler stops.
    Down,
    /// And goes on.
    Up,
}

/// All of it. Task instances of a run are neighbours.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Rules.
    pub rules: Rules,
    /// Pools.
    pub pools: Vec<PoolCase>,
    /// DAGs.
    pub dags: Vec<DagCase>,
    /// Runs.
    pub runs: Vec<RunCase>,
    /// Task instances.
    pub instances: Vec<Instance>,
    /// Steps of all of them.
    pub steps: Vec<Step>,
    /// Which instance waits for which.
    pub graph: Graph,
    /// Changes in order of time.
    pub changes: Vec<(u64, Change)>,
    /// When critical sections are known to have come, ascending: passes end then. Elsewhere they come by the loop's period.
    pub sections: Vec<u64>,
    /// Order of instances that Airflow does not tell apart: 0 is that of their places, another one is a shuffle of that seed.
    pub ties: u64,
}

/// What came of it, in microseconds; `u64::MAX` where it never came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// When the dependencies of each instance were found to be met first.
    pub scheduled: Vec<u64>,
    /// When each step was handed to the executor.
    pub queued: Vec<u64>,
    /// When each step ended.
    pub ended: Vec<u64>,
    /// When each run began.
    pub run_started: Vec<u64>,
    /// When its last task instance ended.
    pub run_ended: Vec<u64>,
    /// Passes of the loop that were made.
    pub passes: u64,
}
