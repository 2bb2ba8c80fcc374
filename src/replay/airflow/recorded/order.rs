//! Orders of a recorded history: what Airflow's other weight rules would have given, and the best of several for one DAG.

use super::{
    record::Recorded,
    what_if::{WeightBy, WhatIf},
};
use crate::{
    engine::scheduler::WeightRule,
    model::{Graph, Text},
    replay::{
        airflow::replay,
        simulate::{Order, Scenario, simulate},
    },
};
use std::collections::{BTreeMap, BTreeSet};

/// The best of several orders.
#[derive(Clone, Debug, PartialEq)]
pub struct BestOrder {
    /// Its name: of a policy, `planned` (the best that was found for a usual run alone), or `recorded`.
    pub from: &'static str,
    /// The history in that order.
    pub recorded: Recorded,
    /// When the later half of the runs begins to be made: none of these had a say.
    pub told_from: u64,
}

impl BestOrder {
    /// Orders that are tried, the recorded one with them.
    pub const TRIED: usize = 7;
}

/// The order under which the earlier half of a DAG's runs are shortest, by the geometric mean; the recorded one unless another is
/// shorter.
#[must_use]
pub fn best_order(recorded: &Recorded, dag: u32, dags: &[Text], seed: u64) -> BestOrder {
    let mut made: Vec<u64> = recorded.case.runs.iter().filter(|run| run.dag == dag).map(|run| run.made).collect();
    made.sort_unstable();
    let told_from = made.get(made.len() / 2).copied().unwrap_or(0);
    let earlier = |of: &Recorded| mean_log_makespan(of, dag, told_from);
    let (mut from, mut least, mut best) = ("recorded", earlier(recorded), recorded.clone());
    let mut consider = |name: &'static str, order: WeightBy| {
        // A weight rule that the record does not tell is no candidate.
        let Ok(changed) = recorded.with(&[WhatIf::Order(order)], dags) else { return };
        let log = earlier(&changed);
        if log < least {
            (from, least, best) = (name, log, changed);
        }
    };
    let others: [(&'static str, WeightBy); BestOrder::TRIED - 1] = [
        ("fifo", WeightBy::Date),
        ("lpt", WeightBy::Duration),
        ("heft", WeightBy::WayToEnd),
        ("airflow-upstream", WeightBy::Rule { rule: WeightRule::Upstream, dag }),
        ("airflow-absolute", WeightBy::Rule { rule: WeightRule::Absolute, dag }),
        ("planned", WeightBy::Planned { dag, seed }),
    ];
    others.into_iter().for_each(|(name, order)| consider(name, order));
    BestOrder { from, recorded: best, told_from }
}

/// Mean logarithm of the makespans of a DAG's runs that were made before an instant; infinite where one never ends.
fn mean_log_makespan(recorded: &Recorded, dag: u32, before: u64) -> f64 {
    let replayed = replay(&recorded.case);
    let of_it = |run: &usize| {
        let of = &recorded.runs[*run];
        of.dag == dag && of.is_whole && of.times.is_some() && recorded.case.runs[*run].made < before
    };
    let log = |run: usize| match (replayed.run_started[run], replayed.run_ended[run]) {
        (_, u64::MAX) => f64::INFINITY,
        (start, end) => ((end - start).max(1) as f64).ln(),
    };
    let logs: Vec<f64> = (0..recorded.runs.len()).filter(of_it).map(log).collect();
    logs.iter().sum::<f64>() / logs.len().max(1) as f64
}

