//! The DAGs of an e-commerce platform, as data: what each task does, waits for and takes.

/// What a task is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// Works.
    Work,
    /// Completed by the scheduler without running.
    Empty,
    /// Works shortly, then follows its first downstream task with this probability, else its second.
    Branch(f64),
    /// Works shortly, then skips everything behind it with this probability.
    ShortCircuit(f64),
    /// A sensor in reschedule mode: pokes once a minute until its condition holds.
    Sensor,
    /// Starts, waits in the triggerer, resumes and ends.
    Deferrable,
}

/// Which part of the history a task exists in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Life {
    /// All of it.
    Always,
    /// Until a planned date, where one is planned.
    MayRetire,
    /// From a planned date on; nowhere, where none is planned.
    MayAppear,
}

/// A task of a template.
#[derive(Clone, Copy, Debug)]
pub(super) struct TaskSpec {
    /// Dots separate task groups.
    pub(super) id: &'static str,
    /// Tasks it waits for, by id; they stand before it.
    pub(super) after: &'static [&'static str],
    pub(super) kind: Kind,
    /// Airflow's class.
    pub(super) operator: &'static str,
    /// Pool; empty for `default_pool`.
    pub(super) pool: &'static str,
    /// Mapped instances; 0 where it is not mapped.
    pub(super) mapped: u8,
    /// Median seconds of its own work.
    pub(super) median_s: f64,
    /// Standard deviation of the logarithm of its work.
    pub(super) sigma: f64,
    /// Probability that one try fails.
    pub(super) fails: f64,
    pub(super) retries: u8,
    /// Runs where at least one upstream succeeded and none failed (`none_failed_min_one_success`).
    pub(super) joins: bool,
    pub(super) life: Life,
}

/// A DAG before it is replicated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Template {
    pub(super) dag_id: &'static str,
    pub(super) owner: &'static str,
    pub(super) cron: &'static str,
    /// Minutes between two runs; 0 for a DAG that starts when `orders_etl` has published (Airflow 2.4 and later).
    pub(super) period_min: i64,
    /// Minutes from 00:00 UTC (weekly: from Monday) to the first run.
    pub(super) offset_min: i64,
    pub(super) max_active_runs: u32,
    /// Worker queue of its own, apart from the common one.
    pub(super) queue: bool,
    /// Share by which volume is higher on Saturdays and Sundays; negative where it is lower.
    pub(super) weekend: f64,
    /// Share by which volume swings over the hours of a day.
    pub(super) hours: f64,
    /// Expected runs by hand a day.
    pub(super) by_hand: f64,
    pub(super) tasks: &'static [TaskSpec],
}

