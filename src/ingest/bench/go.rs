//! `go test -bench`: a line a measurement, `Benchmark<name> <iterations> <value> <unit> ..`; `-count` repeats the lines.

use super::{content::Content, put_samples, unit::more_is_better};
use crate::{
    ingest::Error,
    model::{BenchResult, BenchRun, Host, Measured, Text},
};
use std::io::BufRead;

/// Characters of a panic's message that are told.
const LONGEST_REASON: usize = 120;

/// `None` where no line is one of a benchmark.
pub(super) fn read(content: &Content) -> Result<Option<BenchRun>, Error> {
    let mut run = BenchRun::default();
    let mut package = String::new();
    let (mut system, mut arch) = (String::new(), String::new());
    for line in content.reader()?.split(b'\n') {
        let line = line.map_err(content.io_error())?;
        let line = String::from_utf8_lossy(&line);
        let line = line.trim();
        if let Some((key, value)) = line.split_once(": ") {
            match key {
                "pkg" => package = format!("{}.", value.trim()),
                "cpu" => run.host.cpu = Some(value.trim().into()),
                "goos" => system = value.trim().to_owned(),
                "goarch" => arch = value.trim().to_owned(),
                "--- FAIL" => {
                    let name = value.split_whitespace().next().unwrap_or("?");
                    run.broken.push((format!("{package}{name}").into(), "failed".into()));
                }
                _ => {}
            }
        }
        if line.starts_with("panic:") || line.starts_with("fatal error:") {
            let place = package.trim_end_matches('.');
            let name = if place.is_empty() { "go test" } else { place };
            run.broken.push((name.into(), line.chars().take(LONGEST_REASON).collect::<String>().into()));
        }
        if line.starts_with("Benchmark") {
            measurement(&mut run, &package, line);
        }
    }
    if run.results.is_empty() && run.broken.is_empty() {
        return Ok(None);
    }
    if !system.is_empty() {
        run.host = Host { system: Some(format!("{system} {arch}").into()), ..run.host };
    }
    Ok(Some(run))
}

/// A line of figures; any other that begins alike (`BenchmarkX --- FAIL`, a log line) has none and is passed over.
fn measurement(run: &mut BenchRun, package: &str, line: &str) {
    let mut fields = line.split_whitespace();
    let Some(name) = fields.next() else { return };
    if fields.next().and_then(|n| n.parse::<u64>().ok()).is_none() {
        return;
    }
    let figures: Vec<&str> = fields.collect();
    for pair in figures.chunks_exact(2) {
        let Ok(value) = pair[0].parse::<f64>() else { return };
        let unit = pair[1];
        let (measure, shown): (Text, &str) = if unit == "ns/op" { ("time".into(), "ns") } else { (unit.into(), unit) };
        let result = BenchResult {
            name: format!("{package}{name}").into(),
            measure,
            unit: shown.into(),
            higher_is_better: more_is_better(unit),
            measured: Measured::Point(0.0),
        };
        put_samples(run, result, vec![value]);
    }
}
