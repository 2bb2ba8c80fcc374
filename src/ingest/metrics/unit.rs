//! Units: what a name, a word or a help text says values are counted in, and the factor to what the lake keeps (seconds, bytes).
//!
//! OpenMetrics asks for base units and their name at the end of the metric's name, before `_total`, `_sum` and their like
//! (specification, "Units and Base Units"). Exporters that count otherwise mostly say so in the name or in `# HELP`.

/// Unit after scaling, and the factor to it.
pub(super) type Unit = (Option<&'static str>, f64);

/// A plain number.
pub(super) const NONE: Unit = (None, 1.0);
/// Seconds.
pub(super) const SECONDS: Unit = (Some("seconds"), 1.0);
/// Milliseconds, kept as seconds.
pub(super) const MILLISECONDS: Unit = (Some("seconds"), 0.001);
/// Percent of 100.
pub(super) const PERCENT: Unit = (Some("percent"), 1.0);
/// Bytes.
pub(super) const BYTES: Unit = (Some("bytes"), 1.0);
/// Kibibytes, kept as bytes.
pub(super) const KIBIBYTES: Unit = (Some("bytes"), 1_024.0);

/// Words for units, in the plural and in small letters, as names end and as `# UNIT` states them.
const WORDS: [(&str, Unit); 30] = [
    ("seconds", SECONDS),
    ("milliseconds", MILLISECONDS),
    ("microseconds", (Some("seconds"), 1e-6)),
    ("nanoseconds", (Some("seconds"), 1e-9)),
    ("minutes", (Some("seconds"), 60.0)),
    ("hours", (Some("seconds"), 3_600.0)),
    ("days", (Some("seconds"), 86_400.0)),
    ("bytes", BYTES),
    ("kilobytes", (Some("bytes"), 1e3)),
    ("megabytes", (Some("bytes"), 1e6)),
    ("gigabytes", (Some("bytes"), 1e9)),
    ("terabytes", (Some("bytes"), 1e12)),
    ("kibibytes", KIBIBYTES),
    ("mebibytes", (Some("bytes"), 1_048_576.0)),
    ("gibibytes", (Some("bytes"), 1_073_741_824.0)),
    ("bits", (Some("bytes"), 0.125)),
    ("ratio", (Some("ratio"), 1.0)),
    ("percent", PERCENT),
    ("celsius", (Some("celsius"), 1.0)),
    ("volts", (Some("volts"), 1.0)),
    ("amperes", (Some("amperes"), 1.0)),
    ("joules", (Some("joules"), 1.0)),
    ("watts", (Some("watts"), 1.0)),
    ("grams", (Some("grams"), 1.0)),
    ("meters", (Some("meters"), 1.0)),
    ("hertz", (Some("hertz"), 1.0)),
    ("s", SECONDS),
    ("ms", MILLISECONDS),
    ("us", (Some("seconds"), 1e-6)),
    ("ns", (Some("seconds"), 1e-9)),
];

/// The unit that a word names, in the singular or the plural, whatever its case.
pub(super) fn of_word(word: &str) -> Option<Unit> {
    let word = word.to_ascii_lowercase();
    let hit =
        WORDS.iter().find(|(name, _)| *name == word || name.strip_suffix('s') == Some(word.as_str()) && word.len() > 2);
    hit.map(|(_, unit)| *unit)
}

/// Endings that say what a sample is, and not what it counts.
const ENDINGS: [&str; 4] = ["_total", "_sum", "_max", "_min"];

/// The unit that the name of a sample ends with. Buckets and counts of a histogram are plain numbers whatever its unit.
pub(super) fn of_name(name: &str) -> Option<Unit> {
    if name.ends_with("_bucket") || name.ends_with("_count") || name.ends_with("_info") {
        return Some(NONE);
    }
    let name = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name);
    let (_, word) = name.rsplit_once('_')?;
    // Short words (`_s`, `_ms`) end names that mean something else.
    (word.len() > 2 || word == "ms")
        .then(|| WORDS.iter().find(|(known, _)| *known == word))
        .flatten()
        .map(|(_, unit)| *unit)
}

/// The unit that a help text states, as in "Time spent reading blocks, in milliseconds" or "Size (bytes)".
pub(super) fn of_help(help: &str) -> Option<Unit> {
    const STATED: [&str; 6] = ["milliseconds", "microseconds", "nanoseconds", "seconds", "kilobytes", "bytes"];
    let mut after_in = false;
    for word in help.split([' ', ',', '.', ';']) {
        let bare = word.trim_matches(['(', ')', '[', ']', ':']);
        if (after_in || word.starts_with('(')) && STATED.iter().any(|stated| bare.eq_ignore_ascii_case(stated)) {
            return of_word(bare);
        }
        after_in = bare.eq_ignore_ascii_case("in");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_with_their_unit() {
        for (name, unit) in [
            ("node_cpu_seconds_total", Some(SECONDS)),
            ("node_memory_MemAvailable_bytes", Some(BYTES)),
            ("go_gc_duration_seconds_sum", Some(SECONDS)),
            ("go_gc_duration_seconds_count", Some(NONE)),
            ("x_seconds_bucket", Some(NONE)),
            ("request_latency_milliseconds", Some(MILLISECONDS)),
            ("container_memory_working_set_bytes", Some(BYTES)),
            ("node_load1", None),
            ("airflow_task_duration", None),
            ("pg_s", None),
        ] {
            assert_eq!(of_name(name), unit, "{name}");
        }
    }

    #[test]
    fn help_texts_and_words_are_understood() {
        let help = "Time spent reading data file blocks by backends in this database, in milliseconds";
        assert_eq!(of_help(help), Some(MILLISECONDS));
        assert_eq!(of_help("Size of the cache (Bytes)."), Some(BYTES));
        assert_eq!(of_help("The time in UTC, and seconds too"), None);
        assert_eq!(of_word("Milliseconds"), Some(MILLISECONDS));
        assert_eq!(of_word("Percent"), Some(PERCENT));
        assert_eq!(of_word("Second"), Some(SECONDS));
        assert_eq!(of_word("furlongs"), None);
    }
}
