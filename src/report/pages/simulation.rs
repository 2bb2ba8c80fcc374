//! The page of a simulation: how long, what no order can beat, what ran when, and how far the model is off.

use super::{
    page,
    view::{Figure, Section, Table, View},
};
use crate::{
    analysis::{DagView, GanttBar},
    model::{Deployment, EdgeSource, Text, Timestamp},
    report::{
        Error, Image, Options, RenderedReport,
        chart::{self, CurveChart, GanttChart, Label},
        words,
    },
    stats::{Estimate, as_good, knee},
};
use std::collections::BTreeSet;

/// Error of a replay from which on its what-ifs are not to be trusted.
const LARGE_ERROR: f64 = 0.1;
/// Rows of the table of tasks.
const MAX_TASKS: usize = 60;

/// A task of a simulated run, in seconds from the run's start.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedTask {
    /// Task, with its map index.
    pub task_id: String,
    /// From.
    pub start_s: f64,
    /// To.
    pub end_s: f64,
    /// Slot, from 0.
    pub slot: u32,
}

/// A limit as it was tried.
#[derive(Clone, Debug, PartialEq)]
pub struct SweptValue {
    /// Its name.
    pub limit: String,
    /// Its value.
    pub value: u32,
    /// Median makespan in seconds; `None` where it never ends.
    pub makespan_s: Option<f64>,
    /// Makespans over those of the record.
    pub ratio: Option<Estimate>,
}

/// When a backlog is worked off.
#[derive(Clone, Debug, PartialEq)]
pub struct BacklogResult {
    /// Runs under way, and runs added.
    pub runs: (usize, u32),
    /// Task instances to go.
    pub tasks: usize,
    /// The last recorded instant.
    pub now: String,
    /// Seconds until all are done; `None` where that never comes.
    pub done_s: Option<Estimate>,
    /// The same with what-ifs.
    pub after_s: Option<Option<Estimate>>,
}

/// What a simulation came to, as a report is handed it.
#[derive(Clone, Debug)]
pub struct SimulationResults {
    /// DAG.
    pub dag: String,
    /// Order.
    pub policy: String,
    /// Where the best order came from.
    pub order_from: Option<String>,
    /// What is otherwise, in words.
    pub what_ifs: Vec<String>,
    /// Slots.
    pub slots: u32,
    /// Seconds; `None` where it never ends.
    pub makespan_s: Option<f64>,
    /// Seconds that no order can beat.
    pub lower_bound_s: f64,
    /// Seconds of all tasks.
    pub work_s: f64,
    /// Seconds of the longest way.
    pub critical_path_s: f64,
    /// Tasks of it.
    pub critical_path: Vec<String>,
    /// Tasks.
    pub tasks: Vec<SimulatedTask>,
    /// Makespan without the what-ifs.
    pub before_s: Option<f64>,
    /// Makespans with the what-ifs over those without, of a history.
    pub ratio: Option<Estimate>,
    /// Recorded against replayed, runs of all DAGs.
    pub model_error: Option<Estimate>,
    /// The same of its own runs.
    pub own_error: Option<Estimate>,
    /// Of the next run.
    pub interval: Option<Estimate>,
    /// Runs of a history.
    pub runs: Option<usize>,
    /// Values of a limit.
    pub sweep: Vec<SweptValue>,
    /// When the runs that are not over will be.
    pub backlog: Option<BacklogResult>,
    /// Seed.
    pub seed: u64,
    /// What it warned of.
    pub warnings: Vec<String>,
}

/// Renders a simulation as a page, as Markdown and as pictures.
///
/// # Errors
/// None that depends on the data.
pub fn render_simulation(simulation: &SimulationResults, options: &Options) -> Result<RenderedReport, Error> {
    chart::load_font()?;
    let mut images = Vec::new();
    let view = view(simulation, options, &mut images)?;
    Ok(RenderedReport {
        html: page::html(&view)?,
        markdown: page::markdown(&view, options.image_base.as_deref()),
        images,
    })
}

fn view(of: &SimulationResults, options: &Options, images: &mut Vec<Image>) -> Result<View, Error> {
    let mut sections = vec![result(of)];
    if !of.sweep.is_empty() {
        sections.push(sweep(of, images)?);
    }
    if !of.tasks.is_empty() {
        sections.push(run(of, images)?);
    }
    let better = of.ratio.as_ref().is_some_and(|ratio| ratio.upper < 1.0)
        || (of.ratio.is_none() && of.before_s.zip(of.makespan_s).is_some_and(|(before, after)| after < before));
    Ok(View {
        title: options.title.clone().unwrap_or_else(|| format!("Simulation of {}", words::visible(&of.dag))),
        sentence: sentence(of),
        class: if better { "better" } else { "calm" },
        warnings: of.warnings.clone(),
        sections,
        how: "What it is",
        method: method(of),
        version: options.version.clone(),
        ..View::default()
    })
}

