//! `bench ecommerce` and `bench scheduler`, through the binary; and the pages of what came of them.

use super::support::{World, list, number, text};
use serde_json::Value;

/// One DAG that only waits, of which a load commits every item.
pub(crate) const SMALL: &str = r#"
name = "small"
core = "nightly"
[machine]
cores = 4.0
memory_gb = 8.0
taken_gb = 1.0
disk_mb_s = 100.0
network_mb_s = 100.0
[airflow]
parallelism = 4
max_active_tasks = 4
scheduler_period_s = 1.0
startup_s = 1.0
retries = 1
retry_delay_s = 60.0
[chance]
day = 0.05
part = 0.1
speed = 0.05
memory = 0.05
[[pools]]
name = "default_pool"
slots = 16
[[dags]]
name = "nightly"
starts_at_min = [60.0]
deadline_min = 600.0
[[dags.tasks]]
name = "read"
pool = "default_pool"
parts = 4
wait_s = 240.0
[[dags.tasks]]
name = "write <b>"
after = ["read"]
pool = "default_pool"
parts = 4
items = 4000.0
batch = 1.0
batch_s = 1.0
"#;

fn platform(world: &World, args: &[&str]) -> Value {
    let all: Vec<&str> = ["bench", "ecommerce"].into_iter().chain(args.iter().copied()).collect();
    world.json(&all)
}

#[test]
fn the_bundled_platform_is_slow_and_dies_of_memory_until_a_search_has_seen_it() {
    let world = World::new();
    let told = platform(&world, &["--virtual-only", "--seed", "77"]);
    let of = &told["platform"];
    let seeds = list(&of["seeds"]);
    assert_eq!(seeds.len(), 6);
    let days = |side: &str| -> Vec<Value> { seeds.iter().flat_map(|seed| list(&seed[side]).to_vec()).collect() };
    let (before, after) = (days("before"), days("after"));
    assert_eq!((before.len(), after.len()), (24, 24));
    let ended: Vec<f64> = before.iter().filter_map(|day| day["core_s"].as_f64()).collect();
    let mean = ended.iter().sum::<f64>() / ended.len() as f64 / 3_600.0;
    assert!((3.5..4.7).contains(&mean), "{mean} h before");
    assert!(before.iter().all(|day| number(&day["most_memory"]) > 0.9 && number(&day["killed"]) > 0.0));
    for day in &after {
        assert!(number(&day["core_s"]) < 3_600.0, "{day}");
        assert!(number(&day["most_memory"]) < 0.7 && number(&day["killed"]) == 0.0, "{day}");
        assert!(number(&day["success"]) >= 0.995 && number(&day["tries_well"]) >= 0.995, "{day}");
    }
    // Shares of what the levers save sum to the whole, and each setting that changed belongs to one of them.
    let levers: Vec<&str> = list(&of["levers"]).iter().map(|lever| text(lever, "lever")).collect();
    assert!(levers.len() >= 3, "{levers:?}");
    assert!(list(&of["settings"]).iter().all(|setting| levers.contains(&text(setting, "lever"))), "{of}");
    let result = &told["engine_results"][0];
    assert!(number(&result["speedup"]["lower"]) > 4.0, "{}", result["speedup"]);
    assert_eq!(number(&result["items_in"]), number(&result["items_out"]) + number(&result["items_dead_lettered"]));
    // Its page shows the same, with nothing of the data taken for markup.
    world.write("bench.json", told.to_string());
    let report = world.json(&["report", "--from", "bench.json", "--out", "page"]);
    assert!(report["paths"]["images"].to_string().contains("bench-platform.png"), "{report}");
    let html = std::fs::read_to_string(world.path("page/report.html")).expect("a page");
    assert!(html.contains("What each lever is worth") && html.contains("orders_daily"), "no section");
}

