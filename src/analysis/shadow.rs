//! One change shows in several series: in the task and its instances, in failures and retries, in the run that the task
//! makes longer. One of them speaks, and names the others.

use super::{
    examined::Examined,
    result::{Finding, Shadow},
};
use crate::model::{Index, Quantity, SeriesKey};
use std::collections::BTreeMap;

/// A run's change is told by its tasks' changes where it is not larger than they are together by more than this factor: what
/// is left over (a longer wait between tasks, say) needs a finding of its own.
const EXPLAINED: f64 = 1.5;
/// A run's change may be dated so much beside its task's, in seconds: two weeks.
const RUN_DATE_S: f64 = 14.0 * 86_400.0;

/// Mapped instances with a series of their own, by the key of the whole task.
pub(super) type Instances = BTreeMap<SeriesKey, usize>;

/// Counts them.
pub(super) fn instances(all: &[Examined]) -> Instances {
    let mut instances = BTreeMap::new();
    for series in all.iter().filter(|series| series.key.index != Index::All) {
        *instances.entry(whole(&series.key)).or_default() += 1;
    }
    instances
}

/// Leaves the findings that speak; the others stand in the `also` of the one that explains them.
///
/// A task and its instances: the instances speak where fewer than half of them changed, else the task as a whole. Retries are
/// told by the failures, a run by its tasks.
pub(super) fn fold_shadows(findings: &mut Vec<Finding>, instances: &Instances) {
    let all = std::mem::take(findings);
    let speaker: Vec<Option<usize>> = (0..all.len()).map(|i| speaker(i, &all, instances)).collect();
    let mut also: Vec<Vec<Shadow>> = vec![Vec::new(); all.len()];
    for (i, finding) in all.iter().enumerate() {
        let mut at = i;
        while let Some(next) = speaker[at] {
            at = next;
        }
        if at != i {
            also[at].push(Shadow {
                key: finding.key.clone(),
                effect: finding.effect.clone(),
                minutes_lost_per_week: finding.minutes_lost_per_week.clone(),
            });
        }
    }
    let told = all.into_iter().zip(also).zip(speaker).filter(|(_, speaker)| speaker.is_none());
    findings.extend(told.map(|((finding, mut also), _)| {
        also.sort_by(|a, b| a.key.cmp(&b.key));
        Finding { also, ..finding }
    }));
}

/// Who tells of finding `i` better than itself. Instances point to tasks or tasks to instances, never both ways: which of the
/// two it is depends on the task alone.
fn speaker(i: usize, all: &[Finding], instances: &Instances) -> Option<usize> {
    let finding = &all[i];
    let near: Vec<(usize, &Finding)> =
        all.iter().enumerate().filter(|(j, other)| *j != i && are_near(finding, other)).collect();
    let first = |fits: &dyn Fn(&Finding) -> bool| near.iter().find(|(_, other)| fits(other)).map(|(j, _)| *j);
    match (&finding.key.index, finding.key.quantity) {
        (Index::All, Quantity::RunDuration) => {
            let around: Vec<(usize, &Finding)> =
                all.iter().enumerate().filter(|(_, other)| may_cause(other, finding)).collect();
            of_run(finding, &around)
        }
        (Index::All, Quantity::RetryRate) => {
            let failures = SeriesKey { quantity: Quantity::FailureRate, ..finding.key.clone() };
            first(&|other| other.key == failures)
        }
        (Index::All, _) if few_changed(finding, all, instances) => {
            first(&|other| other.key.index != Index::All && whole(&other.key) == finding.key)
        }
        (Index::All, _) => None,
        _ => first(&|other| other.key == whole(&finding.key) && !few_changed(other, all, instances)),
    }
}

/// A run is noisier than its tasks, so its change is dated less well.
fn may_cause(task: &Finding, run: &Finding) -> bool {
    are_near(task, run) || task.changed_at.seconds_since(run.changed_at).abs() <= RUN_DATE_S
}

fn are_near(a: &Finding, b: &Finding) -> bool {
    a.changed_low <= b.changed_high && b.changed_low <= a.changed_high
}

/// The dearest task of the run, where the run's tasks explain its change.
fn of_run(run: &Finding, near: &[(usize, &Finding)]) -> Option<usize> {
    let seconds = |finding: &Finding| finding.after.point - finding.before.point;
    let is_time = |quantity| {
        matches!(quantity, Quantity::Duration | Quantity::QueueWait | Quantity::SchedulingDelay | Quantity::SensorWait)
    };
    let of_run = |other: &Finding| {
        let key = SeriesKey { task_id: None, index: Index::All, quantity: run.key.quantity, ..other.key.clone() };
        is_time(other.key.quantity) && key == run.key && seconds(other) * seconds(run) > 0.0
    };
    let tasks: Vec<&(usize, &Finding)> = near.iter().filter(|(_, other)| of_run(other)).collect();
    let sum: f64 = tasks.iter().map(|(_, task)| seconds(task).abs()).sum();
    let dearest = tasks.iter().max_by(|(_, a), (_, b)| seconds(a).abs().total_cmp(&seconds(b).abs()))?;
    (seconds(run).abs() <= EXPLAINED * sum).then_some(dearest.0)
}

