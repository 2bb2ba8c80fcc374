//! Limits of a process on Linux: of its control groups, each up to the root, and of its own resources.

use super::{Limit, Reading};
use procfs::process::{LimitValue, Process};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A limit of a gibibyte of gibibytes and more is none: version 1 writes the largest multiple of a page.
const NO_LIMIT_FROM: u64 = 1 << 60;

pub(super) fn limits_of_process() -> Vec<Reading> {
    let Ok(process) = Process::myself() else { return Vec::new() };
    let mut all = own_limits(&process);
    if let (Ok(groups), Ok(mounts)) = (process.cgroups(), process.mountinfo()) {
        for group in groups.0 {
            let version_2 = group.controllers.iter().all(String::is_empty);
            let of_memory = group.controllers.iter().any(|name| name == "memory");
            let mount = mounts.0.iter().find(|mount| match version_2 {
                true => mount.fs_type == "cgroup2",
                false => of_memory && mount.fs_type == "cgroup" && mount.super_options.contains_key("memory"),
            });
            let Some(mount) = mount else { continue };
            // In a container the root of the mount may be the group itself.
            let inside = Path::new(&group.pathname).strip_prefix(&mount.root).unwrap_or(Path::new(""));
            let from = mount.mount_point.join(inside.strip_prefix("/").unwrap_or(inside));
            all.extend(up_to(&mount.mount_point, from).into_iter().filter_map(|folder| read(&folder, version_2)));
        }
    }
    all
}

fn own_limits(process: &Process) -> Vec<Reading> {
    let (Ok(limits), Ok(statm)) = (process.limits(), process.statm()) else { return Vec::new() };
    let page = procfs::page_size();
    let one = |limit: LimitValue, pages: u64, by: Limit| match limit {
        LimitValue::Value(limit) if limit < NO_LIMIT_FROM => Some(Reading { used: pages * page, limit, by }),
        _ => None,
    };
    let address_space = one(limits.max_address_space.soft_limit, statm.size, Limit::AddressSpace);
    let data = one(limits.max_data_size.soft_limit, statm.data, Limit::Data);
    address_space.into_iter().chain(data).collect()
}

/// The folder and those above it, as far as the mount point.
fn up_to(mount: &Path, from: PathBuf) -> Vec<PathBuf> {
    from.ancestors().take_while(|folder| folder.starts_with(mount)).map(Path::to_owned).collect()
}

/// What a group uses of its limit, if it has one.
pub(super) fn read(folder: &Path, version_2: bool) -> Option<Reading> {
    let (limits, used, inactive, by) = match version_2 {
        true => (&["memory.max", "memory.high"][..], "memory.current", "inactive_file", Limit::ControlGroup2),
        false => (&["memory.limit_in_bytes"][..], "memory.usage_in_bytes", "total_inactive_file", Limit::ControlGroup1),
    };
    let number = |name: &str| fs::read_to_string(folder.join(name)).ok()?.trim().parse::<u64>().ok();
    // `max` is no number, and no limit.
    let limit = limits.iter().filter_map(|name| number(name)).min().filter(|limit| *limit < NO_LIMIT_FROM)?;
    let statistics = fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
    let given_up =
        statistics.lines().find_map(|line| line.strip_prefix(inactive)?.strip_prefix(' ')?.trim().parse::<u64>().ok());
    Some(Reading { used: number(used)?.saturating_sub(given_up.unwrap_or(0)), limit, by })
}
