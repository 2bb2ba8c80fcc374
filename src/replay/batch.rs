//! Batches of fixed size against those that adapt, on six costs.

use super::{
    clock::Wall,
    measure::{BenchError, Contender, EngineResult, Plan, Run, Subject, Timed, interleave},
    sink::{Cost, Durable, SqliteSink, SumSink},
};
use crate::{
    engine::batch::{BatchReport, Handler, LetterFile, Policy, Processor, Settings},
    model::{Expected, Workload},
    stats::median,
};
use std::{cell::RefCell, path::Path, time::Instant};

/// What came of it on one cost.
#[derive(Debug)]
pub struct BatchBench {
    /// Fixed against rules, and against the search.
    pub results: Vec<EngineResult>,
    /// Fixed sizes, where that was asked for.
    pub sweep: Vec<SweepPoint>,
}

/// One fixed size on one cost, or the search beside them.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepPoint {
    /// Workload, with what it is run on.
    pub workload: String,
    /// Size; `None` for the search.
    pub size: Option<usize>,
    /// Items a second: the median of the rounds.
    pub rate: f64,
    /// Of the search: its rate over that of the best fixed size, which other rounds have chosen.
    pub of_best: Option<f64>,
}

/// Where records go, and what that costs.
#[derive(Clone, Copy)]
struct Place {
    name: &'static str,
    /// A database, with commits like that; else sums in memory.
    durable: Option<Durable>,
    cost: Cost,
    /// Do calls fail for a while, as the workload says?
    fails: bool,
}

/// What is spilled and what runs out of time begin at 2,500 records, between the sizes of the sweep.
const PLACES: [Place; 6] = [
    Place { name: "commits that wait for the disk", durable: Some(Durable::Full), cost: Cost::None, fails: false },
    Place { name: "commits that do not wait", durable: Some(Durable::Off), cost: Cost::None, fails: false },
    Place { name: "sums in memory", durable: None, cost: Cost::None, fails: false },
    Place { name: "spills beyond 2,500", durable: Some(Durable::Full), cost: Cost::Spill(2500), fails: false },
    Place { name: "time-outs beyond 2,500", durable: Some(Durable::Full), cost: Cost::TimeOut(2500), fails: false },
    Place { name: "calls that fail", durable: Some(Durable::Full), cost: Cost::None, fails: true },
];

/// Sizes of a sweep.
const SWEEP: [usize; 9] = [100, 200, 500, 1000, 2000, 2500, 4000, 7000, 10_000];

/// Batches of the first size below which a policy that learns has hardly begun.
const FEW_BATCHES: usize = 50;
/// Rounds of a sweep at most: ten sizes on six costs take their time.
const SWEEP_ROUNDS: usize = 5;

/// Compares on each cost in turn; `sweep` tries each fixed size as well.
///
/// # Errors
/// Where a run is not right, or the machine does not let it be run.
pub fn bench_batch<'a>(
    work: &'a Workload,
    plan: Plan,
    settings: &'a Settings,
    sweep: bool,
    folder: &'a Path,
) -> impl Iterator<Item = Result<BatchBench, BenchError>> + 'a {
    PLACES.into_iter().map(move |place| on(place, work, plan, settings, sweep, folder))
}

fn on(
    place: Place,
    work: &Workload,
    plan: Plan,
    settings: &Settings,
    sweep: bool,
    folder: &Path,
) -> Result<BatchBench, BenchError> {
    let workload = format!("{}: {}", work.name, place.name);
    let mut bench = BatchBench { results: Vec::new(), sweep: Vec::new() };
    for (policy, candidate) in [(Policy::Rules, "rules"), (Policy::Search, "search")] {
        let contender = |name: String, policy: Policy| Contender {
            name,
            prepare: Box::new(move || prepare(work, place, Settings { policy, ..settings.clone() }, folder)),
        };
        let fixed = format!("fixed {}", settings.initial);
        let sides = [contender(fixed, Policy::Fixed), contender(candidate.to_owned(), policy)];
        let subject =
            Subject { engine: "batch", workload: workload.clone(), latency_of: "a batch", for_latency: false };
        let mut result = interleave(subject, plan, sides)?;
        let calls = work.records.len() / settings.initial.max(1);
        if calls < FEW_BATCHES {
            result.notes.push(format!(
                "{calls} batches of {} are few for what learns from batch to batch; more --items say more",
                settings.initial
            ));
        } else if !place.fails && result.speedup.lower > 0.9 && result.speedup.upper < 1.1 {
            result.notes.push("batches cost nothing of their own here: nothing is gained by their size".to_owned());
        }
        bench.results.push(result);
    }
    if sweep {
        bench.sweep = sweep_of(work, plan, settings, (&workload, place), folder)?;
    }
    Ok(bench)
}

