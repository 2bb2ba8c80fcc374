//! The pieces that sections are made of.

use serde::Serialize;

/// A state, said by colour, icon and word together.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Badge {
    /// Style: `worse`, `still`, `better` or `calm`.
    pub class: &'static str,
    pub icon: &'static str,
    pub word: String,
}

impl Badge {
    pub(crate) fn new(class: &'static str, icon: &'static str, word: impl Into<String>) -> Self {
        Self { class, icon, word: word.into() }
    }
}

/// A name, its value, and a remark in smaller type.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Fact {
    pub name: String,
    pub value: String,
    pub note: Option<String>,
}

impl Fact {
    pub(crate) fn new(name: &str, value: impl Into<String>) -> Self {
        Self { name: name.to_owned(), value: value.into(), note: None }
    }

    /// Adds a remark; an empty one adds nothing.
    pub(crate) fn noted(self, note: impl Into<String>) -> Self {
        let note = note.into();
        Self { note: (!note.is_empty()).then_some(note), ..self }
    }
}

/// An entry of the list of contents.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Link {
    pub href: String,
    pub label: String,
    pub count: Option<String>,
}

/// A table; the first cell of each row is its heading.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Table {
    pub caption: String,
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
    pub note: Option<String>,
}

/// Rows of a table behind a chart.
const MOST_ROWS: usize = 50;

impl Table {
    /// A table of an even selection of `rows`, which ends with the last one; what is left out is said.
    pub(crate) fn thinned(caption: impl Into<String>, head: &[&str], rows: Vec<Vec<String>>) -> Self {
        let all = rows.len();
        let shown = all.min(MOST_ROWS);
        let last = shown.saturating_sub(1).max(1);
        let rows: Vec<_> = match all > shown {
            true => (0..shown).map(|i| rows[i * (all - 1) / last].clone()).collect(),
            false => rows,
        };
        let note = (all > shown).then(|| format!("An even selection of {shown} of {all} rows."));
        Self { caption: caption.into(), head: head.iter().map(|h| (*h).to_owned()).collect(), rows, note }
    }
}

/// A chart with its words and the table behind it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ChartBlock {
    pub svg: String,
    /// File name of the PNG twin.
    pub image: String,
    pub title: String,
    pub desc: String,
    pub table: Table,
}
