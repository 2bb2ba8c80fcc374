//! Bencher Metric Format of the current run: times as `latency` in nanoseconds, rates as `throughput`, the rest under its
//! unit; the bounds are those of the interval.

use super::text;
use crate::gate::{Floor, Gate, Judged};
use serde_json::{Map, Value, json};

pub(super) fn document(gate: &Gate) -> String {
    let mut all = Map::new();
    for benchmark in &gate.benchmarks {
        if let Some((measure, metric)) = metric(benchmark) {
            all.insert(text::name(benchmark), json!({ measure: metric }));
        }
    }
    format!("{:#}\n", Value::Object(all))
}

fn metric(benchmark: &Judged) -> Option<(String, Value)> {
    let level = benchmark.current.as_ref().filter(|level| level.point.is_finite())?;
    // A floor of one second in the unit tells how many of it a second has.
    let per_second = Floor::Seconds(1.0).in_unit(&benchmark.unit);
    let (measure, factor) = match (per_second, benchmark.higher_is_better) {
        (Some(per_second), _) => ("latency".to_owned(), 1e9 / per_second),
        (None, true) => ("throughput".to_owned(), 1.0),
        (None, false) => (slug(&benchmark.unit), 1.0),
    };
    let mut metric = Map::new();
    metric.insert("value".into(), json!(level.point * factor));
    if level.lower.is_finite() && level.upper.is_finite() {
        metric.insert("lower_value".into(), json!(level.lower * factor));
        metric.insert("upper_value".into(), json!(level.upper * factor));
    }
    Some((measure, Value::Object(metric)))
}

fn slug(unit: &str) -> String {
    let word: String =
        unit.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let word = word.trim_matches('-');
    if word.is_empty() { "value".to_owned() } else { word.to_owned() }
}
