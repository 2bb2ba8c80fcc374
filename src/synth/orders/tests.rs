//! What is generated is what the truth says.

use super::*;
use std::collections::{BTreeMap, BTreeSet};

fn options() -> OrderOptions {
    OrderOptions {
        orders_per_day: 5000.0,
        customers: 2000,
        products: 500,
        days: 2.0,
        malformed: 0.005,
        poison: 0.002,
        ..OrderOptions::default()
    }
}

#[test]
fn the_truth_is_what_a_reader_finds() {
    let mut truth = OrderTruth::default();
    let mut seen = BTreeSet::new();
    let (mut found, mut revenue, mut repeated, mut broken, mut negative) = (BTreeMap::<String, u64>::new(), 0, 0, 0, 0);
    for event in Events::new(&options()).expect("a platform") {
        truth.count(&event);
        let Ok(read) = serde_json::from_str::<serde_json::Value>(&event.text) else {
            broken += 1;
            continue;
        };
        if event.text.contains(":-") {
            negative += 1;
            continue;
        }
        if !seen.insert(read["id"].as_str().expect("an id").to_owned()) {
            repeated += 1;
            continue;
        }
        *found.entry(read["kind"].as_str().expect("a kind").to_owned()).or_default() += 1;
        revenue += read["total_cents"].as_u64().unwrap_or(0);
    }
    let told: BTreeMap<String, u64> = truth.sound.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect();
    assert_eq!(found, told);
    assert_eq!(
        (broken, negative, repeated, revenue),
        (truth.malformed, truth.poison, truth.duplicates, truth.revenue_cents)
    );
    assert_eq!(truth.events, found.values().sum::<u64>() + broken + negative + repeated);
    let orders = found["order"] as f64;
    assert!((9000.0..13000.0).contains(&orders), "{orders} of about 10,000 and the flash sales");
    let late = truth.late as f64 / truth.events as f64;
    assert!((0.01..0.06).contains(&late), "{late}");
}

#[test]
fn the_same_seed_gives_the_same_events_and_another_one_others() {
    let texts = |seed: u64| -> Vec<String> {
        let options = OrderOptions { seed, ..options() };
        Events::new(&options).expect("a platform").take(5000).map(|event| event.text).collect()
    };
    assert_eq!(texts(1), texts(1));
    assert_ne!(texts(1), texts(2));
}

#[test]
fn customers_and_products_are_skewed() {
    let mut products = BTreeMap::<u64, u64>::new();
    let (mut all, mut lines) = (0, 0);
    for event in Events::new(&options())
        .expect("a platform")
        .filter(|event| event.kind == Kind::Order && event.fate == Fate::Sound)
    {
        let read: serde_json::Value = serde_json::from_str(&event.text).expect("JSON");
        all += 1;
        for line in read["lines"].as_array().expect("lines") {
            lines += 1;
            *products.entry(line["product"].as_u64().expect("a product")).or_default() += 1;
        }
    }
    let mut counts: Vec<u64> = products.into_values().collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    let first: u64 = counts[..50].iter().sum();
    assert!(first as f64 > 0.5 * f64::from(lines), "{first} of {lines}");
    assert!((2.2..2.4).contains(&(f64::from(lines) / f64::from(all))));
}

#[test]
fn what_cannot_be_is_told() {
    let error = |options: OrderOptions| options.check().expect_err("it cannot be").to_string();
    assert_eq!(error(OrderOptions { late: 1.5, ..options() }), "`late` is 1.5; it must be a share, 0 to 1");
    assert_eq!(error(OrderOptions { products: 0, ..options() }), "`products` is 0; it must be 1 to 50,000,000");
    assert!(error(OrderOptions { orders_per_day: f64::NAN, ..options() }).contains("orders_per_day"));
    assert!(error(OrderOptions { lines: 0.5, ..options() }).contains("1 to 100"));
}