fn sentence(of: &SimulationResults) -> String {
    let Some(makespan) = of.makespan_s else {
        return "It never ends: a task needs more slots than there are.".to_owned();
    };
    let median = if of.runs.is_some() { "The median run takes" } else { "It takes" };
    let took = format!("{median} {}", words::seconds(makespan));
    match (of.before_s, &of.ratio) {
        (Some(before), Some(ratio)) => format!(
            "{took} instead of {}: {} run by run, {} to {} in 95 of 100.",
            words::seconds(before),
            words::change(ratio.point),
            words::change(ratio.lower),
            words::change(ratio.upper)
        ),
        (Some(before), None) => {
            format!("{took} instead of {}: {}.", words::seconds(before), words::change(makespan / before))
        }
        (None, _) => format!("{took}; no order can beat {}.", words::seconds(of.lower_bound_s)),
    }
}

fn result(of: &SimulationResults) -> Section {
    let order = match of.order_from.as_deref() {
        Some(from) if from != of.policy => format!("{}: {from}", of.policy),
        _ => of.policy.clone(),
    };
    let mut rows: Vec<Vec<String>> = of.what_ifs.iter().map(|one| vec!["what if".to_owned(), one.clone()]).collect();
    rows.extend([
        vec!["order".to_owned(), order],
        vec!["slots".to_owned(), words::count(u64::from(of.slots))],
        vec!["no order can beat, median run".to_owned(), words::seconds(of.lower_bound_s)],
        vec!["work of all tasks".to_owned(), words::seconds(of.work_s)],
        vec!["critical path".to_owned(), words::seconds(of.critical_path_s)],
    ]);
    if let Some(interval) = &of.interval {
        let range = format!("{} to {}", words::seconds(interval.lower), words::seconds(interval.upper));
        rows.push(vec![format!("next run, {:.0} of 100", interval.level * 100.0), range]);
    }
    if let Some(backlog) = &of.backlog {
        rows.extend(backlog_rows(backlog));
    }
    if let Some(error) = &of.model_error {
        let percent = |share: f64| format!("{:.1} %", share * 100.0);
        let told = format!(
            "{} ({} to {}, {})",
            percent(error.point),
            percent(error.lower),
            percent(error.upper),
            words::counted(error.n, "run", "runs")
        );
        rows.push(vec!["the replay of what really happened is off by".to_owned(), told]);
        let own = of.own_error.as_ref();
        rows.extend(own.map(|own| vec!["that of its own runs".to_owned(), percent(own.point)]));
    }
    let shaky = of.model_error.as_ref().is_some_and(|error| error.point > LARGE_ERROR);
    Section {
        id: "result",
        title: "The result".to_owned(),
        sentence: String::new(),
        figures: Vec::new(),
        tables: vec![Table { title: "Figures", head: vec!["figure", "value"], rows }],
        notes: shaky
            .then(|| "The replay of the record is more than 10 % off: what-ifs are no better.".to_owned())
            .into_iter()
            .collect(),
    }
}

fn backlog_rows(of: &BacklogResult) -> Vec<Vec<String>> {
    let (under_way, added) = of.runs;
    let what = format!(
        "{} under way at {} UTC{}: {} to go, done",
        words::counted(under_way, "run", "runs"),
        // Up to the minute.
        words::visible(&of.now).chars().take(16).collect::<String>().replace('T', " "),
        if added > 0 { format!(", and {added} more") } else { String::new() },
        words::counted(of.tasks, "task instance", "task instances")
    );
    let done = |of: &Option<Estimate>| match of {
        Some(done) => format!(
            "in {} ({} to {} in {:.0} of 100)",
            words::seconds(done.point),
            words::seconds(done.lower),
            words::seconds(done.upper),
            done.level * 100.0
        ),
        None => "never".to_owned(),
    };
    let mut rows = vec![vec![what, done(&of.done_s)]];
    rows.extend(of.after_s.as_ref().map(|after| vec!["the same with the what-ifs".to_owned(), done(after)]));
    rows
}

