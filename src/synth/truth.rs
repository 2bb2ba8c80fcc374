//! The ground truth: what was planted, and what the generated rows then measure of it.

use super::{
    change::{Change, Changes, Effect, Shrink},
    entry::{Ran, Try},
    fleet::{Fleet, Task},
    options::Plan,
    rows::NULL,
    template::{Kind, Life},
};
use crate::stats::{exp, ln};
use serde_json::{Value, json};

/// What the tries of one task measure. Only first tries that succeed count for times.
#[derive(Clone, Copy, Debug, Default)]
struct Measured {
    attempts: u64,
    failed: u64,
    n: u64,
    ln_work: f64,
    ln_duration: f64,
    duration: i128,
    scheduling_delay: i128,
    queue_wait: i128,
}

impl Measured {
    fn add(&mut self, row: &Try<'_>, work: i64) {
        self.attempts += 1;
        self.failed += u64::from(row.state == "failed");
        if row.state == "success" && row.number == 1 {
            self.n += 1;
            self.ln_work += ln(work.max(1) as f64 / 1e6);
            self.ln_duration += ln(row.duration.max(1) as f64 / 1e6);
            self.duration += i128::from(row.duration);
            self.scheduling_delay += i128::from(row.queued - row.scheduled);
            self.queue_wait += i128::from((row.start - row.queued).max(0));
        }
    }

    fn json(&self) -> Value {
        let n = self.n.max(1) as f64;
        let mean = |sum: i128| if self.n == 0 { Value::Null } else { json!(round(sum as f64 / 1e6 / n)) };
        let geometric = |sum: f64| if self.n == 0 { Value::Null } else { json!(round(exp(sum / n))) };
        json!({
            "attempts": self.attempts,
            "failed_attempts": self.failed,
            "first_try_successes": self.n,
            "geometric_mean_work_s": geometric(self.ln_work),
            "geometric_mean_duration_s": geometric(self.ln_duration),
            "mean_duration_s": mean(self.duration),
            "mean_scheduling_delay_s": mean(self.scheduling_delay),
            "mean_queue_wait_s": mean(self.queue_wait),
        })
    }
}

