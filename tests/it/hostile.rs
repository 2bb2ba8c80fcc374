//! Names that want to be something else: markup, paths, line breaks, SQL, escape sequences. They are data everywhere: in
//! the lake, in the report, on the terminal, and in no path.

use super::{
    support::{World, list, text},
    synthetic::{Story, dag_runs, task_instances},
};
use std::collections::BTreeSet;

fn names() -> Vec<String> {
    let plain = [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)></script></svg></style><!--",
        "../../etc/passwd",
        "C:\\windows\\nul",
        "two\nlines, a comma; and\ta tab",
        "a \"quoted\" 'name'; DROP TABLE task_attempts; --",
        "🦀 ünïcode 日本語 right\u{202e}to-left",
        "\u{1b}[31mred\u{1b}]0;title\u{7}",
        "a|b `c` *d* [link](javascript:alert(1)) =cmd|'/c calc'!A1",
        "{{ 7 * 7 }}{% raw %}%2e%2e%2f",
    ];
    plain.into_iter().map(str::to_owned).chain(["x".repeat(250)]).collect()
}

fn stories() -> Vec<Story> {
    // At times of their own: what all tasks of one moment share would be taken for the machine's.
    let story = |(i, name): (usize, &String)| Story {
        run_prefix: format!("{name}__"),
        starts_at: 600.0 * i as f64,
        ..Story::new(name)
    };
    names().iter().enumerate().map(story).collect()
}

fn world() -> World {
    world_of(&stories())
}

fn world_of(stories: &[Story]) -> World {
    let world = World::new();
    world.write("in/task_instance.csv", task_instances(stories));
    world.write("in/dag_run.csv", dag_runs(stories));
    world
}

#[test]
fn names_come_out_of_the_lake_as_they_went_in() {
    let (world, stories) = (world(), stories());
    let receipt = world.ingest("x", &[&world.path("in")]);
    assert_eq!(receipt["totals"]["rows_rejected"], 0, "{receipt:#}");
    world.verify();
    let rows = world.sql("SELECT dag_id, run_id, task_id, logical_date FROM task_attempts");
    let got: BTreeSet<_> = rows.iter().map(|r| (text(r, "dag_id"), text(r, "run_id"), text(r, "task_id"))).collect();
    let runs: Vec<Vec<String>> = stories.iter().map(|s| (0..s.days).map(|day| s.run_id(day)).collect()).collect();
    let mut want = BTreeSet::new();
    for (story, runs) in stories.iter().zip(&runs) {
        want.extend(runs.iter().flat_map(|run| story.tasks.iter().map(|task| (&*story.dag, &**run, &**task))));
    }
    assert!(got == want, "{:?}", got.symmetric_difference(&want).take(3).collect::<Vec<_>>());
    assert!(rows.iter().all(|row| row["logical_date"].is_string()), "a run is not joined");
    for story in &stories {
        let query =
            format!("SELECT COUNT(*) AS n FROM task_attempts WHERE dag_id = '{}'", story.dag.replace('\'', "''"));
        assert_eq!(world.sql(&query)[0]["n"], 120, "{query}");
    }
}

#[test]
fn names_are_data_in_the_report_and_in_no_path() {
    let (world, names) = (world(), names());
    let answer = world.json(&["weekly", "in", "--out", "out"]);
    world.verify();
    let files = world.files();
    let analysis: serde_json::Value = serde_json::from_slice(&files["out/analysis.json"]).expect("JSON");
    let found: BTreeSet<&str> = list(&analysis["regressions"]).iter().map(|f| text(f, "dag_id")).collect();
    let missed: Vec<_> = names.iter().filter(|name| !found.contains(name.as_str())).collect();
    assert!(missed.is_empty(), "no finding about {missed:?}");

    for name in files.keys() {
        let fine = name.starts_with("in/") || name.starts_with("lake/") || name.starts_with("out/");
        assert!(fine && name.chars().all(|c| c.is_ascii_graphic()) && name.len() < 200, "a file {name:?}");
        assert!(!name.contains("..") && !name.contains(['%', '<', '\'', '"', '|', '*', '\\']), "a file {name:?}");
    }
    for path in list(&answer["paths"]["images"]) {
        assert!(world.path(path.as_str().expect("a path")).is_file(), "{path}");
    }

    let html = std::str::from_utf8(&files["out/report.html"]).expect("UTF-8");
    for raw in [
        "<script>alert",
        "<img src=x",
        "</script></svg>",
        "href=\"javascript:",
        "href='javascript:",
        "\u{1b}",
        "\u{202e}",
    ] {
        let here = html.find(raw).map(|i| html[i..].chars().take(80).collect::<String>());
        assert!(here.is_none(), "the page holds {raw:?}: {here:?}");
    }
    assert!(html.contains("alert(1)") && html.contains("{{ 7 * 7 }}"), "names are shown, escaped");

    let markdown = std::str::from_utf8(&files["out/report.md"]).expect("UTF-8");
    let live = without_code(markdown);
    for raw in ["<script", "<img", "](javascript:", "\u{1b}", "\u{202e}", "*d*"] {
        assert!(!live.contains(raw), "the Markdown holds {raw:?} outside of code");
    }
    for row in markdown.lines().filter(|line| line.starts_with('|') && line.contains("cmd")) {
        assert!(!row.replace("\\|", "").contains("a|b"), "a name breaks the table: {row}");
    }
    assert!(!markdown.lines().any(|line| line.starts_with("lines, a comma")), "a name breaks the line");
}

/// Markdown without code spans and escaped signs: what a renderer would act on.
fn without_code(markdown: &str) -> String {
    let (mut out, mut rest) = (String::new(), markdown);
    while let Some(start) = rest.find(['`', '\\']) {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        if let Some(escaped) = rest.strip_prefix('\\') {
            rest = escaped.get(escaped.chars().next().map_or(0, char::len_utf8)..).unwrap_or("");
            continue;
        }
        let fence: String = rest.chars().take_while(|c| *c == '`').collect();
        rest = &rest[fence.len()..];
        let end = rest.find(&fence).unwrap_or(rest.len());
        rest = rest.get(end + fence.len()..).unwrap_or("");
    }
    out + rest
}

#[test]
fn names_cannot_drive_the_terminal() {
    let mut stories = stories();
    stories.retain(|story| story.dag.contains(|c: char| c.is_control() || c == '\u{202e}'));
    assert_eq!(stories.len(), 3);
    let world = world_of(&stories);
    world.run(&["ingest", "in"]).exits(0);
    let runs = [
        &["analyze"][..],
        &["analyze", "--color", "never", "--dag", "\u{1b}[31mred\u{1b}]0;title\u{7}"],
        &["analyze", "--dag", "\u{1b}[2Jno such"],
        &["lake", "sql", "SELECT DISTINCT dag_id, task_id FROM task_attempts"],
        &["lake", "sql", "SELECT \"\u{1b}[2J\" FROM task_attempts"],
        &["lake", "ls"],
        &["report", "--out", "out"],
        &["weekly", "in", "--out", "\u{1b}[31mout"],
        &["ingest", "\u{1b}[31mx\n\r"],
        &["config", "show", "--config", "\u{1b}[31mx"],
        &["schema", "\u{1b}[31mx"],
    ];
    for args in runs {
        let run = world.run(args);
        for c in run.says().chars() {
            let harmless =
                c == '\n' || !c.is_control() && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            assert!(harmless, "{args:?} prints {c:?}: {:?}", run.says());
        }
    }
}
