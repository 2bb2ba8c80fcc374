//! What every schedule keeps, whatever made it: checked by a checker that knows nothing of how schedules are made.

use super::*;
use crate::engine::scheduler::{Lane, Limits, WeightRule};
use proptest::prelude::*;

/// A graph of up to `most` tasks with lengths, some of them zero.
fn dags(most: usize) -> impl Strategy<Value = (Graph, Vec<u64>)> {
    (1..most).prop_flat_map(|tasks| {
        let edges = prop::collection::vec((0..tasks as u32, 0..tasks as u32), 0..tasks * 2);
        let lengths = prop::collection::vec(prop_oneof![4 => 1_u64..1_000, 1 => Just(0)], tasks);
        (edges, lengths).prop_map(move |(edges, lengths)| {
            let forward = edges.into_iter().filter(|(a, b)| a < b).collect();
            (Graph::new(tasks, forward).expect("edges go forward"), lengths)
        })
    })
}

/// A scenario with pools, groups, wide tasks and releases.
fn scenarios() -> impl Strategy<Value = (Scenario, Vec<u64>)> {
    let limits = (1_u32..9, prop::collection::vec(1_u32..6, 1..4), prop::collection::vec(1_u32..5, 1..4));
    (dags(40), limits, any::<u64>()).prop_map(|((graph, lengths), (parallelism, pools, groups), seed)| {
        let lanes: Vec<Lane> = (0..pools.len() as u32)
            .flat_map(|pool| (1..=pools[pool as usize].min(3)).map(move |slots| Lane { pool, slots }))
            .collect();
        let pick = |task: usize, of: usize, salt: u64| (seed.wrapping_mul(task as u64 + salt + 1) >> 33) as usize % of;
        let tasks = lengths.len();
        let scenario = Scenario {
            lanes: (0..tasks).map(|task| pick(task, lanes.len(), 7) as u32).collect(),
            groups: (0..tasks).map(|task| pick(task, groups.len(), 99) as u32).collect(),
            releases: if seed % 3 == 0 {
                (0..tasks).map(|task| pick(task, 500, 3) as u64).collect()
            } else {
                Vec::new()
            },
            limits: Limits { parallelism, pools, groups, lanes },
            graph,
        };
        (scenario, lengths)
    })
}

/// Everything that a schedule must keep, seen from its times alone.
fn check(scenario: &Scenario, lengths: &[u64], schedule: &Schedule) -> Result<(), String> {
    let (starts, ends) = (&schedule.starts, &schedule.ends);
    for task in 0..lengths.len() {
        if starts[task] == u64::MAX || ends[task] != starts[task] + lengths[task] {
            return Err(format!("task {task} runs {} to {} for {}", starts[task], ends[task], lengths[task]));
        }
        if scenario.releases.get(task).is_some_and(|release| starts[task] < *release) {
            return Err(format!("task {task} starts before its release"));
        }
        let early = |parent: &&u32| ends[**parent as usize] > starts[task];
        if let Some(parent) = scenario.graph.parents(task as u32).iter().find(early) {
            return Err(format!("task {task} starts before {parent} ends"));
        }
    }
    for &now in starts {
        // At this instant, once all that starts at it has started; tasks of no length are gone by then.
        let running: Vec<usize> = (0..lengths.len()).filter(|task| starts[*task] <= now && now < ends[*task]).collect();
        let lane = |task: &usize| scenario.limits.lanes[scenario.lanes[*task] as usize];
        if running.len() > scenario.limits.parallelism as usize {
            return Err(format!("{} run at {now}", running.len()));
        }
        for (pool, slots) in scenario.limits.pools.iter().enumerate() {
            let held: u32 =
                running.iter().map(lane).filter(|lane| lane.pool as usize == pool).map(|lane| lane.slots).sum();
            if held > *slots {
                return Err(format!("{held} slots of pool {pool} are held at {now}, of {slots}"));
            }
        }
        for (group, limit) in scenario.limits.groups.iter().enumerate() {
            let active = running.iter().filter(|task| scenario.groups[**task] as usize == group).count();
            if active > *limit as usize {
                return Err(format!("{active} of group {group} run at {now}, of {limit}"));
            }
        }
    }
    Ok(())
}

