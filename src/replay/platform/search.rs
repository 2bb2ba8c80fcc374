//! Looks for a better configuration of a platform, one setting at a time, on days of its own; and says what each lever was worth.
//!
//! Coordinate descent: each setting in turn takes the value of its candidates with the least cost, until none lowers the cost; then
//! settings that turn out to be worth nothing go back to what they were. It finds a configuration that no single change makes better,
//! which need not be the best of all. The cost is what the platform is asked for: a short core DAG, memory with room, tries that do
//! not fail, and other DAGs in time.

use super::{
    configuration::Configuration,
    outcome::{Figures, NEVER_S},
    world::{Learnt, day},
};
use crate::{
    engine::scheduler::{Policy, WeightRule},
    model::{Drawn, Graph, Platform, PlatformInstance},
    stats::parallel_map,
};

/// What is wanted: limits that a configuration is charged for passing.
const MEMORY: f64 = 0.68;
const TRIES_WELL: f64 = 0.997;
/// Hours that passing them costs, for each hundredth of the memory and each thousandth of the tries.
const HOURS_A_MEMORY: f64 = 0.05;
const HOURS_A_TRY: f64 = 0.02;
/// Hours that a late run of another DAG costs, and each hour of the worst.
const HOURS_A_LATE: f64 = 0.5;
/// Hours that stand for a core DAG that does not end.
const NEVER: f64 = NEVER_S / 3_600.0;
/// A setting is changed for a gain of this share of the cost as it was, and changed back where it is worth less.
const WORTH: f64 = 0.003;
/// Rounds over all settings.
const ROUNDS: usize = 8;

/// Items in memory at once that are tried.
const BATCHES: [f64; 4] = [5e3, 2e4, 1e5, 5e5];
/// Shares of the memory up to which tasks are let in.
const ADMISSIONS: [f64; 4] = [0.5, 0.58, 0.66, 0.74];
/// Numbers of tasks at once, and multiples of slots.
const AT_ONCE: [u32; 6] = [8, 12, 16, 24, 32, 48];
const TIMES: [f64; 5] = [0.5, 1.5, 2.0, 3.0, 4.0];
/// Shares of what a DAG may be made later.
const SHIFTS: [f64; 4] = [0.25, 0.5, 0.75, 1.0];

/// What kinds of settings there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lever {
    /// Which tasks are let in, by the memory that they are predicted to need.
    Admission,
    /// Items in memory at once.
    Batching,
    /// Slots of pools.
    Pools,
    /// Order of ready tasks.
    Order,
    /// Tasks at once, in all and of a DAG.
    Concurrency,
    /// When other DAGs' runs are made.
    Shifts,
}

impl Lever {
    /// All.
    pub const ALL: [Self; 6] =
        [Self::Admission, Self::Batching, Self::Pools, Self::Order, Self::Concurrency, Self::Shifts];

    /// Name in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admission => "admission",
            Self::Batching => "batching",
            Self::Pools => "pools",
            Self::Order => "order",
            Self::Concurrency => "concurrency",
            Self::Shifts => "shifts",
        }
    }

    /// The settings of this lever as in another configuration.
    fn take(self, from: &Configuration, to: &mut Configuration) {
        match self {
            Self::Admission => to.admission = from.admission,
            Self::Batching => to.batches.clone_from(&from.batches),
            Self::Pools => to.pools.clone_from(&from.pools),
            Self::Order => (to.order, to.core_first) = (from.order, from.core_first),
            Self::Concurrency => {
                to.parallelism = from.parallelism;
                to.active.clone_from(&from.active);
            }
            Self::Shifts => to.shifts.clone_from(&from.shifts),
        }
    }
}

/// A platform and days of it.
#[derive(Clone, Debug)]
pub struct Trial {
    /// Platform.
    pub platform: Platform,
    /// Instances of a day and their dependencies.
    pub instances: (Vec<PlatformInstance>, Graph),
    /// What each day brings. Of the first nothing is told: it is learnt from.
    pub days: Vec<Vec<Drawn>>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Configuration.
    pub configuration: Configuration,
    /// What each lever that was moved is worth.
    pub worth: Vec<LeverWorth>,
    /// Configurations that were tried.
    pub tried: usize,
}

/// What a lever is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LeverWorth {
    /// Lever.
    pub lever: Lever,
    /// Seconds by which the core DAG is shorter if this lever alone is moved.
    pub alone_s: f64,
    /// And by which share of the machine's memory less is in use at most.
    pub alone_memory: f64,
    /// Its share of what all levers together save (Shapley 1953: the mean, over all orders of moving them, of what it saves when its
    /// turn comes). The shares sum to the whole.
    pub share_s: f64,
    /// The same of the memory in use at most, in shares of the machine's.
    pub share_memory: f64,
}

