//! Names that Airflow 1.10 to 3.3 and an exporter really sent.

use super::*;

fn ids() -> Ids {
    let mut ids = Ids::default();
    for (dag_id, task_id) in [
        ("orders_etl", "transform.enrich_orders"),
        ("inventory_sync", "pull_stock"),
        ("ml_features", "train_ranker"),
        ("marketing_attribution", "ads.extract_ad_spend"),
        ("users_sync", "extract_users"),
    ] {
        ids.insert(&dag_id.into(), &task_id.into());
    }
    ids
}

/// Metric and labels, and `?` in front where ids are unknown.
fn shown(resolved: &Resolved<'_>, labels: &mut Labels<'_>) -> String {
    let mut json = String::new();
    labels.write(&mut json).expect("short");
    format!("{}{}{json}", if resolved.unresolved { "?" } else { "" }, resolved.metric)
}

fn check(resolve: for<'a> fn(&'a str, &mut Labels<'_>, &Ids) -> Resolved<'a>, cases: &[(&str, &str)]) {
    for (name, want) in cases {
        let mut labels = Labels::default();
        let resolved = resolve(name, &mut labels, &ids());
        assert_eq!(shown(&resolved, &mut labels), *want, "{name}");
    }
}

#[test]
fn dotted_names() {
    check(
        dotted,
        &[
            (
                "airflow.dag.orders_etl.transform.enrich_orders.duration",
                r#"airflow.task.duration{"dag_id":"orders_etl","task_id":"transform.enrich_orders"}"#,
            ),
            (
                "airflow.dag.inventory_sync.pull_stock.queued_duration",
                r#"airflow.task.queued_duration{"dag_id":"inventory_sync","task_id":"pull_stock"}"#,
            ),
            (
                "airflow.ti.finish.orders_etl.transform.enrich_orders.up_for_retry",
                r#"airflow.ti.finish{"dag_id":"orders_etl","state":"up_for_retry","task_id":"transform.enrich_orders"}"#,
            ),
            (
                "airflow.local_task_job.task_exit.1077.ml_features.train_ranker.-9",
                r#"airflow.local_task_job.task_exit{"dag_id":"ml_features","return_code":"-9","task_id":"train_ranker"}"#,
            ),
            (
                "airflow.ti.scheduled.default.marketing_attribution.ads__extract_ad_spend",
                r#"airflow.ti.scheduled{"dag_id":"marketing_attribution","queue":"default","task_id":"ads.extract_ad_spend"}"#,
            ),
            ("airflow.pool.open_slots.wms_api", r#"airflow.pool.open_slots{"pool":"wms_api"}"#),
            (
                "airflow.task_instance_created-DummyOperator",
                r#"airflow.task_instance_created{"task_type":"DummyOperator"}"#,
            ),
            (
                "airflow.operator_successes_PythonOperator",
                r#"airflow.operator_successes{"task_type":"PythonOperator"}"#,
            ),
            ("airflow.dagrun.duration.success.a.b", r#"airflow.dagrun.duration.success{"dag_id":"a.b"}"#),
            (
                "airflow.dagrun.orders_etl.first_task_scheduling_delay",
                r#"airflow.dagrun.first_task_scheduling_delay{"dag_id":"orders_etl"}"#,
            ),
            (
                "airflow.dag_processing.last_duration.dags-folder.x",
                r#"airflow.dag_processing.last_duration{"file_name":"dags-folder.x"}"#,
            ),
            ("airflow.triggers.running.vm", r#"airflow.triggers.running{"hostname":"vm"}"#),
            ("prod.airflow.pool.open_slots.x", r#"prod.airflow.pool.open_slots{"pool":"x"}"#),
            ("airflow.task.duration", "airflow.task.duration{}"),
            ("airflow.scheduler_heartbeat", "airflow.scheduler_heartbeat{}"),
            ("airflow.dag.orders_etl.nobody.duration", "?airflow.dag.orders_etl.nobody.duration{}"),
            ("datadog.dogstatsd.client.metrics", "datadog.dogstatsd.client.metrics{}"),
        ],
    );
}

#[test]
fn names_with_tags_need_no_known_ids() {
    let mut labels = Labels::default();
    labels.add("dag_id", "new_dag");
    labels.add("task_id", "a.b");
    let resolved = dotted("airflow.ti.finish.new_dag.a.b.success", &mut labels, &Ids::default());
    let want = r#"airflow.ti.finish{"dag_id":"new_dag","state":"success","task_id":"a.b"}"#;
    assert_eq!(shown(&resolved, &mut labels), want);
}

#[test]
fn flat_names() {
    check(
        flat,
        &[
            (
                "airflow_dag_orders_etl_transform_enrich_orders_duration",
                r#"airflow_task_duration{"dag_id":"orders_etl","task_id":"transform.enrich_orders"}"#,
            ),
            (
                "airflow_dag_orders_etl_transform_enrich_orders_queued_duration_sum",
                r#"airflow_task_queued_duration_sum{"dag_id":"orders_etl","task_id":"transform.enrich_orders"}"#,
            ),
            (
                "airflow_ti_finish_inventory_sync_pull_stock_up_for_retry",
                r#"airflow_ti_finish{"dag_id":"inventory_sync","state":"up_for_retry","task_id":"pull_stock"}"#,
            ),
            (
                "airflow_local_task_job_task_exit_1122_inventory_sync_pull_stock_0",
                r#"airflow_local_task_job_task_exit{"dag_id":"inventory_sync","job_id":"1122","return_code":"0","task_id":"pull_stock"}"#,
            ),
            ("airflow_pool_queued_slots_warehouse", r#"airflow_pool_queued_slots{"pool":"warehouse"}"#),
            (
                "airflow_dagrun_dependency_check_users_sync_sum",
                r#"airflow_dagrun_dependency_check_sum{"dag_id":"users_sync"}"#,
            ),
            ("airflow_dagrun_dependency_check_nobody_sum", "airflow_dagrun_dependency_check_nobody_sum{}"),
            ("airflow_dag_x_y_duration", "?airflow_dag_x_y_duration{}"),
            ("airflow_operator_successes_total", "airflow_operator_successes_total{}"),
            (
                "airflow_operator_successes_BashOperator_total",
                r#"airflow_operator_successes_total{"task_type":"BashOperator"}"#,
            ),
            ("airflow_task_duration_sum", "airflow_task_duration_sum{}"),
            ("airflow_dag_processing_total_parse_time", "airflow_dag_processing_total_parse_time{}"),
            ("node_load1", "node_load1{}"),
        ],
    );
}

#[test]
fn both_names_of_a_metric_are_one_family() {
    let family = |name: &str| dotted(name, &mut Labels::default(), &ids()).name;
    let (old, new) = (family("airflow.task_instance_created-DummyOperator"), family("airflow.task_instance_created"));
    assert_eq!(old.map(|name| name.family), new.map(|name| name.family));
    assert_eq!(new.map(|name| name.legacy), Some(false));
    assert!(family("airflow.dagrun.x.first_task_scheduling_delay").is_some_and(|name| name.doubled));
    assert_eq!(family("airflow.scheduler_heartbeat"), None);
}
