//! Pass or fail: benchmarks of now against those of a baseline, with the share of gates that would fail by chance alone.
//!
//! A benchmark fails if the lower end of the interval of its change lies beyond what is tolerated, the change exceeds the
//! floor, the corrected p-value says so too, and every repeated run agrees. It passes if the interval lies within what is
//! tolerated, or if it would have failed, with a probability of nine in ten, had it become slower by twice of that.
//! Anything else is no decision, and the number of measurements that would make it one is told.
//!
//! What it cannot see: a machine that was slow during all of one run looks like a regression unless the baseline holds
//! three runs and more, whose scatter is then taken for what runs do.

mod calibrate;
mod evidence;
mod judge;
mod runs;

#[cfg(test)]
mod tests;

use crate::{model::Text, stats::Estimate};
pub use calibrate::FalseAlarms;
pub use judge::judge;

/// Rules of a gate.
#[derive(Clone, Debug, PartialEq)]
pub struct GateSettings {
    /// What is tolerated where no pattern matches.
    pub limit: Limit,
    /// Patterns of names and what is tolerated of those; the first that matches counts.
    pub limits: Vec<(glob::Pattern, Limit)>,
    /// Patterns of names of which more is better, whatever the tool says.
    pub higher_is_better: Vec<glob::Pattern>,
    /// Confidence level of intervals. Default 0.95.
    pub level: f64,
    /// Share of false failures among the failures (Benjamini-Hochberg). Default 0.05.
    pub false_discovery_rate: f64,
    /// May something be undecided and the gate pass nevertheless, if anything could be decided? Default false.
    pub some_undecided: bool,
    /// May the baseline lack something, if it has anything? Default false.
    pub some_new: bool,
    /// May the current run lack something that the baseline has? Default false: what crashed is gone as well.
    pub some_gone: bool,
    /// Is each measurement a run of its own, as in the lake? Default false: those of one run have more in common.
    pub samples_are_runs: bool,
    /// Seed of the calibration.
    pub seed: u64,
}

/// What is tolerated of one benchmark.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// Slow-down as a share. Default 0.05.
    pub tolerance: f64,
    /// Change that is none that matters, if any.
    pub floor: Option<Floor>,
}

/// A change too small to matter whatever its share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Floor {
    /// In seconds; for benchmarks in a unit of time.
    Seconds(f64),
    /// In the unit of the benchmark.
    Units(f64),
}

impl Default for Limit {
    fn default() -> Self {
        Self { tolerance: 0.05, floor: None }
    }
}

impl Default for GateSettings {
    fn default() -> Self {
        Self {
            limit: Limit::default(),
            limits: Vec::new(),
            higher_is_better: Vec::new(),
            level: 0.95,
            false_discovery_rate: 0.05,
            some_undecided: false,
            some_new: false,
            some_gone: false,
            samples_are_runs: false,
            seed: 1,
        }
    }
}

/// Fewest measurements a side that are judged.
pub const MIN_SAMPLES: usize = 3;
/// Fewest runs of a baseline whose scatter is taken for that of runs.
pub const MIN_RUNS: usize = 3;
/// Slow-down, in multiples of what is tolerated, that a benchmark must be able to show to pass, ..
pub const PLANNED_EFFECT: f64 = 2.0;
/// .. and the probability with which.
pub const PLANNED_POWER: f64 = 0.9;

/// What came of a benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Certainly worse than is tolerated.
    Regressed,
    /// It did not run to its end.
    Broken,
    /// Too few measurements, or too noisy.
    Inconclusive,
    /// The baseline lacks it.
    NoBaseline,
    /// The baseline has it, the current run has not.
    Gone,
    /// Certainly better by more than is tolerated.
    Improved,
    /// Within what is tolerated.
    Unchanged,
}

/// What came of the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing regressed, and everything could be told.
    Pass,
    /// Something regressed.
    Fail,
    /// Nothing regressed that could be told, but not everything could be.
    NoDecision,
}

/// What the judgement of a benchmark rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Measurements of one run a side (or of two): how runs differ is not known.
    Samples,
    /// Runs, each summed up to its location.
    Runs,
    /// Means and standard deviations that the tool gave; measurements are taken to be independent.
    Summaries,
}

