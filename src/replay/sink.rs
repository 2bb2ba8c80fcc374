//! Where batches of records go: a database, or sums in memory. Each checks in the end that it holds what the workload says.

use super::record::{Record, read};
use crate::{
    engine::batch::{Batch, Failure, Handler, ItemFailure},
    model::Expected,
    stats::Draw,
};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::{
    collections::HashSet,
    fs::OpenOptions,
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
};

/// What makes large batches dear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cost {
    /// Nothing.
    None,
    /// There is memory for so many records; the others are written to a file and read from it again.
    Spill(usize),
    /// A statement of more records than this runs out of time, and its work is thrown away.
    TimeOut(usize),
}

/// Records that are spilled together: some kilobytes.
const RECORDS_A_PAGE: usize = 32;

/// How surely a commit is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durable {
    /// Each is waited for (`synchronous = FULL`).
    Full,
    /// The system writes it in its own time (`synchronous = OFF`).
    Off,
}

/// A SQLite file.
pub(super) struct SqliteSink {
    connection: Connection,
    cost: Cost,
    scratch: PathBuf,
    transient: f64,
    draw: Draw,
    /// Records of all commits: one that is handled twice counts twice.
    committed: u64,
}

impl SqliteSink {
    /// A new one: what is there from the last run is none of this one's.
    pub(super) fn create(
        folder: &Path,
        durable: Durable,
        cost: Cost,
        transient: f64,
        seed: u64,
    ) -> Result<Self, String> {
        for suffix in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(folder.join(format!("events.sqlite{suffix}")));
        }
        Self::open(folder, durable, cost, transient, seed)
    }

    /// The one that is there, as a process that died left it, or a new one.
    pub(super) fn open(folder: &Path, durable: Durable, cost: Cost, transient: f64, seed: u64) -> Result<Self, String> {
        let path = folder.join("events.sqlite");
        let make = || {
            let connection = Connection::open(&path)?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", if durable == Durable::Full { "FULL" } else { "OFF" })?;
            connection.execute_batch(
                "CREATE TABLE IF NOT EXISTS events
                     (id TEXT PRIMARY KEY, kind TEXT NOT NULL, customer INTEGER NOT NULL, cents INTEGER NOT NULL) WITHOUT ROWID;
                 CREATE TABLE IF NOT EXISTS position (only INTEGER PRIMARY KEY CHECK (only = 0), items INTEGER NOT NULL);",
            )?;
            Ok(connection)
        };
        let connection = make().map_err(|error: rusqlite::Error| format!("{}: {error}", path.display()))?;
        Ok(Self {
            connection,
            cost,
            scratch: folder.join("spilled"),
            transient,
            draw: Draw::keyed(seed, &[7]),
            committed: 0,
        })
    }

    /// Whether what it holds is what the workload says.
    pub(super) fn check(&self, expected: &Expected) -> Result<(), String> {
        let count = "SELECT count(*), coalesce(sum(CASE kind WHEN 'order' THEN cents END), 0) FROM events";
        let row = self.connection.query_row(count, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)));
        let (rows, cents) = row.map_err(|error| error.to_string())?;
        same(rows as u64, cents as u64, expected)
    }

    /// Whether each record was handled once, in a run that nobody killed.
    pub(super) fn check_once(&self, expected: &Expected) -> Result<(), String> {
        if self.committed != expected.handled {
            return Err(format!(
                "{} records were committed, not {}: some twice, or not at all",
                self.committed, expected.handled
            ));
        }
        self.check(expected)
    }

    fn insert(&mut self, batch: Batch<'_, String>, good: &[(usize, Record<'_>)]) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        insert_all(&transaction, good)?;
        // Of what failed nothing is known yet: all before this batch is settled.
        let keep = "INSERT INTO position VALUES (0, ?1) ON CONFLICT DO UPDATE SET items = excluded.items";
        transaction.prepare_cached(keep)?.execute([batch.first as i64])?;
        match self.cost {
            Cost::TimeOut(most) if good.len() > most => transaction.rollback(),
            _ => {
                self.committed += good.len() as u64;
                transaction.commit()
            }
        }
    }

    fn spill(&self, records: &[String]) -> std::io::Result<()> {
        let mut file = OpenOptions::new().create(true).truncate(true).read(true).write(true).open(&self.scratch)?;
        for page in records.chunks(RECORDS_A_PAGE) {
            for record in page {
                file.write_all(record.as_bytes())?;
            }
            // As a sort that ran out of memory: page by page.
            file.sync_data()?;
        }
        file.rewind()?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(())
    }
}