impl Recorded {
    /// Effective weights under another of Airflow's rules.
    ///
    /// The record has effective weights. By the rule `downstream`, which is the default, a task's own weight is what is left of its
    /// effective one without those of all tasks behind it. A DAG whose weights are no such sums keeps them.
    ///
    /// # Errors
    /// Where that is the DAG `asked`.
    pub(super) fn weights_by_rule(&self, rule: WeightRule, asked: u32, dags: &[Text]) -> Result<Vec<i64>, String> {
        let mut of_task: BTreeMap<u32, Weighed> = BTreeMap::new();
        for (instance, name) in self.case.instances.iter().zip(&self.names) {
            of_task.insert(instance.task, Weighed { dag: name.dag, effective: instance.weight });
        }
        let mut edges: BTreeSet<(u32, u32)> = BTreeSet::new();
        for place in 0..self.case.graph.nodes() {
            let task = |place: u32| self.case.instances[place as usize].task;
            edges.extend(self.case.graph.children(place).iter().map(|child| (task(place), task(*child))));
        }
        let behind = reached(&of_task, edges.iter().copied());
        let before = reached(&of_task, edges.iter().map(|(first, then)| (*then, *first)));
        let (own, unknown) = own_weights(&of_task, &behind);
        if unknown.contains(&asked) {
            return Err(format!(
                "the recorded weights of {} are no sums over the tasks behind each: what each task's own is cannot be told",
                dags.get(asked as usize).map_or("the DAG", |name| &**name)
            ));
        }
        let effective = |task: &u32| {
            let Weighed { dag, effective } = of_task[task];
            let others = match rule {
                _ if unknown.contains(&dag) => return effective,
                WeightRule::Downstream => &behind[task],
                WeightRule::Upstream => &before[task],
                WeightRule::Absolute => return own[task],
            };
            others.iter().fold(own[task], |sum, other| sum.saturating_add(own[other]))
        };
        let by_task: BTreeMap<u32, i64> = of_task.keys().map(|task| (*task, effective(task))).collect();
        Ok(self.case.instances.iter().map(|instance| by_task[&instance.task]).collect())
    }

    /// The weights of a DAG given to its tasks in the best order that is found for its last run alone, at usual lengths, on the slots
    /// it can have. Against other DAGs it stands as before.
    pub(super) fn planned_weights(&self, dag: u32, seed: u64) -> Vec<i64> {
        let mut weights: Vec<i64> = self.case.instances.iter().map(|instance| instance.weight).collect();
        let whole = (0..self.runs.len()).filter(|run| self.runs[*run].dag == dag && self.runs[*run].is_whole);
        let Some(last) = whole.max_by_key(|run| self.case.runs[*run].made) else { return weights };
        let places = self.instances_of(last);
        let local = |place: u32| places.contains(&place).then(|| place - places.start);
        let mut edges = Vec::new();
        for place in places.clone() {
            edges.extend(self.case.graph.children(place).iter().filter_map(|to| Some((local(place)?, local(*to)?))));
        }
        let Ok(graph) = Graph::new(places.len(), edges) else { return weights };
        let usual = self.usual_lengths();
        let lengths = &usual[places.start as usize..places.end as usize];
        let pools: BTreeSet<u32> = places.clone().map(|place| self.case.instances[place as usize].pool).collect();
        let slots = pools.iter().fold(0_u32, |sum, pool| sum.saturating_add(self.case.pools[*pool as usize].slots));
        let slots = slots.min(self.case.rules.parallelism).min(self.case.dags[dag as usize].max_active_tasks).max(1);
        let (schedule, _) =
            simulate(&Scenario::on_slots(graph, slots), lengths, &vec![1; lengths.len()], Order::Best, seed);
        // Of mapped tasks the first instance that starts.
        let mut starts: BTreeMap<u32, u64> = BTreeMap::new();
        let mut of_task: BTreeMap<u32, i64> = BTreeMap::new();
        for (place, start) in places.zip(&schedule.starts) {
            let instance = &self.case.instances[place as usize];
            let first = starts.entry(instance.task).or_insert(*start);
            *first = (*first).min(*start);
            of_task.insert(instance.task, instance.weight);
        }
        let mut order: Vec<(u64, u32)> = starts.into_iter().map(|(task, start)| (start, task)).collect();
        order.sort_unstable();
        let mut known: Vec<i64> = of_task.into_values().collect();
        known.sort_unstable_by(|a, b| b.cmp(a));
        let planned: BTreeMap<u32, i64> = order.into_iter().map(|(_, task)| task).zip(known).collect();
        for (weight, instance) in weights.iter_mut().zip(&self.case.instances) {
            *weight = planned.get(&instance.task).copied().unwrap_or(*weight);
        }
        weights
    }
}

