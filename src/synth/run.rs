//! One run under way: its task instances, and what decides which of them go on.

use super::{
    change::{Changes, exists},
    fleet::{Dag, wide},
    load::volume,
    rows::NULL,
    template::Kind,
};
use crate::stats::{Draw, exp};

/// How a task of a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Open,
    Success,
    Failed,
    Skipped,
    UpstreamFailed,
}

impl End {
    pub(super) fn state(self) -> &'static str {
        match self {
            Self::Open => "",
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::UpstreamFailed => "upstream_failed",
        }
    }
}

/// One task instance.
#[derive(Clone, Debug)]
pub(super) struct Instance {
    pub(super) task: u8,
    /// -1 where the task is not mapped.
    pub(super) index: i16,
    pub(super) end_as: End,
    pub(super) tries: u16,
    pub(super) max_tries: u16,
    /// Has it been deferred and resumed?
    pub(super) resumed: bool,
    /// Pokes before the one that succeeds.
    pub(super) pokes: u16,
    /// Does the try under way fail?
    pub(super) fails: bool,
    pub(super) scheduled: i64,
    pub(super) queued: i64,
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) job: i64,
    pub(super) host: i64,
    /// Its own work, microseconds.
    pub(super) work: i64,
    pub(super) id: u128,
    pub(super) random: u128,
}

/// One task of the run.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    /// Where its instances begin, and how many there are.
    pub(super) first: u16,
    pub(super) count: u16,
    /// Instances that are not over.
    pub(super) left: u16,
    /// Upstream tasks that are not over.
    pub(super) waits: u32,
    /// A branch did not take it.
    pub(super) left_out: bool,
    pub(super) end: End,
}

/// Why a run exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    Schedule,
    Person,
    Asset,
}

/// A run.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) dag: usize,
    pub(super) number: i64,
    pub(super) cause: Cause,
    pub(super) logical: i64,
    pub(super) run_id: String,
    pub(super) draw: Draw,
    pub(super) instances: Vec<Instance>,
    pub(super) tasks: Vec<Progress>,
    /// Tasks that this run has, as bits.
    pub(super) alive: u64,
    /// Tasks that are not over.
    pub(super) open: u32,
    pub(super) queued: i64,
    pub(super) start: i64,
    /// Someone will clear this task and those behind it, so long after the end.
    pub(super) clear: Option<(usize, i64)>,
    pub(super) clears: i64,
    pub(super) random: u128,
}

/// Places of the bits that are set.
pub(super) fn bits(mut set: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = set.trailing_zeros() as usize;
        set &= set.wrapping_sub(1);
        (place < 64).then_some(place)
    })
}

impl Run {
    /// Draws all that the run will do. `levels` are where the tasks' autocorrelated work stands, with `phi` from one run to
    /// the next.
    pub(super) fn new(
        (at, dag): (usize, &Dag),
        changes: &Changes,
        levels: &mut [f64],
        phi: f64,
        (cause, logical): (Cause, i64),
        seed: u64,
    ) -> Self {
        let mut draw = Draw::keyed(seed, &[5, dag.key, logical as u64, cause as u64]);
        let volume = volume(dag.template, logical);
        let change = |task: usize| changes.of(dag.tasks[task].number).and_then(|place| changes.tasks.get(place));
        let present = |task: &usize| exists(dag.tasks[*task].spec.life, change(*task), logical);
        let alive = (0..dag.tasks.len()).filter(present).fold(0, |set, task| set | 1 << task);
        let mut instances = Vec::with_capacity(dag.tasks.len() + 8);
        let mut tasks = Vec::with_capacity(dag.tasks.len());
        for (place, task) in dag.tasks.iter().enumerate() {
            let first = instances.len() as u16;
            let is_alive = alive >> place & 1 == 1;
            let count = if is_alive { u16::from(task.mapped.max(1)) } else { 0 };
            let planted = change(place);
            let level = &mut levels[place];
            *level = phi * *level + (1.0 - phi * phi).sqrt() * draw.normal();
            for index in 0..i16::try_from(count).unwrap_or(0) {
                let spread = task.spec.sigma * planted.map_or(1.0, |change| change.spread(logical));
                let z = if task.mapped == 0 { *level } else { 0.6 * *level + 0.8 * draw.normal() };
                let straggles = if draw.chance(0.008) { draw.pareto(1.4, 2.0).min(12.0) } else { 1.0 };
                let factor = planted.map_or(1.0, |change| change.factor(logical, i64::from(index)));
                let work_s = task.median_s * volume * exp(spread * z) * straggles * factor;
                let mapped = task.mapped > 0;
                instances.push(Instance {
                    task: place as u8,
                    index: if mapped { index } else { -1 },
                    end_as: End::Open,
                    tries: 0,
                    max_tries: u16::from(task.spec.retries),
                    resumed: false,
                    pokes: if task.kind == Kind::Sensor { (work_s / 60.0) as u16 } else { 0 },
                    fails: false,
                    scheduled: NULL,
                    queued: NULL,
                    start: NULL,
                    end: NULL,
                    job: NULL,
                    host: NULL,
                    work: (work_s * 1e6) as i64,
                    id: 0,
                    random: 0,
                });
            }
            let waits = (task.up & alive).count_ones();
            tasks.push(Progress { first, count, left: count, waits, left_out: false, end: End::Open });
        }
        let clear = (draw.chance(0.004) && dag.template.period_min >= 240).then(|| {
            let candidates: Vec<usize> = bits(alive).filter(|&task| dag.tasks[task].kind == Kind::Work).collect();
            let from = candidates.get(draw.below(candidates.len() as u64) as usize).copied().unwrap_or(0);
            (from, (draw.between(0.5, 6.0) * 3.6e9) as i64)
        });
        Self {
            dag: at,
            number: 0,
            cause,
            logical,
            run_id: String::new(),
            random: wide(&mut draw),
            draw,
            instances,
            tasks,
            alive,
            open: alive.count_ones(),
            queued: NULL,
            start: NULL,
            clear,
            clears: 0,
        }
    }

