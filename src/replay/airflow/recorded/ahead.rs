//! What lies ahead: runs that are not over, more of them, and those that the schedules will bring, replayed from the last recorded
//! instant on.
//!
//! Each run to come does what a recorded run of its DAG did, at the pace that is foretold of it: as much work as the
//! [`Forecaster`]'s errors let expect. Runs of one replay are slow or fast together as far as neighbouring ones were (a common factor
//! beside each one's own: Vasicek 2002, Risk 15). Ends vary by what the replay of the history was off.
//!
//! Limits: what has begun is taken to last longer than it has; tasks whose instances failed are not known to fail again; schedules
//! are the usual distance of a DAG's dates; DAGs without a run that ended do not come in.

use super::record::{Recorded, UnderWay};
use crate::{
    model::{Graph, Timestamp},
    replay::airflow::{Away, Case, Change, Instance, Replayed, Rules, RunCase, Step, replay},
    stats::{Draw, Estimate, Forecaster, ar1_residual, normal_two_sided, parallel_map, quantile},
};
use std::collections::{HashMap, HashSet};

/// Recorded runs that those to come take after: the last ones.
const DONORS: usize = 30;
/// Replays of what lies ahead: of few task instances, and of very many; and how many of these all of them may come to.
const REPLAYS: (u64, u64) = (200, 20);
const ALL_INSTANCES: u64 = 20_000_000;
/// Level of the interval.
const LEVEL: f64 = 0.9;
/// How often the time in which schedules bring runs is doubled, from what the backlog takes alone, until it is done within that time.
const DOUBLINGS: u32 = 5;
/// Task instances of one replay beyond which no more runs are brought: what is not done by then grows.
const MOST_INSTANCES: usize = 1_000_000;
/// Microseconds in an hour.
const HOUR_US: f64 = 3.6e9;
/// Tells this stream of random numbers from others of the same seed.
const AHEAD_KEY: u64 = 0x6168_6561;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// DAG, by place.
    pub dag: u32,
    /// Runs of it that are made now, of dates after its last one.
    pub added: u32,
    /// Seed of chance.
    pub seed: u64,
}

/// When a backlog is done.
#[derive(Clone, Debug, PartialEq)]
pub enum Done {
    /// In so many seconds from the last recorded instant.
    In(Estimate),
    /// Never: schedules bring more urgent work as fast as it is done.
    Outpaced,
    /// Never: a task needs more slots than there are.
    NoRoom,
}

/// What lies ahead of a DAG.
#[derive(Clone, Debug, PartialEq)]
pub struct Ahead {
    /// The last recorded instant, from which seconds count.
    pub now: Timestamp,
    /// Runs of the DAG that are not over by the record.
    pub under_way: usize,
    /// Task instances that they and those added have yet to run, in the middle replay.
    pub to_go: usize,
    /// When the last of them will end.
    pub done: Done,
    /// Seconds to the end of the first, a quarter, half, three quarters and all of them: medians.
    pub progress: Vec<(usize, f64)>,
    /// Task instances of all DAGs that schedules bring in an hour.
    pub arriving_per_h: f64,
    /// Recorded runs that those to come take after.
    pub donors: usize,
}

/// What a run to come does.
struct Coming<'a> {
    case: RunCase,
    /// Recorded run that it takes after.
    donor: usize,
    under_way: Option<&'a UnderWay>,
    /// Its times over those of the other.
    pace: f64,
}

