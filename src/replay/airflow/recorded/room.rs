//! Was there room for a task when those before it had ended? From the record alone.

use crate::replay::airflow::{Case, Change};

/// Slots taken over time, of one pool or of all.
#[derive(Clone, Debug, Default)]
struct Taken {
    /// (time, slots) of what begins and ends, and sums of slots up to each.
    begins: Vec<(u64, u64)>,
    ends: Vec<(u64, u64)>,
}

impl Taken {
    fn put(&mut self, from: u64, to: u64, slots: u32) {
        self.begins.push((from, u64::from(slots)));
        self.ends.push((to, u64::from(slots)));
    }

    fn sort(&mut self) {
        for times in [&mut self.begins, &mut self.ends] {
            times.sort_unstable();
            let mut sum = 0;
            for (_, slots) in times {
                sum += *slots;
                *slots = sum;
            }
        }
    }

    fn at(&self, time: u64) -> u64 {
        let until = |times: &[(u64, u64)]| match times.partition_point(|(at, _)| *at <= time) {
            0 => 0,
            count => times[count - 1].1,
        };
        until(&self.begins).saturating_sub(until(&self.ends))
    }
}

/// What was taken, and how much there was.
pub(super) struct Room<'a> {
    case: &'a Case,
    pools: Vec<Taken>,
    all: Taken,
}

impl<'a> Room<'a> {
    /// `times` are when each step was queued and ended.
    pub(super) fn new(case: &'a Case, times: &[(Option<u64>, u64)]) -> Self {
        let mut room = Self { case, pools: vec![Taken::default(); case.pools.len()], all: Taken::default() };
        for instance in &case.instances {
            for step in instance.steps.clone() {
                let (Some(queued), ended) = times[step as usize] else { continue };
                room.pools[instance.pool as usize].put(queued, ended, instance.slots);
                room.all.put(queued, ended, 1);
            }
        }
        room.pools.iter_mut().chain([&mut room.all]).for_each(Taken::sort);
        room
    }

    /// Was there room for that instance then, in its pool and with the executor?
    pub(super) fn is_for(&self, instance: u32, time: u64) -> bool {
        let of = &self.case.instances[instance as usize];
        let (mut slots, mut parallelism) = (self.case.pools[of.pool as usize].slots, self.case.rules.parallelism);
        for (_, change) in self.case.changes.iter().take_while(|(at, _)| *at <= time) {
            match change {
                Change::Pool(pool, count) if *pool == of.pool => slots = *count,
                Change::Parallelism(count) => parallelism = *count,
                _ => {}
            }
        }
        self.pools[of.pool as usize].at(time) + u64::from(of.slots) <= u64::from(slots)
            && self.all.at(time) < u64::from(parallelism)
    }
}
