//! A small whole file of each kind of input: the head of a recorded one, or a few lines where none is bundled.

use crate::{idempotent::unpacked, support::dataset};
use serde_json::Value;

/// How a file is built up, which says what a cut does to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A header, and a row a line.
    Table,
    /// Lines that stand for themselves.
    Lines,
    /// One value: cut anywhere it is not whole.
    Document,
    /// Pages of a database, members of an archive.
    Binary,
}

/// A whole file.
pub(super) struct Sample {
    pub(super) kind: &'static str,
    /// Where it lies: a task's log is told by its path.
    pub(super) path: &'static str,
    pub(super) form: Form,
    pub(super) bytes: Vec<u8>,
}

use Form::{Binary, Document, Lines, Table};

const LOG: &str = "dag_id=shop/run_id=scheduled__2026-11-21T00:00:00+00:00/task_id=load/attempt=1.log";

/// Kind, path, form, recorded file, bytes of whole lines that are taken.
const HEADS: [(&str, &str, Form, &str, usize); 28] = [
    ("task_instance of 1.10", "a.csv", Table, "airflow-1.10.15/task_instance.csv.gz", 900),
    ("task_instance of 2.10", "a.csv", Table, "airflow-2.10.5/task_instance.csv.gz", 1_100),
    ("task_instance of 3.3", "a.csv", Table, "airflow-3.3.2/task_instance.csv.gz", 1_700),
    (
        "task_instance, other clock",
        "a.csv",
        Table,
        "airflow-2.10.5-berlin/task_instance_users_sync_tz_berlin.csv.gz",
        900,
    ),
    ("task_instance, joined", "a.csv", Table, "airflow-2.10.5-joined/ti_joined.csv.gz", 1_300),
    (
        "task_instance, archived",
        "a.csv",
        Table,
        "export-archived-3.3/_airflow_deleted__task_instance__20261124112717.csv",
        800,
    ),
    ("task_instance_history of 2.10", "a.csv", Table, "airflow-2.10.5/task_instance_history.csv.gz", 1_100),
    ("task_instance_history of 3.3", "a.csv", Table, "airflow-3.3.2/task_instance_history.csv.gz", 1_300),
    ("dag_run of 1.10", "a.csv", Table, "airflow-1.10.15/dag_run.csv.gz", 800),
    ("dag_run of 2.10", "a.csv", Table, "airflow-2.10.5/dag_run.csv.gz", 1_000),
    ("dag_run of 3.3", "a.csv", Table, "airflow-3.3.2/dag_run.csv.gz", 1_500),
    ("task_reschedule of 2.10", "a.csv", Table, "airflow-2.10.5/task_reschedule.csv.gz", 600),
    ("task_reschedule of 3.3", "a.csv", Table, "airflow-3.3.2/task_reschedule.csv.gz", 600),
    ("task_fail", "a.csv", Table, "airflow-2.10.5/task_fail.csv.gz", 600),
    ("slot_pool", "a.csv", Table, "airflow-2.10.5/slot_pool.csv.gz", 400),
    ("dag", "a.csv", Table, "airflow-2.10.5/dag.csv.gz", 1_000),
    ("dag_version", "a.csv", Table, "airflow-3.3.2/dag_version.csv.gz", 700),
    ("pg_stat_activity", "a.csv", Table, "airflow-2.10.5-metrics/pg_stat_activity_first200.csv.gz", 1_500),
    ("sadf -d", "a.csv", Table, "airflow-2.10.5-metrics/sadf_cpu_queue.csv.gz", 500),
    ("scheduler log", "scheduler.log", Lines, "airflow-2.10.5-logs/scheduler_stdout.log.gz", 1_300),
    ("StatsD", "a.txt", Lines, "airflow-2.10.5-metrics/statsd_raw_plain_filtered_first4000.txt.gz", 700),
    ("StatsD of Datadog", "a.txt", Lines, "airflow-2.10.5-metrics/statsd_raw_datadog_tags.txt.gz", 700),
    ("StatsD of Influx", "a.txt", Lines, "airflow-2.10.5-metrics/statsd_raw_influxdb_tags.txt.gz", 700),
    (
        "exposition of StatsD",
        "a_1795520058.prom",
        Lines,
        "airflow-2.10.5-metrics/statsd_bridge_1795520058.prom.gz",
        700,
    ),
    ("exposition of a node", "a_1795520058.prom", Lines, "airflow-2.10.5-metrics/node_1795520058.prom.gz", 700),
    ("OpenMetrics", "om.txt", Lines, "airflow-2.10.5-metrics/om.txt", 400),
    ("tsdb dump", "a.txt", Lines, "airflow-2.10.5-metrics/tsdb_dump_node_load.txt.gz", 600),
    ("sadf -j", "a.json", Document, "airflow-2.10.5-metrics/sadf.json", 1_500),
];

