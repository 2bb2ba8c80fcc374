//! `compare`: before against after.

use super::{
    Context,
    detect::{certainty, effect_text, warnings},
    lake::new_table,
};
use crate::{
    analysis::{CompareSettings, Comparison, Effect, Statistic, Verdict, compare_numbers},
    cli::{
        args::Compare,
        console::line,
        exit::{Error, Outcome},
        wire::compare::Document,
    },
    ingest::read_numbers,
};

/// Names without counterpart that a message lists.
const NAMED: usize = 5;

pub(super) fn run(context: &Context<'_>, args: &Compare) -> Result<Outcome, Error> {
    let (before, after) = (read_numbers(&args.before)?, read_numbers(&args.after)?);
    let settings = CompareSettings {
        tolerance: args.tolerance,
        higher_is_better: args.higher_is_better,
        ..CompareSettings::default()
    };
    let found = compare_numbers(&before.series, &after.series, &settings);
    if found.effects.is_empty() {
        return Err(Error::Usage(format!(
            "no series stands in both files: before has {}, after {}",
            listed(&found.only_before),
            listed(&found.only_after)
        )));
    }
    let mut notes: Vec<String> = warnings(&before).into_iter().chain(warnings(&after)).collect();
    for (side, ids) in [("before", &found.only_before), ("after", &found.only_after)] {
        if !ids.is_empty() {
            notes.push(format!("only in {side}, not compared: {}", listed(ids)));
        }
    }
    if context.console.json {
        context.console.document(&Document::new(&found, &settings, notes))?;
    } else {
        notes.iter().for_each(|note| context.console.warn(note));
        context.console.say(&text(context, &found, &settings))?;
    }
    Ok(if args.gate { gate(&found) } else { Outcome::Fine })
}

/// A regression fails; nothing decided is no pass.
fn gate(found: &Comparison) -> Outcome {
    let mut verdicts = found.effects.iter().filter(|e| e.statistic == Statistic::Location).map(|e| e.verdict);
    if verdicts.clone().any(|v| v == Verdict::Regressed) {
        Outcome::Regressed
    } else if verdicts.any(|v| v == Verdict::Inconclusive) {
        Outcome::NoDecision
    } else {
        Outcome::Fine
    }
}

fn listed(ids: &[crate::model::Text]) -> String {
    let mut names: Vec<String> = ids.iter().take(NAMED).map(|id| format!("`{}`", line(id))).collect();
    if ids.len() > NAMED {
        names.push(format!("{} more", ids.len() - NAMED));
    }
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn text(context: &Context<'_>, found: &Comparison, settings: &CompareSettings) -> String {
    let located = || found.effects.iter().filter(|e| e.statistic == Statistic::Location);
    let count = |verdict| located().filter(|e| e.verdict == verdict).count();
    let summary = [Verdict::Regressed, Verdict::Improved, Verdict::Unchanged, Verdict::Inconclusive]
        .map(|verdict| (count(verdict), verdict))
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, verdict)| format!("{n} {}", verdict.as_str()))
        .collect::<Vec<_>>()
        .join(", ");
    let color = match count(Verdict::Regressed) {
        0 => anstyle::AnsiColor::Green,
        _ => anstyle::AnsiColor::Red,
    };
    let mut text = format!("{}\n\n", context.console.paint(&summary, color));
    let mut table = new_table(context.console.width());
    table.set_header(["series", "statistic", "change (95 % interval)", "n", "q", "verdict"]);
    let mut order: Vec<&[Effect]> = found.effects.chunks(3).collect();
    order.sort_by_key(|effects| match effects[0].verdict {
        Verdict::Regressed => 0,
        Verdict::Inconclusive => 1,
        Verdict::Improved => 2,
        Verdict::Unchanged => 3,
    });
    for effect in order.into_iter().flatten() {
        let first = effect.statistic == Statistic::Location;
        table.add_row([
            if first { line(&effect.id) } else { String::new() },
            effect.statistic.as_str().to_owned(),
            change(effect),
            if first { format!("{} → {}", effect.before_n, effect.after_n) } else { String::new() },
            effect.q_value.map_or_else(String::new, |q| certainty(q).trim_start_matches("q = ").to_owned()),
            verdict(effect),
        ]);
    }
    text.push_str(&format!(
        "{table}\n\nlocation is robust and carries the verdict; a heavier tail moves the mean alone. \
         Tolerated: {:.0} %.\n",
        settings.tolerance * 100.0
    ));
    text
}

fn change(effect: &Effect) -> String {
    match (&effect.ratio, &effect.difference) {
        (Some(ratio), _) => effect_text(ratio),
        (None, Some(d)) => format!("{:+.4} ({:+.4} to {:+.4})", d.point, d.lower, d.upper),
        (None, None) => "not measurable".to_owned(),
    }
}

fn verdict(effect: &Effect) -> String {
    match effect.needed_n {
        _ if effect.statistic != Statistic::Location => String::new(),
        Some(n) => format!("{}: about {n} runs a side needed", effect.verdict.as_str()),
        None => effect.verdict.as_str().to_owned(),
    }
}
