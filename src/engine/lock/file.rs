//! Locks among the processes that share a folder.
//!
//! Each lock is a file of JSON, changed by one write while it is held by `flock`. What time it is, the file system says: that is one
//! clock for all, on a network file system as well. A machine that loses power may forget the last few locks; their fences are no
//! less than the time, so those after it are higher still.

use super::{Attempt, Backend, BackendError, Fence, backend::next_fence};
use crate::engine::blocking::nanos;
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, OpenOptions},
    io::{self, Read},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};

const BACKEND: &str = "files";
/// Bytes of a file, or a multiple of them.
const BLOCK: usize = 512;

/// Locks in a folder.
#[derive(Debug)]
pub struct Files {
    folder: PathBuf,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    owner: String,
    fence: u64,
    /// Nanoseconds since 1970; 0 once it was given back.
    expires_ns: u64,
}

impl Files {
    /// Locks in that folder, which is made if it is not there.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn open(folder: &Path) -> Result<Self, BackendError> {
        let made = fs::create_dir_all(folder);
        made.map_err(|error| BackendError::new(BACKEND, format!("{}: {error}", folder.display())))?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Acts on what is known of a lock; `Some` is what is to be known from then on.
    fn change<R>(
        &self,
        name: &str,
        act: impl FnOnce(Option<Entry>, u64) -> (Option<Entry>, R),
    ) -> Result<R, BackendError> {
        let path = self.folder.join(format!("{}.lock", encoded(name)));
        self.change_file(&path, act).map_err(|error| BackendError::new(BACKEND, format!("{}: {error}", path.display())))
    }

    fn change_file<R>(&self, path: &Path, act: impl FnOnce(Option<Entry>, u64) -> (Option<Entry>, R)) -> io::Result<R> {
        let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)?;
        file.lock()?;
        let mut bytes = Vec::new();
        (&file).read_to_end(&mut bytes)?;
        // Writing sets the file's time, which tells what time it is there. The last byte is a blank.
        file.write_all_at(b" ", (bytes.len() as u64).saturating_sub(1))?;
        let now = file.metadata()?.modified()?.duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
        let now = nanos(now);
        let known = match bytes.trim_ascii() {
            [] => None,
            text => Some(serde_json::from_slice(text).map_err(|error| {
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("no lock file ({error}); remove it if nobody holds the lock"),
                )
            })?),
        };
        let (entry, result) = act(known, now);
        if let Some(entry) = entry {
            // In one write, which no signal divides, and over all that stood there: what is left of a longer one are blanks.
            let mut text = serde_json::to_vec(&entry)?;
            text.resize((text.len() + 1).max(bytes.len()).next_multiple_of(BLOCK), b' ');
            file.write_all_at(&text, 0)?;
        }
        Ok(result)
    }

    fn own(
        &self,
        name: &str,
        owner: &str,
        fence: Fence,
        expires: impl FnOnce(u64) -> u64,
    ) -> Result<bool, BackendError> {
        self.change(name, |known, now| match known {
            Some(mut entry) if entry.owner == owner && entry.fence == fence.0 && entry.expires_ns > now => {
                entry.expires_ns = expires(now);
                (Some(entry), true)
            }
            _ => (None, false),
        })
    }
}

impl Backend for Files {
    fn take(&self, name: &str, owner: &str, expiry: Duration) -> Result<Attempt, BackendError> {
        self.change(name, |known, now| match known {
            Some(entry) if entry.expires_ns > now => (None, Attempt::Held(Some(entry.owner))),
            known => {
                let fence = next_fence(known.map_or(0, |entry| entry.fence), now / 1000);
                let expires_ns = now.saturating_add(nanos(expiry));
                let entry = Entry { name: name.to_owned(), owner: owner.to_owned(), fence: fence.0, expires_ns };
                (Some(entry), Attempt::Granted(fence))
            }
        })
    }

    fn renew(&self, name: &str, owner: &str, fence: Fence, expiry: Duration) -> Result<bool, BackendError> {
        self.own(name, owner, fence, |now| now.saturating_add(nanos(expiry)))
    }

    fn give_back(&self, name: &str, owner: &str, fence: Fence) -> Result<bool, BackendError> {
        self.own(name, owner, fence, |_| 0)
    }
}

/// A name as a file's: letters, digits, `-` and `_` stay, anything else is written in hexadecimal; two names never become one. Long
/// names are shortened to their hash.
pub(super) fn encoded(name: &str) -> String {
    use sha2::{Digest, Sha256};
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let text: String = name
        .bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02x}") })
        .collect();
    if text.len() <= 200 {
        return text;
    }
    let hash = Sha256::digest(name.as_bytes());
    hash.iter().fold("%long%".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}