    /// Tasks whose rows are not final as long as a clear is to come.
    pub(super) fn held(&self, dag: &Dag) -> u64 {
        self.clear.map_or(0, |(from, _)| (1 << from | dag.tasks[from].behind) & self.alive)
    }

    pub(super) fn of(&self, task: usize) -> std::ops::Range<usize> {
        let progress = &self.tasks[task];
        usize::from(progress.first)..usize::from(progress.first + progress.count)
    }

    /// What becomes of a task whose upstream tasks are all over; `Open` where it runs.
    pub(super) fn verdict(&self, dag: &Dag, task: usize) -> End {
        let up = bits(dag.tasks[task].up & self.alive).map(|up| self.tasks[up].end);
        let (mut success, mut skipped, mut failed) = (0, 0, 0);
        for end in up {
            match end {
                End::Success => success += 1,
                End::Skipped => skipped += 1,
                _ => failed += 1,
            }
        }
        if self.tasks[task].left_out {
            End::Skipped
        } else if failed > 0 {
            End::UpstreamFailed
        } else if skipped > 0 && (success == 0 || !dag.tasks[task].spec.joins) {
            End::Skipped
        } else {
            End::Open
        }
    }

    /// A task is over: marks what its branch leaves out, and returns the tasks that wait for nothing any more.
    pub(super) fn pass_on(&mut self, dag: &Dag, task: usize) -> u64 {
        let spec = &dag.tasks[task];
        let down = spec.down & self.alive;
        if self.tasks[task].end == End::Success {
            let left_out = match spec.kind {
                Kind::Branch(first) => {
                    let taken = if self.draw.chance(first) { bits(down).next() } else { bits(down).nth(1) };
                    down & !taken.map_or(0, |taken| 1 << taken)
                }
                Kind::ShortCircuit(stops) if self.draw.chance(stops) => down,
                _ => 0,
            };
            bits(left_out).for_each(|task| self.tasks[task].left_out = true);
        }
        let mut free = 0;
        for task in bits(down) {
            let waits = &mut self.tasks[task].waits;
            *waits = waits.saturating_sub(1);
            if *waits == 0 && self.tasks[task].end == End::Open {
                free |= 1 << task;
            }
        }
        free
    }

    /// Sets these tasks back; returns those that wait for nothing.
    pub(super) fn set_back(&mut self, dag: &Dag, cleared: u64) -> u64 {
        let mut free = 0;
        for task in bits(cleared) {
            let waits = (dag.tasks[task].up & cleared).count_ones();
            let mut parents = bits(dag.tasks[task].up & cleared);
            let decided_again = parents.any(|up| matches!(dag.tasks[up].kind, Kind::Branch(_) | Kind::ShortCircuit(_)));
            let range = self.of(task);
            let progress = &mut self.tasks[task];
            progress.left_out &= !decided_again;
            (progress.waits, progress.left, progress.end) = (waits, progress.count, End::Open);
            self.open += 1;
            if waits == 0 {
                free |= 1 << task;
            }
            for instance in &mut self.instances[range] {
                if instance.tries > 0 {
                    instance.max_tries = instance.tries + u16::from(dag.tasks[task].spec.retries);
                }
                instance.end_as = End::Open;
                instance.resumed = false;
                (instance.scheduled, instance.queued, instance.start, instance.end) = (NULL, NULL, NULL, NULL);
                (instance.job, instance.host) = (NULL, NULL);
            }
        }
        free
    }
}
