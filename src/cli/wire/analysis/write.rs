//! Memory to document.

use super::*;

impl From<&memory::Analysis> for Document {
    fn from(a: &memory::Analysis) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            windtunnel: super::super::VERSION.to_owned(),
            seed: a.seed,
            as_of: Time(a.as_of),
            window: range(a.window),
            baseline: range(a.baseline),
            axis: a.axes.iter().map(axis).collect(),
            regressions: a.regressions.iter().map(finding).collect(),
            improvements: a.improvements.iter().map(finding).collect(),
            trends: a.trends.iter().map(trend).collect(),
            went_away: a.went_away.iter().map(episode).collect(),
            inconclusive: a.inconclusive.iter().map(inconclusive).collect(),
            not_measurable: a.not_measurable.iter().map(not_measurable).collect(),
            // A sum of rounded numbers: a millionth of a minute is exact enough to come out the same again.
            minutes_lost_per_week: (a.minutes_lost_per_week() * 1e6).round() / 1e6,
            host_changes: a.host_changes.iter().map(host_change).collect(),
            together: a.together.iter().map(together).collect(),
            run_changes: a.run_changes.iter().map(run_change).collect(),
            series: a.series.iter().map(series).collect(),
            dags: a.dags.iter().map(dag).collect(),
            coverage: coverage(&a.coverage),
            false_alarm_rate: FalseAlarms {
                false_discovery_rate: a.false_alarms.false_discovery_rate,
                series_tested: a.false_alarms.series_tested,
                quantities: a.false_alarms.quantities.iter().map(|q| q.as_str().to_owned()).collect(),
                note: a.false_alarms.note.clone(),
            },
            warnings: a.warnings.clone(),
        }
    }
}

fn range(range: TimeRange) -> Range {
    Range { from: Time(range.from), to: Time(range.to) }
}

fn estimate(e: &stats::Estimate) -> Estimate {
    Estimate::from(e)
}

fn key(key: &SeriesKey) -> Key {
    Key {
        deployment: key.deployment.to_string(),
        dag_id: key.dag_id.to_string(),
        task_id: key.task_id.as_ref().map(ToString::to_string),
        run_type: key.run_type.as_str().to_owned(),
        index: match key.index {
            Index::All => Instance::All("all".to_owned()),
            Index::Instance(n) => Instance::Number(n),
        },
        quantity: key.quantity.as_str().to_owned(),
    }
}

fn axis(choice: &memory::AxisChoice) -> AxisChoice {
    AxisChoice {
        deployment: choice.deployment.to_string(),
        dag_id: choice.dag_id.to_string(),
        axis: choice.axis.as_str().to_owned(),
        why: choice.why.clone(),
    }
}

fn finding(f: &memory::Finding) -> Finding {
    Finding {
        id: f.id.clone(),
        key: key(&f.key),
        changed_at: Time(f.changed_at),
        changed_low: Time(f.changed_low),
        changed_high: Time(f.changed_high),
        in_window: f.in_window,
        is_new: f.is_new,
        last_run: Some(Time(f.last_run)),
        effect: estimate(&f.effect),
        effect_raw: estimate(&f.effect_raw),
        at_equal_volume: f.at_volume.as_ref().map(|v| EqualVolume {
            unit: v.unit.clone(),
            ratio: tidy(v.ratio),
            elasticity: estimate(&v.elasticity),
        }),
        q_value: tidy(f.q_value),
        before: estimate(&f.before),
        after: estimate(&f.after),
        minutes_lost_per_week: estimate(&f.minutes_lost_per_week),
        n_before: f.n_before,
        n_after: f.n_after,
        evidence: f.evidence.clone(),
        also: f.also.iter().map(shadow).collect(),
        acknowledged: f.acknowledged.clone(),
    }
}

fn shadow(s: &memory::Shadow) -> Shadow {
    Shadow { key: key(&s.key), effect: estimate(&s.effect), minutes_lost_per_week: estimate(&s.minutes_lost_per_week) }
}

fn together(t: &memory::Together) -> Together {
    let (shared, name) = t.shared.what();
    Together {
        deployment: t.deployment.to_string(),
        shared: shared.to_owned(),
        name: name.to_string(),
        changed_at: Time(t.changed_at),
        worse: t.worse,
        effect: tidy(t.effect),
        changed: t.changed,
        of: t.of,
        findings: t.findings.clone(),
        p_value: tidy(t.p_value),
    }
}

