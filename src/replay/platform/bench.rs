//! The platform as it is against the platform as a search leaves it: on days that the search has not seen, and on threads.

use super::{
    configuration::Configuration,
    outcome::{Day, Ending, Figures},
    real::{Scale, made_small, run_day},
    search::{Found, Trial, search},
    world::{Learnt, day},
};
use crate::{
    engine::workers::Machine,
    model::{Drawn, Graph, Platform, PlatformInstance},
    replay::measure::{EngineResult, LEVEL, Latency, Side, SideSample},
    stats::{Estimate, geometric_mean, quantile},
};
use std::sync::Arc;

/// Days that the search sees, after one that it learns from.
const SEARCHED: u64 = 3;
/// Days that are measured, of each seed, after one that is learnt from.
const MEASURED: u64 = 4;
/// First of the measured days of the search's own seed: it has not seen it.
const UNSEEN_DAY: u64 = 100;
/// Other seeds.
const OTHER_SEEDS: u64 = 5;
/// Share of this machine's processors that are used on threads: one in ten is left to it.
const CORES: f64 = 0.9;

/// What a day brings to each instance: of a platform, its instances, a seed and a day.
pub type DrawDay<'a> = dyn Fn(&Platform, &[PlatformInstance], u64, u64) -> Vec<Drawn> + 'a;

/// Days of a seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Seed {
    /// Seed.
    pub seed: u64,
    /// Its days, as the platform is.
    pub before: Vec<Figures>,
    /// And as it was found to be better.
    pub after: Vec<Figures>,
}

/// A night in earnest, with what was simulated for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Night {
    /// As it is, or as found?
    pub side: Side,
    /// Seconds of the core DAG on threads, in the platform's time.
    pub real_s: f64,
    /// And as simulated.
    pub simulated_s: f64,
    /// Tries killed for memory on threads.
    pub real_killed: usize,
    /// And as simulated.
    pub simulated_killed: usize,
    /// Most memory in use on threads, as a share.
    pub real_memory: f64,
    /// And as simulated.
    pub simulated_memory: f64,
}

/// All that came of it.
#[derive(Clone, Debug)]
pub struct PlatformBench {
    /// Platform.
    pub platform: Platform,
    /// Instances of a day.
    pub instances: Vec<PlatformInstance>,
    /// As it is.
    pub before: Configuration,
    /// What the search found.
    pub found: Found,
    /// The search's own seed first, on days that it has not seen.
    pub seeds: Vec<Seed>,
    /// A measured day, before and after.
    pub days: (Day, Day),
    /// On threads.
    pub nights: Vec<Night>,
    /// The same as results of an engine.
    pub result: EngineResult,
}

/// Compares. `draw` gives what a day of a seed brings; `faster` is how many seconds of the platform one of this machine is on threads, or
/// none are run.
///
/// # Errors
/// Where dependencies go round, or threads do not do their work.
pub fn bench_platform(
    platform: &Platform,
    seed: u64,
    draw: &DrawDay<'_>,
    (faster, machine): (Option<f64>, Arc<dyn Machine>),
    told: impl FnMut(usize),
) -> Result<PlatformBench, String> {
    let instances = platform.day().map_err(|error| format!("dependencies: {error:?}"))?;
    let trial = |seed: u64, days: std::ops::RangeInclusive<u64>| trial(platform, &instances, draw, seed, days);
    let found = search(&trial(seed, 0..=SEARCHED), told);
    let (before, after) = (Configuration::of(platform), &found.configuration);
    let mut seeds = Vec::new();
    for (number, seed) in [seed].into_iter().chain((1..=OTHER_SEEDS).map(|more| seed.wrapping_add(more))).enumerate() {
        let first = if number == 0 { UNSEEN_DAY } else { 0 };
        let trial = trial(seed, first..=first + MEASURED);
        seeds.push(Seed { seed, before: trial.figures(&before), after: trial.figures(after) });
    }
    let shown = trial(seed, UNSEEN_DAY..=UNSEEN_DAY + 1);
    let one = |configuration: &Configuration| {
        let mut learnt = Learnt::default();
        let days = shown.days.iter().map(|drawn| day(platform, &instances, drawn, configuration, &mut learnt));
        days.last()
    };
    let days = one(&before).zip(one(after)).ok_or("there is no day")?;
    let mut nights = Vec::new();
    if let Some(faster) = faster {
        let scale = Scale { cores: machine.cores() as f64 * CORES, faster };
        let small = made_small(platform, scale);
        let of_small = small.day().map_err(|error| format!("dependencies: {error:?}"))?;
        let trial = self::trial(&small, &of_small, draw, seed, UNSEEN_DAY..=UNSEEN_DAY + 1);
        for (side, configuration) in [(Side::Baseline, &before), (Side::Candidate, after)] {
            nights.extend(night(&trial, side, configuration, scale, machine.clone())?);
        }
    }
    let result = result(platform, &instances.0, &seeds, &days);
    let instances = instances.0;
    Ok(PlatformBench { platform: platform.clone(), instances, before, found, seeds, days, nights, result })
}

