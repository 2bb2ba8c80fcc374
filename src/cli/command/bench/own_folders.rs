//! Folders of a bench, which go with it also where somebody stops it.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// Folders of files that are of use to this bench alone.
#[derive(Clone, Default)]
pub(super) struct OwnFolders(Arc<Mutex<Vec<PathBuf>>>);

impl OwnFolders {
    pub(super) fn goes_with_the_bench(&self, folder: &Path) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(folder.to_owned());
    }

    /// Where somebody stops the bench, they go with it.
    pub(super) fn leave_nothing(&self) {
        let own = self.clone();
        // Without it they stay, which is no reason not to bench.
        let _ = ctrlc::set_handler(move || {
            for folder in own.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                // What runs still may make files anew meanwhile.
                for _ in 0..REMOVALS {
                    let _ = std::fs::remove_dir_all(folder);
                    if !folder.exists() {
                        break;
                    }
                }
            }
            std::process::exit(STOPPED);
        });
    }
}

/// Tries to remove a folder.
const REMOVALS: usize = 200;
/// Exit code of what an interrupt ended: 128 and its number.
const STOPPED: i32 = 130;
