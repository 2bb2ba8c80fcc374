//! Structs that are written and queried, and that analyses read back seldom or never; and attempts that are only borrowed.

use super::{
    batch::RowWriter,
    rows::{Loaded, Row, Stored},
    table::Table,
    tables,
};
use crate::model::{
    AttemptRef, AuditEvent, BenchRecord, Deadline, Job, LogEvent, Marker, MetricSample, TaskSpec, Volume,
};

impl Stored for AttemptRef<'_> {
    const TABLE: &'static Table = &tables::TASK_ATTEMPTS;

    fn write(&self, row: &mut RowWriter<'_>) {
        write_attempt(self, None, row);
    }
}

/// The columns of an attempt, owned or borrowed; a row that is new has no provenance.
pub(super) fn write_attempt(attempt: &AttemptRef<'_>, fills: Option<&str>, row: &mut RowWriter<'_>) {
    row.text(Some(attempt.dag_id));
    row.text(Some(attempt.run_id));
    row.text(Some(attempt.task_id));
    row.int32(Some(attempt.map_index));
    row.int32(attempt.try_number);
    row.text(attempt.state);
    row.text(attempt.operator);
    row.text(attempt.pool);
    row.int32(attempt.pool_slots);
    row.text(attempt.queue);
    row.int32(attempt.priority_weight);
    row.text(attempt.hostname);
    row.text(attempt.executor);
    row.int32(attempt.max_tries);
    row.time(attempt.scheduled_at);
    row.time(attempt.queued_at);
    row.time(attempt.started_at);
    row.time(attempt.ended_at);
    row.float(attempt.duration_s);
    row.time(attempt.updated_at);
    row.text(attempt.ti_id);
    row.text(Some(attempt.source.as_str()));
    row.text(fills);
}

impl Stored for TaskSpec {
    const TABLE: &'static Table = &tables::TASKS;

    fn write(&self, row: &mut RowWriter<'_>) {
        row.text(Some(&self.dag_id));
        row.text(Some(&self.task_id));
        row.text(Some(&self.version));
        row.text(self.operator.as_deref());
        row.text(self.pool.as_deref());
        row.int32(self.pool_slots);
        row.text(self.queue.as_deref());
        row.int32(self.priority_weight);
        row.int32(self.retries);
        row.text(self.trigger_rule.as_deref());
        row.bool(Some(self.mapped));
        row.revision();
    }
}

impl Stored for MetricSample {
    const TABLE: &'static Table = &tables::METRIC_SAMPLES;

    fn write(&self, row: &mut RowWriter<'_>) {
        row.text(Some(&self.metric));
        row.text(Some(&self.labels));
        row.time(Some(self.ts));
        row.float(Some(self.value));
        row.text(self.unit.as_deref());
        row.text(Some(self.kind.as_str()));
        row.text(Some(self.source));
    }
}

impl Stored for LogEvent {
    const TABLE: &'static Table = &tables::LOG_EVENTS;

    fn write(&self, row: &mut RowWriter<'_>) {
        row.text(Some(&self.source));
        row.int64(Some(self.line));
        row.text(self.dag_id.as_deref());
        row.text(self.run_id.as_deref());
        row.text(self.task_id.as_deref());
        row.int32(self.map_index);
        row.int32(self.try_number);
        row.time(self.ts);
        row.float(self.gap_s);
        row.text(self.level.as_deref());
        row.text(self.logger.as_deref());
        row.text(self.exception.as_deref());
        row.text(Some(&self.template));
        row.text(self.message.as_deref());
        row.int32(Some(self.lines));
    }
}

impl Stored for Marker {
    const TABLE: &'static Table = &tables::MARKERS;

    fn write(&self, row: &mut RowWriter<'_>) {
        row.time(Some(self.time));
        row.text(Some(&self.kind));
        row.text(Some(&self.text));
        row.text(self.dag_id.as_deref());
        row.text(self.reference.as_deref());
        row.time(self.ended_at);
    }
}

impl Loaded for Marker {
    fn from_row(row: &(impl Row + ?Sized)) -> Option<Self> {
        let text = |place: usize| row.text(place);
        Some(Self {
            time: row.time(0)?,
            kind: text(1)?,
            text: text(2)?,
            dag_id: text(3),
            reference: text(4),
            ended_at: row.time(5),
        })
    }
}

