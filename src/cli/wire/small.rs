//! Small documents: `report`, `doctor`, `config`, `schemas`.

use super::{VERSION, receipt::Paths};
use schemars::JsonSchema;
use serde::Serialize;

/// What `report` wrote.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct Report {
    pub(in crate::cli) schema: &'static str,
    pub(in crate::cli) windtunnel: &'static str,
    pub(in crate::cli) seed: u64,
    pub(in crate::cli) paths: Paths,
    pub(in crate::cli) warnings: Vec<String>,
}

/// What `doctor` saw.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct Doctor {
    pub(in crate::cli) schema: &'static str,
    pub(in crate::cli) windtunnel: &'static str,
    pub(in crate::cli) fine: bool,
    pub(in crate::cli) checks: Vec<Check>,
    pub(in crate::cli) warnings: Vec<String>,
}

/// One thing that `doctor` looked at.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct Check {
    pub(in crate::cli) check: &'static str,
    pub(in crate::cli) fine: bool,
    pub(in crate::cli) says: String,
}

/// `config show`.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct Config {
    pub(in crate::cli) schema: &'static str,
    pub(in crate::cli) windtunnel: &'static str,
    pub(in crate::cli) settings: Vec<Setting>,
    pub(in crate::cli) warnings: Vec<String>,
}

/// One setting.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct Setting {
    pub(in crate::cli) name: String,
    pub(in crate::cli) value: String,
    pub(in crate::cli) origin: String,
}

/// Names of the documents that have a schema.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct Schemas {
    schema: &'static str,
    windtunnel: &'static str,
    names: Vec<&'static str>,
    warnings: Vec<String>,
}

impl Schemas {
    pub(in crate::cli) fn new(names: Vec<&'static str>) -> Self {
        Self { schema: "windtunnel.schemas.v1", windtunnel: VERSION, names, warnings: Vec::new() }
    }
}
