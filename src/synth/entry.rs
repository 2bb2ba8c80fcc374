//! A try and a run, and how a row of each version tells them.

use super::{
    options::Airflow,
    rows::{Fields, NULL, uuid},
};

/// Pickle of an empty dictionary, as psql shows bytes.
const PICKLED: &str = "\\x80057d942e";
const SECOND: i64 = 1_000_000;

/// One try of a task instance.
#[derive(Clone, Copy)]
pub(super) struct Try<'a> {
    pub(super) dag_id: &'a str,
    /// The task's group and its id within: together the task id.
    pub(super) group: &'a str,
    pub(super) task_id: &'a str,
    pub(super) run_id: &'a str,
    pub(super) logical: i64,
    pub(super) map_index: i64,
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) duration: i64,
    pub(super) state: &'a str,
    pub(super) number: i64,
    pub(super) max_tries: i64,
    /// Worker; `NULL` where nothing ran.
    pub(super) host: i64,
    pub(super) pool: &'a str,
    pub(super) queue: &'a str,
    pub(super) weight: i64,
    pub(super) operator: &'a str,
    pub(super) queued: i64,
    pub(super) scheduled: i64,
    pub(super) updated: i64,
    pub(super) job: i64,
    /// Random bits of the try.
    pub(super) random: u128,
    pub(super) id: u128,
    pub(super) version: u128,
}

/// One run.
pub(super) struct Ran<'a> {
    pub(super) id: i64,
    pub(super) dag_id: &'a str,
    pub(super) run_id: &'a str,
    pub(super) run_type: &'a str,
    pub(super) logical: i64,
    pub(super) interval: (i64, i64),
    pub(super) run_after: i64,
    pub(super) queued: i64,
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) state: &'a str,
    pub(super) clears: i64,
    pub(super) hash: u128,
    pub(super) random: u128,
    pub(super) version: u128,
}

