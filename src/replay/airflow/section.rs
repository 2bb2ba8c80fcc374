//! The critical section: which of the scheduled task instances are queued in one pass of the loop.
//!
//! By the rules of `SchedulerJobRunner._executable_task_instances_to_queued` (2.10.5 and 3.3.2): a query gives the first so many
//! by priority weight, date and map index; those that do not fit are passed over, and what barred them (a pool, a DAG, a task) is
//! left out of the next query, which is made only where nothing could be queued at all. So one free slot in a pool with urgent
//! tasks hides every other pool (apache/airflow#45636), and wide tasks starve (#29474).

use super::case::{Case, Generation};
use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap, HashMap, HashSet, btree_set},
};

/// A scheduled task instance in the order of the query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    /// The largest weight first.
    pub(super) weight: Reverse<i64>,
    pub(super) date: i64,
    pub(super) map_index: i32,
    /// What the database's order is taken to be.
    pub(super) tie: u64,
    pub(super) instance: u32,
}

/// Counts that limits are held against, and what waits.
#[derive(Clone, Debug)]
pub(super) struct Section {
    /// Scheduled ones, by pool.
    pub(super) waiting: Vec<BTreeSet<Row>>,
    /// Slots of each pool and those taken.
    pub(super) pools: Vec<(u32, u32)>,
    /// Queued and running instances of each DAG, and of each run.
    pub(super) of_dag: Vec<u32>,
    pub(super) of_run: Vec<u32>,
    pub(super) max_active_tasks: Vec<u32>,
    pub(super) parallelism: u32,
    pub(super) max_tis: u32,
    pub(super) with_executor: u32,
}

#[derive(Default)]
struct Starved {
    pools: HashSet<u32>,
    dags: HashSet<u32>,
    tasks: HashSet<u32>,
}

impl Starved {
    fn count(&self) -> usize {
        self.pools.len() + self.dags.len() + self.tasks.len()
    }
}

impl Section {
    pub(super) fn new(case: &Case) -> Self {
        Self {
            waiting: vec![BTreeSet::new(); case.pools.len()],
            pools: case.pools.iter().map(|pool| (pool.slots, 0)).collect(),
            of_dag: vec![0; case.dags.len()],
            of_run: vec![0; case.runs.len()],
            max_active_tasks: case.dags.iter().map(|dag| dag.max_active_tasks).collect(),
            parallelism: case.rules.parallelism,
            max_tis: case.rules.max_tis,
            with_executor: 0,
        }
    }

    fn open(&self, pool: u32) -> u32 {
        let (slots, taken) = self.pools[pool as usize];
        slots.saturating_sub(taken)
    }

    /// Queues what one pass queues: those instances count as active from here on.
    pub(super) fn pass(&mut self, case: &Case) -> Vec<Row> {
        let room = self.parallelism.saturating_sub(self.with_executor);
        let most = if self.max_tis == 0 { room } else { room.min(self.max_tis) };
        let open: u32 = (0..self.pools.len() as u32).fold(0, |sum: u32, pool| sum.saturating_add(self.open(pool)));
        let most = most.min(open) as usize;
        let mut starved = Starved::default();
        starved.pools.extend((0..self.pools.len() as u32).filter(|pool| self.open(*pool) == 0));
        let mut chosen = Vec::new();
        if most == 0 {
            return chosen;
        }
        loop {
            let rows = self.query(case, most, &starved);
            let known = starved.count();
            for row in &rows {
                if self.fits(case, *row, &mut starved) {
                    self.queue(case, *row);
                    chosen.push(*row);
                }
            }
            if !chosen.is_empty() || rows.len() < most || starved.count() == known {
                break;
            }
        }
        chosen
    }

    /// The first rows of what is not starved. Airflow 3 sees no more of a run than its `max_active_tasks`.
    fn query(&self, case: &Case, most: usize, starved: &Starved) -> Vec<Row> {
        let pools = self.waiting.iter().zip(0_u32..).filter(|(_, pool)| !starved.pools.contains(pool));
        let mut heads: BinaryHeap<Reverse<(Row, usize)>> = BinaryHeap::new();
        let mut rest: Vec<btree_set::Iter<'_, Row>> = Vec::new();
        for (rows, _) in pools {
            let mut rows = rows.iter();
            if let Some(first) = rows.next() {
                heads.push(Reverse((*first, rest.len())));
                rest.push(rows);
            }
        }
        let mut seen_of_run: HashMap<u32, u32> = HashMap::new();
        let mut found = Vec::with_capacity(most);
        while let Some(Reverse((row, pool))) = heads.pop() {
            if let Some(next) = rest[pool].next() {
                heads.push(Reverse((*next, pool)));
            }
            let instance = &case.instances[row.instance as usize];
            let dag = case.runs[instance.run as usize].dag;
            if starved.dags.contains(&dag) || starved.tasks.contains(&instance.task) {
                continue;
            }
            if case.rules.generation == Generation::Three {
                let seen = seen_of_run.entry(instance.run).or_default();
                *seen += 1;
                if self.of_run[instance.run as usize] + *seen > self.max_active_tasks[dag as usize] {
                    continue;
                }
            }
            found.push(row);
            if found.len() == most {
                break;
            }
        }
        found
    }

    fn fits(&self, case: &Case, row: Row, starved: &mut Starved) -> bool {
        let instance = &case.instances[row.instance as usize];
        let open = self.open(instance.pool);
        if open == 0 {
            starved.pools.insert(instance.pool);
            return false;
        }
        if instance.slots > open {
            starved.tasks.insert(instance.task);
            return false;
        }
        let dag = case.runs[instance.run as usize].dag;
        let active = match case.rules.generation {
            Generation::Two => self.of_dag[dag as usize],
            Generation::Three => self.of_run[instance.run as usize],
        };
        if active >= self.max_active_tasks[dag as usize] {
            starved.dags.insert(dag);
            return false;
        }
        true
    }

    fn queue(&mut self, case: &Case, row: Row) {
        let instance = &case.instances[row.instance as usize];
        self.waiting[instance.pool as usize].remove(&row);
        self.pools[instance.pool as usize].1 += instance.slots;
        self.of_dag[case.runs[instance.run as usize].dag as usize] += 1;
        self.of_run[instance.run as usize] += 1;
        self.with_executor += 1;
    }

    /// A step is over; `keeps_slots` where its instance is deferred in a pool that counts those.
    pub(super) fn over(&mut self, case: &Case, instance: u32, keeps_slots: bool) {
        let instance = &case.instances[instance as usize];
        if !keeps_slots {
            self.pools[instance.pool as usize].1 -= instance.slots;
        }
        self.of_dag[case.runs[instance.run as usize].dag as usize] -= 1;
        self.of_run[instance.run as usize] -= 1;
    }
}