/// Was anything left waiting that could have run? True of every list schedule.
fn idles(scenario: &Scenario, schedule: &Schedule) -> Option<String> {
    let (starts, ends) = (&schedule.starts, &schedule.ends);
    let ready = |task: usize| {
        let parents = scenario.graph.parents(task as u32).iter().map(|parent| ends[*parent as usize]);
        parents.chain(scenario.releases.get(task).copied()).max().unwrap_or(0)
    };
    for waiting in (0..starts.len()).filter(|task| ready(*task) < starts[*task]) {
        for now in
            ends.iter().copied().chain([ready(waiting)]).filter(|at| ready(waiting) <= *at && *at < starts[waiting])
        {
            let running: Vec<usize> =
                (0..starts.len()).filter(|task| starts[*task] <= now && now < ends[*task]).collect();
            let lane = |task: usize| scenario.limits.lanes[scenario.lanes[task] as usize];
            let of = lane(waiting);
            let held: u32 =
                running.iter().map(|task| lane(*task)).filter(|lane| lane.pool == of.pool).map(|lane| lane.slots).sum();
            let active = running.iter().filter(|task| scenario.groups[**task] == scenario.groups[waiting]).count();
            if running.len() < scenario.limits.parallelism as usize
                && held + of.slots <= scenario.limits.pools[of.pool as usize]
                && active < scenario.limits.groups[scenario.groups[waiting] as usize] as usize
            {
                return Some(format!("task {waiting} could have started at {now}, and started at {}", starts[waiting]));
            }
        }
    }
    None
}

/// List scheduling as one would write it in an evening: at each instant, every ready task is looked at, in order.
fn plain(graph: &Graph, lengths: &[u64], slots: usize, ranks: &Ranks) -> Schedule {
    let tasks = lengths.len();
    let (mut starts, mut ends) = (vec![u64::MAX; tasks], vec![u64::MAX; tasks]);
    let (mut now, mut became) = (0, vec![u64::MAX; tasks]);
    loop {
        loop {
            let over = |task: u32| ends[task as usize] <= now;
            for (task, became) in (0..).zip(&mut became) {
                if *became == u64::MAX && graph.parents(task).iter().all(|parent| over(*parent)) {
                    *became = now;
                }
            }
            let running = (0..tasks).filter(|task| starts[*task] <= now && now < ends[*task]).count();
            let waits = |task: &usize| became[*task] != u64::MAX && starts[*task] == u64::MAX;
            let next = (0..tasks).filter(waits).min_by_key(|task| (ranks.of_task(*task as u32, became[*task]), *task));
            let Some(next) = next.filter(|_| running < slots) else { break };
            starts[next] = now;
            ends[next] = now + lengths[next];
        }
        match ends.iter().filter(|end| **end > now && **end != u64::MAX).min() {
            Some(next) => now = *next,
            None => break,
        }
    }
    let makespan = ends.iter().max().copied().unwrap_or(0);
    Schedule { starts, ends, makespan }
}

fn ranks(graph: &Graph, lengths: &[u64], policy: Policy) -> Ranks {
    Ranks::of(policy, graph, lengths, &vec![1; lengths.len()])
}

/// Lengths of which no two sums are alike, so that ends never meet and ties are none.
fn without_ties(lengths: &[u64]) -> Vec<u64> {
    (0_u64..).zip(lengths).map(|(task, length)| length * 1_000_000_007 + task * 7_919 + 1).collect()
}

