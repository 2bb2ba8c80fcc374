//! `bench`: engines on workloads.

use super::{
    VERSION,
    estimate::{Estimate, finite},
    platform::Platform,
};
use crate::{model, replay, report::BenchResults, stats};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, collections::BTreeMap};

/// What came of a bench.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(in crate::cli) struct Document {
    schema: Cow<'static, str>,
    windtunnel: Cow<'static, str>,
    seed: u64,
    /// The machine, as far as it is known.
    host: BTreeMap<String, String>,
    pub(in crate::cli) engine_results: Vec<EngineResult>,
    /// Fixed batch sizes, where that was asked for; `size` is `null` for the search.
    sweep: Vec<SweepPoint>,
    /// Of locks under processes that are stopped and killed, where that was asked for.
    storm: Option<Storm>,
    /// A platform before and after a search over its configuration, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    platform: Option<Platform>,
    /// Do two threads have a core each? If not, nothing is said about several cores.
    quiet_machine: bool,
    /// Work of two threads over that of one, in the same time.
    spin_scaling: f64,
    warnings: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(in crate::cli) struct EngineResult {
    engine: String,
    workload: String,
    baseline: String,
    candidate: String,
    /// Items a second of the baseline.
    baseline_throughput: Estimate,
    /// Items a second of the candidate.
    throughput: Estimate,
    /// Candidate over baseline, pair by pair.
    speedup: Estimate,
    /// The same of items a second of CPU.
    cpu_speedup: Estimate,
    peak_rss_bytes: u64,
    baseline_peak_rss_bytes: u64,
    success_rate: f64,
    /// Always `items_out` and `items_dead_lettered` together.
    items_in: u64,
    items_out: u64,
    items_dead_lettered: u64,
    /// What latencies are of.
    latency_of: String,
    latency: Latency,
    baseline_latency: Latency,
    /// 99th percentile of the baseline's latencies over that of the candidate, pair by pair, where short ones are what the
    /// engine is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    p99_gain: Option<Estimate>,
    notes: Vec<String>,
    samples: Vec<Sample>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Latency {
    p50_s: f64,
    p95_s: f64,
    p99_s: f64,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Sample {
    /// `baseline` or `candidate`.
    side: String,
    round: usize,
    seconds: f64,
    cpu_seconds: f64,
    items: u64,
    peak_rss_bytes: u64,
    /// 99th percentile of what `latency_of` names, where short ones are what the engine is for.
    #[serde(default)]
    p99_s: Option<f64>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct SweepPoint {
    workload: String,
    size: Option<usize>,
    /// Items a second: the median of the rounds.
    throughput: f64,
    /// Of the search: its share of the throughput of the best fixed size, which is chosen by other rounds than it is rated by.
    #[serde(default)]
    of_best: Option<f64>,
}

/// What processes did under a lock while they were stopped and killed.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(in crate::cli) struct Storm {
    backend: String,
    /// `safe`, `not_safe`, or `not_provoked` where no holder came back with an old fence.
    verdict: String,
    /// Did the resource check fences?
    checked: bool,
    writes_accepted: u64,
    refused_as_stale: u64,
    lost_updates: u64,
    stale_accepted: u64,
    lost_writes: u64,
    processes_stopped: u64,
    processes_killed: u64,
}

impl Storm {
    pub(in crate::cli) fn new(backend: &str, checked: bool, report: &replay::StormReport) -> Self {
        Self {
            backend: backend.to_owned(),
            verdict: report.verdict().to_owned(),
            checked,
            writes_accepted: report.accepted,
            refused_as_stale: report.refused,
            lost_updates: report.lost_updates,
            stale_accepted: report.stale_accepted,
            lost_writes: report.lost_writes,
            processes_stopped: report.stopped,
            processes_killed: report.killed,
        }
    }
}

/// What a document is made of.
pub(in crate::cli) struct Parts<'a> {
    pub(in crate::cli) seed: u64,
    pub(in crate::cli) host: &'a model::Host,
    pub(in crate::cli) results: &'a [replay::EngineResult],
    pub(in crate::cli) sweep: &'a [replay::SweepPoint],
    pub(in crate::cli) storm: Option<Storm>,
    pub(in crate::cli) platform: Option<&'a replay::platform::PlatformTold>,
    pub(in crate::cli) quiet: replay::Quiet,
    pub(in crate::cli) warnings: Vec<String>,
}

impl Document {
    pub(in crate::cli) fn new(parts: Parts<'_>) -> Self {
        let point = |point: &replay::SweepPoint| SweepPoint {
            workload: point.workload.clone(),
            size: point.size,
            throughput: finite(point.rate).unwrap_or(0.0),
            of_best: point.of_best.and_then(finite),
        };
        Self {
            schema: "windtunnel.bench.v1".into(),
            windtunnel: VERSION.into(),
            seed: parts.seed,
            host: parts.host.facts().map(|(name, value)| (name.to_owned(), value.to_string())).collect(),
            engine_results: parts.results.iter().map(EngineResult::from).collect(),
            sweep: parts.sweep.iter().map(point).collect(),
            storm: parts.storm,
            platform: parts.platform.map(Platform::from),
            quiet_machine: parts.quiet.is_quiet(),
            spin_scaling: finite(parts.quiet.scaling).unwrap_or(0.0),
            warnings: parts.warnings,
        }
    }
}

/// Items a second beyond which a figure is no measurement: one a picosecond.
const MOST_A_SECOND: f64 = 1e12;

impl Document {
    /// What a report is made of.
    pub(in crate::cli) fn into_results(self) -> Result<BenchResults, String> {
        if self.schema != "windtunnel.bench.v1" {
            return Err(format!("its schema is {:?}, not windtunnel.bench.v1", self.schema));
        }
        for (place, point) in self.sweep.iter().enumerate() {
            if point.throughput.is_nan() || !(0.0..=MOST_A_SECOND).contains(&point.throughput) {
                return Err(format!("sweep/{place}: a throughput of {:e} a second is none", point.throughput));
            }
        }
        let results: Vec<replay::EngineResult> =
            self.engine_results.into_iter().map(replay::EngineResult::from).collect();
        for (place, result) in results.iter().enumerate() {
            let of_it = [Some(&result.speedup), Some(&result.cpu_speedup), result.p99_gain.as_ref()];
            if of_it.into_iter().flatten().any(|ratio| !is_ratio(ratio)) {
                return Err(format!("engine_results/{place}: a ratio is not above 0, or not within its interval"));
            }
        }
        Ok(BenchResults {
            results,
            sweep: self.sweep.into_iter().map(replay::SweepPoint::from).collect(),
            storm: self.storm.map(Storm::told),
            platform: self.platform.map(Platform::told),
            host: self.host.into_iter().collect(),
            spin_scaling: self.spin_scaling,
            quiet: self.quiet_machine,
            seed: self.seed,
            warnings: self.warnings,
        })
    }
}

/// Can it be one? What could not be measured has no point.
fn is_ratio(ratio: &stats::Estimate) -> bool {
    let (point, lower, upper) = (ratio.point, ratio.lower, ratio.upper);
    point.is_nan() || (point > 0.0 && lower <= point && point <= upper)
}

impl Storm {
    fn told(self) -> (String, replay::StormReport) {
        let report = replay::StormReport {
            checked: self.checked,
            accepted: self.writes_accepted,
            refused: self.refused_as_stale,
            lost_updates: self.lost_updates,
            stale_accepted: self.stale_accepted,
            lost_writes: self.lost_writes,
            stopped: self.processes_stopped,
            killed: self.processes_killed,
        };
        (self.backend, report)
    }
}

impl From<SweepPoint> for replay::SweepPoint {
    fn from(point: SweepPoint) -> Self {
        Self { workload: point.workload, size: point.size, rate: point.throughput, of_best: point.of_best }
    }
}

impl From<EngineResult> for replay::EngineResult {
    fn from(result: EngineResult) -> Self {
        let latency = |latency: Latency| replay::Latency { p50: latency.p50_s, p95: latency.p95_s, p99: latency.p99_s };
        let sample = |sample: Sample| replay::SideSample {
            side: if sample.side == "baseline" { replay::Side::Baseline } else { replay::Side::Candidate },
            round: sample.round,
            seconds: sample.seconds,
            cpu_seconds: sample.cpu_seconds,
            items: sample.items,
            peak_rss_bytes: sample.peak_rss_bytes,
            p99_seconds: sample.p99_s,
        };
        Self {
            engine: result.engine,
            workload: result.workload,
            baseline: result.baseline,
            candidate: result.candidate,
            baseline_throughput: result.baseline_throughput.into(),
            throughput: result.throughput.into(),
            speedup: result.speedup.into(),
            cpu_speedup: result.cpu_speedup.into(),
            peak_rss_bytes: result.peak_rss_bytes,
            baseline_peak_rss_bytes: result.baseline_peak_rss_bytes,
            items_in: result.items_in,
            items_out: result.items_out,
            items_dead: result.items_dead_lettered,
            latency: latency(result.latency),
            baseline_latency: latency(result.baseline_latency),
            latency_of: result.latency_of,
            p99_gain: result.p99_gain.map(Into::into),
            samples: result.samples.into_iter().map(sample).collect(),
            notes: result.notes,
        }
    }
}

impl From<&replay::EngineResult> for EngineResult {
    fn from(result: &replay::EngineResult) -> Self {
        let latency = |latency: replay::Latency| Latency { p50_s: latency.p50, p95_s: latency.p95, p99_s: latency.p99 };
        let sample = |sample: &replay::SideSample| Sample {
            side: if sample.side == replay::Side::Baseline { "baseline".into() } else { "candidate".into() },
            round: sample.round,
            seconds: sample.seconds,
            cpu_seconds: sample.cpu_seconds,
            items: sample.items,
            peak_rss_bytes: sample.peak_rss_bytes,
            p99_s: sample.p99_seconds,
        };
        Self {
            engine: result.engine.clone(),
            workload: result.workload.clone(),
            baseline: result.baseline.clone(),
            candidate: result.candidate.clone(),
            baseline_throughput: (&result.baseline_throughput).into(),
            throughput: (&result.throughput).into(),
            speedup: (&result.speedup).into(),
            cpu_speedup: (&result.cpu_speedup).into(),
            peak_rss_bytes: result.peak_rss_bytes,
            baseline_peak_rss_bytes: result.baseline_peak_rss_bytes,
            success_rate: result.success_rate(),
            items_in: result.items_in,
            items_out: result.items_out,
            items_dead_lettered: result.items_dead,
            latency_of: result.latency_of.clone(),
            latency: latency(result.latency),
            baseline_latency: latency(result.baseline_latency),
            p99_gain: result.p99_gain.as_ref().map(Into::into),
            notes: result.notes.clone(),
            samples: result.samples.iter().map(sample).collect(),
        }
    }
}
