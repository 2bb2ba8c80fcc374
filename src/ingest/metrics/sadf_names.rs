//! Names and units of sysstat's numbers, the same for `sadf -d` and `sadf -j`: `sysstat.<group>.<name>`, in the words of `-j`.
//!
//! Source: the manual pages sar(1) and sadf(1). Memory is counted in kibibytes, block I/O in sectors of 512 bytes.

use super::unit::{self, KIBIBYTES, PERCENT, Unit};

/// The group of a table of `sadf -d`, by one of its columns.
const GROUPS: [(&str, &str); 20] = [
    ("%user", "cpu"),
    ("%usr", "cpu"),
    ("proc/s", "processes"),
    ("kbmemfree", "memory"),
    ("kbswpfree", "swap"),
    ("kbhugfree", "hugepages"),
    ("runq-sz", "queue"),
    ("rtps", "io"),
    ("dev", "disk"),
    ("rxpck/s", "network"),
    ("rxerr/s", "network-errors"),
    ("pgpgin/s", "paging"),
    ("pswpin/s", "swapping"),
    ("intr", "interrupts"),
    ("totsck", "sockets"),
    ("dentunusd", "kernel"),
    ("%scpu-10", "psi-cpu"),
    ("%sio-10", "psi-io"),
    ("%smem-10", "psi-memory"),
    ("filesystem", "filesystems"),
];

/// Columns that name a device, and the label they become.
pub(super) const DEVICES: [(&str, &str); 9] = [
    ("cpu", "cpu"),
    ("dev", "device"),
    ("iface", "interface"),
    ("intr", "interrupt"),
    ("tty", "line"),
    ("bus", "bus"),
    ("filesystem", "filesystem"),
    ("mountpoint", "mountpoint"),
    ("fchost", "host_adapter"),
];

/// The group of a table with these columns (small letters).
pub(super) fn group(columns: &[String]) -> &'static str {
    let hit = GROUPS.iter().find(|(column, _)| columns.iter().any(|name| name == column));
    hit.map_or("other", |(_, group)| group)
}

/// The group of an activity of `sadf -j`.
pub(super) fn group_of_key(key: &str) -> &str {
    match key {
        "cpu-load" | "cpu-load-all" => "cpu",
        "process-and-context-switch" => "processes",
        "net-dev" => "network",
        "net-edev" => "network-errors",
        "swap-pages" => "swapping",
        other => other,
    }
}

/// The name of a column as `sadf -j` has it: `%memused` is `memused-percent`, `kbinact` is `inactive`.
pub(super) fn name_of_column(group: &str, column: &str) -> String {
    let column = column.strip_suffix("/s").unwrap_or(column);
    match column {
        "kbinact" => return "inactive".to_owned(),
        "kbkstack" => return "kstack".to_owned(),
        "kbpgtbl" => return "pgtbl".to_owned(),
        _ => {}
    }
    if let Some(name) = column.strip_prefix('%') {
        return if group == "cpu" { name.to_owned() } else { format!("{name}-percent") };
    }
    let kept = column.strip_prefix("kb").filter(|_| matches!(group, "memory" | "swap" | "hugepages"));
    kept.unwrap_or(column).to_owned()
}

/// The whole name. Swap stands among the memory in `-j`.
pub(super) fn metric(group: &str, name: &str) -> String {
    let group = if group == "memory" && name.starts_with("swp") { "swap" } else { group };
    format!("sysstat.{group}.{name}")
}

/// Unit of a number.
pub(super) fn unit_of(group: &str, name: &str) -> Unit {
    let lower = name.to_ascii_lowercase();
    if group == "cpu" || lower.ends_with("-percent") || group.starts_with("psi") && lower.contains('-') {
        PERCENT
    } else if matches!(group, "memory" | "swap") || group == "hugepages" && lower.contains("hug") {
        KIBIBYTES
    } else if matches!(lower.as_str(), "bread" | "bwrtn" | "bdscd") {
        (Some("bytes_per_second"), 512.0)
    } else if matches!(lower.as_str(), "rkb" | "wkb" | "dkb" | "rxkb" | "txkb" | "pgpgin" | "pgpgout") {
        (Some("bytes_per_second"), 1_024.0)
    } else if lower == "await" {
        unit::MILLISECONDS
    } else {
        unit::NONE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_have_one_name() {
        for (group, column, name) in [
            ("cpu", "%user", "sysstat.cpu.user"),
            ("memory", "%memused", "sysstat.memory.memused-percent"),
            ("memory", "kbmemfree", "sysstat.memory.memfree"),
            ("memory", "kbinact", "sysstat.memory.inactive"),
            ("swap", "kbswpfree", "sysstat.swap.swpfree"),
            ("io", "bread/s", "sysstat.io.bread"),
            ("processes", "cswch/s", "sysstat.processes.cswch"),
            ("queue", "ldavg-1", "sysstat.queue.ldavg-1"),
        ] {
            assert_eq!(metric(group, &name_of_column(group, column)), name);
        }
        assert_eq!(metric("memory", "swpfree"), "sysstat.swap.swpfree");
    }

    #[test]
    fn units() {
        assert_eq!(unit_of("memory", "memfree"), KIBIBYTES);
        assert_eq!(unit_of("memory", "memused-percent"), PERCENT);
        assert_eq!(unit_of("io", "bread"), (Some("bytes_per_second"), 512.0));
        assert_eq!(unit_of("queue", "ldavg-1"), unit::NONE);
    }
}
