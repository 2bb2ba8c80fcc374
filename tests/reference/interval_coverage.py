"""How often the 95 % intervals of `windtunnel compare` hold a true ratio of 1.1.

    python3 tests/reference/interval_coverage.py target/debug/windtunnel [--seed 1] [--repeat 2000]

Lognormal durations (sd 0.3 of the log), 3 % stragglers of 1.5 to 4 times, memory of 0, 0.3 and 0.6, 10 to 200 runs a side.
Needs numpy.
"""
import argparse
import json
import pathlib
import subprocess
import tempfile

import numpy as np

options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
options.add_argument("binary")
options.add_argument("--seed", type=int, default=1)
options.add_argument("--repeat", type=int, default=2000)
given = options.parse_args()


def runs(rng, n, phi, level):
    logs = np.empty(n)
    logs[0] = rng.normal()
    for i in range(1, n):
        logs[i] = phi * logs[i - 1] + np.sqrt(1 - phi * phi) * rng.normal()
    values = level * np.exp(0.3 * logs)
    slow = rng.random(n) < 0.03
    values[slow] *= rng.uniform(1.5, 4, slow.sum())
    return values


shares = []
for phi in (0.0, 0.3, 0.6):
    for n in (10, 20, 50, 100, 200):
        rng = np.random.default_rng([given.seed, round(10 * phi), n])
        with tempfile.TemporaryDirectory() as folder:
            files = {side: pathlib.Path(folder, f"{side}.csv") for side in ("before", "after")}
            for (side, file), level in zip(files.items(), (100, 110)):
                rows = (f"{r},{v:.8g}\n" for r in range(given.repeat) for v in runs(rng, n, phi, level))
                file.write_text("series_id,value\n" + "".join(rows))
            sides = [part for side, file in files.items() for part in (f"--{side}", str(file))]
            out = subprocess.run([given.binary, "compare", *sides, "--json"], capture_output=True, check=True).stdout
        line = f"memory {phi} runs {n:3d}:"
        for statistic in ("location", "mean", "median"):
            ratios = [e["ratio"] for e in json.loads(out)["effects"] if e["statistic"] == statistic]
            share = np.mean([r["lower"] <= 1.1 <= r["upper"] for r in ratios])
            width = np.median([np.log(r["upper"] / r["lower"]) for r in ratios])
            shares.append(share)
            line += f"  {statistic} {share:.3f} (width {width:.3f})"
        print(line)
print(f"all between {min(shares):.3f} and {max(shares):.3f}")
