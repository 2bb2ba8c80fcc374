#!/usr/bin/env python3
"""Figures of the recorded Airflow histories, read without any code of this project.

    independent_reader.py ROOT

ROOT holds data/airflow/<folder> and data/fixtures (a folder named airflow beside a folder named fixtures will do too).
Prints one JSON document: per data set (a deployment name) the rows of each table as read, the attempts after the union
of task_instance, task_instance_history and task_fail, and what a careful reader has to decide, as counts ("decide").

Definitions, so that the figures can be compared with another reader's:

attempt   identity (dag_id, run_id, task_id, map_index, try_number); map_index -1 where the version has none.  The rows of
          one identity are merged field by field, task_instance first, then the newest updated_at, empty never wins.
task_fail a row whose (dag_id, run_id, task_id, map_index, start_date) is the start of an attempt is that attempt;
          any other stays, as an attempt without try_number, state "failed".
run_id    1.10 and 2.0 have none in task_instance: from dag_run by (dag_id, execution_date), else null.
duration  the column `duration` as written (task_fail: whole seconds); `span` is end_date - start_date.
superseded  not removed from the counts: rows with try 0 of which the same (dag, run, task, map_index) has a real try, and
          rows with map_index -1 of which the same (dag, run, task) has map_index >= 0.  `kept` counts what is left.
run_type  the column, else the part of run_id before "__"; `derived` runs are those that only task rows name.
"""
import collections
import csv
import datetime as dt
import glob
import json
import os
import re
import sqlite3
import sys

csv.field_size_limit(1 << 30)
TABLES = ("task_instance", "task_instance_history", "task_fail", "dag_run", "task_reschedule", "slot_pool")
NOT_FINISHED = {"", "scheduled", "queued", "running", "restarting", "up_for_retry", "up_for_reschedule", "deferred",
                "awaiting_input"}

DATASETS = {
    "1.10.15": ("csv", "airflow/1.10.15/pg_csv"),
    "2.0.2-csv": ("csv", "airflow/2.0.2-sqlite/csv"),
    "2.0.2-sqlite-file": ("db", "airflow/2.0.2-sqlite/airflow.db"),
    "2.10.5": ("csv", "airflow/2.10.5/pg_csv"),
    "2.10.5-archive": ("archive", "airflow/2.10.5/db_export_archived"),
    "2.10.5-berlin": ("file", "airflow/2.10.5/pg_csv/task_instance_users_sync_tz_berlin.csv"),
    "2.10.5-joined": ("file", "airflow/2.10.5/pg_csv/ti_joined.csv"),
    "2.10.5-sqlite-csv": ("csv", "airflow/2.10.5-sqlite/csv"),
    "2.10.5-sqlite-file": ("db", "airflow/2.10.5-sqlite/airflow.db"),
    "2.5.3-csv": ("csv", "airflow/2.5.3-sqlite/csv"),
    "2.5.3-sqlite-file": ("db", "airflow/2.5.3-sqlite/airflow.db"),
    "3.3.2": ("csv", "airflow/3.3.2/pg_csv"),
    "3.3.2-archive": ("archive", "airflow/3.3.2/db_export_archived"),
    "fixtures-archive": ("archive", "fixtures/export-archived"),
    "fixtures-archive-3.3": ("archive", "fixtures/export-archived-3.3"),
}

STAMP = re.compile(r"^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d(?::?\d\d)?)?$")


def instant(text):
    """Microseconds since 1970 UTC; None where empty or unreadable.  No offset means UTC."""
    if not text:
        return None
    m = STAMP.match(text)
    if not m:
        return None
    y, mo, d, h, mi, s = (int(x) for x in m.groups()[:6])
    base = dt.datetime(y, mo, d, h, mi, s, tzinfo=dt.timezone.utc)
    us = int((m.group(7) or "0").ljust(6, "0")[:6])
    zone = m.group(8)
    shift = 0
    if zone and zone != "Z":
        digits = zone[1:].replace(":", "")
        shift = (int(digits[:2]) * 60 + int(digits[2:] or 0)) * (-1 if zone[0] == "-" else 1)
    return (int(base.timestamp()) - shift * 60) * 1_000_000 + us


def shown(us):
    if us is None:
        return None
    return (dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=us)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def read_csv(path):
    if os.path.getsize(path) == 0:
        return []
    with open(path, newline="", encoding="utf-8", errors="replace") as f:
        return list(csv.DictReader(f))