/// Kind, recorded file, elements that are kept of each list.
const PAGES: [(&str, &str, usize); 8] = [
    ("task instances of API v1", "airflow-2.10.5-rest/taskInstances_users_sync_limit1000.json.gz", 1),
    ("task instances of API v2", "airflow-3.3.2-rest/taskInstances_users_sync_offset0.json.gz", 1),
    ("tries", "airflow-2.10.5-rest/tries_orders_etl_enrich.json.gz", 2),
    ("DAG runs of the API", "airflow-2.10.5-rest/dagRuns_offset0.json.gz", 2),
    ("DAGs of the API", "airflow-2.10.5-rest/dags.json.gz", 1),
    ("pools of the API", "airflow-2.10.5-rest/pools.json.gz", 3),
    ("event logs of the API", "airflow-2.10.5-rest/eventLogs.json.gz", 2),
    ("query_range", "airflow-2.10.5-metrics/query_range_executor.json.gz", 2),
];

/// Kinds of which no file is bundled.
const TEXTS: [(&str, &str, Form, &str); 23] = [
    (
        "task_instance as text",
        "a.tsv",
        Table,
        "dag_id\ttask_id\trun_id\tmap_index\tstart_date\tend_date\tduration\tstate\ttry_number\tpool\tqueued_dttm\n\
         shop\tload\tscheduled__2026-11-21T00:00:00+00:00\t-1\t2026-11-22 00:00:05+00\t2026-11-22 00:01:05+00\t60\tsuccess\t1\tdefault\\tpool\t2026-11-22 00:00:01+00\n\
         shop\tsave\tscheduled__2026-11-21T00:00:00+00:00\t-1\t2026-11-22 00:02:05+00\t\\N\t\\N\trunning\t1\ta\\\\b\t2026-11-22 00:02:01+00\n",
    ),
    (
        "job",
        "a.csv",
        Table,
        "id,dag_id,state,job_type,start_date,end_date,latest_heartbeat,executor_class,hostname,unixname\n\
         46,shop,success,LocalTaskJob,2026-11-24 11:34:43.996566+00,2026-11-24 11:34:51+00,2026-11-24 11:34:43+00,,vm,root\n\
         47,,running,SchedulerJob,2026-11-24 11:34:43.806313+00,,2026-11-24 11:34:43+00,LocalExecutor,vm,root\n",
    ),
    (
        "log",
        "a.csv",
        Table,
        "id,dttm,dag_id,task_id,map_index,event,execution_date,run_id,owner,owner_display_name,extra,try_number\n\
         1,2026-11-24 11:32:49.088212+00,,,,cli_pool_import,,,root,,\"{\"\"host\"\": \"\"vm\"\", \"\"full_command\"\": \"\"['a', 'b']\"\"}\",\n\
         2,2026-11-24 11:33:00+00,shop,load,-1,success,2026-11-21 00:00:00+00,scheduled__2026-11-21T00:00:00+00:00,root,,,1\n",
    ),
    (
        "sla_miss",
        "a.csv",
        Table,
        "task_id,dag_id,execution_date,email_sent,timestamp,description,notification_sent\n\
         load,shop,2026-08-27 02:00:00+00,f,2026-11-24 11:43:56.571471+00,,f\n\
         save,shop,2026-08-28 02:00:00+00,t,2026-11-24 11:43:56.571471+00,late,f\n",
    ),
    (
        "deadline",
        "a.csv",
        Table,
        "id,created_at,last_updated_at,dagrun_id,deadline_time,missed,callback_id,deadline_alert_id\n\
         01a20d66-26af-7617-ae31-621b2899e1c8,2026-11-24 11:52:08.11127+00,2026-11-24 11:52:54+00,6,2026-11-24 11:52:53+00,t,01a2,01a3\n\
         01a20d66-2d35-7d3e-a2bc-bcb2d6b31f43,2026-11-24 11:52:09.781141+00,2026-11-24 11:52:56+00,8,2026-11-24 11:52:54+00,f,01a4,01a3\n",
    ),
    (
        "serialized_dag",
        "a.csv",
        Table,
        "dag_id,fileloc,data,data_compressed,last_updated,dag_hash\n\
         shop,/d/shop.py,\"{\"\"dag\"\": {\"\"tasks\"\": [{\"\"task_id\"\": \"\"a\"\", \"\"downstream_task_ids\"\": [\"\"b\"\"]}, {\"\"task_id\"\": \"\"b\"\"}]}}\",,2026-11-24 11:32:49+00,h1\n",
    ),
    ("dag_tag", "a.csv", Table, "name,dag_id\ncore,shop\nslow,shop\n"),
    (
        "xcom",
        "a.csv",
        Table,
        "key,value,dag_id,task_id,run_id,timestamp\nreturn_value,1,shop,load,r,2026-11-24 11:32:49+00\n",
    ),
    (
        "pg_locks",
        "a.csv",
        Table,
        "sampled_at,locktype,database,relation,page,tuple,virtualxid,transactionid,virtualtransaction,pid,mode,granted,fastpath,waitstart,blocked_by\n\
         2026-11-24 11:33:35.933356+00,transactionid,,,,,,7000,5/4187,21278,ExclusiveLock,t,f,,{}\n\
         2026-11-24 11:33:41.07998+00,relation,af210,19838,,,,,5/4211,21279,RowExclusiveLock,f,f,2026-11-24 11:33:41+00,\"{21278,3}\"\n",
    ),
    (
        "pg_stat_statements",
        "a.csv",
        Table,
        "datname,calls,total_exec_time,mean_exec_time,max_exec_time,rows,shared_blks_hit,shared_blks_read,query\n\
         af210,34080,2161764.2431450184,63.43204938805729,9704.09332,34080,256528,2,\"UPDATE dag_run SET a=$1, b=$2 WHERE dag_run.id = $3\"\n\
         shop,856,7.5,0.1,9.5,856,3,4,SELECT 1\n",
    ),
    (
        "table of metrics",
        "a.csv",
        Table,
        "time,load,wait_ms\n2026-11-24T11:33:46Z,1.5,250\n2026-11-24T11:33:51Z,2,\n2026-11-24T11:33:56Z,2.5,1e3\n",
    ),
    (
        "deploys",
        "deploys.csv",
        Table,
        "deployed_at,version,message\n2026-11-24T08:00:00Z,v1.2,\"new pool\nsize\"\n2026-11-25T08:00:00Z,v1.3,smaller pool\n",
    ),
    (
        "git log",
        "git.txt",
        Lines,
        "commit 8f3ac0ffee8f3ac0ffee8f3ac0ffee8f3ac0ffee (HEAD -> main)\nAuthor: A Person <a@example.com>\n\
         Date:   Tue Nov 24 21:22:36 2026 +0100\n\n    Raise the pool\n\ncommit 1a2b3c41a2b3c41a2b3c41a2b3c41a2b3c41a2b3\n\
         Author:     A Person <a@example.com>\nCommitDate: 2026-11-20T08:00:00+01:00\n\n    Second\n",
    ),
    (
        "git log, a line each",
        "git.txt",
        Lines,
        "8f3ac0f 2026-11-24T21:22:36+01:00 Raise the pool\n1a2b3c4 2026-11-20T08:00:00Z Second\n",
    ),
    (
        "deployments",
        "a.json",
        Document,
        r#"[{"id":41,"sha":"a91","ref":"main","status":"success","created_at":"2026-11-24T20:22:36.388Z","environment":{"id":9,"name":"prod"}},
{"id":42,"sha":"a92","ref":"main","status":"failed","created_at":"2026-11-24T20:23:36.388Z","environment":{"id":9,"name":"prod"}}]"#,
    ),
    (
        "influx line protocol",
        "a.influx",
        Lines,
        "cpu,host=a usage_idle=1.5,n=2i 1795520026000000000\ncpu,host=a\\ b,cpu=cpu0 usage_idle=2.5,up=true,note=\"a, \\\"b\\\"\" 1795520036000000000\nmem,host=a used=7u\n",
    ),
    (
        "CloudWatch data",
        "a.json",
        Document,
        r#"{"MetricDataResults":[{"Id":"m1","Label":"BaseWorker CPUUtilization","Timestamps":["2026-11-24T11:35:00+00:00","2026-11-24T11:30:00Z"],"Values":[12.5,7],"StatusCode":"Complete"},{"Id":"q","Label":"q","Timestamps":[],"Values":[]}],"Messages":[]}"#,
    ),
    (
        "CloudWatch statistics",
        "a.json",
        Document,
        r#"{"Datapoints":[{"Timestamp":"2026-11-24T11:35:00Z","SampleCount":60.0,"Average":250.0,"Unit":"Milliseconds"},
{"Timestamp":"2026-11-24T11:40:00Z","ExtendedStatistics":{"p99":2.0},"Unit":"Seconds"}],"Label":"DAGDurationSuccess"}"#,
    ),
    (
        "Cloud Monitoring",
        "a.json",
        Document,
        r#"{"timeSeries":[{"metric":{"type":"composer.googleapis.com/environment/executor/open_slots","labels":{"a":"1"}},"resource":{"type":"cloud_composer_environment","labels":{"environment_name":"prod"}},"metricKind":"GAUGE","valueType":"INT64","points":[{"interval":{"startTime":"2026-11-24T11:36:00Z","endTime":"2026-11-24T11:36:00Z"},"value":{"int64Value":"31"}},{"interval":{"endTime":"2026-11-24T11:35:00Z"},"value":{"doubleValue":0.5}}]}],"unit":"1"}"#,
    ),
    (
        "runs of the command line",
        "a.json",
        Document,
        r#"[{"dag_id": "shop", "run_id": "scheduled__2026-10-25T03:00:00+00:00", "state": "running", "execution_date": "2026-10-25T03:00:00+00:00", "start_date": "2026-11-24T12:21:35.440957+00:00", "end_date": ""}, {"dag_id": "shop", "run_id": "scheduled__2026-10-24T03:00:00+00:00", "state": "success", "execution_date": "2026-10-24T03:00:00+00:00", "start_date": "2026-11-24T12:20:35.440957+00:00", "end_date": "2026-11-24T12:20:45+00:00"}]"#,
    ),
    (
        "states of the command line",
        "a.json",
        Document,
        r#"[{"dag_id": "shop", "execution_date": "2026-10-24T12:00:00+00:00", "task_id": "pull", "state": "success", "start_date": "2026-11-24T12:20:00.403379+00:00", "end_date": "2026-11-24T12:20:02.660646+00:00", "map_index": "1"}, {"dag_id": "shop", "execution_date": "2026-10-24T12:00:00+00:00", "task_id": "load", "state": "failed", "start_date": "2026-11-24T12:20:00.403379+00:00", "end_date": "2026-11-24T12:20:03+00:00"}]"#,
    ),
    (
        "log of Airflow 3",
        LOG,
        Lines,
        r#"{"timestamp":"2026-11-24T12:03:07.477576Z","level":"info","event":"DAG bundles loaded: dags-folder","logger":"airflow.dag_processing.bundles.manager"}
{"timestamp":"2026-11-24T12:03:07.536829Z","level":"error","event":"Task failed with exception","logger":"task","error_detail":[{"exc_type":"ValueError","exc_value":"no \u00e4\ud83e\udd80","frames":[{"filename":"/d/shop.py","lineno":7,"name":"load"}]}]}
{"timestamp":"2026-11-24T12:03:08Z","level":"info","event":"Task finished","exit_code":0,"final_state":"success","duration":0.5}
"#,
    ),
    (
        "log on a console",
        "scheduler.log",
        Lines,
        "2026-11-24T11:52:02.665128Z [warning  ] An attribute is deprecated. [py.warnings] category=Deprecated lineno=24\n  ____\n\
         2026-11-24T11:52:05.543214Z [info     ] Starting the scheduler         [airflow.jobs.scheduler_job_runner.SchedulerJobRunner] loc=a.py:1\n",
    ),
];

