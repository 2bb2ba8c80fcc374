//! GitLab's code quality report, as <https://docs.gitlab.com/ci/testing/code_quality/> describes it. It wants a file for
//! each finding: that of the current run, the one file that a benchmark is known from.

use super::{GateContext, text};
use crate::gate::{Gate, Judged, Verdict};
use serde_json::{Value, json};

/// Slow-down, in multiples of what is tolerated, from which a regression is critical.
const CRITICAL: f64 = 4.0;

pub(super) fn document(gate: &Gate, context: &GateContext) -> String {
    let findings: Vec<Value> = gate
        .benchmarks
        .iter()
        .filter(|b| matches!(b.verdict, Verdict::Regressed | Verdict::Broken))
        .map(|benchmark| finding(benchmark, context))
        .collect();
    format!("{:#}\n", Value::Array(findings))
}

fn finding(benchmark: &Judged, context: &GateContext) -> Value {
    let slower = benchmark.change.as_ref().map_or(f64::INFINITY, |change| {
        if benchmark.higher_is_better { 1.0 / (1.0 + change.point) - 1.0 } else { change.point }
    });
    let severity = match benchmark.verdict {
        Verdict::Broken => "blocker",
        _ if slower >= CRITICAL * benchmark.limit.tolerance => "critical",
        _ => "major",
    };
    let check = format!("windtunnel/{}", benchmark.verdict.as_str());
    json!({
        "description": format!("{}: {}, {}", text::name(benchmark), text::gist(benchmark), text::change(benchmark)),
        "check_name": check,
        // The same benchmark is the same finding from one pipeline to the next.
        "fingerprint": format!("{check}/{}", text::name(benchmark)),
        "severity": severity,
        "location": { "path": context.current, "lines": { "begin": 1 } },
    })
}
