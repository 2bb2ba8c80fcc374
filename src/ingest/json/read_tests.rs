//! What the reader makes of whole inputs: real answers, cut short, and broken ones.

use super::{
    kind::Kind,
    pages,
    read::{Mapped, Mapping, Settings, read},
};
use crate::{
    ingest::{
        fields::Field,
        reading::Fault,
        sink::{Collected, Halt, Sink},
        table::RowView,
    },
    model::{Attempt, Pool, Row, SourceKind},
};
use proptest::prelude::*;
use std::{borrow::Cow, collections::BTreeMap};

/// Stands in for the mapping of the database's tables: keeps what it was shown, by column.
#[derive(Default)]
struct Shown(Vec<(Kind, BTreeMap<&'static str, String>)>);

impl Mapping for Shown {
    fn map(&mut self, kind: Kind, row: &dyn RowView) -> Result<Mapped, Fault> {
        let mut cells = BTreeMap::new();
        for (at, name) in kind.columns().iter().enumerate() {
            if let Some(text) = row.field(at).text(name)? {
                cells.insert(*name, text.into_owned());
            }
        }
        let text = |name: &str| cells.get(name).map_or("", String::as_str).into();
        let made = match kind {
            _ if cells.is_empty() => return Err(Fault::new("an empty row")),
            Kind::DagRun | Kind::Dag | Kind::DagTag => {
                self.0.push((kind, cells));
                return Ok(Mapped::Ignored("a test keeps no runs and DAGs".to_owned()));
            }
            Kind::Pool => Row::Pool(Pool {
                pool: text("pool"),
                slots: row.field(1).int32("slots")?,
                include_deferred: None,
                description: None,
            }),
            _ => Row::Attempt(Attempt {
                dag_id: text("dag_id"),
                run_id: text("run_id"),
                task_id: text("task_id"),
                map_index: -1,
                try_number: None,
                state: None,
                operator: None,
                pool: None,
                pool_slots: None,
                queue: None,
                priority_weight: None,
                hostname: None,
                executor: None,
                max_tries: None,
                scheduled_at: None,
                queued_at: None,
                started_at: None,
                ended_at: None,
                duration_s: None,
                updated_at: None,
                ti_id: None,
                source: SourceKind::Rest,
                fills: None,
            }),
        };
        self.0.push((kind, cells));
        Ok(Mapped::Row(Box::new(made), Vec::new()))
    }
}

fn plain(text: &str) -> Cow<'_, str> {
    text.replace("hunter2", "***").into()
}

const SETTINGS: Settings<'_> = Settings { dag_id: None, mask: plain };

fn of(text: &str) -> (Collected, Shown, Vec<pages::Pages>) {
    let (mut sink, mut shown) = (Collected::default(), Shown::default());
    let pages = read(&mut text.as_bytes(), SETTINGS, &mut shown, &mut sink).expect("no halt");
    (sink, shown, pages)
}

/// From API v1 of Airflow 2.10.5.
const V1: &str = r#"{
  "task_instances": [
    {
      "dag_id": "ml_features",
      "dag_run_id": "scheduled__2026-08-29T03:00:00+00:00",
      "duration": 1.719184,
      "end_date": "2026-11-24T11:46:08.636924+00:00",
      "execution_date": "2026-08-29T03:00:00+00:00",
      "executor": null,
      "executor_config": "{}",
      "hostname": "vm",
      "map_index": -1,
      "max_tries": 1,
      "note": null,
      "operator": "ShortCircuitOperator",
      "pool": "default_pool",
      "pool_slots": 1,
      "priority_weight": 2,
      "queue": "default",
      "queued_when": "2026-11-24T11:46:03.671940+00:00",
      "rendered_fields": {"op_args": [], "op_kwargs": {"a": "}"}},
      "start_date": "2026-11-24T11:46:06.917740+00:00",
      "state": "success",
      "task_id": "release_day",
      "trigger": null,
      "try_number": 1
    }
  ],
  "total_entries": 4149
}"#;

