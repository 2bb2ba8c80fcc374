//! `weekly`: ingest, analyse and report in one. The main job.

use super::{Context, analyze, ingest, receipt_text, report, summary::summary};
use crate::{
    analysis::Analysis,
    cli::{
        args::{AnalysisOptions, InputOptions, Weekly},
        console::line,
        exit::{Error, Outcome},
        wire::{VERSION, receipt},
    },
    lake::Lake,
};
use std::path::Path;

pub(super) fn run(context: &Context<'_>, args: &Weekly) -> Result<Outcome, Error> {
    let analysis = weekly(context, &context.lake(), &args.paths, &args.input, &args.analysis, &args.out)?;
    Ok(analyze::outcome(&analysis, args.fail_on))
}

/// Ingests `paths` into `lake`, analyses it, and writes the report to `out`.
pub(super) fn weekly(
    context: &Context<'_>,
    lake: &Lake,
    paths: &[String],
    input: &InputOptions,
    options: &AnalysisOptions,
    out: &Path,
) -> Result<Analysis, Error> {
    let receipt = ingest::ingest(context, lake, paths, input)?;
    let analysis = analyze::analysis(context, lake, options)?;
    let paths = report::write(context, &analysis, out)?;
    if context.console.json {
        context.console.document(&receipt::Weekly {
            schema: "windtunnel.weekly.v1",
            windtunnel: VERSION,
            seed: context.seed(),
            receipt: (&receipt).into(),
            paths,
            warnings: receipt.warnings.iter().chain(&analysis.warnings).cloned().collect(),
        })?;
    } else {
        let text = format!(
            "{}\n{}\nreport: {}\n",
            receipt_text::summary(&receipt, context.console),
            summary(context, &analysis),
            line(&paths.html)
        );
        context.console.say(&text)?;
        receipt_text::warn(&receipt.warnings, context.console);
    }
    Ok(analysis)
}
