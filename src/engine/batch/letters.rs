//! Where items go that cannot be handled: told with their reason, kept through crashes, each once.

use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeSet,
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Seek, Write},
    path::{Path, PathBuf},
};

/// An item that was not handled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter<'a, T> {
    /// Its place in the input.
    pub place: u64,
    /// The item.
    pub item: &'a T,
    /// How often it was tried by itself.
    pub tries: u32,
    /// What the handler said.
    pub reason: &'a str,
}

/// Keeps items that were not handled.
pub trait DeadLetters<T> {
    /// Keeps one; it is kept for good when this returns.
    ///
    /// # Errors
    /// Where it cannot be kept: the run stops before it.
    fn put(&mut self, letter: &Letter<'_, T>) -> io::Result<()>;

    /// Whether the item at that place is kept already, by a run that was resumed.
    fn holds(&self, _place: u64) -> bool {
        false
    }
}

/// Keeps them in memory: place, tries and reason.
impl<T> DeadLetters<T> for Vec<(u64, u32, String)> {
    fn put(&mut self, letter: &Letter<'_, T>) -> io::Result<()> {
        self.push((letter.place, letter.tries, letter.reason.to_owned()));
        Ok(())
    }
}

/// One line of a file of dead letters.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    place: u64,
    tries: u32,
    reason: String,
    item: serde_json::Value,
}

/// Keeps them as lines of JSON in a file: `{"place", "tries", "reason", "item"}`.
pub struct LetterFile<T> {
    file: File,
    path: PathBuf,
    held: BTreeSet<u64>,
    text: fn(&T) -> serde_json::Value,
}

impl<T> LetterFile<T> {
    /// Opens a file, or begins one; `text` says how an item is written. A last line that a crash cut off is taken away.
    ///
    /// # Errors
    /// Where the file cannot be read or written, or holds what is no dead letter.
    pub fn open(path: &Path, text: fn(&T) -> serde_json::Value) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let mut held = BTreeSet::new();
        let mut whole = 0u64;
        let mut reader = BufReader::new(&mut file);
        let mut line = Vec::new();
        for number in 1u64.. {
            line.clear();
            reader.read_until(b'\n', &mut line)?;
            if line.last() != Some(&b'\n') {
                break;
            }
            let letter: Line = serde_json::from_slice(&line).map_err(|error| {
                let text = format!(
                    "{}, line {number}: no dead letter ({error}); move the file away to begin anew",
                    path.display()
                );
                io::Error::new(io::ErrorKind::InvalidData, text)
            })?;
            held.insert(letter.place);
            whole += line.len() as u64;
        }
        file.set_len(whole)?;
        file.seek(io::SeekFrom::End(0))?;
        Ok(Self { file, path: path.to_owned(), held, text })
    }

    /// How many are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether none is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}

impl<T> DeadLetters<T> for LetterFile<T> {
    fn put(&mut self, letter: &Letter<'_, T>) -> io::Result<()> {
        if !self.held.insert(letter.place) {
            return Ok(());
        }
        let line = Line {
            place: letter.place,
            tries: letter.tries,
            reason: letter.reason.to_owned(),
            item: (self.text)(letter.item),
        };
        let mut bytes = serde_json::to_vec(&line)?;
        bytes.push(b'\n');
        let kept = self.file.write_all(&bytes).and_then(|()| self.file.sync_data());
        kept.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", self.path.display())))
    }

    fn holds(&self, place: u64) -> bool {
        self.held.contains(&place)
    }
}
