//! Timers of sources that were counted by others on the way (exporters, Telegraf): checked against the durations of the
//! database, and put right where they are wrong by a thousand.
//!
//! An exporter takes StatsD's `|ms` for milliseconds. Where Airflow sent seconds, its numbers are a thousandth of the truth.

use super::{
    super::{
        reading::Fault,
        sink::{Halt, Sink},
    },
    Format, Hints, Open, Stop, names, read_as_is,
    timers::{Check, Durations, TimerUnit, Verdict, warning},
};
use crate::model::{MetricKind, MetricSample, Row};
use serde_json::Value;

/// Rows that are looked at.
const SAMPLE_ROWS: u64 = 50_000;

/// Reads a source; where durations are known, after a look at its first rows.
pub(super) fn read(format: Format, open: Open<'_>, hints: &Hints<'_>, sink: &mut dyn Sink) -> Result<(), Stop> {
    if hints.timer_unit != TimerUnit::Auto || hints.durations.is_empty() {
        return read_as_is(format, open, hints, sink);
    }
    let mut probe = Probe { check: Check::default(), rows: 0 };
    match read_as_is(format, open, hints, &mut probe) {
        Ok(()) | Err(Stop::Halt) => {}
        Err(stop) => return Err(stop),
    }
    match judged(probe.check, hints.durations, sink) {
        1.0 => read_as_is(format, open, hints, sink),
        factor => read_as_is(format, open, hints, &mut Mended { factor, sink }),
    }
}

/// What timers are to be divided by.
fn judged(check: Check, durations: &Durations, sink: &mut dyn Sink) -> f64 {
    let verdict = check.verdict(durations);
    if let Some(text) = warning(verdict, "state the unit of timers to silence this") {
        sink.warn(text);
    }
    if let Verdict::Wrong { factor, .. } = verdict { factor } else { 1.0 }
}

/// Collects durations of tasks and keeps nothing else.
struct Probe {
    check: Check,
    rows: u64,
}

impl Probe {
    fn look(&mut self, row: &Row) -> Result<(), Halt> {
        self.rows += 1;
        if let Row::Metric(sample) = row
            && sample.metric.ends_with("task_duration")
        {
            self.duration(sample);
        }
        if self.rows >= SAMPLE_ROWS || self.check.is_enough() { Err(Halt) } else { Ok(()) }
    }

    fn duration(&mut self, sample: &MetricSample) {
        let Ok(labels) = serde_json::from_str::<Value>(&sample.labels) else { return };
        let label = |name: &str| labels.get(name).and_then(Value::as_str);
        let middle = sample.kind != MetricKind::Summary || label("quantile") == Some("0.5");
        if let (Some(dag_id), Some(task_id), true) = (label("dag_id"), label("task_id"), middle) {
            self.check.add(dag_id, task_id, sample.value);
        }
    }
}

impl Sink for Probe {
    fn row(&mut self, row: Row) -> Result<(), Halt> {
        self.look(&row)
    }

    fn implied(&mut self, row: Row) -> Result<(), Halt> {
        self.look(&row)
    }

    fn ignored(&mut self, _: &str) -> Result<(), Halt> {
        Ok(())
    }

    fn rejected(&mut self, _: Option<u64>, _: &Fault) -> Result<(), Halt> {
        Ok(())
    }

    fn warn(&mut self, _: String) {}
}

/// Hands rows on with their timers divided by a factor.
struct Mended<'s> {
    factor: f64,
    sink: &'s mut dyn Sink,
}

impl Mended<'_> {
    fn mend(&self, mut row: Row) -> Row {
        if let Row::Metric(sample) = &mut row
            && sample.unit.as_deref() == Some("seconds")
            && names::is_timer(&sample.metric)
        {
            sample.value /= self.factor;
        }
        row
    }
}

impl Sink for Mended<'_> {
    fn row(&mut self, row: Row) -> Result<(), Halt> {
        let row = self.mend(row);
        self.sink.row(row)
    }

    fn implied(&mut self, row: Row) -> Result<(), Halt> {
        let row = self.mend(row);
        self.sink.implied(row)
    }

    fn ignored(&mut self, reason: &str) -> Result<(), Halt> {
        self.sink.ignored(reason)
    }

    fn rejected(&mut self, line: Option<u64>, fault: &Fault) -> Result<(), Halt> {
        self.sink.rejected(line, fault)
    }

    fn warn(&mut self, text: String) {
        self.sink.warn(text);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        Format,
        whole_tests::{told, told_with},
    };
    use super::Durations;

    /// An exporter that took Airflow's seconds for milliseconds.
    fn exposition() -> String {
        let mut text = "# TYPE airflow_task_duration summary\n".to_owned();
        for n in 0..6 {
            text += &format!(
                "airflow_task_duration{{dag_id=\"d\",task_id=\"t{n}\",quantile=\"0.5\"}} 0.002 1795520026000\n"
            );
        }
        text + "airflow_pool_open_slots 3 1795520026000\n"
    }

    #[test]
    fn timers_that_are_a_thousandth_are_mended_and_said() {
        let mut durations = Durations::default();
        for n in 0..6 {
            durations.insert(&"d".into(), &format!("t{n}").into(), 2.1);
        }
        let got = told_with(Format::Exposition, "x", exposition().as_bytes(), &durations);
        assert!(got.rows[0].contains("\"t0\"} 2 seconds summary"), "{}", got.rows[0]);
        assert!(got.rows[6].contains("airflow_pool_open_slots{} 3 "), "{}", got.rows[6]);
        assert!(got.warnings[0].starts_with("timers are 9.524e-4 times"), "{}", got.warnings[0]);
        let plain = told(Format::Exposition, "x", exposition().as_bytes());
        assert!(plain.rows[0].contains("\"t0\"} 0.002 seconds summary"), "{}", plain.rows[0]);
        assert!(plain.warnings.is_empty());
    }
}
