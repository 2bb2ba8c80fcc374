//! Texts that stand in many lines, each kept once; bounded, and without hashing a name in full.

use crate::model::Text;

/// Slots; a name that shares its slot with another takes it over.
const SLOTS: usize = 1 << 12;
/// Longer texts are not shared.
const MAX_SHARED: usize = 256;
/// Longer texts are no names: as elsewhere, four times what Airflow's database takes.
const MAX_NAME: usize = 1_000;

/// Equal texts share one allocation where they meet again soon enough.
#[derive(Debug)]
pub(super) struct Names(Vec<Option<Text>>);

impl Names {
    pub(super) fn new() -> Self {
        Self(vec![None; SLOTS])
    }

    /// The text, or nothing where it is empty or too long for a name; bytes that are not UTF-8 are replaced.
    pub(super) fn some(&mut self, bytes: &[u8]) -> Option<Text> {
        if bytes.is_empty() || bytes.len() > MAX_NAME {
            return None;
        }
        Some(self.text(bytes)).filter(|text| text.len() <= MAX_NAME)
    }

    fn text(&mut self, bytes: &[u8]) -> Text {
        if bytes.len() > MAX_SHARED {
            return String::from_utf8_lossy(bytes).as_ref().into();
        }
        let slot = slot(bytes);
        match self.0.get(slot) {
            Some(Some(known)) if known.as_bytes() == bytes => known.clone(),
            _ => {
                let text: Text = String::from_utf8_lossy(bytes).as_ref().into();
                if let Some(slot) = self.0.get_mut(slot) {
                    *slot = Some(text.clone());
                }
                text
            }
        }
    }
}

fn slot(bytes: &[u8]) -> usize {
    let mut hash = bytes.len() as u64;
    let (words, rest) = bytes.as_chunks::<8>();
    let mut step = |word: u64| hash = (hash.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    words.iter().for_each(|word| step(u64::from_le_bytes(*word)));
    step(rest.iter().fold(0, |word, b| word << 8 | u64::from(*b)));
    (hash >> 40) as usize % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn equal_texts_are_one_and_bytes_are_replaced() {
        let mut names = Names::new();
        let (a, b) = (names.text(b"taskinstance.py"), names.text(b"taskinstance.py"));
        assert!(Arc::ptr_eq(&a, &b));
        assert_eq!(&*names.text(b"a\xff"), "a\u{fffd}");
        assert_eq!((names.some(b""), names.some(&[b'x'; 1_001]), names.some(&[0xff; 400])), (None, None, None));
        assert_eq!(names.text(&[b'x'; 1_000]).len(), 1_000);
        for n in 0..100_000 {
            assert_eq!(&*names.text(n.to_string().as_bytes()), n.to_string());
        }
        assert_eq!(names.0.len(), SLOTS);
    }
}
