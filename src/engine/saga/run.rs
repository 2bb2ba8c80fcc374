//! Doing and undoing, by what is written down.

use super::log::{Entry, LogError, Open, SagaLog};
use crate::{
    engine::{
        blocking::{nanos, rest},
        panics::message,
    },
    model::Clock,
};
use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

/// How a step, or what undoes it, failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepError {
    /// It may go well later.
    Transient(String),
    /// It never will. A step that says so has done nothing.
    Final(String),
}

impl StepError {
    fn why(&self) -> &str {
        let (Self::Transient(why) | Self::Final(why)) = self;
        why
    }
}

/// A step of sagas about `C`. Both of it may be called again with a key that they saw before: then they change nothing.
pub trait Step<C: ?Sized>: Send + Sync {
    /// Its name.
    fn name(&self) -> &str;

    /// Does it.
    ///
    /// # Errors
    /// Where it could not be done.
    fn act(&self, about: &C, key: &str) -> Result<(), StepError>;

    /// Undoes it. It may be called for a step of which nobody knows whether it was done: `act_key` is the key that it was done under, if
    /// it was. Undoing takes that key as well where it is free; then nothing was done, and nothing ever will be, should a commit of a
    /// dead process arrive late.
    ///
    /// # Errors
    /// Where it could not be undone.
    fn undo(&self, about: &C, key: &str, act_key: &str) -> Result<(), StepError>;
}

/// What becomes of a saga whose process died while it did its steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnCrash {
    /// It is undone.
    #[default]
    Undo,
    /// It goes on with the step that it was at.
    GoOn,
}

/// What sagas go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SagaSettings {
    /// How often what failed for a while is tried again. Default 3.
    pub retries: u32,
    /// Pause before the first of these; each is twice as long as the last. Default 0.1 s.
    pub first_pause: Duration,
    /// What becomes of those that a crash interrupted. Default: they are undone.
    pub on_crash: OnCrash,
}

impl Default for SagaSettings {
    fn default() -> Self {
        Self { retries: 3, first_pause: Duration::from_millis(100), on_crash: OnCrash::default() }
    }
}

/// How a saga ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All steps are done.
    Done,
    /// All that was done is undone.
    Undone {
        /// Step at which it turned round.
        step: String,
        /// Why.
        why: String,
    },
    /// A step could not be undone, nor those before it: somebody must see to it, and [`Sagas::recover`] be called then.
    Stuck {
        /// Step.
        step: String,
        /// Why.
        why: String,
    },
}

/// Why a saga could not be begun, or not be gone on with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SagaError {
    /// Nothing can be written down, so nothing is done.
    #[error(transparent)]
    Log(#[from] LogError),
    /// There was one of that name.
    #[error("a saga `{0}` was begun before; a saga's name is used once")]
    NameUsed(String),
    /// What is written down does not fit these steps.
    #[error("saga `{id}` was begun with {written} steps of kind `{kind}`; now there are {now}")]
    OtherSteps {
        /// Its name.
        id: String,
        /// Its kind.
        kind: String,
        /// Steps then.
        written: usize,
        /// Steps now.
        now: usize,
    },
    /// What is written down has no beginning.
    #[error("what is written down of saga `{0}` has no beginning")]
    NoBeginning(String),
}

/// Does sagas of one kind.
pub struct Sagas<C: ?Sized> {
    kind: String,
    steps: Vec<Box<dyn Step<C>>>,
    log: Arc<dyn SagaLog>,
    clock: Arc<dyn Clock>,
    settings: SagaSettings,
}

/// What is known of a saga.
struct State {
    /// Steps of which is known that they are done, and not undone.
    done: Vec<usize>,
    /// A step that was about to be done: nobody knows whether it is.
    doing: Option<usize>,
    /// Where it turned round, and why.
    turned: Option<(usize, String)>,
}

impl<C: ?Sized> Sagas<C> {
    /// Sagas of a kind, with its steps in their order.
    #[must_use]
    pub fn new(
        kind: &str,
        steps: Vec<Box<dyn Step<C>>>,
        log: Arc<dyn SagaLog>,
        clock: Arc<dyn Clock>,
        settings: SagaSettings,
    ) -> Self {
        Self { kind: kind.to_owned(), steps, log, clock, settings }
    }

    /// Does all steps, or undoes them. `written` is what a later process will make `about` of again.
    ///
    /// # Errors
    /// Where nothing can be written down: what was begun then is gone on with by [`Self::recover`].
    pub fn run(&self, id: &str, about: &C, written: &str) -> Result<Ending, SagaError> {
        if !self.log.read(id)?.is_empty() {
            return Err(SagaError::NameUsed(id.to_owned()));
        }
        let begun = Entry::Begun { kind: self.kind.clone(), steps: self.steps.len(), about: written.to_owned() };
        self.log.write(id, &begun)?;
        self.go_on(id, about, State { done: Vec::new(), doing: None, turned: None })
    }

    /// Goes on with all sagas of this kind that have not ended. To be called while nobody runs sagas of this log: it cannot tell one that
    /// a process is at from one that a process died at. Several processes hold a lock ([`crate::engine::lock`]) while they run theirs.
    /// `about` makes of what was written what they are about. The ending of
    /// each, or why it could not be gone on with.
    ///
    /// # Errors
    /// Where the log cannot be read.
    #[expect(clippy::type_complexity, reason = "a name and a result for each: a type of its own would say no more")]
    pub fn recover<A: std::borrow::Borrow<C>>(
        &self,
        about: impl Fn(&str) -> A,
    ) -> Result<Vec<(String, Result<Ending, SagaError>)>, SagaError> {
        let open = self.log.open()?;
        Ok(open.into_iter().filter_map(|open| Some((open.id.clone(), self.recover_one(open, &about)?))).collect())
    }

