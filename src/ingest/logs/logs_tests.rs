//! Tests of the reader as a whole: entries of each format, what goes with them, and that each line is told exactly once.

use super::*;
use crate::{
    ingest::sink::Collected,
    model::{LogEvent, Row},
};
use proptest::prelude::*;

fn read(path: &str, text: &str) -> Collected {
    let format = Format::recognise(text.as_bytes(), path).expect("a log");
    read_as(format, path, text.as_bytes())
}

fn read_as(format: Format, path: &str, mut bytes: &[u8]) -> Collected {
    let mut sink = Collected::default();
    Reader::new().read(format, path, &mut bytes, &Hints::default(), &mut sink).expect("no halt");
    sink
}

fn events(sink: &Collected) -> Vec<&LogEvent> {
    fn event(row: &Row) -> &LogEvent {
        match row {
            Row::Log(event) => event,
            row => panic!("{row:?}"),
        }
    }
    sink.rows.iter().map(event).collect()
}

const FAILED: &str = "\
Using config from env
[2026-11-24T12:31:03.473+0000] {ecom_lib.py:170} WARNING - Upstream of d.t looks unhealthy, token=abc123
[2026-11-24T12:31:03.974+0000] {taskinstance.py:3313} ERROR - Task failed with exception
Traceback (most recent call last):
  File \"/opt/airflow/dags/ecom_lib.py\", line 171, in run_step
    _fail(spec[\"fail\"], app)
ConnectionRefusedError: [Errno 111] Connection refused
[2026-11-24T12:31:04.000+0000] {taskinstance.py:1} INFO - 
-----------
[2026-11-24T12:31:03.900+0000] {taskinstance.py:1} INFO - 
===========
DAG File Processing Stats";

#[test]
fn entries_of_a_text_log() {
    let sink = read("/x/dag_id=d/run_id=r/task_id=t/map_index=3/attempt=2.log", FAILED);
    let events = events(&sink);
    let lines: Vec<_> = events.iter().map(|e| (e.line, e.lines, e.gap_s)).collect();
    assert_eq!(lines, [(1, 1, None), (2, 1, Some(0.501)), (3, 5, Some(0.026)), (8, 2, Some(-0.1)), (10, 3, None)]);
    let texts: Vec<&str> = events.iter().map(|e| &*e.template).collect();
    assert_eq!(
        texts,
        [
            "Using config from env",
            "Upstream of d.t looks unhealthy, token=<*>",
            "Task failed with exception",
            "",
            "DAG File Processing Stats",
        ]
    );
    assert_eq!(events[0].ts, None);
    assert_eq!(events[1].message.as_deref(), Some("Upstream of d.t looks unhealthy, token=***"));
    assert_eq!(events[2].exception.as_deref(), Some("ConnectionRefusedError"));
    assert_eq!((events[2].level.as_deref(), events[2].logger.as_deref()), (Some("ERROR"), Some("taskinstance.py")));
    assert_eq!((events[3].message.as_deref(), events[3].level.as_deref()), (None, Some("INFO")));
    for event in events {
        assert_eq!(&*event.source, "dag_id=d/run_id=r/task_id=t/map_index=3/attempt=2.log");
        assert_eq!(
            (event.dag_id.as_deref(), event.run_id.as_deref(), event.task_id.as_deref()),
            (Some("d"), Some("r"), Some("t"))
        );
        assert_eq!((event.map_index, event.try_number), (Some(3), Some(2)));
    }
}

#[test]
fn entries_of_the_console_of_3_x() {
    let text = "\
  ____________       _____________
2026-11-24T11:52:05.543214Z [info     ] 2 tasks up for execution:
\t<TaskInstance: a.b r [scheduled]>
\t<TaskInstance: a.c r [scheduled]> [airflow.jobs.Runner] loc=x.py:1
2026-11-24 11:52:06.543214+00:00 [\x1b[31merror    \x1b[0m] Task crashed [task] dag_id=a task_id=b run_id=r try_number=2 map_index=-1
2026-11-24T11:53:28.776972Z [info     ] DagRun Finished: dag_id=ml, logical_date=2026-08-22 03:00:00+00:00, run_id=q, run_start_date=2026-11-24 11:52:08.333365+00:00, run_end_date=2026-11-24 11:53:28.776863+00:00, run_duration=80.443498, state=success, run_type=scheduled, data_interval_end=2026-08-22 03:00:00+00:00, [airflow.models.dagrun.DagRun] loc=dagrun.py:1315";
    let sink = read("logs/scheduler.log", text);
    let events = events(&sink);
    assert_eq!(&*events[1].template, "<*> tasks up for execution:");
    assert_eq!((events[1].lines, events[1].logger.as_deref()), (3, Some("airflow.jobs.Runner")));
    assert_eq!((events[2].level.as_deref(), events[2].message.as_deref()), (Some("ERROR"), Some("Task crashed")));
    assert_eq!(
        (events[2].dag_id.as_deref(), events[2].try_number, events[2].gap_s),
        (Some("a"), Some(2), Some(82.233758))
    );
    assert_eq!((events[3].dag_id.as_deref(), events[3].run_id.as_deref()), (Some("ml"), Some("q")));
    let [Row::Run(run)] = &sink.implied[..] else { panic!("{:?}", sink.implied) };
    assert_eq!(run.ended_at.map(|t| t.to_string()).as_deref(), Some("2026-11-24T11:53:28.776863Z"));
    assert_eq!(&*events[0].source, "logs/scheduler.log");
}

#[test]
fn entries_of_json_lines() {
    let text = "\
{\"timestamp\":\"2026-11-24T12:00:01.5Z\",\"level\":\"info\",\"event\":\"::group::Pre Execute\",\"logger\":\"task\"}
plain output of the task
{\"timestamp\":\"2026-11-24T12:00:02Z\",\"level\":\"error\",\"event\":\"two\\nlines\",\"dag_id\":\"d\",\"task_id\":\"t\",\"run_id\":\"r\",\"error_detail\":[{\"exc_type\":\"KeyError\"}]}
{\"timestamp\":\"2026-11-24T12:00:03Z\",\"level\":\"info\",\"event\":\"cut";
    let sink = read("download.json", text);
    let events = events(&sink);
    assert_eq!(events.iter().map(|e| (e.line, e.lines)).collect::<Vec<_>>(), [(1, 2), (3, 1)]);
    assert_eq!((events[1].message.as_deref(), events[1].exception.as_deref()), (Some("two"), Some("KeyError")));
    assert_eq!((events[1].dag_id.as_deref(), events[1].logger.as_deref()), (Some("d"), None));
    assert_eq!(sink.faults, [(Some(4), Fault::new("not a whole JSON line"))]);
}

#[test]
fn a_log_fetched_from_airflow_names_its_file() {
    let text = "\
vm
 INFO - ::group::Log message source details
*** Found local files:
***   * /opt/logs/dag_id=orders_etl/run_id=scheduled__2026-09-10T02:00:00+00:00/task_id=transform.enrich_orders/attempt=1.log
[2026-11-24T11:51:29.483+0000] {taskinstance.py:2614} INFO - Dependencies all met for dep_context=non-requeueable deps
[2026-11-24T11:51:29.641+0000] {taskinstance.py:2867} INFO - Starting attempt 1 of 3
[2026-11-24T11:51:32.925+0000] {taskinstance.py:353} INFO - Marking task as SUCCESS. dag_id=orders_etl, task_id=transform.enrich_orders";
    let sink = read("log.txt", text);
    let [Row::Run(run), Row::Attempt(attempt)] = &sink.implied[..] else { panic!("{:?}", sink.implied) };
    assert_eq!(
        (&*attempt.task_id, attempt.try_number, &*run.run_id),
        ("transform.enrich_orders", Some(1), &*attempt.run_id)
    );
    let events = events(&sink);
    assert_eq!((events[0].lines, events[1].task_id.as_deref()), (4, Some("transform.enrich_orders")));
}

#[test]
fn a_log_of_the_rest_api() {
    let file = "/l/dag_id=d/run_id=r/task_id=t/attempt=2.log";
    let v1 = format!(
        r#"{{"content": "[('vm', '***   * {file}\\n[2026-11-24T12:00:00Z] {{a.py:1}} INFO - Starting attempt 2 of 3')]"}}"#
    );
    let v2 = format!(
        r#"{{"content":[{{"event":"{file}"}},{{"timestamp":"2026-11-24T12:00:00Z","event":"::group::Pre Execute"}}]}}"#
    );
    for text in [v1, v2] {
        let sink = read("log.json", &text);
        assert_eq!(sink.rows.len(), 2, "{text}");
        assert!(
            matches!(&sink.implied[..], [Row::Run(_), Row::Attempt(a)] if a.try_number == Some(2)),
            "{:?}",
            sink.implied
        );
    }
    let cut = read_as(Format::Fetched, "log.json", br#"{"content":[{"event":"x"}"#);
    assert_eq!((cut.rows.len(), cut.faults.len()), (0, 1));
}

#[test]
fn a_clock_without_an_offset_is_told_of_once() {
    let text = "[2026-11-24 12:21:16,889] {a.py:1} INFO - x\n[2026-11-24 12:21:17,889] {a.py:1} INFO - y\n";
    let (mut reader, mut sink) = (Reader::new(), Collected::default());
    let hints = Hints { utc_offset_s: Some(7_200) };
    for path in ["a/1.log", "a/2.log"] {
        reader.read(Format::Text, path, &mut text.as_bytes(), &hints, &mut sink).expect("no halt");
    }
    assert_eq!(events(&sink)[0].ts.map(|t| t.to_string()).as_deref(), Some("2026-11-24T10:21:16.889Z"));
    assert_eq!(sink.warnings.len(), 1);
    assert!(sink.warnings[0].contains("+2.00 hours from UTC"), "{}", sink.warnings[0]);
    assert_eq!(read("a.log", FAILED).warnings.len(), 0);
    let marked = read("a.log", "\u{feff}[2026-11-24T12:00:00Z] {a.py:1} INFO - x");
    assert!(events(&marked)[0].ts.is_some(), "a byte order mark is no part of the first line");
    let bare = read_as(Format::Text, "a.log", b"Traceback (most recent call last):\n  x\nKeyError: 'a'");
    assert_eq!(events(&bare)[0].exception.as_deref(), Some("KeyError"));
}

#[test]
fn what_became_of_a_template_is_known_in_the_end() {
    let text = "[2026-11-24T12:00:00Z] {a.py:1} INFO - into dim_a\n[2026-11-24T12:00:00Z] {a.py:1} INFO - into dim_b\n";
    let (mut reader, mut sink) = (Reader::new(), Collected::default());
    reader.read(Format::Text, "a.log", &mut text.as_bytes(), &Hints::default(), &mut sink).expect("no halt");
    let templates = events(&sink).iter().map(|event| event.template.to_string()).collect::<Vec<_>>();
    assert_eq!((templates, reader.templates()), (vec!["into dim_a".to_owned(), "into <*>".to_owned()], 1));
    assert_eq!(reader.generalised(), [("into dim_a".into(), "into <*>".into())].into());
}

#[test]
fn a_long_message_is_cut_at_a_character() {
    let text = format!("[2026-11-24T12:00:00Z] {{a.py:1}} WARNING - {}", "é".repeat(2_000));
    let sink = read("a.log", &text);
    assert_eq!(events(&sink)[0].message.as_deref().map(|m| m.chars().count()), Some(500));
}

#[test]
fn what_is_no_log_is_not_claimed() {
    let attempt = "dag_id=d/run_id=r/task_id=t/attempt=1.log";
    assert_eq!(Format::recognise(b"", attempt), Some(Format::Text));
    for (head, path) in [
        ("", "x.log"),
        ("dag_id,task_id,run_id\nd,t,r\n", "ti.csv"),
        ("{\"task_instances\":[],\"total_entries\":0}", "x.json"),
        ("{\n  \"content\": \"[2026-11-24T12:31:03.473+0000] {a.py:1} INFO - x\"\n}", "page.json"),
        ("{\"eventType\":\"START\",\"eventTime\":\"2026-11-24T12:15:59Z\",\"run\":{}}\n", "lineage.ndjson"),
        ("1795520058.335951 airflow.ti.finish:1|c\n", "statsd.txt"),
        ("[2026-11-24T12:31:03Z] {a.py:1} INFO - x\n[{\"dag_id\": \"d\"}]", "list_runs.json"),
        ("# HELP x y\n# TYPE x gauge\nx 1\n", "x.prom"),
        ("2026-11-24 11:33:34.123 UTC [123] LOG:  duration: 1 ms\n", "postgres.log"),
        ("SQLite format 3\0[2026-11-24T12:31:03Z] {a.py:1} INFO - x", "airflow.db"),
    ] {
        assert_eq!(Format::recognise(head.as_bytes(), path), None, "{path}");
    }
    let colours = "[\u{1b}[34m2026-11-24 12:27:53,113\u{1b}[0m] {\u{1b}[34mdb.py:\u{1b}[0m684} INFO\u{1b}[0m - x\n";
    assert_eq!(Format::recognise(colours.as_bytes(), "x.log"), Some(Format::Text));
    assert_eq!(Format::Json.label(), "log (Airflow 3, JSON lines)");
}

proptest! {
    /// Pieces of lines, so that entries, continuations and near misses meet in every order.
    #[test]
    fn every_line_is_told_exactly_once(
        pieces in prop::collection::vec(prop_oneof![
            Just("[2026-11-24T12:31:03.473+0000] {a.py:1} WARNING - ".to_owned()),
            Just("2026-11-24T11:52:05Z [info     ] x [l] k=v".to_owned()),
            Just("{\"event\":\"x\",\"level\":\"info\"}".to_owned()),
            Just("{\"event\":\"x\",\"level".to_owned()),
            Just("Starting attempt 1 of 2".to_owned()),
            Just("Marking task as SUCCESS. dag_id=a, task_id=b, run_id=c".to_owned()),
            Just("AIRFLOW_CTX_DAG_ID=a\u{1b}[0m".to_owned()),
            Just("Traceback (most recent call last):\nE: x".to_owned()),
            Just("\n".to_owned()),
            any::<String>(),
        ], 0..30),
        format in prop_oneof![Just(Format::Text), Just(Format::Json), Just(Format::Console)],
        is_placed in any::<bool>(),
    ) {
        let text = pieces.concat();
        let path = if is_placed { "dag_id=d/run_id=r/task_id=t/attempt=1.log" } else { "x.log" };
        let sink = read_as(format, path, text.as_bytes());
        let told: i64 = events(&sink).iter().map(|event| i64::from(event.lines)).sum();
        let lines = text.split_inclusive('\n').count();
        prop_assert_eq!(told + sink.faults.len() as i64, lines as i64);
        prop_assert_eq!(sink.ignored.len(), 0);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), format in 0_usize..4) {
        let format = [Format::Text, Format::Json, Format::Console, Format::Fetched][format];
        let _ = (read_as(format, "a/b", &bytes), Format::recognise(&bytes, "a/b"));
    }
}
