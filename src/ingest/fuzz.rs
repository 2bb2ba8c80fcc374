//! Fuzz targets: whatever bytes an export holds, reading them ends without a panic, and every row is counted once.
//!
//! `cargo test` runs them on random input; `cargo bolero test ingest::fuzz::any_rows` runs one of them guided by coverage.

use super::{Receiver, Session, Settings, fields::Field, fields::parse_instant, recognise, structure_tasks};
use crate::model::{AttemptRef, Row, Timestamp};
use std::io::Write;

/// Headers of exports, so that the bytes behind them reach the readers of each table.
const HEADERS: [&str; 8] = [
    "task_id,dag_id,run_id,map_index,start_date,end_date,duration,state,try_number,max_tries,queued_dttm,updated_at",
    "task_id,dag_id,execution_date,start_date,end_date,duration,state,try_number,queued_dttm,executor_config",
    "id,task_id,dag_id,run_id,map_index,try_number,start_date,end_date,state,task_instance_id",
    "id,dag_id,queued_at,execution_date,start_date,end_date,state,run_id,run_type,data_interval_start",
    "id,dag_id,logical_date,run_after,start_date,end_date,state,run_id,run_type,triggered_by",
    "id,task_id,dag_id,run_id,map_index,start_date,end_date,duration",
    "id,task_id,dag_id,run_id,map_index,try_number,start_date,end_date,duration,reschedule_date",
    "dag_id,fileloc,data,data_compressed,last_updated,dag_hash",
];

/// Rows that stand for one of the source.
struct Kept(i128);

impl Receiver for Kept {
    fn row(&mut self, _: Row, counted: bool) -> bool {
        self.0 += i128::from(counted);
        true
    }

    fn attempt(&mut self, _: AttemptRef<'_>) -> bool {
        self.0 += 1;
        true
    }

    fn progress(&mut self, _: u64, _: u64) {}
}

/// Reads `bytes` as a file; rows that were neither emitted, ignored nor rejected, or an input that was refused.
fn read(bytes: &[u8]) -> Option<i128> {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("written");
    let sources = recognise(file.path(), "fuzz", &Settings::default()).ok()?;
    let mut missing = 0;
    for source in sources {
        let mut kept = Kept(0);
        if let Ok(reading) = source.read(&mut Session::new(Settings::default(), false), &mut kept, false) {
            let counts = reading.counts;
            missing += i128::from(counts.read) - i128::from(counts.ignored) - i128::from(counts.rejected) - kept.0;
        }
    }
    Some(missing)
}

#[test]
fn any_bytes() {
    bolero::check!().for_each(|bytes: &[u8]| {
        assert!(read(bytes).is_none_or(|missing| missing == 0));
    });
}

#[test]
fn any_rows() {
    bolero::check!().with_type::<(u8, Vec<u8>)>().for_each(|(header, body)| {
        let header = HEADERS[usize::from(*header) % HEADERS.len()];
        assert!(read(&[header.as_bytes(), b"\n", body].concat()).is_none_or(|missing| missing == 0));
    });
}

/// Fields that come near to being right: each drawn from values that exports hold, and from those that break readers.
#[test]
fn any_fields() {
    const FIELDS: [&str; 23] = [
        "",
        "\\N",
        "NULL",
        "a",
        "-1",
        "0",
        "1",
        "9223372036854775808",
        "1e309",
        "NaN",
        "success",
        "failed",
        "deferred",
        "2026-01-01 00:00:00+00",
        "2026-01-01 00:00:00.5",
        "9999-12-31 23:59:59.999999+14",
        "-9999-01-01",
        "\"",
        "t",
        "f",
        "{\"dag\":{\"tasks\":[{\"task_id\":\"a\",\"downstream_task_ids\":[\"b\"]}]}}",
        "\\x789c",
        "é\u{202e}",
    ];
    bolero::check!().with_type::<(u8, Vec<u8>)>().for_each(|(header, picks)| {
        let header = HEADERS[usize::from(*header) % HEADERS.len()];
        let width = header.split(',').count();
        let quoted = |pick: &u8| format!("\"{}\"", FIELDS[usize::from(*pick) % FIELDS.len()].replace('"', "\"\""));
        let rows: Vec<String> =
            picks.chunks(width).map(|row| row.iter().map(quoted).collect::<Vec<_>>().join(",")).collect();
        let missing = read(format!("{header}\n{}\n", rows.join("\n")).as_bytes());
        assert_eq!(missing, Some(0), "{header}\n{}", rows.join("\n"));
    });
}

#[test]
fn any_instant() {
    bolero::check!().with_type::<String>().for_each(|text| {
        if let Some((instant, _)) = parse_instant(text) {
            let again = parse_instant(&instant.to_string()).map(|(instant, _)| instant);
            assert_eq!(again, Some(instant), "{text}");
        }
    });
    bolero::check!().with_type::<i64>().for_each(|micros| {
        let instant = Timestamp::from_micros(*micros);
        let _ = (instant.to_string(), instant.month(), instant.date_string(), instant.minute_string());
    });
}

#[test]
fn any_serialized_dag() {
    bolero::check!().with_type::<(Vec<u8>, bool)>().for_each(|(bytes, compressed)| {
        let fields = if *compressed { (Field::Null, Field::Bytes(bytes)) } else { (Field::Bytes(bytes), Field::Null) };
        let _ = structure_tasks::read(&"d".into(), &"v".into(), fields.0, fields.1);
    });
}
