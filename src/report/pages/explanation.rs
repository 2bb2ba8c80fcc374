//! Pages of `explain`: of one run, where its seconds went; of many, which tasks and limits decide how long they take.

use super::{
    page,
    view::{Figure, Section, Table, View},
};
use crate::{
    analysis::{DagView, GanttBar},
    model::{Deployment, EdgeSource, Text, Timestamp},
    report::{
        Error, Image, Options, RenderedReport,
        chart::{self, GanttChart, HoursChart, Label},
        words,
    },
    stats::Estimate,
};

/// Seconds of waiting below which no picture is worth its place.
const LITTLE: f64 = 60.0;
/// Rows of the table of tasks.
const MAX_TASKS: usize = 40;

/// What other runs took, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UsualSeconds {
    /// Median.
    pub median: f64,
    /// From.
    pub low: f64,
    /// To.
    pub high: f64,
    /// Runs.
    pub n: usize,
}

/// A stretch of a run's critical path.
#[derive(Clone, Debug, PartialEq)]
pub struct PathPart {
    /// Task, with its map index; none before the first and after the last.
    pub task: Option<String>,
    /// What it was.
    pub kind: String,
    /// Seconds from the run's start.
    pub at_s: f64,
    /// How long.
    pub seconds: f64,
    /// In other runs.
    pub usual: Option<UsualSeconds>,
    /// Longer than in nearly all of them.
    pub unusual: bool,
    /// Limits that were full meanwhile, and for how many seconds.
    pub blocked: Vec<(String, f64)>,
}

/// One run, explained.
#[derive(Clone, Debug, PartialEq)]
pub struct ExplanationResults {
    /// DAG.
    pub dag: String,
    /// Run.
    pub run_id: String,
    /// How it ended.
    pub state: String,
    /// Seconds.
    pub duration_s: f64,
    /// Of other runs.
    pub usual: Option<UsualSeconds>,
    /// Seconds from when it was due to its end.
    pub landed_s: Option<f64>,
    /// The deadline, seconds past it, how many of the last runs missed it.
    pub deadline: Option<(f64, Option<f64>, usize, usize)>,
    /// Its path, first to last.
    pub parts: Vec<PathPart>,
    /// What it warned of.
    pub warnings: Vec<String>,
}

/// A task over many runs.
#[derive(Clone, Debug, PartialEq)]
pub struct DecidingTask {
    /// Task.
    pub task: String,
    /// Runs that have it, and those in which it was on the critical path.
    pub runs: (usize, usize),
    /// Mean seconds of the path that are its.
    pub on_path_s: f64,
    /// Median slack.
    pub slack_s: f64,
    /// Makespans with it taking no time, over those with it.
    pub at_zero: Option<Estimate>,
}

/// What tasks waited for.
#[derive(Clone, Debug, PartialEq)]
pub struct WaitedFor {
    /// Limit.
    pub limit: String,
    /// Seconds.
    pub seconds: f64,
    /// Task instances that did.
    pub instances: usize,
    /// By hour of the week, from Monday 00:00 UTC.
    pub by_hour_s: Vec<f64>,
}

/// Many runs, explained.
#[derive(Clone, Debug, PartialEq)]
pub struct OverviewResults {
    /// DAG.
    pub dag: String,
    /// Runs.
    pub runs: usize,
    /// Mean seconds of them.
    pub mean_s: f64,
    /// Tasks, those that take most of the path first.
    pub tasks: Vec<DecidingTask>,
    /// What was waited for, longest first.
    pub waits: Vec<WaitedFor>,
    /// Seconds in which any limit was full, by hour of the week.
    pub full_by_hour_s: Vec<f64>,
    /// Commands to try, and what they bring.
    pub next: Vec<(String, Estimate)>,
    /// Seconds until the runs under way are done.
    pub backlog: Option<(usize, Option<Estimate>)>,
    /// What the replay is off.
    pub model_error: Option<Estimate>,
    /// What it warned of.
    pub warnings: Vec<String>,
}

