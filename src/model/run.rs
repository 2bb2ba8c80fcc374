//! One run of a DAG.

use super::{Month, SourceKind, Text, Timestamp};

/// One run of a DAG.
#[derive(Clone, Debug, PartialEq)]
pub struct DagRun {
    /// DAG.
    pub dag_id: Text,
    /// Identity within the DAG.
    pub run_id: Text,
    /// What started it.
    pub run_type: RunType,
    /// State.
    pub state: Option<RunState>,
    /// Date the run is about; absent for runs that Airflow 3 starts without one.
    pub logical_date: Option<Timestamp>,
    /// Earliest start (Airflow 3).
    pub run_after: Option<Timestamp>,
    /// When it was queued.
    pub queued_at: Option<Timestamp>,
    /// When it started; a clear resets it.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Last write to the row.
    pub updated_at: Option<Timestamp>,
    /// Kind of source that gave the row.
    pub source: SourceKind,
    /// Provenance of fields that another source filled.
    pub fills: Option<Text>,
}

impl DagRun {
    /// A run of which nothing but its identity is known.
    pub fn known_by(dag_id: Text, run_id: Text, source: SourceKind) -> Self {
        Self {
            run_type: RunType::from_run_id(&run_id),
            dag_id,
            run_id,
            state: None,
            logical_date: None,
            run_after: None,
            queued_at: None,
            started_at: None,
            ended_at: None,
            updated_at: None,
            source,
            fills: None,
        }
    }

    /// Seconds from start to end. `None` while it runs, and for runs of `airflow dags test`, whose start is the logical
    /// date, months before anything happened.
    pub fn duration_s(&self) -> Option<f64> {
        let (start, end) = (self.started_at?, self.ended_at?);
        let is_test = self.run_type == RunType::Manual && self.logical_date == Some(start) && self.queued_at.is_none();
        (!is_test && end >= start).then(|| end.seconds_since(start))
    }

    /// The instant the run is about: logical date, else the earliest start, else when it was queued or started.
    pub fn about(&self) -> Option<Timestamp> {
        self.logical_date.or(self.run_after).or(self.queued_at).or(self.started_at)
    }
}

/// The month that a run id names, as in `scheduled__2026-08-22T02:00:00+00:00`.
pub fn month_in_run_id(run_id: &str) -> Option<Month> {
    let bytes = run_id.as_bytes();
    (0..bytes.len().saturating_sub(10)).find_map(|at| {
        let date = bytes.get(at..at + 11)?;
        let digits = |r: std::ops::Range<usize>| date[r].iter().all(u8::is_ascii_digit);
        let shape =
            digits(0..4) && date[4] == b'-' && digits(5..7) && date[7] == b'-' && digits(8..10) && date[10] == b'T';
        let starts_a_word = at == 0 || !bytes[at - 1].is_ascii_digit();
        (shape && starts_a_word).then(|| Month::parse(std::str::from_utf8(&date[..7]).ok()?)).flatten()
    })
}

/// What started a run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RunType {
    /// The schedule.
    Scheduled,
    /// A person or an API call.
    Manual,
    /// A backfill.
    Backfill,
    /// A dataset or an asset.
    Asset,
    /// Any other text that Airflow wrote.
    Other(Text),
}

impl RunType {
    /// Reads the `run_type` column.
    pub fn parse(text: &str) -> Self {
        match text {
            "scheduled" => Self::Scheduled,
            "manual" => Self::Manual,
            "backfill" | "backfill_job" => Self::Backfill,
            "dataset_triggered" | "asset_triggered" | "asset_materialization" => Self::Asset,
            other => Self::Other(other.into()),
        }
    }

    /// Airflow 1.10 has no `run_type`: its run ids begin with it. Anything else was named by a person.
    pub fn from_run_id(run_id: &str) -> Self {
        let prefixes = [
            ("scheduled__", Self::Scheduled),
            ("backfill_", Self::Backfill),
            ("dataset_triggered__", Self::Asset),
            ("asset_triggered__", Self::Asset),
        ];
        let hit = prefixes.into_iter().find(|(prefix, _)| run_id.starts_with(prefix));
        hit.map_or(Self::Manual, |(_, run_type)| run_type)
    }

    /// Our text, the same for datasets (2.x) and assets (3.x).
    pub fn as_str(&self) -> &str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Manual => "manual",
            Self::Backfill => "backfill",
            Self::Asset => "asset_triggered",
            Self::Other(text) => text,
        }
    }
}

/// State of a run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RunState {
    /// Waits for `max_active_runs`.
    Queued,
    /// Runs.
    Running,
    /// Ended well.
    Success,
    /// Ended badly.
    Failed,
    /// Any other text that Airflow wrote.
    Other(Text),
}

impl RunState {
    /// Reads Airflow's text.
    pub fn parse(text: &str) -> Self {
        match text {
            "queued" => Self::Queued,
            "running" => Self::Running,
            "success" => Self::Success,
            "failed" => Self::Failed,
            other => Self::Other(other.into()),
        }
    }

    /// Airflow's text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Other(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_ids_name_their_month() {
        for (id, month) in [
            ("scheduled__2026-08-22T02:00:00+00:00", Some("2026-08")),
            ("backfill_2026-09-22T02:00:00+00:00", Some("2026-09")),
            ("asset_triggered__2026-11-24T11:57:24.550569+00:00_Q5CZ3qda", Some("2026-11")),
            ("r1", None),
            ("order-2026-08-22", None),
            ("x12026-08-22T02", None),
            ("2026-99-22T02", None),
            ("ü2026-08-22T", Some("2026-08")),
            ("", None),
        ] {
            assert_eq!(month_in_run_id(id).map(|m| m.to_string()).as_deref(), month, "{id}");
        }
    }
}
