//! Events as the provider for Airflow 2.10.5 wrote them to a file, without the facets that are not read.

use super::*;
use crate::ingest::sink::Collected;
use proptest::prelude::*;
use std::borrow::Cow;

fn plain(text: &str) -> Cow<'_, str> {
    text.into()
}

fn of(text: &str) -> Collected {
    let mut sink = Collected::default();
    read(&mut text.as_bytes(), plain, &mut sink).expect("no halt");
    sink
}

fn dag_event(kind: &str, time: &str) -> String {
    format!(
        r#"{{"eventTime":"{time}","eventType":"{kind}","inputs":[],"job":{{"facets":{{"airflow":{{"taskGroups":{{}},"taskTree":{{}},"tasks":{{"flaky":{{"downstream_task_ids":["grp_done"],"operator":"x"}},"pull":{{"downstream_task_ids":["broken","flaky"]}},"grp_done":{{"downstream_task_ids":[]}}}}}},"jobType":{{"integration":"AIRFLOW","jobType":"DAG"}}}},"name":"shop","namespace":"n"}},"outputs":[],"run":{{"facets":{{"airflowDagRun":{{"dag":{{"dag_id":"shop","owner":"ops"}},"dagRun":{{"conf":{{}},"dag_id":"shop","run_id":"scheduled__2026-11-21T00:00:00+00:00","run_type":"scheduled","start_date":"2026-11-24T20:34:13.185319+00:00"}}}},"nominalTime":{{"nominalStartTime":"2026-11-21T00:00:00+00:00"}}}},"runId":"01a1fb67-1800-7c7c-8c7c-4e6f9bb6c2ff"}}}}"#
    ) + "\n"
}

fn task_event(kind: &str, time: &str, try_number: i32, duration: &str, version: &str) -> String {
    format!(
        r#"{{"eventTime":"{time}","eventType":"{kind}","inputs":[],"outputs":[],"job":{{"facets":{{"jobType":{{"integration":"AIRFLOW","jobType":"TASK"}}}},"name":"shop.flaky"}},"run":{{"facets":{{"airflow":{{"dag":{{"dag_id":"shop","tags":"['a']"}},"dagRun":{{"dag_id":"shop","run_id":"scheduled__2026-11-21T00:00:00+00:00","run_type":"scheduled","start_date":"2026-11-24T20:34:13.185319+00:00"}},"task":{{"downstream_task_ids":"{{'grp_done'}}","mapped":false,"operator_class":"_PythonDecoratedOperator","priority_weight":1,"queue":"default","retries":1,"task_id":"flaky","trigger_rule":"all_success"}},"taskInstance":{{{duration}"pool":"default_pool","queued_dttm":"2026-11-24T20:34:32.488148+00:00","try_number":{try_number}}}}},"processing_engine":{{"name":"Airflow","version":"{version}"}}}},"runId":"01a1fb67-1800-7000-8000-00000000000{try_number}"}}}}"#
    ) + "\n"
}

fn attempt(row: &Row) -> &Attempt {
    match row {
        Row::Attempt(attempt) => attempt,
        other => panic!("{other:?}"),
    }
}

fn at(text: &str) -> Option<Timestamp> {
    super::super::fields::parse_instant(text).map(|(time, _)| time)
}

