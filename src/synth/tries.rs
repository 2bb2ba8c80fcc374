//! The life of a task instance: it is scheduled, waits for its pool and for a worker, runs, fails, is retried, ends.

use super::{
    change::{Changes, GROUP},
    entry::Try,
    fleet::{Fleet, wide},
    options::Airflow,
    rows::{NULL, uuid7},
    run::{End, Run, bits},
    simulate::{Event, SECOND, World},
    slots::Who,
    template::Kind,
};
use std::io;

/// Between two pokes of a sensor.
const POKE_EVERY: i64 = 60 * SECOND;
/// Between two tries, for DAGs that run daily and for those that run more often.
const RETRY_AFTER: (i64, i64) = (300 * SECOND, 60 * SECOND);
/// Standard deviation of what a process takes beyond its work and beyond what all take at the time, seconds; and the least.
const OWN_OVERHEAD_S: f64 = 0.08;
const LEAST_OVERHEAD_S: f64 = 0.05;

/// Place of the task of `orders_etl` that publishes.
pub(super) const PUBLISHES: usize = 13;

impl World<'_> {
    pub(super) fn ready(&mut self, who: Who, now: i64) -> io::Result<()> {
        let (place, at) = (who.0 as usize, usize::from(who.1));
        let run = &mut self.runs[place];
        let task = &self.fleet.dags[run.dag].tasks[usize::from(run.instances[at].task)];
        let instance = &mut run.instances[at];
        if instance.id == 0 && self.plan.options.airflow == Airflow::V3_3 {
            instance.id = uuid7(run.start, wide(&mut run.draw));
        }
        if task.kind == Kind::Empty {
            instance.tries += u16::from(self.plan.options.airflow != Airflow::V1_10);
            (instance.start, instance.end, instance.end_as) = (now, now + 20, End::Success);
            let number = usize::from(instance.task);
            return self.finish(who.0, at, number, now);
        }
        instance.scheduled = now;
        self.pools[task.pool].wait(task.weight, self.order, who);
        self.order += 1;
        self.admit(task.pool, now);
        Ok(())
    }

    /// Gives free slots of a pool to those that wait.
    pub(super) fn admit(&mut self, pool: usize, now: i64) {
        while let Some(who) = self.pools[pool].next() {
            let run = &mut self.runs[who.0 as usize];
            let instance = &mut run.instances[usize::from(who.1)];
            // The slot is counted from here on; the row says `queued` when the scheduler's transaction is through.
            instance.queued = now + (run.draw.between(0.1, 0.5) * 1e6) as i64;
            let queue = self.fleet.dags[run.dag].tasks[usize::from(instance.task)].queue;
            self.queues[queue].wait(who);
            self.take(queue, now);
        }
    }

    /// Gives free workers of a queue to those that wait.
    pub(super) fn take(&mut self, queue: usize, now: i64) {
        while let Some(who) = self.queues[queue].next() {
            self.start(who, now);
        }
    }

    /// A worker takes it: all that happens until the process ends is known now.
    fn start(&mut self, who: Who, now: i64) {
        let run = &mut self.runs[who.0 as usize];
        let instance = &mut run.instances[usize::from(who.1)];
        let dag = &self.fleet.dags[run.dag];
        let number = dag.tasks[usize::from(instance.task)].number;
        let spec = &dag.tasks[usize::from(instance.task)];
        let started = instance.queued.max(now) + (run.draw.between(0.25, 0.95) * 1e6) as i64;
        let overhead = self.hosts.overhead_s(started) + OWN_OVERHEAD_S * run.draw.normal();
        let overhead = (overhead.max(LEAST_OVERHEAD_S) * 1e6) as i64;
        self.job += 1;
        instance.job = self.job;
        let hosts = 4 * (dag.tenant as u64 + 1);
        instance.host = 1 + run.draw.below(hosts) as i64;
        if !instance.resumed {
            instance.start = started;
            instance.tries += u16::from(instance.end_as == End::Open);
            // Pokes after the first one belong to the same try.
            instance.end_as = End::Skipped;
            let planted = self.changes.of(number).and_then(|place| self.changes.tasks.get(place));
            let p = planted.and_then(|change| change.failures(run.logical)).unwrap_or(spec.spec.fails);
            instance.fails = p > 0.0 && run.draw.chance(p);
            instance.random = wide(&mut run.draw);
        }
        let work = match spec.kind {
            Kind::Sensor => SECOND / 5,
            Kind::Deferrable => SECOND / 2,
            _ if instance.fails => (instance.work as f64 * run.draw.between(0.1, 1.0)) as i64,
            _ => instance.work,
        };
        let end = started + overhead + work;
        if let Some(statsd) = &mut self.statsd {
            let row = row(self.fleet, self.changes, run, usize::from(who.1));
            statsd.started(&row, started);
        }
        self.push(end, Event::Over(who));
    }

    pub(super) fn over(&mut self, who: Who, now: i64) -> io::Result<()> {
        let (place, at) = (who.0 as usize, usize::from(who.1));
        let run = &mut self.runs[place];
        let dag = &self.fleet.dags[run.dag];
        let instance = &mut run.instances[at];
        let task = &dag.tasks[usize::from(instance.task)];
        let (pool, queue, number) = (task.pool, task.queue, usize::from(instance.task));
        self.pools[pool].used -= 1;
        self.queues[queue].used -= 1;
        instance.end = now;
        if task.kind == Kind::Sensor && instance.pokes > 0 {
            instance.pokes -= 1;
            let row = row(self.fleet, self.changes, run, at);
            self.export.poke(&row, now + POKE_EVERY)?;
            if let Some(statsd) = &mut self.statsd {
                statsd.ended(&row, "up_for_reschedule");
            }
            self.push(now + POKE_EVERY + SECOND / 2, Event::Ready(who));
        } else if task.kind == Kind::Deferrable && !instance.resumed {
            instance.resumed = true;
            let work = instance.work;
            self.push(now + work, Event::Ready(who));
        } else {
            self.ended(who, number, now)?;
        }
        self.admit(pool, now);
        self.take(queue, now);
        Ok(())
    }

    /// A try is over.
    fn ended(&mut self, who: Who, task: usize, now: i64) -> io::Result<()> {
        let at = usize::from(who.1);
        let run = &mut self.runs[who.0 as usize];
        let dag = &self.fleet.dags[run.dag];
        let instance = &mut run.instances[at];
        let fails = instance.fails;
        instance.end_as = if fails { End::Failed } else { End::Success };
        let row = row(self.fleet, self.changes, run, at);
        let measured = &run.instances[at];
        self.truth.tried(self.changes, &dag.tasks[task], &row, measured.work);
        if let Some(statsd) = &mut self.statsd {
            let again = fails && measured.tries <= measured.max_tries;
            statsd.ended(&row, if again { "up_for_retry" } else { row.state });
        }
        if !fails {
            return self.finish(who.0, at, task, now);
        }
        self.export.failed(&row)?;
        if measured.tries > measured.max_tries {
            return self.finish(who.0, at, task, now);
        }
        self.export.past_try(&row)?;
        let run = &mut self.runs[who.0 as usize];
        let instance = &mut run.instances[at];
        (instance.end_as, instance.resumed, instance.id) = (End::Open, false, 0);
        let delay = if dag.template.period_min >= 1440 { RETRY_AFTER.0 } else { RETRY_AFTER.1 };
        let again = now + delay + (run.draw.uniform() * 1e6) as i64;
        self.push(again, Event::Ready(who));
        Ok(())
    }

    /// A task instance is over for good: its row is written, and what waited for it goes on.
    fn finish(&mut self, place: u32, at: usize, task: usize, now: i64) -> io::Result<()> {
        let run = &mut self.runs[place as usize];
        let dag = &self.fleet.dags[run.dag];
        if run.held(dag) >> task & 1 == 0 {
            self.export.last_try(&row(self.fleet, self.changes, run, at))?;
        }
        let progress = &mut run.tasks[task];
        progress.left = progress.left.saturating_sub(1);
        if progress.left > 0 {
            return Ok(());
        }
        let range = run.of(task);
        let failed = run.instances[range].iter().any(|instance| instance.end_as == End::Failed);
        self.task_over(place, task, if failed { End::Failed } else { End::Success }, now)
    }

    /// A task is over, with all its instances; and with it those behind it that will not run.
    pub(super) fn task_over(&mut self, place: u32, task: usize, end: End, now: i64) -> io::Result<()> {
        let mut over = vec![(task, end)];
        while let Some((task, end)) = over.pop() {
            let run = &mut self.runs[place as usize];
            let dag = &self.fleet.dags[run.dag];
            run.tasks[task].end = end;
            run.open = run.open.saturating_sub(1);
            let asset = end == End::Success && task == PUBLISHES && dag.template.dag_id == "orders_etl";
            if let Some(other) = dag.triggers.filter(|_| asset) {
                self.push(now + SECOND / 10, Event::Start(other as u32, true));
            }
            let run = &mut self.runs[place as usize];
            let free = run.pass_on(dag, task);
            for next in bits(free) {
                let run = &mut self.runs[place as usize];
                match run.verdict(dag, next) {
                    End::Open => self.release(place, 1 << next, now),
                    verdict => {
                        self.not_run(place, next, verdict, now)?;
                        over.push((next, verdict));
                    }
                }
            }
        }
        if self.runs[place as usize].open == 0 { self.run_over(place, now) } else { Ok(()) }
    }

    /// Writes the one row of a task that does not run: a mapped one is not expanded, unless it was before a clear.
    pub(super) fn not_run(&mut self, place: u32, task: usize, verdict: End, now: i64) -> io::Result<()> {
        let run = &mut self.runs[place as usize];
        let dag = &self.fleet.dags[run.dag];
        let all = run.of(task);
        let expanded = run.instances[all.start].tries > 0;
        let held = run.held(dag) >> task & 1 == 1;
        for at in all.take(if expanded { usize::MAX } else { 1 }) {
            let run = &mut self.runs[place as usize];
            let when = now + (run.draw.uniform() * 4e5) as i64;
            let instance = &mut run.instances[at];
            (instance.end_as, instance.start, instance.end) = (verdict, when, when);
            if instance.id == 0 && self.plan.options.airflow == Airflow::V3_3 {
                instance.id = uuid7(run.start, wide(&mut run.draw));
            }
            if expanded {
                // Its number is still that of the try that was cleared.
                self.truth.keeps_number();
            }
            if !held {
                let run = &self.runs[place as usize];
                let row = row(self.fleet, self.changes, run, at);
                let map_index = if expanded { row.map_index } else { -1 };
                self.export.last_try(&Try { map_index, ..row })?;
            }
        }
        Ok(())
    }
}

