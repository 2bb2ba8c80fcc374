//! JUnit XML, by the crate that nextest writes its own with.

use super::{GateContext, text};
use crate::gate::{Gate, Judged, Verdict};
use crate::report::Error;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

/// Package of the test cases, by which CI systems group them.
const CLASS: &str = "windtunnel.gate";

pub(super) fn document(gate: &Gate, context: &GateContext) -> Result<String, Error> {
    let mut suite = TestSuite::new(format!("windtunnel gate of {}", context.current));
    suite.add_property(("decision", gate.decision.as_str()));
    if gate.as_asked {
        suite.add_property(("undecided", text::AS_ASKED));
    }
    suite.add_property(("windtunnel", context.version.as_str()));
    if let Some(chance) = text::false_alarms(gate) {
        suite.add_property(("false alarms", chance.as_str()));
    }
    suite.add_property(("host", text::host(gate).as_str()));
    suite.add_test_cases(gate.benchmarks.iter().map(|benchmark| case(benchmark, gate)));
    let mut report = Report::new("windtunnel gate");
    report.add_test_suite(suite);
    let xml = report.to_string().map_err(|error| Error::Unwritable(error.to_string()))?;
    Ok(as_jenkins_wants_it(&xml))
}

/// The schema that Jenkins checks against (`junit-10.xsd`) knows no `skipped` of the outermost element; suites have it.
fn as_jenkins_wants_it(xml: &str) -> String {
    let Some((head, rest)) = xml.split_once("<testsuites ") else { return xml.to_owned() };
    let (tag, body) = rest.split_once('>').unwrap_or((rest, ""));
    let kept: Vec<&str> = tag.split_inclusive('"').collect();
    let attributes: String =
        kept.chunks(2).filter(|pair| !pair[0].trim_start().starts_with("skipped=")).flatten().copied().collect();
    format!("{head}<testsuites {}>{body}", attributes.trim_end())
}

fn case(benchmark: &Judged, gate: &Gate) -> TestCase {
    let status = |kind| {
        let mut status = TestCaseStatus::non_success(kind);
        status.set_type(benchmark.verdict.as_str()).set_message(message(benchmark));
        status
    };
    let status = match benchmark.verdict {
        Verdict::Regressed => status(NonSuccessKind::Failure),
        Verdict::Broken => status(NonSuccessKind::Error),
        _ if gate.fails_undecided(benchmark) => status(NonSuccessKind::Failure),
        Verdict::Inconclusive | Verdict::NoBaseline | Verdict::Gone => {
            let mut skipped = TestCaseStatus::skipped();
            skipped.set_type(benchmark.verdict.as_str()).set_message(message(benchmark));
            skipped
        }
        Verdict::Improved | Verdict::Unchanged => TestCaseStatus::success(),
    };
    let mut case = TestCase::new(text::name(benchmark), status);
    case.set_classname(CLASS);
    case.set_system_out(message(benchmark));
    case
}

fn message(benchmark: &Judged) -> String {
    format!(
        "{}: {} → {}, {}, limit {}",
        text::gist(benchmark),
        text::level(benchmark.baseline.as_ref(), &benchmark.unit),
        text::level(benchmark.current.as_ref(), &benchmark.unit),
        text::change(benchmark),
        text::limit(benchmark)
    )
}
