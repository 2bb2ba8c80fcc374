//! `analyze`: the weekly regression analysis over the lake.

use super::Context;
use crate::{
    analysis::{Acknowledgement, Analysis, AxisMode, Finding, Settings, analyze},
    cli::{
        args::{AnalysisOptions, Analyze, AxisOption, FailOn, parse_days},
        console::line,
        exit::{Error, Outcome},
        wire::analysis::Document,
    },
    lake::Lake,
    model::{DagHistory, Quantity, Timestamp},
};

pub(super) fn run(context: &Context<'_>, args: &Analyze) -> Result<Outcome, Error> {
    let analysis = analysis(context, &context.lake(), &args.options)?;
    if context.console.json {
        context.console.document(&Document::from(&analysis))?;
    } else {
        context.console.say(&summary(context, &analysis))?;
    }
    let regressed = analysis.regressions.iter().any(|finding| finding.in_window && finding.acknowledged.is_none());
    Ok(match args.fail_on {
        None => Outcome::Fine,
        Some(FailOn::Regressed) if regressed => Outcome::Regressed,
        Some(FailOn::Regressed) if analysis.false_alarms.series_tested == 0 => Outcome::NoDecision,
        Some(FailOn::Regressed) => Outcome::Fine,
    })
}

/// Reads what the filters let through, and analyses it.
pub(super) fn analysis(context: &Context<'_>, lake: &Lake, options: &AnalysisOptions) -> Result<Analysis, Error> {
    let settings = settings(context, options)?;
    let held = lake.hold();
    let mut histories = Vec::new();
    for deployment in lake.deployments()? {
        let ids = lake.dag_ids(&deployment)?;
        let bar = context.console.bar(ids.len() as u64, "reading the lake");
        for dag_id in ids {
            histories.push(lake.dag_history(&deployment, &dag_id)?);
            bar.inc(1);
        }
        bar.finish_and_clear();
    }
    drop(held);
    // The overhead is common to all DAGs: what is filtered out still tells of it.
    let wanted = |history: &DagHistory| is_wanted(history, options);
    let kept = histories.iter().filter(|history| wanted(history)).count();
    if kept == 0 {
        return Err(Error::Usage(format!("no DAG fits: {} in the lake; see `windtunnel lake ls`", histories.len())));
    }
    let mut analysis = analyze(&histories, &settings);
    if kept < histories.len() {
        analysis.keep_dags(|deployment, dag_id| {
            histories.iter().any(|h| h.deployment == *deployment && h.dag_id == *dag_id && wanted(h))
        });
    }
    Ok(analysis)
}

fn is_wanted(history: &DagHistory, options: &AnalysisOptions) -> bool {
    let owners = history.dag.as_ref().and_then(|dag| dag.owners.as_deref()).unwrap_or("");
    let owned = |owner: &String| owners.split(',').any(|name| name.trim() == owner);
    let tagged = |tag: &String| history.tags.iter().any(|known| **known == **tag);
    (options.dag.is_empty() || options.dag.iter().any(|dag| **dag == *history.dag_id))
        && (options.owner.is_empty() || options.owner.iter().any(owned))
        && (options.tag.is_empty() || options.tag.iter().any(tagged))
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
        acknowledged: acknowledged.collect::<Result<Vec<_>, _>>()?,
        seed: context.seed(),
        ..defaults
    })
}

/// Findings that a terminal shows.
const SHOWN: usize = 15;

