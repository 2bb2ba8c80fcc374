//! `gate`.

use super::bench::BENCH_DEPLOYMENT;
use super::values::{parse_against, parse_count, parse_floor, parse_limit, parse_pattern, parse_share, parse_time};
use crate::gate::{Floor, Limit};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Options of `gate`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Gate {
    /// Output of the benchmarks of now; `-` is stdin; of several runs each must agree for a failure
    #[arg(
        long, value_name = "PATH", num_args = 1.., required_unless_present_any = ["against", "bench"], help_heading = "What is compared"
    )]
    pub(in crate::cli) current: Vec<PathBuf>,
    /// Output of the benchmarks before: files of one run or of several, or a folder of such files
    #[arg(long, value_name = "PATH", num_args = 1.., help_heading = "What is compared")]
    pub(in crate::cli) baseline: Vec<PathBuf>,
    /// Instead of files: the last week in the lake against `last-week`, the week before it, or 4w, the four weeks before
    #[arg(
        long, value_name = "LENGTH", value_parser = parse_against, help_heading = "What is compared",
        conflicts_with_all = ["current", "baseline", "rerun", "save", "criterion_baseline"]
    )]
    pub(in crate::cli) against: Option<f64>,
    /// Instead of files: the newest bench in the lake (`bench --record`) against those before it
    #[arg(
        long, help_heading = "What is compared",
        conflicts_with_all = ["current", "baseline", "against", "rerun", "save", "criterion_baseline"]
    )]
    pub(in crate::cli) bench: bool,
    /// Name under which the lake keeps benches
    #[arg(long, value_name = "NAME", default_value = BENCH_DEPLOYMENT, help_heading = "What is compared")]
    pub(in crate::cli) deployment: String,
    /// DAG of the lake (repeatable) [default: every DAG]
    #[arg(
        long,
        value_name = "DAG",
        requires = "against",
        conflicts_with = "current",
        help_heading = "What is compared"
    )]
    pub(in crate::cli) dag: Vec<String>,
    /// Last instant of the lake that is looked at [default: the last one]
    #[arg(long, value_name = "TIME", requires = "against", conflicts_with = "current", value_parser = parse_time, help_heading = "What is compared")]
    pub(in crate::cli) as_of: Option<crate::model::Timestamp>,
    /// Baseline of a criterion folder [default: `base` where --current is the same folder, else `new`]
    #[arg(long, value_name = "NAME", help_heading = "What is compared")]
    pub(in crate::cli) criterion_baseline: Option<String>,
    /// Run this where something regressed, read --current once more, and fail only if that says so too
    #[arg(long, value_name = "COMMAND", help_heading = "What is compared")]
    pub(in crate::cli) rerun: Option<String>,
    /// Slow-down that is tolerated
    #[arg(long, value_name = "SHARE", value_parser = parse_share, default_value = "5%", help_heading = "What fails")]
    pub(in crate::cli) tolerance: f64,
    /// Change too small to matter, such as 5ms, or a number in the benchmark's unit
    #[arg(long, value_name = "SIZE", value_parser = parse_floor, help_heading = "What fails")]
    pub(in crate::cli) floor: Option<Floor>,
    /// Limit of benchmarks whose name matches, such as 'sched/*=8%,5ms'; the first that matches counts
    #[arg(long, value_name = "PATTERN=SHARE[,SIZE]", value_parser = parse_limit, help_heading = "What fails")]
    pub(in crate::cli) limit: Vec<(glob::Pattern, Limit)>,
    /// Benchmarks of which more is better, where their unit does not say it
    #[arg(long, value_name = "PATTERN", value_parser = parse_pattern, help_heading = "What fails")]
    pub(in crate::cli) higher_is_better: Vec<glob::Pattern>,
    /// What it is when something cannot be decided
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = OnUndecided::NoDecision, help_heading = "What fails")]
    pub(in crate::cli) on_inconclusive: OnUndecided,
    /// Let pass what the baseline lacks, if it has anything at all
    #[arg(long, help_heading = "What fails")]
    pub(in crate::cli) allow_new: bool,
    /// Let pass what the baseline has and the current run has not
    #[arg(long, help_heading = "What fails")]
    pub(in crate::cli) allow_gone: bool,
    /// What it is when the machines differ
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = OnOtherHost::Warn, help_heading = "What fails")]
    pub(in crate::cli) host_mismatch: OnOtherHost,
    /// Add the current run to the runs in FILE, unless it regressed; without --baseline FILE is the baseline as well
    #[arg(long, value_name = "FILE", help_heading = "What is written")]
    pub(in crate::cli) save: Option<PathBuf>,
    /// Runs that --save keeps
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = parse_count, help_heading = "What is written")]
    pub(in crate::cli) keep: usize,
    /// JUnit XML
    #[arg(long, value_name = "FILE", help_heading = "What is written")]
    pub(in crate::cli) junit: Option<PathBuf>,
    /// Markdown, added to the file if it is $GITHUB_STEP_SUMMARY
    #[arg(long, value_name = "FILE", help_heading = "What is written")]
    pub(in crate::cli) summary: Option<PathBuf>,
    /// Annotations on stdout (on stderr under --json)
    #[arg(long, value_name = "SYSTEM", value_enum, help_heading = "What is written")]
    pub(in crate::cli) annotations: Option<Annotations>,
    /// GitLab code quality report
    #[arg(long, value_name = "FILE", help_heading = "What is written")]
    pub(in crate::cli) code_quality: Option<PathBuf>,
    /// Bencher Metric Format
    #[arg(long, value_name = "FILE", help_heading = "What is written")]
    pub(in crate::cli) bmf: Option<PathBuf>,
    /// OpenMetrics text, for Prometheus and GitLab
    #[arg(long, value_name = "FILE", help_heading = "What is written")]
    pub(in crate::cli) metrics: Option<PathBuf>,
}

/// Where annotations appear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Annotations {
    Github,
}

/// A gate without a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum OnUndecided {
    /// Exit with 2
    Fail,
    /// Exit with 3
    NoDecision,
    /// Exit with 0
    Pass,
}

/// A gate of two machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum OnOtherHost {
    /// Nothing
    Ignore,
    /// A warning
    Warn,
    /// No decision: exit with 3
    Fail,
}
