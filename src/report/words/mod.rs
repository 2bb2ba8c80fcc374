//! Numbers, instants and names as words: one way to write each of them, wherever it appears.

mod brief;
mod text;

pub(crate) use brief::{brief, brief_seconds, times};
pub(crate) use text::{anchor, escape, file_stem, shorten, visible};

use crate::{
    model::{Quantity, RunType, TimeRange, Timestamp},
    stats::Estimate,
};

/// Words for a number that is not there.
pub(crate) const UNKNOWN: &str = "not known";

/// Units of time that a reader thinks in: seconds in one, name.
const UNITS: [(f64, &str); 5] = [(1e-3, "ms"), (1.0, "s"), (60.0, "min"), (3600.0, "h"), (86_400.0, "d")];

/// From how many seconds on a unit is used: 90 s reads better than 1.5 min, 36 h better than 1.5 d.
const UNIT_FROM: [f64; 5] = [0.0, 0.0995, 120.0, 2.0 * 3600.0, 2.0 * 86_400.0];

/// A number with three significant digits at most, `−` as minus sign, thousands apart.
pub(crate) fn number(value: f64) -> String {
    if value.is_nan() {
        return UNKNOWN.to_owned();
    }
    let sign = if value < 0.0 { "−" } else { "" };
    let size = value.abs();
    let digits = match size {
        s if s.is_infinite() => return format!("{sign}∞"),
        s if s >= 1e15 => return format!("{sign}{s:.2e}"),
        s if s >= 99.95 => return format!("{sign}{}", grouped(&format!("{s:.0}"))),
        s if s >= 9.995 => format!("{s:.1}"),
        s if s >= 0.0995 || s == 0.0 => format!("{s:.2}"),
        s if s >= 0.000_995 => format!("{s:.4}"),
        s => return format!("{sign}{s:.1e}"),
    };
    let digits = digits.trim_end_matches('0').trim_end_matches('.');
    if digits == "0" { digits.to_owned() } else { format!("{sign}{digits}") }
}

/// A count: `12,345`.
pub(crate) fn count(value: u64) -> String {
    grouped(&value.to_string())
}

/// A count with its noun: `1 run`, `12 runs`.
pub(crate) fn counted(value: usize, one: &str, many: &str) -> String {
    format!("{} {}", count(value as u64), if value == 1 { one } else { many })
}

/// Seconds in the unit a reader thinks in: `0.35 s`, `41.2 min`, `4.2 h`.
pub(crate) fn seconds(value: f64) -> String {
    match value {
        v if v.is_nan() => UNKNOWN.to_owned(),
        0.0 => "0 s".to_owned(),
        v => {
            let (size, name) = unit_for(v);
            format!("{} {name}", number(v / size))
        }
    }
}

/// Days of the week.
pub(crate) const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// An hour of the week, from Monday 00:00: `Tue 13:00`.
pub(crate) fn hour_of_week(hour: usize) -> String {
    format!("{} {:02}:00", DAYS[hour / 24 % DAYS.len()], hour % 24)
}

/// Seconds with a sign: `+3.2 s`.
pub(crate) fn signed_seconds(value: f64) -> String {
    let plus = if value > 0.0 { "+" } else { "" };
    format!("{plus}{}", seconds(value))
}

/// Seconds with their interval, in one unit: `3.31 s (3.1 to 3.52)`.
pub(crate) fn seconds_range(estimate: &Estimate) -> String {
    let largest = [estimate.lower, estimate.upper].into_iter().filter(|v| v.is_finite()).map(f64::abs);
    let reference = if estimate.point == 0.0 { largest.fold(0.0, f64::max) } else { estimate.point };
    let (size, name) = unit_for(reference);
    let in_unit = estimate.map(|v| v / size);
    if in_unit.point.is_nan() {
        return UNKNOWN.to_owned();
    }
    format!("{} {name}{}", number(in_unit.point), interval(&in_unit, number))
}

/// Minutes with their interval.
pub(crate) fn minutes_range(estimate: &Estimate) -> String {
    seconds_range(&estimate.map(|v| v * 60.0))
}

/// A level of a quantity: a share for rates, else seconds.
pub(crate) fn level(quantity: Quantity, estimate: &Estimate) -> String {
    if quantity.is_rate() {
        let percent = estimate.map(|v| v * 100.0);
        return match percent.point.is_nan() {
            true => UNKNOWN.to_owned(),
            false => format!("{} %{}", number(percent.point), interval(&percent, number)),
        };
    }
    seconds_range(estimate)
}

