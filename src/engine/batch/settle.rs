//! What becomes of a batch: handled, tried again, halved down to the items that cannot be handled.

use super::{Batch, DeadLetters, Failure, Handler, ItemFailure, Letter, StopReason, run::Run};
use crate::engine::{
    blocking::{nanos, rest},
    panics::message,
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

/// What the tries of one batch came to.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) tried: u64,
    pub(super) in_vain: u64,
    pub(super) dead: usize,
}

impl<T, H: Handler<T>, L: DeadLetters<T>> Run<'_, '_, T, H, L> {
    /// Handles a batch, tries it once more, halves it.
    pub(super) fn settle(&mut self, batch: Batch<'_, T>, tally: &mut Tally) -> Result<(), StopReason> {
        let mut failed = self.call(batch, tally);
        let size = batch.items.len();
        // One that is larger than any that went well may have failed for its size: it is halved at once.
        if matches!(failed, Err(Failure::Transient(_))) && size > 1 && size <= self.went_well {
            self.pause(self.processor.settings.first_pause);
            failed = self.call(batch, tally);
        }
        match &failed {
            Ok(()) | Err(Failure::Items(_)) => self.went_well = self.went_well.max(size),
            Err(_) => self.went_well = self.went_well.min(size / 2),
        }
        // What is still to be handled, the first at the end: in the order of the input, so that what is handled is a prefix of it.
        let mut parts = match failed {
            Ok(()) => {
                self.report.position = batch.end();
                return Ok(());
            }
            Err(Failure::Fatal(why)) => return Err(StopReason::Handler(why)),
            Err(Failure::Items(items)) => return self.settle_items(batch, items, tally),
            Err(failure) => match batch.halves() {
                Some((left, right)) => vec![right, left],
                None => return self.settle_one(batch, failure, tally),
            },
        };
        while let Some(part) = parts.pop() {
            match self.call(part, tally) {
                Ok(()) => self.report.position = part.end(),
                Err(Failure::Fatal(why)) => return Err(StopReason::Handler(why)),
                Err(Failure::Items(items)) => self.settle_items(part, items, tally)?,
                Err(failure) => match part.halves() {
                    Some((left, right)) => parts.extend([right, left]),
                    None => self.settle_one(part, failure, tally)?,
                },
            }
        }
        Ok(())
    }

    /// An item alone, which failed once: tried again, in the end a dead letter.
    fn settle_one(&mut self, one: Batch<'_, T>, mut failure: Failure, tally: &mut Tally) -> Result<(), StopReason> {
        let mut tries = 1;
        let mut pause = self.processor.settings.first_pause;
        let reason = loop {
            let transient = match failure {
                Failure::Fatal(why) => return Err(StopReason::Handler(why)),
                Failure::Transient(why) => Some(why),
                Failure::Rejected(why) => break why,
                Failure::Items(items) => match items.into_iter().next() {
                    Some((_, ItemFailure::Transient(why))) => Some(why),
                    Some((_, ItemFailure::Rejected(why))) => break why,
                    None => None,
                },
            };
            let Some(why) = transient else {
                self.report.position = one.end();
                return Ok(());
            };
            if tries > self.processor.settings.retries {
                break why;
            }
            self.pause(pause);
            pause = pause.saturating_mul(2);
            tries += 1;
            match self.call(one, tally) {
                Ok(()) => {
                    self.report.position = one.end();
                    return Ok(());
                }
                Err(again) => failure = again,
            }
        };
        self.bury(one, tries, &reason, tally)?;
        self.report.position = one.end();
        Ok(())
    }

    /// Items that failed by themselves while the others were handled: rounds of tries, with one pause for all.
    fn settle_items(
        &mut self,
        batch: Batch<'_, T>,
        items: Vec<(usize, ItemFailure)>,
        tally: &mut Tally,
    ) -> Result<(), StopReason> {
        let mut pause = self.processor.settings.first_pause;
        let mut open = items;
        open.sort_by_key(|(place, _)| *place);
        open.dedup_by_key(|(place, _)| *place);
        if let Some((place, _)) = open.iter().find(|(place, _)| *place >= batch.items.len()) {
            return Err(StopReason::Handler(format!("it told item {place} of {} as failed", batch.items.len())));
        }
        for tries in 1.. {
            let mut again = Vec::new();
            let last = tries > self.processor.settings.retries;
            for (place, failure) in open {
                let one = Batch { first: batch.first + place as u64, items: &batch.items[place..=place] };
                match failure {
                    ItemFailure::Rejected(why) => self.bury(one, tries, &why, tally)?,
                    ItemFailure::Transient(why) if last => self.bury(one, tries, &why, tally)?,
                    ItemFailure::Transient(_) => again.push(place),
                }
            }
            if again.is_empty() {
                break;
            }
            self.pause(pause);
            pause = pause.saturating_mul(2);
            open = Vec::new();
            for place in again {
                let one = Batch { first: batch.first + place as u64, items: &batch.items[place..=place] };
                let failure = match self.call(one, tally) {
                    Ok(()) => continue,
                    Err(Failure::Fatal(why)) => return Err(StopReason::Handler(why)),
                    Err(Failure::Items(items)) => match items.into_iter().next() {
                        Some((_, failure)) => failure,
                        None => continue,
                    },
                    Err(Failure::Transient(why)) => ItemFailure::Transient(why),
                    Err(Failure::Rejected(why)) => ItemFailure::Rejected(why),
                };
                open.push((place, failure));
            }
        }
        self.report.position = batch.end();
        Ok(())
    }

    fn bury(&mut self, one: Batch<'_, T>, tries: u32, reason: &str, tally: &mut Tally) -> Result<(), StopReason> {
        let dead = self.report.dead + tally.dead as u64;
        if self.processor.settings.most_dead_letters.is_some_and(|most| dead >= most) {
            return Err(StopReason::DeadLetters(dead));
        }
        let letter = Letter { place: one.first, item: &one.items[0], tries, reason };
        self.letters.put(&letter).map_err(StopReason::Letters)?;
        tally.dead += 1;
        Ok(())
    }

    /// One call of the handler; a panic is a failure like any other.
    fn call(&mut self, batch: Batch<'_, T>, tally: &mut Tally) -> Result<(), Failure> {
        self.report.calls += 1;
        tally.tried += batch.items.len() as u64;
        // A handler that panics half-way is called again: it says that it handles all or nothing, which a transaction does.
        let result = catch_unwind(AssertUnwindSafe(|| self.handler.apply(batch))).unwrap_or_else(|panic| {
            self.report.panics += 1;
            Err(Failure::Rejected(format!("panic: {}", message(&*panic))))
        });
        if let Err(failure) = &result {
            self.report.failed_calls += 1;
            tally.in_vain += match failure {
                Failure::Items(items) => items.len() as u64,
                _ => batch.items.len() as u64,
            };
        }
        result
    }

    fn pause(&mut self, length: Duration) {
        let began = self.processor.clock.nanos();
        rest(&*self.processor.clock, nanos(length));
        self.report.paused_s += self.seconds_since(began);
    }
}
