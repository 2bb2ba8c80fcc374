//! Sagas case by case: an order that reserves, charges and ships.

use super::*;
use crate::{engine::held::Held, model::Clock};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

/// What the steps have done, by key, each once; and what is to happen to them.
#[derive(Default)]
pub(super) struct World {
    pub(super) effects: Mutex<Vec<String>>,
    keys: Mutex<BTreeSet<String>>,
    /// By `step/do` or `step/undo`: how often it fails before it goes well, and how.
    pub(super) fails: Mutex<BTreeMap<String, (u32, StepError)>>,
    /// Calls and writes until the process dies, before what comes then; negative: never.
    pub(super) lives: AtomicI64,
}

pub(super) const DEATH: &str = "the process died";

impl World {
    pub(super) fn immortal() -> Arc<Self> {
        let world = Self::default();
        world.lives.store(-1, Ordering::SeqCst);
        Arc::new(world)
    }

    /// Dies by a panic that nothing catches: it unwinds through the saga as nothing in a real one does.
    fn live(&self) -> bool {
        let left = self.lives.load(Ordering::SeqCst);
        if left > 0 {
            self.lives.store(left - 1, Ordering::SeqCst);
        }
        left != 0
    }

    fn act(&self, key: &str, what: &str) -> Result<(), StepError> {
        let dead = || StepError::Final(DEATH.into());
        if !self.live() {
            return Err(dead());
        }
        if let Some((times, error)) = self.fails.lock().expect("whole").get_mut(what).filter(|(times, _)| *times > 0) {
            *times -= 1;
            return Err(error.clone());
        }
        if self.keys.lock().expect("whole").insert(key.to_owned()) {
            // An undo of what was not done has no effect.
            let mut effects = self.effects.lock().expect("whole");
            let undo = what.strip_suffix("/undo");
            if undo.is_none_or(|step| effects.contains(&format!("{step}/do"))) {
                effects.push(what.to_owned());
            }
        }
        // It may die after it was done as well.
        if self.live() { Ok(()) } else { Err(dead()) }
    }
}

