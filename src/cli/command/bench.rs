//! `bench`: engines on workloads, baseline and candidate in turns.

mod ecommerce;
mod own_folders;
mod record;
mod text;

use self::{own_folders::OwnFolders, record::record};
use super::Context;
use crate::{
    cli::{
        args::{Bench as Args, BenchChild, Child, Engine},
        exit::{Error, Outcome},
        host,
        wire::bench::{Document, Parts, Storm},
        workload,
    },
    engine::{
        lock::Attempt,
        memory::{Probe, SystemProbe},
        workers::Machine,
    },
    lake::Transaction,
    model::Deployment,
    replay::{
        Backends, BenchError, EngineResult, MOST_MEMORY_ITEMS, MemoryMode, Plan, Quiet, StormPlan, StormReport,
        SweepPoint, Wall, batch_child, bench_batch, bench_lock, bench_memory, bench_pool, bench_scheduler,
        bench_workers, memory_child, platform::PlatformTold, spin_scaling, storm, storm_child,
    },
};
use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

/// Records of a run of batches, where no number is given: a policy that learns needs some to learn from.
const RECORDS: usize = 300_000;
/// Records that tasks of workers are made of.
const TASK_RECORDS: usize = 10_000;
/// How long a lease of a storm lasts, where the backend lets it be so short.
const EXPIRY: Duration = Duration::from_millis(250);
/// Mean time between two blows of a storm.
const BETWEEN: Duration = Duration::from_millis(60);
/// Time after which a storm is given up, for each write: a tenth of what the slowest backend needs is a millisecond.
const PATIENCE_A_WRITE: Duration = Duration::from_millis(20);
/// Time without a write after which a storm is ended: many times what a session of a killed holder lasts on the slowest backend.
const STILL: Duration = Duration::from_secs(45);
/// And for the rest.
const PATIENCE: Duration = Duration::from_secs(120);
/// Environment variable that tells processes of a storm where locks are: a command line is seen by all, a password is not for all.
const LOCKS: &str = "WINDTUNNEL_LOCKS";

pub(super) fn run(context: &Context<'_>, args: &Args) -> Result<Outcome, Error> {
    let (engines, file) = asked(args)?;
    // What is wrong is told before minutes are spent.
    let deployment = args.record.then(|| Deployment::new(&args.deployment)).transpose()?;
    if let Some(deployment) = &deployment {
        drop(Transaction::begin(&context.lake(), deployment, context.common.memory_limit, context.common.threads)?);
    }
    let backend = args.backend.as_deref().filter(|_| engines.contains(&Engine::Lock)).map(Backends::parse);
    let backend = backend.transpose().map_err(Error::Usage)?;
    let folder = tempfile::tempdir().map_err(Error::io("create a folder in", std::env::temp_dir()))?;
    let own = OwnFolders::default();
    own.goes_with_the_bench(folder.path());
    own.leave_nothing();
    let quiet = spin_scaling();
    // Virtual time does not mind what else a machine does.
    let in_virtual_time = args.virtual_only && args.engines == [Engine::Ecommerce];
    let warnings = if in_virtual_time { Vec::new() } else { warnings(quiet) };
    if !context.console.json {
        warnings.iter().for_each(|warning| context.console.warn(warning));
    }
    let plan = Plan { rounds: args.rounds, items: args.items, ..Plan::default() };
    let mut bench = Bench {
        context,
        args,
        file,
        plan,
        folder: folder.path(),
        own,
        backend,
        results: Vec::new(),
        sweep: Vec::new(),
        unprinted: None,
        storm: None,
        platform: None,
        quiet,
    };
    for engine in engines {
        bench.engine(engine)?;
    }
    let notes = text::notes(&bench.results);
    bench.say(&notes)?;
    let unprinted = bench.unprinted.take();
    let safe = bench.storm.as_ref().is_none_or(|(_, report)| report.is_safe() || args.unfenced);
    let Bench { results, sweep, storm, platform, .. } = bench;
    let printed = if context.console.json {
        let parts = Parts {
            seed: context.seed(),
            host: &host::here(),
            results: &results,
            sweep: &sweep,
            storm: storm.as_ref().map(|(backend, report)| Storm::new(backend.name(), !args.unfenced, report)),
            platform: platform.as_ref(),
            quiet,
            warnings,
        };
        context.console.document(&Document::new(parts))
    } else {
        let storm = storm.map_or_else(String::new, |(backend, report)| text::storm(&backend, &report));
        let platform = platform.map_or_else(String::new, |told| ecommerce::text(context, &told));
        context.console.say(&(storm + &platform))
    };
    if let Some(deployment) = &deployment {
        record(context, deployment, &results)?;
        context.console.note(&format!("kept in {} as `{}`", context.lake_path().display(), args.deployment));
    }
    unprinted.map_or(printed, Err)?;
    Ok(if safe { Outcome::Fine } else { Outcome::Failed })
}

