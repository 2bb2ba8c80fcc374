//! The loop of the scheduler, and what happens between its passes.

use super::{
    case::{Away, Case, Change, Replayed, RunCase, Step},
    section::{Row, Section},
};
use crate::stats::Draw;
use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap},
};

const NEVER: u64 = u64::MAX;
/// Periods, as a fraction, within which the next known section ends this pass: two of them would be two passes.
const KNOWN_WITHIN: (u64, u64) = (7, 4);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A change, by its place.
    Changed(u32),
    /// A step of an instance ends.
    Over(u32),
    /// The process of an instance's step is gone.
    Gone(u32, u32),
    /// An instance is no longer away.
    Back(u32),
    /// A run is made.
    Made(u32),
}

/// A run on its way.
#[derive(Clone, Debug, Default)]
struct Progress {
    /// Instances that may go on, as the next pass that looks at this run will find.
    free: Vec<u32>,
    left: u32,
    running: bool,
}

struct World<'a> {
    case: &'a Case,
    section: Section,
    events: BinaryHeap<Reverse<(u64, Event)>>,
    /// Of each instance: what it waits for, and the next of its steps.
    open: Vec<u32>,
    at_step: Vec<u32>,
    runs: Vec<Progress>,
    instances_of: Vec<std::ops::Range<u32>>,
    /// Of each DAG, runs that wait for `max_active_runs`, by (backfill, date).
    queued: Vec<BTreeSet<(bool, i64, u32)>>,
    /// Runs that go on, in the order in which passes look at them: longest ago first.
    running: BTreeSet<(u64, i64, u32)>,
    active_runs: Vec<u32>,
    max_active_runs: Vec<u32>,
    /// Running runs that a pass would bring forward.
    wanting: BTreeSet<u32>,
    finished: bool,
    /// Slots of the executor that are free and that it has not been asked about: that is done at the end of a pass.
    returned: u32,
    loop_us: u64,
    up: bool,
    out: Replayed,
}

/// Replays it.
#[must_use]
pub fn replay(case: &Case) -> Replayed {
    let mut world = World::new(case);
    let (mut at, mut phase) = (0_u64, Phase::Look);
    // Whether a pass could do anything.
    let mut due = true;
    loop {
        let event_at = world.events.peek().map(|Reverse((event_at, _))| *event_at);
        match event_at {
            Some(event_at) if !(due && world.up) || event_at <= at => {
                let was_up = world.up;
                world.happen_all(event_at);
                if world.up && !was_up {
                    (at, phase) = (event_at, Phase::Look);
                }
                // Passes that found nothing to do went by unseen.
                if at < event_at {
                    let nothing = (world.loop_us + case.rules.idle_us).max(1);
                    at += (event_at - at).div_ceil(nothing) * nothing;
                }
                due = true;
            }
            _ if due && world.up => match phase {
                Phase::Look => {
                    let looked = world.look(at);
                    phase = Phase::Queue { began: at, looked };
                    at = if case.rules.section_last { world.section_after(at) } else { at };
                }
                Phase::Queue { began, looked } => {
                    let queued = world.queue(at);
                    due = looked || queued || !world.wanting.is_empty();
                    let something = queued || std::mem::take(&mut world.finished);
                    let pass = world.loop_us + if something { 0 } else { case.rules.idle_us };
                    (at, phase) = (at.max(began + pass.max(1)), Phase::Look);
                }
            },
            _ => break,
        }
    }
    world.out
}

/// What a pass does next.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Looks at runs.
    Look,
    /// Queues; `looked` says whether there is more to look at.
    Queue { began: u64, looked: bool },
}

impl<'a> World<'a> {
    fn new(case: &'a Case) -> Self {
        let (instances, runs) = (case.instances.len(), case.runs.len());
        let mut instances_of = vec![0..0; runs];
        for (at, instance) in (0_u32..).zip(&case.instances) {
            let range = &mut instances_of[instance.run as usize];
            *range = if range.start == range.end { at..at + 1 } else { range.start..at + 1 };
        }
        let made = case.runs.iter().zip(0_u32..).map(|(run, at)| Reverse((run.made, Event::Made(at))));
        let changes = case.changes.iter().zip(0_u32..).map(|((when, _), at)| Reverse((*when, Event::Changed(at))));
        Self {
            section: Section::new(case),
            events: made.chain(changes).collect(),
            open: (0..instances as u32).map(|at| case.graph.parents(at).len() as u32).collect(),
            at_step: case.instances.iter().map(|instance| instance.steps.start).collect(),
            runs: instances_of
                .iter()
                .map(|range| Progress { left: range.end - range.start, ..Progress::default() })
                .collect(),
            instances_of,
            queued: vec![BTreeSet::new(); case.dags.len()],
            running: BTreeSet::new(),
            active_runs: vec![0; case.dags.len()],
            max_active_runs: case.dags.iter().map(|dag| dag.max_active_runs).collect(),
            wanting: BTreeSet::new(),
            finished: false,
            returned: 0,
            loop_us: case.rules.loop_us,
            up: true,
            out: Replayed {
                scheduled: vec![NEVER; instances],
                queued: vec![NEVER; case.steps.len()],
                ended: vec![NEVER; case.steps.len()],
                run_started: vec![NEVER; runs],
                run_ended: vec![NEVER; runs],
                passes: 0,
            },
            case,
        }
    }

