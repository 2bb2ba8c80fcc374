//! Numbers of benches: as few digits as tell them apart.

/// A ratio: two digits behind the point, or as many as show two.
pub(crate) fn times(value: f64) -> String {
    match value {
        value if value.is_nan() => "not measurable".to_owned(),
        value if value.is_infinite() => "∞".to_owned(),
        value if value >= 1e6 => format!("{value:.1e}"),
        value if value >= 0.1 => format!("{value:.2}"),
        value if value >= 0.01 => format!("{value:.3}"),
        value => format!("{value:.1e}"),
    }
}

/// Seconds, with the unit that fits: from microseconds on.
pub(crate) fn brief_seconds(value: f64) -> String {
    match value {
        value if value >= 1.0 => format!("{value:.2} s"),
        value if value >= 1e-3 => format!("{:.2} ms", value * 1e3),
        value => format!("{:.2} µs", value * 1e6),
    }
}

/// A rate or a count, with three digits or so: 12.3k, 1.20M.
pub(crate) fn brief(value: f64) -> String {
    match value {
        value if value >= 1e6 => format!("{:.2}M", value / 1e6),
        value if value >= 1e4 => format!("{:.1}k", value / 1e3),
        value if value >= 100.0 => format!("{value:.0}"),
        value => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_fit() {
        assert_eq!([2.5, 0.049, 2e-4].map(times), ["2.50", "0.049", "2.0e-4"]);
        assert_eq!([1.5, 0.0123, 4.2e-6].map(brief_seconds), ["1.50 s", "12.30 ms", "4.20 µs"]);
        assert_eq!([2_345_678.0, 12_345.0, 1234.0, 1.5].map(brief), ["2.35M", "12.3k", "1234", "1.500"]);
    }
}
