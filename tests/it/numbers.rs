//! `detect` and `compare` on files of plain numbers, through the binary.

use super::support::{World, list, number, text};
use std::fmt::Write as _;

/// Normal enough, the same every time.
pub(crate) fn noise(n: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut unit = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    (0..n).map(|_| (0..12).map(|_| unit()).sum::<f64>() - 6.0).collect()
}

fn day(i: usize) -> String {
    format!("2026-{:02}-{:02}", 1 + i / 28, 1 + i % 28)
}

/// `series_id,time,value` of three series: quiet, 25 % more from point 100 on, creeping.
fn story() -> String {
    let mut csv = "series_id,time,value\n".to_owned();
    for (id, seed) in [("quiet", 1), ("step", 2), ("creep", 3)] {
        for (i, e) in noise(168, seed).iter().enumerate() {
            let level = match id {
                "step" if i >= 100 => 1.25,
                "creep" => 1.0 + i as f64 / 400.0,
                _ => 1.0,
            };
            writeln!(csv, "{id},{},{}", day(i), 100.0 * level * (0.05 * e).exp()).expect("a string");
        }
    }
    csv
}

#[test]
fn a_step_a_trend_and_what_could_have_been_seen() {
    let world = World::new();
    let file = world.write("numbers.csv", story());
    let found = world.json(&["detect", file.to_str().expect("UTF-8")]);
    assert_eq!(text(&found, "schema"), "windtunnel.detect.v1");
    let [quiet, step, creep] = list(&found["series"]) else { panic!("{found}") };
    assert!(list(&quiet["change_points"]).is_empty() && list(&quiet["trends"]).is_empty());
    let smallest = number(&quiet["minimum_detectable_effect"]);
    assert!((1.02..1.15).contains(&smallest), "{smallest}");
    let [point] = list(&step["change_points"]) else { panic!("{step}") };
    assert!((98.0..=102.0).contains(&number(&point["index"])), "{point}");
    assert!(number(&point["effect"]["lower"]) <= 1.25 && number(&point["effect"]["upper"]) >= 1.25, "{point}");
    assert!(text(point, "time").starts_with("2026-04-") && number(&point["q_value"]) < 0.001);
    assert!(list(&creep["change_points"]).is_empty(), "{creep}");
    let [trend] = list(&creep["trends"]) else { panic!("{creep}") };
    assert!((0.15..0.35).contains(&number(&trend["slope_per_day"]["point"])), "{trend}");
}

#[test]
fn the_terminal_tells_the_same_story_within_eighty_columns() {
    let world = World::new();
    let file = world.write("numbers.csv", story());
    let run = world.run(&["detect", file.to_str().expect("UTF-8")]).exits(0);
    let says = run.says();
    assert!(says.starts_with("1 step and 1 trend in 2 of 3 series."), "{says}");
    assert!(says.contains("step +2") && says.contains("quiet (168 points): no change\n  a step of"), "{says}");
    assert!(says.lines().all(|line| line.chars().count() <= 80), "{says}");
}

#[test]
fn stdin_json_and_company_change_nothing() {
    let world = World::new();
    let values: Vec<f64> = noise(120, 7).iter().enumerate().map(|(i, e)| e + if i < 80 { 0.0 } else { 5.0 }).collect();
    let csv = values.iter().fold("value\n".to_owned(), |csv, v| format!("{csv}{v}\n"));
    let file = world.write("one.csv", &csv);
    let json = world.write("one.json", format!("{values:?}"));
    let of_file = world.json(&["detect", file.to_str().expect("UTF-8")]);
    let of_json = world.json(&["detect", json.to_str().expect("UTF-8")]);
    let of_stdin = world.run_with_stdin(&["detect", "-", "--json"], &file).exits(0).json();
    assert_eq!((&of_file, &of_file), (&of_json, &of_stdin));
    // Beside other series it is told the same, but for what corrects for their number.
    let rows = |id: &str, v: &f64| format!("{id},{v}\n");
    let many = (0..9).flat_map(|i| noise(120, 90 + i).into_iter().map(move |v| (i, v)));
    let company = many.fold("series_id,value\n".to_owned(), |csv, (i, v)| csv + &rows(&format!("other{i}"), &v));
    let company = values.iter().fold(company, |csv, v| csv + &rows("one", v));
    let beside = world.json(&["detect", world.write("many.csv", company).to_str().expect("UTF-8")]);
    let own = list(&beside["series"]).iter().find(|s| text(s, "id") == "one").expect("one of ten");
    let alone = &of_file["series"][0];
    for key in ["index", "index_low", "index_high", "difference", "p_value"] {
        assert_eq!(own["change_points"][0][key], alone["change_points"][0][key], "{key}");
    }
    let point = &of_file["series"][0]["change_points"][0];
    assert!(point["effect"].is_null() && point["time"].is_null());
    assert!((4.0..6.0).contains(&number(&point["difference"]["point"])), "{point}");
}

