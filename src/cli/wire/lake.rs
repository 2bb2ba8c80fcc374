//! `lake`: what is in a lake, whether it is whole, what compacting it did, and rows of a query.

use crate::lake::{Fault, QueryResult, Survey, Value};
use schemars::JsonSchema;
use serde::Serialize;

/// `lake ls`, `lake verify` and `lake compact`.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct Document {
    schema: &'static str,
    windtunnel: &'static str,
    path: String,
    revision: i64,
    tables: Vec<Table>,
    sources: Vec<Source>,
    /// Only after `lake verify`.
    #[serde(skip_serializing_if = "Option::is_none")]
    whole: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    faults: Option<Vec<FaultRow>>,
    /// Only after `lake compact`.
    #[serde(skip_serializing_if = "Option::is_none")]
    compacted: Option<Compacted>,
    warnings: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Compacted {
    parts: u64,
    parts_rewritten: u64,
    bytes_before: u64,
    bytes_after: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Table {
    table: String,
    deployment: String,
    months: Vec<String>,
    rows: u64,
    bytes: u64,
    parts: usize,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Source {
    deployment: String,
    name: String,
    kind: String,
    sha256: String,
    rows_read: u64,
    rows_written: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct FaultRow {
    path: String,
    what: String,
    harmless: bool,
}

impl Document {
    pub(in crate::cli) fn new(path: &std::path::Path, survey: &Survey, faults: Option<&[Fault]>) -> Self {
        let mut tables: Vec<Table> = Vec::new();
        for part in &survey.parts {
            let fits = |t: &Table| t.table == part.table && t.deployment == part.deployment;
            if !tables.last().is_some_and(fits) {
                let (table, deployment) = (part.table.clone(), part.deployment.clone());
                tables.push(Table { table, deployment, months: Vec::new(), rows: 0, bytes: 0, parts: 0 });
            }
            if let Some(table) = tables.last_mut() {
                table.months.extend(part.month.clone());
                table.rows += part.rows;
                table.bytes += part.bytes;
                table.parts += 1;
            }
        }
        let source = |s: &crate::lake::SourceInfo| Source {
            deployment: s.deployment.clone(),
            name: s.name.clone(),
            kind: s.kind.clone(),
            sha256: s.sha256.clone(),
            rows_read: s.counts.read,
            rows_written: s.counts.written,
        };
        let fault =
            |f: &Fault| FaultRow { path: f.path.display().to_string(), what: f.what.clone(), harmless: f.harmless };
        Self {
            schema: "windtunnel.lake.v1",
            windtunnel: super::VERSION,
            path: path.display().to_string(),
            revision: survey.revision,
            tables,
            sources: survey.sources.iter().map(source).collect(),
            whole: faults.map(|faults| faults.iter().all(|fault| fault.harmless)),
            faults: faults.map(|faults| faults.iter().map(fault).collect()),
            compacted: None,
            warnings: Vec::new(),
        }
    }

    pub(in crate::cli) fn compacted(self, done: &crate::lake::Compacted) -> Self {
        let compacted = Compacted {
            parts: done.parts,
            parts_rewritten: done.rewritten,
            bytes_before: done.bytes_before,
            bytes_after: done.bytes_after,
        };
        Self { compacted: Some(compacted), ..self }
    }
}

/// `lake sql`.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct Rows {
    schema: &'static str,
    windtunnel: &'static str,
    /// One object a row, by column.
    rows: Vec<serde_json::Map<String, serde_json::Value>>,
    warnings: Vec<String>,
}

/// Rows of a query, as JSON objects.
pub(in crate::cli) fn rows(result: &QueryResult) -> Rows {
    let columns = result.columns();
    let row = |i: usize| -> serde_json::Map<String, serde_json::Value> {
        let values = result.row(i).into_iter().map(|value| match value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => value.into(),
            Value::Int(value) => value.into(),
            Value::Float(value) => value.into(),
            Value::Text(value) => value.into(),
        });
        columns.iter().cloned().zip(values).collect()
    };
    let rows: Vec<_> = (0..result.len()).map(row).collect();
    Rows { schema: "windtunnel.rows.v1", windtunnel: super::VERSION, rows, warnings: Vec::new() }
}
