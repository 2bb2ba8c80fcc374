//! What Prometheus' HTTP API answers to `query` and `query_range`: matrices, vectors and scalars, streamed.
//!
//! Source: "HTTP API" of Prometheus' documentation. A series' `metric` stands before its `values`; values are texts.

use super::{
    super::{
        ids::Ids,
        reading::Fault,
        sink::{Halt, Sink},
    },
    Hints,
    exposition::kind_of,
    json::{self, Handler, Node},
    labels::Labels,
    names, number,
    series::{Maker, Series},
    unit,
};
use crate::model::Timestamp;
use serde_json::Value;
use std::io::BufRead;

/// Why a point is left out.
const NO_NUMBER: &str = "the value is NaN or infinite: nothing was measured";
/// Why a point is left out.
const NATIVE: &str = "a point of a native histogram: only plain numbers are kept";

/// Reads an answer.
pub(super) fn read(input: Box<dyn BufRead>, hints: &Hints<'_>, sink: &mut dyn Sink) -> Result<(), Halt> {
    let mut answer = Answer {
        ids: hints.ids,
        stem: stem(hints.name),
        maker: Maker::new("prometheus_api"),
        series: None,
        scalar: None,
        failed: false,
        nameless: 0,
        unresolved: None,
        sink,
    };
    let broken = json::walk(input, &mut answer)?;
    answer.finish();
    if let Some((line, fault)) = broken {
        sink.rejected(Some(line), &fault)?;
    }
    Ok(())
}

/// The file's name without its folder and endings: the name of a result whose expression has none.
fn stem(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(name);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    if stem.is_empty() { "expression".to_owned() } else { stem.to_owned() }
}

struct Answer<'a> {
    ids: &'a Ids,
    stem: String,
    maker: Maker,
    /// The series whose points come; why there is none.
    series: Option<Result<Series, Fault>>,
    /// Time of a scalar, which stands before its value.
    scalar: Option<Timestamp>,
    failed: bool,
    nameless: u64,
    /// Series whose names hold ids that are not known: how many, and the first.
    unresolved: Option<(u64, String)>,
    sink: &'a mut dyn Sink,
}

