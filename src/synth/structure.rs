//! The tables that describe the platform: DAGs, their serialized structure, pools.

use super::{
    change::{Changes, GROUP, exists},
    clock::Stamps,
    files::Files,
    fleet::{Dag, Fleet},
    options::{Airflow, Plan},
    rows::{Fields, Lines, uuid7},
};
use serde_json::{Value, json};
use std::io;

const DAGS: [&str; 3] = [
    "dag_id,is_paused,is_subdag,is_active,last_scheduler_run,last_pickled,last_expired,scheduler_lock,pickle_id,fileloc,owners,description,default_view,schedule_interval,root_dag_id",
    "dag_id,root_dag_id,is_paused,is_subdag,is_active,last_parsed_time,last_pickled,last_expired,scheduler_lock,pickle_id,fileloc,processor_subdir,owners,dag_display_name,description,default_view,schedule_interval,timetable_description,dataset_expression,max_active_tasks,max_active_runs,max_consecutive_failed_dag_runs,has_task_concurrency_limits,has_import_errors,next_dagrun,next_dagrun_data_interval_start,next_dagrun_data_interval_end,next_dagrun_create_after",
    "dag_id,is_paused,is_stale,exceeds_max_non_backfill,last_parsed_time,last_parse_duration,last_expired,fileloc,relative_fileloc,bundle_name,bundle_version,owners,dag_display_name,description,timetable_type,timetable_summary,timetable_description,timetable_partitioned,timetable_periodic,partition_mapper_info,asset_expression,deadline,max_active_tasks,max_active_runs,max_consecutive_failed_dag_runs,has_task_concurrency_limits,has_import_errors,fail_fast,allowed_run_types,next_dagrun,next_dagrun_data_interval_start,next_dagrun_data_interval_end,next_dagrun_partition_key,next_dagrun_partition_date,next_dagrun_create_after",
];
const SERIALIZED: [&str; 3] = [
    "dag_id,fileloc,fileloc_hash,data,last_updated,dag_hash",
    "dag_id,fileloc,fileloc_hash,data,data_compressed,last_updated,dag_hash,processor_subdir",
    "id,dag_id,data,data_compressed,created_at,last_updated,dag_hash,dag_version_id",
];
const POOLS: [&str; 3] = [
    "id,pool,slots,description",
    "id,pool,slots,description,include_deferred",
    "id,pool,slots,description,include_deferred,team_name",
];
const FOLDER: &str = "/opt/airflow/dags";

/// Writes `dag.csv`, `serialized_dag.csv` and `slot_pool.csv`; returns their names, rows and bytes.
pub(super) fn write(
    files: &mut dyn Files,
    plan: &Plan,
    fleet: &Fleet,
    changes: &Changes,
) -> io::Result<Vec<(&'static str, u64, u64)>> {
    let version = plan.options.airflow;
    let at = version as usize;
    let mut stamps = Stamps::new();
    let mut dags = Lines::create(files, "dag.csv", DAGS[at])?;
    let mut serialized = Lines::create(files, "serialized_dag.csv", SERIALIZED[at])?;
    let mut pools = Lines::create(files, "slot_pool.csv", POOLS[at])?;
    for (number, dag) in fleet.dags.iter().enumerate() {
        dag_row(&mut Fields { out: &mut dags.buffer, stamps: &mut stamps }, dag, plan);
        dags.end()?;
        let data = data(dag, number, plan, changes).to_string();
        serialized_row(&mut Fields { out: &mut serialized.buffer, stamps: &mut stamps }, dag, &data, plan);
        serialized.end()?;
    }
    for (number, pool) in fleet.pools.iter().enumerate() {
        let shrink = changes.shrinks.iter().find(|shrink| shrink.is_pool && shrink.place == number);
        let mut f = Fields { out: &mut pools.buffer, stamps: &mut stamps };
        f.int(number as i64 + 1);
        f.text(&pool.name);
        f.int(i64::from(shrink.map_or(pool.slots, |shrink| shrink.after)));
        f.text(if number == 0 { "Default pool" } else { "" });
        if version != Airflow::V1_10 {
            f.text("f");
        }
        if version == Airflow::V3_3 {
            f.nulls(1);
        }
        pools.end()?;
    }
    let all = [&mut dags, &mut serialized, &mut pools].into_iter();
    all.map(|lines| lines.finish().map(|()| (lines.name, lines.rows, lines.bytes))).collect()
}

