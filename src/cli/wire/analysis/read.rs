//! Document to memory.

use super::*;

impl TryFrom<Document> for memory::Analysis {
    type Error = Wrong;

    fn try_from(d: Document) -> Result<Self, Wrong> {
        if d.schema != SCHEMA {
            return Err(format!("schema is `{}`, not `{SCHEMA}`", d.schema));
        }
        Ok(Self {
            as_of: d.as_of.0,
            window: range(&d.window),
            baseline: range(&d.baseline),
            seed: d.seed,
            axes: all(d.axis, choice)?,
            regressions: all(d.regressions, finding)?,
            improvements: all(d.improvements, finding)?,
            trends: all(d.trends, trend)?,
            went_away: all(d.went_away, episode)?,
            inconclusive: all(d.inconclusive, inconclusive)?,
            not_measurable: all(d.not_measurable, not_measurable)?,
            host_changes: all(d.host_changes, host_change)?,
            together: all(d.together, together)?,
            run_changes: all(d.run_changes, run_change)?,
            series: all(d.series, series)?,
            dags: all(d.dags, dag)?,
            coverage: coverage(d.coverage),
            false_alarms: memory::FalseAlarms {
                false_discovery_rate: d.false_alarm_rate.false_discovery_rate,
                series_tested: d.false_alarm_rate.series_tested,
                quantities: all(d.false_alarm_rate.quantities, |text| quantity(&text))?,
                note: d.false_alarm_rate.note,
            },
            warnings: d.warnings,
        })
    }
}

fn all<A, B>(items: Vec<A>, convert: impl Fn(A) -> Result<B, Wrong>) -> Result<Vec<B>, Wrong> {
    items.into_iter().map(convert).collect()
}

fn range(range: &Range) -> TimeRange {
    TimeRange { from: range.from.0, to: range.to.0 }
}

fn deployment(name: &str) -> Result<Deployment, Wrong> {
    Deployment::new(name).map_err(|error| error.to_string())
}

fn text(text: String) -> Text {
    text.into()
}

fn quantity(text: &str) -> Result<Quantity, Wrong> {
    Quantity::parse(text).ok_or_else(|| format!("unknown quantity `{text}`"))
}

fn axis(text: &str) -> Result<memory::Axis, Wrong> {
    let all = [memory::Axis::Logical, memory::Axis::Wall];
    all.into_iter().find(|axis| axis.as_str() == text).ok_or_else(|| format!("unknown axis `{text}`"))
}

fn estimate(e: Estimate) -> stats::Estimate {
    e.into()
}

fn key(key: Key) -> Result<SeriesKey, Wrong> {
    Ok(SeriesKey {
        deployment: deployment(&key.deployment)?,
        dag_id: text(key.dag_id),
        task_id: key.task_id.map(text),
        run_type: RunType::parse(&key.run_type),
        index: match key.index {
            Instance::All(_) => Index::All,
            Instance::Number(n) => Index::Instance(n),
        },
        quantity: quantity(&key.quantity)?,
    })
}

fn choice(c: AxisChoice) -> Result<memory::AxisChoice, Wrong> {
    Ok(memory::AxisChoice {
        deployment: deployment(&c.deployment)?,
        dag_id: text(c.dag_id),
        axis: axis(&c.axis)?,
        why: c.why,
    })
}

fn finding(f: Finding) -> Result<memory::Finding, Wrong> {
    Ok(memory::Finding {
        id: f.id,
        key: key(f.key)?,
        changed_at: f.changed_at.0,
        changed_low: f.changed_low.0,
        changed_high: f.changed_high.0,
        in_window: f.in_window,
        is_new: f.is_new,
        last_run: f.last_run.unwrap_or(f.changed_at).0,
        effect: estimate(f.effect),
        effect_raw: estimate(f.effect_raw),
        at_volume: f.at_equal_volume.map(|v| memory::EqualVolume {
            unit: v.unit,
            ratio: v.ratio,
            elasticity: estimate(v.elasticity),
        }),
        q_value: f.q_value,
        before: estimate(f.before),
        after: estimate(f.after),
        minutes_lost_per_week: estimate(f.minutes_lost_per_week),
        n_before: f.n_before,
        n_after: f.n_after,
        evidence: f.evidence,
        also: all(f.also, shadow)?,
        acknowledged: f.acknowledged,
    })
}

fn shadow(s: Shadow) -> Result<memory::Shadow, Wrong> {
    Ok(memory::Shadow {
        key: key(s.key)?,
        effect: estimate(s.effect),
        minutes_lost_per_week: estimate(s.minutes_lost_per_week),
    })
}

fn together(t: Together) -> Result<memory::Together, Wrong> {
    let name = Text::from(t.name);
    let shared = match t.shared.as_str() {
        "dag" => memory::Shared::Dag(name),
        "pool" => memory::Shared::Pool(name),
        "operator" => memory::Shared::Operator(name),
        "host" => memory::Shared::Host(name),
        other => {
            return Err(Wrong::from(format!("together.shared: `{other}` is not one of dag, pool, operator, host")));
        }
    };
    Ok(memory::Together {
        deployment: deployment(&t.deployment)?,
        shared,
        changed_at: t.changed_at.0,
        worse: t.worse,
        effect: t.effect,
        changed: t.changed,
        of: t.of,
        findings: t.findings,
        p_value: t.p_value,
    })
}

