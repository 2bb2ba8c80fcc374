//! Places of delimiters, line ends and quotes, sixty-four bytes at a time.

use wide::u8x16;

/// Bytes that one mask stands for.
pub(super) const STEP: usize = 64;
const LANES: usize = 16;

/// Where a delimiter stands among sixty-four bytes, and where a line feed or a double quote: bit 0 is the first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) delimiters: u64,
    pub(super) others: u64,
}

/// Finds them.
pub(super) struct Finder {
    delimiter: u8x16,
    line_feed: u8x16,
    quote: u8x16,
}

impl Finder {
    pub(super) fn new(delimiter: u8) -> Self {
        let [delimiter, line_feed, quote] = [delimiter, b'\n', b'"'].map(u8x16::splat);
        Self { delimiter, line_feed, quote }
    }

    /// Marks among the first sixty-four bytes; among all, where there are less.
    #[inline]
    pub(super) fn find(&self, bytes: &[u8]) -> Marks {
        match bytes.first_chunk::<STEP>() {
            Some(step) => self.find_in(step),
            None => {
                let mut step = [0; STEP];
                step[..bytes.len()].copy_from_slice(bytes);
                let Marks { delimiters, others } = self.find_in(&step);
                // A zero byte may itself be the delimiter: what lies beyond the end does not count.
                let there = !(u64::MAX << bytes.len());
                Marks { delimiters: delimiters & there, others: others & there }
            }
        }
    }

    #[inline]
    fn find_in(&self, step: &[u8; STEP]) -> Marks {
        let (lanes, _) = step.as_chunks::<LANES>();
        let mut marks = Marks { delimiters: 0, others: 0 };
        for (i, lane) in lanes.iter().enumerate() {
            let lane = u8x16::new(*lane);
            let others = lane.simd_eq(self.line_feed) | lane.simd_eq(self.quote);
            marks.delimiters |= u64::from(lane.simd_eq(self.delimiter).to_bitmask()) << (i * LANES);
            marks.others |= u64::from(others.to_bitmask()) << (i * LANES);
        }
        marks
    }
}

/// Places of the bits that are set.
pub(super) fn places(mut mask: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = (mask != 0).then(|| mask.trailing_zeros() as usize);
        mask &= mask.wrapping_sub(1);
        place
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn marks_are_where_a_plain_search_finds_them(
            bytes in prop::collection::vec(prop_oneof![Just(b','), Just(b'\n'), Just(b'"'), Just(0), any::<u8>()], 0..100),
            delimiter in prop_oneof![Just(b','), Just(b'\t'), Just(0)],
        ) {
            let step = &bytes[..bytes.len().min(STEP)];
            let plain = |wanted: &[u8]| -> Vec<usize> {
                (0..step.len()).filter(|at| wanted.contains(&step[*at])).collect()
            };
            let marks = Finder::new(delimiter).find(&bytes);
            prop_assert_eq!(places(marks.delimiters).collect::<Vec<_>>(), plain(&[delimiter]));
            prop_assert_eq!(places(marks.others).collect::<Vec<_>>(), plain(b"\n\""));
        }
    }
}