/// A task's DAG, and the weight that was recorded of it last.
struct Weighed {
    dag: u32,
    effective: i64,
}

/// Own weight of each task, and the DAGs of which there are none that sum up to the recorded ones.
fn own_weights(
    tasks: &BTreeMap<u32, Weighed>,
    behind: &BTreeMap<u32, BTreeSet<u32>>,
) -> (BTreeMap<u32, i64>, BTreeSet<u32>) {
    let mut order: Vec<&u32> = tasks.keys().collect();
    order.sort_by_key(|task| behind[task].len());
    let (mut own, mut unknown): (BTreeMap<u32, i64>, BTreeSet<u32>) = (BTreeMap::new(), BTreeSet::new());
    for task in order {
        let Weighed { dag, effective } = tasks[task];
        let mut of_others = behind[task].iter().filter_map(|after| own.get(after));
        let of_it = of_others.try_fold(effective, |left, other| left.checked_sub(*other)).unwrap_or(0);
        // Weights below 1 are not forbidden, but nobody gives them.
        if of_it < 1 {
            unknown.insert(dag);
        }
        own.insert(*task, of_it.max(0));
    }
    (own, unknown)
}

/// Of each task, all that edges lead to from it.
fn reached(tasks: &BTreeMap<u32, Weighed>, edges: impl Iterator<Item = (u32, u32)>) -> BTreeMap<u32, BTreeSet<u32>> {
    let mut next: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    edges.for_each(|(first, then)| next.entry(first).or_default().push(then));
    let all = |task: &u32| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![*task]);
        while let Some(at) = open.pop() {
            open.extend(next.get(&at).into_iter().flatten().filter(|then| seen.insert(**then)));
        }
        seen.remove(task);
        (*task, seen)
    };
    tasks.keys().map(all).collect()
}

#[cfg(test)]
mod tests {
    use super::{
        super::fixtures::{Dag, case},
        *,
    };

