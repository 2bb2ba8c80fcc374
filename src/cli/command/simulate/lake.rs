//! `simulate` on the lake: what really happened replayed by Airflow's rules, with its error; then with what-ifs.

use super::Context;
use crate::{
    cli::{
        args::{PolicyOption, Simulate},
        command::loaded::Loaded,
        console::line,
        exit::{Error, Outcome},
        wire::simulate::Document,
    },
    engine::scheduler::WeightRule,
    model::{EdgeSource, Text},
    replay::airflow::{
        Ahead, Backlog, DagReplay, Held, Recorded, WeightBy, WhatIf, ahead, best_order, dag_replay_since,
    },
    stats::{Estimate, median},
};

/// Error of a replay from which on what-ifs carry a warning.
pub(in crate::cli) const LARGE_ERROR: f64 = 0.1;
/// Share of the history's length from which on a shift is as good as another history.
const LONG_SHIFT: f64 = 0.1;
/// Seconds, and usual lengths of a run, from which on runs under way that do not move are told.
const IDLE: (f64, f64) = (300.0, 3.0);
/// Recorded runs below which what lies ahead is a guess.
const FEW_RUNS: usize = 9;
/// Share of runs that may be incomplete before that is a warning.
const MANY_INCOMPLETE: f64 = 0.1;

/// A limit that is tried, and what came of it.
pub(in crate::cli) struct Tried {
    pub(in crate::cli) value: u32,
    pub(in crate::cli) replay: DagReplay,
    /// When the backlog would be done, where that was asked for.
    pub(in crate::cli) ahead: Option<Ahead>,
}

/// All that is told of a DAG of the lake.
pub(in crate::cli) struct Simulation<'a> {
    pub(in crate::cli) dag: &'a str,
    pub(in crate::cli) base: DagReplay,
    /// Median over its runs of replayed over recorded makespans.
    pub(in crate::cli) bias: Option<f64>,
    pub(in crate::cli) after: Option<DagReplay>,
    /// What is otherwise, in words.
    pub(in crate::cli) what_ifs: Vec<String>,
    /// The next run, and how earlier ones were foretold.
    pub(in crate::cli) next: Option<Estimate>,
    pub(in crate::cli) held: Held,
    pub(in crate::cli) sweep: Option<(&'a str, Vec<Tried>)>,
    /// Where the best order came from; only of `best`. Then only the later half of the runs is told.
    pub(in crate::cli) order_from: Option<&'static str>,
    pub(in crate::cli) backlog: Option<BacklogDone>,
    pub(in crate::cli) edges_from: EdgeSource,
    pub(in crate::cli) parallelism: u32,
}

/// When the runs that are not over, and those added, will be done.
pub(in crate::cli) struct BacklogDone {
    pub(in crate::cli) added: u32,
    pub(in crate::cli) as_is: Ahead,
    pub(in crate::cli) after: Option<Ahead>,
}

/// Seconds that no order of the tasks of a run can beat: its longest way, or its work shared by all slots.
pub(in crate::cli) fn lower_bound(replay: &DagReplay, parallelism: u32) -> f64 {
    replay.critical_path_s.max(replay.work_s / f64::from(parallelism.max(1)))
}

