//! What a gate leaves behind.

use crate::{
    cli::{
        args::{Annotations, Gate as Args},
        command::Context,
        exit::Error,
        wire::gate::Benchmarks,
    },
    gate::Gate,
    ingest::read_benches,
    model::{BenchResult, BenchRun, Measured, Timestamp},
    report::{self, GateContext},
};
use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::Path,
};

/// Environment variable in which GitHub names the file of a step's summary; other steps' commands add to it as well.
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// Writes the files that were asked for, each whole.
pub(super) fn write(args: &Args, gate: &Gate, about: &GateContext) -> Result<(), Error> {
    if let Some(path) = &args.junit {
        place(path, &report::gate_junit(gate, about)?)?;
    }
    if let Some(path) = &args.code_quality {
        place(path, &report::gate_code_quality(gate, about))?;
    }
    if let Some(path) = &args.bmf {
        place(path, &report::gate_bmf(gate))?;
    }
    if let Some(path) = &args.metrics {
        place(path, &report::gate_metrics(gate)?)?;
    }
    match &args.summary {
        Some(path) if is_step_summary(path) => {
            let mut file = OpenOptions::new().append(true).create(true).open(path).map_err(Error::io("write", path))?;
            file.write_all(report::gate_markdown(gate, about).as_bytes()).map_err(Error::io("write", path))
        }
        Some(path) => place(path, &report::gate_markdown(gate, about)),
        None => Ok(()),
    }
}

fn is_step_summary(path: &Path) -> bool {
    let whole = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path)).ok();
    std::env::var_os(STEP_SUMMARY).is_some_and(|named| whole(Path::new(&named)) == whole(path))
}

/// Prints annotations where the CI system looks for them.
pub(super) fn annotate(context: &Context<'_>, args: &Args, gate: &Gate) -> Result<(), Error> {
    let Some(Annotations::Github) = args.annotations else { return Ok(()) };
    let lines = report::gate_annotations(gate);
    if context.console.json {
        // GitHub reads both; stdout holds the document alone.
        return std::io::stderr().write_all(lines.as_bytes()).map_err(Error::io("write to", "stderr"));
    }
    context.console.print(&lines)
}

/// Runs that `path` holds already.
pub(super) fn kept(path: &Path) -> Result<Vec<BenchRun>, Error> {
    if path.is_dir() || path.file_name().is_none() || path.as_os_str().as_encoded_bytes().ends_with(b"/") {
        return Err(Error::Usage(format!("--save {}: is a folder; name a file", path.display())));
    }
    if path.exists() { Ok(read_benches(path, None)?) } else { Ok(Vec::new()) }
}

/// Adds the runs of now to those that `path` holds, of which the last `keep` stay; what to tell of it.
pub(super) fn save(
    path: &Path,
    mut runs: Vec<BenchRun>,
    keep: usize,
    current: &[BenchRun],
) -> Result<Option<String>, Error> {
    let now = Timestamp::from_micros(jiff::Timestamp::now().as_microsecond());
    let before = runs.len();
    for run in current.iter().filter(|run| !run.results.is_empty()) {
        // The same figures a second time are no second run.
        if !runs.iter().any(|known| is_same_run(known, run)) {
            runs.push(BenchRun { at: run.at.or(Some(now)), ..run.clone() });
        }
    }
    if runs.len() == before {
        return Ok(Some(format!("nothing added to {}: it has this run, or the run has no result", path.display())));
    }
    runs.drain(..runs.len().saturating_sub(keep.max(1)));
    let mut json = serde_json::to_string(&Benchmarks::new(&runs))
        .map_err(|error| Error::Usage(format!("cannot write the runs as JSON: {error}")))?;
    json.push('\n');
    // A link stays one: what it leads to is written.
    let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    place(&target, &json)?;
    Ok(None)
}

/// The same benchmarks with the same figures, up to what reading a written number may change in its last digit.
fn is_same_run(one: &BenchRun, other: &BenchRun) -> bool {
    let near = |a: &f64, b: &f64| a == b || (a - b).abs() <= 1e-12 * a.abs().max(b.abs());
    let figures = |a: &Measured, b: &Measured| match (a, b) {
        (Measured::Samples(a), Measured::Samples(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| near(a, b)),
        (Measured::Point(a), Measured::Point(b)) => near(a, b),
        (Measured::Summary { mean: a, sd: s, n }, Measured::Summary { mean: b, sd: t, n: m }) => {
            near(a, b) && near(s, t) && n == m
        }
        _ => false,
    };
    let same = |a: &BenchResult, b: &BenchResult| a.full_name() == b.full_name() && figures(&a.measured, &b.measured);
    one.results.len() == other.results.len() && one.results.iter().zip(&other.results).all(|(a, b)| same(a, b))
}

/// Writes a file beside its place and renames it.
fn place(path: &Path, text: &str) -> Result<(), Error> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    crate::cli::command::report::place_at(path, text.as_bytes())
}
