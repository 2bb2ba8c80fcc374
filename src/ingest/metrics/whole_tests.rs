//! What all formats promise: no bytes panic, and each row of a source is told once.

use super::{CsvMapping, Durations, Format, Hints, TimerUnit, read, recognise, time_in_name};
use crate::{
    ingest::{ids::Ids, sink::Collected},
    model::{Row, Timestamp},
};
use proptest::prelude::*;
use std::io::Cursor;

/// What a reader told, as text.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) rows: Vec<String>,
    pub(super) implied: Vec<String>,
    pub(super) ignored: Vec<String>,
    pub(super) faults: Vec<String>,
    pub(super) warnings: Vec<String>,
}

/// IDs of the DAGs that the samples come from.
pub(super) fn ids() -> Ids {
    let mut ids = Ids::default();
    for (dag_id, task_id) in [
        ("orders_etl", "extract.extract_orders"),
        ("orders_etl", "extract.extract_order_items"),
        ("orders_etl", "transform.enrich_orders"),
        ("users_sync", "extract_users"),
        ("inventory_sync", "pull_stock"),
        ("ml_features", "train_ranker"),
    ] {
        ids.insert(&dag_id.into(), &task_id.into());
    }
    ids
}

pub(super) fn told(format: Format, name: &str, text: &[u8]) -> Told {
    told_with(format, name, text, &Durations::default())
}

pub(super) fn told_with(format: Format, name: &str, text: &[u8], durations: &Durations) -> Told {
    told_by(format, text, &Hints { name, durations, ..hints(&ids(), &Durations::default()) })
}

pub(super) fn told_mapped(mapping: &CsvMapping, text: &[u8]) -> Told {
    told_by(Format::Table, text, &Hints { csv: Some(mapping), ..hints(&ids(), &Durations::default()) })
}

pub(super) fn hints<'a>(ids: &'a Ids, durations: &'a Durations) -> Hints<'a> {
    Hints { ids, durations, timer_unit: TimerUnit::Auto, airflow_major: None, scrape_time: None, name: "", csv: None }
}

pub(super) fn told_by(format: Format, text: &[u8], hints: &Hints<'_>) -> Told {
    let mut sink = Collected::default();
    let open = || -> std::io::Result<Box<dyn std::io::BufRead>> { Ok(Box::new(Cursor::new(text.to_vec()))) };
    read(format, &open, hints, &mut sink).expect("nothing stops");
    let shown = |row: &Row| match row {
        Row::Metric(s) => {
            let unit = s.unit.as_deref().unwrap_or("-");
            format!("{}{} {} {unit} {} {}", s.metric, s.labels, s.value, s.kind.as_str(), s.ts)
        }
        other => format!("{other:?}"),
    };
    Told {
        rows: sink.rows.iter().map(shown).collect(),
        implied: sink.implied.iter().map(shown).collect(),
        ignored: sink.ignored,
        faults: sink
            .faults
            .iter()
            .map(|(line, fault)| format!("{}: {}", line.map_or("-".to_owned(), |line| line.to_string()), fault.text()))
            .collect(),
        warnings: sink.warnings,
    }
}

const FORMATS: [Format; 14] = [
    Format::StatsD,
    Format::Exposition,
    Format::TsdbDump,
    Format::PrometheusQuery,
    Format::Influx,
    Format::CloudWatchData,
    Format::CloudWatchStatistics,
    Format::CloudMonitoring,
    Format::Sadf,
    Format::SadfJson,
    Format::PgActivity,
    Format::PgLocks,
    Format::PgStatements,
    Format::Table,
];

