//! Memory that stays within its limit: what is in use is measured against the tightest limit there is, and work that needs more is
//! let in as fast as there is room for it.
//!
//! * [`Probe`]: what is in use, of which limit: control groups (v2 and v1), address space, the machine.
//! * [`Controller`]: admits work by the bytes it will need, pauses it, warns, and cleans up in an emergency.
//! * [`Objects`]: buffers that are used again, within a budget of bytes.

mod allocator;
mod control;
mod probe;
#[cfg(target_os = "linux")]
mod probe_linux;
mod reuse;

#[cfg(test)]
mod tests;

pub use allocator::{AllocatorStatistics, allocator_statistics, give_back};
pub use control::{Admission, Chunks, ControlStatistics, Controller, Settings, TooLarge};
pub use probe::{Limit, Probe, Reading, SystemProbe};
pub use reuse::{Borrowed, ObjectSettings, ObjectStatistics, ObjectTooLarge, Objects, Reusable};
