//! Outputs of benchmark tools: criterion, hyperfine, pytest-benchmark, google-benchmark, JMH, Go, Bencher's BMF,
//! github-action-benchmark, this program's own, and plain numbers.
//!
//! A file is recognised by its content. What stands in it is streamed: the raw data of one pytest benchmark are megabytes.

mod action;
mod bmf;
mod content;
mod criterion;
mod go;
mod google;
mod hyperfine;
mod jmh;
mod own;
mod plain;
mod pytest;
mod shape;
mod unit;

use super::{Error, secrets};
use crate::model::{BenchResult, BenchRun, Measured, Text};
use content::Content;
use shape::{Kind, Shape};
use std::{
    borrow::Cow,
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// Formats that are read, for messages.
const KNOWN: &str = "a criterion folder, hyperfine, pytest-benchmark, google-benchmark, JMH, Go benchmarks, \
                     BMF, github-action-benchmark, windtunnel's own, or a CSV with a column `value`";

/// Characters of a key that a message shows.
const LONGEST_KEY: usize = 40;

/// Reads what a benchmark tool wrote, runs in order of time; `-` is stdin, gz and zst are read too.
///
/// A folder of criterion is one run: that of its baseline `named`, by default `new`, the last one. Any other folder holds
/// a run a file, taken in order of their names.
///
/// # Errors
/// [`Error::Unrecognised`] with the place where the text leaves its format, or with the known formats.
pub fn read_benches(path: &Path, named: Option<&str>) -> Result<Vec<BenchRun>, Error> {
    if path != Path::new("-") && !path.exists() {
        return Err(Error::NotFound { pattern: path.display().to_string() });
    }
    let mut runs = if path.is_dir() { folder(path, named)? } else { file(path)? };
    runs.iter_mut().for_each(without_secrets);
    if runs.iter().all(|run| run.results.is_empty() && run.broken.is_empty()) {
        return Err(unrecognised(path, format!("no benchmark stands there; wanted {KNOWN}")));
    }
    Ok(runs)
}

/// Names are commands sometimes, with all that stands in them.
fn without_secrets(run: &mut BenchRun) {
    for result in &mut run.results {
        if let Cow::Owned(masked) = secrets::mask(&result.name) {
            result.name = masked.into();
        }
    }
    for (name, _) in &mut run.broken {
        if let Cow::Owned(masked) = secrets::mask(name) {
            *name = masked.into();
        }
    }
}

fn folder(path: &Path, named: Option<&str>) -> Result<Vec<BenchRun>, Error> {
    if let Some(run) = criterion::read(path, named)? {
        return Ok(vec![run]);
    }
    let entries = std::fs::read_dir(path).map_err(Error::io(path))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).filter(|p| p.is_file()).collect();
    files.sort();
    if files.is_empty() {
        return Err(unrecognised(path, format!("neither a criterion folder nor files in it; wanted {KNOWN}")));
    }
    let mut runs: Vec<BenchRun> = Vec::new();
    for file_path in &files {
        let mut next = file(file_path)?;
        if let (Some(before), Some(after)) = (runs.last(), next.first())
            && have_nothing_in_common(before, after)
        {
            let name = file_path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            return Err(unrecognised(
                path,
                format!(
                    "{name} has no benchmark in common with the file before it, and the files of a folder are taken for \
                     runs one after the other; give the files themselves, as in {}/*",
                    path.display()
                ),
            ));
        }
        runs.append(&mut next);
    }
    Ok(runs)
}

/// Two results of different suites are no runs one after the other.
fn have_nothing_in_common(before: &BenchRun, after: &BenchRun) -> bool {
    let names = |run: &BenchRun| -> BTreeSet<Text> {
        run.results.iter().map(|result| result.name.clone()).chain(run.broken.iter().map(|b| b.0.clone())).collect()
    };
    let (before, after) = (names(before), names(after));
    !before.is_empty() && !after.is_empty() && before.is_disjoint(&after)
}

fn file(path: &Path) -> Result<Vec<BenchRun>, Error> {
    let content = Content::of(path)?;
    let keys = match shape::of(&content)? {
        Shape::Text => return text(path, &content),
        Shape::List(first) => {
            return match first.as_deref() {
                Some(keys) if keys.iter().any(|k| k == "primaryMetric") => jmh::read(&content),
                Some(keys) if keys.iter().any(|k| k == "name") => action::read_list(&content),
                _ => plain::read(path, &content),
            };
        }
        Shape::Object(keys) => keys,
    };
    let is = |name: &str, kind: &Kind| keys.iter().any(|(key, k)| key == name && k == kind);
    let schema = keys.iter().find_map(|(key, kind)| match kind {
        Kind::Text(text) if key == "schema" => Some(text.as_str()),
        _ => None,
    });
    match schema {
        Some(schema) if schema.starts_with("windtunnel.") => own::read(&content, schema),
        _ if is("results", &Kind::List) => hyperfine::read(&content),
        _ if is("benchmarks", &Kind::List) && is("context", &Kind::Object) => google::read(&content),
        _ if is("benchmarks", &Kind::List) => pytest::read(&content),
        _ if is("entries", &Kind::Object) => action::read_history(&content),
        _ if is("value", &Kind::List) || is("value", &Kind::Other) => plain::read(path, &content),
        _ if keys.iter().any(|(_, kind)| *kind == Kind::Object) => bmf::read(&content),
        _ => {
            if keys.is_empty() {
                return Err(unrecognised(path, format!("an empty object; wanted {KNOWN}")));
            }
            let short = |key: &str| key.chars().take(LONGEST_KEY).collect::<String>();
            let there: Vec<String> = keys.iter().take(8).map(|(key, _)| short(key)).collect();
            Err(unrecognised(path, format!("JSON with {}; wanted {KNOWN}", there.join(", "))))
        }
    }
}

/// What is no JSON: Go's text, or a CSV.
fn text(path: &Path, content: &Content) -> Result<Vec<BenchRun>, Error> {
    match go::read(content)? {
        Some(run) => Ok(vec![run]),
        None => plain::read(path, content).map_err(|error| match error {
            Error::Unrecognised { path, reason } => {
                Error::Unrecognised { path, reason: format!("{reason} (no other known output either: {KNOWN})") }
            }
            other => other,
        }),
    }
}

fn unrecognised(path: &Path, reason: String) -> Error {
    Error::Unrecognised { path: path.into(), reason }
}

/// Samples that are all finite and not none; else the benchmark is broken.
fn put_samples(run: &mut BenchRun, mut result: BenchResult, samples: Vec<f64>) {
    let name = result.full_name();
    if samples.is_empty() {
        run.broken.push((name.into(), "no measurement".into()));
    } else if let Some(wrong) = samples.iter().find(|v| !v.is_finite()) {
        run.broken.push((name.into(), format!("a measurement of {wrong}").into()));
    } else {
        result.measured = Measured::Samples(samples);
        run.add(result);
    }
}

#[cfg(test)]
mod tests;
