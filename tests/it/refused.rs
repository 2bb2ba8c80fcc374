//! What is refused as a whole: a defect under `--strict`, a name that cannot be a folder, and a second Airflow under the
//! name of the first. The lake stays as it was.

use super::{
    support::{World, arg, dataset},
    synthetic::{Story, task_instances},
};

#[test]
fn two_airflows_under_one_name_are_refused() {
    let world = World::new();
    world.ingest("prod", &[&dataset("airflow-2.10.5")]);
    let before = world.lake_files();
    let run = world.run(&["ingest", "--deployment", "prod", arg(&dataset("airflow-3.3.2-archive"))]).exits(1);
    assert!(run.stderr.contains("--deployment"), "{run:#?}");
    assert!(run.stderr.contains("prod"), "{run:#?}");
    assert!(world.lake_files() == before, "the lake changed");
    world.verify();
    // Under a name of its own it is welcome.
    world.ingest("airflow3", &[&dataset("airflow-3.3.2-archive")]);
}

#[test]
fn a_later_export_of_the_same_airflow_is_no_second_airflow() {
    let world = World::new();
    world.ingest("prod", &[&dataset("airflow-2.10.5-archive")]);
    world.ingest("prod", &[&dataset("airflow-2.10.5")]);
    world.ingest("prod", &[&dataset("airflow-2.10.5-joined")]);
    world.verify();
}

#[test]
fn strict_stops_at_the_first_defect_and_writes_nothing() {
    let world = World::new();
    let mut text = task_instances(&[Story::new("shop")]);
    let good = world.write("good.csv", &text);
    text = text.replacen("success", "success,too,many", 5).replacen("+00:00", "+never", 1);
    let bad = world.write("bad.csv", &text);
    let run = world.run(&["ingest", "--strict", arg(&good), arg(&bad)]).exits(1);
    assert!(run.stderr.contains("bad.csv") && run.stderr.contains("line 2"), "{run:#?}");
    assert!(world.parts().is_empty(), "something was written");
    world.run(&["ingest", "--strict", arg(&good)]).exits(0);
    let before = world.lake_files();
    world.run(&["ingest", "--strict", arg(&bad)]).exits(1);
    assert!(world.lake_files() == before, "the lake changed");
    let receipt = world.ingest("lenient", &[&bad]);
    assert_eq!(receipt["totals"]["rows_rejected"], 5, "{receipt:#}");
    world.verify();
}

#[test]
fn strict_stops_at_a_file_in_a_folder_that_cannot_be_read() {
    let world = World::new();
    world.write("in/task_instance.csv", task_instances(&[Story::new("shop")]));
    world.write("in/page.csv", "<!doctype html><html>Log in</html>");
    let lenient = world.run(&["ingest", "--deployment", "lenient", "in"]).exits(0);
    assert!(lenient.stdout.contains("defect") && lenient.stdout.contains("page.csv"), "{lenient:#?}");
    let before = world.lake_files();
    let run = world.run(&["ingest", "--strict", "in"]).exits(1);
    assert!(run.stderr.contains("page.csv"), "{run:#?}");
    assert!(world.lake_files() == before, "the lake changed");
}

#[test]
fn a_deployment_is_a_plain_name() {
    let world = World::new();
    let file = world.write("task_instance.csv", task_instances(&[Story::new("shop")]));
    let long = "x".repeat(65);
    for name in ["", ".", "..", "../x", "a/b", "a\\b", ".x", "-x", "a b", "a=b", "ü", "a\nb", "a:b", "*", &long] {
        let option = format!("--deployment={name}");
        let run = world.run(&["ingest", &option, arg(&file)]).exits(1);
        assert!(run.stderr.contains("deployment"), "{name:?}: {run:#?}");
        assert!(run.stdout.is_empty(), "{name:?}: {run:#?}");
        assert!(!run.stderr.trim_end_matches('\n').contains("a\nb"), "{name:?} breaks the line: {run:#?}");
    }
    assert!(world.parts().is_empty(), "something was written");
    for name in ["a", "9", "prod-eu.1_x", &"x".repeat(64)] {
        world.ingest(name, &[&file]);
    }
    world.verify();
}

#[test]
fn a_folder_that_is_no_lake_is_left_alone() {
    let world = World::new();
    let file = world.write("task_instance.csv", task_instances(&[Story::new("shop")]));
    world.write("lake/holiday.jpg", b"not mine");
    let run = world.run(&["ingest", arg(&file)]).exits(1);
    assert!(run.stderr.contains("--lake"), "{run:#?}");
    assert_eq!(world.lake_files().keys().collect::<Vec<_>>(), ["holiday.jpg"]);
    let missing = World::new();
    for args in [&["lake", "ls"][..], &["lake", "verify"], &["lake", "sql", "SELECT 1"], &["analyze"], &["report"]] {
        let run = missing.run(args).exits(1);
        assert!(run.stderr.contains("no lake") && run.stderr.contains("ingest"), "{args:?}: {run:#?}");
    }
    assert!(missing.files().is_empty(), "looking makes nothing: {:?}", missing.files().keys());
}

#[test]
fn damage_is_found() {
    let world = World::new();
    world.ingest("prod", &[&dataset("export-archived")]);
    world.verify();
    let (name, bytes) = world.parts().pop_first().expect("a part");
    let mut broken = bytes.clone();
    broken[bytes.len() / 2] ^= 1;
    world.write(&format!("lake/{name}"), broken);
    let run = world.run(&["lake", "verify"]).exits(1);
    assert!(run.says().contains(&name), "{run:#?}");
    assert_eq!(world.run(&["lake", "verify", "--json"]).exits(1).json()["whole"], false);
    world.write(&format!("lake/{name}"), &bytes);
    world.verify();
    std::fs::remove_file(world.lake().join(&name)).expect("remove");
    world.run(&["lake", "verify"]).exits(1);
    world.write(&format!("lake/{name}"), &bytes);
    world.write("lake/manifest.json", "{");
    for args in [&["lake", "verify"][..], &["lake", "ls"], &["analyze"]] {
        let run = world.run(args).exits(1);
        assert!(run.stderr.contains("manifest.json"), "{run:#?}");
    }
}

#[test]
fn a_lake_that_lost_its_manifest_is_not_cleared_away() {
    let world = World::new();
    world.write("a.csv", task_instances(&[Story::new("shop")]));
    world.write("b.csv", task_instances(&[Story::new("bank")]));
    world.run(&["ingest", "a.csv"]).exits(0);
    let parts = world.parts();
    std::fs::remove_file(world.lake().join("manifest.json")).expect("removed");
    let run = world.run(&["ingest", "b.csv"]).exits(1);
    assert!(run.stderr.contains("manifest.json"), "{run:#?}");
    assert_eq!(world.parts(), parts);
}
