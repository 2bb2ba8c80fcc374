//! From attempts to instances with steps.

use super::{
    limits::{AirflowLimits, DagLimits, LimitChange},
    pace::{ByWindow, handover, pace},
    record::{InstanceName, LeftOut, Recorded, RecordedRun, UnderWay},
    room::Room,
};
use crate::{
    model::{
        Attempt, DagHistory, DagRun, Graph, GraphError, Pool, Reschedule, RunState, RunType, TaskState, Text, Timestamp,
    },
    replay::airflow::{Away, Case, Change, DagCase, Generation, Instance, PoolCase, Rules, RunCase, Step},
    stats::quantile,
};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Airflow's defaults of `max_active_tasks_per_dag` and `max_active_runs_per_dag`.
const DEFAULT_ACTIVE: u32 = 16;
/// By so much, in microseconds, a task may have been queued before a task that it waits for ended: clocks of hosts differ.
const SLACK_US: u64 = 1_000_000;
/// A run with fewer than this share of the tasks that nine in ten of its DAG do not exceed was not exported whole.
const WHOLE: f64 = 0.8;
const USUAL: f64 = 0.9;
/// Last runs of a DAG that have all its tasks.
const LATE_RUNS: usize = 5;
/// Gaps from which it is told how long tasks are handed over by the end of the record.
const LATE_GAPS: usize = 200;
/// Pool of task instances that name none.
const DEFAULT_POOL: &str = "default_pool";

/// An instance of a run, when it was first queued and when it ended.
#[derive(Clone, Copy, Debug)]
struct Placed {
    instance: u32,
    begun: Option<u64>,
    ended: Option<u64>,
}

