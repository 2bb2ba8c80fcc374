//! What is in a lake, and whether it is whole.

use super::{
    Error, Lake,
    batch::Batch,
    layout,
    order::Order,
    packed::{HELD, Layout},
    part_reader::PartReader,
    table::Table,
};
use crate::model::Counts;
use std::path::PathBuf;
use std::sync::Arc;

/// What a lake holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Survey {
    /// Number of ingests that changed it.
    pub revision: i64,
    /// Parts, by table, deployment and month.
    pub parts: Vec<PartInfo>,
    /// Sources, by deployment and name.
    pub sources: Vec<SourceInfo>,
}

/// One part.
#[derive(Clone, Debug, PartialEq)]
pub struct PartInfo {
    /// Table.
    pub table: String,
    /// Deployment.
    pub deployment: String,
    /// Month, where the table has one folder a month.
    pub month: Option<String>,
    /// Rows.
    pub rows: u64,
    /// Size of the file.
    pub bytes: u64,
    /// Path within the lake.
    pub path: PathBuf,
}

/// One ingested source.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceInfo {
    /// Deployment.
    pub deployment: String,
    /// File name.
    pub name: String,
    /// What it was recognised as.
    pub kind: String,
    /// Table it went to.
    pub table: Option<String>,
    /// SHA-256 of its content.
    pub sha256: String,
    /// What became of its rows.
    pub counts: Counts,
    /// What was wrong: line, reason, count.
    pub defects: Vec<(Option<u64>, String, u64)>,
}

/// Something wrong with a lake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub path: PathBuf,
    /// What.
    pub what: String,
    /// A left-over of an interrupted ingest harms nothing and goes with the next ingest; anything else is damage.
    pub harmless: bool,
}

impl Lake {
    /// What it holds.
    pub fn survey(&self) -> Result<Survey, Error> {
        let manifest = self.manifest()?;
        let part = |part: &super::manifest::Part| PartInfo {
            table: part.table.clone(),
            deployment: part.deployment.clone(),
            month: part.month.clone(),
            rows: part.rows,
            bytes: part.bytes,
            path: part.path(),
        };
        let source = |source: &super::manifest::Source| SourceInfo {
            deployment: source.deployment.clone(),
            name: source.name.clone(),
            kind: source.kind.clone(),
            table: source.table.clone(),
            sha256: source.sha256.clone(),
            counts: source.counts(),
            defects: source.defects.iter().map(|d| (d.line, d.reason.clone(), d.count)).collect(),
        };
        Ok(Survey {
            revision: manifest.revision,
            parts: manifest.parts.iter().map(part).collect(),
            sources: manifest.sources.iter().map(source).collect(),
        })
    }

    /// Reads every part to its end: hash, rows, order, identity; and checks that the counts of sources add up.
    pub fn verify(&self) -> Result<Vec<Fault>, Error> {
        let _held = self.hold();
        let manifest = self.manifest()?;
        let mut faults = Vec::new();
        for part in &manifest.parts {
            let path = self.root.join(part.path());
            if let Err(what) = self.check_part(part, &path) {
                faults.push(Fault { path: part.path(), what, harmless: false });
            }
        }
        for source in manifest.sources.iter().filter(|source| !source.counts().add_up()) {
            let what = format!("counts of source {} do not add up", source.name);
            faults.push(Fault { path: super::manifest::FILE.into(), what, harmless: false });
        }
        for path in layout::orphans(&self.root, &manifest)? {
            let path = path.strip_prefix(&self.root).map(PathBuf::from).unwrap_or(path);
            let what = "left over from an interrupted ingest; the next ingest removes it".to_owned();
            faults.push(Fault { path, what, harmless: true });
        }
        Ok(faults)
    }

    /// Are the parts of these tables the files that were written? A damaged one may still read as if it were whole.
    pub fn check(&self, is_wanted: impl Fn(&str) -> bool) -> Result<(), Error> {
        let _held = self.hold();
        for part in self.manifest()?.parts.iter().filter(|part| is_wanted(&part.table)) {
            self.check_content(part)?;
        }
        Ok(())
    }

    /// Its path, if its content is what the manifest says.
    pub(super) fn check_content(&self, part: &super::manifest::Part) -> Result<PathBuf, Error> {
        let path = self.root.join(part.path());
        let (sha256, bytes) = layout::hash_file(&path)?;
        if (sha256.as_str(), bytes) == (part.sha256.as_str(), part.bytes) {
            Ok(path)
        } else {
            Err(Error::Damaged { path })
        }
    }

    fn check_part(&self, part: &super::manifest::Part, path: &std::path::Path) -> Result<(), String> {
        let (sha256, bytes) = layout::hash_file(path).map_err(|error| error.to_string())?;
        if (sha256.as_str(), bytes) != (part.sha256.as_str(), part.bytes) {
            return Err(
                "content is not what the manifest says; restore the file, or ingest all sources into a new folder with --lake"
                    .to_owned()
            );
        }
        let table = Table::by_name(&part.table).ok_or_else(|| format!("unknown table {}", part.table))?;
        let text = |error: Error| error.to_string();
        let layout = Arc::new(Layout::new(table));
        let mut reader = PartReader::open(path, layout.clone(), None).map_err(text)?;
        let (mut batch, mut before) = (Batch::new(layout.clone()), Batch::new(layout));
        let mut rows = 0;
        while reader.next(&mut batch).map_err(text)? {
            for at in 0..batch.rows() {
                let above = if at > 0 { Some(batch.row(at - 1)) } else { (before.rows() > 0).then(|| before.row(0)) };
                if above.is_some_and(|above| Order::Table.compare(&above, &batch.row(at)).is_ge()) {
                    return Err(format!("rows are out of order or double at row {rows}"));
                }
                rows += 1;
            }
            if let Some(last) = batch.rows().checked_sub(1) {
                before.clear();
                before.push_cells(&batch.row(last).cells(), 0, HELD);
            }
        }
        if rows == part.rows { Ok(()) } else { Err(format!("holds {rows} rows, the manifest says {}", part.rows)) }
    }
}
