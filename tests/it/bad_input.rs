//! Broken input is data: it is counted and named, or refused with a sentence; never a panic, never half a lake.

use super::{
    idempotent::{packed, unpacked},
    support::{World, arg, dataset},
    synthetic::{Story, TASK_HEADER, task_instances},
};
use std::fs;

/// A broken input and what the program must say of it.
struct Case {
    name: &'static str,
    bytes: Vec<u8>,
    /// 0: what is readable is read and the rest is a defect; 1: refused; or `EITHER`.
    code: i32,
    /// Words of the message, beside the path.
    says: &'static [&'static str],
}

/// Read or refused, as long as it is said.
const EITHER: i32 = -1;

fn case(name: &'static str, bytes: impl Into<Vec<u8>>, code: i32, says: &'static [&'static str]) -> Case {
    Case { name, bytes: bytes.into(), code, says }
}

/// A good export: header and 120 rows.
fn export() -> String {
    task_instances(&[Story::new("shop")])
}

/// The export with a field of its second row (line 3) replaced.
fn with(column: &str, value: &str) -> Vec<u8> {
    with_bytes(column, value.as_bytes())
}

fn with_bytes(column: &str, value: &[u8]) -> Vec<u8> {
    let place = TASK_HEADER.split(',').position(|name| name == column).expect("a column");
    let text = export();
    let mut out = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let fields: Vec<&[u8]> = line.split(',').map(str::as_bytes).collect();
        let fields: Vec<&[u8]> =
            fields.iter().enumerate().map(|(k, f)| if i == 2 && k == place { value } else { f }).collect();
        out.extend(fields.join(&b','));
        out.push(b'\n');
    }
    out
}

fn cases() -> Vec<Case> {
    let text = export();
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let gz = packed(text.as_bytes());
    let db = fs::read(dataset("airflow-2.5.3-sqlite/airflow.db")).expect("read");
    let cut = text.rfind("success").expect("a row");
    vec![
        case("empty.csv", "", 1, &["empty"]),
        case("only_header.csv", format!("{TASK_HEADER}\n"), 0, &[]),
        case("unknown_header.csv", "name,price\nbread,3\n", 1, &["header", "name,price"]),
        case("no_header.csv", text.split_once('\n').expect("rows").1, 1, &["header"]),
        case("blank_lines.csv", "\n\n\n", 1, &[]),
        case("last_row_cut.csv", &text[..cut], 0, &["line 121"]),
        case(
            "cut_inside_quotes.csv",
            format!("{}\"shop", &text[..text.rfind("\"shop").expect("a row")]),
            0,
            &["line 121"],
        ),
        case("truncated.csv.gz", &gz[..gz.len() / 2], 0, &["line", "cannot read on"]),
        case("header_only.gz", &gz[..10], 1, &[]),
        case("two_bytes.gz", [0x1f, 0x8b], 1, &[]),
        case("garbage.zst", [0x28, 0xb5, 0x2f, 0xfd, 9, 9, 9, 9], 1, &[]),
        case("page.csv", "<!DOCTYPE html><html><body>Log in</body></html>", 1, &["HTML"]),
        case("utf16.csv", utf16, 1, &["UTF-16", "UTF-8"]),
        case("binary.csv", [b'a', 0, 1, 2, 255, 254, 0, 7], 1, &["binary"]),
        case("rows.json", "{\"things\": []}", 1, &["JSON"]),
        case("header_only.db", &db[..100], 1, &["SQLite"]),
        case("truncated.db", &db[..db.len() / 2], 1, &["SQLite"]),
        case("magic_only.db", &db[..16], 1, &["SQLite"]),
        case(
            "mixed_time_zones.csv",
            with("end_date", "2026-04-02 10:00:00"),
            0,
            &["line 3", "time zone", "`2026-04-02 10:00:00`"],
        ),
        case(
            "end_before_start.csv",
            with("end_date", "1999-01-01 00:00:00+00:00"),
            0,
            &["line 3", "before start_date"],
        ),
        case(
            "no_such_day.csv",
            with("start_date", "2026-02-30 00:00:00+00:00"),
            0,
            &["line 3", "start_date", "`2026-02-30"],
        ),
        case("far_future.csv", with("queued_dttm", "292277-01-01 00:00:00+00:00"), 0, &["line 3", "queued_dttm"]),
        case("latin1_id.csv", with_bytes("dag_id", b"caf\xe9"), 0, &["line 3", "dag_id", "UTF-8"]),
        case(
            "absurd_number.csv",
            with("try_number", "99999999999999999999999"),
            0,
            &["line 3", "try_number", "`9999999"],
        ),
        case("wide_number.csv", with("try_number", "3000000000"), 0, &["line 3", "try_number", "`3000000000`"]),
        case("infinite.csv", with("duration", "1e999"), 0, &["line 3", "duration", "`1e999`"]),
        case("not_a_number.csv", with("duration", "NaN"), 0, &["line 3", "duration", "`NaN`"]),
        case("negative_duration.csv", with("duration", "-5"), 0, &["line 3", "duration", "`-5`"]),
        case("negative_try.csv", with("try_number", "-1"), 0, &["line 3", "try_number", "`-1`"]),
        case("no_task.csv", with("task_id", ""), 0, &["line 3", "task_id"]),
        case("no_run.csv", with("run_id", ""), 0, &["line 3", "run_id"]),
        case("control.csv", with("try_number", "\u{1b}[31mred"), 0, &["line 3", "try_number"]),
        case("row_too_wide.csv", text.replacen("success", "success,1,2", 1), 0, &["line 2", "fields"]),
        case("two_columns_of_one_name.csv", text.replacen("max_tries", "state", 1), EITHER, &["state"]),
        case("another_delimiter.csv", text.replacen(TASK_HEADER, &TASK_HEADER.replace(',', "%"), 1), 1, &["header"]),
    ]
}

