//! Tests of what task logs tell: whole logs of Airflow 1.10, 2.10 and 3.3, shortened, and their pauses and ends.

use super::*;
use crate::ingest::logs::{json, place, text};

/// Lines as `HH:MM:SS.mmm message` of 2026-11-24 UTC, read as the log at `path`.
fn read(path: &str, lines: &str) -> Vec<Told> {
    let place = place::place(path).1;
    let (mut follower, mut names, mut told) = (Follower::new(place.as_ref()), Names::new(), Vec::new());
    for line in lines.lines() {
        let line = match line.split_once(' ') {
            Some((time, message)) if time.len() == 12 => {
                format!("[2026-11-24T{time}+0000] {{taskinstance.py:1}} INFO - {message}")
            }
            _ => line.to_owned(),
        };
        let entry = if line.starts_with('{') { json::entry(line.as_bytes()) } else { text::entry(line.as_bytes()) };
        match entry {
            Some(entry) => {
                let time = entry.time.map(|stamp| stamp.instant(0));
                told.extend(follower.see(&entry, time, &mut names));
            }
            None => follower.context(line.as_bytes(), &mut names),
        }
    }
    told.extend(follower.finish());
    told
}

const PATH: &str = "dag_id=d/run_id=scheduled__2026-09-26T02:00:00+00:00/task_id=t/attempt=1.log";

/// State, start and end of the only attempt told.
fn times(path: &str, lines: &str) -> (Option<String>, String, String) {
    let told = read(path, lines);
    let [(attempt, _)] = &told[..] else { panic!("{told:?}") };
    let clock = |time: Option<Timestamp>| time.map(|t| t.to_string().replace("2026-11-24T", "")).unwrap_or_default();
    (attempt.state.as_ref().map(|s| s.as_str().to_owned()), clock(attempt.started_at), clock(attempt.ended_at))
}

fn want(state: &str, start: &str, end: &str) -> (Option<String>, String, String) {
    ((!state.is_empty()).then(|| state.to_owned()), start.to_owned(), end.to_owned())
}

const SUCCESS_210: &str = "\
12:19:24.519 ::group::Pre task execution logs
12:19:24.869 Dependencies all met for dep_context=non-requeueable deps ti=<TaskInstance: d.t r [queued]>
12:19:24.982 Dependencies all met for dep_context=requeueable deps ti=<TaskInstance: d.t r [queued]>
12:19:24.982 Starting attempt 1 of 3
12:19:25.190 Executing <Task(PythonOperator): t> on 2026-09-26 02:00:00+00:00
12:19:25.844 Running <TaskInstance: d.t scheduled__2026-09-26T02:00:00+00:00 [running]> on host vm
12:19:26.581 Exporting env vars: AIRFLOW_CTX_DAG_OWNER='finance' AIRFLOW_CTX_DAG_ID='d' AIRFLOW_CTX_TASK_ID='t' AIRFLOW_CTX_EXECUTION_DATE='2026-09-26T02:00:00+00:00' AIRFLOW_CTX_TRY_NUMBER='1' AIRFLOW_CTX_DAG_RUN_ID='scheduled__2026-09-26T02:00:00+00:00'
12:19:30.140 Marking task as SUCCESS. dag_id=d, task_id=t, run_id=scheduled__2026-09-26T02:00:00+00:00, execution_date=20260926T020000, start_date=20261124T121924, end_date=20261124T121930
12:19:31.929 Task exited with return code 0
12:19:31.930 ::endgroup::";

#[test]
fn a_success_of_2_10() {
    assert_eq!(times(PATH, SUCCESS_210), want("success", "12:19:24.869Z", "12:19:30.14Z"));
    let told = read(PATH, SUCCESS_210);
    let [(attempt, Some(run))] = &told[..] else { panic!("{told:?}") };
    assert_eq!((attempt.operator.as_deref(), attempt.hostname.as_deref()), (Some("PythonOperator"), Some("vm")));
    assert_eq!((attempt.try_number, attempt.max_tries, attempt.source), (Some(1), Some(2), SourceKind::TaskLog));
    assert_eq!(run.logical_date.map(|t| t.to_string()).as_deref(), Some("2026-09-26T02:00:00Z"));
    // The same lines without a path name it themselves.
    assert_eq!(read("some.log", SUCCESS_210), told);
}

