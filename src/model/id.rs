//! Identities: text as Airflow wrote it, and the name under which one Airflow's history is kept.

use std::{collections::HashMap, fmt, sync::Arc};

/// Text from data. Shared, because the same few thousand ids stand in millions of rows.
pub type Text = Arc<str>;

/// The hash of texts where millions of rows are looked up; seeded anew in each run.
pub type TextHash = foldhash::fast::RandomState;

/// A map by texts with that hash.
pub type TextMap<K, V> = HashMap<K, V, TextHash>;

/// The name of one Airflow installation in a lake; part of every identity and of every path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deployment(Text);

/// A name that cannot be a deployment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no deployment name: use 1 to 64 of A-Z a-z 0-9 . _ - and begin with a letter or digit")]
pub struct InvalidDeployment(pub String);

impl Deployment {
    /// Longest name, in bytes: it becomes a folder name.
    pub const MAX_LEN: usize = 64;

    /// Checks that `name` is safe as a folder name on every system.
    pub fn new(name: &str) -> Result<Self, InvalidDeployment> {
        let safe = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        let first_ok = name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        if first_ok && name.len() <= Self::MAX_LEN && name.bytes().all(safe) {
            Ok(Self(name.into()))
        } else {
            Err(InvalidDeployment(name.escape_debug().to_string()))
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Deployment {
    fn default() -> Self {
        Self("default".into())
    }
}

impl fmt::Display for Deployment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deployment_names_are_safe_folder_names() {
        for good in ["default", "prod-eu.1", "3_x"] {
            assert_eq!(Deployment::new(good).expect("good").as_str(), good);
        }
        for bad in ["", "..", "../etc", "a/b", "a b", ".hidden", "ü", "-x", &"x".repeat(65)] {
            assert!(Deployment::new(bad).is_err(), "{bad}");
        }
    }
}
