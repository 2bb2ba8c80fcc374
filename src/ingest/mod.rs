//! Bytes to rows and defects. Opens inputs, recognises them by their content, and knows Airflow's field names; nothing
//! else in the program does.

mod airflow;
mod airflow_cells;
mod airflow_columns;
mod airflow_more;
mod archive;
mod bench;
mod columns_read;
mod discover;
mod error;
mod fields;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod ids;
mod instants;
mod json;
mod lineage;
mod logs;
mod markers;
mod marks;
mod metrics;
mod numbers;
mod open;
mod reading;
mod recognise;
mod record;
mod rest;
mod scan;
mod secrets;
mod server;
mod session;
mod sink;
mod source;
mod sqlite;
mod structure_tasks;
mod table;
mod table_kind;
mod volumes;
mod workflow;

pub use bench::read_benches;
pub use columns_read::columns_read;
pub use discover::{Found, discover};
pub use error::{Error, Stopped};
pub use metrics::{CsvMapping, TimeFormat, TimerUnit};
pub use numbers::read_numbers;
pub use reading::{Reading, Receiver};
pub use recognise::{recognise, recognise_server};
pub use server::{Server, is_url};
pub use session::{Session, Settings};
pub use source::{Source, kinds};
pub use workflow::read_workflow;