impl Trial {
    /// Figures of each day but the first.
    #[must_use]
    pub fn figures(&self, configuration: &Configuration) -> Vec<Figures> {
        let mut learnt = Learnt::default();
        let of_day = |drawn: &Vec<Drawn>| {
            let out = day(&self.platform, &self.instances, drawn, configuration, &mut learnt);
            out.figures(&self.platform, &self.instances.0, configuration)
        };
        let mut figures: Vec<Figures> = self.days.iter().map(of_day).collect();
        if !figures.is_empty() {
            figures.remove(0);
        }
        figures
    }

    /// What a configuration costs, in hours.
    fn cost(&self, configuration: &Configuration) -> f64 {
        let of_day = |figures: &Figures| {
            let memory = (figures.most_memory - MEMORY).max(0.0) * 100.0 * HOURS_A_MEMORY;
            let tries = (TRIES_WELL - figures.tries_well).max(0.0) * 1_000.0 * HOURS_A_TRY;
            let late = figures.late.0 as f64 * HOURS_A_LATE + (figures.worst_late_s / 3_600.0).min(NEVER);
            (figures.core_s / 3_600.0).min(NEVER) + memory + tries + late
        };
        mean(&self.figures(configuration), of_day)
    }
}

fn mean(figures: &[Figures], of: impl Fn(&Figures) -> f64) -> f64 {
    figures.iter().map(of).sum::<f64>() / figures.len().max(1) as f64
}

/// A setting: a function from a configuration to others that differ in it alone.
type Setting<'a> = Box<dyn Fn(&Configuration) -> Vec<Configuration> + 'a>;

/// Looks for a configuration; `told` hears of each round.
#[must_use]
pub fn search(trial: &Trial, mut told: impl FnMut(usize)) -> Found {
    let before = Configuration::of(&trial.platform);
    let settings = settings(&trial.platform);
    let mut best = (trial.cost(&before), before.clone());
    let (first_cost, mut tried) = (best.0, 1);
    for round in 0..ROUNDS {
        told(round);
        let at_first = best.0;
        for setting in &settings {
            let others = setting(&best.1);
            let costs = parallel_map(&others, |other| trial.cost(other));
            tried += others.len();
            let least = costs.into_iter().zip(others).min_by(|a, b| a.0.total_cmp(&b.0));
            if let Some(least) = least.filter(|least| least.0 < best.0 - WORTH * first_cost) {
                best = least;
            }
        }
        if best.0 >= at_first {
            break;
        }
    }
    tried += prune(trial, &before, &mut best, WORTH * first_cost);
    let worth = worth(trial, &before, &best.1);
    Found { configuration: best.1, worth, tried }
}

/// Changes back what is worth nothing; how many configurations were tried.
fn prune(trial: &Trial, before: &Configuration, best: &mut (f64, Configuration), worth: f64) -> usize {
    let mut tried = 0;
    let mut back = |change: &dyn Fn(&mut Configuration)| {
        let mut other = best.1.clone();
        change(&mut other);
        if other != best.1 {
            tried += 1;
            let cost = trial.cost(&other);
            if cost <= best.0 + worth {
                *best = (cost.min(best.0), other);
            }
        }
    };
    for (dag, batches) in before.batches.iter().enumerate() {
        for (task, batch) in batches.iter().enumerate() {
            back(&|other| other.batches[dag][task] = *batch);
        }
        back(&|other| other.shifts[dag] = before.shifts[dag]);
        back(&|other| other.active[dag] = before.active[dag]);
    }
    for (pool, slots) in before.pools.iter().enumerate() {
        back(&|other| other.pools[pool] = *slots);
    }
    back(&|other| other.parallelism = before.parallelism);
    back(&|other| other.order = before.order);
    back(&|other| other.core_first = before.core_first);
    back(&|other| other.admission = before.admission);
    tried
}

