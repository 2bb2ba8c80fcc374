//! Why the effect and the recorded times differ, in words.

use super::words::visible;
use crate::{analysis::EqualVolume, stats::Estimate};

/// Two ratios nearer than this, relative to each other, are called the same.
const SAME_WITHIN: f64 = 0.05;

/// What stands between the effect, from which the overhead common to all tasks is removed, and the recorded times.
pub(crate) fn why_recorded_differs(effect: &Estimate, raw: &Estimate, at_volume: Option<&EqualVolume>) -> String {
    match at_volume {
        Some(volume) => {
            format!(
                "{}: the effect, the levels and the cost are at equal {}",
                visible(&volume.change()),
                visible(&volume.unit)
            )
        }
        None => of_overhead(effect, raw).to_owned(),
    }
}

fn of_overhead(effect: &Estimate, raw: &Estimate) -> &'static str {
    let (effect, raw) = (effect.point, raw.point);
    if !(effect.is_finite() && raw.is_finite() && effect > 0.0 && raw > 0.0) {
        return "";
    }
    let (change, recorded) = (effect.ln(), raw.ln());
    if change == recorded {
        return "the same: no common overhead is removed from this quantity";
    }
    if (change - recorded).abs() <= SAME_WITHIN {
        return "nearly the same: the overhead common to all tasks hardly moved with it";
    }
    if change * recorded < 0.0 {
        return match change > 0.0 {
            true => {
                "the recorded times fell, because the overhead common to all tasks fell by more than this one gained"
            }
            false => "the recorded times rose, because the overhead common to all tasks rose by more than this one won",
        };
    }
    match recorded.abs() < change.abs() {
        true => {
            "smaller, because every recorded time also holds overhead common to all tasks, which dilutes the change"
        }
        false => "larger, because the overhead common to all tasks changed as well; that part is not this one's",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_case_has_its_words() {
        let ratio = |point| Estimate { point, lower: point, upper: point, level: 0.95, n: 9, method: "".into() };
        for (effect, raw, word) in [
            (1.7, 0.88, "fell"),
            (0.5, 1.3, "rose"),
            (2.5, 1.7, "dilutes"),
            (0.5, 0.4, "larger"),
            (1.7, 1.72, "nearly"),
            (1.7, 1.7, "the same:"),
        ] {
            let text = why_recorded_differs(&ratio(effect), &ratio(raw), None);
            assert!(text.contains(word), "{effect} {raw}: {text}");
        }
        assert_eq!(why_recorded_differs(&ratio(f64::NAN), &ratio(1.0), None), "");
        let elasticity = ratio(0.9);
        let volume = EqualVolume { unit: "rows".to_owned(), ratio: 0.5, elasticity };
        let text = why_recorded_differs(&ratio(1.4), &ratio(0.7), Some(&volume));
        assert!(text.contains("rows -50 %") && text.contains("at equal rows"), "{text}");
    }
}
