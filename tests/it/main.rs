//! The whole program, seen from outside: its binary, its files, and the shape of its source.
//!
//! Nothing here links the library: a test may know only what a user can know.

// What the tests are written with.
mod source_text;
mod support;
mod synthetic;
mod told;

// The house.
mod architecture;

// Exports to the lake.
mod backlog;
mod bad_input;
mod concurrent;
mod crash;
mod damage;
mod disk_full;
mod gate;
mod hostile;
mod idempotent;
mod ingest;
mod inputs;
mod numbers;
mod older_lake;
mod overlap;
mod parts;
mod queries;
mod refused;
mod same_rows;
mod server;
mod server_access;
mod servers;

// The lake to answers.
mod analysis;
mod cause;
mod explain;
mod fleet;
mod manners;
mod report;
mod reproducible;
mod schemas;
mod settings;
mod simulate;
mod volume;
mod worth;

// Engines.
mod engines;
mod lock_servers;
mod platform;
