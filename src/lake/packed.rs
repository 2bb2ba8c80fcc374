//! Rows as they are sorted, spilled and merged: a few words each, texts as codes into a dictionary beside them.
//!
//! A row is `[month, origin, null bits.., values..]`. Counted in 32-bit words: an attempt takes 31 of them, a fifth of its
//! cells, and moves by a copy of memory.

use super::{
    cell::Cell,
    table::{Kind, Table},
};
use crate::model::Month;
use std::cmp::Ordering;

/// Word of the month, and of the origin.
pub(super) const MONTH: usize = 0;
pub(super) const ORIGIN: usize = 1;
const MASK: usize = 2;

/// A row that the part held before.
pub(super) const HELD: u32 = u32::MAX - 1;
/// A row that the lake held under another run id.
pub(super) const MOVED: u32 = u32::MAX - 2;

/// Where each column of a table lies in a row.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) table: &'static Table,
    /// Words of a row.
    pub(super) width: usize,
    slots: Vec<usize>,
    /// Places of the text columns.
    pub(super) texts: Vec<usize>,
}

impl Layout {
    pub(super) fn new(table: &'static Table) -> Self {
        let mut width = MASK + table.columns.len().div_ceil(32);
        let mut slots = Vec::with_capacity(table.columns.len());
        for column in table.columns {
            slots.push(width);
            width += words_of(column.kind);
        }
        let is_text = |place: &usize| table.columns[*place].kind == Kind::Text;
        let texts = (0..table.columns.len()).filter(is_text).collect();
        Self { table, width, slots, texts }
    }

    #[inline]
    pub(super) fn kind(&self, place: usize) -> Kind {
        self.table.columns[place].kind
    }

    /// Word at which the value of a column begins.
    #[inline]
    pub(super) fn slot(&self, place: usize) -> usize {
        self.slots[place]
    }

    #[inline]
    pub(super) fn is_null(&self, row: &[u32], place: usize) -> bool {
        row[MASK + place / 32] & (1 << (place % 32)) == 0
    }

    #[inline]
    pub(super) fn set_valid(&self, row: &mut [u32], place: usize) {
        row[MASK + place / 32] |= 1 << (place % 32);
    }

    /// The code of a text, or the value of a narrow number, as it lies there.
    #[inline]
    pub(super) fn word(&self, row: &[u32], place: usize) -> u32 {
        row[self.slots[place]]
    }

    /// A wide value as it lies there.
    #[inline]
    pub(super) fn wide(&self, row: &[u32], place: usize) -> u64 {
        let at = self.slots[place];
        u64::from(row[at]) | u64::from(row[at + 1]) << 32
    }

    /// Value of a number or an instant; 0 where there is none.
    #[inline]
    pub(super) fn integer(&self, row: &[u32], place: usize) -> i64 {
        match self.kind(place) {
            Kind::Int64 | Kind::Time => self.wide(row, place) as i64,
            Kind::Int32 | Kind::Bool => i64::from(self.word(row, place) as i32),
            Kind::Text | Kind::Float => 0,
        }
    }

    #[inline]
    pub(super) fn float(&self, row: &[u32], place: usize) -> f64 {
        f64::from_bits(self.wide(row, place))
    }

    /// Are the values of a column the same in two rows that share their dictionary?
    #[inline]
    pub(super) fn same(&self, a: &[u32], b: &[u32], place: usize) -> bool {
        let at = self.slots[place];
        let words = at..at + words_of(self.kind(place));
        self.is_null(a, place) == self.is_null(b, place) && a[words.clone()] == b[words]
    }
}

fn words_of(kind: Kind) -> usize {
    match kind {
        Kind::Text | Kind::Int32 | Kind::Bool => 1,
        Kind::Int64 | Kind::Float | Kind::Time => 2,
    }
}

/// The month as a word that sorts as the months do; 0 for none.
pub(super) fn month_word(month: Option<Month>) -> u32 {
    month.map_or(0, |month| month.number().wrapping_sub(i32::MIN) as u32)
}

/// The month that a word stands for.
pub(super) fn month_of(word: u32) -> Option<Month> {
    (word != 0).then(|| Month::from_number((word as i32).wrapping_add(i32::MIN)))
}

/// Texts by code.
#[derive(Clone, Debug, Default)]
pub(super) struct Texts {
    pub(super) arena: String,
    pub(super) ends: Vec<u32>,
}

impl Texts {
    /// The text of a code; empty for a code that was never given out.
    #[inline]
    pub(super) fn get(&self, code: u32) -> &str {
        let (start, end) = self.place(code);
        self.arena.get(start..end).unwrap_or_default()
    }

    /// The same as bytes, to be compared.
    #[inline]
    pub(super) fn bytes_of(&self, code: u32) -> &[u8] {
        let (start, end) = self.place(code);
        self.arena.as_bytes().get(start..end).unwrap_or_default()
    }

    #[inline]
    fn place(&self, code: u32) -> (usize, usize) {
        let code = code as usize;
        let start = if code == 0 { 0 } else { self.ends.get(code - 1).map_or(0, |end| *end as usize) };
        (start, self.ends.get(code).map_or(start, |end| *end as usize))
    }

    pub(super) fn push(&mut self, text: &str) -> u32 {
        let code = self.ends.len() as u32;
        self.arena.push_str(text);
        self.ends.push(self.arena.len() as u32);
        code
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn clear(&mut self) {
        self.arena.clear();
        self.ends.clear();
    }

    pub(super) fn bytes(&self) -> usize {
        self.arena.len() + 4 * self.ends.len()
    }
}

/// A row with what is needed to read it.
#[derive(Clone, Copy)]
pub(super) struct Packed<'a> {
    pub(super) layout: &'a Layout,
    pub(super) words: &'a [u32],
    /// One dictionary a column; empty where the column holds no text.
    pub(super) texts: &'a [Texts],
}

impl<'a> Packed<'a> {
    #[inline]
    pub(super) fn is_null(&self, place: usize) -> bool {
        self.layout.is_null(self.words, place)
    }

    #[inline]
    pub(super) fn text(&self, place: usize) -> Option<&'a str> {
        (!self.is_null(place)).then(|| self.texts[place].get(self.layout.word(self.words, place)))
    }

    #[inline]
    pub(super) fn integer(&self, place: usize) -> Option<i64> {
        (!self.is_null(place)).then(|| self.layout.integer(self.words, place))
    }

    pub(super) fn cell(&self, place: usize) -> Cell {
        if self.is_null(place) {
            return Cell::Null;
        }
        match self.layout.kind(place) {
            Kind::Text => Cell::from(self.texts[place].get(self.layout.word(self.words, place))),
            Kind::Float => Cell::Float(self.layout.float(self.words, place)),
            Kind::Bool => Cell::Bool(self.layout.word(self.words, place) != 0),
            Kind::Int32 | Kind::Int64 | Kind::Time => Cell::Int(self.layout.integer(self.words, place)),
        }
    }

    pub(super) fn cells(&self) -> Box<[Cell]> {
        (0..self.layout.table.columns.len()).map(|place| self.cell(place)).collect()
    }

    /// Order of one column, no value first.
    #[inline]
    pub(super) fn compare(&self, other: &Packed<'_>, place: usize) -> Ordering {
        match (self.is_null(place), other.is_null(place)) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => match self.layout.kind(place) {
                Kind::Text => self.text(place).cmp(&other.text(place)),
                Kind::Float => self.layout.float(self.words, place).total_cmp(&other.layout.float(other.words, place)),
                _ => self.layout.integer(self.words, place).cmp(&other.layout.integer(other.words, place)),
            },
        }
    }
}
