//! The machine that this program runs on.

use crate::model::{Host, Text};
use std::fs;

/// What is known of this machine.
pub(super) fn here() -> Host {
    let mut system = sysinfo::System::new();
    system.refresh_cpu_all();
    system.refresh_memory();
    let text = |text: String| (!text.trim().is_empty()).then(|| Text::from(text.trim()));
    let limit = system.cgroup_limits().map_or(system.total_memory(), |limits| limits.total_memory);
    Host {
        cpu: system.cpus().first().and_then(|cpu| text(cpu.brand().to_owned())),
        cores: std::thread::available_parallelism().ok().map(|n| n.to_string().into()),
        governor: fs::read_to_string("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").ok().and_then(text),
        memory_limit: (limit > 0).then(|| limit.to_string().into()),
        system: Some(format!("{} {}", std::env::consts::OS, std::env::consts::ARCH).into()),
        kernel: sysinfo::System::kernel_version().and_then(text),
        runtime: None,
    }
}
