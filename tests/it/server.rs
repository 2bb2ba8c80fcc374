//! Ingests straight from a metadata database, PostgreSQL and MariaDB: the same history as from its exports, nothing written
//! there, no password anywhere, and nothing written here when it goes wrong.

use super::{
    ingest::adds_up,
    servers::{Kind, PASSWORD, Server, door},
    support::{Run, World, count, dataset, list, number, text},
};
use serde_json::Value;
use std::process::Command;

const VARIABLES: [&str; 6] = ["WINDTUNNEL_DB_PASSWORD", "PGPASSWORD", "MYSQL_PWD", "PGPASSFILE", "PGUSER", "PGOPTIONS"];

/// The program with nothing of a database in its environment but `variables`.
fn command(world: &World, args: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = world.command(args);
    VARIABLES.iter().for_each(|name| {
        command.env_remove(name);
    });
    command.env("HOME", world.path("home")).envs(variables.iter().copied());
    command
}

pub(crate) fn run(world: &World, args: &[&str], variables: &[(&str, &str)]) -> Run {
    let output = command(world, args, variables).output().expect("run the program");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    Run { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

#[track_caller]
pub(crate) fn ingest(world: &World, url: &str) -> Value {
    let run = run(world, &["ingest", url, "--json"], &[("WINDTUNNEL_DB_PASSWORD", PASSWORD)]).exits(0);
    assert!(!run.says().contains(PASSWORD), "{run:?}");
    run.json()
}

/// It must fail with these words, and leave no lake behind.
#[track_caller]
pub(crate) fn fails(world: &World, args: &[&str], password: &str, words: &[&str]) {
    let before = world.lake_files();
    let args: Vec<&str> = ["ingest"].into_iter().chain(args.iter().copied()).collect();
    let run = run(world, &args, &[("WINDTUNNEL_DB_PASSWORD", password)]).exits(1);
    assert!(words.iter().all(|word| run.stderr.contains(word)), "{words:?}: {run:?}");
    assert!(run.stdout.is_empty() && !run.stderr.contains(password), "{run:?}");
    let left: Vec<String> =
        world.lake_files().into_keys().filter(|name| !name.starts_with('.') && !before.contains_key(name)).collect();
    assert!(left.is_empty(), "{left:?}: {run:?}");
}

/// Rows of every table that the export fills, and what they must agree in.
const ROWS: [&str; 5] = [
    "SELECT * FROM task_attempts ORDER BY dag_id, run_id, task_id, map_index, try_number, started_at",
    "SELECT * FROM dag_runs ORDER BY dag_id, run_id",
    "SELECT * FROM reschedules ORDER BY dag_id, run_id, task_id, map_index, try_number, number",
    "SELECT * FROM pools ORDER BY pool",
    "SELECT * FROM dags ORDER BY dag_id",
];

/// MySQL's FLOAT holds seven digits of a duration; everything else is the same.
#[track_caller]
fn same(got: &Value, want: &Value, kind: Kind) {
    let (Some(got), Some(want)) = (got.as_object(), want.as_object()) else { panic!("rows: {got} {want}") };
    assert!(got.keys().eq(want.keys()));
    for (name, value) in want {
        let close = || (number(&got[name]) - number(value)).abs() <= 1e-6 * number(value).abs();
        let rounded = kind == Kind::Mariadb && name == "duration_s" && value.is_number();
        assert!(&got[name] == value || rounded && close(), "{name}: {got:?} is not {want:?}");
    }
}

fn gives_what_its_exports_give(kind: Kind) {
    let Some(server) = Server::start(kind, &[]) else { return };
    server.load_airflow("airflow");
    let (by_url, by_export) = (World::new(), World::new());
    by_export.ingest("default", &[&dataset("airflow-2.10.5")]);
    let receipt = ingest(&by_url, &server.url("airflow"));
    adds_up(&receipt);
    for query in ROWS {
        let (got, want) = (by_url.sql(query), by_export.sql(query));
        assert_eq!(got.len(), want.len(), "{query}");
        assert!(!want.is_empty(), "{query}");
        got.iter().zip(&want).for_each(|(got, want)| same(got, want, kind));
    }

    let system = if kind == Kind::Postgres { "postgresql" } else { "mysql" };
    let shown = format!("{system}://reader@127.0.0.1:{}/airflow#task_instance", server.port);
    let source = list(&receipt["sources"]).iter().find(|source| text(source, "path") == shown);
    let source = source.unwrap_or_else(|| panic!("{shown} is not among {receipt:#}"));
    assert!(text(source, "kind").starts_with("task_instance (Airflow 2.10"), "{source}");
    assert_eq!((count(&source["rows_read"]), text(source, "sha256").len()), (4149, 64));

    // Nothing changed there, so nothing changes here.
    let before = by_url.parts();
    let again = ingest(&by_url, &server.url("airflow"));
    adds_up(&again);
    assert_eq!(count(&again["totals"]["rows_written"]), 0, "{again:#}");
    assert_eq!(by_url.parts(), before);
    assert_eq!(by_url.sql("SELECT COUNT(*) AS n FROM sources"), by_export.sql("SELECT COUNT(*) AS n FROM sources"));
    by_url.verify();
    let told = |bytes: &[u8]| bytes.windows(PASSWORD.len()).any(|part| part == PASSWORD.as_bytes());
    assert!(!by_url.files().values().any(|bytes| told(bytes)), "the password is in a file");
}

#[test]
fn postgres_gives_what_its_exports_give() {
    gives_what_its_exports_give(Kind::Postgres);
}

#[test]
fn mariadb_gives_what_its_exports_give() {
    gives_what_its_exports_give(Kind::Mariadb);
}

fn says_what_is_wrong(kind: Kind) {
    let Some(mut server) = Server::start(kind, &[]) else { return };
    let world = World::new();
    server.load_airflow("airflow");
    server.sql("", "CREATE DATABASE empty_one");
    server.sql("", "CREATE DATABASE other");
    server.sql("other", "CREATE TABLE orders (id INTEGER PRIMARY KEY); GRANT SELECT ON orders TO reader");
    server.sql("", "CREATE DATABASE broken");
    server.sql("broken", "CREATE TABLE task_instance (x INTEGER); GRANT SELECT ON task_instance TO reader");
    let denied = if kind == Kind::Postgres { "password authentication failed" } else { "Access denied" };
    let url = server.url("airflow");
    fails(&world, &[&url], "wr0ng-S3CR3T", &[denied, "reader@127.0.0.1"]);
    fails(&world, &[&server.url("nowhere")], PASSWORD, &["nowhere"]);
    fails(&world, &[&server.url("empty_one")], PASSWORD, &["empty_one"]);
    fails(&world, &[&server.url("other")], PASSWORD, &["without Airflow's tables"]);
    fails(&world, &[&server.url("broken")], PASSWORD, &["task_instance", "not Airflow's"]);
    let with_password = url.replace("reader@", "reader:0ther-S3CR3T@");
    fails(&world, &[&with_password], "0ther-S3CR3T", &["the URL holds a password", "--password-file"]);
    fails(&world, &[&url.replace("127.0.0.1", "nowhere.invalid")], PASSWORD, &["cannot find host nowhere.invalid"]);
    fails(&world, &[&format!("{url}?colour=red")], PASSWORD, &["`colour` is not known", "sslmode"]);
    let none = run(&world, &["ingest", &url], &[]).exits(1);
    assert!(none.stderr.contains("WINDTUNNEL_DB_PASSWORD"), "{none:?}");
    server.kill();
    fails(&world, &[&url], PASSWORD, &["cannot connect to 127.0.0.1"]);
}

#[test]
fn postgres_says_what_is_wrong() {
    says_what_is_wrong(Kind::Postgres);
}

#[test]
fn mariadb_says_what_is_wrong() {
    says_what_is_wrong(Kind::Mariadb);
}

/// Exactly two pages, then a row more: none is lost at the seam, none comes twice.
fn reads_page_by_page(kind: Kind) {
    let Some(server) = Server::start(kind, &[]) else { return };
    server.load_airflow("airflow");
    let (world, pages) = (World::new(), 2 * 10_000);
    let known: usize = server.sql("airflow", "SELECT COUNT(*) FROM task_instance").trim().parse().expect("a count");
    let row = |n: usize| format!("('it''s \\\\ %é', 'paged', 'manual__x', {n}, 1, 'success', 'x')");
    let rows: Vec<String> = (known..pages).map(row).collect();
    let into = "INSERT INTO task_instance (task_id, dag_id, run_id, map_index, try_number, state, pool) VALUES";
    server.sql("airflow", &format!("{into} {}", rows.join(", ")));
    let read = |receipt: &Value| {
        let source = list(&receipt["sources"]).iter().find(|source| text(source, "path").ends_with("#task_instance"));
        count(&source.expect("the table")["rows_read"])
    };
    assert_eq!(read(&ingest(&world, &server.url("airflow"))), pages as u64);
    server.sql("airflow", &format!("{into} {}", row(pages)));
    assert_eq!(read(&ingest(&world, &server.url("airflow"))), pages as u64 + 1);
    let query = "SELECT COUNT(*) AS n, COUNT(DISTINCT map_index) AS kinds, MAX(map_index) AS last FROM task_attempts \
                 WHERE dag_id = 'paged'";
    let rows = world.sql(query);
    let numbers = ["n", "kinds", "last"].map(|name| count(&rows[0][name]) as usize);
    assert_eq!(numbers, [pages + 1 - known, pages + 1 - known, pages]);
}

#[test]
fn postgres_is_read_page_by_page() {
    reads_page_by_page(Kind::Postgres);
}

#[test]
fn mariadb_is_read_page_by_page() {
    reads_page_by_page(Kind::Mariadb);
}

/// The server dies when a part of its largest table has come through.
fn survives_its_end(kind: Kind) {
    let Some(server) = Server::start(kind, &[]) else { return };
    let world = World::new();
    world.ingest("default", &[&dataset("airflow-2.5.3-sqlite/csv")]);
    server.load_airflow("airflow");
    let before = world.lake_files();
    let (port, own) = (server.port, server.url("airflow"));
    let through = door(port, 500_000, move || {
        let mut server = server;
        server.kill();
    });
    let url = own.replace(&format!(":{port}/"), &format!(":{through}/"));
    fails(&world, &[&url], PASSWORD, &["the connection was lost", "rows of task_instance", "nothing was written"]);
    assert_eq!(world.lake_files(), before);
    world.verify();
}

#[test]
fn the_end_of_postgres_in_the_middle_leaves_the_lake_as_it_was() {
    survives_its_end(Kind::Postgres);
}

#[test]
fn the_end_of_mariadb_in_the_middle_leaves_the_lake_as_it_was() {
    survives_its_end(Kind::Mariadb);
}
