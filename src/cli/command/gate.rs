//! `gate`: benchmarks of now against a baseline.

mod files;
mod lake;
mod text;

use super::Context;
use crate::{
    cli::{
        args::{Gate as Args, OnOtherHost, OnUndecided},
        exit::{Error, Outcome},
        host,
        wire::{VERSION, gate::Document},
    },
    gate::{Decision, Gate, GateSettings, Limit, Verdict, judge},
    ingest::{self, read_benches},
    model::BenchRun,
    report::GateContext,
};
use std::path::{Path, PathBuf};

pub(super) fn run(context: &Context<'_>, args: &Args) -> Result<Outcome, Error> {
    let settings = GateSettings {
        limit: Limit { tolerance: args.tolerance, floor: args.floor },
        limits: args.limit.clone(),
        higher_is_better: args.higher_is_better.clone(),
        some_undecided: args.against.is_some(),
        some_new: args.allow_new || args.against.is_some(),
        seed: context.seed(),
        ..GateSettings::default()
    };
    let mut warnings = Vec::new();
    let (baseline, mut current) = match args.against {
        Some(days) => lake::sides(context, args, days)?,
        None => (baseline(args, &mut warnings)?, current(args)?),
    };
    let mut gate = judge(&baseline, &current, &settings);
    if let Some(command) = &args.rerun
        && gate.of(Verdict::Regressed).next().is_some()
    {
        warnings.push(again(context, command, &gate)?);
        current.extend(self::current(args)?);
        gate = judge(&baseline, &current, &settings);
    }
    decide(&mut gate, args, &mut warnings);
    let about = GateContext {
        version: VERSION.to_owned(),
        current: match args.current.first() {
            Some(path) => path.display().to_string(),
            None => context.lake_path().display().to_string(),
        },
        seed: settings.seed,
    };
    files::write(args, &gate, &about)?;
    if let Some(path) = &args.save {
        files::save(path, args.keep, &current)?;
    }
    if context.console.json {
        let host = current.last().map(|run| run.host.clone()).unwrap_or_default();
        context.console.document(&Document::new(&gate, &host, settings.seed, warnings))?;
    } else {
        warnings.iter().for_each(|warning| context.console.warn(warning));
        context.console.say(&text::text(context, &gate))?;
    }
    files::annotate(context, args, &gate)?;
    Ok(match (gate.decision, args.on_inconclusive) {
        (Decision::Pass, _) | (Decision::NoDecision, OnUndecided::Pass) => Outcome::Fine,
        (Decision::Fail, _) | (Decision::NoDecision, OnUndecided::Fail) => Outcome::Regressed,
        (Decision::NoDecision, OnUndecided::NoDecision) => Outcome::NoDecision,
    })
}

/// All runs of the baseline. One that is not there is no mistake of the user's: the first gate of a branch has none.
fn baseline(args: &Args, warnings: &mut Vec<String>) -> Result<Vec<BenchRun>, Error> {
    if args.baseline.is_empty() {
        let how = match &args.save {
            Some(path) => format!("the next gate has one with --baseline {}", path.display()),
            None => "give --baseline, or keep this run as one with --save FILE".to_owned(),
        };
        warnings.push(format!("no baseline: {how}"));
    }
    let mut runs = Vec::new();
    for path in &args.baseline {
        let same = args.current.iter().any(|current| is_same(current, path));
        let named = args.criterion_baseline.as_deref().or(if same && path.is_dir() { Some("base") } else { None });
        match read_benches(path, named) {
            Ok(more) => runs.extend(more),
            Err(error @ (ingest::Error::NoSuchRun { .. } | ingest::Error::NotFound { .. })) => {
                warnings.push(format!("no baseline: {error}"));
            }
            Err(error) => return Err(error.into()),
        }
    }
    // Runs with times are a history; without, the order in which they were named is one.
    runs.sort_by_key(|run| run.at);
    Ok(runs)
}

/// The runs of now. Where a tool says nothing of the machine it is taken to be this one.
fn current(args: &Args) -> Result<Vec<BenchRun>, Error> {
    let here = host::here();
    let mut runs = Vec::new();
    for path in &args.current {
        let mut read = read_benches(path, None)?;
        // Of a history the last run is the one of now.
        runs.extend(read.pop());
    }
    for run in runs.iter_mut().filter(|run| !run.host.is_known()) {
        run.host = here.clone();
    }
    Ok(runs)
}

fn is_same(one: &Path, other: &PathBuf) -> bool {
    one == other || one.canonicalize().ok().zip(other.canonicalize().ok()).is_some_and(|(a, b)| a == b)
}

/// Runs the benchmarks once more; what to tell of it.
fn again(context: &Context<'_>, command: &str, gate: &Gate) -> Result<String, Error> {
    let count = gate.of(Verdict::Regressed).count();
    let told = format!(
        "{} regressed at first; ran `{command}` to confirm",
        crate::report::counted(count, "benchmark", "benchmarks")
    );
    context.console.warn(&told);
    let shell = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let mut process = std::process::Command::new(shell.0);
    // stdout is the document's; what the benchmarks print goes with the messages.
    process.arg(shell.1).arg(command).stdout(std::io::stderr());
    let status = process.status().map_err(Error::io("run", command))?;
    if !status.success() {
        return Err(Error::Usage(format!(
            "--rerun `{command}` failed: {status}; the first run said that {count} regressed"
        )));
    }
    Ok(told)
}

/// What the options make of the decision.
fn decide(gate: &mut Gate, args: &Args, warnings: &mut Vec<String>) {
    let differs = gate.host.as_ref().is_some_and(|differences| !differences.is_empty());
    if differs && args.host_mismatch != OnOtherHost::Ignore {
        warnings.push(format!("{}; times of two machines say little of each other", text::hosts(gate)));
        if args.host_mismatch == OnOtherHost::Fail {
            gate.decision = Decision::NoDecision;
        }
    }
}