def read_db(path):
    db = sqlite3.connect("file:" + path + "?mode=ro", uri=True)
    db.text_factory = lambda b: b.decode("utf-8", "replace")
    have = {r[0] for r in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    out = {}
    for t in TABLES:
        if t in have:
            cursor = db.execute(f"SELECT * FROM {t}")
            names = [c[0] for c in cursor.description]
            out[t] = [{n: "" if v is None else v if isinstance(v, str) else repr(v) for n, v in zip(names, row)}
                      for row in cursor]
    db.close()
    return out


def load(kind, path):
    """table -> rows (dicts of text, empty for NULL)."""
    if kind == "db":
        return read_db(path)
    if kind == "file":
        return {"task_instance": read_csv(path)}
    out = {}
    for t in TABLES:
        files = [os.path.join(path, t + ".csv")] if kind == "csv" \
            else sorted(glob.glob(os.path.join(path, f"_airflow_deleted__{t}__*.csv")))
        files = [f for f in files if os.path.exists(f)]
        if files:
            out[t] = [r for f in files for r in read_csv(f)]
    return out


def number(text):
    return float(text) if text not in ("", None) else None


def runs_of(tables):
    runs, by_date, repeated = {}, {}, 0
    for r in tables.get("dag_run", []):
        key = (r["dag_id"], r["run_id"])
        repeated += key in runs
        runs[key] = r
        by_date[r["dag_id"], instant(r.get("execution_date") or r.get("logical_date"))] = r["run_id"]
    return runs, by_date, repeated


def attempts_of(tables, by_date, decide):
    """identity -> merged row; task_fail rows without a home have try_number None and a number of their own."""
    merged, order = {}, []
    for rank, name in enumerate(("task_instance", "task_instance_history")):
        for r in tables.get(name, []):
            run = r.get("run_id") or by_date.get((r["dag_id"], instant(r.get("execution_date"))))
            decide["task_rows_without_run"] += run is None
            order.append((rank, -(instant(r.get("updated_at")) or 0), len(order), name, run, r))
    for rank, _, _, name, run, r in sorted(order, key=lambda x: x[:3]):
        key = (r["dag_id"], run, r["task_id"], int(r.get("map_index") or -1), int(float(r.get("try_number") or 0)))
        if run is None:
            key = (r["dag_id"], "execution_date " + str(r.get("execution_date")), *key[2:])
        if key in merged:
            decide["same_identity_again"] += 1
            decide["same_identity_live_and_history"] += merged[key]["_from"] != name
            for k, v in r.items():
                if merged[key].get(k) in ("", None) and v not in ("", None):
                    merged[key][k] = v
        else:
            merged[key] = dict(r, _from=name)
    starts = collections.defaultdict(list)
    for key, r in merged.items():
        if r.get("start_date"):
            starts[(*key[:4], instant(r["start_date"]))].append(key)
    for n, r in enumerate(tables.get("task_fail", [])):
        run = r.get("run_id") or by_date.get((r["dag_id"], instant(r.get("execution_date"))))
        key = (r["dag_id"], run, r["task_id"], int(r.get("map_index") or -1))
        if (*key, instant(r.get("start_date"))) in starts:
            decide["task_fail_joined_by_start"] += 1
            ends = {instant(merged[k]["end_date"]) for k in starts[(*key, instant(r["start_date"]))]}
            decide["task_fail_joined_end_differs"] += instant(r["end_date"]) not in ends
        else:
            decide["task_fail_without_attempt"] += 1
            merged[(*key, ("task_fail", n))] = dict(r, state="failed", _from="task_fail")
    return merged


def figures(rows):
    durations = [number(r.get("duration")) for r in rows]
    durations = [d for d in durations if d is not None]
    spans = [(instant(r["end_date"]) - instant(r["start_date"])) / 1e6 for r in rows
             if instant(r.get("start_date")) is not None and instant(r.get("end_date")) is not None]
    return {"attempts": len(rows), "with_duration": len(durations), "duration_sum": round(sum(durations), 6),
            "with_span": len(spans), "span_sum": round(sum(spans), 6)}


def describe(kind, path):
    tables = load(kind, path)
    decide = collections.Counter()
    runs, by_date, repeated = runs_of(tables)
    merged = attempts_of(tables, by_date, decide)
    decide["dag_run_repeated"] = repeated
    out = {"rows": {t: len(tables[t]) if t in tables else None for t in TABLES}}

    groups = {"per_dag": collections.defaultdict(list), "per_task": collections.defaultdict(list)}
    states, sources, tries = collections.Counter(), collections.Counter(), collections.Counter()
    real_try, mapped = set(), set()
    for key, r in merged.items():
        if not isinstance(key[4], tuple):
            if key[4] > 0:
                real_try.add(key[:4])
            if key[3] >= 0:
                mapped.add(key[:3])
    history_starts = {(r["dag_id"], r.get("run_id"), r["task_id"], int(r.get("map_index") or -1), instant(r["start_date"]))
                      for r in tables.get("task_instance_history", []) if r.get("start_date")}
    fail_starts = {(r["dag_id"], r.get("run_id") or by_date.get((r["dag_id"], instant(r.get("execution_date")))), r["task_id"],
                    int(r.get("map_index") or -1), instant(r["start_date"]))
                   for r in tables.get("task_fail", []) if r.get("start_date")}
    reschedules = tables.get("task_reschedule", [])
    poked_ids = {r["ti_id"] for r in reschedules if r.get("ti_id")}
    poked = {(r["dag_id"], r.get("run_id") or by_date.get((r["dag_id"], instant(r.get("execution_date")))), r["task_id"],
              int(r.get("map_index") or -1), int(r["try_number"])) for r in reschedules if r.get("dag_id")}
    starts, ends, kept = [], [], 0
    for key, r in merged.items():
        state = r.get("state") or ""
        states[state or "none"] += 1
        sources[r["_from"]] += 1
        tries["none" if isinstance(key[4], tuple) else str(key[4])] += 1
        groups["per_dag"][r["dag_id"]].append(r)
        groups["per_task"][r["dag_id"] + "|" + r["task_id"]].append(r)
        start, end = instant(r.get("start_date")), instant(r.get("end_date"))
        starts += [start] if start is not None else []
        ends += [end] if end is not None else []
        open_ = state in NOT_FINISHED
        gone = False
        if not isinstance(key[4], tuple):
            if key[4] == 0 and key[:4] in real_try:
                decide["superseded_try_0_by_real_try"] += 1
                gone = True
            if key[3] == -1 and key[:3] in mapped:
                decide["superseded_unexpanded_mapped"] += 1
                gone = True
            if r["_from"] == "task_instance" and open_:
                decide["unfinished"] += 1
                decide["unfinished_with_start"] += start is not None
                decide["unfinished_with_end"] += end is not None
                decide["unfinished_start_is_in_history"] += (*key[:4], start) in history_starts
                decide["unfinished_start_is_in_task_fail"] += (*key[:4], start) in fail_starts
                decide["unfinished_with_start_not_in_history_nor_task_fail"] += start is not None and \
                    (*key[:4], start) not in history_starts and (*key[:4], start) not in fail_starts
            if r["_from"] == "task_instance" and not open_:
                decide["finished_start_is_in_history"] += (*key[:4], start) in history_starts
            decide["try_0"] += key[4] == 0
            decide["try_0_success_or_failed"] += key[4] == 0 and state in ("success", "failed")
            decide["unexpanded_or_plain_map_index_-1"] += key[3] == -1
            queued = instant(r.get("queued_dttm"))
            decide["start_before_queued"] += start is not None and queued is not None and start < queued
            decide["finished_without_start"] += not open_ and start is None
            decide["finished_without_duration"] += not open_ and number(r.get("duration")) is None
            decide["zero_duration"] += number(r.get("duration")) == 0
            decide["never_queued_but_success"] += state == "success" and queued is None
            decide["rescheduled_start_is_last_poke"] += key in poked or r.get("id", "-") in poked_ids
            if start is not None and end is not None:
                decide["end_before_start"] += end < start
                d = number(r.get("duration"))
                if d is not None:
                    decide["duration_differs_from_span_by_1ms"] += abs(d - (end - start) / 1e6) > 0.001
        kept += not gone
    out["attempts"] = len(merged)
    out["attempts_kept"] = kept
    out["per_state"] = dict(states)
    out["per_source"] = dict(sources)
    out["per_try_number"] = dict(tries)
    out["total"] = figures(list(merged.values()))
    for name, group in groups.items():
        out[name] = {k: figures(v) for k, v in group.items()}
    out["start_min"], out["start_max"] = shown(min(starts, default=None)), shown(max(starts, default=None))
    out["end_min"], out["end_max"] = shown(min(ends, default=None)), shown(max(ends, default=None))

    per = collections.Counter()
    logical = []
    for (dag, run), r in runs.items():
        per[dag + "|" + (r.get("run_type") or run.split("__")[0])] += 1
        at = instant(r.get("execution_date") or r.get("logical_date"))
        decide["run_without_logical_date"] += at is None
        decide["run_unfinished"] += r.get("state") in ("queued", "running", "", None)
        decide["run_cleared"] += int(float(r.get("clear_number") or 0)) > 0
        decide["run_started_at_its_logical_date"] += at is not None and instant(r.get("start_date")) == at
        logical += [at] if at is not None else []
    out["runs"] = {"count": len(runs), "per_dag_and_type": dict(per),
                   "logical_min": shown(min(logical, default=None)), "logical_max": shown(max(logical, default=None))}
    seen = {}
    for key, r in merged.items():
        if key[1] is not None and key[:2] not in runs:
            seen[key[:2]] = r.get("run_type") or str(key[1]).split("__")[0]
    out["runs"]["derived"] = dict(collections.Counter(k[0] + "|" + t for k, t in seen.items()))
    decide["runs_named_by_tasks_only"] = len(seen)
    with_tasks = {key[:2] for key in merged}
    decide["runs_without_tasks"] = sum(k not in with_tasks for k in runs)
    out["decide"] = {k: int(v) for k, v in decide.items() if v}
    return out


def main(argv):
    if len(argv) != 1:
        sys.exit(__doc__)
    root = argv[0]
    if os.path.isdir(os.path.join(root, "data", "airflow")):
        root = os.path.join(root, "data")
    doc = {name: describe(kind, os.path.join(root, path)) for name, (kind, path) in DATASETS.items()}
    json.dump(doc, sys.stdout, indent=1, sort_keys=True, ensure_ascii=False)
    print()


if __name__ == "__main__":
    main(sys.argv[1:])
