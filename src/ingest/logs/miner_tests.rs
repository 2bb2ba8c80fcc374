//! Tests of the miner: groups of real messages by hand, bounds, order, secrets.

use super::*;
use proptest::prelude::*;

/// Real messages of Airflow 1.10 to 3.3, by hand into groups: lines of one group begin with one number.
const LABELLED: &str = "\
1 Starting attempt 1 of 3
1 Starting attempt 2 of 2
2 Executing <Task(PythonOperator): extract_payments> on 2026-09-25T02:00:00+00:00
2 Executing <Mapped(PythonOperator): pull_stock> on 2026-10-20 00:00:00+00:00
3 Started process 19623 to run task
4 Job 11: Subtask extract_payments
4 Job 2360: Subtask pull_stock
5 Starting extract.extract_payments for 2026-09-25 (attempt 1)
5 Starting pull_stock for 2026-10-20 (attempt 1)
6 Processed 1118 rows in 0.403s (2774.4 rows/s)
7 Done. Returned value was: 1118
7 Done. Returned value was: [['AMS'], ['BER'], ['MAD'], ['WAW'], ['LYS']]
8 Task exited with return code 0
8 Task exited with return code -9
9 Task failed with exception
10 Poking callable: <function export_arrived at 0x7f2b50e54160>
11 Landing zone: age 4.4s, file present
11 Landing zone: age 6.5s, file present
12 Success criteria met. Exiting.
13 Upstream looks unhealthy, trying anyway
14 Filling up the DagBag from /opt/airflow/dags/shop_110.py
14 Filling up the DagBag from /opt/airflow/dags/orders_etl.py
15 DAG orders_etl has 0/16 running and queued tasks
15 DAG users_sync has 1/16 running and queued tasks
16 Not scheduling since there are 0 open slots in pool feature_store
16 Not scheduling since there are 0 open slots in pool wms_api
17 Sending TaskInstanceKey(dag_id='orders_etl', task_id='wait', run_id='s', try_number=1, map_index=-1) to LocalExecutor with priority 42 and queue default
18 Adding to queue: ['airflow', 'tasks', 'run', 'orders_etl', 'wait', 's', '--local']
18 Adding to queue: ['<TaskInstance: users_sync.extract_users backfill__2026-09-19T01:30:00+00:00 [queued]>']
19 Setting next_dagrun for orders_etl to 2026-08-23 02:00:00+00:00, run_after=2026-08-24 02:00:00+00:00
19 Setting next_dagrun for users_sync to 2026-08-23 01:30:00+00:00, run_after=2026-08-24 01:30:00+00:00
20 trigger finance_report/scheduled__2026-08-22T02:00:00+00:00/wait_for_orders/-1/1 (ID 1) starting
21 trigger finance_report/scheduled__2026-08-22T02:00:00+00:00/wait_for_orders/-1/1 (ID 1) completed
22 Branch into no_reorder
22 Branch into create_purchase_orders
23 Loaded 120 rows into dim_customer in 0.4s
23 Loaded 99 rows into fact_orders in 1.4s
24 Pausing task as DEFERRED. dag_id=a, task_id=b, run_id=c, execution_date=20260926T020000, start_date=20261124T121809
25 Workload finished
26 Starting the scheduler
27 Starting the triggerer
28 3 triggers currently running
29 3 watchers currently running
30 Rescheduling task, marking task as UP_FOR_RESCHEDULE";

#[test]
fn real_messages_fall_into_the_groups_that_a_person_makes() {
    let mut miner = Miner::new();
    let lines: Vec<(&str, &str)> = LABELLED.lines().filter_map(|line| line.split_once(' ')).collect();
    for (_, message) in &lines {
        miner.template(message.as_bytes(), &[]);
    }
    let found: Vec<Text> = lines.iter().map(|(_, message)| miner.template(message.as_bytes(), &[])).collect();
    for (i, (label, message)) in lines.iter().enumerate() {
        for (j, (other, another)) in lines.iter().enumerate().skip(i) {
            assert_eq!(label == other, found[i] == found[j], "{message}\n{another}\n{}", found[i]);
        }
    }
    assert_eq!(miner.count(), 30);
}

#[test]
fn a_template_generalises_and_the_second_reading_is_final() {
    let mut miner = Miner::new();
    let first = miner.template(b"Loaded 1 rows into dim_customer in 2.0s", &[]);
    assert_eq!(&*first, "Loaded <*> rows into dim_customer in <*>");
    assert_eq!(&*miner.template(b"Loaded 1 rows into fact_orders in 2.0s", &[]), "Loaded <*> rows into <*> in <*>");
    assert_eq!(&*miner.template(b"Loaded 1 rows into dim_customer in 2.0s", &[]), "Loaded <*> rows into <*> in <*>");
    assert_eq!(&*miner.template(b"orders is late", &[b"orders"]), "<*> is late");
}

#[test]
fn everything_is_bounded() {
    let mut miner = Miner::new();
    let word = |n: usize| -> String { (0..6).map(|i| char::from(b'a' + (n / 7_usize.pow(i) % 7) as u8)).collect() };
    for n in 0..30_000 {
        miner.template(format!("{} {} {}", word(n), word(n / 3), word(n / 5)).as_bytes(), &[]);
    }
    assert!(miner.count() <= MAX_TEMPLATES);
    assert!(miner.leaves.len() <= MAX_CHILDREN + 1);
    assert_eq!(&*miner.template(b"qq ww ee", &[]), "<*>");
}

#[test]
fn secrets_reach_no_template() {
    let mut miner = Miner::new();
    for message in
        ["login with password: hunter", "use Bearer abcdefghijkl now", "at postgres://u:pw@h x", "passwd=abc x"]
    {
        let template = miner.template(message.as_bytes(), &[]);
        for secret in ["hunter", "abcdefghijkl", "pw@", "abc"] {
            assert!(!template.contains(secret), "{template}");
        }
    }
}

proptest! {
    #[test]
    fn the_same_lines_give_the_same_templates(lines in prop::collection::vec("[ab]{1,2} [a-c_]{1,3} [0-9a]{1,2}", 0..60)) {
        let run = || {
            let mut miner = Miner::new();
            lines.iter().map(|line| miner.template(line.as_bytes(), &[])).collect::<Vec<_>>()
        };
        prop_assert_eq!(run(), run());
    }

    /// What two readings would give: the first to learn, the second to use.
    #[test]
    fn generalised_templates_are_those_of_a_second_reading(
        lines in prop::collection::vec("[ab]{1,2} [a-c_]{1,3} [0-9a]{1,2}", 0..60),
    ) {
        let mut miner = Miner::new();
        let mut run = || lines.iter().map(|line| miner.template(line.as_bytes(), &[])).collect::<Vec<_>>();
        let (first, second) = (run(), run());
        let generalised = miner.generalised();
        let settled: Vec<_> =
            first.into_iter().map(|text| generalised.get(&text).cloned().unwrap_or(text)).collect();
        prop_assert_eq!(settled, second);
    }

    #[test]
    fn no_bytes_panic(messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..10)) {
        let mut miner = Miner::new();
        for message in &messages {
            miner.template(message, &[]);
        }
    }
}
