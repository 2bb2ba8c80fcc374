//! What all histories have in common: read once, before any of them is judged.

use super::{
    axis::{self, DagAxis},
    calendar::Calendar,
    facts::{Facts, Histories},
    overhead::{Gathering, Overheads},
    settings::Settings,
};
use crate::model::{Deployment, Detail, TextMap, Timestamp};
use std::collections::BTreeMap;

/// What all histories have in common.
pub(super) struct Shared {
    pub(super) facts: Vec<Facts>,
    pub(super) axes: Vec<DagAxis>,
    pub(super) calendar: Calendar,
    pub(super) overheads: Overheads,
}

impl Shared {
    pub(super) fn gather<H: Histories>(histories: &H, settings: &Settings) -> Result<Self, H::Error> {
        let (mut facts, mut axes) = (Vec::new(), Vec::new());
        // Each Airflow has hosts of its own.
        let mut gatherings: BTreeMap<Deployment, Gathering> = BTreeMap::new();
        for h in 0..histories.count() {
            let history = histories.load(h, Detail::Times)?;
            let dag = axis::choose(&history, settings.axis);
            let instants =
                history.runs.iter().filter_map(|run| Some((&run.run_id, axis::instant(run, dag.choice.axis)?)));
            let instants: TextMap<_, Timestamp> = instants.collect();
            let gathering = gatherings.entry(history.deployment.clone()).or_default();
            gathering.add(h, &history, |attempt| {
                instants.get(&attempt.run_id).copied().or_else(|| axis::instant_of_attempt(attempt, dag.choice.axis))
            });
            facts.push(Facts::of(&history, settings));
            axes.push(dag);
        }
        axis::agree(&mut axes);
        let calendar = Calendar::new(&facts, &axes, settings);
        let fit = |(name, gathering): (Deployment, Gathering)| {
            let caught_up = axis::is_catch_up(&name, &axes);
            (name, gathering.fit(caught_up, settings))
        };
        let overheads = gatherings.into_iter().map(fit).collect();
        Ok(Self { facts, axes, calendar, overheads })
    }
}
