//! The verdict: one sentence, one badge, and what they rest on.

use super::{
    article::short_effect,
    host,
    parts::{Badge, Fact},
};
use crate::{
    analysis::{Analysis, Axis, Finding, HostChange, minutes_lost},
    model::Quantity,
    report::words,
};
use serde::Serialize;
use std::collections::BTreeSet;

/// Longest name in the sentence.
const NAME_CHARS: usize = 90;

/// What a reader takes away.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Verdict {
    pub badge: Badge,
    pub sentence: String,
    pub facts: Vec<Fact>,
}

/// The verdict over `analysis`. Acknowledged changes do not count.
pub(crate) fn verdict(analysis: &Analysis) -> Verdict {
    let open: Vec<&Finding> = analysis.regressions.iter().filter(|f| f.acknowledged.is_none()).collect();
    let (new, old): (Vec<&Finding>, Vec<&Finding>) = open.iter().copied().partition(|f| f.is_new);
    let hosts: Vec<&HostChange> = analysis.slower_hosts().collect();
    let badge = match (new.len(), old.len(), analysis.false_alarms.series_tested) {
        (0, 0, 0) => Badge::new("calm", "?", "nothing could be tested"),
        (0, 0, _) if hosts.iter().any(|change| change.is_new) => Badge::new("worse", "▲", "regressed"),
        (0, 0, _) if !hosts.is_empty() => Badge::new("still", "◆", "still slower"),
        (0, 0, _) => Badge::new("better", "✓", "no regression"),
        (0, _, _) => Badge::new("still", "◆", "still slower"),
        _ => Badge::new("worse", "▲", "regressed"),
    };
    let mut sentence = sentence(analysis, &new, &old, hosts.is_empty());
    for change in hosts.iter().rev() {
        sentence.insert_str(0, &of_host(change));
    }
    Verdict { badge, sentence, facts: facts(analysis) }
}

/// A host that got slower comes first: it is one cause of everything else that is.
fn of_host(change: &HostChange) -> String {
    let mut name = host::name(change);
    name.replace_range(..1, "A");
    let (seconds, since) = (words::seconds(change.difference.point), change.changed_at.date_string());
    let cost = words::seconds(change.minutes_lost_per_week.point * 60.0);
    format!(
        "{name} take {seconds} longer since {since}, {cost} a week: the hosts or what starts the tasks got slower. "
    )
}

fn sentence(analysis: &Analysis, new: &[&Finding], old: &[&Finding], hosts_are_well: bool) -> String {
    let tested = words::counted(analysis.false_alarms.series_tested, "series", "series");
    if new.is_empty() && old.is_empty() {
        return match analysis.false_alarms.series_tested {
            0 => "No series could be tested, so nothing can be said about this week.".to_owned(),
            _ if hosts_are_well => {
                format!(
                    "Nothing is slower than before: no change for the worse is in force among {tested} tested{}.",
                    unseen(analysis)
                )
            }
            _ => format!("No single task is slower beyond that, among {tested} tested{}.", unseen(analysis)),
        };
    }
    // A DAG may have ended before the week that is judged: it has a last week of its own.
    let when = if new.iter().any(|f| f.in_window) { "this week" } else { "in the last week known" };
    let mut text = match (new.is_empty(), old.is_empty()) {
        (false, true) => format!("{} {when}", subject(new, "got")),
        (false, false) => format!("{} {when}, {}", subject(new, "got"), still(new, old)),
        _ => subject(old, "still"),
    };
    let open: Vec<&Finding> = new.iter().chain(old).copied().collect();
    let minutes = minutes_lost(open.iter().copied());
    if minutes > 0.0 {
        text.push_str(&format!(": {} lost a week", words::seconds(minutes * 60.0)));
    }
    let dearest = open.iter().max_by(|a, b| weight(a).total_cmp(&weight(b)));
    if let Some(finding) = dearest {
        let name = words::shorten(&words::visible(&finding.key.name()), NAME_CHARS);
        let (effect, since) = (short_effect(finding), finding.changed_at.date_string());
        let quantity = match finding.key.quantity {
            Quantity::Duration | Quantity::RunDuration => String::new(),
            other => format!(" ({})", other.label()),
        };
        text.push_str(&format!("; dearest: {name}{quantity} {effect} since {since}"));
    }
    text + "."
}

