//! Places of delimiters, line ends and quotes, sixty-four bytes at a time.

use wide::u8x16;

/// Bytes that one mask stands for.
const STEP: usize = 64;
const LANES: usize = 16;

/// Iterates over the places of a delimiter, of line feeds and of double quotes.
pub(super) struct Marks<'a> {
    bytes: &'a [u8],
    wanted: [u8x16; 3],
    /// Marks of the step at hand that were not given out yet; bit 0 is the byte at `base`.
    mask: u64,
    base: usize,
    next: usize,
}

impl<'a> Marks<'a> {
    pub(super) fn new(delimiter: u8, bytes: &'a [u8]) -> Self {
        let wanted = [delimiter, b'\n', b'"'].map(u8x16::splat);
        Self { bytes, wanted, mask: 0, base: 0, next: 0 }
    }

    /// Marks among sixty-four bytes.
    #[inline]
    fn mask_of(&self, step: &[u8; STEP]) -> u64 {
        let (lanes, _) = step.as_chunks::<LANES>();
        lanes.iter().enumerate().fold(0, |mask, (i, lane)| {
            let lane = u8x16::new(*lane);
            let [a, b, c] = self.wanted;
            let hits = lane.simd_eq(a) | lane.simd_eq(b) | lane.simd_eq(c);
            mask | u64::from(hits.to_bitmask()) << (i * LANES)
        })
    }

    #[inline]
    fn load(&mut self) -> bool {
        let Some(rest) = self.bytes.get(self.next..).filter(|rest| !rest.is_empty()) else { return false };
        self.base = self.next;
        self.mask = match rest.first_chunk::<STEP>() {
            Some(step) => self.mask_of(step),
            None => {
                let mut step = [0; STEP];
                step[..rest.len()].copy_from_slice(rest);
                // A zero byte may itself be the delimiter: what lies beyond the end does not count.
                self.mask_of(&step) & !(u64::MAX << rest.len())
            }
        };
        self.next = self.base + STEP;
        true
    }
}

impl Iterator for Marks<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.mask == 0 {
            if !self.load() {
                return None;
            }
        }
        let at = self.base + self.mask.trailing_zeros() as usize;
        self.mask &= self.mask - 1;
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn marks_are_where_a_plain_search_finds_them(
            bytes in prop::collection::vec(prop_oneof![Just(b','), Just(b'\n'), Just(b'"'), Just(0), any::<u8>()], 0..300),
            delimiter in prop_oneof![Just(b','), Just(b'\t'), Just(0)],
        ) {
            let wanted = |byte: &u8| [delimiter, b'\n', b'"'].contains(byte);
            let plain: Vec<usize> = bytes.iter().enumerate().filter(|(_, byte)| wanted(byte)).map(|(at, _)| at).collect();
            prop_assert_eq!(Marks::new(delimiter, &bytes).collect::<Vec<_>>(), plain);
        }
    }
}
