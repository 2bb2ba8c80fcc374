//! Which sources the lake was made of: what an ingest notes of each, and what a later one is told.

use super::{
    manifest::{Source, SourceDefect},
    transaction::{Input, Transaction},
};
use crate::model::{Defect, Origin};
use std::collections::BTreeSet;

impl Transaction {
    /// May a file of this size have been ingested into this deployment? Without that, its content need not be looked at.
    pub fn may_know(&self, bytes: u64) -> bool {
        let deployment = self.deployment.as_str();
        self.manifest.sources.iter().any(|s| s.deployment == deployment && s.bytes.is_none_or(|known| known == bytes))
    }

    /// Was this content ingested into this deployment, completely?
    pub fn knows(&self, sha256: &str, table: Option<&str>) -> bool {
        let deployment = self.deployment.as_str();
        self.manifest.sources.iter().any(|s| {
            s.deployment == deployment
                && !s.incomplete
                && s.sha256 == sha256
                && (table.is_none() || s.table.as_deref() == table)
        })
    }

    /// What was wrong in this content when it was ingested into this deployment.
    pub fn known_defects(&self, sha256: &str, table: Option<&str>, path: &str) -> Vec<Defect> {
        let deployment = self.deployment.as_str();
        let source = self.manifest.sources.iter().find(|s| {
            s.deployment == deployment && s.sha256 == sha256 && (table.is_none() || s.table.as_deref() == table)
        });
        let defect =
            |d: &SourceDefect| Defect { path: path.to_owned(), line: d.line, reason: d.reason.clone(), count: d.count };
        source.into_iter().flat_map(|source| &source.defects).map(defect).collect()
    }

    /// Adds a source, or puts it in the place of an earlier, incomplete reading of the same content. True if that changes
    /// what is known. A table on a server is read again even where nothing changed: that is no new source.
    fn note_source(&mut self, source: Source) -> bool {
        let same =
            |s: &Source| (&s.deployment, &s.sha256, &s.table) == (&source.deployment, &source.sha256, &source.table);
        // Tables of one database file share its hash.
        if self.manifest.sources.iter().any(|s| !s.incomplete && same(s) && s.name == source.name) {
            return false;
        }
        match self.manifest.sources.iter_mut().find(|s| s.incomplete && same(s)) {
            // What is still waiting keeps the counts of the reading that wrote its rows.
            Some(_) if source.incomplete && source.written == 0 => false,
            Some(earlier) => {
                *earlier = source;
                true
            }
            None => {
                self.manifest.sources.push(source);
                true
            }
        }
    }

    /// Notes the sources that were read. True if there is something new.
    pub(super) fn record(&mut self, inputs: &[Input], incomplete: &BTreeSet<Origin>) -> bool {
        let mut recorded = false;
        for (origin, input) in inputs.iter().enumerate() {
            let receipt = &input.receipt;
            if receipt.skipped_as_known {
                continue;
            }
            let defect = |d: &Defect| SourceDefect { line: d.line, reason: d.reason.clone(), count: d.count };
            let source = Source {
                deployment: self.deployment.as_str().to_owned(),
                sha256: receipt.sha256.clone(),
                name: file_name(&receipt.path),
                kind: receipt.kind.clone(),
                bytes: Some(receipt.bytes),
                table: receipt.table.map(str::to_owned),
                read: receipt.counts.read,
                written: receipt.counts.written,
                duplicate: receipt.counts.duplicate,
                superseded: receipt.counts.superseded,
                ignored: receipt.counts.ignored,
                rejected: receipt.counts.rejected,
                incomplete: incomplete.contains(&(origin as Origin)),
                defects: input.defects.iter().map(defect).collect(),
            };
            recorded |= self.note_source(source);
        }
        recorded
    }
}

/// The file's name without its folders: where an input lay says nothing of the history.
fn file_name(path: &str) -> String {
    path.rsplit(['/', '\\']).next().unwrap_or(path).to_owned()
}
