//! Judgement about pipelines: what changed, since when, by how much, how sure that is, and where a run's time goes.

mod axis;
mod change;
mod coverage;
mod dag_view;
mod finding;
#[cfg(test)]
mod fixtures;
mod minutes;
mod overhead;
mod path;
mod result;
mod run_change;
mod series;
mod settings;
mod structure;
mod weekly;

pub use result::*;
pub use settings::{Acknowledgement, AxisMode, Settings};
pub use weekly::analyze;
