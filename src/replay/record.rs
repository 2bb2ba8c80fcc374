//! A record of the workload as a handler reads it.

use serde::Deserialize;

/// What is read of a record; what else stands in it does not matter here.
#[derive(Debug, Deserialize)]
pub(super) struct Record<'a> {
    pub(super) kind: &'a str,
    pub(super) id: &'a str,
    pub(super) customer: u64,
    #[serde(default)]
    pub(super) total_cents: i64,
    #[serde(default)]
    pub(super) cents: i64,
    #[serde(default)]
    pub(super) seconds: i64,
    #[serde(default)]
    pub(super) visits: i64,
    #[serde(default)]
    pub(super) lines: Vec<Line>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Line {
    pub(super) product: u64,
    pub(super) quantity: i64,
    pub(super) cents: i64,
}

/// Reads a record, and refuses what no record can be.
pub(super) fn read(text: &str) -> Result<Record<'_>, String> {
    let record: Record<'_> = serde_json::from_str(text).map_err(|error| format!("malformed: {error}"))?;
    let lines = record.lines.iter().map(|line| line.quantity.min(line.cents)).min();
    let least = record.total_cents.min(record.cents).min(record.seconds).min(record.visits).min(lines.unwrap_or(0));
    let sum: i64 =
        record.lines.iter().map(|line| line.quantity.saturating_mul(line.cents)).fold(0, i64::saturating_add);
    match record.kind {
        _ if least < 0 => Err(format!("`{}` has an amount of {least}", record.id)),
        "order" if sum != record.total_cents => {
            Err(format!("the lines of `{}` make {sum} cents, not {}", record.id, record.total_cents))
        }
        _ => Ok(record),
    }
}
