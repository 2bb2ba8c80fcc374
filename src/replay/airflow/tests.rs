//! What Airflow's users met, and Airflow's rules one by one.

use super::*;
use crate::{model::Graph, stats::Draw};
use proptest::prelude::*;

const SECOND: u64 = 1_000_000;
/// A loop that passes once a second, whatever it did.
fn every_second(generation: Generation) -> Rules {
    Rules { loop_us: SECOND, section_last: false, idle_us: 0, parallelism: 1000, ..Rules::of(generation) }
}

#[derive(Clone, Debug)]
struct Builder(Case);

impl Builder {
    fn new(rules: Rules, pools: &[u32]) -> Self {
        let pools = pools.iter().map(|slots| PoolCase { slots: *slots, include_deferred: false }).collect();
        Self(Case {
            rules,
            pools,
            dags: Vec::new(),
            runs: Vec::new(),
            instances: Vec::new(),
            steps: Vec::new(),
            graph: Graph::new(0, Vec::new()).expect("empty"),
            changes: Vec::new(),
            sections: Vec::new(),
            ties: 0,
        })
    }

    fn dag(&mut self, max_active_tasks: u32) -> u32 {
        self.0.dags.push(DagCase { max_active_tasks, max_active_runs: 16 });
        self.0.dags.len() as u32 - 1
    }

    fn run(&mut self, dag: u32, made: u64) -> u32 {
        self.0.runs.push(RunCase { dag, made, date: self.0.runs.len() as i64, backfill: false });
        self.0.runs.len() as u32 - 1
    }

    fn task(&mut self, run: u32, pool: u32, slots: u32, weight: i64, length: u64) -> u32 {
        self.steps(run, pool, slots, weight, &[Step { away: Away::No, pause: 0, latency: 0, length, tail: 0 }])
    }

    fn steps(&mut self, run: u32, pool: u32, slots: u32, weight: i64, steps: &[Step]) -> u32 {
        let from = self.0.steps.len() as u32;
        self.0.steps.extend_from_slice(steps);
        let task = self.0.instances.len() as u32;
        let steps = from..self.0.steps.len() as u32;
        self.0.instances.push(Instance { run, pool, slots, weight, map_index: -1, task, steps });
        task
    }

    fn replay(mut self, edges: Vec<(u32, u32)>) -> Replayed {
        self.0.graph = Graph::new(self.0.instances.len(), edges).expect("no circle");
        replay(&self.0)
    }
}

/// One free slot in a pool with urgent tasks hides the other pool: apache/airflow#45636.
fn hidden_pool(generation: Generation, max_active_tasks: u32, seed: u64) -> f64 {
    let mut built = Builder::new(every_second(generation), &[20, 20]);
    let (short, long) = (built.dag(max_active_tasks), built.dag(1000));
    let (short, long) = (built.run(short, 0), built.run(long, 0));
    let mut draw = Draw::new(seed);
    for _ in 0..N {
        built.task(short, 0, 1, 2, (draw.between(1.0, 3.0) * 1e6) as u64);
    }
    let first = built.0.steps.len();
    for _ in 0..100 {
        built.task(long, 1, 1, 1, 60 * SECOND);
    }
    let replayed = built.replay(Vec::new());
    replayed.ended[first..].iter().max().map_or(0.0, |end| *end as f64 / 1e6)
}

const N: usize = 5500;

/// Of the wide task in a pool of ten slots: its wait, where tasks of a minute keep the pool busy to a share: apache/airflow#29474.
fn wide_wait(load: f64, seed: u64) -> f64 {
    let mut built = Builder::new(every_second(Generation::Two), &[10]);
    let (stream, wide) = (built.dag(1000), built.dag(16));
    built.0.dags[0].max_active_runs = 1_000_000;
    let mut draw = Draw::new(seed);
    let (mut at, mut asked) = (0.0, 0);
    while at < 20_000.0 {
        at += draw.exponential(60.0 / (10.0 * load));
        let run = built.run(stream, (at * 1e6) as u64);
        built.task(run, 0, 1, 1, 60 * SECOND);
        if asked == 0 && at > 1_000.0 {
            let run = built.run(wide, (at * 1e6) as u64);
            asked = built.task(run, 0, 8, 100, SECOND);
        }
    }
    let (step, made) = (
        built.0.instances[asked as usize].steps.start,
        built.0.runs[built.0.instances[asked as usize].run as usize].made,
    );
    let replayed = built.replay(Vec::new());
    (replayed.queued[step as usize] as f64 - made as f64) / 1e6
}

#[test]
fn one_free_slot_hides_another_pool() {
    // Without it, B's 100 tasks of 60 s on 20 slots would be done after 300 s.
    for generation in [Generation::Two, Generation::Three] {
        let raised = hidden_pool(generation, 1000, 1);
        assert!((940.0..1100.0).contains(&raised), "{generation:?}: {raised}");
    }
    // Where the urgent DAG is full at its default limit, Airflow 3 leaves what cannot run out of the query, 2 does not.
    let default = [Generation::Two, Generation::Three].map(|generation| hidden_pool(generation, 16, 1));
    assert!((1050.0..1200.0).contains(&default[0]) && default[1] < 370.0, "{default:?}");
}

