//! `bench ecommerce`: what a search found, and what it is worth.

use super::estimate::tidy;
use crate::replay::{
    Side,
    platform::{self as of, Figures, Lever, LeverWorth, PlatformTold},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A platform before and after.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(in crate::cli) struct Platform {
    name: String,
    core_dag: String,
    /// Configurations that the search tried.
    tried: usize,
    settings: Vec<Setting>,
    levers: Vec<Worth>,
    seeds: Vec<Seed>,
    /// The same on threads of this machine, made small.
    on_threads: Vec<Night>,
    before: Timeline,
    after: Timeline,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Setting {
    lever: String,
    name: String,
    before: String,
    after: String,
}

/// What a lever saves of the core DAG's seconds, and of the memory in use at most (as a share of the machine's).
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Worth {
    lever: String,
    /// If it alone is moved.
    alone_s: f64,
    alone_memory: f64,
    /// Its part of what all save together (Shapley value); the parts sum to the whole.
    share_s: f64,
    share_memory: f64,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Seed {
    seed: u64,
    before: Vec<Day>,
    after: Vec<Day>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Day {
    /// `null` where the core DAG did not end.
    core_s: Option<f64>,
    /// Memory in use at most, as a share.
    most_memory: f64,
    /// Seconds with more than nine tenths of the memory in use.
    crowded_s: f64,
    /// Task instances that ended well.
    success: f64,
    /// Tries that ended well.
    tries_well: f64,
    cpu_s: f64,
    killed: usize,
    late_runs: usize,
    other_runs: usize,
    /// `null` where a run did not end.
    worst_late_s: Option<f64>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Night {
    /// `baseline` or `candidate`.
    side: String,
    /// In the platform's time; `null` where it did not end.
    core_s: Option<f64>,
    simulated_core_s: Option<f64>,
    killed: usize,
    simulated_killed: usize,
    most_memory: f64,
    simulated_most_memory: f64,
}

/// A day, in seconds from its start.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Timeline {
    core_from_s: f64,
    core_to_s: Option<f64>,
    rows: Vec<Row>,
    memory: Vec<Memory>,
}

/// A task of the core DAG, or another DAG.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Row {
    name: String,
    tries: Vec<Try>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Try {
    from_s: f64,
    to_s: f64,
    well: bool,
}

/// From that time on.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Memory {
    from_s: f64,
    share: f64,
}

fn ended(seconds: f64) -> Option<f64> {
    seconds.is_finite().then(|| tidy(seconds))
}

fn never(seconds: Option<f64>) -> f64 {
    seconds.unwrap_or(f64::INFINITY)
}

impl From<&PlatformTold> for Platform {
    fn from(told: &PlatformTold) -> Self {
        let setting = |setting: &of::Setting| Setting {
            lever: setting.lever.clone(),
            name: setting.name.clone(),
            before: setting.before.clone(),
            after: setting.after.clone(),
        };
        let worth = |worth: &LeverWorth| Worth {
            lever: worth.lever.as_str().to_owned(),
            alone_s: tidy(worth.alone_s),
            alone_memory: tidy(worth.alone_memory),
            share_s: tidy(worth.share_s),
            share_memory: tidy(worth.share_memory),
        };
        let seed = |seed: &of::Seed| Seed {
            seed: seed.seed,
            before: seed.before.iter().map(Day::from).collect(),
            after: seed.after.iter().map(Day::from).collect(),
        };
        let night = |night: &of::Night| Night {
            side: if night.side == Side::Baseline { "baseline" } else { "candidate" }.to_owned(),
            core_s: ended(night.real_s),
            simulated_core_s: ended(night.simulated_s),
            killed: night.real_killed,
            simulated_killed: night.simulated_killed,
            most_memory: tidy(night.real_memory),
            simulated_most_memory: tidy(night.simulated_memory),
        };
        Self {
            name: told.name.clone(),
            core_dag: told.core.clone(),
            tried: told.tried,
            settings: told.settings.iter().map(setting).collect(),
            levers: told.levers.iter().map(worth).collect(),
            seeds: told.seeds.iter().map(seed).collect(),
            on_threads: told.nights.iter().map(night).collect(),
            before: (&told.days.0).into(),
            after: (&told.days.1).into(),
        }
    }
}

impl Platform {
    /// What a report is made of.
    pub(super) fn told(self) -> PlatformTold {
        let setting = |s: Setting| of::Setting { lever: s.lever, name: s.name, before: s.before, after: s.after };
        let worth = |worth: Worth| {
            let lever = Lever::ALL.into_iter().find(|lever| lever.as_str() == worth.lever)?;
            let Worth { alone_s, alone_memory, share_s, share_memory, .. } = worth;
            Some(LeverWorth { lever, alone_s, alone_memory, share_s, share_memory })
        };
        let seed = |seed: Seed| of::Seed {
            seed: seed.seed,
            before: seed.before.into_iter().map(Figures::from).collect(),
            after: seed.after.into_iter().map(Figures::from).collect(),
        };
        let night = |night: Night| of::Night {
            side: if night.side == "baseline" { Side::Baseline } else { Side::Candidate },
            real_s: never(night.core_s),
            simulated_s: never(night.simulated_core_s),
            real_killed: night.killed,
            simulated_killed: night.simulated_killed,
            real_memory: night.most_memory,
            simulated_memory: night.simulated_most_memory,
        };
        PlatformTold {
            name: self.name,
            core: self.core_dag,
            tried: self.tried,
            settings: self.settings.into_iter().map(setting).collect(),
            levers: self.levers.into_iter().filter_map(worth).collect(),
            seeds: self.seeds.into_iter().map(seed).collect(),
            nights: self.on_threads.into_iter().map(night).collect(),
            days: (self.before.told(), self.after.told()),
        }
    }
}

impl From<&Figures> for Day {
    fn from(figures: &Figures) -> Self {
        Self {
            core_s: ended(figures.core_s),
            most_memory: tidy(figures.most_memory),
            crowded_s: tidy(figures.crowded_s),
            success: tidy(figures.success),
            tries_well: tidy(figures.tries_well),
            cpu_s: tidy(figures.cpu_s),
            killed: figures.killed,
            late_runs: figures.late.0,
            other_runs: figures.late.1,
            worst_late_s: ended(figures.worst_late_s),
        }
    }
}

impl From<Day> for Figures {
    fn from(day: Day) -> Self {
        Self {
            core_s: never(day.core_s),
            most_memory: day.most_memory,
            crowded_s: day.crowded_s,
            success: day.success,
            tries_well: day.tries_well,
            cpu_s: day.cpu_s,
            killed: day.killed,
            late: (day.late_runs, day.other_runs),
            worst_late_s: never(day.worst_late_s),
        }
    }
}

impl From<&of::Timeline> for Timeline {
    fn from(timeline: &of::Timeline) -> Self {
        let one = |&(from, to, well): &(f64, f64, bool)| Try { from_s: tidy(from), to_s: tidy(to), well };
        let row = |row: &of::TimelineRow| Row { name: row.name.clone(), tries: row.tries.iter().map(one).collect() };
        let memory = |&(from, share): &(f64, f64)| Memory { from_s: tidy(from), share: tidy(share) };
        Self {
            core_from_s: tidy(timeline.core.0),
            core_to_s: timeline.core.1.map(tidy),
            rows: timeline.rows.iter().map(row).collect(),
            memory: timeline.memory.iter().map(memory).collect(),
        }
    }
}

impl Timeline {
    fn told(self) -> of::Timeline {
        let row = |row: Row| of::TimelineRow {
            name: row.name,
            tries: row.tries.into_iter().map(|one| (one.from_s, one.to_s, one.well)).collect(),
        };
        of::Timeline {
            rows: self.rows.into_iter().map(row).collect(),
            memory: self.memory.into_iter().map(|memory| (memory.from_s, memory.share)).collect(),
            core: (self.core_from_s, self.core_to_s),
        }
    }
}
