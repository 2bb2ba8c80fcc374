//! What `aws cloudwatch get-metric-data` and `get-metric-statistics` print, MWAA's metrics among them.
//!
//! Source: the API reference of Amazon CloudWatch. Times and values stand in two lists of equal length; the label of statistics
//! may stand behind them. So one result is held at a time: the API gives at most 100,800 points in one answer.

use super::{
    super::{
        reading::Fault,
        sink::{Halt, Sink},
    },
    json::{self, Handler, Node},
    labels::Labels,
    series::Maker,
    unit::{self, BYTES, PERCENT, SECONDS, Unit},
};
use crate::model::{MetricKind, Timestamp};
use serde_json::Value;
use std::io::BufRead;

/// Points of one result that are held: ten times what the API gives.
const MAX_POINTS: usize = 1_000_000;
/// Why a point is left out.
const NO_NUMBER: &str = "the value is NaN or infinite: nothing was measured";

/// Reads `MetricDataResults`.
pub(super) fn read_data(input: Box<dyn BufRead>, sink: &mut dyn Sink) -> Result<(), Halt> {
    let mut results = Results { maker: Maker::new("cloudwatch"), result: Metric::default(), sink };
    let broken = json::walk(input, &mut results)?;
    results.tell(broken.as_ref().map_or(0, |(line, _)| *line))?;
    match broken {
        Some((line, fault)) => results.sink.rejected(Some(line), &fault),
        None => Ok(()),
    }
}

/// Reads `Datapoints`.
pub(super) fn read_statistics(input: Box<dyn BufRead>, sink: &mut dyn Sink) -> Result<(), Halt> {
    let mut statistics = Statistics { maker: Maker::new("cloudwatch"), label: None, points: Vec::new(), sink };
    let broken = json::walk(input, &mut statistics)?;
    statistics.tell()?;
    match broken {
        Some((line, fault)) => statistics.sink.rejected(Some(line), &fault),
        None => Ok(()),
    }
}

#[derive(Default)]
struct Metric {
    id: Option<String>,
    label: Option<String>,
    times: Vec<Result<Timestamp, Fault>>,
    values: Vec<Result<f64, Fault>>,
    partial: bool,
}

struct Results<'s> {
    maker: Maker,
    result: Metric,
    sink: &'s mut dyn Sink,
}

impl Handler for Results<'_> {
    fn node(&self, path: &str) -> Node {
        match path {
            "" | "/MetricDataResults" | "/MetricDataResults/*" => Node::Enter,
            "/MetricDataResults/*/Timestamps" | "/MetricDataResults/*/Values" => Node::Enter,
            "/MetricDataResults/*/Timestamps/*" | "/MetricDataResults/*/Values/*" => Node::Take,
            "/MetricDataResults/*/Id" | "/MetricDataResults/*/Label" | "/MetricDataResults/*/StatusCode" => Node::Take,
            _ => Node::Skip,
        }
    }

    fn value(&mut self, path: &str, line: u64, value: Value) -> Result<(), Halt> {
        let result = &mut self.result;
        let text = value.as_str().map(str::to_owned);
        match path.rsplit_once("/MetricDataResults/*/").map(|(_, tail)| tail) {
            Some("Id") => result.id = text,
            Some("Label") => result.label = text,
            Some("StatusCode") => result.partial = text.as_deref() != Some("Complete"),
            Some("Timestamps/*") if result.times.len() < MAX_POINTS => {
                let time = json::time(&value);
                result.times.push(time.ok_or_else(|| json::fault("the time is not a time", &value)));
            }
            Some("Values/*") if result.values.len() < MAX_POINTS => {
                let number = json::number(&value);
                result.values.push(number.ok_or_else(|| json::fault("the value is not a number", &value)));
            }
            Some("Values/*") => {
                self.sink.rejected(Some(line), &Fault::new("more than 1,000,000 points in one result"))?
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, path: &str, line: u64) -> Result<(), Halt> {
        if path == "/MetricDataResults/*" { self.tell(line) } else { Ok(()) }
    }
}

impl Results<'_> {
    fn tell(&mut self, line: u64) -> Result<(), Halt> {
        let result = std::mem::take(&mut self.result);
        if result.values.is_empty() && result.times.is_empty() {
            return Ok(());
        }
        let name = result.label.as_deref().or(result.id.as_deref()).unwrap_or_default();
        if result.partial {
            self.sink.warn(format!("CloudWatch says that the data of `{}` are not complete", name.escape_debug()));
        }
        let mut labels = Labels::default();
        if let Some(id) = result.id.as_deref().filter(|id| *id != name) {
            labels.add("id", id.to_owned());
        }
        let series = self.maker.series(name, &mut labels, unit_of(name), MetricKind::Unknown);
        for place in 0..result.values.len().max(result.times.len()) {
            let row = match (&series, result.times.get(place), result.values.get(place)) {
                (Err(fault), ..) | (_, Some(Err(fault)), _) | (_, _, Some(Err(fault))) => Err(fault.clone()),
                (_, None, _) => Err(Fault::new("a value has no time: the lists differ in length")),
                (_, _, None) => Err(Fault::new("a time has no value: the lists differ in length")),
                (Ok(series), Some(Ok(ts)), Some(Ok(number))) => Ok(series.at(*ts, *number)),
            };
            match row {
                Ok(Some(row)) => self.sink.row(row)?,
                Ok(None) => self.sink.ignored(NO_NUMBER)?,
                Err(fault) => self.sink.rejected(Some(line), &fault)?,
            }
        }
        Ok(())
    }
}

