//! Judgement about pipelines: what changed, since when, by how much, how sure that is, and where a run's time goes.

mod at_volume;
mod axis;
mod before_after;
mod calendar;
mod causes;
mod change;
mod compare;
mod coverage;
mod critical;
mod dag_view;
mod doubt;
mod examined;
mod explain;
mod facts;
mod finding;
#[cfg(test)]
mod fixtures;
mod gathered;
mod host;
mod level_change;
mod minutes;
mod multiplicity;
mod numbers;
mod overhead;
mod path;
mod result;
mod roi;
mod run_change;
mod series;
mod series_view;
mod settings;
mod shadow;
mod slot_time;
mod sorted;
mod stretch;
mod structure;
mod together;
mod traits;
mod unmatched;
mod usual;
mod warnings;
mod weekly;

pub use before_after::{BeforeAfter, Ranges, SidePair, compare_ranges, last_days};
pub use compare::{CompareSettings, Comparison, Effect, Statistic, Verdict, compare_numbers};
pub use critical::{CriticalTask, CriticalTasks, critical_tasks};
pub use explain::{Explanation, due_at, explain, interval_s};
pub use facts::Histories;
pub use minutes::minutes_lost;
pub use numbers::{ChangePoint, Detectable, NumberChanges, NumberTrend, detect_numbers};
pub use result::*;
pub use roi::{
    CashFlow, CostModel, Delay, Fleet, Roi, Swing, Uncertain, Work, Worth, npv, return_on_investment, runs_per_year,
};
pub use settings::{Acknowledgement, AxisMode, Filter, Settings};
pub use stretch::{Explained, StretchKind};
pub use structure::dependencies;
pub use together::{Shared, Together};
pub use usual::Usual;
pub use weekly::analyze;
