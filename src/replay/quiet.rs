//! Is the machine quiet enough to say anything about several cores?

use std::{
    hint::black_box,
    thread,
    time::{Duration, Instant},
};

/// What two threads got done against one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quiet {
    /// Work of two threads over that of one, in the same time; near 2 where a second core is free.
    pub scaling: f64,
    /// Cores that this process may use.
    pub cores: usize,
}

/// Below this, two threads do not have a core each.
const LEAST_SCALING: f64 = 1.6;

impl Quiet {
    /// May anything be said about several cores?
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.scaling >= LEAST_SCALING
    }
}

/// Spins on one thread, then on two, several times in turns; the median of the ratios.
#[must_use]
pub fn spin_scaling() -> Quiet {
    const ROUNDS: usize = 5;
    const LENGTH: Duration = Duration::from_millis(40);
    let spin = || {
        let (began, mut turns) = (Instant::now(), 0u64);
        while began.elapsed() < LENGTH {
            for i in 0..1000u64 {
                turns = black_box(turns.wrapping_add(i & 1));
            }
        }
        turns
    };
    let mut ratios: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let one = spin() as f64;
            let other = thread::spawn(spin);
            let two = spin() as f64;
            // It only counts: it cannot panic.
            (two + other.join().unwrap_or(0) as f64) / one.max(1.0)
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    Quiet { scaling: ratios[ROUNDS / 2], cores: thread::available_parallelism().map_or(1, usize::from) }
}
