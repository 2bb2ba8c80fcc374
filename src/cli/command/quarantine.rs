//! `--quarantine FILE`: every row that could not be read, one JSON object a line.

use crate::cli::exit::Error;
use serde::Serialize;
use std::{
    io::{BufWriter, Read, Write},
    path::Path,
};
use tempfile::NamedTempFile;

/// Takes rows that could not be read. The file appears, or is replaced, when the ingest has succeeded.
pub(super) struct Quarantine<'a> {
    path: &'a Path,
    file: BufWriter<NamedTempFile>,
}

#[derive(Serialize)]
struct Rejected<'a> {
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    reason: &'a str,
    /// Cut short, secrets masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
}

/// A file that is no such list stays: it may be the export itself, by a slip of the hand.
fn refuse_other(path: &Path) -> Result<(), Error> {
    let mut start = Vec::new();
    match std::fs::File::open(path) {
        Ok(file) => file.take(START.len() as u64).read_to_end(&mut start).map_err(Error::io("read", path))?,
        Err(_) => return Ok(()),
    };
    if start.is_empty() || start == START {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "{}: is there already, and no list of rows; name another --quarantine file",
        path.display()
    )))
}

/// How each of its lines begins.
const START: &[u8] = b"{\"path\":";

impl<'a> Quarantine<'a> {
    pub(super) fn create(path: &'a Path) -> Result<Self, Error> {
        refuse_other(path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = NamedTempFile::new_in(folder).map_err(Error::io("create", path))?;
        Ok(Self { path, file: BufWriter::new(file) })
    }

    pub(super) fn note(
        &mut self,
        source: &str,
        line: Option<u64>,
        reason: &str,
        value: Option<&str>,
    ) -> Result<(), Error> {
        let rejected = Rejected { path: source, line, reason, value };
        let written = serde_json::to_writer(&mut self.file, &rejected).map_err(std::io::Error::from);
        written.and_then(|()| self.file.write_all(b"\n")).map_err(Error::io("write", self.path))
    }

    pub(super) fn finish(self) -> Result<(), Error> {
        let named = |error| Error::io("write", self.path)(error);
        let file = self.file.into_inner().map_err(|error| named(error.into_error()))?;
        file.persist(self.path).map(drop).map_err(|error| named(error.error))
    }
}
