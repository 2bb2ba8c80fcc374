//! Findings that have one cause, so that a reader repairs it once.

use super::{
    parts::{Badge, Link},
    shelf::Shelf,
};
use crate::{
    analysis::{Analysis, Finding, Together},
    model::Deployment,
    report::words,
};
use serde::Serialize;
use std::collections::BTreeMap;

/// Tasks that are named; more are counted.
const MOST_NAMES: usize = 12;

/// Findings that are one.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct GroupView {
    pub id: String,
    /// What the tasks share.
    pub name: String,
    pub badge: Badge,
    pub effect: String,
    pub since: String,
    /// How many changed, of how many.
    pub tasks: String,
    /// How likely it is that what they share has nothing to do with it.
    pub chance: String,
    /// The findings, with a place on the page where they have one.
    pub members: Vec<Link>,
    pub more: Option<String>,
}

/// All groups. `places` are the findings that stand on the page, with their ids there.
pub(crate) fn groups(analysis: &Analysis, places: &BTreeMap<&str, String>, shelf: &mut Shelf<'_>) -> Vec<GroupView> {
    let findings: BTreeMap<&str, &Finding> =
        analysis.regressions.iter().chain(&analysis.improvements).map(|finding| (&*finding.id, finding)).collect();
    analysis.together.iter().map(|group| view(group, &findings, places, shelf)).collect()
}

fn view(
    group: &Together,
    findings: &BTreeMap<&str, &Finding>,
    places: &BTreeMap<&str, String>,
    shelf: &mut Shelf<'_>,
) -> GroupView {
    let (what, shared) = group.shared.what();
    let what = if what == "dag" { "DAG" } else { what };
    let deployment = match group.deployment == Deployment::default() {
        true => String::new(),
        false => format!(", deployment {}", words::visible(group.deployment.as_str())),
    };
    let members: Vec<&&Finding> = group.findings.iter().filter_map(|id| findings.get(id.as_str())).collect();
    let link = |finding: &&&Finding| Link {
        href: places.get(&*finding.id).map(|place| format!("#{place}")).unwrap_or_default(),
        label: words::visible(&finding.key.name()),
        count: None,
    };
    let rest = members.len().saturating_sub(MOST_NAMES);
    GroupView {
        id: shelf.anchor(&format!("together-{what}-{shared}")),
        name: format!("{what} {}{deployment}", words::visible(shared)),
        badge: match group.worse {
            true => Badge::new("worse", "▲", "slower together"),
            false => Badge::new("better", "▼", "faster together"),
        },
        effect: words::ratio(group.effect),
        since: group.changed_at.date_string(),
        tasks: format!("{} of {} tasks", words::count(group.changed as u64), words::count(group.of as u64)),
        chance: match group.p_value {
            p if p < 0.001 => "coincidence: p < 0.001".to_owned(),
            p => format!("coincidence: p = {}", words::number(p)),
        },
        members: members.iter().take(MOST_NAMES).map(link).collect(),
        more: (rest > 0).then(|| format!("and {} more", words::count(rest as u64))),
    }
}
