//! `analyze`: the weekly regression analysis over the lake.

use super::{Context, summary::summary};
use crate::{
    analysis::{Acknowledgement, Analysis, AxisMode, Filter, Histories, Settings, analyze},
    cli::{
        args::{AnalysisOptions, Analyze, AxisOption, FailOn, parse_days},
        exit::{Error, Outcome},
        wire::analysis::Document,
    },
    lake::{self, Lake},
    model::{Counts, DagHistory, Deployment, Detail, Marker, Quantity, Text, Timestamp},
};
use std::{
    cell::RefCell,
    collections::BTreeSet,
    sync::{
        Arc,
        mpsc::{Receiver, sync_channel},
    },
};

pub(super) fn run(context: &Context<'_>, args: &Analyze) -> Result<Outcome, Error> {
    let analysis = analysis(context, &context.lake(), &args.options)?;
    if context.console.json {
        context.console.document(&Document::from(&analysis))?;
    } else {
        context.console.say(&summary(context, &analysis))?;
    }
    Ok(outcome(&analysis, args.fail_on))
}

/// The exit code: a gate where `--fail-on` asks for one.
pub(super) fn outcome(analysis: &Analysis, fail_on: Option<FailOn>) -> Outcome {
    let regressed = analysis.regressions.iter().any(|finding| finding.is_new && finding.acknowledged.is_none())
        || analysis.slower_hosts().any(|change| change.is_new);
    match fail_on {
        None => Outcome::Fine,
        Some(FailOn::Regressed) if regressed => Outcome::Regressed,
        Some(FailOn::Regressed) if analysis.false_alarms.series_tested == 0 => Outcome::NoDecision,
        Some(FailOn::Regressed) => Outcome::Fine,
    }
}

/// Analyses what the lake holds.
pub(super) fn analysis(context: &Context<'_>, lake: &Lake, options: &AnalysisOptions) -> Result<Analysis, Error> {
    let mut analysis = with_lake(context, lake, options, |histories, settings| analyze(histories, settings))?;
    analysis.warnings.extend(rejected(lake)?);
    analysis.warnings.extend(stray_volumes(lake)?);
    if analysis.axes.is_empty() {
        let dags = analysis.coverage.dags;
        return Err(Error::Usage(format!("no DAG fits: {dags} in the lake; see `windtunnel lake ls`")));
    }
    Ok(analysis)
}

/// Hands the histories of the lake to something that reads them.
pub(super) fn with_lake<T>(
    context: &Context<'_>,
    lake: &Lake,
    options: &AnalysisOptions,
    read: impl FnOnce(&Held<'_>, &Settings) -> Result<T, Error>,
) -> Result<T, Error> {
    let settings = settings(context, options)?;
    let held = lake.hold();
    // Numbers from a damaged part would look like any others.
    lake.check(|table| !matches!(table, "metric_samples" | "log_events" | "audit_events"))?;
    let mut places = Vec::new();
    for deployment in lake.deployments()? {
        places.extend(lake.dag_ids(&deployment)?.into_iter().map(|dag_id| (deployment.clone(), dag_id)));
    }
    let bar = context.console.bar(2 * places.len() as u64, "reading and analysing");
    let attempts = lake.survey()?.parts.iter().filter(|p| p.table == "task_attempts").map(|p| p.rows).sum::<u64>();
    let at_once = (AT_ONCE * places.len() as u64 / attempts.max(1)).clamp(1, MOST_AT_ONCE) as usize;
    let reading = RefCell::default();
    let found = read(&Held { lake, places: places.into(), bar: &bar, at_once, reading }, &settings);
    bar.finish_and_clear();
    drop(held);
    found
}

/// What was not understood when the lake was filled is missing from every number.
fn rejected(lake: &Lake) -> Result<Option<String>, Error> {
    let survey = lake.survey()?;
    let total = |count: fn(&Counts) -> u64| survey.sources.iter().map(|source| count(&source.counts)).sum::<u64>();
    let (read, rejected) = (total(|counts| counts.read), total(|counts| counts.rejected));
    Ok((rejected > 0).then(|| {
        format!(
            "{rejected} of {read} rows were rejected when they were ingested; \
             `windtunnel lake sql 'SELECT name, line, reason, count FROM defects'` lists why"
        )
    }))
}

/// Volumes of DAGs that never ran explain nothing; their names may be written in another way.
fn stray_volumes(lake: &Lake) -> Result<Option<String>, Error> {
    let mut stray: Vec<Text> = Vec::new();
    for deployment in lake.deployments()? {
        let told = lake.volume_dag_ids(&deployment)?;
        if !told.is_empty() {
            let known: BTreeSet<Text> = lake.dag_ids(&deployment)?.into_iter().collect();
            stray.extend(told.difference(&known).cloned());
        }
    }
    let Some(first) = stray.first() else { return Ok(None) };
    Ok(Some(format!("volumes are told of {} DAG(s) that have no run in the lake, such as {first}", stray.len())))
}

/// The histories of a lake.
pub(super) struct Held<'a> {
    lake: &'a Lake,
    places: Arc<[(Deployment, Text)]>,
    bar: &'a indicatif::ProgressBar,
    /// Histories that are worked on at once; as many are read ahead.
    at_once: usize,
    reading: RefCell<Option<Reading>>,
}

