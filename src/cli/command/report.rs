//! `report`: one HTML file, PNG twins of its charts, Markdown, and the analysis that they were made of.

use super::{Context, analyze};
use crate::{
    analysis::Analysis,
    cli::{
        args::Report,
        console::line,
        exit::{Error, Outcome},
        wire::{VERSION, analysis::Document, bench, compare, explain, receipt::Paths, simulate, small},
    },
    report::{
        self, BenchResults, ComparisonResults, ExplanationResults, Options, OverviewResults, RenderedReport,
        SimulationResults,
    },
};
use std::{fs, path::Path};

/// File names in the report's folder.
const HTML: &str = "report.html";
const MARKDOWN: &str = "report.md";
const ANALYSIS: &str = "analysis.json";
const IMAGES: &str = "images";

pub(super) fn run(context: &Context<'_>, args: &Report) -> Result<Outcome, Error> {
    let source = match args.from.as_slice() {
        [] => From::Analysis(Box::new(analyze::analysis(context, &context.lake(), &args.options)?)),
        [path] => read(path)?,
        _ => return Err(Error::Usage("--from takes one document".to_owned())),
    };
    let (paths, seed, warnings) = match source {
        From::Analysis(analysis) => (write(context, &analysis, &args.out)?, analysis.seed, analysis.warnings),
        From::Bench(bench) => (write_page(args, |o| report::render_bench(&bench, o))?, bench.seed, bench.warnings),
        From::Comparison(of) => (write_page(args, |o| report::render_comparison(&of, o))?, context.seed(), of.warnings),
        From::Explanation(of) => {
            (write_page(args, |o| report::render_explanation(&of, o))?, context.seed(), of.warnings)
        }
        From::Overview(of) => (write_page(args, |o| report::render_overview(&of, o))?, context.seed(), of.warnings),
        From::Simulation(of) => (write_page(args, |o| report::render_simulation(&of, o))?, of.seed, of.warnings),
    };
    if context.console.json {
        let schema = "windtunnel.report.v1";
        context.console.document(&small::Report { schema, windtunnel: VERSION, seed, paths, warnings })?;
    } else {
        context.console.say(&format!("report: {}\n", line(&paths.html)))?;
    }
    Ok(Outcome::Fine)
}

/// What a report is made of.
enum From {
    Analysis(Box<Analysis>),
    Bench(Box<BenchResults>),
    Comparison(Box<ComparisonResults>),
    Simulation(Box<SimulationResults>),
    Explanation(Box<ExplanationResults>),
    Overview(Box<OverviewResults>),
}

/// Reads a document, as `analyze --json`, `compare --json` and others write it; `-` is stdin.
fn read(path: &Path) -> Result<From, Error> {
    let text = if path.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin()).map_err(Error::io("read", "stdin"))?
    } else {
        fs::read_to_string(path).map_err(Error::io("read", path))?
    };
    let bad = |reason: String| {
        Error::Usage(format!(
            "{}: {reason}; `analyze`, `compare`, `bench`, `simulate` and `explain` write what has a page with --json",
            path.display()
        ))
    };
    if text.trim().is_empty() {
        return Err(bad("it is empty: what should have written it failed, most likely".to_owned()));
    }
    let schema = serde_json::from_str::<Schema>(&text).map(|document| document.schema).unwrap_or_default();
    match schema.as_str() {
        "windtunnel.bench.v1" => {
            let bench: bench::Document = document(&text, "a bench").map_err(bad)?;
            let results = bench.into_results().map_err(|reason| bad(format!("not a bench document: {reason}")))?;
            Ok(From::Bench(Box::new(results)))
        }
        "windtunnel.compare.v1" => {
            let comparison: compare::Document = document(&text, "a comparison").map_err(bad)?;
            let results =
                comparison.into_results().map_err(|reason| bad(format!("not a comparison document: {reason}")))?;
            Ok(From::Comparison(Box::new(results)))
        }
        "windtunnel.simulation.v1" => {
            let simulation: simulate::Document = document(&text, "a simulation").map_err(bad)?;
            Ok(From::Simulation(Box::new(simulation.into_results())))
        }
        "windtunnel.explanation.v1" => {
            let explanation: explain::Document = document(&text, "an explanation").map_err(bad)?;
            Ok(From::Explanation(Box::new(explanation.into_results())))
        }
        "windtunnel.critical_path.v1" => {
            let overview: explain::Overview = document(&text, "an explanation").map_err(bad)?;
            Ok(From::Overview(Box::new(overview.into_results())))
        }
        other if other.starts_with("windtunnel.") && other != "windtunnel.analysis.v1" => {
            Err(bad(format!("it is {other}, which has no page")))
        }
        _ => {
            let analysis = parse(text.as_bytes());
            let known = "not an analysis document, nor a comparison, a bench, a simulation, or what `explain` says";
            Ok(From::Analysis(Box::new(analysis.map_err(|reason| bad(format!("{known}: {reason}")))?)))
        }
    }
}

