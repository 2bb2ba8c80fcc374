//! The objects of Airflow's REST API and commands that are read: from which keys, and under which names of the metadata
//! database, so that a row reads the same whether it was exported or asked for.
//!
//! Sources: Airflow's OpenAPI documents of the stable API v1 (2.x) and of v2 (3.x).

/// What a list of objects is about, in the order in which inputs are to be read: runs give ids to attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::ingest) enum Family {
    /// `dagRuns`, `airflow dags list-runs`.
    DagRuns,
    /// `taskInstances`, `tries`, `airflow tasks states-for-dag-run`.
    TaskInstances,
    /// `dags`, `airflow dags list`.
    Dags,
    /// `pools`, `airflow pools list`.
    Pools,
    /// `eventLogs`.
    EventLogs,
    /// `jobs` (3.x).
    Jobs,
    /// `dagVersions` (3.x).
    DagVersions,
    /// `dags/{id}/tasks`.
    Tasks,
    /// A list that is known and not kept, by its key.
    Other(&'static str),
}

/// One sort of row: a table of the metadata database with the columns that the objects tell of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::ingest) enum Kind {
    /// Task instance of API v1 before 2.10.
    TaskInstanceOld,
    /// Task instance of API v1 from 2.10 on.
    TaskInstance,
    /// Task instance of API v2.
    TaskInstanceV2,
    /// Line of `airflow tasks states-for-dag-run`: without a try number.
    TaskState,
    /// DAG run.
    DagRun,
    /// DAG.
    Dag,
    /// Tag of a DAG, implied by it.
    DagTag,
    /// Pool.
    Pool,
    /// Entry of the audit log.
    EventLog,
    /// Process of Airflow.
    Job,
    /// Version of a DAG.
    DagVersion,
    /// Task of a DAG.
    Task,
}

