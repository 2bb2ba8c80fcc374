//! The life of a run: it is created, its first tasks are scheduled, it ends, and sometimes it is cleared.

use super::{
    entry::Ran,
    options::Airflow,
    rows::NULL,
    run::{Cause, End, Run, bits},
    simulate::{Event, SECOND, World},
    tries::row,
};
use std::{cmp::Reverse, io};

const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

impl World<'_> {
    pub(super) fn create(&mut self, at: usize, cause: Cause, logical: i64, now: i64) {
        let dag = &self.fleet.dags[at];
        let (seed, phi) = (self.plan.options.seed, self.plan.options.ar1);
        let mut run = Run::new((at, dag), self.changes, &mut self.levels[at], phi, (cause, logical), seed);
        self.run_number += 1;
        run.number = self.run_number;
        run.queued = now + (run.draw.between(0.3, 2.5) * 1e6) as i64;
        run.start = run.queued + (run.draw.between(0.1, 0.7) * 1e6) as i64;
        if run.clear.is_some_and(|(_, after)| now + after > self.plan.end) {
            run.clear = None;
        }
        let prefix = match (cause, self.plan.options.airflow) {
            (Cause::Schedule, _) => "scheduled__",
            (Cause::Person, _) => "manual__",
            (Cause::Asset, Airflow::V3_3) => "asset_triggered__",
            (Cause::Asset, _) => "dataset_triggered__",
        };
        let mut id = prefix.as_bytes().to_vec();
        self.export.stamps.iso(&mut id, logical);
        run.run_id = String::from_utf8(id).unwrap_or_default();
        if cause == Cause::Asset && self.plan.options.airflow == Airflow::V3_3 {
            run.run_id.push('_');
            let mut left = run.random;
            for _ in 0..8 {
                run.run_id.push(char::from(LETTERS[(left % 62) as usize]));
                left /= 62;
            }
        }
        if let Some(statsd) = &mut self.statsd {
            let due =
                if cause == Cause::Schedule && self.plan.options.airflow != Airflow::V3_3 { dag.period } else { 0 };
            statsd.run_created(dag, run.alive, run.start, logical + due);
        }
        let roots = bits(run.alive).filter(|&task| run.tasks[task].waits == 0).fold(0, |set, task| set | 1 << task);
        self.schedules[at].active += 1;
        let (start, place) = (run.start, self.free.pop());
        let place = match place {
            Some(place) => {
                self.runs[place as usize] = run;
                place
            }
            None => {
                self.runs.push(run);
                (self.runs.len() - 1) as u32
            }
        };
        self.release(place, roots, start);
    }

    /// Schedules these tasks of a run: the scheduler sees them in its next loop.
    pub(super) fn release(&mut self, place: u32, tasks: u64, now: i64) {
        for task in bits(tasks) {
            let run = &mut self.runs[place as usize];
            let at = now + (run.draw.between(0.15, 0.9) * 1e6) as i64;
            for instance in run.of(task) {
                self.order += 1;
                self.events.push(Reverse((at, self.order, Event::Ready((place, instance as u16)))));
            }
        }
    }

    pub(super) fn run_over(&mut self, place: u32, now: i64) -> io::Result<()> {
        let run = &mut self.runs[place as usize];
        let dag = &self.fleet.dags[run.dag];
        if run.clears == 0 {
            let schedule = &mut self.schedules[run.dag];
            schedule.active = schedule.active.saturating_sub(1);
            if std::mem::take(&mut schedule.blocked) {
                let due = Event::Due(run.dag as u32);
                self.order += 1;
                self.events.push(Reverse((now + SECOND / 2, self.order, due)));
            }
        }
        let run = &mut self.runs[place as usize];
        if let Some((_, after)) = run.clear {
            self.push(now + after, Event::Clear(place));
            return Ok(());
        }
        let end = now + (run.draw.between(0.2, 1.0) * 1e6) as i64;
        let leaves = bits(run.alive).filter(|&task| dag.tasks[task].down & run.alive == 0);
        let failed = leaves.map(|task| run.tasks[task].end).any(|end| matches!(end, End::Failed | End::UpstreamFailed));
        let scheduled = run.cause == Cause::Schedule && self.plan.options.airflow != Airflow::V3_3;
        let to = run.logical + if scheduled { dag.period } else { 0 };
        let ran = Ran {
            id: run.number,
            dag_id: &dag.id,
            run_id: &run.run_id,
            run_type: match (run.cause, self.plan.options.airflow) {
                (Cause::Schedule, _) => "scheduled",
                (Cause::Person, _) => "manual",
                (Cause::Asset, Airflow::V3_3) => "asset_triggered",
                (Cause::Asset, _) => "dataset_triggered",
            },
            logical: if run.cause == Cause::Asset && self.plan.options.airflow == Airflow::V3_3 {
                NULL
            } else {
                run.logical
            },
            interval: (run.logical, to),
            run_after: run.logical,
            queued: run.queued,
            start: run.start,
            end,
            state: if failed { "failed" } else { "success" },
            clears: run.clears,
            hash: dag.hash,
            random: run.random,
            version: dag.version,
        };
        self.export.run(&ran)?;
        self.truth.ran(&ran);
        if let Some(statsd) = &mut self.statsd {
            let starts = run.instances.iter().filter(|instance| instance.job != NULL).map(|instance| instance.start);
            statsd.run_over(&ran, starts.min().unwrap_or(NULL));
        }
        self.free.push(place);
        Ok(())
    }

    pub(super) fn clear(&mut self, place: u32, now: i64) -> io::Result<()> {
        let run = &mut self.runs[place as usize];
        let dag = &self.fleet.dags[run.dag];
        let cleared = run.held(dag);
        run.clear = None;
        for task in bits(cleared) {
            for at in self.runs[place as usize].of(task) {
                let run = &self.runs[place as usize];
                if run.instances[at].tries > 0 && run.instances[at].end != NULL {
                    self.export.past_try(&row(self.fleet, self.changes, run, at))?;
                }
            }
        }
        let run = &mut self.runs[place as usize];
        let free = run.set_back(dag, cleared);
        if self.plan.options.airflow == Airflow::V3_3 {
            bits(cleared).for_each(|task| {
                for at in run.of(task) {
                    run.instances[at].id = 0;
                }
            });
        }
        run.clears += 1;
        run.queued = now;
        run.start = now + (run.draw.between(0.2, 0.9) * 1e6) as i64;
        self.truth.cleared();
        let start = run.start;
        for task in bits(free) {
            match self.runs[place as usize].verdict(dag, task) {
                End::Open => self.release(place, 1 << task, start),
                verdict => {
                    self.not_run(place, task, verdict, start)?;
                    self.task_over(place, task, verdict, start)?;
                }
            }
        }
        Ok(())
    }
}
