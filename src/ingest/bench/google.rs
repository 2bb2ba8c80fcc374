//! google-benchmark `--benchmark_out_format=json`: wall time of each repetition, or the aggregates where only those were
//! written.

use super::{content::Content, put_samples};
use crate::{
    ingest::{Error, instants::parse_instant},
    model::{BenchResult, BenchRun, Host, Measured, Text},
};
use serde::Deserialize;
use std::collections::HashMap;

#[derive(Deserialize)]
struct Document {
    context: Context,
    benchmarks: Vec<Entry>,
}

#[derive(Deserialize)]
struct Context {
    #[serde(default)]
    date: Option<String>,
    #[serde(default)]
    num_cpus: Option<u64>,
    #[serde(default)]
    mhz_per_cpu: Option<u64>,
    #[serde(default)]
    cpu_scaling_enabled: Option<bool>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    #[serde(default)]
    run_name: Option<String>,
    #[serde(default)]
    run_type: Option<String>,
    #[serde(default)]
    aggregate_name: Option<String>,
    #[serde(default)]
    repetitions: usize,
    #[serde(default)]
    real_time: Option<f64>,
    #[serde(default)]
    time_unit: Option<String>,
    #[serde(default)]
    error_occurred: bool,
    #[serde(default)]
    error_message: Option<String>,
}

pub(super) fn read(content: &Content) -> Result<Vec<BenchRun>, Error> {
    let document: Document = content.json("google-benchmark")?;
    let at = document.context.date.as_deref().and_then(|text| Some(parse_instant(text)?.0));
    let mut run = BenchRun { at, host: document.context.into(), ..BenchRun::default() };
    let aggregates = aggregates(&document.benchmarks);
    for entry in document.benchmarks {
        let aggregate = entry.run_type.as_deref() == Some("aggregate") || entry.aggregate_name.is_some();
        let name: Text = entry.run_name.as_deref().unwrap_or(&entry.name).into();
        if entry.error_occurred {
            let reason = entry.error_message.unwrap_or_else(|| "it reported an error".to_owned());
            run.broken.push((name, reason.into()));
            continue;
        }
        let Some(time) = entry.real_time.filter(|_| !aggregate) else { continue };
        put_samples(&mut run, result(name), vec![time * nanoseconds(entry.time_unit.as_deref())]);
    }
    for (name, (mean, sd, n)) in aggregates {
        if !run.results.iter().any(|r| *r.name == *name)
            && let (Some(mean), Some(sd)) = (mean, sd)
        {
            let measured = if n >= 2 { Measured::summary(mean, sd, n) } else { Measured::Point(mean) };
            run.results.push(BenchResult { measured, ..result(name.into()) });
        }
    }
    run.results.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(vec![run])
}

type Aggregate = (Option<f64>, Option<f64>, usize);

/// Mean, standard deviation and repetitions of each benchmark that was summed up.
fn aggregates(entries: &[Entry]) -> HashMap<String, Aggregate> {
    let mut all: HashMap<String, Aggregate> = HashMap::new();
    for entry in entries {
        let name = entry.run_name.as_deref().unwrap_or(&entry.name);
        let known = all.entry(name.to_owned()).or_insert((None, None, entry.repetitions));
        let time = entry.real_time.map(|time| time * nanoseconds(entry.time_unit.as_deref()));
        match entry.aggregate_name.as_deref() {
            Some("mean") => known.0 = time,
            Some("stddev") => known.1 = time,
            _ => {}
        }
    }
    all
}

fn result(name: Text) -> BenchResult {
    let measured = Measured::Point(0.0);
    BenchResult { name, measure: "time".into(), unit: "ns".into(), higher_is_better: false, measured }
}

/// Each benchmark chooses its unit, and may choose another one next time.
fn nanoseconds(unit: Option<&str>) -> f64 {
    match unit {
        Some("s") => 1e9,
        Some("ms") => 1e6,
        Some("us") => 1e3,
        _ => 1.0,
    }
}

impl From<Context> for Host {
    fn from(context: Context) -> Self {
        let governor = context.cpu_scaling_enabled.map(|on| if on { "scaling" } else { "fixed" }.into());
        Self {
            cpu: context.mhz_per_cpu.map(|mhz| format!("{mhz} MHz").into()),
            cores: context.num_cpus.map(|n| n.to_string().into()),
            governor,
            ..Self::default()
        }
    }
}
