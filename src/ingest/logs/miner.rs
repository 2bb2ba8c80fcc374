//! Log templates, mined as the lines come: Drain, a tree of fixed depth.
//!
//! After P. He, J. Zhu, Z. Zheng, M. R. Lyu, "Drain: An Online Log Parsing Approach with Fixed Depth Tree", ICWS 2017: messages
//! of equal length in words and equal first word share a leaf; within a leaf a message joins the template it is most similar
//! to, and words that differ become `<*>`. Ours differs in two points. Words that look like identifiers (`dim_customer`,
//! `a.b`) count as equal when they differ; ordinary words must nearly all agree, and states always, which keeps `trigger
//! starting` from `trigger completed` and `Marking task as SUCCESS` from `FAILED`. And
//! what a message is made into (see [`super::variables`]) is remembered by its hash, so that the tree is asked once for each
//! kind of message and not for each line.
//!
//! A template is given as of the line: a later line may make it more general. [`Miner::generalised`] says in the end what became
//! of it. The same lines in the same order give the same templates; another order may give other groups where a leaf is full
//! or a choice is close.

use super::variables::{self, ANY};
use crate::{ingest::secrets, model::Text};
use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    hash::{BuildHasherDefault, Hasher},
};

/// Templates kept; what fits none of them afterwards is `<*>`.
const MAX_TEMPLATES: usize = 2_000;
/// First words kept per length; others share one leaf.
const MAX_CHILDREN: usize = 100;
/// Templates of one leaf.
const MAX_LEAF: usize = 100;
/// Words of a message that are compared.
const MAX_WORDS: usize = 48;
/// Messages remembered by hash.
const MAX_REMEMBERED: usize = 1 << 17;
/// Share of the words that must agree.
const SIMILARITY: f64 = 0.85;
/// How much a word agrees with a part that varies already.
const FITS: f64 = 0.75;
/// Words that tell messages apart though nothing else does.
const STATES: [&str; 7] = ["SUCCESS", "FAILED", "SKIPPED", "UP_FOR_RETRY", "UP_FOR_RESCHEDULE", "DEFERRED", "REMOVED"];

/// Place of a template.
type Id = usize;

#[derive(Debug)]
struct Template {
    words: Vec<Box<str>>,
    text: Text,
    /// Its texts before: at most one a word.
    before: Vec<Text>,
}

/// All templates of one ingest.
#[derive(Debug)]
pub(super) struct Miner {
    /// The first is the one that fits everything.
    templates: Vec<Template>,
    leaves: HashMap<(usize, Box<str>), Vec<Id>>,
    children: HashMap<usize, usize>,
    remembered: HashMap<u128, Id, BuildHasherDefault<Folded>>,
    scratch: Vec<u8>,
}

impl Miner {
    pub(super) fn new() -> Self {
        let any = String::from_utf8_lossy(ANY);
        let catch_all = Template { words: vec![any.as_ref().into()], text: any.as_ref().into(), before: Vec::new() };
        Self {
            templates: vec![catch_all],
            leaves: HashMap::new(),
            children: HashMap::new(),
            remembered: HashMap::default(),
            scratch: Vec::new(),
        }
    }

    /// The template of a message, as of now. `known` are words that vary from log to log.
    pub(super) fn template(&mut self, message: &[u8], known: &[&[u8]]) -> Text {
        let mut scratch = std::mem::take(&mut self.scratch);
        variables::replace(message, known, &mut scratch);
        let hash = hash(&scratch);
        let id = match self.remembered.get(&hash) {
            Some(id) => *id,
            None => {
                let id = self.mine(message, known, &mut scratch);
                if self.remembered.len() >= MAX_REMEMBERED {
                    self.remembered.clear();
                }
                self.remembered.insert(hash, id);
                id
            }
        };
        self.scratch = scratch;
        self.templates[id].text.clone()
    }

    /// Texts of templates that later lines made more general, each with what it is now. A text that two templates had, or
    /// that one has still, stays with the first.
    pub(super) fn generalised(&self) -> HashMap<Text, Text> {
        let now: HashSet<&Text> = self.templates.iter().map(|template| &template.text).collect();
        let mut generalised = HashMap::new();
        for template in &self.templates {
            for before in template.before.iter().filter(|before| !now.contains(before)) {
                generalised.entry(before.clone()).or_insert_with(|| template.text.clone());
            }
        }
        generalised
    }

