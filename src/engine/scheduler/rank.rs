//! Orders of tasks: one number a task, of which the smallest goes first.

use crate::model::Graph;

/// Nodes whose followers are counted in one pass over the graph: one bit each, eight words at a time.
const COUNTED_AT_ONCE: usize = 512;
const WORDS: usize = COUNTED_AT_ONCE / 64;

/// How Airflow adds up the `priority_weight` of a task (airflow/task/priority_strategy.py, 2.10 and 3.x).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightRule {
    /// Its own and those of all tasks after it, each once: Airflow's default.
    Downstream,
    /// Its own and those of all tasks before it, each once.
    Upstream,
    /// Its own.
    Absolute,
}

/// The order of ready tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// As they became ready.
    Fifo,
    /// By Airflow's effective priority weight, the largest first.
    Airflow(WeightRule),
    /// Longest processing time first (Graham 1969).
    Lpt,
    /// Longest way to the end first: the upward rank of HEFT (Topcuoglu, Hariri & Wu 2002) where all slots are alike.
    Heft,
}

impl Policy {
    /// Each of them, the default first.
    pub const ALL: [Self; 6] = [
        Self::Airflow(WeightRule::Downstream),
        Self::Airflow(WeightRule::Upstream),
        Self::Airflow(WeightRule::Absolute),
        Self::Fifo,
        Self::Lpt,
        Self::Heft,
    ];

    /// Name on the command line and in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fifo => "fifo",
            Self::Airflow(WeightRule::Downstream) => "airflow",
            Self::Airflow(WeightRule::Upstream) => "airflow-upstream",
            Self::Airflow(WeightRule::Absolute) => "airflow-absolute",
            Self::Lpt => "lpt",
            Self::Heft => "heft",
        }
    }
}

/// Ranks of all tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ranks {
    /// The time at which a task becomes ready is its rank.
    AsTheyCome,
    /// One number a task, the smallest first.
    Fixed(Vec<u64>),
}

impl Ranks {
    /// Ranks of a policy; `lengths` are predicted ones, in any unit, `own` are priority weights of tasks.
    #[must_use]
    pub fn of(policy: Policy, graph: &Graph, lengths: &[u64], own: &[i64]) -> Self {
        let largest_first = |values: Vec<u64>| Self::Fixed(values.into_iter().map(|value| u64::MAX - value).collect());
        match policy {
            Policy::Fifo => Self::AsTheyCome,
            Policy::Lpt => largest_first(lengths.to_vec()),
            Policy::Heft => largest_first(bottom_levels(graph, lengths)),
            Policy::Airflow(rule) => Self::by_weight(&weights(graph, own, rule)),
        }
    }

    /// The largest weight first.
    #[must_use]
    pub fn by_weight(weights: &[i64]) -> Self {
        // Order-preserving from signed to unsigned, then turned around.
        Self::Fixed(weights.iter().map(|weight| !((*weight as u64) ^ (1 << 63))).collect())
    }

    /// Rank of a task that becomes ready at `now`.
    #[must_use]
    pub fn of_task(&self, task: u32, now: u64) -> u64 {
        match self {
            Self::AsTheyCome => now,
            Self::Fixed(ranks) => ranks[task as usize],
        }
    }
}

/// Of each task, the length of the longest way from its start to the end of the last task.
#[must_use]
pub fn bottom_levels(graph: &Graph, lengths: &[u64]) -> Vec<u64> {
    let mut levels = lengths.to_vec();
    for &node in graph.order().iter().rev() {
        let longest = graph.children(node).iter().map(|child| levels[*child as usize]).max().unwrap_or(0);
        levels[node as usize] = lengths[node as usize].saturating_add(longest);
    }
    levels
}

/// Effective priority weights. They saturate; Airflow keeps them in 32 bits (since 2.10), which orders them alike but for DAGs
/// whose weights sum to more than two thousand million.
#[must_use]
pub fn weights(graph: &Graph, own: &[i64], rule: WeightRule) -> Vec<i64> {
    match rule {
        WeightRule::Absolute => own.to_vec(),
        WeightRule::Downstream => with_followers(graph, own),
        WeightRule::Upstream => with_followers(&graph.reversed(), own),
    }
}

/// Own weight and that of every node that can be reached, each once. The set of those has no formula of its neighbours' sets, so
/// that it is counted: 512 nodes at a time, in one pass over the edges each.
fn with_followers(graph: &Graph, own: &[i64]) -> Vec<i64> {
    let mut sums = own.to_vec();
    let mut reached = vec![[0_u64; WORDS]; graph.nodes() as usize];
    let order = graph.order();
    for (pass, block) in order.chunks(COUNTED_AT_ONCE).enumerate() {
        // Only what stands before the end of the block can reach it.
        let before = &order[..pass * COUNTED_AT_ONCE + block.len()];
        before.iter().for_each(|node| reached[*node as usize] = [0; WORDS]);
        let even = block.iter().all(|node| own[*node as usize] == own[block[0] as usize]);
        for (at, &node) in before.iter().enumerate().rev() {
            let mut set = [0_u64; WORDS];
            for &child in graph.children(node) {
                let of_child = &reached[child as usize];
                set.iter_mut().zip(of_child).for_each(|(word, of_child)| *word |= of_child);
            }
            let sum = &mut sums[node as usize];
            if even {
                let count: u32 = set.iter().map(|word| word.count_ones()).sum();
                *sum = sum.saturating_add(own[block[0] as usize].saturating_mul(i64::from(count)));
            } else {
                let members = block.iter().enumerate().filter(|(bit, _)| set[bit / 64] & (1 << (bit % 64)) != 0);
                members.for_each(|(_, member)| *sum = sum.saturating_add(own[*member as usize]));
            }
            if let Some(bit) = at.checked_sub(pass * COUNTED_AT_ONCE) {
                set[bit / 64] |= 1 << (bit % 64);
            }
            reached[node as usize] = set;
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn followers(graph: &Graph, node: u32) -> BTreeSet<u32> {
        let mut found = BTreeSet::new();
        let mut open = vec![node];
        while let Some(next) = open.pop() {
            open.extend(graph.children(next).iter().filter(|child| found.insert(**child)));
        }
        found
    }

    #[test]
    fn the_order_of_weights_is_kept_and_turned_around() {
        let Ranks::Fixed(ranks) = Ranks::by_weight(&[i64::MIN, -1, 0, 1, i64::MAX]) else { panic!("fixed") };
        assert!(ranks.windows(2).all(|pair| pair[0] > pair[1]), "{ranks:?}");
    }

    proptest! {
        // More nodes than are counted at once, so that blocks meet.
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn weights_count_every_follower_once(
            edges in prop::collection::vec((0_u32..1300, 1_u32..40), 0..3000),
            own in prop::collection::vec(-5_i64..50, 1300),
            even in any::<bool>(),
        ) {
            let own = if even { vec![3; 1300] } else { own };
            let edges: Vec<(u32, u32)> = edges.into_iter().map(|(a, by)| (a, a + by)).filter(|(_, b)| *b < 1300).collect();
            let graph = Graph::new(1300, edges).expect("no circle");
            let down = weights(&graph, &own, WeightRule::Downstream);
            let up = weights(&graph.reversed(), &own, WeightRule::Upstream);
            prop_assert_eq!(&down, &up);
            for node in (0..1300).step_by(41) {
                let sum: i64 = followers(&graph, node).iter().map(|other| own[*other as usize]).sum();
                prop_assert_eq!(down[node as usize], own[node as usize] + sum);
            }
        }
    }
}