const TASK_LOG: &str = "[2026-11-24T12:27:07.904+0000] {local_task_job_runner.py:123} INFO - ::group::Pre task execution logs\n\
[2026-11-24T12:27:08.172+0000] {taskinstance.py:2614} INFO - Dependencies all met for dep_context=requeueable deps ti=<TaskInstance: shop.load scheduled__2026-11-21T00:00:00+00:00 [queued]>\n\
[2026-11-24T12:27:08.306+0000] {taskinstance.py:2867} INFO - Starting attempt 1 of 5\n\
[2026-11-24T12:27:08.912+0000] {taskinstance.py:3310} ERROR - Task failed with exception\n\
Traceback (most recent call last):\n  File \"/d/shop.py\", line 7, in load\nValueError: no \u{e4}\u{1f980}\n\
[2026-11-24T12:27:09.294+0000] {taskinstance.py:1226} INFO - Marking task as UP_FOR_RETRY. dag_id=shop, task_id=load, run_id=scheduled__2026-11-21T00:00:00+00:00, execution_date=20261121T000000, start_date=20261124T122708, end_date=20261124T122709\n";

const EVENTS: &str = r#"{"eventTime":"2026-11-24T20:34:35.516320+00:00","eventType":"START","inputs":[],"outputs":[],"job":{"facets":{"jobType":{"integration":"AIRFLOW","jobType":"TASK"}},"name":"shop.load"},"run":{"facets":{"airflow":{"dag":{"dag_id":"shop"},"dagRun":{"dag_id":"shop","run_id":"scheduled__2026-11-21T00:00:00+00:00","run_type":"scheduled"},"task":{"mapped":false,"operator_class":"PythonOperator","task_id":"load"},"taskInstance":{"pool":"default_pool","try_number":1}},"processing_engine":{"name":"Airflow","version":"2.10.5"}},"runId":"01a1fb67-1800-7000-8000-000000000001"}}
{"eventTime":"2026-11-24T20:34:35.880781+00:00","eventType":"FAIL","inputs":[],"outputs":[],"job":{"facets":{"jobType":{"integration":"AIRFLOW","jobType":"TASK"}},"name":"shop.load"},"run":{"facets":{"airflow":{"dag":{"dag_id":"shop"},"dagRun":{"dag_id":"shop","run_id":"scheduled__2026-11-21T00:00:00+00:00","run_type":"scheduled"},"task":{"mapped":false,"operator_class":"PythonOperator","task_id":"load"},"taskInstance":{"duration":0.36,"pool":"default_pool","try_number":1}},"processing_engine":{"name":"Airflow","version":"2.10.5"}},"runId":"01a1fb67-1800-7000-8000-000000000001"}}
"#;

