//! Single values: instants, and the serialized DAG.

use super::{blocks::Blocks, logs, metrics};
use crate::{
    ingest::{fields::Field, fields::parse_instant, logs::Format, metrics::Format as Metrics, structure_tasks},
    model::{Row, Timestamp},
};

/// Reads a value: a serialized DAG, plain or compressed, or an instant.
pub(super) fn values(bytes: &[u8]) {
    let (dag_id, version) = ("d".into(), "v".into());
    let packed = bytes.starts_with(b"\x78") || bytes.starts_with(b"\\x");
    if packed || bytes.starts_with(b"{") {
        let (data, compressed) =
            if packed { (Field::Null, Field::Bytes(bytes)) } else { (Field::Bytes(bytes), Field::Null) };
        if let Ok(structure) = structure_tasks::read(&dag_id, &version, data, compressed) {
            assert!(structure.edges.is_sorted() && structure.tasks.is_sorted_by(|a, b| a.task_id < b.task_id));
        }
        return;
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        instant(text);
    }
}

/// An instant comes back from its own text, and reads the same wherever it stands.
fn instant(text: &str) {
    let Some((instant, stated)) = parse_instant(text) else { return };
    let again = parse_instant(&instant.to_string()).map(|(instant, _)| instant);
    assert_eq!(again, Some(instant), "{text}");
    let _ = (instant.month(), instant.date_string(), instant.minute_string());
    if let Ok(general) = text.parse::<jiff::Timestamp>() {
        assert!(stated && general.as_microsecond() == instant.micros(), "{text}: {instant} and {general}");
    }
    // A leap second is the next minute to one reader and the last second to another; times before 1970 round otherwise.
    let odd = text.contains(":60") || instant < Timestamp::from_micros(0);
    // A date of digits alone is a unix time in front of a StatsD line.
    if odd || text.contains([' ', '\n', '\r', '\u{1b}', ']']) || text.bytes().all(|byte| byte.is_ascii_digit()) {
        return;
    }
    let line = format!("{text} a:1|c\n");
    let told = metrics::read(Metrics::StatsD, Blocks::whole(line.as_bytes()));
    for row in &told.rows {
        if let Row::Metric(sample) = row {
            assert_eq!(sample.ts, instant, "{text} in front of a StatsD line");
        }
    }
    let line = format!("[{text}] {{a.py:1}} INFO - x\n");
    for row in &logs::read(Format::Text, "scheduler.log", Blocks::whole(line.as_bytes())).rows {
        if let Row::Log(event) = row
            && let Some(ts) = event.ts.filter(|_| stated)
        {
            assert_eq!(ts, instant, "{text} in front of a log line");
        }
    }
}
