//! A platform in virtual time: DAGs that share a machine, as configured, and as a search over its configuration leaves it.

mod configuration;
mod load;
mod outcome;
mod search;
mod world;

pub use configuration::Configuration;
pub use load::{Load, Slowness};
pub use outcome::{Day, Ending, Figures, Try};
pub use search::{Found, Lever, LeverWorth, Trial, search};
pub use world::{Learnt, day};
