//! What an ingest tells of what it did not do, and what must not be lost on the way.

use super::{
    support::{World, arg},
    synthetic::TASK_HEADER,
};

fn attempt(run: &str, try_number: u32, start: &str, end: &str) -> String {
    format!(
        "load,shop,{run},-1,{start},{end},60,success,{try_number},2,etl,3,q,7,PythonOperator,,Local,2026-11-24 13:00:00+00\n"
    )
}

const START: &str = "2026-11-24 12:00:00+00";
const END: &str = "2026-11-24 12:01:00+00";

#[test]
fn a_log_that_begins_anew_under_its_name_takes_nothing_away() {
    let world = World::new();
    let line =
        |day: u32, n: u32, text: &str| format!("[2026-11-{day}T12:00:{n:02}.000+0000] {{a.py:1}} INFO - {text}\n");
    let first: String = (0..30).map(|n| line(10, n, "counting sheep")).collect();
    let second: String = (0..20).map(|n| line(11, n, "counting goats")).collect();
    let file = world.write("logs/scheduler.log", &first);
    world.ingest("x", &[&file]);
    world.write("logs/scheduler.log", &second);
    let receipt = world.ingest("x", &[&file]);
    assert_eq!((&receipt["totals"]["rows_written"], &receipt["lake_rows"]["after"]), (&20.into(), &50.into()));
    // It grew: what was there is known.
    world.write("logs/scheduler.log", second + &line(11, 59, "counting geese"));
    let receipt = world.ingest("x", &[&file]);
    assert_eq!((&receipt["totals"]["rows_read"], &receipt["lake_rows"]["after"]), (&21.into(), &51.into()));
    let mixed = "SELECT count(*) AS n FROM log_events WHERE ts < TIMESTAMP '2026-11-11 00:00:00' AND template <> 'counting sheep'";
    assert_eq!(world.sql(mixed)[0]["n"], 0);
}

#[test]
fn what_could_not_be_read_is_told_again() {
    let world = World::new();
    let bad = attempt("r2", 1, "yesterday", END);
    let file = world.write("ti.csv", format!("{TASK_HEADER}\n{}{bad}", attempt("r1", 1, START, END)));
    world.ingest("x", &[&file]);
    let again = world.ingest("x", &[&file]);
    assert_eq!((&again["sources"][0]["skipped_as_known"], &again["defects"][0]["line"]), (&true.into(), &3.into()));
    let strict = world.run(&["ingest", "--deployment", "x", "--strict", arg(&file)]).exits(1);
    assert!(strict.stderr.contains("line 3"), "{strict:#?}");
    let list = world.path("rejected.ndjson");
    world.run(&["ingest", "--deployment", "x", "--quarantine", arg(&list), arg(&file)]).exits(0);
    let listed = std::fs::read_to_string(&list).expect("a list");
    assert!(listed.lines().count() == 1 && listed.contains("yesterday"), "{listed}");
    let receipt = world.json(&["ingest", "--deployment", "x", "--timer-unit", "ms", arg(&file)]);
    assert!(receipt["warnings"].to_string().contains("changes nothing"), "{receipt:#}");
}

#[test]
fn an_attempt_keeps_what_the_database_knew_before_it_was_counted() {
    // `airflow dags test` leaves attempts that were never counted; their logs say 1.
    let log = "[2026-11-24T12:00:00.000+0000] {taskinstance.py:1300} INFO - Starting attempt 1 of 3\n\
               [2026-11-24T12:01:00.000+0000] {taskinstance.py:1345} INFO - Marking task as SUCCESS. dag_id=shop, task_id=load, \
               execution_date=20261124T000000, start_date=20261124T120000, end_date=20261124T120100\n";
    let rows = |order: [usize; 2]| {
        let world = World::new();
        let csv = world.write("ti.csv", format!("{TASK_HEADER}\n{}", attempt("r1", 0, START, END)));
        let log = world.write("logs/dag_id=shop/run_id=r1/task_id=load/attempt=1.log", log);
        for place in order {
            world.ingest("x", &[[&csv, &log][place]]);
        }
        world.sql("SELECT try_number, state, operator, pool, pool_slots, queue, priority_weight FROM task_attempts")
    };
    let want = serde_json::json!([{"try_number": 1, "state": "success", "operator": "PythonOperator", "pool": "etl",
        "pool_slots": 3, "queue": "q", "priority_weight": 7}]);
    assert_eq!(serde_json::Value::from(rows([0, 1])), want);
    assert_eq!(serde_json::Value::from(rows([1, 0])), want);
}

#[test]
fn an_archive_without_logs_is_no_success() {
    let world = World::new();
    let mut archive = tar::Builder::new(Vec::new());
    let text = format!("{TASK_HEADER}\n{}", attempt("r1", 1, START, END));
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    archive.append_data(&mut header, "task_instance.csv", text.as_bytes()).expect("a member");
    let file = world.write("exports.tar", archive.into_inner().expect("an archive"));
    let run = world.run(&["ingest", arg(&file)]).exits(1);
    assert!(run.stderr.contains("unpack it"), "{run:#?}");
}

#[test]
fn a_generated_history_is_read_without_a_defect() {
    let world = World::new();
    let out = world.path("made");
    world.run(&["synth", "history", "--out", arg(&out), "--days", "3"]).exits(0);
    let receipt = world.json(&["ingest", "--strict", arg(&out)]);
    assert_eq!(receipt["defects"], serde_json::json!([]), "{receipt:#}");
    assert!(out.join("ground_truth.json").exists());
}

#[test]
fn a_row_that_swallowed_others_is_a_defect() {
    let world = World::new();
    let rows: Vec<String> = (0..9).map(|n| attempt(&format!("r{n}"), 1, START, END)).collect();
    // Two quotes that stand in a value by accident, rows apart.
    let text = rows.concat().replacen("PythonOperator", "\"Python", 1);
    let end = text.rfind("PythonOperator").expect("a later row");
    let whole = attempt("r10", 1, START, END);
    let file = world.write("ti.csv", format!("{TASK_HEADER}\n{whole}{}Python\"{}", &text[..end], &text[end + 14..]));
    let receipt = world.ingest("x", &[&file]);
    assert!(receipt["defects"].to_string().contains("never closed"), "{receipt:#}");
}

#[test]
fn an_entry_that_grew_is_the_longer_one() {
    let text = "[2026-11-24T12:00:00.000+0000] {a.py:1} ERROR - Task failed with exception\nTraceback (most recent call last):\n";
    let more = format!("{text}  File \"a.py\", line 1, in f\nValueError: q\n");
    for order in [[text, &more], [&more, text]] {
        let world = World::new();
        for text in order {
            let file = world.write("logs/dag_id=shop/run_id=r1/task_id=load/attempt=1.log", text);
            world.ingest("x", &[&file]);
        }
        let rows = world.sql("SELECT lines, exception FROM log_events");
        assert_eq!(serde_json::Value::from(rows), serde_json::json!([{"lines": 4, "exception": "ValueError"}]));
    }
}

#[test]
fn a_quarantine_file_replaces_no_other() {
    let world = World::new();
    let text = format!("{TASK_HEADER}\n{}", attempt("r1", 1, START, END));
    let file = world.write("ti.csv", &text);
    let run = world.run(&["ingest", "--quarantine", arg(&file), arg(&file)]).exits(1);
    assert!(run.stderr.contains("is there already"), "{run:#?}");
    assert_eq!(std::fs::read_to_string(&file).expect("the export"), text);
}
