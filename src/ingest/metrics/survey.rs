//! A first look at a StatsD capture: who sent it, and what its timers count.

use super::{
    super::sink::Sink,
    Hints,
    labels::Labels,
    lines::Lines,
    number,
    statsd::resolve,
    statsd_line,
    timers::{Check, Dialect, TimerScale, TimerUnit, Verdict, warning},
};
use std::io::BufRead;

/// Bytes that are looked at where durations are known, else a sixteenth of it.
const SAMPLE_BYTES: u64 = 4 << 20;

/// Metrics that only Airflow 3 sends.
const SINCE_3: [&str; 7] = [
    "airflow.scheduler.dag_bag.",
    "airflow.scheduler.executor_heartbeat_duration",
    "airflow.deadline_alerts.",
    "airflow.asset.",
    "airflow.connection_test.",
    "airflow.api_server.",
    "airflow.dagrun.first_task_start_delay",
];

/// The factor from timers to seconds, with a warning where it had to be guessed or corrected.
pub(super) fn survey(input: Box<dyn BufRead>, hints: &Hints<'_>, sink: &mut dyn Sink) -> TimerScale {
    let check = hints.timer_unit == TimerUnit::Auto && !hints.durations.is_empty();
    let seen = look(input, hints, if check { SAMPLE_BYTES } else { SAMPLE_BYTES / 16 });
    let major = hints.airflow_major.or(seen.airflow_3.then_some(3));
    let mut scale = TimerScale::new(hints.timer_unit, seen.dialect, major);
    let mut known = Check::default();
    for (dag_id, task_id, value) in seen.durations.iter().filter(|_| check) {
        known.add(dag_id, task_id, value * scale.common);
    }
    let verdict = known.verdict(hints.durations);
    if let Verdict::Wrong { factor, .. } = verdict {
        scale.common /= factor;
    }
    let guessed = seen.tagged_timers && hints.timer_unit == TimerUnit::Auto && verdict == Verdict::Unknown;
    if guessed && major.is_none() {
        let text =
            "timers with Datadog's tags are read as seconds, as Airflow before 3.0 sends them; state the unit if not";
        sink.warn(text.to_owned());
    }
    if let Some(text) = warning(verdict, "state the unit of timers to silence this") {
        sink.warn(text);
    }
    scale
}

#[derive(Default)]
struct Seen {
    dialect: Dialect,
    airflow_3: bool,
    /// Are there timers with Datadog's tags?
    tagged_timers: bool,
    /// Values of `task.duration`, as they are written.
    durations: Vec<(String, String, f64)>,
}

fn look(input: Box<dyn BufRead>, hints: &Hints<'_>, most: u64) -> Seen {
    let mut lines = Lines::new(input);
    let mut seen = Seen::default();
    while lines.bytes() < most && seen.durations.len() < 2_000 {
        let Some((_, line)) = lines.next() else { break };
        let Ok(line) = line else { continue };
        let (_, rest) = statsd_line::received(line);
        let Some(metric) = statsd_line::parse(rest) else { continue };
        let Ok(name) = std::str::from_utf8(metric.name) else { continue };
        if metric.tags.is_some() {
            seen.dialect = Dialect::Datadog;
            seen.tagged_timers |= metric.kind == b"ms";
        } else if name.contains(',') && seen.dialect == Dialect::Plain {
            seen.dialect = Dialect::Influx;
        }
        seen.airflow_3 |= SINCE_3.iter().any(|known| name.starts_with(known));
        if metric.kind != b"ms" || !name.contains("duration") {
            continue;
        }
        let mut labels = Labels::default();
        let Ok((resolved, _)) = resolve(&metric, &mut labels, hints.ids) else { continue };
        let (Some(dag_id), Some(task_id)) = (labels.get("dag_id"), labels.get("task_id")) else { continue };
        if let Some(value) = number::float(metric.values).filter(|_| resolved.metric.ends_with("airflow.task.duration"))
        {
            seen.durations.push((dag_id.to_owned(), task_id.to_owned(), value));
        }
    }
    seen
}
