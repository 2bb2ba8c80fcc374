//! What came of a day.

use super::{configuration::Configuration, world::made};
use crate::model::{Platform, PlatformInstance};

/// How a try ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Well.
    Done,
    /// It failed of itself.
    Failed,
    /// The kernel killed it, for memory.
    Killed,
}

/// A try.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Try {
    /// Instance, by place.
    pub instance: u32,
    /// From, in microseconds of the day.
    pub began: u64,
    /// To.
    pub ended: u64,
    /// Bytes that it held.
    pub memory: f64,
    /// Seconds that it would have taken alone.
    pub alone_s: f64,
    /// How it ended.
    pub ending: Ending,
}

/// A day.
#[derive(Clone, Debug, PartialEq)]
pub struct Day {
    /// All tries, in the order of their ends.
    pub tries: Vec<Try>,
    /// When each instance ended well.
    pub done: Vec<Option<u64>>,
    /// Bytes in use at most, over the machine's.
    pub most_memory: f64,
    /// Seconds in which more than nine tenths of the memory were in use.
    pub crowded_s: f64,
    /// Seconds of processors that were used, those of tries that came to nothing with them.
    pub cpu_s: f64,
    /// Bytes of the machine.
    pub memory: f64,
    /// When all was over.
    pub ended: u64,
}

/// What is asked of a day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    /// Seconds from the core DAG's first start to its last end; infinite where a task of it never ended well.
    pub core_s: f64,
    /// Memory in use at most, as a share of the machine's.
    pub most_memory: f64,
    /// Seconds with more than nine tenths of the memory in use.
    pub crowded_s: f64,
    /// Task instances that ended well, as a share of all.
    pub success: f64,
    /// Tries that ended well, as a share of all.
    pub tries_well: f64,
    /// Seconds of processors that were used.
    pub cpu_s: f64,
    /// Tries that were killed for memory.
    pub killed: usize,
    /// Runs of other DAGs that missed their deadlines, and all of them.
    pub late: (usize, usize),
    /// Seconds of the worst lateness of another DAG's run; 0 where none was late.
    pub worst_late_s: f64,
}

/// Seconds that stand for a core DAG that did not end that day.
pub const NEVER_S: f64 = 86_400.0;

impl Figures {
    /// Seconds of the core DAG; a day where it did not end.
    #[must_use]
    pub fn core_or_a_day(&self) -> f64 {
        self.core_s.min(NEVER_S)
    }

    /// Mean over days of what is finite.
    #[must_use]
    pub fn mean(days: &[&Self], what: impl Fn(&Self) -> f64) -> f64 {
        let finite: Vec<f64> = days.iter().map(|figures| what(figures)).filter(|value| value.is_finite()).collect();
        finite.iter().sum::<f64>() / finite.len().max(1) as f64
    }

    /// The most of any day.
    #[must_use]
    pub fn most(days: &[&Self], what: impl Fn(&Self) -> f64) -> f64 {
        days.iter().map(|figures| what(figures)).fold(0.0, f64::max)
    }
}

impl Day {
    pub(super) fn new(instances: usize, memory: f64) -> Self {
        Self {
            tries: Vec::new(),
            done: vec![None; instances],
            most_memory: 0.0,
            crowded_s: 0.0,
            cpu_s: 0.0,
            memory,
            ended: 0,
        }
    }

    /// Memory in use from each time on, in seconds, as a share of the machine's; `taken` is what others hold.
    pub(super) fn memory_over_time(&self, taken: f64) -> Vec<(f64, f64)> {
        let changes = self.tries.iter().flat_map(|one| [(one.began, one.memory), (one.ended, -one.memory)]);
        let mut changes: Vec<(u64, f64)> = changes.collect();
        // What ends at an instant is gone before what begins then.
        changes.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let mut held = taken;
        let mut told = vec![(0.0, held / self.memory)];
        for at in changes.chunk_by(|a, b| a.0 == b.0) {
            held += at.iter().map(|(_, change)| change).sum::<f64>();
            told.push((at[0].0 as f64 / 1e6, (held / self.memory).min(1.0)));
        }
        told
    }

    /// Figures of it.
    #[must_use]
    pub fn figures(
        &self,
        platform: &Platform,
        instances: &[PlatformInstance],
        configuration: &Configuration,
    ) -> Figures {
        let runs = |dag: usize| platform.dags[dag].starts.len();
        // When each run was over, and when it was due by its own start as it was before any shift.
        let mut over: Vec<Vec<f64>> = (0..platform.dags.len()).map(|dag| vec![0.0; runs(dag)]).collect();
        for (of, done) in instances.iter().zip(&self.done) {
            let at = done.map_or(f64::INFINITY, |at| at as f64 / 1e6);
            let of_run = &mut over[of.dag as usize][of.run as usize];
            *of_run = of_run.max(at);
        }
        let mut figures = Figures {
            core_s: 0.0,
            most_memory: self.most_memory / self.memory,
            crowded_s: self.crowded_s,
            success: self.done.iter().flatten().count() as f64 / self.done.len().max(1) as f64,
            tries_well: self.tries.iter().filter(|one| one.ending == Ending::Done).count() as f64
                / self.tries.len().max(1) as f64,
            cpu_s: self.cpu_s,
            killed: self.tries.iter().filter(|one| one.ending == Ending::Killed).count(),
            late: (0, 0),
            worst_late_s: 0.0,
        };
        for (dag, (of, over)) in platform.dags.iter().zip(&over).enumerate() {
            for (run, (start, over)) in of.starts.iter().zip(over).enumerate() {
                if dag == platform.core {
                    let place = PlatformInstance { dag: dag as u32, run: run as u32, task: 0, part: 0 };
                    figures.core_s = figures.core_s.max(over - made(platform, place, configuration) as f64 / 1e6);
                } else {
                    let late = over - start - of.deadline_s;
                    figures.late = (figures.late.0 + usize::from(late > 0.0), figures.late.1 + 1);
                    figures.worst_late_s = figures.worst_late_s.max(late);
                }
            }
        }
        figures
    }
}
