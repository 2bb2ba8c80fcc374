//! Days by hand, and what must hold of any.

use super::*;
use crate::model::{Drawn, Platform, PlatformDag, PlatformInstance, PlatformMachine, PlatformPool, PlatformTask};
use proptest::prelude::*;

const GB: f64 = 1e9;
const USUAL: Drawn = Drawn { items: 1.0, seconds: 1.0, memory: 1.0, fails: 0 };

fn task(name: &str, after: &[u32], parts: u32) -> PlatformTask {
    PlatformTask {
        task_id: name.into(),
        after: after.to_vec(),
        parts,
        items: 1_000.0,
        cpu_s: 0.0,
        io: 0.0,
        network: 0.0,
        wait_s: 0.0,
        batch: None,
        batch_s: 0.0,
        memory: 0.0,
        process: 0.0,
        pool: 0,
        slots: 1,
        priority: 1,
        retries: 0,
        retry_delay_s: 60.0,
        failing: 0.0,
    }
}

fn platform(tasks: Vec<PlatformTask>) -> Platform {
    Platform {
        name: "p".into(),
        machine: PlatformMachine { cores: 2.0, memory: 10.0 * GB, taken: GB, io: 100.0, network: 100.0 },
        pools: vec![PlatformPool { name: "default_pool".into(), slots: 16, serves: f64::INFINITY }],
        parallelism: 16,
        look_s: 1.0,
        startup_s: 0.0,
        dags: vec![PlatformDag {
            dag_id: "core".into(),
            starts: vec![10.0],
            deadline_s: 1e6,
            may_shift_s: 0.0,
            max_active_tasks: 16,
            tasks,
        }],
        core: 0,
    }
}

fn run(platform: &Platform, configuration: &Configuration) -> (Day, Figures) {
    let instances = platform.day().expect("no circle");
    let drawn = vec![USUAL; instances.0.len()];
    let day = day(platform, &instances, &drawn, configuration, &mut Learnt::default());
    let figures = day.figures(platform, &instances.0, configuration);
    (day, figures)
}

fn core_s(platform: &Platform) -> f64 {
    run(platform, &Configuration::of(platform)).1.core_s
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-3
}

#[test]
fn processors_are_shared_and_waiting_needs_none() {
    let computing = PlatformTask { cpu_s: 0.01, ..task("computes", &[], 1) };
    assert!(close(core_s(&platform(vec![computing.clone()])), 10.0), "a thousand items of 10 ms");
    let two = PlatformTask { parts: 2, items: 2_000.0, ..computing.clone() };
    assert!(close(core_s(&platform(vec![two])), 10.0), "a processor each");
    let four = PlatformTask { parts: 4, items: 4_000.0, ..computing.clone() };
    assert!(close(core_s(&platform(vec![four])), 20.0), "half a processor each");
    let waiting = PlatformTask { wait_s: 10.0, parts: 4, items: 0.0, ..task("waits", &[], 4) };
    assert!(close(core_s(&platform(vec![computing, waiting])), 10.0));
}

#[test]
fn a_stream_does_not_fill_a_device_and_several_share_it() {
    let moving = |parts: u32| PlatformTask { io: 0.5 * f64::from(parts), ..task("moves", &[], parts) };
    assert!(close(core_s(&platform(vec![moving(1)])), 20.0), "500 bytes at a quarter of 100 a second");
    assert!(close(core_s(&platform(vec![moving(4)])), 20.0));
    assert!(close(core_s(&platform(vec![moving(8)])), 40.0), "4,000 bytes at 100 a second");
}

#[test]
fn what_is_behind_a_pool_is_shared_beyond_what_it_serves() {
    let mut p = platform(vec![PlatformTask { wait_s: 30.0, ..task("asks", &[], 6) }]);
    assert!(close(core_s(&p), 30.0));
    p.pools[0].serves = 3.0;
    assert!(close(core_s(&p), 60.0), "six share what serves three");
    p.pools[0].slots = 3;
    assert!(close(core_s(&p), 60.0), "three, and then three");
}