/// Engines that are run where none is named.
const USUAL: [Engine; 6] =
    [Engine::Batch, Engine::Memory, Engine::Workers, Engine::Pool, Engine::Lock, Engine::Scheduler];

/// What is to be run, each engine once, and by which file; refuses what does not fit together.
fn asked(args: &Args) -> Result<(Vec<Engine>, workload::File), Error> {
    let mut engines = Vec::new();
    for engine in if args.engines.is_empty() { &USUAL[..] } else { &args.engines[..] } {
        if !engines.contains(engine) {
            engines.push(*engine);
        }
    }
    let platform = engines.contains(&Engine::Ecommerce);
    if platform && args.workload.is_some() && engines.iter().any(|engine| *engine != Engine::Ecommerce) {
        return Err(Error::Usage(
            "--workload of ecommerce is a platform, of other engines it is not: bench them one by one".to_owned(),
        ));
    }
    let file = workload::File::load(args.workload.as_deref().filter(|_| !platform))?;
    for (given, option, engine) in [
        (args.sweep, "--sweep", Engine::Batch),
        (args.backend.is_some(), "--backend", Engine::Lock),
        (args.virtual_only, "--virtual-only", Engine::Ecommerce),
        (args.even_if_busy, "--even-if-busy", Engine::Ecommerce),
    ] {
        if given && !engines.contains(&engine) && (engine != Engine::Lock || std::env::var_os(LOCKS).is_none()) {
            return Err(Error::Usage(format!("{option} says nothing to the engines that were named")));
        }
    }
    if args.storm.is_some() && engines != [Engine::Lock] {
        return Err(Error::Usage("--storm is for locks: `windtunnel bench lock --storm 100000`".to_owned()));
    }
    if engines.contains(&Engine::Memory) && args.items.is_some_and(|items| items > MOST_MEMORY_ITEMS) {
        // Before anything was run: an error half-way would take what is known with it.
        return Err(Error::Usage(format!(
            "--items is more than the {MOST_MEMORY_ITEMS} that `memory` takes, which holds them at once: name the engines that it is meant for"
        )));
    }
    Ok((engines, file))
}

struct Bench<'a> {
    context: &'a Context<'a>,
    args: &'a Args,
    file: workload::File,
    plan: Plan,
    folder: &'a Path,
    own: OwnFolders,
    /// Where locks are, if that was said.
    backend: Option<Backends>,
    results: Vec<EngineResult>,
    sweep: Vec<SweepPoint>,
    /// Why text could not be printed.
    unprinted: Option<Error>,
    storm: Option<(Backends, StormReport)>,
    platform: Option<PlatformTold>,
    quiet: Quiet,
}

