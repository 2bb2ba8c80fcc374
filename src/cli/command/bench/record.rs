//! Measured runs, kept in the lake for `gate --bench`.

use super::Context;
use crate::{
    cli::{exit::Error, host},
    lake::Transaction,
    model::{BenchRecord, Deployment, Row, Text, Timestamp, UNCOUNTED},
    replay::{EngineResult, Side},
};

/// Keeps each measured run in the lake.
pub(super) fn record(context: &Context<'_>, deployment: &Deployment, results: &[EngineResult]) -> Result<(), Error> {
    let at = Timestamp::from_micros(jiff::Timestamp::now().as_microsecond());
    let host: Text = host::here().to_text().into();
    let mut transaction =
        Transaction::begin(&context.lake(), deployment, context.common.memory_limit, context.common.threads)?;
    for result in results {
        for sample in &result.samples {
            let (variant, side) = match sample.side {
                Side::Baseline => (&result.baseline, "baseline"),
                Side::Candidate => (&result.candidate, "candidate"),
            };
            let record = BenchRecord {
                at,
                engine: result.engine.as_str().into(),
                workload: result.workload.as_str().into(),
                // Two candidates are compared with one baseline, each time in runs of its own.
                variant: variant.as_str().into(),
                side: if side == "baseline" { format!("baseline of {}", result.candidate).into() } else { side.into() },
                round: i32::try_from(sample.round).unwrap_or(i32::MAX),
                p99_seconds: sample.p99_seconds,
                seconds: sample.seconds,
                cpu_seconds: sample.cpu_seconds,
                items: i64::try_from(sample.items).unwrap_or(i64::MAX),
                peak_rss_bytes: i64::try_from(sample.peak_rss_bytes).unwrap_or(i64::MAX),
                host: host.clone(),
            };
            transaction.put(UNCOUNTED, Row::Bench(record))?;
        }
    }
    transaction.commit(Vec::new())?;
    Ok(())
}