proptest! {
    #[test]
    fn every_schedule_keeps_its_limits_and_leaves_nothing_waiting((scenario, lengths) in scenarios(), which in 0..Policy::ALL.len()) {
        let schedule = list(&scenario, &lengths, &ranks(&scenario.graph, &lengths, Policy::ALL[which]));
        prop_assert_eq!(check(&scenario, &lengths, &schedule), Ok(()));
        if lengths.iter().all(|length| *length > 0) {
            prop_assert_eq!(idles(&scenario, &schedule), None);
        }
        let found = best(&scenario, &lengths, &vec![1; lengths.len()], 5);
        let airflow = list(&scenario, &lengths, &ranks(&scenario.graph, &lengths, Policy::Airflow(WeightRule::Downstream)));
        prop_assert_eq!(check(&scenario, &lengths, &found.schedule), Ok(()));
        prop_assert!(found.schedule.makespan <= airflow.makespan);
        prop_assert_eq!(&found.schedule, &list(&scenario, &lengths, &found.ranks));
    }

    #[test]
    fn it_is_what_a_plain_reference_does((graph, lengths) in dags(30), slots in 1_u32..6, which in 0..Policy::ALL.len()) {
        let lengths = without_ties(&lengths);
        let ranks = ranks(&graph, &lengths, Policy::ALL[which]);
        let scenario = Scenario::on_slots(graph.clone(), slots);
        prop_assert_eq!(list(&scenario, &lengths, &ranks), plain(&graph, &lengths, slots as usize, &ranks));
    }

    #[test]
    fn bounds_hold_and_their_ends_are_reached((graph, lengths) in dags(40), slots in 1_u32..6, which in 0..Policy::ALL.len()) {
        let on = |slots: u32| {
            let scenario = Scenario::on_slots(graph.clone(), slots);
            let schedule = list(&scenario, &lengths, &ranks(&graph, &lengths, Policy::ALL[which]));
            (schedule.makespan, bounds(&scenario, &lengths))
        };
        let (makespan, bounds) = on(slots);
        prop_assert!(bounds.lower <= bounds.tight && bounds.tight <= makespan as f64 + 1e-6, "{makespan} {bounds:?}");
        prop_assert!(makespan as f64 <= bounds.upper + 1e-6, "{makespan} {bounds:?}");
        prop_assert_eq!(on(1).0, bounds.work);
        prop_assert_eq!(on(lengths.len() as u32).0, bounds.critical_path);
        let path = critical_path(&graph, &lengths);
        prop_assert_eq!(path.iter().map(|task| lengths[*task as usize]).sum::<u64>(), bounds.critical_path);
        prop_assert!(path.windows(2).all(|pair| graph.children(pair[0]).contains(&pair[1])));
        // Turned around, the same work has the same bounds.
        let turned = super::bounds(&Scenario::on_slots(graph.reversed(), slots), &lengths);
        prop_assert_eq!((turned.work, turned.critical_path, turned.lower), (bounds.work, bounds.critical_path, bounds.lower));
    }

    #[test]
    fn scaled_and_renamed_work_takes_scaled_time((scenario, lengths) in scenarios(), which in 0..Policy::ALL.len(), times in 2_u64..9) {
        let policy = Policy::ALL[which];
        let schedule = list(&scenario, &lengths, &ranks(&scenario.graph, &lengths, policy));
        let longer: Vec<u64> = lengths.iter().map(|length| length * times).collect();
        let mut scaled = scenario.clone();
        scaled.releases.iter_mut().for_each(|release| *release *= times);
        let slow = list(&scaled, &longer, &ranks(&scenario.graph, &longer, policy));
        prop_assert_eq!(slow.starts, schedule.starts.iter().map(|start| start * times).collect::<Vec<_>>());
        // A task that takes no time and that nobody waits for changes nothing for the others.
        let mut more = scenario.clone();
        let tasks = lengths.len() as u32;
        let edges = (0..tasks).flat_map(|task| scenario.graph.children(task).iter().map(move |child| (task, *child)));
        more.graph = Graph::new(tasks as usize + 1, edges.collect()).expect("no circle");
        // In a pool and a group of its own: in another's it would take a slot for an instant, in which that one's tasks are passed.
        more.lanes.push(more.limits.lanes.len() as u32);
        more.limits.lanes.push(Lane { pool: more.limits.pools.len() as u32, slots: 1 });
        more.limits.pools.push(1);
        more.groups.push(more.limits.groups.len() as u32);
        more.limits.groups.push(1);
        if !more.releases.is_empty() {
            more.releases.push(0);
        }
        let with_zero: Vec<u64> = lengths.iter().copied().chain([0]).collect();
        let beside = list(&more, &with_zero, &ranks(&more.graph, &with_zero, policy));
        prop_assert_eq!(&beside.starts[..lengths.len()], &schedule.starts[..]);
    }

    #[test]
    fn names_decide_nothing_but_ties((graph, lengths) in dags(30), slots in 1_u32..6, which in 0..Policy::ALL.len()) {
        let lengths = without_ties(&lengths);
        let tasks = lengths.len() as u32;
        let renamed = |task: u32| tasks - 1 - task;
        let edges = (0..tasks).flat_map(|task| graph.children(task).iter().map(move |child| (renamed(task), renamed(*child))));
        let other = Graph::new(tasks as usize, edges.collect()).expect("no circle");
        let turned: Vec<u64> = lengths.iter().rev().copied().collect();
        // Weights tie where lengths do not: those of Airflow are left out.
        let policy = [Policy::Fifo, Policy::Lpt, Policy::Heft][which % 3];
        let makespan = |graph: &Graph, lengths: &[u64]| {
            list(&Scenario::on_slots(graph.clone(), slots), lengths, &ranks(graph, lengths, policy)).makespan
        };
        // Those that are ready at the beginning tie for whoever comes first.
        if policy != Policy::Fifo {
            prop_assert_eq!(makespan(&graph, &lengths), makespan(&other, &turned));
        }
    }

    #[test]
    fn no_two_tasks_share_a_slot((scenario, lengths) in scenarios()) {
        let schedule = list(&scenario, &lengths, &Ranks::AsTheyCome);
        let slots = slots(&schedule);
        prop_assert!(slots.iter().all(|slot| *slot < scenario.limits.parallelism));
        for a in 0..lengths.len() {
            for b in 0..a {
                let apart = schedule.ends[a] <= schedule.starts[b] || schedule.ends[b] <= schedule.starts[a];
                prop_assert!(slots[a] != slots[b] || apart, "{a} and {b}");
            }
        }
    }
}

