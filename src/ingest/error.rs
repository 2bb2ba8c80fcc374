//! Inputs that cannot be read at all, with the path and the next step.

use super::sink::Halt;
use std::{io, path::PathBuf};

/// An input that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// Input.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Nothing there.
    #[error("{}: no such file or folder", super::secrets::mask(pattern))]
    NotFound {
        /// Path or pattern as given.
        pattern: String,
    },
    /// A criterion folder without that run.
    #[error("{}: no run `{wanted}` in this criterion folder; there are {there}", path.display())]
    NoSuchRun {
        /// Folder.
        path: PathBuf,
        /// Run that was asked for.
        wanted: String,
        /// Runs that are there.
        there: String,
    },
    /// A pattern that is none.
    #[error("{pattern}: no such file or folder, and no pattern either: {reason}")]
    Pattern {
        /// Pattern as given.
        pattern: String,
        /// What is wrong.
        reason: String,
    },
    /// Not an input this program knows.
    #[error("{}: {reason}", path.display())]
    Unrecognised {
        /// Input.
        path: PathBuf,
        /// What it seems to be, and what to do.
        reason: String,
    },
    /// What this program wrote about a history, not a history.
    #[error("{}: a document of windtunnel's own, no input", path.display())]
    Own {
        /// Input.
        path: PathBuf,
    },
    /// A database file that cannot be read.
    #[error("{}: cannot read the SQLite file: {source}; copy it with `sqlite3 FILE \".backup COPY\"` and ingest the copy", path.display())]
    Sqlite {
        /// Input.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// A database server that cannot be read. The URL holds no password.
    #[error("{url}: {reason}")]
    Server {
        /// Input.
        url: String,
        /// What happened, and what to do.
        reason: String,
    },
    /// The first defect under `--strict`.
    #[error("{path}{}: {reason} (--strict stops at the first defect; nothing was written)", line.map(|n| format!(", line {n}")).unwrap_or_default())]
    Strict {
        /// Input.
        path: String,
        /// Line.
        line: Option<u64>,
        /// What is wrong.
        reason: String,
    },
}

impl Error {
    /// What is wrong, without the path.
    pub fn reason(&self) -> String {
        match self {
            Self::Unrecognised { reason, .. } | Self::Server { reason, .. } => reason.clone(),
            Self::Io { source, .. } => format!("cannot be read: {source}"),
            Self::Sqlite { source, .. } => format!("cannot be read as a SQLite file: {source}"),
            other => other.to_string(),
        }
    }

    pub(super) fn io(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    pub(super) fn sqlite(path: &std::path::Path) -> impl FnOnce(rusqlite::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Sqlite { path, source }
    }
}

/// Why a reading ended early.
#[derive(Debug)]
pub enum Stopped {
    /// The receiver wanted no more, and knows why.
    Receiver,
    /// The input cannot be read.
    Input(Error),
}

impl From<Halt> for Stopped {
    fn from(_: Halt) -> Self {
        Self::Receiver
    }
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Input(error)
    }
}
