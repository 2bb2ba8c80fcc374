//! Windtunnel measures Airflow from what Airflow already wrote down.
pub mod analysis;
pub mod cli;
pub mod ingest;
pub mod lake;
pub mod model;
pub mod report;
pub mod stats;
