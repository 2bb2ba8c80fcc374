#!/usr/bin/env python3
"""Which planted changes of an Airflow data set can be detected at all?

    detectability.py DATASET_DIR [--json] [--truth]

DATASET_DIR holds ground_truth.json and pg_csv/{task_instance,dag_run}.csv (task_instance_history.csv if the
version has it).  For each task of the ground truth this prints

    f      work factor planted           w     median work before the change (ground truth)
    o      median common overhead        s     robust sd of ln(duration), movement of the common overhead removed
    n1,n2  points before / after: first tries that succeeded, scheduled runs, by logical date
    z      |ln((w f + o)/(w + o))| / (s sqrt(1/n1 + 1/n2))
    mde    unchanged tasks: the smallest factor on the work that would have z = 5 in the middle of the history

and, estimated from the export alone,

    ratio  location after / before of (duration - overhead), 95% interval
    split  best two-segment split by logical date, its score zs, and the score left over once the planted change is
           accepted (zr: nothing else should stand out)

The overhead is the additive part that all tasks share that start at about the same wall-clock time.  It is fitted by
alternating: level of a task (median of duration - overhead, per regime) and overhead at an attempt (robust, from the
others that start near it): a slow part, the weighted median within +-SLOW seconds, plus a quick part, an exponential
kernel of TAU seconds over what the slow part leaves, shrunk to 0 where the neighbours are few.  The first round leaves
out all attempts of the same task, so that its change is not absorbed; its regimes found, the later rounds leave out the
attempt itself alone (a burst of mapped siblings has an overhead that only the siblings show).
The constant between levels and overhead is fixed so that the quickest task has about no work of its own.
A mapped task's point is the longest instance, less what noise alone adds to a maximum.
work_seconds.csv is read under --truth only, and then only to say how good the estimate is.
"""
import csv
import datetime as dt
import json
import math
import os
import re
import sys

import numpy as np

SLOW, TAU, SHRINK, CLIP, ROUNDS, MIN_NEIGHBOURS = 30.0, 1.0, 0.5, 2.5, 10, 8
REACH = 6.0            # kernel cut-off, in TAU
SPLIT_Z = 4.5          # a split that strong makes a regime of its own
MIN_SEGMENT = 5        # a shorter run of points is never a regime (3 where there are fewer than 20)
RHO, RHO_SECONDS = 0.55, 1.0   # attempts of one task that start within a second share that much of the error
ANCHOR_MIN_N = 20
MAX_OF = [0, 0, 0.564, 0.846, 1.029, 1.163, 1.267, 1.352, 1.424, 1.485, 1.539]    # expected maximum of n standard normals
PHI_FLOOR = 0.85        # the model's uncertainty counts the neighbours' noise and one's own: at most that much too wide


