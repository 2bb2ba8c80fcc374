//! `ingest`: inputs to the lake, with a receipt.

use super::{Context, quarantine::Quarantine, receipt_text};
use crate::{
    cli::{
        args::{Ingest, InputOptions},
        console::line,
        exit::{Error, Outcome},
        wire::receipt::Document,
    },
    ingest::{
        self, Found, Receiver, Server, Session, Settings, Source, Stopped, discover, is_url, recognise,
        recognise_server,
    },
    lake::{self, Input, Lake, Transaction},
    model::{
        AttemptRef, Counts, Defect, Deployment, Origin, Receipt, Row, SourceReceipt, TimeRange, UNCOUNTED,
        is_stand_in_run_id,
    },
};
use std::{io::Write, path::Path};

pub(super) fn run(context: &Context<'_>, args: &Ingest) -> Result<Outcome, Error> {
    let receipt = ingest(context, &context.lake(), &args.paths, &args.input)?;
    if context.console.json {
        context.console.document(&Document::from(&receipt))?;
    } else {
        context.console.say(&receipt_text::summary(&receipt, context.console))?;
    }
    receipt_text::warn(&receipt.warnings, context.console);
    Ok(Outcome::Fine)
}

/// Reads everything below `paths` into the lake, as a whole or not at all.
pub(super) fn ingest(
    context: &Context<'_>,
    lake: &Lake,
    paths: &[String],
    options: &InputOptions,
) -> Result<Receipt, Error> {
    let deployment = Deployment::new(&options.deployment)?;
    let (stdin, paths) = split_stdin(paths)?;
    let (urls, paths) = split_urls(paths)?;
    let mut found = discover(&paths)?;
    found.extend(stdin.as_ref().map(|file| Found { path: file.path().to_owned(), named: true }));
    let shown = |found: &Found| match &stdin {
        Some(file) if found.path == file.path() => "-".to_owned(),
        _ => found.path.display().to_string(),
    };
    let settings = settings(context, options)?;
    let (mut sources, passed_over) = recognise_all(&found, &settings, shown)?;
    for url in urls {
        let server = Server::parse(&url, options.password_file.as_deref())?;
        sources.extend(recognise_server(&server)?);
    }
    if sources.is_empty() {
        return Err(nothing_found(&found, &passed_over));
    }
    if let Some(first) = passed_over.first().filter(|_| options.strict) {
        let (path, reason) = (first.path.clone(), first.reason.clone());
        return Err(ingest::Error::Strict { path, line: first.line, reason }.into());
    }
    check_kinds(&sources, options)?;
    sources.sort_by_cached_key(Source::order);
    let mut receipt = read_all(context, lake, &deployment, &mut sources, settings, options)?;
    receipt.defects.extend(passed_over);
    receipt.sources.sort_by(|a, b| a.path.cmp(&b.path));
    receipt.defects.sort_by(|a, b| (&a.path, a.line, &a.reason).cmp(&(&b.path, b.line, &b.reason)));
    Ok(receipt)
}

/// `-` is spooled to a file: it is hashed before it is read.
fn split_stdin(paths: &[String]) -> Result<(Option<tempfile::NamedTempFile>, Vec<String>), Error> {
    let rest: Vec<String> = paths.iter().filter(|path| *path != "-").cloned().collect();
    if rest.len() == paths.len() {
        return Ok((None, rest));
    }
    let mut file = tempfile::NamedTempFile::new().map_err(Error::io("create", "a temporary file"))?;
    std::io::copy(&mut std::io::stdin().lock(), &mut file).map_err(spooling)?;
    file.flush().map_err(Error::io("write", "a temporary file"))?;
    Ok((Some(file), rest))
}