/// A ratio: `×1.70`.
pub(crate) fn ratio(value: f64) -> String {
    match value {
        v if v.is_nan() => UNKNOWN.to_owned(),
        v if v.is_finite() && v.abs() < 99.95 => format!("×{v:.2}"),
        v => format!("×{}", number(v)),
    }
}

/// A ratio with its interval: `×1.70 (1.48 to 1.95)`.
pub(crate) fn ratio_range(estimate: &Estimate) -> String {
    match estimate.point.is_nan() {
        true => UNKNOWN.to_owned(),
        false => {
            format!("{}{}", ratio(estimate.point), interval(estimate, |v| ratio(v).trim_start_matches('×').into()))
        }
    }
}

/// `95 % interval`.
pub(crate) fn interval_name(estimate: &Estimate) -> String {
    format!("{} % interval", number(estimate.level * 100.0))
}

/// A ratio as a change: 1.71 is `+71 %`.
pub(crate) fn change(ratio: f64) -> String {
    percent_change(ratio - 1.0)
}

/// A relative change: 0.083 is `+8.3 %`.
pub(crate) fn percent_change(share: f64) -> String {
    let percent = share * 100.0;
    let rounded = if percent.abs() >= 10.0 { percent.round() } else { (percent * 10.0).round() / 10.0 };
    match rounded {
        p if p.is_nan() => UNKNOWN.to_owned(),
        p if p > 0.0 => format!("+{} %", number(p)),
        p => format!("{} %", number(p)),
    }
}

/// How sure a finding is, for someone who never met a q-value: in short, and what that means.
pub(crate) fn certainty(q_value: f64) -> (String, String) {
    if !(0.0..=1.0).contains(&q_value) {
        return (UNKNOWN.to_owned(), String::new());
    }
    let (how_many, symbol) = match q_value {
        q if q < 0.001 => ("fewer than 1 in 1,000".to_owned(), "q < 0.001".to_owned()),
        q if q < 0.095 => (format!("about 1 in {}", count((1.0 / q).round() as u64)), format!("q = {}", number(q))),
        q => (format!("{} %", number((q * 100.0).round())), format!("q = {}", number(q))),
    };
    let small = q_value < 0.095;
    (
        format!("{how_many}{}", if small { " is a false alarm" } else { " are false alarms" }),
        format!("among findings at least this strong ({symbol})"),
    )
}

/// The dates that a half-open range covers: `2026-09-28 to 2026-10-04 (7 days)`.
pub(crate) fn dates(range: &TimeRange) -> String {
    let last = Timestamp::from_micros(range.to.micros().saturating_sub(1)).max(range.from);
    let days = counted(range.days().round().max(0.0) as usize, "day", "days");
    format!("{} to {} ({days})", range.from.date_string(), last.date_string())
}

/// The interval in which something happened: one date, or two.
pub(crate) fn date_interval(low: Timestamp, high: Timestamp) -> String {
    match (low.date_string(), high.date_string()) {
        (low, high) if low == high => format!("on {low}"),
        (low, high) => format!("between {low} and {high}"),
    }
}

/// What started the runs, said only where it is not the schedule.
pub(crate) fn run_type_note(run_type: &RunType) -> Option<String> {
    (*run_type != RunType::Scheduled).then(|| format!("{} runs", visible(run_type.as_str())))
}

/// ` (low to high)`, or nothing where there is no interval.
fn interval(estimate: &Estimate, write: impl Fn(f64) -> String) -> String {
    match (estimate.lower.is_nan(), estimate.upper.is_nan()) {
        (false, false) => format!(" ({} to {})", write(estimate.lower), write(estimate.upper)),
        _ => String::new(),
    }
}

/// Unit in which `value` seconds read best.
pub(crate) fn unit_for(value: f64) -> (f64, &'static str) {
    let size = if value.is_finite() { value.abs() } else { 1.0 };
    let fit = UNITS.iter().zip(UNIT_FROM).rev().find(|(_, from)| size >= *from && size > 0.0);
    fit.map_or(UNITS[1], |(unit, _)| *unit)
}

/// Digits with thousands apart.
fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests;
