//! Where to go on after a crash, kept in a file.

use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// A position that is kept: a handler that has none of its own goes on from there.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    kept: Kept,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    /// Which input this is a position of.
    input: String,
    position: u64,
}

impl Checkpoint {
    /// Opens the file, or begins one. `input` says which input it is: a position of another one is no position of this.
    ///
    /// # Errors
    /// Where the file cannot be read, is no checkpoint, or is one of another input.
    pub fn open(path: &Path, input: &str) -> io::Result<Self> {
        let told = |text: String| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {text}", path.display()));
        let kept = match fs::read(path) {
            Ok(bytes) => serde_json::from_slice::<Kept>(&bytes)
                .map_err(|error| told(format!("no checkpoint ({error}); remove it to begin from the start")))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Kept { input: input.to_owned(), position: 0 },
            Err(error) => return Err(io::Error::new(error.kind(), format!("{}: {error}", path.display()))),
        };
        if kept.input != input {
            return Err(told(format!(
                "a checkpoint of `{}`, not of `{input}`; remove it to begin from the start",
                kept.input
            )));
        }
        Ok(Self { path: path.to_owned(), kept })
    }

    /// How many items of the input are handled.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.kept.position
    }

    /// Keeps a position: once this returns, a crash does not lose it, and at no time does the file hold half of one.
    pub(super) fn keep(&mut self, position: u64) -> io::Result<()> {
        self.kept.position = position;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let keep = || {
            let mut staged = tempfile::NamedTempFile::new_in(folder)?;
            staged.write_all(&serde_json::to_vec(&self.kept)?)?;
            staged.as_file().sync_data()?;
            staged.persist(&self.path).map_err(|error| error.error)?;
            File::open(folder)?.sync_all()
        };
        keep().map_err(|error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", self.path.display())))
    }
}
