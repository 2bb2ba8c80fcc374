//! `explain`: where the seconds of a run went, or of many.

use super::values::parse_span;
use clap::Args;

/// `explain`
#[derive(Debug, Args)]
pub(in crate::cli) struct Explain {
    /// DAG of the lake
    #[arg(value_name = "DAG")]
    pub(in crate::cli) dag: String,
    /// Run: its id or a part of it, `latest` (that has ended) or `slowest`; without it, the last runs together
    #[arg(value_name = "RUN")]
    pub(in crate::cli) run: Option<String>,
    /// By when a run must have ended, counted from when it was due (the end of its interval), such as 2h
    #[arg(long, value_name = "TIME", value_parser = deadline, allow_hyphen_values = true)]
    pub(in crate::cli) deadline: Option<f64>,
    /// Runs that are looked at together, the last ones
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub(in crate::cli) runs: u32,
    /// Tasks of which it is replayed what they would be worth if they took no time
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(in crate::cli) worth: usize,
    /// Airflow whose DAG it is, where several in the lake have one of that name
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) deployment: Option<String>,
}

fn deadline(text: &str) -> Result<f64, String> {
    parse_span(text)
        .and_then(|seconds| if seconds > 0.0 { Ok(seconds) } else { Err("a deadline is after the run is due".into()) })
}