/// One data point, read as far as it can be without the label.
struct Point {
    line: u64,
    ts: Timestamp,
    unit: Option<Unit>,
    /// Statistics and their numbers.
    numbers: Vec<(String, f64)>,
}

struct Statistics<'s> {
    maker: Maker,
    label: Option<String>,
    points: Vec<Point>,
    sink: &'s mut dyn Sink,
}

impl Handler for Statistics<'_> {
    fn node(&self, path: &str) -> Node {
        match path {
            "" | "/Datapoints" => Node::Enter,
            "/Datapoints/*" | "/Label" => Node::Take,
            _ => Node::Skip,
        }
    }

    fn value(&mut self, path: &str, line: u64, value: Value) -> Result<(), Halt> {
        match path {
            "/Label" => self.label = value.as_str().map(str::to_owned),
            "/Datapoints/*" => match point(line, &value) {
                Ok(point) if point.numbers.is_empty() => self.sink.ignored("a point without a statistic")?,
                Ok(point) if self.points.len() < MAX_POINTS => self.points.push(point),
                Ok(_) => {
                    self.sink.rejected(Some(line), &Fault::new("more than 1,000,000 points in one result"))?;
                }
                Err(fault) => self.sink.rejected(Some(line), &fault)?,
            },
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, path: &str, _: u64) -> Result<(), Halt> {
        if path.is_empty() { self.tell() } else { Ok(()) }
    }
}

/// Statistics that every point may hold; percentiles stand in `ExtendedStatistics`.
const STATISTICS: [&str; 5] = ["Average", "Sum", "Minimum", "Maximum", "SampleCount"];
/// Most percentiles of one point that are read; the API takes ten.
const MAX_EXTENDED: usize = 32;

fn point(line: u64, point: &Value) -> Result<Point, Fault> {
    let time = point.get("Timestamp").unwrap_or(&Value::Null);
    let ts = json::time(time).ok_or_else(|| json::fault("the time is not a time", time))?;
    let plain = STATISTICS.iter().filter_map(|statistic| Some((*statistic, point.get(*statistic)?)));
    let extended = point.get("ExtendedStatistics").and_then(Value::as_object);
    if extended.is_some_and(|extended| extended.len() > MAX_EXTENDED) {
        return Err(Fault::new("more than 32 percentiles in one point"));
    }
    let extended = extended.into_iter().flatten().map(|(statistic, value)| (statistic.as_str(), value));
    let mut numbers = Vec::new();
    for (statistic, value) in plain.chain(extended) {
        let number = json::number(value).ok_or_else(|| json::fault("the value is not a number", value))?;
        if statistic.len() > 64 {
            return Err(Fault::of("the name of a statistic is longer than 64 bytes", statistic));
        }
        numbers.push((statistic.to_owned(), number));
    }
    let unit = point.get("Unit").and_then(Value::as_str).map(stated_unit);
    Ok(Point { line, ts, unit, numbers })
}

