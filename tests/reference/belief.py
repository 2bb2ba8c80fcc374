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

# A batch that is off by far at a size that is known.
ALL, STRAY, STALL, TILT = 0.5, 0.4, 1.8, 3.0
column = covariance[:, 5] / (covariance[5, 5] + NOISE)
mean_one = mean + column * (1.1 - mean[5])
one = covariance - np.outer(column, covariance[5, :])
off = -2.0 - mean_one[4]
assert abs(off) > 3 * np.sqrt(one[4, 4] + NOISE)
one += (ALL * off) ** 2
room = TILT * (abs(off) - STALL)
for end in (0, PLACES - 1):
    # From that end to the size that surprises, and as far beyond it.
    along = np.clip((np.arange(PLACES) - end) * np.sign(4 - end), 0, 4) / 4
    one += room**2 * np.minimum.outer(along, along)
column = one[:, 4] / (one[4, 4] + NOISE + (STRAY * off) ** 2)
mean_two = mean_one + column * off
deviation = np.sqrt(np.diag(one - np.outer(column, one[4, :])))
for place in (0, 3, 4, 5, 8):
    print(place, f"{mean_two[place]:.10f} {deviation[place]:.10f}")
