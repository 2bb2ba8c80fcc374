//! The Markdown summary. It begins at the third level: it stands on a page among others.

use super::{
    GateContext,
    text::{self, tally},
};
use crate::gate::{Basis, Decision, Gate, Judged, Verdict};
use crate::report::markdown::{code, text as escaped};
use std::fmt::Write;

/// Benchmarks in a table; a step summary may have 1 MiB.
const SHOWN: usize = 200;

pub(super) fn page(gate: &Gate, context: &GateContext) -> String {
    let icon = match gate.decision {
        Decision::Pass => "✅",
        Decision::Fail => "❌",
        Decision::NoDecision => "❔",
    };
    let asked = if gate.as_asked { format!(" ({})", text::AS_ASKED) } else { String::new() };
    let mut page = format!("### {icon} windtunnel gate {}{asked}: {}\n\n", text::word(gate.decision), tally(gate));
    let (told, quiet): (Vec<&Judged>, Vec<&Judged>) =
        gate.benchmarks.iter().partition(|b| b.verdict != Verdict::Unchanged);
    if !told.is_empty() {
        table(&mut page, &told);
        page.push('\n');
    }
    let _ = writeln!(page, "<details><summary>{} unchanged · method · host · noise</summary>\n", quiet.len());
    if !quiet.is_empty() {
        table(&mut page, &quiet);
        page.push('\n');
    }
    method(&mut page, gate, context);
    page.push_str("\n</details>\n");
    page
}

fn table(page: &mut String, benchmarks: &[&Judged]) {
    page.push_str("| | benchmark | baseline | now | change (95 % interval) | limit | verdict |\n");
    page.push_str("|---|---|--:|--:|--:|---|---|\n");
    for benchmark in benchmarks.iter().take(SHOWN) {
        let strong = if benchmark.verdict == Verdict::Regressed { "**" } else { "" };
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} | {strong}{}{strong} | {} | {} |",
            icon(benchmark.verdict),
            code(&text::name(benchmark)),
            escaped(&text::level(benchmark.baseline.as_ref(), &benchmark.unit)),
            escaped(&text::level(benchmark.current.as_ref(), &benchmark.unit)),
            escaped(&text::change(benchmark)),
            escaped(&text::limit(benchmark)),
            escaped(&text::gist(benchmark)),
        );
    }
    if benchmarks.len() > SHOWN {
        let _ = writeln!(page, "\n{} more", benchmarks.len() - SHOWN);
    }
}

fn method(page: &mut String, gate: &Gate, context: &GateContext) {
    if let Some(chance) = text::false_alarms(gate) {
        let _ = writeln!(page, "- Noise: {}", escaped(&chance));
    }
    let _ = writeln!(page, "- Host: {}", escaped(&text::host(gate)));
    let runs = gate.baseline_runs;
    let of_runs = gate.benchmarks.iter().any(|b| b.basis == Some(Basis::Runs));
    let rests = if gate.samples_are_runs {
        "each measurement is a run, whose scatter is taken for what runs do".to_owned()
    } else if of_runs {
        format!("{runs} runs, whose scatter is taken for what runs do")
    } else {
        format!("{}: how runs differ from each other is not known", super::super::counted(runs, "run", "runs"))
    };
    let _ = writeln!(page, "- Baseline: {rests}");
    let _ = writeln!(
        page,
        "- A benchmark fails if the whole interval lies beyond its limit; it passes if the interval lies within, or if \
         twice the limit would have been seen with a probability of 90 %"
    );
    let _ = writeln!(page, "- Seed {}, windtunnel {}", context.seed, escaped(&context.version));
}

fn icon(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Regressed => "❌",
        Verdict::Broken => "💥",
        Verdict::Inconclusive | Verdict::NoBaseline => "❔",
        Verdict::Gone => "➖",
        Verdict::Improved => "🚀",
        Verdict::Unchanged => "✅",
    }
}
