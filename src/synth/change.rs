//! What is planted: which series changes, when, in which way and by how much.

use super::{
    fleet::{Dag, Fleet},
    options::{DAY, Plan},
    template::{Kind, Life},
};
use crate::stats::{Draw, exp};

/// What happens to one task from the change's date on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Effect {
    /// Its work takes so many times as long.
    Step(f64),
    /// Its work grows by this share a day (exponentially; negative: falls).
    Drift(f64),
    /// Its work takes so many times as long, for so many days.
    Spike(f64, u32),
    /// A try fails with this probability instead of its usual one.
    Failures(f64),
    /// The logarithm of its work varies so many times as much; the median stays.
    Spread(f64),
    /// The work of one mapped instance takes so many times as long.
    OneIndex(u8, f64),
    /// The task is gone.
    Retired,
    /// The task comes.
    New,
}

/// A change of one task.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) dag: usize,
    pub(super) task: usize,
    /// Runs with this logical date or a later one are changed.
    pub(super) at: i64,
    pub(super) effect: Effect,
}

/// A change of a pool or of a worker queue, at an instant.
#[derive(Clone, Debug)]
pub(super) struct Shrink {
    pub(super) is_pool: bool,
    pub(super) place: usize,
    pub(super) at: i64,
    pub(super) before: i32,
    pub(super) after: i32,
}

/// All that is planted.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes {
    pub(super) tasks: Vec<Change>,
    pub(super) shrinks: Vec<Shrink>,
    /// DAGs whose task ids change, with the logical date.
    pub(super) renamed: Vec<(usize, i64)>,
    /// Instant and seconds by which each process takes longer from then on.
    pub(super) hosts: Option<(i64, f64)>,
    /// Place in `tasks` by the number of the task.
    of: Vec<Option<u32>>,
    /// Place in `shrinks` by the place of a queue, then of a pool.
    of_places: [Vec<Option<u32>>; 2],
}

/// Group that the tasks of a renamed DAG move into.
pub(super) const GROUP: &str = "v2.";
const STEPS: [f64; 6] = [1.5, 2.0, 1.1, 3.0, 1.25, 1.75];
/// Share of the tenants, apart from the first, that a change of each kind is planted in.
const SHARE: f64 = 0.6;
const RARE_SHARE: f64 = 0.2;
const HOST_SECONDS: f64 = 2.0;
/// Least median of a task whose work is changed: below, the common overhead hides it.
const LEAST_S: f64 = 12.0;

impl Changes {
    pub(super) fn new(fleet: &Fleet, plan: &Plan) -> Self {
        let of_places = [vec![None; fleet.queues.len()], vec![None; fleet.pools.len()]];
        let mut changes = Self { of: vec![None; fleet.tasks], of_places, ..Self::default() };
        if !plan.options.changes {
            return changes;
        }
        changes.hosts = Some((changes_at(plan, 0.45), HOST_SECONDS));
        let tenants = fleet.dags.last().map_or(0, |dag| dag.tenant + 1);
        for tenant in 0..tenants {
            let mut draw = Draw::keyed(plan.options.seed, &[2, tenant as u64]);
            changes.plant(fleet, plan, tenant, &mut draw);
        }
        changes
    }

    fn plant(&mut self, fleet: &Fleet, plan: &Plan, tenant: usize, draw: &mut Draw) {
        let own = |dag: &Dag| dag.tenant == tenant;
        let dags: Vec<usize> = (0..fleet.dags.len()).filter(|&d| own(&fleet.dags[d])).collect();
        let wanted = |share: f64, draw: &mut Draw| draw.chance(share) || tenant == 0;
        for (i, factor) in STEPS.into_iter().enumerate() {
            // Every third one is a step down; every second one lies in the last week.
            let factor = if i % 3 == 1 { 1.0 / factor } else { factor };
            if wanted(SHARE, draw) {
                self.on_any(fleet, plan, &dags, draw, i % 2 == 0, Effect::Step(factor));
            }
        }
        for (per_day, recent) in [(0.02, false), (-0.01, false)] {
            if wanted(SHARE, draw) {
                self.on_any(fleet, plan, &dags, draw, recent, Effect::Drift(per_day));
            }
        }
        for effect in [Effect::Spike(2.5, 4), Effect::Failures(0.3), Effect::Spread(3.0), Effect::OneIndex(2, 2.5)] {
            if wanted(SHARE, draw) {
                let recent = draw.chance(0.5) && !matches!(effect, Effect::Spike(..));
                self.on_any(fleet, plan, &dags, draw, recent, effect);
            }
        }
        for (dag, task, effect) in [(0, "export_legacy_csv", Effect::Retired), (0, "load.load_iceberg", Effect::New)] {
            if let Some(&dag) = dags.get(dag)
                && let Some(task) = fleet.dags[dag].task(task)
                && wanted(RARE_SHARE, draw)
            {
                let at = self.date(plan, draw, false);
                self.add(fleet, Change { dag, task, at, effect });
            }
        }
        // `reporting`, the last pool of a tenant, and its own worker queue.
        for (is_pool, needs) in [(true, 3), (false, 5)] {
            if dags.len() > needs && wanted(RARE_SHARE, draw) {
                let at = self.date(plan, draw, false);
                let place = if is_pool { fleet.pools_of(tenant).end - 1 } else { tenant + 1 };
                let before = if is_pool { fleet.pools[place].slots } else { fleet.queues[place].slots };
                self.of_places[usize::from(is_pool)][place] = u32::try_from(self.shrinks.len()).ok();
                self.shrinks.push(Shrink { is_pool, place, at, before, after: (before / 2).max(1) });
            }
        }
        if let Some(&dag) = dags.get(8)
            && wanted(RARE_SHARE, draw)
            && fleet.dags[dag].tasks.iter().all(|task| self.of[task.number].is_none())
        {
            self.renamed.push((dag, self.date(plan, draw, false)));
        }
    }

