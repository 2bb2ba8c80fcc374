//! Which slot a task of a schedule sits on: the lowest that is free.

use super::Schedule;
use std::{cmp::Reverse, collections::BinaryHeap};

/// Slot of each task, from 0.
#[must_use]
pub fn slots(schedule: &Schedule) -> Vec<u32> {
    let mut order: Vec<u32> = (0..schedule.starts.len() as u32).collect();
    let of = |task: u32| (schedule.starts[task as usize], schedule.ends[task as usize]);
    order.sort_by_key(|task| (of(*task), *task));
    let mut free: BinaryHeap<Reverse<u32>> = BinaryHeap::new();
    let mut held: BinaryHeap<Reverse<(u64, u32)>> = BinaryHeap::new();
    let mut made = 0;
    let mut slots = vec![0; order.len()];
    for task in order {
        let (start, end) = of(task);
        while let Some(&Reverse((_, slot))) = held.peek().filter(|Reverse((until, _))| *until <= start) {
            held.pop();
            free.push(Reverse(slot));
        }
        let slot = free.pop().map_or_else(
            || {
                made += 1;
                made - 1
            },
            |Reverse(slot)| slot,
        );
        held.push(Reverse((end, slot)));
        slots[task as usize] = slot;
    }
    slots
}
