//! A capture of the StatsD lines that Airflow sends: receive time, then `name:value|type`, with the names and the traps of
//! each version.

use super::{
    clock::unix,
    entry::{Ran, Try},
    files::Files,
    fleet::Dag,
    options::{Airflow, DAY, Plan},
    rows::{Lines, NULL},
    run::bits,
};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    fmt::Arguments,
    io::{self, Write},
};

/// Between two rounds of gauges.
const GAUGES_EVERY: i64 = 60_000_000;
/// Lines of one packet arrive so many microseconds apart.
const APART: i64 = 11;
/// States for which 2.10 sends a zero at each start.
const ZEROS: [&str; 14] = [
    "None",
    "removed",
    "scheduled",
    "queued",
    "running",
    "success",
    "restarting",
    "failed",
    "up_for_retry",
    "up_for_reschedule",
    "upstream_failed",
    "skipped",
    "deferred",
    "shutdown",
];

/// What the capture holds, for the ground truth.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Captured {
    pub(super) lines: u64,
    /// Tries whose end falls in the capture, by how they ended.
    pub(super) successes: u64,
    pub(super) failures: u64,
    pub(super) pokes: u64,
    /// Lines of `dag.<dag>.<task>.duration`, and the sum of their values in microseconds; the twins are not counted.
    pub(super) durations: u64,
    pub(super) duration: i128,
    /// Runs whose end falls in it.
    pub(super) runs: u64,
}

/// Lines that arrive together, without their times.
type Packet = (i64, u64, Vec<u8>);

/// The capture under way.
pub(super) struct Statsd {
    airflow: Airflow,
    from: i64,
    until: i64,
    lines: Lines,
    /// Starts are known before they happen.
    ahead: BinaryHeap<Reverse<Packet>>,
    order: u64,
    last: i64,
    pub(super) captured: Captured,
}

impl Statsd {
    /// `None` where no day is to be captured.
    pub(super) fn create(files: &mut dyn Files, plan: &Plan) -> io::Result<Option<Self>> {
        if plan.options.statsd_days == 0 {
            return Ok(None);
        }
        let from = plan.end - DAY * i64::from(plan.options.statsd_days.min(plan.days));
        Ok(Some(Self {
            airflow: plan.options.airflow,
            from,
            until: plan.end,
            lines: Lines::create(files, "statsd.txt", "")?,
            ahead: BinaryHeap::new(),
            order: 0,
            last: i64::MIN,
            captured: Captured::default(),
        }))
    }

    pub(super) fn from(&self) -> i64 {
        self.from
    }

    fn captures(&self, at: i64) -> bool {
        (self.from..self.until).contains(&at)
    }

    fn send(&mut self, at: i64, packet: Vec<u8>) {
        if self.captures(at) {
            self.order += 1;
            self.ahead.push(Reverse((at, self.order, packet)));
        }
    }

