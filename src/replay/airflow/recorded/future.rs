//! The time after the record: which runs come, what each does, and one replay of them.

use super::record::{Recorded, UnderWay};
use crate::{
    model::{Graph, Text},
    replay::airflow::{Away, Case, Change, Instance, Replayed, Rules, RunCase, Step, replay},
    stats::{Draw, Forecaster, ar1_residual, normal_two_sided},
};
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, HashSet},
    ops::Range,
};

/// Recorded runs that those to come take after: the last ones.
const DONORS: usize = 30;
/// Runs and task instances that schedules may bring in one replay.
const MOST_RUNS: usize = 100_000;
const MOST_INSTANCES: usize = 500_000;
/// Standard deviation of the logarithm of a run's work where too little is known: a third to three times in 90 of 100.
const UNKNOWN: f64 = 0.67;
/// Microseconds in an hour.
const HOUR_US: f64 = 3.6e9;
/// Tells this stream of random numbers from others of the same seed.
pub(super) const AHEAD_KEY: u64 = 0x6168_6561;

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

/// What a run to come does.
struct Coming<'a> {
    case: RunCase,
    /// Recorded run that it takes after.
    donor: usize,
    under_way: Option<&'a UnderWay>,
    /// Its times over those of the other.
    pace: f64,
}

/// One replay, told of the backlog.
pub(super) struct Drawn {
    /// Seconds to the end of its runs, ascending.
    pub(super) ended: Vec<f64>,
    /// Task instances that these have yet to run.
    pub(super) to_go: usize,
    /// Task instances that were replayed, of all DAGs.
    pub(super) instances: usize,
    /// Until when schedules brought all their runs.
    pub(super) reached: u64,
}

impl Drawn {
    /// Microseconds to the end of the last; `None` where that never comes.
    pub(super) fn done(&self) -> Option<u64> {
        self.ended.last().filter(|last| last.is_finite()).map(|last| (last * 1e6) as u64)
    }
}

