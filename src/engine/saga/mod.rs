//! Sagas: several steps, each with what undoes it, that are all done or all undone, whenever the process dies (Garcia-Molina & Salem
//! 1987, "Sagas", SIGMOD 16, 249).
//!
//! What is about to be done is written down before it is done, and that it was done after it. After a crash between the two nobody
//! knows whether it was: it is done again under the same key, or undone, which takes that key first. So steps and compensations must do nothing the second time
//! that they see a key; [`Once`] keeps the keys in the same transaction as what they guard, on SQLite and PostgreSQL, and with it
//! each takes effect exactly once.
//!
//! A compensation that fails is tried again, and in the end told ([`Ending::Stuck`]): the saga stays in the log, with the step and
//! the reason, and [`Sagas::recover`] tries it again. It is never passed over: those before it must not be undone before it.

mod log;
mod once;
mod run;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

pub use log::{Entry, LogError, Open, SagaLog, SqliteLog, VecLog};
pub use once::Once;
pub use run::{Ending, OnCrash, SagaError, SagaSettings, Sagas, Step, StepError};