const fn task(id: &'static str, after: &'static [&'static str], median_s: f64) -> TaskSpec {
    TaskSpec {
        id,
        after,
        kind: Kind::Work,
        operator: "PythonOperator",
        pool: "",
        mapped: 0,
        median_s,
        sigma: 0.15,
        fails: 0.004,
        retries: 2,
        joins: false,
        life: Life::Always,
    }
}

const fn sensor(id: &'static str, after: &'static [&'static str], median_s: f64) -> TaskSpec {
    TaskSpec { kind: Kind::Sensor, operator: "PythonSensor", sigma: 0.5, fails: 0.0, ..task(id, after, median_s) }
}

const fn empty(id: &'static str, after: &'static [&'static str]) -> TaskSpec {
    TaskSpec { kind: Kind::Empty, operator: "EmptyOperator", fails: 0.0, retries: 1, ..task(id, after, 0.0) }
}

const fn branch(id: &'static str, after: &'static [&'static str], first: f64) -> TaskSpec {
    TaskSpec { kind: Kind::Branch(first), operator: "BranchPythonOperator", fails: 0.0, ..task(id, after, 1.0) }
}

const fn gate(id: &'static str, after: &'static [&'static str], stops: f64) -> TaskSpec {
    TaskSpec { kind: Kind::ShortCircuit(stops), operator: "ShortCircuitOperator", fails: 0.0, ..task(id, after, 1.2) }
}

const fn deferred(id: &'static str, after: &'static [&'static str], op: &'static str, median_s: f64) -> TaskSpec {
    TaskSpec { kind: Kind::Deferrable, operator: op, ..task(id, after, median_s) }
}

impl TaskSpec {
    const fn pool(self, pool: &'static str) -> Self {
        Self { pool, ..self }
    }
    const fn op(self, operator: &'static str) -> Self {
        Self { operator, ..self }
    }
    const fn mapped(self, mapped: u8) -> Self {
        Self { mapped, ..self }
    }
    const fn sigma(self, sigma: f64) -> Self {
        Self { sigma, ..self }
    }
    const fn fails(self, fails: f64, retries: u8) -> Self {
        Self { fails, retries, ..self }
    }
    const fn joins(self) -> Self {
        Self { joins: true, ..self }
    }
    const fn life(self, life: Life) -> Self {
        Self { life, ..self }
    }
}

const fn dag(
    dag_id: &'static str,
    owner: &'static str,
    cron: &'static str,
    (period_min, offset_min): (i64, i64),
    tasks: &'static [TaskSpec],
) -> Template {
    let (max_active_runs, queue, weekend, hours, by_hand) = (3, false, 0.0, 0.0, 0.0);
    Template { dag_id, owner, cron, period_min, offset_min, max_active_runs, queue, weekend, hours, by_hand, tasks }
}

const DAY: i64 = 1440;

/// All templates, the ones that matter most first: a small scale takes the first ones.
pub(super) const TEMPLATES: [Template; 14] = [
    Template {
        weekend: 0.25,
        by_hand: 0.05,
        max_active_runs: 4,
        ..dag("orders_etl", "data-eng", "0 2 * * *", (DAY, 120), &ORDERS)
    },
    Template { weekend: 0.1, ..dag("users_sync", "crm", "30 1 * * *", (DAY, 90), &USERS) },
    Template { weekend: 0.15, hours: 0.1, ..dag("inventory_sync", "ops", "0 */6 * * *", (360, 0), &INVENTORY) },
    Template { by_hand: 0.1, ..dag("finance_report", "finance", "0 5 * * *", (DAY, 300), &FINANCE) },
    Template { weekend: 0.2, ..dag("marketing_attribution", "growth", "0 3 * * *", (DAY, 180), &MARKETING) },
    Template { queue: true, ..dag("ml_features", "ml", "0 4 * * *", (DAY, 240), &FEATURES) },
    Template { weekend: 0.1, hours: 0.35, ..dag("clickstream_hourly", "data-eng", "@hourly", (60, 0), &CLICKS) },
    Template { hours: 0.25, ..dag("payments_reconciliation", "finance", "20 * * * *", (60, 20), &PAYMENTS) },
    dag("search_index", "search", "10 */4 * * *", (240, 10), &SEARCH),
    Template { hours: 0.2, max_active_runs: 2, ..dag("fraud_scoring", "risk", "*/15 * * * *", (15, 0), &FRAUD) },
    dag("dq_checks", "data-eng", "Dataset", (0, 0), &CHECKS),
    dag("weekly_rollup", "finance", "0 6 * * 1", (7 * DAY, 360), &ROLLUP),
    Template { queue: true, ..dag("recommendations", "ml", "30 6 * * *", (DAY, 390), &RECOMMENDATIONS) },
    Template { hours: 0.15, ..dag("shipping_tracking", "ops", "*/30 * * * *", (30, 0), &SHIPPING) },
];

const ORDERS: [TaskSpec; 15] = [
    sensor("wait_for_orders_export", &[], 260.0),
    task("extract.extract_orders", &["wait_for_orders_export"], 140.0).pool("shop_api"),
    task("extract.extract_payments", &["wait_for_orders_export"], 95.0).pool("shop_api").fails(0.02, 2),
    task("extract.extract_refunds", &["wait_for_orders_export"], 38.0).pool("shop_api"),
    task("validate_schema", &["extract.extract_orders", "extract.extract_payments", "extract.extract_refunds"], 9.0),
    task("transform.dedupe_orders", &["validate_schema"], 75.0),
    task("transform.enrich_orders", &["transform.dedupe_orders"], 210.0).sigma(0.2),
    task("transform.convert_currency", &["transform.dedupe_orders"], 24.0),
    task("transform.compute_order_totals", &["transform.enrich_orders", "transform.convert_currency"], 60.0),
    task("load.load_fact_orders", &["transform.compute_order_totals"], 320.0).pool("warehouse").sigma(0.2),
    task("load.load_dim_customer", &["transform.compute_order_totals"], 110.0).pool("warehouse"),
    task("load.load_iceberg", &["transform.compute_order_totals"], 85.0).life(Life::MayAppear),
    task("export_legacy_csv", &["transform.compute_order_totals"], 45.0).life(Life::MayRetire),
    empty("publish_orders", &["load.load_fact_orders", "load.load_dim_customer"]),
    task("notify_slack", &["publish_orders"], 2.5).op("SlackAPIPostOperator").fails(0.01, 1),
];

const USERS: [TaskSpec; 6] = [
    task("extract_users", &[], 55.0).pool("shop_api"),
    task("extract_crm_contacts", &[], 130.0).fails(0.03, 2),
    task("dedupe_users", &["extract_users", "extract_crm_contacts"], 48.0),
    task("resolve_identities", &["dedupe_users"], 180.0).sigma(0.25),
    task("load_dim_users", &["resolve_identities"], 90.0).pool("warehouse"),
    task("export_to_crm", &["load_dim_users"], 35.0).fails(0.02, 2),
];

const INVENTORY: [TaskSpec; 8] = [
    task("list_warehouses", &[], 4.0).op("SQLExecuteQueryOperator"),
    task("pull_stock", &["list_warehouses"], 42.0).pool("wms_api").mapped(5).fails(0.01, 2),
    task("compute_stock_levels", &["pull_stock"], 66.0),
    branch("check_thresholds", &["compute_stock_levels"], 0.6),
    task("create_purchase_orders", &["check_thresholds"], 18.0),
    empty("no_reorder", &["check_thresholds"]),
    task("update_dashboard", &["create_purchase_orders", "no_reorder"], 7.0).joins(),
    task("load_stock_snapshot", &["compute_stock_levels"], 58.0).pool("warehouse"),
];

const FINANCE: [TaskSpec; 8] = [
    sensor("wait_for_orders", &[], 120.0),
    task("reconcile_payments", &["wait_for_orders"], 150.0).pool("reporting"),
    task("compute_revenue", &["reconcile_payments"], 240.0).pool("reporting").sigma(0.1),
    task("compute_tax", &["reconcile_payments"], 85.0).pool("reporting").sigma(0.1),
    task("compute_margins", &["compute_revenue", "compute_tax"], 130.0).pool("reporting"),
    task("render_pdf", &["compute_margins"], 22.0).op("BashOperator"),
    task("archive_report", &["render_pdf"], 6.0),
    task("mail_report", &["render_pdf"], 3.0).op("EmailOperator").fails(0.01, 1),
];

const MARKETING: [TaskSpec; 7] = [
    sensor("wait_for_orders", &[], 600.0),
    task("ads.extract_ad_spend", &["wait_for_orders"], 50.0).pool("ads_api").mapped(4).fails(0.02, 2),
    task("ads.normalise", &["ads.extract_ad_spend"], 15.0),
    task("sessionize", &["wait_for_orders"], 300.0).sigma(0.25),
    task("fit_attribution", &["ads.normalise", "sessionize"], 420.0).sigma(0.3),
    task("load_attribution", &["fit_attribution"], 65.0).pool("warehouse"),
    task("refresh_dashboard", &["load_attribution"], 11.0),
];

const FEATURES: [TaskSpec; 7] = [
    task("build_user_features", &[], 180.0).pool("feature_store").mapped(6).sigma(0.2),
    task("build_item_features", &[], 150.0).pool("feature_store"),
    task("check_features", &["build_user_features", "build_item_features"], 20.0),
    deferred("train_model", &["check_features"], "VertexAITrainingOperator", 1500.0).pool("gpu").sigma(0.1),
    task("evaluate_model", &["train_model"], 90.0),
    gate("is_better", &["evaluate_model"], 0.4),
    task("register_model", &["is_better"], 12.0),
];

const CLICKS: [TaskSpec; 6] = [
    deferred("wait_for_files", &[], "S3KeySensorAsync", 45.0).sigma(0.4),
    task("parse_events", &["wait_for_files"], 70.0).mapped(3),
    task("drop_bots", &["parse_events"], 33.0),
    task("sessionize_clicks", &["drop_bots"], 95.0).sigma(0.2),
    task("load_sessions", &["sessionize_clicks"], 40.0).pool("warehouse"),
    task("update_counters", &["sessionize_clicks"], 5.0),
];

const PAYMENTS: [TaskSpec; 6] = [
    task("fetch_psp", &[], 28.0).op("HttpOperator").fails(0.01, 3),
    task("fetch_bank", &[], 17.0).op("HttpOperator").fails(0.01, 3),
    task("match_payments", &["fetch_psp", "fetch_bank"], 52.0),
    branch("any_difference", &["match_payments"], 0.1),
    task("post_adjustments", &["any_difference"], 14.0),
    empty("nothing_to_post", &["any_difference"]),
];

const SEARCH: [TaskSpec; 6] = [
    task("export_catalogue", &[], 110.0),
    task("build_index", &["export_catalogue"], 260.0).mapped(3).sigma(0.12),
    task("warm_cache", &["build_index"], 31.0),
    task("smoke_test", &["warm_cache"], 8.0).op("BashOperator"),
    empty("swap_alias", &["smoke_test"]),
    task("drop_old_index", &["swap_alias"], 6.0),
];

const FRAUD: [TaskSpec; 5] = [
    task("load_batch", &[], 12.0).op("SQLExecuteQueryOperator"),
    task("score_batch", &["load_batch"], 38.0).sigma(0.2),
    branch("any_suspect", &["score_batch"], 0.3),
    task("alert_risk_team", &["any_suspect"], 2.0),
    empty("all_clear", &["any_suspect"]),
];

const CHECKS: [TaskSpec; 5] = [
    task("check_nulls", &[], 16.0).op("SQLCheckOperator"),
    task("check_duplicates", &[], 44.0).op("SQLCheckOperator").fails(0.02, 0),
    task("check_volume", &[], 9.0).op("SQLCheckOperator"),
    task("check_freshness", &[], 5.0).op("SQLCheckOperator"),
    task("report_checks", &["check_nulls", "check_duplicates", "check_volume", "check_freshness"], 4.0),
];

const ROLLUP: [TaskSpec; 5] = [
    task("rollup_orders", &[], 900.0).pool("warehouse"),
    task("rollup_users", &[], 400.0).pool("warehouse"),
    task("build_board_deck", &["rollup_orders", "rollup_users"], 75.0),
    empty("approve", &["build_board_deck"]),
    task("publish_board_deck", &["approve"], 9.0),
];

const RECOMMENDATIONS: [TaskSpec; 8] = [
    task("pull_interactions", &[], 130.0),
    task("build_matrix", &["pull_interactions"], 240.0),
    deferred("factorise", &["build_matrix"], "VertexAITrainingOperator", 2100.0).pool("gpu").sigma(0.1),
    task("score_users", &["factorise"], 180.0).mapped(4),
    task("filter_stock", &["score_users"], 27.0),
    task("export_to_shop", &["filter_stock"], 60.0).pool("shop_api"),
    task("export_to_mail", &["filter_stock"], 33.0),
    task("compare_to_last", &["filter_stock"], 14.0),
];

const SHIPPING: [TaskSpec; 5] = [
    task("poll_carriers", &[], 23.0).op("HttpOperator").mapped(3).fails(0.01, 2),
    task("merge_events", &["poll_carriers"], 13.0),
    task("update_eta", &["merge_events"], 29.0),
    gate("any_late", &["update_eta"], 0.7),
    task("mail_customers", &["any_late"], 8.0).op("EmailOperator"),
];
