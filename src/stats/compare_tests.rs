//! Comparisons against SciPy, as properties, and their coverage on simulated sides.

use proptest::prelude::*;
use rand::RngExt;

use super::compare::{
    location, mean_difference, p_value_of_difference, ratio, ratio_of_locations, weighted_difference,
    weighted_location, weighted_ratio_of_locations,
};
use super::distributions::t_two_sided;
use super::sample::Sample;
use super::simulation::{Noise, generator, normal, series};

const A: [f64; 10] = [10.1, 9.7, 10.4, 9.9, 10.0, 10.3, 9.6, 10.2, 9.8, 10.0];
const B: [f64; 7] = [11.0, 11.9, 10.6, 11.4, 12.1, 10.9, 11.5];

#[test]
fn without_memory_it_is_welch_of_scipy() {
    // tests/reference/stats_reference.py, section compare
    let (a, b) = (Sample::new(&A, None).expect("values"), Sample::new(&B, None).expect("values"));
    let (a, b) = (a.moments(0.0), b.moments(0.0));
    let t = (b.mean - a.mean) / (a.variance + b.variance).sqrt();
    assert!((t / 6.06767390906 - 1.0).abs() < 1e-10, "{t}");
    let df = (a.variance + b.variance).powi(2) / (a.variance.powi(2) / a.df + b.variance.powi(2) / b.df);
    assert!((df / 7.90873493465 - 1.0).abs() < 1e-10, "{df}");
    assert!((t_two_sided(t, df) / 0.000314022811959 - 1.0).abs() < 1e-7);
    // The interval allows for memory that 17 values cannot exclude, so it holds the classical one.
    let e = mean_difference(&A, &B, 0.95).expect("values");
    assert!((e.point - 1.34285714286).abs() < 1e-10 && e.lower <= 0.831480744337 && e.upper >= 1.85423354138);
}

#[test]
fn useless_input_gives_nothing() {
    assert_eq!(mean_difference(&[], &B, 0.95), None);
    assert_eq!(mean_difference(&[1.0], &[2.0], 0.95), None);
    assert_eq!(ratio(&[1.0, 2.0, 3.0], &[0.0, 2.0, 3.0], 0.95), None);
    assert_eq!(location(&A, 1.0), None);
    assert_eq!(weighted_location(&A, &[1.0; 3], 0.95), None);
    assert_eq!(ratio_of_locations(&[0.0; 5], &B, 0.95), None);
    assert_eq!(p_value_of_difference(&[1.0; 5], &[1.0; 5]), Some(1.0));
    assert_eq!(p_value_of_difference(&[1.0; 5], &[2.0; 5]), Some(0.0));
    assert!(mean_difference(&[f64::NAN; 5], &B, 0.95).is_none());
    let e = mean_difference(&[1.0; 5], &[2.0; 5], 0.95).expect("values");
    assert_eq!((e.lower, e.upper), (1.0, 1.0));
}

#[test]
fn a_denominator_near_zero_opens_the_interval() {
    let around_zero = series(4, 30, Noise::Ar(0.0));
    let far: Vec<f64> = series(5, 30, Noise::Ar(0.0)).iter().map(|v| v + 9.0).collect();
    let e = ratio_of_locations(&around_zero, &far, 0.95).expect("values");
    assert!(e.upper.is_infinite() && e.lower > 1.0, "{e:?}");
    let e = ratio_of_locations(&around_zero, &around_zero, 0.95).expect("values");
    assert!(e.upper.is_infinite() && e.lower == f64::NEG_INFINITY, "{e:?}");
    let e = ratio_of_locations(&far, &around_zero, 0.95).expect("values");
    assert!(e.contains(0.0) && e.upper < 0.2, "{e:?}");
}

/// Durations as `eval/coverage.py` makes them: lognormal, sd 0.3, 3 % stragglers.
fn durations(seed: u64, n: usize, phi: f64, factor: f64) -> Vec<f64> {
    let mut rng = generator(seed + 1_000_000);
    let straggle = |rng: &mut rand_pcg::Pcg64| {
        if rng.random::<f64>() < 0.03 { 1.5 + 2.5 * rng.random::<f64>() } else { 1.0 }
    };
    series(seed, n, Noise::Ar(phi)).iter().map(|v| (0.3 * v).exp() * factor * straggle(&mut rng)).collect()
}

