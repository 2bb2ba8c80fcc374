//! Bytes to rows and defects. Opens inputs, recognises them by their content, and knows Airflow's field names; nothing
//! else in the program does.

mod airflow;
mod discover;
mod error;
mod fields;
#[cfg(test)]
mod fuzz;
mod instants;
mod open;
mod reading;
mod recognise;
mod scan;
mod sink;
mod sqlite;
mod structure;
mod table;

pub use discover::{Found, discover};
pub use error::{Error, Stopped};
pub use reading::{Reading, Receiver};
pub use recognise::{Source, recognise};
