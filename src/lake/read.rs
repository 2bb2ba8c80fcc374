//! Reading for analyses: what is told of a whole deployment at once.

use super::{
    Error, Lake,
    history::HistoryReader,
    ordered::{self, OrderedRows},
    rows::Stored,
    table::{Kind, Table},
};
use crate::model::{Attempt, BenchRecord, DagRun, Deadline, Deployment, Detail, Marker, Pool, Text, Volume};
use polars::prelude::*;
use std::collections::BTreeSet;

impl Lake {
    /// Deployments with history, by name.
    pub fn deployments(&self) -> Result<Vec<Deployment>, Error> {
        let names: BTreeSet<String> = self.manifest()?.parts.into_iter().map(|part| part.deployment).collect();
        Ok(names.iter().filter_map(|name| Deployment::new(name).ok()).collect())
    }

    /// DAGs of a deployment that have attempts or runs, by id.
    pub fn dag_ids(&self, deployment: &Deployment) -> Result<Vec<Text>, Error> {
        let _held = self.hold();
        let mut ids = BTreeSet::new();
        for table in [Attempt::TABLE, DagRun::TABLE] {
            ids.append(&mut ordered::first_column(self, deployment, table)?);
        }
        Ok(ids.into_iter().collect())
    }

    /// DAGs of a deployment of which volumes are told, by id.
    pub fn volume_dag_ids(&self, deployment: &Deployment) -> Result<BTreeSet<Text>, Error> {
        let _held = self.hold();
        ordered::first_column(self, deployment, Volume::TABLE)
    }

    /// Histories of the DAGs of a deployment, each part of the lake read once.
    pub fn histories(&self, deployment: &Deployment, detail: Detail) -> Result<HistoryReader, Error> {
        HistoryReader::open(self, deployment, detail)
    }

    /// Tasks of a deployment with the median of their durations in seconds, by DAG and task.
    pub fn tasks(&self, deployment: &Deployment) -> Result<Vec<(Text, Text, Option<f64>)>, Error> {
        let _held = self.hold();
        let Some(frame) = self.scan(Attempt::TABLE, deployment)? else { return Ok(Vec::new()) };
        let frame = frame.group_by([col("dag_id"), col("task_id")]).agg([col("duration_s").median()]);
        let frame = collect(frame.sort(["dag_id", "task_id"], SortMultipleOptions::default()))?;
        let text = |name: &str| frame.column(name).and_then(|column| column.str().cloned()).map_err(query);
        let medians = frame.column("duration_s").and_then(|column| column.f64().cloned()).map_err(query)?;
        let tasks = text("dag_id")?
            .iter()
            .zip(text("task_id")?.iter())
            .zip(medians.iter())
            .filter_map(|((dag_id, task_id), median)| Some((Text::from(dag_id?), Text::from(task_id?), median)))
            .collect();
        Ok(tasks)
    }

    /// Pools of a deployment, by name.
    pub fn pools(&self, deployment: &Deployment) -> Result<Vec<Pool>, Error> {
        OrderedRows::open(self, deployment)?.all()
    }

    /// Deadlines and SLA misses of a deployment, in order of time.
    pub fn deadlines(&self, deployment: &Deployment) -> Result<Vec<Deadline>, Error> {
        let _held = self.hold();
        OrderedRows::open(self, deployment)?.all()
    }

    /// Deploys, upgrades and incidents of a deployment, in order of time.
    pub fn markers(&self, deployment: &Deployment) -> Result<Vec<Marker>, Error> {
        let _held = self.hold();
        OrderedRows::open(self, deployment)?.all()
    }

    /// Measured runs of engines of a deployment, in order of time.
    pub fn bench_records(&self, deployment: &Deployment) -> Result<Vec<BenchRecord>, Error> {
        let _held = self.hold();
        OrderedRows::open(self, deployment)?.all()
    }

    /// All parts of a table of a deployment as one lazy frame; `None` where there are none.
    pub(super) fn scan(&self, table: &Table, deployment: &Deployment) -> Result<Option<LazyFrame>, Error> {
        let manifest = self.manifest()?;
        let parts = manifest.parts.iter().filter(|p| p.table == table.name && p.deployment == deployment.as_str());
        let frames = parts
            .map(|part| {
                let path = PlRefPath::try_from_path(&self.root.join(part.path())).map_err(query)?;
                // The manifest says what is live; the folder names hold nothing that it does not.
                let args = ScanArgsParquet {
                    glob: false,
                    hive_options: HiveOptions { enabled: Some(false), ..HiveOptions::default() },
                    ..ScanArgsParquet::default()
                };
                with_late(LazyFrame::scan_parquet(path, args).map_err(query)?, table)
            })
            .collect::<Result<Vec<_>, _>>()?;
        if frames.is_empty() { Ok(None) } else { concat(frames, UnionArgs::default()).map(Some).map_err(query) }
    }
}

/// The frame with the columns that came after its part was written, without values.
fn with_late(mut frame: LazyFrame, table: &Table) -> Result<LazyFrame, Error> {
    let mut late = table.columns.iter().filter(|column| column.late).peekable();
    if late.peek().is_none() {
        return Ok(frame);
    }
    let known = frame.collect_schema().map_err(query)?;
    let lacking = late.filter(|column| known.get(column.name).is_none());
    let nothing = lacking.map(|column| lit(NULL).cast(dtype(column.kind)).alias(column.name));
    Ok(frame.with_columns(nothing.collect::<Vec<_>>()))
}

/// How polars names what a column holds.
pub(super) fn dtype(kind: Kind) -> DataType {
    match kind {
        Kind::Text => DataType::String,
        Kind::Int32 => DataType::Int32,
        Kind::Int64 => DataType::Int64,
        Kind::Float => DataType::Float64,
        Kind::Bool => DataType::Boolean,
        Kind::Time => DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)),
    }
}

/// Runs a query on the streaming engine, which holds a bounded part of the input at a time.
pub(super) fn collect(frame: LazyFrame) -> Result<DataFrame, Error> {
    frame.collect_with_engine(Engine::Streaming).map(|result| result.unwrap_single()).map_err(query)
}

pub(super) fn query(error: PolarsError) -> Error {
    let damaged = match &error {
        PolarsError::IO { .. } => true,
        other => DAMAGE.iter().any(|words| other.to_string().contains(words)),
    };
    // The engine appends its plan, which only its makers can read.
    let text = error.to_string();
    let mut said = text.split("\n\nResolved plan").next().unwrap_or(&text).trim().to_owned();
    // Or what it parsed, which goes on for pages.
    if let Some((end, _)) = said.char_indices().nth(MAX_SAID) {
        said.truncate(end);
        said.push_str("…; the engine has no answer to this form of query");
    }
    if damaged { Error::Unreadable(said) } else { Error::Query(said) }
}

/// Characters of what the engine says that are told.
const MAX_SAID: usize = 240;

/// What the Parquet reader says of a file that is none, or not a whole one.
const DAMAGE: [&str; 3] = ["out of specification", "underlying IO", "decompress"];
