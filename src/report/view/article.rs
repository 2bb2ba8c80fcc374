//! Articles: one change each, with what a reader needs to believe it or to doubt it.

use super::{
    effect::why_recorded_differs,
    parts::{Badge, ChartBlock, Fact, Table},
    shelf::Shelf,
};
use crate::{
    analysis::{Axis, Episode, Finding, SeriesView, Trend},
    model::{Deployment, Index, SeriesKey},
    report::{
        Error,
        chart::{ChangeChart, Mark, Tone},
        words,
    },
    stats::Estimate,
};
use serde::Serialize;

/// One change of one series.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Article {
    pub id: String,
    /// What changed: `dag.task`.
    pub name: String,
    /// Which of its quantities.
    pub quantity: String,
    /// Which runs of it, where that is not plain.
    pub qualifiers: Vec<String>,
    pub badge: Badge,
    /// The effect in short, for headings and lists.
    pub effect: String,
    pub since: String,
    /// Time lost or won a week, for lists; empty where it is not known.
    pub cost: String,
    pub facts: Vec<Fact>,
    pub evidence: Vec<String>,
    pub acknowledged: Option<String>,
    pub chart: Option<ChartBlock>,
}

/// An article about a change for the worse.
pub(crate) fn regression(finding: &Finding, shelf: &mut Shelf<'_>) -> Result<Article, Error> {
    let badge = match (&finding.acknowledged, finding.is_new) {
        (Some(_), _) => Badge::new("calm", "✓", "acknowledged"),
        (None, true) => Badge::new("worse", "▲", "new this week"),
        (None, false) => Badge::new("still", "◆", "still in force"),
    };
    finding_article(finding, badge, Tone::Worse, shelf)
}

/// An article about a change for the better.
pub(crate) fn improvement(finding: &Finding, shelf: &mut Shelf<'_>) -> Result<Article, Error> {
    let word = if finding.is_new { "better, new this week" } else { "better, still in force" };
    finding_article(finding, Badge::new("better", "▼", word), Tone::Better, shelf)
}

/// An article about slow creep.
pub(crate) fn trend(trend: &Trend, shelf: &mut Shelf<'_>) -> Result<Article, Error> {
    let rises = trend.per_week.point > 0.0;
    let (badge, tone) = match rises {
        true => (Badge::new("still", "↗", "creeps up"), Tone::Worse),
        false => (Badge::new("better", "↘", "creeps down"), Tone::Better),
    };
    let a_week = format!("{} a week", words::percent_change(trend.per_week.point));
    let ends = [trend.per_week.lower, trend.per_week.upper].map(words::percent_change);
    let facts = vec![
        Fact::new("Creep", a_week.clone()).noted(format!(
            "{} {} to {}",
            words::interval_name(&trend.per_week),
            ends[0],
            ends[1]
        )),
        Fact::new("Time", words::dates(&trend.range)),
        how_sure(trend.q_value),
    ];
    let chart = chart(&trend.key, &trend.id, None, &a_week, tone, shelf)?;
    let since = trend.range.from.date_string();
    Ok(Article {
        since,
        facts,
        evidence: visible(&trend.evidence),
        chart,
        ..head(&trend.key, &trend.id, badge, a_week, shelf)
    })
}

/// An article about a change that came and went.
pub(crate) fn episode(episode: &Episode, shelf: &mut Shelf<'_>) -> Result<Article, Error> {
    let effect = words::ratio(episode.effect.point);
    let facts = vec![
        Fact::new("Effect", words::ratio_range(&episode.effect)).noted("while it lasted, against the time around it"),
        Fact::new("Time", words::dates(&episode.range)).noted(words::counted(episode.n, "run", "runs")),
        how_sure(episode.q_value),
    ];
    let mark = Mark {
        at: episode.range.from,
        low: episode.range.from,
        high: episode.range.to,
        label: format!("{} for {}", words::ratio_range(&episode.effect), words::counted(episode.n, "run", "runs")),
        tone: Tone::Neutral,
    };
    let chart = chart(&episode.key, &episode.id, Some(mark), &effect, Tone::Neutral, shelf)?;
    let badge = Badge::new("calm", "◌", "went away");
    let since = episode.range.from.date_string();
    Ok(Article {
        since,
        facts,
        evidence: visible(&episode.evidence),
        chart,
        ..head(&episode.key, &episode.id, badge, effect, shelf)
    })
}

