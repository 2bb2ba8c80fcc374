//! Death between any two things that a saga does, again and again: in the end all is done or all is undone, each once.

use super::{tests::*, *};
use proptest::prelude::*;
use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

/// Runs until it ends, dying after so many things each time.
fn until_the_end(world: &Arc<World>, deaths: &[i64], on_crash: OnCrash) -> Ending {
    let log = Arc::new(VecLog::default());
    let mut deaths = deaths.iter().copied();
    let mut first = true;
    loop {
        world.lives.store(deaths.next().unwrap_or(-1), Ordering::SeqCst);
        let mortal: Arc<dyn SagaLog> = Arc::new(Mortal { log: log.clone(), world: world.clone() });
        let sagas = sagas(mortal, on_crash);
        let run = if first || log.read("1").expect("kept").is_empty() {
            first = false;
            sagas.run("1", world, "").ok()
        } else {
            let ended = sagas.recover(|_| world.clone()).expect("a log");
            ended.into_iter().next().and_then(|(_, ending)| ending.ok())
        };
        let died = world.lives.load(Ordering::SeqCst) == 0;
        match run {
            Some(Ending::Stuck { .. }) | None => {}
            Some(ending) if !died => return ending,
            Some(_) => {}
        }
        if let Some(Entry::Ended { done }) = log.read("1").expect("kept").last() {
            return if *done { Ending::Done } else { Ending::Undone { step: String::new(), why: String::new() } };
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn each_step_takes_effect_once_and_is_undone_once_or_not_at_all(
        deaths in proptest::collection::vec(0i64..40, 0..8),
        failing in proptest::option::of((0usize..3, any::<bool>())),
        undo_fails in proptest::collection::vec((0usize..3, 1u32..9), 0..3),
        go_on in any::<bool>(),
    ) {
        let names = ["reserve", "charge", "ship"];
        let world = World::immortal();
        {
            let mut fails = world.fails.lock().expect("whole");
            if let Some((step, transient)) = failing {
                let error = if transient { StepError::Transient("busy".into()) } else { StepError::Final("no".into()) };
                fails.insert(format!("{}/do", names[step]), (u32::MAX, error));
            }
            for (step, times) in undo_fails {
                fails.insert(format!("{}/undo", names[step]), (times, StepError::Transient("shut".into())));
            }
        }
        let ending = until_the_end(&world, &deaths, if go_on { OnCrash::GoOn } else { OnCrash::Undo });
        let effects = world.effects.lock().expect("whole").clone();
        let mut counts: BTreeMap<&str, i32> = BTreeMap::new();
        for effect in &effects {
            *counts.entry(effect).or_default() += 1;
        }
        prop_assert!(counts.values().all(|count| *count == 1), "{:?}", effects);
        let done = |name: &str| effects.contains(&format!("{name}/do"));
        let undone = |name: &str| effects.contains(&format!("{name}/undo"));
        match ending {
            Ending::Done => prop_assert!(names.iter().all(|name| done(name) && !undone(name)), "{:?}", effects),
            _ => prop_assert!(names.iter().all(|name| done(name) == undone(name)), "{:?}", effects),
        }
        // Undone in reverse.
        let order: Vec<usize> = effects
            .iter()
            .filter_map(|effect| names.iter().position(|name| effect.strip_suffix("/undo") == Some(name)))
            .collect();
        prop_assert!(order.is_sorted_by(|a, b| a > b), "{:?}", effects);
    }
}
