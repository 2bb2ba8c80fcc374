//! One ingest into the lake: rows are put, then committed as a whole or not at all.

use super::{
    Error, Lake,
    cell::Cell,
    codec::PartReader,
    layout,
    manifest::{Manifest, Part, Source, SourceDefect},
    merge::{Merge, Tally},
    rows::Stored,
    spill::{DEFAULT_MEMORY, Run, Spill},
    table::{self, Record, Table, attempt as at, run},
};
use crate::model::{
    Attempt, DagRun, Defect, Deployment, Month, Origin, Reschedule, Row, SourceReceipt, Text, Timestamp,
    date_in_run_id, is_stand_in_run_id, month_in_run_id,
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fs::{self, File},
    path::PathBuf,
};

/// Home of runs that state no date anywhere: no id with a date, no time in any row.
const UNDATED: (i16, i8) = (1970, 1);
/// Contradicting attempts that make two histories, and the share of the overlap they must exceed. A run that was deleted
/// and triggered again under the same id contradicts in a few attempts; another Airflow in nearly all.
const MIN_CONFLICTS: u64 = 3;
const CONFLICT_SHARE: f64 = 0.5;

/// An ingest under way. Dropped without [`Transaction::commit`], it leaves the lake as it was.
pub struct Transaction {
    lake: Lake,
    deployment: Deployment,
    manifest: Manifest,
    staging: tempfile::TempDir,
    memory: u64,
    spills: BTreeMap<&'static str, Spill>,
    /// (DAG, execution date) -> run id; filled when a row first names its run by date.
    runs_by_date: Option<HashMap<(Text, Timestamp), Text>>,
    /// (DAG, stand-in id) of rows that are kept under their run's own id from now on.
    renamed: HashSet<(Text, Text)>,
    /// Pokes whose attempt is known by Airflow 3's id only.
    pokes: HashMap<Text, Vec<(Origin, Reschedule)>>,
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
    /// `memory` is the number of bytes that rows of one table may fill before they are written out.
    pub fn begin(lake: &Lake, deployment: &Deployment, memory: Option<u64>) -> Result<Self, Error> {
        let lock = layout::prepare(&lake.root)?;
        let known = Manifest::load(&lake.root)?;
        // A first ingest stores an empty manifest before its parts: parts without one are a history whose manifest was lost.
        if known.is_none() && !layout::orphans(&lake.root, &Manifest::default())?.is_empty() {
            return Err(Error::ManifestLost { path: lake.root.clone() });
        }
        let manifest = known.unwrap_or_default();
        layout::clear_leftovers(&lake.root, &manifest)?;
        let staging = layout::staging(&lake.root)?;
        Ok(Self {
            lake: lake.clone(),
            deployment: deployment.clone(),
            manifest,
            memory: memory.unwrap_or(DEFAULT_MEMORY),
            staging,
            spills: BTreeMap::new(),
            runs_by_date: None,
            renamed: HashSet::new(),
            pokes: HashMap::new(),
            _lock: lock,
        })
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

    /// Takes one row.
    pub fn put(&mut self, origin: Origin, row: Row) -> Result<(), Error> {
        match row {
            Row::Attempt(attempt) => self.put_attempt(origin, attempt),
            Row::Run(run) => self.put_run(origin, &run),
            Row::Reschedule(mut poke) => {
                poke.run_id = self.run_id(&poke.dag_id, poke.run_id.clone())?;
                self.put_poke(origin, &poke)
            }
            Row::RescheduleById { ti_id, poke } => {
                self.pokes.entry(ti_id).or_default().push((origin, poke));
                Ok(())
            }
            Row::Edge(edge) => self.push(origin, None, &edge),
            Row::Pool(pool) => self.push(origin, None, &pool),
            Row::Dag(dag) => self.push(origin, None, &dag),
            Row::DagTag(tag) => self.push(origin, None, &tag),
        }
    }

    /// Merges everything into new parts, makes them durable, then replaces the manifest. Returns the inputs with the
    /// counts of merging added, in the order given.
    pub fn commit(mut self, mut inputs: Vec<Input>) -> Result<Vec<Input>, Error> {
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
            if self.manifest.revision == 0 {
                self.manifest.store(&self.lake.root)?;
            }
            let _swapping = layout::hold_for_swapping(&self.lake.root)?;
            layout::publish(&self.lake.root, self.staging.path(), &added)?;
            let gone = |part: &Part| removed.iter().any(|r| r.path() == part.path());
            self.manifest.parts.retain(|part| !gone(part));
            self.manifest.parts.extend(added.iter().cloned());
            self.manifest.revision += 1;
            self.manifest.store(&self.lake.root)?;
            layout::remove(&self.lake.root, &removed, &self.manifest);
        }
        Ok(inputs)
    }

