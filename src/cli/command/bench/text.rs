//! What a bench found, for a terminal of eighty columns.

use crate::{
    cli::console::line,
    replay::{Against, Backends, EngineResult, StormReport, SweepPoint},
    report,
    stats::Estimate,
};
use textwrap::Options;

/// Columns of the text.
const WIDTH: usize = 80;

/// Comparisons of which one differs by chance alone, at 95 %.
const ONE_BY_CHANCE: usize = 20;
/// Comparisons from which on that is worth a word.
const SEVERAL: usize = 5;

/// What is to be known of all results: each note once, however many it is of.
pub(super) fn notes(results: &[EngineResult]) -> String {
    let mut text = String::new();
    for (of, note) in report::bench_notes(results) {
        text.push_str(&wrapped(&format!("{of}: {note}"), "  - "));
    }
    if results.len() >= SEVERAL {
        let told = format!(
            "each interval is of 95 %: of {ONE_BY_CHANCE} comparisons of what is alike, one is told faster or slower by chance"
        );
        text.push_str(&wrapped(&told, "  - "));
    }
    if text.is_empty() { text } else { format!("\nnotes\n{text}") }
}

/// A block for each result: what against what, how fast, how sure.
pub(super) fn results(results: &[EngineResult], quiet: bool) -> String {
    let mut text = String::new();
    for result in results {
        text.push('\n');
        text.push_str(&wrapped(&format!("{}  {}", result.engine, result.workload), ""));
        text.push_str(&wrapped(&format!("{} against {}", result.candidate, result.baseline), "  "));
        let speed = result.throughput_says(quiet);
        text.push_str(&wrapped(&compared(&result.speedup, "the throughput", speed, ["faster", "slower"]), "  "));
        if let Some(gain) = &result.p99_gain {
            let says = Some(Against::of(gain));
            let waits = compared(gain, "shorter waits in the 99th percentile", says, ["shorter", "longer"]);
            text.push_str(&wrapped(&waits, "  "));
        }
        let cpu = result.cpu_an_item();
        let by_cpu = compared(&cpu, "the CPU time an item", Some(Against::of(&cpu)), ["more", "less"]);
        text.push_str(&wrapped(&by_cpu, "  "));
        let rates = format!(
            "{} a second, the baseline {}; {} of {} handled, {} dead letters",
            report::brief(result.throughput.point),
            report::brief(result.baseline_throughput.point),
            result.items_out,
            result.items_in,
            result.items_dead
        );
        text.push_str(&wrapped(&rates, "  "));
        let (now, before) = (result.latency, result.baseline_latency);
        let latency = format!(
            "{}: {} median, {} p99; the baseline {}, {}",
            result.latency_of,
            report::brief_seconds(now.p50),
            report::brief_seconds(now.p99),
            report::brief_seconds(before.p50),
            report::brief_seconds(before.p99),
        );
        text.push_str(&wrapped(&latency, "  "));
        let [most, before] = [result.peak_rss_bytes, result.baseline_peak_rss_bytes].map(|bytes| bytes / 1_000_000);
        // Where both need what the program itself does there is nothing to tell.
        if most.abs_diff(before) * 10 > most.max(before) {
            text.push_str(&format!("  memory at most {most} MB, the baseline {before} MB\n"));
        }
    }
    text
}

/// A ratio with its interval, and what follows from that; `None` where the machine is too busy to say.
fn compared(ratio: &Estimate, of: &str, says: Option<Against>, [above, below]: [&str; 2]) -> String {
    let verdict = match says {
        Some(Against::More) => above,
        Some(Against::Less) => below,
        Some(Against::Alike) => "alike",
        Some(Against::Unclear) => "too noisy to tell",
        None => "not judged, the machine is busy",
    };
    let [point, lower, upper] = [ratio.point, ratio.lower, ratio.upper].map(report::times);
    format!("{point} times {of} ({lower} to {upper}): {verdict}")
}

/// Lines no longer than the terminal is wide: `first` stands before the text, as many blanks before what follows.
fn wrapped(text: &str, first: &str) -> String {
    let margin = " ".repeat(first.len());
    let options = Options::new(WIDTH).initial_indent(first).subsequent_indent(&margin).break_words(false);
    textwrap::fill(&line(text), options) + "\n"
}

