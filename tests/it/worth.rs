//! `compare` over the lake, and what a change was worth.

use super::{
    support::{World, list, number, text},
    synthetic::{Story, dag_runs, task_instances},
};
use serde_json::Value;

/// Seven daily DAGs, the middle task of the first of which doubles on 2026-05-01 (its runs are said to take five minutes
/// all the same), and whose tasks take `more` seconds from then on, as its runs take three times that.
fn world(more: f64) -> World {
    let world = World::new();
    let mut stories: Vec<Story> = (0..7)
        .map(|i| Story { starts_at: 5.0 + 3_600.0 * i as f64, doubles_on: 99, ..Story::new(&format!("dag{i}")) })
        .collect();
    stories[0].doubles_on = 30;
    stories[0].host = (30, more);
    world.write("in/task_instance.csv", task_instances(&stories));
    world.write("in/dag_run.csv", dag_runs(&stories));
    world.ingest("default", &[&world.path("in")]);
    world
}

fn located<'a>(found: &'a Value, id: &str, quantity: &str) -> &'a Value {
    let is = |e: &&Value| text(e, "id") == id && text(e, "quantity") == quantity && text(e, "statistic") == "location";
    list(&found["effects"]).iter().find(is).unwrap_or_else(|| panic!("no {id} {quantity}: {found:#}"))
}

#[test]
fn a_date_splits_the_history() {
    let world = world(0.0);
    let found = world.json(&["compare", "--at", "2026-05-01"]);
    let doubled = located(&found, "dag0.work dag0", "duration");
    assert_eq!(
        (text(doubled, "verdict"), number(&doubled["before_n"]), number(&doubled["after_n"])),
        ("regressed", 30.0, 10.0)
    );
    assert!(number(&doubled["ratio"]["lower"]) < 2.0 && number(&doubled["ratio"]["upper"]) > 1.9, "{doubled}");
    // What the other DAGs did meanwhile is nothing.
    let against = &doubled["difference_in_differences"];
    assert!(number(&against["lower"]) > 1.5 && number(&against["upper"]) < 2.6, "{doubled}");
    assert_eq!(text(located(&found, "dag0", "run_duration"), "verdict"), "unchanged");
    let regressed = list(&found["effects"])
        .iter()
        .filter(|e| text(e, "verdict") == "regressed" && text(e, "statistic") == "location");
    assert_eq!(regressed.count(), 1, "the task alone");
    // Ranges say the same; a date as the end counts whole.
    let ranges = world.json(&[
        "compare",
        "--before",
        "2026-04-01..2026-04-30",
        "--after",
        "2026-05-01..2026-05-10",
        "--dag",
        "dag0",
    ]);
    assert_eq!(located(&ranges, "dag0.work dag0", "duration")["ratio"], doubled["ratio"]);
    assert_eq!(list(&ranges["effects"]).len(), 12, "three tasks and the run, three statistics each");
    world.run(&["compare", "--at", "2026-05-01", "--gate"]).exits(2);
}

#[test]
fn the_last_week_is_gated_against_the_time_before() {
    let world = world(0.0);
    let gate = |arguments: &[&str]| world.run(&[&["gate", "--against"], arguments].concat());
    // The history ends on 2026-05-10; the task doubled on the first.
    let told = gate(&["2w", "--json", "--as-of", "2026-05-03"]).exits(2).json();
    let worst = &told["benchmarks"][0];
    assert_eq!(
        (text(worst, "name"), text(worst, "verdict"), text(worst, "unit")),
        ("dag0.work dag0", "regressed", "s")
    );
    gate(&["4w", "--as-of", "2026-04-28"]).exits(0);
    gate(&["last-week", "--as-of", "2026-04-28"]).exits(0);
    gate(&["4w", "--as-of", "2026-05-03", "--dag", "dag1"]).exits(0);
    // Before there is anything to compare with, nothing is decided.
    gate(&["4w", "--as-of", "2026-03-01"]).exits(3);
    gate(&["4w", "--as-of", "2026-03-01", "--on-inconclusive", "pass"]).exits(0);
    gate(&["4w", "--as-of", "2026-05-03", "--dag", "nope"]).exits(1);
    gate(&["soon"]).exits(1);
    gate(&["4w", "--current", "x.json"]).exits(1);
}