#[test]
fn a_log_that_stops_has_no_end() {
    let cut = SUCCESS_210.split("12:19:30.140").next().expect("a beginning");
    assert_eq!(times(PATH, cut), want("", "12:19:24.869Z", ""));
    assert_eq!(
        read(PATH, "12:00:00.000 Dependencies not met for <TaskInstance: d.t r [queued]>, dependency 'x' FAILED"),
        []
    );
    assert_eq!(read(PATH, ""), []);
    let early = "12:00:00.000 Dependencies not met for ti\n12:00:00.100 Task is not able to be run\n".to_owned() + cut;
    assert_eq!(times(PATH, &early), want("", "12:19:24.869Z", ""));
}

#[test]
fn a_poke_starts_it_anew_and_the_last_one_ends_it() {
    let poke = |minute: u32, end: &str| {
        format!(
            "12:{minute}:27.770 Dependencies all met for ti\n12:{minute}:27.811 Dependencies all met for ti\n\
             12:{minute}:27.811 Starting attempt 1 of 3\n{end}\n12:{minute}:28.495 Task exited with return code 0\n"
        )
    };
    let pause = "12:32:28.399 Rescheduling task, marking task as UP_FOR_RESCHEDULE";
    assert_eq!(times(PATH, &poke(32, pause)), want("up_for_reschedule", "12:32:27.77Z", ""));
    let done = |start: &str| {
        format!("12:33:28.000 Marking task as SUCCESS. dag_id=d, start_date=20261124T{start}, end_date=20261124T123328")
    };
    let two = poke(32, pause) + &poke(33, &done("123327"));
    assert_eq!(times(PATH, &two), want("success", "12:33:27.77Z", "12:33:28Z"));
    // 1.10 keeps the first start, and says so in whole seconds.
    let old = poke(32, pause) + &poke(33, &done("123227"));
    assert_eq!(times(PATH, &old), want("success", "12:32:27.77Z", "12:33:28Z"));
}

#[test]
fn a_deferral_keeps_the_start() {
    let lines = "\
12:18:09.595 Dependencies all met for ti
12:18:10.129 Starting attempt 1 of 2
12:18:12.584 Pausing task as DEFERRED. dag_id=d, task_id=t, start_date=20261124T121809
12:18:12.725 Task exited with return code 100 (task deferral)
";
    assert_eq!(times(PATH, lines), want("deferred", "12:18:09.595Z", ""));
    let resumed = lines.to_owned()
        + "12:18:23.796 Dependencies all met for ti\n12:18:24.210 Resuming after deferral\n\
           12:18:27.023 Marking task as SUCCESS. dag_id=d, start_date=20261124T121809, end_date=20261124T121827\n";
    assert_eq!(times(PATH, &resumed), want("success", "12:18:09.595Z", "12:18:27.023Z"));
}

#[test]
fn a_killed_process_ends_with_its_code() {
    let killed = |tries: &str, code: &str| {
        format!(
            "12:00:01.000 Dependencies all met for ti\n12:00:02.000 Starting attempt 1 of {tries}\n12:00:09.000 Task exited with return code {code}"
        )
    };
    assert_eq!(
        times(PATH, &killed("2", "-9. For more information, see x")),
        want("up_for_retry", "12:00:01Z", "12:00:09Z")
    );
    assert_eq!(times(PATH, &killed("1", "Negsignal.SIGKILL")), want("failed", "12:00:01Z", "12:00:09Z"));
    assert_eq!(times(PATH, &killed("1", "0")), want("", "12:00:01Z", ""));
    let by_hand = killed("1", "-15").replace(
        "12:00:09",
        "12:00:08.000 State of this instance has been externally set to success. Terminating instance.\n12:00:09",
    );
    assert_eq!(times(PATH, &by_hand), want("success", "12:00:01Z", "12:00:09Z"));
}

