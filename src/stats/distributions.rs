//! Tail areas and quantiles, the only door to `statrs`: arguments that it refuses with a panic are answered here.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// Standard normal quantile; infinite at 0 and 1, NaN outside.
pub(super) fn normal_quantile(p: f64) -> f64 {
    if !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    Normal::standard().inverse_cdf(p)
}

/// Standard normal distribution function.
pub(super) fn normal_cdf(z: f64) -> f64 {
    if z.is_nan() { f64::NAN } else { Normal::standard().cdf(z) }
}

/// Two-sided tail area of a standard normal deviate.
pub fn normal_two_sided(z: f64) -> f64 {
    if z.is_nan() { 1.0 } else { (2.0 * Normal::standard().sf(z.abs())).min(1.0) }
}

/// Mean of what a normal deviate of that standard deviation exceeds a bound by, where it does: the unit normal linear loss
/// (Raiffa & Schlaifer 1961, 5.4.2), from which the knowledge gradient and expected improvement are made.
#[must_use]
pub fn expected_excess(bound: f64, deviation: f64) -> f64 {
    if deviation < 1e-12 {
        return (-bound).max(0.0);
    }
    let z = bound / deviation;
    let density = (-z * z / 2.0).exp() / std::f64::consts::TAU.sqrt();
    deviation * (density - z * normal_cdf(-z))
}

/// How many standard errors reach to both sides at `level`, Student's t with `df` degrees of freedom (real, above 0).
pub(super) fn t_reach(level: f64, df: f64) -> Option<f64> {
    if !(level > 0.0 && level < 1.0) || df.is_nan() || df <= 0.0 {
        return None;
    }
    if df > 1e6 {
        return Some(normal_quantile(0.5 + 0.5 * level));
    }
    let t = StudentsT::new(0.0, 1.0, df).ok()?.inverse_cdf(0.5 + 0.5 * level);
    t.is_finite().then_some(t)
}

/// How many standard errors reach to both sides at `level`, a standard normal. `None` outside (0, 1).
pub fn deviate(level: f64) -> Option<f64> {
    (level > 0.0 && level < 1.0).then(|| normal_quantile(0.5 + 0.5 * level))
}

/// Quantile of Student's t above the median: `p` in (0.5, 1), `df` above 0. Infinite for any other.
pub fn student_quantile(p: f64, df: f64) -> f64 {
    t_reach(2.0 * p - 1.0, df).unwrap_or(f64::INFINITY)
}

/// Two-sided tail area of Student's t.
pub(super) fn t_two_sided(t: f64, df: f64) -> f64 {
    if t.is_nan() || df.is_nan() || df <= 0.0 {
        return 1.0;
    }
    if t.is_infinite() {
        return 0.0;
    }
    match StudentsT::new(0.0, 1.0, df.min(1e6)) {
        Ok(d) => (2.0 * d.sf(t.abs())).min(1.0),
        Err(_) => 1.0,
    }
}

/// The normal deviate with nearly the tail area of `t` at `df` (Wallace 1959, Annals of Mathematical Statistics 30,
/// 1124).
///
/// A closed form that does not underflow where the tail area itself would be 0; good to some per cent of z for df >= 3.
pub(super) fn z_from_t(t: f64, df: f64) -> f64 {
    if t.is_nan() || df.is_nan() || df <= 0.0 {
        return 0.0;
    }
    let z = (8.0 * df + 1.0) / (8.0 * df + 3.0) * (df * (t * t / df).ln_1p()).sqrt();
    z.copysign(t)
}

/// Tail area of the largest |z| over all splits of `n` points that leave `margin` points a side.
///
/// Csörgő & Horváth 1997, Limit Theorems in Change-Point Analysis, section 1.3: the tail of the weighted supremum of a
/// Brownian bridge on \[h, 1 - h\]. A limit for continuous time, so too large rather than too small for short series.
pub(super) fn scan_p_value(z: f64, n: usize, margin: usize) -> f64 {
    let z = z.abs();
    if n < 2 || z.is_nan() {
        return 1.0;
    }
    let h = (margin.max(1) as f64 / n as f64).min(0.499);
    if z < 1.5 {
        return 1.0;
    }
    let density = (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let span = 2.0 * ((1.0 - h) / h).ln();
    let p = z * density * ((1.0 - 1.0 / (z * z)) * span + 4.0 / (z * z));
    p.clamp(normal_two_sided(z), 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_scipy() {
        // tests/reference/stats_reference.py, section distributions
        for (df, want) in [(3.0, 3.18244630528), (7.5, 2.33303962686), (58.0, 2.00171748415)] {
            let got = t_reach(0.95, df).expect("df is above 0");
            assert!((got / want - 1.0).abs() < 1e-7, "df {df}: {got} instead of {want}");
        }
        assert!((t_two_sided(2.5, 7.5) - 0.0388202582736).abs() < 1e-9);
        assert!((normal_two_sided(5.0) / 5.73303143758e-7 - 1.0).abs() < 1e-7);
    }

    #[test]
    fn wallace_follows_the_exact_tail() {
        for (t, df) in [(3.0, 5.0), (4.0, 12.0), (6.0, 40.0), (-5.0, 20.0)] {
            let exact = -normal_quantile(0.5 * t_two_sided(t, df));
            assert!((z_from_t(t, df).abs() / exact - 1.0).abs() < 0.01, "t {t} df {df}");
        }
        assert_eq!(z_from_t(f64::NAN, 4.0), 0.0);
    }

    #[test]
    fn what_a_normal_deviate_exceeds_a_bound_by() {
        // phi(z) - z Phi(-z) is .398942 at 0 and .083315 at 1 (Raiffa & Schlaifer, table II).
        assert!((expected_excess(0.0, 2.0) - 0.797_884_560_8).abs() < 1e-9);
        assert!((expected_excess(0.5, 0.5) - 0.5 * 0.083_315_470_6).abs() < 1e-9);
        assert_eq!((expected_excess(1.0, 0.0), expected_excess(-1.0, 0.0)), (0.0, 1.0));
        assert!(expected_excess(100.0, 1.0).abs() < 1e-12);
    }
}
