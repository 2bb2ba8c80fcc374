//! Samples of real exporters, and the corners of both text formats.

use super::super::{
    Durations, Format, Hints,
    whole_tests::{hints, ids, told, told_by},
};
use super::{CREATED, NO_NUMBER};
use crate::model::Timestamp;

#[test]
fn a_scrape_without_times() {
    let got = told(
        Format::Exposition,
        "node_1795520058.prom.gz",
        b"# HELP go_gc_duration_seconds A summary of the pause duration of garbage collection cycles.\n\
          # TYPE go_gc_duration_seconds summary\n\
          go_gc_duration_seconds{quantile=\"0.5\"} 3.1827e-05\n\
          go_gc_duration_seconds_sum 0.009347589\n\
          go_gc_duration_seconds_count 89\n\
          # HELP pg_stat_database_blk_read_time Time spent reading data file blocks, in milliseconds\n\
          # TYPE pg_stat_database_blk_read_time counter\n\
          pg_stat_database_blk_read_time{datname=\"shop\"} 1500\n\
          node_load1 15.31\n",
    );
    let at = "2026-11-24T11:34:18Z";
    assert_eq!(
        got.rows,
        [
            format!(r#"go_gc_duration_seconds{{"quantile":"0.5"}} 0.000031827 seconds summary {at}"#),
            format!("go_gc_duration_seconds_sum{{}} 0.009347589 seconds summary {at}"),
            format!("go_gc_duration_seconds_count{{}} 89 - summary {at}"),
            format!(r#"pg_stat_database_blk_read_time{{"datname":"shop"}} 1.5 seconds counter {at}"#),
            format!("node_load1{{}} 15.31 - unknown {at}"),
        ]
    );
    assert_eq!(got.warnings, [format!("5 samples state no time: they were taken at {at}, as the file's name states")]);
}

#[test]
fn openmetrics_with_seconds_exemplars_and_units() {
    let got = told(
        Format::Exposition,
        "om.txt",
        b"# TYPE airflow_task_duration summary\n\
          airflow_task_duration{dag_id=\"shop_orders\",task_id=\"load\",quantile=\"0.99\"} 12.5 1760000000\n\
          # TYPE wait histogram\n# UNIT wait milliseconds\n\
          wait_bucket{le=\"+Inf\"} 10 1760000000.5 # {trace_id=\"a}b\"} 0.67 1760000000\n\
          wait_sum 2000 1760000000\n\
          # TYPE hits counter\nhits_total{path=\"a\\\\b\\\"c\\nd,}\"} 3 1760000000\nhits_created 1760000000 1760000000\n\
          x_ratio NaN 1760000000\n\
          # EOF\n",
    );
    let at = "2025-10-09T08:53:20Z";
    assert_eq!(
        got.rows,
        [
            format!(
                r#"airflow_task_duration{{"dag_id":"shop_orders","quantile":"0.99","task_id":"load"}} 12.5 seconds summary {at}"#
            ),
            r#"wait_bucket{"le":"+Inf"} 10 - histogram 2025-10-09T08:53:20.5Z"#.to_owned(),
            format!("wait_sum{{}} 2 seconds histogram {at}"),
            format!(r#"hits_total{{"path":"a\\b\"c\nd,}}"}} 3 - counter {at}"#),
        ]
    );
    assert_eq!(got.ignored, [CREATED, NO_NUMBER]);
    assert_eq!(got.warnings, ["1 exemplars (examples beside a sample) are not kept"]);
}

#[test]
fn a_dump_of_the_database() {
    let got = told(
        Format::TsdbDump,
        "x",
        b"{__name__=\"node_load1\", instance=\"127.0.0.1:9100\", job=\"node\"} 5.55 1795519356742\n\
          {__name__=\"node_load1\", instance=\"127.0.0.1:9100\", job=\"node\"} NaN 1795519361748\n\
          {__name__=\"airflow_dag_orders_etl_transform_enrich_orders_duration_sum\", job=\"a\"} 7 1795519361748\n\
          {\"my.name\", \"a.b\"=\"c\"} 1 1795519361748\n",
    );
    assert_eq!(
        got.rows,
        [
            r#"node_load1{"instance":"127.0.0.1:9100","job":"node"} 5.55 - unknown 2026-11-24T11:22:36.742Z"#,
            r#"airflow_task_duration_sum{"dag_id":"orders_etl","job":"a","task_id":"transform.enrich_orders"} 7 seconds unknown 2026-11-24T11:22:41.748Z"#,
            r#"my.name{"a.b":"c"} 1 - unknown 2026-11-24T11:22:41.748Z"#,
        ]
    );
    assert_eq!(got.ignored, [NO_NUMBER]);
}

#[test]
fn broken_samples_are_told() {
    let text = b"a_b{c=\"d} 1 1795519361748\na_b{c=d} 1\na_b\na_b x 1795519361748\na_b 1 soon\na_b 1\n{} 1 1\na_b 1 1795519361 2\n";
    let got = told(Format::Exposition, "x", text);
    let kinds: Vec<_> = got.faults.iter().map(|fault| fault.split(": `").next().unwrap_or_default()).collect();
    assert_eq!(
        kinds,
        [
            "1: the labels are not closed, or have no quotes",
            "2: the labels are not closed, or have no quotes",
            "3: the sample has no value",
            "4: the value is not a number",
            "5: the time is not a time",
            "6: the sample has no time, and neither has the file",
            "7: the sample has no name",
            "8: more stands behind the time of the sample",
        ]
    );
}

#[test]
fn the_hint_gives_the_time() {
    let (ids, durations) = (ids(), Durations::default());
    let hints = Hints { scrape_time: Some(Timestamp::from_micros(1_000_000)), ..hints(&ids, &durations) };
    let got = told_by(Format::Exposition, b"a_b 1\n", &hints);
    assert_eq!(got.rows, ["a_b{} 1 - unknown 1970-01-01T00:00:01Z"]);
    assert!(got.warnings[0].ends_with("as the file was last changed"), "{:?}", got.warnings);
}

#[test]
fn of_several_scrapes_without_times_the_first_is_read() {
    let got = told(Format::Exposition, "x_1795520058.prom", b"a_b 1\nc_d 2\na_b 3\nc_d 4\na_b 5 1795520060\n");
    assert_eq!(got.rows.len(), 3, "{:?}", got.rows);
    assert_eq!(got.rows[2], "a_b{} 5 - unknown 2026-11-24T11:34:20Z");
    let kind = "a second scrape without times in one file: when it was taken is not known";
    assert_eq!(got.faults, [format!("3: {kind}: `a_b 3`"), format!("4: {kind}: `c_d 4`")]);
}
