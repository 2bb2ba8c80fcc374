//! Runs in turns, and what they say.

use crate::stats::{Estimate, geometric_mean};
use cpu_time::ProcessTime;
use hdrhistogram::Histogram;
use std::time::Instant;

/// How a comparison is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Pairs of runs that are measured. Default 7.
    pub rounds: usize,
    /// Pairs before them that are not. Default 1.
    pub warm_up: usize,
    /// Records or tasks of a run. Each engine has a number of its own where none is given.
    pub items: Option<usize>,
}

impl Default for Plan {
    fn default() -> Self {
        Self { rounds: 7, warm_up: 1, items: None }
    }
}

/// Engine of several threads.
pub(super) const WORKERS: &str = "workers";

/// Level of all intervals.
pub(in crate::replay) const LEVEL: f64 = 0.95;

/// What a run did.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) items_in: u64,
    pub(super) items_out: u64,
    pub(super) items_dead: u64,
    /// Of what its engine counts as one: batches, tasks, requests. Nanoseconds.
    pub(super) latency: Histogram<u64>,
    /// Time that counts, where that is not all of it.
    pub(super) seconds: Option<f64>,
    /// CPU time, where the run was in a process of its own.
    pub(super) cpu_seconds: Option<f64>,
    /// Most memory, where it was.
    pub(super) peak_rss_bytes: Option<u64>,
}

impl Run {
    pub(super) fn new(items_in: u64) -> Self {
        // Ten minutes and three digits.
        let latency = Histogram::new_with_bounds(1, 600_000_000_000, 3)
            .unwrap_or_else(|_| unreachable!("the bounds are constants"));
        Self { items_in, items_out: 0, items_dead: 0, latency, seconds: None, cpu_seconds: None, peak_rss_bytes: None }
    }

    pub(super) fn took(&mut self, nanos: u64) {
        self.latency.saturating_record(nanos);
    }
}

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What it is compared with.
    Baseline,
    /// What is to be better.
    Candidate,
}

/// One measured run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SideSample {
    /// Which.
    pub side: Side,
    /// Pair, from 0.
    pub round: usize,
    /// Wall seconds.
    pub seconds: f64,
    /// Seconds of CPU of the whole process.
    pub cpu_seconds: f64,
    /// Records or tasks handled.
    pub items: u64,
    /// Most memory of the process in the run; 0 where that cannot be told.
    pub peak_rss_bytes: u64,
    /// 99 % of the run's latencies are no longer, where short ones are what the engine is for.
    pub p99_seconds: Option<f64>,
}

/// Quantiles of what an engine counts as one, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Latency {
    /// Median.
    pub p50: f64,
    /// 95 %.
    pub p95: f64,
    /// 99 %.
    pub p99: f64,
}

impl Latency {
    pub(super) fn of(histogram: &Histogram<u64>) -> Self {
        let at = |share: f64| histogram.value_at_quantile(share) as f64 * 1e-9;
        Self { p50: at(0.5), p95: at(0.95), p99: at(0.99) }
    }
}

/// What came of a comparison.
#[derive(Clone, Debug)]
pub struct EngineResult {
    /// Engine.
    pub engine: String,
    /// Workload, with what it is run on.
    pub workload: String,
    /// What it is compared with.
    pub baseline: String,
    /// What is to be better.
    pub candidate: String,
    /// Items a second of the baseline.
    pub baseline_throughput: Estimate,
    /// Items a second of the candidate.
    pub throughput: Estimate,
    /// Candidate over baseline.
    pub speedup: Estimate,
    /// The same of items a second of CPU.
    pub cpu_speedup: Estimate,
    /// Most memory of the process in any run of the candidate.
    pub peak_rss_bytes: u64,
    /// And of the baseline.
    pub baseline_peak_rss_bytes: u64,
    /// Records or tasks of a run of the candidate.
    pub items_in: u64,
    /// Those handled.
    pub items_out: u64,
    /// Those that are dead letters.
    pub items_dead: u64,
    /// What one of the candidate takes.
    pub latency: Latency,
    /// And one of the baseline.
    pub baseline_latency: Latency,
    /// What `latency` is of.
    pub latency_of: String,
    /// 99th percentile of the baseline's latencies over that of the candidate, where short ones are what the engine is for.
    pub p99_gain: Option<Estimate>,
    /// All measured runs.
    pub samples: Vec<SideSample>,
    /// What else is to be known.
    pub notes: Vec<String>,
}

impl EngineResult {
    /// CPU time that an item takes of the candidate, over that of the baseline.
    #[must_use]
    pub fn cpu_an_item(&self) -> Estimate {
        let of = &self.cpu_speedup;
        Estimate { point: 1.0 / of.point, lower: 1.0 / of.upper, upper: 1.0 / of.lower, ..of.clone() }
    }

    /// What its throughput says. Of several threads a busy machine says nothing.
    #[must_use]
    pub fn throughput_says(&self, quiet: bool) -> Option<Against> {
        (quiet || self.engine != WORKERS).then(|| Against::of(&self.speedup))
    }

