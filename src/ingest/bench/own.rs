//! This program's own documents: `windtunnel.benchmarks.v1` (runs that `gate --save` kept), `windtunnel.bench.v1` (engines on
//! workloads) and `windtunnel.gate.v1` (the current side of an earlier gate).

use super::content::Content;
use crate::{
    ingest::{Error, instants::parse_instant},
    model::{BenchResult, BenchRun, Host, Measured, Text},
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Benchmarks {
    runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    #[serde(default)]
    at: Option<String>,
    #[serde(default)]
    host: HostFacts,
    benchmarks: Vec<Entry>,
}

#[derive(Default, Deserialize)]
struct HostFacts {
    cpu: Option<String>,
    cores: Option<String>,
    governor: Option<String>,
    #[serde(alias = "memory limit")]
    memory_limit: Option<String>,
    system: Option<String>,
    kernel: Option<String>,
    runtime: Option<String>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    #[serde(default)]
    measure: String,
    #[serde(default)]
    unit: String,
    #[serde(default)]
    higher_is_better: bool,
    #[serde(default)]
    samples: Vec<f64>,
    #[serde(default)]
    mean: Option<f64>,
    #[serde(default)]
    sd: Option<f64>,
    #[serde(default)]
    n: usize,
}

#[derive(Deserialize)]
struct Gate {
    #[serde(default)]
    host: Option<HostFacts>,
    benchmarks: Vec<Judged>,
}

#[derive(Deserialize)]
struct Judged {
    name: String,
    #[serde(default)]
    measure: String,
    #[serde(default)]
    unit: String,
    #[serde(default)]
    higher_is_better: bool,
    current: Option<Level>,
}

#[derive(Deserialize)]
struct Level {
    point: f64,
    #[serde(default)]
    standard_error: Option<f64>,
    #[serde(default)]
    n: usize,
}

#[derive(Deserialize)]
struct Bench {
    #[serde(default)]
    host: HostFacts,
    engine_results: Vec<Engine>,
}

#[derive(Deserialize)]
struct Engine {
    engine: String,
    workload: String,
    baseline: String,
    candidate: String,
    samples: Vec<Sample>,
}

#[derive(Deserialize)]
struct Sample {
    side: String,
    seconds: f64,
    items: f64,
    #[serde(default)]
    p99_s: Option<f64>,
}

pub(super) fn read(content: &Content, schema: &str) -> Result<Vec<BenchRun>, Error> {
    match schema {
        "windtunnel.benchmarks.v1" => {
            let document: Benchmarks = content.json(schema)?;
            let mut runs: Vec<BenchRun> = document.runs.into_iter().map(BenchRun::from).collect();
            runs.sort_by_key(|run| run.at);
            Ok(runs)
        }
        "windtunnel.gate.v1" => {
            let document: Gate = content.json(schema)?;
            let host = document.host.map(Host::from).unwrap_or_default();
            let mut run = BenchRun { host, ..BenchRun::default() };
            document.benchmarks.into_iter().filter_map(judged).for_each(|result| run.add(result));
            Ok(vec![run])
        }
        "windtunnel.bench.v1" => {
            let document: Bench = content.json(schema)?;
            let mut run = BenchRun { host: document.host.into(), ..BenchRun::default() };
            for (place, result) in document.engine_results.iter().enumerate() {
                check(result).map_err(|what| content.wrong(format!("engine_results/{place}: {what}")))?;
                engine(result).into_iter().for_each(|result| run.add(result));
            }
            Ok(vec![run])
        }
        other => Err(content.wrong(format!(
            "{other:?} holds no benchmarks; wanted windtunnel.benchmarks.v1 (`gate --save FILE` writes it), windtunnel.bench.v1 or windtunnel.gate.v1"
        ))),
    }
}

impl From<Run> for BenchRun {
    fn from(kept: Run) -> Self {
        let at = kept.at.and_then(|text| Some(parse_instant(&text)?.0));
        let mut run = Self { at, host: kept.host.into(), ..Self::default() };
        for entry in kept.benchmarks {
            let measured = match (entry.samples.is_empty(), entry.mean, entry.sd) {
                (false, _, _) => Some(Measured::Samples(entry.samples)),
                (true, Some(mean), Some(sd)) if entry.n >= 2 => Some(Measured::summary(mean, sd, entry.n)),
                (true, Some(mean), _) => Some(Measured::Point(mean)),
                (true, None, _) => None,
            };
            let name: Text = entry.name.into();
            match measured {
                Some(measured) => run.add(BenchResult {
                    name,
                    measure: entry.measure.into(),
                    unit: entry.unit.into(),
                    higher_is_better: entry.higher_is_better,
                    measured,
                }),
                None => run.broken.push((name, "no measurement".into())),
            }
        }
        run
    }
}

/// Throughputs and waits of both sides of a result, as the lake names them.
fn engine(result: &Engine) -> Vec<BenchResult> {
    let said = |sample: &Sample| {
        let variant = if sample.side == "baseline" { &result.baseline } else { &result.candidate };
        BenchResult::of_engine([&result.engine, &result.workload, variant], sample.items, sample.seconds, sample.p99_s)
    };
    result.samples.iter().flat_map(said).collect()
}

/// Refuses what no run can have measured.
fn check(result: &Engine) -> Result<(), String> {
    for (place, sample) in result.samples.iter().enumerate() {
        let Sample { side, seconds, items, p99_s } = sample;
        let of_time = |value: f64| value.is_finite() && value > 0.0;
        match () {
            () if side != "baseline" && side != "candidate" => {
                return Err(format!("samples/{place}: side {side:?} is neither baseline nor candidate"));
            }
            () if !of_time(*seconds) => return Err(format!("samples/{place}: {seconds:e} seconds are no time")),
            () if !items.is_finite() || *items < 0.0 => {
                return Err(format!("samples/{place}: {items:e} items are none"));
            }
            () => {}
        }
        if let Some(wait) = p99_s.filter(|wait| !wait.is_finite() || *wait < 0.0) {
            return Err(format!("samples/{place}: a wait of {wait:e} seconds is none"));
        }
    }
    Ok(())
}

fn judged(entry: Judged) -> Option<BenchResult> {
    let level = entry.current?;
    let sd = level.standard_error.map(|error| error * (level.n as f64).sqrt());
    Some(BenchResult {
        name: entry.name.into(),
        measure: entry.measure.into(),
        unit: entry.unit.into(),
        higher_is_better: entry.higher_is_better,
        measured: match sd {
            Some(sd) if level.n >= 2 => Measured::summary(level.point, sd, level.n),
            _ => Measured::Point(level.point),
        },
    })
}

impl From<HostFacts> for Host {
    fn from(facts: HostFacts) -> Self {
        let text = |fact: Option<String>| fact.map(Text::from);
        Self {
            cpu: text(facts.cpu),
            cores: text(facts.cores),
            governor: text(facts.governor),
            memory_limit: text(facts.memory_limit),
            system: text(facts.system),
            kernel: text(facts.kernel),
            runtime: text(facts.runtime),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_run_can_have_measured_is_refused() {
        let check = |side: &str, seconds: f64, items: f64, p99_s: Option<f64>| {
            let name = || "x".to_owned();
            let samples = vec![Sample { side: side.to_owned(), seconds, items, p99_s }];
            super::check(&Engine { engine: name(), workload: name(), baseline: name(), candidate: name(), samples })
        };
        assert_eq!(check("candidate", 1.0, 5.0, Some(0.0)), Ok(()));
        for (told, what) in [
            (check("foo", 1.0, 5.0, None), "neither baseline nor candidate"),
            (check("baseline", 0.0, 5.0, None), "are no time"),
            (check("baseline", 1.0, -5.0, None), "items are none"),
            (check("baseline", 1.0, 5.0, Some(-1.0)), "a wait of -1e0 seconds"),
        ] {
            assert!(told.as_ref().is_err_and(|told| told.contains(what)), "{told:?}");
        }
    }
}
