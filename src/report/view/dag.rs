//! DAG pages: the typical run, its critical path, and where the edges are known from.

use super::{
    parts::{ChartBlock, Fact, Table},
    shelf::Shelf,
};
use crate::{
    analysis::{Analysis, DagView, GanttBar},
    model::EdgeSource,
    report::{Error, chart::GanttChart, words},
};
use serde::Serialize;
use std::collections::BTreeMap;

/// Edges listed; more are counted.
const MOST_EDGES: usize = 150;

/// One DAG.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DagPage {
    pub id: String,
    pub name: String,
    pub facts: Vec<Fact>,
    pub path: Vec<String>,
    pub chart: Option<ChartBlock>,
    pub edges: Option<Table>,
}

/// Pages of the DAGs that cost or changed most.
pub(crate) fn pages(analysis: &Analysis, most: usize, shelf: &mut Shelf<'_>) -> Result<Vec<DagPage>, Error> {
    let mut minutes: BTreeMap<&str, f64> = BTreeMap::new();
    for finding in analysis.regressions.iter().chain(&analysis.improvements) {
        *minutes.entry(&finding.key.dag_id).or_default() += finite(finding.minutes_lost_per_week.point.abs());
    }
    let seconds: BTreeMap<&str, f64> =
        analysis.run_changes.iter().map(|c| (&*c.dag_id, finite(c.seconds.point.abs()))).collect();
    let rank = |dag: &DagView| {
        let of = |map: &BTreeMap<&str, f64>| map.get(&*dag.dag_id).copied().unwrap_or(0.0);
        (of(&minutes), of(&seconds))
    };
    let mut dags: Vec<&DagView> = analysis.dags.iter().collect();
    dags.sort_by(|a, b| {
        let (ra, rb) = (rank(a), rank(b));
        rb.0.total_cmp(&ra.0).then(rb.1.total_cmp(&ra.1)).then_with(|| a.dag_id.cmp(&b.dag_id))
    });
    dags.into_iter().take(most).map(|dag| page(dag, shelf)).collect()
}

fn page(dag: &DagView, shelf: &mut Shelf<'_>) -> Result<DagPage, Error> {
    let name = words::visible(&dag.dag_id);
    let path: Vec<String> = dag.critical_path.iter().map(|task| words::visible(task)).collect();
    let facts = vec![
        Fact::new("Typical run", words::visible(&dag.run_id)).noted("its length is nearest to the median"),
        Fact::new("Length", words::seconds(dag.duration_s))
            .noted(format!("started {} UTC", dag.started_at.minute_string())),
        Fact::new("Dependencies", edges_from(dag.edges_from)).noted(edges_note(dag.edges_from)),
    ];
    Ok(DagPage {
        id: shelf.anchor(&format!("dag-{}", dag.dag_id)),
        chart: gantt(dag, &name, shelf)?,
        edges: edges(dag),
        name,
        facts,
        path,
    })
}

fn gantt(dag: &DagView, name: &str, shelf: &mut Shelf<'_>) -> Result<Option<ChartBlock>, Error> {
    let chart = GanttChart::new(dag);
    if chart.rows() == 0 {
        return Ok(None);
    }
    let title = format!("{}: typical run as a Gantt chart", words::shorten(name, 120));
    let critical = words::counted(dag.critical_path.len(), "task", "tasks");
    let desc = format!(
        "{} in {}; the critical path has {critical}.{}",
        words::counted(dag.gantt.len(), "attempt", "attempts"),
        words::seconds(dag.duration_s),
        match chart.left_out() {
            0 => String::new(),
            n => format!(" {} not drawn.", words::counted(n, "shorter task instance is", "shorter task instances are")),
        },
    );
    let head = ["Task", "Try", "Queued at", "Started at", "Ended at", "State", "Critical path"];
    let table =
        Table::thinned("Attempts, seconds from the start of the run", &head, dag.gantt.iter().map(row).collect());
    Ok(Some(shelf.chart(&chart, ("dag", &dag.dag_id), (title, desc), table)?))
}

fn row(bar: &GanttBar) -> Vec<String> {
    let index = if bar.map_index >= 0 { format!("[{}]", bar.map_index) } else { String::new() };
    vec![
        format!("{}{index}", words::visible(&bar.task_id)),
        bar.try_number.map_or_else(|| words::UNKNOWN.to_owned(), |n| n.to_string()),
        bar.queued_s.map_or_else(|| words::UNKNOWN.to_owned(), words::seconds),
        words::seconds(bar.started_s),
        words::seconds(bar.ended_s),
        words::visible(&bar.state),
        if bar.critical { "yes" } else { "no" }.to_owned(),
    ]
}

fn edges(dag: &DagView) -> Option<Table> {
    let shown: Vec<_> = dag.edges.iter().take(MOST_EDGES).collect();
    let rest = dag.edges.len() - shown.len();
    let rows: Vec<_> = shown.into_iter().map(|(a, b)| vec![words::visible(a), words::visible(b)]).collect();
    (!rows.is_empty()).then(|| Table {
        caption: format!(
            "{}, {}",
            words::counted(dag.edges.len(), "dependency", "dependencies"),
            edges_from(dag.edges_from)
        ),
        head: vec!["Runs first".to_owned(), "Waits for it".to_owned()],
        rows,
        note: (rest > 0).then(|| format!("{} more left out.", words::count(rest as u64))),
    })
}

fn edges_from(source: EdgeSource) -> &'static str {
    match source {
        EdgeSource::Serialized => "from the serialized DAG",
        EdgeSource::Api => "from the REST API",
        EdgeSource::Inferred => "inferred from history",
    }
}

fn edges_note(source: EdgeSource) -> &'static str {
    match source {
        EdgeSource::Inferred => {
            "the order of starts and ends suggests them; a dependency that never made a task wait is not seen"
        }
        _ => "",
    }
}

fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}
