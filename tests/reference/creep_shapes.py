#!/usr/bin/env python3
"""What `detect` says of creep of many shapes, and of noise that passes for change elsewhere.

    python3 tests/reference/creep_shapes.py target/debug/windtunnel [--seeds 100] [--seed 1]

A line a kind: of how many series a step, a trend, both or neither was told, and for creep that begins late from which point on.
"""
import argparse
import csv
import datetime
import json
import math
import os
import random
import statistics
import subprocess
import tempfile


def kinds():
    """Name, points, points a day, truth at x in 0..1, relative noise."""
    for times in (1.5, 2, 3):
        for noise in (0.02, 0.05, 0.1):
            yield f"by as much each day, x{times:g} in a year", 365, 1, lambda x, k=times: 1 + (k - 1) * x, noise
    for points in (12, 20, 40):
        for noise in (0.001, 0.02, 0.05):
            yield "a short line, x2", points, 1, lambda x: 1 + x, noise
    for points in (60, 120, 365):
        for noise in (0.02, 0.05):
            yield "level until the middle, then up to x1.5", points, 1, lambda x: 1 + max(0.0, x - 0.5), noise
            yield "up to x2 in a third, then level", points, 1, lambda x: 1 + min(1.0, 3 * x), noise
    for days in (5, 10):
        yield "hourly, x3 in all", 24 * days, 24, lambda x: 3 ** x, 0.02
    for points in (60, 365):
        yield "a step of 20 % in the middle", points, 1, lambda x: 1.0 if x < 0.5 else 1.2, 0.05
    yield "a step of 20 % at three quarters", 365, 1, lambda x: 1.0 if x < 0.75 else 1.2, 0.05
    for points in (60, 365):
        yield "no change, a third of the runs takes twice as long", points, 1, None, 0.05
        yield "no change", points, 1, lambda x: 1.0, 0.05


def value(rng, truth, x, noise):
    level = truth(x) if truth else (2.0 if rng.random() < 0.3 else 1.0)
    return 100 * level * math.exp(noise * rng.gauss(0, 1))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binary")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    start = datetime.datetime(2025, 1, 1, tzinfo=datetime.timezone.utc)
    rng = random.Random(asked.seed)
    with tempfile.TemporaryDirectory() as work:
        path = os.path.join(work, "series.csv")
        print("points  noise   step  trend  both  neither")
        for name, points, a_day, truth, noise in kinds():
            with open(path, "w", newline="") as out:
                rows = csv.writer(out)
                rows.writerow(["series_id", "time", "value"])
                for one in range(asked.seeds):
                    for i in range(points):
                        at = start + datetime.timedelta(days=i / a_day)
                        rows.writerow([one, at.strftime("%Y-%m-%dT%H:%M:%SZ"), value(rng, truth, i / (points - 1), noise)])
            told = json.loads(subprocess.run([asked.binary, "detect", path, "--json"], check=True, capture_output=True).stdout)
            both = [(bool(s["change_points"]), bool(s["trends"])) for s in told["series"]]
            count = lambda want: 100 * both.count(want) / len(both)
            begins = [t["from_index"] for s in told["series"] for t in s["trends"] if t["from_index"]]
            later = f", from point {statistics.median(begins):.0f} on in {len(begins)}" if begins else ""
            print(f"{points:6}  {noise:5}  {count((True, False)):4.0f} % {count((False, True)):4.0f} % {count((True, True)):4.0f} % "
                  f"{count((False, False)):4.0f} %   {name}{later}")


if __name__ == "__main__":
    main()
