//! The implementations under test: what runs work, and what it must share.
//!
//! * [`batch`]: items in batches whose size fits the work, each exactly once or a dead letter.
//! * [`lock`]: locks that several processes share, with fencing tokens.
//! * [`memory`]: work admitted by the memory it needs, and objects used again.
//! * [`pool`]: slots of named resources, acquired by priority with ageing, alone or several at once.
//! * [`saga`]: steps with compensations, all done or all undone.
//! * [`scheduler`]: which of the tasks that are ready comes next.
//! * [`transaction`]: changes that do not overwrite each other.
//! * [`workers`]: tasks on threads, as many as the machine bears, with time limits that free the thread.
//!
//! Nothing here makes a clock: it is handed one ([`Clock`](crate::model::Clock)).

pub mod batch;
mod blocking;
pub mod c_library;
#[cfg(test)]
mod checked;
pub mod guard;
#[cfg(test)]
mod held;
pub mod lock;
pub mod memory;
mod panics;
pub mod pool;
pub mod saga;
pub mod scheduler;
pub mod transaction;
pub mod workers;
