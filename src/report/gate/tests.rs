//! A gate with everything in it, whole in each format.

use super::*;
use crate::gate::{Basis, Decision, FalseAlarms, Floor, Judged, Limit, Verdict};
use crate::stats::Estimate;

fn estimate(point: f64, half: f64) -> Estimate {
    Estimate { point, lower: point - half, upper: point + half, level: 0.95, n: 40, method: "t".into() }
}

fn judged(name: &str, verdict: Verdict, unit: &str, before: f64, after: f64) -> Judged {
    Judged {
        name: name.into(),
        unit: unit.into(),
        higher_is_better: unit.ends_with("/s"),
        baseline: Some(estimate(before, 0.1 * before)),
        current: Some(estimate(after, 0.1 * after)),
        current_error: Some(0.05),
        change: Some(estimate(after / before - 1.0, 0.04)),
        difference: None,
        limit: Limit { tolerance: 0.08, floor: Some(Floor::Seconds(5e-3)) },
        p_value: Some(0.001),
        q_value: Some(0.004),
        verdict,
        near_limit: false,
        confirmed: None,
        basis: Some(Basis::Samples),
        needed_n: None,
        reason: None,
    }
}

fn gate() -> Gate {
    let slower = judged("sched/pool/64", Verdict::Regressed, "ms", 412.0, 498.0);
    let slow_rate = judged("rows | \"a\" <b>", Verdict::Regressed, "rows/s", 2.5e6, 2.0e6);
    let noisy = judged("batch/1k", Verdict::Inconclusive, "s", 1.9, 2.0);
    let broken = judged("io\u{1b}[31m`x`\n::error::100%", Verdict::Broken, "", 1.0, 1.0);
    let new = judged("new, one: it", Verdict::NoBaseline, "ns", 1.0, 1.0);
    let near = judged("near", Verdict::Unchanged, "B/op", 16.0, 17.0);
    let none = |judged: Judged| Judged { baseline: None, current: None, change: None, basis: None, ..judged };
    Gate {
        decision: Decision::Fail,
        as_asked: false,
        benchmarks: vec![
            Judged { confirmed: Some((2, 2)), ..slower },
            slow_rate,
            Judged { reason: Some("exit code 1".into()), ..none(broken) },
            Judged { needed_n: Some(81), reason: Some("too noisy for the number of measurements".into()), ..noisy },
            Judged { baseline: None, change: None, ..new },
            judged("quick", Verdict::Improved, "us", 12.0, 8.0),
            Judged { near_limit: true, ..near },
        ],
        false_alarms: Some(FalseAlarms { gates: 1000, failed: 3, at_most: 0.0088 }),
        host: Some(vec![("cpu", "A".into(), "B".into())]),
        samples_are_runs: false,
        baseline_runs: 1,
        current_runs: 2,
    }
}

fn context() -> GateContext {
    GateContext { version: "0.0.0".into(), current: "target/criterion".into(), seed: 7 }
}

#[test]
fn every_format() {
    let (gate, context) = (gate(), context());
    let mut all = String::new();
    for (name, text) in [
        ("junit", gate_junit(&gate, &context).expect("written")),
        ("markdown", gate_markdown(&gate, &context)),
        ("annotations", gate_annotations(&gate)),
        ("code quality", gate_code_quality(&gate, &context)),
        ("bmf", gate_bmf(&gate)),
        ("metrics", gate_metrics(&gate).expect("written")),
    ] {
        all.push_str(&format!("==== {name}\n{text}\n"));
    }
    insta::assert_snapshot!("gate_formats", all);
}

#[test]
fn junit_counts_and_holds_no_control_characters() {
    let xml = gate_junit(&gate(), &context()).expect("written");
    assert!(xml.contains(r#"tests="7" skipped="2" errors="1" failures="2""#), "{xml}");
    assert!(xml.contains("<testsuites name=\"windtunnel gate\" tests=\"7\" failures=\"2\" errors=\"1\">"), "{xml}");
    assert!(xml.chars().all(|c| !c.is_control() || c == '\n'), "{xml:?}");
}

#[test]
fn annotations_are_one_line_each_and_ten_of_a_kind() {
    let mut gate = gate();
    gate.benchmarks.extend((0..30).map(|i| judged(&format!("b{i}"), Verdict::Regressed, "s", 1.0, 2.0)));
    let lines = gate_annotations(&gate);
    assert_eq!(lines.lines().filter(|l| l.starts_with("::error ")).count(), 10);
    assert!(lines.lines().all(|l| l.starts_with("::error title=") || l.starts_with("::warning title=")), "{lines}");
}

#[test]
fn bmf_is_in_nanoseconds_and_is_read_again() {
    let text = gate_bmf(&gate());
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(json["sched/pool/64"]["latency"]["value"].as_f64(), Some(498e6));
    assert_eq!(json["near"]["b-op"]["value"].as_f64(), Some(17.0));
}
