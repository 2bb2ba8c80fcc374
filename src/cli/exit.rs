//! Exit codes, the same for every command.

use super::console::Console;
use std::{io, process::ExitCode};

/// How a command that did not fail ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Fine: 0.
    Fine,
    /// Something is damaged or was refused, and the output says what: 1.
    Failed,
    /// `--fail-on regressed`, and there is a regression: 2.
    Regressed,
    /// `--fail-on regressed`, and nothing could be tested: 3.
    NoDecision,
}

impl Outcome {
    pub(super) fn code(self) -> ExitCode {
        match self {
            Self::Fine => ExitCode::SUCCESS,
            Self::Failed => ExitCode::from(1),
            Self::Regressed => ExitCode::from(2),
            Self::NoDecision => ExitCode::from(3),
        }
    }
}

/// Everything that can end a command: usage errors, unreadable inputs, failures.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(transparent)]
    Ingest(#[from] crate::ingest::Error),
    #[error(transparent)]
    Lake(#[from] crate::lake::Error),
    #[error(transparent)]
    Report(#[from] crate::report::Error),
    #[error(transparent)]
    Config(#[from] super::config::Error),
    #[error(transparent)]
    Deployment(#[from] crate::model::InvalidDeployment),
    #[error("cannot {action} {path}: {source}")]
    Io { action: &'static str, path: String, source: io::Error },
    #[error("{0}")]
    Usage(String),
}

impl Error {
    pub(super) fn io(action: &'static str, path: impl AsRef<std::path::Path>) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().display().to_string();
        move |source| Self::Io { action, path, source }
    }
}

/// Help and version go to stdout and are fine; any other parse error is a usage error, which clap would exit with 2.
pub(super) fn usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    if error.use_stderr() { ExitCode::from(1) } else { ExitCode::SUCCESS }
}

/// Says what went wrong. A reader that closed the pipe wanted no more: that is fine.
pub(super) fn report(error: &Error, console: &Console) -> ExitCode {
    if let Error::Io { source, .. } = error
        && source.kind() == io::ErrorKind::BrokenPipe
    {
        return ExitCode::SUCCESS;
    }
    console.error(&error.to_string());
    ExitCode::from(1)
}
