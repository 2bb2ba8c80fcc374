//! False alarms, power and placing of the step detector on simulated series.

use proptest::prelude::*;

use super::detect::{detect_regimes, detect_steps};
use super::detector::Detector;
use super::simulation::{Noise, series};

fn with_step(seed: u64, n: usize, at: usize, jump: f64, noise: Noise) -> Vec<f64> {
    let mut y = series(seed, n, noise);
    y.iter_mut().skip(at).for_each(|v| *v += jump);
    y
}

#[test]
fn false_alarms_are_rare() {
    for (noise, n) in
        [(Noise::Ar(0.0), 90), (Noise::Ar(0.5), 90), (Noise::Heavy, 90), (Noise::Ar(0.5), 30), (Noise::Ar(0.3), 365)]
    {
        let alarms = (0..300).filter(|&s| !detect_steps(&series(s, n, noise), &Detector::default()).is_empty()).count();
        assert!(alarms <= 6, "{noise:?}, {n} points: {alarms} of 300");
    }
}

#[test]
fn drift_and_weekdays_are_no_steps() {
    let alarms = (0..200)
        .filter(|&s| {
            let y: Vec<f64> = series(s, 300, Noise::Ar(0.2))
                .iter()
                .enumerate()
                .map(|(i, v)| v + 4.0 * i as f64 / 365.0 + if i % 7 >= 5 { -1.0 } else { 0.0 })
                .collect();
            !detect_steps(&y, &Detector::default()).is_empty()
        })
        .count();
    assert!(alarms <= 6, "{alarms} of 200");
}

#[test]
fn a_step_of_half_at_a_tenth_of_noise_is_always_found() {
    // log 1.5 = 0.405, so four standard deviations.
    for (n, at) in [(90, 45), (90, 75), (60, 50), (200, 190)] {
        let found = (0..200)
            .filter(|&s| {
                let steps = detect_steps(&with_step(s, n, at, 4.05, Noise::Ar(0.0)), &Detector::default());
                steps.len() == 1 && steps[0].index.abs_diff(at) <= 2 && (steps[0].shift - 4.05).abs() < 1.5
            })
            .count();
        assert!(found >= 198, "{n} points, step at {at}: {found} of 200");
    }
}

#[test]
fn a_late_large_step_is_not_taken_for_drift() {
    let found = (0..100)
        .filter(|&s| detect_steps(&with_step(s, 90, 70, 8.0, Noise::Ar(0.2)), &Detector::default()).len() == 1)
        .count();
    assert!(found >= 98, "{found} of 100");
}

#[test]
fn three_runs_after_a_large_step_are_enough() {
    let found = (0..100)
        .filter(|&s| {
            let steps = detect_steps(&with_step(s, 30, 27, 8.0, Noise::Ar(0.0)), &Detector::default());
            steps.iter().any(|step| step.index == 27)
        })
        .count();
    assert!(found >= 93, "{found} of 100");
}

#[test]
fn the_place_is_covered() {
    for jump in [1.0, 2.0, 3.0] {
        let (mut found, mut covered) = (0, 0);
        for s in 0..400 {
            let steps = detect_steps(&with_step(s, 200, 100, jump, Noise::Ar(0.0)), &Detector::default());
            if let Some(step) = steps.iter().min_by_key(|s| s.index.abs_diff(100)) {
                found += 1;
                covered += usize::from(step.index_low <= 100 && 100 <= step.index_high);
                assert!(step.index_low <= step.index && step.index <= step.index_high);
            }
        }
        assert!(found >= 200 && covered * 100 >= found * 95, "jump {jump}: {covered} of {found}");
    }
}

#[test]
fn intervals_do_not_cross_neighbours() {
    for s in 0..60 {
        let mut y = with_step(s, 160, 60, 3.0, Noise::Ar(0.3));
        y.iter_mut().skip(100).for_each(|v| *v += 3.0);
        let steps = detect_steps(&y, &Detector::default());
        assert!(steps.windows(2).all(|w| w[0].index_high < w[1].index && w[0].index < w[1].index_low), "{steps:?}");
    }
}

