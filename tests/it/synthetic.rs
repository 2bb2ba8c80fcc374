//! Small histories, written as an Airflow 2.10 export would be: daily runs of a few DAGs, and one task that doubles.

/// Columns of a `task_instance` export that histories need.
pub(crate) const TASK_HEADER: &str = "task_id,dag_id,run_id,map_index,start_date,end_date,duration,state,try_number,\
                                      max_tries,pool,pool_slots,queue,priority_weight,operator,queued_dttm,executor,updated_at";
/// Columns of a `dag_run` export.
pub(crate) const RUN_HEADER: &str = "id,dag_id,queued_at,execution_date,start_date,end_date,state,run_id,run_type,\
                                     data_interval_start,data_interval_end,updated_at,clear_number";

/// Days from 2026-04-01 on.
pub(crate) fn date(day: usize) -> String {
    const LENGTHS: [usize; 4] = [30, 31, 30, 31];
    let (mut month, mut day) = (0, day);
    while day >= LENGTHS[month] {
        day -= LENGTHS[month];
        month += 1;
    }
    format!("2026-{:02}-{:02}", month + 4, day + 1)
}

/// An instant of a day, in seconds after midnight.
pub(crate) fn instant(day: usize, seconds: f64) -> String {
    let micros = (seconds * 1e6).round() as u64;
    let (second, micro) = (micros / 1_000_000, micros % 1_000_000);
    format!("{} {:02}:{:02}:{:02}.{micro:06}+00:00", date(day), second / 3600, second / 60 % 60, second % 60)
}

/// A field of a CSV row.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// A DAG with three tasks in a row, the middle one of which doubles from a day on.
pub(crate) struct Story {
    pub(crate) dag: String,
    pub(crate) tasks: [String; 3],
    /// Stands before the date in the run's id.
    pub(crate) run_prefix: String,
    pub(crate) days: usize,
    pub(crate) doubles_on: usize,
    /// Seconds after midnight at which its runs start.
    pub(crate) starts_at: f64,
    /// 1: tasks of half a minute to a minute.
    pub(crate) scale: f64,
    /// Every task takes so many seconds more from that day on: the host got slower.
    pub(crate) host: (usize, f64),
}

impl Story {
    pub(crate) fn new(name: &str) -> Self {
        let task = |role: &str| format!("{role} {name}");
        Self {
            dag: name.to_owned(),
            tasks: [task("read"), task("work"), task("write")],
            run_prefix: "scheduled__".to_owned(),
            days: 40,
            doubles_on: 30,
            starts_at: 5.0,
            scale: 1.0,
            host: (0, 0.0),
        }
    }

    pub(crate) fn run_id(&self, day: usize) -> String {
        format!("{}{}T00:00:00+00:00", self.run_prefix, date(day))
    }

    /// Seconds that a task takes: steady but for a little noise, without a random number.
    fn seconds(&self, day: usize, task: usize) -> f64 {
        let noise = ((day * 7919 + task * 104_729) % 97) as f64 / 97.0 - 0.5;
        let work = [40.0, 60.0, 30.0][task] * self.scale * (1.0 + 0.06 * noise);
        let work = if task == 1 && day >= self.doubles_on { work * 2.0 } else { work };
        work + if day >= self.host.0 { self.host.1 } else { 0.0 }
    }

    fn task_rows(&self, out: &mut String) {
        for day in 0..self.days {
            let mut clock = self.starts_at + 5.0;
            for task in 0..3 {
                let (queued, start) = (clock, clock + 2.0);
                let end = start + self.seconds(day, task);
                clock = end + 1.0;
                out.push_str(&format!(
                    "{},{},{},-1,{},{},{},success,1,1,default_pool,1,default,1,BashOperator,{},,{}\n",
                    quoted(&self.tasks[task]),
                    quoted(&self.dag),
                    quoted(&self.run_id(day)),
                    instant(day, start),
                    instant(day, end),
                    end - start,
                    instant(day, queued),
                    instant(day, end),
                ));
            }
        }
    }

    fn run_rows(&self, out: &mut String) {
        for day in 0..self.days {
            let host = if day >= self.host.0 { 3.0 * self.host.1 } else { 0.0 };
            let (date, end) = (instant(day, 0.0), instant(day, self.starts_at + 300.0 * self.scale + host));
            out.push_str(&format!(
                "{},{},{date},{date},{},{end},success,{},scheduled,{date},{date},{end},0\n",
                day + 1,
                quoted(&self.dag),
                instant(day, self.starts_at),
                quoted(&self.run_id(day)),
            ));
        }
    }
}

/// `task_instance.csv` of several DAGs.
pub(crate) fn task_instances(stories: &[Story]) -> String {
    let mut out = format!("{TASK_HEADER}\n");
    stories.iter().for_each(|story| story.task_rows(&mut out));
    out
}

/// `dag_run.csv` of several DAGs.
pub(crate) fn dag_runs(stories: &[Story]) -> String {
    let mut out = format!("{RUN_HEADER}\n");
    stories.iter().for_each(|story| story.run_rows(&mut out));
    out
}