#[test]
fn a_page_of_v1_reads_as_rows_of_the_database() {
    let (sink, shown, pages) = of(V1);
    let (kind, cells) = &shown.0[0];
    assert_eq!(*kind, Kind::TaskInstance);
    let want = [
        ("dag_id", "ml_features"),
        ("duration", "1.719184"),
        ("end_date", "2026-11-24T11:46:08.636924+00:00"),
        ("execution_date", "2026-08-29T03:00:00+00:00"),
        ("hostname", "vm"),
        ("map_index", "-1"),
        ("max_tries", "1"),
        ("operator", "ShortCircuitOperator"),
        ("pool", "default_pool"),
        ("pool_slots", "1"),
        ("priority_weight", "2"),
        ("queue", "default"),
        ("queued_dttm", "2026-11-24T11:46:03.671940+00:00"),
        ("run_id", "scheduled__2026-08-29T03:00:00+00:00"),
        ("start_date", "2026-11-24T11:46:06.917740+00:00"),
        ("state", "success"),
        ("task_id", "release_day"),
        ("try_number", "1"),
    ];
    assert_eq!(cells.iter().map(|(k, v)| (*k, v.as_str())).collect::<Vec<_>>(), want);
    assert_eq!((sink.rows.len(), sink.faults.len()), (1, 0));
    let Some(Row::Run(run)) = sink.implied.first() else { panic!("no run is implied") };
    assert_eq!(run.logical_date.map(|date| date.to_string()).as_deref(), Some("2026-08-29T03:00:00Z"));
    assert_eq!((run.source, &*run.dag_id), (SourceKind::Derived, "ml_features"));
    assert_eq!((pages[0].rows, pages[0].total_entries), (1, Some(4149)));
}

#[test]
fn versions_are_told_by_the_keys_that_are_there() {
    let old = V1.replace("\"executor\": null,", "");
    assert_eq!(of(&old).1.0[0].0, Kind::TaskInstanceOld);
    let v2 = V1.replace("\"queued_when\"", "\"id\": \"x\", \"scheduled_when\": null, \"queued_when\"");
    let (_, shown, _) = of(&v2);
    assert_eq!((shown.0[0].0, shown.0[0].1["id"].as_str()), (Kind::TaskInstanceV2, "x"));
}

#[test]
fn lines_of_commands_read_as_rows_of_the_database() {
    let (sink, shown, pages) = of(
        "2026-11-24T12:26:55Z [warning  ] Could not import graphviz. \n[2026-11-24 12:35:14,112] {a.py:50} INFO - x\n\
         [{\"dag_id\": \"d\", \"logical_date\": \"2026-10-25T12:00:00+00:00\", \"task_id\": \"t\", \"state\": \"None\", \
         \"start_date\": \"\", \"end_date\": \"\", \"map_index\": \"2\"},\
         {\"dag_id\": \"d\", \"run_id\": \"r\", \"state\": \"running\", \"run_after\": \"x\", \"logical_date\": \"\", \
         \"start_date\": \"\", \"end_date\": \"\"},\
         {\"pool\": \"p\", \"slots\": \"2\", \"description\": \"None\", \"include_deferred\": \"False\"},\
         {\"dag_id\": \"d\", \"fileloc\": \"/d.py\", \"owners\": \"ops\", \"is_paused\": \"True\"}]\n",
    );
    assert_eq!(
        shown.0.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(),
        [Kind::TaskState, Kind::DagRun, Kind::Pool, Kind::Dag]
    );
    let state: Vec<_> = shown.0[0].1.iter().map(|(k, v)| (*k, v.as_str())).collect();
    assert_eq!(
        state,
        [("dag_id", "d"), ("execution_date", "2026-10-25T12:00:00+00:00"), ("map_index", "2"), ("task_id", "t")]
    );
    assert_eq!(shown.0[2].1.get("description"), None);
    assert_eq!(sink.ignored.iter().filter(|reason| reason.starts_with("a line that the command printed")).count(), 2);
    assert!(pages.is_empty() && sink.faults.is_empty());
}

