//! Rows that name what they belong to by something else than its identity: runs named by their date (before 2.2), pokes
//! named by their attempt's id (3.x), and runs whose id states no month.

use super::{
    Error,
    packed::{Layout, MONTH, MOVED, Packed},
    part_reader::PartReader,
    rows::Loaded,
    table::Table,
    tables::{self, attempt as at, run},
    transaction::{Input, Transaction, UNDATED},
};
use crate::model::{
    Attempt, AttemptRef, DagRun, Defect, Month, Origin, Reschedule, Text, Timestamp, date_in_run_id,
    is_stand_in_run_id, month_in_run_id,
};
use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

/// What is known of such names.
#[derive(Default)]
pub(super) struct Resolver {
    /// (DAG, execution date) -> run id; filled when a row first names its run by date.
    runs_by_date: Option<HashMap<(Text, Timestamp), Text>>,
    /// (DAG, stand-in id) of rows that are kept under their run's own id from now on.
    renamed: HashSet<(Text, Text)>,
    /// Pokes whose attempt is known by Airflow 3's id only.
    pokes: HashMap<Text, Vec<(Origin, Reschedule)>>,
    /// The run asked for last, and the month in its id: neighbouring rows are of one run.
    last_run: (String, Option<Month>),
}

impl Resolver {
    pub(super) fn note_run(&mut self, run: &DagRun) {
        if let (Some(by_date), Some(date)) = (&mut self.runs_by_date, run.logical_date) {
            by_date.insert((run.dag_id.clone(), date), run.run_id.clone());
        }
    }

    pub(super) fn wait_for_attempt(&mut self, ti_id: Text, origin: Origin, poke: Reschedule) {
        self.pokes.entry(ti_id).or_default().push((origin, poke));
    }

    /// Pokes that waited for this attempt.
    pub(super) fn pokes_of(&mut self, attempt: &AttemptRef<'_>) -> Vec<(Origin, Reschedule)> {
        if self.pokes.is_empty() {
            return Vec::new();
        }
        let waiting = attempt.ti_id.and_then(|ti_id| self.pokes.remove(ti_id)).unwrap_or_default();
        waiting.into_iter().map(|(origin, poke)| (origin, of_attempt(poke, attempt))).collect()
    }

    pub(super) fn take_renamed(&mut self) -> HashSet<(Text, Text)> {
        std::mem::take(&mut self.renamed)
    }

    fn month_in_id(&mut self, run_id: &str) -> Option<Month> {
        if self.last_run.0 != run_id {
            self.last_run.0.clear();
            self.last_run.0.push_str(run_id);
            self.last_run.1 = month_in_run_id(run_id);
        }
        self.last_run.1
    }
}

