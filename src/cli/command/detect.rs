//! `detect`: steps and creep in any series of numbers.

use super::{Context, summary::counted};
use crate::{
    analysis::{ChangePoint, NumberChanges, NumberTrend, detect_numbers},
    cli::{
        args::Detect,
        console::line,
        exit::{Error, Outcome},
        wire::detect::Document,
    },
    ingest::{read_benches, read_numbers},
    model::{BenchRun, Measured, NumberSeries, Numbers, Text},
    report::number,
    stats::{Detector, Estimate, median},
};
use std::path::Path;

/// Columns that are named when they are not used.
const NAMED: usize = 8;

/// Series without a change that are listed one by one, at most.
const LISTED: usize = 10;

pub(super) fn run(context: &Context<'_>, args: &Detect) -> Result<Outcome, Error> {
    let numbers = numbers(&args.file)?;
    let found = detect_numbers(&numbers.series, &Detector::default(), args.min_effect);
    let mut warnings = warnings(&numbers);
    warnings.extend(few_without_logarithm(&numbers.series));
    warnings.extend(few_days(&numbers.series));
    if context.console.json {
        context.console.document(&Document::new(&found, warnings))?;
    } else {
        warnings.iter().for_each(|warning| context.console.warn(warning));
        context.console.say(&text(context, &found))?;
    }
    Ok(Outcome::Fine)
}

/// Numbers, or the runs that `gate --save` kept: each benchmark is a series, a run a value.
fn numbers(path: &Path) -> Result<Numbers, Error> {
    let error = match read_numbers(path) {
        Ok(numbers) => return Ok(numbers),
        Err(error) => error,
    };
    // stdin is gone by now, and what is no JSON of ours has been read as what it is.
    let runs = match path == Path::new("-") {
        true => return Err(error.into()),
        false => read_benches(path, None).ok().filter(|runs| runs.len() > 1),
    };
    Ok(runs.map(|runs| series_of_runs(&runs)).ok_or(error)?)
}

fn series_of_runs(runs: &[BenchRun]) -> Numbers {
    let mut series: Vec<NumberSeries> = Vec::new();
    let timed = runs.iter().all(|run| run.at.is_some());
    for run in runs {
        for result in &run.results {
            let id = Text::from(result.full_name());
            let value = match &result.measured {
                Measured::Samples(samples) => median(samples),
                Measured::Summary { mean, .. } => Some(*mean),
                Measured::Point(value) => Some(*value),
            };
            let Some(value) = value else { continue };
            let at = series.iter().position(|s| s.id == id).unwrap_or_else(|| {
                series.push(NumberSeries { id, times: timed.then(Vec::new), values: Vec::new() });
                series.len() - 1
            });
            series[at].values.push(value);
            if let (Some(times), Some(time)) = (&mut series[at].times, run.at) {
                times.push(time);
            }
        }
    }
    Numbers { series, ..Numbers::default() }
}

/// Characters of a column's name that are shown.
const SHOWN: usize = 40;

fn short(name: &str) -> String {
    let start: String = name.chars().take(SHOWN).collect();
    format!("{}{}", line(&start), if start.len() < name.len() { "…" } else { "" })
}

/// What a reader of the numbers should know.
pub(super) fn warnings(numbers: &Numbers) -> Vec<String> {
    let counted = |n: u64, one: &str, many: &str| (n > 0).then(|| format!("{n} {}", if n == 1 { one } else { many }));
    let missing = counted(numbers.missing, "value is missing and was left out", "values are missing and were left out");
    let unsorted = counted(numbers.unsorted, "series was", "series were")
        .map(|series| format!("{series} not in order of time: `index` counts in order of time"));
    let crowded = counted(numbers.crowded, "series has", "series have").map(|series| {
        format!("{series} several values at most times: a column `series_id` would tell them apart if they are of several kinds")
    });
    let unused: Vec<String> = numbers.unused.iter().take(NAMED).map(|name| format!("`{}`", short(name))).collect();
    let unused = (!unused.is_empty()).then(|| {
        let more = if numbers.unused.len() > NAMED { " and more" } else { "" };
        format!("columns not used: {}{more}; wanted are `value`, `time` and `series_id`", unused.join(", "))
    });
    missing.into_iter().chain(unsorted).chain(crowded).chain(unused).collect()
}

/// Days of which a daily pattern is not told from chance, at most; and points a day from which on there may be one.
const FEW_DAYS: f64 = 5.0;
const DENSE: f64 = 4.0;

fn few_days(series: &[NumberSeries]) -> Option<String> {
    let too_few = |s: &&NumberSeries| {
        let ends = s.times.as_ref().and_then(|times| Some(times.last()?.seconds() - times.first()?.seconds()));
        let days = ends.unwrap_or(0.0) / 86_400.0;
        days > 1.0 && days < FEW_DAYS - 1.0 && s.values.len() as f64 > DENSE * days
    };
    let few = series.iter().filter(too_few).count();
    (few > 0).then(|| {
        let series = if few == 1 { "a series holds".to_owned() } else { format!("{few} series hold") };
        format!(
            "{series} less than {FEW_DAYS} days: what the time of the day adds cannot be told, and looks like steps"
        )
    })
}

/// Share of values of 0 or less up to which they seem to be strays among sizes, for which per cent were expected.
const FEW: f64 = 0.1;