fn sweep(of: &SimulationResults, images: &mut Vec<Image>) -> Result<Section, Error> {
    let limit = of.sweep.first().map_or(String::new(), |swept| words::visible(&swept.limit));
    let ended: Vec<(f64, f64)> =
        of.sweep.iter().filter_map(|swept| Some((f64::from(swept.value), swept.makespan_s?))).collect();
    // As the command says it: by this DAG's own error where that is known.
    let as_good = as_good(of.own_error.as_ref().or(of.model_error.as_ref()));
    let knee = knee(&ended.iter().map(|(_, seconds)| *seconds).collect::<Vec<f64>>(), as_good);
    let sentence = knee.map_or_else(String::new, |knee| {
        format!(
            "{limit} = {} is the first value within {:.0} % of the best, as far as the replay can tell.",
            ended[knee].0,
            as_good * 100.0
        )
    });
    let title = format!("Median makespan by {limit}");
    let desc = "Each point is a replay of the whole history with that limit; dashed: as it is.";
    let label = Label { id: "sweep", title: &title, desc };
    let chart = CurveChart { points: &ended, knee, now: of.before_s.or(of.makespan_s) };
    images.push(Image { name: "simulation-sweep.png".to_owned(), bytes: chart::to_png(&chart, &label)? });
    let row = |swept: &SweptValue| {
        let change = swept.ratio.as_ref().map_or_else(String::new, |ratio| {
            let [point, low, high] = [ratio.point, ratio.lower, ratio.upper].map(words::change);
            format!("{point} ({low} to {high})")
        });
        vec![swept.value.to_string(), swept.makespan_s.map_or_else(|| "never ends".to_owned(), words::seconds), change]
    };
    let figure = Figure {
        svg: chart::to_svg(&chart, &label)?,
        image: "simulation-sweep.png".to_owned(),
        head: vec!["value", "median makespan", "run by run against the record"],
        rows: of.sweep.iter().map(row).collect(),
        desc: desc.to_owned(),
        title,
    };
    Ok(Section {
        id: "curve",
        title: format!("How much of {limit} is enough"),
        sentence,
        figures: vec![figure],
        tables: Vec::new(),
        notes: Vec::new(),
    })
}

fn run(of: &SimulationResults, images: &mut Vec<Image>) -> Result<Section, Error> {
    let critical: BTreeSet<&str> = of.critical_path.iter().map(String::as_str).collect();
    // Mapped instances stand under their task's name with an index behind it.
    let is_critical = |task: &str| critical.contains(task) || critical.contains(task.split('[').next().unwrap_or(task));
    let bar = |task: &SimulatedTask| GanttBar {
        task_id: Text::from(task.task_id.as_str()),
        map_index: -1,
        try_number: None,
        queued_s: None,
        started_s: task.start_s,
        ended_s: task.end_s,
        state: "success".to_owned(),
        critical: is_critical(&task.task_id),
    };
    let end = of.tasks.iter().map(|task| task.end_s).fold(0.0, f64::max);
    let dag = DagView {
        deployment: Deployment::default(),
        dag_id: of.dag.as_str().into(),
        run_id: "simulated".into(),
        started_at: Timestamp::from_micros(0),
        duration_s: end,
        gantt: of.tasks.iter().map(bar).collect(),
        critical_path: of.critical_path.iter().map(|task| task.as_str().into()).collect(),
        edges_from: EdgeSource::Serialized,
        edges: Vec::new(),
    };
    let chart = GanttChart::new(&dag);
    let title = if of.runs.is_some() { "The last run, replayed" } else { "The run" };
    let left = chart.left_out();
    let desc = if left > 0 {
        format!("Those of the critical path and the longest; {} more are not drawn.", words::count(left as u64))
    } else {
        "From the run's start; the critical path is the longest way by what tasks take, their waits left out."
            .to_owned()
    };
    let label = Label { id: "gantt", title, desc: &desc };
    images.push(Image { name: "simulation-gantt.png".to_owned(), bytes: chart::to_png(&chart, &label)? });
    let row = |task: &SimulatedTask| {
        vec![task.task_id.clone(), words::seconds(task.start_s), words::seconds(task.end_s), task.slot.to_string()]
    };
    let figure = Figure {
        svg: chart::to_svg(&chart, &label)?,
        image: "simulation-gantt.png".to_owned(),
        head: vec!["task", "from", "to", "slot"],
        rows: of.tasks.iter().take(MAX_TASKS).map(row).collect(),
        title: title.to_owned(),
        desc,
    };
    Ok(Section {
        id: "run",
        title: title.to_owned(),
        sentence: String::new(),
        figures: vec![figure],
        tables: Vec::new(),
        notes: vec![format!("Critical path: {}", path(&of.critical_path))],
    })
}

fn path(tasks: &[String]) -> String {
    let shown: Vec<String> = tasks.iter().take(MAX_TASKS).map(|task| words::visible(task)).collect();
    let more = tasks.len().saturating_sub(MAX_TASKS);
    let rest = if more > 0 { format!(" → and {more} more") } else { String::new() };
    format!("{}{rest}", shown.join(" → "))
}

fn method(of: &SimulationResults) -> Vec<String> {
    let mut lines = Vec::new();
    match of.runs {
        Some(runs) => lines.extend([
            format!("The whole recorded history of this Airflow replayed by the rules of its scheduler; figures are medians of {}.", words::counted(runs, "run", "runs")),
            "Taken from the record: when runs were made, and how long attempts, starts and pauses took. What comes of the rules: when tasks are scheduled and queued.".to_owned(),
            "The floor is the longest way through a run, or its work shared by all slots; the interval is that of recent runs around what was forecast for them.".to_owned(),
        ]),
        None => lines.push("One slot a task, no other limit and no delay; ties by the task's place in the file.".to_owned()),
    }
    lines.push(format!("Seed {}.", of.seed));
    lines
}
