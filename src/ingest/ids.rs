//! DAG and task ids that are known from other sources, to take apart names in which Airflow ran them together.
//!
//! `dag.<dag_id>.<task_id>.duration` cannot be split by position: both ids may hold dots (a task in a group is called
//! `transform.enrich_orders`). Only a pair that is known is taken; anything else stays undivided.

use crate::model::Text;
use std::collections::{HashMap, HashSet};

/// Pairs that are remembered; what comes after them is not known. Far above any installation, and a bound on memory.
const MAX_PAIRS: usize = 1_000_000;

/// Known DAG and task ids.
#[derive(Debug, Default)]
pub(super) struct Ids {
    dags: HashMap<Text, HashSet<Text>>,
    pairs: usize,
    /// `<dag_id>_<task_id>` as exporters write it, every other character an underscore; `None` where two pairs share it.
    flat: HashMap<String, Option<(Text, Text)>>,
    /// The same of a DAG id alone.
    flat_dags: HashMap<String, Option<Text>>,
}

impl Ids {
    /// Remembers a task of a DAG. Empty ids are nobody's.
    pub(super) fn insert(&mut self, dag_id: &Text, task_id: &Text) {
        let known = self.dags.get(dag_id).is_some_and(|tasks| tasks.contains(task_id));
        if known || self.pairs >= MAX_PAIRS || dag_id.is_empty() || task_id.is_empty() {
            return;
        }
        self.pairs += 1;
        self.dags.entry(dag_id.clone()).or_default().insert(task_id.clone());
        let pair = (dag_id.clone(), task_id.clone());
        let both = format!("{}_{}", flat(dag_id), flat(task_id));
        self.flat.entry(both).and_modify(|known| agree(known, &pair)).or_insert(Some(pair));
        self.flat_dags.entry(flat(dag_id)).and_modify(|known| agree(known, dag_id)).or_insert(Some(dag_id.clone()));
    }

    /// Takes `<dag_id>.<task_id>` apart. Where two known pairs fit, the longer DAG id is meant. Airflow 3 writes the dots of a
    /// task id as `__` in some names: such a text is found as well.
    pub(super) fn split(&self, text: &str) -> Option<(Text, Text)> {
        text.rmatch_indices('.').find_map(|(at, _)| {
            let (dag_id, tasks) = self.dags.get_key_value(text.get(..at)?)?;
            let task = text.get(at + 1..)?;
            let dotted = || tasks.get(task.replace("__", ".").as_str());
            Some((dag_id.clone(), tasks.get(task).or_else(dotted)?.clone()))
        })
    }

    /// Takes `<dag_id>_<task_id>` apart, in which every character but letters, digits and `_` has become `_`.
    pub(super) fn split_flat(&self, text: &str) -> Option<(Text, Text)> {
        self.flat.get(text)?.clone()
    }

    /// The DAG whose id reads so once it is written flat.
    pub(super) fn flat_dag(&self, text: &str) -> Option<Text> {
        self.flat_dags.get(text)?.clone()
    }
}

/// Two ids of one flat text: neither is meant for certain.
fn agree<T: PartialEq>(known: &mut Option<T>, other: &T) {
    if known.as_ref() != Some(other) {
        *known = None;
    }
}

fn flat(id: &str) -> String {
    id.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(pairs: &[(&str, &str)]) -> Ids {
        let mut ids = Ids::default();
        for (dag_id, task_id) in pairs {
            ids.insert(&(*dag_id).into(), &(*task_id).into());
        }
        ids
    }

    fn pair(dag_id: &str, task_id: &str) -> Option<(Text, Text)> {
        Some((dag_id.into(), task_id.into()))
    }

    #[test]
    fn only_known_pairs_are_split() {
        let ids = known(&[("orders_etl", "transform.enrich_orders"), ("a", "b.c"), ("a.b", "c"), ("a.b", "d")]);
        assert_eq!(ids.split("orders_etl.transform.enrich_orders"), pair("orders_etl", "transform.enrich_orders"));
        assert_eq!(ids.split("orders_etl.transform__enrich_orders"), pair("orders_etl", "transform.enrich_orders"));
        assert_eq!(ids.split("a.b.c"), pair("a.b", "c"), "the longer DAG id");
        for unknown in ["orders_etl.transform", "orders_etl.", ".x", "", "orders_etl", "x.orders_etl.transform"] {
            assert_eq!(ids.split(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn flat_names_are_split_where_one_pair_fits() {
        let ids = known(&[("orders_etl", "transform.enrich_orders"), ("a_b", "c"), ("a", "b_c"), ("x-y", "z")]);
        assert_eq!(ids.split_flat("orders_etl_transform_enrich_orders"), pair("orders_etl", "transform.enrich_orders"));
        assert_eq!(ids.split_flat("a_b_c"), None, "two pairs fit");
        assert_eq!(ids.flat_dag("x_y").as_deref(), Some("x-y"));
        assert_eq!(ids.flat_dag("nobody"), None);
    }

    #[test]
    fn empty_ids_are_not_kept() {
        assert_eq!(known(&[("", "t"), ("d", "")]).pairs, 0);
    }
}
