//! The hosts as a whole: the overhead that all tasks share, and since when it is larger or smaller.

use super::{
    coverage::overhead_chart,
    parts::{Badge, ChartBlock, Fact},
    shelf::Shelf,
};
use crate::{
    analysis::{Analysis, HostChange},
    model::Deployment,
    report::{Error, words},
};
use serde::Serialize;

/// The section.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct HostView {
    pub changes: Vec<HostArticle>,
    pub chart: Option<ChartBlock>,
}

/// One change of the overhead.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct HostArticle {
    pub id: String,
    pub name: String,
    pub badge: Badge,
    pub effect: String,
    pub since: String,
    pub cost: String,
    pub facts: Vec<Fact>,
}

/// The section; `None` where no overhead was found.
pub(crate) fn host(analysis: &Analysis, shelf: &mut Shelf<'_>) -> Result<Option<HostView>, Error> {
    let chart = overhead_chart(analysis, shelf)?;
    let changes: Vec<HostArticle> = analysis.host_changes.iter().map(|change| article(change, shelf)).collect();
    Ok((chart.is_some() || !changes.is_empty()).then_some(HostView { changes, chart }))
}

/// `all tasks`, and of which Airflow where there are several.
pub(crate) fn name(change: &HostChange) -> String {
    match change.deployment == Deployment::default() {
        true => "all tasks".to_owned(),
        false => format!("all tasks of deployment {}", words::visible(change.deployment.as_str())),
    }
}

fn article(change: &HostChange, shelf: &mut Shelf<'_>) -> HostArticle {
    let slower = change.difference.point > 0.0;
    let badge = match (change.ended_at, slower, change.is_new) {
        (Some(_), ..) => Badge::new("calm", "◌", "went away"),
        (None, true, true) => Badge::new("worse", "▲", "new this week"),
        (None, true, false) => Badge::new("still", "◆", "still in force"),
        (None, false, _) => Badge::new("better", "▼", "better"),
    };
    let effect = format!("{} in each attempt", words::signed_seconds(change.difference.point));
    let interval = words::date_interval(change.changed_low, change.changed_high);
    let ended = change.ended_at.map(|end| format!("; over on {}", end.date_string())).unwrap_or_default();
    let minutes = change.minutes_lost_per_week.map(f64::abs);
    let (low, high) = (minutes.lower.min(minutes.upper), minutes.lower.max(minutes.upper));
    let minutes = crate::stats::Estimate { lower: low, upper: high, ..minutes };
    let facts = vec![
        Fact::new("Since", change.changed_at.date_string()).noted(format!("the change lies {interval}{ended}")),
        Fact::new("Effect", words::seconds_range(&change.difference)).noted(format!(
            "seconds more or fewer in each attempt, with the {}; from daily medians",
            words::interval_name(&change.difference)
        )),
        Fact::new(
            "Overhead",
            format!("{} → {}", words::seconds(change.before.point), words::seconds(change.after.point)),
        )
        .noted(format!("{} since", words::counted(change.attempts, "attempt", "attempts"))),
        Fact::new(
            "Seen in",
            format!("{} of {} tasks", words::count(change.tasks_moved as u64), words::count(change.tasks as u64)),
        )
        .noted("their recorded median moved the same way"),
        Fact::new(if slower { "Costs a week" } else { "Saves a week" }, words::minutes_range(&minutes))
            .noted("task time over all attempts"),
    ];
    HostArticle {
        id: shelf.anchor(&change.id),
        name: name(change),
        badge,
        effect,
        since: change.changed_at.date_string(),
        cost: words::seconds(minutes.point * 60.0),
        facts,
    }
}