    /// Share of the records that were handled.
    #[must_use]
    pub fn success_rate(&self) -> f64 {
        self.items_out as f64 / self.items_in.max(1) as f64
    }
}

/// What an interval of candidate over baseline says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Against {
    /// It lies above 1.
    More,
    /// It lies below 1.
    Less,
    /// It lies within a tenth of 1.
    Alike,
    /// Anything else: too noisy to tell.
    Unclear,
}

impl Against {
    /// What that interval says.
    #[must_use]
    pub fn of(ratio: &Estimate) -> Self {
        match () {
            // Not measurable.
            () if ratio.point.is_nan() => Self::Unclear,
            () if ratio.lower > 1.0 => Self::More,
            () if ratio.upper < 1.0 => Self::Less,
            () if ratio.lower >= 1.0 / ALIKE && ratio.upper <= ALIKE => Self::Alike,
            () => Self::Unclear,
        }
    }
}

/// Ratios within which two are alike.
const ALIKE: f64 = 1.1;

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A run did not do what it had to.
    #[error("{engine} on {workload}, {name}: {what}; a run that is not right gives no timing")]
    Wrong {
        /// Engine.
        engine: &'static str,
        /// Workload.
        workload: String,
        /// Which side.
        name: String,
        /// What was wrong.
        what: String,
    },
    /// Nothing to compare.
    #[error("{engine} on {workload}: in some round nothing was handled; is there no event, or none that is sound?")]
    Nothing {
        /// Engine.
        engine: &'static str,
        /// Workload.
        workload: String,
    },
    /// Too few rounds for an interval.
    #[error("{rounds} rounds give no interval; 3 are the fewest")]
    TooFewRounds {
        /// Rounds asked for.
        rounds: usize,
    },
    /// The machine did not let it be run.
    #[error("{0}")]
    Machine(String),
}

/// One of two things to be compared.
pub(super) struct Contender<'a> {
    pub(super) name: String,
    /// Makes a run ready, which is not timed, and gives what is.
    pub(super) prepare: Box<dyn FnMut() -> Result<Timed<'a>, String> + 'a>,
}

/// What is timed.
pub(super) type Timed<'a> = Box<dyn FnOnce() -> Result<Run, String> + 'a>;

/// What is compared, and on what.
pub(super) struct Subject {
    pub(super) engine: &'static str,
    pub(super) workload: String,
    pub(super) latency_of: &'static str,
    /// Are short latencies what the engine is for?
    pub(super) for_latency: bool,
}

