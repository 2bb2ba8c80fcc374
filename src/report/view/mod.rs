//! The view: an analysis in words, ready to be laid out. All numbers are formatted and all text from data is made
//! visible here; the layouts only escape and place.

mod article;
mod coverage;
mod dag;
mod effect;
mod group;
mod host;
mod parts;
mod run_change;
mod shelf;
mod silent;
mod verdict;

pub(crate) use article::Article;
pub(crate) use coverage::CoverageView;
pub(crate) use dag::DagPage;
pub(crate) use group::GroupView;
pub(crate) use host::HostView;
pub(crate) use parts::{Fact, Link, Table};
pub(crate) use run_change::RunChangeView;
pub(crate) use verdict::Verdict;

use super::{Error, Image, Options, chart, words};
use crate::analysis::{Analysis, Finding};
use serde::Serialize;
use shelf::Shelf;

/// The whole page.
#[derive(Debug, Serialize)]
pub(crate) struct View {
    pub title: String,
    pub verdict: Verdict,
    pub contents: Vec<Link>,
    pub warnings: Vec<String>,
    pub together: Vec<GroupView>,
    pub regressions: Vec<Article>,
    pub regressions_more: Option<String>,
    pub acknowledged: Vec<Article>,
    pub improvements: Vec<Article>,
    pub improvements_more: Option<String>,
    pub trends: Vec<Article>,
    pub trends_more: Option<String>,
    pub went_away: Vec<Article>,
    pub went_away_more: Option<String>,
    pub run_changes: Vec<RunChangeView>,
    pub run_changes_more: Option<String>,
    pub dags: Vec<DagPage>,
    pub dags_more: Option<String>,
    pub host: Option<HostView>,
    pub inconclusive: Option<Table>,
    pub not_measurable: Option<Table>,
    pub coverage: CoverageView,
    pub method: Vec<Fact>,
}

/// Builds the page and draws its charts.
pub(crate) fn build(analysis: &Analysis, options: &Options) -> Result<(View, Vec<Image>), Error> {
    chart::load_font()?;
    let mut shelf = Shelf::new(analysis);
    let most = options.max_findings;

    let (acknowledged, open): (Vec<_>, Vec<_>) = analysis.regressions.iter().partition(|f| f.acknowledged.is_some());
    let regressions = articles(open.iter().take(most), |f| article::regression(f, &mut shelf))?;
    let acknowledged_articles = articles(acknowledged.iter().take(most), |f| article::regression(f, &mut shelf))?;
    let improvements = articles(analysis.improvements.iter().take(most), |f| article::improvement(f, &mut shelf))?;
    let trends = articles(analysis.trends.iter().take(most), |t| article::trend(t, &mut shelf))?;
    let went_away = articles(analysis.went_away.iter().take(most), |e| article::episode(e, &mut shelf))?;

    // In the order in which they were written.
    let written = |findings: &[&Finding], articles: &[Article]| {
        findings.iter().zip(articles).map(|(f, article)| (f.id.to_string(), article.id.clone())).collect::<Vec<_>>()
    };
    let better: Vec<&Finding> = analysis.improvements.iter().collect();
    let places =
        [written(&open, &regressions), written(&acknowledged, &acknowledged_articles), written(&better, &improvements)]
            .concat();
    let places = places.iter().map(|(id, place)| (id.as_str(), place.clone())).collect();

    let mut view = View {
        title: words::visible(options.title.as_deref().unwrap_or("Airflow regression report")),
        verdict: verdict::verdict(analysis),
        contents: Vec::new(),
        warnings: analysis.warnings.iter().map(|w| words::visible(w)).collect(),
        together: group::groups(analysis, &places, &mut shelf),
        regressions_more: left_out(open.len(), regressions.len(), "regression", "regressions"),
        regressions,
        acknowledged: acknowledged_articles,
        improvements_more: left_out(analysis.improvements.len(), improvements.len(), "improvement", "improvements"),
        improvements,
        trends_more: left_out(analysis.trends.len(), trends.len(), "trend", "trends"),
        trends,
        went_away_more: left_out(analysis.went_away.len(), went_away.len(), "episode", "episodes"),
        went_away,
        run_changes: run_change::largest(analysis, &mut shelf),
        run_changes_more: left_out(analysis.run_changes.len(), run_change::MOST, "DAG", "DAGs"),
        dags: dag::pages(analysis, options.max_dags, &mut shelf)?,
        dags_more: left_out(analysis.dags.len(), options.max_dags, "DAG", "DAGs"),
        host: host::host(analysis, &mut shelf)?,
        inconclusive: silent::inconclusive(analysis),
        not_measurable: silent::not_measurable(analysis),
        coverage: coverage::coverage(analysis, &mut shelf)?,
        method: coverage::method(analysis, &options.version),
    };
    view.contents = contents(&view);
    Ok((view, shelf.into_images()))
}

/// One article for each.
fn articles<T>(
    items: impl Iterator<Item = T>,
    write: impl FnMut(T) -> Result<Article, Error>,
) -> Result<Vec<Article>, Error> {
    items.map(write).collect()
}

/// Says what is not shown.
fn left_out(all: usize, shown: usize, one: &str, many: &str) -> Option<String> {
    let rest = all.saturating_sub(shown);
    (rest > 0).then(|| format!("{} left out here; the JSON report holds all of them.", words::counted(rest, one, many)))
}

/// The list of contents: sections that are there, with the number of things in each.
fn contents(view: &View) -> Vec<Link> {
    let rows = |table: &Option<Table>| table.as_ref().map_or(0, |t| t.rows.len());
    let host = view.host.as_ref().map_or(0, |host| host.changes.len());
    let sections = [
        ("overhead", "All tasks at once", host),
        ("together", "Changed together", view.together.len()),
        ("regressions", "Regressions", view.regressions.len() + view.acknowledged.len()),
        ("improvements", "Improvements", view.improvements.len()),
        ("trends", "Slow creep", view.trends.len()),
        ("went-away", "Came and went", view.went_away.len()),
        ("run-changes", "Where the seconds went", view.run_changes.iter().filter(|c| c.clear).count()),
        ("dags", "Typical runs", view.dags.len()),
        ("overhead", "Overhead of the host", usize::from(view.host.is_some() && host == 0)),
        ("undecided", "Undecided", rows(&view.inconclusive) + rows(&view.not_measurable)),
    ];
    let present = sections.into_iter().filter(|(_, _, n)| *n > 0).map(|(id, label, n)| {
        let count = if label == "Overhead of the host" { None } else { Some(words::count(n as u64)) };
        Link { href: format!("#{id}"), label: label.to_owned(), count }
    });
    let last = [("coverage", "What was read"), ("method", "Method and limits")];
    let last = last.map(|(id, label)| Link { href: format!("#{id}"), label: label.to_owned(), count: None });
    present.chain(last).collect()
}