pub(super) struct Named(pub(super) &'static str);

impl Step<World> for Named {
    fn name(&self) -> &str {
        self.0
    }
    fn act(&self, world: &World, key: &str) -> Result<(), StepError> {
        world.act(key, &format!("{}/do", self.0))
    }
    fn undo(&self, world: &World, key: &str, act_key: &str) -> Result<(), StepError> {
        world.keys.lock().expect("whole").insert(act_key.to_owned());
        world.act(key, &format!("{}/undo", self.0))
    }
}

/// A log that dies with the process.
pub(super) struct Mortal {
    pub(super) log: Arc<dyn SagaLog>,
    pub(super) world: Arc<World>,
}

impl SagaLog for Mortal {
    fn write(&self, id: &str, entry: &Entry) -> Result<(), LogError> {
        if !self.world.live() {
            return Err(LogError(DEATH.into()));
        }
        self.log.write(id, entry)?;
        if self.world.live() { Ok(()) } else { Err(LogError(DEATH.into())) }
    }
    fn read(&self, id: &str) -> Result<Vec<Entry>, LogError> {
        self.log.read(id)
    }
    fn open(&self) -> Result<Vec<Open>, LogError> {
        self.log.open()
    }
}

pub(super) fn sagas(log: Arc<dyn SagaLog>, on_crash: OnCrash) -> Sagas<World> {
    let steps: Vec<Box<dyn Step<World>>> =
        vec![Box::new(Named("reserve")), Box::new(Named("charge")), Box::new(Named("ship"))];
    let settings = SagaSettings { on_crash, first_pause: std::time::Duration::ZERO, ..SagaSettings::default() };
    Sagas::new("order", steps, log, Arc::new(Held::default()) as Arc<dyn Clock>, settings)
}

fn fails(world: &World, what: &str, times: u32, error: StepError) {
    world.fails.lock().expect("whole").insert(what.to_owned(), (times, error));
}

#[test]
fn all_is_done_or_undone_in_reverse() {
    let (world, log) = (World::immortal(), Arc::new(VecLog::default()));
    let sagas = sagas(log, OnCrash::Undo);
    assert_eq!(sagas.run("1", &world, ""), Ok(Ending::Done));
    fails(&world, "ship/do", 1, StepError::Final("no such address".into()));
    let ending = sagas.run("2", &world, "").expect("a log");
    assert_eq!(ending, Ending::Undone { step: "ship".into(), why: "no such address".into() });
    let effects = world.effects.lock().expect("whole").join(" ");
    assert_eq!(effects, "reserve/do charge/do ship/do reserve/do charge/do charge/undo reserve/undo");
    assert_eq!(sagas.run("2", &world, ""), Err(SagaError::NameUsed("2".into())));
}

#[test]
fn what_fails_for_a_while_is_tried_again() {
    let world = World::immortal();
    let sagas = sagas(Arc::new(VecLog::default()), OnCrash::Undo);
    fails(&world, "charge/do", 3, StepError::Transient("busy".into()));
    assert_eq!(sagas.run("1", &world, ""), Ok(Ending::Done));
    // Of what fails for ever nobody knows whether it was done: it is undone as well.
    fails(&world, "charge/do", 99, StepError::Transient("busy".into()));
    assert_eq!(sagas.run("2", &world, ""), Ok(Ending::Undone { step: "charge".into(), why: "busy".into() }));
}

#[test]
fn what_cannot_be_undone_is_told_and_tried_again_later() {
    let (world, log) = (World::immortal(), Arc::new(VecLog::default()));
    let sagas = sagas(log.clone(), OnCrash::Undo);
    fails(&world, "ship/do", 1, StepError::Final("no such address".into()));
    fails(&world, "charge/undo", 99, StepError::Transient("the bank is shut".into()));
    let stuck = Ending::Stuck { step: "charge".into(), why: "the bank is shut".into() };
    assert_eq!(sagas.run("1", &world, ""), Ok(stuck.clone()));
    assert!(!world.effects.lock().expect("whole").contains(&"reserve/undo".to_owned()), "nothing before it is undone");
    let recover = || sagas.recover(|_| world.clone()).expect("a log");
    assert_eq!(recover(), [("1".to_owned(), Ok(stuck))]);
    fails(&world, "charge/undo", 0, StepError::Transient(String::new()));
    assert_eq!(
        recover(),
        [("1".to_owned(), Ok(Ending::Undone { step: "ship".into(), why: "no such address".into() }))]
    );
    assert_eq!(recover(), []);
}

#[test]
fn a_log_in_a_file_is_gone_on_with() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sagas.sqlite");
    let world = World::immortal();
    {
        let log = Arc::new(SqliteLog::open(&path).expect("a log"));
        let mortal = Arc::new(Mortal { log: log.clone(), world: world.clone() });
        // Three writes and two steps, with a life before and one after each: dead before the second step is written as done.
        world.lives.store(9, Ordering::SeqCst);
        assert!(sagas(mortal, OnCrash::Undo).run("1", &world, "order 7").is_err());
        assert!(log.knows("1").expect("a log") && !log.knows("2").expect("a log"));
    }
    world.lives.store(-1, Ordering::SeqCst);
    let log = Arc::new(SqliteLog::open(&path).expect("a log"));
    let sagas = sagas(log.clone(), OnCrash::Undo);
    let seen = Mutex::new(Vec::new());
    let endings = sagas.recover(|written| {
        seen.lock().expect("whole").push(written.to_owned());
        world.clone()
    });
    let undone = Ending::Undone { step: "charge".into(), why: "the process died".into() };
    assert_eq!(endings, Ok(vec![("1".to_owned(), Ok(undone))]));
    assert_eq!(*seen.lock().expect("whole"), ["order 7"]);
    assert_eq!(log.open(), Ok(Vec::new()));
    std::fs::write(folder.path().join("other"), "no database, but long enough to be read as one, and then some more")
        .expect("written");
    let error = SqliteLog::open(&folder.path().join("other")).err().expect("no database").to_string();
    assert!(error.contains("other") && error.contains("not a database"), "{error}");
}

#[test]
fn other_steps_are_refused_and_other_kinds_left_alone() {
    let (world, log) = (World::immortal(), Arc::new(VecLog::default()));
    let begun = |kind: &str, steps: usize| Entry::Begun { kind: kind.into(), steps, about: String::new() };
    log.write("old", &begun("order", 2)).expect("kept");
    log.write("other", &begun("refund", 9)).expect("kept");
    log.write("torn", &Entry::Done(1)).expect("kept");
    let endings = sagas(log, OnCrash::Undo).recover(|_| world.clone()).expect("a log");
    let refused = SagaError::OtherSteps { id: "old".into(), kind: "order".into(), written: 2, now: 3 };
    assert_eq!(
        endings,
        [("old".to_owned(), Err(refused)), ("torn".to_owned(), Err(SagaError::NoBeginning("torn".into())))]
    );
}
