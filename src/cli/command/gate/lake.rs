//! The last week in the lake against the time before it, and its newest bench against those before it.

use crate::{
    analysis::{SidePair, last_days},
    cli::{
        args::{AnalysisOptions, AxisOption, Gate as Args},
        command::{Context, analyze},
        exit::Error,
    },
    model::{BenchResult, BenchRun, Deployment, Measured, Quantity, bench_runs},
};

/// Days that are judged.
const WINDOW_DAYS: f64 = 7.0;

/// Each series of the lake as a benchmark: its runs of the `days` before, and those of the last week.
pub(super) fn sides(
    context: &Context<'_>,
    args: &Args,
    days: f64,
    warnings: &mut Vec<String>,
) -> Result<(Vec<BenchRun>, Vec<BenchRun>), Error> {
    let options = AnalysisOptions {
        as_of: args.as_of,
        window: Some(WINDOW_DAYS),
        baseline: Some(days),
        axis: AxisOption::Auto,
        dag: args.dag.clone(),
        owner: Vec::new(),
        tag: Vec::new(),
    };
    let pairs =
        analyze::with_lake(context, &context.lake(), &options, |histories, settings| last_days(histories, settings))?;
    if pairs.is_empty() && !args.dag.is_empty() {
        let dags = args.dag.join(", ");
        return Err(Error::Usage(format!("no series of {dags} has runs in the last week and before it")));
    }
    if pairs.is_empty() {
        // The first week of a lake is no mistake of the user's.
        warnings
            .push("no series of the lake has runs in the last week and before it; see `windtunnel lake ls`".to_owned());
        return Ok((Vec::new(), Vec::new()));
    }
    let side = |values: fn(&SidePair) -> &Vec<f64>| BenchRun {
        results: pairs.iter().map(|pair| result(pair, values(pair))).collect(),
        ..BenchRun::default()
    };
    Ok((vec![side(|pair| &pair.before.values)], vec![side(|pair| &pair.after.values)]))
}

fn result(pair: &SidePair, values: &[f64]) -> BenchResult {
    BenchResult {
        name: pair.id.as_str().into(),
        measure: if pair.quantity == Quantity::Duration { "" } else { pair.quantity.as_str() }.into(),
        unit: "s".into(),
        higher_is_better: false,
        measured: Measured::Samples(values.to_vec()),
    }
}

/// The benches before, and the newest one.
pub(super) fn benches(
    context: &Context<'_>,
    deployment: &str,
    warnings: &mut Vec<String>,
) -> Result<(Vec<BenchRun>, Vec<BenchRun>), Error> {
    if !context.lake().exists() {
        return Err(Error::Usage(format!(
            "there is no lake at {}; `windtunnel bench --record` begins one",
            context.lake_path().display()
        )));
    }
    let mut runs = bench_runs(&context.lake().bench_records(&Deployment::new(deployment)?)?);
    let Some(newest) = runs.pop() else {
        return Err(Error::Usage(format!(
            "the lake holds no bench named `{deployment}`; `windtunnel bench --record` adds one"
        )));
    };
    if runs.is_empty() {
        warnings.push("this is the first bench of the lake: the next one is compared with it".to_owned());
    }
    // Those of other engines or workloads say nothing of this one.
    let known =
        |run: &BenchRun| run.results.iter().any(|result| newest.results.iter().any(|now| now.name == result.name));
    let before: Vec<BenchRun> = runs.into_iter().filter(known).map(|run| of_interest(run, &newest)).collect();
    Ok((before, vec![newest]))
}

/// What the newest one has as well.
fn of_interest(mut run: BenchRun, newest: &BenchRun) -> BenchRun {
    run.results.retain(|result| newest.results.iter().any(|now| now.name == result.name));
    run
}
