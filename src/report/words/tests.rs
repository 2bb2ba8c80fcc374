//! Tests of words.

use super::*;
use proptest::prelude::*;

fn estimate(point: f64, lower: f64, upper: f64) -> Estimate {
    Estimate { point, lower, upper, level: 0.95, n: 40, method: "test".into() }
}

#[test]
fn seconds_read_well() {
    for (value, text) in [
        (0.0, "0 s"),
        (0.0042, "4.2 ms"),
        (0.35, "0.35 s"),
        (3.777, "3.78 s"),
        (41.2, "41.2 s"),
        (107.0, "107 s"),
        (2460.0, "41 min"),
        (15_120.0, "4.2 h"),
        (300_000.0, "3.47 d"),
        (-90.0, "−90 s"),
        (f64::NAN, "not known"),
        (f64::INFINITY, "∞ s"),
    ] {
        assert_eq!(seconds(value), text, "{value}");
    }
    assert_eq!(signed_seconds(3.2), "+3.2 s");
}

#[test]
fn ranges_share_one_unit() {
    assert_eq!(seconds_range(&estimate(3.31, 3.1, 3.52)), "3.31 s (3.1 to 3.52)");
    assert_eq!(minutes_range(&estimate(41.0, 1.5, 150.0)), "41 min (1.5 to 150)");
    assert_eq!(ratio_range(&estimate(1.7, 1.48, 1.95)), "×1.70 (1.48 to 1.95)");
    assert_eq!(ratio_range(&estimate(1.7, f64::NAN, f64::NAN)), "×1.70");
    assert_eq!(ratio_range(&estimate(f64::INFINITY, 3.0, f64::INFINITY)), "×∞ (3.00 to ∞)");
    assert_eq!(level(Quantity::FailureRate, &estimate(0.25, 0.125, 0.4)), "25 % (12.5 to 40)");
}

#[test]
fn changes_carry_their_sign() {
    assert_eq!(change(1.7123), "+71 %");
    assert_eq!(change(0.945), "−5.5 %");
    assert_eq!(change(1.0), "0 %");
    assert_eq!(percent_change(0.083), "+8.3 %");
    assert_eq!(change(f64::NAN), "not known");
}

#[test]
fn certainty_is_plain() {
    assert_eq!(certainty(0.0004).0, "fewer than 1 in 1,000 is a false alarm");
    let (short, meaning) = certainty(0.01);
    assert_eq!(short, "about 1 in 100 is a false alarm");
    assert_eq!(meaning, "among findings at least this strong (q = 0.01)");
    assert_eq!(certainty(0.2).0, "20 % are false alarms");
    assert_eq!(certainty(f64::NAN).0, "not known");
}

#[test]
fn dates_name_the_last_day_inside() {
    let from = Timestamp::from_micros(1_790_553_600_000_000);
    let range = TimeRange { from, to: from.plus_seconds(7.0 * 86_400.0) };
    assert_eq!(dates(&range), "2026-09-28 to 2026-10-04 (7 days)");
    assert_eq!(date_interval(from, from.plus_seconds(60.0)), "on 2026-09-28");
}

#[test]
fn counts_are_grouped() {
    assert_eq!(count(1_234_567), "1,234,567");
    assert_eq!(counted(1, "run", "runs"), "1 run");
    assert_eq!(number(-0.001_234), "−0.0012");
    assert_eq!(number(1e300), "1.00e300");
}

proptest! {
    #[test]
    fn no_number_panics(a in any::<f64>(), b in any::<f64>(), c in any::<f64>()) {
        let e = estimate(a, b, c);
        let _ = (seconds_range(&e), minutes_range(&e), ratio_range(&e), change(a), certainty(b), number(c));
        let _ = (level(Quantity::RetryRate, &e), signed_seconds(a));
    }
}