#[test]
fn more_slots_can_take_longer_and_the_best_order_does_not() {
    // Graham 1969: nine tasks in the order of a list; a fourth slot makes 12 into 15, a shorter time for each task 13.
    let edges = [(0, 8), (3, 4), (3, 5), (3, 6), (3, 7)];
    let lengths = [3, 2, 2, 2, 4, 4, 4, 4, 9];
    let graph = Graph::new(9, edges.to_vec()).expect("no circle");
    let in_order = Ranks::Fixed((0..9).collect());
    let on = |slots: u32, lengths: &[u64]| list(&Scenario::on_slots(graph.clone(), slots), lengths, &in_order).makespan;
    let shorter: Vec<u64> = lengths.iter().map(|length| length - 1).collect();
    assert_eq!((on(3, &lengths), on(4, &lengths), on(3, &shorter)), (12, 15, 13));
    let at_best = |slots: u32| best(&Scenario::on_slots(graph.clone(), slots), &lengths, &[1; 9], 0).schedule.makespan;
    assert_eq!((at_best(3), at_best(4)), (12, 12));
}

#[test]
fn what_needs_more_than_there_is_never_starts() {
    let mut scenario = Scenario::on_slots(Graph::new(3, vec![(0, 1)]).expect("no circle"), 4);
    scenario.limits.lanes.push(Lane { pool: 0, slots: 5 });
    scenario.lanes[0] = 1;
    let schedule = list(&scenario, &[10, 10, 10], &Ranks::AsTheyCome);
    assert_eq!((schedule.never(), schedule.makespan), (vec![0, 1], 10));
}