/// What becomes of the value behind a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// Text, number or truth value, as it is.
    Plain,
    /// Texts, joined with `, ` as the database keeps owners.
    Joined,
    /// A member of an object.
    Member(&'static str),
    /// A member of an object where it has it, else the object's own text.
    MemberOr(&'static str),
    /// Texts, or the `name`s of objects, kept one by one beside the columns.
    Names,
    /// Nothing but that it is there.
    Mark,
}

/// A key of an object, the column it fills, and how.
pub(super) type Key = (&'static str, usize, How);

/// Columns of task instances. The last ones are present in newer versions only: that they are tells the version.
const TASK_INSTANCE: [&str; 23] = [
    "dag_id",
    "run_id",
    "task_id",
    "map_index",
    "execution_date",
    "start_date",
    "end_date",
    "duration",
    "state",
    "try_number",
    "max_tries",
    "hostname",
    "pool",
    "pool_slots",
    "queue",
    "priority_weight",
    "operator",
    "queued_dttm",
    "executor",
    "scheduled_dttm",
    "dag_version_id",
    "id",
    "run_after",
];
/// Columns that task instances of every version have.
const TASK_INSTANCE_OLD: usize = 18;
const DAG_RUN: [&str; 9] =
    ["dag_id", "run_id", "run_type", "state", "start_date", "end_date", "logical_date", "queued_at", "run_after"];
const DAG: [&str; 9] = [
    "dag_id",
    "owners",
    "schedule_interval",
    "timetable_summary",
    "max_active_tasks",
    "max_active_runs",
    "last_parsed_time",
    "fileloc",
    "is_paused",
];
const DAG_TAG: [&str; 2] = ["name", "dag_id"];
const POOL: [&str; 4] = ["pool", "slots", "include_deferred", "description"];
const LOG: [&str; 11] = [
    "id",
    "dttm",
    "dag_id",
    "task_id",
    "run_id",
    "map_index",
    "try_number",
    "event",
    "execution_date",
    "owner",
    "extra",
];
const JOB: [&str; 8] = ["id", "dag_id", "state", "job_type", "start_date", "end_date", "latest_heartbeat", "hostname"];
const DAG_VERSION: [&str; 6] = ["id", "version_number", "dag_id", "bundle_name", "bundle_version", "created_at"];
const TASK: [&str; 10] = [
    "dag_id",
    "task_id",
    "operator",
    "pool",
    "pool_slots",
    "queue",
    "priority_weight",
    "retries",
    "trigger_rule",
    "is_mapped",
];

const TASK_INSTANCE_KEYS: &[Key] = &[
    ("dag_id", 0, How::Plain),
    ("dag_run_id", 1, How::Plain),
    ("run_id", 1, How::Plain),
    ("task_id", 2, How::Plain),
    ("map_index", 3, How::Plain),
    ("execution_date", 4, How::Plain),
    ("logical_date", 4, How::Plain),
    ("start_date", 5, How::Plain),
    ("end_date", 6, How::Plain),
    ("duration", 7, How::Plain),
    ("state", 8, How::Plain),
    ("try_number", 9, How::Plain),
    ("max_tries", 10, How::Plain),
    ("hostname", 11, How::Plain),
    ("pool", 12, How::Plain),
    ("pool_slots", 13, How::Plain),
    ("queue", 14, How::Plain),
    ("priority_weight", 15, How::Plain),
    ("operator", 16, How::Plain),
    ("queued_when", 17, How::Plain),
    ("executor", 18, How::Plain),
    ("scheduled_when", 19, How::Plain),
    ("dag_version", 20, How::Member("id")),
    ("id", 21, How::Plain),
    ("run_after", 22, How::Plain),
];
const DAG_RUN_KEYS: &[Key] = &[
    ("dag_id", 0, How::Plain),
    ("dag_run_id", 1, How::Plain),
    ("run_id", 1, How::Plain),
    ("run_type", 2, How::Plain),
    ("state", 3, How::Plain),
    ("start_date", 4, How::Plain),
    ("end_date", 5, How::Plain),
    ("execution_date", 6, How::Plain),
    ("logical_date", 6, How::Plain),
    ("queued_at", 7, How::Plain),
    ("run_after", 8, How::Plain),
];
const DAG_KEYS: &[Key] = &[
    ("dag_id", 0, How::Plain),
    ("owners", 1, How::Joined),
    ("owner", 1, How::Joined),
    ("schedule_interval", 2, How::MemberOr("value")),
    ("timetable_summary", 3, How::Plain),
    ("max_active_tasks", 4, How::Plain),
    ("max_active_runs", 5, How::Plain),
    ("last_parsed_time", 6, How::Plain),
    ("fileloc", 7, How::Plain),
    ("filepath", 7, How::Plain),
    ("is_paused", 8, How::Plain),
    ("paused", 8, How::Plain),
    ("tags", usize::MAX, How::Names),
    ("stats", usize::MAX, How::Mark),
];
const POOL_KEYS: &[Key] = &[
    ("pool", 0, How::Plain),
    ("name", 0, How::Plain),
    ("slots", 1, How::Plain),
    ("include_deferred", 2, How::Plain),
    ("description", 3, How::Plain),
];
const LOG_KEYS: &[Key] = &[
    ("event_log_id", 0, How::Plain),
    ("when", 1, How::Plain),
    ("dag_id", 2, How::Plain),
    ("task_id", 3, How::Plain),
    ("run_id", 4, How::Plain),
    ("map_index", 5, How::Plain),
    ("try_number", 6, How::Plain),
    ("event", 7, How::Plain),
    ("execution_date", 8, How::Plain),
    ("logical_date", 8, How::Plain),
    ("owner", 9, How::Plain),
    ("extra", 10, How::Plain),
];
const JOB_KEYS: &[Key] = &[
    ("id", 0, How::Plain),
    ("dag_id", 1, How::Plain),
    ("state", 2, How::Plain),
    ("job_type", 3, How::Plain),
    ("start_date", 4, How::Plain),
    ("end_date", 5, How::Plain),
    ("latest_heartbeat", 6, How::Plain),
    ("hostname", 7, How::Plain),
];
const DAG_VERSION_KEYS: &[Key] = &[
    ("id", 0, How::Plain),
    ("version_number", 1, How::Plain),
    ("dag_id", 2, How::Plain),
    ("bundle_name", 3, How::Plain),
    ("bundle_version", 4, How::Plain),
    ("created_at", 5, How::Plain),
];
const TASK_KEYS: &[Key] = &[
    ("dag_id", 0, How::Plain),
    ("task_id", 1, How::Plain),
    ("class_ref", 2, How::Member("class_name")),
    ("operator_name", 2, How::Plain),
    ("pool", 3, How::Plain),
    ("pool_slots", 4, How::Plain),
    ("queue", 5, How::Plain),
    ("priority_weight", 6, How::Plain),
    ("retries", 7, How::Plain),
    ("trigger_rule", 8, How::Plain),
    ("is_mapped", 9, How::Plain),
    ("downstream_task_ids", usize::MAX, How::Names),
];

/// Keys of pages whose rows are of no use here. Some may hold secrets: nothing of them is read.
const OTHER: [&str; 22] = [
    "import_errors",
    "dag_warnings",
    "connections",
    "variables",
    "providers",
    "plugins",
    "xcom_entries",
    "assets",
    "asset_events",
    "asset_aliases",
    "datasets",
    "dataset_events",
    "dag_sources",
    "backfills",
    "extra_links",
    "queued_events",
    "hitl_details",
    "users",
    "roles",
    "actions",
    "dependencies",
    "deadlines",
];

impl Family {
    /// The family whose list stands behind `key` in a page.
    pub(super) fn of_list(key: &[u8]) -> Option<Self> {
        Some(match key {
            b"task_instances" | b"task_instance_history" => Self::TaskInstances,
            b"dag_runs" => Self::DagRuns,
            b"dags" => Self::Dags,
            b"pools" => Self::Pools,
            b"event_logs" => Self::EventLogs,
            b"jobs" => Self::Jobs,
            b"dag_versions" => Self::DagVersions,
            b"tasks" => Self::Tasks,
            _ => return OTHER.iter().find(|other| other.as_bytes() == key).map(|other| Self::Other(other)),
        })
    }

    /// The family of an object that stands alone, by its keys.
    pub(super) fn of_object(has: impl Fn(&str) -> bool) -> Option<Self> {
        let run = has("dag_run_id") || has("run_id") || has("execution_date") || has("logical_date");
        Some(match () {
            () if has("event_log_id") => Self::EventLogs,
            () if has("task_id") && has("downstream_task_ids") => Self::Tasks,
            () if has("task_id") && has("dag_id") && has("start_date") && has("state") && run => Self::TaskInstances,
            () if has("dag_id") && has("start_date") && has("state") && run => Self::DagRuns,
            () if has("job_type") && has("latest_heartbeat") => Self::Jobs,
            () if has("slots") && (has("pool") || has("name")) => Self::Pools,
            () if has("version_number") && has("dag_id") && has("created_at") => Self::DagVersions,
            () if has("dag_id") && (has("fileloc") || has("filepath")) => Self::Dags,
            () if has("import_error_id") => Self::Other("import_errors"),
            () => return None,
        })
    }

    pub(super) fn keys(self) -> &'static [Key] {
        match self {
            Self::TaskInstances => TASK_INSTANCE_KEYS,
            Self::DagRuns => DAG_RUN_KEYS,
            Self::Dags => DAG_KEYS,
            Self::Pools => POOL_KEYS,
            Self::EventLogs => LOG_KEYS,
            Self::Jobs => JOB_KEYS,
            Self::DagVersions => DAG_VERSION_KEYS,
            Self::Tasks => TASK_KEYS,
            Self::Other(_) => &[],
        }
    }

    /// In words, for many.
    pub(in crate::ingest) fn words(self) -> &'static str {
        match self {
            Self::TaskInstances => "task instances",
            Self::DagRuns => "DAG runs",
            Self::Dags => "DAGs",
            Self::Pools => "pools",
            Self::EventLogs => "event logs",
            Self::Jobs => "jobs",
            Self::DagVersions => "DAG versions",
            Self::Tasks => "tasks",
            Self::Other(key) => key,
        }
    }

    /// Table of the lake its rows go to; `None` where they are not kept.
    pub(in crate::ingest) fn home(self) -> Option<&'static str> {
        Some(match self {
            Self::TaskInstances => "task_attempts",
            Self::DagRuns => "dag_runs",
            Self::Dags => "dags",
            Self::Pools => "pools",
            Self::EventLogs => "audit_events",
            Self::Jobs => "jobs",
            Self::DagVersions => "markers",
            Self::Tasks => "task_edges",
            Self::Other(_) => return None,
        })
    }
}

