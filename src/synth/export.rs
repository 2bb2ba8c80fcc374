//! The files of tries and runs: which row goes where, in the order of a table whose rows were updated.

use super::{
    clock::Stamps,
    columns::{FAILS, PAST, POKES, RUNS, TRIES},
    entry::{Ran, Try},
    files::Files,
    options::{Airflow, Plan},
    rows::{Fields, Lines, NULL},
};
use crate::stats::Draw;
use std::{collections::VecDeque, io};

/// Share of the rows that stand later in the file than their last update says: their page had no room.
const DISPLACED: f64 = 0.02;
/// Rows by which one is displaced, at most.
const FAR: u64 = 2_000;
const SECOND: i64 = 1_000_000;

/// A row that is to stand further down.
struct Late {
    due: u64,
    line: Vec<u8>,
}

/// The files with the rows of tasks and runs.
pub(super) struct Export {
    airflow: Airflow,
    overlap: f64,
    pub(super) stamps: Stamps,
    pub(super) tries: Lines,
    pub(super) past: Option<Lines>,
    pub(super) fails: Option<Lines>,
    pub(super) pokes: Lines,
    pub(super) runs: Lines,
    late: VecDeque<Late>,
    draw: Draw,
    /// Sum of the durations of all last tries, and of the superseded ones, microseconds.
    pub(super) duration: i128,
    pub(super) past_duration: i128,
    pub(super) older: u64,
    pub(super) newer: u64,
}

impl Export {
    pub(super) fn create(files: &mut dyn Files, plan: &Plan) -> io::Result<Self> {
        let airflow = plan.options.airflow;
        let at = airflow as usize;
        let past = at.checked_sub(1).map(|at| Lines::create(files, "task_instance_history.csv", PAST[at]));
        let fails = FAILS.get(at).map(|header| Lines::create(files, "task_fail.csv", header));
        Ok(Self {
            airflow,
            overlap: plan.options.overlap,
            stamps: Stamps::new(),
            tries: Lines::create(files, "task_instance.csv", TRIES[at])?,
            past: past.transpose()?,
            fails: fails.transpose()?,
            pokes: Lines::create(files, "task_reschedule.csv", POKES[at])?,
            runs: Lines::create(files, "dag_run.csv", RUNS[at])?,
            late: VecDeque::new(),
            draw: Draw::keyed(plan.options.seed, &[4]),
            duration: 0,
            past_duration: 0,
            older: 0,
            newer: 0,
        })
    }

    /// The row of a task instance whose last try is over.
    pub(super) fn last_try(&mut self, row: &Try<'_>) -> io::Result<()> {
        self.duration += i128::from(row.duration.max(0));
        let chance = self.draw.uniform();
        self.try_row(row);
        if chance < DISPLACED {
            self.put_off();
        } else {
            self.tries.end()?;
        }
        if self.overlap > 0.0 && self.draw.chance(self.overlap) {
            self.again(row)?;
        }
        self.come_due()
    }

    /// The same try once more, as another export had it.
    fn again(&mut self, row: &Try<'_>) -> io::Result<()> {
        let ran = row.queued != NULL && row.start != NULL;
        if ran && self.draw.chance(0.5) {
            let updated = row.start + SECOND / 5;
            let running = Try { end: NULL, duration: NULL, state: "running", updated, ..*row };
            self.try_row(&running);
            self.older += 1;
        } else {
            let updated = row.updated + 3600 * SECOND + self.draw.below(86_400) as i64 * SECOND;
            self.try_row(&Try { updated, ..*row });
            self.newer += 1;
        }
        self.put_off();
        Ok(())
    }

    /// Takes the row just written out of the file until later.
    fn put_off(&mut self) {
        let buffer = &mut self.tries.buffer;
        let from = buffer.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let line = buffer.split_off(from);
        let due = self.tries.rows + 1 + self.draw.below(FAR);
        let at = self.late.partition_point(|other| other.due <= due);
        self.late.insert(at, Late { due, line });
    }

