//! `simulate`: a DAG in virtual time, as it is and with what-ifs.

use super::{Context, summary::counted};
use crate::{
    cli::{
        args::{PolicyOption, Simulate},
        console::line,
        exit::{Error, Outcome},
        wire::simulate::{Document, Simulated},
    },
    engine::scheduler::{Policy, WeightRule},
    ingest::read_workflow,
    model::{Graph, Workflow},
    replay::simulate::{Order, Scenario, bounds, critical_path, simulate},
};
use std::path::Path;

mod history_text;
mod lake;
mod shared;

pub(super) use history_text::ahead_text;
use lake::Tried;
pub(super) use lake::of_backlog;
pub(in crate::cli) use lake::{BacklogDone, LARGE_ERROR, Simulation, lower_bound};

/// Slots where none are said: Airflow's default `parallelism`.
const SLOTS: u32 = 32;
/// Names that a message lists.
const SHOWN: usize = 8;
/// Tasks of a critical path that are shown, and characters of a line of it.
const MOST_ON_WAY: usize = 40;
const WAY_WIDTH: usize = 74;

pub(super) fn run(context: &Context<'_>, args: &Simulate) -> Result<Outcome, Error> {
    if Path::new(&args.dag).is_dir() {
        return shared::run(context, args);
    }
    if !is_file(&args.dag) {
        return lake::run(context, args);
    }
    let workflow = read_workflow(Path::new(&args.dag))?;
    let changed = what_if(&workflow, args)?;
    let (slots, seed) = (args.slots.unwrap_or(SLOTS), context.seed());
    let order = order(args.policy)
        .ok_or_else(|| Error::Usage("--policy fair is across DAGs: name a folder of them with --dag".into()))?;
    let before = simulated(&workflow, slots, order, seed);
    let after = changed.as_ref().map(|changed| simulated(changed, slots, order, seed));
    let (before, after) = after.as_ref().map_or((None, &before), |after| (Some(&before), after));
    let warnings = warnings(&workflow, before, after);
    if context.console.json {
        let settings = (name(order), slots, seed);
        context.console.document(&Document::new(after, before, settings, warnings))?;
    } else {
        warnings.iter().for_each(|warning| context.console.warn(warning));
        context.console.say(&text(before, after, slots, (order, seed)))?;
    }
    Ok(Outcome::Fine)
}

/// A file, or what was meant to be one; else the id of a DAG.
fn is_file(dag: &str) -> bool {
    let named_so = [".json", ".json.gz", ".json.zst"].iter().any(|end| dag.ends_with(end)) || dag.contains('/');
    dag == "-" || named_so || Path::new(dag).is_file()
}

/// The order of one DAG; `None` of what is across DAGs.
fn order(policy: PolicyOption) -> Option<Order> {
    let order = match policy {
        PolicyOption::Fifo => Order::By(Policy::Fifo),
        PolicyOption::Airflow => Order::By(Policy::Airflow(WeightRule::Downstream)),
        PolicyOption::AirflowUpstream => Order::By(Policy::Airflow(WeightRule::Upstream)),
        PolicyOption::AirflowAbsolute => Order::By(Policy::Airflow(WeightRule::Absolute)),
        PolicyOption::Lpt => Order::By(Policy::Lpt),
        PolicyOption::Heft => Order::By(Policy::Heft),
        PolicyOption::Best => Order::Best,
        PolicyOption::Fair => return None,
    };
    Some(order)
}

fn name(order: Order) -> &'static str {
    match order {
        Order::By(policy) => policy.as_str(),
        Order::Best => "best",
    }
}

fn simulated(workflow: &Workflow, slots: u32, order: Order, seed: u64) -> Simulated<'_> {
    let lengths = workflow.lengths();
    let scenario = Scenario::on_slots(workflow.graph.clone(), slots);
    let (schedule, from) = simulate(&scenario, &lengths, &vec![1; lengths.len()], order, seed);
    Simulated {
        workflow,
        schedule,
        bounds: bounds(&scenario, &lengths),
        critical_path: critical_path(&workflow.graph, &lengths),
        order_from: (order == Order::Best).then_some(from),
    }
}

/// The workflow with its what-ifs; `None` where there are none.
fn what_if(workflow: &Workflow, args: &Simulate) -> Result<Option<Workflow>, Error> {
    if args.speedup.is_empty() && args.drop_edge.is_empty() {
        return Ok(None);
    }
    let place = |name: &str| {
        let found = workflow.tasks.iter().position(|task| &*task.task_id == name);
        found.map(|at| at as u32).ok_or_else(|| {
            let near: Vec<&str> = workflow.tasks.iter().take(SHOWN).map(|task| &*task.task_id).collect();
            Error::Usage(format!("no task `{name}` in {}: there are {} ..", workflow.name, near.join(", ")))
        })
    };
    let mut changed = workflow.clone();
    for (task, factor) in &args.speedup {
        let length = &mut changed.tasks[place(task)? as usize].length;
        *length = (*length as f64 / factor).round() as u64;
    }
    let mut dropped = Vec::new();
    for (first, then) in &args.drop_edge {
        let edge = (place(first)?, place(then)?);
        if !workflow.graph.children(edge.0).contains(&edge.1) {
            let after: Vec<&str> =
                workflow.graph.parents(edge.1).iter().map(|p| &*workflow.tasks[*p as usize].task_id).collect();
            let after = if after.is_empty() { "nothing".to_owned() } else { after.join(", ") };
            return Err(Error::Usage(format!("`{then}` does not wait for `{first}` itself: it waits for {after}")));
        }
        dropped.push(edge);
    }
    let graph = &workflow.graph;
    let edges = (0..graph.nodes()).flat_map(|task| graph.children(task).iter().map(move |child| (task, *child)));
    let kept = edges.filter(|edge| !dropped.contains(edge)).collect();
    changed.graph =
        Graph::new(changed.tasks.len(), kept).map_err(|_| Error::Usage("the DAG has a circle".to_owned()))?;
    Ok(Some(changed))
}

