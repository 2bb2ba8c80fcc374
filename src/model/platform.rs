//! A platform: a machine, its pools, and DAGs of tasks that need processors, memory, disks and network; and what a day brings.

use super::{Graph, GraphError, Text};

/// The machine that tasks run on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlatformMachine {
    /// Processors.
    pub cores: f64,
    /// Bytes of memory.
    pub memory: f64,
    /// Of these, taken before any task runs: the system, the scheduler, a metadata database.
    pub taken: f64,
    /// Bytes a second of its disks.
    pub io: f64,
    /// Bytes a second of its network.
    pub network: f64,
}

/// A pool.
#[derive(Clone, Debug, PartialEq)]
pub struct PlatformPool {
    /// Name.
    pub name: Text,
    /// Slots.
    pub slots: u32,
    /// Slots that what is behind it (a database, a service) serves at full speed; more of them share that.
    pub serves: f64,
}

/// A task of a DAG; what is "an item" differs from task to task.
#[derive(Clone, Debug, PartialEq)]
pub struct PlatformTask {
    /// Task.
    pub task_id: Text,
    /// Tasks of the DAG that it waits for, by place.
    pub after: Vec<u32>,
    /// Instances of a mapped task; 1 of any other.
    pub parts: u32,
    /// Items of all parts on a usual day.
    pub items: f64,
    /// Seconds of one processor that an item takes.
    pub cpu_s: f64,
    /// Bytes of disk that an item moves.
    pub io: f64,
    /// Bytes of network that an item moves.
    pub network: f64,
    /// Seconds that it waits for what is behind its pool, whatever the number of items.
    pub wait_s: f64,
    /// Items that are in memory at once; `None`: all of a part.
    pub batch: Option<f64>,
    /// Seconds that each batch costs beside its items: a query, a commit.
    pub batch_s: f64,
    /// Bytes of memory of an item.
    pub memory: f64,
    /// Bytes of memory of the process.
    pub process: f64,
    /// Pool, by place.
    pub pool: u32,
    /// Slots that it takes there.
    pub slots: u32,
    /// Airflow's `priority_weight`.
    pub priority: i64,
    /// Tries after the first.
    pub retries: u32,
    /// Seconds between two tries.
    pub retry_delay_s: f64,
    /// Share of tries that fail of themselves.
    pub failing: f64,
}

/// A DAG.
#[derive(Clone, Debug, PartialEq)]
pub struct PlatformDag {
    /// DAG.
    pub dag_id: Text,
    /// Seconds of the day at which runs of it are made.
    pub starts: Vec<f64>,
    /// Seconds from there by which a run should have ended.
    pub deadline_s: f64,
    /// Seconds by which its runs may be made later.
    pub may_shift_s: f64,
    /// Tasks of it that run at once.
    pub max_active_tasks: u32,
    /// Tasks, each after those that it waits for.
    pub tasks: Vec<PlatformTask>,
}

/// A platform.
#[derive(Clone, Debug, PartialEq)]
pub struct Platform {
    /// Name.
    pub name: Text,
    /// Machine.
    pub machine: PlatformMachine,
    /// Pools.
    pub pools: Vec<PlatformPool>,
    /// Tasks that run at once.
    pub parallelism: u32,
    /// Seconds between two looks of the scheduler.
    pub look_s: f64,
    /// Seconds from its start until a task's process works.
    pub startup_s: f64,
    /// DAGs.
    pub dags: Vec<PlatformDag>,
    /// Place of the DAG that it is all about.
    pub core: usize,
}

/// What chance gives one task instance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drawn {
    /// Its share of the items of its task, over an even one.
    pub items: f64,
    /// Its speed: seconds over what items say.
    pub seconds: f64,
    /// Its memory over what items say.
    pub memory: f64,
    /// First tries that fail of themselves.
    pub fails: u32,
}

/// An instance of a day: which part of which task of which run of which DAG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlatformInstance {
    /// DAG, by place.
    pub dag: u32,
    /// Run of the DAG that day, by place of its start.
    pub run: u32,
    /// Task, by place.
    pub task: u32,
    /// Part.
    pub part: u32,
}

impl Platform {
    /// Instances of a day, and which waits for which: every part of a task for every part of those before it, but part for part
    /// where both have as many.
    ///
    /// # Errors
    /// Where dependencies go round or lead nowhere.
    pub fn day(&self) -> Result<(Vec<PlatformInstance>, Graph), GraphError> {
        let mut instances = Vec::new();
        let mut edges = Vec::new();
        for (dag, of) in (0_u32..).zip(&self.dags) {
            for run in 0..of.starts.len() as u32 {
                let mut first_of = Vec::with_capacity(of.tasks.len());
                for (task, spec) in (0_u32..).zip(&of.tasks) {
                    first_of.push(instances.len() as u32);
                    instances.extend((0..spec.parts).map(|part| PlatformInstance { dag, run, task, part }));
                }
                for (task, spec) in of.tasks.iter().enumerate() {
                    for &before in &spec.after {
                        let parts = of.tasks[before as usize].parts;
                        for part in 0..spec.parts {
                            let froms = if parts == spec.parts { part..part + 1 } else { 0..parts };
                            let to = first_of[task] + part;
                            edges.extend(froms.map(|from| (first_of[before as usize] + from, to)));
                        }
                    }
                }
            }
        }
        let graph = Graph::new(instances.len(), edges)?;
        Ok((instances, graph))
    }

    /// The task of an instance.
    #[must_use]
    pub fn task(&self, of: PlatformInstance) -> &PlatformTask {
        &self.dags[of.dag as usize].tasks[of.task as usize]
    }
}