/// What is known of the time after the record.
pub(super) struct Future<'a> {
    recorded: &'a Recorded,
    /// The last recorded instant.
    pub(super) now: u64,
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
    pub(super) fn of(recorded: &'a Recorded) -> Self {
        // When runs are made may have been shifted: that moves no clock.
        let known = recorded.under_way.iter().map(|run| &run.last);
        let now =
            recorded.ended.iter().chain(recorded.queued.iter().flatten()).chain(known).max().copied().unwrap_or(0);
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

    /// Recorded runs that those to come of a DAG take after; `None` where none has ended.
    pub(super) fn donors(&self, dag: u32) -> Option<usize> {
        self.donors.get(&dag).map(Vec::len)
    }

    /// Runs to come, of all DAGs: those of the backlog, and for as long as the `horizon` those that schedules bring; places of the
    /// backlog's, and until when all are there.
    fn coming(&self, backlog: Backlog, number: u64, horizon: u64) -> (Vec<Coming<'a>>, Vec<usize>, u64) {
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
        // In order of time, so that where there are too many all DAGs have theirs up to the same instant.
        let end = self.now.saturating_add(horizon);
        let next_due = |(dag, gap, made): &(u32, u64, u64)| {
            let passed = self.now.saturating_sub(*made) / gap + 1;
            Reverse((made.saturating_add(passed.saturating_mul(*gap)), *dag, *gap))
        };
        let mut due: BinaryHeap<Reverse<(u64, u32, u64)>> = self.schedules.iter().map(next_due).collect();
        let (mut runs, mut instances, mut reached) = (0, 0, horizon);
        while let Some(Reverse((at, dag, gap))) = due.pop().filter(|Reverse((at, ..))| *at < end) {
            if runs >= MOST_RUNS || instances >= MOST_INSTANCES {
                reached = at - self.now;
                break;
            }
            let Some((donor, pace)) = donor(dag) else { continue };
            runs += 1;
            instances += recorded.instances_of(donor).len();
            let date = recorded.origin.micros().saturating_add(at as i64);
            let case = RunCase { dag, made: at - self.now, date, backfill: false };
            coming.push(Coming { case, donor, under_way: None, pace });
            due.push(Reverse((at.saturating_add(gap), dag, gap)));
        }
        (coming, asked, reached)
    }

    /// Seconds since the last that is known of a DAG's runs under way; 0 where there are none.
    pub(super) fn idle_s(&self, dag: u32) -> f64 {
        let of_dag = self.recorded.under_way.iter().filter(|run| self.recorded.runs[run.run as usize].dag == dag);
        of_dag.map(|run| run.last).max().map_or(0.0, |last| self.now.saturating_sub(last) as f64 / 1e6)
    }

    /// Median seconds of the runs that those to come take after.
    pub(super) fn usual_s(&self, dag: u32) -> f64 {
        let runs = self.donors.get(&dag).map_or(&[][..], Vec::as_slice);
        let seconds = |run: &usize| self.recorded.runs[*run].times.map_or(0, |(start, end)| end - start);
        middle(runs.iter().map(seconds)) as f64 / 1e6
    }

    /// Task instances that schedules bring in an hour.
    pub(super) fn arriving_per_h(&self) -> f64 {
        let of_schedule = |(dag, gap, _): &(u32, u64, u64)| {
            let runs = self.donors.get(dag).map_or(&[][..], Vec::as_slice);
            let instances: usize = runs.iter().map(|run| self.recorded.instances_of(*run).len()).sum();
            instances as f64 / runs.len().max(1) as f64 * HOUR_US / *gap as f64
        };
        self.schedules.iter().map(of_schedule).sum()
    }

    /// One replay; schedules bring runs for as long as the `horizon`.
    pub(super) fn replay(&self, backlog: Backlog, number: u64, horizon: u64) -> Drawn {
        let (coming, asked, reached) = self.coming(backlog, number, horizon);
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
        Drawn { ended, to_go, instances: case.instances.len(), reached }
    }

    /// The instances of a run to come.
    fn put(&self, run: &Coming<'_>, place: u32, case: &mut Case, edges: &mut Vec<(u32, u32)>) {
        let recorded = self.recorded;
        let instances = recorded.instances_of(run.donor);
        let copies = self.copies(run, instances.clone());
        let mut places: Vec<Range<u32>> = Vec::with_capacity(copies.len());
        for (instance, indices) in instances.clone().zip(&copies) {
            let of = &recorded.case.instances[instance as usize];
            let steps = &recorded.case.steps[of.steps.start as usize..of.steps.end as usize];
            let first = case.instances.len() as u32;
            for map_index in indices {
                let from = case.steps.len() as u32;
                let name = (recorded.names[instance as usize].task_id.clone(), *map_index);
                self.steps(run, &name, steps, &mut case.steps);
                let steps = from..case.steps.len() as u32;
                case.instances.push(Instance { run: place, map_index: *map_index, steps, ..of.clone() });
            }
            places.push(first..case.instances.len() as u32);
        }
        for (instance, of_it) in instances.clone().zip(&places) {
            for child in recorded.case.graph.children(instance).iter().filter(|child| instances.contains(child)) {
                let of_child = &places[(child - instances.start) as usize];
                edges.extend(of_it.clone().flat_map(|first| of_child.clone().map(move |then| (first, then))));
            }
        }
    }

    /// Map indices of each instance of the donor in a run to come: its own; where the run is under way and is recorded to have others
    /// of a mapped task, these, dealt out among them.
    fn copies(&self, run: &Coming<'_>, instances: Range<u32>) -> Vec<Vec<i32>> {
        let name = |instance: u32| &self.recorded.names[instance as usize];
        let own = |instance: u32| vec![name(instance).map_index];
        let Some(under_way) = run.under_way else { return instances.map(own).collect() };
        let mut of_task: HashMap<&Text, usize> = HashMap::new();
        instances.clone().for_each(|instance| *of_task.entry(&name(instance).task_id).or_default() += 1);
        let mut seen: HashMap<&Text, usize> = HashMap::new();
        let dealt = |instance: u32| {
            let task = &name(instance).task_id;
            let (nth, all) = (seen.entry(task).or_default(), of_task[task]);
            *nth += 1;
            match under_way.indices.get(task).filter(|known| known.iter().any(|index| *index >= 0)) {
                Some(known) => known.iter().copied().skip(*nth - 1).step_by(all).collect(),
                None => own(instance),
            }
        };
        instances.map(dealt).collect()
    }

    /// What an instance still has to do.
    fn steps(&self, run: &Coming<'_>, name: &(Text, i32), steps: &[Step], out: &mut Vec<Step>) {
        let paced = |time: u64| (time as f64 * run.pace) as u64;
        let at_pace =
            |step: &Step| Step { latency: paced(step.latency), length: paced(step.length), tail: self.tail, ..*step };
        let under_way = run.under_way.filter(|_| !steps.is_empty());
        if under_way.is_some_and(|under_way| under_way.over.contains(name)) {
            return;
        }
        let Some(begun) = under_way.and_then(|under_way| under_way.begun.get(name)) else {
            return out.extend(steps.iter().map(at_pace));
        };
        let elapsed = self.now.saturating_sub(*begun);
        let whole: u64 = steps.iter().map(|step| step.pause + paced(step.length)).sum();
        // One that has lasted longer than is foretold lasts as long again, as with heavy tails.
        let length = if whole > elapsed { whole - elapsed } else { elapsed };
        out.push(Step { away: Away::No, pause: 0, latency: 0, length, tail: self.tail });
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
            (Some(_), _) => 1.0,
            (None, _) => (UNKNOWN * factor).exp(),
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

/// The upper one of two in the middle.
pub(super) fn middle<T: Ord + Default + Copy>(values: impl Iterator<Item = T>) -> T {
    let mut sorted: Vec<T> = values.collect();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}