fn warnings(workflow: &Workflow, before: Option<&Simulated<'_>>, after: &Simulated<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    if workflow.without_length > 0 {
        let (tasks, have) =
            (counted(workflow.without_length, "task"), if workflow.without_length == 1 { "has" } else { "have" });
        warnings.push(format!("{tasks} {have} no runtime, or one below zero: taken to be 0"));
    }
    // Graham 1969: less work can take longer in the order of a list.
    if before.is_some_and(|before| after.schedule.makespan > before.schedule.makespan) {
        warnings.push(
            "with less to do it takes longer: an anomaly of list schedules (Graham 1969); --policy best does not have it"
                .to_owned(),
        );
    }
    warnings
}

fn text(before: Option<&Simulated<'_>>, after: &Simulated<'_>, slots: u32, (order, seed): (Order, u64)) -> String {
    let workflow = after.workflow;
    let (makespan, bounds) = (after.schedule.makespan as f64, after.bounds);
    let mut text = format!(
        "{}: {}, {} of work, on {} in the order `{}`\n\n",
        line(&workflow.name),
        counted(workflow.tasks.len(), "task"),
        length(bounds.work as f64),
        counted(slots as usize, "slot"),
        name(order),
    );
    text.push_str(&format!("  makespan          {}\n", length(makespan)));
    if let Some(before) = before {
        let was = before.schedule.makespan as f64;
        text.push_str(&format!("  without what-ifs  {}  ({:+.1} %)\n", length(was), (makespan / was - 1.0) * 100.0));
    }
    let path = bounds.critical_path as f64;
    let what = if path >= bounds.lower { "the critical path: more slots do not help" } else { "work over slots" };
    text.push_str(&format!("  no order can beat {}  ({what})\n", length(bounds.tight)));
    if order != Order::Best {
        let best = simulated(workflow, slots, Order::Best, seed).schedule.makespan as f64;
        text.push_str(&format!("  best order found  {}  ({:+.1} %)\n", length(best), (best / makespan - 1.0) * 100.0));
    }
    let names: Vec<String> =
        after.critical_path.iter().map(|task| line(&workflow.tasks[*task as usize].task_id)).collect();
    text.push_str(&format!("  critical path     {}\n{}", length(path), way(&names)));
    text
}

/// Tasks one behind the other, in lines of about sixty characters; of very many the first ones.
fn way(names: &[String]) -> String {
    let mut lines: Vec<String> = vec![String::new()];
    for (at, name) in names.iter().take(MOST_ON_WAY).enumerate() {
        let last = lines.len() - 1;
        let piece = if at == 0 { name.clone() } else { format!("> {name}") };
        if lines[last].is_empty() {
            lines[last] = piece;
        } else if lines[last].chars().count() + piece.chars().count() < WAY_WIDTH {
            lines[last].push(' ');
            lines[last].push_str(&piece);
        } else {
            lines.push(piece);
        }
    }
    if names.len() > MOST_ON_WAY {
        lines.push(format!("> and {} more", names.len() - MOST_ON_WAY));
    }
    lines.iter().map(|line| format!("    {line}\n")).collect()
}

/// Microseconds in words.
fn length(micros: f64) -> String {
    seconds_in_words(micros / 1e6)
}

/// Seconds in words.
pub(super) fn seconds_in_words(seconds: f64) -> String {
    in_unit_of(seconds, seconds)
}

/// Several lengths in words, all in the unit of the longest.
fn in_one_unit<const N: usize>(seconds: [f64; N]) -> [String; N] {
    let longest = seconds.iter().copied().filter(|s| s.is_finite()).fold(0.0, f64::max);
    seconds.map(|s| in_unit_of(s, longest))
}

fn in_unit_of(seconds: f64, unit_of: f64) -> String {
    if seconds.is_infinite() {
        return "never ends".to_owned();
    }
    match unit_of.abs() {
        s if s < 1.0 => format!("{:.0} ms", seconds * 1e3),
        s if s < 300.0 => format!("{seconds:.1} s"),
        s if s < 7_200.0 => format!("{:.1} min", seconds / 60.0),
        s if s < 172_800.0 => format!("{:.2} h", seconds / 3_600.0),
        _ => format!("{:.1} days", seconds / 86_400.0),
    }
}