#[test]
fn tasks_of_a_dag_give_edges_where_the_dag_is_known() {
    let tasks = r#""tasks":[{"task_id":"a","class_ref":{"class_name":"BashOperator","module_path":"x"},"retries":2.0,
        "downstream_task_ids":["b","c"],"is_mapped":false,"trigger_rule":"all_success"}],"total_entries":1}"#;
    let (sink, ..) = of(&format!("{{\"dag_id\":\"orders\",{tasks}"));
    let [Row::Task(task)] = &sink.rows[..] else { panic!("{:?}", sink.rows) };
    assert_eq!((&*task.dag_id, task.operator.as_deref(), task.retries), ("orders", Some("BashOperator"), Some(2)));
    let edges = sink.implied.iter().map(|row| match row {
        Row::Edge(edge) => (&*edge.upstream, &*edge.downstream),
        other => panic!("{other:?}"),
    });
    assert_eq!(edges.collect::<Vec<_>>(), [("a", "b"), ("a", "c")]);
    let (sink, ..) = of(&format!("{{{tasks}"));
    assert!(sink.faults[0].1.text().starts_with("a task without its DAG"), "{:?}", sink.faults);
}

#[test]
fn events_versions_and_tags() {
    let (sink, shown, _) = of(
        r#"{"event_logs":[{"event_log_id":1,"when":"2026-11-24T11:50:44.705697Z","event":"cli_users_create","owner":"root",
        "dag_id":null,"logical_date":null,"extra":"-p hunter2"}],"total_entries":7669}
        {"dag_versions":[{"id":"01a2","version_number":2,"dag_id":"d","bundle_name":"b","bundle_version":null,
        "created_at":"2026-11-24T11:51:19.515493Z"}],"total_entries":1}
        {"dags":[{"dag_id":"d","owners":["a"],"fileloc":"x","tags":[{"name":"t1"},{"name":"t2"}]},{"dag_id":"d","stats":[]}]}
        {"connections":[{"connection_id":"c","password":"hunter2"}],"total_entries":1}"#,
    );
    let [Row::Audit(event), Row::Marker(version)] = &sink.rows[..] else { panic!("{:?}", sink.rows) };
    assert_eq!((event.id, event.extra.as_deref()), (1, Some("-p ***")));
    assert_eq!(&*version.text, "version 2 of d (bundle b)");
    assert_eq!(shown.0.len(), 1, "the tags of a DAG that is not kept are not kept");
    assert!(sink.ignored.contains(&"connections of the REST API are not kept".to_owned()));
    assert!(sink.ignored.contains(&"dag statistics of the REST API are not kept".to_owned()));
}

#[test]
fn a_run_with_versions_of_its_dag_is_no_page_of_versions() {
    let run = r#"{"dag_run_id":"r","dag_id":"d","state":"success","start_date":null,
        "dag_versions":[{"id":"x","version_number":1,"dag_id":"d","created_at":"2026-11-24T11:51:19Z"}]}"#;
    let (sink, shown, pages) = of(run);
    assert_eq!((shown.0[0].0, sink.rows.len(), pages.len()), (Kind::DagRun, 0, 0));
}

#[test]
fn what_is_broken_is_told_with_its_line() {
    let (sink, ..) = of(
        "{\"pools\":[\n{\"name\":\"a\",\"slots\":1},\n{\"name\":\"b\",\"slots\":\"x\"},\n{\"name\" 1},\n3,\n{\"name\":\"c\",\"slots\":2",
    );
    assert_eq!(sink.rows.len(), 1);
    let faults: Vec<_> = sink.faults.iter().map(|(line, fault)| (line.unwrap_or(0), fault.kind())).collect();
    assert_eq!(
        faults,
        [
            (3, "slots is not a whole number"),
            (4, "not JSON: a colon is missing"),
            (5, "not a JSON object"),
            (6, "the file ends inside this object: it was cut off"),
        ]
    );
    let (sink, ..) = of("{\"detail\":\"no\",\"status\":403,\"title\":\"Forbidden\"}\n{\"a\":1,\"b\":2}\n");
    assert_eq!(sink.faults[0].1.text(), "an error that the API answered, no row: `no`");
    assert_eq!(sink.faults[1].1.text(), "an object of no kind that is known, with the keys: `a, b`");
}

