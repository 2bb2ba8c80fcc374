//! Platform files, such as `datasets/ecommerce.toml`: a machine, pools, DAGs and what their tasks need.

use crate::model::{Graph, GraphError, Platform, PlatformDag, PlatformMachine, PlatformPool, PlatformTask};
use serde::Deserialize;
use std::collections::HashSet;

/// The file as written. Unknown keys are refused; toml then lists the known ones.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    name: String,
    core: String,
    machine: Machine,
    airflow: Airflow,
    chance: Chance,
    pools: Vec<Pool>,
    dags: Vec<Dag>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Machine {
    cores: f64,
    memory_gb: f64,
    taken_gb: f64,
    disk_mb_s: f64,
    network_mb_s: f64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Airflow {
    parallelism: u32,
    max_active_tasks: u32,
    scheduler_period_s: f64,
    startup_s: f64,
    retries: u32,
    retry_delay_s: f64,
}

/// How much a day differs from a usual one: standard deviations of logarithms.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Chance {
    /// Of the items of a day, all together.
    pub(super) day: f64,
    /// Of the items of a part.
    pub(super) part: f64,
    /// Of the speed of a part.
    pub(super) speed: f64,
    /// Of the memory of a part.
    pub(super) memory: f64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pool {
    name: String,
    slots: u32,
    serves: Option<f64>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Dag {
    name: String,
    /// Minutes of the day.
    starts_at_min: Vec<f64>,
    deadline_min: f64,
    #[serde(default)]
    may_shift_min: f64,
    tasks: Vec<Task>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Task {
    name: String,
    #[serde(default)]
    after: Vec<String>,
    #[serde(default = "one")]
    parts: u32,
    #[serde(default)]
    items: f64,
    #[serde(default)]
    cpu_us: f64,
    #[serde(default)]
    disk_bytes: f64,
    #[serde(default)]
    network_bytes: f64,
    #[serde(default)]
    memory_bytes: f64,
    #[serde(default)]
    wait_s: f64,
    batch: Option<f64>,
    #[serde(default)]
    batch_s: f64,
    #[serde(default = "process")]
    process_mb: f64,
    pool: String,
    #[serde(default = "one")]
    slots: u32,
    #[serde(default = "weight")]
    priority_weight: i64,
    #[serde(default)]
    failing: f64,
}

fn one() -> u32 {
    1
}

fn weight() -> i64 {
    1
}

/// Megabytes of a process that has loaded Airflow and pandas.
fn process() -> f64 {
    180.0
}

/// Task instances of a day: the search replays some thousand days.
const MOST_INSTANCES: f64 = 2_000.0;
/// Tries after the first that anybody would want.
const MOST_RETRIES: u32 = 100;
const GB: f64 = 1e9;
const MB: f64 = 1e6;
const MINUTE: f64 = 60.0;
/// Minutes of a day.
const DAY_MIN: f64 = 1_440.0;

impl File {
    /// Reads a file's text.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    pub(super) fn chance(&self) -> Chance {
        self.chance
    }

    /// The platform; a name that leads nowhere or a number that means nothing is refused.
    pub(super) fn platform(&self) -> Result<Platform, String> {
        let machine = PlatformMachine {
            cores: above_0("machine.cores", self.machine.cores)?,
            memory: above_0("machine.memory_gb", self.machine.memory_gb)? * GB,
            taken: at_least_0("machine.taken_gb", self.machine.taken_gb)? * GB,
            io: above_0("machine.disk_mb_s", self.machine.disk_mb_s)? * MB,
            network: above_0("machine.network_mb_s", self.machine.network_mb_s)? * MB,
        };
        if machine.taken >= machine.memory {
            return Err("machine.taken_gb leaves no memory for tasks".to_owned());
        }
        for (name, value) in [
            ("chance.day", self.chance.day),
            ("chance.part", self.chance.part),
            ("chance.speed", self.chance.speed),
            ("chance.memory", self.chance.memory),
        ] {
            within(name, value, 0.0, 2.0)?;
        }
        if let Some(name) = twice(self.pools.iter().map(|pool| &*pool.name)) {
            return Err(format!("pools: `{name}` stands there twice"));
        }
        if let Some(name) = twice(self.dags.iter().map(|dag| &*dag.name)) {
            return Err(format!("dags: `{name}` stands there twice"));
        }
        let dags = self.dags.iter().map(|dag| self.dag(dag)).collect::<Result<Vec<PlatformDag>, String>>()?;
        let core = dags.iter().position(|dag| *dag.dag_id == *self.core);
        let core = core.ok_or_else(|| format!("core: there is no DAG `{}`", self.core))?;
        if dags[core].starts.is_empty() || dags[core].tasks.is_empty() {
            return Err(format!("{}: the core DAG has no start, or no task", self.core));
        }
        let instances = |dag: &PlatformDag| {
            dag.starts.len() as f64 * dag.tasks.iter().map(|task| f64::from(task.parts)).sum::<f64>()
        };
        let all: f64 = dags.iter().map(instances).sum();
        if all > MOST_INSTANCES {
            return Err(format!(
                "a day of it has {all} task instances: {MOST_INSTANCES} are the most that a search gets through"
            ));
        }
        let platform = Platform {
            name: self.name.as_str().into(),
            machine,
            pools: self.pools.iter().map(pool).collect::<Result<_, _>>()?,
            parallelism: self.airflow.parallelism,
            look_s: within("airflow.scheduler_period_s", self.airflow.scheduler_period_s, 0.01, 3_600.0)?,
            startup_s: within("airflow.startup_s", self.airflow.startup_s, 0.0, 3_600.0)?,
            dags,
            core,
        };
        Ok(platform)
    }

    fn dag(&self, dag: &Dag) -> Result<PlatformDag, String> {
        let name = &dag.name;
        let minutes = |key: &str, value: f64, most: f64| {
            within(&format!("{name}.{key}"), value, 0.0, most).map(|value| value * MINUTE)
        };
        if let Some(task) = twice(dag.tasks.iter().map(|task| &*task.name)) {
            return Err(format!("{name}.tasks: `{task}` stands there twice"));
        }
        let tasks: Vec<PlatformTask> = dag.tasks.iter().map(|task| self.task(dag, task)).collect::<Result<_, _>>()?;
        let edges = (0..).zip(&tasks).flat_map(|(at, task)| task.after.iter().map(move |before| (*before, at)));
        if let Err(GraphError::Circle(circle)) = Graph::new(tasks.len(), edges.collect()) {
            let names: Vec<&str> = circle.iter().map(|at| &*tasks[*at as usize].task_id).collect();
            return Err(format!("{name}: dependencies have a circle: {}", names.join(" -> ")));
        }
        Ok(PlatformDag {
            dag_id: name.as_str().into(),
            starts: dag
                .starts_at_min
                .iter()
                .map(|at| minutes("starts_at_min", *at, DAY_MIN))
                .collect::<Result<_, _>>()?,
            deadline_s: minutes("deadline_min", dag.deadline_min, 100.0 * DAY_MIN)?,
            may_shift_s: minutes("may_shift_min", dag.may_shift_min, DAY_MIN)?,
            max_active_tasks: self.airflow.max_active_tasks,
            tasks,
        })
    }

    fn task(&self, dag: &Dag, task: &Task) -> Result<PlatformTask, String> {
        let name = format!("{}.{}", dag.name, task.name);
        let number = |key: &str, value: f64| at_least_0(&format!("{name}.{key}"), value);
        let place = |before: &String| {
            let found = dag.tasks.iter().position(|other| other.name == *before);
            found.map(|at| at as u32).ok_or_else(|| format!("{name}.after: there is no task `{before}`"))
        };
        let pool = self.pools.iter().position(|pool| pool.name == task.pool);
        let pool = pool.ok_or_else(|| format!("{name}.pool: there is no pool `{}`", task.pool))?;
        if task.parts == 0 {
            return Err(format!("{name}.parts: 1 or more"));
        }
        if task.slots > self.pools[pool].slots {
            return Err(format!("{name}.slots: {} has {} slots", task.pool, self.pools[pool].slots));
        }
        within(&format!("{name}.failing"), task.failing, 0.0, 0.9)?;
        if self.airflow.retries > MOST_RETRIES {
            return Err(format!("airflow.retries: {MOST_RETRIES} at most, not {}", self.airflow.retries));
        }
        Ok(PlatformTask {
            task_id: task.name.as_str().into(),
            after: task.after.iter().map(place).collect::<Result<_, _>>()?,
            parts: task.parts,
            items: number("items", task.items)?,
            cpu_s: number("cpu_us", task.cpu_us)? / 1e6,
            io: number("disk_bytes", task.disk_bytes)?,
            network: number("network_bytes", task.network_bytes)?,
            wait_s: number("wait_s", task.wait_s)?,
            batch: task.batch.map(|batch| above_0(&format!("{name}.batch"), batch)).transpose()?,
            batch_s: number("batch_s", task.batch_s)?,
            memory: number("memory_bytes", task.memory_bytes)?,
            process: number("process_mb", task.process_mb)? * MB,
            pool: pool as u32,
            slots: task.slots,
            priority: task.priority_weight,
            retries: self.airflow.retries,
            retry_delay_s: within("airflow.retry_delay_s", self.airflow.retry_delay_s, 0.0, 86_400.0)?,
            failing: task.failing,
        })
    }
}

fn pool(pool: &Pool) -> Result<PlatformPool, String> {
    let serves = pool.serves.map(|serves| above_0(&format!("pools.{}.serves", pool.name), serves)).transpose()?;
    Ok(PlatformPool { name: pool.name.as_str().into(), slots: pool.slots, serves: serves.unwrap_or(f64::INFINITY) })
}

/// No number of a platform is larger: beyond it sums mean nothing.
const MOST: f64 = 1e12;
/// Nor is one smaller that has to be above 0.
const LEAST: f64 = 1e-6;

fn above_0(name: &str, value: f64) -> Result<f64, String> {
    within(name, value, LEAST, MOST).map_err(|_| format!("{name}: a number above 0 (up to {MOST:e}), not {value}"))
}

fn at_least_0(name: &str, value: f64) -> Result<f64, String> {
    within(name, value, 0.0, MOST).map_err(|_| format!("{name}: 0 or more (up to {MOST:e}), not {value}"))
}

fn within(name: &str, value: f64, low: f64, high: f64) -> Result<f64, String> {
    (low..=high).contains(&value).then_some(value).ok_or_else(|| format!("{name}: {low} to {high}, not {value}"))
}

/// The first name that stands twice.
fn twice<'a>(names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = HashSet::new();
    let mut names = names;
    names.find(|name| !seen.insert(*name))
}
