//! The report: what the demo writes, that it needs nothing from elsewhere, and that the analysis document alone gives
//! the same report again.

use super::{
    support::{World, list, text},
    synthetic::{Story, dag_runs, task_instances},
};
use serde_json::Value;

/// The demo, once: the files of its folder by name.
struct Demo {
    world: World,
    answer: Value,
}

impl Demo {
    fn run() -> Self {
        let world = World::new();
        let run = super::support::windtunnel()
            .current_dir(world.path("."))
            .args(["demo", "--out", "out", "--json"])
            .output()
            .expect("run the program");
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let answer = serde_json::from_slice(&run.stdout).expect("a JSON document");
        Self { world, answer }
    }

    fn file(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.world.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8(self.file(name)).expect("UTF-8")
    }
}

#[test]
fn the_demo_writes_a_whole_report_that_needs_nothing_else() {
    let demo = Demo::run();
    assert_eq!(demo.answer["schema"], "windtunnel.weekly.v1");
    super::ingest::adds_up(&demo.answer["receipt"]);
    let paths = &demo.answer["paths"];
    let html = demo.text(text(paths, "html"));
    assert!(html.to_lowercase().starts_with("<!doctype html>"), "{}", &html[..60]);
    assert!(html.len() < 2_000_000, "{} bytes", html.len());
    for far in [
        "src=\"http",
        "href=\"http",
        "src=\"//",
        "href=\"//",
        "url(http",
        "url(\"http",
        "@import",
        "<link",
        "<iframe",
        "fetch(",
    ] {
        assert!(!html.contains(far), "the page asks for something from elsewhere: {far}");
    }
    for name in ["http://", "https://"] {
        let beyond = html.match_indices(name).filter(|(i, _)| !html[*i..].starts_with("http://www.w3.org/")).count();
        assert_eq!(beyond, 0, "{name}");
    }
    for planted in ["enrich_orders", "compute_stock_levels", "dedupe_users", "fx_convert", "attribute_touchpoints"] {
        assert!(html.contains(planted), "the page does not name {planted}");
    }
    assert!(html.trim_end().ends_with("</html>") && html.contains("<svg"));

    let images = list(&paths["images"]);
    assert!(images.len() > 5, "{images:?}");
    for image in images {
        let bytes = demo.file(image.as_str().expect("a path"));
        assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n") && bytes.ends_with(b"IEND\xaeB`\x82"), "{image}");
        assert!(bytes.len() > 5_000 && bytes.len() < 500_000, "{image}: {} bytes", bytes.len());
    }
    let markdown = demo.text(text(paths, "markdown"));
    assert!(markdown.starts_with("# ") && markdown.contains("enrich_orders"), "{markdown}");
    for link in
        markdown.split("](").skip(1).filter_map(|rest| rest.split(')').next()).filter(|link| link.ends_with(".png"))
    {
        assert!(demo.world.path("out").join(link).is_file(), "the Markdown shows {link}");
    }
    let analysis: Value = serde_json::from_slice(&demo.file(text(paths, "analysis"))).expect("JSON");
    assert_eq!(analysis["schema"], "windtunnel.analysis.v1");
    assert!(!demo.world.lake().exists(), "the demo's history does not go into the user's lake");
}

#[test]
fn the_analysis_document_alone_gives_the_same_report() {
    let demo = Demo::run();
    let analysis = text(&demo.answer["paths"], "analysis");
    let again = ["report", "--from", "-", "--out", "again", "--json"];
    let again = demo.world.run_with_stdin(&again, &demo.world.path(analysis)).exits(0).json();
    for name in ["report.html", "report.md"] {
        let first = demo.file(&format!("out/{name}"));
        assert!(first == demo.file(&format!("again/{name}")), "{name}");
    }
    for image in list(&again["paths"]["images"]) {
        let name = image.as_str().expect("a path");
        assert!(demo.file(name) == demo.file(&name.replace("again", "out")), "{name}");
    }
    assert!(
        demo.file("out/analysis.json") == demo.file("again/analysis.json"),
        "analysis.json changes when it is read"
    );
}

#[test]
fn the_demo_says_the_same_every_time() {
    let (one, two) = (Demo::run(), Demo::run());
    for name in ["out/report.html", "out/report.md", "out/analysis.json"] {
        assert!(one.file(name) == two.file(name), "{name}");
    }
    let first = one.answer.to_string().chars().zip(two.answer.to_string().chars()).position(|(a, b)| a != b);
    let around = first.map(|i| one.answer.to_string().chars().skip(i.saturating_sub(60)).take(120).collect::<String>());
    assert_eq!(around, None, "the answers differ");
}

#[test]
fn what_is_no_analysis_document_is_refused() {
    let world = World::new();
    let cases = [
        ("missing.json", None),
        ("empty.json", Some("")),
        ("text.json", Some("not JSON")),
        ("other.json", Some("{\"schema\": \"windtunnel.receipt.v1\"}")),
        ("newer.json", Some("{\"schema\": \"windtunnel.analysis.v9\"}")),
        ("array.json", Some("[]")),
        ("deep.json", None),
    ];
    world.write("deep.json", "[".repeat(100_000));
    for (name, content) in cases {
        if let Some(content) = content {
            world.write(name, content);
        }
        let run = world.run(&["report", "--from", name, "--out", "out"]).exits(1);
        assert!(run.stderr.contains(name), "{run:#?}");
        assert!(!world.path("out/report.html").exists(), "{name}");
    }
}

#[test]
fn an_older_report_in_the_folder_is_replaced_and_other_files_stay() {
    let (world, story) = (World::new(), [Story::new("shop")]);
    world.write("in/task_instance.csv", task_instances(&story));
    world.write("in/dag_run.csv", dag_runs(&story));
    world.run(&["weekly", "in", "--out", "out"]).exits(0);
    let html = world.files()["out/report.html"].clone();
    world.write("out/notes.txt", "mine");
    world.write("out/images/change-old.png", "old");
    world.write("out/report.html", "old");
    world.run(&["report", "--from", "out/analysis.json", "--out", "out"]).exits(0);
    let files = world.files();
    assert_eq!(files["out/notes.txt"], b"mine");
    assert!(files["out/report.html"] == html);
    assert!(!files.contains_key("out/images/change-old.png"), "a picture of an older report");
    let left: Vec<&String> = files.keys().filter(|name| name.contains("/.tmp") || name.contains(".staging")).collect();
    assert!(left.is_empty(), "{left:?}");
}
