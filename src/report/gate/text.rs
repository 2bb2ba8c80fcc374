//! Numbers of a gate as words.

use crate::gate::{Decision, Floor, Gate, Judged, Limit, Verdict};
use crate::report::{
    counted,
    words::{number, seconds, visible},
};
use crate::stats::Estimate;

/// A name on one line, whatever stands in it.
pub(super) fn name(benchmark: &Judged) -> String {
    visible(&benchmark.name)
}

/// `2 regressed, 1 inconclusive, 37 unchanged`, worst first.
pub(crate) fn tally(gate: &Gate) -> String {
    let order = [
        (Verdict::Regressed, "regressed"),
        (Verdict::Broken, "broken"),
        (Verdict::Inconclusive, "inconclusive"),
        (Verdict::NoBaseline, "without a baseline"),
        (Verdict::Gone, "gone"),
        (Verdict::Improved, "improved"),
        (Verdict::Unchanged, "unchanged"),
    ];
    let told: Vec<String> = order
        .iter()
        .map(|(verdict, word)| (gate.of(*verdict).count(), word))
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| format!("{n} {word}"))
        .collect();
    told.join(", ")
}

/// Why a gate that could not be decided has a verdict.
pub(crate) const AS_ASKED: &str = "undecided, as --on-inconclusive wants it";

pub(super) fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Pass => "passed",
        Decision::Fail => "failed",
        Decision::NoDecision => "no decision",
    }
}

/// A level with its unit; times in the unit that reads best, large numbers with a prefix.
pub(crate) fn level(level: Option<&Estimate>, unit: &str) -> String {
    let Some(level) = level else { return "–".to_owned() };
    match Floor::Seconds(1.0).in_unit(unit) {
        Some(per_second) => time(level.point / per_second),
        None => amount(level.point, &visible(unit)),
    }
}

/// Times below a tenth of a second have units of their own here; pipelines never need them.
fn time(value: f64) -> String {
    match value.abs() {
        v if v == 0.0 || v >= 1.0 => seconds(value),
        v if v >= 1e-3 => format!("{} ms", number(value * 1e3)),
        v if v >= 1e-6 => format!("{} µs", number(value * 1e6)),
        _ => format!("{} ns", number(value * 1e9)),
    }
}

fn amount(value: f64, unit: &str) -> String {
    let (size, prefix) = match value.abs() {
        v if v >= 1e12 => (1e12, "T"),
        v if v >= 1e9 => (1e9, "G"),
        v if v >= 1e6 => (1e6, "M"),
        _ => (1.0, ""),
    };
    format!("{} {prefix}{unit}", number(value / size)).trim_end().to_owned()
}

/// Change from which on an interval that reaches there says nothing: a hundredfold.
const TOO_WIDE: f64 = 100.0;

/// `+20.9 % (+16.1 … +25.4)`.
pub(crate) fn change(benchmark: &Judged) -> String {
    let percent = |share: f64| {
        let shown = format!("{:+.1}", 100.0 * share);
        shown.replace('-', "−")
    };
    match (&benchmark.change, &benchmark.difference) {
        (Some(c), _) if c.upper > TOO_WIDE => format!("{} % (could be anything)", percent(c.point.min(TOO_WIDE))),
        (Some(c), _) => format!("{} % ({} … {})", percent(c.point), percent(c.lower), percent(c.upper)),
        (None, Some(d)) => {
            let unit = &benchmark.unit;
            format!("{} ({} … {})", units(d.point, unit), units(d.lower, unit), units(d.upper, unit))
        }
        (None, None) => "–".to_owned(),
    }
}

/// A difference with its sign and unit.
fn units(value: f64, unit: &str) -> String {
    let size = match Floor::Seconds(1.0).in_unit(unit) {
        Some(per_second) => time(value.abs() / per_second),
        None => amount(value.abs(), &visible(unit)),
    };
    format!("{}{size}", if value < 0.0 { "−" } else { "+" })
}

/// `+8 % and 5 ms`.
pub(crate) fn limit(benchmark: &Judged) -> String {
    let Limit { tolerance, floor } = benchmark.limit;
    let sign = if benchmark.higher_is_better { "−" } else { "+" };
    let share = if benchmark.higher_is_better { tolerance / (1.0 + tolerance) } else { tolerance };
    let floor = match floor.filter(|floor| floor.in_unit(&benchmark.unit).is_some()) {
        Some(Floor::Seconds(floor)) => format!(" and {}", time(floor)),
        Some(Floor::Units(floor)) => format!(" and {} {}", number(floor), visible(&benchmark.unit)),
        None => String::new(),
    };
    format!("{sign}{} %{}", number((1000.0 * share).round() / 10.0), floor.trim_end())
}

/// The verdict in a few words, with what would change it.
pub(crate) fn gist(benchmark: &Judged) -> String {
    let confirmed = match benchmark.confirmed {
        Some((agree, runs)) if benchmark.verdict == Verdict::Regressed => {
            format!(", confirmed in {agree} of {runs} runs")
        }
        _ => String::new(),
    };
    let reason = visible(benchmark.reason.as_deref().unwrap_or_default());
    match benchmark.verdict {
        Verdict::Regressed => format!("regression{confirmed}"),
        Verdict::Broken => format!("broken: {reason}"),
        Verdict::Inconclusive => match benchmark.needed_n {
            Some(n) => format!("{reason}: {} needed", needed(benchmark, n)),
            None => reason,
        },
        Verdict::NoBaseline => "no baseline".to_owned(),
        Verdict::Gone => "gone from the current run".to_owned(),
        Verdict::Improved => "improved".to_owned(),
        Verdict::Unchanged if !reason.is_empty() => format!("unchanged: {reason}"),
        Verdict::Unchanged if benchmark.near_limit => "unchanged, near its limit".to_owned(),
        Verdict::Unchanged => "unchanged".to_owned(),
    }
}

/// More than this nobody measures for one benchmark.
const MOST_NEEDED: usize = 10_000;

fn needed(benchmark: &Judged, n: usize) -> String {
    if n > MOST_NEEDED {
        return format!("more than {} a side", crate::report::count(MOST_NEEDED as u64));
    }
    match benchmark.basis {
        Some(crate::gate::Basis::Runs) if n > 50 => "quieter runs, or a wider --tolerance,".to_owned(),
        Some(crate::gate::Basis::Runs) => format!("about {} a side", counted(n, "run", "runs")),
        None => format!("at least {n} a side"),
        _ => format!("about {} a side", counted(n, "measurement", "measurements")),
    }
}

/// `failed by chance in 3 of 1,000 gates drawn from the baseline's own noise (at most 0.9 %)`.
pub(super) fn false_alarms(gate: &Gate) -> Option<String> {
    let found = gate.false_alarms.as_ref()?;
    Some(format!(
        "on the baseline's own noise this gate fails by chance in {} of {} gates (at most {} %)",
        found.failed,
        super::super::count(found.gates as u64),
        number(100.0 * found.at_most)
    ))
}

/// `host: same as baseline`, or what differs.
pub(super) fn host(gate: &Gate) -> String {
    match &gate.host {
        None => "the machine of one side is not known: nothing says that both are alike".to_owned(),
        Some(differences) if differences.is_empty() => "same machine as the baseline, as far as it is known".to_owned(),
        Some(differences) => {
            let told: Vec<String> = differences
                .iter()
                .map(|(name, before, now)| format!("{name} {} → {}", visible(before), visible(now)))
                .collect();
            format!("another machine than the baseline's: {}", told.join(", "))
        }
    }
}
