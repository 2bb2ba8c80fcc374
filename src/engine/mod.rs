//! The implementations under test: what runs work, and what it must share.
//!
//! * [`batch`]: items in batches whose size fits the work, each exactly once or a dead letter.
//! * [`memory`]: work admitted by the memory it needs, and objects used again.
//! * [`pool`]: slots of named resources, acquired by priority with ageing, alone or several at once.
//!
//! Nothing here makes a clock: it is handed one ([`Clock`](crate::model::Clock)).

pub mod batch;
pub mod guard;
#[cfg(test)]
mod held;
pub mod memory;
pub mod pool;