struct Builder<'a> {
    origin: Timestamp,
    pools: BTreeMap<Text, u32>,
    tasks: HashMap<(u32, &'a Text), u32>,
    latency: HashMap<(u32, &'a Text), u64>,
    retry_pause: HashMap<(u32, &'a Text), u64>,
    out: Recorded,
    edges: Vec<(u32, u32)>,
    /// An instance, the end of the last task that it waited for, and how long after it that was queued.
    gaps: Vec<(u32, u64, u64)>,
}

/// The case of histories; `edges` are the dependencies of each of them. `None` where nothing ever ran.
///
/// # Errors
/// Where dependencies go round.
pub fn recorded(
    histories: &[DagHistory],
    edges: &[BTreeSet<(Text, Text)>],
    pools: &[Pool],
    limits: &AirflowLimits,
) -> Result<Option<Recorded>, String> {
    let runs = || histories.iter().flat_map(|history| &history.runs);
    let Some(origin) = runs().filter_map(made).chain(runs().filter_map(|run| run.started_at)).min() else {
        return Ok(None);
    };
    let scheduled =
        histories.iter().flat_map(|history| &history.attempts).any(|attempt| attempt.scheduled_at.is_some());
    let generation = limits.generation.unwrap_or(if scheduled { Generation::Three } else { Generation::Two });
    let mut rules = Rules::of(generation);
    rules.parallelism = limits.parallelism.unwrap_or(rules.parallelism);
    rules.max_tis = limits.max_tis.unwrap_or(rules.max_tis);
    // Whether it is there shows below.
    rules.mini_scheduler = false;
    let mut builder = Builder::new(origin, rules, histories);
    builder.pools(histories, pools, limits);
    for (dag, history) in (0_u32..).zip(histories) {
        builder.dag(dag, history, &edges[dag as usize], limits);
    }
    builder.changes(histories, limits);
    let Builder { mut out, edges, .. } = builder;
    out.case.graph = Graph::new(out.case.instances.len(), edges).map_err(|error| circle(&error, &out, histories))?;
    Ok(Some(out))
}

/// Says whose dependencies go round.
fn circle(error: &GraphError, out: &Recorded, histories: &[DagHistory]) -> String {
    let GraphError::Circle(nodes) = error else { return "a dependency leads nowhere".to_owned() };
    let name = |node: &u32| &out.names[*node as usize];
    let tasks: Vec<&str> = nodes.iter().map(|node| &*name(node).task_id).collect();
    let dag = nodes.first().map_or("", |node| &*histories[name(node).dag as usize].dag_id);
    format!("the dependencies of {dag} have a circle: {}", tasks.join(" -> "))
}

fn made(run: &DagRun) -> Option<Timestamp> {
    run.queued_at.or(run.started_at)
}

impl<'a> Builder<'a> {
    fn new(origin: Timestamp, rules: Rules, histories: &'a [DagHistory]) -> Self {
        let mut latencies: HashMap<(u32, &Text), Vec<f64>> = HashMap::new();
        let mut pauses: HashMap<(u32, &Text), u64> = HashMap::new();
        for (dag, history) in (0_u32..).zip(histories) {
            for attempt in history.attempts.iter().filter(|attempt| attempt.ran()) {
                if let Some(wait) = attempt.queue_wait_s() {
                    latencies.entry((dag, &attempt.task_id)).or_default().push(wait);
                }
            }
            for pair in tries(history).windows(2) {
                let same = |a: &Attempt, b: &Attempt| {
                    (&a.run_id, &a.task_id, a.map_index) == (&b.run_id, &b.task_id, b.map_index)
                };
                if let (true, Some(end), Some(queued)) = (same(pair[0], pair[1]), pair[0].ended_at, pair[1].queued_at) {
                    let pause = (queued.micros() - end.micros()).max(0) as u64;
                    // The shortest: longer ones have waited for a slot as well.
                    pauses
                        .entry((dag, &pair[1].task_id))
                        .and_modify(|least| *least = pause.min(*least))
                        .or_insert(pause);
                }
            }
        }
        let median = |mut waits: Vec<f64>| {
            waits.sort_by(f64::total_cmp);
            (waits[waits.len() / 2] * 1e6) as u64
        };
        let case = Case {
            rules,
            pools: Vec::new(),
            dags: Vec::new(),
            runs: Vec::new(),
            instances: Vec::new(),
            steps: Vec::new(),
            graph: Graph::empty(),
            changes: Vec::new(),
            sections: Vec::new(),
            ties: 0,
        };
        let out = Recorded {
            case,
            origin,
            pools: Vec::new(),
            names: Vec::new(),
            runs: Vec::new(),
            queued: Vec::new(),
            ended: Vec::new(),
            restarts: Vec::new(),
            under_way: Vec::new(),
            handover: None,
            max_active_runs: Vec::new(),
            left_out: LeftOut::default(),
        };
        Self {
            origin,
            pools: BTreeMap::new(),
            tasks: HashMap::new(),
            latency: latencies.into_iter().map(|(task, waits)| (task, median(waits))).collect(),
            retry_pause: pauses,
            out,
            edges: Vec::new(),
            gaps: Vec::new(),
        }
    }

    fn since(&self, time: Timestamp) -> u64 {
        (time.micros() - self.origin.micros()).max(0) as u64
    }

    fn pools(&mut self, histories: &[DagHistory], exported: &[Pool], limits: &AirflowLimits) {
        let named = histories.iter().flat_map(|history| &history.attempts).filter_map(|attempt| attempt.pool.clone());
        let all: BTreeSet<Text> = named
            .chain(exported.iter().map(|pool| pool.pool.clone()))
            .chain(limits.pools.keys().cloned())
            .chain([Text::from(DEFAULT_POOL)])
            .collect();
        for name in all {
            let known = exported.iter().find(|pool| pool.pool == name);
            // -1, and a pool that nothing is known of, is no limit.
            let slots = known.and_then(|pool| pool.slots).and_then(|slots| u32::try_from(slots).ok());
            let slots = limits.pools.get(&name).copied().or(slots).unwrap_or(u32::MAX);
            let include_deferred = known.and_then(|pool| pool.include_deferred).unwrap_or(false);
            self.pools.insert(name.clone(), self.out.pools.len() as u32);
            self.out.pools.push(name);
            self.out.case.pools.push(PoolCase { slots, include_deferred });
        }
    }

    fn dag(&mut self, dag: u32, history: &'a DagHistory, edges: &BTreeSet<(Text, Text)>, limits: &AirflowLimits) {
        let stated = limits.dags.get(&history.dag_id).copied().unwrap_or_default();
        let exported = |value: Option<i32>| value.and_then(|value| u32::try_from(value).ok());
        let row = history.dag.as_ref();
        let tasks = stated.max_active_tasks.or(exported(row.and_then(|dag| dag.max_active_tasks)));
        let runs = stated.max_active_runs.or(exported(row.and_then(|dag| dag.max_active_runs)));
        let (tasks, runs) = (tasks.unwrap_or(DEFAULT_ACTIVE), runs.unwrap_or(DEFAULT_ACTIVE));
        self.out.case.dags.push(DagCase {
            max_active_tasks: tasks,
            // Runs that were made begin: the record says when Airflow made them, and did so by this limit in a catch-up.
            max_active_runs: if limits.runs_by_limit { runs } else { u32::MAX },
        });
        self.out.max_active_runs.push(runs);
        let mut parents: HashMap<&Text, Vec<&Text>> = HashMap::new();
        edges.iter().for_each(|(first, then)| parents.entry(then).or_default().push(first));
        let mut attempts: HashMap<&Text, Vec<&'a Attempt>> = HashMap::new();
        tries(history).into_iter().for_each(|attempt| attempts.entry(&attempt.run_id).or_default().push(attempt));
        let mut pokes: HashMap<(&Text, &Text, i32), Vec<&'a Reschedule>> = HashMap::new();
        for poke in &history.reschedules {
            pokes.entry((&poke.run_id, &poke.task_id, poke.map_index)).or_default().push(poke);
        }
        let gone = gone(history, edges);
        let first = self.out.runs.len();
        let mut counts = Vec::new();
        for run in &history.runs {
            let of_run = attempts.remove(&run.run_id).unwrap_or_default();
            let tasks: BTreeSet<&Text> = of_run.iter().map(|attempt| &attempt.task_id).collect();
            if self.run(dag, run, &of_run, (&parents, &gone), &pokes) {
                counts.push(tasks.len() as f64);
            }
        }
        let mut sorted = counts.clone();
        sorted.sort_by(f64::total_cmp);
        let whole = quantile(&sorted, USUAL).unwrap_or(0.0) * WHOLE;
        for (run, tasks) in self.out.runs[first..].iter_mut().zip(counts) {
            run.is_whole = tasks > 0.0 && tasks >= whole;
        }
    }

    fn run(
        &mut self,
        dag: u32,
        run: &DagRun,
        attempts: &[&'a Attempt],
        (parents, gone): (&HashMap<&Text, Vec<&Text>>, &HashSet<&Text>),
        pokes: &HashMap<(&Text, &Text, i32), Vec<&'a Reschedule>>,
    ) -> bool {
        let Some(made) = made(run) else {
            self.out.left_out.runs += 1;
            return false;
        };
        let place = self.out.case.runs.len() as u32;
        let date = run.about().unwrap_or(made).micros();
        let backfill = run.run_type == RunType::Backfill;
        self.out.case.runs.push(RunCase { dag, made: self.since(made), date, backfill });
        let times = run.started_at.zip(run.ended_at).filter(|(start, end)| start <= end);
        let times = times.map(|(start, end)| (self.since(start), self.since(end)));
        let by_schedule = matches!(run.run_type, RunType::Scheduled | RunType::Asset);
        self.out.runs.push(RecordedRun { dag, run_id: run.run_id.clone(), times, by_schedule, is_whole: true });
        if run.ended_at.is_none() && matches!(run.state, Some(RunState::Queued | RunState::Running)) {
            let under_way = self.under_way(place, attempts);
            self.out.under_way.push(under_way);
        }
        // Instances of each task of this run, with first queued and last end.
        let mut of_task: BTreeMap<&Text, Vec<Placed>> = BTreeMap::new();
        for of_instance in attempts.chunk_by(|a, b| (&a.task_id, a.map_index) == (&b.task_id, b.map_index)) {
            let first = of_instance[0];
            let pokes = pokes.get(&(&run.run_id, &first.task_id, first.map_index)).map_or(&[][..], Vec::as_slice);
            if let Some(instance) = self.instance(dag, place, of_instance, pokes) {
                of_task.entry(&first.task_id).or_default().push(instance);
            }
        }
        self.depend(&of_task, parents);
        self.depend_by_time(&of_task, gone);
        true
    }

    /// How far a run is that is not over.
    fn under_way(&self, run: u32, attempts: &[&Attempt]) -> UnderWay {
        let made = self.out.case.runs[run as usize].made;
        let mut under_way = UnderWay { run, last: made, ..UnderWay::default() };
        for of_instance in attempts.chunk_by(|a, b| (&a.task_id, a.map_index) == (&b.task_id, b.map_index)) {
            let last = of_instance[of_instance.len() - 1];
            let name = (last.task_id.clone(), last.map_index);
            let known = [last.queued_at, last.started_at, last.ended_at].into_iter().flatten().max();
            under_way.last = under_way.last.max(known.map_or(0, |at| self.since(at)));
            under_way.indices.entry(last.task_id.clone()).or_default().push(last.map_index);
            if last.state.as_ref().is_some_and(is_over) {
                under_way.over.insert(name);
            } else if let (Some(begun), None) = (last.started_at, last.ended_at) {
                under_way.begun.insert(name, self.since(begun));
            }
        }
        under_way
    }

    /// One instance; `None` where it never ran.
    fn instance(&mut self, dag: u32, run: u32, attempts: &[&'a Attempt], pokes: &[&Reschedule]) -> Option<Placed> {
        // A run that was cleared began anew: what had ended before belongs to a history that is gone.
        let began = self.out.runs[run as usize].times.map(|(start, _)| start);
        let of_now = |attempt: &&&Attempt| {
            let before = began.zip(attempt.ended_at).is_some_and(|(start, end)| self.since(end) < start);
            attempt.ran() && !before
        };
        let ran: Vec<&&Attempt> = attempts.iter().filter(of_now).collect();
        let last = attempts[attempts.len() - 1];
        let without_slot = ran.is_empty() && last.state == Some(TaskState::Success) && last.queued_at.is_none();
        if ran.is_empty() && !without_slot {
            let never =
                matches!(last.state, Some(TaskState::Skipped | TaskState::UpstreamFailed | TaskState::Removed) | None);
            self.out.left_out.attempts += usize::from(!never);
            return None;
        }
        let from = self.out.case.steps.len() as u32;
        for (at, attempt) in ran.iter().enumerate() {
            self.steps(dag, attempt, at > 0, pokes);
        }
        let of = ran.last().map_or(last, |attempt| attempt);
        let pool = of.pool.as_deref().unwrap_or(DEFAULT_POOL);
        let pool = self.pools.get(pool).copied().unwrap_or_default();
        let slots = of.pool_slots.and_then(|slots| u32::try_from(slots).ok()).unwrap_or(1);
        let tasks = self.tasks.len() as u32;
        let task = *self.tasks.entry((dag, &of.task_id)).or_insert(tasks);
        let place = self.out.case.instances.len() as u32;
        self.out.case.instances.push(Instance {
            run,
            pool,
            slots,
            weight: of.priority_weight.map_or(1, i64::from),
            map_index: of.map_index,
            task,
            steps: from..self.out.case.steps.len() as u32,
        });
        self.out.names.push(InstanceName { dag, task_id: of.task_id.clone(), map_index: of.map_index });
        let queued = self.out.queued.get(from as usize).copied().flatten();
        let begun = queued.or(ran.first().and_then(|attempt| attempt.started_at).map(|at| self.since(at)));
        Some(Placed { instance: place, begun, ended: last.ended_at.map(|end| self.since(end)) })
    }

    fn steps(&mut self, dag: u32, attempt: &'a Attempt, again: bool, pokes: &[&Reschedule]) {
        let (Some(start), Some(end)) = (attempt.started_at, attempt.ended_at) else { return };
        let usual = self.latency.get(&(dag, &attempt.task_id)).copied().unwrap_or(0);
        let mut away = if again { Away::Delayed } else { Away::No };
        let mut pause = if again { self.retry_pause.get(&(dag, &attempt.task_id)).copied().unwrap_or(0) } else { 0 };
        let length = |from: Timestamp, to: Timestamp| (to.micros() - from.micros()).max(0) as u64;
        for poke in pokes.iter().filter(|poke| poke.try_number.is_none() || poke.try_number == attempt.try_number) {
            let (Some(from), Some(to)) = (poke.started_at, poke.ended_at) else { continue };
            self.step(Step { away, pause, latency: usual, length: length(from, to), tail: 0 }, to, None);
            away = Away::Delayed;
            pause = poke.reschedule_at.map_or(0, |due| length(to, due));
        }
        if attempt.was_deferred() {
            // When it was deferred is not told: at once, more or less. When it came back is `queued_at`.
            let back = attempt.queued_at.unwrap_or(start);
            self.step(Step { away, pause, latency: usual, length: 0, tail: 0 }, start, None);
            let worked = length(back, end);
            let latency = usual.min(worked);
            let step =
                Step { away: Away::Deferred, pause: length(start, back), latency, length: worked - latency, tail: 0 };
            self.step(step, end, None);
            return;
        }
        let queued = attempt.queued_at.map(|queued| self.since(queued));
        let latency = attempt.queued_at.map_or(usual, |queued| length(queued, start));
        self.step(Step { away, pause, latency, length: length(start, end), tail: 0 }, end, queued);
    }

    fn step(&mut self, step: Step, ended: Timestamp, queued: Option<u64>) {
        self.out.ended.push(self.since(ended));
        self.out.case.steps.push(step);
        self.out.queued.push(queued);
    }

    /// Edges between the instances of a run; a task that did not run hands on what it waits for.
    fn depend(&mut self, of_task: &BTreeMap<&Text, Vec<Placed>>, parents: &HashMap<&Text, Vec<&Text>>) {
        for (task, children) in of_task {
            let mut last_end: Vec<Option<u64>> = vec![None; children.len()];
            let mut open: Vec<&Text> = parents.get(task).cloned().unwrap_or_default();
            let mut seen: HashSet<&Text> = HashSet::new();
            while let Some(parent) = open.pop() {
                if !seen.insert(parent) {
                    continue;
                }
                let Some(instances) = of_task.get(parent) else {
                    open.extend(parents.get(parent).into_iter().flatten());
                    continue;
                };
                for (child, last) in children.iter().zip(&mut last_end) {
                    for of_parent in instances {
                        let order = of_parent.ended.zip(child.begun);
                        if order.is_some_and(|(ended, begun)| ended > begun + SLACK_US) {
                            self.out.left_out.edges += 1;
                        } else {
                            self.edges.push((of_parent.instance, child.instance));
                            *last = (*last).max(of_parent.ended);
                        }
                    }
                }
            }
            let gap =
                |(child, end): (&Placed, Option<u64>)| Some((child.instance, end?, child.begun?.saturating_sub(end?)));
            let gaps = children.iter().zip(last_end);
            self.gaps.extend(gaps.filter_map(gap));
        }
    }

    /// Tasks that are gone from the DAG wait for whatever ended last before they were queued.
    fn depend_by_time(&mut self, of_task: &BTreeMap<&Text, Vec<Placed>>, gone: &HashSet<&Text>) {
        for (task, children) in of_task.iter().filter(|(task, _)| gone.contains(**task)) {
            for child in children {
                let others = of_task.iter().filter(|(other, _)| other != &task).flat_map(|(_, placed)| placed);
                let before = others.filter(|other| other.ended.is_some() && other.ended <= child.begun);
                if let Some(last) = before.max_by_key(|other| other.ended) {
                    self.edges.push((last.instance, child.instance));
                }
            }
        }
    }

    /// How long a process is not gone after its task has ended: what a follower waits beyond the pass that finds it.
    fn tails(&mut self, pace: &ByWindow) {
        let times: Vec<_> = self.out.queued.iter().copied().zip(self.out.ended.iter().copied()).collect();
        let room = Room::new(&self.out.case, &times);
        let free = self.gaps.iter().filter(|(instance, end, _)| room.is_for(*instance, *end));
        let mut free: Vec<(u64, u64)> = free.map(|(_, end, gap)| (*end, *gap)).collect();
        free.sort_unstable();
        self.out.handover = short_of_late(&free);
        // Where a follower is queued within less than a pass, it was found before the pass that queued it began.
        let early = |(end, gap): &&(u64, u64)| pace.at(*end).is_some_and(|pass| *gap < pass);
        let mini_scheduler = free.iter().filter(early).count() * 2 > free.len();
        let mini_scheduler = mini_scheduler && self.out.case.rules.generation == Generation::Two;
        let handover = handover(free);
        for (step, ended) in self.out.case.steps.iter_mut().zip(&self.out.ended) {
            // A pass begins by chance in between, up to a period later, and queues at its end: the quarter of the shortest.
            let pass = pace.at(*ended).unwrap_or(0);
            let found = if mini_scheduler { pass / 4 } else { pass / 4 + pass };
            step.tail = handover.at(*ended).unwrap_or(0).saturating_sub(found);
        }
        self.out.case.rules.mini_scheduler = mini_scheduler;
    }

    fn changes(&mut self, histories: &[DagHistory], limits: &AirflowLimits) {
        let mut queued: Vec<u64> = self.out.queued.iter().flatten().copied().collect();
        queued.sort_unstable();
        queued.dedup();
        let pace = pace(&queued);
        let mut changes = pace.as_loop();
        for (when, change) in &limits.changes {
            let at = self.since(*when);
            match change {
                LimitChange::Parallelism(count) => changes.push((at, Change::Parallelism(*count))),
                LimitChange::MaxTis(count) => changes.push((at, Change::MaxTis(*count))),
                LimitChange::Pool(name, slots) => {
                    changes.extend(self.pools.get(name).map(|pool| (at, Change::Pool(*pool, *slots))));
                }
                LimitChange::Dag(name, DagLimits { max_active_tasks, max_active_runs }) => {
                    let Some(dag) = histories.iter().position(|history| history.dag_id == *name) else { continue };
                    changes.extend(max_active_tasks.map(|count| (at, Change::MaxActiveTasks(dag as u32, count))));
                    if let Some(runs) = max_active_runs {
                        self.out.max_active_runs[dag] = *runs;
                    }
                    changes.extend(
                        max_active_runs
                            .filter(|_| limits.runs_by_limit)
                            .map(|count| (at, Change::MaxActiveRuns(dag as u32, count))),
                    );
                }
                LimitChange::Restart(lasts) => {
                    self.out.restarts.push((at, at + lasts));
                    changes.push((at, Change::Down));
                    changes.push((at + lasts, Change::Up));
                }
            }
        }
        changes.sort_by_key(|(at, _)| *at);
        self.out.case.changes = changes;
        self.out.case.sections = queued;
        self.tails(&pace);
    }
}

/// Tasks that no dependency names, where others have some, and that no late run has: the structure is one from after they left.
fn gone<'a>(history: &'a DagHistory, edges: &BTreeSet<(Text, Text)>) -> HashSet<&'a Text> {
    if edges.is_empty() {
        return HashSet::new();
    }
    let late: HashSet<&Text> = history.runs.iter().rev().take(LATE_RUNS).map(|run| &run.run_id).collect();
    let mut known: HashSet<&Text> = edges.iter().flat_map(|(first, then)| [first, then]).collect();
    known.extend(history.attempts.iter().filter(|one| late.contains(&one.run_id)).map(|one| &one.task_id));
    history.attempts.iter().map(|one| &one.task_id).filter(|task| !known.contains(*task)).collect()
}

/// Will nothing more come of it?
fn is_over(state: &TaskState) -> bool {
    use TaskState::{Failed, Removed, Skipped, Success, UpstreamFailed};
    matches!(state, Success | Failed | Skipped | UpstreamFailed | Removed)
}

/// The quarter of the shortest of the last gaps.
fn short_of_late(gaps: &[(u64, u64)]) -> Option<u64> {
    let mut late: Vec<u64> = gaps.iter().rev().take(LATE_GAPS).map(|(_, gap)| *gap).collect();
    late.sort_unstable();
    late.get(late.len() / 4).copied()
}

/// Attempts by run, task, map index and try.
fn tries(history: &DagHistory) -> Vec<&Attempt> {
    let mut all: Vec<&Attempt> = history.attempts.iter().collect();
    all.sort_by(|a, b| {
        (&a.run_id, &a.task_id, a.map_index, a.try_number, a.started_at).cmp(&(
            &b.run_id,
            &b.task_id,
            b.map_index,
            b.try_number,
            b.started_at,
        ))
    });
    all
}
