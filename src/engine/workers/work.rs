//! Workers: threads that take tasks from the queue, and one that looks after them.

use super::{
    Ended, Machine, NotQueued, Outcome, Priority, Queue, Refused, Scale, Settings, Statistics, Task, Token,
    board::{Board, Running},
    scale::Conditions,
};
use crate::{
    engine::{
        blocking::{nanos, wait_until},
        panics::message,
    },
    model::{Clock, Text},
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

struct Queued<R> {
    number: u64,
    since: u64,
    task: Task<R>,
}

struct Shared<R: Send + 'static> {
    settings: Settings,
    clock: Arc<dyn Clock>,
    machine: Arc<dyn Machine>,
    queue: Queue<Queued<R>>,
    ended: Queue<Ended<R>>,
    board: Mutex<Board>,
    submitted: AtomicU64,
    most_workers: AtomicU64,
    /// No more than a shutdown: workers are not replaced, and who looks after them goes.
    over: AtomicBool,
}

/// Threads that take tasks. Dropped, they are shut down without waiting for what runs.
pub struct Workers<R: Send + 'static> {
    shared: Arc<Shared<R>>,
    keeper: Option<JoinHandle<()>>,
}

impl<R: Send + 'static> Workers<R> {
    /// Starts the fewest that there are to be.
    #[must_use]
    pub fn new(settings: Settings, clock: Arc<dyn Clock>, machine: Arc<dyn Machine>) -> Self {
        let mut board = Board::default();
        board.want(settings.scale.least.max(1));
        let shared = Arc::new(Shared {
            queue: Queue::new(settings.queue),
            // Whoever does not fetch results does not stop the workers.
            ended: Queue::new(usize::MAX),
            board: Mutex::new(board),
            submitted: AtomicU64::new(0),
            most_workers: AtomicU64::new(0),
            over: AtomicBool::new(false),
            settings,
            clock,
            machine,
        });
        Shared::hire(&shared);
        let kept = shared.clone();
        let keeper = thread::spawn(move || kept.keep());
        Self { shared, keeper: Some(keeper) }
    }

    /// Queues a task if there is room: its number.
    ///
    /// # Errors
    /// Where there is none, or the workers were shut down.
    pub fn try_submit(&self, task: Task<R>) -> Result<u64, Refused<R>> {
        let (priority, queued) = self.queued(task);
        let number = queued.number;
        match self.shared.queue.try_push(queued, priority) {
            Ok(()) => Ok(number),
            Err(NotQueued::Full(queued)) => Err(Refused::Full(queued.task)),
            Err(NotQueued::Closed(queued)) => Err(Refused::Closed(queued.task)),
        }
    }

    /// Queues a task, once there is room: its number.
    ///
    /// # Errors
    /// Where there is none within that time, or the workers were shut down.
    pub fn submit(&self, task: Task<R>, within: Duration) -> Result<u64, Refused<R>> {
        let deadline = after(self.shared.clock.nanos(), within);
        let (priority, queued) = self.queued(task);
        let number = queued.number;
        let mut push = self.shared.queue.push(queued, priority);
        match wait_until(pin!(&mut push), &*self.shared.clock, deadline) {
            Some(Ok(())) => Ok(number),
            Some(Err(queued)) => Err(Refused::Closed(queued.task)),
            None => match push.give_up() {
                Some(queued) => Err(Refused::Full(queued.task)),
                None => Ok(number),
            },
        }
    }

    fn queued(&self, task: Task<R>) -> (Priority, Queued<R>) {
        let number = self.shared.submitted.fetch_add(1, Ordering::Relaxed) + 1;
        (task.priority, Queued { number, since: self.shared.clock.nanos(), task })
    }

    /// The next task that has ended, within that time.
    #[must_use]
    pub fn next(&self, within: Duration) -> Option<Ended<R>> {
        let deadline = after(self.shared.clock.nanos(), within);
        wait_until(pin!(self.shared.ended.pop()), &*self.shared.clock, deadline).flatten()
    }

    /// Statistics.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let board = lock(&self.shared.board);
        Statistics {
            queue: self.shared.queue.statistics(),
            ended: board.ended,
            workers: board.staff(),
            most_workers: self.shared.most_workers.load(Ordering::Relaxed) as usize,
            abandoned: board.abandoned(),
        }
    }

    /// Takes no more tasks; lets those that are queued and running end within that time, cancels the rest, and gives back all that
    /// has ended and was not fetched.
    #[must_use]
    pub fn shutdown(mut self, within: Duration) -> Vec<Ended<R>> {
        self.shut_down(within);
        std::iter::from_fn(|| self.shared.ended.try_pop()).collect()
    }

    fn shut_down(&mut self, within: Duration) {
        let Some(keeper) = self.keeper.take() else { return };
        let shared = &self.shared;
        let until = after(shared.clock.nanos(), within);
        shared.queue.close();
        shared.rest_until_idle(until);
        while let Some(queued) = shared.queue.try_pop() {
            lock(&shared.board).ended += 1;
            shared.tell(queued.number, queued.task.name, Outcome::Cancelled, shared.clock.nanos() - queued.since, 0);
        }
        lock(&shared.board).tokens().iter().for_each(Token::cancel);
        if !shared.idle() {
            shared.rest_until_idle(after(shared.clock.nanos(), shared.settings.grace));
        }
        shared.over.store(true, Ordering::Release);
        let now = shared.clock.nanos();
        let gone = lock(&shared.board).abandon_all();
        // What was taken and has not begun does not begin any more.
        for task in gone {
            shared.tell(task.task, task.name, Outcome::Cancelled, task.queued_ns, now.saturating_sub(task.started));
        }
        shared.rest_until_idle(u64::MAX);
        keeper.thread().unpark();
        // It does nothing but look after workers: it cannot panic or hang.
        let _ = keeper.join();
    }
}

