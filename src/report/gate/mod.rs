//! A gate for the places where CI looks: JUnit, a Markdown summary, annotations, GitLab's code quality, BMF, OpenMetrics.

mod annotations;
mod bmf;
mod code_quality;
mod junit;
mod markdown;
mod openmetrics;
mod text;

#[cfg(test)]
mod tests;

use crate::gate::Gate;
pub(crate) use text::{AS_ASKED, change, gist, level, limit, tally};

/// What a gate was about, beside its result.
#[derive(Clone, Debug, PartialEq)]
pub struct GateContext {
    /// Version of this program.
    pub version: String,
    /// Path of the current run as the user named it.
    pub current: String,
    /// Seed of the calibration.
    pub seed: u64,
}

/// JUnit XML: a test case a benchmark; a regression is a failure, a broken benchmark an error, anything undecided skipped.
///
/// # Errors
/// Only if the XML could not be written to memory.
pub fn gate_junit(gate: &Gate, context: &GateContext) -> Result<String, super::Error> {
    junit::document(gate, context)
}

/// Markdown for a step summary or a pull request: status first, worst first, the rest folded.
#[must_use]
pub fn gate_markdown(gate: &Gate, context: &GateContext) -> String {
    markdown::page(gate, context)
}

/// Workflow commands of GitHub Actions, for stdout: the worst ten errors and ten warnings, as many as it shows of a step.
#[must_use]
pub fn gate_annotations(gate: &Gate) -> String {
    annotations::lines(gate)
}

/// GitLab's code quality report: regressions and broken benchmarks, at the path of the current run.
#[must_use]
pub fn gate_code_quality(gate: &Gate, context: &GateContext) -> String {
    code_quality::document(gate, context)
}

/// The current levels in Bencher Metric Format.
#[must_use]
pub fn gate_bmf(gate: &Gate) -> String {
    bmf::document(gate)
}

/// The gate as metrics: OpenMetrics text, which Prometheus and its textfile collector read too.
///
/// # Errors
/// Only if the text could not be written to memory.
pub fn gate_metrics(gate: &Gate) -> Result<String, super::Error> {
    openmetrics::document(gate)
}
