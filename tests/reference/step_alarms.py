"""False alarms and power of `windtunnel detect` on generated daily task durations, looked at again every week.

    python3 tests/reference/step_alarms.py target/debug/windtunnel [--seed 1] [--quiet 200] [--stepped 60]

Six kinds of series of a year: independent noise, weekdays, memory, heavy tails with stragglers, creep, and all of it. Every
week from day 56 on the history to date is given to `detect`; an upward step more than 14 days from any told before is an
alarm. In a series without a step each is false. A step (day 120 to 289) is found if an alarm within 56 days lies within 14.
Needs numpy.
"""
import argparse
import json
import statistics
import subprocess
import tempfile
from datetime import date, timedelta

import numpy as np

DAYS, FIRST_LOOK = 365, 56
# Noise, degrees of freedom of its tails, weekday range, memory, share of stragglers, creep (log a year): low and high.
KINDS = {
    "independent": ((0.10, 0.10), 0, (0, 0), (0, 0), (0, 0), (0, 0)),
    "weekday": ((0.05, 0.12), 0, (0.1, 0.4), (0, 0), (0, 0), (0, 0)),
    "memory": ((0.08, 0.12), 0, (0, 0), (0.3, 0.7), (0, 0), (0, 0)),
    "heavy": ((0.08, 0.12), 3, (0, 0), (0, 0.2), (0.02, 0.05), (0, 0)),
    "creep": ((0.06, 0.10), 0, (0, 0.1), (0, 0.2), (0, 0.01), (0.1, 0.4)),
    "mixed": ((0.06, 0.15), 4, (0.05, 0.3), (0.1, 0.5), (0.01, 0.03), (-0.1, 0.1)),
}


def durations(rng, kind, step, at):
    spread, tails, weekday, memory, stragglers, creep = KINDS[kind]
    noise = rng.standard_t(tails, DAYS) / np.sqrt(tails / (tails - 2)) if tails else rng.normal(size=DAYS)
    phi, logs, last = rng.uniform(*memory), np.empty(DAYS), noise[0]
    for i in range(DAYS):
        last = phi * last + np.sqrt(1 - phi * phi) * noise[i] if i else last
        logs[i] = last
    days = np.arange(DAYS)
    pattern = rng.normal(size=7) - np.array([0, 0, 0, 0, 0, 1, 1])
    pattern = (pattern - pattern.mean()) / np.ptp(pattern) * rng.uniform(*weekday)
    logs = logs * rng.uniform(*spread) + pattern[days % 7] + rng.uniform(*creep) * days / 365
    values = 300 * np.exp(logs + np.log1p(step) * (days >= at))
    slow = rng.random(DAYS) < rng.uniform(*stragglers)
    values[slow] *= rng.uniform(1.5, 4, slow.sum())
    return values


def told(binary, series):
    """Alarms of each series: (day of the look, first day of the step)."""
    looks = range(FIRST_LOOK, DAYS + 1, 7)
    stamp = [(date(2024, 1, 1) + timedelta(days=i)).isoformat() for i in range(DAYS)]
    alarms = [[] for _ in series]
    for start in range(0, len(series), 100):
        part = range(start, min(start + 100, len(series)))
        with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
            file.write("series_id,time,value\n")
            for i in part:
                for look in looks:
                    file.writelines(f"{i}@{look},{stamp[d]},{series[i][d]:.8g}\n" for d in range(look))
            file.flush()
            run = subprocess.run([binary, "detect", file.name, "--json"], capture_output=True, text=True, check=True)
        for found in json.loads(run.stdout)["series"]:
            i, look = map(int, found["id"].split("@"))
            for point in found["change_points"]:
                up = point["effect"]["point"] > 1
                if up and all(abs(point["index"] - p) > 14 for _, p in alarms[i]):
                    alarms[i].append((look - 1, point["index"]))
    return alarms


options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
options.add_argument("binary")
options.add_argument("--seed", type=int, default=1)
options.add_argument("--quiet", type=int, default=200, help="series without a step, of each kind")
options.add_argument("--stepped", type=int, default=60, help="series with a step, of each kind and size")
given = options.parse_args()

years, false = (DAYS - FIRST_LOOK) / 365, {}
for n, kind in enumerate(KINDS):
    rngs = [np.random.default_rng([given.seed, n, 0, i]) for i in range(given.quiet)]
    false[kind] = sum(map(len, told(given.binary, [durations(rng, kind, 0, DAYS) for rng in rngs])))
for kind, count in false.items():
    print(f"{kind:12s} {count / (given.quiet * years):.3f} false alarms a series-year")
total = len(KINDS) * given.quiet * years
print(f"all          {sum(false.values()) / total:.4f} in {total:.0f} series-years")
for step in (0.05, 0.1, 0.2, 0.5):
    series, places = [], []
    for n, kind in enumerate(KINDS):
        for i in range(given.stepped):
            rng = np.random.default_rng([given.seed, n, round(step * 1000), i])
            places.append(int(rng.integers(120, 290)))
            series.append(durations(rng, kind, step, places[-1]))
    delays = []
    for at, alarms in zip(places, told(given.binary, series)):
        delays += [t - at for t, p in alarms if at <= t <= at + 56 and abs(p - at) <= 14][:1]
    print(f"step of {step:.0%}: {len(delays) / len(series):.2f} found, median delay {statistics.median(delays):.0f} days")
