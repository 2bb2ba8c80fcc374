//! Many runs, for people.

use super::{Context, NextStep, Overall};
use crate::{
    cli::{
        command::{
            lake::new_table,
            simulate::{ahead_text, seconds_in_words as length},
            summary::counted,
        },
        console::line,
    },
    replay::airflow::{Crowded, Foretold},
};
use comfy_table::CellAlignment;

/// Tasks of the table; the rest decide little.
const MOST_TASKS: usize = 15;
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
/// Eighths of a block, from nothing.
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Seconds of waiting below which no map is worth its lines.
const LITTLE: f64 = 60.0;

pub(super) fn text(context: &Context<'_>, overall: &Overall<'_>) -> String {
    let tasks = &overall.tasks;
    let runs = counted(tasks.runs, "run");
    let mut text = format!("{}: {runs} that ended well, {} in the mean\n\n", line(overall.dag), length(tasks.mean_s));
    if let Some(landing) = &overall.landing {
        let (deadline, of) = (length(landing.deadline_s), counted(landing.of, "run"));
        text.push_str(&format!(
            "  deadline {deadline} after a run was due: {} of the last {of} missed it\n\n",
            landing.missed
        ));
    }
    text.push_str(&critical(context, overall));
    text.push_str(&waits(overall));
    text.push_str(&foretold(&overall.foretold));
    if let Some(backlog) = &overall.backlog {
        text.push('\n');
        text.push_str(&ahead_text(backlog, ""));
    }
    if !overall.next.is_empty() {
        text.push_str("\n  what if? These shorten runs, by a replay of the largest or faster one:\n");
    }
    for NextStep { command, ratio } in &overall.next {
        let percent = |ratio: f64| (ratio - 1.0) * 100.0;
        text.push_str(&format!(
            "    {}\n      {:+.1} % ({:+.1} to {:+.1})\n",
            line(command),
            percent(ratio.point),
            percent(ratio.lower),
            percent(ratio.upper)
        ));
    }
    text
}

/// How well durations could have been foretold.
fn foretold(told: &Foretold) -> String {
    if told.n == 0 {
        return "\n  durations of tasks: too little history to foretell any\n".to_owned();
    }
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let volume = match told.with_volume {
        0 => String::new(),
        n => format!("\n  (of {n} it was known how much they handled)"),
    };
    format!(
        "\n  durations of tasks, each foretold from those before: {} of {} inside 95 %\n  intervals; off by {} in the mean ({} by the last two, {} by the mean of all){volume}\n",
        percent(told.inside as f64 / told.n as f64),
        told.n,
        percent(told.error),
        percent(told.error_of_last_two),
        percent(told.error_of_mean)
    )
}

fn critical(context: &Context<'_>, overall: &Overall<'_>) -> String {
    let tasks = &overall.tasks;
    let mut table = new_table(context.console.width());
    table.set_header(["task", "critical", "on path", "slack", "were it nothing"]);
    for (at, task) in tasks.tasks.iter().enumerate().take(MOST_TASKS) {
        let worth = overall.at_zero.get(at).and_then(Option::as_ref).map_or_else(String::new, |ratio| {
            let percent = |ratio: f64| (ratio - 1.0) * 100.0;
            format!("{:+.1} % ({:+.1} to {:+.1})", percent(ratio.point), percent(ratio.lower), percent(ratio.upper))
        });
        let share = format!("{} of {}", task.critical, task.runs);
        table.add_row([line(&task.task_id), share, length(task.on_path_s), length(task.slack_s), worth]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let left = tasks.tasks.len().saturating_sub(MOST_TASKS);
    let left =
        if left > 0 { format!("  and {} that take less of the path\n", counted(left, "task")) } else { String::new() };
    let idle = length(tasks.idle_s);
    let error = overall.model_error.as_ref().map_or_else(String::new, |error| {
        format!(
            "  were it nothing: {} replayed, limits as recorded; the replay is {:.1} % off;\n  what sensors pause between pokes stays as it was\n",
            counted(overall.replayed, "run"),
            error.point * 100.0
        )
    });
    format!("{table}\n{left}  on path: mean of a run, with its waits; {idle} are no task's\n{error}")
}

fn waits(overall: &Overall<'_>) -> String {
    if overall.waits.is_empty() {
        return "\n  no task that could run ever waited\n".to_owned();
    }
    let mut text = String::from("\n  tasks that could run waited, in all its history, for\n");
    let executor = |limit: &str| limit == "executor";
    let row = |(limit, crowded): &(String, Crowded)| {
        let what = match limit.as_str() {
            "scheduler_loop" => "the scheduler (nothing was full)".to_owned(),
            "scheduler_down" => "the scheduler (it was down)".to_owned(),
            "executor" => "the executor (queued to started)".to_owned(),
            full => format!("{} (full)", line(full)),
        };
        format!("    {what:<34} {:>10}  {}\n", length(crowded.seconds), counted(crowded.instances, "task instance"))
    };
    overall.waits.iter().filter(|(limit, _)| !executor(limit)).for_each(|wait| text.push_str(&row(wait)));
    text.push_str(&format!(
        "    {} in all; limits that were full at once each have the time\n",
        length(overall.waited_s)
    ));
    let handed = overall.waits.iter().find(|(limit, _)| executor(limit));
    if let Some(wait) = handed {
        text.push_str("  and then\n");
        text.push_str(&row(wait));
    }
    text.push_str(&map("waiting for a full limit", &overall.by_hour));
    text.push_str(&handed.map_or_else(String::new, |(_, wait)| map("waiting for the executor", &wait.by_hour)));
    text
}

/// Hours of a week as blocks, the fullest one the hour with most; nothing where there is little.
fn map(what: &str, by_hour: &[f64]) -> String {
    if by_hour.iter().sum::<f64>() < LITTLE {
        return String::new();
    }
    let most = by_hour.iter().copied().fold(0.0, f64::max);
    let mut text = format!("\n  {what} by hour of the week, UTC; full block: {}\n", length(most));
    text.push_str("        0     6     12    18\n");
    for (day, hours) in DAYS.iter().zip(by_hour.chunks(24)) {
        let block = |seconds: &f64| BLOCKS[((seconds / most * 8.0).ceil() as usize).min(8)];
        let row: String = hours.iter().map(block).collect();
        text.push_str(&format!("    {day} {row}\n"));
    }
    text
}