#[test]
fn a_small_platform_on_threads_takes_as_long_as_in_virtual_time() {
    let world = World::new();
    world.write("small.toml", SMALL);
    let told = platform(&world, &["--workload", "small.toml", "--even-if-busy"]);
    let of = &told["platform"];
    // Commits were the trouble, and nothing else is changed.
    let settings: Vec<(&str, &str)> =
        list(&of["settings"]).iter().map(|setting| (text(setting, "lever"), text(setting, "name"))).collect();
    assert_eq!(settings, [("batching", "nightly.write <b>")]);
    let nights = list(&of["on_threads"]);
    assert_eq!(nights.len(), 2);
    for night in nights {
        let ratio = number(&night["core_s"]) / number(&night["simulated_core_s"]);
        assert!((0.9..1.35).contains(&ratio), "{night}");
        assert_eq!(night["killed"], night["simulated_killed"]);
    }
    world.write("bench.json", told.to_string());
    world.run(&["report", "--from", "bench.json", "--out", "page"]).exits(0);
    let html = std::fs::read_to_string(world.path("page/report.html")).expect("a page");
    assert!(!html.contains("write <b>") && html.contains("write &lt;b&gt;"), "a name became markup");
    let once = platform(&world, &["--workload", "small.toml", "--virtual-only"]);
    assert_eq!(once["platform"]["seeds"], of["seeds"], "the same seed, the same days");
}

#[test]
fn a_platform_that_means_nothing_is_refused_by_name() {
    let world = World::new();
    for (from, to, said) in [
        ("core = \"nightly\"", "core = \"daily\"", "there is no DAG `daily`"),
        ("after = [\"read\"]", "after = [\"red\"]", "nightly.write <b>.after: there is no task `red`"),
        ("cores = 4.0", "cores = 0.0", "machine.cores: a number above 0"),
        ("taken_gb = 1.0", "taken_gb = 9.0", "leaves no memory"),
        ("wait_s = 240.0", "wait_s = nan", "nightly.read.wait_s: 0 or more"),
        ("name = \"read\"", "name = \"read\"\nafter = [\"write <b>\"]", "circle"),
        ("batch = 1.0", "batch = -1.0", "batch: a number above 0"),
        ("parts = 4\nwait_s", "parts = 0\nwait_s", "parts: 1 or more"),
        ("parts = 4\nwait_s", "parts = 9000\nwait_s", "task instances"),
        ("items = 4000.0", "items = 1e300", "nightly.write <b>.items: 0 or more"),
        ("day = 0.05", "day = 100.0", "chance.day: 0 to 2"),
        ("retries = 1", "retries = 4294967295", "airflow.retries: 100 at most"),
        ("name = \"read\"", "name = \"write <b>\"", "stands there twice"),
        ("slots = 16", "slot = 16", "unknown field `slot`"),
        ("starts_at_min = [60.0]", "starts_at_min = []", "no start"),
    ] {
        let broken = SMALL.replacen(from, to, 1);
        assert_ne!(broken, SMALL, "{from}");
        world.write("broken.toml", broken);
        let run = world.run(&["bench", "ecommerce", "--workload", "broken.toml"]).exits(1);
        assert!(run.says().contains("broken.toml") && run.says().contains(said), "{to}: {}", run.says());
    }
    let both = world.run(&["bench", "ecommerce", "pool", "--workload", "broken.toml"]).exits(1);
    assert!(both.says().contains("one by one"), "{}", both.says());
}

#[test]
fn a_simulation_has_a_page() {
    let world = World::new();
    super::simulate::recorded(&world);
    let swept = super::simulate::of_history(&world, &["--sweep", "pool.warehouse=1..4", "--json"]).exits(0).json();
    world.write("swept.json", swept.to_string());
    let report = world.json(&["report", "--from", "swept.json", "--out", "page"]);
    for image in ["simulation-gantt.png", "simulation-sweep.png"] {
        assert!(report["paths"]["images"].to_string().contains(image), "{report}");
    }
    let html = std::fs::read_to_string(world.path("page/report.html")).expect("a page");
    assert!(html.contains("Simulation of orders_etl") && html.contains("never ends"), "no page of it");
    world.write("dag.json", r#"{"name": "<i>", "tasks": [["<b>", 1, null, null, []], ["b", 2, null, null, [0]]]}"#);
    let one = world.json(&["simulate", "--dag", "dag.json", "--speedup", "b=2"]);
    world.write("one.json", one.to_string());
    world.run(&["report", "--from", "one.json", "--out", "page"]).exits(0);
    let html = std::fs::read_to_string(world.path("page/report.html")).expect("a page");
    assert!(!html.contains("<i>") && !html.contains("<b>"), "a name became markup");
    let markdown = std::fs::read_to_string(world.path("page/report.md")).expect("a page");
    assert!(markdown.contains("instead of"), "{markdown}");
    world.write("cut.json", &one.to_string()[..200]);
    world.run(&["report", "--from", "cut.json"]).exits(1);
}