/// A file of each kind.
pub(super) fn all() -> Vec<Sample> {
    let heads = HEADS.iter().map(|(kind, path, form, file, bytes)| (*kind, *path, *form, head(file, *bytes)));
    let pages = PAGES.iter().map(|(kind, file, keep)| (*kind, "a.json", Document, page(file, *keep)));
    let texts = TEXTS.iter().map(|(kind, path, form, text)| (*kind, *path, *form, text.as_bytes().to_vec()));
    let fetched = serde_json::json!({ "content": format!("[('vm', {TASK_LOG:?})]"), "continuation_token": null });
    let others = [
        ("task's log", LOG, Lines, TASK_LOG.as_bytes().to_vec()),
        ("OpenLineage events", "events.ndjson", Lines, EVENTS.as_bytes().to_vec()),
        ("log of the API", LOG, Document, fetched.to_string().into_bytes()),
        ("logs in an archive", "logs.tar", Binary, archive()),
        ("metadata database", "airflow.db", Binary, database()),
    ];
    heads
        .chain(pages)
        .chain(texts)
        .chain(others)
        .map(|(kind, path, form, bytes)| Sample { kind, path, form, bytes })
        .collect()
}

/// The first whole lines of a file, up to a number of bytes.
fn head(file: &str, bytes: usize) -> Vec<u8> {
    let path = dataset(file);
    let mut text = if file.ends_with(".gz") { unpacked(&path) } else { std::fs::read(&path).expect("read") };
    if text.len() > bytes {
        let end = text[..bytes].iter().rposition(|byte| *byte == b'\n').expect("a whole line");
        text.truncate(end + 1);
    }
    text
}