#[test]
fn what_a_try_wrote_is_its_volume_else_what_it_read() {
    let event = task_event("COMPLETE", "2026-11-24T20:34:35Z", 1, "", "2.10.5");
    let dataset = |side: &str, facet: &str, inside: &str| {
        format!(r#"{{"name":"t","namespace":"n","{side}Facets":{{"{facet}":{{"_producer":"p",{inside}}}}}}}"#)
    };
    let wrote = [r#""rowCount":700,"size":9000"#, r#""rowCount":300,"fileCount":2"#];
    let outputs = wrote.map(|inside| dataset("output", "outputStatistics", inside)).join(",");
    let inputs = dataset("input", "inputStatistics", r#""rowCount":5"#);
    let with = |outputs: &str, inputs: &str| {
        let text = event.replace(r#""outputs":[]"#, &format!(r#""outputs":[{outputs}]"#));
        text.replace(r#""inputs":[]"#, &format!(r#""inputs":[{inputs}]"#))
    };
    let volumes = |text: &str| {
        let sink = of(text);
        assert!(sink.faults.is_empty(), "{sink:?}");
        let volume = |row: &Row| match row {
            Row::Volume(volume) => Some((volume.task_id.to_string(), volume.rows, volume.bytes)),
            _ => None,
        };
        sink.rows.iter().chain(&sink.implied).filter_map(volume).collect::<Vec<_>>()
    };
    assert_eq!(volumes(&with(&outputs, &inputs)), [("flaky".to_owned(), Some(1_000), Some(9_000))]);
    assert_eq!(volumes(&with("", &inputs)), [("flaky".to_owned(), Some(5), None)]);
    assert_eq!(volumes(&with(&dataset("output", "outputStatistics", r#""rowCount":-3"#), "")), []);
    assert_eq!(volumes(&with(&outputs, "").replace("COMPLETE", "FAIL")), []);
}

#[test]
fn the_events_of_a_try_are_rows_of_one_attempt() {
    let text = task_event("START", "2026-11-24T20:34:35.516320+00:00", 1, "", "2.10.5")
        + &task_event("FAIL", "2026-11-24T20:34:35.880781+00:00", 1, "\"duration\":0.363606,", "2.10.5")
        // The next try still carries the duration of the one before when it starts.
        + &task_event("START", "2026-11-24T20:34:44.050438+00:00", 2, "\"duration\":0.363606,", "2.10.5");
    let sink = of(&text);
    assert!(sink.faults.is_empty() && sink.rows.len() == 3, "{sink:?}");
    let (start, fail, again) = (attempt(&sink.rows[0]), attempt(&sink.rows[1]), attempt(&sink.rows[2]));
    assert_eq!((&*start.dag_id, &*start.task_id, start.map_index, start.try_number), ("shop", "flaky", -1, Some(1)));
    assert_eq!(
        (&start.state, start.started_at, start.ended_at),
        (&Some(TaskState::Running), at("2026-11-24T20:34:35.516320Z"), None)
    );
    assert_eq!(start.queued_at, at("2026-11-24T20:34:32.488148Z"));
    assert_eq!(fail.state, Some(TaskState::Failed));
    // As the database has it: the listener spoke a millisecond later.
    assert_eq!(fail.ended_at, at("2026-11-24T20:34:35.879926Z"));
    assert_eq!((fail.started_at, fail.duration_s), (start.started_at, Some(0.363606)));
    assert!(fail.updated_at > start.updated_at, "the later event is the newer word");
    assert_eq!((again.try_number, again.duration_s, again.ended_at), (Some(2), None, None));
}

#[test]
fn an_end_without_its_start_ends_when_it_was_told() {
    let sink = of(&task_event("COMPLETE", "2026-11-24T20:34:44.294415+00:00", 2, "\"duration\":0.220441,", "2.10.5"));
    let end = attempt(&sink.rows[0]);
    assert_eq!((end.started_at, end.ended_at), (None, at("2026-11-24T20:34:44.294415Z")));
    assert_eq!((end.state.as_ref(), end.try_number), (Some(&TaskState::Success), Some(2)));
}

#[test]
fn an_end_without_facets_is_of_the_try_that_its_start_named() {
    let bare = |kind: &str, last: u32| {
        format!(
            r#"{{"eventTime":"2026-11-24T20:34:44Z","eventType":"{kind}","job":{{"name":"shop.flaky"}},"run":{{"runId":"01a1fb67-1800-7000-8000-00000000000{last}"}}}}"#
        ) + "\n"
    };
    let sink = of(&(task_event("START", "2026-11-24T20:34:34Z", 1, "", "2.7.0")
        + &bare("RUNNING", 1)
        + &bare("COMPLETE", 1)
        + &bare("COMPLETE", 1)));
    let end = attempt(&sink.rows[1]);
    assert_eq!((&*end.dag_id, &*end.task_id, end.try_number), ("shop", "flaky", Some(1)));
    assert_eq!((end.started_at, end.ended_at), (at("2026-11-24T20:34:34Z"), at("2026-11-24T20:34:44Z")));
    assert_eq!(end.state, Some(TaskState::Success));
    assert_eq!((sink.rows.len(), sink.ignored.len()), (2, 2), "{sink:?}");
}

#[test]
fn before_2_10_a_success_counts_one_too_many() {
    for (version, number) in [("2.9.3", 1), ("2.7.0", 1), ("2.10.0", 2), ("3.0.1", 2), ("x", 2)] {
        let sink = of(&task_event("COMPLETE", "2026-11-24T20:34:44Z", 2, "", version));
        assert_eq!(attempt(&sink.rows[0]).try_number, Some(number), "{version}");
        let sink = of(&task_event("FAIL", "2026-11-24T20:34:44Z", 2, "", version));
        assert_eq!(attempt(&sink.rows[0]).try_number, Some(2), "{version}");
    }
}

#[test]
fn events_of_a_dag_are_its_run_and_its_edges() {
    let text = dag_event("START", "2026-11-24T20:34:13.185319+00:00")
        + &dag_event("COMPLETE", "2026-11-24T20:34:48.847757+00:00");
    let sink = of(&text);
    let [Row::Run(start), Row::Run(end)] = &sink.rows[..] else { panic!("{sink:?}") };
    assert_eq!(
        (&start.state, start.started_at, start.ended_at),
        (&Some(RunState::Running), at("2026-11-24T20:34:13.185319Z"), None)
    );
    assert_eq!((&end.state, end.ended_at), (&Some(RunState::Success), at("2026-11-24T20:34:48.847757Z")));
    assert_eq!((&end.run_type, end.logical_date), (&RunType::Scheduled, at("2026-11-21T00:00:00Z")));
    let edges = sink.implied.iter().map(|row| match row {
        Row::Edge(edge) => (&*edge.upstream, &*edge.downstream, edge.source),
        other => panic!("{other:?}"),
    });
    let api = EdgeSource::Api;
    assert_eq!(
        edges.collect::<Vec<_>>(),
        [("flaky", "grp_done", api), ("pull", "broken", api), ("pull", "flaky", api)]
    );
}

#[test]
fn a_task_tells_of_its_run_and_its_edges_once() {
    let text = task_event("START", "2026-11-24T20:34:35.516320+00:00", 1, "", "2.10.5").repeat(3);
    let sink = of(&text);
    let [Row::Run(run), Row::Task(task), Row::Edge(edge)] = &sink.implied[..] else { panic!("{:?}", sink.implied) };
    assert_eq!(
        (run.source, &run.state, run.started_at),
        (SourceKind::Derived, &None, at("2026-11-24T20:34:13.185319Z"))
    );
    assert_eq!((task.retries, task.trigger_rule.as_deref()), (Some(1), Some("all_success")));
    assert_eq!((&*edge.upstream, &*edge.downstream), ("flaky", "grp_done"));
}

#[test]
fn what_is_not_airflows_is_counted_by_reason() {
    let spark = r#"{"eventTime":"2026-11-24T20:34:13Z","eventType":"START","run":{"runId":"x"},"job":{"name":"s"},"outputs":[{"name":"t"}]}"#;
    let dataset = r#"{"eventTime":"2026-11-24T20:34:13Z","dataset":{"name":"t"},"schemaURL":"x"}"#;
    let no_run_id = dag_event("START", "2026-11-24T20:34:13Z").replace("\"run_id\"", "\"x\"");
    let other = dag_event("OTHER", "2026-11-24T20:34:13Z");
    let no_time = dag_event("START", "yesterday");
    let sink = of(&format!("{spark}\n{dataset}\n{no_run_id}{other}{no_time}nonsense\n{{\"run\":\n"));
    assert_eq!(
        sink.ignored,
        [
            "a lineage event of another tool than Airflow",
            "a dataset or job event: no run",
            "a lineage event without Airflow's run id",
            "a lineage event that tells no step of its run",
        ]
    );
    let faults: Vec<_> = sink.faults.iter().map(|(line, fault)| (line.unwrap_or(0), fault.kind())).collect();
    assert_eq!(
        faults,
        [(5, "eventTime is not a time"), (6, "not JSON"), (7, "the file ends inside this object: it was cut off")]
    );
    assert!(sink.warnings[0].starts_with("1 lineage events name datasets"), "{:?}", sink.warnings);
}

#[test]
fn lists_of_events_are_read_as_well() {
    let event = dag_event("START", "2026-11-24T20:34:13Z");
    for text in [format!("[{event},{event}]"), format!("{{\"events\":[{event},{event}],\"totalCount\":2}}")] {
        assert!(recognise(text.as_bytes()), "{text}");
        assert_eq!(of(&text).rows.len(), 2);
    }
}

#[test]
fn events_are_told_by_their_keys() {
    let event = dag_event("START", "2026-11-24T20:34:13Z");
    for cut in [event.len(), 200, 80] {
        assert!(recognise(&event.as_bytes()[..cut]), "{cut}");
    }
    for other in [
        r#"{"timestamp":"2026-11-24T12:20:06Z","level":"info","event":"x"}"#,
        r#"{"events":[{"dataPoint":1}]}"#,
        r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#,
        "eventTime,eventType\n",
        "",
    ] {
        assert!(!recognise(other.as_bytes()), "{other}");
    }
}

#[test]
fn run_ids_of_lineage_are_numbers() {
    assert_eq!(uuid(b"01a1fb67-1800-7c7c-8c7c-4e6f9bb6c2ff"), Some(0x01a1_fb67_1800_7c7c_8c7c_4e6f_9bb6_c2ff));
    for bad in [&b""[..], b"x", b"01a1fb67", b"01a1fb67-1800-7c7c-8c7c-4e6f9bb6c2fff"] {
        assert_eq!(uuid(bad), None);
    }
}

proptest! {
    #[test]
    fn every_line_is_told_once(lines in prop::collection::vec(0..5_usize, 0..20)) {
        let kinds = [
            dag_event("START", "2026-11-24T20:34:13Z"),
            task_event("FAIL", "2026-11-24T20:34:13Z", 1, "", "2.10.5"),
            "{\"eventTime\":1}\n".to_owned(),
            "{\"eventTime\":\"x\n".to_owned(),
            "{\"run\":{\"runId\":\"x\",}}\n".to_owned(),
        ];
        let sink = of(&lines.iter().map(|kind| kinds[*kind].as_str()).collect::<String>());
        prop_assert_eq!(sink.rows.len() + sink.ignored.len() + sink.faults.len(), lines.len());
    }

    #[test]
    fn no_bytes_panic(at in 0..900_usize, bytes in prop::collection::vec(any::<u8>(), 0..20), over in 0..40_usize) {
        let mut text = task_event("FAIL", "2026-11-24T20:34:13Z", 1, "", "2.10.5").into_bytes();
        let at = at.min(text.len());
        let to = (at + over).min(text.len());
        text.splice(at..to, bytes);
        let _ = recognise(&text);
        read(&mut &text[..], plain, &mut Collected::default()).expect("no halt");
    }
}
