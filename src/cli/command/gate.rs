//! `gate`: benchmarks of now against a baseline.

mod files;
mod lake;
mod text;

use super::Context;
use crate::{
    cli::{
        args::{Gate as Args, OnOtherHost, OnUndecided},
        console::line,
        exit::{Error, Outcome},
        host,
        wire::{VERSION, gate::Document},
    },
    gate::{Basis, Decision, Gate, GateSettings, Judged, Limit, Verdict, judge, means},
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
        some_gone: args.allow_gone || args.against.is_some(),
        samples_are_runs: args.against.is_some(),
        seed: context.seed(),
        ..GateSettings::default()
    };
    let mut warnings = Vec::new();
    // What is there already is read before anything is judged: a file that cannot be added to is found out at once.
    let kept = args.save.as_deref().map(files::kept).transpose()?;
    let (baseline, mut current) = match args.against {
        Some(days) => lake::sides(context, args, days, &mut warnings)?,
        None if args.bench => lake::benches(context, &args.deployment, &mut warnings)?,
        None => {
            let current = current(args)?;
            (baseline(args, kept.as_deref(), &current, &mut warnings)?, current)
        }
    };
    let mut gate = judge(&baseline, &current, &settings);
    if let Some(command) = &args.rerun
        && gate.of(Verdict::Regressed).next().is_some()
    {
        if args.current.iter().any(|path| path == Path::new("-")) {
            return Err(Error::Usage("--rerun reads --current once more: stdin cannot be".to_owned()));
        }
        warnings.push(again(command, &gate)?);
        let more = self::current(args)?;
        if more.iter().zip(&current).any(|(new, old)| new.results == old.results) {
            return Err(Error::Usage(format!(
                "--rerun left {} as it was: a run does not confirm itself",
                args.current.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
            )));
        }
        current.extend(more);
        gate = judge(&baseline, &current, &settings);
    }
    mind_the_host(&mut gate, args, &mut warnings);
    gate.settle(match args.on_inconclusive {
        OnUndecided::Pass => Decision::Pass,
        OnUndecided::Fail => Decision::Fail,
        OnUndecided::NoDecision => Decision::NoDecision,
    });
    warnings.extend(without_match(args, &gate));
    warnings.extend(floor_without_unit(&gate));
    if args.bench {
        warnings.extend(more_rounds(&gate));
    }
    let about = GateContext {
        version: VERSION.to_owned(),
        current: match args.current.first() {
            Some(path) => path.display().to_string(),
            None => context.lake_path().display().to_string(),
        },
        seed: settings.seed,
    };
    files::write(args, &gate, &about)?;
    if context.console.json {
        let host = current.last().map(|run| run.host.clone()).unwrap_or_default();
        context.console.document(&Document::new(&gate, &host, settings.seed, warnings))?;
    } else {
        warnings.iter().for_each(|warning| context.console.warn(warning));
        context.console.say(&text::text(context, &gate))?;
    }
    files::annotate(context, args, &gate)?;
    if let (Some(path), Some(kept)) = (&args.save, kept) {
        // A slow run in the baseline would make the next one look usual.
        let told = match gate.decision {
            Decision::Fail if !gate.as_asked => Some(format!("not added to {}: it failed", path.display())),
            _ => files::save(path, kept, args.keep, &current)?,
        };
        told.iter().for_each(|told| context.console.warn(told));
    }
    Ok(match gate.decision {
        Decision::Pass => Outcome::Fine,
        Decision::Fail => Outcome::Regressed,
        Decision::NoDecision => Outcome::NoDecision,
    })
}