#[test]
fn batches_cost_time_and_save_memory() {
    let mut p = platform(vec![PlatformTask { batch_s: 1.0, memory: 4e6, process: GB, ..task("loads", &[], 1) }]);
    let (day, figures) = run(&p, &Configuration::of(&p));
    assert!(close(figures.core_s, 1.0) && close(day.most_memory / GB, 6.0), "{figures:?}");
    p.dags[0].tasks[0].batch = Some(300.0);
    let (day, figures) = run(&p, &Configuration::of(&p));
    assert!(close(figures.core_s, 4.0) && close(day.most_memory / GB, 3.2), "{figures:?}");
}

#[test]
fn the_largest_is_killed_and_tried_again() {
    let large = PlatformTask { wait_s: 100.0, memory: 6e6, retries: 1, ..task("large", &[], 1) };
    let small = PlatformTask { wait_s: 50.0, memory: 4e6, ..task("small", &[], 1) };
    let p = platform(vec![large, small]);
    let (day, figures) = run(&p, &Configuration::of(&p));
    assert_eq!(figures.killed, 1);
    let killed = day.tries.iter().find(|one| one.ending == Ending::Killed).expect("one");
    assert_eq!((killed.instance, killed.ended), (0, 10_000_000), "as soon as there is too much");
    assert!(close(figures.core_s, 60.0 + 100.0), "after its delay it has the machine for itself");
    assert_eq!((figures.success, figures.tries_well), (1.0, 2.0 / 3.0));
    // With room kept for what is predicted, it waits instead.
    let admitting = Configuration { admission: Some(1.0), ..Configuration::of(&p) };
    let (_, figures) = run(&p, &admitting);
    assert_eq!(figures.killed, 0);
    assert!(close(figures.core_s, 150.0), "{}", figures.core_s);
}

#[test]
fn what_can_never_run_ends_the_day() {
    let mut p = platform(vec![task("wide", &[], 1), task("behind", &[0], 1)]);
    p.dags[0].tasks[0].slots = 17;
    let (_, figures) = run(&p, &Configuration::of(&p));
    assert!(figures.core_s.is_infinite() && figures.success == 0.0);
}

#[test]
fn a_search_finds_the_lever_that_was_planted_and_moves_no_other() {
    // Batches of one item that cost a second each: nothing else is wrong.
    let slow = PlatformTask { items: 2_000.0, batch: Some(1.0), batch_s: 0.5, ..task("slow", &[], 2) };
    let platform = platform(vec![slow, task("behind", &[0], 1)]);
    let instances = platform.day().expect("no circle");
    let days = vec![vec![USUAL; instances.0.len()]; 3];
    let trial = Trial { platform, instances, days };
    let found = search(&trial, |_| {});
    let moved: Vec<Lever> = found.worth.iter().map(|worth| worth.lever).collect();
    assert_eq!(moved, [Lever::Batching]);
    let worth = found.worth[0];
    assert!(close(worth.alone_s, worth.share_s) && worth.alone_s > 490.0, "{worth:?}");
    let before = Configuration::of(&trial.platform);
    assert_eq!(found.configuration.batches[0][1], before.batches[0][1], "what is worth nothing stays as it was");
}