#[test]
fn wide_tasks_starve_the_more_the_busier_their_pool() {
    for (load, fits) in [(0.5, 40.0..180.0), (0.7, 150.0..600.0), (0.9, 1_200.0..5_000.0)] {
        let mut waits: Vec<f64> = (0..40).map(|seed| wide_wait(load, seed)).collect();
        waits.sort_by(f64::total_cmp);
        assert!(fits.contains(&waits[20]), "{load}: {waits:?}");
        assert!(waits[39] > 3.0 * waits[20], "{load}: {waits:?}");
    }
}

/// Tasks a second of 10,000 tasks on 32 slots.
fn throughput(max_tis: u32, loop_us: u64, length: u64) -> f64 {
    let rules = Rules { parallelism: 32, max_tis, loop_us, ..every_second(Generation::Two) };
    let mut built = Builder::new(rules, &[128]);
    let dag = built.dag(1000);
    let run = built.run(dag, 0);
    for _ in 0..10_000 {
        built.task(run, 0, 1, 1, length);
    }
    let replayed = built.replay(Vec::new());
    10_000.0 / (replayed.ended.iter().max().map_or(0.0, |end| *end as f64) / 1e6)
}

#[test]
fn what_a_pass_looks_at_bounds_what_is_started() {
    assert!((throughput(16, SECOND, SECOND) - 16.0).abs() < 0.1);
    assert!((throughput(0, SECOND, SECOND) - 31.9).abs() < 0.2);
    // Every fifth of a second: all slots where tasks end just in time for a pass, five sixths where they just miss one.
    assert!((throughput(16, SECOND / 5, SECOND) - 31.9).abs() < 0.2);
    assert!((throughput(16, SECOND / 5, SECOND + 1) - 32.0 / 1.2).abs() < 0.2);
}

fn seconds(times: &[u64]) -> Vec<u64> {
    times.iter().map(|time| time / SECOND).collect()
}

#[test]
fn the_limit_of_active_tasks_is_a_dags_in_two_and_a_runs_in_three() {
    for (generation, ends) in [(Generation::Two, 30), (Generation::Three, 20)] {
        let mut built = Builder::new(Rules { max_tis: 0, ..every_second(generation) }, &[128]);
        let dag = built.dag(16);
        for run in [built.run(dag, 0), built.run(dag, 0)] {
            for _ in 0..20 {
                built.task(run, 0, 1, 1, 10 * SECOND);
            }
        }
        assert_eq!(built.replay(Vec::new()).ended.iter().max(), Some(&(ends * SECOND)), "{generation:?}");
    }
}

#[test]
fn an_operator_without_a_slot_takes_none_and_a_mini_scheduler_needs_no_pass() {
    for (mini_scheduler, scheduled) in [(true, 35), (false, 40)] {
        let rules = Rules { loop_us: 10 * SECOND, mini_scheduler, ..every_second(Generation::Two) };
        let mut built = Builder::new(rules, &[1]);
        let dag = built.dag(16);
        let run = built.run(dag, 0);
        let a = built.task(run, 0, 1, 1, 5 * SECOND);
        let empty = built.steps(run, 0, 1, 1, &[]);
        let b = built.task(run, 0, 1, 1, 5 * SECOND);
        let c = built.task(run, 0, 1, 1, 5 * SECOND);
        let replayed = built.replay(vec![(a, empty), (empty, b), (b, c)]);
        // a ends at 5, the empty one is found at 10 and b at 20; b is queued at once and ends at 25.
        assert_eq!(seconds(&replayed.queued), [0, 20, 30]);
        assert_eq!(replayed.scheduled[c as usize], (scheduled - 10) * SECOND, "{mini_scheduler}");
        assert_eq!(seconds(&replayed.run_ended), [40]);
    }
}

#[test]
fn what_is_away_holds_no_slot_but_where_the_pool_counts_deferred() {
    let step = |away, pause| Step { away, pause: pause * SECOND, latency: 0, length: SECOND, tail: 0 };
    for (away, include_deferred, other) in
        [(Away::Delayed, false, 1), (Away::Deferred, false, 1), (Away::Deferred, true, 12)]
    {
        let mut built = Builder::new(every_second(Generation::Three), &[1]);
        built.0.pools[0].include_deferred = include_deferred;
        let dag = built.dag(16);
        let run = built.run(dag, 0);
        built.steps(run, 0, 1, 2, &[step(Away::No, 0), step(away, 10)]);
        built.task(run, 0, 1, 1, SECOND);
        let replayed = built.replay(Vec::new());
        assert_eq!(seconds(&replayed.queued), [0, 11, other], "{away:?} {include_deferred}");
    }
}