/// Stops at the first row.
struct Full;

impl Sink for Full {
    fn row(&mut self, _: Row) -> Result<(), Halt> {
        Err(Halt)
    }
    fn implied(&mut self, _: Row) -> Result<(), Halt> {
        Err(Halt)
    }
    fn ignored(&mut self, _: &str) -> Result<(), Halt> {
        Ok(())
    }
    fn rejected(&mut self, _: Option<u64>, _: &Fault) -> Result<(), Halt> {
        Ok(())
    }
    fn warn(&mut self, _: String) {}
}

#[test]
fn a_receiver_that_gives_up_ends_the_reading() {
    let read = read(&mut V1.as_bytes(), SETTINGS, &mut Shown::default(), &mut Full);
    assert_eq!(read, Err(Halt));
}

/// Each object of a page, whole or broken.
fn element() -> impl Strategy<Value = (&'static str, bool)> {
    prop::sample::select(vec![
        ("{\"name\":\"a\",\"slots\":1}", true),
        ("{\"slots\":2,\"name\":\"b\",\"x\":[{}]}", true),
        ("{\"name\":\"a\",\"slots\":\"x\"}", false),
        ("{\"name\":[1}", false),
        ("{\"name\":\"\\u12\"}", false),
        ("{\"name\":nul}", false),
        ("{}", false),
        ("17", false),
    ])
}

proptest! {
    #[test]
    fn every_element_of_a_page_is_told_once(elements in prop::collection::vec(element(), 0..20), lines in any::<bool>()) {
        let texts: Vec<&str> = elements.iter().map(|(text, _)| *text).collect();
        let joined = texts.join(if lines { ",\n " } else { "," });
        let (sink, shown, pages) = of(&format!("{{\"pools\":[{joined}],\"total_entries\":3}}"));
        let good = elements.iter().filter(|(_, good)| *good).count();
        prop_assert_eq!(sink.rows.len(), good);
        prop_assert_eq!(sink.faults.len(), elements.len() - good);
        prop_assert!(shown.0.len() >= good);
        prop_assert_eq!(pages[0].total_entries, Some(3));
    }

    #[test]
    fn no_bytes_panic(cut in 0..V1.len(), bytes in prop::collection::vec(any::<u8>(), 0..30), at in 0..V1.len()) {
        let mut text = V1.as_bytes()[..cut].to_vec();
        let at = at.min(text.len());
        text.splice(at..at, bytes);
        let (mut sink, mut shown) = (Collected::default(), Shown::default());
        read(&mut &text[..], SETTINGS, &mut shown, &mut sink).expect("no halt");
        // What is cut off is told.
        prop_assert!(sink.rows.len() + sink.faults.len() + sink.ignored.len() > 0 || text.trim_ascii().is_empty());
    }
}

#[test]
fn fields_of_the_tag_view_are_its_dag() {
    let dag = r#"{"dags":[{"dag_id":"d","owners":["a"],"fileloc":"x","tags":[{"name":"t1"}]}]}"#;
    struct Keeps;
    impl Mapping for Keeps {
        fn map(&mut self, kind: Kind, row: &dyn RowView) -> Result<Mapped, Fault> {
            let text = |at| row.field(at).text("x").map(|text| text.unwrap_or_default().into_owned());
            let name = if kind == Kind::DagTag { format!("{} of {}", text(0)?, text(1)?) } else { text(0)? };
            assert_eq!(row.field(99), Field::Null);
            let pool = Pool { pool: name.as_str().into(), slots: None, include_deferred: None, description: None };
            Ok(Mapped::Row(Box::new(Row::Pool(pool)), Vec::new()))
        }
    }
    let mut sink = Collected::default();
    read(&mut dag.as_bytes(), SETTINGS, &mut Keeps, &mut sink).expect("no halt");
    let [Row::Pool(tag)] = &sink.implied[..] else { panic!("{:?}", sink.implied) };
    assert_eq!(&*tag.pool, "t1 of d");
}
