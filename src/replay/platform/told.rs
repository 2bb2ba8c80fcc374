//! What came of a platform's bench, as documents and reports have it: names instead of places.

use super::{
    bench::{Night, PlatformBench, Seed},
    configuration::Configuration,
    outcome::{Day, Ending, Figures},
    search::{Lever, LeverWorth},
};
use crate::{model::Platform, replay::measure::Side};

/// A setting that the search changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its lever.
    pub lever: String,
    /// What it is, such as `pool.warehouse`.
    pub name: String,
    /// As it was.
    pub before: String,
    /// As it is to be.
    pub after: String,
}

/// A task's row in a timeline.
#[derive(Clone, Debug, PartialEq)]
pub struct TimelineRow {
    /// Name: the task, or the DAG of others.
    pub name: String,
    /// Tries: seconds from the day's start to their begin and end, and whether they ended well.
    pub tries: Vec<(f64, f64, bool)>,
}

/// A day as it went.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeline {
    /// Tasks of the core DAG in their order, then other DAGs.
    pub rows: Vec<TimelineRow>,
    /// Memory in use, as a share, from each time on.
    pub memory: Vec<(f64, f64)>,
    /// When the core DAG began and ended, in seconds of the day; `None` where it did not end.
    pub core: (f64, Option<f64>),
}

/// All of it.
#[derive(Clone, Debug, PartialEq)]
pub struct PlatformTold {
    /// Name of the platform.
    pub name: String,
    /// Its core DAG.
    pub core: String,
    /// Configurations that were tried.
    pub tried: usize,
    /// What was changed.
    pub settings: Vec<Setting>,
    /// What that was worth, lever by lever.
    pub levers: Vec<LeverWorth>,
    /// Measured days.
    pub seeds: Vec<Seed>,
    /// On threads.
    pub nights: Vec<Night>,
    /// A day before and after.
    pub days: (Timeline, Timeline),
}

impl PlatformTold {
    /// The measured days of a side.
    #[must_use]
    pub fn days_of(&self, side: Side) -> Vec<&Figures> {
        self.seeds.iter().flat_map(|seed| if side == Side::Baseline { &seed.before } else { &seed.after }).collect()
    }
}

impl From<&PlatformBench> for PlatformTold {
    fn from(bench: &PlatformBench) -> Self {
        let platform = &bench.platform;
        let timeline = |day: &Day, configuration: &Configuration| timeline(bench, day, configuration);
        Self {
            name: platform.name.to_string(),
            core: platform.dags[platform.core].dag_id.to_string(),
            tried: bench.found.tried,
            settings: settings(platform, &bench.before, &bench.found.configuration),
            levers: bench.found.worth.clone(),
            seeds: bench.seeds.clone(),
            nights: bench.nights.clone(),
            days: (timeline(&bench.days.0, &bench.before), timeline(&bench.days.1, &bench.found.configuration)),
        }
    }
}

/// Settings that differ, lever by lever.
fn settings(platform: &Platform, before: &Configuration, after: &Configuration) -> Vec<Setting> {
    let mut all = Vec::new();
    let mut tell = |lever: Lever, name: String, before: String, after: String| {
        if before != after {
            all.push(Setting { lever: lever.as_str().to_owned(), name, before, after });
        }
    };
    let admission = |of: &Configuration| {
        of.admission.map_or("none".to_owned(), |share| format!("up to {:.0} % of the memory", share * 100.0))
    };
    tell(Lever::Admission, "memory-aware admission".to_owned(), admission(before), admission(after));
    let items = |batch: Option<f64>| batch.map_or("a whole part".to_owned(), |items| format!("{items:.0} items"));
    for (dag, of) in platform.dags.iter().enumerate() {
        for (task, spec) in of.tasks.iter().enumerate() {
            let name = format!("{}.{}", of.dag_id, spec.task_id);
            tell(Lever::Batching, name, items(before.batches[dag][task]), items(after.batches[dag][task]));
        }
    }
    for (pool, of) in platform.pools.iter().enumerate() {
        let slots = |of: &Configuration| format!("{} slots", of.pools[pool]);
        tell(Lever::Pools, format!("pool.{}", of.name), slots(before), slots(after));
    }
    let order = |of: &Configuration| of.order.as_str().to_owned();
    tell(Lever::Order, "order of ready tasks".to_owned(), order(before), order(after));
    let first = |of: &Configuration| if of.core_first { "first" } else { "as others" }.to_owned();
    tell(Lever::Order, "the core DAG's tasks".to_owned(), first(before), first(after));
    let at_once = |of: &Configuration| of.parallelism.to_string();
    tell(Lever::Concurrency, "parallelism".to_owned(), at_once(before), at_once(after));
    for (dag, of) in platform.dags.iter().enumerate() {
        let active = |of: &Configuration| of.active[dag].to_string();
        tell(Lever::Concurrency, format!("max_active_tasks.{}", of.dag_id), active(before), active(after));
        let shift = |of: &Configuration| format!("+{:.0} min", of.shifts[dag] / 60.0);
        tell(Lever::Shifts, format!("start of {}", of.dag_id), shift(before), shift(after));
    }
    all
}

fn timeline(bench: &PlatformBench, day: &Day, configuration: &Configuration) -> Timeline {
    let platform = &bench.platform;
    let core = &platform.dags[platform.core];
    let names = core.tasks.iter().map(|task| task.task_id.to_string());
    let others: Vec<usize> = (0..platform.dags.len()).filter(|dag| *dag != platform.core).collect();
    let names = names.chain(others.iter().map(|dag| platform.dags[*dag].dag_id.to_string()));
    let mut rows: Vec<TimelineRow> = names.map(|name| TimelineRow { name, tries: Vec::new() }).collect();
    for one in &day.tries {
        let of = bench.instances[one.instance as usize];
        let dag = of.dag as usize;
        let row = if dag == platform.core {
            of.task as usize
        } else {
            core.tasks.len() + others.iter().position(|other| *other == dag).unwrap_or_default()
        };
        let seconds = |at: u64| at as f64 / 1e6;
        rows[row].tries.push((seconds(one.began), seconds(one.ended), one.ending == Ending::Done));
    }
    let began = core.starts.first().copied().unwrap_or(0.0) + configuration.shifts[platform.core];
    let figures = day.figures(platform, &bench.instances, configuration);
    let ended = figures.core_s.is_finite().then_some(began + figures.core_s);
    Timeline { rows, memory: day.memory_over_time(platform.machine.taken), core: (began, ended) }
}
