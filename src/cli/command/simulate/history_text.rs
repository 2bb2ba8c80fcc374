//! A DAG of the lake and its what-ifs, for people.

use super::{BacklogDone, Context, Simulation, length, lower_bound};
use crate::{
    cli::{
        command::{lake::new_table, summary::counted},
        console::line,
    },
    model::EdgeSource,
    replay::airflow::{Ahead, BestOrder, DagReplay, Done, Held},
    stats::{Estimate, as_good, knee},
};
use comfy_table::CellAlignment;

/// Share by which runs must land elsewhere for that to be told.
const LANDS_ELSEWHERE: f64 = 0.01;

pub(super) fn text(context: &Context<'_>, simulation: &Simulation<'_>) -> String {
    let base = &simulation.base;
    let mut text = format!("{}: {}\n\n", line(simulation.dag), counted(base.makespans.len(), "run"));
    text.push_str(&checked(simulation));
    text.push_str(&format!("  median makespan    {}\n", length(base.median_s * 1e6)));
    let shown = simulation.after.as_ref().unwrap_or(base);
    if let Some(after) = &simulation.after {
        let change = after.over(base).map_or_else(String::new, |ratio| format!("  ({})", percent(&ratio)));
        text.push_str(&format!("  with the what-ifs  {}{change}\n", length(after.median_s * 1e6)));
    }
    let bound = lower_bound(shown, simulation.parallelism);
    let landed = simulation.after.as_ref().map(|after| (base.landed_s, after.landed_s));
    if let Some((before, after)) = landed.filter(|(before, after)| (after / before - 1.0).abs() > LANDS_ELSEWHERE) {
        let (before, after) = (length(before * 1e6), length(after * 1e6));
        text.push_str(&format!("  from made to ended {before} before, {after} with the what-ifs\n"));
    }
    if let Some(from) = simulation.order_from {
        text.push_str(&format!(
            "  order              {from}: the best of {} on the earlier half of the runs; told of the later\n",
            BestOrder::TRIED
        ));
    }
    text.push_str(&format!("  no order can beat  {}  (median run)\n", length(bound * 1e6)));
    if let Some(next) = &shown.next {
        let (low, high) = (length(next.lower * 1e6), length(next.upper * 1e6));
        let Held { inside, of, .. } = shown.held;
        text.push_str(&format!(
            "  next run           {low} to {high} in {:.0} of 100 (so told, {inside} of the last {of} were)\n",
            next.level * 100.0
        ));
    }
    let inferred = if simulation.edges_from == EdgeSource::Inferred { " (inferred)" } else { "" };
    let names: Vec<String> = shown.critical_path.iter().map(|task| line(task)).collect();
    text.push_str(&format!(
        "  critical path      {}{inferred}\n{}",
        length(shown.critical_path_s * 1e6),
        super::way(&names)
    ));
    if let Some(backlog) = &simulation.backlog {
        text.push('\n');
        text.push_str(&backlog_text(backlog));
    }
    if let Some((name, tried)) = &simulation.sweep {
        text.push('\n');
        text.push_str(&curve(context, name, tried, base));
    }
    text
}

/// When what lies ahead is done, as it is and with the what-ifs.
fn backlog_text(backlog: &BacklogDone) -> String {
    let added = if backlog.added > 0 { format!(" and {} more", backlog.added) } else { String::new() };
    let mut text = ahead_text(&backlog.as_is, &added);
    if let Some(after) = &backlog.after {
        text.push_str(&format!("  with the what-ifs  {}\n", done(after)));
    }
    text
}

/// When the runs that are not over will be.
pub(in crate::cli::command) fn ahead_text(ahead: &Ahead, added: &str) -> String {
    let runs = counted(ahead.under_way, "run");
    let mut text = format!(
        "  by the record      {runs} under way{added} at {} UTC: {} to go\n",
        ahead.now.minute_string(),
        counted(ahead.to_go, "task instance")
    );
    text.push_str(&format!("  all of them done   {}\n", done(ahead)));
    let part = |(runs, seconds): &(usize, f64)| format!("{runs} in {}", length(seconds * 1e6));
    if ahead.progress.len() > 2 {
        let parts: Vec<String> = ahead.progress.iter().map(part).collect();
        text.push_str(&format!("  of these runs      {}\n", parts.join(", ")));
    }
    text.push_str(&format!(
        "  meanwhile          schedules bring {:.0} task instances an hour, of all DAGs\n",
        ahead.arriving_per_h
    ));
    text
}

fn done(ahead: &Ahead) -> String {
    let done = match &ahead.done {
        Done::In(done) => done,
        Done::Outpaced => return "never: schedules bring work as fast as it is done".to_owned(),
        Done::NoRoom => return "never: a task needs more slots than there are".to_owned(),
    };
    let [point, low, high] = [done.point, done.lower, done.upper].map(|seconds| length(seconds * 1e6));
    format!("in {point}; {low} to {high} in {:.0} of 100", done.level * 100.0)
}

fn checked(simulation: &Simulation<'_>) -> String {
    let error = &simulation.base.error;
    let Some(makespan) = &error.makespan else { return "  replay unchecked: no run to compare with\n".to_owned() };
    let starts = error.starts.map_or_else(String::new, |(median, p90)| {
        format!("; tasks queued {median:+.1} s off in the median, within {p90:.0} s in 90 of 100")
    });
    format!(
        "  replay as recorded {}{:.1} % off in the median run ({:.1} to {:.1}, {} of all DAGs)\n                     {}\n",
        simulation.base.own_error.as_ref().map_or_else(String::new, |own| format!(
            "{:.1} % off in the median run of this DAG\n                     ",
            own.point * 100.0
        )),
        makespan.point * 100.0,
        makespan.lower * 100.0,
        makespan.upper * 100.0,
        counted(makespan.n, "run"),
        starts.trim_start_matches("; ")
    )
}

fn percent(ratio: &Estimate) -> String {
    let percent = |ratio: f64| (ratio - 1.0) * 100.0;
    format!("run by run {:+.1} %, {:+.1} to {:+.1}", percent(ratio.point), percent(ratio.lower), percent(ratio.upper))
}

fn curve(context: &Context<'_>, name: &str, tried: &[super::Tried], base: &DagReplay) -> String {
    // What the replay cannot tell apart is no knee.
    let as_good = as_good(base.own_error.as_ref());
    let knee = knee(&tried.iter().map(|tried| tried.replay.median_s).collect::<Vec<f64>>(), as_good);
    let mut table = new_table(context.console.width());
    table.set_header([line(name), "median makespan".to_owned(), "run by run".to_owned(), String::new()]);
    for (at, tried) in tried.iter().enumerate() {
        let change = tried.replay.over(base).map_or_else(String::new, |ratio| {
            let percent = |ratio: f64| (ratio - 1.0) * 100.0;
            format!("{:+.1} % ({:+.1} to {:+.1})", percent(ratio.point), percent(ratio.lower), percent(ratio.upper))
        });
        let never = tried.replay.never_end();
        let mark = if never > 0 {
            format!("{never} runs never end")
        } else if Some(at) == knee {
            "knee".to_owned()
        } else {
            String::new()
        };
        table.add_row([tried.value.to_string(), length(tried.replay.median_s * 1e6), change, mark]);
    }
    for column in table.column_iter_mut().take(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let edge = if knee == Some(tried.len() - 1) { "; here it is the last one tried: more may be better" } else { "" };
    format!(
        "{table}\n\n  run by run: against the record as replayed; knee: the first that is within {:.0} % of the best, as far as the replay can tell{edge}\n",
        as_good * 100.0
    )
}
