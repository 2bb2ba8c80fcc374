//! Findings that have one cause: tasks of one pool, operator, host or DAG that changed at the same time, and no others.

use super::{examined::Examined, result::Finding, traits::Traits};
use crate::{
    model::{Deployment, Quantity, SeriesKey, Text, Timestamp},
    stats::{fisher_exact_p, median},
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Tasks that must have changed together.
const MIN_MEMBERS: usize = 3;
/// Share of the tasks with the trait that must have changed.
const MIN_SHARE: f64 = 0.5;
/// Largest p-value of the trait having nothing to do with it (Fisher's exact test: changed or not, with the trait or not).
const MAX_P: f64 = 0.01;
/// Changes that are no further apart than this, in seconds, beyond what their own dates leave open are at the same time: tasks
/// of daily DAGs meet a change within a day of each other.
const REACH_S: f64 = 86_400.0;

/// What tasks share.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shared {
    /// The DAG.
    Dag(Text),
    /// The pool.
    Pool(Text),
    /// The operator.
    Operator(Text),
    /// The host that nearly all of their runs were on.
    Host(Text),
}

/// Findings that are one.
#[derive(Clone, Debug, PartialEq)]
pub struct Together {
    /// Airflow installation.
    pub deployment: Deployment,
    /// What the tasks share.
    pub shared: Shared,
    /// First run of the new level of any of them.
    pub changed_at: Timestamp,
    /// Is it for the worse?
    pub worse: bool,
    /// Median of their effects, after over before.
    pub effect: f64,
    /// Tasks that changed, and tasks that share it.
    pub changed: usize,
    /// All tasks that share it and could be tested.
    pub of: usize,
    /// Ids of the findings.
    pub findings: Vec<String>,
    /// Of the trait having nothing to do with it.
    pub p_value: f64,
}

impl Shared {
    /// Words for a reader.
    #[must_use]
    pub fn what(&self) -> (&'static str, &Text) {
        match self {
            Self::Dag(name) => ("dag", name),
            Self::Pool(name) => ("pool", name),
            Self::Operator(name) => ("operator", name),
            Self::Host(name) => ("host", name),
        }
    }

    /// Of a task.
    fn of(key: &SeriesKey, traits: &Traits) -> Vec<Self> {
        let mut all = vec![Self::Dag(key.dag_id.clone())];
        all.extend(traits.pool.clone().map(Self::Pool));
        all.extend(traits.operator.clone().map(Self::Operator));
        all.extend(traits.host.clone().map(Self::Host));
        all
    }
}

/// Groups findings of task durations; the strongest explanation first, each finding in one group at most. `examined` are all
/// series, those without a change among them: without them nothing could be said of what did *not* change.
pub(super) fn together(findings: &[&Finding], examined: &[Examined]) -> Vec<Together> {
    let mut places: HashMap<&SeriesKey, Vec<Shared>> = HashMap::new();
    for series in examined.iter().filter(|s| s.is_tested() && is_task_duration(&s.key)) {
        places.insert(&series.key, Shared::of(&series.key, &series.traits));
    }
    let mut left: Vec<&Finding> = findings.iter().copied().filter(|f| places.contains_key(&f.key)).collect();
    let mut groups = Vec::new();
    while let Some(group) = strongest(&left, &places) {
        left.retain(|finding| !group.findings.contains(&finding.id));
        groups.push(group);
    }
    groups.sort_by(|a, b| b.changed_at.cmp(&a.changed_at).then_with(|| a.shared.cmp(&b.shared)));
    groups
}

fn is_task_duration(key: &SeriesKey) -> bool {
    key.quantity == Quantity::Duration && key.task_id.is_some() && key.index == crate::model::Index::All
}

/// The group that chance explains least.
fn strongest(findings: &[&Finding], places: &HashMap<&SeriesKey, Vec<Shared>>) -> Option<Together> {
    let mut best: Option<Together> = None;
    for seed in findings {
        let same_time: Vec<&Finding> = findings.iter().copied().filter(|other| is_at_once(seed, other)).collect();
        if same_time.len() < MIN_MEMBERS {
            continue;
        }
        for shared in &places[&seed.key] {
            if let Some(group) = group(seed, &same_time, shared, places)
                && best.as_ref().is_none_or(|best| group.p_value < best.p_value)
            {
                best = Some(group);
            }
        }
    }
    best
}

/// Same Airflow, same direction, dates that meet.
fn is_at_once(one: &Finding, other: &Finding) -> bool {
    one.key.deployment == other.key.deployment
        && (one.effect.point > 1.0) == (other.effect.point > 1.0)
        && one.changed_low.seconds_since(other.changed_high) <= REACH_S
        && other.changed_low.seconds_since(one.changed_high) <= REACH_S
}

fn group(
    seed: &Finding,
    same_time: &[&Finding],
    shared: &Shared,
    places: &HashMap<&SeriesKey, Vec<Shared>>,
) -> Option<Together> {
    let has = |key: &SeriesKey| places.get(key).is_some_and(|all| all.contains(shared));
    let members: Vec<&Finding> = same_time.iter().copied().filter(|f| has(&f.key)).collect();
    let tasks: BTreeSet<&SeriesKey> = members.iter().map(|f| &f.key).collect();
    let here = places.keys().filter(|key| key.deployment == seed.key.deployment);
    let (mut with, mut without) = (0, 0);
    here.for_each(|key| if has(key) { with += 1 } else { without += 1 });
    let changed = tasks.len();
    let elsewhere = same_time.iter().map(|f| &f.key).collect::<BTreeSet<_>>().len() - changed;
    if changed < MIN_MEMBERS || (changed as f64) < MIN_SHARE * with as f64 {
        return None;
    }
    let p_value = fisher_exact_p(changed, with, elsewhere, without);
    if p_value > MAX_P {
        return None;
    }
    let effects: Vec<f64> = members.iter().map(|f| f.effect.point).collect();
    Some(Together {
        deployment: seed.key.deployment.clone(),
        shared: shared.clone(),
        changed_at: members.iter().map(|f| f.changed_at).min()?,
        worse: seed.effect.point > 1.0,
        effect: median(&effects)?,
        changed,
        of: with,
        findings: members.iter().map(|f| f.id.clone()).collect(),
        p_value,
    })
}

/// Says it in the evidence of each member.
pub(super) fn tell(findings: &mut [Finding], groups: &[Together]) {
    let by_id: BTreeMap<&String, &Together> =
        groups.iter().flat_map(|group| group.findings.iter().map(move |id| (id, group))).collect();
    for finding in findings {
        if let Some(group) = by_id.get(&finding.id) {
            let (what, name) = group.shared.what();
            finding.evidence.push(format!(
                "{} of {} tasks of {what} {name} changed at about the same time, few others did: look there first",
                group.changed, group.of
            ));
        }
    }
}