#[test]
fn intervals_cover() {
    let mut worst = (1.0, String::new());
    for phi in [0.0, 0.3, 0.6] {
        for (n, m) in [(10, 10), (20, 20), (100, 100), (60, 5), (40, 3)] {
            let (mut held, mut fieller) = (0, 0);
            for s in 0..400 {
                let (b, a) = (durations(2 * s, n, phi, 1.0), durations(2 * s + 1, m, phi, 1.1));
                held += usize::from(ratio(&b, &a, 0.95).expect("values").contains(1.1));
                fieller += usize::from(ratio_of_locations(&b, &a, 0.95).expect("values").contains(1.1));
            }
            let share = f64::from(held.min(fieller) as u32) / 400.0;
            if share < worst.0 {
                worst = (share, format!("phi {phi}, {n} and {m}: {held} and {fieller} of 400"));
            }
        }
    }
    // The standard error of a share of 400 is 0.011.
    assert!(worst.0 >= 0.915, "{}", worst.1);
}

#[test]
fn weighted_intervals_cover_and_are_narrower() {
    let (mut covered, mut narrower) = ([0; 3], 0);
    for s in 0..300 {
        let mut rng = generator(s);
        let mut side = |level: f64| -> (Vec<f64>, Vec<f64>) {
            (0..40)
                .map(|_| {
                    let sd = 0.5 + 3.0 * rng.random::<f64>();
                    (level + sd * normal(&mut rng), 7.0 / (sd * sd))
                })
                .unzip()
        };
        let ((b, wb), (a, wa)) = (side(10.0), side(12.0));
        let d = weighted_difference(&b, &wb, &a, &wa, 0.95).expect("values");
        covered[0] += usize::from(d.contains(2.0));
        covered[1] += usize::from(weighted_ratio_of_locations(&b, &wb, &a, &wa, 0.95).expect("values").contains(1.2));
        covered[2] += usize::from(weighted_location(&a, &wa, 0.95).expect("values").contains(12.0));
        let plain = mean_difference(&b, &a, 0.95).expect("values");
        narrower += usize::from(d.upper - d.lower < plain.upper - plain.lower);
    }
    assert!(covered.iter().all(|&c| c >= 279) && narrower >= 270, "{covered:?} of 300, {narrower} narrower");
}

proptest! {
    #[test]
    fn shift_and_scale(
        b in prop::collection::vec(1.0..9.0f64, 4..30),
        a in prop::collection::vec(1.0..9.0f64, 4..30),
        scale in 0.1..10.0f64,
        shift in -100.0..100.0f64,
    ) {
        let on = |v: &[f64]| -> Vec<f64> { v.iter().map(|x| scale * x + shift).collect() };
        let e = mean_difference(&b, &a, 0.9).expect("values");
        let m = mean_difference(&on(&b), &on(&a), 0.9).expect("values");
        for (x, y) in [(e.point, m.point), (e.lower, m.lower), (e.upper, m.upper)] {
            prop_assert!((scale * x - y).abs() < 1e-7 * (1.0 + y.abs()), "{} {}", x, y);
        }
        prop_assert!(e.lower <= e.point && e.point <= e.upper);
        let tripled: Vec<f64> = a.iter().map(|x| 3.0 * x).collect();
        let (r, t) = (ratio(&b, &a, 0.9).expect("values"), ratio(&b, &tripled, 0.9).expect("values"));
        prop_assert!((t.point / r.point / 3.0 - 1.0).abs() < 1e-8 && (t.lower / r.lower / 3.0 - 1.0).abs() < 1e-6);
    }

    #[test]
    fn equal_weights_are_no_weights(
        b in prop::collection::vec(1.0..9.0f64, 4..30),
        a in prop::collection::vec(1.0..9.0f64, 4..30),
        w in 0.1..5.0f64,
    ) {
        let (wb, wa) = (vec![w; b.len()], vec![w; a.len()]);
        let plain = mean_difference(&b, &a, 0.9).expect("values");
        let weighted = weighted_difference(&b, &wb, &a, &wa, 0.9).expect("values");
        prop_assert!((plain.point - weighted.point).abs() < 1e-9);
        prop_assert!((plain.upper - weighted.upper).abs() < 1e-6 * (1.0 + plain.upper.abs()));
    }
}