/// The row of a task instance as it stands.
pub(super) fn row<'a>(fleet: &'a Fleet, changes: &Changes, run: &'a Run, at: usize) -> Try<'a> {
    let (dag, instance) = (&fleet.dags[run.dag], &run.instances[at]);
    let task = &dag.tasks[usize::from(instance.task)];
    let renamed = changes.renamed_at(run.dag).is_some_and(|at| run.logical >= at);
    let ran = matches!(instance.end_as, End::Success | End::Failed) || instance.job != NULL;
    Try {
        dag_id: &dag.id,
        group: if renamed { GROUP } else { "" },
        task_id: &task.id,
        run_id: &run.run_id,
        logical: run.logical,
        map_index: i64::from(instance.index),
        start: instance.start,
        end: instance.end,
        duration: match (ran, task.kind) {
            (true, Kind::Empty) => 0,
            (true, _) if instance.end != NULL => instance.end - instance.start,
            _ => NULL,
        },
        state: instance.end_as.state(),
        number: i64::from(instance.tries),
        max_tries: i64::from(instance.max_tries),
        host: instance.host,
        pool: &fleet.pools[task.pool].name,
        queue: &fleet.queues[task.queue].name,
        weight: task.weight,
        operator: task.operator,
        queued: instance.queued,
        scheduled: instance.scheduled,
        updated: instance.end + 20_000 + (instance.random & 0x1_ffff) as i64,
        job: instance.job,
        random: instance.random,
        id: instance.id,
        version: dag.version,
    }
}
