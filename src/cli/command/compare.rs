//! `compare`: before against after.

mod money;
mod sides;

use super::{
    Context,
    detect::{certainty, effect_text},
};
use crate::{
    analysis::{CompareSettings, Comparison, Effect, Statistic, Verdict, return_on_investment},
    cli::{
        args::Compare,
        console::line,
        cost,
        exit::{Error, Outcome},
        wire::{compare::Document, roi::Roi},
    },
    report::why_undecided,
};
use sides::Found;

/// Names without counterpart that a message lists.
const NAMED: usize = 5;

pub(super) fn run(context: &Context<'_>, args: &Compare) -> Result<Outcome, Error> {
    let settings = CompareSettings {
        tolerance: args.tolerance,
        higher_is_better: args.higher_is_better,
        ..CompareSettings::default()
    };
    let cost = args.cost.as_deref().map(cost::read).transpose()?;
    let Found { comparison, work, mut notes } = sides::compare(context, args, &settings, cost.as_ref())?;
    let roi = cost.as_ref().and_then(|cost| return_on_investment(&work, cost, context.seed()));
    if cost.is_some() && roi.is_none() {
        notes.push("no return on investment: no DAG has two runs on each side".to_owned());
    }
    let worth = cost.as_ref().zip(roi.as_ref());
    if context.console.json {
        let roi = worth.map(|(cost, roi)| Roi::new(roi, cost, context.seed()));
        context.console.document(&Document::new(&comparison, &settings, roi, notes))?;
    } else {
        notes.iter().for_each(|note| context.console.note(note));
        context.console.say(&text(context, &comparison, &settings))?;
        if let Some((cost, roi)) = worth {
            context.console.say(&money::text(context, roi, cost))?;
        }
    }
    Ok(if args.gate { gate(&comparison) } else { Outcome::Fine })
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

/// Series without a verdict that are listed, at most.
const LISTED: usize = 15;

fn text(context: &Context<'_>, found: &Comparison, settings: &CompareSettings) -> String {
    let mut all: Vec<&[Effect]> = found.effects.chunks(3).collect();
    let count = |verdict| all.iter().filter(|three| three[0].verdict == verdict).count();
    let order = [Verdict::Regressed, Verdict::Improved, Verdict::Inconclusive, Verdict::Unchanged];
    let summary = order
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
    let mut text = format!("{}\n", context.console.paint(&summary, color));
    // Within a verdict what is nearest to one comes first.
    let q_value = |three: &&[Effect]| three[0].q_value.unwrap_or(1.0);
    all.sort_by(|a, b| {
        let place = |three: &&[Effect]| order.iter().position(|verdict| *verdict == three[0].verdict);
        place(a).cmp(&place(b)).then(q_value(a).total_cmp(&q_value(b)))
    });
    let changed = |three: &&[Effect]| matches!(three[0].verdict, Verdict::Regressed | Verdict::Improved);
    let (loud, quiet): (Vec<&[Effect]>, Vec<&[Effect]>) = all.into_iter().partition(changed);
    // Of a few series everything is worth telling.
    let whole = if quiet.len() <= 3 { quiet.len() } else { 0 };
    loud.iter().chain(&quiet[..whole]).for_each(|three| text.push_str(&entry(three)));
    if whole < quiet.len() {
        text.push_str(&format!("\n{}", list(&quiet)));
        if quiet.len() > LISTED {
            text.push_str(&format!("{} more (`--json` has them all)\n", quiet.len() - LISTED));
        }
    }
    text.push_str(&format!(
        "\nlocation is robust and carries the verdict; a heavier tail moves the mean alone.\nTolerated: {:.0} %.\n",
        settings.tolerance * 100.0
    ));
    text
}

/// One series with all that is known of it.
fn entry(three: &[Effect]) -> String {
    let first = &three[0];
    let quantity = first.quantity.map_or_else(String::new, |quantity| format!("  {}", quantity.label()));
    let q = first.q_value.map_or_else(String::new, |q| format!("  {}", certainty(q)));
    let name = if first.id.is_empty() { "value".to_owned() } else { line(&first.id) };
    let mut text = format!("\n{name}{quantity}\n  {}\n", verdict(first));
    for effect in three.iter().filter(|effect| effect.ratio.is_some() || effect.difference.is_some()) {
        let told = if effect.statistic == Statistic::Location { q.as_str() } else { "" };
        text.push_str(&format!("  {:<9} {}{told}\n", effect.statistic.as_str(), change(effect)));
    }
    if let Some(ratio) = &first.against_others {
        text.push_str(&format!("  against other DAGs {}\n", effect_text(ratio)));
    }
    text.push_str(&format!("  {} → {} runs\n", first.before_n, first.after_n));
    text
}

/// Series without a change, two lines each: names are long, and must not be cut.
fn list(quiet: &[&[Effect]]) -> String {
    let mut text = String::new();
    for three in quiet.iter().take(LISTED) {
        let first = &three[0];
        let quantity = match first.quantity {
            Some(quantity @ crate::model::Quantity::RunDuration) => format!("  {}", quantity.label()),
            _ => String::new(),
        };
        text.push_str(&format!("  {}{quantity}\n      {}, {}\n", line(&first.id), change(first), verdict(first)));
    }
    text
}

fn change(effect: &Effect) -> String {
    match (&effect.ratio, &effect.difference) {
        (Some(ratio), _) => effect_text(ratio),
        (None, Some(d)) => {
            let unit = if effect.quantity.is_some() { " s" } else { "" };
            format!("{:+.4}{unit} ({:+.4} to {:+.4})", d.point, d.lower, d.upper)
        }
        (None, None) => "not measurable".to_owned(),
    }
}

fn verdict(effect: &Effect) -> String {
    let why = why_undecided(effect).map_or_else(String::new, |why| format!(": {why}"));
    format!("{}{why}", effect.verdict.as_str())
}