/// Throughput of each fixed batch size, and of the search.
pub(super) fn sweep(sweep: &[SweepPoint]) -> String {
    let mut text = String::new();
    for (place, point) in sweep.iter().enumerate() {
        let first = place == 0 || sweep[place - 1].workload != point.workload;
        if first {
            text.push_str(&format!("\nbatch sizes  {}\n", line(&point.workload)));
        }
        let rates = sweep.iter().filter(|other| other.workload == point.workload && other.size.is_some());
        let highest = rates.map(|other| other.rate).fold(f64::MIN_POSITIVE, f64::max);
        let name = point.size.map_or_else(|| "search".to_owned(), |size| format!("fixed {size}"));
        text.push_str(&format!(
            "  {name:<12} {:>9} a second  {:>4.0} % of the highest of the fixed\n",
            report::brief(point.rate),
            point.rate / highest * 100.0
        ));
        if let Some(share) = point.of_best {
            text.push_str(&format!(
                "  {:<12} {:.0} % of the size that other rounds call best, which luck does not favour\n",
                "",
                share * 100.0
            ));
        }
    }
    text
}

/// Stale writes below which a storm has shown little.
const FEW_REFUSED: u64 = 10;

/// What a storm did to writes under locks.
pub(super) fn storm(backend: &Backends, report: &StormReport) -> String {
    let verdict = match (report.verdict(), report.checked) {
        ("not_safe", _) => "NOT SAFE".to_owned(),
        (_, false) => "nothing was lost this time, and may be the next".to_owned(),
        ("not_provoked", _) => {
            "nothing was lost, and nothing stale was provoked: more writes would show more".to_owned()
        }
        _ if report.refused < FEW_REFUSED => "safe, on little evidence: more writes would show more".to_owned(),
        _ => "safe".to_owned(),
    };
    let checks = if report.checked { "fences checked" } else { "UNFENCED, the resource accepts any write" };
    let counted =
        |count: u64, one: &str, many: &str| report::counted(usize::try_from(count).unwrap_or(usize::MAX), one, many);
    [
        "\n".to_owned(),
        wrapped(&format!("locks on {} in a storm, {checks}: {verdict}", backend.name()), ""),
        format!("  {} accepted, {} refused as stale\n", counted(report.accepted, "write", "writes"), report.refused),
        format!(
            "  {}, {}, {} lost\n",
            counted(report.lost_updates, "lost update", "lost updates"),
            counted(report.stale_accepted, "stale write accepted", "stale writes accepted"),
            counted(report.lost_writes, "accepted write", "accepted writes")
        ),
        format!("  {} stopped, {} killed\n", counted(report.stopped, "process", "processes"), report.killed),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::Latency;

    fn result(candidate: &str, notes: &[&str]) -> EngineResult {
        let estimate = |point: f64| Estimate {
            point,
            lower: point * 0.99,
            upper: point * 1.01,
            level: 0.95,
            n: 7,
            method: "t".into(),
        };
        EngineResult {
            engine: "workers".into(),
            workload: "orders: computing and a name that is as long as names of workloads may be, and longer".into(),
            baseline: "2 threads".into(),
            candidate: candidate.into(),
            baseline_throughput: estimate(1000.0),
            throughput: estimate(1500.0),
            speedup: estimate(1.5),
            cpu_speedup: estimate(0.5),
            peak_rss_bytes: 60_000_000,
            baseline_peak_rss_bytes: 59_000_000,
            items_in: 10,
            items_out: 9,
            items_dead: 1,
            latency: Latency::default(),
            baseline_latency: Latency::default(),
            latency_of: "a task".into(),
            p99_gain: Some(estimate(8.0)),
            samples: Vec::new(),
            notes: notes.iter().map(|note| (*note).to_owned()).collect(),
        }
    }

    #[test]
    fn a_busy_machine_says_nothing_of_several_threads_and_lines_fit() {
        let all = [result("2 to 8 threads", &[])];
        let [quiet, busy] = [true, false].map(|quiet| results(&all, quiet));
        assert!(quiet.contains("1.50 times the throughput (1.48 to 1.52): faster"), "{quiet}");
        assert!(busy.contains("(1.48 to 1.52): not judged, the machine is busy"), "{busy}");
        assert!(quiet.contains("2.00 times the CPU time an item (1.98 to 2.02): more"), "{quiet}");
        assert!(quiet.contains("8.00 times shorter waits in the 99th percentile (7.92 to 8.08): shorter"), "{quiet}");
        assert!(!quiet.contains("memory"), "both need the same: {quiet}");
        assert!([&quiet, &busy].iter().all(|text| text.lines().all(|line| line.chars().count() <= WIDTH)), "{quiet}");
    }

    #[test]
    fn a_note_is_told_once_with_all_that_it_is_of() {
        let all = [result("a", &["few"]), result("b", &["few", "slow"]), result("a", &["few"])];
        assert_eq!(notes(&all), "\nnotes\n  - workers, a; workers, b: few\n  - workers, b: slow\n");
        assert_eq!(notes(&[]), "");
    }
}