fn whole(key: &SeriesKey) -> SeriesKey {
    SeriesKey { index: Index::All, ..key.clone() }
}

/// Did some, but fewer than half, of the task's instances change with it?
fn few_changed(task: &Finding, all: &[Finding], instances: &Instances) -> bool {
    let is_instance =
        |other: &&Finding| other.key.index != Index::All && whole(&other.key) == task.key && are_near(task, other);
    let changed = all.iter().filter(is_instance).count();
    changed > 0 && 2 * changed < instances.get(&task.key).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::at;
    use super::*;
    use crate::{
        model::{Deployment, RunType},
        stats::Estimate,
    };

    fn finding(task: Option<&str>, index: Index, quantity: Quantity, day: f64, seconds: f64) -> Finding {
        let estimate =
            |point: f64| Estimate { point, lower: point, upper: point, level: 0.95, n: 9, method: "".into() };
        Finding {
            id: String::new(),
            key: SeriesKey {
                deployment: Deployment::default(),
                dag_id: "d".into(),
                task_id: task.map(Into::into),
                run_type: RunType::Scheduled,
                index,
                quantity,
            },
            changed_at: at(day * 86_400.0),
            changed_low: at(day * 86_400.0),
            changed_high: at((day + 1.0) * 86_400.0),
            in_window: false,
            is_new: false,
            last_run: at((day + 9.0) * 86_400.0),
            effect: estimate(1.5),
            effect_raw: estimate(1.5),
            at_volume: None,
            q_value: 0.001,
            before: estimate(10.0),
            after: estimate(10.0 + seconds),
            minutes_lost_per_week: estimate(seconds),
            n_before: 20,
            n_after: 20,
            evidence: Vec::new(),
            also: Vec::new(),
            acknowledged: None,
        }
    }

    fn folded(mut findings: Vec<Finding>, instances: &Instances) -> Vec<(Option<String>, String, usize)> {
        fold_shadows(&mut findings, instances);
        let told = |f: &Finding| (f.key.task_id.as_deref().map(str::to_owned), f.key.index.to_string(), f.also.len());
        findings.iter().map(told).collect()
    }

    #[test]
    fn a_run_is_told_by_its_task_unless_more_than_that_changed() {
        let run = |seconds| finding(None, Index::All, Quantity::RunDuration, 3.0, seconds);
        let task = finding(Some("t"), Index::All, Quantity::Duration, 3.5, 5.0);
        assert_eq!(folded(vec![run(5.5), task.clone()], &Instances::new()), [(Some("t".into()), "all".into(), 1)]);
        assert_eq!(folded(vec![run(60.0), task.clone()], &Instances::new()).len(), 2);
        assert_eq!(folded(vec![run(-5.0), task.clone()], &Instances::new()).len(), 2);
        let later = finding(None, Index::All, Quantity::RunDuration, 30.0, 5.0);
        assert_eq!(folded(vec![later, task], &Instances::new()).len(), 2);
    }

    #[test]
    fn few_instances_speak_for_themselves_many_are_told_by_the_task() {
        let task = finding(Some("t"), Index::All, Quantity::Duration, 3.0, 5.0);
        let instance = |n| finding(Some("t"), Index::Instance(n), Quantity::Duration, 3.0, 5.0);
        let instances: Instances = [(task.key.clone(), 4)].into();
        let one = folded(vec![task.clone(), instance(2)], &instances);
        assert_eq!(one, [(Some("t".into()), "2".into(), 1)]);
        let three = folded(vec![task, instance(0), instance(1), instance(2)], &instances);
        assert_eq!(three, [(Some("t".into()), "all".into(), 3)]);
    }

    #[test]
    fn a_run_behind_a_task_behind_its_instance_ends_at_the_instance() {
        let task = finding(Some("t"), Index::All, Quantity::Duration, 3.0, 5.0);
        let instance = finding(Some("t"), Index::Instance(1), Quantity::Duration, 3.0, 5.0);
        let run = finding(None, Index::All, Quantity::RunDuration, 3.0, 5.0);
        let instances: Instances = [(task.key.clone(), 4)].into();
        assert_eq!(folded(vec![run, task, instance], &instances), [(Some("t".into()), "1".into(), 2)]);
    }
}
