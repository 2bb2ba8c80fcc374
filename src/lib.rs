//! Windtunnel measures Airflow from what Airflow already wrote down: no server, no agent, no account.
//!
//! Hand it an export of the metadata database; it keeps the history as a Parquet lake and says what got slower, since when,
//! by how much, and how sure that is.
//!
//! # The house
//!
//! Data goes through once, in one direction. A folder is a stage, or a floor below the stages; imports point down only.
//!
//! ```text
//! 4  main.rs  cli/                      parse, compose, print, exit code
//! 3  report/                            findings, verdicts -> view -> HTML, SVG, PNG, Markdown, JUnit (bytes)
//! 2  analysis/    replay/   gate/       judgement: baseline, change, worth | running workloads | pass or fail
//! 1  ingest/  lake/  synth/  engine/    bytes -> rows + defects | rows <-> Parquet | seed -> history | what shares work
//! 0  stats/                  model/     numbers -> estimates    | the nouns
//! ```
//!
//! ```text
//! exports -ingest-> rows + defects -lake-> Parquet + manifest -lake-> histories
//!    -analysis-> findings -report-> view -> bytes -cli-> files
//! ```
//!
//! What is absent, each held by `tests/it/architecture.rs` where a text can show it:
//!
//! * `stats` and `model` do no IO, read no clock, know no serde, and do not know each other.
//! * Random numbers are drawn in `stats` only, from a seed.
//! * `analysis` never reads a file: it is handed histories and returns findings.
//! * `report` returns bytes: it opens nothing, and the same analysis gives the same bytes.
//! * Airflow's column names are read in `ingest` and written in `synth` only; arrow, parquet and polars in `lake` only; what leaves `lake` are structs.
//! * No folder of floor 1 imports its neighbour; `cli` alone composes.
//! * Settings, environment and exit codes are known to `cli` only; serde stands at the edges (readers of JSON, `cli::wire`,
//!   the manifest, views).
//! * Broken input is data: readers return rows and defects, and each row is counted once.
//! * No bare mean leaves `analysis`: a number comes with its interval ([`stats::Estimate`]).
//!
//! # Words
//!
//! *attempt*: one try of one task instance. *run*: one DAG run. *series*: one quantity over time, one point a run, keyed by
//! [`model::SeriesKey`]. *duration* = ended - started; *queue wait* = started - queued; *scheduling delay* = queued -
//! scheduled; where a source lacks a column, the quantity is *not measurable*, never 0. *effect*: after / before, a ratio with
//! its interval. *finding*: what, where, since when, effect, evidence.

pub mod analysis;
pub mod cli;
pub mod engine;
pub mod gate;
pub mod ingest;
pub mod lake;
pub mod model;
pub mod replay;
pub mod report;
pub mod stats;
pub mod synth;
