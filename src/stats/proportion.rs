//! Shares of failures: a rate, two rates compared, and where a rate changed.

use statrs::function::factorial::ln_binomial;

use super::distributions::deviate;
use super::estimate::Estimate;

/// Share of successes with Wilson's interval; no unit.
///
/// Wilson 1927, JASA 22, 209: never leaves \[0, 1\] and works for 0 or all. Assumes independent trials. O(1). `None`
/// for no trials or more successes than trials.
#[must_use]
pub fn rate(successes: usize, n: usize, level: f64) -> Option<Estimate> {
    let z = deviate(level)?;
    if n == 0 || successes > n {
        return None;
    }
    let (size, p) = (n as f64, successes as f64 / n as f64);
    let centre = (p + z * z / (2.0 * size)) / (1.0 + z * z / size);
    let reach = z / (1.0 + z * z / size) * (p * (1.0 - p) / size + z * z / (4.0 * size * size)).sqrt();
    let lower = if successes == 0 { 0.0 } else { (centre - reach).max(0.0) };
    let upper = if successes == n { 1.0 } else { (centre + reach).min(1.0) };
    Some(Estimate { point: p, lower, upper, level, n, method: "share, Wilson score".into() })
}

/// Rate k2/n2 (after) divided by k1/n1 (before), with Koopman's score interval; no unit.
///
/// Koopman 1984, Biometrics 40, 513. Without failures before, the upper end is infinite and the point is that of half a
/// failure more on both sides (Walter 1975, Biometrika 62, 371); without any after, the lower end is 0. Assumes
/// independent trials. O(1). `None` for a side without trials or more failures than trials.
#[must_use]
pub fn risk_ratio(k1: usize, n1: usize, k2: usize, n2: usize, level: f64) -> Option<Estimate> {
    let z = deviate(level)?;
    if n1 == 0 || n2 == 0 || k1 > n1 || k2 > n2 {
        return None;
    }
    let (x1, m1, x2, m2) = (k1 as f64, n1 as f64, k2 as f64, n2 as f64);
    let point = if k1 == 0 { (x2 + 0.5) / (m2 + 0.5) / ((x1 + 0.5) / (m1 + 0.5)) } else { x2 / m2 / (x1 / m1) };
    let excess = |log_ratio: f64| score(x1, m1, x2, m2, log_ratio.exp()) - z * z;
    let middle =
        if k1 == 0 || k2 == 0 { ((x2 + 0.5) / (m2 + 0.5) / ((x1 + 0.5) / (m1 + 0.5))).ln() } else { point.ln() };
    let lower = if k2 == 0 { 0.0 } else { bisect(excess, middle - FAR, middle).exp() };
    let upper = if k1 == 0 { f64::INFINITY } else { bisect(excess, middle + FAR, middle).exp() };
    let method = "ratio of shares, Koopman score".into();
    Some(Estimate { point, lower: lower.min(point), upper: upper.max(point), level, n: n1 + n2, method })
}

/// Two-sided p-value of equal rates, conditional on the margins: the sum over all tables no likelier than this one.
///
/// Fisher 1935; the two-sided rule is that of R and SciPy. O(k1 + k2). 1 for impossible counts.
#[must_use]
pub fn fisher_exact_p(k1: usize, n1: usize, k2: usize, n2: usize) -> f64 {
    if k1 > n1 || k2 > n2 {
        return 1.0;
    }
    let (k, n) = ((k1 + k2) as u64, (n1 + n2) as u64);
    let (n1, n2) = (n1 as u64, n2 as u64);
    let all = ln_binomial(n, k);
    let table = |x: u64| (ln_binomial(n1, x) + ln_binomial(n2, k - x) - all).exp();
    let seen = table(k1 as u64);
    let p: f64 = (k.saturating_sub(n2)..=k.min(n1)).map(table).filter(|&p| p <= seen * (1.0 + 1e-7)).sum();
    p.min(1.0)
}

/// On the scale of logs, beyond any ratio of counts.
const FAR: f64 = 50.0;

/// Pearson's chi-square at the most likely rates whose ratio is `ratio`.
fn score(x1: f64, n1: f64, x2: f64, n2: f64, ratio: f64) -> f64 {
    // The first rate solves a p² - b p + (x1 + x2) = 0; this form of the smaller root does not cancel.
    let (a, b, c) = (ratio * (n1 + n2), n1 + x2 + ratio * (n2 + x1), x1 + x2);
    let p1 = 2.0 * c / (b + (b * b - 4.0 * a * c).max(0.0).sqrt());
    let p2 = (ratio * p1).min(1.0);
    let part = |x: f64, n: f64, p: f64| {
        let variance = n * p * (1.0 - p);
        let off = (x - n * p) * (x - n * p);
        if variance > 0.0 {
            off / variance
        } else if off > 1e-12 {
            f64::INFINITY
        } else {
            0.0
        }
    };
    part(x1, n1, p1) + part(x2, n2, p2)
}

/// Where `excess` changes sign between `outside` (positive) and `inside` (negative).
fn bisect(excess: impl Fn(f64) -> f64, mut outside: f64, mut inside: f64) -> f64 {
    for _ in 0..100 {
        let middle = 0.5 * (outside + inside);
        if excess(middle) > 0.0 { outside = middle } else { inside = middle }
    }
    0.5 * (outside + inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(got: f64, want: f64) {
        assert!((got - want).abs() <= 1e-7 * want.abs(), "{got} instead of {want}");
    }

    #[test]
    fn references_from_scipy() {
        // tests/reference/stats_reference.py, section proportion
        let r = rate(7, 50, 0.95).expect("50 trials");
        near(r.lower, 0.0695083342702);
        near(r.upper, 0.261861937106);
        let q = risk_ratio(5, 80, 12, 60, 0.95).expect("trials");
        near(q.point, 3.2);
        near(q.lower, 1.24502292022);
        near(q.upper, 8.34464644054);
        near(fisher_exact_p(5, 80, 12, 60), 0.0182549728636);
    }

    #[test]
    fn no_failures_leave_an_open_end() {
        let q = risk_ratio(0, 40, 6, 40, 0.95).expect("trials");
        assert!(q.upper.is_infinite() && q.lower > 1.0 && q.point.is_finite());
        let q = risk_ratio(6, 40, 0, 40, 0.95).expect("trials");
        assert!(q.lower == 0.0 && q.point == 0.0 && q.upper < 1.0);
        let q = risk_ratio(0, 40, 0, 40, 0.95).expect("trials");
        assert!(q.lower == 0.0 && q.upper.is_infinite());
        let q = risk_ratio(40, 40, 40, 40, 0.95).expect("trials");
        assert!(q.contains(1.0) && q.lower > 0.8 && q.upper < 1.25, "{q:?}");
        assert_eq!(risk_ratio(1, 0, 1, 2, 0.95), None);
        assert_eq!(rate(3, 2, 0.95), None);
        assert_eq!(fisher_exact_p(3, 2, 0, 0), 1.0);
    }
}