/// Databases on servers, and the files. A URL of another kind is not repeated: it may hold a password.
fn split_urls(paths: Vec<String>) -> Result<(Vec<String>, Vec<String>), Error> {
    let (urls, paths): (Vec<String>, Vec<String>) = paths.into_iter().partition(|path| path.contains("://"));
    // Nothing behind the system's name is repeated: it may be a password.
    let systems = ["postgres", "mysql", "mariadb"];
    let mistyped = |path: &&String| {
        path.contains('@')
            && systems.iter().any(|system| path.starts_with(system))
            && !Path::new(path.as_str()).exists()
    };
    if paths.iter().any(|path| mistyped(&path)) {
        return Err(Error::Usage(
            "a database is named by a URL: postgresql://USER@HOST/DATABASE or mysql://USER@HOST/DATABASE".to_owned(),
        ));
    }
    match urls.iter().find(|url| !is_url(url)) {
        Some(other) => Err(Error::Usage(format!(
            "{}://: only postgresql:// and mysql:// are read by URL; name a SQLite database by its file",
            line(other.split("://").next().unwrap_or_default())
        ))),
        None => Ok((urls, paths)),
    }
}

fn spooling(error: std::io::Error) -> Error {
    if error.kind() != std::io::ErrorKind::StorageFull {
        return Error::io("read", "stdin")(error);
    }
    let folder = std::env::temp_dir();
    let free = lake::space_left(&folder);
    Error::Usage(format!(
        "no space left in {} for what comes by stdin: {free}; set TMPDIR to a folder on a larger disk, or name a file",
        folder.display()
    ))
}