/// Pieces that metric formats are made of, and those that break readers.
const PIECES: [&str; 48] = [
    "1795520011.07 ",
    "airflow.dag.orders_etl.extract.extract_orders.duration",
    "airflow.task.duration",
    "airflow.ti.finish",
    "airflow.dagrun.x.first_task_scheduling_delay",
    "airflow.dagrun.first_task_scheduling_delay",
    ",dag_id=d",
    "|#dag_id:d",
    ":",
    "1",
    "-5",
    "+3",
    "0",
    "|c",
    "|g",
    "|ms",
    "|s",
    "|@0.1",
    "|@0",
    "\\n",
    " ",
    "{",
    "}",
    "\"",
    "\\",
    "=",
    ",",
    ";",
    "a",
    "x_seconds",
    "# TYPE x_seconds counter\n",
    "# EOF\n",
    "NaN",
    "1e999",
    "99999999999999999999",
    "é",
    "\u{202e}",
    "\r",
    "[",
    "]",
    "null",
    "true",
    "\"values\":",
    "\"timeSeries\":",
    "\"data\":",
    "\"result\":",
    "# hostname;interval;timestamp;CPU;%user\n",
    "time,value\n",
];

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = recognise(&bytes, "x");
        for format in FORMATS {
            told(format, "x", &bytes);
        }
    }

    #[test]
    fn no_pieces_panic(picks in prop::collection::vec((0..PIECES.len(), any::<bool>()), 0..60)) {
        let text: String =
            picks.iter().map(|(pick, ends)| format!("{}{}", PIECES[*pick], if *ends { "\n" } else { "" })).collect();
        let _ = recognise(text.as_bytes(), "x");
        for format in FORMATS {
            told(format, "x", text.as_bytes());
        }
    }

    /// One metric a line: as many things are told as there are lines.
    #[test]
    fn each_line_of_statsd_is_told_once(lines in prop::collection::vec((0..12_usize, 0..6_u32), 0..80)) {
        let bodies = [
            "airflow.dag.orders_etl.extract.extract_orders.duration:5|ms", "airflow.task.duration:5|ms", "airflow.ti.start:1|c",
            "airflow.ti.start.users_sync.extract_users:1|c", "airflow.ti.finish:0|c", "x:+1|g", "x:3|g", "broken", "x:a|c", "x:1|c|@2",
            "airflow.dagrun.d.first_task_scheduling_delay:5|ms", "airflow.dagrun.first_task_scheduling_delay:5|ms",
        ];
        let text: String = lines.iter().map(|(body, at)| format!("179552001{at}.5 {}\n", bodies[*body])).collect();
        let got = told(Format::StatsD, "x", text.as_bytes());
        prop_assert_eq!(got.rows.len() + got.ignored.len() + got.faults.len(), lines.len(), "{}\n{:?}", text, got);
    }

    /// So it is for the other formats of lines.
    #[test]
    fn each_line_is_told_once(lines in prop::collection::vec("[ -~]{1,30}", 0..20)) {
        let kept: Vec<_> = lines.iter().filter(|line| !line.trim().is_empty()).collect();
        let samples = kept.iter().filter(|line| !line.trim().starts_with('#')).count();
        let text = lines.join("\n");
        for format in [Format::Exposition, Format::TsdbDump] {
            let got = told(format, "x", text.as_bytes());
            prop_assert_eq!(got.rows.len() + got.ignored.len() + got.faults.len(), samples);
        }
        let got = told(Format::Sadf, "x", text.as_bytes());
        prop_assert_eq!(got.rows.len() + got.ignored.len() + got.faults.len(), kept.len());
    }

    /// For points of an answer.
    #[test]
    fn each_point_is_told_once(points in prop::collection::vec("[1-9][0-9]{0,9},\"([0-9.]{1,4}|NaN|x)\"|\"x\",\"1\"|1", 0..20)) {
        let values = points.iter().map(|point| format!("[{point}]")).collect::<Vec<_>>().join(",");
        let text = format!(r#"{{"data":{{"result":[{{"metric":{{"__name__":"x"}},"values":[{values}]}}]}}}}"#);
        let got = told(Format::PrometheusQuery, "x", text.as_bytes());
        prop_assert_eq!(got.rows.len() + got.ignored.len() + got.faults.len(), points.len(), "{}\n{:?}", text, got);
    }

    /// And for tables.
    #[test]
    fn each_row_is_told_once(rows in prop::collection::vec(("[0-9]{1,12}|x|", "[0-9.]{1,4}|NaN|x|", "[0-9]{1,3}|"), 0..20)) {
        let mapping = CsvMapping { time: "time".into(), ..CsvMapping::default() };
        let body: String = rows.iter().map(|(a, b, c)| format!("{a},{b},{c}\n")).collect();
        let got = told_mapped(&mapping, format!("time,b,c\n{body}").as_bytes());
        prop_assert_eq!(got.rows.len() + got.ignored.len() + got.faults.len(), rows.len());
        let view = format!("sampled_at,calls,rows\n{body}");
        let got = told(Format::PgStatements, "x", view.as_bytes());
        prop_assert_eq!(got.rows.len() + got.ignored.len() + got.faults.len(), rows.len());
    }
}

#[test]
fn a_name_may_state_the_time() {
    let shown = |name: &str| time_in_name(name).map(|time: Timestamp| time.to_string());
    assert_eq!(shown("1795521111/node_1795520058.prom.gz").as_deref(), Some("2026-11-24T11:34:18Z"));
    assert_eq!(shown("node_1795520058123.prom").as_deref(), Some("2026-11-24T11:34:18.123Z"));
    assert_eq!(shown("node.prom"), None);
    assert_eq!(shown("report_20261124.prom"), None);
}
