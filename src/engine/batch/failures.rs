//! Batches that failed as a whole: by size, and in a row.

/// What an earlier batch weighs in the share of those that failed, when a new one comes.
const MEMORY: f64 = 0.95;
/// Share of batches that fail whatever their size, at least.
const SOME_FAIL: f64 = 0.05;
/// Chance of failures in a row below which they have another cause than what made batches fail so far.
const UNLIKELY: f64 = 0.01;

/// Weight of the batches at a place, and of those of them that failed as a whole.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tried {
    pub(super) batches: f64,
    pub(super) failed: f64,
}

impl Tried {
    /// A batch there.
    pub(super) fn once_more(&mut self, fails: bool) {
        self.batches = self.batches * MEMORY + 1.0;
        self.failed = self.failed * MEMORY + f64::from(u8::from(fails));
    }
}

/// Batches that failed as a whole.
#[derive(Debug, Default)]
pub(super) struct Failures {
    /// Share of batches, those of the last row not among them.
    share: f64,
    /// News since one last went well.
    in_a_row: i32,
    /// Batches in a row.
    pub(super) went_well: u32,
}

impl Failures {
    /// Takes in a batch, whose failure is news where its size had gone well or is the one held. Tells whether failures in a row have
    /// another cause than those before.
    pub(super) fn see(&mut self, fails: bool, is_news: bool) -> bool {
        self.in_a_row += i32::from(is_news);
        let are_unlikely = is_news && self.share.max(SOME_FAIL).powi(self.in_a_row) < UNLIKELY;
        if !fails || are_unlikely {
            let forgotten = MEMORY.powi(self.in_a_row);
            self.share = self.share * forgotten + (1.0 - forgotten);
            self.in_a_row = 0;
        }
        if fails {
            self.went_well = 0;
        } else {
            self.share *= MEMORY;
            self.went_well = self.went_well.saturating_add(1);
        }
        are_unlikely
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_in_a_row_are_news_where_hardly_any_fail() {
        let mut failures = Failures::default();
        assert!(!failures.see(false, false));
        assert!(!failures.see(true, true));
        assert!(!failures.see(true, false), "at a size that was never known to do well it is none");
        assert!(failures.see(true, true));
    }

    #[test]
    fn where_each_third_fails_it_takes_more_of_them() {
        let mut failures = Failures::default();
        for i in 0..300 {
            failures.see(i % 3 == 0, i % 3 == 0);
        }
        let needed = (1..).find(|_| failures.see(true, true));
        assert!(
            needed.is_some_and(|needed| (4..=6).contains(&needed)),
            "{needed:?}: a third to the power of it is less than .01"
        );
    }
}