#[test]
fn small_steps_can_be_left_out() {
    let world = World::new();
    let file = world.write("numbers.csv", story());
    let path = file.to_str().expect("UTF-8");
    let found = world.json(&["detect", path, "--min-effect", "60%"]);
    assert!(list(&found["series"]).iter().all(|s| list(&s["change_points"]).is_empty()));
    let says = world.run(&["detect", path, "--min-effect=-3"]).exits(1).says();
    assert!(says.contains("--min-effect"), "{says}");
}

#[test]
fn what_cannot_be_read_says_where_and_why() {
    let world = World::new();
    for (bytes, wants) in [
        (&b"value\n1\nabc\n"[..], "line 3: `abc` is no number"),
        (b"a,b\n1,2\n", "no column `value`, but `a`, `b`"),
        (b"", "holds nothing"),
        (b"\xff\xfe\x00", "is no CSV"),
        (b"value\n\xff\n", "is no CSV"),
        (b"[1, 2", "is no JSON"),
        (b"{\"value\": [1, 2], \"time\": [1]}", "`time` has 1 entries, `value` 2"),
    ] {
        let file = world.write("bad", bytes);
        let says = world.run(&["detect", file.to_str().expect("UTF-8")]).exits(1).says();
        assert!(says.contains(wants) && says.contains("bad"), "{wants}: {says}");
    }
    let says = world.run(&["detect", "nowhere.csv"]).exits(1).says();
    assert!(says.contains("nowhere.csv"), "{says}");
}

/// One series of runs at a level.
fn runs(n: usize, seed: u64, level: f64, sd: f64) -> String {
    noise(n, seed).iter().fold("value\n".to_owned(), |csv, e| format!("{csv}{}\n", level * (sd * e).exp()))
}

#[test]
fn before_against_after_in_three_statistics() {
    let world = World::new();
    let before = world.write("before.csv", runs(60, 1, 10.0, 0.1));
    let after = world.write("after.csv", runs(50, 2, 13.0, 0.1));
    let (before, after) = (before.to_str().expect("UTF-8"), after.to_str().expect("UTF-8"));
    let found = world.json(&["compare", "--before", before, "--after", after]);
    assert_eq!(text(&found, "schema"), "windtunnel.compare.v1");
    let statistics: Vec<&str> = list(&found["effects"]).iter().map(|e| text(e, "statistic")).collect();
    assert_eq!(statistics, ["location", "mean", "median"]);
    for effect in list(&found["effects"]) {
        let ratio = &effect["ratio"];
        assert!(number(&ratio["lower"]) <= 1.3 && number(&ratio["upper"]) >= 1.3, "{effect}");
        assert_eq!((text(effect, "verdict"), number(&effect["after_n"])), ("regressed", 50.0));
    }
    world.run(&["compare", "--before", before, "--after", after]).exits(0);
}

#[test]
fn the_gate_has_three_answers() {
    let world = World::new();
    let file = |name: &str, text: String| world.write(name, text).to_str().expect("UTF-8").to_owned();
    let base = file("base.csv", runs(200, 1, 10.0, 0.05));
    let gate = |after: &str| world.run(&["compare", "--before", &base, "--after", after, "--gate"]);
    gate(&file("same.csv", runs(200, 2, 10.0, 0.05))).exits(0);
    gate(&file("slow.csv", runs(200, 3, 12.0, 0.05))).exits(2);
    let says = gate(&file("few.csv", runs(4, 4, 10.4, 0.3))).exits(3).says();
    assert!(says.contains("inconclusive"), "{says}");
    let better = ["compare", "--before", &base, "--after", &file("more.csv", runs(99, 5, 12.0, 0.05))];
    world.run(&[&better[..], &["--gate", "--higher-is-better"]].concat()).exits(0);
}

#[test]
fn nothing_in_common_is_an_error_and_the_rest_is_named() {
    let world = World::new();
    let of = |ids: &[&str]| {
        ids.iter().fold("series_id,value\n".to_owned(), |csv, id| (1..9).fold(csv, |csv, v| format!("{csv}{id},{v}\n")))
    };
    let before = world.write("b.csv", of(&["a", "b"]));
    let (after, other) = (world.write("a.csv", of(&["b", "c"])), world.write("o.csv", of(&["x", "y"])));
    let before = before.to_str().expect("UTF-8");
    let run = |after: &std::path::Path| {
        world.run(&["compare", "--before", before, "--after", after.to_str().expect("UTF-8")])
    };
    let says = run(&after).exits(0).says();
    assert!(says.contains("only in before, not compared: `a`") && says.contains("only in after, not compared: `c`"));
    let says = run(&other).exits(1).says();
    assert!(says.contains("no series stands in both files: before has `a`, `b`, after `x`, `y`"), "{says}");
}
