//! github-action-benchmark: the list of one run (`customSmallerIsBetter`, `customBiggerIsBetter`), and the history that it
//! keeps (`data.js`, or the external JSON file).
//!
//! `range` means what the tool made of it, so each entry is a single figure; the history tells how it scatters.

use super::{content::Content, unit::more_is_better};
use crate::{
    ingest::Error,
    model::{BenchResult, BenchRun, Measured, Timestamp},
};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Entry {
    name: String,
    #[serde(default)]
    unit: String,
    value: f64,
}

#[derive(Deserialize)]
struct History {
    entries: BTreeMap<String, Vec<Run>>,
}

#[derive(Deserialize)]
struct Run {
    /// Milliseconds since 1970.
    #[serde(default)]
    date: Option<f64>,
    #[serde(default)]
    tool: Option<String>,
    benches: Vec<Entry>,
}

pub(super) fn read_list(content: &Content) -> Result<Vec<BenchRun>, Error> {
    let entries: Vec<Entry> = content.json("github-action-benchmark")?;
    let mut run = BenchRun::default();
    entries.into_iter().for_each(|entry| run.add(entry.result(None, None)));
    Ok(vec![run])
}

pub(super) fn read_history(content: &Content) -> Result<Vec<BenchRun>, Error> {
    let history: History = content.json("github-action-benchmark history")?;
    let alone = history.entries.len() == 1;
    let mut runs = Vec::new();
    for (suite, kept) in history.entries {
        let suite = (!alone).then_some(suite);
        for one in kept {
            let at = one.date.map(|ms| Timestamp::from_micros((ms * 1e3) as i64));
            let mut run = BenchRun { at, ..BenchRun::default() };
            let tool = one.tool.as_deref();
            one.benches.into_iter().for_each(|entry| run.add(entry.result(suite.as_deref(), tool)));
            runs.push(run);
        }
    }
    runs.sort_by_key(|run| run.at);
    Ok(runs)
}

impl Entry {
    fn result(self, suite: Option<&str>, tool: Option<&str>) -> BenchResult {
        let higher_is_better = match tool {
            Some("customBiggerIsBetter" | "benchmarkjs") => true,
            Some("customSmallerIsBetter") => false,
            _ => more_is_better(&self.unit),
        };
        BenchResult {
            name: suite.map_or_else(|| self.name.clone(), |suite| format!("{suite}/{}", self.name)).into(),
            measure: "".into(),
            unit: self.unit.into(),
            higher_is_better,
            measured: Measured::Point(self.value),
        }
    }
}