impl Fields<'_> {
    /// The row of task_instance.
    pub(super) fn last_try(&mut self, airflow: Airflow, row: &Try<'_>) {
        match airflow {
            Airflow::V1_10 => {
                self.task(row);
                self.text(row.dag_id);
                self.time(row.logical);
                self.span(row);
                self.text(row.state);
                self.int(row.number);
                self.host(row);
                self.int(row.job);
                self.text(row.pool);
                self.text(row.queue);
                self.int(row.weight);
                self.text(row.operator);
                self.time(row.queued);
                self.pid(row);
                self.int(row.max_tries);
                self.text(PICKLED);
                self.int(1);
            }
            Airflow::V2_10 => {
                self.key(row);
                self.span(row);
                self.text(row.state);
                self.int(row.number);
                self.rest_2_10(row);
            }
            Airflow::V3_3 => {
                self.uuid(row.id);
                self.key(row);
                self.span(row);
                self.text(row.state);
                self.int(row.number);
                self.rest_3_3(row, true);
            }
        }
    }

    /// The row of dag_run.
    pub(super) fn run(&mut self, airflow: Airflow, run: &Ran<'_>) {
        self.int(run.id);
        self.text(run.dag_id);
        let by_hand = run.run_type == "manual";
        match airflow {
            Airflow::V1_10 => {
                self.time(run.logical);
                self.text(run.state);
                self.text(run.run_id);
                self.text(if by_hand { "t" } else { "f" });
                self.nulls(1);
                self.time(run.end);
                self.time(run.start);
            }
            Airflow::V2_10 => {
                self.time(run.queued);
                self.time(run.logical);
                self.time(run.start);
                self.time(run.end);
                self.text(run.state);
                self.text(run.run_id);
                self.int(if by_hand { NULL } else { 2 });
                self.text(if by_hand { "t" } else { "f" });
                self.text(run.run_type);
                self.text(PICKLED);
                self.time(run.interval.0);
                self.time(run.interval.1);
                self.time(run.end - 9_000);
                self.hash(run.hash);
                self.int(1);
                self.time(run.end + 900);
                self.int(run.clears);
            }
            Airflow::V3_3 => {
                self.time(run.queued);
                self.time(run.logical);
                self.time(run.start);
                self.time(run.end);
                self.text(run.state);
                self.text(run.run_id);
                self.int(if by_hand { NULL } else { 3 });
                self.text(run.run_type);
                self.text(match run.run_type {
                    "manual" => "UI",
                    "asset_triggered" => "ASSET",
                    _ => "TIMETABLE",
                });
                self.text(if by_hand { "ops" } else { "" });
                self.text("{}");
                self.time(run.interval.0);
                self.time(run.interval.1);
                self.time(run.run_after);
                self.time(run.end - 9_000);
                self.int(2);
                self.time(run.queued + 1_200);
                self.time(run.end + 900);
                self.int(run.clears);
                self.nulls(2);
                self.int(3);
                self.carrier(run.random);
                self.text("not_started");
                self.uuid(run.version);
                self.nulls(2);
            }
        }
    }

    pub(super) fn task(&mut self, row: &Try<'_>) {
        self.out.extend_from_slice(row.group.as_bytes());
        self.text(row.task_id);
    }

    /// task_id, dag_id, run_id, map_index
    pub(super) fn key(&mut self, row: &Try<'_>) {
        self.task(row);
        self.text(row.dag_id);
        self.text(row.run_id);
        self.int(row.map_index);
    }

    /// start_date, end_date, duration
    pub(super) fn span(&mut self, row: &Try<'_>) {
        self.time(row.start);
        self.time(row.end);
        self.seconds(row.duration);
    }

    /// hostname, unixname
    fn host(&mut self, row: &Try<'_>) {
        if row.host == NULL {
            self.text("\"\"");
        } else {
            self.out.extend_from_slice(b"worker-");
            self.int(row.host);
        }
        self.text("airflow");
    }

    fn pid(&mut self, row: &Try<'_>) {
        self.int(if row.job == NULL { NULL } else { 100 + (row.random & 0x7fff) as i64 });
    }

    fn carrier(&mut self, random: u128) {
        self.out.extend_from_slice(b"\"{\"\"__var\"\": {\"\"traceparent\"\": \"\"00-");
        self.hex(random);
        self.out.push(b'-');
        let from = self.out.len();
        self.hex(random.rotate_left(29) ^ random.wrapping_mul(3));
        self.out.truncate(from + 16);
        self.out.extend_from_slice(b"-00\"\"}, \"\"__type\"\": \"\"dict\"\"}\",");
    }

    fn hex(&mut self, value: u128) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        for byte in value.to_be_bytes() {
            self.out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }

    fn hash(&mut self, value: u128) {
        self.hex(value);
        self.out.push(b',');
    }

    /// An id of the executor's own, where the try went to one.
    fn executor_id(&mut self, row: &Try<'_>) {
        if row.job != NULL {
            uuid(self.out, row.random & !(0xf << 76 | 3 << 62) | 4 << 76 | 2 << 62);
        }
        self.out.push(b',');
    }

    pub(super) fn rest_2_10(&mut self, row: &Try<'_>) {
        self.int(row.max_tries);
        self.host(row);
        self.int(row.job);
        self.text(row.pool);
        self.int(1);
        self.text(row.queue);
        self.int(row.weight);
        self.text(row.operator);
        self.nulls(1);
        self.time(row.queued);
        self.int(if row.job == NULL { NULL } else { 2 });
        self.pid(row);
        self.nulls(1);
        self.text(PICKLED);
        self.time(row.updated);
        self.nulls(1);
        self.executor_id(row);
        self.nulls(4);
        self.task(row);
    }

    pub(super) fn rest_3_3(&mut self, row: &Try<'_>, live: bool) {
        self.int(row.max_tries);
        self.host(row);
        self.text(row.pool);
        self.int(1);
        self.text(row.queue);
        self.int(row.weight);
        self.text(row.operator);
        self.text(row.operator);
        self.time(row.queued);
        self.time(row.scheduled);
        self.int(if row.job == NULL { NULL } else { 3 });
        if live {
            self.time(if row.job == NULL || row.end == NULL { NULL } else { row.end - SECOND / 3 });
        }
        self.pid(row);
        self.nulls(1);
        self.text(PICKLED);
        self.time(row.updated);
        self.int(if row.map_index >= 0 { row.map_index } else { NULL });
        self.carrier(row.random);
        self.text("not_started");
        self.executor_id(row);
        self.nulls(3);
        self.text("null");
        self.task(row);
        self.uuid(row.version);
        self.nulls(2);
    }
}
