//! Batches whose size fits the work: items are handled in batches, each exactly once or told as a dead letter.
//!
//! **Failures.** A batch that fails for a while is tried again once after a pause, unless it is larger than any that went well; one
//! that fails again, is rejected or panics is halved until the items that are to blame stand alone. Those are tried [`Settings::retries`] times with doubling pauses, and
//! what fails still is a dead letter with its reason. A handler that tells which items failed ([`Failure::Items`]) has only those
//! tried again.
//!
//! **Exactly once.** Batches are handled in the order of the input, so what is handled is a prefix of it. A handler that keeps the
//! end of that prefix together with what it writes, in one transaction, tells it after a crash ([`Handler::position`]): no item is
//! lost and none is handled twice, whenever the process dies. One that tells items which failed keeps the batch's beginning instead
//! of its end, for those items are not yet kept as dead letters; it must do nothing the second time that it sees an item. For any other
//! handler a [`Checkpoint`] keeps the position, and the last batch may be handled once more.
//!
//! **Sizes** are chosen by a [`Policy`]: fixed, the rules that many hand-written loops have, or the search for the size of most
//! items a second.

mod belief;
mod checkpoint;
mod choice;
mod failures;
mod handler;
mod letters;
mod level;
mod report;
mod run;
mod search;
mod settle;
mod worth;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod shapes;
#[cfg(test)]
mod stalls;
#[cfg(test)]
mod tests;

pub use checkpoint::Checkpoint;
pub use choice::{Observed, Policy};
pub use handler::{Batch, Failure, Handler, ItemFailure};
pub use letters::{DeadLetters, Letter, LetterFile};
pub use report::{BatchRecord, BatchReport, SizeRecord};
pub use run::{Interrupted, Processor, StopReason};

use std::{ops::RangeInclusive, time::Duration};

/// What a processor goes by.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Items of the first batch. Default 1,000.
    pub initial: usize,
    /// Sizes that batches may have. Default 100 to 10,000.
    pub sizes: RangeInclusive<usize>,
    /// How sizes are chosen.
    pub policy: Policy,
    /// Share of the memory that there is above which batches are halved. Default 0.8.
    pub memory_line: f64,
    /// Share of items in vain above which [`Policy::Rules`] halves. Default 0.05.
    pub high_error_rate: f64,
    /// Share of items in vain below which [`Policy::Rules`] may double. Default 0.01.
    pub low_error_rate: f64,
    /// Items a second above which [`Policy::Rules`] doubles. Default 1,000.
    pub fast: f64,
    /// Bytes that the items of a batch may have together, as the handler tells them. Default: no limit.
    pub most_bytes: Option<u64>,
    /// How long a batch may take; a longer one is made smaller. Default 60 s: what a crash may cost in work.
    pub longest_batch: Duration,
    /// How often an item that stands alone is tried again. Default 3.
    pub retries: u32,
    /// Pause before the first of these; each is twice as long as the last. Default 0.1 s.
    pub first_pause: Duration,
    /// Dead letters after which the run stops, to be resumed once the cause is mended. Default: none is too many.
    pub most_dead_letters: Option<u64>,
    /// Progress is told each time that so many more items are handled. Default 1,000.
    pub progress_every: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            initial: 1000,
            sizes: 100..=10_000,
            policy: Policy::Rules,
            memory_line: 0.8,
            high_error_rate: 0.05,
            low_error_rate: 0.01,
            fast: 1000.0,
            most_bytes: None,
            longest_batch: Duration::from_secs(60),
            retries: 3,
            first_pause: Duration::from_millis(100),
            most_dead_letters: None,
            progress_every: 1000,
        }
    }
}
