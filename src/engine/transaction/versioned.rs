//! Values with versions, and changing them.

use super::Again;
use crate::{engine::blocking::rest, model::Clock};
use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Mutex, PoisonError},
};

/// How often a value was written; 0 is before the first time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u64);

/// Keeps values with their versions.
pub trait Store<T> {
    /// Why it cannot.
    type Error;

    /// A value and its version; version 0 where there is none.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn get(&self, key: &str) -> Result<(Option<T>, Version), Self::Error>;

    /// Writes a value if its version is still that; whether it was.
    ///
    /// # Errors
    /// Where it cannot be written.
    fn put_if(&self, key: &str, value: &T, version: Version) -> Result<bool, Self::Error>;
}

/// Puts two changes of one value together: what it was, what it is to be, what it has become meanwhile. `None` where they
/// contradict each other.
pub type Merge<'a, T> = &'a dyn Fn(Option<&T>, &T, &T) -> Option<T>;

/// What is done where somebody else wrote the value meanwhile.
pub enum Conflict<'a, T> {
    /// The new value is worked out anew, of what it is now.
    Retry,
    /// Both changes are put together.
    Merge(Merge<'a, T>),
    /// The caller is told.
    Tell,
}

/// A change that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Updated<T> {
    /// The value.
    pub value: T,
    /// Its version.
    pub version: Version,
    /// How often somebody else was first.
    pub conflicts: u32,
}

/// A change that was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdateError<E> {
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(E),
    /// Somebody else wrote it meanwhile, and that is to be told.
    #[error("`{key}` was changed meanwhile: its version is {now}, no longer {read}")]
    Conflict {
        /// Which value.
        key: String,
        /// Version that was read.
        read: u64,
        /// Version it has.
        now: u64,
    },
    /// The two changes contradict each other.
    #[error("`{key}` was changed meanwhile, and the two changes contradict each other")]
    Contradiction {
        /// Which value.
        key: String,
    },
    /// Others were first each time.
    #[error("`{key}` was changed by others {conflicts} times in a row")]
    TooMany {
        /// Which value.
        key: String,
        /// How often.
        conflicts: u32,
    },
}

/// Changes a value.
///
/// # Errors
/// Where the store cannot, or the change collides with others and the policy gives up.
pub fn update<T, S: Store<T>>(
    store: &S,
    key: &str,
    conflict: &Conflict<'_, T>,
    again: Again,
    clock: &dyn Clock,
    change: impl Fn(Option<&T>) -> T,
) -> Result<Updated<T>, UpdateError<S::Error>> {
    let (mut base, mut version) = store.get(key).map_err(UpdateError::Store)?;
    let mut value = change(base.as_ref());
    let mut conflicts = 0;
    while !store.put_if(key, &value, version).map_err(UpdateError::Store)? {
        conflicts += 1;
        if conflicts > again.retries {
            return Err(UpdateError::TooMany { key: key.to_owned(), conflicts });
        }
        if conflicts > 1 {
            rest(clock, again.pause(conflicts - 1, clock.nanos()));
        }
        let (theirs, now) = store.get(key).map_err(UpdateError::Store)?;
        value = match (conflict, &theirs) {
            (Conflict::Tell, _) => {
                return Err(UpdateError::Conflict { key: key.to_owned(), read: version.0, now: now.0 });
            }
            (Conflict::Merge(merge), Some(theirs)) => match merge(base.as_ref(), &value, theirs) {
                Some(merged) => merged,
                None => return Err(UpdateError::Contradiction { key: key.to_owned() }),
            },
            (Conflict::Retry | Conflict::Merge(_), _) => change(theirs.as_ref()),
        };
        // Merged or worked out anew, it is of their version now.
        (base, version) = (theirs, now);
    }
    Ok(Updated { value, version: Version(version.0 + 1), conflicts })
}

/// Values in memory.
#[derive(Debug)]
pub struct Memory<T>(Mutex<BTreeMap<String, (T, Version)>>);

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Store<T> for Memory<T> {
    type Error = Infallible;

    fn get(&self, key: &str) -> Result<(Option<T>, Version), Infallible> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(all.get(key).map_or((None, Version(0)), |(value, version)| (Some(value.clone()), *version)))
    }

    fn put_if(&self, key: &str, value: &T, version: Version) -> Result<bool, Infallible> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = all.get(key).map_or(Version(0), |(_, version)| *version);
        if now == version {
            all.insert(key.to_owned(), (value.clone(), Version(version.0 + 1)));
        }
        Ok(now == version)
    }
}