/// When the backlog of a DAG will be done. `None` where no run of it has ended, or nothing is to be done.
#[must_use]
pub fn ahead(recorded: &Recorded, errors: &[f64], backlog: Backlog) -> Option<Ahead> {
    let future = Future::of(recorded);
    let donors = future.donors.get(&backlog.dag)?.len();
    let now = Timestamp::from_micros(recorded.origin.micros().saturating_add(future.now as i64));
    let under_way = recorded.under_way.iter().filter(|run| recorded.runs[run.run as usize].dag == backlog.dag).count();
    if under_way + backlog.added as usize == 0 {
        return None;
    }
    let alone = future.replay(backlog, 0, 0);
    let arriving_per_h = future.arriving_per_h();
    let never =
        |done| Some(Ahead { now, under_way, to_go: alone.to_go, done, progress: Vec::new(), arriving_per_h, donors });
    let Some(mut horizon) = alone.done() else { return never(Done::NoRoom) };
    let told = (0..=DOUBLINGS).find_map(|_| {
        horizon = horizon.max(1).saturating_mul(2);
        let first = future.replay(backlog, 0, horizon);
        let count = (ALL_INSTANCES / (first.instances as u64).max(1)).clamp(REPLAYS.1, REPLAYS.0);
        let drawn = parallel_map(&(0..count).collect::<Vec<u64>>(), |number| future.replay(backlog, *number, horizon));
        let all_done = drawn.iter().all(|one| one.done().is_some_and(|done| done <= horizon));
        all_done.then_some(drawn)
    });
    let Some(mut drawn) = told else { return never(Done::Outpaced) };
    for (number, one) in drawn.iter_mut().enumerate() {
        let mut draw = Draw::keyed(backlog.seed, &[AHEAD_KEY, number as u64]);
        let off = if errors.is_empty() { 1.0 } else { errors[draw.below(errors.len() as u64) as usize] };
        one.ended.iter_mut().for_each(|ended| *ended /= off);
    }
    let at = |place: usize| {
        let mut seconds: Vec<f64> = drawn.iter().map(|one| one.ended[place]).collect();
        seconds.sort_by(f64::total_cmp);
        seconds
    };
    let runs = drawn[0].ended.len();
    let last = at(runs - 1);
    let mut places = vec![1, runs.div_ceil(4), runs.div_ceil(2), (3 * runs).div_ceil(4), runs];
    places.dedup();
    let mut to_go: Vec<usize> = drawn.iter().map(|one| one.to_go).collect();
    to_go.sort_unstable();
    Some(Ahead {
        now,
        under_way,
        to_go: to_go[to_go.len() / 2],
        done: Done::In(Estimate {
            point: quantile(&last, 0.5)?,
            lower: quantile(&last, (1.0 - LEVEL) / 2.0)?,
            upper: quantile(&last, (1.0 + LEVEL) / 2.0)?,
            level: LEVEL,
            n: drawn.len(),
            method: "replays of recorded runs at the foretold pace, spread by the replay's own error".into(),
        }),
        progress: places
            .into_iter()
            .map(|count| Some((count, quantile(&at(count - 1), 0.5)?)))
            .collect::<Option<_>>()?,
        arriving_per_h,
        donors,
    })
}

/// One replay, told of the backlog.
struct Drawn {
    /// Seconds to the end of its runs, ascending.
    ended: Vec<f64>,
    to_go: usize,
    /// Task instances that were replayed, of all DAGs.
    instances: usize,
}

impl Drawn {
    /// Microseconds to the end of the last; `None` where that never comes.
    fn done(&self) -> Option<u64> {
        self.ended.last().filter(|last| last.is_finite()).map(|last| (last * 1e6) as u64)
    }
}

/// What is known of the time after the record.
struct Future<'a> {
    recorded: &'a Recorded,
    now: u64,
    /// The limits by then.
    case: Case,
    /// Microseconds from the end of a task until that is seen.
    tail: u64,
    /// Of each DAG, its last runs that ended.
    donors: HashMap<u32, Vec<usize>>,
    paces: HashMap<u32, Pace>,
    /// Of each DAG with a schedule: microseconds between dates, and when its last run was made.
    schedules: Vec<(u32, u64, u64)>,
}

