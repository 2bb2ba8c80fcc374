//! A process with less memory than it would like: in a control group of its own, or with a limit to its address space.

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

/// How a process is kept below a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LimitKind {
    /// A control group: the kernel kills it.
    ControlGroup,
    /// `ulimit -v`: allocations fail, and it aborts.
    AddressSpace,
}

impl LimitKind {
    /// As it is told.
    #[must_use]
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::ControlGroup => "control group",
            Self::AddressSpace => "ulimit -v",
        }
    }
}

/// What names of groups begin with; the process that made them follows.
const PREFIX: &str = "windtunnel-";

/// Removes groups whose process is gone: it was stopped before it could do so.
#[cfg(target_os = "linux")]
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let process = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()).and_then(|id| id.parse().ok());
        if process.is_some_and(|id: i32| procfs::process::Process::new(id).is_err()) {
            // One that holds a process still stays.
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// A control group, until it is dropped.
struct Group(PathBuf);

impl Group {
    /// Makes one with that limit below the group of this process, or at the top, of version 1 or 2; `None` where that is not allowed.
    #[cfg(target_os = "linux")]
    fn make(limit: u64) -> Option<Self> {
        let process = procfs::process::Process::myself().ok()?;
        let (groups, mounts) = (process.cgroups().ok()?, process.mountinfo().ok()?);
        let name = format!("{PREFIX}{}-{limit}", std::process::id());
        for mount in &mounts.0 {
            let version_2 = mount.fs_type == "cgroup2";
            let version_1 = mount.fs_type == "cgroup" && mount.super_options.contains_key("memory");
            if !version_1 && !version_2 {
                continue;
            }
            let own = groups.0.iter().find(|group| match version_2 {
                true => group.controllers.iter().all(String::is_empty),
                false => group.controllers.iter().any(|name| name == "memory"),
            });
            let inside = own.map_or("", |own| own.pathname.trim_start_matches('/'));
            for parent in [mount.mount_point.join(inside), mount.mount_point.clone()] {
                sweep(&parent);
                let group = Self(parent.join(&name));
                if fs::create_dir(&group.0).is_err() {
                    continue;
                }
                let file = if version_2 { "memory.max" } else { "memory.limit_in_bytes" };
                // A folder that is none of a control group takes any file: one has this already.
                if group.0.join(file).exists() && fs::write(group.0.join(file), limit.to_string()).is_ok() {
                    if version_2 {
                        // Else it would be moved to the swap instead of being killed.
                        let _ = fs::write(group.0.join("memory.swap.max"), "0");
                    }
                    return Some(group);
                }
            }
        }
        None
    }

    #[cfg(not(target_os = "linux"))]
    fn make(_limit: u64) -> Option<Self> {
        None
    }

    fn take(&self, child: &Child) -> io::Result<()> {
        fs::write(self.0.join("cgroup.procs"), child.id().to_string())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // It can be removed once its process is gone; one that is left over holds nothing.
        let _ = fs::remove_dir(&self.0);
    }
}

/// Runs a process that waits for a line on its standard input before it does anything, below a limit if one is given.
///
/// # Errors
/// Where it cannot be run.
pub(super) fn run(exe: &Path, arguments: &[String], limit: Option<u64>) -> io::Result<(Output, Option<LimitKind>)> {
    let group = limit.and_then(Group::make);
    let mut command = match (limit, &group) {
        (Some(limit), None) => {
            let mut shell = Command::new("sh");
            shell.args(["-c", "ulimit -v \"$1\" && shift && exec \"$@\"", "sh", &(limit / 1024).to_string()]).arg(exe);
            shell
        }
        _ => Command::new(exe),
    };
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    if let Some(group) = &group {
        group.take(&child)?;
    }
    if let Some(mut stdin) = child.stdin.take() {
        // One that is dead already tells so by its end.
        let _ = stdin.write_all(b"go\n");
    }
    let output = child.wait_with_output()?;
    let kind = limit.map(|_| if group.is_some() { LimitKind::ControlGroup } else { LimitKind::AddressSpace });
    Ok((output, kind))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn groups_of_those_that_are_gone_are_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let own = format!("{PREFIX}{}-5", std::process::id());
        let names = ["windtunnel-2147483646-5", &own, "windtunnel-x", "other-2147483646-5"];
        names.iter().for_each(|name| fs::create_dir(folder.path().join(name)).expect("made"));
        sweep(folder.path());
        assert_eq!(names.map(|name| folder.path().join(name).exists()), [false, true, true, true]);
    }
}
