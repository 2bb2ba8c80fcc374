//! Lines that Airflow 1.10, 2.10 and 3.3 really sent.

use super::super::{
    Durations, Format, Hints, TimerUnit,
    whole_tests::{Told, hints, ids, told, told_by, told_with},
};
use super::ZERO;

fn read(text: &str) -> Told {
    told(Format::StatsD, "x", text.as_bytes())
}

#[test]
fn an_attempt_of_airflow_2_10() {
    let got = read(
        "1795521223.812296 airflow.ti.start.orders_etl.extract.extract_order_items:1|c\n\
         1795521223.813881 airflow.ti.start:1|c\n\
         1795521223.819516 airflow.ti.finish.orders_etl.extract.extract_order_items.None:0|c\n\
         1795521223.819560 airflow.ti.finish:0|c\n\
         1795521223.820697 airflow.task.duration:1746.733716|ms\n\
         1795521223.820735 airflow.dag.orders_etl.extract.extract_orders.duration:1746.887754|ms\n\
         1795521223.834735 airflow.dagbag_size:9|g\n\
         1795521223.873372 airflow.dag_processing.total_parse_time:0.04019878700000845|g\n",
    );
    assert_eq!(
        got.rows,
        [
            r#"airflow.ti.start{"dag_id":"orders_etl","task_id":"extract.extract_order_items"} 1 - increment 2026-11-24T11:53:43.812296Z"#,
            r#"airflow.task.duration{"dag_id":"orders_etl","task_id":"extract.extract_orders"} 1.746887754 seconds timer 2026-11-24T11:53:43.820735Z"#,
            "airflow.dagbag_size{} 9 - gauge 2026-11-24T11:53:43.834735Z",
            "airflow.dag_processing.total_parse_time{} 0.04019878700000845 seconds gauge 2026-11-24T11:53:43.873372Z",
        ]
    );
    assert_eq!(got.ignored.iter().filter(|reason| *reason == ZERO).count(), 2);
    assert_eq!(got.ignored.iter().filter(|reason| *reason == super::super::twins::UNTAGGED).count(), 2);
    assert!(got.faults.is_empty());
}

#[test]
fn airflow_3_sends_a_delay_three_times() {
    let got = read(
        "1795521218.399884 airflow.dagrun.orders_etl.first_task_scheduling_delay:8157130299.207000|ms\n\
         1795521218.399997 airflow.dagrun.orders_etl.first_task_scheduling_delay:8157130299.207000|ms\n\
         1795521218.400009 airflow.dagrun.first_task_scheduling_delay:8157130299.207000|ms\n\
         1795521218.400020 airflow.dagrun.first_task_start_delay:2370.055000|ms\n\
         1795521219.423589 airflow.dag_processing.last_duration.dags-folder.inventory_sync:0.681654|ms\n\
         1795521219.423651 airflow.dag_processing.last_duration:0.681654|ms\n",
    );
    assert_eq!(got.ignored.len(), 3);
    let delay = r#"airflow.dagrun.first_task_scheduling_delay{"dag_id":"orders_etl"} 8157130.299207 seconds timer"#;
    assert!(got.rows.iter().any(|row| row.starts_with(delay)), "{:?}", got.rows);
    let parse =
        r#"airflow.dag_processing.last_duration{"file_name":"dags-folder.inventory_sync"} 0.681654 seconds timer"#;
    assert!(got.rows.iter().any(|row| row.starts_with(parse)), "seconds, though it says ms: {:?}", got.rows);
    assert_eq!(got.rows.len(), 3);
}

#[test]
fn tags_of_influx_and_datadog() {
    let influx = read(
        "1795523640.171262 airflow.task_instance_created_PythonOperator,dag_id=users_sync,run_type=backfill:6|c\n\
         1795523640.171357 airflow.task_instance_created,dag_id=users_sync,run_type=backfill,task_type=PythonOperator:6|c\n\
         1795523642.045518 airflow.task.duration,dag_id=users_sync,task_id=extract_users:1230.357207|ms\n\
         1795523642.045904 airflow.dag.users_sync.extract_users.duration:1230.477435|ms\n",
    );
    assert_eq!(
        influx.rows,
        [
            r#"airflow.task_instance_created{"dag_id":"users_sync","run_type":"backfill","task_type":"PythonOperator"} 6 - increment 2026-11-24T12:34:00.171357Z"#,
            r#"airflow.task.duration{"dag_id":"users_sync","task_id":"extract_users"} 1.230357207 seconds timer 2026-11-24T12:34:02.045518Z"#,
        ]
    );
    assert_eq!(influx.ignored, [super::super::twins::LEGACY; 2]);
    let datadog = read(
        "1795523699.888571 airflow.task.duration:0.7904751380001471|ms|#dag_id:users_sync,task_id:extract_users\n\
         1795523699.888698 airflow.dag.users_sync.extract_users.duration:0.7906148040001426|ms\n",
    );
    assert_eq!(
        datadog.rows,
        [
            r#"airflow.task.duration{"dag_id":"users_sync","task_id":"extract_users"} 0.7904751380001471 seconds timer 2026-11-24T12:34:59.888571Z"#
        ]
    );
    assert!(datadog.warnings[0].contains("read as seconds"), "{:?}", datadog.warnings);
}

