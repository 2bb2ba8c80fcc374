//! How many workers there are to be.

use std::collections::BTreeMap;

/// What kind of work it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// It computes: more workers than cores bring nothing.
    Cpu,
    /// It waits: for disks, databases, services.
    #[default]
    Io,
}

/// What the number of workers goes by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleSettings {
    /// Fewest. Default 2.
    pub least: usize,
    /// Most. Default 8.
    pub most: usize,
    /// Share of workers that are busy from which there are to be more. Default 0.8.
    pub busy: f64,
    /// Load of others for each core below which all workers may run. Default 0.3.
    pub light_load: f64,
    /// Load of others for each core below which half of them may; above it the fewest. Default 0.7.
    pub heavy_load: f64,
    /// Memory that a task is thought to need. Default 100 MB.
    pub bytes_a_task: u64,
}

impl Default for ScaleSettings {
    fn default() -> Self {
        Self { least: 2, most: 8, busy: 0.8, light_load: 0.3, heavy_load: 0.7, bytes_a_task: 100_000_000 }
    }
}

/// How things stand.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Conditions {
    /// Workers there are.
    pub workers: usize,
    /// Those of them that are busy.
    pub busy: usize,
    /// Tasks that wait.
    pub waiting: usize,
    /// Those of the running tasks that compute.
    pub computing: usize,
    /// Cores.
    pub cores: usize,
    /// Runnable threads of others for each core, where that is known.
    pub load_of_others: Option<f64>,
    /// Bytes that may be used still, where that is known.
    pub free_bytes: Option<u64>,
    /// Tasks that ended since it was last asked.
    pub ended: u64,
    /// Seconds since.
    pub seconds: f64,
}

/// Gain in tasks a second for which one more worker is worth having.
const WORTH: f64 = 1.03;
/// Observations of a number of workers before its rate is believed.
const BELIEVED: u32 = 2;
/// How often a number of workers that brought nothing is passed by before it is tried again.
const PASSED_BY: u32 = 30;

/// Decides how many workers there are to be, and remembers what each number brought.
#[derive(Debug)]
pub struct Scale {
    settings: ScaleSettings,
    /// Tasks a second while all were busy, by the number of workers, and how often that was seen.
    rates: BTreeMap<usize, (f64, u32)>,
    /// A number that brought nothing, and for how much longer it is not tried.
    useless: Option<(usize, u32)>,
}

impl Scale {
    /// Knows nothing yet.
    #[must_use]
    pub fn new(settings: ScaleSettings) -> Self {
        Self { settings, rates: BTreeMap::new(), useless: None }
    }

    /// How many workers there are to be.
    pub fn next(&mut self, seen: &Conditions) -> usize {
        let most = self.most(seen);
        self.learn(seen);
        let busy = seen.busy as f64 >= self.settings.busy * seen.workers as f64;
        let wanted = if busy && seen.waiting > 0 {
            self.up(seen.workers)
        } else if seen.waiting == 0 && (seen.busy as f64) < self.settings.busy / 2.0 * seen.workers as f64 {
            seen.workers.saturating_sub(1)
        } else {
            seen.workers
        };
        wanted.clamp(self.settings.least.min(most), most)
    }

    /// Most that the machine bears.
    fn most(&self, seen: &Conditions) -> usize {
        let ScaleSettings { least, most, light_load, heavy_load, bytes_a_task, .. } = self.settings;
        let by_load = match seen.load_of_others {
            Some(load) if load >= heavy_load => least,
            Some(load) if load >= light_load => (most / 2).max(least),
            _ => most,
        };
        let by_memory = seen.free_bytes.map_or(most, |free| {
            // Those that are busy have their memory already.
            seen.busy + usize::try_from(free / bytes_a_task.max(1)).unwrap_or(most)
        });
        // Where most of what runs computes, a core each; while nothing runs, that is not known.
        let computes = seen.busy > 0 && seen.computing * 2 > seen.busy;
        let by_kind = if computes { seen.cores.max(least) } else { most };
        // One works always, else nothing would ever end.
        by_load.min(by_memory).min(by_kind).min(most).max(1)
    }

    fn learn(&mut self, seen: &Conditions) {
        if seen.waiting == 0 || seen.busy < seen.workers || seen.seconds <= 0.0 {
            return;
        }
        let rate = seen.ended as f64 / seen.seconds;
        let (known, times) = self.rates.entry(seen.workers).or_insert((rate, 0));
        // A mean of the last few: work changes.
        *times = (*times + 1).min(10);
        *known += (rate - *known) / f64::from(*times).min(5.0);
    }

    fn up(&mut self, workers: usize) -> usize {
        if let Some((number, left)) = &mut self.useless {
            *left -= 1;
            let (number, over) = (*number, *left == 0);
            if over {
                self.useless = None;
                self.rates.remove(&number);
            } else if workers + 1 == number {
                return workers;
            }
        }
        let believed =
            |number: usize| self.rates.get(&number).filter(|(_, times)| *times >= BELIEVED).map(|(rate, _)| *rate);
        match (believed(workers), workers.checked_sub(1).and_then(believed)) {
            (Some(now), Some(before)) if now < before * WORTH => {
                self.useless = Some((workers, PASSED_BY));
                workers - 1
            }
            (Some(_), _) => workers + 1,
            // What this number brings is to be known before there are more.
            (None, _) => workers,
        }
    }
}