impl Bench<'_> {
    fn engine(&mut self, engine: Engine) -> Result<(), Error> {
        let seed = self.context.seed();
        match engine {
            Engine::Batch => {
                let work = self.file.workload(seed, self.plan.items.unwrap_or(RECORDS))?;
                let settings = self.file.batch()?;
                for bench in bench_batch(&work, self.plan, &settings, self.args.sweep, self.folder) {
                    let bench = bench.map_err(told)?;
                    self.found(bench.results, bench.sweep)?;
                }
            }
            Engine::Memory => {
                let exe = exe()?;
                let arguments = |mode: MemoryMode, items: usize| {
                    ["--seed", &seed.to_string(), "bench-child", "memory", mode.as_str(), &items.to_string()]
                        .map(str::to_owned)
                        .to_vec()
                };
                self.found(bench_memory(seed, self.plan, &exe, arguments).map_err(told)?, Vec::new())?;
            }
            Engine::Workers => {
                let work = self.file.workload(seed, self.plan.items.unwrap_or(TASK_RECORDS))?;
                let machine: Arc<dyn Machine> = Arc::new(ThisMachine(SystemProbe::default()));
                let found = bench_workers(&work, self.plan, &self.file.workers()?, &machine).map_err(told)?;
                self.found(found, Vec::new())?;
            }
            Engine::Pool => {
                let work = self.file.workload(seed, 0)?;
                self.found(bench_pool(&work, self.plan, &self.file.pools()?).map_err(told)?, Vec::new())?;
            }
            Engine::Lock => self.lock()?,
            Engine::Scheduler => {
                let machine: Arc<dyn Machine> = Arc::new(ThisMachine(SystemProbe::default()));
                self.found(vec![bench_scheduler(seed, self.plan, &machine).map_err(told)?], Vec::new())?;
            }
            Engine::Ecommerce => {
                let machine: Arc<dyn Machine> = Arc::new(ThisMachine(SystemProbe::default()));
                let found = ecommerce::run(self.context, self.args, machine, self.quiet.is_quiet())?;
                self.found(vec![found.result.clone()], Vec::new())?;
                self.platform = Some((&found).into());
            }
        }
        Ok(())
    }

    /// What is to be kept goes on where nobody reads it.
    fn say(&mut self, text: &str) -> Result<(), Error> {
        match self.context.console.say(text) {
            Err(error) if self.args.record => {
                self.unprinted = Some(error);
                Ok(())
            }
            printed => printed,
        }
    }

    /// A bench takes minutes: what is known is told.
    fn found(&mut self, results: Vec<EngineResult>, sweep: Vec<SweepPoint>) -> Result<(), Error> {
        let text = text::results(&results, self.quiet.is_quiet()) + &text::sweep(&sweep);
        self.say(&text)?;
        self.results.extend(results);
        self.sweep.extend(sweep);
        Ok(())
    }

    fn lock(&mut self) -> Result<(), Error> {
        // Locks of a bench are nobody else's: of a folder, they are in one of their own, which goes with the bench.
        let (named, _own) = match self.backend.take() {
            Some(Backends::Files(folder)) => {
                std::fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
                let own = tempfile::Builder::new().prefix("windtunnel-bench-").tempdir_in(&folder);
                let own = own.map_err(Error::io("create a folder in", &folder))?;
                self.own.goes_with_the_bench(own.path());
                (Some(Backends::Files(own.path().to_owned())), Some(own))
            }
            named => (named, None),
        };
        if let Some(writes) = self.args.storm {
            let backend = named.unwrap_or_else(|| Backends::Files(self.folder.join("locks")));
            let report = self.storm(&backend, writes)?;
            self.storm = Some((backend, report));
            return Ok(());
        }
        let backends = named
            .map_or_else(|| vec![Backends::InProcess, Backends::Files(self.folder.join("locks"))], |one| vec![one]);
        for backend in backends {
            self.found(bench_lock(&backend, self.plan, self.folder).map_err(told)?, Vec::new())?;
        }
        Ok(())
    }

    fn storm(&self, backend: &Backends, writes: u64) -> Result<StormReport, Error> {
        let address = match backend {
            Backends::InProcess => {
                return Err(Error::Usage("a storm is of several processes: locks in one are none to them".to_owned()));
            }
            Backends::Files(folder) => folder.display().to_string(),
            _ => self.args.backend.clone().unwrap_or_default(),
        };
        // Once from here: processes that come to nothing would not say why.
        let told = |error| Error::Usage(format!("{error}"));
        let opened = backend.open().map_err(told)?;
        if let Attempt::Granted(fence) = opened.take("before the storm", "windtunnel", EXPIRY).map_err(told)? {
            opened.give_back("before the storm", "windtunnel", fence).map_err(told)?;
        }
        let plan = StormPlan {
            writes,
            processes: self.args.processes as usize,
            expiry: EXPIRY,
            seed: self.context.seed(),
            between: BETWEEN,
            checked: !self.args.unfenced,
            patience: PATIENCE + PATIENCE_A_WRITE * u32::try_from(writes).unwrap_or(u32::MAX),
            still: STILL,
        };
        let exe = exe()?;
        let command = |number: usize| {
            let mut command = Command::new(&exe);
            command.args(["bench-child", "storm"]).arg(self.folder);
            command.args([number as u64, writes, EXPIRY.as_millis() as u64].map(|number| number.to_string()));
            command.arg(plan.checked.to_string()).env(LOCKS, &address);
            command
        };
        storm(&plan, self.folder, command)
            .map_err(|error| Error::Usage(format!("locks on {}: {error}", backend.name())))
    }
}

