//! Files and folders of a lake: what may lie there, how parts appear and vanish.

use super::{
    Error,
    manifest::{self, Manifest, Part, sync_folder},
    tables::TABLES,
};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeSet, HashSet},
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

const LOCK: &str = ".lock";
const READERS: &str = ".readers";
const STAGING: &str = ".staging-";

/// Makes the folder if need be, refuses one that holds something else, and takes the writer's lock.
pub(super) fn prepare(root: &Path) -> Result<File, Error> {
    fs::create_dir_all(root).map_err(Error::io("create", root))?;
    let is_ours =
        |name: &str| name == LOCK || name == READERS || name.starts_with(STAGING) || name.starts_with(manifest::FILE);
    let is_table = |name: &str| TABLES.iter().any(|table| table.name == name);
    if !root.join(manifest::FILE).exists() {
        for entry in fs::read_dir(root).map_err(Error::io("read", root))? {
            let name = entry.map_err(Error::io("read", root))?.file_name();
            let name = name.to_string_lossy();
            if !is_ours(&name) && !is_table(&name) {
                return Err(Error::NotALake { path: root.into() });
            }
        }
    }
    let readers = root.join(READERS);
    File::options().create(true).append(true).open(&readers).map_err(Error::io("open", &readers))?;
    let path = root.join(LOCK);
    let lock = File::options().create(true).append(true).open(&path).map_err(Error::io("open", &path))?;
    lock.lock().map_err(Error::io("lock", &path))?;
    Ok(lock)
}

/// Keeps parts in place while they are read. Readers do not exclude each other; a writer waits for them only for the moment
/// in which it swaps parts. `None` where there is no lock to take (a read-only copy has no writer).
pub(super) fn hold_for_reading(root: &Path) -> Option<File> {
    let lock = File::open(root.join(READERS)).ok()?;
    lock.lock_shared().ok()?;
    Some(lock)
}

/// Waits for readers, and keeps new ones out.
pub(super) fn hold_for_swapping(root: &Path) -> Result<File, Error> {
    let path = root.join(READERS);
    let lock = File::options().append(true).open(&path).map_err(Error::io("open", &path))?;
    lock.lock().map_err(Error::io("lock", &path))?;
    Ok(lock)
}

/// Removes what an interrupted ingest left behind. Only the holder of the lock may.
pub(super) fn clear_leftovers(root: &Path, manifest: &Manifest) -> Result<(), Error> {
    for entry in fs::read_dir(root).map_err(Error::io("read", root))? {
        let path = entry.map_err(Error::io("read", root))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with(STAGING) {
            fs::remove_dir_all(&path).map_err(Error::io("remove", &path))?;
        } else if name.starts_with(manifest::FILE) && name != manifest::FILE {
            fs::remove_file(&path).map_err(Error::io("remove", &path))?;
        }
    }
    for path in orphans(root, manifest)? {
        fs::remove_file(&path).map_err(Error::io("remove", &path))?;
        prune_empty(root, &path);
    }
    Ok(())
}

/// Part files that no manifest names: an ingest was interrupted after it had moved them in place, or before it had
/// removed what it replaced.
pub(super) fn orphans(root: &Path, manifest: &Manifest) -> Result<Vec<PathBuf>, Error> {
    let live: HashSet<PathBuf> = manifest.parts.iter().map(|part| root.join(part.path())).collect();
    let mut orphans = Vec::new();
    for table in TABLES {
        for entry in walkdir::WalkDir::new(root.join(table.name)).sort_by_file_name().into_iter().flatten() {
            let is_part = entry.path().extension().is_some_and(|extension| extension == "parquet");
            if entry.file_type().is_file() && is_part && !live.contains(entry.path()) {
                orphans.push(entry.into_path());
            }
        }
    }
    Ok(orphans)
}

/// A folder within the lake, so that renames stay on one file system; it vanishes when dropped.
pub(super) fn staging(root: &Path) -> Result<tempfile::TempDir, Error> {
    tempfile::Builder::new().prefix(STAGING).tempdir_in(root).map_err(Error::io("create a folder in", root))
}

/// Name of a finished part in the staging folder.
pub(super) fn staged_name(part: &Part) -> String {
    format!("{}.{}", part.sha256, part.table)
}

/// Moves finished parts to their places and makes that durable.
pub(super) fn publish(root: &Path, staging: &Path, parts: &[Part]) -> Result<(), Error> {
    let mut folders = BTreeSet::new();
    for part in parts {
        let path = root.join(part.path());
        let Some(folder) = path.parent() else { continue };
        fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        let staged = staging.join(staged_name(part));
        fs::rename(&staged, &path).map_err(Error::io("create", &path))?;
        folders.extend(folder.ancestors().take_while(|f| f.starts_with(root)).map(Path::to_owned));
    }
    folders.iter().try_for_each(|folder| sync_folder(folder))
}

/// Removes parts that the manifest no longer names. A failure is harmless: the next ingest clears them away.
pub(super) fn remove(root: &Path, parts: &[Part], manifest: &Manifest) {
    let live: HashSet<PathBuf> = manifest.parts.iter().map(Part::path).collect();
    for part in parts.iter().filter(|part| !live.contains(&part.path())) {
        let path = root.join(part.path());
        let _ = fs::remove_file(&path);
        prune_empty(root, &path);
    }
}

fn prune_empty(root: &Path, path: &Path) {
    for folder in path.ancestors().skip(1).take_while(|folder| *folder != root && folder.starts_with(root)) {
        // Fails, and ends the walk, at the first folder that still holds something.
        if fs::remove_dir(folder).is_err() {
            break;
        }
    }
}

/// SHA-256 of a file, hexadecimal, and its size.
pub(super) fn hash_file(path: &Path) -> Result<(String, u64), Error> {
    let mut file = File::open(path).map_err(Error::io("read", path))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    let mut bytes = 0;
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => {
                hasher.update(&buffer[..n]);
                bytes += n as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::io("read", path)(error)),
        }
    }
    let hex = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((hex, bytes))
}