fn finding_article(finding: &Finding, badge: Badge, tone: Tone, shelf: &mut Shelf<'_>) -> Result<Article, Error> {
    let effect = short_effect(finding);
    let mark = Mark {
        at: finding.changed_at,
        low: finding.changed_low,
        high: finding.changed_high,
        label: format!("{} since {}", words::ratio_range(&finding.effect), finding.changed_at.date_string()),
        tone,
    };
    let chart = chart(&finding.key, &finding.id, Some(mark), &effect, tone, shelf)?;
    Ok(Article {
        since: finding.changed_at.date_string(),
        cost: cost(finding.minutes_lost_per_week.point),
        facts: finding_facts(finding),
        evidence: visible(&finding.evidence),
        acknowledged: finding.acknowledged.as_deref().map(words::visible),
        chart,
        ..head(&finding.key, &finding.id, badge, effect, shelf)
    })
}

/// A ratio, or from which share to which: what is 24 times as often as never says little.
pub(crate) fn short_effect(finding: &Finding) -> String {
    let share = |estimate: &Estimate| format!("{} %", words::number((estimate.point * 1000.0).round() / 10.0));
    match finding.key.quantity.is_rate() {
        true => format!("{} → {}", share(&finding.before), share(&finding.after)),
        false => words::ratio(finding.effect.point),
    }
}

fn cost(minutes: f64) -> String {
    match minutes {
        m if m.is_nan() || m == 0.0 => String::new(),
        m if m > 0.0 => format!("{} lost", words::seconds(m * 60.0)),
        m => format!("{} won", words::seconds(-m * 60.0)),
    }
}

fn finding_facts(finding: &Finding) -> Vec<Fact> {
    let quantity = finding.key.quantity;
    let level = |estimate| words::level(quantity, estimate);
    let interval = words::date_interval(finding.changed_low, finding.changed_high);
    let (cost, minutes) = match finding.minutes_lost_per_week.point < 0.0 {
        true => ("Saves a week", finding.minutes_lost_per_week.map(|v| -v)),
        false => ("Costs a week", finding.minutes_lost_per_week.clone()),
    };
    let runs = format!(
        "{} before, {} since, the last on {}",
        words::counted(finding.n_before, "run", "runs"),
        words::count(finding.n_after as u64),
        finding.last_run.date_string()
    );
    let since = Fact::new("Since", finding.changed_at.date_string()).noted(format!("the change lies {interval}"));
    let levels = format!("{} → {}", level(&finding.before), level(&finding.after));
    let interval = format!("after / before with its {}", words::interval_name(&finding.effect));
    let effect = words::ratio_range(&finding.effect);
    let mut facts = match quantity.is_rate() {
        true => vec![since, Fact::new("Share of runs", levels).noted(runs), Fact::new("Ratio", effect).noted(interval)],
        false => vec![
            since,
            Fact::new("Effect", format!("{effect}, {}", words::change(finding.effect.point)))
                .noted(format!("{interval}, {}", on_what_terms(finding))),
            Fact::new("As recorded", words::ratio_range(&finding.effect_raw)).noted(why_recorded_differs(
                &finding.effect,
                &finding.effect_raw,
                finding.at_volume.as_ref(),
            )),
            Fact::new("Level", levels).noted(runs),
        ],
    };
    if minutes.n > 0 {
        facts.push(Fact::new(cost, words::minutes_range(&minutes)));
    }
    if let Some(why) = finding.why_not_counted().filter(|_| !quantity.is_rate()) {
        facts.push(Fact::new(cost, "not counted").noted(why));
    }
    facts.push(how_sure(finding.q_value));
    facts.extend(also(finding));
    facts
}