fn trial(
    platform: &Platform,
    instances: &(Vec<PlatformInstance>, Graph),
    draw: &DrawDay<'_>,
    seed: u64,
    days: std::ops::RangeInclusive<u64>,
) -> Trial {
    let days = days.map(|day| draw(platform, &instances.0, seed, day)).collect();
    Trial { platform: platform.clone(), instances: instances.clone(), days }
}

fn night(
    trial: &Trial,
    side: Side,
    configuration: &Configuration,
    scale: Scale,
    machine: Arc<dyn Machine>,
) -> Result<Option<Night>, String> {
    let Some((real, simulated)) = run_day(trial, configuration, scale, machine)? else { return Ok(None) };
    let figures = |day: &Day| day.figures(&trial.platform, &trial.instances.0, configuration);
    let (real, simulated) = (figures(&real), figures(&simulated));
    Ok(Some(Night {
        side,
        real_s: real.core_s,
        simulated_s: simulated.core_s,
        real_killed: real.killed,
        simulated_killed: simulated.killed,
        real_memory: real.most_memory,
        simulated_memory: simulated.most_memory,
    }))
}

/// The measured days as a comparison of engines: what counts is the time of the core DAG.
fn result(platform: &Platform, instances: &[PlatformInstance], seeds: &[Seed], days: &(Day, Day)) -> EngineResult {
    let core = instances.iter().filter(|of| of.dag as usize == platform.core).count();
    let pairs: Vec<(&Figures, &Figures)> = seeds.iter().flat_map(|seed| seed.before.iter().zip(&seed.after)).collect();
    let estimate = |of: &dyn Fn(&Figures, &Figures) -> f64| {
        let values: Vec<f64> = pairs.iter().map(|(before, after)| of(before, after)).collect();
        geometric_mean(&values, LEVEL).unwrap_or(Estimate {
            point: f64::NAN,
            lower: 0.0,
            upper: f64::INFINITY,
            level: LEVEL,
            n: values.len(),
            method: "not measurable".into(),
        })
    };
    let samples = pairs.iter().enumerate().flat_map(|(round, (before, after))| {
        [(Side::Baseline, before), (Side::Candidate, after)].map(|(side, figures)| SideSample {
            side,
            round,
            seconds: figures.core_or_a_day(),
            cpu_seconds: figures.cpu_s,
            items: core as u64,
            peak_rss_bytes: (figures.most_memory * platform.machine.memory) as u64,
            p99_seconds: None,
        })
    });
    let samples: Vec<SideSample> = samples.collect();
    let most = |side: Side| samples.iter().filter(|sample| sample.side == side).map(|s| s.peak_rss_bytes).max();
    let all = (instances.len() * pairs.len()) as f64;
    let well: f64 = pairs.iter().map(|(_, after)| after.success * instances.len() as f64).sum();
    let never = |of: &dyn Fn(&(&Figures, &Figures)) -> f64| pairs.iter().filter(|pair| of(pair).is_infinite()).count();
    let never = (never(&|pair| pair.0.core_s), never(&|pair| pair.1.core_s));
    let mut notes = vec![
        "days in virtual time; what is compared is the time of the core DAG, day by day".to_owned(),
        format!("{} seeds, of which the search saw none of the days measured", seeds.len()),
    ];
    if never.0 + never.1 > 0 {
        notes.push(format!(
            "the core DAG did not end on {} of {} days before, {} after: a day stands for it",
            never.0,
            pairs.len(),
            never.1
        ));
    }
    EngineResult {
        engine: "ecommerce".to_owned(),
        workload: format!("{}: {} of {} task instances are the core's", platform.name, core, instances.len()),
        baseline: "as configured".to_owned(),
        candidate: "as found".to_owned(),
        baseline_throughput: estimate(&|before, _| core as f64 / before.core_or_a_day()),
        throughput: estimate(&|_, after| core as f64 / after.core_or_a_day()),
        speedup: estimate(&|before, after| before.core_or_a_day() / after.core_or_a_day()),
        cpu_speedup: estimate(&|before, after| if after.cpu_s > 0.0 { before.cpu_s / after.cpu_s } else { 1.0 }),
        peak_rss_bytes: most(Side::Candidate).unwrap_or(0),
        baseline_peak_rss_bytes: most(Side::Baseline).unwrap_or(0),
        items_in: all as u64,
        items_out: well.round() as u64,
        items_dead: (all - well).round() as u64,
        latency: latency(&days.1),
        baseline_latency: latency(&days.0),
        latency_of: "a try that ended well".to_owned(),
        p99_gain: None,
        samples,
        notes,
    }
}

fn latency(day: &Day) -> Latency {
    let well = day.tries.iter().filter(|one| one.ending == Ending::Done);
    let mut seconds: Vec<f64> = well.map(|one| (one.ended - one.began) as f64 / 1e6).collect();
    seconds.sort_by(f64::total_cmp);
    let at = |share| quantile(&seconds, share).unwrap_or(0.0);
    Latency { p50: at(0.5), p95: at(0.95), p99: at(0.99) }
}
