//! A world of its own for each test: a folder, a lake in it, and the program to run there.

use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};
use tempfile::TempDir;

/// The program under test; `WINDTUNNEL_BIN` names another one, such as a release build.
pub(crate) fn windtunnel() -> Command {
    let built = option_env!("CARGO_BIN_EXE_windtunnel").map(PathBuf::from);
    let program = std::env::var_os("WINDTUNNEL_BIN").map(PathBuf::from).or(built).expect("a binary to test");
    let mut command = Command::new(program);
    for name in ["WINDTUNNEL_LAKE", "WINDTUNNEL_CONFIG", "NO_COLOR", "COLUMNS"] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// Folder of the package.
pub(crate) fn root() -> PathBuf {
    std::env::var_os("WINDTUNNEL_ROOT").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from)
}

/// A data set of `datasets/`.
pub(crate) fn dataset(name: &str) -> PathBuf {
    root().join("datasets").join(name)
}

/// A JSON file of the repository.
pub(crate) fn json_file(path: &str) -> Value {
    let path = root().join(path);
    let text = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A path as an argument.
pub(crate) fn arg(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// What a run of the program left behind.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let start: String = self.stdout.chars().take(2_000).collect();
        f.debug_struct("Run").field("code", &self.code).field("stdout", &start).field("stderr", &self.stderr).finish()
    }
}

impl Run {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("the program prints UTF-8");
        Self { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// Everything it said.
    pub(crate) fn says(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Insists on an exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "exit code; {self:#?}");
        assert!(!self.stderr.contains("panicked"), "{self:#?}");
        self
    }

    /// Its stdout, which must be one JSON document.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("stdout is no JSON: {error}; {self:#?}"))
    }
}

/// A folder with a lake in it (once something is ingested).
pub(crate) struct World {
    folder: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { folder: TempDir::new().expect("a temporary folder") }
    }

    /// A path in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn lake(&self) -> PathBuf {
        self.path("lake")
    }

    /// Writes a file in it, with the folders that lead to it.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("make a folder");
        fs::write(&path, bytes).expect("write a file");
        path
    }

    /// The program, in this folder and with its lake.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = windtunnel();
        command.current_dir(self.folder.path()).args(["--lake", "lake"]).args(args);
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Run {
        Run::of(&self.command(args).output().expect("run the program"))
    }

    /// Runs it with `input` on stdin.
    pub(crate) fn run_with_stdin(&self, args: &[&str], input: &Path) -> Run {
        let input = fs::File::open(input).expect("open the input");
        Run::of(&self.command(args).stdin(input).output().expect("run the program"))
    }

    /// Runs it with `--json`; it must exit with 0.
    #[track_caller]
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        self.run(&args).exits(0).json()
    }

    /// Ingests files and folders; returns the receipt.
    #[track_caller]
    pub(crate) fn ingest(&self, deployment: &str, paths: &[&Path]) -> Value {
        let paths = paths.iter().map(|path| arg(path));
        let args: Vec<&str> = ["ingest", "--deployment", deployment].into_iter().chain(paths).collect();
        self.json(&args)
    }

    /// Rows of a query.
    #[track_caller]
    pub(crate) fn sql(&self, query: &str) -> Vec<Value> {
        let answer = self.json(&["lake", "sql", query]);
        answer["rows"].as_array().expect("rows").clone()
    }

    /// `lake verify` must find the lake whole.
    #[track_caller]
    pub(crate) fn verify(&self) {
        self.run(&["lake", "verify"]).exits(0);
    }

    /// Part files of the lake and their bytes.
    pub(crate) fn parts(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = files_below(&self.lake());
        files.retain(|name, _| name.ends_with(".parquet"));
        files
    }

    /// Parts of attempts, runs and reschedules alone: pools and DAGs are a state, and the last one to come holds.
    pub(crate) fn history_parts(&self) -> BTreeMap<String, Vec<u8>> {
        let mut parts = self.parts();
        parts.retain(|name, _| {
            ["task_attempts/", "dag_runs/", "reschedules/"].iter().any(|table| name.starts_with(table))
        });
        parts
    }

    /// All files of the lake but its lock.
    pub(crate) fn lake_files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = files_below(&self.lake());
        files.remove(".lock");
        files
    }

    /// All files of the world.
    pub(crate) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        files_below(self.folder.path())
    }
}

/// Files below a folder: path from there, with `/`, and bytes.
pub(crate) fn files_below(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let Ok(entries) = fs::read_dir(&next) else { continue };
        for entry in entries {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("below").to_string_lossy().replace('\\', "/");
                files.insert(name, fs::read(&path).expect("read a file"));
            }
        }
    }
    files
}

/// Text of a column of a row; null is "-".
pub(crate) fn text<'a>(row: &'a Value, column: &str) -> &'a str {
    match &row[column] {
        Value::String(text) => text,
        Value::Null => "-",
        other => panic!("{column} is no text: {other}"),
    }
}

/// A number of a document.
#[track_caller]
pub(crate) fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("not a number: {value}"))
}

/// A count of a document.
#[track_caller]
pub(crate) fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("not a count: {value}"))
}

/// Elements of an array of a document.
#[track_caller]
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("not an array: {value}"))
}

/// Complaints that differ in their numbers alone are told once.
#[track_caller]
pub(crate) fn complain(wrong: &[String]) {
    let without_numbers = |text: &String| text.replace(|c: char| c.is_ascii_digit(), "");
    let first: BTreeMap<_, _> = wrong.iter().rev().map(|text| (without_numbers(text), text.as_str())).collect();
    assert!(wrong.is_empty(), "{} faults\n{}", wrong.len(), first.into_values().collect::<Vec<_>>().join("\n"));
}
