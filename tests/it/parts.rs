//! Monthly parts of the lake are one history.

use super::{
    support::World,
    synthetic::{Story, dag_runs, task_instances},
};
use windtunnel::{
    lake::Lake,
    model::{Deployment, Detail},
};

/// Three DAGs whose names sort oddly, over four months.
fn world() -> World {
    let world = World::new();
    let stories: Vec<Story> = ["a", "a b", "a.b"].map(|name| Story { days: 100, ..Story::new(name) }).into();
    world.write("in/task_instance.csv", task_instances(&stories));
    world.write("in/dag_run.csv", dag_runs(&stories));
    world.ingest("default", &[&world.path("in")]);
    world
}

#[test]
fn rows_of_a_dag_come_in_one_order_whatever_months_they_lie_in() {
    let world = world();
    let lake = Lake::at(world.lake());
    let parts = world.history_parts().keys().filter(|path| path.contains("task_attempts")).count();
    assert!(parts >= 4, "{parts} parts");
    for detail in [Detail::Times, Detail::All] {
        let mut histories = lake.histories(&Deployment::default(), detail).expect("a lake");
        for dag_id in lake.dag_ids(&Deployment::default()).expect("a lake") {
            let history = histories.next(&dag_id).expect("a history");
            assert_eq!((history.runs.len(), history.attempts.len()), (100, 300), "{dag_id}");
            let order: Vec<_> = history.attempts.iter().map(|a| (&a.task_id, a.started_at, &a.run_id)).collect();
            assert!(order.is_sorted(), "{dag_id}: attempts of a task do not stand together");
            assert!(history.runs.is_sorted_by_key(|run| run.logical_date), "{dag_id}");
            assert!(history.attempts.iter().all(|attempt| attempt.dag_id == dag_id));
        }
    }
}