/// All that can be set, levers that the platform's figures call for first.
fn settings(platform: &Platform) -> Vec<Setting<'_>> {
    let mut all: Vec<Setting<'_>> = Vec::new();
    all.push(Box::new(|at| {
        let values = ADMISSIONS.into_iter().map(Some).chain([None]);
        values.map(|admission| Configuration { admission, ..at.clone() }).collect()
    }));
    let orders = [Policy::Airflow(WeightRule::Downstream), Policy::Fifo, Policy::Lpt, Policy::Heft];
    all.push(Box::new(move |at| {
        let values = orders.into_iter().flat_map(|order| [(order, false), (order, true)]);
        values.map(|(order, core_first)| Configuration { order, core_first, ..at.clone() }).collect()
    }));
    all.push(Box::new(|at| {
        AT_ONCE.into_iter().map(|parallelism| Configuration { parallelism, ..at.clone() }).collect()
    }));
    for (pool, of) in platform.pools.iter().enumerate() {
        let slots = of.slots;
        // Not below what one task needs there.
        let tasks = platform.dags.iter().flat_map(|dag| &dag.tasks);
        let least = tasks.filter(|task| task.pool as usize == pool).map(|task| task.slots).max().unwrap_or(1);
        all.push(Box::new(move |at| {
            let values = TIMES.into_iter().map(|times| ((f64::from(slots) * times).round() as u32).max(least));
            values.map(|slots| changed(at, |other| other.pools[pool] = slots)).collect()
        }));
    }
    for (dag, of) in platform.dags.iter().enumerate() {
        all.push(Box::new(move |at| {
            AT_ONCE.into_iter().map(|count| changed(at, |other| other.active[dag] = count)).collect()
        }));
        // The core is what it is all about: later is no shorter.
        if of.may_shift_s > 0.0 && dag != platform.core {
            let most = of.may_shift_s;
            all.push(Box::new(move |at| {
                SHIFTS.into_iter().map(|share| changed(at, |other| other.shifts[dag] = share * most)).collect()
            }));
        }
        for (task, spec) in of.tasks.iter().enumerate().filter(|(_, spec)| spec.items > 0.0) {
            let stated = spec.batch;
            all.push(Box::new(move |at| {
                let values = BATCHES.into_iter().map(Some).chain([stated]);
                values.map(|batch| changed(at, |other| other.batches[dag][task] = batch)).collect()
            }));
        }
    }
    all
}

fn changed(at: &Configuration, change: impl FnOnce(&mut Configuration)) -> Configuration {
    let mut other = at.clone();
    change(&mut other);
    other
}

/// Shares of the levers that differ: each subset of them is replayed.
fn worth(trial: &Trial, before: &Configuration, after: &Configuration) -> Vec<LeverWorth> {
    let moved = |lever: &Lever| changed(before, |other| lever.take(after, other)) != *before;
    let levers: Vec<Lever> = Lever::ALL.into_iter().filter(moved).collect();
    let subsets: Vec<usize> = (0..1 << levers.len()).collect();
    let told = parallel_map(&subsets, |subset| {
        let of = levers.iter().enumerate().filter(|(place, _)| subset >> place & 1 == 1);
        let mut configuration = before.clone();
        of.for_each(|(_, lever)| lever.take(after, &mut configuration));
        let figures = trial.figures(&configuration);
        let core_s = mean(&figures, Figures::core_or_a_day);
        (core_s, mean(&figures, |figures| figures.most_memory))
    });
    let (seconds, memory) = (|subset: usize| told[0].0 - told[subset].0, |subset: usize| told[0].1 - told[subset].1);
    let shares = (shapley(levers.len(), seconds), shapley(levers.len(), memory));
    let worth = |(place, lever): (usize, &Lever)| LeverWorth {
        lever: *lever,
        alone_s: seconds(1 << place),
        alone_memory: memory(1 << place),
        share_s: shares.0[place],
        share_memory: shares.1[place],
    };
    levers.iter().enumerate().map(worth).collect()
}

/// Shares of what `n` players win together; `won` is what a subset, as bits, wins.
fn shapley(n: usize, won: impl Fn(usize) -> f64) -> Vec<f64> {
    let factorial = |n: usize| (1..=n).map(|k| k as f64).product::<f64>();
    let share = |player: usize| {
        let without = (0..1_usize << n).filter(|subset| subset >> player & 1 == 0);
        let parts = without.map(|subset| {
            let before = subset.count_ones() as usize;
            let weight = factorial(before) * factorial(n - 1 - before) / factorial(n);
            weight * (won(subset | 1 << player) - won(subset))
        });
        parts.sum()
    };
    (0..n).map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_sum_to_the_whole_and_who_brings_nothing_gets_nothing() {
        // Two of which each alone wins 1 and both 4; a third brings nothing (a game of Shapley's axioms).
        let won = |subset: usize| match subset & 3 {
            0 => 0.0,
            3 => 4.0,
            _ => 1.0,
        };
        assert_eq!(shapley(3, won), [2.0, 2.0, 0.0]);
        assert_eq!(shapley(0, won), Vec::<f64>::new());
        // A glove game: one left, two right; a pair wins 1. The left has two thirds.
        let gloves = |subset: usize| f64::from(u8::from(subset & 1 == 1 && subset > 1));
        let shares = shapley(3, gloves);
        assert!((shares[0] - 2.0 / 3.0).abs() < 1e-12 && (shares[1] - 1.0 / 6.0).abs() < 1e-12, "{shares:?}");
    }
}
