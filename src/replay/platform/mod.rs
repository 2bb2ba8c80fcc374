//! A platform in virtual time: DAGs that share a machine, as configured, and as a search over its configuration leaves it.

mod bench;
mod configuration;
mod load;
mod outcome;
mod real;
mod search;
mod told;
mod world;

pub use bench::{DrawDay, Night, PlatformBench, Seed, bench_platform};
pub use configuration::Configuration;
pub use load::{Load, Slowness};
pub use outcome::{Day, Ending, Figures, NEVER_S, Try};
pub use real::{Scale, made_small, run_day};
pub use search::{Found, Lever, LeverWorth, Trial, search};
pub use told::{PlatformTold, Setting, Timeline, TimelineRow};
pub use world::{Learnt, day};

#[cfg(test)]
mod tests;
