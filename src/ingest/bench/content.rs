//! What a file holds, to be read from its start more than once: first for its shape, then for its figures.

use super::unrecognised;
use crate::ingest::{Error, open};
use serde::de::DeserializeOwned;
use std::{
    io::{self, BufRead, BufReader, Cursor, Read},
    path::{Path, PathBuf},
};

/// Begins the history page of github-action-benchmark; JSON stands behind it.
const DATA_JS: &[u8] = b"window.BENCHMARK_DATA";
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A file, or what came from stdin.
pub(super) struct Content {
    path: PathBuf,
    /// stdin can be read once only.
    kept: Option<Vec<u8>>,
}

impl Content {
    pub(super) fn of(path: &Path) -> Result<Self, Error> {
        let mut kept = None;
        if path == Path::new("-") {
            let mut bytes = Vec::new();
            open::stdin().and_then(|mut stdin| stdin.read_to_end(&mut bytes)).map_err(Error::io(path))?;
            kept = Some(bytes);
        }
        Ok(Self { path: path.into(), kept })
    }

    /// From the start, behind a byte-order mark and white space.
    pub(super) fn reader(&self) -> Result<Box<dyn BufRead + '_>, Error> {
        let mut reader: Box<dyn BufRead + '_> = match &self.kept {
            Some(bytes) => Box::new(Cursor::new(bytes)),
            None => Box::new(BufReader::new(open::open(&self.path)?)),
        };
        let start = reader.fill_buf().map_err(Error::io(&self.path))?;
        let mark = if start.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        reader.consume(mark);
        loop {
            let buffer = reader.fill_buf().map_err(Error::io(&self.path))?;
            let blank = buffer.iter().take_while(|b| b.is_ascii_whitespace()).count();
            let done = blank < buffer.len() || buffer.is_empty();
            reader.consume(blank);
            if done {
                break;
            }
        }
        let start = reader.fill_buf().map_err(Error::io(&self.path))?;
        if start.starts_with(DATA_JS) {
            let skip = start.iter().position(|b| *b == b'{').unwrap_or(0);
            reader.consume(skip);
        }
        Ok(reader)
    }

    /// The one JSON document that it is.
    pub(super) fn json<T: DeserializeOwned>(&self, format: &str) -> Result<T, Error> {
        let mut reader = serde_json::Deserializer::from_reader(self.reader()?);
        let wrong = |error: serde_json::Error| self.wrong(format!("no {format} output: {error}"));
        let read = T::deserialize(&mut reader).map_err(wrong)?;
        // A second document behind the first would be lost without a word.
        reader.end().map_err(wrong)?;
        Ok(read)
    }

    pub(super) fn wrong(&self, reason: String) -> Error {
        unrecognised(&self.path, reason)
    }

    pub(super) fn io_error(&self) -> impl FnOnce(io::Error) -> Error {
        Error::io(&self.path)
    }
}
