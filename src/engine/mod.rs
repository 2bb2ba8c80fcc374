//! The implementations under test: what runs work, and what it must share.
//!
//! * [`pool`]: slots of named resources, acquired by priority with ageing, alone or several at once.
//!
//! Nothing here makes a clock: it is handed one ([`Clock`](crate::model::Clock)).

pub mod guard;
pub mod pool;
