//! Who waits for whom for ever.

use crate::model::Text;
use std::collections::BTreeSet;

/// Slots by pool that someone holds, or waits for.
pub(super) struct Holding<'a> {
    /// Nobody knows what else an unnamed holder does: it is taken to go on.
    pub(super) holder: Option<&'a Text>,
    pub(super) slots: &'a [(u32, u32)],
}

/// Holders that can never go on, whatever the others give back: the reduction of the wait-for graph (Holt 1972, Computing
/// Surveys 4, 179). Whoever waits for nothing goes on some day and gives back what it holds; with that the next may go on; those
/// for whom it is never enough are stuck. O(holders · waiters).
pub(super) fn deadlocked(capacities: &[u32], held: &[Holding<'_>], waiting: &[Holding<'_>]) -> BTreeSet<Text> {
    let mut stuck: BTreeSet<&Text> = waiting.iter().filter_map(|waiter| waiter.holder).collect();
    loop {
        let kept = |pool: u32| -> u32 {
            let of_stuck = held.iter().filter(|held| held.holder.is_some_and(|holder| stuck.contains(holder)));
            of_stuck.flat_map(|held| held.slots).filter(|(of, _)| *of == pool).map(|(_, slots)| slots).sum()
        };
        let goes_on = |holder: &Text| {
            let mut needs =
                waiting.iter().filter(|waiter| waiter.holder == Some(holder)).flat_map(|waiter| waiter.slots);
            needs.all(|(pool, slots)| capacities[*pool as usize].saturating_sub(kept(*pool)) >= *slots)
        };
        let next: BTreeSet<&Text> = stuck.iter().copied().filter(|holder| !goes_on(holder)).collect();
        if next.len() == stuck.len() {
            return next.into_iter().cloned().collect();
        }
        stuck = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stuck(capacities: &[u32], held: &[(&str, u32)], waiting: &[(&str, u32)]) -> Vec<String> {
        let names: Vec<Text> = held.iter().chain(waiting).map(|(name, _)| Text::from(*name)).collect();
        let slots: Vec<[(u32, u32); 1]> = held.iter().chain(waiting).map(|(_, pool)| [(*pool, 1)]).collect();
        let all: Vec<Holding<'_>> =
            names.iter().zip(&slots).map(|(name, slots)| Holding { holder: Some(name), slots }).collect();
        let (held, waiting) = all.split_at(held.len());
        deadlocked(capacities, held, waiting).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_ring_is_stuck_and_a_way_out_is_none() {
        assert_eq!(stuck(&[1, 1], &[("a", 0), ("b", 1)], &[("a", 1), ("b", 0)]), ["a", "b"]);
        // A second slot that somebody holds who waits for nothing.
        assert!(stuck(&[1, 2], &[("a", 0), ("b", 1), ("c", 1)], &[("a", 1), ("b", 0)]).is_empty());
        // Whoever waits for one that is stuck is stuck as well.
        assert_eq!(
            stuck(&[1, 1, 1], &[("a", 0), ("b", 1), ("c", 2)], &[("a", 1), ("b", 0), ("c", 0)]),
            ["a", "b", "c"]
        );
        assert!(stuck(&[1, 1], &[("a", 0)], &[("b", 0)]).is_empty());
    }
}