    fn recover_one<A: std::borrow::Borrow<C>>(
        &self,
        open: Open,
        about: impl Fn(&str) -> A,
    ) -> Option<Result<Ending, SagaError>> {
        let Some(Entry::Begun { kind, steps, about: written }) = open.entries.first().cloned() else {
            return Some(Err(SagaError::NoBeginning(open.id)));
        };
        if kind != self.kind {
            return None;
        }
        if steps != self.steps.len() {
            return Some(Err(SagaError::OtherSteps { id: open.id, kind, written: steps, now: self.steps.len() }));
        }
        let mut state = State::of(&open.entries);
        if let (None, Some(step), OnCrash::Undo) = (&state.turned, state.doing, self.settings.on_crash) {
            state.turned = Some((step, "the process died".to_owned()));
        } else if state.turned.is_none() && self.settings.on_crash == OnCrash::Undo && state.done.len() < steps {
            state.turned = Some((state.done.len(), "the process died".to_owned()));
        }
        Some(self.go_on(&open.id, about(&written).borrow(), state))
    }

    fn go_on(&self, id: &str, about: &C, mut state: State) -> Result<Ending, SagaError> {
        if state.turned.is_none() {
            let resumed = state.doing;
            let first = state.doing.unwrap_or(state.done.len());
            for step in first..self.steps.len() {
                self.log.write(id, &Entry::Doing(step))?;
                state.doing = Some(step);
                // Resumed, or tried before in vain: whether an earlier try took effect nobody knows.
                let unknown = Cell::new(resumed == Some(step));
                let act = || {
                    let result = self.steps[step].act(about, &format!("{id}/{step}/do"));
                    unknown.set(unknown.get() || matches!(result, Err(StepError::Transient(_))));
                    result
                };
                match self.with_retries(act, || unknown.set(true)) {
                    Ok(()) => {
                        self.log.write(id, &Entry::Done(step))?;
                        state.done.push(step);
                        state.doing = None;
                    }
                    Err(error) => {
                        // One that failed for good has done nothing; of any other nobody knows.
                        if matches!(error, StepError::Final(_)) && !unknown.get() {
                            state.doing = None;
                            self.log.write(id, &Entry::Failed { step, why: error.why().to_owned() })?;
                        }
                        state.turned = Some((step, error.why().to_owned()));
                        break;
                    }
                }
            }
        }
        let Some((turned, why)) = state.turned else {
            self.log.write(id, &Entry::Ended { done: true })?;
            return Ok(Ending::Done);
        };
        for step in state.doing.into_iter().chain(state.done.into_iter().rev()) {
            self.log.write(id, &Entry::Undoing(step))?;
            match self.with_retries(
                || self.steps[step].undo(about, &format!("{id}/{step}/undo"), &format!("{id}/{step}/do")),
                || {},
            ) {
                Ok(()) => self.log.write(id, &Entry::Undone(step))?,
                Err(error) => {
                    let why = error.why().to_owned();
                    self.log.write(id, &Entry::Stuck { step, why: why.clone() })?;
                    return Ok(Ending::Stuck { step: self.name(step), why });
                }
            }
        }
        self.log.write(id, &Entry::Ended { done: false })?;
        Ok(Ending::Undone { step: self.name(turned), why })
    }

    fn name(&self, step: usize) -> String {
        self.steps.get(step).map_or_else(|| step.to_string(), |step| step.name().to_owned())
    }

    /// A panic is a failure of which nobody knows what was done.
    fn with_retries(&self, act: impl Fn() -> Result<(), StepError>, panicked: impl Fn()) -> Result<(), StepError> {
        let mut pause = self.settings.first_pause;
        for tries in 0.. {
            let result = catch_unwind(AssertUnwindSafe(&act)).unwrap_or_else(|panic| {
                panicked();
                Err(StepError::Transient(format!("panic: {}", message(&*panic))))
            });
            match result {
                Err(StepError::Transient(_)) if tries < self.settings.retries => {}
                result => return result,
            }
            rest(&*self.clock, nanos(pause));
            pause = pause.saturating_mul(2);
        }
        Ok(())
    }
}

impl State {
    fn of(entries: &[Entry]) -> Self {
        let mut state = Self { done: Vec::new(), doing: None, turned: None };
        for entry in entries {
            match entry {
                Entry::Begun { .. } | Entry::Ended { .. } | Entry::Stuck { .. } => {}
                Entry::Doing(step) => state.doing = Some(*step),
                Entry::Done(step) => {
                    state.doing = None;
                    state.done.push(*step);
                }
                Entry::Failed { step, why } => {
                    state.doing = None;
                    state.turned = Some((*step, why.clone()));
                }
                Entry::Undoing(step) => {
                    state.turned.get_or_insert((*step, "a step failed".to_owned()));
                }
                Entry::Undone(step) => {
                    state.doing = state.doing.filter(|doing| doing != step);
                    state.done.retain(|done| done != step);
                }
            }
        }
        state
    }
}
