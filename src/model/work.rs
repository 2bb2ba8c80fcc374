//! Work to be replayed, with what must come of it.

use super::Text;
use std::sync::Arc;

/// Records to be handled, and what is known of them beforehand.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Its name.
    pub name: Text,
    /// Seed of what happens to it: failures, durations.
    pub seed: u64,
    /// The records, in the order in which they come.
    pub records: Arc<[String]>,
    /// What must come of them.
    pub expected: Expected,
    /// Share of calls that fail for a while.
    pub transient: f64,
}

/// What must come of a workload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Records that are handled, those that came before among them.
    pub handled: u64,
    /// Records that are dead letters.
    pub dead: u64,
    /// Different records that are handled.
    pub distinct: u64,
    /// Cents of all different orders that are handled.
    pub revenue_cents: u64,
}