    fn come_due(&mut self) -> io::Result<()> {
        while self.late.front().is_some_and(|late| late.due <= self.tries.rows) {
            let Some(late) = self.late.pop_front() else { break };
            self.tries.buffer.extend_from_slice(&late.line);
            self.tries.end()?;
        }
        Ok(())
    }

    fn try_row(&mut self, row: &Try<'_>) {
        let Self { airflow, tries, stamps, .. } = self;
        let mut f = Fields { out: &mut tries.buffer, stamps };
        f.last_try(*airflow, row);
    }

    /// A try that another one superseded (2.10 and later).
    pub(super) fn past_try(&mut self, row: &Try<'_>) -> io::Result<()> {
        let Self { airflow, past, stamps, .. } = self;
        let Some(past) = past else { return Ok(()) };
        let id = past.rows as i64 + 1;
        let mut f = Fields { out: &mut past.buffer, stamps };
        let three = *airflow == Airflow::V3_3;
        if three {
            f.uuid(row.id)
        } else {
            f.int(id)
        }
        f.key(row);
        f.int(row.number);
        f.span(row);
        f.text(row.state);
        if three {
            f.rest_3_3(row, false)
        } else {
            f.rest_2_10(row)
        }
        self.past_duration += i128::from(row.duration.max(0));
        past.end()
    }

    /// A try that failed (until 2.10).
    pub(super) fn failed(&mut self, row: &Try<'_>) -> io::Result<()> {
        let Self { airflow, fails, stamps, .. } = self;
        let Some(fails) = fails else { return Ok(()) };
        let id = fails.rows as i64 + 1;
        let mut f = Fields { out: &mut fails.buffer, stamps };
        f.int(id);
        f.task(row);
        f.text(row.dag_id);
        if *airflow == Airflow::V1_10 {
            f.time(row.logical);
        } else {
            f.text(row.run_id);
            f.int(row.map_index);
        }
        f.time(row.start);
        f.time(row.end);
        // Whole seconds, cut off.
        f.int(row.duration / SECOND);
        fails.end()
    }

    /// A poke that was not the last.
    pub(super) fn poke(&mut self, row: &Try<'_>, again: i64) -> io::Result<()> {
        let Self { airflow, pokes, stamps, .. } = self;
        let id = pokes.rows as i64 + 1;
        let mut f = Fields { out: &mut pokes.buffer, stamps };
        f.int(id);
        match airflow {
            Airflow::V3_3 => f.uuid(row.id),
            Airflow::V2_10 => {
                f.key(row);
                f.int(row.number);
            }
            Airflow::V1_10 => {
                f.task(row);
                f.text(row.dag_id);
                f.time(row.logical);
                f.int(row.number);
            }
        }
        f.time(row.start);
        f.time(row.end);
        f.int((row.end - row.start) / SECOND);
        f.time(again);
        pokes.end()
    }

    pub(super) fn run(&mut self, run: &Ran<'_>) -> io::Result<()> {
        let Self { airflow, runs, stamps, .. } = self;
        let mut f = Fields { out: &mut runs.buffer, stamps };
        f.run(*airflow, run);
        runs.end()
    }

    /// Writes out what is left; the files in the order of their names in the ground truth.
    pub(super) fn finish(&mut self) -> io::Result<Vec<(&'static str, u64, u64)>> {
        while let Some(late) = self.late.pop_front() {
            self.tries.buffer.extend_from_slice(&late.line);
            self.tries.end()?;
        }
        let optional = [self.past.as_mut(), self.fails.as_mut()].into_iter().flatten();
        let all = [&mut self.tries, &mut self.runs, &mut self.pokes].into_iter().chain(optional);
        all.map(|lines| lines.finish().map(|()| (lines.name, lines.rows, lines.bytes))).collect()
    }
}
