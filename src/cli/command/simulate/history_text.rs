//! A DAG of the lake and its what-ifs, for people.

use super::{Context, Simulation, length, lower_bound};
use crate::{
    cli::{
        command::{lake::new_table, summary::counted},
        console::line,
    },
    model::EdgeSource,
    replay::airflow::DagReplay,
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
    text.push_str(&format!("  no order can beat  {}  (median run)\n", length(bound * 1e6)));
    if let Some(next) = &shown.next {
        let (low, high) = (length(next.lower * 1e6), length(next.upper * 1e6));
        let (inside, of) = shown.held;
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
    if let Some((name, tried)) = &simulation.sweep {
        text.push('\n');
        text.push_str(&curve(context, name, tried, base));
    }
    text
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
    let base_s = base.median_s;
    // What the replay cannot tell apart is no knee.
    let as_good = as_good(base.own_error.as_ref());
    let knee = knee(&tried.iter().map(|tried| tried.replay.median_s).collect::<Vec<f64>>(), as_good);
    let mut table = new_table(context.console.width());
    table.set_header([line(name), "median makespan".to_owned(), "against the record".to_owned(), String::new()]);
    for (at, tried) in tried.iter().enumerate() {
        let ratio = tried.replay.median_s / base_s;
        let change = if ratio.is_finite() { format!("{:+.1} %", (ratio - 1.0) * 100.0) } else { String::new() };
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
        "{table}\n\n  knee: the first that is within {:.0} % of the best, as far as the replay can tell{edge}\n",
        as_good * 100.0
    )
}
