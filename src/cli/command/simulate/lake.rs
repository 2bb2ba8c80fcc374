//! `simulate` on the lake: what really happened replayed by Airflow's rules, with its error; then with what-ifs.

use super::Context;
use crate::{
    cli::{
        args::{PolicyOption, Simulate},
        command::loaded::Loaded,
        exit::{Error, Outcome},
        wire::simulate::Document,
    },
    engine::scheduler::WeightRule,
    model::{EdgeSource, Text},
    replay::airflow::{Ahead, Backlog, DagReplay, Recorded, WeightBy, WhatIf, ahead, best_order, dag_replay_since},
};

/// Error of a replay from which on what-ifs carry a warning.
pub(in crate::cli) const LARGE_ERROR: f64 = 0.1;
/// Share of runs that may be incomplete before that is a warning.
const MANY_INCOMPLETE: f64 = 0.1;

/// A limit that is tried, and what came of it.
pub(in crate::cli) struct Tried {
    pub(in crate::cli) value: u32,
    pub(in crate::cli) replay: DagReplay,
}

/// All that is told of a DAG of the lake.
pub(in crate::cli) struct Simulation<'a> {
    pub(in crate::cli) dag: &'a str,
    pub(in crate::cli) base: DagReplay,
    pub(in crate::cli) after: Option<DagReplay>,
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
    let usage = |reason: String| Error::Usage(reason);
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
            tried.push(Tried { value, replay: replayed(&limited) });
        }
    }
    bar.finish_and_clear();
    let backlog = args.backlog.map(|added| {
        let errors = base.error.ratios(&recorded, dag as u32);
        let backlog = Backlog { dag: dag as u32, added, seed: context.seed() };
        let of = |recorded: &Recorded| ahead(recorded, &errors, backlog);
        let as_is = of(&recorded).ok_or_else(|| {
            let nothing =
                format!("no run of {} is under way by the record: say how many to add, as in --backlog 10", args.dag);
            Error::Usage(nothing)
        })?;
        Ok::<_, Error>(BacklogDone { added, as_is, after: if is_changed { of(&changed) } else { None } })
    });
    let simulation = Simulation {
        dag: &args.dag,
        base,
        after,
        sweep: args.sweep.as_ref().map(|(name, _, _)| (name.as_str(), tried)),
        order_from,
        backlog: backlog.transpose()?,
        edges_from: edges_from[dag],
        parallelism: changed.case.rules.parallelism,
    };
    let warnings = warnings(&recorded, &simulation, recorded.caught_up(dag as u32) && !args.runs_by_limit);
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

fn warnings(recorded: &Recorded, simulation: &Simulation<'_>, fixed_starts: bool) -> Vec<String> {
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
