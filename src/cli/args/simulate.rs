//! `simulate`: what would happen, in virtual time.

use super::values::parse_span;
use clap::{Args, ValueEnum};

/// Order of ready tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum PolicyOption {
    /// As they become ready
    Fifo,
    /// Airflow's default: by priority weight, own and all downstream
    Airflow,
    /// By priority weight, own and all upstream
    AirflowUpstream,
    /// By priority weight, own
    AirflowAbsolute,
    /// Longest task first
    Lpt,
    /// Longest way to the end first
    Heft,
    /// The best of many orders, never worse than Airflow's
    Best,
    /// Across DAGs: the one with the least predicted work left first, weighed by how long it has been there (a folder of DAGs)
    Fair,
}

/// `simulate`
#[derive(Debug, Args)]
pub(in crate::cli) struct Simulate {
    /// DAG: a JSON file (compact or WfFormat; `-` is stdin), a folder of such that share slots, or the id of one in the lake
    #[arg(long, value_name = "FILE|FOLDER|ID")]
    pub(in crate::cli) dag: String,
    /// Slots of a DAG from a file, one a task [default: 32, as Airflow's parallelism]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(in crate::cli) slots: Option<u32>,
    /// Order of ready tasks (of a DAG in the lake: all but fair; `best` is chosen by the earlier half of its runs, and told of
    /// the later)
    #[arg(long, value_enum, value_name = "POLICY", default_value_t = PolicyOption::Airflow)]
    pub(in crate::cli) policy: PolicyOption,
    /// What if a task were so many times as fast, such as transform=2 (repeatable)
    #[arg(long, value_name = "TASK=FACTOR", value_parser = speedup)]
    pub(in crate::cli) speedup: Vec<(String, f64)>,
    /// What if B did not wait for A (repeatable)
    #[arg(long, value_name = "A=B", value_parser = edge)]
    pub(in crate::cli) drop_edge: Vec<(String, String)>,
    /// What if a limit were another: parallelism, max_tis_per_query, pool.NAME, max_active_tasks[.DAG] or
    /// max_active_runs[.DAG] (lake; repeatable)
    #[arg(long, value_name = "LIMIT=N", value_parser = setting)]
    pub(in crate::cli) set: Vec<(String, u32)>,
    /// The same for each number of a range, such as pool.warehouse=1..8: where is the knee? (lake)
    #[arg(long, value_name = "LIMIT=A..B", value_parser = range)]
    pub(in crate::cli) sweep: Option<(String, u32, u32)>,
    /// What if runs of a DAG were made later, or with a minus earlier, such as reports=+30m (lake; repeatable)
    #[arg(long, value_name = "DAG=TIME", value_parser = shift, allow_hyphen_values = true)]
    pub(in crate::cli) shift_cron: Vec<(String, f64)>,
    /// Airflow whose DAG it is, where several in the lake have one of that name
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) deployment: Option<String>,
    /// Work that arrives over what the slots can do (a folder of DAGs)
    #[arg(long, value_name = "SHARE", default_value_t = 0.9, value_parser = load)]
    pub(in crate::cli) load: f64,
    /// How far predictions are off: standard deviation of the logarithm, of a run and again of a task (a folder of DAGs)
    #[arg(long, value_name = "SIGMA", default_value_t = 0.3, value_parser = sigma)]
    pub(in crate::cli) prediction_error: f64,
    /// When will all runs that are not over be done, and so many more that are made at the end of the record? (lake)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub(in crate::cli) backlog: Option<u32>,
    /// Let runs wait for max_active_runs, instead of beginning when they were recorded to be made (lake)
    #[arg(long)]
    pub(in crate::cli) runs_by_limit: bool,
}

/// Most values of a sweep: each is a replay of the whole history.
const MOST_VALUES: u32 = 64;

fn load(text: &str) -> Result<f64, String> {
    let load = text.parse().ok().filter(|load: &f64| *load > 0.0 && *load <= 10.0);
    load.ok_or_else(|| format!("`{text}`: write a share above 0, such as 0.9"))
}

fn sigma(text: &str) -> Result<f64, String> {
    let sigma = text.parse().ok().filter(|sigma: &f64| (0.0..=3.0).contains(sigma));
    sigma.ok_or_else(|| format!("`{text}`: write a number from 0 to 3"))
}

/// A limit and its number.
fn setting(text: &str) -> Result<(String, u32), String> {
    let (name, number) = edge(text)?;
    let number = number.parse().map_err(|_| format!("`{number}`: write a number, 0 or more"))?;
    Ok((name, number))
}

/// A limit and two numbers.
fn range(text: &str) -> Result<(String, u32, u32), String> {
    let (name, numbers) = edge(text)?;
    let two = numbers.split_once("..").and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
    match two {
        Some((from, to)) if from <= to && to - from < MOST_VALUES => Ok((name, from, to)),
        _ => Err(format!("`{numbers}`: write two numbers such as 1..8, {MOST_VALUES} values at most")),
    }
}

/// A DAG and seconds.
fn shift(text: &str) -> Result<(String, f64), String> {
    let (dag, time) = edge(text)?;
    parse_span(&time).map(|seconds| (dag, seconds))
}

/// A task a million times as slow is slow enough.
const LEAST_SPEEDUP: f64 = 1e-6;

/// A task and by what its time is divided; `inf` is no time at all.
fn speedup(text: &str) -> Result<(String, f64), String> {
    let (task, factor) = edge(text)?;
    match factor.trim_end_matches('x').parse() {
        Ok(factor) if factor >= LEAST_SPEEDUP => Ok((task, factor)),
        _ => Err(format!("`{factor}`: write a number above 0, such as 2 for twice as fast, or inf")),
    }
}

/// Two names. Names may hold `=`: the last one divides.
fn edge(text: &str) -> Result<(String, String), String> {
    let two = text.rsplit_once('=').filter(|(a, b)| !a.is_empty() && !b.is_empty());
    two.map(|(a, b)| (a.to_owned(), b.to_owned())).ok_or_else(|| format!("`{text}`: two names with = between them"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speed_ups_and_edges_read_as_written() {
        assert_eq!(speedup("load=2"), Ok(("load".into(), 2.0)));
        assert_eq!(speedup("a=b=1.5x"), Ok(("a=b".into(), 1.5)));
        assert_eq!(speedup("load=inf"), Ok(("load".into(), f64::INFINITY)));
        for wrong in ["load", "=2", "load=", "load=0", "load=-1", "load=nan", "load=fast"] {
            assert!(speedup(wrong).is_err(), "{wrong}");
        }
        assert_eq!(edge("a=b"), Ok(("a".into(), "b".into())));
        assert_eq!(setting("pool.warehouse=4"), Ok(("pool.warehouse".into(), 4)));
        assert_eq!(range("parallelism=1..8"), Ok(("parallelism".into(), 1, 8)));
        for wrong in ["parallelism=8..1", "parallelism=1..999", "parallelism=1", "parallelism=a..b"] {
            assert!(range(wrong).is_err(), "{wrong}");
        }
        for (text, seconds) in [("etl=+30m", 1800.0), ("etl=-1h", -3600.0), ("etl=15", 15.0), ("etl=2.5s", 2.5)] {
            assert_eq!(shift(text), Ok(("etl".into(), seconds)), "{text}");
        }
        for wrong in ["etl=soon", "etl=1d", "etl=", "etl=ü", "etl=infh"] {
            assert!(shift(wrong).is_err(), "{wrong}");
        }
    }
}