fn exe() -> Result<PathBuf, Error> {
    std::env::current_exe().map_err(Error::io("find", "this program"))
}

fn told(error: BenchError) -> Error {
    Error::Usage(error.to_string())
}

/// What `bench` starts in a process of its own.
pub(super) fn child(context: &Context<'_>, args: &BenchChild) -> Result<Outcome, Error> {
    match &args.what {
        Child::Memory { mode, items } => {
            let mode = [MemoryMode::AllAtOnce, MemoryMode::Admitted].into_iter().find(|known| known.as_str() == mode);
            let mode = mode.ok_or_else(|| Error::Usage("no such mode".to_owned()))?;
            let told = memory_child(context.seed(), *items, mode).map_err(Error::io("read", "stdin"))?;
            context.console.say(&(told + "\n"))?;
        }
        Child::Batch { folder, records } => {
            let file = workload::File::default();
            let told =
                batch_child(&file.workload(context.seed(), *records)?, &file.batch()?, folder).map_err(Error::Usage)?;
            context.console.say(&(told + "\n"))?;
        }
        Child::Storm { folder, number, writes, expiry, checked } => {
            let address = std::env::var(LOCKS).unwrap_or_default();
            let backend =
                Backends::parse(&address).and_then(|backend| backend.open().map_err(|error| error.to_string()));
            let plan = StormPlan {
                writes: *writes,
                processes: 1,
                expiry: Duration::from_millis(*expiry),
                seed: 0,
                between: Duration::ZERO,
                checked: *checked,
                patience: Duration::MAX,
                still: Duration::MAX,
            };
            storm_child(backend.map_err(Error::Usage)?, Wall::start(), &plan, folder, *number)
                .map_err(|error| Error::Usage(error.to_string()))?;
        }
    }
    Ok(Outcome::Fine)
}

/// The machine, as workers see it.
struct ThisMachine(SystemProbe);

impl Machine for ThisMachine {
    fn cores(&self) -> usize {
        std::thread::available_parallelism().map_or(1, usize::from)
    }

    fn load(&self) -> Option<f64> {
        let load = sysinfo::System::load_average().one;
        load.is_finite().then_some(load)
    }

    fn free_bytes(&self) -> Option<u64> {
        self.0.read().map(|reading| reading.limit.saturating_sub(reading.used))
    }
}

fn warnings(quiet: Quiet) -> Vec<String> {
    if quiet.is_quiet() {
        return Vec::new();
    }
    vec![format!(
        "this machine is not quiet: two threads get {:.2} times as much done as one; nothing is said about several cores, and CPU time is the better measure",
        quiet.scaling
    )]
}
