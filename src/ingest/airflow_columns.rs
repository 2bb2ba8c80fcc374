//! Columns of Airflow's tables, and the versions that they tell.

/// Columns of a table, by name.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    names: Vec<String>,
    pub(super) has_task_instance_id: bool,
    pub(super) has_dag_version_id: bool,
    /// From 2.10 on the number of a try is counted up when it is scheduled, before when it starts.
    pub(super) counts_when_scheduled: bool,
    /// task_instance joined with dag_run.
    pub(super) is_joined: bool,
}

impl Columns {
    pub(super) fn new(names: Vec<String>) -> Self {
        let has = |name: &str| names.iter().any(|column| column == name);
        Self {
            has_task_instance_id: has("task_instance_id"),
            has_dag_version_id: has("dag_version_id"),
            counts_when_scheduled: has("executor") || has("scheduled_dttm"),
            is_joined: has("run_id") && has("run_type"),
            names,
        }
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|column| column == name)
    }

    fn has(&self, name: &str) -> bool {
        self.place(name).is_some()
    }

    /// The versions of Airflow whose tables have these columns.
    pub(super) fn version(&self) -> Option<&'static str> {
        let has = |name| self.has(name);
        Some(if has("task_id") {
            match () {
                () if has("scheduled_dttm") || has("dag_version_id") => "3.x",
                () if has("executor") => "2.10 to 2.11",
                () if has("custom_operator_name") => "2.7 to 2.9",
                () if has("updated_at") => "2.5 to 2.6",
                () if has("map_index") => "2.3 to 2.4",
                () if has("run_id") => "2.2",
                () if has("queued_by_job_id") => "2.0 to 2.1",
                () if has("execution_date") => "1.10",
                () => return None,
            }
        } else {
            match () {
                () if has("run_after") || has("logical_date") => "3.x",
                () if has("clear_number") => "2.8 to 2.11",
                () if has("data_interval_start") => "2.2 to 2.7",
                () if has("run_type") => "2.0 to 2.1",
                () if has("execution_date") => "1.10",
                () => return None,
            }
        })
    }
}
