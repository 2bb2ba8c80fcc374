//! Page of a comparison: what changed from before to after, how sure that is, and what it was worth.

use super::{
    page,
    view::{Figure, Section, Table, View},
    worth::{MoneyTerms, amount, verdict, worth},
};
use crate::{
    analysis::{CompareSettings, Comparison, Effect, Roi, Statistic, Verdict, Worth},
    model::Text,
    report::{
        Error, Image, Options, RenderedReport,
        chart::{self, Label, Speedup, SpeedupChart, Tone},
        words,
    },
};

/// Ratios that the chart shows: more are no picture.
const MAX_DRAWN: usize = 24;
/// Rows of the table; what has a verdict comes first.
const MAX_ROWS: usize = 200;
/// Names without counterpart that are listed.
const MAX_NAMES: usize = 10;
/// More runs than this nobody waits for.
const MOST_NEEDED: usize = 1_000;
/// Verdicts in the order in which a reader wants them.
const ORDER: [Verdict; 4] = [Verdict::Regressed, Verdict::Improved, Verdict::Inconclusive, Verdict::Unchanged];

/// A comparison, as a report is handed it.
#[derive(Clone, Debug, PartialEq)]
pub struct ComparisonResults {
    /// Effects, three a series.
    pub comparison: Comparison,
    /// Rules of it.
    pub settings: CompareSettings,
    /// What it was worth.
    pub roi: Option<(Roi, MoneyTerms)>,
    /// What it warned of.
    pub warnings: Vec<String>,
}

/// Renders a comparison.
///
/// # Errors
/// None that depends on the data.
pub fn render_comparison(of: &ComparisonResults, options: &Options) -> Result<RenderedReport, Error> {
    chart::load_font()?;
    let series = in_order(&of.comparison);
    let mut images = Vec::new();
    let mut sections = Vec::new();
    if let Some((roi, terms)) = &of.roi {
        sections.push(worth(roi, terms, &mut images)?);
    }
    sections.push(effects(&series, of, &mut images)?);
    let count = |verdict| series.iter().filter(|series| series.location.verdict == verdict).count();
    let verdict = of.roi.as_ref().map(|(roi, _)| roi.verdict);
    let class = match (verdict, count(Verdict::Regressed), count(Verdict::Improved)) {
        (Some(Worth::WorthIt), ..) | (None, 0, 1..) => "better",
        (Some(Worth::NotWorthIt), ..) | (None, 1.., _) => "worse",
        _ => "calm",
    };
    let title = if of.roi.is_some() { "Did the change pay?" } else { "Before and after" };
    let view = View {
        title: options.title.clone().unwrap_or_else(|| title.to_owned()),
        sentence: sentence(of, count),
        class,
        warnings: of.warnings.clone(),
        sections,
        how: "How it was compared",
        method: method(of),
        version: options.version.clone(),
        ..View::default()
    };
    let (html, markdown) = (page::html(&view)?, page::markdown(&view, options.image_base.as_deref()));
    Ok(RenderedReport { html, markdown, images })
}

/// The three statistics of a series.
struct Compared<'a> {
    location: &'a Effect,
    mean: Option<&'a Effect>,
    median: Option<&'a Effect>,
}

impl<'a> Compared<'a> {
    fn of(effects: &'a [Effect]) -> Option<Self> {
        let of = |statistic| effects.iter().find(|effect| effect.statistic == statistic);
        Some(Self { location: of(Statistic::Location)?, mean: of(Statistic::Mean), median: of(Statistic::Median) })
    }

    fn name(&self) -> String {
        let id = if self.location.id.is_empty() { "value".to_owned() } else { words::visible(&self.location.id) };
        self.location.quantity.map_or_else(|| id.clone(), |quantity| format!("{id}, {}", quantity.label()))
    }
}