    fn put_attempt(&mut self, origin: Origin, mut attempt: Attempt) -> Result<(), Error> {
        attempt.run_id = self.run_id(&attempt.dag_id, attempt.run_id.clone())?;
        if let Some(ti_id) = &attempt.ti_id
            && let Some(pokes) = self.pokes.remove(ti_id)
        {
            for (origin, poke) in pokes {
                self.put_poke(origin, &of_attempt(poke, &attempt))?;
            }
        }
        let seen = [attempt.scheduled_at, attempt.queued_at, attempt.started_at, attempt.ended_at, attempt.updated_at];
        let month = self.month(&attempt.dag_id, &attempt.run_id, seen.into_iter().flatten().next());
        self.push(origin, Some(month), &attempt)
    }

    fn put_run(&mut self, origin: Origin, run: &DagRun) -> Result<(), Error> {
        let month = self.month(&run.dag_id, &run.run_id, run.about());
        if let (Some(by_date), Some(date)) = (&mut self.runs_by_date, run.logical_date) {
            by_date.insert((run.dag_id.clone(), date), run.run_id.clone());
        }
        self.push(origin, Some(month), run)
    }

    fn put_poke(&mut self, origin: Origin, poke: &Reschedule) -> Result<(), Error> {
        let month = self.month(&poke.dag_id, &poke.run_id, poke.started_at);
        self.push(origin, Some(month), poke)
    }

    fn push<T: Stored>(&mut self, origin: Origin, month: Option<Month>, row: &T) -> Result<(), Error> {
        let cells = row.cells(self.manifest.revision + 1);
        self.spill(T::TABLE).push(Record { month, origin: Some(origin), cells })
    }

    fn spill(&mut self, table: &'static Table) -> &mut Spill {
        let (folder, memory) = (self.staging.path(), self.memory);
        self.spills.entry(table.name).or_insert_with(|| Spill::new(table, folder, memory))
    }

    /// The month in the run's id, else the one fixed when the run was first seen.
    fn month(&mut self, dag_id: &str, run_id: &str, seen: Option<Timestamp>) -> Month {
        if let Some(month) = month_in_run_id(run_id) {
            return month;
        }
        let dags = self.manifest.run_months.entry(self.deployment.as_str().to_owned()).or_default();
        let runs = dags.entry(dag_id.to_owned()).or_default();
        if let Some(month) = runs.get(run_id).and_then(|month| Month::parse(month)) {
            return month;
        }
        let month = seen.map_or(Month::new(UNDATED.0, UNDATED.1), Timestamp::month);
        runs.insert(run_id.to_owned(), month.to_string());
        month
    }

    /// The id of a run that is named by its date, if the run is known.
    fn run_id(&mut self, dag_id: &Text, run_id: Text) -> Result<Text, Error> {
        if !is_stand_in_run_id(&run_id) {
            return Ok(run_id);
        }
        let Some(date) = date_in_run_id(&run_id) else { return Ok(run_id) };
        if self.runs_by_date.is_none() {
            self.runs_by_date = Some(self.read_runs_by_date()?);
        }
        let known = self.runs_by_date.as_ref().and_then(|runs| runs.get(&(dag_id.clone(), date)));
        Ok(known.cloned().unwrap_or(run_id))
    }