impl<'a> Future<'a> {
    fn of(recorded: &'a Recorded) -> Self {
        let begun = recorded.under_way.iter().flat_map(|run| run.begun.values());
        let made = recorded.case.runs.iter().map(|run| &run.made);
        let now = recorded.ended.iter().chain(recorded.queued.iter().flatten()).chain(begun).chain(made).max();
        let now = now.copied().unwrap_or(0);
        let mut donors: HashMap<u32, Vec<usize>> = HashMap::new();
        let mut runs: Vec<usize> = (0..recorded.runs.len())
            .filter(|run| recorded.runs[*run].is_whole && recorded.runs[*run].times.is_some())
            .collect();
        runs.sort_by_key(|run| recorded.runs[*run].times);
        for run in runs {
            donors.entry(recorded.runs[run].dag).or_default().push(run);
        }
        let paces = donors.iter().map(|(dag, runs)| (*dag, Pace::of(recorded, runs))).collect();
        donors.values_mut().for_each(|runs| *runs = runs.split_off(runs.len().saturating_sub(DONORS)));
        let schedules = (0..recorded.case.dags.len() as u32).filter_map(|dag| {
            let gap = recorded.gap(dag)?;
            let made = recorded.case.runs.iter().filter(|run| run.dag == dag).map(|run| run.made).max()?;
            donors.contains_key(&dag).then_some((dag, gap, made))
        });
        let schedules = schedules.collect();
        let mut case = limits_after(recorded);
        let tail = hand_over(&mut case.rules, recorded.handover);
        Self { schedules, case, tail, recorded, now, donors, paces }
    }

    /// Runs to come, of all DAGs: those of the backlog, and for as long as the `horizon` those that schedules bring.
    fn coming(&self, backlog: Backlog, number: u64, horizon: u64) -> (Vec<Coming<'a>>, Vec<usize>) {
        let (recorded, mut draw) = (self.recorded, Draw::keyed(backlog.seed, &[AHEAD_KEY, number, 1]));
        // Of each DAG: which recorded run is next, and the factor that its runs have in common.
        let mut dags: Vec<&u32> = self.donors.keys().collect();
        dags.sort_unstable();
        let mut next: HashMap<u32, (u64, f64)> =
            dags.into_iter().map(|dag| (*dag, (draw.below(DONORS as u64), draw.normal()))).collect();
        let mut donor = |dag: u32| {
            let (runs, (at, common)) = (self.donors.get(&dag)?, next.get_mut(&dag)?);
            *at += 1;
            let run = runs[(*at % runs.len() as u64) as usize];
            Some((run, self.paces.get(&dag).map_or(1.0, |pace| pace.of_run(recorded, run, *common, draw.normal()))))
        };
        let (mut coming, mut asked) = (Vec::new(), Vec::new());
        for under_way in &recorded.under_way {
            let case = RunCase { made: 0, ..recorded.case.runs[under_way.run as usize] };
            let Some((donor, pace)) = donor(case.dag) else { continue };
            if case.dag == backlog.dag {
                asked.push(coming.len());
            }
            coming.push(Coming { case, donor, under_way: Some(under_way), pace });
        }
        let last_date = recorded.case.runs.iter().filter(|run| run.dag == backlog.dag).map(|run| run.date).max();
        for place in 0..i64::from(backlog.added) {
            let Some((donor, pace)) = donor(backlog.dag) else { continue };
            let date = last_date.unwrap_or(0).saturating_add(place + 1);
            asked.push(coming.len());
            let case = RunCase { dag: backlog.dag, made: 0, date, backfill: false };
            coming.push(Coming { case, donor, under_way: None, pace });
        }
        let mut instances = 0;
        for (dag, gap, made) in &self.schedules {
            let passed = (self.now - made) / gap + 1;
            let mut due = made + passed * gap;
            while due < self.now.saturating_add(horizon) && instances < MOST_INSTANCES {
                let Some((donor, pace)) = donor(*dag) else { break };
                instances += recorded.instances_of(donor).len();
                let date = recorded.origin.micros().saturating_add(due as i64);
                let case = RunCase { dag: *dag, made: due - self.now, date, backfill: false };
                coming.push(Coming { case, donor, under_way: None, pace });
                due += gap;
            }
        }
        (coming, asked)
    }