pub(super) fn run(context: &Context<'_>, args: &Simulate) -> Result<Outcome, Error> {
    if args.slots.is_some() {
        return Err(Error::Usage("--slots is of DAGs from files; of one in the lake, --set parallelism=N".into()));
    }
    let Loaded { dags, dag, edges_from, recorded, .. } =
        Loaded::new(context, &args.dag, args.deployment.as_deref(), args.runs_by_limit)?;
    let usage = |reason: String| Error::Usage(line(&reason));
    let what_ifs = what_ifs(args, dag as u32)?;
    let bar =
        context.console.bar(2 + args.sweep.as_ref().map_or(0, |(_, from, to)| u64::from(to - from + 1)), "replaying");
    let mut changed = recorded.with(&what_ifs, &dags).map_err(usage)?;
    let is_changed = !what_ifs.is_empty() || args.policy == PolicyOption::Best;
    // Runs that chose the order have no say in how good it is.
    let (mut order_from, mut told_from) = (None, 0);
    if args.policy == PolicyOption::Best {
        let best = best_order(&changed, dag as u32, &dags, context.seed());
        (order_from, told_from, changed) = (Some(best.from), best.told_from, best.recorded);
    }
    let replayed = |recorded: &Recorded| {
        bar.inc(1);
        dag_replay_since(recorded, dag as u32, told_from)
    };
    let base = replayed(&recorded);
    if base.makespans.is_empty() {
        return Err(Error::Usage(format!(
            "no run of {} has ended and is known as a whole: there is nothing to replay",
            args.dag
        )));
    }
    let after = if is_changed { Some(replayed(&changed)) } else { None };
    let mut tried = Vec::new();
    if let Some((name, from, to)) = &args.sweep {
        for value in *from..=*to {
            let limited = changed.with(&[limit(name, value)?], &dags).map_err(usage)?;
            tried.push(Tried { value, replay: replayed(&limited), ahead: None });
        }
    }
    let errors = base.error.ratios(&recorded, dag as u32);
    let mut backlog = None;
    if let Some(added) = args.backlog {
        let asked = Backlog { dag: dag as u32, added, seed: context.seed() };
        let of = |recorded: &Recorded| ahead(recorded, &errors, asked);
        let as_is = of(&recorded).ok_or_else(|| {
            Error::Usage(format!(
                "no run of {} is under way by the record: say how many to add, as in --backlog 10",
                line(&args.dag)
            ))
        })?;
        let name = args.sweep.as_ref().map_or("", |(name, _, _)| name);
        for tried in &mut tried {
            tried.ahead = of(&changed.with(&[limit(name, tried.value)?], &dags).map_err(usage)?);
        }
        backlog = Some(BacklogDone { added, as_is, after: if is_changed { of(&changed) } else { None } });
    }
    bar.finish_and_clear();
    let (next, held) = match &after {
        Some(after) => (after.next_run(Some(&base)).0, base.next_run(None).1),
        None => base.next_run(None),
    };
    let simulation = Simulation {
        dag: &args.dag,
        base,
        after,
        sweep: args.sweep.as_ref().map(|(name, _, _)| (name.as_str(), tried)),
        order_from,
        backlog,
        bias: median(&errors),
        what_ifs: in_words(args),
        next,
        held,
        edges_from: edges_from[dag],
        parallelism: changed.case.rules.parallelism,
    };
    let warnings =
        warnings(&recorded, &simulation, recorded.caught_up(dag as u32) && !args.runs_by_limit, &args.shift_cron);
    if context.console.json {
        context.console.document(&Document::of_history(&simulation, policy(args.policy), context.seed(), warnings))?;
    } else {
        warnings.iter().for_each(|warning| context.console.warn(warning));
        context.console.say(&super::history_text::text(context, &simulation))?;
    }
    Ok(Outcome::Fine)
}

fn policy(policy: PolicyOption) -> &'static str {
    super::order(policy).map_or("fair", super::name)
}

fn what_ifs(args: &Simulate, place: u32) -> Result<Vec<WhatIf>, Error> {
    let text = |name: &String| Text::from(name.as_str());
    let dag = text(&args.dag);
    let mut all = Vec::new();
    for (name, value) in &args.set {
        all.push(limit(name, *value)?);
    }
    all.extend(args.speedup.iter().map(|(task, factor)| WhatIf::Speedup(dag.clone(), text(task), *factor)));
    all.extend(args.drop_edge.iter().map(|(first, then)| WhatIf::DropEdge(dag.clone(), text(first), text(then))));
    all.extend(args.shift_cron.iter().map(|(dag, seconds)| WhatIf::Shift(text(dag), *seconds)));
    let by_rule = |rule: WeightRule| WhatIf::Order(WeightBy::Rule { rule, dag: place });
    match args.policy {
        PolicyOption::Airflow => {}
        PolicyOption::Fifo => all.push(WhatIf::Order(WeightBy::Date)),
        PolicyOption::Lpt => all.push(WhatIf::Order(WeightBy::Duration)),
        PolicyOption::Heft => all.push(WhatIf::Order(WeightBy::WayToEnd)),
        PolicyOption::AirflowUpstream => all.push(by_rule(WeightRule::Upstream)),
        PolicyOption::AirflowAbsolute => all.push(by_rule(WeightRule::Absolute)),
        PolicyOption::Best => {}
        PolicyOption::Fair => {
            return Err(Error::Usage(
                "--policy fair is across DAGs from files: name a folder of them with --dag".into(),
            ));
        }
    }
    Ok(all)
}

/// What is otherwise, in words.
fn in_words(args: &Simulate) -> Vec<String> {
    let mut all: Vec<String> = args.set.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    all.extend(args.speedup.iter().map(|(task, factor)| match factor.is_infinite() {
        true => format!("{task} takes no time"),
        false => format!("{task} {factor} times as fast"),
    }));
    all.extend(args.drop_edge.iter().map(|(first, then)| format!("{then} does not wait for {first}")));
    all.extend(args.shift_cron.iter().map(|(dag, seconds)| {
        let when = if *seconds < 0.0 { "earlier" } else { "later" };
        format!("runs of {dag} {} {when}", super::seconds_in_words(seconds.abs()))
    }));
    if args.policy != PolicyOption::Airflow {
        all.push(format!("order {}", policy(args.policy)));
    }
    all
}

