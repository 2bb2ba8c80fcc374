//! One run, for people.

use super::{Blocked, Context, OneRun};
use crate::{
    analysis::{Explained, Explanation, StretchKind, Usual},
    cli::{
        command::{lake::new_table, simulate::seconds_in_words as length, summary::counted},
        console::line,
    },
    model::RunState,
};
use comfy_table::CellAlignment;

/// Within this share of the usual it is about as usual.
const ABOUT: f64 = 0.05;
/// Share of a wait from which on a limit is told, and seconds of one from which on it is said that none was full.
const TOLD: f64 = 0.25;
const LONG: f64 = 5.0;
/// Parts that are told to be most of what was more.
const CULPRITS: usize = 3;
/// Share of the run from which on more than usual is worth a line.
const MUCH: f64 = 0.01;

pub(super) fn text(context: &Context<'_>, one: &OneRun<'_>) -> String {
    let Explanation { run, seconds, usual, .. } = &one.explanation;
    let state = run.state.as_ref().map_or("unknown", RunState::as_str);
    let mut text = format!("{}, {}\n\n", line(&run.dag_id), line(&run.run_id));
    text.push_str(&format!("  {:<9} after {}{}\n", line(state), length(*seconds), beside(*seconds, usual.as_ref())));
    if let Some((waited, usual)) = one.explanation.waited.as_ref().filter(|(waited, _)| *waited >= 1.0) {
        text.push_str(&format!("  before    waited {} to begin{}\n", length(*waited), beside(*waited, usual.as_ref())));
    }
    if let Some((landed, usual)) = one.explanation.landing.as_ref().filter(|_| one.explanation.is_over) {
        text.push_str(&format!(
            "  landed    {} after it was due{}\n",
            length(*landed),
            beside(*landed, usual.as_ref())
        ));
    }
    if let Some(landing) = &one.landing {
        let deadline = length(landing.deadline_s);
        let kept = match landing.late_s {
            Some(late) if late > 0.0 => format!("missed by {}", length(late)),
            Some(early) => format!("kept with {} to spare", length(-early)),
            None => "not over yet".to_owned(),
        };
        let of = counted(landing.of, "run");
        text.push_str(&format!("  deadline  {deadline}: {kept}; {} of the last {of} missed it\n", landing.missed));
    }
    if let Some((task, usual)) = &one.explanation.to_go {
        let (task, rest) = (line(task), length(usual.median));
        text.push_str(&format!("  to go     {rest} after {task} ended\n            ({})\n", range(usual)));
    }
    for task in &one.sla_missed {
        text.push_str(&format!("  SLA       Airflow found that of {} missed\n", line(task)));
    }
    text.push('\n');
    text.push_str(&table(context, one));
    text.push_str(&culprits(&one.explanation));
    text
}

/// ", 12 min more than usual (40 min; 35 to 52 in 90 of 100 of 30 runs)"
fn beside(seconds: f64, usual: Option<&Usual>) -> String {
    let Some(usual) = usual else { return "; too few other runs to say what is usual".to_owned() };
    let more = seconds - usual.median;
    let than = if more.abs() < ABOUT * usual.median.max(1.0) {
        "about as usual".to_owned()
    } else {
        format!("{} {} than usual", length(more.abs()), if more > 0.0 { "more" } else { "less" })
    };
    format!(", {than}\n            (usually {}; {})", length(usual.median), range(usual))
}

/// Where most of the other runs lay.
fn range(usual: &Usual) -> String {
    let (low, high, of) = (length(usual.low), length(usual.high), counted(usual.n, "other run"));
    if usual.is_of_few() {
        format!("{low} to {high} in all of {of}")
    } else {
        format!("{low} to {high} in 90 of 100 of {of}")
    }
}