fn few_without_logarithm(series: &[NumberSeries]) -> Option<String> {
    let strays = |s: &&NumberSeries| {
        let without = s.values.iter().filter(|v| **v <= 0.0).count();
        without > 0 && without as f64 <= FEW * s.values.len() as f64
    };
    let mut found = series.iter().filter(strays);
    let first = found.next()?;
    let who = match (found.count(), &*first.id) {
        (0, "") => "the series has".to_owned(),
        (0, id) => format!("{} has", line(id)),
        (more, _) => format!("{} series have", more + 1),
    };
    Some(format!("{who} a few values of 0 or less: changes are told as differences, as per cent need values above 0"))
}

fn text(context: &Context<'_>, found: &[NumberChanges]) -> String {
    let (loud, quiet): (Vec<_>, Vec<_>) =
        found.iter().partition(|f| !f.change_points.is_empty() || !f.trends.is_empty());
    let (quiet, untested): (Vec<_>, Vec<_>) = quiet.into_iter().partition(|f| f.untested.is_none());
    let steps: usize = found.iter().map(|f| f.change_points.len()).sum();
    let trends: usize = found.iter().map(|f| f.trends.len()).sum();
    let verdict = format!(
        "{} and {} in {} of {} series.",
        counted(steps, "step"),
        counted(trends, "trend"),
        loud.len(),
        found.len()
    );
    let color = if loud.is_empty() { anstyle::AnsiColor::Green } else { anstyle::AnsiColor::Yellow };
    let mut text = format!("{}\n", context.console.paint(&verdict, color));
    for series in loud {
        text.push_str(&format!("\n{}\n", name(series)));
        series.change_points.iter().for_each(|point| text.push_str(&step(point)));
        series.trends.iter().for_each(|trend| text.push_str(&creep(trend)));
    }
    text.push_str(&without_change(&quiet));
    for series in untested {
        text.push_str(&format!("\n{}: cannot be tested: {}\n", name(series), series.untested.unwrap_or_default()));
    }
    text
}

fn name(series: &NumberChanges) -> String {
    match &*series.id {
        "" => counted(series.n, "point"),
        id => format!("{} ({})", line(id), counted(series.n, "point")),
    }
}

fn step(point: &ChangePoint) -> String {
    let size = match (&point.effect, &point.difference) {
        (Some(effect), _) => effect_text(effect),
        (None, Some(difference)) => {
            format!("{:+.4} ({:+.4} to {:+.4})", difference.point, difference.lower, difference.upper)
        }
        (None, None) => "of unknown size".to_owned(),
    };
    let place = match (point.time, point.time_range) {
        (Some(time), Some((low, high))) => {
            format!("since {} ({} to {})", time.minute_string(), low.minute_string(), high.minute_string())
        }
        _ => format!("since point {} ({} to {})", point.index, point.range.0, point.range.1),
    };
    format!("  step {size}\n    {place}, {}\n", certainty(point.q_value))
}

/// A ratio as a change in per cent.
pub(super) fn effect_text(effect: &Estimate) -> String {
    let percent = |ratio: f64| (ratio - 1.0) * 100.0;
    format!("{:+.1} % ({:+.1} to {:+.1})", percent(effect.point), percent(effect.lower), percent(effect.upper))
}

fn creep(trend: &NumberTrend) -> String {
    let slope = &trend.slope_per_day;
    let place = match trend.times {
        Some((from, to)) => format!("{} to {}", from.minute_string(), to.minute_string()),
        None => format!("points {} to {}", trend.from_index, trend.to_index),
    };
    let (from, to) = trend.levels;
    format!(
        "  trend {:+.4} a {} ({:+.4} to {:+.4}), from about {} to {}\n    {place}, {}\n    (a step that looks no different from creep is told as creep)\n",
        slope.point,
        if trend.times.is_some() { "day" } else { "point" },
        slope.lower,
        slope.upper,
        number(from),
        number(to),
        certainty(trend.q_value)
    )
}

pub(super) fn certainty(q_value: f64) -> String {
    if q_value < 0.001 { "q < 0.001".to_owned() } else { format!("q = {q_value:.3}") }
}

fn without_change(quiet: &[&NumberChanges]) -> String {
    if quiet.len() <= LISTED {
        return quiet
            .iter()
            .map(|series| format!("\n{}: no change{}\n  {}\n", name(series), left_out(series), could_see(series)))
            .collect();
    }
    let ratios: Vec<f64> = quiet.iter().filter_map(|f| f.detectable?.ratio).collect();
    let typical = median(&ratios).map_or_else(String::new, |ratio| {
        format!("; in half of them a lasting step of {:.0} % would have been found", (ratio - 1.0) * 100.0)
    });
    format!("\n{} series without a change{typical} (`--json` has them all)\n", quiet.len())
}

fn left_out(series: &NumberChanges) -> String {
    match series.left_out {
        0 => String::new(),
        n => format!(" so large ({} below --min-effect left out)", counted(n, "step")),
    }
}

/// A larger step needs no statistics.
const TENFOLD: f64 = 10.0;

fn could_see(series: &NumberChanges) -> String {
    match series.detectable {
        None => "too few points to find a step of any size".to_owned(),
        Some(seen) if seen.ratio.is_some_and(|ratio| ratio > TENFOLD) => {
            "too few points to find even a tenfold step in 4 of 5 cases".to_owned()
        }
        Some(seen) => {
            let size = match seen.ratio {
                Some(ratio) => format!("{:.1} %", (ratio - 1.0) * 100.0),
                None => format!("{:.4}", seen.difference),
            };
            format!("a step of {size} that lasts {} points is found in 4 of 5 cases", seen.after)
        }
    }
}