impl Stored for BenchRecord {
    const TABLE: &'static Table = &tables::BENCH_RECORDS;

    fn write(&self, row: &mut RowWriter<'_>) {
        row.time(Some(self.at));
        row.text(Some(&self.engine));
        row.text(Some(&self.workload));
        row.text(Some(&self.variant));
        row.text(Some(&self.side));
        row.int32(Some(self.round));
        row.float(Some(self.seconds));
        row.float(Some(self.cpu_seconds));
        row.int64(Some(self.items));
        row.int64(Some(self.peak_rss_bytes));
        row.text(Some(&self.host));
        row.float(self.p99_seconds);
    }
}

impl Loaded for BenchRecord {
    fn from_row(row: &(impl Row + ?Sized)) -> Option<Self> {
        let text = |place: usize| row.text(place);
        Some(Self {
            at: row.time(0)?,
            engine: text(1)?,
            workload: text(2)?,
            variant: text(3)?,
            side: text(4)?,
            round: row.i32(5)?,
            seconds: row.float(6)?,
            cpu_seconds: row.float(7)?,
            items: row.int(8)?,
            peak_rss_bytes: row.int(9)?,
            host: text(10)?,
            p99_seconds: row.float(11),
        })
    }
}

impl Stored for Volume {
    const TABLE: &'static Table = &tables::TASK_VOLUMES;

    fn write(&self, row: &mut RowWriter<'_>) {
        row.text(Some(&self.dag_id));
        row.text(Some(&self.run_id));
        row.text(Some(&self.task_id));
        row.int32(Some(self.map_index));
        row.int64(self.rows);
        row.int64(self.bytes);
        row.revision();
    }
}

impl Loaded for Volume {
    fn from_row(row: &(impl Row + ?Sized)) -> Option<Self> {
        let text = |place: usize| row.text(place);
        Some(Self {
            dag_id: text(0)?,
            run_id: text(1)?,
            task_id: text(2)?,
            map_index: row.i32(3)?,
            rows: row.int(4),
            bytes: row.int(5),
        })
    }
}

impl Stored for AuditEvent {
    const TABLE: &'static Table = &tables::AUDIT_EVENTS;

    fn write(&self, row: &mut RowWriter<'_>) {
        row.time(Some(self.time));
        row.int64(Some(self.id));
        row.text(Some(&self.event));
        row.text(self.dag_id.as_deref());
        row.text(self.run_id.as_deref());
        row.text(self.task_id.as_deref());
        row.int32(self.map_index);
        row.int32(self.try_number);
        row.text(self.owner.as_deref());
        row.text(self.extra.as_deref());
    }
}

impl Stored for Job {
    const TABLE: &'static Table = &tables::JOBS;

    fn write(&self, row: &mut RowWriter<'_>) {
        row.int64(Some(self.id));
        row.text(self.job_type.as_deref());
        row.text(self.state.as_deref());
        row.text(self.dag_id.as_deref());
        row.text(self.hostname.as_deref());
        row.time(self.started_at);
        row.time(self.ended_at);
        row.time(self.heartbeat_at);
    }
}

impl Stored for Deadline {
    const TABLE: &'static Table = &tables::DEADLINES;

    fn write(&self, row: &mut RowWriter<'_>) {
        row.text(Some(self.kind));
        row.text(Some(&self.id));
        row.text(self.dag_id.as_deref());
        row.text(self.task_id.as_deref());
        row.text(self.run_id.as_deref());
        row.time(self.logical_date);
        row.time(self.due_at);
        row.time(self.missed_at);
        row.bool(self.missed);
    }
}

impl Loaded for Deadline {
    fn from_row(row: &(impl Row + ?Sized)) -> Option<Self> {
        let text = |place: usize| row.text(place);
        Some(Self {
            kind: if text(0).as_deref() == Some("sla_miss") { "sla_miss" } else { "deadline" },
            id: text(1)?,
            dag_id: text(2),
            task_id: text(3),
            run_id: text(4),
            logical_date: row.time(5),
            due_at: row.time(6),
            missed_at: row.time(7),
            missed: row.bool(8),
        })
    }
}
