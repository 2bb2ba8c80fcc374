//! How sure each finding is among all that were looked for.

use super::examined::{Examined, Outcome};
use crate::stats::benjamini_hochberg;

/// q-values of each change, and of the change of spread, of a series.
pub(super) struct QValues {
    pub(super) changes: Vec<f64>,
    pub(super) spread: f64,
}

/// q-values by place. One p-value a series and kind enters, so that a series with many changes does not count as many series.
pub(super) fn q_values(all: &[Examined]) -> Vec<QValues> {
    let tested: Vec<usize> = (0..all.len()).filter(|&i| all[i].is_tested()).collect();
    let (levels, spreads): (Vec<f64>, Vec<f64>) = tested.iter().map(|&i| all[i].p_values()).unzip();
    let (levels, spreads) = (benjamini_hochberg(&levels), benjamini_hochberg(&spreads));
    let mut q: Vec<QValues> = all.iter().map(|_| QValues { changes: Vec::new(), spread: 1.0 }).collect();
    for (k, &i) in tested.iter().enumerate() {
        if let Outcome::Changed(found) = &all[i].outcome {
            let best = found.judged.p_value.max(f64::MIN_POSITIVE);
            // The q-value of a weaker change of the same series: as much larger as its p-value is.
            let weaker = |p_value: f64| (levels[k] * (p_value / best)).min(1.0);
            let changes = found.judged.changes.iter().map(|change| weaker(change.p_value)).collect();
            q[i] = QValues { changes, spread: spreads[k] };
        }
    }
    q
}
