//! Metrics that Airflow, its host and its database left behind, in every form that people have on hand, to samples.
//!
//! Values are seconds and bytes whatever the source counts in; what a name and its tags say of a DAG or a task are labels.
//! A row of a source is what it counts by: a value of a StatsD line, a sample of an exposition, a point of a JSON answer, a
//! line of a table. Where one line of a table gives several samples, the first stands for the line and the others are implied.

mod cloud_monitoring;
mod cloudwatch;
mod exposition;
mod influx;
mod json;
mod labels;
mod lines;
mod names;
mod number;
mod postgres;
mod prometheus_query;
mod recognise;
mod records;
mod sadf;
mod sadf_json;
mod sadf_names;
mod series;
mod statsd;
mod statsd_line;
mod survey;
mod table;
mod table_columns;
mod timers;
mod timers_check;
mod twins;
mod unit;
#[cfg(test)]
mod whole_tests;

pub use table_columns::{CsvMapping, TimeFormat};
pub(in crate::ingest) use timers::Durations;
pub use timers::TimerUnit;

use super::{
    ids::Ids,
    sink::{Halt, Sink},
};
use crate::model::Timestamp;
use std::io::{self, BufRead};

/// A form in which metrics come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Captured StatsD lines, plain or with the tags of Datadog or Influx.
    StatsD,
    /// What a Prometheus exporter answers: text exposition or OpenMetrics.
    Exposition,
    /// `promtool tsdb dump`
    TsdbDump,
    /// What Prometheus' HTTP API answers to `query` and `query_range`.
    PrometheusQuery,
    /// Influx line protocol.
    Influx,
    /// `aws cloudwatch get-metric-data`
    CloudWatchData,
    /// `aws cloudwatch get-metric-statistics`
    CloudWatchStatistics,
    /// `timeSeries` of Google Cloud Monitoring.
    CloudMonitoring,
    /// `sadf -d` of sysstat.
    Sadf,
    /// `sadf -j` of sysstat.
    SadfJson,
    /// Samples of PostgreSQL's `pg_stat_activity` as CSV.
    PgActivity,
    /// Samples of PostgreSQL's `pg_locks` as CSV.
    PgLocks,
    /// PostgreSQL's `pg_stat_statements` as CSV.
    PgStatements,
    /// Any other table with a time and numbers.
    Table,
}

impl Format {
    /// What it is, for people.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::StatsD => "StatsD capture",
            Self::Exposition => "Prometheus text exposition",
            Self::TsdbDump => "promtool tsdb dump",
            Self::PrometheusQuery => "Prometheus query result (JSON)",
            Self::Influx => "Influx line protocol",
            Self::CloudWatchData => "CloudWatch get-metric-data (JSON)",
            Self::CloudWatchStatistics => "CloudWatch get-metric-statistics (JSON)",
            Self::CloudMonitoring => "Cloud Monitoring time series (JSON)",
            Self::Sadf => "sysstat (sadf -d)",
            Self::SadfJson => "sysstat (sadf -j)",
            Self::PgActivity => "pg_stat_activity samples (CSV)",
            Self::PgLocks => "pg_locks samples (CSV)",
            Self::PgStatements => "pg_stat_statements (CSV)",
            Self::Table => "metrics table (CSV)",
        }
    }
}

/// What is known besides the source itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hints<'a> {
    /// DAG and task ids, to take names apart.
    pub(super) ids: &'a Ids,
    /// Durations of tasks, to check the unit of timers.
    pub(super) durations: &'a Durations,
    /// What the user says of timers.
    pub(super) timer_unit: TimerUnit,
    /// Major version of the Airflow that sent the metrics, where it is known.
    pub(super) airflow_major: Option<u8>,
    /// Time of a source that states none: that of the file's last change. A time in `name` comes first.
    pub(super) scrape_time: Option<Timestamp>,
    /// The file's name: it may hold a time, and names the result of an expression.
    pub(super) name: &'a str,
    /// How a table of the user's own is to be read.
    pub(super) csv: Option<&'a CsvMapping>,
}

/// Why reading stopped before the end.
#[derive(Debug)]
pub(super) enum Stop {
    /// The receiver knows.
    Halt,
    /// The input could not be opened.
    Io(io::Error),
}

impl From<Halt> for Stop {
    fn from(_: Halt) -> Self {
        Self::Halt
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Opens the source from its beginning, decompressed. Some formats are looked at before they are read.
pub(super) type Open<'a> = &'a dyn Fn() -> io::Result<Box<dyn BufRead>>;

/// The format of a source, by its first bytes (8 KB, decompressed); `name` decides only where they fit two.
pub(super) fn recognise(head: &[u8], name: &str) -> Option<Format> {
    recognise::recognise(head, name)
}

/// Reads a source to its end. What is wrong inside it goes to `sink`; an error is only that it could not be opened, or that the
/// sink stopped.
pub(super) fn read(format: Format, open: Open<'_>, hints: &Hints<'_>, sink: &mut dyn Sink) -> Result<(), Stop> {
    match format {
        Format::Exposition | Format::TsdbDump | Format::PrometheusQuery | Format::Influx => {
            timers_check::read(format, open, hints, sink)
        }
        _ => read_as_is(format, open, hints, sink),
    }
}

/// Reads a source without a look at its timers beforehand.
fn read_as_is(format: Format, open: Open<'_>, hints: &Hints<'_>, sink: &mut dyn Sink) -> Result<(), Stop> {
    if format == Format::StatsD {
        return statsd::read(open, hints, sink);
    }
    let input = open()?;
    let read = match format {
        Format::StatsD => Ok(()), // above
        Format::Exposition => exposition::read(input, hints, "prometheus", sink),
        Format::TsdbDump => exposition::read(input, hints, "promtool", sink),
        Format::PrometheusQuery => prometheus_query::read(input, hints, sink),
        Format::Influx => influx::read(input, hints, sink),
        Format::CloudWatchData => cloudwatch::read_data(input, sink),
        Format::CloudWatchStatistics => cloudwatch::read_statistics(input, sink),
        Format::CloudMonitoring => cloud_monitoring::read(input, sink),
        Format::Sadf => sadf::read(input, sink),
        Format::SadfJson => sadf_json::read(input, sink),
        Format::PgActivity | Format::PgLocks | Format::PgStatements => postgres::read(format, input, hints, sink),
        Format::Table => table::read(input, hints, sink),
    };
    Ok(read?)
}

/// The time that a file's name states: a unix time, as in `node_1795520058.prom`.
pub(super) fn time_in_name(name: &str) -> Option<Timestamp> {
    let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let mut numbers = name.split(|c: char| !c.is_ascii_digit()).filter(|digits| matches!(digits.len(), 10 | 13));
    numbers.find_map(|digits| number::unix_time(digits.as_bytes()))
}