/// Renders the explanation of a run.
///
/// # Errors
/// None that depends on the data.
pub fn render_explanation(of: &ExplanationResults, options: &Options) -> Result<RenderedReport, Error> {
    let (dag, run) = (words::visible(&of.dag), words::visible(&of.run_id));
    chart::load_font()?;
    let longer = of.usual.is_some_and(|usual| of.duration_s > usual.high);
    let mut images = Vec::new();
    let sections = vec![result(of), path(of, &mut images)?];
    let class = if longer { "worse" } else { "calm" };
    rendered(
        options,
        format!("Why {dag}, {run}, took so long"),
        sentence(of),
        (class, &of.warnings),
        (sections, images),
    )
}

/// Renders what decides how long runs of a DAG take.
///
/// # Errors
/// None that depends on the data.
pub fn render_overview(of: &OverviewResults, options: &Options) -> Result<RenderedReport, Error> {
    chart::load_font()?;
    let mut images = Vec::new();
    let sections = vec![tasks(of), waits(of, &mut images)?];
    let most = of.tasks.first().map_or_else(String::new, |task| {
        format!(
            "Of a mean run of {}, {} are {}'s, which is on the critical path in {} of {} runs.",
            words::seconds(of.mean_s),
            words::seconds(task.on_path_s),
            words::visible(&task.task),
            task.runs.1,
            task.runs.0
        )
    });
    let title = format!("What decides how long {} takes", words::visible(&of.dag));
    rendered(options, title, most, ("calm", &of.warnings), (sections, images))
}

