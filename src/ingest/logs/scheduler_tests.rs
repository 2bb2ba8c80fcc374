//! Tests of the scheduler's records: lines of Airflow 2.5, 2.10 and 3.3 as they were written, and what they must not imply.

use super::*;
use proptest::prelude::*;

const FINISHED_210: &str = "TaskInstance Finished: dag_id=orders_etl, task_id=wait_for_orders_export, run_id=scheduled__2026-08-22T02:00:00+00:00, map_index=-1, run_start_date=2026-11-24 11:33:41.722019+00:00, run_end_date=2026-11-24 11:33:45.282476+00:00, run_duration=3.560457, state=success, executor=LocalExecutor(parallelism=10), executor_state=success, try_number=1, max_tries=2, job_id=8, pool=default_pool, queue=default, priority_weight=42, operator=PythonSensor, queued_dttm=2026-11-24 11:33:36.280787+00:00, queued_by_job_id=2, pid=21420";
const FINISHED_33: &str = "TaskInstance Finished: dag_id=ml_features, task_id=build_user_features, run_id=scheduled__2026-08-22T03:00:00+00:00, map_index=0, ti_id=01a20d66-26c6-79f2-aa34-2edb17d641a2, run_start_date=2026-11-24 11:52:10.269427+00:00, run_end_date=2026-11-24 11:52:24.633994+00:00, run_duration=14.364567, state=success, executor=LocalExecutor(parallelism=8), executor_state=success, try_number=1, max_tries=1, pool=feature_store, queue=default, priority_weight=24, operator=PythonOperator, queued_dttm=2026-11-24 11:52:08.947733+00:00, scheduled_dttm=2026-11-24 11:52:08.761052+00:00,queued_by_job_id=3, pid=15383";
const RUN_210: &str = "DagRun Finished: dag_id=ml_features, execution_date=2026-08-22 03:00:00+00:00, run_id=scheduled__2026-08-22T03:00:00+00:00, run_start_date=2026-11-24 11:33:35.430000+00:00, run_end_date=2026-11-24 11:37:41.769505+00:00, run_duration=246.339505, state=success, external_trigger=False, run_type=scheduled, data_interval_start=2026-08-22 03:00:00+00:00, data_interval_end=2026-08-23 03:00:00+00:00, dag_hash=326cbbee";
const MARKING_33: &str = "Marking run <DagRun ml_features @ 2026-08-22 03:00:00+00:00: scheduled__2026-08-22T03:00:00+00:00, state:running, queued_at: 2026-11-24 11:56:09.095989+00:00. run_type: scheduled> successful";

fn read(lines: &[&str]) -> (Vec<Row>, Option<Who>) {
    let (mut follower, mut names, mut rows, mut who) = (Follower::default(), Names::new(), Vec::new(), None);
    let time = Some(Timestamp::from_micros(1_795_520_058_335_951));
    for line in lines {
        who = follower.see(line.as_bytes(), time, &mut names, &mut rows);
    }
    rows.extend(follower.finish());
    (rows, who)
}

fn shown(time: Option<Timestamp>) -> String {
    time.map(|time| time.to_string()).unwrap_or_default()
}

