//! `synth`: what to make.

use super::values::airflow_version;
use crate::synth;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// What can be generated.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Synth {
    /// An Airflow history as exports, with planted changes and their truth
    #[command(after_help = "Examples:\n  windtunnel synth history --out exports/ && windtunnel weekly exports/\n  \
                            windtunnel synth history --rows 10000000 --statsd-days 0 --out big/")]
    History(SynthHistory),
    /// Events of an e-commerce platform: orders, payments, stock, clicks, users
    #[command(
        after_help = "Writes events.jsonl and ground_truth.json. What is not said stands in the workload file, or is usual.\n\n\
                      Examples:\n  windtunnel synth orders --out orders/ --most 1000000\n  \
                      windtunnel synth orders --workload datasets/orders.toml --days 7 --out week/"
    )]
    Orders(SynthOrders),
}

/// Options of `synth orders`.
#[derive(Debug, Args)]
pub(in crate::cli) struct SynthOrders {
    /// Folder to write to; it must be empty or new
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) out: PathBuf,
    /// What the platform is like
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) workload: Option<PathBuf>,
    /// Days of events
    #[arg(long, value_name = "N")]
    pub(in crate::cli) days: Option<f64>,
    /// Times as many orders a day
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    pub(in crate::cli) scale: f64,
    /// Events at most
    #[arg(long, value_name = "N")]
    pub(in crate::cli) most: Option<u64>,
}

/// Options of `synth history`.
#[derive(Debug, Args)]
pub(in crate::cli) struct SynthHistory {
    /// Folder to write to; it must be empty or new
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) out: PathBuf,
    /// Days of logical dates (60, or what --rows asks for)
    #[arg(long, value_name = "N")]
    pub(in crate::cli) days: Option<u32>,
    /// Copies of the platform's 14 DAGs: tenants, regions (1, or what --rows asks for)
    #[arg(long, value_name = "X")]
    pub(in crate::cli) scale: Option<f64>,
    /// About so many rows of task_instance
    #[arg(long, value_name = "N")]
    pub(in crate::cli) rows: Option<u64>,
    /// Version whose tables are written: 1.10, 2.10 or 3.3
    #[arg(long, value_name = "VERSION", default_value = synth::Options::default().airflow.as_str(), value_parser = airflow_version)]
    pub(in crate::cli) airflow: synth::Airflow,
    /// All runs within one calendar month
    #[arg(long)]
    pub(in crate::cli) one_month: bool,
    /// Share of the attempts that stand in the file a second time, older or newer
    #[arg(long, value_name = "SHARE", default_value_t = synth::Options::default().overlap)]
    pub(in crate::cli) overlap: f64,
    /// Days before the first one whose runs are caught up at the start
    #[arg(long, value_name = "N", default_value_t = synth::Options::default().catch_up_days)]
    pub(in crate::cli) catch_up_days: u32,
    /// Correlation of a task's work from one run to the next
    #[arg(long, value_name = "R", default_value_t = synth::Options::default().ar1)]
    pub(in crate::cli) autocorrelation: f64,
    /// Plant nothing: every series is unchanged
    #[arg(long)]
    pub(in crate::cli) no_changes: bool,
    /// Days at the end whose StatsD lines were captured
    #[arg(long, value_name = "N", default_value_t = synth::Options::default().statsd_days)]
    pub(in crate::cli) statsd_days: u32,
}
