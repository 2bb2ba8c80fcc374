//! The DAGs of one history: the templates, once for each tenant, with resolved dependencies, pools and queues.

use super::{
    options::{Airflow, Plan},
    template::{Kind, Life, TEMPLATES, TaskSpec, Template},
};
use crate::stats::Draw;

/// Pools of a tenant, with their slots.
const POOLS: [(&str, i32); 7] = [
    ("shop_api", 4),
    ("warehouse", 4),
    ("wms_api", 3),
    ("ads_api", 3),
    ("feature_store", 8),
    ("gpu", 2),
    ("reporting", 2),
];
/// Slots of `default_pool` and of the common worker queue for each tenant.
const DEFAULT_POOL_SLOTS: i32 = 24;
const DEFAULT_QUEUE_SLOTS: i32 = 12;
/// Slots of a tenant's own worker queue.
const OWN_QUEUE_SLOTS: i32 = 7;
/// Regions and brands that name the tenants.
const REGIONS: [&str; 12] = ["eu", "us", "uk", "jp", "br", "in", "au", "ca", "mx", "pl", "tr", "za"];
const BRANDS: [&str; 10] = ["home", "kids", "sport", "beauty", "garden", "books", "toys", "shoes", "food", "pets"];
const MINUTE: i64 = 60_000_000;
/// Schedule of a triggered DAG in 1.10: daily at 8.
const AFTER_ORDERS: (i64, i64) = (1440, 480);
/// How far the levels of the same task lie apart between tenants: standard deviation of the logarithm.
const TENANT_SIGMA: f64 = 0.2;

/// A task of one DAG.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) id: String,
    pub(super) spec: TaskSpec,
    pub(super) kind: Kind,
    pub(super) operator: &'static str,
    pub(super) pool: usize,
    pub(super) queue: usize,
    /// Effective weight: its own and those of all tasks behind it (`weight_rule="downstream"`).
    pub(super) weight: i64,
    /// Mapped instances; 0 where it is not mapped.
    pub(super) mapped: u8,
    pub(super) median_s: f64,
    /// Places of its upstream and downstream tasks, and of all tasks behind it, as bits.
    pub(super) up: u64,
    pub(super) down: u64,
    pub(super) behind: u64,
    /// Its place among all tasks of the fleet.
    pub(super) number: usize,
}

/// A DAG.
#[derive(Clone, Debug)]
pub(super) struct Dag {
    pub(super) id: String,
    pub(super) template: &'static Template,
    pub(super) tenant: usize,
    pub(super) tasks: Vec<Task>,
    /// Under which its random numbers are drawn.
    pub(super) key: u64,
    /// Microseconds between two runs, and from midnight (weekly: from Monday) to the first; 0 where an asset starts it.
    pub(super) period: i64,
    pub(super) offset: i64,
    /// Hash of its serialized form.
    pub(super) hash: u128,
    /// Id of its version (Airflow 3).
    pub(super) version: u128,
    /// The DAG that a run of it starts when it has published.
    pub(super) triggers: Option<usize>,
}

impl Dag {
    pub(super) fn task(&self, id: &str) -> Option<usize> {
        self.tasks.iter().position(|task| task.spec.id == id)
    }
}

/// A pool or a worker queue.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) name: String,
    pub(super) slots: i32,
}

/// All DAGs with what they share.
#[derive(Clone, Debug, Default)]
pub(super) struct Fleet {
    pub(super) dags: Vec<Dag>,
    pub(super) pools: Vec<Place>,
    pub(super) queues: Vec<Place>,
    pub(super) tasks: usize,
}

