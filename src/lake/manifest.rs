//! The manifest: which parts are the lake, and which sources it was made of. It is replaced in one rename, last.

use super::Error;
use crate::model::Counts;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

/// File name within the lake.
pub(super) const FILE: &str = "manifest.json";
/// Format that this program writes. Format 1 had no sizes of sources; it is read, and rewritten by the next ingest that
/// changes something.
pub(super) const FORMAT: u32 = 2;

/// What the lake is made of.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) format: u32,
    /// Grows by one with each ingest that changed something.
    pub(super) revision: i64,
    pub(super) parts: Vec<Part>,
    pub(super) sources: Vec<Source>,
    /// Home of the runs whose id states no date: deployment -> dag_id -> run_id -> month.
    #[serde(default)]
    pub(super) run_months: BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>>,
}

/// One Parquet file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    pub(super) table: String,
    pub(super) deployment: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) month: Option<String>,
    /// SHA-256 of the file.
    pub(super) sha256: String,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    /// Rows whose run is known by its date only.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub(super) stand_ins: u64,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl Part {
    /// Path within the lake.
    pub(super) fn path(&self) -> PathBuf {
        let mut path = PathBuf::from(&self.table).join(format!("deployment={}", self.deployment));
        if let Some(month) = &self.month {
            path = path.join(format!("month={month}"));
        }
        path.join(format!("part-{}.parquet", self.sha256.get(..16).unwrap_or(&self.sha256)))
    }
}

/// One ingested source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    pub(super) deployment: String,
    pub(super) sha256: String,
    pub(super) name: String,
    pub(super) kind: String,
    /// Bytes of the file; `None` in manifests of format 1.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) table: Option<String>,
    pub(super) read: u64,
    pub(super) written: u64,
    pub(super) duplicate: u64,
    pub(super) superseded: u64,
    pub(super) ignored: u64,
    pub(super) rejected: u64,
    /// Some rows wait for what another export holds: it is read again when it comes again.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub(super) incomplete: bool,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub(super) defects: Vec<SourceDefect>,
}

/// One kind of fault in a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceDefect {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) line: Option<u64>,
    pub(super) reason: String,
    pub(super) count: u64,
}

impl Source {
    pub(super) fn counts(&self) -> Counts {
        Counts {
            read: self.read,
            written: self.written,
            duplicate: self.duplicate,
            superseded: self.superseded,
            ignored: self.ignored,
            rejected: self.rejected,
        }
    }
}

impl Default for Manifest {
    fn default() -> Self {
        Self { format: FORMAT, revision: 0, parts: Vec::new(), sources: Vec::new(), run_months: BTreeMap::new() }
    }
}

impl Manifest {
    /// `None` where there is no manifest.
    pub(super) fn load(lake: &Path) -> Result<Option<Self>, Error> {
        let path = lake.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let bad = |error: serde_json::Error| Error::Manifest { path: path.clone(), reason: error.to_string() };
        let head: Head = serde_json::from_str(&text).map_err(bad)?;
        if head.format > FORMAT {
            return Err(Error::TooNew { path, found: head.format, known: FORMAT });
        }
        serde_json::from_str(&text).map_err(bad).map(Some)
    }

    /// Replaces the manifest: write beside it, make durable, rename, make the rename durable.
    pub(super) fn store(&mut self, lake: &Path) -> Result<(), Error> {
        self.parts.sort_by(|a, b| {
            (&a.table, &a.deployment, &a.month, &a.sha256).cmp(&(&b.table, &b.deployment, &b.month, &b.sha256))
        });
        self.sources.sort_by(|a, b| (&a.deployment, &a.name, &a.sha256).cmp(&(&b.deployment, &b.name, &b.sha256)));
        self.format = FORMAT;
        let path = lake.join(FILE);
        let beside = lake.join(format!("{FILE}.new"));
        let mut text = serde_json::to_vec_pretty(self)
            .map_err(|error| Error::Manifest { path: path.clone(), reason: error.to_string() })?;
        text.push(b'\n');
        let mut file = File::create(&beside).map_err(Error::io("create", &beside))?;
        if let Err(error) = file.write_all(&text).and_then(|()| file.sync_all()) {
            let error = Error::io("write", &beside)(error);
            let _ = fs::remove_file(&beside);
            return Err(error);
        }
        fs::rename(&beside, &path).map_err(Error::io("replace", &path))?;
        sync_folder(lake)
    }

    pub(super) fn part(&self, table: &str, deployment: &str, month: Option<&str>) -> Option<&Part> {
        self.parts.iter().find(|p| p.table == table && p.deployment == deployment && p.month.as_deref() == month)
    }
}

/// Makes renames within `folder` durable.
pub(super) fn sync_folder(folder: &Path) -> Result<(), Error> {
    File::open(folder).and_then(|f| f.sync_all()).map_err(Error::io("write", folder))
}
