//! A fixed number of threads against one that adapts, on tasks that wait and on tasks that compute.

use super::{
    clock::Wall,
    measure::{BenchError, Contender, EngineResult, Plan, Run, Subject, Timed, WORKERS, interleave},
    record::read,
};
use crate::{
    engine::workers::{Ended, Kind, Machine, Outcome, Priority, ScaleSettings, Settings, Task, Workers},
    model::Workload,
    stats::Draw,
};
use std::{
    io::Read,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Tasks of a run, where no number is given.
const TASKS: usize = 1500;
/// How often a call is tried again that failed for a while.
const RETRIES: u64 = 3;

/// What tasks do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    /// A call of a service over HTTP on this machine, whose answers take a log-normal time.
    Call,
    /// Reading the record many times over.
    Compute,
}

/// Compares.
///
/// # Errors
/// Where a run is not right, or the machine does not let it be run.
pub fn bench_workers(
    work: &Workload,
    plan: Plan,
    settings: &Settings,
    machine: &Arc<dyn Machine>,
) -> Result<Vec<EngineResult>, BenchError> {
    let tasks = plan.items.unwrap_or(TASKS).min(work.records.len());
    let cores = machine.cores().max(1);
    let mut results = Vec::new();
    for (kind, name) in [(Work::Call, "calls over HTTP"), (Work::Compute, "computing")] {
        let service = Service::start(work.seed).map_err(BenchError::Machine)?;
        let address = service.address;
        let contender = |name: String, scale: ScaleSettings| Contender {
            name,
            prepare: Box::new(move || {
                let settings = Settings { scale, ..*settings };
                let machine = machine.clone();
                let timed: Timed<'_> = Box::new(move || run(work, tasks, kind, address, settings, machine));
                Ok(timed)
            }),
        };
        let fixed = ScaleSettings { least: cores, most: cores, ..settings.scale };
        let sides = [
            contender(format!("{cores} threads, one a core"), fixed),
            contender(format!("{} to {} threads", settings.scale.least, settings.scale.most), settings.scale),
        ];
        let subject = Subject {
            engine: WORKERS,
            workload: format!("{}: {name}", work.name),
            latency_of: "a task",
            for_latency: false,
        };
        let mut result = interleave(subject, plan, sides)?;
        if kind == Work::Compute {
            result.notes.push("what computes needs a core: more threads than cores gain nothing".to_owned());
        }
        results.push(result);
    }
    Ok(results)
}

fn run(
    work: &Workload,
    tasks: usize,
    kind: Work,
    address: SocketAddr,
    settings: Settings,
    machine: Arc<dyn Machine>,
) -> Result<Run, String> {
    let mut run = Run::new(tasks as u64);
    let workers: Workers<u64> = Workers::new(settings, Wall::start(), machine);
    let agent = ureq::Agent::new_with_defaults();
    let patience = Duration::from_secs(600);
    for place in 0..tasks {
        let (records, agent, seed, transient) = (work.records.clone(), agent.clone(), work.seed, work.transient);
        let act = move |_: &crate::engine::workers::Token| {
            let mut draw = Draw::keyed(seed, &[9, place as u64]);
            for tries in 0.. {
                // A call that fails for a while costs its time all the same.
                let failed = draw.chance(transient);
                let result = match kind {
                    Work::Call => call(&agent, address, &records[place]),
                    Work::Compute => compute(&records[place], &mut draw),
                };
                match result {
                    Ok(_) if failed && tries < RETRIES => {}
                    Ok(_) if failed => return Err("the service was busy each time".to_owned()),
                    result => return result,
                }
            }
            Err("not tried".to_owned())
        };
        // One in ten is urgent, three in ten can wait.
        let priority = match place % 10 {
            0 => Priority::High,
            7.. => Priority::Low,
            _ => Priority::Normal,
        };
        let kind = if kind == Work::Call { Kind::Io } else { Kind::Cpu };
        let task = Task::new(format!("record {place}"), act).kind(kind).priority(priority);
        workers.submit(task, patience).map_err(|refused| refused.to_string())?;
    }
    let ended: Vec<Ended<u64>> = workers.shutdown(patience);
    for task in &ended {
        run.took(task.queued_ns + task.ran_ns);
        match &task.outcome {
            Outcome::Done(_) => run.items_out += 1,
            Outcome::Failed(_) => run.items_dead += 1,
            other => return Err(format!("{}: {other:?}", task.name)),
        }
    }
    // The truth: those that cannot be read are the dead ones.
    let unreadable = work.records[..tasks].iter().filter(|record| read(record).is_err()).count() as u64;
    // And those that failed each time: so many in the mean, and never six deviations more.
    let unlucky = tasks as f64 * work.transient.powi(RETRIES as i32 + 1);
    let most = unreadable + (unlucky + 6.0 * unlucky.sqrt()).ceil() as u64 + 1;
    if run.items_dead < unreadable || run.items_dead > most {
        return Err(format!(
            "{} tasks failed; {unreadable} records cannot be read, and {most} failures are the most that chance makes",
            run.items_dead
        ));
    }
    Ok(run)
}

