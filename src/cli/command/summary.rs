//! The answer of the weekly analysis, for a terminal.

use super::Context;
use crate::{
    analysis::{Analysis, Finding},
    cli::console::line,
    model::{SeriesKey, Timestamp},
};

/// Findings that a terminal shows.
const SHOWN: usize = 15;
/// Undecided series that a terminal shows.
const SHOWN_UNDECIDED: usize = 5;

/// The answer, for a terminal.
pub(super) fn summary(context: &Context<'_>, analysis: &Analysis) -> String {
    let mut text = String::new();
    let (open, known): (Vec<&Finding>, Vec<&Finding>) =
        analysis.regressions.iter().partition(|f| f.acknowledged.is_none());
    let new = open.iter().filter(|finding| finding.is_new).count();
    let minutes = analysis.minutes_lost_per_week();
    let hosts = analysis.slower_hosts().count();
    let verdict = match open.len() {
        0 if analysis.false_alarms.series_tested == 0 => {
            context.console.paint("Nothing can be said: no series has enough runs.", anstyle::AnsiColor::Yellow)
        }
        0 if hosts > 0 => context
            .console
            .paint(&format!("All tasks at once got slower: {} lost a week.", words(minutes)), anstyle::AnsiColor::Red),
        0 => context.console.paint("Nothing got slower.", anstyle::AnsiColor::Green),
        n => context.console.paint(
            &format!("{} in force, {new} new this week: {} lost a week.", counted(n, "regression"), words(minutes)),
            anstyle::AnsiColor::Red,
        ),
    };
    text.push_str(&format!(
        "{verdict}\nwhole history to {}; new is what shows {}\n{}\n",
        analysis.as_of.minute_string(),
        window(analysis),
        axes(analysis)
    ));
    text.push_str(&hosts_list(context, analysis));
    text.push_str(&groups_list(context, analysis));
    for (title, findings) in
        [("Got worse", open), ("Got better", analysis.improvements.iter().collect()), ("Known", known)]
    {
        if !findings.is_empty() {
            text.push_str(&format!("\n{title}\n{}", findings_list(context, analysis, &findings)));
        }
    }
    if !analysis.trends.is_empty() {
        text.push_str("\nCreeping\n");
    }
    for trend in &analysis.trends {
        text.push_str(&format!(
            "  {:+.1} % a week ({:+.1} to {:+.1})  {}  {}\n      from {} to {}\n",
            trend.per_week.point * 100.0,
            trend.per_week.lower * 100.0,
            trend.per_week.upper * 100.0,
            series_name(analysis, &trend.key),
            trend.key.quantity.label(),
            trend.range.from.date_string(),
            trend.range.to.date_string(),
        ));
    }
    if !analysis.went_away.is_empty() {
        text.push_str("\nCame and went\n");
    }
    for episode in &analysis.went_away {
        text.push_str(&format!(
            "  x{:.2} ({:.2} to {:.2})  {}  {}\n      from {} to {}{}\n",
            episode.effect.point,
            episode.effect.lower,
            episode.effect.upper,
            series_name(analysis, &episode.key),
            episode.key.quantity.label(),
            episode.range.from.date_string(),
            episode.range.to.date_string(),
            if analysis.window.contains(episode.range.to) { ", resolved this week" } else { "" }
        ));
    }
    text.push_str(&undecided(analysis));
    text.push_str(&format!(
        "\n{} series tested; {} inconclusive, {} could not be judged (the report says why)\n",
        analysis.false_alarms.series_tested,
        analysis.inconclusive.len(),
        analysis.not_measurable.len(),
    ));
    for warning in &analysis.warnings {
        context.console.warn(warning);
    }
    text
}

/// Findings that have one cause: what to look at first.
fn groups_list(context: &Context<'_>, analysis: &Analysis) -> String {
    let mut text = String::new();
    if !analysis.together.is_empty() {
        text.push_str("\nChanged together\n");
    }
    for group in &analysis.together {
        let (what, name) = group.shared.what();
        let effect = context.console.paint(&format!("x{:.2}", group.effect), anstyle::AnsiColor::Cyan);
        text.push_str(&format!(
            "  {effect}  {} of {} tasks of {what} {}\n      since {}\n",
            group.changed,
            group.of,
            line(name),
            group.changed_at.date_string()
        ));
    }
    text
}

