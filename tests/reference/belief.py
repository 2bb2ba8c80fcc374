#!/usr/bin/env python3
"""Reference values of `engine/batch/belief.rs`: the posterior of its Gaussian process in closed form, by numpy.

    python3 tests/reference/belief.py
"""
import numpy as np

PLACES, AT, FIRST, NOISE = 9, 4, 1.0, 0.01
RISE, SLOPE, WALK = 0.03, 0.1, 0.12
SEEN = [(5, 1.1), (3, 0.9), (6, 1.2), (5, 1.0)]

away = np.arange(PLACES) - AT
mean = FIRST + RISE * away
walk = np.where(np.equal.outer(away > 0, away > 0), np.minimum.outer(abs(away), abs(away)), 0)
covariance = NOISE + SLOPE**2 * np.outer(away, away) + WALK**2 * walk
at = [place for place, _ in SEEN]
rates = np.array([rate for _, rate in SEEN])
gain = covariance[:, at] @ np.linalg.inv(covariance[np.ix_(at, at)] + NOISE * np.eye(len(at)))
after = mean + gain @ (rates - mean[at])
deviation = np.sqrt(np.diag(covariance - gain @ covariance[at, :]))
for place in (0, 4, 8):
    print(place, f"{after[place]:.10f} {deviation[place]:.10f}")