/// What the silence does not cover.
fn unseen(analysis: &Analysis) -> String {
    match analysis.not_measurable.len() {
        0 => String::new(),
        n => format!("; {} could not be judged", words::counted(n, "other", "others")),
    }
}

/// `3 tasks got slower`, `1 DAG is still slower`, `2 series got worse`.
fn subject(findings: &[&Finding], mode: &str) -> String {
    let things: BTreeSet<_> = findings.iter().map(|f| (&f.key.deployment, &f.key.dag_id, &f.key.task_id)).collect();
    let (one, many) =
        match (findings.iter().all(|f| f.key.task_id.is_some()), findings.iter().all(|f| f.key.task_id.is_none())) {
            (true, _) => ("task", "tasks"),
            (_, true) => ("DAG", "DAGs"),
            _ => ("task or DAG", "tasks and DAGs"),
        };
    let how = match (findings.iter().all(|f| is_time(f)), findings.iter().all(|f| f.key.quantity.is_rate())) {
        (true, _) => "slower",
        (_, true) => "less reliable",
        _ => "slower or less reliable",
    };
    let verb = if mode == "got" {
        "got"
    } else if things.len() == 1 {
        "is still"
    } else {
        "are still"
    };
    format!("{} {verb} {how}", words::counted(things.len(), one, many))
}

/// What is said of the changes of earlier weeks beside those of this one.
fn still(new: &[&Finding], old: &[&Finding]) -> String {
    let be = if old.len() == 1 { "is" } else { "are" };
    match new.iter().chain(old).all(|f| is_time(f)) {
        true => format!("{} more still {be}", words::count(old.len() as u64)),
        false => format!("{} {be} still in force", words::counted(old.len(), "earlier change", "earlier changes")),
    }
}

fn is_time(finding: &Finding) -> bool {
    !finding.key.quantity.is_rate() && finding.key.quantity != Quantity::Spread
}

fn weight(finding: &Finding) -> f64 {
    let minutes = finding.minutes_lost_per_week.point;
    if minutes.is_nan() { f64::NEG_INFINITY } else { minutes }
}

fn facts(analysis: &Analysis) -> Vec<Fact> {
    let mut facts = vec![
        Fact::new("New is what shows", new_since(analysis)).noted(format!(
            "week judged: {}; changes are searched in the whole history",
            words::dates(&analysis.window)
        )),
        Fact::new("Time axis", axes(analysis)),
        Fact::new("Improvements", format!("{} in force", words::count(analysis.improvements.len() as u64))),
        Fact::new("Tested", words::counted(analysis.false_alarms.series_tested, "series", "series")).noted(format!(
            "at most {} % of findings are to be false alarms",
            words::number(analysis.false_alarms.false_discovery_rate * 100.0)
        )),
    ];
    let minutes = analysis.minutes_lost_per_week();
    if minutes > 0.0 {
        let lost = Fact::new("Lost a week", words::seconds(minutes * 60.0));
        facts.insert(0, lost.noted("task time; a run counts only where none of its tasks does"));
    }
    facts
}

/// Since when a change counts as new: DAGs that were caught up have a last week each.
fn new_since(analysis: &Analysis) -> String {
    match analysis.axes.iter().any(|choice| choice.axis == Axis::Logical) {
        true => {
            format!("in each DAG's last {}", words::counted(analysis.window.days().round() as usize, "day", "days"))
        }
        false => format!("since {}", analysis.window.from.date_string()),
    }
}

/// Which axis the DAGs took.
fn axes(analysis: &Analysis) -> String {
    let of = |axis: Axis| analysis.axes.iter().filter(|a| a.axis == axis).count();
    match (of(Axis::Logical), of(Axis::Wall)) {
        (0, 0) => "none".to_owned(),
        (_, 0) => "logical date".to_owned(),
        (0, _) => "wall clock".to_owned(),
        (logical, wall) => {
            format!("logical date for {}, wall clock for {wall}", words::counted(logical, "DAG", "DAGs"))
        }
    }
}
