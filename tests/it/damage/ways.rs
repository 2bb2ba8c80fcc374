//! Ways to damage a file, at random and the same ones in each run of the tests.

use std::ops::Range;

/// Numbers that follow from a seed.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `n`, or 0.
    pub(super) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n.max(1)
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// A stretch of `bytes`, up to `longest`.
    fn stretch(&mut self, bytes: &[u8], longest: usize) -> Range<usize> {
        let start = self.below(bytes.len());
        start..bytes.len().min(start + 1 + self.below(longest))
    }
}

/// What is done, and the doing.
pub(super) type Way = (&'static str, fn(&mut Vec<u8>, &mut Dice));

pub(super) const WAYS: [Way; 9] = [
    ("bits", |bytes, dice| change_some(bytes, dice, |byte, dice| byte ^ 1 << dice.below(8))),
    ("bytes", |bytes, dice| change_some(bytes, dice, |_, dice| dice.below(256) as u8)),
    ("signs", signs),
    ("lost", lost),
    ("twice", twice),
    ("no-utf8", no_utf8),
    ("words", swapped_words),
    ("columns", swapped_columns),
    ("values", absurd_values),
];

fn change_some(bytes: &mut [u8], dice: &mut Dice, change: fn(u8, &mut Dice) -> u8) {
    for _ in 0..=dice.below(12) {
        let at = dice.below(bytes.len());
        bytes[at] = change(bytes[at], dice);
    }
}

/// Bytes by which readers find their way.
fn signs(bytes: &mut Vec<u8>, dice: &mut Dice) {
    for _ in 0..=dice.below(8) {
        let (at, sign) = (dice.below(bytes.len()), dice.pick(b"\0\n\r\"',;\t|{}[]:=\\#<\x1b\x1e "));
        if dice.below(2) == 0 { bytes[at] = sign } else { bytes.insert(at, sign) }
    }
}

fn lost(bytes: &mut Vec<u8>, dice: &mut Dice) {
    for _ in 0..=dice.below(3) {
        let range = dice.stretch(bytes, 200);
        bytes.drain(range);
    }
}

fn twice(bytes: &mut Vec<u8>, dice: &mut Dice) {
    let copy = bytes[dice.stretch(bytes, 400)].to_vec();
    let at = dice.below(bytes.len());
    bytes.splice(at..at, copy);
}

/// A byte alone, a cut sequence, an overlong one, a surrogate, one beyond the last plane.
fn no_utf8(bytes: &mut Vec<u8>, dice: &mut Dice) {
    const WRONG: [&[u8]; 6] = [b"\xff", b"\xc3", b"\xe2\x82", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80"];
    for _ in 0..=dice.below(4) {
        let (at, wrong) = (dice.below(bytes.len()), dice.pick(&WRONG));
        bytes.splice(at..at, wrong.iter().copied());
    }
}

fn swapped_words(bytes: &mut Vec<u8>, dice: &mut Dice) {
    for _ in 0..=dice.below(3) {
        let words = words(bytes);
        let (a, b) = (dice.below(words.len()), dice.below(words.len()));
        let (Some(first), Some(second)) = (words.get(a.min(b)), words.get(a.max(b))) else { return };
        if a != b {
            let (one, other) = (bytes[first.clone()].to_vec(), bytes[second.clone()].to_vec());
            bytes.splice(second.clone(), one);
            bytes.splice(first.clone(), other);
        }
    }
}

/// The same two fields of each line, with or without those of the first line.
fn swapped_columns(bytes: &mut Vec<u8>, dice: &mut Dice) {
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |sign: &u8| first.iter().filter(|byte| *byte == sign).count();
    let delimiter = *b" :,;\t|".iter().max_by_key(|sign| count(sign)).expect("a sign");
    let width = count(&delimiter) + 1;
    let (a, b, skip) = (dice.below(width), dice.below(width), dice.below(2));
    let mut lines: Vec<Vec<&[u8]>> =
        bytes.split(|byte| *byte == b'\n').map(|line| line.split(|byte| *byte == delimiter).collect()).collect();
    for line in lines.iter_mut().skip(skip).filter(|line| line.len() > a.max(b)) {
        line.swap(a, b);
    }
    let lines: Vec<Vec<u8>> = lines.iter().map(|line| line.join(&delimiter)).collect();
    *bytes = lines.join(&b'\n');
}

fn absurd_values(bytes: &mut Vec<u8>, dice: &mut Dice) {
    const VALUES: [&str; 26] = [
        "",
        "null",
        "NaN",
        "-Infinity",
        "1e309",
        "-1e-400",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "2147483648",
        "-1",
        "00000000000000000000000000000000001",
        "0x7f",
        "1.7976931348623157e308",
        "253402300800",
        "-62135596801000000000",
        "9999-12-31T23:59:59.999999+14:00",
        "-9999-01-01",
        "0000-00-00 00:00:00",
        "2026-02-30T25:61:61Z",
        "1970-01-01 00:00:00+00",
        "\\N",
        "\u{202e}\u{1b}[2J",
        "\u{1f980}\u{301}",
        "true",
        "[]",
    ];
    for _ in 0..=dice.below(3) {
        let words = words(bytes);
        let Some(word) = words.get(dice.below(words.len())) else { return };
        let value = dice.pick(&VALUES);
        bytes.splice(word.clone(), value.bytes());
    }
}

/// What stands between separators.
fn words(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut start = 0;
    for at in 0..=bytes.len() {
        if bytes.get(at).is_none_or(|byte| b" ,;\t|=\"\n\r{}[]()<>".contains(byte)) {
            if at > start {
                words.push(start..at);
            }
            start = at + 1;
        }
    }
    words
}