/// One benchmark, judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// Name with the measure.
    pub name: Text,
    /// Unit of the levels.
    pub unit: Text,
    /// Is more better?
    pub higher_is_better: bool,
    /// Level of the baseline; without an interval (infinite ends) where it has none.
    pub baseline: Option<Estimate>,
    /// Level now.
    pub current: Option<Estimate>,
    /// Standard error of the level now, autocorrelation included; relative where levels are above 0.
    pub current_error: Option<f64>,
    /// Share by which it changed, current over baseline minus one. `None` where levels are not above 0 or one is missing.
    pub change: Option<Estimate>,
    /// Current minus baseline in the unit, where there is no share: levels are not above 0.
    pub difference: Option<Estimate>,
    /// What is tolerated.
    pub limit: Limit,
    /// One-sided, of being no worse than tolerated.
    pub p_value: Option<f64>,
    /// Corrected for all benchmarks of the gate.
    pub q_value: Option<f64>,
    /// What came of it.
    pub verdict: Verdict,
    /// Passes, but its interval holds changes that are not tolerated.
    pub near_limit: bool,
    /// Runs that agree, of how many, where there are several.
    pub confirmed: Option<(usize, usize)>,
    /// What it rests on.
    pub basis: Option<Basis>,
    /// Measurements a side (runs, where it rests on runs) that would decide it.
    pub needed_n: Option<usize>,
    /// Why there is no verdict, or what to know of it.
    pub reason: Option<String>,
}

/// A gate.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// What came of it.
    pub decision: Decision,
    /// It could not be decided, and `decision` is what the user wants in such a case.
    pub as_asked: bool,
    /// Benchmarks, worst first.
    pub benchmarks: Vec<Judged>,
    /// How often it would fail by chance. `None` where nothing could be judged.
    pub false_alarms: Option<FalseAlarms>,
    /// What differs between the machines: name, baseline, current. `None` where one side is not known.
    pub host: Option<Vec<(&'static str, Text, Text)>>,
    /// Is each measurement a run of its own?
    pub samples_are_runs: bool,
    /// Runs of the baseline.
    pub baseline_runs: usize,
    /// Runs that are judged.
    pub current_runs: usize,
}

impl Gate {
    /// What the noise is that false alarms were drawn from.
    #[must_use]
    pub fn noise_of(&self) -> &'static str {
        let of = |basis| self.benchmarks.iter().any(|b| b.basis == Some(basis));
        match (of(Basis::Runs), of(Basis::Samples) || of(Basis::Summaries)) {
            (true, false) => "runs",
            (true, true) => "runs and measurements",
            (false, _) => "measurements",
        }
    }

    /// What it is if it could not be decided.
    pub fn settle(&mut self, undecided: Decision) {
        if self.decision == Decision::NoDecision && undecided != Decision::NoDecision {
            (self.decision, self.as_asked) = (undecided, true);
        }
    }

    /// Does this benchmark stand in the way of a pass because nothing can be said of it, where the user wants that to fail?
    #[must_use]
    pub fn fails_undecided(&self, benchmark: &Judged) -> bool {
        let undecided = matches!(benchmark.verdict, Verdict::Inconclusive | Verdict::NoBaseline | Verdict::Gone);
        undecided && self.as_asked && self.decision == Decision::Fail
    }

    /// Benchmarks with this verdict.
    pub fn of(&self, verdict: Verdict) -> impl Iterator<Item = &Judged> {
        self.benchmarks.iter().filter(move |b| b.verdict == verdict)
    }
}

impl Verdict {
    /// As documents have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Regressed => "regressed",
            Self::Broken => "broken",
            Self::Inconclusive => "inconclusive",
            Self::NoBaseline => "no_baseline",
            Self::Gone => "gone",
            Self::Improved => "improved",
            Self::Unchanged => "unchanged",
        }
    }
}

impl Decision {
    /// As documents have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::NoDecision => "no_decision",
        }
    }
}

impl Basis {
    /// As documents have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Samples => "samples",
            Self::Runs => "runs",
            Self::Summaries => "summaries",
        }
    }
}

impl Floor {
    /// In `unit`; `None` where a time is asked of something that is none.
    #[must_use]
    pub fn in_unit(self, unit: &str) -> Option<f64> {
        let per_second = match unit.trim_end_matches("/op").trim_end_matches("/iter") {
            "s" | "second" | "seconds" | "sec" => 1.0,
            "ms" => 1e3,
            "us" | "µs" | "μs" => 1e6,
            "ns" => 1e9,
            "min" => 1.0 / 60.0,
            _ => 0.0,
        };
        match self {
            Self::Units(units) => Some(units),
            Self::Seconds(seconds) => (per_second > 0.0).then_some(seconds * per_second),
        }
    }
}

impl GateSettings {
    /// What is tolerated of the benchmark `name`.
    #[must_use]
    pub fn limit_of(&self, name: &str) -> Limit {
        self.limits.iter().find(|(pattern, _)| means(pattern, name)).map_or(self.limit, |(_, limit)| *limit)
    }
}

/// Does the pattern match the name, or is it the name itself, whose brackets are then no classes?
pub(crate) fn means(pattern: &glob::Pattern, name: &str) -> bool {
    pattern.as_str() == name || pattern.matches(name)
}