#[test]
fn runs_wait_for_their_turn_and_nothing_is_queued_while_the_scheduler_is_down() {
    let mut built = Builder::new(every_second(Generation::Two), &[8]);
    let dag = built.dag(16);
    built.0.dags[0].max_active_runs = 1;
    for _ in 0..3 {
        let run = built.run(dag, 0);
        built.task(run, 0, 1, 1, 3 * SECOND);
    }
    built.0.changes = vec![(2 * SECOND, Change::Down), (9 * SECOND + 1, Change::Up)];
    let replayed = built.replay(Vec::new());
    assert_eq!(seconds(&replayed.run_started), [0, 10, 14]);
    assert_eq!(seconds(&replayed.run_ended), [9, 13, 17]);
}

/// A case of several DAGs and runs, and what must hold of its replay whatever the rules.
fn any_case() -> impl Strategy<Value = (Builder, Vec<(u32, u32)>)> {
    let shape = (1_u32..6, prop::collection::vec(1_u32..4, 1..4), prop::collection::vec((1_u32..4, 1_u32..4), 1..4));
    (shape, any::<u64>(), any::<bool>()).prop_map(|((parallelism, pools, dags), seed, is_three)| {
        let generation = if is_three { Generation::Three } else { Generation::Two };
        let rules = Rules { parallelism, max_tis: 1 + (seed % 7) as u32, ..every_second(generation) };
        let mut built = Builder::new(rules, &pools);
        let mut draw = Draw::new(seed);
        let mut edges = Vec::new();
        for (active, runs) in dags {
            let dag = built.dag(active);
            built.0.dags[dag as usize].max_active_runs = 1 + draw.below(3) as u32;
            for _ in 0..runs {
                let run = built.run(dag, draw.below(20) * SECOND);
                let first = built.0.instances.len() as u32;
                for task in 0..1 + draw.below(6) as u32 {
                    let pool = draw.below(pools.len() as u64) as u32;
                    let slots = 1 + draw.below(u64::from(pools[pool as usize].min(2))) as u32;
                    let length = draw.below(9_000) * 1_000;
                    let place = built.task(run, pool, slots, draw.below(4) as i64, length);
                    if task > 0 && draw.chance(0.6) {
                        edges.push((first + draw.below(u64::from(task)) as u32, place));
                    }
                }
            }
        }
        (built, edges)
    })
}

proptest! {
    #[test]
    fn no_limit_is_ever_passed_and_everything_ends((built, edges) in any_case()) {
        let case = built.0.clone();
        let replayed = built.replay(edges.clone());
        let times = |instance: u32| {
            let step = case.instances[instance as usize].steps.start as usize;
            (replayed.queued[step], replayed.ended[step])
        };
        for (first, then) in &edges {
            prop_assert!(times(*first).1 <= times(*then).0);
        }
        for at in 0..case.instances.len() as u32 {
            let (now, ended) = times(at);
            prop_assert!(ended != u64::MAX, "{at} never ended");
            let run = case.instances[at as usize].run as usize;
            prop_assert!(replayed.run_started[run] <= now && ended <= replayed.run_ended[run]);
            let active: Vec<&Instance> =
                (0..case.instances.len() as u32).filter(|other| times(*other).0 <= now && now < times(*other).1).map(|other| &case.instances[other as usize]).collect();
            prop_assert!(active.len() <= case.rules.parallelism as usize);
            for (pool, of) in (0_u32..).zip(&case.pools) {
                prop_assert!(active.iter().filter(|i| i.pool == pool).map(|i| i.slots).sum::<u32>() <= of.slots);
            }
            for (dag, of) in (0_u32..).zip(&case.dags) {
                let runs: Vec<u32> = (0..case.runs.len() as u32).filter(|run| case.runs[*run as usize].dag == dag).collect();
                let of_run = |run: u32| active.iter().filter(|i| i.run == run).count();
                let most = match case.rules.generation {
                    Generation::Two => runs.iter().map(|run| of_run(*run)).sum::<usize>(),
                    Generation::Three => runs.iter().map(|run| of_run(*run)).max().unwrap_or(0),
                };
                prop_assert!(most <= of.max_active_tasks as usize);
                let on = runs.iter().filter(|run| replayed.run_started[**run as usize] <= now && now < replayed.run_ended[**run as usize]);
                prop_assert!(on.count() <= of.max_active_runs as usize);
            }
        }
    }
}

#[test]
fn with_one_slot_for_all_everything_ends_at_last() {
    for (generation, section_last) in [(Generation::Two, true), (Generation::Three, true), (Generation::Two, false)] {
        let rules = Rules { parallelism: 1, section_last, mini_scheduler: false, ..Rules::of(generation) };
        let mut builder = Builder::new(rules, &[8]);
        let dag = builder.dag(16);
        let mut edges = Vec::new();
        for made in 0..3 {
            let run = builder.run(dag, made * 10 * SECOND);
            let first = builder.task(run, 0, 1, 2, 30 * SECOND);
            edges.push((first, builder.task(run, 0, 1, 1, 30 * SECOND)));
        }
        let replayed = builder.replay(edges);
        assert!(replayed.run_ended.iter().all(|ended| *ended < 300 * SECOND), "{generation:?} {replayed:?}");
    }
}