/// Two lines each: what and by how much, then since when and at what price. Names are long, and must not be cut.
fn findings_list(context: &Context<'_>, analysis: &Analysis, findings: &[&Finding]) -> String {
    let mut text = String::new();
    for finding in findings.iter().take(SHOWN) {
        let effect = &finding.effect;
        let upper = if effect.upper.is_finite() { format!("{:.2}", effect.upper) } else { "any".to_owned() };
        let effect_text = if finding.key.quantity.is_rate() {
            format!("{:.0} % -> {:.0} %", finding.before.point * 100.0, finding.after.point * 100.0)
        } else {
            format!("x{:.2}", effect.point)
        };
        let ratio = context.console.paint(&effect_text, anstyle::AnsiColor::Cyan);
        let range =
            if finding.key.quantity.is_rate() { String::new() } else { format!(" ({:.2} to {upper})", effect.lower) };
        let between = between(finding.changed_low, finding.changed_high);
        let new = if finding.is_new {
            context.console.paint(" new this week", anstyle::AnsiColor::Red)
        } else {
            String::new()
        };
        text.push_str(&format!(
            "  {ratio}{range}  {}  {}{new}\n      since {}{between}\n",
            series_name(analysis, &finding.key),
            finding.key.quantity.label(),
            finding.changed_at.date_string(),
        ));
        let minutes = &finding.minutes_lost_per_week;
        if finding.has_stopped() {
            text.push_str(&format!("      no run since {}: it costs nothing now\n", finding.last_run.date_string()));
        }
        if minutes.n > 0 {
            let what = if minutes.point > 0.0 { "lost" } else { "won" };
            let volume = finding.at_volume.as_ref();
            let terms = volume.map_or(String::new(), |volume| format!(" at equal {}", line(&volume.unit)));
            let handles = volume.map_or(String::new(), |volume| format!(", {}", line(&volume.change())));
            text.push_str(&format!(
                "      {} {what} a week{terms}; as recorded x{:.2}{handles}\n",
                words(minutes.point.abs()),
                finding.effect_raw.point
            ));
        }
        for shadow in &finding.also {
            let name = if shadow.key.task_id.is_none() { "the run".to_owned() } else { line(&shadow.key.name()) };
            let quantity = shadow.key.quantity;
            let ratio = if quantity.is_rate() { String::new() } else { format!(" x{:.2}", shadow.effect.point) };
            text.push_str(&format!("      also seen in: {name}, {}{ratio}\n", quantity.label()));
        }
        if let Some(known) = &finding.acknowledged {
            text.push_str(&format!("      known: {}\n", line(known)));
        }
    }
    let rest = findings.len().saturating_sub(SHOWN);
    if rest > 0 {
        text.push_str(&format!("  and {rest} more (--json lists them)\n"));
    }
    text
}

fn words(minutes: f64) -> String {
    if minutes.abs() < 1.0 {
        format!("{:.0} s", minutes * 60.0)
    } else if minutes.abs() < 120.0 {
        format!("{minutes:.1} min")
    } else {
        format!("{:.1} h", minutes / 60.0)
    }
}

/// Since when a change counts as new: DAGs that were caught up have a last week each.
fn window(analysis: &Analysis) -> String {
    match analysis.axes.iter().any(|choice| choice.axis == crate::analysis::Axis::Logical) {
        true => format!("in each DAG's last {:.0} days", analysis.window.days()),
        false => format!("since {}", analysis.window.from.date_string()),
    }
}

fn axes(analysis: &Analysis) -> String {
    let logical = analysis.axes.iter().filter(|choice| choice.axis == crate::analysis::Axis::Logical).count();
    match (logical, analysis.axes.len() - logical) {
        (0, _) => "by wall clock".to_owned(),
        (_, 0) => "by logical date (the history was caught up)".to_owned(),
        (logical, wall) => {
            format!("by logical date for {} caught up, by wall clock for {wall}", counted(logical, "DAG"))
        }
    }
}

/// What all tasks share, before what single ones did.
fn hosts_list(context: &Context<'_>, analysis: &Analysis) -> String {
    let mut text = String::new();
    if !analysis.host_changes.is_empty() {
        text.push_str("\nAll tasks at once\n");
    }
    for change in &analysis.host_changes {
        let between = between(change.changed_low, change.changed_high);
        let end = change.ended_at.map(|end| format!(", over on {}", end.date_string())).unwrap_or_default();
        let seconds = context.console.paint(&format!("{:+.1} s", change.difference.point), anstyle::AnsiColor::Cyan);
        let minutes = change.minutes_lost_per_week.point;
        text.push_str(&format!(
            "  {seconds} ({:+.1} to {:+.1}) in each attempt{}\n      since {}{between}{end}\n      {} {} a week; \
             seen in {} of {} tasks\n",
            change.difference.lower,
            change.difference.upper,
            if analysis.host_changes.iter().any(|other| other.deployment != change.deployment) {
                format!("  deployment {}", line(change.deployment.as_str()))
            } else {
                String::new()
            },
            change.changed_at.date_string(),
            words(minutes.abs()),
            if minutes > 0.0 { "lost" } else { "won" },
            change.tasks_moved,
            change.tasks,
        ));
    }
    text
}

/// Series of which more runs would decide.
fn undecided(analysis: &Analysis) -> String {
    let mut text = String::new();
    if !analysis.inconclusive.is_empty() {
        text.push_str("\nUndecided\n");
    }
    for doubt in analysis.inconclusive.iter().take(SHOWN_UNDECIDED) {
        let needs = doubt.more_runs_needed.map(|n| format!("; {} needed", counted(n, "more run"))).unwrap_or_default();
        text.push_str(&format!(
            "  x{:.2} ({:.2} to {:.2})  {}  {}{needs}\n",
            doubt.effect.point,
            doubt.effect.lower,
            doubt.effect.upper,
            series_name(analysis, &doubt.key),
            doubt.key.quantity.label(),
        ));
    }
    let rest = analysis.inconclusive.len().saturating_sub(SHOWN_UNDECIDED);
    if rest > 0 {
        text.push_str(&format!("  and {rest} more (--json lists them)\n"));
    }
    text
}

/// The dates between which a change lies, where it is not one date.
fn between(low: Timestamp, high: Timestamp) -> String {
    match (low.date_string(), high.date_string()) {
        (low, high) if low == high => String::new(),
        (low, high) => format!(" (between {low} and {high})"),
    }
}

/// The series, and of which Airflow where the lake holds several.
fn series_name(analysis: &Analysis, key: &SeriesKey) -> String {
    let several = analysis.axes.iter().any(|dag| dag.deployment != key.deployment);
    match several {
        true => format!("{}: {}", line(key.deployment.as_str()), line(&key.name())),
        false => line(&key.name()),
    }
}

pub(super) fn counted(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}
