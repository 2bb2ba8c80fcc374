//! Paths as given to files: folders are walked, patterns expanded, in a fixed order.

use super::Error;
use std::path::{Path, PathBuf};

/// A file to look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// Where it is.
    pub path: PathBuf,
    /// The user named this very file, so that it must be readable; a file met in a folder may be something else.
    pub named: bool,
}

/// Names of files that a folder of exports holds beside its exports.
const PASSED_OVER: [&str; 3] = ["manifest.json", "windtunnel.toml", "README.md"];

/// Files below `inputs`: each a file, a folder or a pattern. Hidden files and lakes are passed over.
pub fn discover(inputs: &[String]) -> Result<Vec<Found>, Error> {
    let mut found = Vec::new();
    for input in inputs {
        let path = Path::new(input);
        if path.is_dir() {
            walk(path, &mut found)?;
        } else if path.exists() && !path.is_file() {
            return Err(Error::Unrecognised { path: path.into(), reason: "neither a file nor a folder".to_owned() });
        } else if path.exists() {
            found.push(Found { path: path.into(), named: true });
        } else {
            expand(input, &mut found)?;
        }
    }
    found.sort();
    found.dedup_by(|later, earlier| {
        let same = later.path == earlier.path;
        earlier.named |= same && later.named;
        same
    });
    Ok(found)
}

fn expand(pattern: &str, found: &mut Vec<Found>) -> Result<(), Error> {
    let not_found = || Error::NotFound { pattern: pattern.to_owned() };
    if !pattern.contains(['*', '?', '[']) {
        return Err(not_found());
    }
    let paths = glob::glob(pattern)
        .map_err(|error| Error::Pattern { pattern: pattern.to_owned(), reason: error.to_string() })?;
    let before = found.len();
    for path in paths {
        let path = path.map_err(|error| Error::Io { path: error.path().into(), source: error.into() })?;
        if path.is_dir() {
            walk(&path, found)?;
        } else {
            found.push(Found { path, named: false });
        }
    }
    if found.len() == before { Err(not_found()) } else { Ok(()) }
}

fn walk(folder: &Path, found: &mut Vec<Found>) -> Result<(), Error> {
    let is_hidden = |entry: &walkdir::DirEntry| {
        entry.depth() > 0 && entry.file_name().to_str().is_some_and(|name| name.starts_with('.'))
    };
    let is_lake = |entry: &walkdir::DirEntry| {
        entry.file_type().is_dir() && entry.path().join("manifest.json").exists() && entry.path().join(".lock").exists()
    };
    let walk = walkdir::WalkDir::new(folder).follow_links(true).sort_by_file_name();
    for entry in walk.into_iter().filter_entry(|entry| !is_hidden(entry) && !is_lake(entry)) {
        if entry.as_ref().is_err_and(|error| error.loop_ancestor().is_some()) {
            continue;
        }
        let entry = match entry {
            Ok(entry) => entry,
            // A link that leads nowhere, a folder that may not be read: named as a file, so that reading it says why.
            Err(error) => {
                let path = error.path().unwrap_or(folder).to_owned();
                found.push(Found { path, named: error.depth() == 0 });
                continue;
            }
        };
        let passed_over = entry.file_name().to_str().is_some_and(|name| PASSED_OVER.contains(&name));
        if entry.file_type().is_file() && !passed_over {
            found.push(Found { path: entry.into_path(), named: false });
        }
    }
    Ok(())
}
