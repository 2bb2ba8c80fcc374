//! One ingest into the lake: rows are put, then committed as a whole or not at all.

use super::{
    Error, Lake, layout,
    manifest::{Manifest, Part},
    merge::merge_month,
    packed::{Layout, MONTH, month_of},
    part_reader::{HeldRows, PartReader, Scratch},
    part_writer::PartWriter,
    resolve::Resolver,
    rows::Stored,
    run_file::Renames,
    settle::Tally,
    spill::{DEFAULT_MEMORY, Spill},
    streams::{Merger, Stream},
    table::Table,
    tables::{LOG_EVENTS, log_event},
};
use crate::model::{AttemptRef, Defect, Deployment, LogEvent, Month, Origin, Row, SourceReceipt, Text, Timestamp};
use std::{
    cell::Cell as Shared,
    collections::{BTreeSet, HashMap, HashSet},
    fs::{self, File},
    num::NonZero,
    path::PathBuf,
    rc::Rc,
};

/// Home of rows that state no time anywhere.
pub(super) const UNDATED: (i16, i8) = (1970, 1);
/// Contradicting attempts that make two histories, and the share of the overlap they must exceed. A run that was deleted
/// and triggered again under the same id contradicts in a few attempts, and so do cleared runs, whose tries two tables tell; another
/// Airflow in nearly all.
const MIN_CONFLICTS: u64 = 10;
const CONFLICT_SHARE: f64 = 0.5;

/// An ingest under way. Dropped without [`Transaction::commit`], it leaves the lake as it was.
pub struct Transaction {
    pub(super) lake: Lake,
    pub(super) deployment: Deployment,
    pub(super) manifest: Manifest,
    staging: tempfile::TempDir,
    memory: u64,
    threads: usize,
    /// One for each table that rows came for; the table at hand is the last.
    spills: Vec<Spill>,
    pub(super) resolver: Resolver,
    /// Held until the transaction ends: one writer at a time.
    _lock: File,
}

/// A source and what was wrong in it, as the ingest saw it.
#[derive(Debug)]
pub struct Input {
    /// Receipt with what reading counted; the lake adds what merging counted.
    pub receipt: SourceReceipt,
    /// Defects.
    pub defects: Vec<Defect>,
}