fn insert_all(transaction: &Transaction<'_>, good: &[(usize, Record<'_>)]) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached("INSERT INTO events VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING")?;
    for (_, record) in good {
        let cents = if record.kind == "order" { record.total_cents } else { record.cents };
        insert.execute(params![record.id, record.kind, record.customer as i64, cents])?;
    }
    Ok(())
}

/// Records that can be read, and those that cannot.
type Sorted<'a> = (Vec<(usize, Record<'a>)>, Vec<(usize, ItemFailure)>);

fn sort(items: &[String]) -> Sorted<'_> {
    let (mut good, mut bad) = (Vec::with_capacity(items.len()), Vec::new());
    for (place, text) in items.iter().enumerate() {
        match read(text) {
            Ok(record) => good.push((place, record)),
            Err(why) => bad.push((place, ItemFailure::Rejected(why))),
        }
    }
    (good, bad)
}

impl Handler<String> for SqliteSink {
    fn position(&mut self) -> Result<Option<u64>, String> {
        let read = self.connection.query_row("SELECT items FROM position", [], |row| row.get::<_, i64>(0)).optional();
        Ok(Some(read.map_err(|error| error.to_string())?.unwrap_or(0) as u64))
    }

    fn apply(&mut self, batch: Batch<'_, String>) -> Result<(), Failure> {
        if self.draw.chance(self.transient) {
            return Err(Failure::Transient("the connection was reset".to_owned()));
        }
        let (good, bad) = sort(batch.items);
        if let Cost::Spill(most) = self.cost
            && batch.items.len() > most
        {
            self.spill(&batch.items[most..]).map_err(|error| Failure::Fatal(error.to_string()))?;
        }
        self.insert(batch, &good).map_err(|error| failure(&error))?;
        match self.cost {
            Cost::TimeOut(most) if good.len() > most => {
                Err(Failure::Transient("the statement ran out of time".to_owned()))
            }
            _ if bad.is_empty() => Ok(()),
            _ => Err(Failure::Items(bad)),
        }
    }
}

/// A disk that is full or broken does not get better by trying again, nor by smaller batches.
fn failure(error: &rusqlite::Error) -> Failure {
    use rusqlite::ErrorCode::{CannotOpen, DatabaseCorrupt, DiskFull, NotADatabase, ReadOnly, SystemIoFailure};
    match error.sqlite_error_code() {
        Some(DiskFull) => {
            Failure::Fatal(format!("{error}: the disk of the temporary folder (TMPDIR) has no space left"))
        }
        Some(CannotOpen | DatabaseCorrupt | NotADatabase | ReadOnly | SystemIoFailure) => {
            Failure::Fatal(error.to_string())
        }
        _ => Failure::Transient(error.to_string()),
    }
}

/// Sums in memory: no batch costs anything of its own.
pub(super) struct SumSink {
    seen: HashSet<String>,
    handled: u64,
    products: Vec<u64>,
    cents: u64,
}

impl SumSink {
    pub(super) fn new() -> Self {
        Self { seen: HashSet::new(), handled: 0, products: Vec::new(), cents: 0 }
    }

    pub(super) fn check(&self, expected: &Expected) -> Result<(), String> {
        if self.handled != expected.handled {
            return Err(format!("{} records were summed, not {}", self.handled, expected.handled));
        }
        same(self.seen.len() as u64, self.cents, expected)
    }
}

impl Handler<String> for SumSink {
    fn apply(&mut self, batch: Batch<'_, String>) -> Result<(), Failure> {
        let (good, bad) = sort(batch.items);
        self.handled += good.len() as u64;
        for (_, record) in &good {
            if !self.seen.insert(record.id.to_owned()) {
                continue;
            }
            if record.kind == "order" {
                self.cents += record.total_cents as u64;
            }
            for line in &record.lines {
                let product = usize::try_from(line.product).unwrap_or(0);
                if self.products.len() <= product {
                    self.products.resize(product + 1, 0);
                }
                self.products[product] += line.quantity as u64;
            }
        }
        if bad.is_empty() { Ok(()) } else { Err(Failure::Items(bad)) }
    }
}

fn same(rows: u64, cents: u64, expected: &Expected) -> Result<(), String> {
    if (rows, cents) == (expected.distinct, expected.revenue_cents) {
        return Ok(());
    }
    let Expected { distinct, revenue_cents, .. } = expected;
    Err(format!("{rows} different records and {cents} cents came out, not {distinct} and {revenue_cents}"))
}
