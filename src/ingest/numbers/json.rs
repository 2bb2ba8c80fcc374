//! Numbers as JSON: a list of numbers or objects, an object of columns, or an object a line.

use super::collect::{Collector, Entry};
use crate::ingest::Error;
use serde_json::Value;

pub(super) fn read(text: &str, collector: &mut Collector<'_>) -> Result<(), Error> {
    let documents: Vec<Value> = serde_json::Deserializer::from_str(text)
        .into_iter()
        .collect::<Result<_, _>>()
        .map_err(|error| collector.unrecognised(format!("is no JSON: {error}")))?;
    match documents.as_slice() {
        [Value::Array(entries)] => entries.iter().zip(1..).try_for_each(|(e, i)| entry(("entry", i), e, collector)),
        [Value::Object(columns)] if columns.get("value").is_some_and(Value::is_array) => by_column(columns, collector),
        lines => lines.iter().zip(1..).try_for_each(|(e, i)| entry(("entry", i), e, collector)),
    }
}

/// A number, or an object with `value` and perhaps `time` and `series_id`.
fn entry(place: (&'static str, u64), entry: &Value, collector: &mut Collector<'_>) -> Result<(), Error> {
    let Value::Object(fields) = entry else {
        return collector.push(&Entry { place, value: &text(entry), time: None, id: "" });
    };
    let Some(value) = fields.get("value") else {
        let there: Vec<&str> = fields.keys().take(12).map(String::as_str).collect();
        return Err(collector.unrecognised(format!(
            "{} {}: no `value`: there are {}",
            place.0,
            place.1,
            there.join(", ")
        )));
    };
    let time = fields.get("time").or_else(|| fields.get("timestamp")).map(text);
    let id = fields.get("series_id").map(text).unwrap_or_default();
    collector.push(&Entry { place, value: &text(value), time: time.as_deref(), id: &id })
}

fn by_column(columns: &serde_json::Map<String, Value>, collector: &mut Collector<'_>) -> Result<(), Error> {
    let list = |name: &str| columns.get(name).and_then(Value::as_array).map(Vec::as_slice);
    let values = list("value").unwrap_or_default();
    let (times, ids) = (list("time").or_else(|| list("timestamp")), list("series_id"));
    for (name, other) in [("time", times), ("series_id", ids)] {
        if let Some(other) = other.filter(|other| other.len() != values.len()) {
            let (have, want) = (other.len(), values.len());
            return Err(collector.unrecognised(format!("`{name}` has {have} entries, `value` {want}")));
        }
    }
    for (i, value) in values.iter().enumerate() {
        let time = times.map(|times| text(&times[i]));
        let id = ids.map(|ids| text(&ids[i])).unwrap_or_default();
        let place = ("entry", i as u64 + 1);
        collector.push(&Entry { place, value: &text(value), time: time.as_deref(), id: &id })?;
    }
    Ok(())
}

/// A value as it would stand in a CSV.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