#[test]
fn what_it_was_worth() {
    let world = world(40.0);
    world.write(
        "cost.toml",
        "currency = \"EUR\"\n[compute]\nslot_hour = { low = 0.5, likely = 1.0, high = 1.5 }\n[delay]\nallowed_s = 360\nper_hour = 100\n\
         [engineers]\nhour = 100\ninvested_hours = { low = 1, likely = 2, high = 3 }\n",
    );
    let roi = |arguments: &[&str]| {
        world.json(&[arguments, &["--dag", "dag0", "--cost", "cost.toml"]].concat())["roi"].clone()
    };
    // Backwards the doubling is a change that paid.
    let faster = roi(&["compare", "--before", "2026-05-01..2026-05-10", "--after", "2026-04-01..2026-04-30"]);
    let slower = roi(&["compare", "--at", "2026-05-01"]);
    let hours = |roi: &Value, end: &str| number(&roi["slot_hours_saved_per_year"][end]);
    assert!(hours(&faster, "lower") > 0.0 && hours(&slower, "upper") < 0.0, "{faster:#} {slower:#}");
    assert!((hours(&faster, "point") + hours(&slower, "point")).abs() < 0.2 * hours(&faster, "point"));
    assert!(
        number(&faster["delay_saving_per_year"]["lower"]) > 0.0
            && number(&faster["hours_earlier_per_year"]["lower"]) > 0.0
    );
    assert_eq!((text(&slower, "verdict"), number(&slower["p_roi_positive"])), ("not_worth_it", 0.0));
    assert_eq!((text(&faster, "currency"), number(&faster["saving_freed_per_year"]["point"])), ("EUR", 0.0));
    assert!(list(&faster["tornado"]).iter().any(|swing| text(swing, "input") == "hours invested"));
    let run = world.run(&["compare", "--at", "2026-05-01", "--dag", "dag0", "--cost", "cost.toml"]).exits(0);
    assert!(run.stdout.contains("Not worth it") && run.stdout.contains("net present value"), "{run:?}");
    let longest = run.stdout.lines().map(|line| line.chars().count()).max();
    assert!(longest <= Some(100), "{run:?}");
}

#[test]
fn a_comparison_is_a_page_with_what_it_was_worth() {
    let world = world(40.0);
    world.write(
        "cost.toml",
        "currency = \"EUR\"\n[compute]\nslot_hour = { low = 0.5, likely = 1.0, high = 1.5 }\n\
         [engineers]\nhour = 100\ninvested_hours = { low = 1, likely = 2, high = 3 }\n",
    );
    let told = world.json(&["compare", "--at", "2026-05-01", "--cost", "cost.toml"]);
    world.write("told.json", told.to_string());
    let written = world.json(&["report", "--from", "told.json", "--out", "page"]);
    assert_eq!(list(&written["paths"]["images"]).len(), 2, "{written}");
    let page = std::fs::read_to_string(world.path("page/report.html")).expect("a page");
    for says in
        ["Did the change pay?", "Not worth it: it pays with a probability of 0 %", "dag0.work dag0", "hours invested"]
    {
        assert!(page.contains(says), "{says}");
    }
    let markdown = std::fs::read_to_string(world.path("page/report.md")).expect("Markdown");
    assert!(
        markdown.contains("images/compare-tornado.png") && markdown.contains("| net present value |"),
        "{markdown}"
    );
    // The same document gives the same bytes; without a cost file it is of the change alone.
    world.run(&["report", "--from", "told.json", "--out", "again"]).exits(0);
    assert_eq!(page, std::fs::read_to_string(world.path("again/report.html")).expect("a page"));
    let plain = world.json(&["compare", "--at", "2026-05-01"]);
    world.write("plain.json", plain.to_string());
    world.run(&["report", "--from", "plain.json", "--out", "plain"]).exits(0);
    let page = std::fs::read_to_string(world.path("plain/report.html")).expect("a page");
    assert!(page.contains("Before and after") && page.contains(" regressed") && !page.contains("What it was worth"));
    for (from, to) in [("regressed", "worsened"), ("\"location\"", "\"mode\""), ("run_duration", "fun_duration")] {
        world.write("odd.json", plain.to_string().replace(from, to));
        let refused = world.run(&["report", "--from", "odd.json", "--out", "odd"]).exits(1);
        assert!(refused.stderr.contains("not a comparison document"), "{refused:#?}");
    }
}