#[test]
fn rates_signs_sets_and_several_values() {
    let got = read(
        "1795520011 a:5|c|@0.1\n\
         1795520011 g:+2|g\n\
         1795520011 g:10|g\n\
         1795520012 g:-3|g\n\
         1795520012 s:user7|s\n\
         1795520013 h:1:2|h|#k:v\n\
         1795520013 p:1|c:2|g\n\
         1795520014 x:1|c y:2|c\n\
         z:3|c\n\
         1795520015 _e{1,1}:a|b\n",
    );
    let rows: Vec<_> = got.rows.iter().map(|row| row.rsplit_once(' ').map_or("", |(head, _)| head)).collect();
    assert_eq!(
        rows,
        [
            "a{} 50 - increment",
            "g{} 10 - gauge",
            "g{} 7 - gauge",
            r#"h{"k":"v"} 1 - unknown"#,
            r#"h{"k":"v"} 2 - unknown"#,
            "p{} 1 - increment",
            "p{} 2 - gauge",
            "x{} 1 - increment",
            "y{} 2 - increment",
            "z{} 3 - increment",
        ]
    );
    assert!(got.rows[9].ends_with("2026-11-24T11:33:34Z"), "the line without a time belongs to the packet before");
    assert_eq!(got.ignored.len(), 3, "{:?}", got.ignored);
    assert_eq!(got.warnings.len(), 1);
}

#[test]
fn broken_lines_and_lines_without_a_time() {
    let got =
        read("airflow.ti_successes:1|c\n1795520011 a:1|x\n1795520011 a:b|c\n1795520011 a:1|c|@2\n1795520011 nothing\n");
    assert_eq!(
        got.faults,
        [
            "1: no time of receipt stands in front of the line: `airflow.ti_successes`",
            "2: the type is none of c, g, ms, h, d, s: `x`",
            "3: the value is not a number: `b`",
            "4: the sampling rate is not between 0 and 1: `2`",
            "5: not a StatsD line: `nothing`",
        ]
    );
    assert!(got.warnings[0].starts_with("1 values have no time"), "{:?}", got.warnings);
}

#[test]
fn unknown_ids_stay_undivided_and_are_said_once() {
    let got = read("1795520011 airflow.dag.a.b.duration:5|ms\n1795520012 airflow.dag.a.c.duration:5|ms\n");
    assert_eq!(got.rows[0], "airflow.dag.a.b.duration{} 0.005 seconds timer 2026-11-24T11:33:31Z");
    assert!(got.warnings[0].starts_with("2 values are kept under names"), "{:?}", got.warnings);
}

#[test]
fn timers_are_checked_against_the_database() {
    let text: String =
        (0..9).map(|n| format!("179552001{n} airflow.dag.users_sync.extract_users.duration:1.8|ms\n")).collect();
    let mut durations = Durations::default();
    durations.insert(&"users_sync".into(), &"extract_users".into(), 2.0);
    let mended = told_with(Format::StatsD, "x", text.as_bytes(), &durations);
    assert!(mended.rows[0].contains(" 1.8 seconds timer"), "{}", mended.rows[0]);
    assert!(mended.warnings[0].starts_with("timers are 9.000e-4 times"), "{:?}", mended.warnings);
    let (ids, none) = (ids(), Durations::default());
    let stated = Hints { timer_unit: TimerUnit::Seconds, ..hints(&ids, &none) };
    let got = told_by(Format::StatsD, text.as_bytes(), &stated);
    assert!(got.rows[0].contains(" 1.8 seconds timer") && got.warnings.is_empty());
}
