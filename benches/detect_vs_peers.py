#!/usr/bin/env python3
"""Step detection beside Apache Otava and ruptures, and a bootstrap beside SciPy, on the same series in the same run.

    pip install apache-otava ruptures scipy
    python3 benches/detect_vs_peers.py

CPU seconds of one thread. The peers run as they come: Otava 0.8.0 with its defaults; ruptures' PELT with an l2 cost, penalty
3 log n of unit variance, minimum size 5. Ours are criterion's medians (`cargo bench --bench stats`); what a peer would take
more than a minute for is left out.
"""
import json
import math
import os
import subprocess
import tempfile
import time

import numpy as np
import ruptures
import scipy.stats
from otava.analysis import compute_change_points

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SIZES = [365, 1_000, 10_000, 1_000_000]
OTAVA_TO, RUPTURES_TO = 10_000, 10_000


def durations(n):
    """The series of benches/stats.rs."""
    state, mask, memory, out = 0x9E3779B97F4A7C15, (1 << 64) - 1, 0.0, []
    for i in range(n):
        noise = -6.0
        for _ in range(12):
            state ^= (state << 13) & mask
            state ^= state >> 7
            state ^= (state << 17) & mask
            noise += (state >> 11) / (1 << 53)
        memory = 0.3 * memory + math.sqrt(0.91) * noise
        out.append(100.0 * math.exp(0.1 * memory) * (1.2 if 5 * i >= 3 * n else 1.0))
    return out


def cpu(what, least=0.5):
    """Median CPU seconds of one call."""
    took, began = [], time.process_time()
    while not took or (time.process_time() - began < least and len(took) < 200):
        start = time.process_time()
        what()
        took.append(time.process_time() - start)
    return sorted(took)[len(took) // 2]


def ours():
    """Criterion's medians, seconds."""
    with tempfile.TemporaryDirectory() as home:
        command = ["cargo", "bench", "--profile", "dev", "--bench", "stats", "--quiet", "--", "detect_steps|bca", "--noplot"]
        environment = dict(os.environ, CRITERION_HOME=home, RAYON_NUM_THREADS="1")
        subprocess.run(command, cwd=HERE, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        read = {}
        for folder, _, files in os.walk(home):
            if folder.endswith("/new") and "estimates.json" in files:
                with open(os.path.join(folder, "benchmark.json")) as file:
                    name = json.load(file)["full_id"]
                with open(os.path.join(folder, "estimates.json")) as file:
                    read[name] = json.load(file)["median"]["point_estimate"] * 1e-9
        return read


def main():
    mine = ours()
    print("| points | windtunnel | Otava | ratio | ruptures PELT | ratio |\n|--:|--:|--:|--:|--:|--:|")
    for n in SIZES:
        own = mine[f"detect_steps/{n}"]
        cells = [f"{n:,}", f"{1e3 * own:.3f} ms"]
        values = durations(n) if n <= max(OTAVA_TO, RUPTURES_TO) else []
        logs = np.log(np.array(values)) if values else None
        for limit, run in [
            (OTAVA_TO, lambda: compute_change_points(list(values))),
            (RUPTURES_TO, lambda: ruptures.Pelt(model="l2", min_size=5, jump=1)
                .fit(logs).predict(pen=3 * math.log(n) * float(np.var(np.diff(logs)) / 2))),
        ]:
            if n > limit:
                cells += ["-", "-"]
                continue
            took = cpu(run)
            cells += [f"{1e3 * took:.1f} ms", f"{took / own:.0f}"]
        print("| " + " | ".join(cells) + " |", flush=True)
    year = np.array(durations(365))
    took = cpu(lambda: scipy.stats.bootstrap((year,), np.mean, n_resamples=10_000, method="BCa", vectorized=True, axis=-1))
    own = mine["bca of 365"]
    print(f"\nBCa bootstrap of a mean, 365 points, 10,000 resamples: {1e3 * own:.1f} ms, SciPy {1e3 * took:.1f} ms, ratio {took / own:.1f}")


if __name__ == "__main__":
    main()