    /// When the pass that begins now queues: at a section that is known, where one comes about a period later.
    fn section_after(&self, now: u64) -> u64 {
        let known = self.case.sections.get(self.case.sections.partition_point(|at| *at <= now));
        let soon = now.saturating_add(self.loop_us.saturating_mul(KNOWN_WITHIN.0) / KNOWN_WITHIN.1);
        known.copied().filter(|at| *at <= soon).unwrap_or(now.saturating_add(self.loop_us))
    }

    /// All that happens at one instant.
    fn happen_all(&mut self, now: u64) {
        while let Some(&Reverse((_, event))) = self.events.peek().filter(|Reverse((at, _))| *at == now) {
            self.events.pop();
            match event {
                Event::Made(run) => {
                    let RunCase { dag, date, backfill, .. } = self.case.runs[run as usize];
                    self.queued[dag as usize].insert((backfill, date, run));
                }
                Event::Over(instance) => self.over(instance, now),
                Event::Gone(instance, step) => self.gone(instance, step, now),
                Event::Back(instance) => self.back(instance, now),
                Event::Changed(place) => self.change(self.case.changes[place as usize].1),
            }
        }
    }

    fn change(&mut self, change: Change) {
        match change {
            Change::Parallelism(count) => self.section.parallelism = count,
            Change::MaxTis(count) => self.section.max_tis = count,
            Change::Pool(pool, slots) => self.section.pools[pool as usize].0 = slots,
            Change::MaxActiveTasks(dag, count) => self.section.max_active_tasks[dag as usize] = count,
            Change::MaxActiveRuns(dag, count) => self.max_active_runs[dag as usize] = count,
            Change::Loop(us) => self.loop_us = us,
            Change::Down => self.up = false,
            Change::Up => self.up = true,
        }
    }

    fn over(&mut self, instance: u32, now: u64) {
        let step = self.at_step[instance as usize];
        self.out.ended[step as usize] = now;
        self.at_step[instance as usize] += 1;
        self.events
            .push(Reverse((now.saturating_add(self.case.steps[step as usize].tail), Event::Gone(instance, step))));
        let next = step + 1;
        if next == self.case.instances[instance as usize].steps.end {
            self.section.over(self.case, instance, false);
            return;
        }
        let Step { away, pause, .. } = self.case.steps[next as usize];
        self.section.over(self.case, instance, away == Away::Deferred && self.counts_deferred(instance));
        self.events.push(Reverse((now.saturating_add(pause), Event::Back(instance))));
    }

    fn gone(&mut self, instance: u32, step: u32, now: u64) {
        self.returned += 1;
        self.finished = true;
        // A step that follows has its own time to come.
        if step + 1 == self.case.instances[instance as usize].steps.end {
            self.done(instance, now, self.case.rules.mini_scheduler);
        }
    }

    fn counts_deferred(&self, instance: u32) -> bool {
        self.case.pools[self.case.instances[instance as usize].pool as usize].include_deferred
    }

    fn back(&mut self, instance: u32, now: u64) {
        let of = &self.case.instances[instance as usize];
        if self.case.steps[self.at_step[instance as usize] as usize].away == Away::Deferred {
            if self.counts_deferred(instance) {
                self.section.pools[of.pool as usize].1 -= of.slots;
            }
            self.schedule(instance, now);
        } else {
            self.free(instance);
        }
    }

    /// The next pass that looks at its run finds that it may go on.
    fn free(&mut self, instance: u32) {
        let run = self.case.instances[instance as usize].run;
        self.runs[run as usize].free.push(instance);
        if self.runs[run as usize].running {
            self.wanting.insert(run);
        }
    }

