//! Hot paths of the statistics floor, on series as long as a year of daily runs and longer.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use windtunnel::stats::{
    Detector, Neighbours, Observations, Pace, Scale, Uneven, bca, detect_steps, fit_shared_effect, hodges_lehmann,
    mean, ratio, splits,
};

/// Values around 10 without pattern, the same every time, 40 % higher in the second half.
fn series(n: usize) -> Vec<f64> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let noise = (0..n).map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    });
    noise.enumerate().map(|(i, e)| 10.0 + e + if i < n / 2 { 0.0 } else { 4.0 }).collect()
}

/// A task's duration: log-normal with memory 0.3, a fifth more from three fifths on. `detect_vs_peers.py` makes the same.
fn durations(n: usize) -> Vec<f64> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut unit = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut memory = 0.0;
    let one = |i: usize| {
        let noise: f64 = (0..12).map(|_| unit()).sum::<f64>() - 6.0;
        memory = 0.3 * memory + 0.91_f64.sqrt() * noise;
        100.0 * (0.1 * memory).exp() * if 5 * i >= 3 * n { 1.2 } else { 1.0 }
    };
    (0..n).map(one).collect()
}

/// How often a benchmark of `detect_steps` does its work: `WINDTUNNEL_PLANTED=2` plants a slow-down that a gate must see.
fn planted() -> usize {
    std::env::var("WINDTUNNEL_PLANTED").ok().and_then(|times| times.parse().ok()).unwrap_or(1)
}

fn steps(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("detect_steps");
    let times = planted();
    for n in [365, 1_000, 10_000, 1_000_000] {
        let values: Vec<f64> = durations(n).iter().map(|v| v.ln()).collect();
        group.bench_with_input(BenchmarkId::from_parameter(n), &values, |bencher, values| {
            bencher.iter(|| {
                for _ in 0..times {
                    black_box(detect_steps(black_box(values), &Detector::default()));
                }
            });
        });
    }
    group.finish();
}

fn uneven(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("splits");
    for n in [90, 365] {
        let (value, sd) = (series(n), vec![0.1; n]);
        group.bench_function(BenchmarkId::from_parameter(n), |bencher| {
            bencher.iter(|| splits(black_box(Uneven { value: &value, sd: &sd, scale: Scale::Plain }), 4.5));
        });
    }
    group.finish();
}

/// 10,000 resamples of a year of daily runs.
fn bootstrap(criterion: &mut Criterion) {
    let values = durations(365);
    criterion.bench_function("bca of 365", |bencher| bencher.iter(|| bca(black_box(&values), mean, 10_000, 1, 0.95)));
}

/// The robust ratio, with the Hodges-Lehmann shift of the same samples beside it.
fn effects(criterion: &mut Criterion) {
    let values = series(400);
    let (before, after) = values.split_at(200);
    let mut group = criterion.benchmark_group("effect of 200 against 200");
    group.bench_function("ratio", |bencher| bencher.iter(|| ratio(black_box(before), black_box(after), 0.95)));
    group.bench_function("hodges_lehmann", |bencher| {
        bencher.iter(|| hodges_lehmann(black_box(before), black_box(after)))
    });
    group.finish();
}

fn shared(criterion: &mut Criterion) {
    let n = 4_000;
    let time_s: Vec<f64> = (0..n).map(|i| i as f64).collect();
    let group: Vec<usize> = (0..n).map(|i| i % 40).collect();
    let value = series(n);
    criterion.bench_function("fit_shared_effect of 4000 attempts", |bencher| {
        bencher.iter(|| {
            let observations = Observations { time_s: &time_s, value: &value, group: &group, regime: &group };
            fit_shared_effect(black_box(observations), Neighbours::OtherGroups, Pace::BURST)
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = steps, uneven, bootstrap, effects, shared
}
criterion_main!(benches);
