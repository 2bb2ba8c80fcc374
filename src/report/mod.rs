//! The report: an [`Analysis`] becomes a page to send, a Markdown summary and pictures. Bytes only: no IO, no clock.
//!
//! `view` turns numbers into words, `chart` draws, `html` and `markdown` lay out. The same analysis gives the same bytes.

mod chart;
mod gate;
mod html;
mod markdown;
mod pages;
mod view;
mod words;

#[cfg(test)]
mod tests;

use crate::analysis::Analysis;
pub(crate) use gate::{AS_ASKED, change, gist, level, limit, tally};
pub use gate::{GateContext, gate_annotations, gate_bmf, gate_code_quality, gate_junit, gate_markdown, gate_metrics};
pub use pages::{
    BacklogResult, BenchResults, ComparisonResults, DecidingTask, ExplanationResults, MoneyTerms, OverviewResults,
    PathPart, SimulatedTask, SimulationResults, SweptValue, UsualSeconds, WaitedFor, render_bench, render_comparison,
    render_explanation, render_overview, render_simulation,
};
pub(crate) use pages::{bench_notes, why_undecided};
pub(crate) use words::{brief, brief_seconds, count, counted, number, times};

/// A report, ready to be written to files.
#[derive(Clone, Debug, PartialEq)]
pub struct RenderedReport {
    /// One self-contained page: no script, font or picture is loaded from elsewhere.
    pub html: String,
    /// GitHub-flavoured Markdown, short enough for a pull request or a step summary.
    pub markdown: String,
    /// The page's charts as PNG, at twice their size on the page.
    pub images: Vec<Image>,
}

/// One picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// File name: `[a-z0-9-]+.png`, unique in a report.
    pub name: String,
    /// PNG.
    pub bytes: Vec<u8>,
}

/// What the caller decides.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Version of the program, printed with the method.
    pub version: String,
    /// Title of the page. The default is "Airflow regression report".
    pub title: Option<String>,
    /// Findings shown in full, of regressions and of improvements each; the rest is counted. The default is 20.
    pub max_findings: usize,
    /// DAGs shown with their typical run. The default is 12.
    pub max_dags: usize,
    /// Folder of the images as seen from the Markdown file; `None`, the default, leaves pictures out of the Markdown.
    pub image_base: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { version: String::new(), title: None, max_findings: 20, max_dags: 12, image_base: None }
    }
}

/// Why a report could not be rendered. None of these depends on the data: each is a defect of this program.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The font that comes with the program could not be read.
    #[error("the built-in font cannot be read")]
    Font,
    /// A chart could not be drawn.
    #[error("chart `{chart}` cannot be drawn: {reason}")]
    Draw {
        /// Which chart.
        chart: String,
        /// What the drawing library said.
        reason: String,
    },
    /// A PNG could not be packed.
    #[error("a picture cannot be packed as PNG")]
    Png(#[source] std::io::Error),
    /// The page's template failed.
    #[error("the page's template failed")]
    Template(#[from] minijinja::Error),
    /// XML or metrics could not be written.
    #[error("the result cannot be written as text: {0}")]
    Unwritable(String),
}

/// Renders `analysis` as a page, as Markdown and as pictures.
pub fn render(analysis: &Analysis, options: &Options) -> Result<RenderedReport, Error> {
    let (view, images) = view::build(analysis, options)?;
    let html = html::page(&view)?;
    let markdown = markdown::page(&view, options.image_base.as_deref());
    Ok(RenderedReport { html, markdown, images })
}
