//! hyperfine `--export-json`, version 1 (`times` in seconds) and version 2 (`measurements`, each quantity with its unit).

use super::{content::Content, put_samples};
use crate::{
    ingest::Error,
    model::{BenchResult, BenchRun, Host, Measured, Text},
};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    metadata: Option<Metadata>,
    #[serde(default)]
    primary_metric: Option<String>,
    results: Vec<Entry>,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    platform: Option<Platform>,
}

#[derive(Deserialize)]
struct Platform {
    #[serde(default)]
    os: Option<String>,
    #[serde(default)]
    architecture: Option<String>,
}

#[derive(Deserialize)]
struct Entry {
    command: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    times: Option<Vec<f64>>,
    #[serde(default)]
    exit_codes: Vec<Option<i64>>,
    #[serde(default)]
    measurements: Vec<BTreeMap<String, Cell>>,
    #[serde(default)]
    mean: Option<f64>,
}

/// A quantity with its unit, or the exit code.
#[derive(Deserialize)]
#[serde(untagged)]
enum Cell {
    Quantity { value: f64, unit: Option<String> },
    Code(Option<i64>),
}

pub(super) fn read(content: &Content) -> Result<Vec<BenchRun>, Error> {
    let document: Document = content.json("hyperfine")?;
    let mut run = BenchRun { host: host(document.metadata), ..BenchRun::default() };
    let metric = document.primary_metric.as_deref().unwrap_or("time_wall_clock");
    for entry in document.results {
        let name: Text = entry.name.as_deref().unwrap_or(&entry.command).into();
        if let Some(reason) = failures(&entry) {
            run.broken.push((name, reason.into()));
            continue;
        }
        let (samples, unit) = samples(&entry, metric);
        let unit = if unit.is_empty() && entry.mean.is_some() { "s" } else { unit };
        let measure = if metric == "time_wall_clock" { "time" } else { metric };
        let result = BenchResult {
            name,
            measure: measure.into(),
            unit: unit.into(),
            higher_is_better: false,
            measured: Measured::Point(entry.mean.unwrap_or_default()),
        };
        match (samples.is_empty(), entry.mean) {
            (true, Some(mean)) if mean.is_finite() => run.add(result),
            _ => put_samples(&mut run, result, samples),
        }
    }
    Ok(vec![run])
}

fn samples(entry: &Entry, metric: &str) -> (Vec<f64>, &'static str) {
    if let Some(times) = &entry.times {
        return (times.clone(), "s");
    }
    let cells = || entry.measurements.iter().filter_map(|m| m.get(metric));
    let unit = cells().find_map(|cell| match cell {
        Cell::Quantity { unit: Some(unit), .. } => Some(unit.as_str()),
        _ => None,
    });
    let unit = match unit {
        Some("second") => "s",
        Some("byte") => "B",
        _ => "",
    };
    let values = cells().filter_map(|cell| match cell {
        Cell::Quantity { value, .. } => Some(*value),
        Cell::Code(_) => None,
    });
    (values.collect(), unit)
}

/// A command that fails is quick: its times say nothing.
fn failures(entry: &Entry) -> Option<String> {
    let of_cells = entry.measurements.iter().filter_map(|m| match m.get("exit_code")? {
        Cell::Code(code) => Some(*code),
        Cell::Quantity { .. } => None,
    });
    let codes: Vec<Option<i64>> = entry.exit_codes.iter().copied().chain(of_cells).collect();
    let failed: Vec<&Option<i64>> = codes.iter().filter(|code| **code != Some(0)).collect();
    let first = failed.first()?;
    let code = first.map_or_else(|| "by a signal".to_owned(), |code| format!("with exit code {code}"));
    Some(format!("{} of {} runs ended {code}", failed.len(), codes.len()))
}

fn host(metadata: Option<Metadata>) -> Host {
    let platform = metadata.and_then(|m| m.platform);
    let system = platform.and_then(|p| Some(format!("{} {}", p.os?, p.architecture?)));
    Host { system: system.map(Text::from), ..Host::default() }
}