    fn read_runs_by_date(&mut self) -> Result<HashMap<(Text, Timestamp), Text>, Error> {
        let mut runs = HashMap::new();
        let mut note = |cells: &[Cell]| {
            if let (Some(dag_id), Some(run_id), Some(date)) =
                (cells[run::DAG_ID].as_text(), cells[run::RUN_ID].as_text(), cells[run::LOGICAL_DATE].as_time())
            {
                runs.insert((dag_id.clone(), date), run_id.clone());
            }
        };
        for part in self.parts_of(&table::DAG_RUNS) {
            for cells in PartReader::open(&self.lake.root.join(part.path()), table::DAG_RUNS.columns.to_vec())? {
                note(&cells?);
            }
        }
        if let Some(spill) = self.spills.get_mut(table::DAG_RUNS.name) {
            spill.scan(note)?;
        }
        Ok(runs)
    }

    fn parts_of(&self, table: &Table) -> Vec<Part> {
        let of_table = |p: &&Part| p.table == table.name && p.deployment == self.deployment.as_str();
        self.manifest.parts.iter().filter(of_table).cloned().collect()
    }

    /// Rows that were kept under a stand-in are taken up again, now that runs have arrived which may be theirs.
    fn rename_stand_ins(&mut self) -> Result<(), Error> {
        if !self.spills.contains_key(table::DAG_RUNS.name) {
            return Ok(());
        }
        for table in [&table::TASK_ATTEMPTS, &table::RESCHEDULES] {
            for part in self.parts_of(table).into_iter().filter(|part| part.stand_ins > 0) {
                let month = part.month.as_deref().and_then(Month::parse);
                for cells in PartReader::open(&self.lake.root.join(part.path()), table.columns.to_vec())? {
                    let mut cells = cells?;
                    let (Some(dag_id), Some(run_id)) = (cells[0].as_text().cloned(), cells[1].as_text().cloned())
                    else {
                        continue;
                    };
                    let real = self.run_id(&dag_id, run_id.clone())?;
                    if real != run_id {
                        self.renamed.insert((dag_id, run_id));
                        cells[1] = Cell::Text(real);
                        self.spill(table).push(Record { month, origin: None, cells })?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Finds the attempts of pokes that came before them or whose attempts came with an earlier ingest. What stays
    /// unknown is rejected, and its source will be read again.
    fn settle_pokes(&mut self, inputs: &mut [Input]) -> Result<BTreeSet<Origin>, Error> {
        let mut incomplete = BTreeSet::new();
        if self.pokes.is_empty() {
            return Ok(incomplete);
        }
        let mut pokes = std::mem::take(&mut self.pokes);
        let mut found: Vec<(Origin, Reschedule)> = Vec::new();
        let mut look = |cells: &[Cell]| {
            if let Some(ti_id) = cells[at::TI_ID].as_text()
                && let Some(waiting) = pokes.remove(ti_id)
                && let Some(attempt) = Attempt::from_cells(cells)
            {
                found.extend(waiting.into_iter().map(|(origin, poke)| (origin, of_attempt(poke, &attempt))));
            }
        };
        for part in self.parts_of(&table::TASK_ATTEMPTS) {
            for cells in PartReader::open(&self.lake.root.join(part.path()), table::TASK_ATTEMPTS.columns.to_vec())? {
                look(&cells?);
            }
        }
        if let Some(spill) = self.spills.get_mut(table::TASK_ATTEMPTS.name) {
            spill.scan(look)?;
        }
        found.sort_by_key(|(origin, poke)| (*origin, poke.number));
        for (origin, poke) in found {
            self.put_poke(origin, &poke)?;
        }
        for (origin, _) in pokes.into_values().flatten() {
            incomplete.insert(origin);
            if let Some(input) = inputs.get_mut(origin as usize) {
                input.receipt.counts.rejected += 1;
                note_unknown_attempt(input);
            }
        }
        Ok(incomplete)
    }

    fn merge_all(&mut self, tally: &mut Tally) -> Result<(Vec<Part>, Vec<Part>), Error> {
        let (mut added, mut removed) = (Vec::new(), Vec::new());
        for (name, spill) in std::mem::take(&mut self.spills) {
            let Some(table) = Table::by_name(name) else { continue };
            let mut runs: Vec<_> = spill.into_runs()?.into_iter().map(Iterator::peekable).collect();
            while let Some(month) = next_month(&mut runs)? {
                let month_text = month.map(|month| month.to_string());
                let old = self.manifest.part(name, self.deployment.as_str(), month_text.as_deref()).cloned();
                let old_path = old.as_ref().map(|part| self.lake.root.join(part.path()));
                let target =
                    self.staging.path().join(format!("{name}-{}.part", month_text.as_deref().unwrap_or("all")));
                let merge =
                    Merge { table, month, existing: old_path.as_deref(), renamed: &self.renamed, target: &target };
                let outcome = merge.run(&mut runs, tally)?;
                if !outcome.changed || outcome.rows == 0 && old.is_none() {
                    continue;
                }
                let (sha256, bytes) = layout::hash_file(&target)?;
                let part = Part {
                    table: name.to_owned(),
                    deployment: self.deployment.as_str().to_owned(),
                    month: month_text,
                    sha256,
                    rows: outcome.rows,
                    bytes,
                    stand_ins: outcome.stand_ins,
                };
                if old.as_ref() == Some(&part) {
                    continue;
                }
                let staged = self.staging.path().join(layout::staged_name(&part));
                fs::rename(&target, &staged).map_err(Error::io("rename", &target))?;
                removed.extend(old);
                added.push(part);
            }
        }
        Ok((added, removed))
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

    /// Adds a source, or puts it in the place of an earlier, incomplete reading of the same content. True if that changes
    /// what is known.
    fn note_source(&mut self, source: Source) -> bool {
        let same =
            |s: &Source| (&s.deployment, &s.sha256, &s.table) == (&source.deployment, &source.sha256, &source.table);
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
    fn record(&mut self, inputs: &[Input], incomplete: &BTreeSet<Origin>) -> bool {
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

fn of_attempt(poke: Reschedule, attempt: &Attempt) -> Reschedule {
    Reschedule {
        dag_id: attempt.dag_id.clone(),
        run_id: attempt.run_id.clone(),
        task_id: attempt.task_id.clone(),
        map_index: attempt.map_index,
        try_number: attempt.try_number,
        ..poke
    }
}

fn note_unknown_attempt(input: &mut Input) {
    const REASON: &str = "task_reschedule refers to a task instance that is not known; ingest task_instance as well";
    match input.defects.iter_mut().find(|defect| defect.reason == REASON) {
        Some(defect) => defect.count += 1,
        None => {
            let path = input.receipt.path.clone();
            input.defects.push(Defect { path, line: None, reason: REASON.to_owned(), count: 1 });
        }
    }
}

/// The month of the next rows, or `None` when all runs are at their end.
fn next_month(runs: &mut [std::iter::Peekable<Run>]) -> Result<Option<Option<Month>>, Error> {
    let mut next: Option<Option<Month>> = None;
    for run in runs.iter_mut() {
        match run.peek() {
            Some(Ok(record)) => next = Some(next.map_or(record.month, |month| month.min(record.month))),
            Some(Err(_)) => return run.next().transpose().map(|_| None),
            None => {}
        }
    }
    Ok(next)
}

impl std::fmt::Debug for Transaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let root: &PathBuf = &self.lake.root;
        f.debug_struct("Transaction").field("lake", root).field("deployment", &self.deployment).finish_non_exhaustive()
    }
}