/// Series by verdict, and within one what is surest first.
fn in_order(of: &Comparison) -> Vec<Compared<'_>> {
    let same = |a: &Effect, b: &Effect| a.id == b.id && a.quantity == b.quantity;
    let mut all: Vec<Compared<'_>> = of.effects.chunk_by(same).filter_map(Compared::of).collect();
    let place = |series: &Compared<'_>| ORDER.iter().position(|verdict| *verdict == series.location.verdict);
    let q = |series: &Compared<'_>| series.location.q_value.unwrap_or(1.0);
    all.sort_by(|a, b| place(a).cmp(&place(b)).then(q(a).total_cmp(&q(b))));
    all
}

fn sentence(of: &ComparisonResults, count: impl Fn(Verdict) -> usize) -> String {
    let all: usize = ORDER.into_iter().map(&count).sum();
    let said = ORDER.into_iter().filter(|verdict| count(*verdict) > 0);
    let said: Vec<String> =
        said.map(|verdict| format!("{} {}", words::count(count(verdict) as u64), verdict.as_str())).collect();
    let changed = match all {
        0 => "Nothing could be compared.".to_owned(),
        _ => format!("Of {}: {}.", words::counted(all, "series", "series"), said.join(", ")),
    };
    match &of.roi {
        Some((roi, terms)) => format!("{} {changed}", verdict(roi, terms)),
        None => changed,
    }
}

/// What stands between a series and a verdict.
pub(crate) fn why_undecided(of: &Effect) -> Option<String> {
    match (of.needed_n, of.q_value) {
        _ if of.verdict != Verdict::Inconclusive => None,
        (Some(n), _) if n > MOST_NEEDED => {
            Some(format!("more than {} runs a side needed", words::count(MOST_NEEDED as u64)))
        }
        (Some(n), _) => Some(format!("about {} runs a side needed", words::count(n as u64))),
        (None, Some(q)) => Some(format!("not certain among all that were compared (q = {})", words::number(q))),
        (None, None) => None,
    }
}