fn on_what_terms(finding: &Finding) -> String {
    let volume = finding.at_volume.as_ref().map(|volume| format!(" and at equal {}", words::visible(&volume.unit)));
    format!("without the overhead common to all tasks{}", volume.unwrap_or_default())
}

/// Where else the same change shows.
fn also(finding: &Finding) -> Option<Fact> {
    let shadows = finding.also.iter().map(|shadow| {
        let name = if shadow.key.task_id.is_none() { "the run".to_owned() } else { words::visible(&shadow.key.name()) };
        match shadow.key.quantity.is_rate() {
            true => format!("{name}, {}", shadow.key.quantity.label()),
            false => format!("{name}, {} {}", shadow.key.quantity.label(), words::ratio(shadow.effect.point)),
        }
    });
    let shadows: Vec<String> = shadows.collect();
    (!shadows.is_empty()).then(|| Fact::new("Also seen in", shadows.join("; ")).noted("the same change, counted once"))
}

/// The part of an article that every kind has.
fn head(key: &SeriesKey, id: &str, badge: Badge, effect: String, shelf: &mut Shelf<'_>) -> Article {
    Article {
        id: shelf.anchor(id),
        name: words::visible(&key.name()),
        quantity: key.quantity.label().to_owned(),
        qualifiers: qualifiers(key),
        badge,
        effect,
        since: String::new(),
        cost: String::new(),
        facts: Vec::new(),
        evidence: Vec::new(),
        acknowledged: None,
        chart: None,
    }
}

/// What sets a series apart from the plain case: scheduled runs of the deployment `default`, all instances.
pub(crate) fn qualifiers(key: &SeriesKey) -> Vec<String> {
    let instance = match key.index {
        Index::All => None,
        Index::Instance(index) => Some(format!("mapped instance {index}")),
    };
    let deployment = (key.deployment != Deployment::default()).then(|| format!("deployment {}", key.deployment));
    [words::run_type_note(&key.run_type), instance, deployment].into_iter().flatten().collect()
}

fn chart(
    key: &SeriesKey,
    id: &str,
    mark: Option<Mark>,
    effect: &str,
    tone: Tone,
    shelf: &mut Shelf<'_>,
) -> Result<Option<ChartBlock>, Error> {
    let Some(series) = shelf.series(key).filter(|s| !s.points.is_empty()) else { return Ok(None) };
    let name = words::shorten(&words::visible(&key.name()), 120);
    let title = format!("{name}: {} over time", key.quantity.label());
    let axis = match series.axis {
        Axis::Logical => "logical date",
        Axis::Wall => "wall clock",
    };
    let shown = series.points.len();
    let points = match shown < series.n {
        true => format!("{shown} of {} runs", words::count(series.n as u64)),
        false => words::counted(shown, "run", "runs"),
    };
    let direction = match tone {
        Tone::Worse => "worse",
        Tone::Better => "better",
        Tone::Neutral => "for a while",
    };
    let desc = format!("{points} by {axis}: {effect}, {direction}.");
    let drawn = ChangeChart { series, mark, window: shelf.window() };
    let table = points_table(series, axis);
    Ok(Some(shelf.chart(&drawn, ("change", id), (title, desc), table)?))
}

fn points_table(series: &SeriesView, axis: &str) -> Table {
    let cell = |value: f64| match series.key.quantity.is_rate() {
        true if value.is_finite() => format!("{} %", words::number(value * 100.0)),
        _ => words::seconds(value),
    };
    let rows = series.points.iter().map(|p| vec![p.at.minute_string(), cell(p.adjusted), cell(p.raw)]);
    Table::thinned(format!("Runs by {axis} (UTC)"), &["Run", "Adjusted", "As recorded"], rows.collect())
}

fn how_sure(q_value: f64) -> Fact {
    let (short, meaning) = words::certainty(q_value);
    let mut chars = short.chars();
    let value: String = chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect();
    Fact::new("How sure", value).noted(meaning)
}

fn visible(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| words::visible(text)).collect()
}
