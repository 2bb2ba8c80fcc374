//! `timeSeries` as Google Cloud Monitoring's API answers, Composer's metrics among them.
//!
//! Source: reference of `projects.timeSeries.list`. Points come newest first; whole numbers are texts. `metric` and `resource`
//! stand before the `points`, the `unit` may stand behind them: so one series is held, up to a bound.

use super::{
    super::{
        reading::Fault,
        sink::{Halt, Sink},
    },
    json::{self, Handler, Node},
    labels::Labels,
    series::{Maker, Series},
    unit::{self, Unit},
};
use crate::model::{MetricKind, Row, Timestamp};
use serde_json::Value;
use std::io::BufRead;

/// Points of one series that are held: the API's largest page.
const MAX_POINTS: usize = 100_000;
/// Why a point is left out.
const NO_NUMBER: &str = "the value is NaN or infinite: nothing was measured";

/// Reads an answer, or a list of series.
pub(super) fn read(input: Box<dyn BufRead>, sink: &mut dyn Sink) -> Result<(), Halt> {
    let mut answer = Answer { maker: Maker::new("cloud_monitoring"), one: One::default(), sink };
    let broken = json::walk(input, &mut answer)?;
    answer.tell()?;
    match broken {
        Some((line, fault)) => answer.sink.rejected(Some(line), &fault),
        None => Ok(()),
    }
}

#[derive(Default)]
struct One {
    metric: Value,
    resource: Value,
    kind: Option<String>,
    unit: Option<String>,
    points: Vec<Point>,
}

/// One point, read as far as it can be without its series' unit.
struct Point {
    line: u64,
    ts: Timestamp,
    number: Number,
}

enum Number {
    Plain(f64),
    /// A distribution: the mean of its values, where there are any, and their count.
    Many {
        mean: Option<f64>,
        count: f64,
    },
}

struct Answer<'s> {
    maker: Maker,
    one: One,
    sink: &'s mut dyn Sink,
}

/// What stands behind the path of one series: `/timeSeries/*`, or `/*` where the list stands alone.
fn within(path: &str) -> Option<&str> {
    path.strip_prefix("/timeSeries/*").or_else(|| path.strip_prefix("/*"))
}

impl Handler for Answer<'_> {
    fn node(&self, path: &str) -> Node {
        match (path, within(path)) {
            ("" | "/timeSeries", _) | (_, Some("" | "/points")) => Node::Enter,
            (_, Some("/metric" | "/resource" | "/metricKind" | "/unit" | "/points/*")) => Node::Take,
            _ => Node::Skip,
        }
    }

    fn value(&mut self, path: &str, line: u64, value: Value) -> Result<(), Halt> {
        match within(path) {
            Some("/metric") => self.one.metric = value,
            Some("/resource") => self.one.resource = value,
            Some("/metricKind") => self.one.kind = value.as_str().map(str::to_owned),
            Some("/unit") => self.one.unit = value.as_str().map(str::to_owned),
            Some("/points/*") if self.one.points.len() >= MAX_POINTS => {
                self.sink.rejected(Some(line), &Fault::new("more than 100,000 points in one series"))?;
            }
            Some("/points/*") => match point(line, &value) {
                Ok(point) => self.one.points.push(point),
                Err(fault) => self.sink.rejected(Some(line), &fault)?,
            },
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, path: &str, _: u64) -> Result<(), Halt> {
        if within(path) == Some("") { self.tell() } else { Ok(()) }
    }
}

fn point(line: u64, point: &Value) -> Result<Point, Fault> {
    let interval = point.get("interval").unwrap_or(&Value::Null);
    let time = interval.get("endTime").or_else(|| interval.get("startTime")).unwrap_or(&Value::Null);
    let ts = json::time(time).ok_or_else(|| json::fault("the time is not a time", time))?;
    let value = point.get("value").unwrap_or(&Value::Null);
    if let Some(distribution) = value.get("distributionValue") {
        // What is 0 is left out, as the API leaves out every default; without values there is no mean.
        let part = |name: &str| distribution.get(name).and_then(json::number);
        let count = part("count").unwrap_or(0.0);
        let mean = part("mean").or((count > 0.0).then_some(0.0));
        return Ok(Point { line, ts, number: Number::Many { mean, count } });
    }
    if value.get("stringValue").is_some() {
        return Err(json::fault("the value is a text, no number", value));
    }
    let flag = value.get("boolValue").and_then(Value::as_bool).map(f64::from);
    let found = ["doubleValue", "int64Value"].iter().find_map(|name| value.get(*name));
    let number = match (found, flag) {
        (Some(found), _) => json::number(found).ok_or_else(|| json::fault("the value is not a number", found))?,
        (None, Some(flag)) => flag,
        (None, None) => return Err(json::fault("the point has no value", value)),
    };
    Ok(Point { line, ts, number: Number::Plain(number) })
}