impl Transaction {
    /// Waits for other writers, clears away what an interrupted ingest left, and begins.
    ///
    /// `memory` is the number of bytes that rows of one table may fill before they are written out, `threads` of those
    /// that encode parts; by default one a core.
    pub fn begin(
        lake: &Lake,
        deployment: &Deployment,
        memory: Option<u64>,
        threads: Option<usize>,
    ) -> Result<Self, Error> {
        let lock = layout::prepare(&lake.root)?;
        let known = Manifest::load(&lake.root)?;
        // A first ingest stores an empty manifest before its parts: parts without one are a history whose manifest was lost.
        if known.is_none() && !layout::orphans(&lake.root, &Manifest::default())?.is_empty() {
            return Err(Error::ManifestLost { path: lake.root.clone() });
        }
        // What the first manifest of a lake says before its parts are there is nothing; an earlier version said more.
        let manifest = known.filter(|manifest| manifest.revision > 0).unwrap_or_default();
        layout::clear_leftovers(&lake.root, &manifest)?;
        let staging = layout::staging(&lake.root)?;
        Ok(Self {
            lake: lake.clone(),
            deployment: deployment.clone(),
            manifest,
            memory: memory.unwrap_or(DEFAULT_MEMORY),
            threads: threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, NonZero::get)),
            staging,
            spills: Vec::new(),
            resolver: Resolver::default(),
            _lock: lock,
        })
    }

    /// Takes one row.
    pub fn put(&mut self, origin: Origin, row: Row) -> Result<(), Error> {
        match row {
            Row::Attempt(attempt) => self.put_attempt(origin, &attempt.as_ref()),
            Row::Run(run) => {
                let month = self.month(&run.dag_id, &run.run_id, run.about());
                self.resolver.note_run(&run);
                self.push(origin, Some(month), &run)
            }
            Row::Reschedule(mut poke) => {
                if let Some(run_id) = self.run_id(&poke.dag_id, &poke.run_id)? {
                    poke.run_id = run_id;
                }
                self.put_poke(origin, &poke)
            }
            Row::Volume(mut volume) => {
                if let Some(run_id) = self.run_id(&volume.dag_id, &volume.run_id)? {
                    volume.run_id = run_id;
                }
                let month = self.month(&volume.dag_id, &volume.run_id, None);
                self.push(origin, Some(month), &volume)
            }
            Row::RescheduleById { ti_id, poke } => {
                self.resolver.wait_for_attempt(ti_id, origin, poke);
                Ok(())
            }
            Row::Edge(edge) => self.push(origin, None, &edge),
            Row::Pool(pool) => self.push(origin, None, &pool),
            Row::Dag(dag) => self.push(origin, None, &dag),
            Row::DagTag(tag) => self.push(origin, None, &tag),
            Row::Task(task) => self.push(origin, None, &task),
            Row::Metric(sample) => self.push(origin, Some(sample.ts.month()), &sample),
            Row::Log(event) => self.put_log(origin, event),
            Row::Marker(marker) => self.push(origin, None, &marker),
            Row::Audit(event) => self.push(origin, Some(event.time.month()), &event),
            Row::Job(job) => self.push(origin, Some(month_or_undated(job.started_at.or(job.heartbeat_at))), &job),
            Row::Deadline(deadline) => {
                let month = month_or_undated(deadline.logical_date.or(deadline.due_at).or(deadline.missed_at));
                self.push(origin, Some(month), &deadline)
            }
            Row::Bench(record) => self.push(origin, Some(record.at.month()), &record),
        }
    }

    /// Takes one attempt.
    pub fn put_attempt(&mut self, origin: Origin, attempt: &AttemptRef<'_>) -> Result<(), Error> {
        match self.run_id(attempt.dag_id, attempt.run_id)? {
            Some(run_id) => self.put_named(origin, &AttemptRef { run_id: &run_id, ..*attempt }),
            None => self.put_named(origin, attempt),
        }
    }

    /// An attempt under its run's own id.
    fn put_named(&mut self, origin: Origin, attempt: &AttemptRef<'_>) -> Result<(), Error> {
        for (origin, poke) in self.resolver.pokes_of(attempt) {
            self.put_poke(origin, &poke)?;
        }
        let seen = [attempt.scheduled_at, attempt.queued_at, attempt.started_at, attempt.ended_at, attempt.updated_at];
        let month = self.month(attempt.dag_id, attempt.run_id, seen.into_iter().flatten().next());
        self.push(origin, Some(month), attempt)
    }

    /// Log lines with these templates have others: that was found out only after they were put.
    pub fn rename_templates(&mut self, others: HashMap<Text, Text>) {
        if let Some(spill) = self.spill(&LOG_EVENTS).filter(|_| !others.is_empty()) {
            spill.rename(Renames::new(log_event::TEMPLATE, others));
        }
    }

    /// Merges everything into new parts, makes them durable, then replaces the manifest. Returns the inputs with the
    /// counts of merging added, in the order given, and the rows of the deployment before and after.
    pub fn commit(mut self, mut inputs: Vec<Input>) -> Result<(Vec<Input>, (u64, u64)), Error> {
        let before = self.rows();
        let incomplete = self.settle_pokes(&mut inputs)?;
        self.rename_stand_ins()?;
        let mut tally = Tally::default();
        let (added, removed) = self.merge_all(&mut tally)?;
        self.refuse_two_histories(&tally)?;
        for (input, counts) in inputs.iter_mut().zip(&tally.counts) {
            input.receipt.counts.written += counts.written;
            input.receipt.counts.duplicate += counts.duplicate;
            input.receipt.counts.superseded += counts.superseded;
        }
        let recorded = self.record(&inputs, &incomplete);
        if recorded || !added.is_empty() || !removed.is_empty() {
            self.replace(added, &removed)?;
        }
        Ok((inputs, (before, self.rows())))
    }

    fn rows(&self) -> u64 {
        let of_deployment = |part: &&Part| part.deployment == self.deployment.as_str();
        self.manifest.parts.iter().filter(of_deployment).map(|part| part.rows).sum()
    }

    /// Puts new parts in the place of old ones, or leaves the lake as it was.
    pub(super) fn replace(&mut self, added: Vec<Part>, removed: &[Part]) -> Result<(), Error> {
        if self.manifest.revision == 0 {
            // An empty one: killed before its parts are there, this ingest must not count as done.
            Manifest::default().store(&self.lake.root)?;
        }
        let _swapping = layout::hold_for_swapping(&self.lake.root)?;
        let known: BTreeSet<_> = self.manifest.parts.iter().map(Part::path).collect();
        if let Err(error) = self.swap(&added, removed) {
            // Unless the new manifest is there, nothing names the new parts: they would only fill a full disk.
            let stored =
                Manifest::load(&self.lake.root).map(|m| m.is_some_and(|m| m.revision >= self.manifest.revision));
            if let Ok(false) = stored {
                let fresh: Vec<Part> = added.into_iter().filter(|part| !known.contains(&part.path())).collect();
                layout::remove(&self.lake.root, &fresh, &Manifest::default());
            }
            return Err(error);
        }
        layout::remove(&self.lake.root, removed, &self.manifest);
        Ok(())
    }

    pub(super) fn staging_folder(&self) -> &std::path::Path {
        self.staging.path()
    }

    /// Puts the new parts into the lake and names them in its manifest.
    fn swap(&mut self, added: &[Part], removed: &[Part]) -> Result<(), Error> {
        self.manifest.revision += 1;
        layout::publish(&self.lake.root, self.staging.path(), added)?;
        let gone = |part: &Part| removed.iter().any(|r| r.path() == part.path());
        self.manifest.parts.retain(|part| !gone(part));
        self.manifest.parts.extend(added.iter().cloned());
        self.manifest.store(&self.lake.root)
    }

    fn put_log(&mut self, origin: Origin, mut event: LogEvent) -> Result<(), Error> {
        if let (Some(dag_id), Some(run_id)) = (&event.dag_id, &event.run_id)
            && let Some(known) = self.run_id(dag_id, run_id)?
        {
            event.run_id = Some(known);
        }
        self.push(origin, Some(month_or_undated(event.ts)), &event)
    }

    pub(super) fn put_poke(&mut self, origin: Origin, poke: &crate::model::Reschedule) -> Result<(), Error> {
        let month = self.month(&poke.dag_id, &poke.run_id, poke.started_at);
        self.push(origin, Some(month), poke)
    }

    fn push<T: Stored>(&mut self, origin: Origin, month: Option<Month>, row: &T) -> Result<(), Error> {
        let revision = self.manifest.revision + 1;
        self.spill_for(T::TABLE)?.push(row, month, origin, revision)
    }

    /// Where rows of a table go.
    pub(super) fn spill_for(&mut self, table: &'static Table) -> Result<&mut Spill, Error> {
        let known = self.spills.iter().rposition(|spill| std::ptr::eq(spill.table(), table));
        if known.is_none_or(|place| place + 1 < self.spills.len()) {
            if let Some(before) = self.spills.last_mut() {
                before.rest()?;
            }
            match known {
                Some(place) => self.spills[place..].rotate_left(1),
                None => self.spills.push(Spill::new(table, self.staging.path(), self.memory)),
            }
        }
        let last = self.spills.len() - 1;
        Ok(&mut self.spills[last])
    }

    /// Rows of a table that have come so far.
    pub(super) fn spill(&mut self, table: &'static Table) -> Option<&mut Spill> {
        self.spills.iter_mut().find(|spill| std::ptr::eq(spill.table(), table))
    }

    pub(super) fn parts_of(&self, table: &Table) -> Vec<Part> {
        let of_table = |p: &&Part| p.table == table.name && p.deployment == self.deployment.as_str();
        self.manifest.parts.iter().filter(of_table).cloned().collect()
    }

    fn merge_all(&mut self, tally: &mut Tally) -> Result<(Vec<Part>, Vec<Part>), Error> {
        let (mut added, mut removed) = (Vec::new(), Vec::new());
        let renamed = Rc::new(self.resolver.take_renamed());
        let mut spills = std::mem::take(&mut self.spills);
        spills.sort_by_key(|spill| spill.table().name);
        for spill in spills {
            let table = spill.table();
            let mut merger = spill.into_merger()?;
            while let Some(month) = merger.peek().map(|row| month_of(row.words[MONTH])) {
                let (old, new) = self.merge_part(table, month, &mut merger, &renamed, tally, false)?;
                let Some(new) = new else { continue };
                removed.extend(old);
                added.push(new);
            }
        }
        Ok((added, removed))
    }

    /// Merges the rows of one month with the part that is there. Returns that part, and the one in its place, if they differ.
    /// Where no row differs nothing is written, unless `anew` asks for it.
    pub(super) fn merge_part(
        &self,
        table: &'static Table,
        month: Option<Month>,
        merger: &mut Merger,
        renamed: &Rc<HashSet<(Text, Text)>>,
        tally: &mut Tally,
        anew: bool,
    ) -> Result<(Option<Part>, Option<Part>), Error> {
        let month_text = month.map(|month| month.to_string());
        let scratch = Scratch { folder: self.staging.path(), memory: self.memory };
        let old = self.manifest.part(table.name, self.deployment.as_str(), month_text.as_deref()).cloned();
        let left_out = Rc::new(Shared::new(false));
        let part_layout = std::sync::Arc::new(Layout::new(table));
        if let Some(old) = &old {
            // What is damaged would be written anew with a hash that fits.
            let path = self.lake.check_content(old)?;
            let reader = PartReader::open(&path, part_layout.clone(), month)?;
            merger.add(Stream::of_part(HeldRows::new(reader, renamed.clone(), left_out.clone(), &scratch)))?;
        }
        let target =
            self.staging.path().join(format!("{}-{}.part", table.name, month_text.as_deref().unwrap_or("all")));
        let mut writer = PartWriter::create(&target, part_layout, self.threads)?;
        let outcome = merge_month(merger, &mut writer, tally, &scratch)?;
        let changed = outcome.changed || left_out.get() || anew;
        if !changed || outcome.rows == 0 && old.is_none() {
            return Ok((old, None));
        }
        writer.finish()?;
        let (sha256, bytes) = layout::hash_file(&target)?;
        let part = Part {
            table: table.name.to_owned(),
            deployment: self.deployment.as_str().to_owned(),
            month: month_text,
            sha256,
            rows: outcome.rows,
            bytes,
            stand_ins: outcome.stand_ins,
        };
        if old.as_ref() == Some(&part) {
            return Ok((old, None));
        }
        let staged = self.staging.path().join(layout::staged_name(&part));
        fs::rename(&target, &staged).map_err(Error::io("rename", &target))?;
        Ok((old, Some(part)))
    }

    fn refuse_two_histories(&self, tally: &Tally) -> Result<(), Error> {
        if tally.conflicts < MIN_CONFLICTS || (tally.conflicts as f64) <= CONFLICT_SHARE * tally.overlap as f64 {
            return Ok(());
        }
        Err(Error::Conflict {
            deployment: self.deployment.to_string(),
            conflicts: tally.conflicts,
            overlap: tally.overlap,
            example: tally.example.clone().unwrap_or_default(),
        })
    }
}

fn month_or_undated(instant: Option<Timestamp>) -> Month {
    instant.map_or(Month::new(UNDATED.0, UNDATED.1), Timestamp::month)
}

impl std::fmt::Debug for Transaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let root: &PathBuf = &self.lake.root;
        f.debug_struct("Transaction").field("lake", root).field("deployment", &self.deployment).finish_non_exhaustive()
    }
}
