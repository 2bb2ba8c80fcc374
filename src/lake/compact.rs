//! Writes every part again as this version writes it: what an earlier version wrote gets today's encodings, and what an
//! interrupted ingest left behind goes. The rows stay as they are.

use super::{Error, Lake, manifest::Part, settle::Tally, spill::Spill, table::Table, transaction::Transaction};
use crate::model::{Deployment, Month};
use std::{
    collections::{BTreeSet, HashSet},
    rc::Rc,
};

/// What compacting did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Parts of the lake.
    pub parts: u64,
    /// Of these, parts that were replaced.
    pub rewritten: u64,
    /// Bytes of all parts before.
    pub bytes_before: u64,
    /// Bytes of all parts after.
    pub bytes_after: u64,
}

impl Lake {
    /// Compacts one deployment after the other. Whoever reads meanwhile sees each as it was, or as it will be.
    pub fn compact(&self) -> Result<Compacted, Error> {
        let parts = self.manifest()?.parts;
        let names: BTreeSet<&str> = parts.iter().map(|part| part.deployment.as_str()).collect();
        let mut done = Compacted::default();
        for name in names {
            // A name that is none was written by a later version, or by hand.
            let Ok(deployment) = Deployment::new(name) else { continue };
            Transaction::begin(self, &deployment, None, None)?.compact(&mut done)?;
        }
        Ok(done)
    }
}

impl Transaction {
    fn compact(mut self, done: &mut Compacted) -> Result<(), Error> {
        let (mut added, mut removed) = (Vec::new(), Vec::new());
        let of_deployment = |part: &&Part| part.deployment == self.deployment.as_str();
        for old in self.manifest.parts.iter().filter(of_deployment) {
            done.parts += 1;
            done.bytes_before += old.bytes;
            let new = match Table::by_name(&old.table) {
                Some(table) => self.written_anew(table, old)?,
                None => None,
            };
            done.bytes_after += new.as_ref().map_or(old.bytes, |new| new.bytes);
            if let Some(new) = new {
                done.rewritten += 1;
                added.push(new);
                removed.push(old.clone());
            }
        }
        if added.is_empty() { Ok(()) } else { self.replace(added, &removed) }
    }

    /// The same rows as a new part; `None` where it has the same bytes.
    fn written_anew(&self, table: &'static Table, old: &Part) -> Result<Option<Part>, Error> {
        let month = old.month.as_deref().and_then(Month::parse);
        let mut merger = Spill::new(table, self.staging_folder(), 0).into_merger()?;
        let renamed = Rc::new(HashSet::new());
        let written = self.merge_part(table, month, &mut merger, &renamed, &mut Tally::default(), true)?;
        Ok(written.1)
    }
}