impl Transaction {
    /// The month in the run's id, else the one fixed when the run was first seen.
    pub(super) fn month(&mut self, dag_id: &str, run_id: &str, seen: Option<Timestamp>) -> Month {
        if let Some(month) = self.resolver.month_in_id(run_id) {
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

    /// The id of a run that is named by its date, if the run is known; `None` where the name is fine as it is.
    pub(super) fn run_id(&mut self, dag_id: &str, run_id: &str) -> Result<Option<Text>, Error> {
        if !is_stand_in_run_id(run_id) {
            return Ok(None);
        }
        let Some(date) = date_in_run_id(run_id) else { return Ok(None) };
        if self.resolver.runs_by_date.is_none() {
            self.resolver.runs_by_date = Some(self.read_runs_by_date()?);
        }
        let known = self.resolver.runs_by_date.as_ref().and_then(|runs| runs.get(&(Text::from(dag_id), date)));
        Ok(known.cloned())
    }

    fn read_runs_by_date(&mut self) -> Result<HashMap<(Text, Timestamp), Text>, Error> {
        let mut runs = HashMap::new();
        let mut note = |row: Packed<'_>| {
            if let (Some(dag_id), Some(run_id), Some(date)) =
                (row.text(run::DAG_ID), row.text(run::RUN_ID), row.integer(run::LOGICAL_DATE))
            {
                runs.insert((Text::from(dag_id), Timestamp::from_micros(date)), Text::from(run_id));
            }
        };
        self.each_held(&tables::DAG_RUNS, |row| {
            note(row);
            Ok(())
        })?;
        if let Some(spill) = self.spill(&tables::DAG_RUNS) {
            spill.scan(note)?;
        }
        Ok(runs)
    }

    /// Visits all rows of a table that the lake holds.
    fn each_held(
        &self,
        table: &'static Table,
        mut visit: impl FnMut(Packed<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for part in self.parts_of(table) {
            let path = self.lake.root.join(part.path());
            let month = part.month.as_deref().and_then(Month::parse);
            PartReader::open(&path, Arc::new(Layout::new(table)), month)?.each(&mut visit)?;
        }
        Ok(())
    }

    /// Rows that were kept under a stand-in are taken up again, now that runs have arrived which may be theirs.
    pub(super) fn rename_stand_ins(&mut self) -> Result<(), Error> {
        if self.spill(&tables::DAG_RUNS).is_none() {
            return Ok(());
        }
        for table in [&tables::TASK_ATTEMPTS, &tables::RESCHEDULES] {
            for part in self.parts_of(table).into_iter().filter(|part| part.stand_ins > 0) {
                let path = self.lake.root.join(part.path());
                let month = part.month.as_deref().and_then(Month::parse);
                PartReader::open(&path, Arc::new(Layout::new(table)), month)?.each(|row| {
                    let (dag_id, run_id) = (row.text(0).unwrap_or_default(), row.text(1).unwrap_or_default());
                    let Some(real) = self.run_id(dag_id, run_id)? else { return Ok(()) };
                    self.resolver.renamed.insert((dag_id.into(), run_id.into()));
                    let mut cells = row.cells();
                    cells[1] = (&real).into();
                    self.spill_for(table)?.push_cells(&cells, row.words[MONTH], MOVED)
                })?;
            }
        }
        Ok(())
    }

    /// Finds the attempts of pokes that came before them or whose attempts came with an earlier ingest. What stays
    /// unknown is rejected, and its source will be read again.
    pub(super) fn settle_pokes(&mut self, inputs: &mut [Input]) -> Result<BTreeSet<Origin>, Error> {
        let mut incomplete = BTreeSet::new();
        if self.resolver.pokes.is_empty() {
            return Ok(incomplete);
        }
        let mut pokes = std::mem::take(&mut self.resolver.pokes);
        let mut found: Vec<(Origin, Reschedule)> = Vec::new();
        let mut look = |row: Packed<'_>| {
            if let Some(waiting) = row.text(at::TI_ID).and_then(|ti_id| pokes.remove(ti_id))
                && let Some(attempt) = Attempt::from_row(&row.cells()[..])
            {
                found.extend(waiting.into_iter().map(|(origin, poke)| (origin, of_attempt(poke, &attempt.as_ref()))));
            }
        };
        self.each_held(&tables::TASK_ATTEMPTS, |row| {
            look(row);
            Ok(())
        })?;
        if let Some(spill) = self.spill(&tables::TASK_ATTEMPTS) {
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
}

fn of_attempt(poke: Reschedule, attempt: &AttemptRef<'_>) -> Reschedule {
    Reschedule {
        dag_id: attempt.dag_id.into(),
        run_id: attempt.run_id.into(),
        task_id: attempt.task_id.into(),
        map_index: attempt.map_index,
        try_number: attempt.try_number,
        ..poke
    }
}

fn note_unknown_attempt(input: &mut Input) {
    const REASON: &str = "task_reschedule refers to a task instance that is in no export so far: export task_instance, or it was deleted";
    match input.defects.iter_mut().find(|defect| defect.reason == REASON) {
        Some(defect) => defect.count += 1,
        None => {
            let path = input.receipt.path.clone();
            input.defects.push(Defect { path, line: None, reason: REASON.to_owned(), count: 1 });
        }
    }
}
