//! What moves all tasks: the volume of the shop by hour and weekday, and the overhead of the hosts by time of day.

use super::{options::DAY, template::Template};
use crate::stats::Draw;

const HOUR: i64 = 3_600_000_000;
/// Business of the shop by hour of the day (UTC), from -1 to 1.
const BUSINESS: [f64; 24] = [
    -0.6, -0.8, -0.9, -1.0, -1.0, -0.9, -0.6, -0.3, 0.0, 0.2, 0.4, 0.5, 0.6, 0.6, 0.5, 0.5, 0.5, 0.6, 0.8, 1.0, 1.0,
    0.9, 0.4, -0.2,
];
/// Seconds that each process takes beyond its work on a busy host, by hour: nightly loads and office hours.
const OVERHEAD_S: [f64; 24] = [
    0.9, 1.1, 1.5, 1.6, 1.5, 1.3, 1.2, 1.0, 1.0, 1.1, 1.2, 1.2, 1.1, 1.1, 1.2, 1.2, 1.1, 1.0, 0.9, 0.9, 0.8, 0.8, 0.8,
    0.8,
];
/// Length of the blocks over which the hosts' load wanders, and its standard deviation in seconds.
const BLOCK: i64 = HOUR / 3;
const WANDER_S: f64 = 0.12;
const CACHED: usize = 8;

/// Factor on the work of a run by its logical date.
pub(super) fn volume(template: &Template, logical: i64) -> f64 {
    // 1970-01-01 was a Thursday.
    let weekday = (logical.div_euclid(DAY) + 3).rem_euclid(7);
    let weekend = if weekday >= 5 { 1.0 + template.weekend } else { 1.0 };
    weekend * (1.0 + template.hours * by_hour(&BUSINESS, logical))
}

/// Value at an instant, on the line between the values of two hours.
fn by_hour(table: &[f64; 24], instant: i64) -> f64 {
    let of_day = instant.rem_euclid(DAY);
    let (hour, share) = ((of_day / HOUR) as usize, (of_day % HOUR) as f64 / HOUR as f64);
    table[hour % 24] * (1.0 - share) + table[(hour + 1) % 24] * share
}

/// Overhead of each process on the hosts of one Airflow.
pub(super) struct Hosts {
    seed: u64,
    /// From this instant on, so many seconds more.
    shift: Option<(i64, f64)>,
    blocks: [(i64, f64); CACHED],
}

impl Hosts {
    pub(super) fn new(seed: u64, shift: Option<(i64, f64)>) -> Self {
        Self { seed, shift, blocks: [(i64::MIN, 0.0); CACHED] }
    }

    /// Seconds common to all processes that start at this instant.
    pub(super) fn overhead_s(&mut self, instant: i64) -> f64 {
        let (block, share) = (instant.div_euclid(BLOCK), instant.rem_euclid(BLOCK) as f64 / BLOCK as f64);
        let wander = self.wander(block) * (1.0 - share) + self.wander(block + 1) * share;
        let shift = self.shift.filter(|(at, _)| instant >= *at).map_or(0.0, |(_, seconds)| seconds);
        by_hour(&OVERHEAD_S, instant) + wander + shift
    }

    fn wander(&mut self, block: i64) -> f64 {
        let slot = &mut self.blocks[block.rem_euclid(CACHED as i64) as usize];
        if slot.0 != block {
            *slot = (block, WANDER_S * Draw::keyed(self.seed, &[3, block as u64]).normal());
        }
        slot.1
    }
}
