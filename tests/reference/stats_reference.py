#!/usr/bin/env python3
"""Prints the reference values that the tests under src/stats compare with. Needs numpy and scipy (made with scipy 1.17.1).

    python3 tests/reference/stats_reference.py

Sections carry the name of the Rust file. 12 digits."""
import numpy as np
from scipy import stats

X = [3.1, 4.7, 2.2, 9.6, 5.4, 4.1, 3.9, 6.5, 21.0, 4.4]
Y = [5.2, 7.7, 6.1, 4.9, 8.8, 6.6, 30.0]
A = [10.1, 9.7, 10.4, 9.9, 10.0, 10.3, 9.6, 10.2, 9.8, 10.0]
B = [11.0, 11.9, 10.6, 11.4, 12.1, 10.9, 11.5]
P = [0.01, 0.04, 0.03, 0.005, 0.8, 0.2]


def show(name, *values):
    print(f"  {name}: " + ", ".join(f"{float(v):.12g}" for v in values))


print("distributions")
for df in (3, 7.5, 58):
    show(f"t quantile .975, df {df}", stats.t.ppf(0.975, df))
show("two-sided t 2.5, df 7.5", 2 * stats.t.sf(2.5, 7.5))
show("two-sided normal 5", 2 * stats.norm.sf(5))

print("location")
show("quantile .1 .9", *np.quantile(X, [0.1, 0.9]))
show("median", np.median(X))
show("mad", stats.median_abs_deviation(X, scale="normal"))
show("hodges-lehmann", np.median(np.subtract.outer(Y, X)))

print("compare (independence: phi 0, no straggler beyond the fences)")
w = stats.ttest_ind(B, A, equal_var=False)
ci = w.confidence_interval(0.95)
show("welch t, p, df", w.statistic, w.pvalue, w.df)
show("difference, lower, upper", np.mean(B) - np.mean(A), ci.low, ci.high)

print("multiplicity")
show("bh", *stats.false_discovery_control(P, method="bh"))
show("by", *stats.false_discovery_control(P, method="by"))

print("trend")
show("theil-sen slope", stats.theilslopes(X, np.arange(10)).slope)
s = sum(np.sign(X[j] - X[i]) for i in range(10) for j in range(i + 1, 10))
show("kendall S", s)

print("resample")
b = stats.bootstrap((X,), np.mean, n_resamples=200_000, method="BCa", confidence_level=0.95, rng=np.random.default_rng(1))
show("bca of mean, lower, upper (with sampling error)", *b.confidence_interval)

print("proportion")
w = stats.binomtest(7, 50).proportion_ci(0.95, method="wilson")
show("wilson 7/50", w.low, w.high)
r = stats.contingency.relative_risk(12, 60, 5, 80)
show("risk ratio", r.relative_risk)
show("fisher", stats.fisher_exact([[5, 75], [12, 48]]).pvalue)


def koopman(x1, n1, x2, n2, theta):
    """Pearson chi-square of rates whose ratio (second over first) is theta, the likelihood maximised numerically."""
    from scipy.optimize import minimize_scalar

    def loss(p):
        return -(x1 * np.log(p) + (n1 - x1) * np.log1p(-p) + x2 * np.log(theta * p) + (n2 - x2) * np.log1p(-theta * p))

    p = minimize_scalar(loss, bounds=(1e-12, min(1, 1 / theta) - 1e-12), method="bounded", options={"xatol": 1e-14}).x
    return sum((x - n * q) ** 2 / (n * q * (1 - q)) for x, n, q in ((x1, n1, p), (x2, n2, theta * p)))


from scipy.optimize import brentq

cut = stats.norm.ppf(0.975) ** 2
show("koopman", *(brentq(lambda t: koopman(5, 80, 12, 60, t) - cut, *ends) for ends in ((0.2, 3.2), (3.2, 15))))

print("spread")
show("brown-forsythe p", stats.levene(A, B, center="median").pvalue)

print("ratios")
logs = np.sort(np.log(X))
rank = round((len(X) + 1) / 2 - np.sqrt(len(X)))
deviate = -stats.norm.ppf(stats.binom.cdf(rank - 1, len(X), 0.5))
show("variance of the log median, Price & Bonett", ((logs[len(X) - rank] - logs[rank - 1]) / (2 * deviate)) ** 2)

print("rank_test")
show("exact", stats.mannwhitneyu(X, [5.2, 7.7, 6.1, 4.9, 8.8, 6.6, 30.0], method="exact").pvalue)
TIED = ([1.0, 2.0, 2.0, 3.0, 5.0, 5.0, 6.0, 7.0, 8.0, 9.0], [2.0, 3.0, 8.0, 9.0, 9.0, 11.0, 12.0, 13.0, 9.0])
show("tied", stats.mannwhitneyu(*TIED, method="asymptotic").pvalue)

print("online")


def gamma(age):
    """Ramdas et al. 2017, the sequence of R's onlineFDR."""
    return 0.07720838 * np.log(max(age, 2)) / (age * np.exp(np.sqrt(np.log(age))))


levels, found, alpha = [], [], 0.05
for now, p in enumerate([1e-7, 0.2, 1e-5, 0.6, 0.003, 0.5], 1):
    earned = sum((0.9 * alpha if i == 0 else alpha) * gamma(now - at) for i, at in enumerate(found))
    levels.append(0.1 * alpha * gamma(now) + earned)
    if p <= levels[-1]:
        found.append(now)
show("levels", *levels)
