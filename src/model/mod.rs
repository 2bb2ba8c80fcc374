//! The nouns: identities, times, attempts, runs, structure, metrics, logs, events, series, receipts. No IO, no clock, no serde, no arithmetic
//! beyond what keeps an invariant.

mod attempt;
mod bench;
mod clock;
mod dag;
mod event;
mod graph;
mod history;
mod id;
mod log;
mod metric;
mod numbers;
mod platform;
mod receipt;
mod reschedule;
mod row;
mod run;
mod series;
mod source;
mod time;
mod volume;
mod work;
mod workflow;

pub use attempt::{Attempt, AttemptRef, TaskState};
pub use bench::{BenchRecord, BenchResult, BenchRun, Host, Measured, bench_runs};
pub use clock::Clock;
pub use dag::{Dag, DagTag, EdgeSource, Pool, TaskEdge};
pub use event::{AuditEvent, Deadline, Job, Marker, TaskSpec};
pub use graph::{Graph, GraphError};
pub use history::{DagHistory, Detail};
pub use id::{Deployment, InvalidDeployment, Text, TextHash, TextMap};
pub use log::LogEvent;
pub use metric::{MetricKind, MetricSample};
pub use numbers::{NumberSeries, Numbers};
pub use platform::{Drawn, Platform, PlatformDag, PlatformInstance, PlatformMachine, PlatformPool, PlatformTask};
pub use receipt::{Counts, Defect, Receipt, SourceReceipt};
pub use reschedule::Reschedule;
pub use row::{Row, date_in_run_id, is_stand_in_run_id, stand_in_run_id};
pub use run::{DagRun, RunState, RunType, month_in_run_id};
pub use series::{Index, Quantity, SeriesKey};
pub use source::{Origin, SourceKind, UNCOUNTED};
pub use time::{Month, TimeRange, Timestamp};
pub use volume::Volume;
pub use work::{Expected, Workload};
pub use workflow::{Workflow, WorkflowTask};
