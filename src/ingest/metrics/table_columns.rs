//! Which columns of a table are what: as the user maps them, or as the obvious names say.

use super::{
    super::reading::Fault,
    number,
    unit::{self, Unit},
};
use crate::model::{MetricKind, Timestamp};

/// How a table of the user's own is to be read. Columns are found by name, whatever its case.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CsvMapping {
    /// Column of the time.
    pub time: String,
    /// How it is written.
    pub time_format: TimeFormat,
    /// Column of the metric's name: one value a row. Without it each other column is a metric.
    pub metric: Option<String>,
    /// Column of the value. Without `metric` it alone is read, and gives the metric its name.
    pub value: Option<String>,
    /// Columns that become labels.
    pub labels: Vec<String>,
    /// Unit of all values, such as `ms`; a unit at the end of a metric's name comes first where this is not given.
    pub unit: Option<String>,
    /// How values relate to each other; `None` where it is not known.
    pub kind: Option<MetricKind>,
    /// Stands before the name of each metric.
    pub prefix: String,
}

/// How a time is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeFormat {
    /// RFC 3339 or a unix time whose size tells its unit.
    #[default]
    Auto,
    /// Unix seconds, whole or with a fraction.
    Seconds,
    /// Unix milliseconds.
    Milliseconds,
    /// Unix microseconds.
    Microseconds,
    /// Unix nanoseconds.
    Nanoseconds,
    /// RFC 3339, also with a space for the `T`; without an offset it is UTC.
    Rfc3339,
}

impl TimeFormat {
    pub(super) fn read(self, text: &[u8]) -> Result<Timestamp, Fault> {
        let text = text.trim_ascii();
        let time = match self {
            Self::Auto => number::any_time(text),
            Self::Seconds => number::unix_time_in(text, 1),
            Self::Milliseconds => number::unix_time_in(text, 1_000),
            Self::Microseconds => number::unix_time_in(text, 1_000_000),
            Self::Nanoseconds => number::unix_time_in(text, 1_000_000_000),
            Self::Rfc3339 => number::any_time(text).filter(|_| text.contains(&b'-')),
        };
        time.ok_or_else(|| Fault::of("the time is not a time", &String::from_utf8_lossy(text)))
    }
}

/// Places of the columns.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Columns {
    pub(super) time: usize,
    pub(super) time_format: TimeFormat,
    /// Columns that hold values, and the metric each is called.
    pub(super) values: Vec<(usize, String)>,
    /// Column that names the metric instead.
    pub(super) metric: Option<usize>,
    /// Column that names the unit.
    pub(super) unit: Option<usize>,
    pub(super) labels: Vec<(usize, String)>,
    /// Unit of all values.
    pub(super) all: Option<Unit>,
    pub(super) kind: MetricKind,
    pub(super) prefix: String,
}

/// Names of a column that holds the time.
const TIMES: [&str; 7] = ["time", "timestamp", "ts", "datetime", "date_time", "@timestamp", "_time"];
/// Names of a column that names the metric.
const METRICS: [&str; 5] = ["metric", "metric_name", "name", "__name__", "series"];
/// Names of a column that holds the value.
const VALUES: [&str; 3] = ["value", "val", "_value"];
/// Widest table that is read.
const MAX_COLUMNS: usize = 4_096;

impl Columns {
    /// As the user says. A column that is not there is a fault.
    pub(super) fn mapped(header: &[String], mapping: &CsvMapping) -> Result<Self, Fault> {
        let place = |name: &str| {
            let at = header.iter().position(|column| column.eq_ignore_ascii_case(name.trim()));
            at.ok_or_else(|| Fault::of("the table has no column of the name that windtunnel.toml gives", name))
        };
        let time = place(&mapping.time)?;
        let labels =
            mapping.labels.iter().map(|name| Ok((place(name)?, name.clone()))).collect::<Result<Vec<_>, Fault>>()?;
        let metric = mapping.metric.as_deref().map(place).transpose()?;
        let taken = |at: usize| at == time || Some(at) == metric || labels.iter().any(|(place, _)| *place == at);
        let values = match &mapping.value {
            Some(name) => vec![(place(name)?, name.clone())],
            None => header.iter().cloned().enumerate().filter(|(at, name)| !taken(*at) && !name.is_empty()).collect(),
        };
        let all = mapping.unit.as_deref().map(|word| {
            unit::of_word(word).ok_or_else(|| Fault::of("the unit that windtunnel.toml gives is not known", word))
        });
        Ok(Self {
            time,
            time_format: mapping.time_format,
            values,
            metric,
            unit: None,
            labels,
            all: all.transpose()?,
            kind: mapping.kind.unwrap_or(MetricKind::Unknown),
            prefix: mapping.prefix.clone(),
        })
    }

