//! What a reader tells, and what all of it promises.

pub(super) use crate::ingest::sink::Collected as Told;
use crate::model::{LogEvent, Marker, MetricSample, Row};
use std::collections::BTreeMap;

impl Told {
    /// Rows of the source.
    pub(super) fn counted(&self) -> usize {
        self.rows.len() + self.ignored.len() + self.faults.len()
    }

    pub(super) fn keeps_its_promises(&self) {
        self.rows.iter().chain(&self.implied).for_each(check);
        for text in self.faults.iter().map(|(_, fault)| fault.text()).chain(self.ignored.iter().cloned()) {
            assert!(!text.contains(char::is_control), "a person reads it: {text:?}");
            assert!(text.len() < 4_096, "too long to read: {text:?}");
        }
    }
}

/// Longest id.
const MAX_ID: usize = 1_000;

fn check(row: &Row) {
    let id = |id: &str| assert!(!id.is_empty() && id.len() <= MAX_ID, "an id: {row:?}");
    match row {
        Row::Attempt(attempt) => {
            [&attempt.dag_id, &attempt.run_id, &attempt.task_id].into_iter().for_each(|text| id(text));
            assert!(attempt.map_index >= -1 && attempt.duration_s.is_none_or(f64::is_finite), "{row:?}");
        }
        Row::Run(run) => [&run.dag_id, &run.run_id].into_iter().for_each(|text| id(text)),
        Row::Edge(edge) => [&edge.upstream, &edge.downstream].into_iter().for_each(|text| id(text)),
        Row::Metric(sample) => metric(sample),
        Row::Log(event) => log(event),
        Row::Marker(marker) => mark(marker),
        Row::Audit(event) => assert!(length(event.extra.as_deref()) <= 2_001, "{row:?}"),
        Row::Dag(dag) => id(&dag.dag_id),
        Row::Pool(pool) => id(&pool.pool),
        Row::Task(task) => id(&task.task_id),
        Row::DagTag(tag) => id(&tag.dag_id),
        Row::Volume(volume) => id(&volume.task_id),
        Row::Reschedule(_) | Row::RescheduleById { .. } | Row::Job(_) | Row::Deadline(_) | Row::Bench(_) => {}
    }
}

/// Microseconds of the last instant that can be written.
const LAST: i64 = 253_402_207_200_999_999;

fn metric(sample: &MetricSample) {
    assert!(sample.value.is_finite() && !sample.metric.is_empty(), "{sample:?}");
    assert!((0..=LAST).contains(&sample.ts.micros()), "{sample:?}");
    let labels: BTreeMap<String, String> = serde_json::from_str(&sample.labels).expect("an object of texts");
    let again = serde_json::to_string(&labels).expect("texts");
    assert!(again.len() <= 32_768 && labels.values().all(|value| !value.is_empty()), "{sample:?}");
    let keys = |text: &str| text.matches("\":\"").count();
    assert_eq!(keys(&again), keys(&sample.labels), "a key stands twice");
}

fn log(event: &LogEvent) {
    assert!(event.line >= 1 && event.lines >= 1 && event.gap_s.is_none_or(f64::is_finite), "{event:?}");
    assert!(length(event.message.as_deref()) <= 500 && event.template.len() <= 4_096, "{event:?}");
    let texts = [Some(&event.template), event.message.as_ref(), event.exception.as_ref()];
    assert!(texts.into_iter().flatten().all(|text| !text.contains('\n')), "{event:?}");
}

fn mark(marker: &Marker) {
    assert!(!marker.kind.is_empty() && !marker.text.is_empty() && length(Some(&marker.text)) <= 301, "{marker:?}");
    assert!(!marker.text.contains('\n') && marker.ended_at.is_none_or(|end| end >= marker.time), "{marker:?}");
}

fn length(text: Option<&str>) -> usize {
    text.map_or(0, |text| text.chars().count())
}
