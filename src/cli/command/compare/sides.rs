//! What is compared: two files, or two ranges of the lake.

use crate::{
    analysis::{CompareSettings, Comparison, CostModel, Ranges, Work, compare_numbers, compare_ranges, runs_per_year},
    cli::{
        args::{AnalysisOptions, Compare, parse_start, parse_time},
        command::{Context, analyze, detect},
        exit::Error,
    },
    ingest::read_numbers,
    model::{NumberSeries, TimeRange},
    report::number,
};
use std::path::Path;

/// Effects, and the work that a calculation of costs rests on.
pub(super) struct Found {
    pub(super) comparison: Comparison,
    pub(super) work: Vec<Work>,
    pub(super) notes: Vec<String>,
}

/// Days on each side of `--at`, where nothing else is said: whole weeks, enough for weekdays to show.
const SIDE_DAYS: f64 = 56.0;

pub(super) fn compare(
    context: &Context<'_>,
    args: &Compare,
    settings: &CompareSettings,
    cost: Option<&CostModel>,
) -> Result<Found, Error> {
    match (&args.before, &args.after, args.at) {
        (None, None, Some(at)) => {
            let days = args.window.unwrap_or(SIDE_DAYS) * 86_400.0;
            let before = TimeRange { from: at.plus_seconds(-days), to: at };
            let after = TimeRange { from: at, to: at.plus_seconds(days) };
            ranges(context, args, &Ranges { before, after }, settings)
        }
        (Some(before), Some(after), None) => match (range(before)?, range(after)?) {
            (Some(before), Some(after)) if before.from < after.to && after.from < before.to => {
                Err(Error::Usage("--before and --after overlap: the same runs would stand on both sides".to_owned()))
            }
            (Some(_), Some(_)) if args.window.is_some() => {
                Err(Error::Usage("--window goes with --at: ranges say themselves how long they are".to_owned()))
            }
            (Some(before), Some(after)) => ranges(context, args, &Ranges { before, after }, settings),
            (None, None) if !args.dag.is_empty() || args.window.is_some() => {
                Err(Error::Usage("--dag and --window are for the lake, not for files".to_owned()))
            }
            (None, None) => files(Path::new(before), Path::new(after), settings, cost),
            _ => Err(Error::Usage("--before and --after: write two files, or two ranges A..B of the lake".to_owned())),
        },
        _ => Err(Error::Usage(
            "write --before A --after B (two files, or two ranges such as 2026-05-01..2026-05-31), or --at TIME"
                .to_owned(),
        )),
    }
}

/// `A..B`, two dates or instants; a date as the end counts whole. `None` for a file.
fn range(text: &str) -> Result<Option<TimeRange>, Error> {
    let Some((from, to)) = text.split_once("..").filter(|_| !Path::new(text).exists()) else { return Ok(None) };
    let bad = |part: &str| {
        Error::Usage(format!("`{text}`: no such file, and `{part}` is no time: write 2026-05-01..2026-05-31"))
    };
    let from = parse_start(from).map_err(|_| bad(from))?;
    let to = parse_time(to).map_err(|_| bad(to))?;
    if from >= to {
        return Err(Error::Usage(format!("`{text}`: the range ends before it begins")));
    }
    Ok(Some(TimeRange { from, to }))
}

fn ranges(context: &Context<'_>, args: &Compare, ranges: &Ranges, settings: &CompareSettings) -> Result<Found, Error> {
    let options = AnalysisOptions {
        as_of: None,
        window: None,
        baseline: None,
        axis: args.axis,
        dag: args.dag.clone(),
        owner: Vec::new(),
        tag: Vec::new(),
    };
    let found = analyze::with_lake(context, &context.lake(), &options, |histories, analysis| {
        compare_ranges(histories, ranges, analysis, settings)
    })?;
    let told =
        format!("{} .. {} against {} .. {}", ranges.before.from, ranges.before.to, ranges.after.from, ranges.after.to);
    if found.comparison.effects.is_empty() {
        let of = if args.dag.is_empty() { String::new() } else { format!(" of {}", args.dag.join(", ")) };
        return Err(Error::Usage(format!(
            "no series{of} has runs in both ranges, {told}; `windtunnel lake sql 'SELECT dag_id, min(logical_date) AS first, \
             max(logical_date) AS last FROM dag_runs GROUP BY dag_id'` tells what there is"
        )));
    }
    let mut notes = found.notes;
    notes.insert(0, format!("{told}, without the overhead that all tasks share"));
    Ok(Found { comparison: found.comparison, work: found.work, notes })
}

fn files(before: &Path, after: &Path, settings: &CompareSettings, cost: Option<&CostModel>) -> Result<Found, Error> {
    let (before, after) = (read_numbers(before)?, read_numbers(after)?);
    let comparison = compare_numbers(&before.series, &after.series, settings);
    let listed = super::listed;
    if comparison.effects.is_empty() {
        return Err(Error::Usage(format!(
            "no series stands in both files: before has {}, after {}",
            listed(&comparison.only_before),
            listed(&comparison.only_after)
        )));
    }
    let mut notes: Vec<String> = detect::warnings(&before).into_iter().chain(detect::warnings(&after)).collect();
    for (side, ids) in [("before", &comparison.only_before), ("after", &comparison.only_after)] {
        if !ids.is_empty() {
            notes.push(format!("only in {side}, not compared: {}", listed(ids)));
        }
    }
    let work = cost.map(|cost| work(&before.series, &after.series, cost)).transpose()?.unwrap_or_default();
    notes.extend(cost.and_then(|cost| as_told(&after.series, cost.runs_per_year?)));
    Ok(Found { comparison, work, notes })
}

/// Factor from which on runs a year as told and as the file's times have them do not agree.
const DISAGREES: f64 = 1.5;

fn as_told(after: &[NumberSeries], told: f64) -> Option<String> {
    let seen = after.iter().filter_map(runs_per_year);
    let other = seen.into_iter().find(|seen| told > seen * DISAGREES || told * DISAGREES < *seen)?;
    Some(format!(
        "{} runs a year as `[work] runs_per_year` tells; the file's times say {}",
        number(told),
        number(other)
    ))
}

/// Values are seconds a run, each on as many slots as the cost file says.
fn work(before: &[NumberSeries], after: &[NumberSeries], cost: &CostModel) -> Result<Vec<Work>, Error> {
    let alone = before.len() == 1 && after.len() == 1;
    let partner = |b: &NumberSeries| if alone { after.first() } else { after.iter().find(|a| a.id == b.id) };
    let in_slots = |s: &NumberSeries| NumberSeries {
        values: s.values.iter().map(|seconds| seconds * cost.slots).collect(),
        ..s.clone()
    };
    let one = |(b, a): (&NumberSeries, &NumberSeries)| {
        let runs_per_year = cost.runs_per_year.or_else(|| runs_per_year(a)).ok_or_else(|| {
            Error::Usage(
                "--cost: without times over a day and more in the file, `[work] runs_per_year` must say how often it runs".to_owned(),
            )
        })?;
        let (id, durations) = (b.id.to_string(), Some((b.clone(), a.clone())));
        Ok(Work { id, before: in_slots(b), after: in_slots(a), durations, runs_per_year })
    };
    before.iter().filter_map(|b| Some((b, partner(b)?))).map(one).collect()
}