    /// As the names and the first rows say, in the obvious case: a time, and a name and a value or nothing but numbers.
    pub(super) fn obvious(header: &[String], rows: &[csv::ByteRecord]) -> Option<Self> {
        let place = |names: &[&str]| header.iter().position(|column| names.contains(&column.as_str()));
        let time = place(&TIMES)?;
        let full: Vec<&csv::ByteRecord> = rows.iter().filter(|row| row.len() == header.len()).collect();
        // A broken row among the first does not change what the others are.
        let most =
            |fits: &dyn Fn(&csv::ByteRecord) -> bool| full.iter().filter(|row| fits(row)).count() * 3 >= full.len() * 2;
        let timed = |row: &csv::ByteRecord| TimeFormat::Auto.read(row.get(time).unwrap_or_default()).is_ok();
        if header.len() > MAX_COLUMNS || full.is_empty() || !most(&timed) {
            return None;
        }
        let is_number = |text: &[u8]| text.trim_ascii().is_empty() || number::float(text.trim_ascii()).is_some();
        let numeric = |at: usize| most(&|row| row.get(at).is_some_and(is_number));
        let filled = |at: usize| full.iter().any(|row| row.get(at).is_some_and(|text| !text.trim_ascii().is_empty()));
        let columns = |values, metric, unit, labels| Self {
            time,
            time_format: TimeFormat::Auto,
            values,
            metric,
            unit,
            labels,
            all: None,
            kind: MetricKind::Unknown,
            prefix: String::new(),
        };
        if let (Some(metric), Some(value)) = (place(&METRICS), place(&VALUES).filter(|at| numeric(*at))) {
            let unit = place(&["unit"]);
            let rest = header.iter().cloned().enumerate();
            let labels = rest.filter(|(at, _)| ![Some(time), Some(metric), Some(value), unit].contains(&Some(*at)));
            return Some(columns(vec![(value, "value".to_owned())], Some(metric), unit, labels.collect()));
        }
        let values: Vec<_> = header.iter().cloned().enumerate().filter(|(at, _)| *at != time).collect();
        let named = values.iter().all(|(_, name)| !name.is_empty() && number::float(name.as_bytes()).is_none());
        let all_numbers = values.iter().all(|(at, _)| numeric(*at)) && values.iter().any(|(at, _)| filled(*at));
        (named && all_numbers && !values.is_empty()).then(|| columns(values, None, None, Vec::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn obvious(text: &str) -> Option<Columns> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
        let mut rows = reader.byte_records().collect::<Result<Vec<_>, _>>().expect("rows");
        let header = super::super::records::names(&rows.remove(0));
        Columns::obvious(&header, &rows)
    }

    #[test]
    fn the_obvious_case() {
        let wide = obvious("Time,cpu_percent,load\n1795520026,1.5,\n1795520027,2,3\n").expect("wide");
        assert_eq!((wide.time, wide.values.len(), wide.metric), (0, 2, None));
        let long = obvious("ts,metric,value,host\n2026-11-24T11:33:46Z,load,3,vm\n").expect("long");
        assert_eq!(
            (long.metric, long.values, long.labels),
            (Some(1), vec![(2, "value".to_owned())], vec![(3, "host".to_owned())])
        );
    }

    #[test]
    fn what_is_no_table_of_metrics() {
        for text in [
            "dag_id,run_id,start_date\nd,r,2026-11-24\n",
            "task_id,dag_id,execution_date,email_sent,timestamp\nt,d,2026-11-24,t,2026-11-24\n",
            "id,dag_id,task_id,timestamp\n1,d,t,2026-11-24 11:00:00\n",
            "time,a\n",
            "time,a\nyesterday,1\n",
            "time\n1795520026\n",
            "time,1\n1795520026,2\n",
            "minute_utc,n\n2026-11-24T12:21:00Z,29\n",
        ] {
            assert_eq!(obvious(text), None, "{text}");
        }
    }

    #[test]
    fn a_mapping_names_its_columns() {
        let header = ["when", "v", "host"].map(str::to_owned);
        let mapping = CsvMapping {
            time: "When".into(),
            labels: vec!["host".into()],
            unit: Some("ms".into()),
            ..CsvMapping::default()
        };
        let columns = Columns::mapped(&header, &mapping).expect("mapped");
        assert_eq!(
            (columns.time, columns.values, columns.all),
            (0, vec![(1, "v".to_owned())], Some(unit::MILLISECONDS))
        );
        let missing = CsvMapping { time: "at".into(), ..CsvMapping::default() };
        assert_eq!(Columns::mapped(&header, &missing).expect_err("missing").value(), Some("at"));
    }

    #[test]
    fn times_in_a_stated_unit() {
        let read = |format: TimeFormat, text: &str| format.read(text.as_bytes()).map(|time| time.to_string()).ok();
        let want = Some("2026-11-24T11:33:46Z".to_owned());
        assert_eq!(read(TimeFormat::Seconds, "1795520026"), want);
        assert_eq!(read(TimeFormat::Milliseconds, "1795520026000"), want);
        assert_eq!(read(TimeFormat::Microseconds, "1795520026000000"), want);
        assert_eq!(read(TimeFormat::Nanoseconds, "1795520026000000000"), want);
        assert_eq!(read(TimeFormat::Rfc3339, "2026-11-24 12:33:46+01:00"), want);
        assert_eq!(read(TimeFormat::Rfc3339, "1795520026"), None);
        assert_eq!(read(TimeFormat::Seconds, "2026-11-24"), None);
    }
}
