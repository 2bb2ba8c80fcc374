//! A gate for a terminal.

use crate::{
    cli::{
        command::{Context, lake::new_table},
        console::line,
    },
    gate::{Basis, Decision, Gate, Judged, Verdict},
    report::{AS_ASKED, change, counted, gist, level, limit, tally},
};

/// Benchmarks that are listed, of those that passed and of the others; more are only counted.
const LISTED: usize = 20;

pub(super) fn text(context: &Context<'_>, gate: &Gate) -> String {
    let (word, color) = match gate.decision {
        Decision::Pass => ("PASS", anstyle::AnsiColor::Green),
        Decision::Fail => ("FAIL", anstyle::AnsiColor::Red),
        Decision::NoDecision => ("NO DECISION", anstyle::AnsiColor::Yellow),
    };
    let taken = if gate.as_asked { format!(" ({AS_ASKED})") } else { String::new() };
    let mut text = format!("{}{taken}  {}\n", context.console.paint(word, color), tally(gate));
    let mut told: Vec<&Judged> = gate.benchmarks.iter().filter(|b| b.verdict != Verdict::Unchanged).collect();
    // What is decided comes first: of a whole lake most series are not.
    told.sort_by_key(|benchmark| match benchmark.verdict {
        Verdict::Regressed | Verdict::Broken => 0,
        Verdict::Improved => 1,
        _ => 2,
    });
    told.iter().take(LISTED).for_each(|benchmark| text.push_str(&entry(context, benchmark)));
    more(&mut text, told.len());
    let quiet: Vec<&Judged> = gate.of(Verdict::Unchanged).collect();
    if !quiet.is_empty() {
        text.push_str(&format!("\n{}", unchanged(context, &quiet)));
        more(&mut text, quiet.len());
    }
    text.push('\n');
    text.push_str(&notes(gate));
    text
}

fn more(text: &mut String, all: usize) {
    if all > LISTED {
        text.push_str(&format!("{} more (`--json` has them all)\n", all - LISTED));
    }
}

/// A benchmark that is to be looked at, on lines of its own.
fn entry(context: &Context<'_>, benchmark: &Judged) -> String {
    let color = match benchmark.verdict {
        Verdict::Regressed | Verdict::Broken => anstyle::AnsiColor::Red,
        Verdict::Improved => anstyle::AnsiColor::Green,
        _ => anstyle::AnsiColor::Yellow,
    };
    let mut text =
        format!("\n{}\n  {}\n", line(&benchmark.name), context.console.paint(&line(&gist(benchmark)), color));
    if benchmark.baseline.is_some() || benchmark.current.is_some() {
        let side = |estimate| level(estimate, &benchmark.unit);
        let levels = format!("{} → {}", side(benchmark.baseline.as_ref()), side(benchmark.current.as_ref()));
        let change = if benchmark.change.is_some() || benchmark.difference.is_some() {
            format!("  {}", change(benchmark))
        } else {
            String::new()
        };
        text.push_str(&format!("  {}{change}  limit {}\n", line(&levels), line(&limit(benchmark))));
    }
    text
}

fn unchanged(context: &Context<'_>, quiet: &[&Judged]) -> String {
    let mut table = new_table(context.console.width());
    table.set_header(["unchanged", "now", "change (95 % interval)", "limit"]);
    for benchmark in quiet.iter().take(LISTED) {
        let near = if benchmark.near_limit { ", near" } else { "" };
        table.add_row([
            line(&benchmark.name),
            line(&level(benchmark.current.as_ref(), &benchmark.unit)),
            change(benchmark),
            line(&format!("{}{near}", limit(benchmark))),
        ]);
    }
    format!("{table}\n")
}

fn notes(gate: &Gate) -> String {
    let mut text = String::new();
    let decided = |b: &Judged| matches!(b.verdict, Verdict::Regressed | Verdict::Improved | Verdict::Unchanged);
    if let Some(found) = gate.false_alarms.as_ref().filter(|_| gate.benchmarks.iter().any(decided)) {
        text.push_str(&format!(
            "Chance: on the baseline's own noise {} of {} gates failed (at most {:.1} %).\n",
            found.failed,
            crate::report::count(found.gates as u64),
            100.0 * found.at_most
        ));
    }
    let of_samples = gate.benchmarks.iter().any(|b| matches!(b.basis, Some(Basis::Samples | Basis::Summaries)));
    if !gate.samples_are_runs && of_samples && gate.baseline_runs < crate::gate::MIN_RUNS {
        text.push_str(&format!(
            "Not known: how runs differ (the baseline has {}; three tell it).\n",
            counted(gate.baseline_runs, "run", "runs")
        ));
    }
    let below_zero = |b: &Judged| b.baseline.iter().chain(&b.current).any(|level| level.point < 0.0);
    if gate.samples_are_runs && gate.benchmarks.iter().any(below_zero) {
        text.push_str("Below zero: what all tasks share was removed, and of short tasks nothing is left.\n");
    }
    if gate.benchmarks.iter().any(|b| b.basis == Some(Basis::Summaries)) {
        text.push_str("Only a mean or a median with its spread was kept of some: their\nmeasurements are taken to be independent.\n");
    }
    text
}

/// What differs between the machines.
pub(super) fn hosts(gate: &Gate) -> String {
    let told: Vec<String> = gate
        .host
        .iter()
        .flatten()
        .map(|(name, before, now)| format!("{name} `{}` instead of `{}`", line(now), line(before)))
        .collect();
    format!("not the machine of the baseline: {}", told.join(", "))
}
