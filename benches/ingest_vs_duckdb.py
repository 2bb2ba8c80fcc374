#!/usr/bin/env python3
"""Ingest of task_instance and dag_run against DuckDB doing the same job, paired, on this machine.

The job: CSV as psql exports it -> typed columns, UTC timestamps, one row an attempt (the newest `updated_at`), sorted by
(dag_id, task_id, start), one folder a month, Parquet with zstd 3. Also DuckDB's plain COPY, without dedupe and order.

    windtunnel synth history --rows 10000000 --statsd-days 0 --overlap 0.05 --out big/
    python3 benches/ingest_vs_duckdb.py target/debug/windtunnel big/ --rounds 3

Needs `pip install duckdb` (2.x). Prints CPU seconds (user + system), wall seconds, peak memory and size of the files, medians
over the rounds, and their ratios. Both get two threads; DuckDB its default memory.
"""

import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

TASK_COLUMNS = """dag_id, run_id, task_id, map_index::INT AS map_index, try_number::INT AS try_number, state, operator, pool,
  pool_slots::INT AS pool_slots, queue, priority_weight::INT AS priority_weight, hostname, executor, max_tries::INT AS max_tries,
  queued_dttm AS queued_at, start_date AS started_at, end_date AS ended_at, duration::DOUBLE AS duration_s, updated_at"""
RUN_COLUMNS = """dag_id, run_id, run_type, state, execution_date AS logical_date, queued_at, start_date AS started_at,
  end_date AS ended_at, updated_at"""
MONTH = "strftime(coalesce(try_cast(regexp_extract(run_id, '__(\\d{4}-\\d{2}-\\d{2})', 1) AS DATE), start_date::DATE), '%Y-%m') AS month"

DUCKDB = """
import duckdb, sys
folder, out, mode = sys.argv[1:4]
con = duckdb.connect()
con.execute("SET threads=2; SET TimeZone='UTC'; SET preserve_insertion_order=false")
times = ["start_date", "end_date", "queued_dttm", "updated_at", "queued_at", "execution_date", "last_scheduling_decision",
         "data_interval_start", "data_interval_end", "trigger_timeout"]
def source(name):
    header = open(f"{folder}/{name}.csv").readline().strip().split(",")
    columns = {c: "TIMESTAMPTZ" if c in times else "VARCHAR" for c in header}
    return f"read_csv('{folder}/{name}.csv', header=true, auto_detect=false, delim=',', quote='\\"', escape='\\"', columns={columns})"
def copy(query, target, partition):
    option = "PARTITION_BY (month), " if partition else ""
    con.execute(f"COPY ({query}) TO '{out}/{target}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 3, {option}OVERWRITE_OR_IGNORE)")
if mode == "full":
    copy(f'''SELECT TASK_COLUMNS, MONTH FROM {source("task_instance")}
        QUALIFY row_number() OVER (PARTITION BY dag_id, run_id, task_id, map_index, try_number ORDER BY updated_at DESC) = 1
        ORDER BY dag_id, task_id, started_at''', "task_attempts", True)
    copy(f'''SELECT RUN_COLUMNS, MONTH FROM {source("dag_run")}
        QUALIFY row_number() OVER (PARTITION BY dag_id, run_id ORDER BY updated_at DESC) = 1
        ORDER BY dag_id, logical_date''', "dag_runs", True)
else:
    copy(f'''SELECT TASK_COLUMNS FROM {source("task_instance")}''', "task_attempts.parquet", False)
    copy(f'''SELECT RUN_COLUMNS FROM {source("dag_run")}''', "dag_runs.parquet", False)
""".replace("TASK_COLUMNS", TASK_COLUMNS).replace("RUN_COLUMNS", RUN_COLUMNS).replace("MONTH FROM", MONTH.replace("\\", "\\\\") + " FROM")


def measure(command):
    """Runs a command; CPU seconds, wall seconds, peak memory in MB."""
    timed = ["/usr/bin/time", "-f", "%U %S %e %M", *command]
    done = subprocess.run(timed, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command[:2])} failed:\n{done.stderr}")
    user, system, wall, peak = done.stderr.strip().splitlines()[-1].split()
    return float(user) + float(system), float(wall), int(peak) / 1024


def size(folder):
    return sum(f.stat().st_size for f in pathlib.Path(folder).rglob("*.parquet")) / 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("folder")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=["windtunnel", "full", "copy"], action="append")
    options = parser.parse_args()
    binary = str(pathlib.Path(options.binary).resolve())
    folder = pathlib.Path(options.folder).resolve()
    inputs = [str(folder / name) for name in ("task_instance.csv", "dag_run.csv")]
    bytes_in = sum(os.path.getsize(path) for path in inputs)
    kinds = options.only or ["windtunnel", "full", "copy"]
    results = {kind: [] for kind in kinds}
    with tempfile.TemporaryDirectory(prefix="ingest-bench-") as scratch:
        script = pathlib.Path(scratch) / "duck.py"
        script.write_text(DUCKDB)
        for _ in range(options.rounds):
            for kind in kinds:
                out = pathlib.Path(scratch) / "out"
                shutil.rmtree(out, ignore_errors=True)
                out.mkdir()
                if kind == "windtunnel":
                    command = [binary, "ingest", *inputs, "--lake", str(out), "--threads", "2", "--quiet"]
                else:
                    command = [sys.executable, str(script), str(folder), str(out), kind]
                results[kind].append((*measure(command), size(out)))
                print(f"  {kind:10} " + "  ".join(f"{value:9.1f}" for value in results[kind][-1]), flush=True)
    names = {"windtunnel": "windtunnel ingest", "full": "DuckDB, same job", "copy": "DuckDB, plain COPY"}
    print(f"\n{bytes_in / 1e9:.2f} GB of CSV, medians of {options.rounds}\n")
    print(f"| {'':18} | CPU s | wall s | peak MB | files MB |\n|---|---|---|---|---|")
    medians = {kind: [statistics.median(column) for column in zip(*rows)] for kind, rows in results.items()}
    for kind, (cpu, wall, peak, files) in medians.items():
        print(f"| {names[kind]:18} | {cpu:.1f} | {wall:.1f} | {peak:.0f} | {files:.1f} |")
    for peer in ("full", "copy"):
        if peer in medians and "windtunnel" in medians:
            ratios = [ours / theirs for ours, theirs in zip(medians["windtunnel"], medians[peer])]
            print(f"| ratio to {names[peer]} | " + " | ".join(f"{ratio:.2f}" for ratio in ratios) + " |")


if __name__ == "__main__":
    main()