#[test]
fn a_few_days_of_something_else_are_no_step() {
    // Blocks of zeros, and of three times the level: of what is told, the place must be right.
    for (length, to) in [(4, 0.0), (5, 0.0), (6, 0.0), (5, 300.0), (6, 300.0)] {
        for seed in 0..40 {
            let mut values = with_step(seed, 199, 199, 0.0, Noise::Ar(0.0));
            values.iter_mut().for_each(|v| *v = 100.0 + 3.0 * *v);
            let from = 30 + 3 * seed as usize;
            values[from..from + length].fill(to);
            for step in detect_steps(&values, &Detector::default()) {
                let near = [from, from + length].iter().any(|place| step.index.abs_diff(*place) <= 1);
                assert!(near, "{length} days of {to} from {from} on: a step at {}", step.index);
            }
        }
    }
}

#[test]
fn a_short_line_is_creep_however_little_it_scatters() {
    let d = Detector::default();
    for n in [12_u8, 20, 40, 80] {
        for scatter in [1e-5, 1e-3, 0.02] {
            let times: Vec<f64> = (0..n).map(f64::from).collect();
            let told = (0..20).filter(|seed| {
                let own = series(*seed, n.into(), Noise::Ar(0.0));
                let y: Vec<f64> = own.iter().zip(&times).map(|(e, t)| t / f64::from(n) + scatter * e).collect();
                let found = detect_regimes(&times, &y, &d).expect("usable");
                found.steps.is_empty() && found.slope_z() > d.z_min
            });
            assert!(told.count() >= 18, "{n} points that scatter by {scatter}");
        }
    }
}

#[test]
fn values_as_small_or_large_as_numbers_get_are_as_any_other() {
    let d = Detector::default();
    let y = with_step(4, 80, 40, 5.0, Noise::Ar(0.0));
    let want = detect_steps(&y, &d);
    for scale in [1e-290, 1e-170, 1e160, 1e300] {
        let scaled: Vec<f64> = y.iter().map(|v| v * scale).collect();
        let got = detect_steps(&scaled, &d);
        assert!(got.len() == 1 && got[0].index == want[0].index, "{scale:e}: {got:?}");
        assert!((got[0].shift / (want[0].shift * scale) - 1.0).abs() < 1e-6, "{scale:e}: {got:?}");
    }
    let flat = series(4, 80, Noise::Ar(0.0));
    assert!(detect_steps(&flat.iter().map(|v| v * 1e-200).collect::<Vec<_>>(), &d).is_empty());
}

#[test]
fn odd_input_is_answered() {
    let d = Detector::default();
    assert!(detect_steps(&[], &d).is_empty());
    assert!(detect_steps(&[1.0; 50], &d).is_empty());
    assert!(detect_steps(&[f64::NAN; 50], &d).is_empty());
    assert!(detect_steps(&[1.0, 2.0, 9.0, 9.0], &d).is_empty());
    let noiseless: Vec<f64> = (0..40).map(|i| if i < 20 { 5.0 } else { 6.0 }).collect();
    let steps = detect_steps(&noiseless, &d);
    assert!(steps.len() == 1 && steps[0].index == 20 && steps[0].z.is_finite(), "{steps:?}");
    for n in 5..12 {
        assert!(detect_steps(&with_step(3, n, n / 2, 50.0, Noise::Ar(0.0)), &d).len() <= 1);
    }
    let long = with_step(3, 9000, 5000, 2.0, Noise::Ar(0.3));
    let steps = detect_steps(&long, &d);
    assert!(steps.iter().any(|s| s.index.abs_diff(5000) <= 10), "{steps:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn scale_and_shift_leave_the_places(
        seed in 0u64..500,
        at in 20usize..70,
        scale in 0.1..10.0f64,
        shift in -100.0..100.0f64,
    ) {
        let y = with_step(seed, 90, at, 3.0, Noise::Ar(0.3));
        let moved: Vec<f64> = y.iter().map(|v| scale * v + shift).collect();
        let (a, b) = (detect_steps(&y, &Detector::default()), detect_steps(&moved, &Detector::default()));
        prop_assert_eq!(a.iter().map(|s| s.index).collect::<Vec<_>>(), b.iter().map(|s| s.index).collect::<Vec<_>>());
        for (a, b) in a.iter().zip(&b) {
            prop_assert!((a.z - b.z).abs() < 1e-6 && (scale * a.shift - b.shift).abs() < 1e-6 * scale.max(1.0) * 100.0);
        }
    }
}