    /// `slow` is on the long way, and weighs less than the three short ones that also wait for nothing.
    const SHAPE: Dag<'static> = Dag {
        name: "etl",
        tasks: &[("short_1", 3), ("short_2", 3), ("short_3", 3), ("slow", 1), ("end_1", 1), ("end_2", 1)],
        edges: &[
            ("short_1", "end_1"),
            ("short_2", "end_1"),
            ("short_3", "end_1"),
            ("short_1", "end_2"),
            ("short_2", "end_2"),
            ("short_3", "end_2"),
        ],
    };

    fn shape() -> Recorded {
        // Two slots: the short ones first, then the long one alone.
        let history = SHAPE.history(12, |_, place| match place {
            0 | 1 => (1.0, 100.0),
            2 => (102.0, 100.0),
            3 => (102.0, 900.0),
            4 => (203.0, 10.0),
            _ => (215.0, 10.0),
        });
        case(&[(SHAPE, history)], 2)
    }

    fn weights(recorded: &Recorded, order: WeightBy) -> Vec<i64> {
        let changed = recorded.with(&[WhatIf::Order(order)], &["etl".into()]).expect("weights");
        changed.case.instances[..6].iter().map(|instance| instance.weight).collect()
    }

    #[test]
    fn weights_of_other_rules_come_from_recorded_sums() {
        let recorded = shape();
        // Instances come by name: end_1, end_2, short_1, short_2, short_3, slow.
        let by = |rule: WeightRule| weights(&recorded, WeightBy::Rule { rule, dag: 0 });
        assert_eq!(by(WeightRule::Downstream), [1, 1, 3, 3, 3, 1]);
        assert_eq!(by(WeightRule::Absolute), [1; 6]);
        assert_eq!(by(WeightRule::Upstream), [4, 4, 1, 1, 1, 1]);
    }

    #[test]
    fn weights_that_are_no_sums_are_not_taken_apart() {
        let flat = Dag { tasks: &[("a", 1), ("b", 1)], edges: &[("a", "b")], ..SHAPE };
        let history = flat.history(3, |_, place| (1.0 + 101.0 * place as f64, 100.0));
        let recorded = case(&[(flat, history)], 2);
        let order = WhatIf::Order(WeightBy::Rule { rule: WeightRule::Upstream, dag: 0 });
        let refused = recorded.with(&[order], &["etl".into()]).expect_err("no sums");
        assert!(refused.contains("weights of etl"), "{refused}");
        // Another DAG may ask all the same.
        let other = Dag { name: "other", tasks: &[("x", 1)], edges: &[] };
        let (of_flat, of_other) = (flat_history(), other.history(3, |_, _| (1.0, 5.0)));
        let both = case(&[(of_flat.0, of_flat.1), (other, of_other)], 2);
        let order = WhatIf::Order(WeightBy::Rule { rule: WeightRule::Upstream, dag: 1 });
        assert!(both.with(&[order], &["etl".into(), "other".into()]).is_ok());
    }

    #[test]
    fn weights_that_no_rule_gives_are_told_of_deep_dags_too() {
        // Twenty-four layers of eleven tasks, each waiting for all of the layer before, all of weight 1.
        let names: Vec<String> = (0..264).map(|task| format!("t{task:03}")).collect();
        let tasks: Vec<(&str, i32)> = names.iter().map(|name| (name.as_str(), 1)).collect();
        let layers = (11..264).flat_map(|task: usize| (0..11).map(move |at| (task / 11 * 11 - 11 + at, task)));
        let edges: Vec<(&str, &str)> = layers.map(|(a, b)| (names[a].as_str(), names[b].as_str())).collect();
        let deep = Dag { name: "deep", tasks: &tasks, edges: &edges };
        let history = deep.history(2, |_, place| ((place / 11) as f64 * 11.0 + 1.0, 10.0));
        let recorded = case(&[(deep, history)], 16);
        let order = WhatIf::Order(WeightBy::Rule { rule: WeightRule::Upstream, dag: 0 });
        assert!(recorded.with(&[order], &["deep".into()]).is_err());
        assert_eq!(best_order(&recorded, 0, &["deep".into()], 1).recorded.case.instances.len(), 528);
    }

    fn flat_history() -> (Dag<'static>, crate::model::DagHistory) {
        let flat = Dag { tasks: &[("a", 1), ("b", 1)], edges: &[("a", "b")], ..SHAPE };
        let history = flat.history(3, |_, place| (1.0 + 101.0 * place as f64, 100.0));
        (flat, history)
    }

    #[test]
    fn the_best_order_begins_with_what_takes_longest() {
        let recorded = shape();
        let best = best_order(&recorded, 0, &["etl".into()], 1);
        assert!(["lpt", "heft", "planned"].contains(&best.from), "{}", best.from);
        let log = |of: &Recorded| mean_log_makespan(of, 0, u64::MAX);
        assert!(log(&best.recorded) < log(&recorded) - 0.05, "{} {}", log(&best.recorded), log(&recorded));
        // Half of the runs had no say.
        assert_eq!(recorded.case.runs.iter().filter(|run| run.made >= best.told_from).count(), 6);
        // A planned order gives a DAG no more weight against others than it had.
        let mut planned = weights(&recorded, WeightBy::Planned { dag: 0, seed: 1 });
        planned.sort_unstable();
        assert_eq!(planned, [1, 1, 1, 3, 3, 3]);
    }
}
