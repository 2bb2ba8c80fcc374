//! Metrics in every form.

use super::{
    blocks::{Blocks, same_in_blocks, stands_before_a_break},
    head,
    told::Told,
};
use crate::{
    ingest::{
        CsvMapping, TimerUnit,
        ids::Ids,
        metrics::{self, Durations, Format, Hints},
    },
    model::Timestamp,
};
use std::io::BufRead;

/// Reads captured StatsD lines.
pub(super) fn statsd(bytes: &[u8]) {
    let Some(format) = recognised(bytes).filter(|format| *format == Format::StatsD) else { return };
    let told = same_in_blocks(bytes, |input| read(format, input));
    stands_before_a_break(bytes, &told, |input| read(format, input));
}

/// Reads lines of Prometheus and Influx. Of the first each that is no comment is told once.
pub(super) fn exposition(bytes: &[u8]) {
    use Format::{Exposition, Influx, TsdbDump};
    let known = |format: &Format| matches!(format, Exposition | TsdbDump | Influx);
    let Some(format) = recognised(bytes).filter(known) else { return };
    let told = same_in_blocks(bytes, |input| read(format, input));
    stands_before_a_break(bytes, &told, |input| read(format, input));
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let samples = lines.filter(|line| !line.is_empty() && !line.starts_with(b"#")).count();
    match format {
        Influx => assert!(told.counted() >= samples, "{told:#?}"),
        _ => assert_eq!(told.counted(), samples, "{told:#?}"),
    }
}

/// Reads JSON of Prometheus, of two clouds and of sysstat.
pub(super) fn json(bytes: &[u8]) {
    use Format::{CloudMonitoring, CloudWatchData, CloudWatchStatistics, PrometheusQuery, SadfJson};
    let known = |format: &Format| {
        matches!(format, CloudMonitoring | CloudWatchData | CloudWatchStatistics | PrometheusQuery | SadfJson)
    };
    let Some(format) = recognised(bytes).filter(known) else { return };
    let told = same_in_blocks(bytes, |input| read(format, input));
    stands_before_a_break(bytes, &told, |input| read(format, input));
}

/// Reads tables: of sysstat, of PostgreSQL's views, of a user's own.
pub(super) fn tables(bytes: &[u8]) {
    use Format::{PgActivity, PgLocks, PgStatements, Sadf, Table};
    let known = |format: &Format| matches!(format, PgActivity | PgLocks | PgStatements | Sadf | Table);
    let Some(format) = recognised(bytes).filter(known) else { return };
    let told = same_in_blocks(bytes, |input| read(format, input));
    if !bytes.contains(&b'"') {
        stands_before_a_break(bytes, &told, |input| read(format, input));
    }
}

/// A user's own table has a column `when`.
fn is_mapped(bytes: &[u8]) -> bool {
    bytes.starts_with(b"when,")
}

pub(super) fn recognised(bytes: &[u8]) -> Option<Format> {
    if is_mapped(bytes) { Some(Format::Table) } else { metrics::recognise(head(bytes), "x") }
}

pub(super) fn read(format: Format, input: Blocks) -> Told {
    let mapped = CsvMapping {
        time: "when".to_owned(),
        metric: Some("what".to_owned()),
        value: Some("how_much".to_owned()),
        labels: vec!["where".to_owned()],
        prefix: "own.".to_owned(),
        ..CsvMapping::default()
    };
    let head = input.clone().fill_buf().unwrap_or_default().to_vec();
    let (mut ids, mut durations) = (Ids::default(), Durations::default());
    for (dag_id, task_id) in [("orders_etl", "transform.enrich_orders"), ("users_sync", "extract_users")] {
        ids.insert(&dag_id.into(), &task_id.into());
        durations.insert(&dag_id.into(), &task_id.into(), 2.5);
    }
    let hints = Hints {
        ids: &ids,
        durations: &durations,
        timer_unit: TimerUnit::Auto,
        airflow_major: None,
        scrape_time: Some(Timestamp::from_micros(1_795_520_058_000_000)),
        name: "capture",
        csv: (format == Format::Table && (head.starts_with(b"w"))).then_some(&mapped),
    };
    let open = || -> std::io::Result<Box<dyn BufRead>> { Ok(Box::new(input.clone())) };
    let mut told = Told::default();
    metrics::read(format, &open, &hints, &mut told).expect("nothing stops");
    told
}
