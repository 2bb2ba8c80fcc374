//! JMH `-rf json`: `rawData` holds each iteration of each fork; sampling modes hold a histogram instead.

use super::{content::Content, put_samples};
use crate::{
    ingest::Error,
    model::{BenchResult, BenchRun, Host, Measured, Text},
};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    benchmark: String,
    mode: String,
    #[serde(default)]
    threads: u64,
    #[serde(default)]
    params: BTreeMap<String, serde_json::Value>,
    #[serde(default)]
    vm_name: Option<String>,
    #[serde(default)]
    jdk_version: Option<String>,
    primary_metric: Metric,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metric {
    score_unit: String,
    #[serde(default)]
    raw_data: Vec<Vec<f64>>,
    /// Fork, iteration, pairs of value and count.
    #[serde(default)]
    raw_data_histogram: Vec<Vec<Vec<(f64, u64)>>>,
}

pub(super) fn read(content: &Content) -> Result<Vec<BenchRun>, Error> {
    let entries: Vec<Entry> = content.json("JMH")?;
    let mut run = BenchRun::default();
    for entry in entries {
        if !run.host.is_known() {
            let runtime = entry.vm_name.as_ref().zip(entry.jdk_version.as_ref());
            run.host = Host { runtime: runtime.map(|(vm, jdk)| format!("{vm} {jdk}").into()), ..Host::default() };
        }
        let result = BenchResult {
            name: name(&entry),
            measure: entry.mode.as_str().into(),
            unit: entry.primary_metric.score_unit.as_str().into(),
            higher_is_better: entry.mode == "thrpt",
            measured: Measured::Point(0.0),
        };
        let metric = entry.primary_metric;
        match summary(&metric.raw_data_histogram) {
            Some(measured) => run.add(BenchResult { measured, ..result }),
            None => put_samples(&mut run, result, metric.raw_data.into_iter().flatten().collect()),
        }
    }
    Ok(vec![run])
}

/// Benchmarks of one method differ in their parameters and threads.
fn name(entry: &Entry) -> Text {
    let mut name = entry.benchmark.clone();
    let shown = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    for (key, value) in &entry.params {
        name.push_str(&format!(" {key}={}", shown(value)));
    }
    if entry.threads > 1 {
        name.push_str(&format!(" threads={}", entry.threads));
    }
    name.into()
}

fn summary(histogram: &[Vec<Vec<(f64, u64)>>]) -> Option<Measured> {
    let pairs = || histogram.iter().flatten().flatten().filter(|(value, _)| value.is_finite());
    let n: f64 = pairs().map(|(_, count)| *count as f64).sum();
    if n < 2.0 {
        return None;
    }
    let mean = pairs().map(|(value, count)| value * *count as f64).sum::<f64>() / n;
    let squares = pairs().map(|(value, count)| (value - mean).powi(2) * *count as f64).sum::<f64>();
    // More than a number of measurements can be stays the largest one.
    Some(Measured::summary(mean, (squares / (n - 1.0)).sqrt(), n as usize))
}
