//! A DAG of the lake and its what-ifs, for people.

use super::{BacklogDone, Context, Simulation, in_one_unit, length, lower_bound};
use crate::{
    cli::{
        command::{lake::new_table, summary::counted},
        console::line,
    },
    model::{EdgeSource, Timestamp},
    replay::airflow::{Ahead, BestOrder, DagReplay, Done, Held},
    stats::{Estimate, as_good, knee, median},
};
use comfy_table::CellAlignment;

/// Share by which runs must land elsewhere for that to be told.
const LANDS_ELSEWHERE: f64 = 0.01;
/// Per cent from which on a replay is told to err to one side.
const LEANS: f64 = 3.0;

pub(super) fn text(context: &Context<'_>, simulation: &Simulation<'_>) -> String {
    let base = &simulation.base;
    let mut text = format!("{}: {}\n\n", line(simulation.dag), counted(base.makespans.len(), "run"));
    text.push_str(&checked(simulation));
    let of_record = median(&base.recorded).map_or_else(String::new, |s| format!("  (recorded: {})", length(s * 1e6)));
    text.push_str(&format!("  median makespan    {}{of_record}\n", length(base.median_s * 1e6)));
    let shown = simulation.after.as_ref().unwrap_or(base);
    if let Some(after) = &simulation.after {
        for what_if in &simulation.what_ifs {
            text.push_str(&format!("  what if            {}\n", line(what_if)));
        }
        let change = after.over(base).map_or_else(String::new, |ratio| format!("  ({})", percent(&ratio)));
        text.push_str(&format!("  with the what-ifs  {}{change}\n", length(after.median_s * 1e6)));
    }
    let bound = lower_bound(shown, simulation.parallelism);
    let landed = simulation.after.as_ref().map(|after| (base.landed_s, after.landed_s));
    if let Some((before, after)) = landed.filter(|(before, after)| (after / before - 1.0).abs() > LANDS_ELSEWHERE) {
        let [before, after] = in_one_unit([before, after]);
        text.push_str(&format!("  from made to ended {before} before, {after} with the what-ifs\n"));
    }
    match simulation.order_from {
        Some("recorded") => text.push_str(&format!(
            "  order              as recorded: on the earlier half of the runs none of {}\n                     others is shorter; told of the later\n",
            BestOrder::TRIED - 1
        )),
        Some(from) => text.push_str(&format!(
            "  order              {from}: the best of {} on the earlier half of the\n                     runs; told of the later\n",
            BestOrder::TRIED
        )),
        None => {}
    }
    text.push_str(&format!("  no order can beat  {}  (median run)\n", length(bound * 1e6)));
    if let Some(next) = &simulation.next {
        let [low, high] = in_one_unit([next.lower, next.upper]);
        let Held { inside, of, .. } = simulation.held;
        text.push_str(&format!(
            "  next run           {low} to {high} in {:.0} of 100\n                     (of the last {of} runs, each so foretold, {inside} kept to it)\n",
            next.level * 100.0
        ));
    }
    let inferred = if simulation.edges_from == EdgeSource::Inferred { " (inferred)" } else { "" };
    let names: Vec<String> = shown.critical_path.iter().map(|task| line(task)).collect();
    text.push_str(&format!(
        "  critical path      {}{inferred}, by what tasks took alone\n{}",
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
    let added = if backlog.added > 0 { format!(", and {} more", backlog.added) } else { String::new() };
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
        "  under way          {runs}{added}, at {} UTC; {} to go\n",
        ahead.now.minute_string(),
        counted(ahead.to_go, "task")
    );
    text.push_str(&format!("  all of them done   {}\n", done(ahead)));
    let part = |(runs, seconds): &(usize, f64)| format!("{runs} in {}", length(seconds * 1e6));
    if ahead.progress.len() > 2 {
        let parts: Vec<String> = ahead.progress.iter().map(part).collect();
        text.push_str(&format!("  of these runs      {}\n", parts.join(", ")));
    }
    text.push_str(&format!(
        "  meanwhile          schedules bring {:.0} tasks an hour, of all DAGs\n",
        ahead.arriving_per_h
    ));
    text
}

fn done(ahead: &Ahead) -> String {
    let done = match &ahead.done {
        Done::In(done) => done,
        Done::Outpaced(seconds) => {
            return format!("not within {}: schedules bring work as fast as it is done", length(seconds * 1e6));
        }
        Done::NoRoom => return "never: a task needs more slots than there are".to_owned(),
    };
    let [point, low, high] = in_one_unit([done.point, done.lower, done.upper]);
    let at = Timestamp::from_micros(ahead.now.micros().saturating_add((done.point * 1e6) as i64)).minute_string();
    format!("in {point}, by {at} UTC; {low} to {high} in {:.0} of 100", done.level * 100.0)
}

fn checked(simulation: &Simulation<'_>) -> String {
    let error = &simulation.base.error;
    let Some(makespan) = &error.makespan else { return "  replay unchecked: no run to compare with\n".to_owned() };
    let starts = error.starts.map_or_else(String::new, |(median, p90)| {
        // Without the sign of a zero.
        let median = (median * 10.0).round() / 10.0 + 0.0;
        format!("; tasks queued {median:+.1} s off in the median, within {p90:.0} s in 90 of 100")
    });
    format!(
        "  replay as recorded {}{:.1} % off in the median run ({:.1} to {:.1}, {} of all DAGs)\n                     {}\n",
        simulation.base.own_error.as_ref().map_or_else(String::new, |own| format!(
            "{:.1} % off in the median run of this DAG{}\n                     ",
            own.point * 100.0,
            leaning(simulation.bias)
        )),
        makespan.point * 100.0,
        makespan.lower * 100.0,
        makespan.upper * 100.0,
        counted(makespan.n, "run"),
        starts.trim_start_matches("; ")
    )
}

/// To which side the replay errs, where that is clear.
fn leaning(bias: Option<f64>) -> String {
    match bias.map(|bias| (bias - 1.0) * 100.0) {
        Some(bias) if bias >= LEANS => format!(" ({bias:.0} % too long)"),
        Some(bias) if bias <= -LEANS => format!(" ({:.0} % too short)", -bias),
        _ => String::new(),
    }
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
    let backlog = tried.iter().any(|tried| tried.ahead.is_some());
    let last = if backlog { "backlog done in" } else { "" };
    table.set_header([
        line(name),
        "median makespan".to_owned(),
        "run by run".to_owned(),
        String::new(),
        last.to_owned(),
    ]);
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
        let done = match tried.ahead.as_ref().map(|ahead| &ahead.done) {
            Some(Done::In(done)) => {
                let [point, low, high] = in_one_unit([done.point, done.lower, done.upper]);
                let bare = |length: &str| length.split(' ').next().unwrap_or_default().to_owned();
                format!("{point} ({} to {})", bare(&low), bare(&high))
            }
            Some(Done::Outpaced(seconds)) => format!("not within {}", length(seconds * 1e6)),
            Some(Done::NoRoom) => "never".to_owned(),
            None => String::new(),
        };
        table.add_row([tried.value.to_string(), length(tried.replay.median_s * 1e6), change, mark, done]);
    }
    for column in table.column_iter_mut().take(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let edge = if knee == Some(tried.len() - 1) { "; here it is the last one tried: more may be better" } else { "" };
    format!(
        "{table}\n\n  run by run: against the record as replayed\n  knee: the first that is within {:.0} % of the best, as far as the replay can tell{edge}\n",
        as_good * 100.0
    )
}