fn dag_row(f: &mut Fields<'_>, dag: &Dag, plan: &Plan) {
    let (id, template) = (dag.id.as_str(), dag.template);
    let file = format!("{FOLDER}/{id}.py");
    let parsed = plan.end + 60_000_000;
    f.text(id);
    match plan.options.airflow {
        Airflow::V1_10 => {
            ["f", "f", "t"].iter().for_each(|text| f.text(text));
            f.time(parsed);
            f.nulls(4);
            f.text(&file);
            f.text(template.owner);
            f.nulls(2);
            f.quoted(&format!("\"{}\"", cron(dag, plan)));
            f.nulls(1);
        }
        Airflow::V2_10 => {
            f.nulls(1);
            ["f", "f", "t"].iter().for_each(|text| f.text(text));
            f.time(parsed);
            f.nulls(4);
            f.text(&file);
            f.text(FOLDER);
            f.text(template.owner);
            f.nulls(2);
            f.text("grid");
            f.quoted(&format!("\"{}\"", template.cron));
            f.nulls(1);
            f.text("null");
            f.int(16);
            f.int(i64::from(template.max_active_runs));
            ["0", "f", "f"].iter().for_each(|text| f.text(text));
            f.nulls(4);
        }
        Airflow::V3_3 => {
            ["f", "f", "f"].iter().for_each(|text| f.text(text));
            f.time(parsed);
            f.text("0.25");
            f.nulls(1);
            f.text(&file);
            f.text(&format!("{id}.py"));
            f.text("dags-folder");
            f.nulls(1);
            f.text(template.owner);
            f.nulls(2);
            f.text(if template.period_min == 0 { "AssetTriggeredTimetable" } else { "CronTriggerTimetable" });
            f.text(if template.period_min == 0 { "Asset" } else { template.cron });
            f.nulls(1);
            ["f", "t", "[]"].iter().for_each(|text| f.text(text));
            f.nulls(2);
            f.int(16);
            f.int(i64::from(template.max_active_runs));
            ["0", "f", "f", "f", "null"].iter().for_each(|text| f.text(text));
            f.nulls(6);
        }
    }
}

/// In 1.10 no dataset triggers a DAG: it has a schedule.
fn cron<'a>(dag: &'a Dag, plan: &Plan) -> &'a str {
    if dag.template.period_min == 0 && plan.options.airflow == Airflow::V1_10 { "0 8 * * *" } else { dag.template.cron }
}

fn serialized_row(f: &mut Fields<'_>, dag: &Dag, data: &str, plan: &Plan) {
    let file = format!("{FOLDER}/{}.py", dag.id);
    let (hash_0, hash_1) = (dag.hash, dag.version);
    let location = i64::from((hash_1 >> 90) as i32).abs();
    match plan.options.airflow {
        Airflow::V1_10 => {
            f.text(&dag.id);
            f.text(&file);
            f.int(location);
            f.quoted(data);
            f.time(plan.start);
            f.text(&format!("{hash_0:032x}"));
        }
        Airflow::V2_10 => {
            f.text(&dag.id);
            f.text(&file);
            f.int(location);
            f.quoted(data);
            f.nulls(1);
            f.time(plan.start);
            f.text(&format!("{hash_0:032x}"));
            f.text(FOLDER);
        }
        Airflow::V3_3 => {
            f.uuid(uuid7(plan.start, dag.hash ^ dag.version));
            f.text(&dag.id);
            f.quoted(data);
            f.nulls(1);
            f.time(plan.start);
            f.time(plan.start);
            f.text(&format!("{hash_0:032x}"));
            f.uuid(hash_1);
        }
    }
}

/// The serialized DAG as it is at the end of the history.
fn data(dag: &Dag, number: usize, plan: &Plan, changes: &Changes) -> Value {
    let last = plan.end - 1;
    let group = if changes.renamed_at(number).is_some_and(|at| at <= last) { GROUP } else { "" };
    let here = |task: usize| {
        let task = &dag.tasks[task];
        let change = changes.of(task.number).and_then(|place| changes.tasks.get(place));
        exists(task.spec.life, change, last)
    };
    let id = |task: usize| format!("{group}{}", dag.tasks[task].id);
    let tasks: Vec<Value> = (0..dag.tasks.len())
        .filter(|&task| here(task))
        .map(|at| {
            let task = &dag.tasks[at];
            let down: Vec<String> =
                (0..dag.tasks.len()).filter(|&other| task.down >> other & 1 == 1 && here(other)).map(id).collect();
            let body = json!({
                "task_id": id(at),
                "downstream_task_ids": down,
                "retries": task.spec.retries,
                "_task_type": task.operator,
                "_is_empty": task.spec.kind == super::template::Kind::Empty,
            });
            match plan.options.airflow {
                Airflow::V1_10 => {
                    json!({ "task_id": id(at), "_downstream_task_ids": down, "_task_type": task.operator })
                }
                _ => json!({ "__var": body, "__type": "operator" }),
            }
        })
        .collect();
    let version = if plan.options.airflow == Airflow::V3_3 { 3 } else { 1 };
    json!({ "__version": version, "dag": { "_dag_id": dag.id, "fileloc": format!("{FOLDER}/{}.py", dag.id), "tasks": tasks } })
}