    /// Task instances that schedules bring in an hour.
    fn arriving_per_h(&self) -> f64 {
        let of_schedule = |(dag, gap, _): &(u32, u64, u64)| {
            let runs = self.donors.get(dag).map_or(&[][..], Vec::as_slice);
            let instances: usize = runs.iter().map(|run| self.recorded.instances_of(*run).len()).sum();
            instances as f64 / runs.len().max(1) as f64 * HOUR_US / *gap as f64
        };
        self.schedules.iter().map(of_schedule).sum()
    }

    /// One replay; schedules bring runs for as long as the `horizon`.
    fn replay(&self, backlog: Backlog, number: u64, horizon: u64) -> Drawn {
        let (coming, asked) = self.coming(backlog, number, horizon);
        let mut case = Case { runs: coming.iter().map(|run| run.case).collect(), ..self.case.clone() };
        let mut edges = Vec::new();
        let mut to_go = 0;
        let of_backlog: HashSet<usize> = asked.iter().copied().collect();
        for (place, run) in coming.iter().enumerate() {
            let from = case.instances.len();
            self.put(run, place as u32, &mut case, &mut edges);
            let left = case.instances[from..].iter().filter(|instance| !instance.steps.is_empty()).count();
            to_go += if of_backlog.contains(&place) { left } else { 0 };
        }
        case.graph = Graph::new(case.instances.len(), edges).expect("edges of recorded runs, which have no circle");
        let replayed: Replayed = replay(&case);
        let seconds = |run: &usize| match replayed.run_ended[*run] {
            u64::MAX => f64::INFINITY,
            ended => ended as f64 / 1e6,
        };
        let mut ended: Vec<f64> = asked.iter().map(seconds).collect();
        ended.sort_by(f64::total_cmp);
        Drawn { ended, to_go, instances: case.instances.len() }
    }

    /// The instances of a run to come.
    fn put(&self, run: &Coming<'_>, place: u32, case: &mut Case, edges: &mut Vec<(u32, u32)>) {
        let recorded = self.recorded;
        let instances = recorded.instances_of(run.donor);
        let (first, shift) = (instances.start, case.instances.len() as u32);
        let moved = |instance: u32| instance - first + shift;
        for instance in instances.clone() {
            let of = &recorded.case.instances[instance as usize];
            let from = case.steps.len() as u32;
            let steps = &recorded.case.steps[of.steps.start as usize..of.steps.end as usize];
            self.steps(run.under_way, instance, steps, &mut case.steps);
            for step in &mut case.steps[from as usize..] {
                step.tail = self.tail;
                step.latency = (step.latency as f64 * run.pace) as u64;
                step.length = (step.length as f64 * run.pace) as u64;
            }
            case.instances.push(Instance { run: place, steps: from..case.steps.len() as u32, ..of.clone() });
            let children = recorded.case.graph.children(instance).iter().filter(|child| instances.contains(child));
            edges.extend(children.map(|child| (moved(instance), moved(*child))));
        }
    }

    /// What an instance still has to do.
    fn steps(&self, under_way: Option<&UnderWay>, instance: u32, steps: &[Step], out: &mut Vec<Step>) {
        let Some(under_way) = under_way else { return out.extend_from_slice(steps) };
        let name = &self.recorded.names[instance as usize];
        let name = (name.task_id.clone(), name.map_index);
        if under_way.over.contains(&name) || steps.is_empty() {
            return;
        }
        let Some(begun) = under_way.begun.get(&name) else { return out.extend_from_slice(steps) };
        let elapsed = self.now.saturating_sub(*begun);
        let whole: u64 = steps.iter().map(|step| step.pause + step.length).sum();
        // One that has lasted longer than the other did lasts as long again, as with heavy tails.
        let length = if whole > elapsed { whole - elapsed } else { elapsed };
        out.push(Step { away: Away::No, pause: 0, latency: 0, length, tail: 0 });
    }
}