/// Attempts that are worked on at once, about: some ten megabytes. A DAG that has more is worked on alone.
const AT_ONCE: u64 = 50_000;
/// And DAGs: beyond some of them for each processor, nothing is gained.
const MOST_AT_ONCE: u64 = 64;

/// A thread that reads histories while those before are worked on.
struct Reading {
    detail: Detail,
    /// The place that comes next.
    place: usize,
    read: Receiver<Result<DagHistory, lake::Error>>,
}

impl Reading {
    fn start(held: &Held<'_>, place: usize, detail: Detail) -> Self {
        let (lake, places) = (held.lake.clone(), held.places.clone());
        // Where one is worked on at a time, none waits between the two: it can be large.
        let (send, read) = sync_channel(held.at_once - 1);
        std::thread::spawn(move || {
            for of_one in places[place..].chunk_by(|a, b| a.0 == b.0) {
                let mut histories = match lake.histories(&of_one[0].0, detail) {
                    Ok(histories) => histories,
                    Err(error) => return drop(send.send(Err(error))),
                };
                for (_, dag_id) in of_one {
                    // Nobody reads on after an error, or waits for what is not wanted any more.
                    let history = histories.next(dag_id);
                    let failed = history.is_err();
                    if send.send(history).is_err() || failed {
                        return;
                    }
                }
            }
        });
        Self { detail, place, read }
    }
}

impl Histories for Held<'_> {
    type Error = Error;

    fn markers(&self) -> Result<Vec<(Deployment, Marker)>, Error> {
        let mut all = Vec::new();
        for deployment in self.lake.deployments()? {
            let markers = self.lake.markers(&deployment)?;
            all.extend(markers.into_iter().map(|marker| (deployment.clone(), marker)));
        }
        Ok(all)
    }

    fn count(&self) -> usize {
        self.places.len()
    }

    fn at_once(&self) -> usize {
        self.at_once
    }

    fn load(&self, place: usize, detail: Detail) -> Result<DagHistory, Error> {
        self.bar.inc(1);
        let mut reading = self.reading.borrow_mut();
        let current = match &mut *reading {
            Some(reading) if (reading.place, reading.detail) == (place, detail) => reading,
            other => other.insert(Reading::start(self, place, detail)),
        };
        current.place += 1;
        let gone = || Error::Usage("the lake could not be read to its end".to_owned());
        let history = current.read.recv().map_err(|_| gone())??;
        if detail == Detail::Times && place + 1 == self.places.len() {
            // What comes next is all there is to know, once what the times tell has been worked out.
            *reading = Some(Reading::start(self, 0, Detail::Series));
        }
        Ok(history)
    }
}

fn settings(context: &Context<'_>, options: &AnalysisOptions) -> Result<Settings, Error> {
    let defaults = Settings::default();
    let file = &context.config.file.analyze;
    // Checked when the file was read.
    let days = |text: &Option<String>| text.as_deref().and_then(|text| parse_days(text).ok());
    let acknowledged = context.config.file.acknowledge.iter().map(|known| {
        let until: jiff::civil::Date =
            known.until.parse().map_err(|_| Error::Usage(format!("`{}` is no date", known.until)))?;
        let until = jiff::tz::Offset::UTC
            .to_timestamp(until.to_datetime(jiff::civil::Time::midnight()))
            .map_err(|error| Error::Usage(error.to_string()))?;
        Ok::<_, Error>(Acknowledgement {
            dag_id: known.dag.clone(),
            task_id: known.task.clone(),
            quantity: known.quantity.as_deref().and_then(Quantity::parse),
            until: Timestamp::from_micros(until.as_microsecond()),
            reason: known.reason.clone(),
        })
    });
    Ok(Settings {
        as_of: options.as_of,
        window_days: options.window.or_else(|| days(&file.window)).unwrap_or(defaults.window_days),
        baseline_days: options.baseline.or_else(|| days(&file.baseline)).unwrap_or(defaults.baseline_days),
        axis: match options.axis {
            AxisOption::Auto => AxisMode::Auto,
            AxisOption::Logical => AxisMode::Logical,
            AxisOption::Wall => AxisMode::Wall,
        },
        false_discovery_rate: file.false_discovery_rate.unwrap_or(defaults.false_discovery_rate),
        min_effect: file.min_effect.unwrap_or(defaults.min_effect),
        filter: Filter { dags: options.dag.clone(), owners: options.owner.clone(), tags: options.tag.clone() },
        acknowledged: acknowledged.collect::<Result<Vec<_>, _>>()?,
        seed: context.seed(),
        ..defaults
    })
}
