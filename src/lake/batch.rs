//! Rows in memory: packed, with a dictionary for each text column.

use super::{
    cell::Cell,
    packed::{Layout, MONTH, ORIGIN, Packed, Texts, month_word},
    rows::Stored,
    run_file::Block,
};
use crate::model::{Month, TextHash, Timestamp};
use hashbrown::{HashTable, hash_table::Entry};
use std::{
    hash::BuildHasher,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// Rows of one table.
pub(super) struct Batch {
    pub(super) layout: Arc<Layout>,
    words: Vec<u32>,
    /// A row without values.
    blank: Vec<u32>,
    /// One a column, as in [`Packed::texts`].
    texts: Vec<Texts>,
    index: Vec<Index>,
    dictionary: u64,
}

/// Numbers of dictionaries, from 1.
static DICTIONARIES: AtomicU64 = AtomicU64::new(1);

fn new_dictionary() -> u64 {
    DICTIONARIES.fetch_add(1, Ordering::Relaxed)
}

/// Finds the code of a text.
struct Index {
    codes: HashTable<u32>,
    hasher: TextHash,
    /// Codes asked for before, by a few bytes of their texts: most texts of a column come again soon.
    recent: [u32; RECENT],
}

/// Codes that are remembered by a few bytes of their texts: enough for the DAGs that run side by side, and few enough for the
/// processor's first cache together with those of the other columns.
const RECENT: usize = 256;

impl Default for Index {
    fn default() -> Self {
        Self { codes: HashTable::new(), hasher: TextHash::default(), recent: [u32::MAX; RECENT] }
    }
}

impl Index {
    #[inline]
    fn code(&mut self, texts: &mut Texts, text: &str) -> u32 {
        let bytes = text.as_bytes();
        let place = few_bytes(bytes) as usize % RECENT;
        let recent = self.recent[place];
        if recent != u32::MAX && same(texts.bytes_of(recent), bytes) {
            return recent;
        }
        let hasher = &self.hasher;
        let hash = hasher.hash_one(bytes);
        let known = |&code: &u32| same(texts.bytes_of(code), bytes);
        let entry = self.codes.entry(hash, known, |&code| hasher.hash_one(texts.bytes_of(code)));
        let code = match entry {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                let code = texts.push(text);
                entry.insert(code);
                code
            }
        };
        self.recent[place] = code;
        code
    }

    fn clear(&mut self) {
        self.codes.clear();
        self.recent = [u32::MAX; RECENT];
    }
}

/// The last bytes and the length: ids of one column begin alike and end differently (ids of runs end in `:00+00:00`).
#[inline]
fn few_bytes(bytes: &[u8]) -> u64 {
    let tail = if let Some(tail) = bytes.last_chunk::<16>() {
        let tail = u128::from_le_bytes(*tail);
        tail as u64 ^ ((tail >> 64) as u64).rotate_left(29)
    } else if let (Some(head), Some(tail)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        u64::from_le_bytes(*tail) ^ u64::from_le_bytes(*head).rotate_left(29)
    } else if let (Some(head), Some(tail)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        u64::from(u32::from_le_bytes(*head)) << 32 | u64::from(u32::from_le_bytes(*tail))
    } else {
        bytes.iter().fold(0, |tail, byte| tail << 8 | u64::from(*byte))
    };
    // Fibonacci hashing: Knuth, The Art of Computer Programming, volume 3, section 6.4.
    (tail ^ bytes.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40
}

/// Are two short texts equal? Compared here, eight bytes at a time: a call costs as much as the comparison.
#[inline]
fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let word = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
    if let (Some(tail), Some(other)) = (a.last_chunk::<8>(), b.last_chunk::<8>()) {
        let heads = a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0);
        return word(tail) == word(other) && heads.fold(0, |differ, (a, b)| differ | word(a) ^ word(b)) == 0;
    }
    match (a.first_chunk::<4>().zip(a.last_chunk::<4>()), b.first_chunk::<4>().zip(b.last_chunk::<4>())) {
        (Some(ends), Some(others)) => ends == others,
        _ => a.iter().zip(b).all(|(a, b)| a == b),
    }
}