    /// Plants it in a task that has none yet and that it fits.
    fn on_any(&mut self, fleet: &Fleet, plan: &Plan, dags: &[usize], draw: &mut Draw, recent: bool, effect: Effect) {
        let fits = |dag: usize, task: usize| {
            let (dag, task) = (&fleet.dags[dag], &fleet.dags[dag].tasks[task]);
            let works = task.kind == Kind::Work && task.median_s >= LEAST_S && task.spec.life == Life::Always;
            // The id of a search task may change, a weekly DAG has too few runs, and a triggered one none in 1.10.
            let daily = (1..=1440).contains(&dag.template.period_min) && dag.template.dag_id != "search_index";
            works
                && daily
                && match effect {
                    Effect::OneIndex(index, _) => task.mapped > index,
                    Effect::Failures(_) => task.mapped == 0 && task.spec.retries > 0,
                    _ => task.mapped == 0,
                }
        };
        let free = |dag: &usize, task: &usize| self.of[fleet.dags[*dag].tasks[*task].number].is_none();
        let each = dags.iter().flat_map(|&dag| (0..fleet.dags[dag].tasks.len()).map(move |task| (dag, task)));
        let candidates: Vec<(usize, usize)> = each.filter(|(d, t)| free(d, t) && fits(*d, *t)).collect();
        let Some(&(dag, task)) = candidates.get(draw.below(candidates.len() as u64) as usize) else { return };
        let at = self.date(plan, draw, recent);
        self.add(fleet, Change { dag, task, at, effect });
    }

    fn add(&mut self, fleet: &Fleet, change: Change) {
        let number = fleet.dags[change.dag].tasks[change.task].number;
        self.of[number] = u32::try_from(self.tasks.len()).ok();
        self.tasks.push(change);
    }

    /// A midnight: in the last week with some days after it, or between a third and three quarters of the history.
    fn date(&self, plan: &Plan, draw: &mut Draw, recent: bool) -> i64 {
        let days = i64::from(plan.days);
        if recent && days >= 14 {
            return plan.end - DAY * (3 + draw.below(4) as i64);
        }
        changes_at(plan, draw.between(0.33, 0.75))
    }

    /// When the task ids of a DAG change.
    pub(super) fn renamed_at(&self, dag: usize) -> Option<i64> {
        self.renamed.binary_search_by_key(&dag, |(dag, _)| *dag).ok().map(|place| self.renamed[place].1)
    }

    /// Place in `shrinks` of the change of a pool or a queue.
    pub(super) fn of_place(&self, is_pool: bool, place: usize) -> Option<usize> {
        self.of_places[usize::from(is_pool)].get(place).copied().flatten().map(|place| place as usize)
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.tasks.len() + self.shrinks.len() + self.renamed.len() + usize::from(self.hosts.is_some())
    }

    /// Place in `tasks` of the change of a task.
    pub(super) fn of(&self, number: usize) -> Option<usize> {
        self.of.get(number).copied().flatten().map(|place| place as usize)
    }
}

/// The midnight nearest below this share of the history.
fn changes_at(plan: &Plan, share: f64) -> i64 {
    plan.start + DAY * (f64::from(plan.days) * share) as i64
}

impl Change {
    /// Is a run of this logical date changed?
    pub(super) fn holds(&self, logical: i64) -> bool {
        match self.effect {
            Effect::Spike(_, days) => (self.at..self.at + i64::from(days) * DAY).contains(&logical),
            _ => logical >= self.at,
        }
    }

    /// Factor on the work of one instance.
    pub(super) fn factor(&self, logical: i64, index: i64) -> f64 {
        match self.effect {
            _ if !self.holds(logical) => 1.0,
            Effect::Step(factor) | Effect::Spike(factor, _) => factor,
            Effect::Drift(per_day) => exp(per_day * (logical - self.at) as f64 / DAY as f64),
            Effect::OneIndex(which, factor) if i64::from(which) == index => factor,
            _ => 1.0,
        }
    }

    /// Factor on the spread of the logarithm of the work.
    pub(super) fn spread(&self, logical: i64) -> f64 {
        match self.effect {
            Effect::Spread(factor) if self.holds(logical) => factor,
            _ => 1.0,
        }
    }

    /// Probability that a try fails, where it is changed.
    pub(super) fn failures(&self, logical: i64) -> Option<f64> {
        match self.effect {
            Effect::Failures(p) if self.holds(logical) => Some(p),
            _ => None,
        }
    }
}

/// Does the task exist in a run of this logical date?
pub(super) fn exists(life: Life, change: Option<&Change>, logical: i64) -> bool {
    match (life, change.map(|change| (change.effect, change.holds(logical)))) {
        (Life::MayAppear, Some((Effect::New, holds))) => holds,
        (Life::MayAppear, _) => false,
        (Life::MayRetire, Some((Effect::Retired, holds))) => !holds,
        _ => true,
    }
}