impl Fleet {
    pub(super) fn new(plan: &Plan) -> Self {
        let tenants = plan.dags.div_ceil(TEMPLATES.len());
        let times = i32::try_from(tenants).unwrap_or(i32::MAX / 64);
        let mut fleet = Self {
            pools: vec![Place { name: "default_pool".to_owned(), slots: DEFAULT_POOL_SLOTS * times }],
            queues: vec![Place { name: "default".to_owned(), slots: DEFAULT_QUEUE_SLOTS * times }],
            ..Self::default()
        };
        for number in 0..plan.dags {
            let (tenant, place) = (number / TEMPLATES.len(), number % TEMPLATES.len());
            let suffix = suffix(tenant);
            if place == 0 {
                let own = |(name, slots): (&str, i32)| Place { name: format!("{name}{suffix}"), slots };
                fleet.pools.extend(POOLS.into_iter().map(own));
                fleet.queues.push(own(("ml", OWN_QUEUE_SLOTS)));
            }
            fleet.add(&TEMPLATES[place], tenant, &suffix, number as u64, plan);
        }
        fleet
    }

    fn add(&mut self, template: &'static Template, tenant: usize, suffix: &str, key: u64, plan: &Plan) {
        let old = plan.options.airflow == Airflow::V1_10;
        let mut draw = Draw::keyed(plan.options.seed, &[1, key]);
        let mut tasks: Vec<Task> = Vec::new();
        // For each task of the template, the places of its instances.
        let mut places: Vec<(&str, u64)> = Vec::new();
        for spec in template.tasks {
            let level = draw.log_normal(1.0, TENANT_SIGMA);
            let up = places.iter().filter(|(id, _)| spec.after.contains(id)).fold(0, |up, (_, bits)| up | bits);
            let mut bits = 0;
            // Before mapping there was a loop in the DAG file, and before task groups there were no dots.
            let copies = if old { spec.mapped.max(1) } else { 1 };
            for copy in 0..copies {
                bits |= 1 << tasks.len();
                let name = if old { spec.id.rsplit('.').next().unwrap_or(spec.id) } else { spec.id };
                let id = if copies > 1 { format!("{name}_{copy}") } else { name.to_owned() };
                tasks.push(Task {
                    id,
                    spec: *spec,
                    kind: if old && spec.kind == Kind::Deferrable { Kind::Work } else { spec.kind },
                    operator: if old && spec.kind == Kind::Empty { "DummyOperator" } else { spec.operator },
                    pool: self.pool(spec.pool, tenant),
                    queue: if template.queue { tenant + 1 } else { 0 },
                    weight: 0,
                    mapped: if old { 0 } else { spec.mapped },
                    median_s: spec.median_s * level,
                    up,
                    down: 0,
                    behind: 0,
                    number: self.tasks,
                });
                self.tasks += 1;
            }
            places.push((spec.id, bits));
        }
        connect(&mut tasks);
        let triggered = template.period_min == 0 && !old;
        let orders = self.dags.len().checked_sub(10).filter(|_| triggered);
        if let Some(orders) = orders {
            self.dags[orders].triggers = Some(self.dags.len());
        }
        let id = format!("{}{suffix}", template.dag_id);
        // Before datasets, a DAG that follows another one is scheduled for when that is over.
        let (period, offset) = match template.period_min {
            0 if old => AFTER_ORDERS,
            _ => (template.period_min, template.offset_min),
        };
        let (period, offset) = (period * MINUTE, offset * MINUTE);
        let (hash, version) = (wide(&mut draw), wide(&mut draw));
        self.dags.push(Dag { id, template, tenant, tasks, key, period, offset, hash, version, triggers: None });
    }

    /// Places of a tenant's own pools.
    pub(super) fn pools_of(&self, tenant: usize) -> std::ops::Range<usize> {
        1 + tenant * POOLS.len()..1 + (tenant + 1) * POOLS.len()
    }

    fn pool(&self, name: &str, tenant: usize) -> usize {
        let place = POOLS.iter().position(|(pool, _)| *pool == name);
        place.map_or(0, |place| self.pools_of(tenant).start + place)
    }
}

/// 128 random bits.
pub(super) fn wide(draw: &mut Draw) -> u128 {
    u128::from(draw.bits()) << 64 | u128::from(draw.bits())
}