fn host_change(c: HostChange) -> Result<memory::HostChange, Wrong> {
    Ok(memory::HostChange {
        id: c.id,
        deployment: deployment(&c.deployment)?,
        changed_at: c.changed_at.0,
        changed_low: c.changed_low.0,
        changed_high: c.changed_high.0,
        ended_at: c.ended_at.map(|time| time.0),
        in_window: c.in_window,
        is_new: c.is_new,
        before: estimate(c.before_s),
        after: estimate(c.after_s),
        difference: estimate(c.difference_s),
        p_value: c.p_value,
        attempts: c.attempts,
        minutes_lost_per_week: estimate(c.minutes_lost_per_week),
        tasks: c.tasks,
        tasks_moved: c.tasks_moved,
    })
}

fn trend(t: Trend) -> Result<memory::Trend, Wrong> {
    Ok(memory::Trend {
        id: t.id,
        key: key(t.key)?,
        range: TimeRange { from: t.from.0, to: t.to.0 },
        per_week: estimate(t.per_week),
        q_value: t.q_value,
        evidence: t.evidence,
    })
}

fn episode(e: Episode) -> Result<memory::Episode, Wrong> {
    Ok(memory::Episode {
        id: e.id,
        key: key(e.key)?,
        range: TimeRange { from: e.from.0, to: e.to.0 },
        effect: estimate(e.effect),
        q_value: e.q_value,
        n: e.n,
        evidence: e.evidence,
    })
}

fn inconclusive(i: Inconclusive) -> Result<memory::Inconclusive, Wrong> {
    Ok(memory::Inconclusive { key: key(i.key)?, effect: estimate(i.effect), more_runs_needed: i.more_runs_needed })
}

fn not_measurable(n: NotMeasurable) -> Result<memory::NotMeasurable, Wrong> {
    Ok(memory::NotMeasurable { key: key(n.key)?, why: n.why })
}

fn run_change(c: RunChange) -> Result<memory::RunChange, Wrong> {
    let part = |p: Part| {
        let kinds = [memory::PartKind::Duration, memory::PartKind::QueueWait, memory::PartKind::Gap];
        let kind = kinds.into_iter().find(|kind| kind.as_str() == p.kind);
        let kind = kind.ok_or_else(|| format!("unknown kind of part `{}`", p.kind))?;
        Ok(memory::ChangePart { kind, task_id: p.task_id.map(text), seconds: p.seconds })
    };
    Ok(memory::RunChange {
        deployment: deployment(&c.deployment)?,
        dag_id: text(c.dag_id),
        seconds: estimate(c.seconds),
        n_before: c.n_before,
        n_after: c.n_after,
        parts: all(c.parts, part)?,
    })
}

fn series(s: SeriesView) -> Result<memory::SeriesView, Wrong> {
    let regime =
        |r: Regime| memory::Regime { range: TimeRange { from: r.from.0, to: r.to.0 }, level: estimate(r.level) };
    let point = |p: Point| memory::Point { at: p.at.0, raw: p.raw, adjusted: p.adjusted };
    Ok(memory::SeriesView {
        key: key(s.key)?,
        axis: axis(&s.axis)?,
        n: s.n,
        points: s.points.into_iter().map(point).collect(),
        regimes: s.regimes.into_iter().map(regime).collect(),
    })
}

fn dag(d: DagView) -> Result<memory::DagView, Wrong> {
    let bar = |b: Bar| memory::GanttBar {
        task_id: text(b.task_id),
        map_index: b.map_index,
        try_number: b.try_number,
        queued_s: b.queued_s,
        started_s: b.started_s,
        ended_s: b.ended_s,
        state: b.state,
        critical: b.critical,
    };
    Ok(memory::DagView {
        deployment: deployment(&d.deployment)?,
        dag_id: text(d.dag_id),
        run_id: text(d.run_id),
        started_at: d.started_at.0,
        duration_s: d.duration_s,
        gantt: d.gantt.into_iter().map(bar).collect(),
        critical_path: d.critical_path.into_iter().map(text).collect(),
        edges: d.edges.into_iter().map(|e| (text(e.upstream), text(e.downstream))).collect(),
        edges_from: EdgeSource::parse(&d.edges_from)
            .ok_or_else(|| format!("unknown source of edges `{}`", d.edges_from))?,
    })
}

fn coverage(c: Coverage) -> memory::Coverage {
    let span = |span: Option<Range>| span.map(|r| (r.from.0, r.to.0));
    memory::Coverage {
        attempts: c.attempts,
        runs: c.runs,
        dags: c.dags,
        tasks: c.tasks,
        series: c.series,
        logical: span(c.logical),
        wall: span(c.wall),
        excluded: c.excluded.into_iter().map(|count| (count.what, count.count)).collect(),
        runs_by_type: c.runs_by_type.into_iter().map(|count| (RunType::parse(&count.what), count.count)).collect(),
        runs_by_week: c.runs_by_week.into_iter().map(|week| (week.from.0, week.runs)).collect(),
        overhead: c.overhead.into_iter().map(|o| (o.at.0, o.seconds, o.attempts)).collect(),
    }
}
