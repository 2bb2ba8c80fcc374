//! What a request asks for, and when its turn comes.

use crate::model::Text;
use std::{collections::BTreeMap, sync::Arc};

/// Slots of one pool, or of several at once.
#[derive(Clone, Debug)]
pub(super) struct Needs {
    one: (u32, u32),
    /// All of them, where there are several; by pool.
    several: Option<Arc<[(u32, u32)]>>,
}

impl Needs {
    /// Slots by pool; those of a pool that is named twice are added up.
    pub(super) fn new(slots: impl IntoIterator<Item = (u32, u32)>) -> Self {
        let mut by_pool: BTreeMap<u32, u32> = BTreeMap::new();
        for (pool, count) in slots {
            let sum = by_pool.entry(pool).or_default();
            *sum = sum.saturating_add(count);
        }
        let all: Vec<(u32, u32)> = by_pool.into_iter().collect();
        Self { one: all[0], several: (all.len() > 1).then(|| all.into()) }
    }

    #[inline]
    pub(super) fn one(pool: u32, slots: u32) -> Self {
        Self { one: (pool, slots), several: None }
    }

    #[inline]
    pub(super) fn as_slice(&self) -> &[(u32, u32)] {
        self.several.as_deref().unwrap_or(std::slice::from_ref(&self.one))
    }
}

/// The order in which waiters are served: by the time at which their turn comes, then as they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn {
    /// Arrival, plus the ageing time for each level that the priority lies below the highest.
    pub(super) due: u64,
    pub(super) number: u64,
}

/// What is asked for.
pub(super) struct Asked {
    pub(super) needs: Needs,
    pub(super) priority: u8,
    pub(super) holder: Option<Text>,
}