/// All runs of the baseline. One that is not there is no mistake of the user's: the first gate of a branch has none.
fn baseline(
    args: &Args,
    kept: Option<&[BenchRun]>,
    current: &[BenchRun],
    warnings: &mut Vec<String>,
) -> Result<Vec<BenchRun>, Error> {
    // What was saved is the baseline of what is saved next.
    if args.baseline.is_empty() {
        let saved = kept.unwrap_or_default();
        if saved.is_empty() {
            warnings.push(match &args.save {
                Some(path) => format!("no baseline: this run begins {}; the next gate has it", path.display()),
                None => "no baseline: give --baseline, or keep this run as one with --save FILE".to_owned(),
            });
        }
        return Ok(saved.to_vec());
    }
    let mut runs = Vec::new();
    for path in &args.baseline {
        let same = args.current.iter().any(|current| is_same(current, path));
        let named = args.criterion_baseline.as_deref().or(if same && path.is_dir() { Some("base") } else { None });
        match read_benches(path, named) {
            Ok(mut more) => {
                if same && named.is_none() && more.last().map(|run| &run.results) == current.last().map(|r| &r.results)
                {
                    // A history whose last run is the one of now: what came before it is the baseline.
                    match more.len() {
                        1 => warnings.push(format!("{} is compared with itself", path.display())),
                        _ => drop(more.pop()),
                    }
                }
                runs.extend(more);
            }
            // Let through unseen, a mistyped path would pass for ever; that of the file to be saved has a first time.
            Err(error @ ingest::Error::NotFound { .. })
                if matches!(args.on_inconclusive, OnUndecided::Pass)
                    && !args.save.as_deref().is_some_and(|saved| is_same(saved, path)) =>
            {
                return Err(Error::Usage(format!(
                    "--baseline: {error}; --on-inconclusive pass lets only the file pass that --save is to begin"
                )));
            }
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
    one == other || real(one).zip(real(other)).is_some_and(|(a, b)| a == b)
}

/// Without links and dots; of a file that is not there yet, in its real folder.
fn real(path: &Path) -> Option<PathBuf> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    path.canonicalize().ok().or_else(|| Some(folder.canonicalize().ok()?.join(path.file_name()?)))
}

/// Runs the benchmarks once more; what to tell of it.
fn again(command: &str, gate: &Gate) -> Result<String, Error> {
    let count = gate.of(Verdict::Regressed).count();
    let told = format!(
        "{} regressed at first; measured again with --rerun",
        crate::report::counted(count, "benchmark", "benchmarks")
    );
    let shell = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let mut process = std::process::Command::new(shell.0);
    // stdout is the document's; what the benchmarks print goes with the messages.
    process.arg(shell.1).arg(command).stdout(std::io::stderr());
    let status = process.status().map_err(Error::io("run", command))?;
    if !status.success() {
        return Err(Error::Usage(format!("--rerun failed: {status}; the first run said that {count} regressed")));
    }
    Ok(told)
}

/// What `--host-mismatch` makes of the decision.
fn mind_the_host(gate: &mut Gate, args: &Args, warnings: &mut Vec<String>) {
    let differs = gate.host.as_ref().is_some_and(|differences| !differences.is_empty());
    if differs && args.host_mismatch != OnOtherHost::Ignore {
        warnings.push(format!("{}; times of two machines say little of each other", text::hosts(gate)));
        if args.host_mismatch == OnOtherHost::Fail {
            gate.decision = Decision::NoDecision;
        }
    }
}

/// A floor in units of time says nothing of what has none.
fn floor_without_unit(gate: &Gate) -> Option<String> {
    let without = |b: &&Judged| b.limit.floor.is_some_and(|floor| floor.in_unit(&b.unit).is_none());
    let mut found = gate.benchmarks.iter().filter(without);
    let (first, more) = (found.next()?, found.count());
    let unit = if first.unit.is_empty() { "no unit".to_owned() } else { format!("the unit {}", line(&first.unit)) };
    let others = if more == 0 { String::new() } else { format!(" and {more} more") };
    Some(format!(
        "{}{others}: {unit}, so that a floor in units of time says nothing; give a plain number in the unit of the values",
        line(&first.name)
    ))
}

/// Rounds beyond which nobody waits for a bench.
const MOST_ROUNDS: usize = 1000;

/// How a bench would decide what this one did not.
fn more_rounds(gate: &Gate) -> Option<String> {
    let undecided: Vec<&Judged> = gate.of(Verdict::Inconclusive).collect();
    let said = crate::report::counted(undecided.len(), "benchmark is", "benchmarks are");
    let of_rounds = |judged: &&&Judged| judged.basis != Some(Basis::Runs);
    match undecided.iter().filter(of_rounds).filter_map(|judged| judged.needed_n).max() {
        _ if undecided.is_empty() => None,
        Some(rounds) if rounds <= MOST_ROUNDS => {
            Some(format!("{said} undecided: benches with --rounds {rounds}, before and now, would be about enough"))
        }
        _ => Some(format!(
            "{said} undecided: longer benches (--rounds, --items), a quieter machine, or a wider --tolerance would decide"
        )),
    }
}

/// Patterns that no benchmark's name matches: most likely they are mistyped.
fn without_match(args: &Args, gate: &Gate) -> Vec<String> {
    let limits = args.limit.iter().map(|(pattern, _)| ("--limit", pattern));
    let patterns = limits.chain(args.higher_is_better.iter().map(|pattern| ("--higher-is-better", pattern)));
    patterns
        .filter(|(_, pattern)| !gate.benchmarks.iter().any(|benchmark| means(pattern, &benchmark.name)))
        .map(|(option, pattern)| format!("{option} `{pattern}` matches no benchmark"))
        .collect()
}
