//! The simulator: a hundred thousand and a million tasks with pools and priorities, and the best order of two thousand.
//!
//! `cargo bench --profile dev --bench simulate`; `python3 benches/simulate_vs_simpy.py` runs the same DAG in SimPy beside it.

use criterion::{Criterion, criterion_group, criterion_main};
use std::{hint::black_box, time::Duration};
use windtunnel::{
    engine::scheduler::{Lane, Limits, Ranks},
    model::Graph,
    replay::simulate::{Scenario, best, list},
};

/// Slots of the pools, and of all.
const POOLS: [u32; 5] = [128, 64, 32, 32, 16];
const PARALLELISM: u32 = 256;
/// A task waits for two of so many before it.
const BEHIND: u64 = 1000;

/// Knuth's linear congruential generator (TAOCP 2, 3.3.4): a line in any language, so that a peer has the same DAG.
struct Lcg(u64);

impl Lcg {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

fn work(tasks: u32) -> (Scenario, Vec<u64>, Ranks) {
    let mut lcg = Lcg(1);
    let (mut edges, mut lengths, mut lanes, mut priorities) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for task in 0..tasks {
        lengths.push(1 + lcg.below(600_000_000));
        lanes.push(lcg.below(POOLS.len() as u64) as u32);
        priorities.push(lcg.below(10) as i64);
        for _ in 0..2 {
            let back = 1 + lcg.below(BEHIND) as u32;
            if u64::from(task) >= BEHIND {
                edges.push((task - back, task));
            }
        }
    }
    let limits = Limits {
        parallelism: PARALLELISM,
        pools: POOLS.to_vec(),
        groups: vec![u32::MAX],
        lanes: (0..POOLS.len() as u32).map(|pool| Lane { pool, slots: 1 }).collect(),
    };
    let graph = Graph::new(tasks as usize, edges).expect("edges go forward");
    let scenario = Scenario { graph, lanes, groups: vec![0; tasks as usize], releases: Vec::new(), limits };
    (scenario, lengths, Ranks::by_weight(&priorities))
}

/// Bytes of a line of this process's status (proc(5)); `None` where there is none.
fn status(name: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    Some(line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? * 1_024)
}

/// Resident bytes; from here on the peak counts anew.
fn forget_peak() -> Option<u64> {
    std::fs::write("/proc/self/clear_refs", "5").ok()?;
    status("VmRSS")
}

#[expect(clippy::print_stdout, reason = "what a bench found is its output")]
fn simulate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("simulate");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    for tasks in [100_000_u32, 1_000_000] {
        let resident = forget_peak();
        let (scenario, lengths, ranks) = work(tasks);
        let began = cpu_time::ThreadTime::now();
        let schedule = list(&scenario, &lengths, &ranks);
        let seconds = began.elapsed().as_secs_f64();
        println!("simulate: {tasks} tasks, {seconds:.4} s of CPU, makespan {} us", schedule.makespan);
        if let Some(bytes) = resident.and_then(|before| Some(status("VmHWM")?.saturating_sub(before))) {
            println!(
                "simulate: {tasks} tasks, {} bytes a task at the peak, the DAG included",
                bytes / u64::from(tasks)
            );
        }
        group.bench_function(format!("{tasks} tasks, pools and priorities"), |bencher| {
            bencher.iter(|| list(black_box(&scenario), &lengths, &ranks).makespan);
        });
    }
    let (mut scenario, lengths, _) = work(2_122);
    scenario = Scenario::on_slots(scenario.graph, 16);
    let own = vec![1; lengths.len()];
    group.bench_function("best order of 2122 tasks on 16 slots", |bencher| {
        bencher.iter(|| best(black_box(&scenario), &lengths, &own, 1).schedule.makespan);
    });
    group.finish();
}

criterion_group!(benches, simulate);
criterion_main!(benches);