#[test]
fn each_broken_input_is_named_and_the_lake_stays_whole() {
    let mut wrong = Vec::new();
    for case in cases() {
        let world = World::new();
        world.ingest("good", &[&dataset("export-archived")]);
        let before = world.lake_files();
        world.write(case.name, &case.bytes);
        let run = world.run(&["ingest", "--deployment", "new", case.name]);
        let said = run.says();
        let mut note = |what: &str| wrong.push(format!("{}: {what}: {run:?}", case.name));
        if run.code != Some(case.code) && case.code != EITHER {
            note(&format!("should exit with {}", case.code));
        }
        if said.contains("panicked") || said.contains('\u{1b}') {
            note("panics, or drives the terminal");
        }
        if !case.says.is_empty() || case.code == 1 {
            for word in case.says.iter().chain([&case.name]).filter(|word| !said.contains(**word)) {
                note(&format!("should say {word:?}"));
            }
        }
        if run.code != Some(0) && world.lake_files() != before {
            note("changed the lake");
        }
        let kept = world.parts();
        if !before.keys().filter(|name| name.ends_with("parquet")).all(|name| kept.contains_key(name)) {
            note("lost a part");
        }
        if world.run(&["lake", "verify"]).code != Some(0) {
            note("leaves a lake that is not whole");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn harmless_oddities_change_nothing() {
    let text = export();
    let shuffled = {
        let (header, rows) = text.split_once('\n').expect("rows");
        let mut rows: Vec<&str> = rows.lines().collect();
        rows.reverse();
        format!("{header}\n{}\n", rows.join("\n"))
    };
    let forms = [
        ("byte order mark", format!("\u{feff}{text}")),
        ("CRLF", text.replace('\n', "\r\n")),
        ("semicolons", text.replace(',', ";")),
        ("tabs", text.replace(',', "\t")),
        ("no last line break", text.trim_end().to_owned()),
        ("blank line at the end", format!("{text}\n")),
        ("upper case names", text.replacen(TASK_HEADER, &TASK_HEADER.to_uppercase(), 1)),
        ("quoted names", text.replacen(TASK_HEADER, &format!("\"{}\"", TASK_HEADER.replace(',', "\",\"")), 1)),
        ("another order", shuffled),
        ("Z for UTC", text.replace("+00:00,", "Z,").replace("+00:00\n", "Z\n")),
    ];
    let plain = World::new();
    let file = plain.write("x.csv", &text);
    plain.ingest("x", &[&file]);
    for (what, bytes) in forms {
        let world = World::new();
        let file = world.write("x.csv", bytes);
        let receipt = world.ingest("x", &[&file]);
        assert_eq!(receipt["totals"]["rows_rejected"], 0, "{what}: {receipt:#}");
        assert!(world.parts() == plain.parts(), "{what}");
    }
}

#[test]
fn a_path_that_is_not_there_is_named() {
    let world = World::new();
    for path in ["missing.csv", "no/such/folder", "nothing-*.csv", "[", "\u{1b}[2Jx"] {
        let run = world.run(&["ingest", path]).exits(1);
        assert!(path.starts_with('\u{1b}') || run.stderr.contains(path), "{run:#?}");
        assert!(!run.stderr.contains('\u{1b}'), "{run:#?}");
        assert!(world.parts().is_empty());
    }
    fs::create_dir(world.path("empty")).expect("make a folder");
    let run = world.run(&["ingest", "empty"]).exits(1);
    assert!(run.stderr.contains("export-sql"), "says how to make exports: {run:#?}");
    world.run(&["ingest"]).exits(1);
}

#[test]
fn random_bytes_are_no_reason_to_panic() {
    let whole = unpacked(&dataset("airflow-1.10.15").join("task_instance.csv.gz"));
    let mut seed = 7_u64;
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    for round in 0..48 {
        let world = World::new();
        let bytes: Vec<u8> = match round % 4 {
            0 => (0..next(3000)).map(|_| next(256) as u8).collect(),
            1 => [format!("{TASK_HEADER}\n").into_bytes(), (0..next(3000)).map(|_| next(256) as u8).collect()].concat(),
            kind => {
                // A real export with some of its bytes changed, plain and packed.
                let mut bytes = whole[..20_000].to_vec();
                bytes = if kind == 3 { packed(&bytes) } else { bytes };
                for _ in 0..=next(60) {
                    let place = next(bytes.len());
                    bytes[place] = next(256) as u8;
                }
                bytes
            }
        };
        let file = world.write("x.csv", &bytes);
        let run = world.run(&["ingest", "x.csv"]);
        let fine =
            matches!(run.code, Some(0 | 1)) && !run.says().contains("panicked") && !run.says().contains('\u{1b}');
        assert!(fine, "round {round}: {run:#?}");
        if run.code == Some(0) {
            world.verify();
            super::ingest::adds_up(&World::new().ingest("x", &[&file]));
        }
    }
}

#[test]
fn a_damaged_file_in_a_folder_is_a_defect_beside_the_good_ones() {
    let world = World::new();
    world.write("in/good.csv", export());
    let gz = packed(export().as_bytes());
    world.write("in/cut.csv.gz", &gz[..gz.len() / 2]);
    world.write("in/noise.db", [b"SQLite format 3\0".as_slice(), &[7; 4000]].concat());
    let receipt = world.ingest("x", &[&world.path("in")]);
    assert_eq!(receipt["totals"]["rows_written"], 120, "{receipt:#}");
    let defects = receipt["defects"].to_string();
    assert!(defects.contains("cut.csv.gz") && defects.contains("noise.db"), "{defects}");
    world.run(&["ingest", "in", "--strict"]).exits(1);
    world.run(&["ingest", "in/noise.db", "--lake", "other"]).exits(1);
}

#[test]
fn a_file_of_which_no_row_can_be_used_is_refused_and_nothing_is_written() {
    let world = World::new();
    world.write("bad.csv", "dag_id,task_id,run_id,start_date,end_date,state\nd,t,r,soon,later,success\n");
    let run = world.run(&["ingest", "bad.csv"]).exits(1);
    assert!(run.stderr.contains("bad.csv, line 2") && run.stderr.contains("soon"), "{run:#?}");
    assert!(world.lake_files().keys().all(|name| !name.ends_with(".parquet")), "{:?}", world.lake_files().keys());
}

#[test]
fn a_database_whose_task_instances_cannot_be_read_is_said_and_a_dead_link_is_passed_over() {
    let world = World::new();
    let database = world.write("in/s.db", "");
    fs::remove_file(&database).expect("removed");
    let connection = rusqlite::Connection::open(&database).expect("a database");
    connection
        .execute_batch("CREATE TABLE task_instance (task_id, dag_id, run_id, start_date); CREATE TABLE dag_run (dag_id, run_id, state, start_date, end_date);")
        .expect("tables");
    drop(connection);
    let run = world.run(&["ingest", "in/s.db"]).exits(1);
    assert!(run.stderr.contains("task_instance"), "{run:#?}");
    world.write("in/good.csv", export());
    #[cfg(unix)]
    std::os::unix::fs::symlink("nowhere", world.path("in/dead.csv")).expect("a link");
    let receipt = world.ingest("x", &[&world.path("in")]);
    assert_eq!(receipt["totals"]["rows_written"], 120, "{receipt:#}");
    let defects = receipt["defects"].to_string();
    assert!(defects.contains("s.db") && (cfg!(not(unix)) || defects.contains("dead.csv")), "{defects}");
}

#[test]
fn an_id_that_no_airflow_takes_is_a_defect() {
    let world = World::new();
    world.write("long.csv", with("task_id", &"x".repeat(1_001)));
    let receipt = world.ingest("x", &[&world.path("long.csv")]);
    assert_eq!(receipt["totals"]["rows_rejected"], 1, "{receipt:#}");
}

#[test]
fn every_row_that_could_not_be_read_is_listed_where_the_user_asks_for_it() {
    let world = World::new();
    let header = "dag_id,run_id,task_id,map_index,try_number,state,start_date,end_date,duration";
    let good = "d,scheduled__2026-11-01T00:00:00+00:00,t,-1,1,success,2026-11-01 00:00:00+00,2026-11-01 00:00:09+00,9";
    let bad = [
        good.replace("2026-11-01 00:00:00+00", "yesterday"),
        good.replace(",-1,", ",many,"),
        good.replace("success", "password=S3CR3T").replace(",9", ",postgresql://u:S3CR3T@h/db"),
    ];
    let file = world.write("task_instance.csv", format!("{header}\n{good}\n{}\n", bad.join("\n")));
    let list = world.path("rejected.ndjson");
    world.run(&["ingest", "--quarantine", arg(&list), arg(&file)]).exits(0);
    let text = std::fs::read_to_string(&list).expect("the list");
    assert!(!text.contains("S3CR3T"), "{text}");
    let rows: Vec<serde_json::Value> = text.lines().map(|row| serde_json::from_str(row).expect("JSON")).collect();
    let lines: Vec<u64> = rows.iter().map(|row| row["line"].as_u64().expect("a line")).collect();
    assert_eq!(lines, [3, 4, 5], "{text}");
    assert!(rows.iter().all(|row| row["path"].as_str().is_some_and(|path| path.ends_with("task_instance.csv"))));
    assert_eq!(
        (rows[0]["reason"].as_str(), rows[0]["value"].as_str()),
        (Some("start_date is not a time"), Some("yesterday"))
    );

    // What fails leaves the list as it was.
    let kept = text.clone();
    world.run(&["ingest", "--strict", "--quarantine", arg(&list), arg(&file), "--deployment", "x"]).exits(1);
    assert_eq!(std::fs::read_to_string(&list).expect("the list"), kept);
    let nowhere = world.path("no/folder/list");
    let run = world.run(&["ingest", "--quarantine", arg(&nowhere), arg(&file), "--deployment", "x"]).exits(1);
    assert!(run.stderr.contains("no/folder"), "{run:?}");
}
