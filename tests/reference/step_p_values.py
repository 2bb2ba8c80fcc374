#!/usr/bin/env python3
"""How often series without a step have a p-value below a bound, over how often they should.

    step_p_values.py BINARY [--points 200] [--series 20000]

Four kinds of noise. 1 or less: the p-value is honest there; it is corrected for all places of the series.
"""
import argparse
import datetime
import json
import subprocess
import tempfile

import numpy as np

BOUNDS = (1e-2, 1e-3, 3e-4, 1e-4)


def memory(rng, phi, shape):
    noise = rng.normal(size=(shape[0], shape[1] + 50))
    out = np.zeros_like(noise)
    for i in range(1, out.shape[1]):
        out[:, i] = phi * out[:, i - 1] + noise[:, i] * np.sqrt(1 - phi * phi)
    return out[:, 50:]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binary")
    parser.add_argument("--points", type=int, default=200)
    parser.add_argument("--series", type=int, default=20_000)
    asked = parser.parse_args()
    rng, shape = np.random.default_rng(7), (asked.series, asked.points)
    kinds = {
        "log-normal": lambda: np.exp(3 + 0.1 * rng.normal(size=shape)),
        "half a second and exponential": lambda: 0.5 + rng.exponential(0.5, shape),
        "memory .4": lambda: np.exp(3 + 0.1 * memory(rng, 0.4, shape)),
        "Student's t of 3": lambda: np.exp(3 + 0.05 * rng.standard_t(3, shape)),
    }
    days = [(datetime.date(2023, 1, 1) + datetime.timedelta(days=i)).isoformat() for i in range(asked.points)]
    for name, make in kinds.items():
        with tempfile.NamedTemporaryFile("w", suffix=".csv") as out:
            out.write("series_id,timestamp,value\n")
            for s, values in enumerate(make()):
                out.write("".join(f"{s},{day},{value:.6g}\n" for day, value in zip(days, values)))
            out.flush()
            told = json.loads(subprocess.run([asked.binary, "detect", out.name, "--json"], check=True, capture_output=True).stdout)
        least = lambda s: min([c["p_value"] for c in s["change_points"]] + [t["p_value"] for t in s["trends"]] + [1.0])
        p = np.array([least(s) for s in told["series"]])
        print(f"{name:30}", " ".join(f"{bound:g}: {(p < bound).mean() / bound:.1f}" for bound in BOUNDS), flush=True)


if __name__ == "__main__":
    main()