/// How much work runs of a DAG are foretold to be.
struct Pace {
    forecaster: Forecaster,
    /// Correlation of neighbouring runs' work.
    alike: f64,
}

impl Pace {
    fn of(recorded: &Recorded, runs: &[usize]) -> Self {
        let mut forecaster = Forecaster::default();
        let work: Vec<f64> = runs.iter().map(|run| work(recorded, *run)).filter(|work| *work > 0.0).collect();
        work.iter().for_each(|work| forecaster.push(*work));
        let logs: Vec<f64> = work.iter().map(|work| work.ln()).collect();
        Self { forecaster, alike: ar1_residual(&logs).clamp(0.0, 1.0) }
    }

    /// Times of a run over those of a recorded one, given the common factor and its own, both standard normal.
    fn of_run(&self, recorded: &Recorded, donor: usize, common: f64, own: f64) -> f64 {
        let factor = self.alike.sqrt() * common + (1.0 - self.alike).sqrt() * own;
        let beyond = normal_two_sided(factor) / 2.0;
        let share = if factor < 0.0 { beyond } else { 1.0 - beyond };
        match (self.forecaster.quantile(share), work(recorded, donor)) {
            (Some(expected), of_donor) if of_donor > 0.0 => expected / of_donor,
            _ => 1.0,
        }
    }
}

/// Microseconds that a run had slots.
fn work(recorded: &Recorded, run: usize) -> f64 {
    let steps = recorded.instances_of(run).flat_map(|at| recorded.case.instances[at as usize].steps.clone());
    steps.map(|step| recorded.case.steps[step as usize]).map(|step| (step.latency + step.length) as f64).sum()
}

/// Sets how fast tasks are handed over, as lately; returns the tail of each step.
///
/// Queueing times tell the loop's pace where there is always something to queue. Elsewhere they are far apart, and the pace is no
/// slower than handing over shows: its quarter of the shortest takes a quarter of a pass, and where the loop schedules one more.
fn hand_over(rules: &mut Rules, handover: Option<u64>) -> u64 {
    let Some(handover) = handover else { return 0 };
    let quarters = if rules.mini_scheduler { 1 } else { 5 };
    rules.loop_us = rules.loop_us.min(handover * 4 / quarters).max(1);
    // What is handed over has waited for the loop's sleep as well.
    rules.idle_us = 0;
    handover.saturating_sub(rules.loop_us * quarters / 4)
}

/// The limits after all that changed, and nothing to do.
fn limits_after(recorded: &Recorded) -> Case {
    let of = &recorded.case;
    let mut case = Case {
        rules: of.rules,
        pools: of.pools.clone(),
        dags: of.dags.clone(),
        runs: Vec::new(),
        instances: Vec::new(),
        steps: Vec::new(),
        graph: Graph::empty(),
        changes: Vec::new(),
        sections: Vec::new(),
        ties: of.ties,
    };
    for (dag, runs) in case.dags.iter_mut().zip(&recorded.max_active_runs) {
        dag.max_active_runs = *runs;
    }
    for (_, change) in &of.changes {
        match *change {
            Change::Parallelism(count) => case.rules.parallelism = count,
            Change::MaxTis(count) => case.rules.max_tis = count,
            Change::Pool(pool, slots) => case.pools[pool as usize].slots = slots,
            Change::MaxActiveTasks(dag, count) => case.dags[dag as usize].max_active_tasks = count,
            Change::Loop(us) => case.rules.loop_us = us,
            // The last of these stands in `max_active_runs`; by now the scheduler is up.
            Change::MaxActiveRuns(..) | Change::Down | Change::Up => {}
        }
    }
    case
}

#[cfg(test)]
#[path = "ahead_tests.rs"]
mod tests;
