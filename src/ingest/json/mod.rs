//! JSON that Airflow gives: pages of its REST API (v1 of 2.x, v2 of 3.x) and what its commands print with `-o json`.

mod kind;
mod object;
mod pages;
mod pull;
mod read;
#[cfg(test)]
mod read_tests;
mod recognise;
mod scan;
mod walk;

pub(super) use kind::{Family, Kind};
pub(super) use pages::{Pages, missing};
pub(super) use pull::{Pull, Raw, Value, Wrong};
pub(super) use read::{Mapped, Mapping, Settings, read};
pub(super) use recognise::{Format, first_keys, recognise};
pub(super) use scan::Position;
pub(super) use walk::{Visitor, walk};