/// Fills in what follows from the upstream tasks.
fn connect(tasks: &mut [Task]) {
    for at in (0..tasks.len()).rev() {
        let down = (0..tasks.len()).filter(|&other| tasks[other].up >> at & 1 == 1).fold(0, |bits, o| bits | 1 << o);
        let behind = (0..tasks.len()).filter(|&o| down >> o & 1 == 1).fold(down, |bits, o| bits | tasks[o].behind);
        (tasks[at].down, tasks[at].behind) = (down, behind);
        tasks[at].weight = 1 + i64::from(behind.count_ones());
    }
}

/// `` for the first tenant, then `_us`, .., `_eu_home`, ..
fn suffix(tenant: usize) -> String {
    let region = REGIONS[tenant % REGIONS.len()];
    let round = tenant / REGIONS.len();
    match (tenant, round) {
        (0, _) => String::new(),
        (_, 0) => format!("_{region}"),
        _ => {
            let (brand, again) = (BRANDS[(round - 1) % BRANDS.len()], (round - 1) / BRANDS.len());
            if again == 0 { format!("_{region}_{brand}") } else { format!("_{region}_{brand}{}", again + 1) }
        }
    }
}

impl Template {
    /// Rows of task_instance that a day brings, without those of retries.
    pub(super) fn rows_per_day(&self) -> f64 {
        let runs = if self.period_min == 0 { 1.0 } else { 1440.0 / self.period_min as f64 };
        let rows: f64 = self
            .tasks
            .iter()
            .filter(|task| task.life != Life::MayAppear)
            .map(|task| f64::from(task.mapped.max(1)))
            .sum();
        (runs + self.by_hand) * rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::{Options, tries::PUBLISHES};

    #[test]
    fn dependencies_weights_and_names_are_resolved() {
        let fleet = Fleet::new(&Plan::new(&Options { scale: Some(2.0), ..Options::default() }));
        assert_eq!((fleet.dags.len(), fleet.pools.len(), fleet.queues.len()), (28, 15, 3));
        let users = &fleet.dags[15];
        assert_eq!(users.id, "users_sync_us");
        let (extract, dedupe) = (users.task("extract_users").expect("task"), users.task("dedupe_users").expect("task"));
        assert_eq!(users.tasks[extract].down, 1 << dedupe);
        assert_eq!((users.tasks[extract].weight, users.tasks[dedupe].weight), (5, 4));
        assert_eq!(users.tasks[dedupe].up.count_ones(), 2);
        assert_eq!(fleet.pools[users.tasks[extract].pool].name, "shop_api_us");
        assert_eq!(fleet.dags[14].task("publish_orders"), Some(PUBLISHES));
        assert_eq!(fleet.dags[14].triggers, Some(24));
        assert_eq!(fleet.dags[24].id, "dq_checks_us");
    }

    #[test]
    fn every_name_in_a_template_exists_and_each_tenant_has_its_own_name() {
        for template in &TEMPLATES {
            for (at, task) in template.tasks.iter().enumerate() {
                for up in task.after {
                    assert!(template.tasks[..at].iter().any(|other| other.id == *up), "{} {up}", template.dag_id);
                }
                assert!(task.pool.is_empty() || POOLS.iter().any(|(pool, _)| *pool == task.pool), "{}", task.pool);
            }
        }
        let names: std::collections::BTreeSet<String> = (0..1000).map(suffix).collect();
        assert_eq!(names.len(), 1000);
    }

    #[test]
    fn airflow_1_10_has_neither_dots_nor_mapping() {
        let fleet = Fleet::new(&Plan::new(&Options { airflow: Airflow::V1_10, ..Options::default() }));
        let tasks: Vec<&Task> = fleet.dags.iter().flat_map(|dag| &dag.tasks).collect();
        assert!(tasks.iter().all(|task| !task.id.contains('.') && task.mapped == 0 && task.kind != Kind::Deferrable));
        assert!(tasks.iter().any(|task| task.id == "pull_stock_4"));
        assert!(fleet.dags.iter().all(|dag| dag.triggers.is_none() && dag.tasks.len() <= 64));
    }
}