/// A platform by chance: layers of tasks.
fn any_platform() -> impl Strategy<Value = (Platform, u64)> {
    let one = (1_u32..4, 0.0..30.0_f64, 0.0..20.0_f64, 0.0..4.0_f64, 1_u32..3, 0_u32..3);
    (prop::collection::vec(one, 1..9), any::<u64>(), 1_u32..8).prop_map(|(tasks, seed, parallelism)| {
        let tasks =
            tasks.into_iter().enumerate().map(|(at, (parts, cpu, wait, memory, slots, retries))| PlatformTask {
                cpu_s: cpu / 1_000.0,
                wait_s: wait,
                memory: memory * 1e6 * f64::from(parts),
                slots,
                retries,
                ..task(&format!("t{at}"), &(at >= 2).then(|| at as u32 - 2).into_iter().collect::<Vec<u32>>(), parts)
            });
        let mut platform = platform(tasks.collect());
        platform.parallelism = parallelism;
        platform.pools[0].slots = 5;
        (platform, seed)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// By the tries alone: limits hold, memory is never beyond the machine's, nobody starts before those that it waits for have ended,
    /// nothing takes less than it would alone, and the same day is the same.
    #[test]
    fn whatever_the_platform_its_limits_hold((platform, seed) in any_platform(), admission in prop::option::of(0.3..1.0_f64)) {
        let configuration = Configuration { admission, ..Configuration::of(&platform) };
        let (instances, graph) = platform.day().expect("no circle");
        let mut draw = crate::stats::Draw::new(seed);
        let drawn: Vec<Drawn> = instances
            .iter()
            .map(|_| Drawn { items: 1.0, seconds: 1.0, memory: draw.between(0.5, 1.5), fails: u32::from(draw.chance(0.1)) })
            .collect();
        let world = (instances, graph);
        let out = day(&platform, &world, &drawn, &configuration, &mut Learnt::default());
        prop_assert_eq!(&out, &day(&platform, &world, &drawn, &configuration, &mut Learnt::default()));
        let (instances, graph) = &world;
        let slots = |at: u32| platform.task(instances[at as usize]).slots;
        for one in &out.tries {
            let running: Vec<&Try> = out
                .tries
                .iter()
                .filter(|other| other.began <= one.began && one.began < other.ended)
                .collect();
            prop_assert!(running.len() <= platform.parallelism as usize);
            prop_assert!(running.iter().map(|other| slots(other.instance)).sum::<u32>() <= 5);
            let memory: f64 = running.iter().map(|other| other.memory).sum();
            prop_assert!(memory + platform.machine.taken <= platform.machine.memory * (1.0 + 1e-9));
            for parent in graph.parents(one.instance) {
                prop_assert!(out.done[*parent as usize].is_some_and(|end| end <= one.began));
            }
            let took = (one.ended - one.began) as f64 / 1e6;
            prop_assert!(one.ending == Ending::Killed || took >= one.alone_s - 1e-3, "{} {}", took, one.alone_s);
        }
        for (place, done) in out.done.iter().enumerate() {
            let tries = out.tries.iter().filter(|one| one.instance as usize == place);
            let well = tries.clone().filter(|one| one.ending == Ending::Done).count();
            prop_assert_eq!(well, usize::from(done.is_some()));
            prop_assert!(tries.count() <= 1 + platform.task(instances[place]).retries as usize);
        }
    }

    /// All times twice as long: the day is twice as long.
    #[test]
    fn twice_the_work_takes_twice_the_time((mut platform, _) in any_platform()) {
        platform.look_s = 1e-6;
        platform.machine.memory = 1e15;
        platform.dags[0].starts = vec![0.0];
        let once = core_s(&platform);
        platform.dags[0].tasks.iter_mut().for_each(|task| {
            task.cpu_s *= 2.0;
            task.wait_s *= 2.0;
        });
        prop_assert!((core_s(&platform) / once.max(1e-9) - 2.0).abs() < 1e-3 || once < 1e-3);
    }
}

#[test]
fn a_platform_made_small_keeps_its_hours_and_its_work_for_each_processor() {
    let mut p = platform(vec![PlatformTask { cpu_s: 0.01, ..task("computes", &[], 8) }]);
    p.machine.cores = 16.0;
    p.dags[0].starts = vec![0.0, 40_000.0];
    let small = made_small(&p, Scale { cores: 2.0, faster: 100.0 });
    assert_eq!(small.dags[0].starts, [0.0]);
    assert!(close(small.dags[0].tasks[0].cpu_s, 0.01 / 8.0));
    let place = PlatformInstance { dag: 0, run: 0, task: 0, part: 0 };
    let load = Load::of(&small, place, USUAL, &Configuration::of(&small));
    assert!(close(load.cpu_s, 1_000.0 / 8.0 * 0.01 / 8.0));
}