/// Reads the record as often as a heavy-tailed number says; the sum is what a handler would make of it.
fn compute(record: &str, draw: &mut Draw) -> Result<u64, String> {
    let times = draw.log_normal(150.0, 1.0).clamp(10.0, 5000.0) as u64;
    let mut sum = 0u64;
    for _ in 0..times {
        let record = read(std::hint::black_box(record))?;
        sum = sum.wrapping_add(record.customer + record.lines.len() as u64);
    }
    Ok(sum)
}

fn call(agent: &ureq::Agent, address: SocketAddr, record: &str) -> Result<u64, String> {
    let answer = agent.post(format!("http://{address}/check")).send(record);
    match answer {
        Ok(mut answer) => {
            let mut text = String::new();
            let read = answer.body_mut().as_reader().read_to_string(&mut text);
            read.map_err(|error| error.to_string())?;
            text.trim().parse().map_err(|_| format!("`{text}` is no answer"))
        }
        Err(ureq::Error::StatusCode(code)) => Err(format!("refused with status {code}")),
        Err(error) => Err(error.to_string()),
    }
}

/// The service: answers after a while, with a thread for each of those that it answers at a time.
struct Service {
    address: SocketAddr,
    server: Arc<tiny_http::Server>,
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// Answers at a time: more than there are workers, so that they wait for it and not in its queue.
const AT_A_TIME: usize = 32;
/// Median time of an answer, in seconds, and its sigma: a tail of twenty times the median in a thousand.
const ANSWER: (f64, f64) = (0.003, 1.0);

impl Service {
    fn start(seed: u64) -> Result<Self, String> {
        let server =
            tiny_http::Server::http("127.0.0.1:0").map_err(|error| format!("no server on 127.0.0.1: {error}"))?;
        let address = server.server_addr().to_ip().ok_or("the server has no address")?;
        let (server, over) = (Arc::new(server), Arc::new(AtomicBool::new(false)));
        let threads = (0..AT_A_TIME).map(|thread| {
            let (server, over) = (server.clone(), over.clone());
            thread::spawn(move || {
                let mut draw = Draw::keyed(seed, &[10, thread as u64]);
                while !over.load(Ordering::Acquire) {
                    let Ok(Some(mut request)) = server.recv_timeout(Duration::from_millis(50)) else { continue };
                    let began = Instant::now();
                    let mut body = String::new();
                    let readable = request.as_reader().read_to_string(&mut body).is_ok();
                    let answer = read(&body).map(|record| record.customer);
                    let length = Duration::from_secs_f64(draw.log_normal(ANSWER.0, ANSWER.1).min(0.2));
                    thread::sleep(length.saturating_sub(began.elapsed()));
                    let response = match answer {
                        Ok(customer) if readable => tiny_http::Response::from_string(customer.to_string()),
                        _ => tiny_http::Response::from_string("no record").with_status_code(422),
                    };
                    // Who went away meanwhile gets no answer.
                    let _ = request.respond(response);
                }
            })
        });
        let threads = threads.collect();
        Ok(Self { address, server, over, threads })
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        self.server.unblock();
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}
