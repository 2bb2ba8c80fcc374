//! JSON documents as the contract has them, and nothing else: memory structs are turned into these at the edge.

pub(super) mod analysis;
mod backlog;
pub(super) mod bench;
pub(super) mod compare;
pub(super) mod detect;
mod estimate;
pub(super) mod explain;
pub(super) mod gate;
pub(super) mod lake;
mod platform;
pub(super) mod receipt;
pub(super) mod roi;
pub(super) mod simulate;
pub(super) mod small;

/// Version of this program, as in every document.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Documents that `windtunnel schema` publishes.
pub(super) fn schemas() -> Vec<(&'static str, schemars::Schema)> {
    vec![
        ("analysis", schemars::schema_for!(analysis::Document)),
        ("bench", schemars::schema_for!(bench::Document)),
        ("benchmarks", schemars::schema_for!(gate::Benchmarks)),
        ("compare", schemars::schema_for!(compare::Document)),
        ("config", schemars::schema_for!(small::Config)),
        ("critical_path", schemars::schema_for!(explain::Overview)),
        ("detect", schemars::schema_for!(detect::Document)),
        ("doctor", schemars::schema_for!(small::Doctor)),
        ("explanation", schemars::schema_for!(explain::Document)),
        ("gate", schemars::schema_for!(gate::Document)),
        ("lake", schemars::schema_for!(lake::Document)),
        ("receipt", schemars::schema_for!(receipt::Document)),
        ("report", schemars::schema_for!(small::Report)),
        ("rows", schemars::schema_for!(lake::Rows)),
        ("schemas", schemars::schema_for!(small::Schemas)),
        ("sharing", schemars::schema_for!(simulate::Sharing)),
        ("simulation", schemars::schema_for!(simulate::Document)),
        ("weekly", schemars::schema_for!(receipt::Weekly)),
    ]
}
