//! A lake that an earlier version wrote is read as it is, and compacting makes it what this version would have written.

use super::support::{World, count, dataset, json_file};
use parquet::arrow::{ArrowWriter, arrow_reader::ParquetRecordBatchReaderBuilder};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{fs, path::Path};

const ROWS: [&str; 3] = [
    "SELECT * FROM task_attempts ORDER BY dag_id, run_id, task_id, map_index, try_number, started_at",
    "SELECT * FROM dag_runs ORDER BY dag_id, run_id",
    "SELECT * FROM reschedules ORDER BY dag_id, run_id, task_id, map_index, try_number, number",
];

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The rows of a part in other encodings, without compression.
fn written_otherwise(path: &Path) -> Vec<u8> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(path).expect("a part")).expect("Parquet");
    let mut writer = ArrowWriter::try_new(Vec::new(), reader.schema().clone(), None).expect("a writer");
    reader.build().expect("a reader").for_each(|rows| writer.write(&rows.expect("rows")).expect("written"));
    writer.into_inner().expect("written")
}

/// Makes the lake one of format 1: other parts, and sources without their sizes.
fn age(world: &World) {
    let path = world.lake().join("manifest.json");
    let mut manifest = json_file(path.to_str().expect("UTF-8"));
    manifest["format"] = json!(1);
    for source in manifest["sources"].as_array_mut().expect("sources") {
        source.as_object_mut().expect("a source").remove("bytes").expect("its size");
    }
    for part in manifest["parts"].as_array_mut().expect("parts") {
        let of = |name: &str| part[name].as_str().map(str::to_owned);
        let mut folder = world.lake().join(of("table").expect("a table"));
        folder.push(format!("deployment={}", of("deployment").expect("a deployment")));
        folder.extend(of("month").map(|month| format!("month={month}")));
        let name = |sha256: &str| folder.join(format!("part-{}.parquet", &sha256[..16]));
        let old = name(&of("sha256").expect("a hash"));
        let bytes = written_otherwise(&old);
        let sha256 = hex(&bytes);
        fs::remove_file(&old).expect("removed");
        fs::write(name(&sha256), &bytes).expect("written");
        (part["bytes"], part["sha256"]) = (json!(bytes.len()), json!(sha256));
    }
    fs::write(path, serde_json::to_vec(&manifest).expect("JSON")).expect("written");
}

fn compact(world: &World) -> Value {
    world.json(&["lake", "compact"])["compacted"].clone()
}

#[test]
fn a_lake_of_format_1_is_read_added_to_and_compacted() {
    let world = World::new();
    world.ingest("default", &[&dataset("airflow-2.10.5")]);
    world.ingest("other", &[&dataset("airflow-2.5.3-sqlite/csv")]);
    let (rows, parts) = (ROWS.map(|query| world.sql(query)), world.parts());
    age(&world);
    world.verify();
    assert_ne!(world.parts(), parts);
    assert_eq!(ROWS.map(|query| world.sql(query)), rows);
    let again = world.ingest("default", &[&dataset("airflow-2.10.5")]);
    assert_eq!(count(&again["totals"]["rows_written"]), 0, "{again:#}");

    let done = compact(&world);
    assert_eq!((&done["parts"], &done["parts_rewritten"]), (&json!(parts.len()), &json!(parts.len())), "{done}");
    assert!(count(&done["bytes_after"]) < count(&done["bytes_before"]), "{done}");
    assert_eq!(world.parts(), parts, "what this version writes");
    world.verify();
    assert_eq!(ROWS.map(|query| world.sql(query)), rows);
    assert_eq!(json_file(world.lake().join("manifest.json").to_str().expect("UTF-8"))["format"], json!(2));
}

#[test]
fn compacting_twice_changes_nothing_and_clears_leftovers_away() {
    let world = World::new();
    world.ingest("default", &[&dataset("airflow-2.5.3-sqlite/csv")]);
    let before = world.lake_files();
    let staging = world.lake().join(".staging-left");
    fs::create_dir(&staging).expect("a folder");
    fs::write(staging.join("rows.run"), b"half").expect("written");
    fs::write(world.lake().join("dag_runs/part-0123456789abcdef.parquet"), b"half").expect("written");
    let done = compact(&world);
    assert_eq!(done["parts_rewritten"], json!(0), "{done}");
    assert_eq!(world.lake_files(), before);
}

/// One byte of a value changes, and the file stays one that can be read: it must not come out whole.
#[test]
fn what_is_damaged_is_not_written_anew() {
    let world = World::new();
    world.ingest("default", &[&dataset("airflow-2.5.3-sqlite/csv")]);
    age(&world);
    let name = world.parts().into_keys().find(|name| name.starts_with("task_attempts")).expect("a part");
    let path = world.lake().join(name);
    let mut bytes = fs::read(&path).expect("a part");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, &bytes).expect("written");
    let before = world.lake_files();
    let run = world.run(&["lake", "compact"]).exits(1);
    assert!(run.stderr.contains("not what the manifest says"), "{run:?}");
    assert_eq!(world.lake_files(), before);
    world.run(&["lake", "verify"]).exits(1);
}

#[test]
fn there_must_be_a_lake_to_compact() {
    let world = World::new();
    let run = world.run(&["lake", "compact"]).exits(1);
    assert!(run.stderr.contains("lake") && run.stdout.is_empty(), "{run:?}");
    assert!(!world.lake().exists());
}
