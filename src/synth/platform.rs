//! What a day brings to a platform: more items or fewer, parts of unequal size, tries that fail.

use crate::{
    model::{Drawn, Platform, PlatformInstance},
    stats::Draw,
};

/// Tells this stream of random numbers from others of the same seed.
const DAY_KEY: u64 = 0x6461_7973;

/// More tries than that nobody makes.
const MOST_FAILS: u32 = 1_000;

/// How much days differ: standard deviations of logarithms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chance {
    /// Of the items of a day, all together.
    pub day: f64,
    /// Of the items of a part.
    pub part: f64,
    /// Of the speed of a part.
    pub speed: f64,
    /// Of the memory of a part.
    pub memory: f64,
}

/// What that day gives each instance. One day's draws do not depend on how it is configured.
#[must_use]
pub fn draw_day(
    platform: &Platform,
    instances: &[PlatformInstance],
    chance: Chance,
    (seed, day): (u64, u64),
) -> Vec<Drawn> {
    let mut of_day = Draw::keyed(seed, &[DAY_KEY, day]);
    let items = of_day.log_normal(1.0, chance.day);
    let one = |of: &PlatformInstance| {
        let key = [DAY_KEY, day, u64::from(of.dag), u64::from(of.run), u64::from(of.task), u64::from(of.part)];
        let mut draw = Draw::keyed(seed, &key);
        let spread = if platform.task(*of).parts > 1 { chance.part } else { 0.0 };
        let part = draw.log_normal(1.0, spread);
        let (seconds, memory) = (draw.log_normal(1.0, chance.speed), draw.log_normal(1.0, chance.memory));
        let failing = platform.task(*of).failing;
        let fails = (0..MOST_FAILS).take_while(|_| draw.chance(failing)).count() as u32;
        Drawn { items: items * part, seconds, memory, fails }
    };
    instances.iter().map(one).collect()
}