impl Answer<'_> {
    fn tell(&mut self) -> Result<(), Halt> {
        let one = std::mem::take(&mut self.one);
        for point in &one.points {
            match self.rows(&one, point) {
                Ok(rows) => {
                    let mut rows = rows.into_iter();
                    match rows.next() {
                        Some(row) => self.sink.row(row)?,
                        None => self.sink.ignored(NO_NUMBER)?,
                    }
                    rows.try_for_each(|row| self.sink.implied(row))?;
                }
                Err(fault) => self.sink.rejected(Some(point.line), &fault)?,
            }
        }
        Ok(())
    }

    /// A point is one sample; a distribution is two, its mean and its count.
    fn rows(&mut self, one: &One, point: &Point) -> Result<Vec<Row>, Fault> {
        let mut rows = Vec::new();
        match point.number {
            Number::Plain(number) => rows.extend(self.series(one, "", unit_of(one))?.at(point.ts, number)),
            Number::Many { mean, count } => {
                if let Some(mean) = mean {
                    rows.extend(self.series(one, ".mean", unit_of(one))?.at(point.ts, mean));
                }
                rows.extend(self.series(one, ".count", unit::NONE)?.at(point.ts, count));
            }
        }
        Ok(rows)
    }

    fn series(&mut self, one: &One, ending: &str, unit: Unit) -> Result<Series, Fault> {
        let name = one.metric.get("type").and_then(Value::as_str);
        let name = name.ok_or_else(|| json::fault("the metric has no type", &one.metric))?;
        let mut labels = Labels::default();
        for part in [&one.metric, &one.resource] {
            for (key, value) in part.get("labels").and_then(Value::as_object).into_iter().flatten() {
                labels.add(key.as_str(), value.as_str().unwrap_or_default());
            }
        }
        let kind = match one.kind.as_deref() {
            Some("CUMULATIVE") => MetricKind::Counter,
            Some("DELTA") => MetricKind::Increment,
            Some("GAUGE") => MetricKind::Gauge,
            _ => MetricKind::Unknown,
        };
        self.maker.series(&format!("{name}{ending}"), &mut labels, unit, kind)
    }
}

/// The unit in the words of the Unified Code for Units of Measure, else by the name: `utilization` is a ratio of 1.
fn unit_of(one: &One) -> Unit {
    let named = || match one.metric.get("type").and_then(Value::as_str) {
        Some(name) if name.ends_with("utilization") => (Some("ratio"), 1.0),
        _ => unit::NONE,
    };
    match one.unit.as_deref() {
        Some("By") => unit::BYTES,
        Some("KiBy" | "kiBy") => unit::KIBIBYTES,
        Some("MiBy") => (Some("bytes"), 1_048_576.0),
        Some("GiBy") => (Some("bytes"), 1_073_741_824.0),
        Some("10^2.%") => (Some("ratio"), 1.0),
        Some("%") => unit::PERCENT,
        Some(word @ ("s" | "ms" | "us" | "ns")) => unit::of_word(word).unwrap_or(unit::NONE),
        Some("min") => (Some("seconds"), 60.0),
        _ => named(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Format, whole_tests::told};

    const SERIES: &str = r#"{"metric":{"type":"composer.googleapis.com/environment/executor/open_slots","labels":{"a":"1"}},
        "resource":{"type":"cloud_composer_environment","labels":{"environment_name":"prod"}},"metricKind":"GAUGE","valueType":"INT64",
        "points":[{"interval":{"startTime":"2026-11-24T11:36:00Z","endTime":"2026-11-24T11:36:00Z"},"value":{"int64Value":"31"}},
                  {"interval":{"endTime":"2026-11-24T11:35:00Z"},"value":{"doubleValue":0.5}},
                  {"interval":{"endTime":"2026-11-24T11:34:00Z"},"value":{"boolValue":true}},
                  {"interval":{"endTime":"2026-11-24T11:33:00Z"},"value":{"stringValue":"x"}},
                  {"interval":{"endTime":"2026-11-24T11:32:00Z"},"value":{"distributionValue":{"count":"4","mean":250}}}],"unit":"ms"}"#;

    #[test]
    fn points_of_every_type() {
        for text in [format!(r#"{{"timeSeries":[{SERIES}],"unit":"1"}}"#), format!("[{SERIES}]")] {
            let got = told(Format::CloudMonitoring, "x", text.as_bytes());
            let name = "composer.googleapis.com/environment/executor/open_slots";
            let labels = r#"{"a":"1","environment_name":"prod"}"#;
            assert_eq!(
                got.rows,
                [
                    format!("{name}{labels} 0.031 seconds gauge 2026-11-24T11:36:00Z"),
                    format!("{name}{labels} 0.0005 seconds gauge 2026-11-24T11:35:00Z"),
                    format!("{name}{labels} 0.001 seconds gauge 2026-11-24T11:34:00Z"),
                    format!("{name}.mean{labels} 0.25 seconds gauge 2026-11-24T11:32:00Z"),
                ]
            );
            assert_eq!(got.implied, [format!("{name}.count{labels} 4 - gauge 2026-11-24T11:32:00Z")]);
            assert_eq!(got.faults.len(), 1, "a text is no number");
        }
    }
}
