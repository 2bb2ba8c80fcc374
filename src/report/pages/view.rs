//! What stands on the page of a bench, in words.

use super::{BenchResults, platform};
use crate::{
    replay::{Against, EngineResult, SweepPoint},
    report::{
        Error, Image, Options,
        chart::{self, Label, Speedup, SpeedupChart, SweepChart, Tone},
        words,
    },
    stats::Estimate,
};
use serde::Serialize;

#[derive(Debug, Default, Serialize)]
pub(super) struct View {
    pub(super) title: String,
    pub(super) sentence: String,
    pub(super) class: &'static str,
    pub(super) warnings: Vec<String>,
    pub(super) chart: Option<Figure>,
    pub(super) results: Vec<Card>,
    /// What is to be known of results, each with those that it is of.
    pub(super) notes: Vec<(String, String)>,
    pub(super) sweeps: Vec<Figure>,
    pub(super) storm: Option<Storm>,
    pub(super) sections: Vec<Section>,
    pub(super) host: Vec<(String, String)>,
    /// Heading of the last section.
    pub(super) how: &'static str,
    pub(super) method: Vec<String>,
    pub(super) version: String,
}

/// A part of the page with charts and tables of its own.
#[derive(Debug, Serialize)]
pub(super) struct Section {
    pub(super) id: &'static str,
    pub(super) title: String,
    pub(super) sentence: String,
    pub(super) figures: Vec<Figure>,
    pub(super) tables: Vec<Table>,
    pub(super) notes: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Table {
    pub(super) title: &'static str,
    pub(super) head: Vec<&'static str>,
    pub(super) rows: Vec<Vec<String>>,
}

#[derive(Debug, Serialize)]
pub(super) struct Figure {
    pub(super) title: String,
    pub(super) desc: String,
    pub(super) svg: String,
    pub(super) image: String,
    pub(super) head: Vec<&'static str>,
    pub(super) rows: Vec<Vec<String>>,
}

#[derive(Debug, Serialize)]
pub(super) struct Card {
    pub(super) id: String,
    pub(super) class: &'static str,
    pub(super) icon: &'static str,
    pub(super) word: &'static str,
    pub(super) engine: String,
    pub(super) workload: String,
    pub(super) candidate: String,
    pub(super) baseline: String,
    pub(super) speedup: String,
    pub(super) interval: String,
    pub(super) facts: Vec<(String, String, String)>,
    /// Throughput, waits and CPU time, each with its interval.
    pub(super) ratios: [String; 3],
}

#[derive(Debug, Serialize)]
pub(super) struct Storm {
    pub(super) class: &'static str,
    pub(super) sentence: String,
    pub(super) more: String,
}

pub(super) fn build(bench: &BenchResults, options: &Options) -> Result<(View, Vec<Image>), Error> {
    chart::load_font()?;
    let mut images = Vec::new();
    let results: Vec<Card> =
        bench.results.iter().enumerate().map(|(place, result)| card(place, result, bench.quiet)).collect();
    let chart = if bench.results.is_empty() { None } else { Some(speedups(bench, &mut images)?) };
    let mut sweeps = Vec::new();
    for points in bench.sweep.chunk_by(|a, b| a.workload == b.workload) {
        sweeps.push(sweep(sweeps.len(), points, &mut images)?);
    }
    let sections = bench
        .platform
        .iter()
        .map(|told| platform::section(told, &mut images))
        .collect::<Result<Vec<Section>, Error>>()?;
    let better = results.iter().filter(|card| card.class == "better").count();
    let sentence = match (results.len(), &bench.storm) {
        (0, None) => "Nothing was compared.".to_owned(),
        (0, Some((_, report))) => format!(
            "{} writes under a lock, in a storm: {}.",
            words::count(report.accepted),
            match report.verdict() {
                "safe" => "none lost, no stale one accepted",
                "not_safe" => "not safe",
                _ => "none lost, and nothing stale was provoked",
            }
        ),
        _ => counts(bench),
    };
    // Where it is all about one platform, that is the news.
    let sentence = match sections.as_slice() {
        [only] if results.len() == 1 => only.sentence.clone(),
        _ => sentence,
    };
    let storm = bench.storm.as_ref().map(|(backend, report)| Storm {
        class: if report.is_safe() { "better" } else { "worse" },
        sentence: format!(
            "{} writes under locks on {backend}, {}: {} stale accepted, {} lost.",
            words::count(report.accepted),
            if report.checked { "fences checked" } else { "unfenced" },
            words::count(report.stale_accepted + report.lost_updates),
            words::count(report.lost_writes)
        ),
        more: format!(
            "{} processes stopped beyond their leases, {} killed; {} writes and readings refused for an older fence.",
            words::count(report.stopped),
            words::count(report.killed),
            words::count(report.refused)
        ),
    });
    let view = View {
        title: options.title.clone().unwrap_or_else(|| "Engine bench".to_owned()),
        sentence,
        class: match () {
            () if storm.as_ref().is_some_and(|storm| storm.class == "worse") => "worse",
            () if better > 0 => "better",
            () => "calm",
        },
        warnings: bench.warnings.clone(),
        chart,
        results,
        notes: bench_notes(&bench.results),
        sweeps,
        storm,
        sections,
        host: bench.host.clone(),
        how: "How it was measured",
        method: method(bench),
        version: options.version.clone(),
    };
    Ok((view, images))
}

fn method(bench: &BenchResults) -> Vec<String> {
    let cores = if bench.quiet {
        "each had a core"
    } else {
        "the machine was not quiet, and nothing is said about several cores"
    };
    let mut told = vec![
        format!("Two threads got {:.2} times as much done as one: {cores}.", bench.spin_scaling),
        format!("Seed {}.", bench.seed),
    ];
    if !bench.results.is_empty() {
        told.splice(0..0, [
            "Baseline and candidate run in turns, A B B A, after a pair that is not measured; a run whose counts or sums are not what the workload says gives no timing.".to_owned(),
            "Each ratio is the geometric mean of those of the pairs, with an interval of 95 % by Student's t on their logarithms. Each interval is by itself: of twenty comparisons of what is alike, one is told faster or slower by chance. It says nothing of other machines.".to_owned(),
        ]);
    }
    told
}

/// How many are faster, slower, alike or too noisy to tell; and of waits.
fn counts(bench: &BenchResults) -> String {
    let says: Vec<Option<Against>> = bench.results.iter().map(|result| result.throughput_says(bench.quiet)).collect();
    let of = |wanted: Option<Against>| says.iter().filter(|says| **says == wanted).count();
    let told = [
        (of(Some(Against::More)), "faster"),
        (of(Some(Against::Less)), "slower"),
        (of(Some(Against::Alike)), "alike"),
        (of(Some(Against::Unclear)), "too noisy to tell"),
        (of(None), "not judged"),
    ];
    let told = told.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    let mut text = format!(
        "{} by throughput: {}.",
        capital(&words::counted(says.len(), "comparison", "comparisons")),
        told.collect::<Vec<_>>().join(", ")
    );
    let waits: Vec<Against> = bench.results.iter().filter_map(|r| r.p99_gain.as_ref()).map(Against::of).collect();
    if !waits.is_empty() {
        let of = |wanted: Against| waits.iter().filter(|says| **says == wanted).count();
        text.push_str(&format!(
            " Waits in the 99th percentile are shorter in {} of {}, longer in {}.",
            of(Against::More),
            waits.len(),
            of(Against::Less)
        ));
    }
    text
}

/// Each note once, with the results that it is of.
pub(crate) fn bench_notes(results: &[EngineResult]) -> Vec<(String, String)> {
    let mut all: Vec<(String, Vec<String>)> = Vec::new();
    for result in results {
        let of = format!("{}, {}", result.engine, result.candidate);
        for note in &result.notes {
            match all.iter_mut().find(|(known, _)| known == note) {
                Some((_, results)) if results.contains(&of) => {}
                Some((_, results)) => results.push(of.clone()),
                None => all.push((note.clone(), vec![of.clone()])),
            }
        }
    }
    all.into_iter().map(|(note, of)| (of.join("; "), note)).collect()
}

fn tone(says: Option<Against>) -> Tone {
    match says {
        Some(Against::More) => Tone::Better,
        Some(Against::Less) => Tone::Worse,
        Some(Against::Alike | Against::Unclear) | None => Tone::Neutral,
    }
}

/// Colour, sign and words: of what the engine is for.
fn verdict(result: &EngineResult, quiet: bool) -> (&'static str, &'static str, &'static str) {
    let speed = result.throughput_says(quiet);
    let waits = result.p99_gain.as_ref().map(Against::of);
    let (class, icon) = match tone(waits.or(speed)) {
        Tone::Better => ("better", "▲"),
        Tone::Worse => ("worse", "▼"),
        Tone::Neutral => ("calm", "●"),
    };
    let word = match (waits, speed) {
        (Some(Against::More), Some(Against::Less)) => "shorter waits, slower",
        (Some(Against::More), _) => "shorter waits",
        (Some(Against::Less), _) => "longer waits",
        (_, Some(Against::More)) => "faster",
        (_, Some(Against::Less)) => "slower",
        (_, Some(Against::Alike)) => "alike",
        (_, Some(Against::Unclear)) => "too noisy to tell",
        (_, None) => "not judged, the machine was busy",
    };
    (class, icon, word)
}

fn card(place: usize, result: &EngineResult, quiet: bool) -> Card {
    // What the engine is for.
    let gain = result.p99_gain.as_ref().unwrap_or(&result.speedup);
    let (class, icon, word) = verdict(result, quiet);
    let range = |ratio: &Estimate| format!("{} to {}", words::times(ratio.lower), words::times(ratio.upper));
    let times = |ratio: &Estimate| format!("{} times", words::times(ratio.point));
    let both = |ratio: &Estimate| format!("{} ({})", words::times(ratio.point), range(ratio));
    let cpu = result.cpu_an_item();
    let bytes = |bytes: u64| format!("{} MB", words::count(bytes / 1_000_000));
    let of = |name: &str, now: String, before: String| (name.to_owned(), now, format!("{before} for the baseline"));
    let rate = |value: f64| format!("{} a second", words::number(value));
    let time = |value: f64| words::brief_seconds(value);
    let success = format!("{:.2} %", result.success_rate() * 100.0);
    Card {
        id: format!("result-{place}"),
        class,
        icon,
        word,
        engine: result.engine.clone(),
        workload: result.workload.clone(),
        candidate: result.candidate.clone(),
        baseline: result.baseline.clone(),
        speedup: match result.p99_gain {
            Some(_) => format!("{} shorter waits in the 99th percentile", times(gain)),
            None => times(gain),
        },
        interval: range(gain),
        facts: vec![
            ("Speed-up".to_owned(), times(&result.speedup), range(&result.speedup)),
            of("Throughput", rate(result.throughput.point), rate(result.baseline_throughput.point)),
            of(
                &format!("{}, median", capital(&result.latency_of)),
                time(result.latency.p50),
                time(result.baseline_latency.p50),
            ),
            of(
                &format!("{}, 99th percentile", capital(&result.latency_of)),
                time(result.latency.p99),
                time(result.baseline_latency.p99),
            ),
            of("Most memory", bytes(result.peak_rss_bytes), bytes(result.baseline_peak_rss_bytes)),
            ("CPU time an item".to_owned(), times(&cpu), range(&cpu)),
            (
                "Handled".to_owned(),
                success,
                format!(
                    "{} of {}; {} dead letters",
                    words::count(result.items_out),
                    words::count(result.items_in),
                    words::count(result.items_dead)
                ),
            ),
        ],
        ratios: [both(&result.speedup), result.p99_gain.as_ref().map_or_else(String::new, both), both(&cpu)],
    }
}

/// Comparisons that a chart shows: more are taller than a picture can be, and nobody reads them.
const MOST_BARS: usize = 100;

fn speedups(bench: &BenchResults, images: &mut Vec<Image>) -> Result<Figure, Error> {
    let results = &bench.results;
    // Where an engine has one workload, its name says nothing that tells rows apart.
    let named = |result: &EngineResult| {
        let other = |other: &EngineResult| other.engine == result.engine && other.workload != result.workload;
        if results.iter().any(other) { short_workload(result) } else { result.engine.clone() }
    };
    let bar = |result: &EngineResult, what: &str, ratio: &Estimate, says: Option<Against>| Speedup {
        name: format!("{}: {}{what}", named(result), result.candidate),
        told: words::times(ratio.point),
        point: ratio.point,
        lower: ratio.lower,
        upper: ratio.upper,
        tone: tone(says),
    };
    let bars = |result: &EngineResult| {
        let waits = result.p99_gain.as_ref().map(|gain| bar(result, ", p99 of waits", gain, Some(Against::of(gain))));
        std::iter::once(bar(result, "", &result.speedup, result.throughput_says(bench.quiet))).chain(waits)
    };
    let rows: Vec<Speedup> = results.iter().flat_map(bars).take(MOST_BARS).collect();
    let title = "Speed-up of each candidate over its baseline";
    let mut desc =
        "Dots are the best guess, lines the interval of 95 %; left of ×1 the candidate is slower. Of waits: how many times shorter the 99th percentile is.".to_owned();
    if results.len() > MOST_BARS {
        desc.push_str(&format!(" The first {MOST_BARS} of {}.", words::count(results.len() as u64)));
    }
    let label = Label { id: "speedups", title, desc: &desc };
    let chart = SpeedupChart { rows: &rows, axis: "times as fast as the baseline; lines: interval of 95 %" };
    images.push(Image { name: "bench-speedups.png".to_owned(), bytes: chart::to_png(&chart, &label)? });
    Ok(Figure {
        title: title.to_owned(),
        svg: chart::to_svg(&chart, &label)?,
        desc,
        image: "bench-speedups.png".to_owned(),
        head: vec!["engine and workload", "candidate", "throughput", "shorter waits, p99", "CPU time an item"],
        rows: results
            .iter()
            .map(|result| {
                let both = |ratio: &Estimate| {
                    let [point, lower, upper] = [ratio.point, ratio.lower, ratio.upper].map(words::times);
                    format!("{point} ({lower} to {upper})")
                };
                vec![
                    short_workload(result),
                    result.candidate.clone(),
                    both(&result.speedup),
                    result.p99_gain.as_ref().map_or_else(String::new, both),
                    both(&result.cpu_an_item()),
                ]
            })
            .collect(),
    })
}

fn sweep(number: usize, points: &[SweepPoint], images: &mut Vec<Image>) -> Result<Figure, Error> {
    let mut fixed: Vec<(usize, f64)> = points.iter().filter_map(|point| Some((point.size?, point.rate))).collect();
    fixed.sort_by_key(|point| point.0);
    let searched = points.iter().find(|point| point.size.is_none());
    let search = searched.map(|point| point.rate);
    let workload = points.first().map_or("", |point| point.workload.as_str());
    let title = format!("Throughput by batch size, {workload}");
    let best = fixed.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1));
    let desc = match (best, search) {
        (Some((size, rate)), Some(search)) => {
            let fair = searched.and_then(|point| point.of_best).map_or_else(String::new, |share| {
                format!(
                    " The highest of several is favoured by luck: of the size that the other rounds call best it reaches {:.0} %.",
                    share * 100.0
                )
            });
            format!(
                "The highest is that of {} with {} a second; the search reaches {:.0} % of it.{fair}",
                words::count(size as u64),
                words::number(rate),
                search / rate * 100.0
            )
        }
        _ => "Items a second of each fixed size.".to_owned(),
    };
    let id = format!("sweep-{number}");
    let label = Label { id: &id, title: &title, desc: &desc };
    let chart = SweepChart { points: &fixed, search };
    let image = format!("bench-sweep-{number}.png");
    images.push(Image { name: image.clone(), bytes: chart::to_png(&chart, &label)? });
    let name = |point: &SweepPoint| point.size.map_or_else(|| "search".to_owned(), |size| words::count(size as u64));
    Ok(Figure {
        svg: chart::to_svg(&chart, &label)?,
        title,
        desc,
        image,
        head: vec!["batch size", "items a second"],
        rows: points.iter().map(|point| vec![name(point), words::number(point.rate)]).collect(),
    })
}

/// Engine and workload; the platform's name stands before each and says nothing in a list, what follows a comma stands in the
/// result itself.
fn short_workload(result: &EngineResult) -> String {
    let workload = result.workload.split_once(": ").map_or(result.workload.as_str(), |(_, on)| on);
    format!("{}, {}", result.engine, workload.split(", ").next().unwrap_or(workload))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
