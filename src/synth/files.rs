//! Where the files of a history go. Whoever calls opens them.

use std::io::{self, Write};

/// Opens the files of a history.
pub trait Files {
    /// A file of this name, such as `task_instance.csv`. Each name is asked for once.
    ///
    /// # Errors
    /// Where it cannot be opened.
    fn create(&mut self, name: &str) -> io::Result<Box<dyn Write + Send>>;
}