impl Handler for Answer<'_> {
    fn node(&self, path: &str) -> Node {
        match path {
            "/data/result/*/values/*" => Node::Take,
            ""
            | "/data"
            | "/data/result"
            | "/data/result/*"
            | "/data/result/*/values"
            | "/data/result/*/histograms" => Node::Enter,
            "/data/result/*/metric" | "/data/result/*/value" | "/data/result/*/histogram" => Node::Take,
            "/data/result/*/histograms/*" | "/status" | "/error" | "/warnings" | "/infos" => Node::Take,
            _ => Node::Skip,
        }
    }

    fn value(&mut self, path: &str, line: u64, value: Value) -> Result<(), Halt> {
        match path {
            "/data/result/*/values/*" | "/data/result/*/value" => self.point(line, &value),
            "/data/result/*/metric" => {
                let series = self.make(&value);
                self.series = Some(series);
                Ok(())
            }
            "/data/result/*/histograms/*" | "/data/result/*/histogram" => self.sink.ignored(NATIVE),
            "/data/result/*" => self.scalar(line, &value),
            "/status" => {
                self.failed = value == "error";
                Ok(())
            }
            "/error" => {
                let text = value.as_str().unwrap_or_default();
                self.sink.rejected(Some(line), &Fault::of("the server answered with an error", text))
            }
            "/warnings" | "/infos" => {
                for text in value.as_array().into_iter().flatten().filter_map(Value::as_str).take(10) {
                    self.sink.warn(format!("Prometheus says of this result: {}", Fault::of("warning", text).text()));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn end(&mut self, path: &str, _: u64) -> Result<(), Halt> {
        if path == "/data/result/*" {
            self.series = None;
        }
        Ok(())
    }
}

impl Answer<'_> {
    fn make(&mut self, metric: &Value) -> Result<Series, Fault> {
        let mut labels = Labels::default();
        let mut name = None;
        let pairs = metric.as_object().ok_or_else(|| json::fault("the labels of a series are no object", metric))?;
        for (key, value) in pairs {
            let text = value.as_str().ok_or_else(|| json::fault("a label is no text", value))?;
            if key == "__name__" { name = Some(text) } else { labels.add(key, text) }
        }
        let Some(name) = name else {
            self.nameless += 1;
            return self.maker.series(&self.stem, &mut labels, unit::NONE, crate::model::MetricKind::Unknown);
        };
        let kind = kind_of(name, &labels);
        let resolved = names::flat(name, &mut labels, self.ids);
        if resolved.unresolved {
            self.unresolved.get_or_insert_with(|| (0, name.to_owned())).0 += 1;
        }
        let unit = unit::of_name(name).or_else(|| names::flat_unit(&resolved.metric)).unwrap_or(unit::NONE);
        self.maker.series(&resolved.metric, &mut labels, unit, kind)
    }

    fn point(&mut self, line: u64, point: &Value) -> Result<(), Halt> {
        match self.row(point) {
            Ok(Some(row)) => self.sink.row(row),
            Ok(None) => self.sink.ignored(NO_NUMBER),
            Err(fault) => self.sink.rejected(Some(line), &fault),
        }
    }

    fn row(&self, point: &Value) -> Result<Option<crate::model::Row>, Fault> {
        let series = match &self.series {
            Some(Ok(series)) => series,
            Some(Err(fault)) => return Err(fault.clone()),
            None => return Err(json::fault("a point stands before the labels of its series", point)),
        };
        let Some([time, text]) = point.as_array().map(Vec::as_slice) else {
            return Err(json::fault("a point is not a time and a value", point));
        };
        let time = json::time(time).ok_or_else(|| json::fault("the time is not a time", time))?;
        let value = json::number(text).ok_or_else(|| json::fault("the value is not a number", text))?;
        Ok(series.at(time, value))
    }

    /// A scalar result is a time and a text, without labels.
    fn scalar(&mut self, line: u64, value: &Value) -> Result<(), Halt> {
        let Some(time) = self.scalar.take() else {
            self.scalar = json::time(value);
            return match self.scalar {
                Some(_) => Ok(()),
                None => self.sink.rejected(Some(line), &json::fault("the time is not a time", value)),
            };
        };
        let series =
            self.maker.series(&self.stem, &mut Labels::default(), unit::NONE, crate::model::MetricKind::Unknown);
        let told = value.as_str().and_then(|text| number::float(text.as_bytes()));
        match (series, told) {
            (Ok(series), Some(number)) => match series.at(time, number) {
                Some(row) => self.sink.row(row),
                None => self.sink.ignored(NO_NUMBER),
            },
            (Err(fault), _) => self.sink.rejected(Some(line), &fault),
            (_, None) => self.sink.ignored("a text that an expression gave, no number"),
        }
    }

    fn finish(&mut self) {
        if self.nameless > 0 {
            self.sink.warn(format!(
                "{} series have no name, as results of expressions have none: they are called `{}` after the file",
                self.nameless, self.stem
            ));
        }
        if let Some((count, name)) = &self.unresolved {
            self.sink.warn(format!(
                "{count} series are kept under names that hold ids which are not known, such as `{name}`: names \
                 are settled when metrics are read, so ingest the metadata database before them or at once, into a new lake"
            ));
        }
        if self.failed {
            self.sink.warn("the query failed: this file holds the server's error, and no series".to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::super::whole_tests::{Told, told};

    fn read(text: &str) -> Told {
        told(Format::PrometheusQuery, "query_range_mean.json", text.as_bytes())
    }

    #[test]
    fn a_matrix() {
        let got = read(concat!(
            r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"airflow_executor_open_slots","#,
            r#""instance":"127.0.0.1:9102"},"values":[[1795520026,"0"],[1795520041.5,"3"],[1795520056,"NaN"],[1,2,3]]}]}}"#
        ));
        assert_eq!(
            got.rows,
            [
                r#"airflow_executor_open_slots{"instance":"127.0.0.1:9102"} 0 - unknown 2026-11-24T11:33:46Z"#,
                r#"airflow_executor_open_slots{"instance":"127.0.0.1:9102"} 3 - unknown 2026-11-24T11:34:01.5Z"#,
            ]
        );
        assert_eq!(got.ignored, ["the value is NaN or infinite: nothing was measured"]);
        assert_eq!(got.faults, ["1: a point is not a time and a value: `[1,2,3]`"]);
    }

    #[test]
    fn vectors_scalars_histograms_and_errors() {
        let vector = read(
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"up"},"value":[1795520026,"1"]},{"metric":{"dag_id":"d"},"value":[1795520026,"2"]},{"metric":{"__name__":"h"},"histogram":[1,{"count":"1"}]}]}}"#,
        );
        assert_eq!(
            vector.rows,
            [
                "up{} 1 - unknown 2026-11-24T11:33:46Z",
                r#"query_range_mean{"dag_id":"d"} 2 - unknown 2026-11-24T11:33:46Z"#
            ]
        );
        assert_eq!(vector.ignored, [super::NATIVE]);
        let scalar = read(r#"{"status":"success","data":{"resultType":"scalar","result":[1795520026,"7.5"]}}"#);
        assert_eq!(scalar.rows, ["query_range_mean{} 7.5 - unknown 2026-11-24T11:33:46Z"]);
        let text = read(r#"{"status":"success","data":{"resultType":"string","result":[1795520026,"foo"]}}"#);
        assert_eq!(text.ignored, ["a text that an expression gave, no number"]);
        let error = read(r#"{"status":"error","errorType":"bad_data","error":"parse error at char 3"}"#);
        assert_eq!(error.faults, ["1: the server answered with an error: `parse error at char 3`"]);
    }

    #[test]
    fn unknown_ids_are_said_once() {
        let got = read(
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"airflow_dag_a_b_duration"},"value":[1,"1"]}]}}"#,
        );
        assert_eq!(got.rows, ["airflow_dag_a_b_duration{} 1 seconds unknown 1970-01-01T00:00:01Z"]);
        assert!(got.warnings[0].starts_with("1 series are kept under names that hold ids"), "{:?}", got.warnings);
    }

    #[test]
    fn a_file_that_is_cut_off_keeps_its_points() {
        let got = read(
            r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"x"},"values":[[1795520026,"0"],[17955"#,
        );
        assert_eq!((got.rows.len(), got.faults.len()), (1, 1));
        let before = read(r#"{"data":{"result":[{"values":[[1795520026,"0"]],"metric":{"__name__":"x"}}]}}"#);
        assert_eq!(before.faults.len(), 1, "a point without a series is told");
    }
}
