//! What a bench found, for a terminal of eighty columns.

use crate::{
    cli::console::line,
    replay::{Backends, EngineResult, StormReport, SweepPoint},
    report,
    stats::Estimate,
};
use textwrap::Options;

/// Columns of the text.
const WIDTH: usize = 80;

/// What is to be known of results, each with the results that it is of: told once, however many those are.
#[derive(Default)]
pub(super) struct Notes {
    all: Vec<(String, Vec<String>)>,
}

impl Notes {
    fn add(&mut self, result: &EngineResult) {
        for note in &result.notes {
            let of = format!("{}, {}", result.engine, result.candidate);
            match self.all.iter_mut().find(|(known, _)| known == note) {
                Some((_, results)) if results.contains(&of) => {}
                Some((_, results)) => results.push(of),
                None => self.all.push((note.clone(), vec![of])),
            }
        }
    }

    /// All of them.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (place, (note, results)) in self.all.iter().enumerate() {
            text.push_str(if place == 0 { "\nnotes\n" } else { "" });
            text.push_str(&wrapped(&format!("{}: {note}", results.join("; ")), "  - "));
        }
        text
    }
}

/// A block for each result: what against what, how fast, how sure.
pub(super) fn results(results: &[EngineResult], notes: &mut Notes) -> String {
    let mut text = String::new();
    for result in results {
        text.push('\n');
        text.push_str(&wrapped(&format!("{}  {}", result.engine, result.workload), ""));
        text.push_str(&wrapped(&format!("{} against {}", result.candidate, result.baseline), "  "));
        text.push_str(&wrapped(&compared(&result.speedup, "the throughput", ["faster", "slower"]), "  "));
        if let Some(gain) = &result.p99_gain {
            text.push_str(&wrapped(
                &compared(gain, "shorter waits in the 99th percentile", ["shorter", "longer"]),
                "  ",
            ));
        }
        let by_cpu = compared(&result.cpu_speedup, "by CPU time", ["less CPU", "more CPU"]);
        text.push_str(&wrapped(&by_cpu, "  "));
        let rates = format!(
            "{} a second, {} before; {} of {} handled, {} dead letters",
            report::brief(result.throughput.point),
            report::brief(result.baseline_throughput.point),
            result.items_out,
            result.items_in,
            result.items_dead
        );
        text.push_str(&wrapped(&rates, "  "));
        let (now, before) = (result.latency, result.baseline_latency);
        let latency = format!(
            "{}: {} median, {} p99; before {}, {}",
            result.latency_of,
            report::brief_seconds(now.p50),
            report::brief_seconds(now.p99),
            report::brief_seconds(before.p50),
            report::brief_seconds(before.p99),
        );
        text.push_str(&wrapped(&latency, "  "));
        text.push_str(&format!(
            "  memory at most {} MB, {} MB before\n",
            result.peak_rss_bytes / 1_000_000,
            result.baseline_peak_rss_bytes / 1_000_000
        ));
        notes.add(result);
    }
    text
}

/// A ratio with its interval, and what follows from that.
fn compared(ratio: &Estimate, of: &str, [above, below]: [&str; 2]) -> String {
    let verdict = match () {
        () if ratio.lower > 1.0 => above,
        () if ratio.upper < 1.0 => below,
        () => "no difference that can be told",
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
                "  {:<12} {:.0} % of the best fixed size, where other rounds say which that is\n",
                "",
                share * 100.0
            ));
        }
    }
    text
}

/// What a storm did to writes under locks.
pub(super) fn storm(backend: &Backends, report: &StormReport) -> String {
    let verdict = match report.verdict() {
        "not_provoked" => "nothing was lost, and nothing stale was provoked: more writes would show more",
        "safe" => "safe",
        _ => "NOT SAFE",
    };
    format!(
        "\nlocks on {} in a storm: {verdict}\n  {} writes accepted, {} refused as stale\n  {} lost updates, {} stale writes accepted, {} accepted writes lost\n  {} processes stopped, {} killed\n",
        backend.name(),
        report.accepted,
        report.refused,
        report.lost_updates,
        report.stale_accepted,
        report.lost_writes,
        report.stopped,
        report.killed
    )
}