/// A limit by its name in Airflow.
fn limit(name: &str, value: u32) -> Result<WhatIf, Error> {
    let (limit, of) = name.split_once('.').map_or((name, None), |(limit, of)| (limit, Some(Text::from(of))));
    match (limit, of) {
        ("parallelism", None) => Ok(WhatIf::Parallelism(value)),
        ("max_tis_per_query", None) => Ok(WhatIf::MaxTis(value)),
        ("pool", Some(pool)) => Ok(WhatIf::Pool(pool, value)),
        ("max_active_tasks", of) => Ok(WhatIf::MaxActiveTasks(of, value)),
        ("max_active_runs", of) => Ok(WhatIf::MaxActiveRuns(of, value)),
        _ => Err(Error::Usage(format!(
            "`{name}` is no limit: write parallelism, max_tis_per_query, pool.NAME, max_active_tasks[.DAG] or max_active_runs[.DAG]"
        ))),
    }
}

/// A shift as long as the history moves runs to where nothing is known.
fn too_short(recorded: &Recorded, shifts: &[(String, f64)]) -> Option<String> {
    let last = recorded.ended.iter().max().copied().unwrap_or(0) as f64 / 1e6;
    let longest = shifts.iter().map(|(_, seconds)| seconds.abs()).fold(0.0, f64::max);
    (longest > LONG_SHIFT * last).then(|| {
        format!(
            "runs are shifted by {} in a history of {}: they meet other work than they ever would",
            super::seconds_in_words(longest),
            super::seconds_in_words(last)
        )
    })
}

/// What is to be known of a backlog's promise.
pub(in crate::cli::command) fn of_backlog(ahead: &Ahead) -> Vec<String> {
    let mut warnings = Vec::new();
    if ahead.idle_s > IDLE.0.max(IDLE.1 * ahead.usual_s) {
        warnings.push(format!(
            "nothing has happened in the runs under way in the last {} (a run usually takes {}): is the DAG paused, or a task dead? Then \
             they will not be done as told",
            super::seconds_in_words(ahead.idle_s),
            super::seconds_in_words(ahead.usual_s)
        ));
    }
    if ahead.donors < FEW_RUNS {
        warnings.push(format!(
            "runs to come take after {} recorded ones: the interval is a guess, a third to three times",
            ahead.donors
        ));
    }
    warnings
}

fn warnings(
    recorded: &Recorded,
    simulation: &Simulation<'_>,
    fixed_starts: bool,
    shifted: &[(String, f64)],
) -> Vec<String> {
    let mut warnings = Vec::new();
    let error = &simulation.base.error;
    let own = simulation.base.own_error.as_ref();
    match own.filter(|own| own.point > LARGE_ERROR).or(error.makespan.as_ref()) {
        None => warnings.push(
            "no run could be compared with its record: the replay is unchecked, and what-ifs of it are worth nothing".to_owned(),
        ),
        Some(of_runs) if of_runs.point > LARGE_ERROR => warnings.push(format!(
            "the replay of what really happened is {:.0} % off in the median run{}: what-ifs are no better (are the recorded limits in \
             windtunnel.toml, under [airflow]?)",
            of_runs.point * 100.0,
            if own.is_some_and(|own| own.point > LARGE_ERROR) { " of this DAG" } else { "" }
        )),
        Some(_) => {}
    }
    if let Some(short) = too_short(recorded, shifted) {
        warnings.push(short);
    }
    if let Some(BacklogDone { as_is, .. }) = &simulation.backlog {
        warnings.extend(of_backlog(as_is));
    }
    let runs = recorded.runs.len();
    if error.not_whole as f64 > MANY_INCOMPLETE * runs as f64 {
        warnings.push(format!(
            "{} of {runs} runs have no or few task instances in the lake: what those held is not seen by the others",
            error.not_whole
        ));
    }
    let changed = simulation.after.is_some() || simulation.sweep.is_some();
    if fixed_starts && changed {
        warnings.push(
            "this history was caught up: its runs began as fast as limits let them, and begin so here; --runs-by-limit lets them wait"
                .to_owned(),
        );
    }
    if let Some(never) = simulation.after.as_ref().map(DagReplay::never_end).filter(|never| *never > 0) {
        warnings.push(format!(
            "{never} of {} runs never end: a task of theirs, or of another DAG, needs more slots than there are",
            simulation.base.makespans.len()
        ));
    }
    if simulation.edges_from == EdgeSource::Inferred {
        warnings.push(
            "dependencies are inferred from the order of ends and starts: no serialized DAG was exported".to_owned(),
        );
    }
    warnings
}
