//! Generated events of an e-commerce platform, with known truth: orders with their lines, payments, stock, clicks, users.
//!
//! Orders come as a Poisson process whose rate follows the hour, the weekday and flash sales (thinned exponentials, Lewis & Shedler
//! 1979, "Simulation of nonhomogeneous Poisson processes by thinning"). Customers and products are skewed (Zipf). Some events come
//! late, some twice, some are no JSON, and some are such that no handler can handle them. What each is, the truth says; the events do
//! not.
//!
//! The same options give the same events on every machine. Memory grows with the customers, the products and what is under way,
//! not with the number of events.

mod curve;
mod event;
mod options;
mod stream;
mod truth;

#[cfg(test)]
mod tests;

pub use event::{Event, Fate, Kind};
pub use options::{OptionError, OrderOptions};
pub use stream::Events;
pub use truth::{OrderTruth, WriteError, write_orders};
