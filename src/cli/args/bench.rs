//! `bench`: which engines, on what.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Deployment of benches: no history of an Airflow is told under it.
pub(in crate::cli) const BENCH_DEPLOYMENT: &str = "bench";

/// Engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Engine {
    /// Batches of fixed size against those that adapt, on six costs
    Batch,
    /// All at once against admission by memory
    Memory,
    /// A thread a core against a number that adapts
    Workers,
    /// First come, first served against priorities with ageing
    Pool,
    /// A plain lock against a lease with a fence
    Lock,
    /// First come, first served against the intelligent scheduler, on threads and in virtual time
    Scheduler,
    /// A shop's platform as configured against what a search over its levers finds (only where it is named)
    Ecommerce,
}

/// One or more, and no more than anybody waits for.
fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=1_000_000_000) => Ok(count),
        _ => Err("1 to 1,000,000,000".to_owned()),
    }
}

/// `bench`
#[derive(Debug, Args)]
pub(in crate::cli) struct Bench {
    /// Engines [default: all but ecommerce]
    #[arg(value_enum, value_name = "ENGINE")]
    pub(in crate::cli) engines: Vec<Engine>,
    /// What the platform is like and how the engines are set, such as datasets/orders.toml; of ecommerce, a platform such as
    /// datasets/ecommerce.toml
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) workload: Option<PathBuf>,
    /// Pairs of runs that are measured, after one that is not; at least 3
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = count)]
    pub(in crate::cli) rounds: usize,
    /// Records, tasks, grants or locks of a run [default: as many as take some tenths of a second]
    #[arg(long, value_name = "N", value_parser = count)]
    pub(in crate::cli) items: Option<usize>,
    /// Keep each measured run in the lake, for `gate --bench`
    #[arg(long)]
    pub(in crate::cli) record: bool,
    /// Name under which the lake keeps them
    #[arg(long, value_name = "NAME", default_value = BENCH_DEPLOYMENT)]
    pub(in crate::cli) deployment: String,
    /// Leave out the runs on threads of `ecommerce`: in virtual time the same seed gives the same figures, the machine's own aside
    #[arg(long)]
    pub(in crate::cli) virtual_only: bool,
    /// Run `ecommerce` on threads even where this machine is busy with other work
    #[arg(long, conflicts_with = "virtual_only")]
    pub(in crate::cli) even_if_busy: bool,
    /// Try each fixed batch size as well
    #[arg(long)]
    pub(in crate::cli) sweep: bool,
    /// Where locks are: in-process, a folder, redis://.., postgresql://.., postgresql+advisory://.. or zookeeper://.. [default:
    /// in-process, then files in a temporary folder; of a storm the latter]
    #[arg(long, value_name = "WHERE", env = "WINDTUNNEL_LOCKS", hide_env_values = true)]
    pub(in crate::cli) backend: Option<String>,
    /// Instead of timing locks, have so many writes made under them by processes that are stopped and killed
    #[arg(long, value_name = "WRITES", value_parser = clap::value_parser!(u64).range(1..=100_000_000), conflicts_with = "record")]
    pub(in crate::cli) storm: Option<u64>,
    /// Processes of a storm
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=64), requires = "storm")]
    pub(in crate::cli) processes: u64,
    /// Let the resource of a storm accept any write: shows what locks alone are worth, and exits with 0 whatever it shows
    #[arg(long, requires = "storm")]
    pub(in crate::cli) unfenced: bool,
}

/// What `bench` starts in processes of their own.
#[derive(Debug, Args)]
pub(in crate::cli) struct BenchChild {
    /// What to do
    #[command(subcommand)]
    pub(in crate::cli) what: Child,
}

/// What a process of its own does.
#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum Child {
    /// Handle items that need much memory
    Memory {
        /// all-at-once or admitted
        mode: String,
        /// Items
        items: usize,
    },
    /// Handle records from where the last such process died
    Batch {
        /// Folder of what was handled
        folder: PathBuf,
        /// Records
        records: usize,
    },
    /// Take a lock and write
    Storm {
        /// Folder of the resource
        folder: PathBuf,
        /// Number of this process
        number: u64,
        /// Writes that are to be made
        writes: u64,
        /// Milliseconds of a lease
        expiry: u64,
        /// Does the resource check fences?
        #[arg(action = clap::ArgAction::Set)]
        checked: bool,
    },
}