    /// All its steps are over; its process schedules those behind it where there is a mini-scheduler in it.
    fn done(&mut self, instance: u32, now: u64, schedules: bool) {
        let run = self.case.instances[instance as usize].run;
        self.runs[run as usize].left -= 1;
        if self.runs[run as usize].left == 0 {
            self.wanting.insert(run);
        }
        for &child in self.case.graph.children(instance) {
            self.open[child as usize] -= 1;
            if self.open[child as usize] > 0 {
                continue;
            }
            let has_steps = !self.case.instances[child as usize].steps.is_empty();
            if schedules && has_steps && self.runs[run as usize].running {
                self.schedule(child, now);
            } else {
                self.free(child);
            }
        }
    }

    fn schedule(&mut self, instance: u32, now: u64) {
        let of = &self.case.instances[instance as usize];
        let scheduled = &mut self.out.scheduled[instance as usize];
        *scheduled = (*scheduled).min(now);
        let tie = match self.case.ties {
            0 => u64::from(instance),
            seed => Draw::keyed(seed, &[u64::from(instance)]).bits(),
        };
        let (weight, date) = (Reverse(of.weight), self.case.runs[of.run as usize].date);
        self.section.waiting[of.pool as usize].insert(Row { weight, date, map_index: of.map_index, tie, instance });
    }

    /// The first part of a pass: runs begin and are brought forward; is there more of that for the next?
    fn look(&mut self, now: u64) -> bool {
        self.out.passes += 1;
        let started = self.start_runs(now);
        self.progress(now) || started
    }

    /// The critical section; was anything queued?
    fn queue(&mut self, now: u64) -> bool {
        let returned = std::mem::take(&mut self.returned);
        if !self.case.rules.section_last {
            self.section.with_executor -= returned;
        }
        let chosen = self.section.pass(self.case);
        if self.case.rules.section_last {
            self.section.with_executor -= returned;
        }
        for row in &chosen {
            let step = self.at_step[row.instance as usize];
            let Step { latency, length, .. } = self.case.steps[step as usize];
            self.out.queued[step as usize] = now;
            let end = now.saturating_add(latency).saturating_add(length);
            self.events.push(Reverse((end, Event::Over(row.instance))));
        }
        // Slots that came back after the section was worked out are there for the next pass.
        !chosen.is_empty() || (returned > 0 && self.case.rules.section_last)
    }

    /// Queued runs begin, as `max_active_runs` lets them; did one?
    fn start_runs(&mut self, now: u64) -> bool {
        let most = self.case.rules.runs_a_loop;
        let has_room = |world: &Self, dag: usize| world.active_runs[dag] < world.max_active_runs[dag];
        let mut looked_at: Vec<(bool, i64, u32)> = Vec::new();
        for dag in (0..self.queued.len()).filter(|dag| has_room(self, *dag)) {
            looked_at.extend(self.queued[dag].iter().take(most));
        }
        looked_at.sort_unstable();
        looked_at.truncate(most);
        let mut any = false;
        for key in looked_at {
            let dag = self.case.runs[key.2 as usize].dag as usize;
            if has_room(self, dag) {
                self.active_runs[dag] += 1;
                self.queued[dag].remove(&key);
                self.begin(key.2, now);
                any = true;
            }
        }
        any
    }

    fn begin(&mut self, run: u32, now: u64) {
        self.out.run_started[run as usize] = now;
        self.running.insert((0, self.case.runs[run as usize].date, run));
        let progress = &mut self.runs[run as usize];
        progress.running = true;
        let range = self.instances_of[run as usize].clone();
        progress.free.extend(range.filter(|instance| self.open[*instance as usize] == 0));
        self.wanting.insert(run);
    }

    /// Brings the runs forward that have waited longest for it; did an operator without a slot end?
    fn progress(&mut self, now: u64) -> bool {
        let looked_at: Vec<(u64, i64, u32)> = self.running.iter().take(self.case.rules.runs_a_loop).copied().collect();
        let mut empty = false;
        for (decided, date, run) in looked_at {
            self.running.remove(&(decided, date, run));
            let free = std::mem::take(&mut self.runs[run as usize].free);
            self.wanting.remove(&run);
            for instance in free {
                if self.case.instances[instance as usize].steps.is_empty() {
                    let scheduled = &mut self.out.scheduled[instance as usize];
                    *scheduled = (*scheduled).min(now);
                    self.done(instance, now, false);
                    empty = true;
                } else {
                    self.schedule(instance, now);
                }
            }
            if self.runs[run as usize].left == 0 {
                self.wanting.remove(&run);
                self.runs[run as usize].running = false;
                self.active_runs[self.case.runs[run as usize].dag as usize] -= 1;
                self.out.run_ended[run as usize] = now;
                // Its place is free for the next run of the DAG, from the next pass on.
                empty = true;
            } else {
                // Behind all that were looked at before.
                self.running.insert((self.out.passes, date, run));
            }
        }
        empty
    }
}