fn effects(series: &[Compared<'_>], of: &ComparisonResults, images: &mut Vec<Image>) -> Result<Section, Error> {
    let mut notes = Vec::new();
    let drawn: Vec<Speedup> = series.iter().take(MAX_DRAWN).filter_map(drawn).collect();
    let figures = if drawn.is_empty() { Vec::new() } else { vec![ratios(&drawn, images)?] };
    if series.len() > MAX_ROWS {
        notes.push(format!(
            "{} more series stand in the document alone.",
            words::count((series.len() - MAX_ROWS) as u64)
        ));
    }
    let (before, after) = (&of.comparison.only_before, &of.comparison.only_after);
    for (names, side) in [(before, "before"), (after, "after")].iter().filter(|(names, _)| !names.is_empty()) {
        notes.push(format!("Only {side}: {}.", listed(names)));
    }
    Ok(Section {
        id: "effects",
        title: "What changed".to_owned(),
        sentence: String::new(),
        figures,
        tables: vec![Table {
            title: "After divided by before, with intervals",
            head: vec![
                "series",
                "verdict",
                "robust location",
                "mean",
                "median",
                "against other DAGs",
                "false alarm",
                "runs",
            ],
            rows: series.iter().take(MAX_ROWS).map(row).collect(),
        }],
        notes,
    })
}

fn listed(names: &[Text]) -> String {
    let mut all: Vec<String> = names.iter().take(MAX_NAMES).map(|name| words::visible(name)).collect();
    if names.len() > MAX_NAMES {
        all.push(format!("{} more", words::count((names.len() - MAX_NAMES) as u64)));
    }
    all.join(", ")
}

fn drawn(series: &Compared<'_>) -> Option<Speedup> {
    let ratio = series.location.ratio.as_ref()?;
    Some(Speedup {
        name: series.name(),
        point: ratio.point,
        lower: ratio.lower,
        upper: ratio.upper,
        told: words::ratio(ratio.point).trim_start_matches('×').to_owned(),
        tone: match series.location.verdict {
            Verdict::Regressed => Tone::Worse,
            Verdict::Improved => Tone::Better,
            Verdict::Unchanged | Verdict::Inconclusive => Tone::Neutral,
        },
    })
}

fn ratios(rows: &[Speedup], images: &mut Vec<Image>) -> Result<Figure, Error> {
    let title = "After divided by before";
    let desc = "Dots are the best guess of the robust location, lines the interval of 95 %; ×1 is no change.";
    let label = Label { id: "ratios", title, desc };
    let chart = SpeedupChart { rows, axis: "after divided by before; lines: interval of 95 %" };
    images.push(Image { name: "compare-ratios.png".to_owned(), bytes: chart::to_png(&chart, &label)? });
    let row =
        |of: &Speedup| vec![of.name.clone(), words::ratio(of.point), words::ratio(of.lower), words::ratio(of.upper)];
    Ok(Figure {
        title: title.to_owned(),
        desc: desc.to_owned(),
        svg: chart::to_svg(&chart, &label)?,
        image: "compare-ratios.png".to_owned(),
        head: vec!["series", "ratio", "lower", "upper"],
        rows: rows.iter().map(row).collect(),
    })
}

fn row(series: &Compared<'_>) -> Vec<String> {
    let location = series.location;
    let ratio =
        |effect: Option<&Effect>| effect.and_then(|e| e.ratio.as_ref()).map_or_else(String::new, words::ratio_range);
    let first = match (&location.ratio, &location.difference) {
        (Some(ratio), _) => words::ratio_range(ratio),
        (None, Some(difference)) => {
            let told = amount(difference, if location.quantity.is_some() { "s" } else { "" });
            format!("{}{told} as a difference", if difference.point > 0.0 { "+" } else { "" })
        }
        (None, None) => "not measurable".to_owned(),
    };
    let changed = matches!(location.verdict, Verdict::Regressed | Verdict::Improved);
    let why = why_undecided(location).map_or_else(String::new, |why| format!(": {why}"));
    vec![
        series.name(),
        format!("{}{why}", location.verdict.as_str()),
        first,
        ratio(series.mean),
        ratio(series.median),
        location.against_others.as_ref().map_or_else(String::new, words::ratio_range),
        // What is not called changed is no alarm.
        location.q_value.filter(|_| changed).map_or_else(String::new, |q| words::certainty(q).0),
        format!("{} → {}", location.before_n, location.after_n),
    ]
}

fn method(of: &ComparisonResults) -> Vec<String> {
    let mut lines = vec![
        format!(
            "The robust location (stragglers pulled in) carries the verdict: regressed or improved where its change is certain at a false discovery rate of {} % and larger than the {} % that are tolerated, unchanged where it is certainly within them, else inconclusive.",
            words::number(100.0 * of.settings.false_discovery_rate),
            words::number(100.0 * of.settings.tolerance)
        ),
        "A heavier tail moves the mean alone: it has an interval of its own, as the median has. Intervals allow for runs that resemble their neighbours.".to_owned(),
        "Where values lie about zero a ratio says nothing: the difference, after less before, stands in its place.".to_owned(),
        "Against other DAGs: the ratio over the median ratio of series that the change did not touch (difference in differences). What changed for all is taken out there.".to_owned(),
    ];
    if of.roi.is_some() {
        lines.push("Money: 4,000 draws of all inputs. What is freed on a fleet that stays as it is, and what is realised on a bill, are never added; engineers' hours are as told, not measured. Worth it: it pays in 95 % of the draws and more; not worth it: it does not in as many.".to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{analysis::Swing, model::Quantity, stats::Estimate};

    fn estimate(point: f64, half: f64) -> Estimate {
        Estimate { point, lower: point - half, upper: point + half, level: 0.95, n: 9, method: "t".into() }
    }

    fn effects(id: &str, point: f64, verdict: Verdict) -> Vec<Effect> {
        let of = |statistic| Effect {
            id: id.into(),
            quantity: Some(Quantity::Duration),
            statistic,
            ratio: Some(estimate(point, 0.1)),
            difference: None,
            level_before: None,
            before_n: 40,
            after_n: 20,
            p_value: Some(0.01),
            q_value: Some(0.02),
            against_others: None,
            verdict,
            needed_n: (verdict == Verdict::Inconclusive).then_some(77),
        };
        [Statistic::Location, Statistic::Mean, Statistic::Median].map(of).into()
    }

    fn results() -> ComparisonResults {
        let effects = [
            effects("quiet", 1.0, Verdict::Inconclusive),
            effects("<script>alert(1)</script>\u{1b}[31m", 0.5, Verdict::Improved),
            effects("loud | load", 2.0, Verdict::Regressed),
        ];
        let roi = Roi {
            slot_hours_saved: estimate(10.0, 1.0),
            hours_earlier: None,
            runs_per_year: 365.0,
            freed: estimate(0.0, 0.0),
            realised: estimate(900.0, 50.0),
            delay: estimate(0.0, 0.0),
            engineers: estimate(0.0, 0.0),
            benefit: estimate(900.0, 50.0),
            investment: estimate(200.0, 20.0),
            payback_months: None,
            npv: estimate(1_500.0, 400.0),
            roi: None,
            break_even: f64::NAN,
            p_positive: 0.993,
            tornado: vec![Swing { input: "price".into(), low: 0.5, high: 1.5, npv_low: -300.0, npv_high: 3_000.0 }],
            verdict: Worth::WorthIt,
            notes: vec!["engineers' hours <b>as told</b>".into()],
        };
        let terms = MoneyTerms { currency: "E<i>".into(), horizon_years: 3, discount_rate: 0.08 };
        ComparisonResults {
            comparison: Comparison {
                effects: effects.concat(),
                only_before: (0..12).map(|i| format!("gone{i}").into()).collect(),
                only_after: Vec::new(),
            },
            settings: CompareSettings::default(),
            roi: Some((roi, terms)),
            warnings: vec!["<u>thin</u>\n\nWorth it\u{202e}".into()],
        }
    }

    #[test]
    fn the_page_says_it_and_escapes_what_it_is_given() {
        let options = Options { version: "0".into(), image_base: Some("images".into()), ..Options::default() };
        let report = render_comparison(&results(), &options).expect("a page");
        for says in [
            "Worth it: it pays with a probability of 99 %, over 3 years at a discount rate of 8 %.",
            "Of 3 series: 1 regressed, 1 improved, 1 inconclusive.",
            "about 77 runs a side needed",
            "Only before: gone0",
            "2 more",
            "never",
        ] {
            assert!(report.html.contains(says), "{says}");
        }
        assert!(report.markdown.contains("> \\<u\\>thin\\</u\\>\\[U+000A\\]"), "{}", report.markdown);
        for never in ["\u{202e}", "<script>alert", "E<i>", "<b>as told", "<u>thin", "\u{1b}"] {
            assert!(!report.html.contains(never) && !report.markdown.contains(never), "{never}");
        }
        assert!(report.markdown.contains("loud \\| load"), "{}", report.markdown);
        assert_eq!(report.images.len(), 2);
        assert_eq!(report, render_comparison(&results(), &options).expect("a page"));
    }

    #[test]
    fn nothing_and_odd_numbers_are_pages_too() {
        let nothing = ComparisonResults { comparison: Comparison::default(), roi: None, ..results() };
        let report = render_comparison(&nothing, &Options::default()).expect("a page");
        assert!(report.html.contains("Nothing could be compared") && report.images.is_empty());
        let mut odd = results();
        let wild =
            |point| Some(Estimate { point, lower: f64::NEG_INFINITY, upper: f64::INFINITY, ..estimate(1.0, 1.0) });
        odd.comparison
            .effects
            .iter_mut()
            .zip([f64::NAN, 0.0, -3.0, 1e300, f64::INFINITY].iter().cycle())
            .for_each(|(effect, point)| effect.ratio = wild(*point));
        if let Some((roi, _)) = &mut odd.roi {
            roi.npv = estimate(f64::NAN, 0.0);
            roi.tornado[0].npv_high = f64::INFINITY;
            (roi.tornado[0].npv_low, roi.tornado[0].npv_high) = (f64::NAN, f64::NAN);
            roi.tornado = vec![roi.tornado[0].clone(); 10_000];
        }
        render_comparison(&odd, &Options::default()).expect("a page");
    }
}
