#!/usr/bin/env python3
"""Times `analyze` over a lake of many tasks and years: 500 daily DAGs of 10 tasks in a row, two years, 3.65 million attempts.

    python3 benches/analyze_fleet.py target/debug/windtunnel [--dags 500] [--days 730]

Durations are log-normal (8 %), queue waits exponential, no two tasks alike; task_3 of each 25th DAG takes 1.3 times as long from
day 600 on. Prints wall and CPU seconds, peak memory, and what was told against what was planted.
"""
import argparse
import datetime
import json
import math
import os
import random
import resource
import subprocess
import tempfile
import time

HEADER = "dag_id,task_id,run_id,map_index,try_number,state,operator,pool,queue,hostname,start_date,end_date,duration,queued_dttm,executor"
TASKS, SLOWER_FROM, EACH = 10, 600, 25


def export(path, dags, days):
    rng = random.Random(5)
    start = datetime.datetime(2023, 1, 1, tzinfo=datetime.timezone.utc)
    after = lambda at, seconds: at + datetime.timedelta(seconds=seconds)
    with open(path, "w") as out:
        out.write(HEADER + "\n")
        for dag in range(dags):
            for day in range(days):
                at = start + datetime.timedelta(days=day, minutes=dag % 1440)
                run_id = f"scheduled__{at.isoformat()}"
                for task in range(TASKS):
                    seconds = (20 + 3 * task + dag % 17) * math.exp(rng.gauss(0, 0.08))
                    if dag % EACH == 0 and task == 3 and day >= SLOWER_FROM:
                        seconds *= 1.3
                    queued = after(at, 2 + rng.random())
                    begun = after(queued, 0.5 + rng.expovariate(2))
                    at = after(begun, seconds)
                    out.write(f"dag_{dag:03d},task_{task},{run_id},-1,1,success,PythonOperator,default_pool,default,"
                              f"worker-{(dag + task) % 8},{begun},{at},{seconds:.6f},{queued},LocalExecutor\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binary")
    parser.add_argument("--dags", type=int, default=500)
    parser.add_argument("--days", type=int, default=730)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        export(f"{work}/task_instance.csv", asked.dags, asked.days)
        lake = ["--lake", f"{work}/lake"]
        subprocess.run([asked.binary, "ingest", f"{work}/task_instance.csv", *lake, "--quiet"], check=True)
        for _ in range(3):
            before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
            told = subprocess.run([asked.binary, "analyze", *lake, "--json"], check=True, capture_output=True).stdout
            wall, now = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = now.ru_utime + now.ru_stime - before.ru_utime - before.ru_stime
            print(f"{asked.dags * TASKS} tasks x {asked.days} days: {wall:.1f} s wall, {cpu:.1f} s CPU, "
                  f"{os.cpu_count()} processors, peak {now.ru_maxrss // 1024} MiB of any child so far")
        planted = {f"dag_{dag:03d}" for dag in range(0, asked.dags, EACH)} if asked.days > SLOWER_FROM else set()
        found = json.loads(told)
        told = [f for shelf in ("regressions", "improvements", "went_away") for f in found[shelf]]
        right = {f["dag_id"] for f in found["regressions"] if f["dag_id"] in planted and f["task_id"] == "task_3"}
        print(f"{len(right)} of {len(planted)} planted changes told, {len(told) - len(right)} others")


if __name__ == "__main__":
    main()
