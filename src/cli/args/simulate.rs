//! `simulate`: what would happen, in virtual time.

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
}

/// `simulate`
#[derive(Debug, Args)]
pub(in crate::cli) struct Simulate {
    /// DAG: a JSON file (compact or WfFormat; `-` is stdin)
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) dag: String,
    /// Slots, one a task [default: 32, as Airflow's parallelism]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(in crate::cli) slots: Option<u32>,
    /// Order of ready tasks
    #[arg(long, value_enum, value_name = "POLICY", default_value_t = PolicyOption::Airflow)]
    pub(in crate::cli) policy: PolicyOption,
    /// What if a task were so many times as fast, such as transform=2 (repeatable)
    #[arg(long, value_name = "TASK=FACTOR", value_parser = speedup)]
    pub(in crate::cli) speedup: Vec<(String, f64)>,
    /// What if B did not wait for A (repeatable)
    #[arg(long, value_name = "A=B", value_parser = edge)]
    pub(in crate::cli) drop_edge: Vec<(String, String)>,
}

/// A task and by what its time is divided; `inf` is no time at all.
fn speedup(text: &str) -> Result<(String, f64), String> {
    let (task, factor) = edge(text)?;
    match factor.trim_end_matches('x').parse() {
        Ok(factor) if factor > 0.0 => Ok((task, factor)),
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
    }
}
