//! How much memory is in use, and of how much.

use std::sync::Mutex;
use sysinfo::System;

/// Which limit is the tightest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// A control group of version 2.
    ControlGroup2,
    /// A control group of version 1.
    ControlGroup1,
    /// The address space of the process (`ulimit -v`).
    AddressSpace,
    /// The data of the process (`ulimit -d`).
    Data,
    /// What the machine has.
    Machine,
}

/// Memory in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Bytes in use that count against the limit; what the kernel would give up at once (inactive files) is not among them.
    pub used: u64,
    /// Bytes there are.
    pub limit: u64,
    /// Whose limit it is.
    pub by: Limit,
}

impl Reading {
    /// Share in use.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.used as f64 / self.limit.max(1) as f64
    }
}

/// Tells how much memory is in use.
pub trait Probe: Send + Sync {
    /// In use of the limit that is nearest; `None` where nothing can be told.
    fn read(&self) -> Option<Reading>;
}

/// The probe of this process on this machine.
#[derive(Debug)]
pub struct SystemProbe {
    system: Mutex<System>,
}

impl Default for SystemProbe {
    fn default() -> Self {
        Self { system: Mutex::new(System::new()) }
    }
}

impl Probe for SystemProbe {
    fn read(&self) -> Option<Reading> {
        let all = limits_of_process().into_iter().chain(self.machine());
        all.max_by(|a, b| a.share().total_cmp(&b.share()))
    }
}

impl SystemProbe {
    fn machine(&self) -> Option<Reading> {
        let mut system = self.system.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        system.refresh_memory();
        let limit = system.total_memory();
        let used = limit.saturating_sub(system.available_memory());
        (limit > 0).then_some(Reading { used, limit, by: Limit::Machine })
    }
}

#[cfg(target_os = "linux")]
use super::probe_linux::limits_of_process;

#[cfg(not(target_os = "linux"))]
fn limits_of_process() -> Vec<Reading> {
    Vec::new()
}
