//! `gate`: verdicts with changes; and `benchmarks`, the runs that a gate keeps for the next one.

use super::VERSION;
use super::estimate::{Estimate, finite};
use crate::{gate as memory, model, stats};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// What came of a gate.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct Document {
    schema: &'static str,
    windtunnel: &'static str,
    seed: u64,
    /// `pass`, `fail` or `no_decision`.
    verdict: &'static str,
    /// It could not be decided: the verdict is what `--on-inconclusive` wants in such a case.
    as_asked: bool,
    /// Worst first.
    benchmarks: Vec<Benchmark>,
    /// Share of gates that fail by chance on the baseline's own noise: not exceeded, at a confidence of 97.5 %. `null`
    /// where nothing could be judged.
    false_alarm_rate: Option<f64>,
    /// What the noise of these gates is: that of measurements within a run says nothing of how runs differ.
    false_alarm_basis: Option<&'static str>,
    /// Gates that were drawn for it, and how many of them failed.
    calibration: Option<Calibration>,
    /// Of the current run.
    host: BTreeMap<&'static str, String>,
    /// What differs from the machine of the baseline; `null` where one of them is not known.
    host_differences: Option<Vec<Difference>>,
    baseline_runs: usize,
    current_runs: usize,
    warnings: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Calibration {
    gates: usize,
    failed: usize,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Difference {
    name: &'static str,
    baseline: String,
    current: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Benchmark {
    name: String,
    unit: String,
    higher_is_better: bool,
    baseline: Option<Estimate>,
    current: Option<Level>,
    /// Current over baseline minus one.
    change: Option<Estimate>,
    /// Current minus baseline in the unit, where there is no share.
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<Estimate>,
    /// Slow-down that is tolerated, as a share.
    tolerance: f64,
    /// Change that is none that matters, in the benchmark's unit.
    floor: Option<f64>,
    /// Of being no worse than tolerated, one-sided.
    p_value: Option<f64>,
    q_value: Option<f64>,
    /// `regressed`, `improved`, `unchanged`, `inconclusive`, `no_baseline`, `gone` or `broken`.
    verdict: &'static str,
    /// Unchanged, but the interval holds changes that are not tolerated.
    near_limit: bool,
    /// Runs that agree, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmed_runs: Option<usize>,
    /// What the verdict rests on: `samples`, `runs` or `summaries`.
    basis: Option<&'static str>,
    /// Measurements a side (runs, where it rests on runs) that would decide it.
    #[serde(skip_serializing_if = "Option::is_none")]
    needed_n: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// An estimate with the standard error that a later gate needs of it.
#[derive(Debug, Serialize, JsonSchema)]
struct Level {
    #[serde(flatten)]
    estimate: Estimate,
    standard_error: Option<f64>,
}

impl Document {
    pub(in crate::cli) fn new(gate: &memory::Gate, host: &model::Host, seed: u64, warnings: Vec<String>) -> Self {
        Self {
            schema: "windtunnel.gate.v1",
            windtunnel: VERSION,
            seed,
            verdict: gate.decision.as_str(),
            as_asked: gate.as_asked,
            benchmarks: gate.benchmarks.iter().map(Benchmark::from).collect(),
            false_alarm_rate: gate.false_alarms.as_ref().map(|found| found.at_most),
            false_alarm_basis: gate.false_alarms.as_ref().map(|_| gate.noise_of()),
            calibration: gate
                .false_alarms
                .as_ref()
                .map(|found| Calibration { gates: found.gates, failed: found.failed }),
            host: facts(host),
            host_differences: gate.host.as_ref().map(|all| {
                all.iter()
                    .map(|(name, baseline, current)| Difference {
                        name,
                        baseline: baseline.to_string(),
                        current: current.to_string(),
                    })
                    .collect()
            }),
            baseline_runs: gate.baseline_runs,
            current_runs: gate.current_runs,
            warnings,
        }
    }
}

impl From<&memory::Judged> for Benchmark {
    fn from(b: &memory::Judged) -> Self {
        let in_unit = |level: &stats::Estimate| if b.difference.is_some() { 1.0 } else { level.point.abs() };
        let error = |level: &stats::Estimate| b.current_error.map(|error| error * in_unit(level));
        Self {
            name: b.name.to_string(),
            unit: b.unit.to_string(),
            higher_is_better: b.higher_is_better,
            baseline: b.baseline.as_ref().map(Estimate::from),
            current: b
                .current
                .as_ref()
                .map(|level| Level { estimate: level.into(), standard_error: error(level).and_then(finite) }),
            change: b.change.as_ref().map(Estimate::from),
            difference: b.difference.as_ref().map(Estimate::from),
            tolerance: b.limit.tolerance,
            floor: b.limit.floor.and_then(|floor| floor.in_unit(&b.unit)),
            p_value: b.p_value.and_then(finite),
            q_value: b.q_value.and_then(finite),
            verdict: b.verdict.as_str(),
            near_limit: b.near_limit,
            confirmed_runs: b.confirmed.map(|(agree, _)| agree),
            basis: b.basis.map(memory::Basis::as_str),
            needed_n: b.needed_n,
            reason: b.reason.clone(),
        }
    }
}

/// Runs of benchmarks, oldest first.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct Benchmarks {
    schema: &'static str,
    windtunnel: &'static str,
    runs: Vec<Run>,
    warnings: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Run {
    at: Option<String>,
    host: BTreeMap<&'static str, String>,
    benchmarks: Vec<Kept>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Kept {
    name: String,
    measure: String,
    unit: String,
    higher_is_better: bool,
    /// Each measurement; or mean, standard deviation and number of those that the tool did not keep.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    samples: Vec<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mean: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sd: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<usize>,
}

impl Benchmarks {
    pub(in crate::cli) fn new(runs: &[model::BenchRun]) -> Self {
        let runs = runs.iter().map(Run::from).collect();
        Self { schema: "windtunnel.benchmarks.v1", windtunnel: VERSION, runs, warnings: Vec::new() }
    }
}

impl From<&model::BenchRun> for Run {
    fn from(run: &model::BenchRun) -> Self {
        Self {
            at: run.at.map(|at| at.to_string()),
            host: facts(&run.host),
            benchmarks: run.results.iter().map(Kept::from).collect(),
        }
    }
}

impl From<&model::BenchResult> for Kept {
    fn from(result: &model::BenchResult) -> Self {
        let (samples, mean, sd, n) = match &result.measured {
            model::Measured::Samples(samples) => (samples.clone(), None, None, None),
            model::Measured::Summary { mean, sd, n } => (Vec::new(), Some(*mean), Some(*sd), Some(*n)),
            model::Measured::Point(value) => (Vec::new(), Some(*value), None, None),
        };
        Self {
            name: result.name.to_string(),
            measure: result.measure.to_string(),
            unit: result.unit.to_string(),
            higher_is_better: result.higher_is_better,
            samples,
            mean,
            sd,
            n,
        }
    }
}

fn facts(host: &model::Host) -> BTreeMap<&'static str, String> {
    let key = |name| if name == "memory limit" { "memory_limit" } else { name };
    host.facts().map(|(name, value)| (key(name), value.to_string())).collect()
}
