//! The tables of Airflow's metadata database, told by their columns.

/// Tables of Airflow's metadata database that history lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Table {
    // In the order in which they are read: runs give ids to attempts, pokes wait for their attempts.
    DagRun,
    TaskReschedule,
    TaskInstanceHistory,
    TaskInstance,
    TaskFail,
    SlotPool,
    Dag,
    DagTag,
    SerializedDag,
    Job,
    Log,
    SlaMiss,
    Deadline,
    DagVersion,
    /// None of Airflow's: how much each task instance handled.
    Volume,
    /// Known, and of no use yet.
    Other(&'static str),
}

/// Tables whose rows are kept.
pub(super) const KEPT: [Table; 14] = [
    Table::TaskInstance,
    Table::TaskInstanceHistory,
    Table::DagRun,
    Table::TaskFail,
    Table::TaskReschedule,
    Table::SlotPool,
    Table::Dag,
    Table::DagTag,
    Table::SerializedDag,
    Table::Job,
    Table::Log,
    Table::SlaMiss,
    Table::Deadline,
    Table::DagVersion,
];

impl Table {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::DagRun => "dag_run",
            Self::TaskReschedule => "task_reschedule",
            Self::TaskInstanceHistory => "task_instance_history",
            Self::TaskInstance => "task_instance",
            Self::TaskFail => "task_fail",
            Self::SlotPool => "slot_pool",
            Self::Dag => "dag",
            Self::DagTag => "dag_tag",
            Self::SerializedDag => "serialized_dag",
            Self::Job => "job",
            Self::Log => "log",
            Self::SlaMiss => "sla_miss",
            Self::Deadline => "deadline",
            Self::DagVersion => "dag_version",
            Self::Volume => "volume",
            Self::Other(name) => name,
        }
    }

    /// The table of that name, among those that JSON is mapped to.
    pub(super) fn named(name: &str) -> Self {
        match name {
            "dag_run" => Self::DagRun,
            "task_instance_history" => Self::TaskInstanceHistory,
            "slot_pool" => Self::SlotPool,
            "dag" => Self::Dag,
            "dag_tag" => Self::DagTag,
            _ => Self::TaskInstance,
        }
    }

    /// Table of the lake its rows go to.
    pub(super) fn home(self) -> Option<&'static str> {
        Some(match self {
            Self::DagRun => "dag_runs",
            Self::TaskReschedule => "reschedules",
            Self::TaskInstanceHistory | Self::TaskInstance | Self::TaskFail => "task_attempts",
            Self::SlotPool => "pools",
            Self::Dag => "dags",
            Self::DagTag => "dag_tags",
            Self::SerializedDag => "task_edges",
            Self::Job => "jobs",
            Self::Log => "audit_events",
            Self::SlaMiss | Self::Deadline => "deadlines",
            Self::DagVersion => "markers",
            Self::Volume => "task_volumes",
            Self::Other(_) => return None,
        })
    }
}

/// The table that has these columns.
pub(super) fn table_of(header: &[String]) -> Option<Table> {
    let has = |names: &[&str]| names.iter().all(|name| header.iter().any(|column| column == name));
    let run_key = has(&["run_id"]) || has(&["execution_date"]);
    let attempt = has(&["dag_id", "task_id", "start_date", "end_date"]) && run_key;
    if attempt && has(&["state", "try_number"]) {
        let past = has(&["task_instance_id"]) || has(&["id", "job_id"]);
        return Some(if past { Table::TaskInstanceHistory } else { Table::TaskInstance });
    }
    let tables: [(&[&str], Table); 22] = [
        (&["dag_id", "run_id", "state", "start_date", "end_date"], Table::DagRun),
        (&["reschedule_date", "start_date"], Table::TaskReschedule),
        (&["pool", "slots"], Table::SlotPool),
        (&["dag_id", "fileloc", "owners", "is_paused"], Table::Dag),
        (&["dag_id", "dag_hash", "data"], Table::SerializedDag),
        (&["dttm", "event", "owner"], Table::Log),
        (&["job_type", "latest_heartbeat"], Table::Job),
        (&["dag_id", "task_id", "email_sent", "timestamp"], Table::SlaMiss),
        (&["deadline_time"], Table::Deadline),
        (&["key", "value", "dag_id", "task_id"], Table::Other("xcom")),
        (&["dataset_id", "source_dag_id"], Table::Other("dataset_event")),
        (&["asset_id", "source_dag_id"], Table::Other("asset_event")),
        (&["classpath", "kwargs"], Table::Other("trigger")),
        (&["dag_id", "version_number"], Table::DagVersion),
        (&["callback_def"], Table::Other("deadline_alert")),
        (&["fetch_method"], Table::Other("callback")),
        (&["rendered_fields"], Table::Other("rendered_task_instance_fields")),
        (&["fileloc", "source_code"], Table::Other("dag_code")),
        (&["filename", "stacktrace"], Table::Other("import_error")),
        (&["backfill_id", "dag_run_id"], Table::Other("backfill_dag_run")),
        (&["elasticsearch_id"], Table::Other("log_template")),
        (&["conn_id", "conn_type"], Table::Other("connection")),
    ];
    if attempt && has(&["duration", "id"]) && !has(&["reschedule_date"]) {
        return Some(Table::TaskFail);
    }
    let is_tag = has(&["name", "dag_id"]) && header.len() <= 3;
    let hit = tables.into_iter().find(|(names, _)| has(names)).map(|(_, table)| table);
    let is_volume = has(&["dag_id", "task_id", "run_id"]) && (has(&["rows"]) || has(&["bytes"]));
    hit.or(is_tag.then_some(Table::DagTag)).or(is_volume.then_some(Table::Volume))
}