fn host_change(c: &memory::HostChange) -> HostChange {
    HostChange {
        id: c.id.clone(),
        deployment: c.deployment.to_string(),
        changed_at: Time(c.changed_at),
        changed_low: Time(c.changed_low),
        changed_high: Time(c.changed_high),
        ended_at: c.ended_at.map(Time),
        in_window: c.in_window,
        is_new: c.is_new,
        before_s: estimate(&c.before),
        after_s: estimate(&c.after),
        difference_s: estimate(&c.difference),
        p_value: tidy(c.p_value),
        attempts: c.attempts,
        minutes_lost_per_week: estimate(&c.minutes_lost_per_week),
        tasks: c.tasks,
        tasks_moved: c.tasks_moved,
    }
}

fn trend(t: &memory::Trend) -> Trend {
    Trend {
        id: t.id.clone(),
        key: key(&t.key),
        from: Time(t.range.from),
        to: Time(t.range.to),
        per_week: estimate(&t.per_week),
        q_value: tidy(t.q_value),
        evidence: t.evidence.clone(),
    }
}

fn episode(e: &memory::Episode) -> Episode {
    Episode {
        id: e.id.clone(),
        key: key(&e.key),
        from: Time(e.range.from),
        to: Time(e.range.to),
        effect: estimate(&e.effect),
        q_value: tidy(e.q_value),
        n: e.n,
        evidence: e.evidence.clone(),
    }
}

fn inconclusive(i: &memory::Inconclusive) -> Inconclusive {
    Inconclusive { key: key(&i.key), effect: estimate(&i.effect), more_runs_needed: i.more_runs_needed }
}

fn not_measurable(n: &memory::NotMeasurable) -> NotMeasurable {
    NotMeasurable { key: key(&n.key), why: n.why.clone() }
}

fn run_change(c: &memory::RunChange) -> RunChange {
    let part = |p: &memory::ChangePart| Part {
        kind: p.kind.as_str().to_owned(),
        task_id: p.task_id.as_ref().map(ToString::to_string),
        seconds: tidy(p.seconds),
    };
    RunChange {
        deployment: c.deployment.to_string(),
        dag_id: c.dag_id.to_string(),
        seconds: estimate(&c.seconds),
        n_before: c.n_before,
        n_after: c.n_after,
        parts: c.parts.iter().map(part).collect(),
    }
}

fn series(s: &memory::SeriesView) -> SeriesView {
    let regime =
        |r: &memory::Regime| Regime { from: Time(r.range.from), to: Time(r.range.to), level: estimate(&r.level) };
    SeriesView {
        key: key(&s.key),
        axis: s.axis.as_str().to_owned(),
        n: s.n,
        points: s
            .points
            .iter()
            .map(|p| Point { at: Time(p.at), raw: tidy(p.raw), adjusted: tidy(p.adjusted) })
            .collect(),
        regimes: s.regimes.iter().map(regime).collect(),
    }
}

fn dag(d: &memory::DagView) -> DagView {
    let bar = |b: &memory::GanttBar| Bar {
        task_id: b.task_id.to_string(),
        map_index: b.map_index,
        try_number: b.try_number,
        queued_s: b.queued_s.map(tidy),
        started_s: tidy(b.started_s),
        ended_s: tidy(b.ended_s),
        state: b.state.clone(),
        critical: b.critical,
    };
    let edge = |(upstream, downstream): &(Text, Text)| Edge {
        upstream: upstream.to_string(),
        downstream: downstream.to_string(),
    };
    DagView {
        deployment: d.deployment.to_string(),
        dag_id: d.dag_id.to_string(),
        run_id: d.run_id.to_string(),
        started_at: Time(d.started_at),
        duration_s: tidy(d.duration_s),
        gantt: d.gantt.iter().map(bar).collect(),
        critical_path: d.critical_path.iter().map(ToString::to_string).collect(),
        edges: d.edges.iter().map(edge).collect(),
        edges_from: d.edges_from.as_str().to_owned(),
    }
}

fn coverage(c: &memory::Coverage) -> Coverage {
    let span = |span: Option<(Timestamp, Timestamp)>| span.map(|(from, to)| Range { from: Time(from), to: Time(to) });
    let by_type = |(run_type, count): &(RunType, u64)| Count { what: run_type.as_str().to_owned(), count: *count };
    Coverage {
        attempts: c.attempts,
        runs: c.runs,
        dags: c.dags,
        tasks: c.tasks,
        series: c.series,
        logical: span(c.logical),
        wall: span(c.wall),
        excluded: c.excluded.iter().map(|(what, count)| Count { what: what.clone(), count: *count }).collect(),
        runs_by_type: c.runs_by_type.iter().map(by_type).collect(),
        runs_by_week: c.runs_by_week.iter().map(|(from, runs)| Week { from: Time(*from), runs: *runs }).collect(),
        overhead: c
            .overhead
            .iter()
            .map(|(at, seconds, attempts)| Overhead { at: Time(*at), seconds: tidy(*seconds), attempts: *attempts })
            .collect(),
    }
}
