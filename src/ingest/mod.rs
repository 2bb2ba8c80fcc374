//! Bytes to rows and defects. Opens inputs, recognises them by their content, and knows Airflow's field names; nothing
//! else in the program does.

mod airflow;
mod discover;
mod error;
mod fields;
#[cfg(test)]
mod fuzz;
mod open;
mod reading;
mod recognise;
mod sqlite;
mod structure;
mod table;

pub use discover::{Found, discover};
pub use error::Error;
pub use reading::Reading;
pub use recognise::{Source, recognise};
