//! What was ingested once is not ingested again, whatever the file is called, wherever it lies, in whichever order
//! exports come, and however they are packed.

use super::{
    ingest::{DATASETS, adds_up},
    support::{World, arg, count, dataset, list, text},
};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    io::{Read, Write},
    path::Path,
};

pub(crate) fn unpacked(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    GzDecoder::new(fs::File::open(path).expect("open")).read_to_end(&mut bytes).expect("unpack");
    bytes
}

pub(crate) fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("pack");
    encoder.finish().expect("pack")
}

/// A source whose rows wait for task instances that are not exported yet is read again each time, and says so.
fn waits(source: &Value) -> bool {
    text(source, "kind").starts_with("task_reschedule") && count(&source["rows_rejected"]) > 0
}

#[test]
fn a_second_ingest_of_every_data_set_writes_nothing() {
    let world = World::new();
    for (deployment, files) in DATASETS {
        world.ingest(deployment, &[&dataset(files)]);
    }
    let before = world.lake_files();
    for (deployment, files) in DATASETS {
        let receipt = world.ingest(deployment, &[&dataset(files)]);
        adds_up(&receipt);
        assert_eq!(count(&receipt["totals"]["rows_written"]), 0, "{deployment}: {receipt:#}");
        for source in list(&receipt["sources"]).iter().filter(|source| !waits(source)) {
            assert_eq!(source["skipped_as_known"], true, "{deployment}: {source:#}");
            assert_eq!(count(&source["rows_read"]), 0, "{deployment}: {source:#}");
        }
    }
    assert!(world.lake_files() == before, "the lake's files changed");
}

#[test]
fn the_same_content_elsewhere_writes_nothing() {
    let world = World::new();
    let from = dataset("airflow-2.10.5");
    world.ingest("prod", &[&from]);
    let before = world.lake_files();
    for (i, entry) in fs::read_dir(&from).expect("read").enumerate() {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "gz") {
            world.write(&format!("copies/deep/{i}.export"), fs::read(path).expect("read"));
        }
    }
    let receipt = world.ingest("prod", &[&world.path("copies")]);
    assert_eq!(count(&receipt["totals"]["rows_written"]), 0, "{receipt:#}");
    assert!(list(&receipt["sources"]).iter().all(|source| source["skipped_as_known"] == true), "{receipt:#}");
    assert!(world.lake_files() == before, "the lake's files changed");
    // Packed otherwise it is another file with the same rows.
    let plain = world.write("plain.csv", unpacked(&from.join("task_instance.csv.gz")));
    let receipt = world.ingest("prod", &[&plain]);
    adds_up(&receipt);
    assert_eq!(count(&receipt["totals"]["rows_written"]), 0, "{receipt:#}");
    assert_eq!(count(&receipt["totals"]["rows_duplicate"]), 4149, "{receipt:#}");
}

/// Worlds in which the live export and the archive came at once, one way, and the other way round.
fn orders() -> [World; 3] {
    let (live, archive) = (dataset("airflow-2.10.5"), dataset("airflow-2.10.5-archive"));
    let steps: [&[&[&Path]]; 3] = [&[&[&live, &archive]], &[&[&live], &[&archive]], &[&[&archive], &[&live]]];
    steps.map(|steps| {
        let world = World::new();
        for paths in steps {
            adds_up(&world.ingest("prod", paths));
        }
        world.verify();
        world
    })
}

#[test]
fn overlapping_exports_give_the_same_rows_in_every_order() {
    let rows = |world: &World| {
        [
            "* FROM task_attempts",
            "* FROM dag_runs",
            "* FROM reschedules",
            "pool, slots, include_deferred, description FROM pools",
            "dag_id, owners, schedule, max_active_tasks, max_active_runs, updated_at FROM dags",
        ]
        .map(|what| {
            let mut rows: Vec<String> = world.sql(&format!("SELECT {what}")).iter().map(Value::to_string).collect();
            rows.sort();
            (what, rows)
        })
    };
    let [at_once, forth, back] = orders();
    let want = rows(&at_once);
    for world in [forth, back] {
        for ((what, got), (_, want)) in rows(&world).iter().zip(&want) {
            assert!(got == want, "{what}");
        }
    }
}

#[test]
fn overlapping_exports_give_the_same_bytes_of_history_in_every_order() {
    let [at_once, forth, back] = orders();
    for world in [forth, back] {
        assert!(names(&world.history_parts()) == names(&at_once.history_parts()));
        assert!(world.history_parts() == at_once.history_parts());
    }
}

fn names(parts: &BTreeMap<String, Vec<u8>>) -> Vec<&String> {
    parts.keys().collect()
}

#[test]
fn however_it_is_packed_it_gives_the_same_parts() {
    let plain = unpacked(&dataset("airflow-2.10.5").join("task_instance.csv.gz"));
    let mut want = None;
    for form in ["plain", "gz", "two members", "zst", "stdin", "packed stdin", "named csv, is gz", "glob", "twice"] {
        let world = World::new();
        let half = plain.len() / 2;
        let bytes = match form {
            "gz" | "packed stdin" | "named csv, is gz" => packed(&plain),
            "two members" => [packed(&plain[..half]), packed(&plain[half..])].concat(),
            "zst" => zstd::encode_all(plain.as_slice(), 1).expect("pack"),
            _ => plain.clone(),
        };
        let path = world.write("in/task_instance.csv", bytes);
        match form {
            "stdin" | "packed stdin" => {
                let receipt = world.run_with_stdin(&["ingest", "-", "--json"], &path).exits(0).json();
                assert_eq!(receipt["sources"][0]["path"], "-", "{receipt:#}");
            }
            "glob" => drop(world.json(&["ingest", "in/task_*.csv"])),
            "twice" => drop(world.json(&["ingest", arg(&path), arg(&path), "in", "in/../in/task_instance.csv"])),
            _ => drop(world.ingest("default", &[&path])),
        }
        world.verify();
        let parts = world.parts();
        assert!(!parts.is_empty());
        let want = want.get_or_insert_with(|| parts.clone());
        assert_eq!(parts.keys().collect::<Vec<_>>(), want.keys().collect::<Vec<_>>(), "{form}");
        assert!(parts == *want, "{form}");
    }
}

#[test]
fn pokes_find_the_attempts_of_another_export() {
    // In Airflow 3 a reschedule names its task instance by id; the archive holds the older ones.
    let (live, archive) = (dataset("airflow-3.3.2"), dataset("airflow-3.3.2-archive"));
    let rejected = |receipt: &Value| count(&receipt["totals"]["rows_rejected"]);
    let alone = World::new();
    let before = rejected(&alone.ingest("prod", &[&live]));
    let both = World::new();
    let after = rejected(&both.ingest("prod", &[&live, &archive]));
    assert!(before > 0 && after < before, "{before} wait for the live export alone, {after} for both");
    let receipt = alone.ingest("prod", &[&archive]);
    adds_up(&receipt);
    alone.ingest("prod", &[&live]);
    let number = |world: &World| world.sql("SELECT COUNT(*) AS n FROM reschedules")[0]["n"].clone();
    assert_eq!(number(&alone), number(&both), "one after the other, and the first again");
    assert!(alone.parts() == both.parts(), "bytes of parts");
}
