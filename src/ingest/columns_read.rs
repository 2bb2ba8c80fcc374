//! Which columns are exported, or fetched from a server: those that a mapping reads, or that tell a table and its version
//! apart, of all versions of Airflow. Never among them are pickles, run configurations, rendered templates and whatever else
//! may hold a secret, or megabytes, and is not read.

use super::{
    table_kind::{KEPT, Table},
    volumes,
};

const ATTEMPT: &str = "id,task_instance_id,dag_id,task_id,run_id,execution_date,map_index,try_number,max_tries,state,\
    operator,custom_operator_name,pool,pool_slots,queue,priority_weight,hostname,executor,job_id,queued_by_job_id,\
    scheduled_dttm,queued_dttm,start_date,end_date,duration,updated_at,dag_version_id,run_type,logical_date,run_after,\
    run_start,run_end";
const RUN: &str = "dag_id,run_id,run_type,state,execution_date,logical_date,run_after,queued_at,start_date,end_date,\
    data_interval_start,data_interval_end,clear_number,updated_at";
const FAILURE: &str = "id,dag_id,task_id,run_id,execution_date,map_index,start_date,end_date,duration";
const POKE: &str = "id,ti_id,dag_id,task_id,run_id,execution_date,map_index,try_number,start_date,end_date,\
    reschedule_date";
const DAG: &str = "dag_id,fileloc,owners,is_paused,schedule_interval,timetable_summary,max_active_tasks,max_active_runs,last_parsed_time";
const JOB: &str = "id,job_type,state,dag_id,hostname,start_date,end_date,latest_heartbeat";
const AUDIT: &str = "id,dttm,event,dag_id,run_id,logical_date,execution_date,task_id,map_index,try_number,owner,extra";
const DEADLINE: &str = "id,missed,last_updated_at,dag_id,dagrun_id,deadline_time";
const DAG_VERSION: &str = "id,dag_id,version_number,bundle_name,bundle_version,created_at";

/// Those of a table, by its name in the database, between commas.
pub fn columns_read(table: &str) -> &'static str {
    KEPT.into_iter().find(|known| known.name() == table).map_or("", of)
}

/// Those columns of `header` that are fetched, in its order.
pub(in crate::ingest) fn wanted(table: Table, header: &[String]) -> Vec<String> {
    header.iter().filter(|column| of(table).split(',').any(|name| name == column.as_str())).cloned().collect()
}

/// Names between commas.
fn of(table: Table) -> &'static str {
    match table {
        Table::TaskInstance | Table::TaskInstanceHistory => ATTEMPT,
        Table::DagRun => RUN,
        Table::TaskFail => FAILURE,
        Table::TaskReschedule => POKE,
        Table::SlotPool => "pool,slots,include_deferred,description",
        Table::Dag => DAG,
        Table::DagTag => "name,dag_id",
        Table::SerializedDag => "dag_id,dag_hash,data,data_compressed",
        Table::Job => JOB,
        Table::Log => AUDIT,
        Table::SlaMiss => "dag_id,task_id,execution_date,timestamp",
        Table::Deadline => DEADLINE,
        Table::DagVersion => DAG_VERSION,
        Table::Volume => volumes::COLUMNS,
        Table::Other(_) => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The mappings name a column twice, as `self.int("slots")` or `field("slots").int32("slots")`: each name that a call
    /// of theirs holds is fetched of some table.
    #[test]
    fn whatever_a_mapping_reads_is_fetched() {
        let sources = [include_str!("airflow.rs"), include_str!("airflow_cells.rs"), include_str!("airflow_more.rs")];
        let fetched: BTreeSet<&str> = KEPT.into_iter().flat_map(|table| of(table).split(',')).collect();
        let mut seen = 0;
        for source in sources {
            let code = source.split("#[cfg(test)]").next().expect("code");
            for call in ["field(\"", "time(\"", "int(\"", "text(\"", "must(\"", "borrowed(\"", "uuid(\"", "has(\""] {
                for name in code.split(call).skip(1).filter_map(|rest| rest.split('"').next()) {
                    // The REST API's, which no table has.
                    if ["trigger_rule", "is_mapped", "retries", "downstream_task_ids"].contains(&name) {
                        continue;
                    }
                    assert!(fetched.contains(name), "{name} is read and not fetched");
                    seen += 1;
                }
            }
        }
        assert!(seen > 100, "only {seen} names were found");
    }

    #[test]
    fn nothing_that_may_hold_a_secret_is_fetched() {
        for name in
            ["executor_config", "conf", "next_kwargs", "context_carrier", "unixname", "rendered_fields", "val", "value"]
        {
            assert!(KEPT.into_iter().all(|table| wanted(table, &[name.to_owned()]).is_empty()), "{name}");
        }
        let header = ["dag_id", "executor_config", "state"].map(str::to_owned);
        assert_eq!(wanted(Table::TaskInstance, &header), ["dag_id", "state"]);
    }
}
