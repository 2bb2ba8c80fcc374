//! What a query says, put so that the engine answers what was asked. polars 0.55 names `count(*)` `len` and `min(x)` `x`, so
//! that two of a kind clash, and orders by an aggregate as if it were applied to the result.

use super::Error;
use sqlparser::{
    ast::{
        Expr, Function, Ident, OrderByKind, Query, SelectItem, SetExpr, Statement, Visit, VisitMut, VisitorMut,
        visit_expressions, visit_relations,
    },
    dialect::GenericDialect,
    parser::Parser,
};
use std::{collections::BTreeSet, ops::ControlFlow};

/// A query as the engine gets it.
pub(super) struct Settled {
    pub(super) text: String,
    /// Names of what it reads, lower case; `None` where that cannot be told.
    pub(super) relations: Option<BTreeSet<String>>,
}

/// Columns without a name are called as they are written, and an aggregate that is ordered by is that column. A text that
/// cannot be parsed stays as it is: the engine says what is wrong with it.
pub(super) fn settle(text: &str) -> Result<Settled, Error> {
    let parsed = Parser::parse_sql(&GenericDialect, text);
    let Some(Statement::Query(mut query)) = parsed.ok().filter(|all| all.len() == 1).and_then(|mut all| all.pop())
    else {
        return Ok(Settled { text: text.to_owned(), relations: None });
    };
    let mut relations = BTreeSet::new();
    let _ = visit_relations(&query, |name| {
        let last = name.0.last().and_then(|part| part.as_ident());
        relations.extend(last.map(|ident| ident.value.to_ascii_lowercase()));
        ControlFlow::<()>::Continue(())
    });
    let mut settle = Settle { changed: false };
    if let ControlFlow::Break(error) = VisitMut::visit(&mut *query, &mut settle) {
        return Err(error);
    }
    settle.changed |= name_columns(&mut query);
    let text = if settle.changed { query.to_string() } else { text.to_owned() };
    Ok(Settled { text, relations: Some(relations) })
}

struct Settle {
    changed: bool,
}

impl VisitorMut for Settle {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        let Query { body, order_by: Some(order), .. } = query else { return ControlFlow::Continue(()) };
        let (SetExpr::Select(select), OrderByKind::Expressions(order)) = (&mut **body, &mut order.kind) else {
            return ControlFlow::Continue(());
        };
        for item in order.iter_mut().filter(|item| has_aggregate(&item.expr)) {
            match select.projection.iter_mut().find_map(|column| name_of(column, &item.expr)) {
                Some(name) => (item.expr, self.changed) = (Expr::Identifier(name), true),
                None => {
                    return ControlFlow::Break(Error::Query(format!(
                        "ORDER BY {0}: select it too, as in `SELECT .., {0} AS n .. ORDER BY n`",
                        item.expr
                    )));
                }
            }
        }
        ControlFlow::Continue(())
    }
}

/// Names the columns of the result, unless they are plain ones. Did it have to?
fn name_columns(query: &mut Query) -> bool {
    let SetExpr::Select(select) = &mut *query.body else { return false };
    let mut changed = false;
    for column in &mut select.projection {
        if let SelectItem::UnnamedExpr(expr) = column
            && !matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_))
        {
            (*column, changed) = (named(expr.clone()), true);
        }
    }
    changed
}

/// The name of a column that is this expression; it is given one if it has none.
fn name_of(column: &mut SelectItem, wanted: &Expr) -> Option<Ident> {
    if let SelectItem::UnnamedExpr(expr) = column
        && expr == wanted
    {
        *column = named(expr.clone());
    }
    match column {
        SelectItem::ExprWithAlias { expr, alias } if expr == wanted => Some(alias.clone()),
        _ => None,
    }
}

fn named(expr: Expr) -> SelectItem {
    let alias = Ident::with_quote('"', expr.to_string().replace('"', ""));
    SelectItem::ExprWithAlias { expr, alias }
}

/// Functions of many rows, as the engine calls them.
const AGGREGATES: [&str; 18] = [
    "avg",
    "count",
    "corr",
    "covar",
    "covar_samp",
    "first",
    "last",
    "max",
    "median",
    "min",
    "quantile_cont",
    "quantile_disc",
    "stddev",
    "stddev_samp",
    "stdev",
    "sum",
    "var",
    "variance",
];

fn has_aggregate(expr: &impl Visit) -> bool {
    let is_one = |function: &Function| {
        let name = function.name.to_string().to_ascii_lowercase();
        function.over.is_none() && AGGREGATES.contains(&name.as_str())
    };
    visit_expressions(expr, |expr| match expr {
        Expr::Function(function) if is_one(function) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    })
    .is_break()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(query: &str) -> String {
        settle(query).map(|settled| settled.text).unwrap_or_else(|error| error.to_string())
    }

    #[test]
    fn columns_are_called_as_they_are_written() {
        assert_eq!(text("SELECT count(*), a FROM t"), "SELECT count(*) AS \"count(*)\", a FROM t");
        let plain = "select a, t.b, min(c) as c from t -- as it is";
        assert_eq!(text(plain), plain);
        assert_eq!(text("SELECT FROM WHERE"), "SELECT FROM WHERE");
    }

    #[test]
    fn an_aggregate_that_is_ordered_by_is_the_column() {
        assert_eq!(
            text("SELECT a, count(*) AS n FROM t GROUP BY a ORDER BY count(*) DESC"),
            "SELECT a, count(*) AS n FROM t GROUP BY a ORDER BY n DESC"
        );
        assert_eq!(
            text("SELECT * FROM (SELECT a, sum(b) FROM t GROUP BY a ORDER BY sum(b) LIMIT 1)"),
            "SELECT * FROM (SELECT a, sum(b) AS \"sum(b)\" FROM t GROUP BY a ORDER BY \"sum(b)\" LIMIT 1)"
        );
        assert!(text("SELECT a FROM t GROUP BY a ORDER BY max(b)").contains("select it too"));
    }

    #[test]
    fn what_a_query_reads_is_known() {
        let relations = settle("WITH x AS (SELECT * FROM Dags) SELECT * FROM x JOIN task_attempts AS t ON true");
        let relations = relations.expect("settled").relations.expect("known");
        assert_eq!(relations.into_iter().collect::<Vec<_>>(), ["dags", "task_attempts", "x"]);
    }
}