impl<R: Send + 'static> Drop for Workers<R> {
    fn drop(&mut self) {
        self.shut_down(Duration::ZERO);
    }
}

impl<R: Send + 'static> Shared<R> {
    /// As many threads as are wanted.
    fn hire(this: &Arc<Self>) {
        while let Some(worker) = { lock(&this.board).hire() } {
            this.most_workers.fetch_max(lock(&this.board).staff() as u64, Ordering::Relaxed);
            let shared = this.clone();
            thread::spawn(move || shared.work(worker));
        }
    }

    /// Takes tasks until there are none, or there are too many that do.
    fn work(&self, worker: u64) {
        loop {
            if lock(&self.board).leave() {
                return;
            }
            let look_again = after(self.clock.nanos(), self.settings.tick);
            match wait_until(pin!(self.queue.pop()), &*self.clock, look_again) {
                None => continue,
                Some(None) => return lock(&self.board).go(),
                Some(Some(queued)) => {
                    let still_one_of_them = self.run(worker, queued);
                    if !still_one_of_them {
                        return;
                    }
                }
            }
        }
    }

    /// Runs a task; whether this worker is still one.
    fn run(&self, worker: u64, Queued { number, since, task }: Queued<R>) -> bool {
        let token = Token::new(self.clock.clone());
        let started = self.clock.nanos();
        let running = Running {
            task: number,
            name: task.name,
            kind: task.kind,
            queued_ns: started.saturating_sub(since),
            started,
            deadline: after(started, task.timeout.unwrap_or(self.settings.timeout)),
            token: token.clone(),
            told: false,
        };
        if let Some(task) = lock(&self.board).start(worker, running) {
            self.tell(number, task.name, Outcome::Cancelled, task.queued_ns, 0);
            return true;
        }
        // Tasks share nothing with the workers but the token.
        let result = catch_unwind(AssertUnwindSafe(|| (task.act)(&token)));
        let Some(ran) = lock(&self.board).finish(worker) else { return false };
        let outcome = match result {
            Ok(Ok(result)) => Outcome::Done(result),
            Ok(Err(_)) if ran.told => Outcome::TimedOut { stopped: true },
            Ok(Err(_)) if token.is_cancelled() => Outcome::Cancelled,
            Ok(Err(why)) => Outcome::Failed(why),
            Err(panic) => Outcome::Panicked(message(&*panic).to_owned()),
        };
        self.tell(number, ran.name, outcome, ran.queued_ns, self.clock.nanos().saturating_sub(started));
        true
    }

    fn tell(&self, task: u64, name: Text, outcome: Outcome<R>, queued_ns: u64, ran_ns: u64) {
        // It has room for all that there can be, and is not closed.
        let _ = self.ended.try_push(Ended { task, name, outcome, queued_ns, ran_ns }, Priority::Normal);
    }

    /// Looks after time limits and the number of workers.
    fn keep(self: Arc<Self>) {
        let mut scale = Scale::new(self.settings.scale);
        let grace = nanos(self.settings.grace);
        let (mut decided, mut ended) = (self.clock.nanos(), 0);
        while !self.over.load(Ordering::Acquire) {
            let now = self.clock.nanos();
            let late = lock(&self.board).late(now, grace);
            late.told.iter().for_each(Token::cancel);
            Self::hire(&self);
            for task in late.abandoned {
                self.tell(
                    task.task,
                    task.name,
                    Outcome::TimedOut { stopped: false },
                    task.queued_ns,
                    now.saturating_sub(task.started),
                );
            }
            let next_decision = after(decided, self.settings.tick);
            if now >= next_decision {
                let conditions = self.conditions(ended, now - decided);
                let wanted = scale.next(&conditions);
                let mut board = lock(&self.board);
                board.want(wanted);
                (decided, ended) = (now, board.ended);
                drop(board);
                Self::hire(&self);
            }
            self.clock.park_until(late.next.unwrap_or(u64::MAX).min(after(decided, self.settings.tick)));
        }
    }

    fn conditions(&self, ended_before: u64, nanos: u64) -> Conditions {
        let cores = self.machine.cores().max(1);
        let waiting = self.queue.statistics().length;
        let board = lock(&self.board);
        // What runs here loads the machine as well, but is not others'.
        let of_others = self.machine.load().map(|load| (load - board.busy() as f64).max(0.0) / cores as f64);
        Conditions {
            workers: board.staff(),
            busy: board.busy(),
            waiting,
            computing: board.computing(),
            cores,
            load_of_others: of_others,
            free_bytes: self.machine.free_bytes(),
            ended: board.ended - ended_before,
            seconds: nanos as f64 * 1e-9,
        }
    }

    fn idle(&self) -> bool {
        // Counts, for a task that was taken and has not begun is neither in the queue nor on the board.
        self.queue.statistics().pushed == lock(&self.board).ended
    }

    fn rest_until_idle(&self, until: u64) {
        /// How often it is looked: a shutdown may take a millisecond longer than it need.
        const LOOK: u64 = 1_000_000;
        while !self.idle() {
            let now = self.clock.nanos();
            if now >= until {
                return;
            }
            self.clock.park_until(until.min(now + LOOK));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Nothing of a caller's runs under these: whatever panicked left them whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn after(at: u64, length: Duration) -> u64 {
    at.saturating_add(nanos(length))
}