impl Batch {
    pub(super) fn new(layout: Arc<Layout>) -> Self {
        let columns = layout.table.columns.len();
        let index = (0..columns).map(|_| Index::default()).collect();
        Self {
            blank: vec![0; layout.width],
            layout,
            words: Vec::new(),
            texts: vec![Texts::default(); columns],
            index,
            dictionary: new_dictionary(),
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.words.len() / self.layout.width
    }

    /// Bytes of its rows and texts; the index beside the texts takes about as much again.
    pub(super) fn bytes(&self) -> usize {
        4 * self.words.len() + self.text_bytes()
    }

    /// Bytes of its texts.
    pub(super) fn text_bytes(&self) -> usize {
        self.layout.texts.iter().map(|&place| self.texts[place].bytes()).sum()
    }

    #[inline]
    pub(super) fn row(&self, row: usize) -> Packed<'_> {
        let width = self.layout.width;
        self.packed(&self.words[row * width..(row + 1) * width])
    }

    /// A row that lies elsewhere and has its codes from here.
    #[inline]
    pub(super) fn packed<'a>(&'a self, words: &'a [u32]) -> Packed<'a> {
        Packed { layout: &self.layout, words, texts: &self.texts }
    }

    pub(super) fn words(&self) -> &[u32] {
        &self.words
    }

    pub(super) fn texts(&self) -> &[Texts] {
        &self.texts
    }

    /// Forgets rows and texts, and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.words.clear();
        self.clear_texts();
    }

    /// Forgets the rows; texts and their codes stay.
    pub(super) fn clear_rows(&mut self) {
        self.words.clear();
    }

    /// Forgets the texts; a row that is there keeps its own.
    pub(super) fn forget_texts(&mut self) {
        let rows: Vec<Box<[Cell]>> = (0..self.rows()).map(|row| self.row(row).cells()).collect();
        let heads: Vec<(u32, u32)> =
            (0..self.rows()).map(|row| self.row(row).words).map(|words| (words[MONTH], words[ORIGIN])).collect();
        self.clear();
        for (cells, (month, origin)) in rows.iter().zip(heads) {
            self.push_cells(cells, month, origin);
        }
    }

    /// Takes the last row away.
    pub(super) fn pop(&mut self) {
        let left = self.words.len().saturating_sub(self.layout.width);
        self.words.truncate(left);
    }

    /// Appends a row that is there once more.
    pub(super) fn repeat(&mut self, row: usize) {
        let width = self.layout.width;
        self.words.extend_from_within(row * width..(row + 1) * width);
    }

    /// A row whose codes are from here.
    pub(super) fn push_words(&mut self, words: &[u32]) {
        self.words.extend_from_slice(words);
    }

    /// Number of the dictionary of its texts, which no other has: a code stands for the same text as long as it is the same.
    pub(super) fn dictionary(&self) -> u64 {
        self.dictionary
    }

    fn clear_texts(&mut self) {
        self.dictionary = new_dictionary();
        for &place in &self.layout.texts {
            self.texts[place].clear();
            self.index[place].clear();
        }
    }

    pub(super) fn push<T: Stored>(&mut self, row: &T, month: Option<Month>, origin: u32, revision: i64) {
        let mut writer = self.begin(month_word(month), origin, revision);
        row.write(&mut writer);
    }

    /// A row of cells, in the order of the columns.
    pub(super) fn push_cells(&mut self, cells: &[Cell], month: u32, origin: u32) {
        let mut writer = self.begin(month, origin, 0);
        for cell in cells {
            writer.cell(cell);
        }
    }

    /// Its rows in the order given, as a block.
    pub(super) fn copy_to(&self, block: &mut Block, order: Option<&[u32]>) {
        block.words.clear();
        match order {
            None => block.words.extend_from_slice(&self.words),
            Some(order) => order.iter().for_each(|&row| block.words.extend_from_slice(self.row(row as usize).words)),
        }
        block.texts.clone_from(&self.texts);
    }

    #[inline]
    pub(super) fn begin(&mut self, month: u32, origin: u32, revision: i64) -> RowWriter<'_> {
        let start = self.words.len();
        self.words.extend_from_slice(&self.blank);
        let row = &mut self.words[start..];
        (row[MONTH], row[ORIGIN]) = (month, origin);
        RowWriter { layout: &self.layout, row, texts: &mut self.texts, index: &mut self.index, place: 0, revision }
    }

    /// Appends a row from elsewhere. `maps` belongs to the dictionaries of that row, and remembers their codes here.
    pub(super) fn translate(&mut self, row: Packed<'_>, maps: &mut CodeMaps) {
        let mut words = std::mem::take(&mut self.words);
        self.translate_to(&mut words, row, maps);
        self.words = words;
    }

    /// The same, appended to rows that lie elsewhere and have their codes from here.
    pub(super) fn translate_to(&mut self, words: &mut Vec<u32>, row: Packed<'_>, maps: &mut CodeMaps) {
        let start = words.len();
        words.extend_from_slice(row.words);
        for &place in &self.layout.texts {
            if row.is_null(place) {
                continue;
            }
            let code = row.layout.word(row.words, place) as usize;
            let map = &mut maps.0[place];
            if map.len() <= code {
                map.resize(row.texts[place].len().max(code + 1), UNMAPPED);
            }
            if map[code] == UNMAPPED {
                map[code] = self.index[place].code(&mut self.texts[place], row.texts[place].get(code as u32));
            }
            words[start + self.layout.slot(place)] = map[code];
        }
    }

    /// Makes it a block that can be read.
    pub(super) fn into_parts(self) -> (Vec<u32>, Vec<Texts>) {
        (self.words, self.texts)
    }
}

