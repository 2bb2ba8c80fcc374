//! Which of several DAGs comes next, where they share slots: two levels, since ranks of tasks of different DAGs have no common
//! scale (the longest way of a long DAG would always go before a short one).
//!
//! The DAG with the least predicted work left goes first, which has the least mean completion (Schrage 1968), weighed down by how
//! long it has been there for its size (highest response ratio: Brinch Hansen 1971), so that none is put off for ever: a DAG
//! that has been there for `n` times its own length counts as one of an `n`-th of the work.

/// How often its own length a DAG may have been there until its work counts by half.
const PATIENCE: f64 = 2.0;
/// Power of the weight of waiting: above 1, waiting wins over any size in the end.
const URGENCY: f64 = 2.0;

/// A DAG that could go on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contender {
    /// Predicted work that is left, in any unit of time.
    pub left: f64,
    /// How long it has been there, in the same unit.
    pub waited: f64,
    /// How long it would take alone, by the same predictions.
    pub alone: f64,
}

impl Contender {
    /// The smallest goes first.
    #[must_use]
    pub fn key(&self) -> f64 {
        let slowdown = self.waited / self.alone.max(f64::MIN_POSITIVE);
        self.left / (1.0 + slowdown / PATIENCE).powf(URGENCY)
    }
}

/// The place of the one that goes first; of equal ones the first.
#[must_use]
pub fn fairest(contenders: impl IntoIterator<Item = (usize, Contender)>) -> Option<usize> {
    let keyed = contenders.into_iter().map(|(place, contender)| (contender.key(), place));
    keyed.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))).map(|(_, place)| place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_work_goes_first_until_another_has_waited_long_enough() {
        let short = Contender { left: 10.0, waited: 0.0, alone: 10.0 };
        let long = |waited: f64| Contender { left: 1_000.0, waited, alone: 1_000.0 };
        let first = |waited: f64| fairest([(0, short), (1, long(waited))]);
        assert_eq!((first(0.0), first(10_000.0), first(100_000.0)), (Some(0), Some(0), Some(1)));
        assert_eq!(fairest([]), None);
    }
}