/// Reads a document of a kind, which is named with its article.
fn document<D: serde::de::DeserializeOwned>(text: &str, kind: &str) -> Result<D, String> {
    serde_json::from_str(text).map_err(|error| format!("not {kind} document: {error}"))
}

/// What every document begins with.
#[derive(serde::Deserialize)]
struct Schema {
    schema: String,
}

fn parse(json: &[u8]) -> Result<Analysis, String> {
    let document: Document = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    Analysis::try_from(document)
}

/// Writes the files of a page.
fn write_page(
    args: &Report,
    render: impl FnOnce(&Options) -> Result<RenderedReport, report::Error>,
) -> Result<Paths, Error> {
    let out = args.out.as_path();
    let options = Options { version: VERSION.to_owned(), image_base: Some(IMAGES.to_owned()), ..Options::default() };
    let rendered = render(&options)?;
    let images = out.join(IMAGES);
    fs::create_dir_all(&images).map_err(Error::io("create", &images))?;
    let html = place(out, HTML, rendered.html.as_bytes())?;
    let markdown = place(out, MARKDOWN, rendered.markdown.as_bytes())?;
    let mut paths = Paths { html, markdown, analysis: None, images: Vec::new() };
    for image in &rendered.images {
        paths.images.push(place(&images, &image.name, &image.bytes)?);
    }
    remove_stale(&images, &paths.images);
    Ok(paths)
}

/// Writes the report's files. Each appears whole: it is written beside and renamed.
pub(super) fn write(context: &Context<'_>, analysis: &Analysis, out: &Path) -> Result<Paths, Error> {
    let mut json = serde_json::to_vec_pretty(&Document::from(analysis))
        .map_err(|error| Error::Usage(format!("cannot write the analysis as JSON: {error}")))?;
    json.push(b'\n');
    // What is drawn is what the document holds, so that `report --from` gives the same bytes.
    let analysis = parse(&json).map_err(Error::Usage)?;
    let bar = context.console.bar(1, "drawing");
    let options = Options { version: VERSION.to_owned(), image_base: Some(IMAGES.to_owned()), ..Options::default() };
    let rendered = report::render(&analysis, &options)?;
    bar.finish_and_clear();
    let images = out.join(IMAGES);
    fs::create_dir_all(&images).map_err(Error::io("create", &images))?;
    let mut paths = Paths {
        html: place(out, HTML, rendered.html.as_bytes())?,
        markdown: place(out, MARKDOWN, rendered.markdown.as_bytes())?,
        analysis: Some(place(out, ANALYSIS, &json)?),
        images: Vec::new(),
    };
    for image in &rendered.images {
        paths.images.push(place(&images, &image.name, &image.bytes)?);
    }
    remove_stale(&images, &paths.images);
    Ok(paths)
}

fn place(folder: &Path, name: &str, bytes: &[u8]) -> Result<String, Error> {
    let path = folder.join(name);
    place_at(&path, bytes)?;
    Ok(path.display().to_string())
}

/// Writes a file beside its place and renames it; its folder is there.
pub(super) fn place_at(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(Error::io("write in", folder))?;
    std::io::Write::write_all(&mut file, bytes).map_err(Error::io("write", path))?;
    let persisted = file.persist(path).map_err(|error| Error::io("write", path)(error.error))?;
    readable(&persisted, path)
}

/// Temporary files are private; a report is there to be served and sent.
#[cfg(unix)]
fn readable(file: &fs::File, path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644)).map_err(Error::io("write", path))
}

#[cfg(not(unix))]
fn readable(_: &fs::File, _: &Path) -> Result<(), Error> {
    Ok(())
}

/// Pictures of an earlier report in the same folder. A failure leaves a picture too many, and no report wrong.
fn remove_stale(folder: &Path, kept: &[String]) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_ours = path.extension().is_some_and(|extension| extension == "png");
        if is_ours && !kept.contains(&path.display().to_string()) {
            let _ = fs::remove_file(path);
        }
    }
}