#[test]
fn files_with_costs() {
    let world = World::new();
    let csv = |seconds: f64| {
        (0..30).fold("time,value\n".to_owned(), |all, i| all + &format!("2026-04-{:02},{seconds}\n", i + 1))
    };
    world.write("before.csv", csv(1800.0));
    world.write("after.csv", csv(1440.0).replace("2026-04", "2026-06"));
    let costs = |work: &str| {
        format!("[compute]\nslot_hour = 0.04937\n[engineers]\nhour = 105.92725\ninvested_hours = 40\n[work]\n{work}")
    };
    world.write("cost.toml", costs("runs_per_year = 7300\nslots = 8\n"));
    let found = world.json(&["compare", "--before", "before.csv", "--after", "after.csv", "--cost", "cost.toml"]);
    let near = |key: &str, want: f64| {
        let got = number(&found["roi"][key]["point"]);
        assert!((got / want - 1.0).abs() < 1e-6, "{key}: {got} instead of {want}");
    };
    // The golden numbers of the formulas.
    near("slot_hours_saved_per_year", 5_840.0);
    near("saving_realised_per_year", 288.3208);
    near("payback_months", 176.348_983_493);
    near("npv", -3_520.078_844_478);
    // Times tell how often it runs; where there are none it must be said.
    world.write("daily.toml", costs("slots = 8\n"));
    let daily = world.json(&["compare", "--before", "before.csv", "--after", "after.csv", "--cost", "daily.toml"]);
    assert!((number(&daily["roi"]["runs_per_year"]) - 365.25).abs() < 1e-9);
    world.write("plain.csv", "value\n1\n2\n3\n4\n");
    let run = world.run(&["compare", "--before", "plain.csv", "--after", "plain.csv", "--cost", "daily.toml"]).exits(1);
    assert!(run.stderr.contains("runs_per_year"), "{run:?}");
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let world = world(0.0);
    world.write("a.csv", "value\n1\n2\n3\n");
    world.write("bad.toml", "[compute]\nslot_our = 1\n");
    for (arguments, says) in [
        (&["compare"][..], "--at TIME"),
        (&["compare", "--before", "a.csv"], "--after"),
        (&["compare", "--before", "a.csv", "--after", "2026-05-01..2026-05-02"], "two files, or two ranges"),
        (&["compare", "--before", "2026-05-01..x", "--after", "2026-05-01..2026-05-02"], "`x` is no time"),
        (
            &["compare", "--before", "2026-05-03..2026-05-01", "--after", "2026-05-01..2026-05-02"],
            "ends before it begins",
        ),
        (&["compare", "--at", "2027-05-01"], "no series has runs in both ranges"),
        (&["compare", "--at", "2026-05-01", "--cost", "bad.toml"], "slot_our"),
        (&["compare", "--at", "2026-05-01", "--cost", "none.toml"], "none.toml"),
        (&["compare", "--at", "soon"], "`soon` is no time"),
        (&["compare", "--at", "2026-05-01", "--before", "a.csv", "--after", "a.csv"], "cannot be used with"),
    ] {
        let run = world.run(arguments).exits(1);
        assert!(run.stderr.contains(says), "{arguments:?}: {}", run.stderr);
    }
}