fn sweep_of(
    work: &Workload,
    plan: Plan,
    settings: &Settings,
    (workload, place): (&String, Place),
    folder: &Path,
) -> Result<Vec<SweepPoint>, BenchError> {
    // One batch of all there is, and none beyond: they would be the same.
    let beyond = SWEEP.iter().take_while(|size| **size < work.records.len()).count();
    let fixed = &SWEEP[..SWEEP.len().min(beyond + 1)];
    let sizes: Vec<Option<usize>> = fixed.iter().copied().map(Some).chain([None]).collect();
    let rounds = plan.rounds.min(SWEEP_ROUNDS);
    let mut rates = vec![Vec::new(); sizes.len()];
    for round in 0..rounds {
        // Each begins once: who comes last would have the fullest disk each time.
        for turn in 0..sizes.len() {
            let place_of = (turn + round * sizes.len() / rounds) % sizes.len();
            let size = sizes[place_of];
            let policy = if size.is_some() { Policy::Fixed } else { Policy::Search };
            let settings = Settings { policy, initial: size.unwrap_or(settings.initial), ..settings.clone() };
            let wrong = |what| BenchError::Wrong {
                engine: "batch",
                workload: workload.clone(),
                name: size.map_or_else(|| "search".to_owned(), |size| format!("fixed {size}")),
                what,
            };
            let timed = prepare(work, place, settings, folder).map_err(wrong)?;
            let began = Instant::now();
            let run = timed().map_err(wrong)?;
            let seconds = run.seconds.unwrap_or(began.elapsed().as_secs_f64());
            rates[place_of].push(run.items_out as f64 / seconds.max(1e-9));
        }
    }
    let of_best = of_best(&rates, fixed.len());
    let point = |(place, size): (usize, Option<usize>)| SweepPoint {
        workload: workload.clone(),
        size,
        rate: median(&rates[place]).unwrap_or(f64::NAN),
        of_best: size.is_none().then(|| of_best[place]),
    };
    Ok(sizes.into_iter().enumerate().map(point).collect())
}

/// Rates over that of the best of the first `fixed` rows, by row: the median over the rounds. Which is the best is asked of the
/// other rounds: the highest of several noisy rates is higher than any of them should be.
fn of_best(rates: &[Vec<f64>], fixed: usize) -> Vec<f64> {
    let rounds = rates.first().map_or(0, Vec::len);
    let others = |row: &[f64], round: usize| {
        let rest: Vec<f64> =
            row.iter().enumerate().filter(|(i, _)| rounds == 1 || *i != round).map(|(_, r)| *r).collect();
        median(&rest).unwrap_or(f64::NAN)
    };
    let best: Vec<usize> = (0..rounds)
        .map(|round| {
            let by = |a: &usize, b: &usize| others(&rates[*a], round).total_cmp(&others(&rates[*b], round));
            (0..fixed).max_by(by).unwrap_or(0)
        })
        .collect();
    let share = |row: &Vec<f64>| {
        let shares: Vec<f64> = (0..rounds).map(|round| row[round] / rates[best[round]][round]).collect();
        median(&shares).unwrap_or(f64::NAN)
    };
    rates.iter().map(share).collect()
}

fn prepare<'a>(work: &'a Workload, place: Place, settings: Settings, folder: &'a Path) -> Result<Timed<'a>, String> {
    Ok(match place.durable {
        Some(durable) => {
            let transient = if place.fails { work.transient } else { 0.0 };
            let sink = SqliteSink::create(folder, durable, place.cost, transient, work.seed)?;
            Box::new(move || run(work, settings, sink, SqliteSink::check_once))
        }
        None => Box::new(move || run(work, settings, SumSink::new(), SumSink::check)),
    })
}

/// What a process does that is killed and started again: handles the workload from where the last one died, keeps what cannot be
/// handled in a file, and checks all of it in the end; what it says then.
///
/// # Errors
/// Where something was lost or done twice.
pub fn batch_child(work: &Workload, settings: &Settings, folder: &Path) -> Result<String, String> {
    let mut sink = SqliteSink::open(folder, Durable::Off, Cost::None, work.transient, work.seed)?;
    let text = |record: &String| serde_json::Value::from(record.as_str());
    let mut letters = LetterFile::open(&folder.join("dead.jsonl"), text).map_err(|error| error.to_string())?;
    let report = Processor::new(settings.clone(), Wall::start())
        .run(work.records.iter().cloned(), &mut sink, &mut letters)
        .map_err(|stopped| stopped.to_string())?;
    sink.check(&work.expected)?;
    if letters.len() as u64 != work.expected.dead {
        return Err(format!("{} dead letters, not {}", letters.len(), work.expected.dead));
    }
    Ok(format!("from {} to {}: all accounted for", report.from, report.position))
}

fn run<H: Handler<String>>(
    work: &Workload,
    settings: Settings,
    mut sink: H,
    check: fn(&H, &Expected) -> Result<(), String>,
) -> Result<Run, String> {
    let run = RefCell::new(Run::new(work.records.len() as u64));
    let mut letters: Vec<(u64, u32, String)> = Vec::new();
    let began = Instant::now();
    let report: BatchReport = Processor::new(settings, Wall::start())
        .on_batch(|record| run.borrow_mut().took((record.seen.seconds * 1e9) as u64))
        .run(work.records.iter().cloned(), &mut sink, &mut letters)
        .map_err(|stopped| stopped.to_string())?;
    let seconds = began.elapsed().as_secs_f64();
    check(&sink, &work.expected)?;
    let mut run = run.into_inner();
    (run.items_out, run.items_dead, run.seconds) = (report.done, report.dead, Some(seconds));
    if (run.items_out, run.items_dead) != (work.expected.handled, work.expected.dead) {
        let Expected { handled, dead, .. } = work.expected;
        return Err(format!(
            "{} were handled and {} are dead letters, not {handled} and {dead}",
            run.items_out, run.items_dead
        ));
    }
    Ok(run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_size_is_chosen_by_other_rounds_than_those_it_is_rated_by() {
        // Two sizes of equal worth, each lucky in a round of its own, and a third of half of it.
        let rates = [vec![200.0, 100.0, 100.0], vec![100.0, 200.0, 100.0], vec![50.0, 50.0, 50.0]];
        let of_best = of_best(&rates, 2);
        assert_eq!(of_best[2], 0.5, "not .25, against the lucky ones");
        assert_eq!(
            super::of_best(&[vec![80.0], vec![100.0], vec![90.0]], 2),
            [0.8, 1.0, 0.9],
            "one round is all there is"
        );
    }
}
