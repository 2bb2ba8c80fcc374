//! The gate as gauges, by the Prometheus project's own encoder.

use super::text;
use crate::gate::{Decision, Gate, Judged, Verdict};
use crate::report::{Error, words::visible};
use prometheus_client::{
    encoding::text::encode,
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};
use std::sync::atomic::AtomicU64;

type Labels = Vec<(String, String)>;
type Gauges = Family<Labels, Gauge<f64, AtomicU64>>;

pub(super) fn document(gate: &Gate) -> Result<String, Error> {
    let mut registry = Registry::with_prefix("windtunnel");
    let mut gauges = |name: &str, help: &str| {
        let family = Gauges::default();
        registry.register(name, help, family.clone());
        family
    };
    let current = gauges("benchmark_current", "Level of the current run, in its unit");
    let baseline = gauges("benchmark_baseline", "Level of the baseline, in its unit");
    let change = gauges("benchmark_change", "Share by which it changed");
    let lower = gauges("benchmark_change_lower", "Lower end of the interval of the change");
    let upper = gauges("benchmark_change_upper", "Upper end of the interval of the change");
    let verdict = gauges("benchmark_verdict", "1 for the verdict that was given");
    let exit = gauges("gate_exit_code", "0 pass, 2 fail, 3 no decision");
    let chance = gauges("gate_false_alarms", "Share of gates that fail by chance, at most");
    for benchmark in &gate.benchmarks {
        let with_unit = labels(benchmark, true);
        let plain = labels(benchmark, false);
        let set = |family: &Gauges, labels: &Labels, value: Option<f64>| {
            if let Some(value) = value.filter(|v| v.is_finite()) {
                family.get_or_create(labels).set(value);
            }
        };
        set(&current, &with_unit, benchmark.current.as_ref().map(|e| e.point));
        set(&baseline, &with_unit, benchmark.baseline.as_ref().map(|e| e.point));
        set(&change, &plain, benchmark.change.as_ref().map(|e| e.point));
        set(&lower, &plain, benchmark.change.as_ref().map(|e| e.lower));
        set(&upper, &plain, benchmark.change.as_ref().map(|e| e.upper));
        let mut told = plain.clone();
        told.push(("verdict".to_owned(), benchmark.verdict.as_str().to_owned()));
        set(&verdict, &told, Some(1.0));
    }
    let code = match gate.decision {
        Decision::Pass => 0.0,
        Decision::Fail => 2.0,
        Decision::NoDecision => 3.0,
    };
    exit.get_or_create(&Labels::new()).set(code);
    if let Some(found) = &gate.false_alarms {
        chance.get_or_create(&Labels::new()).set(found.at_most);
    }
    let mut text = String::new();
    encode(&mut text, &registry).map_err(|error| Error::Unwritable(error.to_string()))?;
    Ok(in_order(&text))
}

/// The encoder gives the series of a metric in no fixed order; sorted, the same gate gives the same bytes.
fn in_order(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.chunk_by_mut(|a, b| a.starts_with('#') == b.starts_with('#')).for_each(|block| {
        if block.first().is_some_and(|line| !line.starts_with('#')) {
            block.sort_unstable();
        }
    });
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn labels(benchmark: &Judged, with_unit: bool) -> Labels {
    let mut labels = vec![("benchmark".to_owned(), text::name(benchmark))];
    if with_unit && benchmark.verdict != Verdict::Broken {
        labels.push(("unit".to_owned(), visible(&benchmark.unit)));
    }
    labels
}
