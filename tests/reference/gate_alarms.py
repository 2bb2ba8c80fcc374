#!/usr/bin/env python3
"""False failures and power of `windtunnel gate` on simulated benchmarks: log-normal AR(1) samples.

    python3 tests/reference/gate_alarms.py target/debug/windtunnel [--comparisons 2000] [--seed 1]

Each comparison is a gate of its own. First without a change: how many exit with 2, against the `false_alarm_rate` that
they print. Then what could not be decided is measured again with as many samples as the gate asks for, slowed down by
twice the tolerance: how many exit with 2. `--two-speeds` asks instead how many gates without a change fail on a machine
that is 15 % slower in three runs of ten, after baselines of 3, 8 and 20 runs. Needs nothing but Python's standard library.
"""
import argparse
import json
import math
import os
import random
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor

TOLERANCE = 0.05
CELLS = [(n, sd, phi) for n in (5, 10, 30, 100) for sd in (0.03, 0.1, 0.3) for phi in (0.0, 0.3, 0.6)]


def samples(rng, n, level, sd, phi):
    state, out = rng.gauss(0, 1), []
    for _ in range(n):
        out.append(level * math.exp(sd * state))
        state = phi * state + math.sqrt(1 - phi * phi) * rng.gauss(0, 1)
    return out


def gate(binary, before, after):
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name, values in (("before", before), ("after", after)):
            paths.append(os.path.join(folder, name + ".json"))
            with open(paths[-1], "w") as file:
                json.dump({"results": [{"command": "b", "times": values}]}, file)
        arguments = [binary, "gate", "--json", "--baseline", paths[0], "--current", paths[1]]
        arguments += ["--tolerance", str(TOLERANCE)]
        done = subprocess.run(arguments, capture_output=True, text=True, cwd=folder)
        return done.returncode, json.loads(done.stdout)


def one(binary, seed, number):
    rng = random.Random(seed * 1_000_003 + number)
    n, sd, phi = CELLS[number % len(CELLS)]
    code, told = gate(binary, samples(rng, n, 10, sd, phi), samples(rng, n, 10, sd, phi))
    needed = told["benchmarks"][0].get("needed_n")
    seen = None
    if code == 3 and needed and needed <= 20_000:
        slow = 10 * (1 + 2 * TOLERANCE)
        seen = gate(binary, samples(rng, needed, 10, sd, phi), samples(rng, needed, slow, sd, phi))[0] == 2
    return code, told["false_alarm_rate"], seen


def two_speeds(binary, seed, number, runs):
    rng = random.Random((seed * 1_000_003 + number) * 100 + runs)

    def run(day):
        level = 10 * (1.15 if rng.random() < 0.3 else 1)
        values = [level * (1 + 0.01 * rng.gauss(0, 1)) for _ in range(15)]
        return {"at": f"2026-01-{day:02d}T00:00:00Z", "benchmarks": [{"name": "b", "samples": values}]}

    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ("before.json", "after.json")]
        for path, kept in zip(paths, ([run(i + 1) for i in range(runs)], [run(31)])):
            with open(path, "w") as file:
                json.dump({"schema": "windtunnel.benchmarks.v1", "runs": kept}, file)
        arguments = [binary, "gate", "--json", "--baseline", paths[0], "--current", paths[1]]
        done = subprocess.run(arguments, capture_output=True, text=True, cwd=folder)
        return done.returncode, json.loads(done.stdout)["false_alarm_rate"] or 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--comparisons", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--two-speeds", action="store_true")
    args = parser.parse_args()
    if args.two_speeds:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for runs in (3, 8, 20):
                ask = lambda i: two_speeds(os.path.abspath(args.binary), args.seed, i, runs)
                all_of = list(pool.map(ask, range(args.comparisons)))
                failed = sum(code == 2 for code, _ in all_of) / len(all_of)
                printed = sum(rate for _, rate in all_of) / len(all_of)
                print(f"RESULT runs {runs} false_failures {failed:.4f} printed {printed:.4f}")
        return
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        all_of = list(pool.map(lambda i: one(os.path.abspath(args.binary), args.seed, i), range(args.comparisons)))
    failed = sum(code == 2 for code, _, _ in all_of)
    printed = sum(rate for _, rate, _ in all_of if rate is not None) / len(all_of)
    seen = [s for _, _, s in all_of if s is not None]
    exits = {code: sum(c == code for c, _, _ in all_of) for code in (0, 2, 3)}
    print(f"without a change: {len(all_of)} gates, exits {exits}")
    print(f"RESULT false_failures {failed / len(all_of):.4f} printed {printed:.4f} "
          f"power {sum(seen) / max(1, len(seen)):.3f} of {len(seen)} with the n asked for")


if __name__ == "__main__":
    main()
