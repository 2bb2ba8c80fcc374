//! What a processor tells of itself.

use super::Observed;
use std::collections::BTreeMap;

/// One batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchRecord {
    /// Place of its first item in the input.
    pub first: u64,
    /// How it went.
    pub seen: Observed,
    /// Items that the next one is to have.
    pub next_size: usize,
}

/// All batches of one size.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SizeRecord {
    /// Batches.
    pub batches: u64,
    /// Items handled.
    pub done: u64,
    /// Time taken.
    pub seconds: f64,
}

impl SizeRecord {
    /// Items handled a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.done as f64 / self.seconds.max(1e-9)
    }
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BatchReport {
    /// Place in the input where this run began.
    pub from: u64,
    /// Place in the input up to which every item is handled or a dead letter.
    pub position: u64,
    /// Items that this run handled.
    pub done: u64,
    /// Items that this run gave up on.
    pub dead: u64,
    /// Items that an earlier run had given up on, passed over.
    pub passed_over: u64,
    /// Calls of the handler.
    pub calls: u64,
    /// Those that failed.
    pub failed_calls: u64,
    /// Those that panicked.
    pub panics: u64,
    /// Seconds of pauses before tries.
    pub paused_s: f64,
    /// Seconds in all.
    pub seconds: f64,
    /// Most memory in use after a batch, as a share of what there is.
    pub most_memory: Option<f64>,
    /// By size, of whole batches.
    pub sizes: BTreeMap<usize, SizeRecord>,
}

impl BatchReport {
    /// Items handled a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.done as f64 / self.seconds.max(1e-9)
    }

    /// Share of the items of this run that were handled; 1 where there were none.
    #[must_use]
    pub fn success_rate(&self) -> f64 {
        match self.done + self.dead {
            0 => 1.0,
            all => self.done as f64 / all as f64,
        }
    }

    pub(super) fn add(&mut self, record: &BatchRecord) {
        let seen = &record.seen;
        if let Some(share) = seen.memory {
            self.most_memory = Some(self.most_memory.map_or(share, |most| most.max(share)));
        }
        let size = self.sizes.entry(seen.items).or_default();
        size.batches += 1;
        size.done += seen.done as u64;
        size.seconds += seen.seconds;
    }
}
