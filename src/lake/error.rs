//! What can go wrong in a lake, with the path and the next step.

use std::{
    io,
    path::{Path, PathBuf},
};

/// A failure of the lake. Whatever it is, the lake is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The disk is full.
    #[error(
        "no space left for {}: {free}; make room there and run it again, the lake is as it was",
        path.display()
    )]
    DiskFull {
        /// File that did not fit.
        path: PathBuf,
        /// What is left on its disk, for people.
        free: String,
    },
    /// A part cannot be read; the reader does not say which.
    #[error("a part of the lake cannot be read: {0}; `windtunnel lake verify` names the part")]
    Unreadable(String),
    /// A part is not the file that was written: nothing may be made of it that looks whole.
    #[error(
        "{}: content is not what the manifest says; restore the file, or ingest all sources into a new folder with --lake \
         (nothing was touched)",
        path.display()
    )]
    Damaged {
        /// File.
        path: PathBuf,
    },
    /// A Parquet file cannot be read or written.
    #[error("{}: {source}; run `windtunnel lake verify`", path.display())]
    Parquet {
        /// File.
        path: PathBuf,
        /// What parquet says.
        source: parquet::errors::ParquetError,
    },
    /// A batch of a Parquet file cannot be read or written.
    #[error("{}: {source}; run `windtunnel lake verify`", path.display())]
    Arrow {
        /// File.
        path: PathBuf,
        /// What arrow says.
        source: arrow::error::ArrowError,
    },
    /// A part lacks a column, or has it in another type.
    #[error("{}: column `{column}` is missing or of another type; run `windtunnel lake verify`", path.display())]
    WrongSchema {
        /// File.
        path: PathBuf,
        /// Column.
        column: &'static str,
    },
    /// The manifest is no manifest.
    #[error("{}: not a lake manifest: {reason}; restore it from a backup, or ingest into a new folder with --lake", path.display())]
    Manifest {
        /// File.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Parts without the manifest that names them.
    #[error("{} holds parts of a lake and no manifest.json; restore it from a backup, or ingest into a new folder with --lake (nothing was touched)", path.display())]
    ManifestLost {
        /// Folder.
        path: PathBuf,
    },
    /// The folder holds something else.
    #[error("{} is not empty and holds no lake (no manifest.json); name another folder with --lake", path.display())]
    NotALake {
        /// Folder.
        path: PathBuf,
    },
    /// There is no lake.
    #[error("no lake at {}; make one with `windtunnel ingest PATH --lake {}`", path.display(), path.display())]
    Missing {
        /// Folder.
        path: PathBuf,
    },
    /// Written by a later version of this program.
    #[error("{}: the lake has format {found}, this program knows up to {known}; use a newer windtunnel", path.display())]
    TooNew {
        /// Manifest.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// Newest known format.
        known: u32,
    },
    /// Two histories under one name.
    #[error(
        "{conflicts} of {overlap} attempts that are known under deployment `{deployment}` have another history here \
         (first: {example}). These seem to be two Airflows: give each a name of its own with --deployment NAME"
    )]
    Conflict {
        /// Deployment.
        deployment: String,
        /// Attempts with contradicting times.
        conflicts: u64,
        /// Attempts known from both.
        overlap: u64,
        /// One of them.
        example: String,
    },
    /// A query failed.
    #[error("{0}")]
    Query(String),
}

impl Error {
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| match is_full(&source) {
            true => Self::full(path),
            false => Self::Io { action, path, source },
        }
    }

    fn full(path: PathBuf) -> Self {
        let free = space_left(&path);
        Self::DiskFull { path, free }
    }

    pub(super) fn parquet(path: &Path) -> impl FnOnce(parquet::errors::ParquetError) -> Self {
        let path = path.to_owned();
        move |source| match names_full_disk(&source) {
            true => Self::full(path),
            false => Self::Parquet { path, source },
        }
    }

    pub(super) fn arrow(path: &Path) -> impl FnOnce(arrow::error::ArrowError) -> Self {
        let path = path.to_owned();
        move |source| match names_full_disk(&source) {
            true => Self::full(path),
            false => Self::Arrow { path, source },
        }
    }
}

/// Did the disk or a quota leave no room?
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// The same of an error of a library. Closing a file, parquet keeps no more of the system's error than its text.
fn names_full_disk(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(is_full) {
            return true;
        }
        cause = error.source();
    }
    error.to_string().contains("No space left on device")
}

/// What is left on the disk of a file or folder, for people.
pub fn space_left(path: &Path) -> String {
    // The file itself may be gone by now.
    let there = path.ancestors().find(|folder| folder.is_dir());
    match there.and_then(|folder| fs4::available_space(folder).ok()) {
        Some(bytes) => format!("{:.1} MB are free", bytes as f64 / 1e6),
        None => "the disk does not say what is free".to_owned(),
    }
}