#[test]
fn a_finished_attempt_is_the_row_of_the_database() {
    let (rows, who) = read(&[FINISHED_210]);
    let [Row::Attempt(attempt)] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((&*attempt.dag_id, &*attempt.task_id), ("orders_etl", "wait_for_orders_export"));
    assert_eq!(&*attempt.run_id, "scheduled__2026-08-22T02:00:00+00:00");
    assert_eq!((attempt.map_index, attempt.try_number, attempt.max_tries), (-1, Some(1), Some(2)));
    assert_eq!((attempt.state.clone(), attempt.duration_s), (Some(TaskState::Success), Some(3.560457)));
    assert_eq!(shown(attempt.started_at), "2026-11-24T11:33:41.722019Z");
    assert_eq!(shown(attempt.ended_at), "2026-11-24T11:33:45.282476Z");
    assert_eq!(shown(attempt.queued_at), "2026-11-24T11:33:36.280787Z");
    assert_eq!((attempt.operator.as_deref(), attempt.pool.as_deref()), (Some("PythonSensor"), Some("default_pool")));
    assert_eq!((attempt.executor.as_deref(), attempt.queue.as_deref()), (Some("LocalExecutor"), Some("default")));
    assert_eq!((attempt.priority_weight, attempt.source), (Some(42), SourceKind::SchedulerLog));
    assert_eq!(who, Some(Who::from(attempt)));

    let (rows, _) = read(&[FINISHED_33]);
    let [Row::Attempt(attempt)] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((attempt.map_index, attempt.ti_id.as_deref()), (0, Some("01a20d6626c679f2aa342edb17d641a2")));
    assert_eq!(shown(attempt.scheduled_at), "2026-11-24T11:52:08.761052Z");
}

#[test]
fn a_row_that_has_moved_on_is_no_end_of_an_attempt() {
    for state in ["up_for_reschedule", "deferred", "queued", "scheduled", "running", "None"] {
        let (rows, who) =
            read(&[&FINISHED_210.replace("state=success, executor=", &format!("state={state}, executor="))]);
        assert_eq!(rows, [], "{state}");
        assert_eq!(who.is_some(), state != "None");
    }
    for state in ["failed", "skipped", "up_for_retry"] {
        let (rows, _) =
            read(&[&FINISHED_210.replace("state=success, executor=", &format!("state={state}, executor="))]);
        assert!(matches!(&rows[..], [Row::Attempt(a)] if a.state == Some(TaskState::parse(state))));
    }
}

#[test]
fn a_run_is_told_once_by_its_full_record_if_there_is_one() {
    let (rows, _) = read(&[MARKING_33, RUN_210]);
    let [Row::Run(run)] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((run.state.clone(), run.run_type.clone()), (Some(RunState::Success), RunType::Scheduled));
    assert_eq!(shown(run.logical_date), "2026-08-22T03:00:00Z");
    assert_eq!(
        (shown(run.started_at), shown(run.ended_at)),
        ("2026-11-24T11:33:35.43Z".into(), "2026-11-24T11:37:41.769505Z".into())
    );

    let marking_20 = "Marking run <DagRun users_sync @ 2026-10-03 01:30:00+00:00: backfill__2026-10-03T01:30:00+00:00, externally triggered: False> failed";
    let (rows, _) = read(&[MARKING_33, marking_20]);
    let [Row::Run(first), Row::Run(second)] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((&*first.dag_id, first.state.clone()), ("ml_features", Some(RunState::Success)));
    assert_eq!(
        (&*second.run_id, second.state.clone()),
        ("backfill__2026-10-03T01:30:00+00:00", Some(RunState::Failed))
    );
    assert_eq!((shown(second.ended_at), second.started_at), ("2026-11-24T11:34:18.335951Z".into(), None));
}

#[test]
fn a_key_names_the_attempt_of_a_line() {
    let line = "Received executor event with state success for task instance TaskInstanceKey(dag_id='a', task_id='b.c', run_id='r', try_number=2, map_index=-1)";
    let (rows, who) = read(&[line]);
    let want = Who {
        dag_id: Some("a".into()),
        run_id: Some("r".into()),
        task_id: Some("b.c".into()),
        map_index: Some(-1),
        try_number: Some(2),
    };
    assert_eq!((rows, who), (Vec::new(), Some(want)));
}

proptest! {
    #[test]
    fn no_text_panics(cut in 0..600_usize, junk in any::<String>()) {
        for line in [FINISHED_210, FINISHED_33, RUN_210, MARKING_33] {
            let cut = cut.min(line.len());
            let _ = read(&[&line[..cut], &format!("{}{junk}", &line[..cut])]);
        }
    }
}
