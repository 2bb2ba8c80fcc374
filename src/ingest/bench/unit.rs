//! Units as tools spell them.

/// Is more of it better? Told by the unit: a rate is, a time or a size is not.
pub(super) fn more_is_better(unit: &str) -> bool {
    let unit = unit.trim().to_ascii_lowercase();
    ["/s", "/sec", "/second", "/ms", "/us", "/ns", "/min", "/h", "ps"].iter().any(|end| unit.ends_with(end))
        && !unit.ends_with("ops/op")
        && unit != "ps"
        || unit.contains("per second")
        || unit.contains("per sec")
}

#[cfg(test)]
mod tests {
    use super::more_is_better;

    #[test]
    fn rates_are_better_when_they_rise() {
        for unit in ["ops/s", "req/sec", "MB/s", "iter/ms", "ops per second", "Mbps"] {
            assert!(more_is_better(unit), "{unit}");
        }
        for unit in ["ns/op", "s", "ms", "ps", "B/op", "allocs/op", "Megabytes", "ns/iter", ""] {
            assert!(!more_is_better(unit), "{unit}");
        }
    }
}
