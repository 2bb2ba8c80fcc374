#!/usr/bin/env python3
"""The same DAG of 100,000 tasks in SimPy and here, in one run, in seconds of CPU (pip install simpy).

    python3 benches/simulate_vs_simpy.py
"""
import re
import subprocess
import time

import simpy

TASKS, POOLS, PARALLELISM, BEHIND = 100_000, [128, 64, 32, 32, 16], 256, 1000


def work():
    state = 1

    def below(n):
        nonlocal state
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (state >> 33) % n

    for task in range(TASKS):
        length, pool, priority = 1 + below(600_000_000), below(len(POOLS)), below(10)
        backs = [1 + below(BEHIND) for _ in range(2)]
        yield length, pool, priority, sorted({task - back for back in backs}) if task >= BEHIND else []


def simpy_makespan(tasks):
    environment = simpy.Environment()
    pools = [simpy.PriorityResource(environment, slots) for slots in POOLS]
    total = simpy.PriorityResource(environment, PARALLELISM)
    done = [environment.event() for _ in tasks]

    def run(number, length, pool, priority, parents):
        if parents:
            yield environment.all_of([done[parent] for parent in parents])
        with pools[pool].request(priority=-priority) as slot:
            yield slot
            with total.request(priority=-priority) as place:
                yield place
                yield environment.timeout(length)
        done[number].succeed()

    for number, task in enumerate(tasks):
        environment.process(run(number, *task))
    environment.run()
    return environment.now


tasks = list(work())
began = time.process_time()
makespan = simpy_makespan(tasks)
seconds = time.process_time() - began
bench = ["cargo", "bench", "--profile", "dev", "--bench", "simulate", "--", "--test"]
out = subprocess.run(bench, capture_output=True, text=True, check=True).stdout
ours, same = re.search(rf"simulate: {TASKS} tasks, ([\d.]+) s of CPU, makespan (\d+) us", out).groups()
million, _ = re.search(r"simulate: 1000000 tasks, ([\d.]+) s of CPU, makespan (\d+) us", out).groups()
print(f"SimPy {simpy.__version__}: {seconds:.2f} s, makespan {makespan} us; here: {float(ours):.4f} s, makespan {same} us")
print(f"RESULT {seconds / float(ours):.0f} times; a million tasks {1 / float(million):.2f} million a second of CPU")