/// A file that the user named must be readable; one that was met in a folder is passed over with a note.
fn recognise_all(
    found: &[Found],
    settings: &Settings,
    shown: impl Fn(&Found) -> String,
) -> Result<(Vec<Source>, Vec<Defect>), Error> {
    let (mut sources, mut passed_over) = (Vec::new(), Vec::new());
    for file in found {
        match recognise(&file.path, &shown(file), settings) {
            Ok(tables) => sources.extend(tables),
            Err(ingest::Error::Own { .. }) if !file.named => {}
            Err(error) if !file.named => {
                let path = file.path.display().to_string();
                passed_over.push(Defect { path, line: None, reason: error.reason(), count: 1 });
            }
            // A shell made names of a pattern, perhaps.
            Err(ingest::Error::Unrecognised { path, reason }) if found.len() > 1 => {
                let reason =
                    format!("{reason} (no export? Leave it out, or name its folder, where such files are passed over)");
                return Err(ingest::Error::Unrecognised { path, reason }.into());
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok((sources, passed_over))
}

fn nothing_found(found: &[Found], passed_over: &[Defect]) -> Error {
    let example =
        passed_over.first().map(|d| format!(" (such as {}: {})", line(&d.path), line(&d.reason))).unwrap_or_default();
    Error::Usage(format!(
        "no export of Airflow among {} file(s){example}; `windtunnel export-sql` prints the script that makes exports",
        found.len()
    ))
}

/// `--kind` says what the inputs must be.
fn check_kinds(sources: &[Source], options: &InputOptions) -> Result<(), Error> {
    let Some(wanted) = &options.kind else { return Ok(()) };
    match sources.iter().find(|source| source.name() != wanted) {
        None => Ok(()),
        Some(other) => Err(Error::Usage(format!(
            "{} is {}, not {}; leave --kind out to take every kind",
            line(&other.shown),
            other.kind(),
            line(wanted)
        ))),
    }
}

fn read_all(
    context: &Context<'_>,
    lake: &Lake,
    deployment: &Deployment,
    sources: &mut [Source],
    settings: Settings,
    options: &InputOptions,
) -> Result<Receipt, Error> {
    let mut transaction = Transaction::begin(lake, deployment, context.common.memory_limit, context.common.threads)?;
    let all_bytes = sources.iter().map(Source::bytes).sum::<Result<u64, _>>()?;
    let bar = context.console.bytes_bar(all_bytes);
    let (mut rows_before, mut bytes_before) = (0, 0);
    let mut session = session(lake, deployment, sources, settings)?;
    let mut quarantine = options.quarantine.as_deref().map(Quarantine::create).transpose()?;
    let (mut inputs, mut span, mut warnings, mut stand_ins) = (Vec::new(), None, Vec::new(), 0_u64);
    for (origin, source) in sources.iter_mut().enumerate() {
        let mut receipt = SourceReceipt {
            path: source.shown.clone(),
            table: source.home(),
            kind: source.kind(),
            sha256: String::new(),
            bytes: source.bytes()?,
            counts: Counts::default(),
            ignored: Default::default(),
            skipped_as_known: false,
        };
        let mut defects = Vec::new();
        // A file of a size that was never seen is new: it is hashed while it is read.
        if source.is_file() && transaction.may_know(receipt.bytes) {
            receipt.sha256 = source.hash()?;
            receipt.skipped_as_known = transaction.knows(&receipt.sha256, source.home());
        }
        if receipt.skipped_as_known {
            defects = transaction.known_defects(&receipt.sha256, source.home(), &source.shown);
            // Who asks for its rows that could not be read gets them, whatever was ingested when.
            receipt.skipped_as_known = defects.is_empty() || !options.strict && options.quarantine.is_none();
        }
        if !receipt.skipped_as_known {
            let mut put = Put {
                transaction: &mut transaction,
                origin: origin as Origin,
                stand_ins: 0,
                failed: None,
                shown: &source.shown,
                quarantine: quarantine.as_mut(),
                bar: &bar,
                rows_before,
                bytes_before,
            };
            if source.needs_ids() {
                session.use_what_was_learned();
            }
            let reading = source.read(&mut session, &mut put, options.strict);
            stand_ins += put.stand_ins;
            if let Some(error) = put.failed {
                return Err(error);
            }
            let reading = match reading {
                Ok(reading) => reading,
                Err(Stopped::Input(error)) => return Err(error.into()),
                Err(Stopped::Receiver) => {
                    return Err(Error::Usage(format!("reading {} was stopped", line(&source.shown))));
                }
            };
            defects = reading.defects(&source.shown);
            if options.strict
                && let Some(first) = defects.first()
            {
                let (path, reason) = (first.path.clone(), first.reason.clone());
                return Err(ingest::Error::Strict { path, line: first.line, reason }.into());
            }
            receipt.sha256 = match reading.sha256 {
                Some(sha256) => sha256,
                None => source.hash()?,
            };
            receipt.bytes = reading.bytes.unwrap_or(receipt.bytes);
            receipt.counts = reading.counts;
            receipt.ignored = reading.ignored;
            span = union(span, reading.span);
            let named = |warning: String| {
                // Those of logs name their log already.
                if source.needs_ids() { format!("{}: {warning}", line(&source.shown)) } else { warning }
            };
            warnings.extend(reading.warnings.into_iter().map(named));
        }
        rows_before += receipt.counts.read;
        bytes_before += if source.is_file() { receipt.bytes } else { 0 };
        bar.set_position(bytes_before);
        inputs.push(Input { receipt, defects });
    }
    warnings.extend(session.warnings());
    refuse_useless(&inputs)?;
    bar.set_message("merging");
    transaction.rename_templates(session.generalised_templates());
    let (inputs, lake_rows) = transaction.commit(inputs)?;
    quarantine.map_or(Ok(()), Quarantine::finish)?;
    bar.finish_and_clear();
    if stand_ins > 0 && !sources.iter().any(|source| source.home() == Some("dag_runs")) {
        warnings.push(format!(
            "{stand_ins} task instances name their run by date only (Airflow before 2.2) and no dag_run came with them; \
             ingest dag_run as well, before or later"
        ));
    }
    let known = inputs.iter().filter(|input| input.receipt.skipped_as_known).count();
    if known > 0 && options.say_how_to_read() {
        warnings.push(format!(
            "{known} source(s) were ingested before and are not read again: what the options say of them (unit of timers, \
             offset, version, DAG) changes nothing; ingest into a new lake to have them read so"
        ));
    }
    let (sources, defects): (Vec<_>, Vec<_>) = inputs.into_iter().map(|input| (input.receipt, input.defects)).unzip();
    let defects = defects.into_iter().flatten().collect();
    Ok(Receipt { deployment: deployment.clone(), sources, lake_rows, span, defects, warnings })
}

/// What the user says of inputs that do not say it themselves.
fn settings(context: &Context<'_>, options: &InputOptions) -> Result<Settings, Error> {
    Ok(Settings {
        timer_unit: options.timer_unit.into(),
        utc_offset_s: options.log_utc_offset,
        csv: context.config.metrics_table().map_err(Error::Usage)?,
        airflow_major: options.airflow_major,
        dag_id: options.api_dag.clone(),
    })
}

/// What the sources of this ingest are to know of each other and of the lake.
fn session(lake: &Lake, deployment: &Deployment, sources: &[Source], settings: Settings) -> Result<Session, Error> {
    let learns = sources.iter().any(Source::needs_ids);
    let mut session = Session::new(settings, learns);
    if learns && lake.exists() {
        for (dag_id, task_id, median_s) in lake.tasks(deployment)? {
            session.note_task(&dag_id, &task_id, median_s);
        }
    }
    Ok(session)
}

/// Puts the rows of one source into the lake.
struct Put<'a, 'q> {
    transaction: &'a mut Transaction,
    origin: Origin,
    /// Attempts whose run is named by its date.
    stand_ins: u64,
    failed: Option<Error>,
    shown: &'a str,
    quarantine: Option<&'a mut Quarantine<'q>>,
    bar: &'a indicatif::ProgressBar,
    rows_before: u64,
    bytes_before: u64,
}

impl Put<'_, '_> {
    fn keep(&mut self, result: Result<(), lake::Error>) -> bool {
        self.failed = result.err().map(Error::from);
        self.failed.is_none()
    }
}

impl Receiver for Put<'_, '_> {
    fn row(&mut self, row: Row, counted: bool) -> bool {
        self.stand_ins += u64::from(matches!(&row, Row::Attempt(attempt) if is_stand_in_run_id(&attempt.run_id)));
        let origin = if counted { self.origin } else { UNCOUNTED };
        let result = self.transaction.put(origin, row);
        self.keep(result)
    }

    fn attempt(&mut self, attempt: &AttemptRef<'_>) -> bool {
        self.stand_ins += u64::from(is_stand_in_run_id(attempt.run_id));
        let result = self.transaction.put_attempt(self.origin, attempt);
        self.keep(result)
    }

    fn rejected(&mut self, line: Option<u64>, reason: &str, value: Option<&str>) -> bool {
        let Some(quarantine) = &mut self.quarantine else { return true };
        self.failed = quarantine.note(self.shown, line, reason, value).err();
        self.failed.is_none()
    }

    fn progress(&mut self, rows: u64, bytes: u64) {
        self.bar.set_message(format!("{} rows", self.rows_before + rows));
        self.bar.set_position(self.bytes_before + bytes);
    }
}

/// Rows, and not one that can be used: the wrong file, or the wrong delimiter. Nothing is written.
fn refuse_useless(inputs: &[Input]) -> Result<(), Error> {
    let total = |count: fn(&Counts) -> u64| inputs.iter().map(|input| count(&input.receipt.counts)).sum::<u64>();
    let (read, rejected) = (total(|counts| counts.read), total(|counts| counts.rejected));
    let Some(first) = inputs.iter().flat_map(|input| &input.defects).next().filter(|_| read > 0 && read == rejected)
    else {
        return Ok(());
    };
    let place = first.line.map(|n| format!(", line {n}")).unwrap_or_default();
    Err(Error::Usage(format!(
        "not one of {read} rows can be used; first: {}{place}: {}; the lake is as it was",
        line(&first.path),
        line(&first.reason)
    )))
}

fn union(a: Option<TimeRange>, b: Option<TimeRange>) -> Option<TimeRange> {
    match (a, b) {
        (Some(a), Some(b)) => Some(TimeRange { from: a.from.min(b.from), to: a.to.max(b.to) }),
        (a, b) => a.or(b),
    }
}
