//! Tasks on threads: as many as load, memory and the kind of work bear, in three priorities, each with a time limit.
//!
//! * A task that fails, panics or runs out of time takes no other down; what became of each is told in the order in which they end.
//! * At its time limit a task is told to stop ([`Token`]). One that does not stop within [`Settings::grace`] is told as such, loses its
//!   thread, and another one takes that thread's place: no number of such tasks can stop the others. The thread itself cannot be
//!   taken from it; it ends when the task does ([`Statistics::abandoned`]).
//! * The queue is bounded: who submits waits, or is told that it is full. Urgent tasks go first; none waits for ever ([`Queue`]).
//! * [`Workers::shutdown`] lets what is running end, within a time, and tells of everything that did not run.

mod board;
mod queue;
mod scale;
mod task;
mod token;
mod work;

#[cfg(test)]
mod models;
#[cfg(test)]
mod tests;

pub use queue::{NotQueued, Pop, Priority, Push, Queue, QueueStatistics};
pub use scale::{Conditions, Kind, Scale, ScaleSettings};
pub use task::{Ended, Machine, Outcome, Refused, Settings, Statistics, Task};
pub use token::{Cancelled, Token};
pub use work::Workers;
