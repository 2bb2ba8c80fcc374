//! The floors of the house, as data: who may import whom, and what may stand where. The table is the one that the crate's
//! documentation shows.

use super::{
    source_text::{paths, strip, tokens},
    support::root,
};
use std::{fs, path::Path};

/// Folder, and the folders it may import. `cli` may import all.
const FLOORS: [(&str, &[&str]); 12] = [
    ("stats", &[]),
    ("model", &[]),
    ("ingest", &["model"]),
    ("lake", &["model"]),
    ("synth", &["model", "stats"]),
    ("engine", &["model", "stats"]),
    ("analysis", &["model", "stats"]),
    ("replay", &["model", "stats", "engine"]),
    ("gate", &["model", "stats"]),
    ("monitor", &["model", "stats"]),
    ("report", &["model", "stats", "analysis", "gate", "monitor", "replay"]),
    (
        "cli",
        &["stats", "model", "ingest", "lake", "synth", "engine", "analysis", "replay", "gate", "monitor", "report"],
    ),
];

/// Crates that stand in some folders only.
const HOMES: [(&str, &[&str]); 37] = [
    ("arrow", &["lake"]),
    ("parquet", &["lake"]),
    ("polars", &["lake"]),
    ("csv", &["ingest"]),
    ("rusqlite", &["ingest", "engine", "replay"]),
    ("csv_core", &["ingest"]),
    ("memchr", &["ingest"]),
    ("tar", &["ingest"]),
    ("bytemuck", &["lake", "stats"]),
    ("pulp", &["stats"]),
    ("foldhash", &["model"]),
    ("hashbrown", &["lake"]),
    ("zstd", &["ingest"]),
    ("rustls", &["ingest"]),
    ("rustls_native_certs", &["ingest"]),
    ("md5", &["ingest"]),
    ("rand", &["stats"]),
    ("rand_pcg", &["stats"]),
    ("statrs", &["stats"]),
    ("plotters", &["report"]),
    ("minijinja", &["report"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("indicatif", &["cli"]),
    ("comfy_table", &["cli"]),
    ("toml", &["cli"]),
    ("schemars", &["cli"]),
    ("redis", &["engine"]),
    ("zookeeper_client", &["engine"]),
    ("slotmap", &["engine"]),
    ("libc", &["engine"]),
    ("procfs", &["engine", "replay"]),
    ("hdrhistogram", &["engine", "replay"]),
    ("cpu_time", &["replay"]),
    ("tiny_http", &["replay"]),
    ("ureq", &["replay"]),
];

/// Folders without serde: their structs are not wire formats.
const NO_SERDE: [&str; 3] = ["stats", "model", "analysis"];
/// Folders that neither read, write, print, nor look at the environment.
const NO_IO: [&str; 4] = ["stats", "model", "analysis", "report"];
const IO_MODULES: [&str; 4] = ["fs", "env", "net", "process"];
const PRINTS: [&str; 5] = ["println", "print", "eprintln", "eprint", "dbg"];
/// Folders that may look at a clock.
const CLOCKS: [&str; 2] = ["replay", "cli"];
/// The one file that may hold `unsafe`: three calls of the C library.
const UNSAFE: &str = "engine/c_library.rs";
const MAX_LINES: usize = 600;

/// What is wrong with the file at `path` (from the package's folder, with `/`).
fn objections(path: &str, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if !text.starts_with("//!") {
        wrong.push("does not open with `//!`".to_owned());
    }
    let Some(inside) = path.strip_prefix("src/") else { return wrong };
    if text.lines().count() > MAX_LINES {
        wrong.push(format!("has more than {MAX_LINES} lines"));
    }
    let module = module_path(inside);
    let Some((folder, _)) = inside.split_once('/') else { return wrong };
    let Some((_, allowed)) = FLOORS.iter().find(|(name, _)| *name == folder) else {
        wrong.push(format!("stands in a folder that is not in the table: {folder}"));
        return wrong;
    };
    let tokens = tokens(&strip(text));
    for path_named in paths(&tokens, &module) {
        let words: Vec<&str> = path_named.iter().map(String::as_str).collect();
        wrong.extend(objection(folder, allowed, &words).map(|why| format!("{}: {why}", words.join("::"))));
    }
    if inside != UNSAFE && tokens.iter().any(|token| token == "unsafe") {
        wrong.push("has `unsafe` in it".to_owned());
    }
    let prints = |pair: &&[String]| PRINTS.contains(&pair[0].as_str()) && pair[1] == "!";
    if NO_IO.contains(&folder)
        && let Some(pair) = tokens.windows(2).find(prints)
    {
        wrong.push(format!("{}!: {folder} prints nothing", pair[0]));
    }
    wrong
}

fn objection(folder: &str, allowed: &[&str], path: &[&str]) -> Option<String> {
    match path {
        ["crate", own, ..] if *own == folder => None,
        ["crate", other, ..] if FLOORS.iter().any(|(name, _)| name == other) => {
            (!allowed.contains(other)).then(|| format!("{folder} may not import {other}"))
        }
        ["crate", "*" | "self", ..] | ["crate"] => Some("the whole crate at once".to_owned()),
        ["std" | "core", module, ..] if NO_IO.contains(&folder) && IO_MODULES.contains(module) => {
            Some(format!("{folder} does no IO"))
        }
        ["std", "time", "Instant" | "SystemTime", ..] if !CLOCKS.contains(&folder) => {
            Some(format!("{folder} looks at no clock"))
        }
        ["serde" | "serde_json", ..] if NO_SERDE.contains(&folder) => Some(format!("{folder} knows no wire format")),
        [name, ..] => {
            let homes = HOMES.iter().find(|(of, _)| of == name).map(|(_, homes)| *homes)?;
            (!homes.contains(&folder)).then(|| format!("only {} may use {name}", homes.join(" and ")))
        }
        [] => None,
    }
}

/// `lake/sql.rs` is `lake::sql`, `lake/mod.rs` is `lake`.
fn module_path(inside: &str) -> Vec<String> {
    let mut words: Vec<String> = inside.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if words.last().is_some_and(|word| matches!(word.as_str(), "mod" | "lib" | "main")) {
        words.pop();
    }
    words
}

fn rust_files(folder: &str) -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let root = root();
    let mut found = Vec::new();
    walk(&root.join(folder), &mut found);
    found.sort();
    let named = |path: std::path::PathBuf| {
        let name = path.strip_prefix(&root).expect("below").to_string_lossy().replace('\\', "/");
        (name, fs::read_to_string(&path).expect("read"))
    };
    found.into_iter().map(named).collect()
}

#[test]
fn every_file_keeps_to_the_floors() {
    let files: Vec<_> = ["src", "tests", "benches"].into_iter().flat_map(rust_files).collect();
    assert!(files.len() > 50, "only {} files were looked at", files.len());
    let wrong: Vec<String> = files
        .iter()
        .flat_map(|(path, text)| objections(path, text).into_iter().map(move |why| format!("{path}: {why}")))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_forbidden_import_planted_in_a_real_file_is_refused() {
    let files = rust_files("src");
    let mut seen = 0;
    for (folder, allowed) in FLOORS {
        let Some((path, text)) = files.iter().find(|(path, _)| path.starts_with(&format!("src/{folder}/"))) else {
            continue;
        };
        for (other, _) in FLOORS.iter().filter(|(other, _)| *other != folder) {
            for plant in [
                format!("use crate::{other}::Thing;"),
                format!("use crate::{{self as _, {other}::{{One, two::Three}}}};").replace("self as _, ", ""),
                format!("#[cfg(test)]\nmod tests {{ fn f() {{ let _ = crate::{other}::thing::<u8>(); }} }}"),
                format!("mod deep {{ use {}super::{other}::Thing; }}", "super::".repeat(module_path(&path[4..]).len())),
            ] {
                let planted = format!("{text}\n{plant}\n");
                let wrong = objections(path, &planted).len() - objections(path, text).len();
                assert_eq!(wrong > 0, !allowed.contains(other), "{path}: {plant}");
                seen += 1;
            }
        }
    }
    assert!(seen > 200, "only {seen} imports were planted");
}

#[test]
fn what_stands_in_the_wrong_place_is_refused_and_what_is_only_mentioned_is_not() {
    let wrong = [
        ("src/ingest/x.rs", "use std::io; use polars::prelude::*;"),
        ("src/model/x.rs", "#[derive(serde::Serialize)] struct S;"),
        ("src/analysis/x.rs", "use serde_json::Value;"),
        ("src/analysis/x.rs", "use std::{collections::BTreeMap, fs::{self, File}};"),
        ("src/report/x.rs", "fn f() { println!(\"x\"); }"),
        ("src/stats/x.rs", "fn f() { std::env::var(\"X\").ok(); }"),
        ("src/lake/x.rs", "fn f() { let now = std::time::Instant::now(); }"),
        ("src/lake/x.rs", "extern crate rand;"),
        ("src/lake/x.rs", "use ::csv::Reader;"),
        ("src/ingest/x.rs", "use windtunnel::lake::Lake;"),
        ("src/model/x.rs", "use crate::*;"),
        ("src/other/x.rs", ""),
    ];
    for (path, text) in wrong {
        assert!(!objections(path, &format!("//! x\n{text}\n")).is_empty(), "{path}: {text}");
    }
    let fine = [
        ("src/ingest/x.rs", "use serde_json::Value;"),
        ("src/model/x.rs", "// crate::lake::Lake\n/* use crate::lake; /* */ use polars::x; */ fn f<'a>(x: &'a str) {}"),
        ("src/model/x.rs", "const S: &str = \"use crate::lake::Lake; \\\" polars::x\"; const C: char = '\"';"),
        (
            "src/model/x.rs",
            "const R: &str = r#\"use crate::lake; \" polars::x\"#; const B: u8 = b'\\''; // crate::lake::x",
        ),
        ("src/model/x.rs", "pub(crate) use self::id::Text; mod id { use super::super::time::Timestamp; }"),
        ("src/lake/x.rs", "fn f(x: own::csv::Kind) { own::rand::x(); }"),
    ];
    for (path, text) in fine {
        assert_eq!(objections(path, &format!("//! x\n{text}\n")), Vec::<String>::new(), "{path}: {text}");
    }
    assert_eq!(objections("tests/x.rs", "fn f() {}"), ["does not open with `//!`"]);
    let long = format!("//! x\n{}", "\n".repeat(MAX_LINES));
    assert_eq!(objections("src/lake/x.rs", &long), ["has more than 600 lines"]);
}