const UNMAPPED: u32 = u32::MAX;

/// Codes of one dictionary in another, by column.
#[derive(Debug)]
pub(super) struct CodeMaps(Vec<Vec<u32>>);

impl CodeMaps {
    pub(super) fn new(layout: &Layout) -> Self {
        Self(vec![Vec::new(); layout.table.columns.len()])
    }

    pub(super) fn clear(&mut self) {
        self.0.iter_mut().for_each(Vec::clear);
    }
}

/// Takes the values of one row, column by column.
pub(super) struct RowWriter<'b> {
    layout: &'b Layout,
    row: &'b mut [u32],
    texts: &'b mut [Texts],
    index: &'b mut [Index],
    place: usize,
    revision: i64,
}

impl RowWriter<'_> {
    #[inline]
    fn narrow(&mut self, word: u32) {
        self.layout.set_valid(self.row, self.place);
        self.row[self.layout.slot(self.place)] = word;
    }

    #[inline]
    fn wide(&mut self, bits: u64) {
        self.narrow(bits as u32);
        self.row[self.layout.slot(self.place) + 1] = (bits >> 32) as u32;
    }

    #[inline]
    pub(super) fn text(&mut self, text: Option<&str>) {
        if let Some(text) = text {
            let code = self.index[self.place].code(&mut self.texts[self.place], text);
            self.narrow(code);
        }
        self.place += 1;
    }

    #[inline]
    pub(super) fn int32(&mut self, value: Option<i32>) {
        if let Some(value) = value {
            self.narrow(value as u32);
        }
        self.place += 1;
    }

    #[inline]
    pub(super) fn int64(&mut self, value: Option<i64>) {
        if let Some(value) = value {
            self.wide(value as u64);
        }
        self.place += 1;
    }

    #[inline]
    pub(super) fn time(&mut self, value: Option<Timestamp>) {
        self.int64(value.map(Timestamp::micros));
    }

    #[inline]
    pub(super) fn float(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.wide(value.to_bits());
        }
        self.place += 1;
    }

    pub(super) fn bool(&mut self, value: Option<bool>) {
        self.int32(value.map(i32::from));
    }

    /// The ingest that brings the row.
    pub(super) fn revision(&mut self) {
        self.int64(Some(self.revision));
    }

    fn cell(&mut self, cell: &Cell) {
        use super::table::Kind;
        match self.layout.kind(self.place) {
            Kind::Text => self.text(cell.as_text().map(|text| &**text)),
            Kind::Int32 => self.int32(cell.as_i32()),
            Kind::Bool => self.bool(cell.as_bool()),
            Kind::Int64 | Kind::Time => self.int64(cell.as_int()),
            Kind::Float => self.float(cell.as_float()),
        }
    }
}
