//! Reading for analyses: polars finds the rows, model structs leave.

use super::{
    Error, Lake,
    cell::Cell,
    rows::{Loaded, Stored},
    table::{Kind, Table},
};
use crate::model::{Attempt, Dag, DagHistory, DagRun, DagTag, Deployment, Marker, Pool, Reschedule, TaskEdge, Text};
use polars::prelude::*;
use std::collections::{BTreeSet, HashMap, HashSet};

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
            let Some(frame) = self.scan(table, deployment)? else { continue };
            let frame = collect(frame.select([col("dag_id")]).unique(None, UniqueKeepStrategy::Any))?;
            let column = frame.column("dag_id").and_then(|column| column.str()).map_err(query)?;
            ids.extend(column.iter().flatten().map(Text::from));
        }
        Ok(ids.into_iter().collect())
    }

    /// Everything that is known of one DAG.
    pub fn dag_history(&self, deployment: &Deployment, dag_id: &Text) -> Result<DagHistory, Error> {
        let mut histories = self.dag_histories(deployment, std::slice::from_ref(dag_id))?;
        histories.pop().ok_or_else(|| Error::Query(format!("no history of `{dag_id}`")))
    }

    /// Everything that is known of neighbouring DAGs: a run of what [`Lake::dag_ids`] gives, read at once. To open each part
    /// once a DAG costs more than to read it.
    pub fn dag_histories(&self, deployment: &Deployment, dag_ids: &[Text]) -> Result<Vec<DagHistory>, Error> {
        let _held = self.hold();
        let (Some(first), Some(last)) = (dag_ids.first(), dag_ids.last()) else { return Ok(Vec::new()) };
        let between = Some((first, last));
        let mut edges: HashMap<Text, Vec<(TaskEdge, i64)>> = HashMap::new();
        self.each_row(TaskEdge::TABLE, deployment, between, |cells| {
            if let Some(edge) = TaskEdge::from_cells(cells) {
                edges.entry(edge.dag_id.clone()).or_default().push((edge, cells[5].as_int().unwrap_or(0)));
            }
        })?;
        let mut dags = by_dag(self.rows::<Dag>(deployment, between)?, |dag| &dag.dag_id);
        let mut tags = by_dag(self.rows::<DagTag>(deployment, between)?, |tag| &tag.dag_id);
        let mut runs = by_dag(self.rows::<DagRun>(deployment, between)?, |run| &run.dag_id);
        let mut attempts = by_dag(self.rows::<Attempt>(deployment, between)?, |attempt| &attempt.dag_id);
        let mut reschedules = by_dag(self.rows::<Reschedule>(deployment, between)?, |poke| &poke.dag_id);
        let history = |dag_id: &Text| DagHistory {
            deployment: deployment.clone(),
            dag_id: dag_id.clone(),
            dag: dags.remove(dag_id).and_then(|dags| dags.into_iter().next()),
            tags: tags.remove(dag_id).unwrap_or_default().into_iter().map(|tag| tag.tag).collect(),
            runs: runs.remove(dag_id).unwrap_or_default(),
            attempts: attempts.remove(dag_id).unwrap_or_default(),
            reschedules: reschedules.remove(dag_id).unwrap_or_default(),
            edges: newest(edges.remove(dag_id).unwrap_or_default()),
        };
        Ok(dag_ids.iter().map(history).collect())
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
        self.rows(deployment, None)
    }

    /// Deploys, upgrades and incidents of a deployment, in order of time.
    pub fn markers(&self, deployment: &Deployment) -> Result<Vec<Marker>, Error> {
        let _held = self.hold();
        self.rows(deployment, None)
    }

    fn rows<T: Loaded>(&self, deployment: &Deployment, between: Option<(&Text, &Text)>) -> Result<Vec<T>, Error> {
        let mut rows = Vec::new();
        self.each_row(T::TABLE, deployment, between, |cells| rows.extend(T::from_cells(cells)))?;
        Ok(rows)
    }

    fn each_row(
        &self,
        table: &'static Table,
        deployment: &Deployment,
        between: Option<(&Text, &Text)>,
        mut visit: impl FnMut(&[Cell]),
    ) -> Result<(), Error> {
        let Some(mut frame) = self.scan(table, deployment)? else { return Ok(()) };
        if let Some((first, last)) = between {
            // Pushed down to the row groups: files are sorted by dag_id.
            let id = || col("dag_id");
            frame = frame.filter(id().gt_eq(lit(first.to_string())).and(id().lt_eq(lit(last.to_string()))));
        }
        let order: Vec<_> = table.order.iter().map(|&place| col(table.columns[place].name)).collect();
        let options = SortMultipleOptions::default().with_maintain_order(true);
        let frame = collect(frame.sort_by_exprs(order, options))?;
        let columns =
            table.columns.iter().map(|c| Values::of(&frame, c.name, c.kind)).collect::<Result<Vec<_>, _>>()?;
        let mut interner = Interner::default();
        for row in 0..frame.height() {
            let cells: Vec<Cell> = columns.iter().map(|values| values.cell(row, &mut interner)).collect();
            visit(&cells);
        }
        Ok(())
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
                LazyFrame::scan_parquet(path, args).map_err(query)
            })
            .collect::<Result<Vec<_>, _>>()?;
        if frames.is_empty() { Ok(None) } else { concat(frames, UnionArgs::default()).map(Some).map_err(query) }
    }
}

