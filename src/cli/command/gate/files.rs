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
    model::{BenchRun, Timestamp},
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
        Some(path) if std::env::var_os(STEP_SUMMARY).is_some_and(|named| named == **path) => {
            let mut file = OpenOptions::new().append(true).create(true).open(path).map_err(Error::io("write", path))?;
            file.write_all(report::gate_markdown(gate, about).as_bytes()).map_err(Error::io("write", path))
        }
        Some(path) => place(path, &report::gate_markdown(gate, about)),
        None => Ok(()),
    }
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

/// Adds the runs of now to those in `path`, of which the last `keep` stay.
pub(super) fn save(path: &Path, keep: usize, current: &[BenchRun]) -> Result<(), Error> {
    let mut runs = if path.exists() { read_benches(path, None)? } else { Vec::new() };
    let now = Timestamp::from_micros(jiff::Timestamp::now().as_microsecond());
    runs.extend(current.iter().map(|run| BenchRun { at: run.at.or(Some(now)), ..run.clone() }));
    runs.drain(..runs.len().saturating_sub(keep.max(1)));
    let mut json = serde_json::to_string(&Benchmarks::new(&runs))
        .map_err(|error| Error::Usage(format!("cannot write the runs as JSON: {error}")))?;
    json.push('\n');
    place(path, &json)
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
