//! Running workloads through the engines: baseline and candidate in turns, each run checked before its time counts.
//!
//! A run whose counts or sums are not what the workload says gives no timing. Rounds go A B B A, so that a machine that gets slower
//! meanwhile is no side's fault; what is compared is each pair. All samples are kept.

pub mod airflow;
mod batch;
mod clock;
mod contract;
mod limit;
mod lock;
mod measure;
mod memory;
pub mod platform;
mod pool;
mod quiet;
mod record;
mod scheduler;
pub mod simulate;
mod sink;
mod storm;
mod workers;

pub use batch::{BatchBench, SweepPoint, batch_child, bench_batch};
pub use clock::Wall;
pub use lock::{Backends, bench_lock};
pub use measure::{Against, BenchError, EngineResult, Latency, Plan, Side, SideSample};
pub use memory::{MOST_MEMORY_ITEMS, MemoryMode, bench_memory, memory_child};
pub use pool::bench_pool;
pub use quiet::{Quiet, spin_scaling};
pub use scheduler::bench_scheduler;
pub use storm::{StormPlan, StormReport, storm, storm_child};
pub use workers::bench_workers;