/// Runs both in turns.
pub(super) fn interleave(
    subject: Subject,
    plan: Plan,
    mut sides: [Contender<'_>; 2],
) -> Result<EngineResult, BenchError> {
    if plan.rounds < 3 {
        return Err(BenchError::TooFewRounds { rounds: plan.rounds });
    }
    let (mut samples, mut latencies) = (Vec::new(), [Run::new(0), Run::new(0)]);
    let mut last = [None, None];
    for pair in 0..plan.warm_up + plan.rounds {
        let order = if pair % 2 == 0 { [Side::Baseline, Side::Candidate] } else { [Side::Candidate, Side::Baseline] };
        for side in order {
            let contender = &mut sides[side as usize];
            let wrong = |what: String| BenchError::Wrong {
                engine: subject.engine,
                workload: subject.workload.clone(),
                name: contender.name.clone(),
                what,
            };
            let timed = (contender.prepare)().map_err(wrong)?;
            peak_rss::forget();
            let (wall, cpu) = (Instant::now(), ProcessTime::now());
            let run = timed();
            let (seconds, cpu_seconds) = (wall.elapsed().as_secs_f64(), cpu.elapsed().as_secs_f64());
            let run = run.and_then(accounted).map_err(wrong)?;
            if pair >= plan.warm_up {
                samples.push(SideSample {
                    side,
                    round: pair - plan.warm_up,
                    seconds: run.seconds.unwrap_or(seconds),
                    cpu_seconds: run.cpu_seconds.unwrap_or(cpu_seconds),
                    items: run.items_out,
                    peak_rss_bytes: run.peak_rss_bytes.unwrap_or_else(peak_rss::read),
                    p99_seconds: subject.for_latency.then(|| Latency::of(&run.latency).p99),
                });
                // Of the same bounds: they fit.
                let _ = latencies[side as usize].latency.add(&run.latency);
            }
            last[side as usize] = Some(run);
        }
    }
    let [_, Some(run)] = last else { return Err(BenchError::TooFewRounds { rounds: 0 }) };
    let of = |side: Side, value: fn(&SideSample) -> f64| -> Vec<f64> {
        samples.iter().filter(|sample| sample.side == side).map(value).collect()
    };
    let rate = |sample: &SideSample| sample.items as f64 / sample.seconds.max(1e-9);
    let cpu_rate = |sample: &SideSample| sample.items as f64 / sample.cpu_seconds.max(1e-9);
    let estimate = |values: &[f64]| {
        geometric_mean(values, LEVEL)
            .ok_or_else(|| BenchError::Nothing { engine: subject.engine, workload: subject.workload.clone() })
    };
    let pairs = |value: fn(&SideSample) -> f64| -> Result<Estimate, BenchError> {
        let (before, after) = (of(Side::Baseline, value), of(Side::Candidate, value));
        let ratios: Vec<f64> = before.iter().zip(&after).map(|(before, after)| after / before).collect();
        estimate(&ratios)
    };
    let most = |side: Side| {
        samples.iter().filter(|sample| sample.side == side).map(|sample| sample.peak_rss_bytes).max().unwrap_or(0)
    };
    let [baseline, candidate] = sides;
    Ok(EngineResult {
        engine: subject.engine.to_owned(),
        workload: subject.workload.clone(),
        baseline: baseline.name,
        candidate: candidate.name,
        baseline_throughput: estimate(&of(Side::Baseline, rate))?,
        throughput: estimate(&of(Side::Candidate, rate))?,
        speedup: pairs(rate)?,
        cpu_speedup: pairs(cpu_rate)?,
        peak_rss_bytes: most(Side::Candidate),
        baseline_peak_rss_bytes: most(Side::Baseline),
        items_in: run.items_in,
        items_out: run.items_out,
        items_dead: run.items_dead,
        latency: Latency::of(&latencies[1].latency),
        baseline_latency: Latency::of(&latencies[0].latency),
        latency_of: subject.latency_of.to_owned(),
        p99_gain: p99_gain(&samples),
        samples,
        notes: Vec::new(),
    })
}

/// `None` where latencies are not what the engine is for, or took no time that could be measured.
fn p99_gain(samples: &[SideSample]) -> Option<Estimate> {
    let of = |side: Side| samples.iter().filter(move |sample| sample.side == side);
    let pairs = of(Side::Baseline).zip(of(Side::Candidate));
    let ratio = |(before, after): (&SideSample, &SideSample)| Some(before.p99_seconds? / after.p99_seconds?);
    geometric_mean(&pairs.map(ratio).collect::<Option<Vec<f64>>>()?, LEVEL)
}

fn accounted(run: Run) -> Result<Run, String> {
    if run.items_in == run.items_out + run.items_dead {
        return Ok(run);
    }
    Err(format!("of {} items {} were handled and {} are dead letters", run.items_in, run.items_out, run.items_dead))
}

/// Most memory that this process had, since it was last forgotten.
pub(super) mod peak_rss {
    #[cfg(target_os = "linux")]
    pub(in crate::replay) fn forget() {
        // 5: the peak of the resident set (proc(5), clear_refs). Where it is not allowed, the peak is that of the whole process.
        let _ = std::fs::write("/proc/self/clear_refs", "5");
    }

    #[cfg(target_os = "linux")]
    pub(in crate::replay) fn read() -> u64 {
        let status = procfs::process::Process::myself().and_then(|process| process.status());
        status.ok().and_then(|status| status.vmhwm).map_or(0, |kibibytes| kibibytes * 1024)
    }

    #[cfg(not(target_os = "linux"))]
    pub(in crate::replay) fn forget() {}

    #[cfg(not(target_os = "linux"))]
    pub(in crate::replay) fn read() -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(lower: f64, point: f64, upper: f64) -> Estimate {
        Estimate { point, lower, upper, level: LEVEL, n: 7, method: "t".into() }
    }

    #[test]
    fn equal_and_unknown_are_not_the_same() {
        let says = |lower: f64, upper: f64| Against::of(&ratio(lower, (lower * upper).sqrt(), upper));
        assert_eq!([says(1.01, 1.5), says(0.5, 0.99)], [Against::More, Against::Less]);
        assert_eq!([says(0.95, 1.05), says(0.92, 1.09)], [Against::Alike; 2]);
        assert_eq!([says(0.2, 13.0), says(0.97, 1.2), says(0.8, 1.05)], [Against::Unclear; 3]);
        assert_eq!(Against::of(&ratio(2.0, f64::NAN, 3.0)), Against::Unclear);
    }

    #[test]
    fn gains_of_waits_are_of_pairs_and_only_where_they_count() {
        let sample = |side: Side, round: usize, p99_seconds: Option<f64>| SideSample {
            side,
            round,
            seconds: 1.0,
            cpu_seconds: 1.0,
            items: 1,
            peak_rss_bytes: 0,
            p99_seconds,
        };
        let pairs = [(0.4, 0.1), (0.9, 0.1), (0.2, 0.1)];
        let samples = |known: bool| -> Vec<SideSample> {
            let of = |(round, (before, after)): (usize, (f64, f64))| {
                [(Side::Baseline, before), (Side::Candidate, after)]
                    .map(|(side, wait)| sample(side, round, known.then_some(wait)))
            };
            pairs.into_iter().enumerate().flat_map(of).collect()
        };
        let gain = p99_gain(&samples(true)).expect("waits");
        assert!((gain.point - (4.0_f64 * 9.0 * 2.0).cbrt()).abs() < 1e-12 && gain.lower < gain.point);
        assert_eq!(p99_gain(&samples(false)), None);
    }
}