    /// Writes what has arrived by now.
    pub(super) fn advance(&mut self, now: i64) -> io::Result<()> {
        while self.ahead.peek().is_some_and(|Reverse((at, ..))| *at <= now) {
            let Some(Reverse((at, _, packet))) = self.ahead.pop() else { break };
            for line in packet.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                self.last = at.max(self.last + APART);
                unix(&mut self.lines.buffer, self.last);
                self.lines.buffer.extend_from_slice(b" airflow.");
                self.lines.buffer.extend_from_slice(line);
                self.lines.end()?;
                self.captured.lines += 1;
            }
        }
        Ok(())
    }

    pub(super) fn finish(&mut self) -> io::Result<(u64, u64)> {
        self.advance(i64::MAX)?;
        self.lines.finish()?;
        Ok((self.lines.rows, self.lines.bytes))
    }

    /// From 2.7 on each metric has a twin whose labels plain StatsD drops.
    fn twins(&self) -> bool {
        self.airflow != Airflow::V1_10
    }

    /// `dag.task` as names have it: Airflow 3 writes the dots of a task id as `__`.
    fn name(&self, row: &Try<'_>) -> String {
        let task = format!("{}{}", row.group, row.task_id);
        let task = if self.airflow == Airflow::V3_3 { task.replace('.', "__") } else { task };
        format!("{}.{task}", row.dag_id)
    }

    pub(super) fn run_created(&mut self, dag: &Dag, alive: u64, start: i64, due: i64) {
        if !self.captures(start) {
            return;
        }
        let mut created: BTreeMap<&str, u32> = BTreeMap::new();
        for task in bits(alive) {
            *created.entry(dag.tasks[task].operator).or_default() += u32::from(dag.tasks[task].mapped.max(1));
        }
        let mut packet = Vec::new();
        let joint = if self.airflow == Airflow::V1_10 { '-' } else { '_' };
        for (operator, count) in created {
            line(&mut packet, format_args!("task_instance_created{joint}{operator}:{count}|c"));
            if self.twins() {
                line(&mut packet, format_args!("task_instance_created:{count}|c"));
            }
        }
        self.timer(&mut packet, "dagrun.schedule_delay", &dag.id, start - due);
        self.timer(&mut packet, "dagrun.dependency-check", &dag.id, 9_000 + start % 31_007);
        self.send(start, packet);
    }

    /// `<name>.<dag>` and its twin.
    fn timer(&self, packet: &mut Vec<u8>, name: &str, dag_id: &str, micros: i64) {
        let value = Millis(micros);
        line(packet, format_args!("{name}.{dag_id}:{value}|ms"));
        if self.twins() {
            line(packet, format_args!("{name}:{value}|ms"));
        }
    }

    pub(super) fn started(&mut self, row: &Try<'_>, start: i64) {
        if !self.captures(start) || self.airflow == Airflow::V1_10 {
            return;
        }
        let (name, mut packet) = (self.name(row), Vec::new());
        let (what, wait) = match self.airflow {
            Airflow::V3_3 => ("scheduled_duration", row.queued - row.scheduled),
            _ => ("queued_duration", start - row.queued),
        };
        for prefix in [format!("dag.{name}"), "task".to_owned()] {
            line(&mut packet, format_args!("{prefix}.{what}:{}|ms", Millis(wait)));
        }
        line(&mut packet, format_args!("ti.start.{name}:1|c"));
        line(&mut packet, format_args!("ti.start:1|c"));
        if self.airflow == Airflow::V2_10 {
            for state in ZEROS {
                line(&mut packet, format_args!("ti.finish.{name}.{state}:0|c"));
                line(&mut packet, format_args!("ti.finish:0|c"));
            }
        }
        self.send(start, packet);
    }

    /// A process ended in this state: `up_for_retry` and `up_for_reschedule` are states too.
    pub(super) fn ended(&mut self, row: &Try<'_>, state: &str) {
        if !self.captures(row.end) {
            return;
        }
        let (name, mut packet) = (self.name(row), Vec::new());
        let twins = self.twins();
        if twins {
            line(&mut packet, format_args!("ti.finish.{name}.{state}:1|c"));
            line(&mut packet, format_args!("ti.finish:1|c"));
        }
        // The database's duration holds the process around it too.
        let duration = (row.end - row.start - 100_000 - (row.random & 0x3_ffff) as i64).max(1_000);
        line(&mut packet, format_args!("dag.{name}.duration:{}|ms", Millis(duration)));
        if twins {
            line(&mut packet, format_args!("task.duration:{}|ms", Millis(duration)));
        }
        self.captured.durations += 1;
        self.captured.duration += i128::from(duration);
        let word = match state {
            "success" => "successes",
            "up_for_reschedule" => "",
            _ => "failures",
        };
        if word.is_empty() {
            self.captured.pokes += 1;
        } else {
            line(&mut packet, format_args!("operator_{word}_{}:1|c", row.operator));
            if twins {
                line(&mut packet, format_args!("operator_{word}:1|c"));
            }
            line(&mut packet, format_args!("ti_{word}:1|c"));
            let count = if word == "successes" { &mut self.captured.successes } else { &mut self.captured.failures };
            *count += 1;
        }
        if self.airflow == Airflow::V2_10 {
            let code = i32::from(word == "failures");
            line(&mut packet, format_args!("local_task_job.task_exit.{}.{name}.{code}:1|c", row.job));
            line(&mut packet, format_args!("local_task_job.task_exit:1|c"));
        }
        self.send(row.end, packet);
    }

    pub(super) fn run_over(&mut self, run: &Ran<'_>, first_start: i64) {
        if !self.captures(run.end) {
            return;
        }
        let mut packet = Vec::new();
        let (dag_id, name) = (run.dag_id, "first_task_scheduling_delay");
        if first_start != NULL {
            let delay = Millis(first_start - run.interval.1);
            line(&mut packet, format_args!("dagrun.{dag_id}.{name}:{delay}|ms"));
            if self.twins() {
                line(&mut packet, format_args!("dagrun.{name}:{delay}|ms"));
            }
        }
        self.timer(&mut packet, &format!("dagrun.duration.{}", run.state), dag_id, run.end - run.start);
        self.captured.runs += 1;
        self.send(run.end, packet);
    }

    /// A round of gauges of pools: name, slots, slots used, tasks waiting.
    pub(super) fn pools<'a>(&mut self, now: i64, pools: impl Iterator<Item = (&'a str, i32, i32, usize)>) {
        let mut packet = Vec::new();
        for (name, slots, used, waiting) in pools {
            let gauges: &[(&str, i64)] = match self.airflow {
                Airflow::V1_10 => &[
                    ("starving_tasks", waiting as i64),
                    ("open_slots", i64::from(slots - used)),
                    ("used_slots", i64::from(used)),
                ],
                _ => &[
                    ("open_slots", i64::from(slots - used)),
                    ("queued_slots", 0),
                    ("running_slots", i64::from(used)),
                    ("deferred_slots", 0),
                    ("scheduled_slots", waiting as i64),
                ],
            };
            for (gauge, value) in gauges {
                line(&mut packet, format_args!("pool.{gauge}.{name}:{value}|g"));
                if self.twins() {
                    line(&mut packet, format_args!("pool.{gauge}:{value}|g"));
                }
            }
        }
        self.send(now, packet);
    }

    /// A round of the other gauges: slots, slots used, tasks that wait for a worker.
    pub(super) fn executor(&mut self, now: i64, (slots, used, waiting): (i32, i32, usize)) {
        let mut packet = Vec::new();
        line(&mut packet, format_args!("scheduler_heartbeat:1|c"));
        for (name, value) in [("open_slots", slots - used), ("queued_tasks", waiting as i32), ("running_tasks", used)] {
            if self.airflow == Airflow::V3_3 {
                line(&mut packet, format_args!("executor.{name}.CeleryExecutor:{value}|g"));
            }
            line(&mut packet, format_args!("executor.{name}:{value}|g"));
        }
        self.send(now, packet);
    }

    pub(super) fn next_gauges(&self, now: i64) -> Option<i64> {
        (now + GAUGES_EVERY < self.until).then_some(now + GAUGES_EVERY)
    }
}

/// Writes to a `Vec` cannot fail.
fn line(packet: &mut Vec<u8>, text: Arguments<'_>) {
    let _ = packet.write_fmt(text);
    packet.push(b'\n');
}

/// Microseconds as milliseconds with six digits, as the client writes floats.
struct Millis(i64);

impl std::fmt::Display for Millis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let micros = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:03}000", micros / 1000, micros % 1000)
    }
}

impl Captured {
    /// Sum of the durations as the values have it, in milliseconds.
    pub(super) fn duration_ms(&self) -> String {
        format!("{}.{:03}", self.duration / 1000, self.duration % 1000)
    }
}