/// Rows of each DAG, in their order.
fn by_dag<T>(rows: Vec<T>, dag_id: impl Fn(&T) -> &Text) -> HashMap<Text, Vec<T>> {
    let mut all: HashMap<Text, Vec<T>> = HashMap::new();
    for row in rows {
        match all.get_mut(dag_id(&row)) {
            Some(known) => known.push(row),
            None => {
                all.insert(dag_id(&row).clone(), vec![row]);
            }
        }
    }
    all
}

/// Edges of the newest structure.
fn newest(mut edges: Vec<(TaskEdge, i64)>) -> Vec<TaskEdge> {
    let newest = edges.iter().max_by_key(|(edge, revision)| (*revision, edge.version.clone()));
    let newest = newest.map(|(edge, _)| edge.version.clone());
    edges.retain(|(edge, _)| Some(&edge.version) == newest.as_ref());
    edges.into_iter().map(|(edge, _)| edge).collect()
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

/// Equal texts share one allocation.
#[derive(Default)]
struct Interner(HashSet<Text>);

impl Interner {
    /// Beyond this many distinct texts (run ids of a long history) nothing is gained by remembering more.
    const MAX_TEXTS: usize = 65_536;

    fn get(&mut self, text: &str) -> Text {
        if let Some(known) = self.0.get(text) {
            return known.clone();
        }
        if self.0.len() >= Self::MAX_TEXTS {
            self.0.clear();
        }
        let text: Text = text.into();
        self.0.insert(text.clone());
        text
    }
}

/// A column of a frame by the kind that the table says it has.
enum Values {
    Text(StringChunked),
    Int32(Int32Chunked),
    Int64(Int64Chunked),
    Float(Float64Chunked),
    Bool(BooleanChunked),
}

impl Values {
    fn of(frame: &DataFrame, name: &str, kind: Kind) -> Result<Self, Error> {
        let series = frame.column(name).map_err(query)?.as_materialized_series().rechunk();
        match kind {
            Kind::Text => series.str().cloned().map(Self::Text),
            Kind::Int32 => series.i32().cloned().map(Self::Int32),
            Kind::Int64 => series.i64().cloned().map(Self::Int64),
            Kind::Float => series.f64().cloned().map(Self::Float),
            Kind::Bool => series.bool().cloned().map(Self::Bool),
            Kind::Time => series.to_physical_repr().i64().cloned().map(Self::Int64),
        }
        .map_err(query)
    }

    fn cell(&self, row: usize, interner: &mut Interner) -> Cell {
        match self {
            Self::Text(a) => a.get(row).map_or(Cell::Null, |text| Cell::Text(interner.get(text))),
            Self::Int32(a) => Cell::from(a.get(row)),
            Self::Int64(a) => Cell::from(a.get(row)),
            Self::Float(a) => Cell::from(a.get(row)),
            Self::Bool(a) => Cell::from(a.get(row)),
        }
    }
}