    /// Templates found so far.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.templates.len() - 1
    }

    /// A kind of message that was not seen yet. Nothing of it is kept before its secrets are masked.
    fn mine(&mut self, message: &[u8], known: &[&[u8]], scratch: &mut Vec<u8>) -> Id {
        let text = String::from_utf8_lossy(message);
        if let Cow::Owned(masked) = secrets::mask(&text) {
            variables::replace(masked.as_bytes(), known, scratch);
        }
        let masked = String::from_utf8_lossy(scratch);
        let mut words: Vec<&str> = masked.split_ascii_whitespace().take(MAX_WORDS).collect();
        if words.len() == MAX_WORDS {
            words[MAX_WORDS - 1] = "<*>";
        }
        let leaf = self.leaf(&words);
        let best = self.leaves.get(&leaf).into_iter().flatten().fold(None, |best: Option<(f64, Id)>, id| {
            let similarity = similarity(&self.templates[*id].words, &words);
            let is_better = similarity >= SIMILARITY && best.is_none_or(|(most, _)| similarity > most);
            if is_better { Some((similarity, *id)) } else { best }
        });
        if let Some((_, id)) = best {
            self.templates[id].join(&words);
            return id;
        }
        let full = self.leaves.get(&leaf).is_some_and(|ids| ids.len() >= MAX_LEAF);
        if full || self.templates.len() > MAX_TEMPLATES {
            return 0;
        }
        let id = self.templates.len();
        let text = words.join(" ").into();
        let words = words.iter().map(|word| (*word).into()).collect();
        self.templates.push(Template { words, text, before: Vec::new() });
        self.leaves.entry(leaf).or_default().push(id);
        id
    }

    /// The leaf of a message: its length and first word, or `<*>` for a first word that varies or is one too many.
    fn leaf(&mut self, words: &[&str]) -> (usize, Box<str>) {
        let first = words.first().copied().filter(|word| !is_identifier(word)).unwrap_or("<*>");
        let leaf = (words.len(), first.into());
        if self.leaves.contains_key(&leaf) {
            return leaf;
        }
        let children = self.children.entry(words.len()).or_default();
        if *children >= MAX_CHILDREN {
            return (words.len(), "<*>".into());
        }
        *children += 1;
        leaf
    }
}

impl Template {
    /// Words that differ become `<*>`.
    fn join(&mut self, words: &[&str]) {
        let mut changed = false;
        for (mine, word) in self.words.iter_mut().zip(words) {
            if **mine != **word && &**mine != "<*>" {
                *mine = "<*>".into();
                changed = true;
            }
        }
        if changed {
            self.before.push(std::mem::replace(&mut self.text, self.words.join(" ").into()));
        }
    }
}

/// Share of the words that agree, 0 to 1; both have as many.
fn similarity(template: &[Box<str>], words: &[&str]) -> f64 {
    let agreement = |(mine, word): (&str, &str)| match () {
        () if mine == word => 1.0,
        () if is_fixed(mine) || is_fixed(word) => f64::NEG_INFINITY,
        () if is_identifier(mine) && is_identifier(word) => 1.0,
        () if mine == "<*>" => FITS,
        () => 0.0,
    };
    template.iter().map(|word| &**word).zip(words.iter().copied()).map(agreement).sum::<f64>()
        / words.len().max(1) as f64
}

/// Does a word stay whatever else differs: a state as `Marking task as SUCCESS.` names it, or a key with its value?
fn is_fixed(word: &str) -> bool {
    let end = word.find(|c: char| !c.is_ascii_uppercase() && c != '_').unwrap_or(word.len());
    STATES.contains(&&word[..end]) || word.contains("<*>") && !is_identifier(word)
}

/// Does a word look like a name from code or data rather than like prose?
fn is_identifier(word: &str) -> bool {
    if word.contains("<*>") {
        // `(<*>,` is any value, `state=<*>` is the value of one key.
        return !word.contains(|c: char| c.is_alphanumeric());
    }
    let core = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '_');
    core.contains(['_', '.', '/', '@']) || core.chars().any(|c| c.is_ascii_digit())
}

/// 128 bits over the bytes, from products of 64-bit words folded onto themselves. Kept instead of the text, which may hold
/// secrets. Fixed, so that one input gives one output.
fn hash(bytes: &[u8]) -> u128 {
    const ODD: [u64; 3] = [0x9e37_79b9_7f4a_7c15, 0xc2b2_ae3d_27d4_eb4f, 0x1656_67b1_9e37_79f9];
    let fold = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        product as u64 ^ (product >> 64) as u64
    };
    let word = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
    let (mut low, mut high) = (ODD[0] ^ bytes.len() as u64, ODD[1]);
    // Two lanes, each over every other word, so that their products do not wait for each other.
    let (pairs, rest) = bytes.as_chunks::<16>();
    let mut step = |pair: &[u8; 16]| {
        let ([first, second], _) = pair.as_chunks::<8>() else { return };
        low = fold(low ^ word(first), ODD[2]);
        high = fold(high ^ word(second), ODD[0]);
    };
    pairs.iter().for_each(&mut step);
    let mut last = [0; 16];
    last[..rest.len()].copy_from_slice(rest);
    step(&last);
    u128::from(fold(low, high ^ ODD[1])) << 64 | u128::from(low ^ high.rotate_left(32))
}

/// Takes a hash as it is.
#[derive(Default)]
struct Folded(u64);

impl Hasher for Folded {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for b in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*b);
        }
    }

    fn write_u128(&mut self, value: u128) {
        self.0 = value as u64 ^ (value >> 64) as u64;
    }
}

#[cfg(test)]
#[path = "miner_tests.rs"]
mod tests;