fn round(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// One pair of measurements, and the first start of what changed.
#[derive(Clone, Copy, Debug)]
struct Pair {
    before: Measured,
    after: Measured,
    first_start: i64,
}

impl Pair {
    const NEW: Self = {
        let none = Measured {
            attempts: 0,
            failed: 0,
            n: 0,
            ln_work: 0.0,
            ln_duration: 0.0,
            duration: 0,
            scheduling_delay: 0,
            queue_wait: 0,
        };
        Self { before: none, after: none, first_start: NULL }
    };

    fn add(&mut self, after: bool, row: &Try<'_>, work: i64) {
        if after {
            if self.first_start == NULL || row.start < self.first_start {
                self.first_start = row.start;
            }
            self.after.add(row, work);
        } else {
            self.before.add(row, work);
        }
    }
}

/// Collects while the history is simulated.
pub(super) struct Truth {
    tasks: Vec<Pair>,
    shrinks: Vec<Pair>,
    hosts: Pair,
    attempts: u64,
    clears: u64,
    kept_numbers: u64,
    runs: u64,
    failed_runs: u64,
    run_duration: i128,
}

impl Truth {
    pub(super) fn new(changes: &Changes) -> Self {
        Self {
            tasks: vec![Pair::NEW; changes.tasks.len()],
            shrinks: vec![Pair::NEW; changes.shrinks.len()],
            hosts: Pair::NEW,
            attempts: 0,
            clears: 0,
            kept_numbers: 0,
            runs: 0,
            failed_runs: 0,
            run_duration: 0,
        }
    }

    /// A try that ran is over.
    pub(super) fn tried(&mut self, changes: &Changes, task: &Task, row: &Try<'_>, work: i64) {
        self.attempts += 1;
        if let Some(place) = changes.of(task.number) {
            let change = &changes.tasks[place];
            let about =
                !matches!(change.effect, Effect::OneIndex(index, _) if i64::from(index) != row.map_index.max(0));
            if about {
                self.tasks[place].add(change.holds(row.logical), row, work);
            }
        }
        for place in [changes.of_place(true, task.pool), changes.of_place(false, task.queue)].into_iter().flatten() {
            if task.kind == Kind::Work {
                self.shrinks[place].add(row.start >= changes.shrinks[place].at, row, work);
            }
        }
        if let Some((at, _)) = changes.hosts
            && task.kind == Kind::Work
        {
            self.hosts.add(row.start >= at, row, work);
        }
    }

    pub(super) fn ran(&mut self, run: &Ran<'_>) {
        self.runs += 1;
        self.failed_runs += u64::from(run.state == "failed");
        self.run_duration += i128::from(run.end - run.start);
    }

    /// A cleared instance does not run again: its row has the number of a try that the history table has too.
    pub(super) fn keeps_number(&mut self) {
        self.kept_numbers += 1;
    }

    pub(super) fn cleared(&mut self) {
        self.clears += 1;
    }

    /// The document.
    pub(super) fn json(&self, plan: &Plan, fleet: &Fleet, changes: &Changes, files: Value) -> Value {
        let planted = changes.tasks.iter().zip(&self.tasks).map(|(change, pair)| planted(fleet, change, pair));
        let shrinks = changes.shrinks.iter().zip(&self.shrinks).map(|(shrink, pair)| shrunk(fleet, shrink, pair));
        let renamed = changes.renamed.iter().map(|(dag, at)| {
            let dag = &fleet.dags[*dag];
            let from: Vec<&str> = dag.tasks.iter().map(|task| task.id.as_str()).collect();
            json!({
                "kind": "renamed",
                "dag_id": dag.id,
                "at": instant(*at),
                "axis": "logical",
                "task_ids": from,
                "new_prefix": super::change::GROUP,
            })
        });
        let hosts = changes.hosts.map(|(at, seconds)| {
            json!({
                "kind": "hosts",
                "at": instant(at),
                "axis": "wall",
                "seconds": seconds,
                "every_process_of": "all tasks but EmptyOperators",
                "before": self.hosts.before.json(),
                "after": self.hosts.after.json(),
            })
        });
        let planted: Vec<Value> = planted.chain(shrinks).chain(renamed).chain(hosts).collect();
        let options = &plan.options;
        json!({
            "format": "windtunnel synthetic history",
            "airflow": options.airflow.as_str(),
            "seed": options.seed,
            "days": plan.days,
            "first_logical_date": Plan::date(plan.start),
            "end_of_logical_dates": Plan::date(plan.end),
            "catch_up_days": options.catch_up_days,
            "dags": fleet.dags.len(),
            "ar1": options.ar1,
            "files": files,
            "attempts_that_ran": self.attempts,
            "runs": self.runs,
            "failed_runs": self.failed_runs,
            "cleared_runs": self.clears,
            "cleared_and_not_run_again": self.kept_numbers,
            "sum_of_run_durations_s": round(self.run_duration as f64 / 1e6),
            "notes": [
                "a factor applies to a task's own work; its duration adds the common overhead of the hosts (0.8 to 1.6 s, and the planted seconds)",
                "`at` is compared with the logical date of the run (axis logical) or with the instant (axis wall)",
                "before and after measure the generated rows: first tries that succeeded; attempts and failures count all tries",
                "unchanged: the work of these tasks has no planted change; the hosts' shift touches all of them, a pool's or queue's change only their waits",
            ],
            "planted": planted,
            "unchanged": unchanged(fleet, changes),
        })
    }
}

fn instant(at: i64) -> Value {
    if at == NULL { Value::Null } else { json!(crate::model::Timestamp::from_micros(at).to_string()) }
}

fn planted(fleet: &Fleet, change: &Change, pair: &Pair) -> Value {
    let dag = &fleet.dags[change.dag];
    let (kind, size) = match change.effect {
        Effect::Step(factor) => ("step", json!({ "factor": round(factor) })),
        Effect::Drift(per_day) => ("drift", json!({ "share_per_day": per_day })),
        Effect::Spike(factor, days) => ("spike", json!({ "factor": factor, "days": days })),
        Effect::Failures(p) => ("failures", json!({ "probability": p, "usual": dag.tasks[change.task].spec.fails })),
        Effect::Spread(factor) => ("spread", json!({ "factor": factor, "of": "the logarithm's standard deviation" })),
        Effect::OneIndex(index, factor) => ("one_index", json!({ "map_index": index, "factor": factor })),
        Effect::Retired => ("retired", json!({})),
        Effect::New => ("new", json!({})),
    };
    json!({
        "kind": kind,
        "dag_id": dag.id,
        "task_id": dag.tasks[change.task].id,
        "at": instant(change.at),
        "axis": "logical",
        "size": size,
        "sigma": dag.tasks[change.task].spec.sigma,
        "first_start_after": instant(pair.first_start),
        "before": pair.before.json(),
        "after": pair.after.json(),
    })
}

fn shrunk(fleet: &Fleet, shrink: &Shrink, pair: &Pair) -> Value {
    let (kind, places) = if shrink.is_pool { ("pool", &fleet.pools) } else { ("queue", &fleet.queues) };
    let takes =
        |task: &&Task| task.kind == Kind::Work && (if shrink.is_pool { task.pool } else { task.queue }) == shrink.place;
    let each = fleet.dags.iter().flat_map(|dag| dag.tasks.iter().filter(takes).map(move |task| (dag, task)));
    let tasks: Vec<Value> = each.map(|(dag, task)| json!([dag.id, task.id])).collect();
    json!({
        "kind": kind,
        "name": places[shrink.place].name,
        "at": instant(shrink.at),
        "axis": "wall",
        "slots_before": shrink.before,
        "slots_after": shrink.after,
        "tasks": tasks,
        "before": pair.before.json(),
        "after": pair.after.json(),
    })
}

/// Tasks without a change of their own.
fn unchanged(fleet: &Fleet, changes: &Changes) -> Vec<Value> {
    let each = fleet.dags.iter().enumerate().flat_map(|(at, dag)| {
        let kept = dag.tasks.iter().filter(move |task| {
            let runs = !matches!(task.kind, Kind::Empty) && task.spec.life != Life::MayAppear;
            runs && changes.of(task.number).is_none() && changes.renamed_at(at).is_none()
        });
        kept.map(move |task| json!([dag.id, task.id]))
    });
    each.collect()
}
