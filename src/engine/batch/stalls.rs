//! The search on a disk as it is: the rate of all sizes wanders by a quarter, each so many items are moved to where they stay, and
//! now and then everything takes five times as long for a while. The figures are those of a SQLite file on a virtual machine's disk, by
//! the times of each batch.

use super::{
    shapes::{Shape, Work},
    *,
};
use crate::{engine::held::Held, model::Clock, stats::Draw};
use std::sync::Arc;

/// Items after which the log is written into the database, and seconds that takes.
const CHECKPOINT: (usize, f64) = (9000, 4e-3);
/// Standard deviation of the logarithm of the rate, and seconds in which it is forgotten.
const WANDERS: (f64, f64) = (0.25, 0.3);
/// Seconds between stalls and of one, on average: of a batch or two, and of several.
const SHORT: (f64, f64) = (0.5, 0.03);
const LONG: (f64, f64) = (5.0, 0.3);
/// How many times as long everything takes in a stall.
const STALLED: f64 = 5.0;

struct Disk {
    work: Work,
    clock: Arc<Held>,
    draw: Draw,
    /// Logarithm of how many times as long a batch takes now.
    level: f64,
    /// When the last batch began.
    last: f64,
    items: usize,
    stalls: (f64, f64),
    /// When one begins and ends.
    stall: (f64, f64),
}

impl Disk {
    fn new(shape: Shape, stalls: (f64, f64), clock: Arc<Held>, seed: u64) -> Self {
        let mut draw = Draw::new(seed);
        let stall = next_stall(&mut draw, stalls, 0.0);
        let work = Work::new(shape, clock.clone(), 0.08, seed + 1000);
        Self { work, clock, draw, level: 0.0, last: 0.0, items: 0, stalls, stall }
    }

    fn now(&self) -> f64 {
        self.clock.nanos() as f64 * 1e-9
    }
}

fn next_stall(draw: &mut Draw, stalls: (f64, f64), from: f64) -> (f64, f64) {
    let mut after = |mean: f64| -(1.0 - draw.uniform()).ln() * mean;
    let begins = from + after(stalls.0);
    (begins, begins + after(stalls.1))
}

impl Handler<u64> for Disk {
    fn apply(&mut self, batch: Batch<'_, u64>) -> Result<(), Failure> {
        let began = self.now();
        let kept = (-(began - self.last) / WANDERS.1).exp();
        self.level = self.level * kept + WANDERS.0 * (1.0 - kept * kept).sqrt() * self.draw.normal();
        self.last = began;
        let result = self.work.apply(batch);
        // Two deviations, so that only seldom a batch takes no more than the work alone.
        let mut times = (self.level + 2.0 * WANDERS.0).exp().max(1.0);
        if began > self.stall.1 {
            self.stall = next_stall(&mut self.draw, self.stalls, began);
        }
        if began >= self.stall.0 {
            times *= STALLED;
        }
        self.items += batch.items.len();
        let checkpoint = self.items > CHECKPOINT.0 && std::mem::take(&mut self.items) > 0;
        let more = (self.now() - began) * (times - 1.0) + if checkpoint { CHECKPOINT.1 } else { 0.0 };
        self.clock.forward(Duration::from_secs_f64(more));
        result
    }
}

fn log_rate(policy: Policy, initial: usize, shape: Shape, stalls: (f64, f64), seed: u64) -> f64 {
    let clock = Arc::new(Held::default());
    let mut disk = Disk::new(shape, stalls, clock.clone(), seed);
    let settings = Settings { policy, initial, ..Settings::default() };
    let report = Processor::new(settings, clock as Arc<dyn Clock>).run(0..2_000_000, &mut disk, &mut Vec::new());
    report.expect("runs").rate().ln()
}

/// Runs of each policy.
const RUNS: u64 = 40;

/// A stall is not taken for the fault of the size that was tried while it lasted.
#[test]
fn on_a_disk_that_stalls_little_is_lost() {
    for (shape, sizes, least) in [
        (Shape::Commit, [5000, 7000, 10_000], 0.91),
        (Shape::Flat, [200, 1000, 5000], 0.91),
        (Shape::Cliff(2500), [1500, 2000, 2500], 0.87),
        (Shape::Errors(2500), [1500, 2000, 2500], 0.87),
    ] {
        for stalls in [SHORT, LONG] {
            let mean = |policy, initial| {
                (0..RUNS).map(|seed| log_rate(policy, initial, shape, stalls, seed)).sum::<f64>() / RUNS as f64
            };
            let best = sizes.into_iter().map(|size| mean(Policy::Fixed, size)).fold(f64::NEG_INFINITY, f64::max);
            let share = (mean(Policy::Search, 1000) - best).exp();
            assert!(share >= least, "{shape:?}, stalls {stalls:?}: {share} of the best fixed size");
        }
    }
}