/// The answer, for a terminal.
pub(super) fn summary(context: &Context<'_>, analysis: &Analysis) -> String {
    let mut text = String::new();
    let (open, known): (Vec<&Finding>, Vec<&Finding>) =
        analysis.regressions.iter().partition(|f| f.acknowledged.is_none());
    let new = open.iter().filter(|finding| finding.in_window).count();
    let minutes = minutes_lost(&open);
    let verdict = match open.len() {
        0 if analysis.false_alarms.series_tested == 0 => {
            context.console.paint("Nothing can be said: no series has enough runs.", anstyle::AnsiColor::Yellow)
        }
        0 => context.console.paint("Nothing got slower.", anstyle::AnsiColor::Green),
        n => context.console.paint(
            &format!("{n} regression(s) in force, {new} new this week: {} lost a week.", words(minutes)),
            anstyle::AnsiColor::Red,
        ),
    };
    text.push_str(&format!(
        "{verdict}\nweek to {} against the {:.0} days before; {}\n",
        analysis.as_of.minute_string(),
        analysis.baseline.days(),
        axes(analysis)
    ));
    for (title, findings) in
        [("Got worse", open), ("Got better", analysis.improvements.iter().collect()), ("Known", known)]
    {
        if !findings.is_empty() {
            text.push_str(&format!("\n{title}\n{}", findings_list(context, &findings)));
        }
    }
    if !analysis.trends.is_empty() {
        text.push_str("\nCreeping\n");
    }
    for trend in &analysis.trends {
        text.push_str(&format!(
            "  {:+.1} % a week ({:+.1} to {:+.1})  {}  {}\n",
            trend.per_week.point * 100.0,
            trend.per_week.lower * 100.0,
            trend.per_week.upper * 100.0,
            line(&trend.key.name()),
            trend.key.quantity.label(),
        ));
    }
    if !analysis.went_away.is_empty() {
        text.push_str("\nCame and went\n");
    }
    for episode in &analysis.went_away {
        text.push_str(&format!(
            "  x{:.2} ({:.2} to {:.2})  {}  {}\n      from {} to {}\n",
            episode.effect.point,
            episode.effect.lower,
            episode.effect.upper,
            line(&episode.key.name()),
            episode.key.quantity.label(),
            episode.range.from.date_string(),
            episode.range.to.date_string()
        ));
    }
    text.push_str(&format!(
        "\n{} inconclusive, {} not measurable; {} series tested\n",
        analysis.inconclusive.len(),
        analysis.not_measurable.len(),
        analysis.false_alarms.series_tested
    ));
    for warning in &analysis.warnings {
        context.console.warn(warning);
    }
    text
}

/// Two lines each: what and by how much, then since when and at what price. Names are long, and must not be cut.
fn findings_list(context: &Context<'_>, findings: &[&Finding]) -> String {
    let mut text = String::new();
    for finding in findings.iter().take(SHOWN) {
        let effect = &finding.effect;
        let ratio = context.console.paint(&format!("x{:.2}", effect.point), anstyle::AnsiColor::Cyan);
        let upper = if effect.upper.is_finite() { format!("{:.2}", effect.upper) } else { "any".to_owned() };
        let (low, high) = (finding.changed_low.date_string(), finding.changed_high.date_string());
        let between = if low == high { String::new() } else { format!(" (between {low} and {high})") };
        let new = if finding.in_window {
            context.console.paint(" new this week", anstyle::AnsiColor::Red)
        } else {
            String::new()
        };
        text.push_str(&format!(
            "  {ratio} ({:.2} to {upper})  {}  {}{new}\n      since {}{between}\n",
            effect.lower,
            line(&finding.key.name()),
            finding.key.quantity.label(),
            finding.changed_at.date_string(),
        ));
        let minutes = &finding.minutes_lost_per_week;
        if minutes.n > 0 {
            let what = if minutes.point > 0.0 { "lost" } else { "won" };
            text.push_str(&format!(
                "      {} {what} a week; as recorded x{:.2}\n",
                words(minutes.point.abs()),
                finding.effect_raw.point
            ));
        }
        if let Some(known) = &finding.acknowledged {
            text.push_str(&format!("      known: {}\n", line(known)));
        }
    }
    let rest = findings.len().saturating_sub(SHOWN);
    if rest > 0 {
        text.push_str(&format!("  and {rest} more (--json lists them)\n"));
    }
    text
}

/// Each second once: a slower task makes its run slower too, so a run counts only where none of its tasks does.
fn minutes_lost(findings: &[&Finding]) -> f64 {
    let of_task = |f: &&&Finding| f.key.task_id.is_some();
    let told = |run: &Finding| {
        findings
            .iter()
            .filter(of_task)
            .any(|f| (&f.key.deployment, &f.key.dag_id) == (&run.key.deployment, &run.key.dag_id))
    };
    let counted = findings.iter().filter(|f| f.key.task_id.is_some() || !told(f));
    counted.map(|finding| finding.minutes_lost_per_week.point).sum()
}

fn words(minutes: f64) -> String {
    if minutes.abs() < 1.0 {
        format!("{:.0} s", minutes * 60.0)
    } else if minutes.abs() < 120.0 {
        format!("{minutes:.1} min")
    } else {
        format!("{:.1} h", minutes / 60.0)
    }
}

fn axes(analysis: &Analysis) -> String {
    let logical = analysis.axes.iter().filter(|choice| choice.axis == crate::analysis::Axis::Logical).count();
    match (logical, analysis.axes.len() - logical) {
        (0, _) => "by wall clock".to_owned(),
        (_, 0) => "by logical date (the history was caught up)".to_owned(),
        (logical, wall) => {
            format!("by logical date for {logical} DAG(s) that were caught up, by wall clock for {wall}")
        }
    }
}