fn rendered(
    options: &Options,
    title: String,
    sentence: String,
    (class, warnings): (&'static str, &[String]),
    (sections, images): (Vec<Section>, Vec<Image>),
) -> Result<RenderedReport, Error> {
    let view = View {
        title: options.title.clone().unwrap_or(title),
        sentence,
        class,
        warnings: warnings.to_vec(),
        sections,
        how: "What it is",
        method: vec![
            "The critical path is walked back from the run's last end: before each task stands the last end among those it waits for. Each second of the run is told once.".to_owned(),
            "Usual is the median of up to thirty runs before, and where these are few of those after; of fewer than five nothing is said.".to_owned(),
            "What a task is worth, and what a change brings, is a replay of the whole history by Airflow's rules with that change, run by run over the replay without it.".to_owned(),
        ],
        version: options.version.clone(),
        ..View::default()
    };
    let (html, markdown) = (page::html(&view)?, page::markdown(&view, options.image_base.as_deref()));
    Ok(RenderedReport { html, markdown, images })
}

fn sentence(of: &ExplanationResults) -> String {
    let took = words::seconds(of.duration_s);
    let Some(usual) = of.usual else { return format!("It took {took}; too few other runs to say what is usual.") };
    let more = of.duration_s - usual.median;
    let most = of.parts.iter().filter_map(|part| Some((part, part.seconds - part.usual?.median)));
    let most = most.max_by(|a, b| a.1.total_cmp(&b.1)).filter(|_| more > 0.0);
    let most = most.map_or_else(String::new, |(part, seconds)| {
        let task = part.task.as_deref().map_or_else(|| "no task".to_owned(), words::visible);
        let kind = part.kind.replace('_', " ");
        format!(" The largest part of that: {task}, {kind}, {} more than usual.", words::seconds(seconds))
    });
    let than = if more < 0.0 { "less" } else { "more" };
    format!("It took {took}, {} {than} than usual.{most}", words::seconds(more.abs()))
}

fn range(usual: Option<UsualSeconds>) -> String {
    usual.map_or_else(String::new, |usual| {
        format!(
            "{} ({} to {}, {})",
            words::seconds(usual.median),
            words::seconds(usual.low),
            words::seconds(usual.high),
            words::counted(usual.n, "run", "runs")
        )
    })
}

fn result(of: &ExplanationResults) -> Section {
    let mut rows = vec![
        vec!["state".to_owned(), of.state.clone()],
        vec!["took".to_owned(), words::seconds(of.duration_s)],
        vec!["usually".to_owned(), range(of.usual)],
    ];
    rows.extend(of.landed_s.map(|landed| vec!["ended after it was due by".to_owned(), words::signed_seconds(landed)]));
    if let Some((deadline, late, missed, all)) = of.deadline {
        let kept = match late {
            Some(late) if late > 0.0 => format!("missed by {}", words::seconds(late)),
            Some(late) => format!("kept with {} to spare", words::seconds(-late)),
            None => "not over yet".to_owned(),
        };
        let text = format!("{kept}; {missed} of the last {} missed it", words::counted(all, "run", "runs"));
        rows.push(vec![format!("deadline of {}", words::seconds(deadline)), text]);
    }
    section("result", "The run", vec![Table { title: "Figures", head: vec!["figure", "value"], rows }])
}

fn section(id: &'static str, title: &str, tables: Vec<Table>) -> Section {
    Section { id, title: title.to_owned(), sentence: String::new(), figures: Vec::new(), tables, notes: Vec::new() }
}

fn path(of: &ExplanationResults, images: &mut Vec<Image>) -> Result<Section, Error> {
    let mut gantt: Vec<GanttBar> = Vec::new();
    let mut queued = None;
    for part in &of.parts {
        let Some(task) = &part.task else { continue };
        match part.kind.as_str() {
            "running" | "failed_try" => gantt.push(GanttBar {
                task_id: Text::from(task.as_str()),
                map_index: -1,
                try_number: None,
                queued_s: queued.take(),
                started_s: part.at_s,
                ended_s: part.at_s + part.seconds,
                state: if part.kind == "running" { "success" } else { "failed" }.to_owned(),
                critical: true,
            }),
            _ => queued = queued.or(Some(part.at_s)),
        }
    }
    let dag = DagView {
        deployment: Deployment::default(),
        dag_id: of.dag.as_str().into(),
        run_id: of.run_id.as_str().into(),
        started_at: Timestamp::from_micros(0),
        duration_s: of.duration_s,
        gantt,
        critical_path: Vec::new(),
        edges_from: EdgeSource::Serialized,
        edges: Vec::new(),
    };
    let chart = GanttChart::new(&dag);
    let (title, desc) = ("The critical path", "From the run's start; pale is what a task waited and was queued.");
    let label = Label { id: "path", title, desc };
    images.push(Image { name: "critical-path.png".to_owned(), bytes: chart::to_png(&chart, &label)? });
    let row = |part: &PathPart| {
        let blocked = |(limit, seconds): &(String, f64)| format!("{limit} {}", words::seconds(*seconds));
        vec![
            words::seconds(part.at_s),
            part.task.clone().unwrap_or_default(),
            part.kind.replace('_', " "),
            words::seconds(part.seconds),
            range(part.usual),
            if part.unusual { "less than this".to_owned() } else { String::new() },
            part.blocked.iter().map(blocked).collect::<Vec<String>>().join(", "),
        ]
    };
    let rows: Vec<Vec<String>> = of.parts.iter().map(row).collect();
    let figure = Figure {
        svg: chart::to_svg(&chart, &label)?,
        image: "critical-path.png".to_owned(),
        head: vec!["from", "task", "what", "took", "usually", "in 95 of 100", "full meanwhile"],
        rows: rows.clone(),
        title: title.to_owned(),
        desc: desc.to_owned(),
    };
    let head = vec!["from", "task", "what", "took", "usually", "in 95 of 100", "full meanwhile"];
    let table = Table { title: "Each second once", head, rows };
    Ok(Section { figures: vec![figure], ..section("path", "Where its seconds went", vec![table]) })
}

fn tasks(of: &OverviewResults) -> Section {
    let row = |task: &DecidingTask| {
        let worth = task.at_zero.as_ref().map_or_else(String::new, changed);
        vec![
            task.task.clone(),
            format!("{} of {}", task.runs.1, task.runs.0),
            words::seconds(task.on_path_s),
            words::seconds(task.slack_s),
            worth,
        ]
    };
    let head = vec!["task", "critical in", "of the path", "slack", "were it nothing"];
    let rows = of.tasks.iter().take(MAX_TASKS).map(row).collect();
    let mut tables = vec![Table { title: "Tasks", head, rows }];
    if !of.next.is_empty() {
        let rows = of.next.iter().map(|(command, ratio)| vec![command.clone(), changed(ratio)]).collect();
        tables.push(Table { title: "What to try, and what a replay says of it", head: vec!["command", "runs"], rows });
    }
    let mut notes: Vec<String> = Vec::new();
    if let Some(error) = &of.model_error {
        notes.push(format!("The replay is {:.1} % off in the median run.", error.point * 100.0));
    }
    if let Some((runs, done)) = &of.backlog {
        let done = done.as_ref().map_or_else(
            || "never, as things are".to_owned(),
            |done| {
                let (low, high) = (words::seconds(done.lower), words::seconds(done.upper));
                format!("in {} ({low} to {high} in {:.0} of 100)", words::seconds(done.point), done.level * 100.0)
            },
        );
        notes.push(format!("{} under way by the record: done {done}.", words::counted(*runs, "run", "runs")));
    }
    Section { notes, ..section("tasks", "Tasks that decide", tables) }
}

fn changed(ratio: &Estimate) -> String {
    let [point, low, high] = [ratio.point, ratio.lower, ratio.upper].map(words::change);
    format!("{point} ({low} to {high})")
}

fn waits(of: &OverviewResults, images: &mut Vec<Image>) -> Result<Section, Error> {
    let row = |wait: &WaitedFor| {
        let what = match wait.limit.as_str() {
            "scheduler_loop" => "the scheduler (nothing was full)".to_owned(),
            "scheduler_down" => "the scheduler (it was down)".to_owned(),
            "executor" => "the executor (queued to started)".to_owned(),
            limit => format!("{limit} (full)"),
        };
        vec![what, words::seconds(wait.seconds), words::count(wait.instances as u64)]
    };
    let rows = of.waits.iter().map(row).collect();
    let table = Table { title: "By limit", head: vec!["what", "in all", "task instances"], rows };
    let executor = of.waits.iter().find(|wait| wait.limit == "executor").map(|wait| wait.by_hour_s.as_slice());
    let maps = [
        ("full", "Waiting for a full limit, by hour of the week, UTC", Some(of.full_by_hour_s.as_slice())),
        ("executor", "Waiting for the executor, by hour of the week, UTC", executor),
    ];
    let mut figures = Vec::new();
    for (id, title, hours) in maps {
        let Some(seconds) = hours.filter(|hours| hours.iter().sum::<f64>() >= LITTLE) else { continue };
        let chart = HoursChart { seconds };
        let desc = format!(
            "{title}: the stronger, the more seconds task instances waited in that hour, in the whole history."
        );
        let label = Label { id, title, desc: &desc };
        let image = format!("hours-{id}.png");
        images.push(Image { name: image.clone(), bytes: chart::to_png(&chart, &label)? });
        let waited = seconds.iter().enumerate().filter(|(_, seconds)| **seconds > 0.0);
        let rows = waited.map(|(hour, seconds)| vec![words::hour_of_week(hour), words::seconds(*seconds)]).collect();
        figures.push(Figure {
            svg: chart::to_svg(&chart, &label)?,
            image,
            head: vec!["hour", "waited"],
            rows,
            title: title.to_owned(),
            desc,
        });
    }
    Ok(Section { figures, ..section("waits", "What tasks waited for", vec![table]) })
}