def instant(text):
    """Seconds since 1970 of a timestamp as psql, sqlite3 or Python write it; None if empty."""
    if not text:
        return None
    text = text.replace("T", " ").replace("Z", "+00:00")
    text = re.sub(r"([+-]\d\d)$", r"\1:00", text)
    m = re.match(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(\.\d+)?([+-]\d\d:\d\d)?$", text)
    if not m:
        return None
    base = dt.datetime.fromisoformat(m.group(1) + (m.group(3) or "+00:00"))
    return base.timestamp() + float("0" + (m.group(2) or ".0"))


def table(path):
    if not os.path.exists(path) or not os.path.getsize(path):
        return []
    csv.field_size_limit(1 << 30)
    with open(path, newline="", encoding="utf-8", errors="replace") as f:
        return list(csv.DictReader(f))


def attempts(folder):
    """All attempts that ran: dicts with dag, task, index, run, run_type, logical, try, start, end, duration, state."""
    runs, by_date = {}, {}
    for r in table(os.path.join(folder, "pg_csv", "dag_run.csv")):
        r["logical"] = instant(r.get("execution_date") or r.get("logical_date") or r.get("run_after"))
        r["run_type"] = r.get("run_type") or r["run_id"].split("__")[0]
        runs[r["dag_id"], r["run_id"]] = r
        by_date[r["dag_id"], r["logical"]] = r
    seen, out = set(), []
    for name in ("task_instance.csv", "task_instance_history.csv"):
        for r in table(os.path.join(folder, "pg_csv", name)):
            run = runs.get((r["dag_id"], r["run_id"])) if r.get("run_id") \
                else by_date.get((r["dag_id"], instant(r.get("execution_date"))))
            if run is None or not r.get("start_date") or not r.get("duration"):
                continue
            if not r.get("queued_dttm"):          # never was a process: empty operators, skips, marks
                continue
            key = (r["dag_id"], r["task_id"], r.get("map_index") or "-1", run["run_id"], r["try_number"])
            if key in seen or r["state"] != "success":
                continue
            seen.add(key)
            out.append(dict(dag=r["dag_id"], task=r["task_id"], index=int(r.get("map_index") or -1), run=run["run_id"],
                            run_type=run["run_type"], logical=run["logical"], attempt=int(r["try_number"]),
                            start=instant(r["start_date"]), duration=float(r["duration"])))
    out.sort(key=lambda a: (a["start"], a["dag"], a["task"], a["index"], a["run"]))
    return out


def weighted_median(v, w):
    order = np.argsort(v, kind="stable")
    c = np.cumsum(w[order])
    return v[order][np.searchsorted(c, c[-1] / 2)]


def mad(v):
    return 1.4826 * float(np.median(np.abs(v - np.median(v)))) if len(v) else float("nan")


def group_median(v, group, n_groups):
    out = np.zeros(n_groups)
    order = np.argsort(group, kind="stable")
    edges = np.searchsorted(group[order], np.arange(n_groups + 1))
    for g in range(n_groups):
        part = v[order[edges[g]:edges[g + 1]]]
        out[g] = np.median(part) if len(part) else np.nan
    return out


class Overhead:
    """o[i] at each attempt up to a constant, its own uncertainty so[i], level[i], and the mass of neighbours."""

    def __init__(self, start, duration, task, regime, slow=SLOW, tau=TAU, shrink=SHRINK, clip=CLIP, rounds=ROUNDS,
                 quick=True, leave_task=True, quantile=None):
        n = len(start)
        key, regime = np.unique(np.stack([task, regime]), axis=1, return_inverse=True)
        regime = regime.ravel()
        n_regimes, n_tasks = key.shape[1], int(task.max()) + 1
        neighbours, near, kernel = [], [], []
        for i in range(n):
            lo, hi = np.searchsorted(start, [start[i] - slow, start[i] + slow], side="left")
            j = np.arange(lo, min(hi + 1, n))
            j = j[task[j] != task[i]] if leave_task else j[j != i]
            grow = slow
            while len(j) < MIN_NEIGHBOURS and grow < 64 * slow:
                grow *= 2
                lo, hi = np.searchsorted(start, [start[i] - grow, start[i] + grow], side="left")
                j = np.arange(lo, min(hi + 1, n))
                j = j[task[j] != task[i]] if leave_task else j[j != i]
            neighbours.append(j)
            q = j[np.abs(start[j] - start[i]) <= REACH * tau]
            near.append(q)
            kernel.append(np.exp(-np.abs(start[q] - start[i]) / tau))
        level = group_median(duration, regime, n_regimes)[regime]
        weight = np.ones(n)
        for _ in range(rounds):
            r = duration - level
            slow_part = np.array([weighted_median(r[j], weight[j]) for j in neighbours])
            if quantile is not None:
                slow_part = np.array([np.quantile(r[j], quantile) for j in neighbours])
            e = r - slow_part
            scale = np.array([max(1.4826 * np.median(np.abs(e[j])), 0.02) for j in neighbours])
            quick_part, mass = np.zeros(n), np.zeros(n)
            if quick:
                for i in range(n):
                    j, k = near[i], kernel[i] * weight[near[i]]
                    mass[i] = k.sum()
                    f, limit = 0.0, clip * scale[i]
                    for _ in range(3):
                        ec = f + np.clip(e[j] - f, -limit, limit)
                        f = float(k @ ec) / (mass[i] + shrink)
                        limit = 0.9 * scale[i]
                    quick_part[i] = f
            o = slow_part + quick_part
            adjusted = duration - o
            level = group_median(adjusted, regime, n_regimes)[regime]
            rel = np.abs(adjusted - level) / scale
            noisy = 1.4826 * group_median(rel, task, n_tasks)
            weight = 1 / np.maximum(noisy, 0.5)[task] ** 2
            weight /= np.median(weight)
        self.o, self.level, self.scale, self.mass = o, level, scale, mass
        # per-point uncertainty: what the number of near neighbours costs, times how rough the minute is
        miss = np.abs(adjusted - level)
        bins = np.digitize(mass, [0.3, 1, 2, 4, 8])
        factor = np.ones(n)
        for b in range(6):
            m = bins == b
            if m.sum() >= 10:
                factor[m] = max(1.4826 * np.median(miss[m] / scale[m]), 0.2)
        unit = miss / factor
        local = np.array([1.4826 * np.median(unit[j]) for j in neighbours])
        self.so = factor * local

def anchor(adjusted, task, regime):
    """The constant: the smallest upper limit (level + 2 se) over tasks with enough points."""
    best = None
    for t in np.unique(task):
        for g in np.unique(regime[task == t]):
            v = adjusted[(task == t) & (regime == g)]
            if len(v) >= ANCHOR_MIN_N:
                x = float(np.median(v)) + 2 * 1.2533 * mad(v) / math.sqrt(len(v))
                best = x if best is None else min(best, x)
    return best if best is not None else float(np.quantile(adjusted, 0.01))


def location(a, w, c=1.5):
    """Huber location with known precisions: (mu, variance by the model, variance by the spread seen)."""
    mu = weighted_median(a, w)
    for _ in range(15):
        u = np.abs(a - mu) * np.sqrt(w)
        h = np.minimum(1, c / np.maximum(u, 1e-12))
        new = float((w * h) @ a / (w @ h))
        if abs(new - mu) < 1e-10:
            break
        mu = new
    total, n = float(w @ h), len(a)
    seen = float(((w * h * (a - mu)) ** 2).sum()) / total ** 2 * n / max(n - 2, 1)
    return mu, 1 / total, seen


def precisions(a, so, work_sd):
    return 1 / (so ** 2 + work_sd ** 2)


def work_scale(a, so, level):
    """sd of the task's own work: what the spread about its level leaves over the overhead's uncertainty."""
    own = mad(a - level) ** 2 - float(np.median(so)) ** 2
    return max(math.sqrt(max(own, 0)), 0.1 * abs(float(np.median(a))), 0.03)


def best_split(a, so):
    """(score, k): two-segment split by order, robust, allowing for the left-over dispersion.

    Twice: the spread of the work is first taken about the common median, then about the two levels found."""
    z, k = scan_split(a, so, np.median(a))
    if k is None:
        return z, k
    level = np.where(np.arange(len(a)) < k, np.median(a[:k]), np.median(a[k:]))
    return max((z, k), scan_split(a, so, level), key=lambda x: x[0])


def scan_split(a, so, level):
    n = len(a)
    least = MIN_SEGMENT if n >= 20 else 3
    if n < 2 * least + 2:
        return 0.0, None
    w = precisions(a, so, work_scale(a, so, level))
    mu, _, _ = location(a, w)
    u = (a - mu) * np.sqrt(w)
    clipped = mu + np.clip(a - mu, -4 / np.sqrt(w), 4 / np.sqrt(w))
    best = (0.0, None)
    for k in range(least, n - least + 1):
        m1, v1, e1 = location(clipped[:k], w[:k])
        m2, v2, e2 = location(clipped[k:], w[k:])
        res = np.concatenate([(a[:k] - m1) * np.sqrt(w[:k]), (a[k:] - m2) * np.sqrt(w[k:])])
        phi = max(mad(res), PHI_FLOOR) ** 2
        z = abs(m1 - m2) / math.sqrt(max(v1 * phi, e1) + max(v2 * phi, e2))
        if z > best[0]:
            best = (z, k)
    return best


def ratio(a1, so1, a2, so2):
    """after / before with a 95% interval (log delta), each side with its own spread."""
    got = []
    for a, so in ((a1, so1), (a2, so2)):
        w = precisions(a, so, work_scale(a, so, np.median(a)))
        mu, v, e = location(a, w)
        phi = max(mad((a - mu) * np.sqrt(w)), PHI_FLOOR) if len(a) >= 8 else 1.0
        got.append((mu, max(v * phi ** 2, e)))
    (m1, v1), (m2, v2) = got
    if m1 <= 0 or m2 <= 0:
        return None
    se = math.sqrt(v1 / m1 ** 2 + v2 / m2 ** 2)
    return m2 / m1, m2 / m1 * math.exp(-1.96 * se), m2 / m1 * math.exp(1.96 * se), m1, m2


def day(seconds):
    return dt.datetime.fromtimestamp(seconds, dt.timezone.utc).strftime("%Y-%m-%d")


class Fit:
    def __init__(self, rows, **options):
        self.rows = rows
        self.start = np.array([r["start"] for r in rows])
        self.duration = np.array([r["duration"] for r in rows])
        names = sorted({(r["dag"], r["task"]) for r in rows})
        number = {k: i for i, k in enumerate(names)}
        self.names = names
        self.task = np.array([number[r["dag"], r["task"]] for r in rows])
        self.index = np.array([r["index"] for r in rows])
        self.logical = np.array([r["logical"] for r in rows])
        self.first = np.array([r["attempt"] <= 1 and r["run_type"] == "scheduled" for r in rows])
        regime = np.zeros(len(rows), dtype=int)
        self.mapped = options.pop("mapped", "corrected")
        self.cuts, self.rounds = {}, 0
        for _ in range(options.pop("regime_rounds", 3)):
            self.model = Overhead(self.start, self.duration, self.task, regime, **dict(
                options, leave_task=options.get("leave_task", "first") is True or (
                    options.get("leave_task", "first") == "first" and not self.rounds)))
            self.rounds += 1
            adjusted = self.duration - self.model.o
            new, cuts = np.zeros(len(rows), dtype=int), {}
            for t in range(len(names)):
                s = self.points(t, None, adjusted)
                for c in self.segments(s):
                    cuts.setdefault(t, []).append(c)
                    new[(self.task == t) & (self.logical >= c)] += 1
            if np.array_equal(new, regime):
                break
            regime, self.cuts = new, cuts
        self.regime = regime
        self.constant = anchor(self.duration - self.model.o, self.task, regime)
        self.overhead = self.model.o + self.constant
        self.adjusted = self.duration - self.overhead

    def points(self, t, index, adjusted=None):
        """One point a run by logical order: the longest mapped instance (or the one index)."""
        adjusted = self.adjusted if adjusted is None else adjusted
        best = {}
        for i in np.where((self.task == t) & self.first)[0]:
            if index is not None and self.index[i] != index:
                continue
            k = self.rows[i]["run"]
            if k not in best or self.duration[i] > self.duration[best[k]]:
                best[k] = i
        ids = sorted(best.values(), key=lambda i: (self.logical[i], self.rows[i]["run"]))
        ids = np.array(ids, dtype=int)
        a, so = adjusted[ids], self.model.so[ids]
        if self.mapped != "longest" and index is None:
            a, so = self.mapped_points(t, ids, adjusted)
        apart = np.abs(self.start[ids][:, None] - self.start[ids][None, :])
        shared = np.exp(-apart / RHO_SECONDS).sum(axis=1) - 1
        return ids, a, so * np.sqrt(1 + RHO * shared)

    def mapped_points(self, t, ids, adjusted):
        """Other summaries of the instances of a run: their mean, or the longest less what noise alone adds to a maximum."""
        rows = {}
        for i in np.where((self.task == t) & self.first)[0]:
            rows.setdefault(self.rows[i]["run"], []).append(i)
        a, so = np.zeros(len(ids)), np.zeros(len(ids))
        quiet = float(np.quantile(self.model.so[self.task == t], 0.1))
        for n, i in enumerate(ids):
            j = np.array(rows[self.rows[i]["run"]])
            m, own = len(j), self.model.so[j]
            w = 1 / own ** 2
            if self.mapped == "mean":
                a[n] = float(w @ adjusted[j] / w.sum())
                so[n] = math.sqrt(1 / w.sum() * (1 + RHO * (m - 1)))
            else:
                a[n] = adjusted[j].max() - MAX_OF[min(m, 10)] * max(float(np.median(own)) - quiet, 0) * math.sqrt(1 - RHO)
                so[n] = float(np.median(own))
        return a, so

    def segments(self, s, depth=0):
        ids, a, so = s
        if depth > 3 or len(ids) < 12:
            return []
        z, k = best_split(a, so)
        if k is None or z < SPLIT_Z:
            return []
        return (self.segments((ids[:k], a[:k], so[:k]), depth + 1) + [self.logical[ids[k]]]
                + self.segments((ids[k:], a[k:], so[k:]), depth + 1))


def judge(folder, truth, **options):
    fit = Fit(attempts(folder), **options)
    out = []
    for kind, entries in (("changed", truth["changed"]), ("unchanged", truth["unchanged"])):
        for e in entries:
            key = (e["dag_id"], e["task_id"])
            row = dict(dag_id=key[0], task_id=key[1], kind=e.get("kind", "unchanged"), at=e.get("at"), w=e["work_median_s"],
                       map_index=e.get("map_index"), f=e.get("factor"), realised=e.get("realised_work", {}).get("factor"))
            out.append(row)
            if key not in fit.names:
                continue
            ids, a, so = fit.points(fit.names.index(key), e.get("map_index"))
            n = row["n"] = len(ids)
            if n < 6:
                continue
            days = np.array([day(x) for x in fit.logical[ids]])
            o = row["o"] = float(np.median(fit.overhead[ids]))
            after = np.zeros(n, bool)
            if row["at"]:
                after = (days >= e["at"]) & (days < e.get("until", "9999"))
            n2, n1 = int(after.sum()), int((~after & ((days < e["at"]) if row["at"] else True)).sum())
            before = (days < e["at"]) if row["at"] else np.ones(n, bool)
            log = np.log(np.maximum(a + o, 0.05))
            center = np.zeros(n)
            for m in (before, after, ~(before | after)):
                if m.any():
                    center[m] = np.median(log[m])
            s = row["s"] = mad(log - center)
            row.update(n1=n1, n2=n2)
            w = row["w"]
            if row["f"] and n1 and n2:
                row["z"] = abs(math.log((w * row["f"] + o) / (w + o))) / (s * math.sqrt(1 / n1 + 1 / n2))
            elif w and not row["at"]:
                step = 5 * s * 2 / math.sqrt(n)
                row["mde"] = ((w + o) * math.exp(step) - o) / w
            if n1 >= 2 and n2 >= 2:
                got = ratio(a[before], so[before], a[after], so[after])
                if got:
                    row["ratio"], row["lower"], row["upper"], row["before"], row["after"] = got
                raw = fit.duration[ids]
                row["raw"] = float(np.median(raw[after]) / np.median(raw[before]))
            zs, k = best_split(a, so)
            row["zs"], row["split"] = zs, days[k] if k else None
            if row["at"]:
                rest = [best_split(a[m], so[m])[0] for m in (before, after, ~(before | after)) if m.sum()]
                row["zr"] = max(rest) if rest else None
    return fit, out


def rounded(x):
    if isinstance(x, dict):
        return {k: rounded(v) for k, v in x.items()}
    if isinstance(x, list):
        return [rounded(v) for v in x]
    if isinstance(x, (float, np.floating)):
        return None if math.isnan(x) else round(float(x), 6)
    if isinstance(x, np.integer):
        return int(x)
    return str(x) if isinstance(x, np.str_) else x


def compare_with_truth(folder, fit):
    """How good is the overhead? (duration - logged work) against the estimate; used for nothing else."""
    work = {}
    for r in table(os.path.join(folder, "work_seconds.csv")):
        k = r["run_id_or_execution_date"]
        k = instant(k) if re.match(r"\d{4}-", k) else k
        work[r["dag_id"], r["task_id"], k, int(r["map_index"]), int(r["attempt"])] = float(r["work_seconds"])
    d = []
    for i, r in enumerate(fit.rows):
        for k in (r["run"], r["logical"]):
            v = work.get((r["dag"], r["task"], k, r["index"], r["attempt"]))
            if v is not None:
                d.append(r["duration"] - v - fit.overhead[i])
                break
    d = np.array(d)
    return dict(n=len(d), median=float(np.median(d)), robust_sd=mad(d), mean_abs=float(np.mean(np.abs(d - np.median(d)))))


def main(argv):
    folder = argv[0]
    with open(os.path.join(folder, "ground_truth.json"), encoding="utf-8") as f:
        truth = json.load(f)
    fit, out = judge(folder, truth)
    doc = dict(airflow=truth["airflow"], attempts=len(fit.rows), constant=fit.constant,
               median_overhead=float(np.median(fit.overhead)), tasks=out)
    if "--truth" in argv:
        doc["overhead_against_truth"] = compare_with_truth(folder, fit)
    if "--json" in argv:
        print(json.dumps(rounded(doc), indent=1, sort_keys=True))
        return
    print_table(doc)


def print_table(doc):
    def n(x, d=2):
        return "" if x is None or (isinstance(x, float) and math.isnan(x)) else f"{x:.{d}f}"
    print({k: rounded(v) for k, v in doc.items() if k != "tasks"})
    print(f"{'task':44} {'kind':9} {'f':>5} {'real':>5} {'w':>5} {'o':>5} {'s':>5} {'n1':>3} {'n2':>3} {'z':>6} {'mde':>5} "
          f"{'raw':>5} {'ratio':>6} {'interval':14} {'at':10} {'split':10} {'zs':>5} {'zr':>5}")
    for r in doc["tasks"]:
        name = r["dag_id"] + "." + r["task_id"] + ("" if r["map_index"] is None else f"[{r['map_index']}]")
        span = f"{n(r.get('lower'))}..{n(r.get('upper'))}" if r.get("ratio") else ""
        print(f"{name:44} {r['kind']:9} {n(r['f']):>5} {n(r['realised']):>5} {n(r['w']):>5} {n(r.get('o')):>5} {n(r.get('s')):>5} "
              f"{r.get('n1', ''):>3} {r.get('n2', ''):>3} {n(r.get('z')):>6} {n(r.get('mde')):>5} {n(r.get('raw')):>5} "
              f"{n(r.get('ratio')):>6} {span:14} {r['at'] or '':10} {r.get('split') or '':10} {n(r.get('zs')):>5} {n(r.get('zr')):>5}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1:])
