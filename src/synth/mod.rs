//! Generated Airflow histories with known truth: seed in, exports of any size out, and what is in them.
//!
//! A small event simulation runs an e-commerce platform: schedules create runs, tasks wait for upstream tasks, pools and
//! workers, fail, are retried and cleared. What it does is written as the tables' exports would show it. Changes are planted at
//! known dates and sizes; `ground_truth.json` names them, with what the generated rows measure of them.
//!
//! Nothing grows with the number of rows: only runs under way are kept. The same options give the same bytes on every machine:
//! numbers are drawn by [`crate::stats::Draw`], there is no clock, and no order depends on a hash.

mod change;
mod clock;
mod columns;
mod entry;
mod export;
mod files;
mod fleet;
mod load;
mod options;
pub mod orders;
pub mod platform;
mod rows;
mod run;
mod runs;
mod simulate;
mod slots;
mod statsd;
mod structure;
mod template;
mod tries;
mod truth;

pub use files::Files;
pub use options::{Airflow, Options};

use change::Changes;
use export::Export;
use fleet::Fleet;
use options::Plan;
use serde_json::{Map, json};
use simulate::World;
use statsd::Statsd;
use std::io;

/// What was generated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Days of logical dates.
    pub days: u32,
    /// DAGs.
    pub dags: usize,
    /// Changes that were planted.
    pub planted: usize,
    /// Each file with its rows (without the header) and bytes.
    pub files: Vec<(&'static str, u64, u64)>,
}

/// Generates a history and writes its files.
///
/// # Errors
/// Where a file cannot be opened or written.
pub fn history(options: &Options, files: &mut dyn Files) -> io::Result<Summary> {
    let plan = Plan::new(options);
    let fleet = Fleet::new(&plan);
    let changes = Changes::new(&fleet, &plan);
    let mut told = structure::write(files, &plan, &fleet, &changes)?;
    let export = Export::create(files, &plan)?;
    let statsd = Statsd::create(files, &plan)?;
    let (mut export, statsd, truth) = World::new(&plan, &fleet, &changes, export, statsd).run()?;
    told.extend(export.finish()?);
    let mut captured = None;
    if let Some(mut statsd) = statsd {
        let (rows, bytes) = statsd.finish()?;
        told.push(("statsd.txt", rows, bytes));
        captured = Some(statsd.captured);
    }
    told.sort_unstable();
    let mut counts = Map::new();
    for (name, rows, bytes) in &told {
        counts.insert((*name).to_owned(), json!({ "rows": rows, "bytes": bytes }));
    }
    if let Some(tries) = counts.get_mut("task_instance.csv") {
        tries["task_instances"] = json!(export.tries.rows - export.older - export.newer);
        tries["older_versions"] = json!(export.older);
        tries["newer_versions"] = json!(export.newer);
        tries["sum_of_durations_s"] = seconds(export.duration);
    }
    if let Some(past) = counts.get_mut("task_instance_history.csv") {
        past["sum_of_durations_s"] = seconds(export.past_duration);
    }
    if let (Some(lines), Some(captured)) = (counts.get_mut("statsd.txt"), captured) {
        lines["processes_that_succeeded"] = json!(captured.successes);
        lines["processes_that_failed"] = json!(captured.failures);
        lines["pokes"] = json!(captured.pokes);
        lines["task_durations"] = json!(captured.durations);
        lines["sum_of_task_durations_ms"] = json!(captured.duration_ms());
        lines["runs_that_ended"] = json!(captured.runs);
    }
    let mut document = serde_json::to_string_pretty(&truth.json(&plan, &fleet, &changes, counts.into()))?;
    document.push('\n');
    let mut file = files.create("ground_truth.json")?;
    file.write_all(document.as_bytes())?;
    file.flush()?;
    Ok(Summary { days: plan.days, dags: fleet.dags.len(), planted: changes.count(), files: told })
}

/// Seconds with all six digits: as text, for a float keeps fifteen to seventeen.
fn seconds(micros: i128) -> serde_json::Value {
    json!(format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000))
}

#[cfg(test)]
mod history_tests;
