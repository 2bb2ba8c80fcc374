//! Reports are tested whole: their text, their safety, and that nothing makes them panic.

mod fixture;

use super::*;
use proptest::prelude::*;

/// What a hostile DAG author could try, in one name.
const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\n# pwned | `x` [a](javascript:alert(3)) \
                       {{ 701*11 }} ]]> --> \u{202e}gnp.exe\u{0}\u{7} 🛒 عربى https://evil.example @all &lt;";

fn options() -> Options {
    Options { version: "0.1.0".to_owned(), image_base: Some("images".to_owned()), ..Options::default() }
}

fn rendered(analysis: &Analysis) -> RenderedReport {
    render(analysis, &options()).expect("renders")
}

#[test]
fn the_markdown_reads_well() {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("report_markdown", rendered(&fixture::small()).markdown);
    });
}

#[test]
fn the_page_is_laid_out() {
    let html = rendered(&fixture::small()).html;
    let without = |html: String, from: &str, to: &str| {
        let (before, rest) = html.split_once(from).expect(from);
        let (_, after) = rest.split_once(to).expect(to);
        format!("{before}{from}{to}{after}")
    };
    let html = without(without(html, "<style>", "</style>"), "<script>", "</script>");
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("report_html", html);
    });
}

#[test]
fn the_same_analysis_gives_the_same_bytes() {
    assert_eq!(rendered(&fixture::small()), rendered(&fixture::small()));
}

#[test]
fn each_id_is_given_once() {
    // The heading of the group of pool `x` and the group of pool `x-h`.
    let mut analysis = fixture::small();
    let pool = |name: &str| crate::analysis::Together {
        shared: crate::analysis::Shared::Pool(name.into()),
        ..analysis.together[0].clone()
    };
    analysis.together = ["x", "x-h", "x", "main"].map(pool).into();
    let html = rendered(&analysis).html;
    let mut ids: Vec<&str> = html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert!(all > 50 && ids.len() == all, "{} of {all} ids", ids.len());
}

#[test]
fn hostile_names_stay_text() {
    let long = HOSTILE.repeat(2);
    for name in [HOSTILE, &long, "", "\n", "``", "a b"] {
        let report = rendered(&fixture::analysis(name, name, &|value| value, &|time| time));
        assert_eq!(report.html.matches("<script").count(), 1, "only our own script");
        assert!(!report.html.contains("<img"), "no element from data");
        assert!(!report.html.contains("7711"), "no template from data");
        for text in [&report.html, &report.markdown] {
            assert!(!text.contains(['\u{202e}', '\u{0}', '\u{7}']), "nothing hides or reorders");
        }
        assert!(!report.markdown.lines().any(|line| line.starts_with("# pwned")), "no heading from data");
        for image in &report.images {
            let stem = image.name.strip_suffix(".png").expect("a PNG");
            assert!(!stem.is_empty() && stem.len() < 70, "{stem}");
            assert!(stem.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{stem}");
        }
    }
}

#[test]
fn markdown_tables_keep_their_columns() {
    let report = rendered(&fixture::analysis(HOSTILE, HOSTILE, &|value| value, &|time| time));
    let rows: Vec<&str> = report.markdown.lines().filter(|line| line.starts_with("| ")).collect();
    assert!(rows.len() > 5);
    for row in rows {
        let bars = row.replace("\\|", "").matches('|').count();
        assert!(bars == 7 || bars == 4, "{bars}: {row}");
    }
}

#[test]
fn ids_and_file_names_are_unique() {
    let mut analysis = fixture::small();
    let twin = analysis.regressions[0].clone();
    analysis.regressions.extend([twin.clone(), twin]);
    let report = rendered(&analysis);
    let ids: Vec<&str> = report.html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let names: Vec<&str> = report.images.iter().map(|image| image.name.as_str()).collect();
    for list in [ids, names] {
        let unique: std::collections::BTreeSet<&str> = list.iter().copied().collect();
        assert_eq!(unique.len(), list.len(), "{list:?}");
    }
}

#[test]
fn an_empty_analysis_is_a_report_too() {
    let mut analysis = fixture::small();
    analysis.host_changes.clear();
    analysis.regressions.clear();
    analysis.improvements.clear();
    analysis.trends.clear();
    analysis.went_away.clear();
    analysis.inconclusive.clear();
    analysis.not_measurable.clear();
    analysis.run_changes.clear();
    analysis.series.clear();
    analysis.dags.clear();
    analysis.warnings.clear();
    analysis.coverage = Default::default();
    let report = rendered(&analysis);
    assert!(report.html.contains("Nothing is slower than before"));
    assert!(report.images.is_empty());
    analysis.false_alarms.series_tested = 0;
    assert!(rendered(&analysis).markdown.contains("No series could be tested"));
}

#[test]
fn what_is_left_out_is_said() {
    let mut analysis = fixture::small();
    let more: Vec<_> = (0..30).map(|_| analysis.regressions[1].clone()).collect();
    analysis.regressions.extend(more);
    let report = rendered(&analysis);
    assert!(report.html.contains("12 regressions left out here"), "{}", report.markdown);
}

#[test]
fn a_single_point_is_drawn() {
    let mut analysis = fixture::small();
    analysis.series.iter_mut().for_each(|series| series.points.truncate(1));
    analysis.series[1].points.clear();
    assert!(rendered(&analysis).html.contains("1 of 79 runs"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_number_and_no_instant_panics(values in prop::collection::vec(any::<f64>(), 1..8), times in prop::collection::vec(any::<i64>(), 1..8)) {
        let at = std::cell::Cell::new(0_usize);
        let next = || { at.set(at.get() + 1); at.get() };
        let number = |_: f64| values[next() % values.len()];
        let time = |_: i64| times[next() % times.len()];
        let report = rendered(&fixture::analysis("d", "t", &number, &time));
        prop_assert!(!report.html.contains("NaN"), "no bare NaN");
    }

    #[test]
    fn special_numbers_do_not_panic(which in 0_usize..6) {
        let value = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, f64::MAX, f64::MIN_POSITIVE][which];
        rendered(&fixture::analysis("d", "t", &|_| value, &|time| time));
    }
}
