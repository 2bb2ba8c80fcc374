//! Whether the work has become faster or slower for good: a stall is over soon.

/// Batches that a change lasts before it counts: a stall of some hundredths of a second is shorter.
const LASTS: u32 = 6;
/// What the past weighs in the moving average when a batch comes: ten batches.
const MEMORY: f64 = 0.9;
/// Change of the level in logarithms after which it is elsewhere: rates of a disk wander by a quarter.
const ELSEWHERE: f64 = 0.5;
/// How near to its average a level has settled.
const SETTLED: f64 = 0.15;

/// The logarithm of the rate at the size held.
#[derive(Debug, Default)]
pub(super) struct Level {
    /// From where it was at the beginning.
    now: f64,
    /// Its moving average.
    average: f64,
    /// The average for which what is believed of the other sizes was learned.
    known: f64,
    change: Option<Change>,
}

/// A batch at the size held was off.
#[derive(Debug)]
struct Change {
    by: f64,
    /// Half-way between what was expected and what came.
    half: f64,
    /// Batches since then on the same side.
    lasted: u32,
}

impl Level {
    /// Goes on by so much, and tells whether it has settled elsewhere: bit by bit, or while other sizes were tried.
    pub(super) fn moves(&mut self, by: f64) -> bool {
        self.now += by;
        self.average = self.average * MEMORY + self.now * (1.0 - MEMORY);
        let elsewhere = (self.average - self.known).abs() > ELSEWHERE && (self.now - self.average).abs() < SETTLED;
        if elsewhere {
            self.known = self.average;
        }
        elsewhere
    }

    /// A batch at the size held came off by so much, beyond what noise does or not. Gives by how much the rate has changed once that
    /// has lasted.
    pub(super) fn lasts(&mut self, log_rate: f64, off: f64, is_off: bool) -> Option<f64> {
        let Some(change) = &mut self.change else {
            self.change = is_off.then(|| Change { by: off, half: log_rate - off / 2.0, lasted: 0 });
            return None;
        };
        let by = change.by;
        if (log_rate < change.half) != (by < 0.0) {
            self.change = None;
            return None;
        }
        change.lasted += 1;
        if change.lasted < LASTS {
            return None;
        }
        self.change = None;
        Some(by)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_soon_is_no_change() {
        let mut level = Level::default();
        for _ in 0..20 {
            assert_eq!(level.lasts(-1.5, -1.5, true), None, "a stall begins");
            for _ in 0..LASTS - 1 {
                assert_eq!(level.lasts(-1.4, -0.3, false), None);
            }
            assert_eq!(level.lasts(0.0, 0.5, false), None, "and is over");
        }
    }

    #[test]
    fn what_lasts_is_a_change_once() {
        let mut level = Level::default();
        let told: Vec<Option<f64>> =
            (0..20).map(|i| level.lasts(-1.5, if i == 0 { -1.5 } else { -0.1 }, i == 0)).collect();
        assert_eq!(told.iter().flatten().collect::<Vec<_>>(), [&-1.5]);
        assert_eq!(told[LASTS as usize], Some(-1.5));
    }

    #[test]
    fn a_level_that_creeps_away_is_elsewhere_in_the_end() {
        let mut level = Level::default();
        let told = (0..200).filter(|_| level.moves(0.01)).count();
        assert!((2..=4).contains(&told), "two units on: {told} times");
        let mut level = Level::default();
        assert!((0..200).all(|i| !level.moves(if i % 2 == 0 { 0.3 } else { -0.3 })), "to and fro is nowhere else");
    }
}
