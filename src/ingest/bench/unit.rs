//! Units as tools spell them.

/// Is more of it better? Told by the unit: a rate is, a time or a size is not, nor is a rate of what nobody wants.
pub(super) fn more_is_better(unit: &str) -> bool {
    let unit = unit.to_ascii_lowercase();
    let unit = unit.split(" (").next().unwrap_or_default().trim().trim_end_matches('.');
    let unwanted = ["error", "fail", "alloc", "miss", "fault", "retr", "drop", "gc", "timeout"];
    let per_time = ["/s", "/sec", "/second", "/ms", "/us", "/ns", "/min", "/h", " per second", " per sec"];
    let words = ["bps", "kbps", "mbps", "gbps", "fps", "rps", "qps", "tps", "iops", "flops", "gflops", "mips", "hz"];
    let is_rate = per_time.iter().any(|end| unit.ends_with(end)) || words.contains(&unit);
    is_rate && !unwanted.iter().any(|what| unit.starts_with(what))
}

#[cfg(test)]
mod tests {
    use super::more_is_better;

    #[test]
    fn rates_are_better_when_they_rise() {
        for unit in ["ops/s", "req/sec", "rows/sec.", "op/s (avg)", "MB/s", "iter/ms", "ops per second", "Mbps", "Hz"] {
            assert!(more_is_better(unit), "{unit}");
        }
        for unit in
            ["ns/op", "s", "ms", "ps", "B/op", "allocs/op", "Megabytes", "ns/iter", "", "steps", "maps", "errors/s"]
        {
            assert!(!more_is_better(unit), "{unit}");
        }
    }
}
