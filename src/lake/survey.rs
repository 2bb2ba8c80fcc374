//! What is in a lake, and whether it is whole.

use super::{Error, Lake, codec::PartReader, layout, table::Table};
use crate::model::Counts;
use std::path::PathBuf;

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

    fn check_part(&self, part: &super::manifest::Part, path: &std::path::Path) -> Result<(), String> {
        let (sha256, bytes) = layout::hash_file(path).map_err(|error| error.to_string())?;
        if (sha256.as_str(), bytes) != (part.sha256.as_str(), part.bytes) {
            return Err(
                "content is not what the manifest says; restore the file or ingest its sources again".to_owned()
            );
        }
        let table = Table::by_name(&part.table).ok_or_else(|| format!("unknown table {}", part.table))?;
        let mut rows = 0;
        let mut before: Option<Box<[super::cell::Cell]>> = None;
        for cells in PartReader::open(path, table.columns.to_vec()).map_err(|error| error.to_string())? {
            let cells = cells.map_err(|error| error.to_string())?;
            if before.as_ref().is_some_and(|before| super::spill::by(table.order, before, &cells).is_ge()) {
                return Err(format!("rows are out of order or double at row {rows}"));
            }
            before = Some(cells);
            rows += 1;
        }
        if rows == part.rows { Ok(()) } else { Err(format!("holds {rows} rows, the manifest says {}", part.rows)) }
    }
}