impl Kind {
    /// Airflow's table that has such rows.
    pub(in crate::ingest) fn table(self) -> &'static str {
        match self {
            // `tries` too: among them is the live row, which may wait with the times of the try before.
            Self::TaskInstanceOld | Self::TaskInstance | Self::TaskInstanceV2 | Self::TaskState => "task_instance",
            Self::DagRun => "dag_run",
            Self::Dag => "dag",
            Self::DagTag => "dag_tag",
            Self::Pool => "slot_pool",
            Self::EventLog => "log",
            Self::Job => "job",
            Self::DagVersion => "dag_version",
            Self::Task => "task",
        }
    }

    /// Its columns, in the order in which a row gives them.
    pub(in crate::ingest) fn columns(self) -> &'static [&'static str] {
        let old = TASK_INSTANCE.split_at(TASK_INSTANCE_OLD).0;
        match self {
            Self::TaskInstanceOld => old,
            // A line without a try number may wait as well, with the times of the try before: it is read as from 2.10 on.
            Self::TaskInstance | Self::TaskState => TASK_INSTANCE.split_at(TASK_INSTANCE_OLD + 1).0,
            Self::TaskInstanceV2 => &TASK_INSTANCE,
            Self::DagRun => &DAG_RUN,
            Self::Dag => &DAG,
            Self::DagTag => &DAG_TAG,
            Self::Pool => &POOL,
            Self::EventLog => &LOG,
            Self::Job => &JOB,
            Self::DagVersion => &DAG_VERSION,
            Self::Task => &TASK,
        }
    }

    /// The kind of an object of `family`, by the columns that it fills.
    pub(super) fn of(family: Family, has: impl Fn(&str) -> bool) -> Option<Self> {
        Some(match family {
            Family::TaskInstances if has("scheduled_dttm") || has("dag_version_id") => Self::TaskInstanceV2,
            Family::TaskInstances if has("executor") => Self::TaskInstance,
            Family::TaskInstances if has("try_number") => Self::TaskInstanceOld,
            Family::TaskInstances => Self::TaskState,
            Family::DagRuns => Self::DagRun,
            Family::Dags => Self::Dag,
            Family::Pools => Self::Pool,
            Family::EventLogs => Self::EventLog,
            Family::Jobs => Self::Job,
            Family::DagVersions => Self::DagVersion,
            Family::Tasks => Self::Task,
            Family::Other(_) => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_fills_a_column_of_its_kinds() {
        let kinds = [
            (Family::TaskInstances, Kind::TaskInstanceV2),
            (Family::DagRuns, Kind::DagRun),
            (Family::Dags, Kind::Dag),
            (Family::Pools, Kind::Pool),
            (Family::EventLogs, Kind::EventLog),
            (Family::Jobs, Kind::Job),
            (Family::DagVersions, Kind::DagVersion),
            (Family::Tasks, Kind::Task),
        ];
        for (family, kind) in kinds {
            for (key, column, how) in family.keys() {
                let beside = matches!(how, How::Names | How::Mark);
                assert!(beside || *column < kind.columns().len(), "{key}");
            }
            assert_eq!(Kind::of(family, |_| true), Some(kind));
        }
    }

    #[test]
    fn the_columns_tell_the_version() {
        assert!(!Kind::TaskInstanceOld.columns().contains(&"executor"));
        assert_eq!(Kind::TaskInstance.columns().last(), Some(&"executor"));
        assert_eq!(Kind::TaskInstanceV2.columns().last(), Some(&"run_after"));
    }

    #[test]
    fn a_list_in_a_page_names_its_family() {
        assert_eq!(Family::of_list(b"dag_runs"), Some(Family::DagRuns));
        assert_eq!(Family::of_list(b"connections"), Some(Family::Other("connections")));
        assert_eq!(Family::of_list(b"result"), None);
    }
}
