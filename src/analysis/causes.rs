//! Deploys, upgrades and incidents that a finding may come from: those that fall between the last run that is surely old and
//! the first that is surely new.

use super::result::{Axis, AxisChoice, Finding};
use crate::model::{Deployment, Marker};

/// Seconds before the earliest date of a change in which a marker may still be its cause: a deploy meets a daily DAG only with
/// its next run.
const BEFORE_S: f64 = 86_400.0;
/// Markers that one finding names.
const MOST: usize = 3;

/// Names them in the evidence, nearest first. By the wall clock alone: a marker has no logical date.
pub(super) fn attribute(findings: &mut [Finding], markers: &[(Deployment, Marker)], axes: &[AxisChoice]) {
    for finding in findings {
        let key = &finding.key;
        let by_wall_clock = axes.iter().any(|choice| {
            choice.deployment == key.deployment && choice.dag_id == key.dag_id && choice.axis == Axis::Wall
        });
        if !by_wall_clock {
            continue;
        }
        let mut near: Vec<&Marker> = markers
            .iter()
            .filter(|(deployment, marker)| {
                *deployment == key.deployment
                    && marker.dag_id.as_ref().is_none_or(|dag_id| *dag_id == key.dag_id)
                    && marker.time <= finding.changed_high
                    && finding.changed_low.seconds_since(marker.time) <= BEFORE_S
            })
            .map(|(_, marker)| marker)
            .collect();
        near.sort_by(|a, b| {
            let off = |marker: &Marker| finding.changed_at.seconds_since(marker.time).abs();
            off(a).total_cmp(&off(b)).then_with(|| a.text.cmp(&b.text))
        });
        let told = near.iter().take(MOST).map(|marker| {
            let reference = marker.reference.as_ref().map(|r| format!(" ({r})")).unwrap_or_default();
            let about = if marker.dag_id.is_some() { "of this DAG" } else { "of the whole Airflow" };
            format!("{} {about} at {}: {}{reference}", marker.kind, marker.time.minute_string(), marker.text)
        });
        finding.evidence.extend(told);
    }
}
