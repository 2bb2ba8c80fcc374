//! Workflow commands of GitHub Actions: `::error title=..::..`, as
//! <https://docs.github.com/actions/reference/workflow-commands-for-github-actions> has them.

use super::text;
use crate::gate::{Gate, Judged, Verdict};

/// GitHub shows this many of a kind in a step.
const SHOWN: usize = 10;

pub(super) fn lines(gate: &Gate) -> String {
    let errors = |b: &&Judged| matches!(b.verdict, Verdict::Regressed | Verdict::Broken) || gate.fails_undecided(b);
    let warnings = |b: &&Judged| {
        matches!(b.verdict, Verdict::Inconclusive | Verdict::NoBaseline | Verdict::Gone) && !gate.fails_undecided(b)
    };
    let of = |kind: &str, wanted: &dyn Fn(&&Judged) -> bool| -> String {
        gate.benchmarks.iter().filter(|b| wanted(b)).take(SHOWN).map(|b| line(kind, b)).collect()
    };
    of("error", &errors) + &of("warning", &warnings)
}

fn line(kind: &str, benchmark: &Judged) -> String {
    let title = property(&format!("{}: {}", text::name(benchmark), benchmark.verdict.as_str()));
    let told = format!(
        "{} ({} → {}), limit {}: {}",
        text::change(benchmark),
        text::level(benchmark.baseline.as_ref(), &benchmark.unit),
        text::level(benchmark.current.as_ref(), &benchmark.unit),
        text::limit(benchmark),
        text::gist(benchmark)
    );
    format!("::{kind} title={title}::{}\n", data(&told))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
