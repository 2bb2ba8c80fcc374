//! Two programs at one lake: writers wait for each other, readers see a whole lake.

use super::support::{World, arg, count, dataset};
use std::process::Stdio;

/// Ingests at the same time, each with its deployment; all must succeed.
fn at_once(world: &World, ingests: &[(&str, &str)]) {
    let children: Vec<_> = ingests
        .iter()
        .map(|(deployment, files)| {
            let mut command = world.command(&["ingest", "--json", "--deployment", deployment, arg(&dataset(files))]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("start")
        })
        .collect();
    let mut written = 0;
    for child in children {
        let output = child.wait_with_output().expect("wait");
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let receipt: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a receipt");
        written += count(&receipt["totals"]["rows_written"]);
    }
    assert!(written > 0);
    world.verify();
}

#[test]
fn two_airflows_at_once_are_both_kept() {
    let ingests = [("a", "airflow-2.10.5"), ("b", "airflow-3.3.2-archive"), ("c", "airflow-1.10.15")];
    let (together, apart) = (World::new(), World::new());
    at_once(&together, &ingests);
    for (deployment, files) in ingests {
        apart.ingest(deployment, &[&dataset(files)]);
    }
    assert!(together.history_parts() == apart.history_parts());
    let sources = |world: &World| {
        world.sql("SELECT deployment, name, sha256, rows_read, rows_written FROM sources ORDER BY sha256")
    };
    assert_eq!(sources(&together), sources(&apart));
}

#[test]
fn two_overlapping_exports_at_once_are_merged() {
    let (together, apart) = (World::new(), World::new());
    at_once(&together, &[("prod", "airflow-2.10.5"), ("prod", "airflow-2.10.5-joined")]);
    apart.ingest("prod", &[&dataset("airflow-2.10.5"), &dataset("airflow-2.10.5-joined")]);
    assert!(together.history_parts() == apart.history_parts());
}

/// Calls `look` again and again while the archive's parts are being replaced; returns how often.
fn while_parts_are_replaced(mut look: impl FnMut(&World)) -> u32 {
    let mut looks = 0;
    for _ in 0..8 {
        let world = World::new();
        world.ingest("prod", &[&dataset("airflow-2.10.5-archive")]);
        let mut command =
            world.command(&["ingest", "--quiet", "--deployment", "prod", arg(&dataset("airflow-2.10.5"))]);
        let mut writer = command.spawn().expect("start");
        while writer.try_wait().expect("wait").is_none() {
            look(&world);
            looks += 1;
        }
    }
    looks
}

#[test]
fn a_query_sees_the_lake_before_or_after() {
    let mut seen = std::collections::BTreeSet::new();
    let looks = while_parts_are_replaced(|world| {
        seen.insert(count(&world.sql("SELECT COUNT(*) AS n FROM task_attempts")[0]["n"]));
    });
    assert!(looks > 3 && seen.iter().all(|n| [1953, 4239].contains(n)), "{seen:?}");
}

#[test]
fn a_check_sees_the_lake_before_or_after() {
    let looks = while_parts_are_replaced(|world| drop(world.run(&["lake", "verify"]).exits(0)));
    assert!(looks > 3);
}
