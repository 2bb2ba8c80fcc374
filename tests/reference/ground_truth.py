#!/usr/bin/env python3
"""Holds an analysis against what was planted.

    ground_truth.py BINARY DATASET_DIR

DATASET_DIR holds ground_truth.json and pg_csv/*.csv, or *.csv.gz beside it.  Ingests the whole-table exports into a fresh lake, analyses it, and prints for
each task what was planted, what detectability.py says can be seen (its z), what was found, the effect and the raw effect.
Exits with 1 when a step with z >= 5 is missed, dated outside its interval, or has the realised factor outside its effect, or
when an unchanged task is called changed.
"""
import glob
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile

TABLES = ("task_instance", "task_instance_history", "task_fail", "dag_run", "task_reschedule", "slot_pool", "dag")


def analysis(binary, folder):
    with tempfile.TemporaryDirectory() as work:
        files = [os.path.join(folder, "pg_csv", t + ".csv") for t in TABLES]
        files = [f for f in files if os.path.exists(f)]
        lake = os.path.join(work, "lake")
        subprocess.run([binary, "--quiet", "--lake", lake, "ingest", *files], check=True)
        return json.loads(subprocess.run([binary, "--lake", lake, "analyze", "--json"], check=True, capture_output=True).stdout)


def detectability(folder):
    here = os.path.dirname(os.path.abspath(__file__))
    out = subprocess.run([sys.executable, os.path.join(here, "detectability.py"), folder, "--json"], check=True,
                         capture_output=True, text=True).stdout
    rows = json.loads(out)
    rows = rows["tasks"] if isinstance(rows, dict) else rows
    return {(r["dag_id"], r["task_id"]): r for r in rows}


def of(rows, dag, task, *quantities):
    return [r for r in rows if r["dag_id"] == dag and r["task_id"] == task and (not quantities or r["quantity"] in quantities)]


def unpacked(folder, work):
    """The data set with its tables as pg_csv/*.csv."""
    if os.path.isdir(os.path.join(folder, "pg_csv")):
        return folder
    os.mkdir(os.path.join(work, "pg_csv"))
    shutil.copy(os.path.join(folder, "ground_truth.json"), work)
    for path in glob.glob(os.path.join(folder, "*.csv.gz")):
        with gzip.open(path) as packed, open(os.path.join(work, "pg_csv", os.path.basename(path)[:-3]), "wb") as plain:
            shutil.copyfileobj(packed, plain)
    return work


def main():
    with tempfile.TemporaryDirectory() as work:
        judge(sys.argv[1], unpacked(sys.argv[2], work))


def judge(binary, folder):
    truth = json.load(open(os.path.join(folder, "ground_truth.json")))
    found, seen = analysis(binary, folder), detectability(folder)
    levels = found["regressions"] + found["improvements"]
    bad = []
    print(f"{'task':48} {'planted':10} {'z':>5}  {'found':34} {'effect':24} {'raw':>6}")
    for c in truth["changed"]:
        key = (c["dag_id"], c["task_id"])
        name, kind = ".".join(key), c["kind"]
        z = (seen.get(key) or {}).get("z")
        says, effect, raw = "-", "", ""
        if kind == "step":
            hits = of(levels, *key, "duration")
            if c.get("map_index") is not None:
                hits = [h for h in hits if h["index"] == c["map_index"]]
            hits = [h for h in hits if (h["effect"]["point"] > 1) == (c["factor"] > 1)]
            for h in hits[:1]:
                inside = h["changed_low"][:10] <= c["at"] <= h["changed_high"][:10]
                realised = c.get("realised_work", {}).get("factor", c["factor"])
                e = h["effect"]
                holds = e["lower"] <= realised <= e["upper"]
                says = f"{h['changed_at'][:10]} ({h['changed_low'][5:10]}..{h['changed_high'][5:10]})"
                effect = f"{e['point']:.2f} [{e['lower']:.2f}, {e['upper']:.2f}] {realised}"
                raw = f"{h['effect_raw']['point']:.2f}"
                if (z or 9) >= 5 and not (inside and holds):
                    bad.append(f"{name}: date inside {inside}, realised factor {realised} inside effect {holds}")
            if not hits and (z or 0) >= 5:
                bad.append(f"{name}: step with z = {z:.1f} not found")
        else:
            where = {"spike": ("went_away", ("duration",)), "drift": ("trends", ("duration",)),
                     "sigma": (None, ("spread",)), "fail_p": (None, ("failure_rate", "retry_rate"))}[kind]
            rows = found[where[0]] if where[0] else levels
            for h in of(rows, *key, *where[1])[:1]:
                e = h.get("effect") or h.get("per_week")
                says = f"{where[0] or h['quantity']} {(h.get('changed_at') or h.get('from'))[:10]}"
                low, high = e["lower"], e["upper"]
                effect = f"{e['point']:.2f} [{low if low is None else round(low, 2)}, {high if high is None else round(high, 2)}]"
        print(f"{name:48} {kind + ' ' + str(c.get('factor', '')):10} {z and f'{z:5.1f}' or '    -'}  {says:34} {effect:24} {raw:>6}")
    for c in truth["unchanged"]:
        key = (c["dag_id"], c["task_id"])
        hits = of(levels, *key) + of(found["trends"], *key) + of(found["went_away"], *key)
        for h in hits:
            e = h.get("effect") or h.get("per_week")
            bad.append(f"{'.'.join(key)}: unchanged, yet {h['quantity']} x{e['point']:.2f} ({h.get('changed_at') or h.get('from')})")
    print(f"{len(truth['unchanged'])} unchanged tasks: {len([b for b in bad if 'unchanged' in b])} called changed")
    planted = {(c["dag_id"], c["task_id"]) for c in truth["changed"] + truth["unchanged"]}
    for h in levels + found["trends"] + found["went_away"]:
        if (h["dag_id"], h["task_id"]) not in planted:
            e = h.get("effect") or h.get("per_week")
            print("beside:", h["dag_id"], h["task_id"], h["quantity"], round(e["point"], 2), h.get("changed_at") or h.get("from"))
    for line in bad:
        print("BAD", line)
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
