//! Rows to Parquet and back. A lake is a folder that any engine can read; the manifest says which parts are live.

mod batch;
mod cell;
mod column_builder;
mod columns;
mod compact;
mod error;
mod history;
mod layout;
mod manifest;
mod merge;
mod order;
mod ordered;
mod packed;
mod part_reader;
mod part_writer;
mod read;
mod reconcile;
mod resolve;
mod rows;
mod rows_more;
mod run_file;
mod settle;
mod sources;
mod spill;
mod sql;
mod sql_text;
mod stamp;
mod streams;
mod survey;
mod table;
mod tables;
mod transaction;
mod words;

pub use compact::Compacted;
pub use error::{Error, space_left};
pub use history::HistoryReader;
pub use sql::{QueryResult, Value};
pub use survey::{Fault, PartInfo, SourceInfo, Survey};
pub use transaction::{Input, Transaction};

use std::path::{Path, PathBuf};

/// A lake: a folder of Parquet files with a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lake {
    root: PathBuf,
}

impl Lake {
    /// The lake at `root`, which need not exist yet.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Is there a lake?
    pub fn exists(&self) -> bool {
        matches!(manifest::Manifest::load(&self.root), Ok(Some(_)))
    }

    /// Its folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Keeps the lake as it is until the guard is dropped, so that several reads see one state. Each read does so by itself.
    pub fn hold(&self) -> Held {
        Held { _lock: layout::hold_for_reading(&self.root) }
    }

    fn manifest(&self) -> Result<manifest::Manifest, Error> {
        manifest::Manifest::load(&self.root)?.ok_or_else(|| Error::Missing { path: self.root.clone() })
    }
}

/// See [`Lake::hold`].
#[derive(Debug)]
pub struct Held {
    _lock: Option<std::fs::File>,
}
