//! What is in generated events.

use super::{Event, Fate, Kind, OptionError, OrderOptions, stream::Events};
use crate::synth::Files;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::{self, Write},
};

/// Counts and sums of events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderTruth {
    /// Events that came.
    pub events: u64,
    /// Of these, those to be handled, by kind; without the duplicates.
    pub sound: BTreeMap<&'static str, u64>,
    /// Those that came before.
    pub duplicates: u64,
    /// Those that are no JSON.
    pub malformed: u64,
    /// Those that can never be handled.
    pub poison: u64,
    /// Those that came late.
    pub late: u64,
    /// Cents of all orders that are to be handled.
    pub revenue_cents: u64,
}

impl OrderTruth {
    /// Counts one more.
    pub fn count(&mut self, event: &Event) {
        self.events += 1;
        self.late += u64::from(event.late);
        match event.fate {
            Fate::Sound => {
                *self.sound.entry(event.kind.as_str()).or_default() += 1;
                self.revenue_cents += event.cents;
            }
            Fate::Duplicate => self.duplicates += 1,
            Fate::Malformed => self.malformed += 1,
            Fate::Poison => self.poison += 1,
        }
    }

    /// Events that a replay must handle, duplicates among them.
    #[must_use]
    pub fn to_be_handled(&self) -> u64 {
        self.events - self.malformed - self.poison
    }

    fn json(&self, options: &OrderOptions) -> Value {
        let by_kind: serde_json::Map<String, Value> = Kind::ALL
            .iter()
            .map(|kind| (kind.as_str().to_owned(), json!(self.sound.get(kind.as_str()).unwrap_or(&0))))
            .collect();
        json!({
            "seed": options.seed,
            "events": self.events,
            "sound": by_kind,
            "duplicates": self.duplicates,
            "malformed": self.malformed,
            "poison": self.poison,
            "late": self.late,
            "revenue_cents": self.revenue_cents,
        })
    }
}

/// Why events could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// There cannot be such a platform.
    #[error(transparent)]
    Option(#[from] OptionError),
    /// A file could not be written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Writes `events.jsonl` and `ground_truth.json`; at most so many events.
///
/// # Errors
/// Where there cannot be such a platform, or a file cannot be written.
pub fn write_orders(options: &OrderOptions, most: u64, files: &mut dyn Files) -> Result<OrderTruth, WriteError> {
    let events = Events::new(options)?;
    let mut truth = OrderTruth::default();
    let mut out = io::BufWriter::new(files.create("events.jsonl")?);
    for event in events.take(usize::try_from(most).unwrap_or(usize::MAX)) {
        truth.count(&event);
        writeln!(out, "{}", event.text)?;
    }
    out.flush()?;
    let mut out = files.create("ground_truth.json")?;
    writeln!(out, "{:#}", truth.json(options))?;
    out.flush()?;
    Ok(truth)
}