/// A line for each stay of a task on the path: what it waited, was queued, and ran.
fn table(context: &Context<'_>, one: &OneRun<'_>) -> String {
    let Explanation { run, parts, .. } = &one.explanation;
    let mut table = new_table(context.console.width());
    table.set_header(["at", "task", "waited", "queued", "ran", "more", "why"]);
    let mut at = 0;
    while at < parts.len() {
        let stay = stay(&parts[at..]);
        let (of, blocked) = (&parts[at..at + stay], &one.blocked[at..at + stay]);
        at += stay;
        let seconds = |kinds: &[StretchKind]| {
            let of_kind = of.iter().filter(|part| kinds.contains(&part.kind));
            let sum: f64 = of_kind.map(|part| part.seconds).sum();
            if sum > 0.0 { length(sum) } else { String::new() }
        };
        let begun = run.started_at.map_or(0.0, |start| of[0].from.seconds_since(start));
        let more: f64 = of.iter().filter_map(Explained::more).sum();
        let known = of.iter().any(|part| part.usual.is_some());
        let mut shown = if known { signed(more) } else { String::new() };
        if of.iter().any(Explained::is_unusual) && more >= MUCH * one.explanation.seconds {
            shown.push_str(" !");
        }
        table.add_row([
            format!("+{}", length(begun)),
            name(&of[0]),
            seconds(&[StretchKind::Waiting, StretchKind::Sensing, StretchKind::RetryDelay, StretchKind::Idle]),
            seconds(&[StretchKind::Queued]),
            seconds(&[StretchKind::Running, StretchKind::FailedTry]),
            shown,
            why(of, blocked),
        ]);
    }
    for column in [0, 2, 3, 4, 5] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    format!("{table}\n")
}

/// How many parts belong together: of one task instance, up to the end of a try.
fn stay(parts: &[Explained]) -> usize {
    let same = |part: &&Explained| (&part.task_id, part.map_index) == (&parts[0].task_id, parts[0].map_index);
    let of_task = parts.iter().take_while(same).count();
    let ends = |part: &Explained| matches!(part.kind, StretchKind::Running | StretchKind::FailedTry);
    parts[..of_task].iter().position(ends).map_or(of_task, |end| end + 1)
}

fn name(part: &Explained) -> String {
    let task = part.task_id.as_deref().map(line).unwrap_or_default();
    if part.map_index >= 0 { format!("{task}[{}]", part.map_index) } else { task }
}

/// What it waited for, if for anything but the scheduler; and what became of the try.
fn why(of: &[Explained], blocked: &[Vec<Blocked>]) -> String {
    let failed = of.iter().any(|part| part.kind == StretchKind::FailedTry);
    let waiting = of.iter().zip(blocked).filter(|(part, _)| part.kind == StretchKind::Waiting);
    let full = waiting.filter_map(|(part, blocked)| {
        let most = blocked.iter().find(|blocked| blocked.limit != "scheduler_loop");
        let most = most.filter(|most| most.seconds >= TOLD * part.seconds);
        match most {
            Some(most) if most.limit == "scheduler_down" => Some("scheduler down".to_owned()),
            Some(most) => Some(line(&most.limit)),
            // With room everywhere it waits for the loop, behind others.
            None => (part.seconds >= LONG).then(|| "scheduler".to_owned()),
        }
    });
    let sensed = of.iter().any(|part| part.kind == StretchKind::Sensing).then(|| "sensor".to_owned());
    full.chain(sensed).chain(failed.then(|| "try failed".to_owned())).collect::<Vec<String>>().join(", ")
}

fn signed(seconds: f64) -> String {
    format!("{}{}", if seconds < 0.0 { "-" } else { "+" }, length(seconds.abs()))
}

/// What was most of it.
fn culprits(explanation: &Explanation) -> String {
    let Some(of_few) = explanation.parts.iter().find_map(|part| part.usual).map(|usual| usual.is_of_few()) else {
        return String::new();
    };
    let which = if of_few { "in all other runs" } else { "in 95 of 100 other runs" };
    let much = |part: &&Explained| part.is_unusual() && part.more() >= Some(MUCH * explanation.seconds);
    let mut unusual: Vec<&Explained> = explanation.parts.iter().filter(much).collect();
    unusual.sort_by(|a, b| b.more().unwrap_or(0.0).total_cmp(&a.more().unwrap_or(0.0)));
    let told = unusual.iter().take(CULPRITS).map(|part| {
        let what = part.kind.as_str().replace('_', " ");
        format!("  {:>10} more: {} {what}\n", length(part.more().unwrap_or(0.0)), name(part))
    });
    let told: String = told.collect();
    if told.is_empty() {
        return format!("\n  no part took much longer than {which}\n");
    }
    format!(
        "\n  longer than {which} (!), the most of them\n{told}  why: a limit that was full; scheduler: none was, others went first or its loop\n  was late; sensor: what it looked for was not there\n"
    )
}
