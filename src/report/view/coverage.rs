//! What was read and how it was judged: coverage, overhead of the host, method and limits.

use super::{
    parts::{ChartBlock, Fact, Table},
    shelf::Shelf,
};
use crate::{
    analysis::{Analysis, Axis},
    model::Timestamp,
    report::{
        Error,
        chart::{CoverageChart, OverheadChart},
        words,
    },
};
use serde::Serialize;

/// What the lake holds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CoverageView {
    pub facts: Vec<Fact>,
    pub chart: Option<ChartBlock>,
    pub excluded: Option<Table>,
    pub axes: Option<Table>,
}

/// The section on what was read.
pub(crate) fn coverage(analysis: &Analysis, shelf: &mut Shelf<'_>) -> Result<CoverageView, Error> {
    let held = &analysis.coverage;
    let by_type: Vec<String> = held
        .runs_by_type
        .iter()
        .map(|(kind, n)| format!("{} {}", words::count(*n), words::visible(kind.as_str())))
        .collect();
    let facts = vec![
        Fact::new("Attempts", words::count(held.attempts)),
        Fact::new("Runs", words::count(held.runs)).noted(by_type.join(", ")),
        Fact::new("DAGs and tasks", format!("{} and {}", words::count(held.dags), words::count(held.tasks))),
        Fact::new("Series analysed", words::count(held.series)),
        Fact::new("Logical dates", span(held.logical)),
        Fact::new("Wall clock", span(held.wall)),
    ];
    let table = |caption: &str, head: &[&str], rows: Vec<Vec<String>>| {
        (!rows.is_empty()).then(|| Table { note: None, ..full(caption, head, rows) })
    };
    let excluded = held.excluded.iter().map(|(why, n)| vec![words::visible(why), words::count(*n)]).collect();
    let axes =
        analysis.axes.iter().map(|a| vec![words::visible(&a.dag_id), axis(a.axis).to_owned(), words::visible(&a.why)]);
    Ok(CoverageView {
        facts,
        chart: strip(analysis, shelf)?,
        excluded: table("Attempts that no statistic uses", &["Why", "Attempts"], excluded),
        axes: table("Time axis of each DAG", &["DAG", "Axis", "Why"], axes.collect()),
    })
}

/// Runs a week.
fn strip(analysis: &Analysis, shelf: &mut Shelf<'_>) -> Result<Option<ChartBlock>, Error> {
    let weeks = &analysis.coverage.runs_by_week;
    if weeks.is_empty() {
        return Ok(None);
    }
    let rows = weeks.iter().map(|(monday, runs)| vec![monday.date_string(), words::count(*runs)]).collect();
    let table = Table::thinned("Runs a week", &["Week from", "Runs"], rows);
    let most = weeks.iter().map(|week| week.1).max().unwrap_or(0);
    let empty = weeks.iter().filter(|week| week.1 == 0).count();
    let desc = format!(
        "{}, at most {} runs in one; {} without a run.",
        words::counted(weeks.len(), "week", "weeks"),
        words::count(most),
        words::count(empty as u64)
    );
    let chart = CoverageChart { weeks, window: analysis.window };
    Ok(Some(shelf.chart(&chart, ("coverage", "weeks"), ("Runs a week".to_owned(), desc), table)?))
}

/// The overhead common to all tasks.
pub(super) fn overhead_chart(analysis: &Analysis, shelf: &mut Shelf<'_>) -> Result<Option<ChartBlock>, Error> {
    let points = &analysis.coverage.overhead;
    let mut values: Vec<f64> = points.iter().map(|p| p.1).filter(|v| v.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    let (Some(least), Some(most)) = (values.first(), values.last()) else { return Ok(None) };
    let desc = format!("Between {} and {} a task.", words::seconds(*least), words::seconds(*most));
    let rows =
        points.iter().map(|(at, s, n)| vec![at.minute_string(), words::seconds(*s), words::count(u64::from(*n))]);
    let table = Table::thinned(
        "Overhead by wall clock (UTC)",
        &["Time", "Overhead a task", "Tasks it rests on"],
        rows.collect(),
    );
    let title = "Overhead common to all tasks, by wall clock".to_owned();
    Ok(Some(shelf.chart(&OverheadChart { points }, ("overhead", "wall"), (title, desc), table)?))
}

/// How it was judged.
pub(crate) fn method(analysis: &Analysis, version: &str) -> Vec<Fact> {
    let alarms = &analysis.false_alarms;
    let quantities: Vec<&str> = alarms.quantities.iter().map(|q| q.label()).collect();
    let version = if version.is_empty() { words::UNKNOWN.to_owned() } else { words::visible(version) };
    vec![
        Fact::new(
            "False alarms",
            format!("at most {} % of findings", words::number(alarms.false_discovery_rate * 100.0)),
        )
        .noted(words::visible(&alarms.note)),
        Fact::new("Tested together", words::counted(alarms.series_tested, "series", "series"))
            .noted(quantities.join(", ")),
        Fact::new("As of", format!("{} UTC", analysis.as_of.minute_string()))
            .noted("the last instant in the history, unless it was named"),
        Fact::new("Window", words::dates(&analysis.window)),
        Fact::new("Baseline", words::dates(&analysis.baseline))
            .noted("held against the window where a run's seconds are told, and where nothing was found"),
        Fact::new("Seed", analysis.seed.to_string()).noted("same history, seed and version: same report"),
        Fact::new("Windtunnel", version),
    ]
}

/// First and last instant; the day once where it is the same.
fn span(span: Option<(Timestamp, Timestamp)>) -> String {
    let Some((first, last)) = span else { return words::UNKNOWN.to_owned() };
    match first.date_string() == last.date_string() {
        true => format!("{} to {}", first.minute_string(), &last.minute_string()[11..]),
        false => format!("{} to {}", first.date_string(), last.date_string()),
    }
}

fn axis(axis: Axis) -> &'static str {
    match axis {
        Axis::Logical => "logical date",
        Axis::Wall => "wall clock",
    }
}

fn full(caption: &str, head: &[&str], rows: Vec<Vec<String>>) -> Table {
    Table { caption: caption.to_owned(), head: head.iter().map(|h| (*h).to_owned()).collect(), rows, note: None }
}