/// A page with the first elements of each list alone.
fn page(file: &str, keep: usize) -> Vec<u8> {
    let mut page: Value = serde_json::from_slice(&unpacked(&dataset(file))).expect("JSON");
    shorten(&mut page, keep);
    serde_json::to_vec_pretty(&page).expect("JSON")
}

fn shorten(value: &mut Value, keep: usize) {
    match value {
        Value::Array(list) => {
            list.truncate(keep);
            list.iter_mut().for_each(|value| shorten(value, keep));
        }
        Value::Object(object) => object.values_mut().for_each(|value| shorten(value, keep)),
        _ => {}
    }
}

fn archive() -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for task in ["load", "save"] {
        let mut header = tar::Header::new_ustar();
        header.set_size(TASK_LOG.len() as u64);
        header.set_cksum();
        let path = LOG.replace("load", task);
        builder.append_data(&mut header, path, TASK_LOG.as_bytes()).expect("appended");
    }
    builder.into_inner().expect("an archive")
}

fn database() -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("airflow.db");
    let connection = rusqlite::Connection::open(&path).expect("a database");
    let rows: String = (0..12)
        .map(|n| {
            format!(
                "INSERT INTO task_instance VALUES ('load', 'shop', 'manual__{n}', -1, '2026-11-22 00:{n:02}:05+00:00', \
                 '2026-11-22 00:{n:02}:35+00:00', 30.0, 'success', 1, 'default_pool');
                 INSERT INTO dag_run VALUES ({n}, 'shop', 'manual__{n}', 'success', '2026-11-22 00:{n:02}:00+00:00', \
                 '2026-11-22 00:{n:02}:40+00:00', 'manual', '2026-11-22 00:{n:02}:00+00:00');"
            )
        })
        .collect();
    let tables = "PRAGMA page_size = 512;
        CREATE TABLE task_instance (task_id, dag_id, run_id, map_index, start_date, end_date, duration, state, try_number, pool);
        CREATE TABLE dag_run (id, dag_id, run_id, state, start_date, end_date, run_type, execution_date);";
    connection.execute_batch(&format!("{tables}{rows}")).expect("rows");
    drop(connection);
    std::fs::read(path).expect("read")
}
