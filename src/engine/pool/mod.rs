//! Pools of slots: so many users of a resource at a time, the more urgent first and none for ever last.
//!
//! **Order.** A request of priority `p` gets a turn: its arrival plus [`Settings::ageing`] for each level that `p` lies below 10.
//! Free slots go to the earliest turn, and to nobody past it. So a request is overtaken by one of a priority `d` levels higher
//! only if that arrives within `d` · ageing after it: it waits at most (10 - `p`) · ageing longer than in a queue without
//! priorities. Equal priorities are served as they came. Whoever comes first and does not fit keeps what is free for itself, so a
//! wide request waits no longer than the present holders hold. `try_acquire` passes nobody whose turn is earlier.
//!
//! **Several pools at once** are granted together or not at all, in one order of turns over all pools: they cannot wait for each
//! other. Whoever holds slots and asks for more under the same holder's name is refused where all would wait for ever
//! ([`Refusal::Deadlock`]).
//!
//! **Nothing is lost.** A future that is dropped, times out or panics gives back what was granted to it meanwhile; a pool that
//! shrinks below what is held grants nothing until enough came back.

mod asked;
mod core;
mod deadlock;
mod front;
mod inbox;
mod statistics;

#[cfg(test)]
mod models;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

pub use self::core::Overdue;
pub use front::{Acquire, Lease, PoolId, Pools, Request};
pub use statistics::{Advice, PoolStatistics, Times};

use crate::model::Text;
use std::{ops::RangeInclusive, time::Duration};

/// Priorities; the highest is the most urgent.
pub const PRIORITIES: RangeInclusive<u8> = 1..=10;
/// Priority where none is given.
pub const DEFAULT_PRIORITY: u8 = 5;
/// How long a request waits where nothing is said.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(300);

/// One pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolSpec {
    /// Name.
    pub name: Text,
    /// Slots.
    pub slots: u32,
    /// Priority of requests that name none.
    pub priority: u8,
    /// A lease that is held longer is told as overdue.
    pub longest_hold: Duration,
    /// Pool within which this one lies: each slot of this one is one of that one as well.
    pub within: Option<Text>,
}

/// The five pools that are there where none are configured.
#[must_use]
pub fn default_pools() -> Vec<PoolSpec> {
    // High, medium and low are 8, 5 and 2.
    let pools = [
        ("cpu_intensive", 2, 8, 3600),
        ("io_intensive", 4, 5, 1800),
        ("memory_intensive", 1, 8, 7200),
        ("database", 3, 8, 900),
        ("api_calls", 5, 2, 300),
    ];
    let spec = |(name, slots, priority, seconds): (&str, u32, u8, u64)| PoolSpec {
        name: name.into(),
        slots,
        priority,
        longest_hold: Duration::from_secs(seconds),
        within: None,
    };
    pools.map(spec).into()
}

/// What all pools have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// By how much a level of priority brings a turn forward. Default 30 s: the least urgent waits at most 270 s longer for it, less than
    /// the usual time-out.
    pub ageing: Duration,
    /// Requests that may wait; more are refused. Default 10,000.
    pub most_waiting: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { ageing: Duration::from_secs(30), most_waiting: 10_000 }
    }
}

/// Why a request has no lease.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It can never be granted.
    #[error("{slots} slots of pool `{pool}` were asked for, which has {capacity}")]
    TooWide {
        /// Pool.
        pool: Text,
        /// Slots asked for.
        slots: u32,
        /// Slots there are.
        capacity: u32,
    },
    /// It was not to wait.
    #[error("no slot is free")]
    Busy,
    /// Too many wait.
    #[error("{waiting} requests wait already")]
    QueueFull {
        /// So many.
        waiting: usize,
    },
    /// All would wait for ever.
    #[error("deadlock: {} wait for each other", holders.join(", "))]
    Deadlock {
        /// Their names.
        holders: Vec<Text>,
    },
    /// Its time was up.
    #[error("no slot within {:.3} s; {}", *waited as f64 * 1e-9, told(holders))]
    TimedOut {
        /// Nanoseconds.
        waited: u64,
        /// Who holds the slots, the oldest first, and for how many nanoseconds.
        holders: Vec<(Option<Text>, u64)>,
    },
}

/// Who is in the way; the oldest few.
fn told(holders: &[(Option<Text>, u64)]) -> String {
    const NAMED: usize = 5;
    let one = |(name, age): &(Option<Text>, u64)| {
        format!("{} for {:.3} s", name.as_deref().unwrap_or("an unnamed holder"), *age as f64 * 1e-9)
    };
    let mut text = match holders.len() {
        0 => "nobody holds one".to_owned(),
        _ => format!("held by {}", holders.iter().take(NAMED).map(one).collect::<Vec<_>>().join(", ")),
    };
    if holders.len() > NAMED {
        text.push_str(&format!(" and {} more", holders.len() - NAMED));
    }
    text
}

/// Why pools cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// A name that two have.
    #[error("two pools are named `{0}`")]
    Twice(Text),
    /// A pool within one that is not there.
    #[error("pool `{pool}` lies within `{within}`, which is no pool")]
    NoSuchPool {
        /// Pool.
        pool: Text,
        /// What it names.
        within: Text,
    },
    /// Pools within each other.
    #[error("pool `{0}` lies within itself")]
    Circle(Text),
}
