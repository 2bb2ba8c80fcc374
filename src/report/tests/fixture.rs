//! Analyses to render: a small one, and one whose every text and number is chosen by the test.

use crate::{
    analysis::{
        Analysis, Axis, AxisChoice, ChangePart, Coverage, DagView, Episode, FalseAlarms, Finding, GanttBar, HostChange,
        Inconclusive, NotMeasurable, PartKind, Point, Regime, RunChange, SeriesView, Shadow, Shared, Together, Trend,
    },
    model::{Deployment, EdgeSource, Index, Quantity, RunType, SeriesKey, TimeRange, Timestamp},
    stats::Estimate,
};

/// Seconds in a day.
const DAY: f64 = 86_400.0;

/// 2026-09-28, a Monday.
pub(super) fn start() -> Timestamp {
    Timestamp::from_micros(1_790_553_600_000_000)
}

/// The small analysis: one of everything.
pub(super) fn small() -> Analysis {
    analysis("orders_etl", "transform.enrich_orders", &|value| value, &|micros| micros)
}

/// One of everything, with `dag` and `task` as names and in all other texts, and with each number and instant changed.
pub(super) fn analysis(dag: &str, task: &str, number: &dyn Fn(f64) -> f64, time: &dyn Fn(i64) -> i64) -> Analysis {
    let day = |n: f64| Timestamp::from_micros(time(start().plus_seconds(n * DAY).micros()));
    let range = |from: f64, to: f64| TimeRange { from: day(from), to: day(to) };
    let estimate = |point: f64, lower: f64, upper: f64| Estimate {
        point: number(point),
        lower: number(lower),
        upper: number(upper),
        level: 0.95,
        n: 12,
        method: "bootstrap".into(),
    };
    let text = |words: &str| if dag == "orders_etl" { words.to_owned() } else { format!("{words} {dag}") };
    let key = |quantity| SeriesKey {
        deployment: Deployment::default(),
        dag_id: dag.into(),
        task_id: Some(task.into()),
        run_type: RunType::Scheduled,
        index: Index::All,
        quantity,
    };
    let finding = |id: &str, quantity, ratio: f64, minutes: f64| Finding {
        id: text(id),
        key: key(quantity),
        changed_at: day(6.0),
        changed_low: day(5.0),
        changed_high: day(7.0),
        in_window: true,
        is_new: true,
        last_run: day(12.0),
        effect: estimate(ratio, ratio * 0.87, ratio * 1.15),
        effect_raw: estimate(0.88, 0.8, 0.97),
        q_value: number(0.0004),
        before: estimate(1.2, 1.1, 1.3),
        after: estimate(1.2 * ratio, 1.1 * ratio, 1.3 * ratio),
        minutes_lost_per_week: estimate(minutes, minutes * 0.8, minutes * 1.2),
        n_before: 37,
        n_after: 42,
        evidence: vec![text("All 42 runs since are slower than the median before.")],
        also: vec![Shadow {
            key: SeriesKey { task_id: None, ..key(Quantity::RunDuration) },
            effect: estimate(ratio * 0.9, ratio * 0.8, ratio),
            minutes_lost_per_week: estimate(minutes, minutes * 0.8, minutes * 1.2),
        }],
        at_volume: None,
        acknowledged: None,
    };
    let mut acknowledged = finding("known", Quantity::QueueWait, 1.3, 4.0);
    acknowledged.acknowledged = Some(text("until 2026-12-31: OPS-1423"));
    let series = |quantity: Quantity| SeriesView {
        key: key(quantity),
        axis: Axis::Logical,
        points: (0..12).map(|n| point(day(f64::from(n)), n, quantity.is_rate(), number)).collect(),
        n: 79,
        regimes: vec![
            Regime { range: range(0.0, 6.0), level: estimate(1.2, 1.1, 1.3) },
            Regime { range: range(6.0, 12.0), level: estimate(2.04, 1.9, 2.2) },
        ],
    };
    let bar = |n: i32, state: &str| GanttBar {
        task_id: task.into(),
        map_index: n,
        try_number: Some(n + 2),
        queued_s: Some(number(f64::from(n))),
        started_s: number(f64::from(n) + 1.5),
        ended_s: number(f64::from(n) + 4.0),
        state: state.to_owned(),
        critical: n == 0,
    };
    Analysis {
        as_of: day(12.0),
        window: range(5.0, 12.0),
        baseline: range(-42.0, 5.0),
        seed: 42,
        axes: vec![AxisChoice {
            deployment: Deployment::default(),
            dag_id: dag.into(),
            axis: Axis::Logical,
            why: text("history was caught up"),
        }],
        regressions: vec![
            finding("slow", Quantity::Duration, 1.7, 41.0),
            finding("fails", Quantity::FailureRate, 3.0, 3.0),
            acknowledged,
        ],
        improvements: vec![finding("fast", Quantity::SensorWait, 0.6, -8.5)],
        trends: vec![Trend {
            id: text("creep"),
            key: key(Quantity::RetryDuration),
            range: range(0.0, 12.0),
            per_week: estimate(0.083, 0.05, 0.117),
            q_value: number(0.004),
            evidence: vec![text("Each week was slower than the one before.")],
        }],
        went_away: vec![Episode {
            id: text("spike"),
            key: key(Quantity::Spread),
            range: range(2.0, 4.0),
            effect: estimate(5.4, 3.9, 7.1),
            q_value: number(0.003),
            n: 4,
            evidence: vec![text("Four runs.")],
        }],
        inconclusive: vec![Inconclusive {
            key: key(Quantity::RunDuration),
            effect: estimate(1.2, 0.9, 1.5),
            more_runs_needed: Some(41),
        }],
        not_measurable: vec![NotMeasurable { key: key(Quantity::SchedulingDelay), why: text("not recorded") }],
        together: vec![Together {
            deployment: Deployment::default(),
            shared: Shared::Pool(dag.into()),
            changed_at: day(6.0),
            worse: true,
            effect: number(1.7),
            changed: 3,
            of: 3,
            findings: vec![text("slow"), text("fails")],
            p_value: number(0.002),
        }],
        host_changes: vec![HostChange {
            id: text("host"),
            deployment: Deployment::default(),
            changed_at: day(6.0),
            changed_low: day(5.0),
            changed_high: day(7.0),
            ended_at: None,
            in_window: true,
            is_new: true,
            before: estimate(1.2, 1.1, 1.3),
            after: estimate(6.2, 6.0, 6.4),
            difference: estimate(5.0, 4.8, 5.2),
            p_value: number(0.0001),
            attempts: 900,
            minutes_lost_per_week: estimate(12.0, 11.0, 13.0),
            tasks: 71,
            tasks_moved: 68,
        }],
        run_changes: vec![RunChange {
            deployment: Deployment::default(),
            dag_id: dag.into(),
            seconds: estimate(5.0, 3.0, 7.0),
            n_before: 61,
            n_after: 7,
            parts: vec![
                ChangePart { kind: PartKind::Duration, task_id: Some(task.into()), seconds: number(6.0) },
                ChangePart { kind: PartKind::Gap, task_id: None, seconds: number(-1.0) },
            ],
        }],
        series: vec![series(Quantity::Duration), series(Quantity::FailureRate), series(Quantity::Spread)],
        dags: vec![DagView {
            deployment: Deployment::default(),
            dag_id: dag.into(),
            run_id: text("scheduled__2026-10-01T02:00:00+00:00").as_str().into(),
            started_at: day(3.0),
            duration_s: number(12.0),
            gantt: vec![bar(0, "success"), bar(1, "failed")],
            critical_path: vec![task.into()],
            edges: vec![("extract".into(), task.into())],
            edges_from: EdgeSource::Inferred,
        }],
        coverage: Coverage {
            attempts: 4239,
            runs: 528,
            dags: 9,
            tasks: 71,
            series: 214,
            logical: Some((day(-42.0), day(12.0))),
            wall: Some((day(12.0), day(12.03))),
            excluded: vec![(text("skipped"), 312)],
            runs_by_type: vec![(RunType::Scheduled, 511), (RunType::Other(text("odd").as_str().into()), 17)],
            runs_by_week: vec![(day(0.0), 50), (day(7.0), 0), (day(14.0), 31)],
            overhead: (0..5).map(|n| (day(f64::from(n) / 100.0), number(2.0 + f64::from(n)), 9)).collect(),
        },
        false_alarms: FalseAlarms {
            false_discovery_rate: 0.05,
            series_tested: 214,
            quantities: vec![Quantity::Duration, Quantity::QueueWait],
            note: text("Benjamini-Hochberg over all series."),
        },
        warnings: vec![text("History was caught up within an hour.")],
    }
}

fn point(at: Timestamp, n: i32, is_rate: bool, number: &dyn Fn(f64) -> f64) -> Point {
    let wave = f64::from(n % 3) * 0.1;
    let adjusted = match (is_rate, n < 6) {
        (true, _) => f64::from(n % 2),
        (false, true) => 1.1 + wave,
        (false, false) => 1.9 + wave,
    };
    let raw = if is_rate { adjusted } else { adjusted + 3.0 - f64::from(n) * 0.2 };
    Point { at, raw: number(raw), adjusted: number(adjusted) }
}