#[test]
fn a_log_of_1_10_by_its_date_and_a_clock_of_its_own() {
    let lines = "\
[2026-11-24 14:21:16,889] {taskinstance.py:670} INFO - Dependencies all met for <TaskInstance: o.e 2026-09-25T02:00:00+00:00 [queued]>
[2026-11-24 14:21:17,435] {taskinstance.py:881} INFO - Starting attempt 2 of 3
[2026-11-24 14:21:18,255] {standard_task_runner.py:77} INFO - Running: ['airflow', 'run', 'o', 'e', '--pool', 'shop_api', '--raw']
[2026-11-24 14:21:19,408] {taskinstance.py:1057} INFO - Marking task as SUCCESS.dag_id=o, task_id=e, execution_date=20260925T020000, start_date=20261124T122116, end_date=20261124T122119";
    let path = "orders/o/e/2026-09-25T02:00:00+00:00/2.log";
    // Its host is two hours east of UTC and does not say so: the whole seconds of UTC stand in.
    assert_eq!(times(path, lines), want("success", "12:21:16Z", "12:21:19Z"));
    let told = read(path, lines);
    let [(attempt, None)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((&*attempt.run_id, attempt.pool.as_deref()), ("execution_date__2026-09-25T02:00:00Z", Some("shop_api")));
    assert_eq!(attempt.try_number, Some(2));
    assert_eq!(times(path, &lines.replace(" 14:", " 12:")), want("success", "12:21:16.889Z", "12:21:19.408Z"));
}

#[test]
fn a_backfill_tells_one_attempt_after_another() {
    let one = |task: &str, minute: u32| {
        format!(
            "12:{minute}:01.000 Exporting the following env vars:\nAIRFLOW_CTX_DAG_ID=users\nAIRFLOW_CTX_TASK_ID={task}\n\
             AIRFLOW_CTX_EXECUTION_DATE=2026-09-18T01:30:00+00:00\nAIRFLOW_CTX_TRY_NUMBER=1\nAIRFLOW_CTX_DAG_RUN_ID=backfill__x\n\
             12:{minute}:03.500 Marking task as SUCCESS. dag_id=users, task_id={task}, map_index=2, start_date=20261124T12{minute}00, end_date=20261124T12{minute}03\n"
        )
    };
    let told = read("backfill.log", &(one("a", 10) + &one("b", 11)));
    let found: Vec<_> = told.iter().map(|(a, _)| (&*a.task_id, &*a.run_id, a.map_index, a.try_number)).collect();
    assert_eq!(found, [("a", "backfill__x", 2, Some(1)), ("b", "backfill__x", 2, Some(1))]);
    assert_eq!(told[1].0.started_at.map(|t| t.to_string()).as_deref(), Some("2026-11-24T12:11:00Z"));
    // A scheduler marks tasks that it did not see run; a test run leaves nothing.
    assert_eq!(
        read("x.log", "12:00:03.500 Marking task as FAILED. dag_id=a, task_id=b, run_id=c, start_date=, end_date="),
        []
    );
    let test = one("a", 10).replace("backfill__x", "__airflow_temporary_run_2026-11-24__");
    assert_eq!(read("x.log", &test), []);
}

#[test]
fn the_ends_of_3_x() {
    let line = |second: u32, level: &str, event: &str| {
        format!(
            r#"{{"timestamp":"2026-11-24T12:00:{second:02}.5Z","level":"{level}","event":"{event}","ti_id":"01A2-0d"}}"#
        )
    };
    let log = |middle: &[(&str, &str)], after: &[(&str, &str)]| {
        let mut lines = vec![line(1, "info", "::group::Pre Execute"), line(2, "info", "::endgroup::")];
        lines.extend(middle.iter().map(|(level, event)| line(3, level, event)));
        lines.extend(after.iter().map(|(level, event)| line(4, level, event)));
        lines.join("\n")
    };
    let post = ("info", "::group::Post Execute");
    let end = ("info", "::endgroup::");
    let success = log(&[post], &[end]);
    assert_eq!(times(PATH, &success), want("success", "12:00:01.5Z", "12:00:04.5Z"));
    assert_eq!(read(PATH, &success)[0].0.ti_id.as_deref(), Some("01a20d"));
    let failed = log(&[("error", "Task failed with exception"), post], &[end]);
    assert_eq!(times(PATH, &failed), want("failed", "12:00:01.5Z", "12:00:04.5Z"));
    assert_eq!(times(PATH, &log(&[("info", "Skipping task."), post], &[end])).0.as_deref(), Some("skipped"));
    let poke = log(&[post, ("info", "Rescheduling task, marking task as UP_FOR_RESCHEDULE")], &[end]);
    assert_eq!(times(PATH, &poke), want("up_for_reschedule", "12:00:01.5Z", ""));
    let deferred = log(&[post, ("info", "Pausing task as DEFERRED. ")], &[end]);
    let later = success.replace("12:00:", "12:01:");
    assert_eq!(times(PATH, &format!("{deferred}\n{later}")), want("success", "12:00:01.5Z", "12:01:04.5Z"));
    assert_eq!(times(PATH, &format!("{poke}\n{later}")), want("success", "12:01:01.5Z", "12:01:04.5Z"));
    let killed = log(&[], &[("critical", "Process terminated by signal. Likely out of memory error (OOM).")]);
    assert_eq!(times(PATH, &killed), want("failed", "12:00:01.5Z", "12:00:04.5Z"));
    assert_eq!(times(PATH, &log(&[], &[("error", "Task killed!")])), want("", "12:00:01.5Z", "12:00:04.5Z"));
    assert_eq!(times(PATH, &log(&[], &[])), want("", "12:00:01.5Z", ""));
}