impl Statistics<'_> {
    /// One sample a statistic, which is a label; the first stands for the point.
    fn tell(&mut self) -> Result<(), Halt> {
        let name = self.label.take().unwrap_or_else(|| "Datapoints".to_owned());
        for point in std::mem::take(&mut self.points) {
            let mut rows = Vec::with_capacity(point.numbers.len());
            let mut bad = None;
            for (statistic, number) in &point.numbers {
                let unit = if statistic == "SampleCount" { unit::NONE } else { point.unit.unwrap_or(unit_of(&name)) };
                let mut labels = Labels::default();
                labels.add("statistic", statistic.as_str());
                match self.maker.series(&name, &mut labels, unit, MetricKind::Unknown) {
                    Ok(series) => rows.extend(series.at(point.ts, *number)),
                    Err(fault) => bad = Some(fault),
                }
            }
            let mut rows = rows.into_iter();
            match (bad, rows.next()) {
                (Some(fault), _) => self.sink.rejected(Some(point.line), &fault)?,
                (None, Some(row)) => self.sink.row(row)?,
                (None, None) => self.sink.ignored(NO_NUMBER)?,
            }
            rows.try_for_each(|row| self.sink.implied(row))?;
        }
        Ok(())
    }
}

/// Units as the API names them; a count is a plain number.
fn stated_unit(unit: &str) -> Unit {
    unit::of_word(unit).unwrap_or(unit::NONE)
}

/// `get-metric-data` states no unit. These are documented for `AWS/MWAA` and `AWS/RDS`.
fn unit_of(name: &str) -> Unit {
    let last = name.rsplit(' ').next().unwrap_or_default();
    if last.ends_with("Utilization") {
        PERCENT
    } else if last == "ApproximateAgeOfOldestTask" {
        SECONDS
    } else if matches!(last, "FreeableMemory" | "FreeStorageSpace" | "SwapUsage") {
        BYTES
    } else {
        unit::NONE
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Format, whole_tests::told};

    #[test]
    fn metric_data() {
        let got = told(
            Format::CloudWatchData,
            "x",
            br#"{"MetricDataResults":[{"Id":"m1","Label":"BaseWorker CPUUtilization","Timestamps":["2026-11-24T11:35:00+00:00","2026-11-24T11:30:00Z",1795520000],"Values":[12.5,7],"StatusCode":"PartialData"},{"Id":"q","Label":"q","Timestamps":[],"Values":[]}],"Messages":[]}"#,
        );
        assert_eq!(
            got.rows,
            [
                r#"BaseWorker CPUUtilization{"id":"m1"} 12.5 percent unknown 2026-11-24T11:35:00Z"#,
                r#"BaseWorker CPUUtilization{"id":"m1"} 7 percent unknown 2026-11-24T11:30:00Z"#,
            ]
        );
        assert_eq!(got.faults, ["1: a time has no value: the lists differ in length"]);
        assert_eq!(got.warnings, ["CloudWatch says that the data of `BaseWorker CPUUtilization` are not complete"]);
    }

    #[test]
    fn metric_statistics_with_the_label_behind() {
        let got = told(
            Format::CloudWatchStatistics,
            "x",
            br#"{"Datapoints":[{"Timestamp":"2026-11-24T11:35:00Z","SampleCount":60.0,"Average":250.0,"Unit":"Milliseconds"},
                {"Timestamp":"2026-11-24T11:40:00Z","ExtendedStatistics":{"p99":2.0},"Unit":"Seconds"},
                {"Timestamp":"soon","Average":1}],"Label":"DAGDurationSuccess"}"#,
        );
        assert_eq!(
            got.rows,
            [
                r#"DAGDurationSuccess{"statistic":"Average"} 0.25 seconds unknown 2026-11-24T11:35:00Z"#,
                r#"DAGDurationSuccess{"statistic":"p99"} 2 seconds unknown 2026-11-24T11:40:00Z"#,
            ]
        );
        assert_eq!(got.implied, [r#"DAGDurationSuccess{"statistic":"SampleCount"} 60 - unknown 2026-11-24T11:35:00Z"#]);
        assert_eq!(got.faults, ["3: the time is not a time: `soon`"]);
    }
}
