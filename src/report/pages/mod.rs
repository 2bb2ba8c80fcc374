//! Pages of one document each: of a bench (what against what, how much faster, how sure that is), of a comparison and what it
//! was worth, of a simulation, of what `explain` says of a run or of many.

mod comparison;
mod explanation;
mod page;
mod platform;
mod simulation;
mod view;
mod worth;

pub(crate) use comparison::why_undecided;
pub use comparison::{ComparisonResults, render_comparison};
pub use explanation::{
    DecidingTask, ExplanationResults, OverviewResults, PathPart, UsualSeconds, WaitedFor, render_explanation,
    render_overview,
};
pub use simulation::{BacklogResult, SimulatedTask, SimulationResults, SweptValue, render_simulation};
pub(crate) use view::bench_notes;
pub use worth::MoneyTerms;

use super::{Error, Options, RenderedReport};
use crate::replay::{EngineResult, StormReport, SweepPoint, platform::PlatformTold};

/// What a bench came to, as a report is handed it.
#[derive(Clone, Debug)]
pub struct BenchResults {
    /// Comparisons.
    pub results: Vec<EngineResult>,
    /// Fixed batch sizes, and the search beside them.
    pub sweep: Vec<SweepPoint>,
    /// Locks in a storm: on what, and what came of it.
    pub storm: Option<(String, StormReport)>,
    /// A platform before and after.
    pub platform: Option<PlatformTold>,
    /// What is known of the machine.
    pub host: Vec<(String, String)>,
    /// Work of two threads over that of one.
    pub spin_scaling: f64,
    /// Do two threads have a core each?
    pub quiet: bool,
    /// Seed.
    pub seed: u64,
    /// What the bench warned of.
    pub warnings: Vec<String>,
}

/// Renders a bench as a page, as Markdown and as pictures.
///
/// # Errors
/// None that depends on the data.
pub fn render_bench(bench: &BenchResults, options: &Options) -> Result<RenderedReport, Error> {
    let (view, images) = view::build(bench, options)?;
    Ok(RenderedReport {
        html: page::html(&view)?,
        markdown: page::markdown(&view, options.image_base.as_deref()),
        images,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        replay::{Latency, Side, SideSample},
        stats::Estimate,
    };

    fn estimate(point: f64, half: f64) -> Estimate {
        Estimate { point, lower: point - half, upper: point + half, level: 0.95, n: 7, method: "t".into() }
    }

    fn result(engine: &str, workload: &str, point: f64, half: f64) -> EngineResult {
        let latency = Latency { p50: 0.001, p95: 0.002, p99: 0.0034 };
        let sample = |side: Side, round: usize| SideSample {
            side,
            round,
            seconds: 1.0,
            cpu_seconds: 0.5,
            items: 1000,
            peak_rss_bytes: 50_000_000,
            p99_seconds: None,
        };
        EngineResult {
            engine: engine.into(),
            workload: workload.into(),
            baseline: "fixed 1000".into(),
            candidate: "search".into(),
            baseline_throughput: estimate(1000.0, 20.0),
            throughput: estimate(1000.0 * point, 20.0),
            speedup: estimate(point, half),
            cpu_speedup: estimate(1.01, 0.02),
            peak_rss_bytes: 60_000_000,
            baseline_peak_rss_bytes: 50_000_000,
            items_in: 60_000,
            items_out: 59_964,
            items_dead: 36,
            latency,
            baseline_latency: latency,
            latency_of: "a batch".into(),
            p99_gain: None,
            samples: vec![sample(Side::Baseline, 0), sample(Side::Candidate, 0)],
            notes: vec!["<script>alert(1)</script> & \"more\"".into()],
        }
    }

    fn bench() -> BenchResults {
        let point = |size: Option<usize>, rate: f64| SweepPoint {
            workload: "orders: commits".into(),
            size,
            rate,
            of_best: size.is_none().then_some(0.98),
        };
        BenchResults {
            results: vec![
                result("batch", "orders: commits", 2.4, 0.2),
                result("batch", "orders: sums", 1.0, 0.03),
                result("lock", "files, one\nafter the other", 0.038, 0.004),
                EngineResult { p99_gain: Some(estimate(8.6, 0.4)), ..result("pool", "orders: 5 pools", 1.01, 0.05) },
            ],
            sweep: vec![
                point(Some(100), 20_000.0),
                point(Some(1000), 90_000.0),
                point(Some(10_000), 200_000.0),
                point(None, 195_000.0),
            ],
            storm: Some((
                "Redis".into(),
                StormReport {
                    checked: true,
                    accepted: 100_000,
                    refused: 36,
                    stopped: 412,
                    killed: 170,
                    ..StormReport::default()
                },
            )),
            platform: None,
            host: vec![("cpu".into(), "A <b>".into()), ("cores".into(), "2".into())],
            spin_scaling: 1.52,
            quiet: false,
            seed: 1,
            warnings: vec!["this machine is not quiet".into()],
        }
    }

    #[test]
    fn the_page_says_what_the_numbers_say_and_escapes_what_it_is_given() {
        let options = Options { version: "0".into(), image_base: Some("images".into()), ..Options::default() };
        let report = render_bench(&bench(), &options).expect("a page");
        for text in ["2.40 times", "alike", "slower", "shorter waits", "99.94 %", "412 processes stopped", "not quiet"]
        {
            assert!(report.html.contains(text), "{text}");
        }
        assert!(!report.html.contains("<script>alert"));
        assert!(!report.html.contains("A <b>"));
        assert_eq!(report.images.len(), 2);
        assert!(report.markdown.contains("| batch | orders: commits |"), "{}", report.markdown);
        assert!(
            report.markdown.contains("files, one\\[U+000A\\]after the other"),
            "a line stays one: {}",
            report.markdown
        );
        assert!(report.markdown.contains("![") && !report.markdown.contains("<script>"));
        let again = render_bench(&bench(), &options).expect("a page");
        assert_eq!(report, again);
    }

    #[test]
    fn a_bench_of_nothing_is_a_page() {
        let nothing = BenchResults { results: Vec::new(), sweep: Vec::new(), storm: None, ..bench() };
        let report = render_bench(&nothing, &Options::default()).expect("a page");
        assert!(report.html.contains("Nothing was compared"), "{}", report.html);
        assert!(report.images.is_empty());
    }
}
