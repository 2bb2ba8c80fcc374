//! `receipt`: what an ingest did.

use crate::model::{self, Counts};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// What an ingest did, counted in source rows.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct Document {
    schema: &'static str,
    windtunnel: &'static str,
    deployment: String,
    sources: Vec<Source>,
    totals: Rows,
    lake_rows: LakeRows,
    span: Option<Span>,
    defects: Vec<Defect>,
    warnings: Vec<String>,
}

/// Receipt and paths of `weekly` and `demo`.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct Weekly {
    pub(in crate::cli) schema: &'static str,
    pub(in crate::cli) windtunnel: &'static str,
    pub(in crate::cli) seed: u64,
    pub(in crate::cli) receipt: Document,
    pub(in crate::cli) paths: Paths,
    pub(in crate::cli) warnings: Vec<String>,
}

/// Files that a report consists of.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct Paths {
    pub(in crate::cli) html: String,
    pub(in crate::cli) markdown: String,
    /// The analysis that it was made of; a bench's report has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) analysis: Option<String>,
    pub(in crate::cli) images: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Source {
    path: String,
    table: Option<&'static str>,
    kind: String,
    sha256: String,
    #[serde(flatten)]
    rows: Rows,
    ignored: BTreeMap<String, u64>,
    skipped_as_known: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Rows {
    rows_read: u64,
    rows_written: u64,
    rows_duplicate: u64,
    rows_superseded: u64,
    rows_ignored: u64,
    rows_rejected: u64,
}

/// Rows of the deployment in the lake. A row of a source may tell of several, and several of one.
#[derive(Debug, Serialize, JsonSchema)]
struct LakeRows {
    before: u64,
    after: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Span {
    from: String,
    to: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Defect {
    path: String,
    line: Option<u64>,
    reason: String,
    count: u64,
}

impl From<Counts> for Rows {
    fn from(counts: Counts) -> Self {
        Self {
            rows_read: counts.read,
            rows_written: counts.written,
            rows_duplicate: counts.duplicate,
            rows_superseded: counts.superseded,
            rows_ignored: counts.ignored,
            rows_rejected: counts.rejected,
        }
    }
}

impl From<&model::Receipt> for Document {
    fn from(receipt: &model::Receipt) -> Self {
        let source = |source: &model::SourceReceipt| Source {
            path: source.path.clone(),
            table: source.table,
            kind: source.kind.clone(),
            sha256: source.sha256.clone(),
            rows: source.counts.into(),
            ignored: source.ignored.clone(),
            skipped_as_known: source.skipped_as_known,
        };
        let defect = |defect: &model::Defect| Defect {
            path: defect.path.clone(),
            line: defect.line,
            reason: defect.reason.clone(),
            count: defect.count,
        };
        Self {
            schema: "windtunnel.receipt.v1",
            windtunnel: super::VERSION,
            deployment: receipt.deployment.to_string(),
            sources: receipt.sources.iter().map(source).collect(),
            totals: receipt.totals().into(),
            lake_rows: LakeRows { before: receipt.lake_rows.0, after: receipt.lake_rows.1 },
            span: receipt.span.map(|span| Span { from: span.from.to_string(), to: span.to.to_string() }),
            defects: receipt.defects.iter().map(defect).collect(),
            warnings: receipt.warnings.clone(),
        }
    }
}
