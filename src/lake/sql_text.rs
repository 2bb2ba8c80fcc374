//! What a query says, put so that the engine answers what was asked, or refused where it would answer something else.
//! polars 0.55 names `count(*)` `len` and `min(x)` `x`, so that two of a kind clash; it orders by an aggregate as if it were
//! applied to the result, tests a condition in ON on the table before, sums a constant once, and takes an aggregate within a
//! window for the row's own.

use super::Error;
use sqlparser::{
    ast::{
        BinaryOperator, Expr, Function, FunctionArguments, Ident, Join, JoinConstraint, JoinOperator, OrderByKind,
        Query, Select, SelectItem, SetExpr, Statement, Visit, VisitMut, VisitorMut, WindowType, visit_expressions,
        visit_relations,
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

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        if let Some(condition) = &select.qualify {
            let said = format!("QUALIFY {condition}: put the query into FROM (..), and the condition into WHERE");
            return ControlFlow::Break(Error::Query(said));
        }
        match settle_joins(select) {
            Ok(moved) => {
                self.changed |= moved;
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(error),
        }
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        match expr {
            Expr::Function(function) => {
                refuse_function(function).map_or_else(ControlFlow::Break, ControlFlow::Continue)
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        let Query { body, order_by: Some(order), .. } = query else { return ControlFlow::Continue(()) };
        let OrderByKind::Expressions(order) = &mut order.kind else { return ControlFlow::Continue(()) };
        // Of a UNION only the names of its columns can be ordered by.
        let mut columns: &mut [SelectItem] = &mut [];
        if let SetExpr::Select(select) = &mut **body {
            columns = &mut select.projection;
        }
        for item in order.iter_mut().filter(|item| has_aggregate(&item.expr)) {
            match columns.iter_mut().find_map(|column| name_of(column, &item.expr)) {
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

/// Conditions in ON beside equal columns go to WHERE, where the join is an inner one. Were there any?
fn settle_joins(select: &mut Select) -> Result<bool, Error> {
    let mut moved = false;
    let outer = |join: &Join| {
        use JoinOperator::{CrossJoin, Inner, Left, LeftOuter};
        !matches!(join.join_operator, JoinOperator::Join(_) | Inner(_) | Left(_) | LeftOuter(_) | CrossJoin(_))
    };
    // A condition of WHERE would also be asked of rows that a later RIGHT or FULL JOIN adds.
    let may_move = !select.from.iter().flat_map(|table| &table.joins).any(outer);
    for join in select.from.iter_mut().flat_map(|table| &mut table.joins) {
        let inner = matches!(join.join_operator, JoinOperator::Join(_) | JoinOperator::Inner(_));
        let (JoinOperator::Join(JoinConstraint::On(on))
        | JoinOperator::Inner(JoinConstraint::On(on))
        | JoinOperator::Left(JoinConstraint::On(on))
        | JoinOperator::LeftOuter(JoinConstraint::On(on))
        | JoinOperator::Right(JoinConstraint::On(on))
        | JoinOperator::RightOuter(JoinConstraint::On(on))
        | JoinOperator::FullOuter(JoinConstraint::On(on))
        | JoinOperator::Semi(JoinConstraint::On(on))
        | JoinOperator::LeftSemi(JoinConstraint::On(on))
        | JoinOperator::RightSemi(JoinConstraint::On(on))
        | JoinOperator::Anti(JoinConstraint::On(on))
        | JoinOperator::LeftAnti(JoinConstraint::On(on))
        | JoinOperator::RightAnti(JoinConstraint::On(on))) = &mut join.join_operator
        else {
            continue;
        };
        let mut all = Vec::new();
        conjuncts(on.clone(), &mut all);
        let (equal, others): (Vec<Expr>, Vec<Expr>) = all.into_iter().partition(are_equal_columns);
        let Some(other) = others.first() else { continue };
        let together = |a: Expr, b: Expr| Expr::BinaryOp { left: a.into(), op: BinaryOperator::And, right: b.into() };
        match equal.into_iter().reduce(together) {
            Some(equal) if inner && may_move => {
                *on = equal;
                let all = others.into_iter().chain(select.selection.take().map(|held| Expr::Nested(held.into())));
                select.selection = all.reduce(together);
                moved = true;
            }
            _ => {
                return Err(Error::Query(format!(
                    "ON {other}: only equal columns of the two tables can be asked for there; filter a table before it is \
                     joined, as in `LEFT JOIN (SELECT .. FROM t WHERE ..) AS t ON ..`"
                )));
            }
        }
    }
    Ok(moved)
}

/// The conditions that must all hold.
fn conjuncts(expr: Expr, into: &mut Vec<Expr>) {
    match expr {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            conjuncts(*left, into);
            conjuncts(*right, into);
        }
        Expr::Nested(inner) => conjuncts(*inner, into),
        other => into.push(other),
    }
}

fn are_equal_columns(expr: &Expr) -> bool {
    let table = |side: &Expr| match side {
        Expr::CompoundIdentifier(parts) => Some(parts[..parts.len() - 1].to_vec()),
        Expr::Identifier(_) => Some(Vec::new()),
        _ => None,
    };
    match expr {
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
            table(left).zip(table(right)).is_some_and(|(left, right)| left.is_empty() || left != right)
        }
        _ => false,
    }
}

fn refuse_function(function: &Function) -> Result<(), Error> {
    let named = |wanted: &str| function.name.to_string().eq_ignore_ascii_case(wanted);
    let FunctionArguments::List(arguments) = &function.args else { return Ok(()) };
    let has_column = visit_expressions(&arguments.args, |expr| match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    if function.over.is_none() && is_aggregate(function) && has_aggregate(&arguments.args) {
        return Err(Error::Query(format!(
            "{function}: an aggregate of an aggregate; compute the inner one in a subquery"
        )));
    }
    let runs = ["sum", "count", "min", "max"].into_iter().any(named);
    if let Some(WindowType::WindowSpec(window)) = &function.over
        && AGGREGATES.iter().any(|name| named(name))
        && !runs
        && !window.order_by.is_empty()
    {
        return Err(Error::Query(format!(
            "{function}: of a window with ORDER BY only sum, count, min and max run along"
        )));
    }
    if let Some(over) = &function.over
        && (has_aggregate(&arguments.args) || has_aggregate(over))
    {
        return Err(Error::Query(format!(
            "{function}: an aggregate within a window; compute it in a subquery first, as in `SELECT n, sum(n) OVER () FROM \
             (SELECT count(*) AS n .. GROUP BY ..)`"
        )));
    }
    if (named("sum") || named("total")) && !has_column.is_break() {
        return Err(Error::Query(format!("{function}: the sum of a constant; write count(*), and multiply it")));
    }
    if ["array_agg", "string_agg", "group_concat", "listagg"].into_iter().any(named) {
        return Err(Error::Query(format!("{function}: lists are no values here; select the rows")));
    }
    Ok(())
}

/// Names the columns of the result, unless they are plain ones. Did it have to?
fn name_columns(query: &mut Query) -> bool {
    let SetExpr::Select(select) = &mut *query.body else { return false };
    let (mut changed, mut given) = (false, Vec::new());
    for column in &mut select.projection {
        if let SelectItem::UnnamedExpr(expr) = column
            && !matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_))
        {
            let same = given.iter().filter(|known| *known == expr).count();
            given.push(expr.clone());
            (*column, changed) = (named(expr.clone(), same), true);
        }
    }
    changed
}

/// The name of a column that is this expression; it is given one if it has none.
fn name_of(column: &mut SelectItem, wanted: &Expr) -> Option<Ident> {
    // `COUNT(*)` is `count(*)`.
    let is_wanted = |expr: &Expr| expr.to_string().eq_ignore_ascii_case(&wanted.to_string());
    if let SelectItem::UnnamedExpr(expr) = column
        && is_wanted(expr)
    {
        *column = named(expr.clone(), 0);
    }
    match column {
        SelectItem::ExprWithAlias { expr, alias } if is_wanted(expr) => Some(alias.clone()),
        _ => None,
    }
}

/// With the text as its name; `same` are the columns before it that say the same.
fn named(expr: Expr, same: usize) -> SelectItem {
    let number = if same > 0 { format!(" {}", same + 1) } else { String::new() };
    let alias = Ident::with_quote('"', expr.to_string().replace('"', "") + &number);
    SelectItem::ExprWithAlias { expr, alias }
}

/// Functions of many rows, as the engine calls them.
const AGGREGATES: [&str; 22] = [
    "total",
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
    "var_samp",
    "var_pop",
    "mode",
];

fn is_aggregate(function: &Function) -> bool {
    AGGREGATES.contains(&function.name.to_string().to_ascii_lowercase().as_str())
}

fn has_aggregate(expr: &impl Visit) -> bool {
    visit_expressions(expr, |expr| match expr {
        Expr::Function(function) if function.over.is_none() && is_aggregate(function) => ControlFlow::Break(()),
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
        assert_eq!(text("SELECT max(a), max(a) FROM t"), "SELECT max(a) AS \"max(a)\", max(a) AS \"max(a) 2\" FROM t");
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
        assert_eq!(text("SELECT COUNT(*) AS n FROM t ORDER BY count(*)"), "SELECT COUNT(*) AS n FROM t ORDER BY n");
        assert_eq!(
            text("SELECT * FROM (SELECT a, sum(b) FROM t GROUP BY a ORDER BY sum(b) LIMIT 1)"),
            "SELECT * FROM (SELECT a, sum(b) AS \"sum(b)\" FROM t GROUP BY a ORDER BY \"sum(b)\" LIMIT 1)"
        );
        assert!(text("SELECT a FROM t GROUP BY a ORDER BY max(b)").contains("select it too"));
    }

    #[test]
    fn conditions_in_on_are_asked_where_the_engine_answers_them() {
        assert_eq!(
            text("SELECT a.x FROM a JOIN b ON a.k = b.k AND b.s = 'f' AND (a.m = b.m) WHERE a.x > 1 OR b.y > 2"),
            "SELECT a.x FROM a JOIN b ON a.k = b.k AND a.m = b.m WHERE b.s = 'f' AND (a.x > 1 OR b.y > 2)"
        );
        assert!(text("SELECT a.x FROM a LEFT JOIN b ON a.k = b.k AND b.s = 'f'").contains("filter a table before"));
        assert!(text("SELECT a.x FROM a JOIN b ON a.k > b.k").contains("only equal columns"));
        let plain = "SELECT a.x FROM a LEFT JOIN b ON (a.k = b.k and a.m=b.m)";
        assert_eq!(text(plain), plain);
    }

    #[test]
    fn what_the_engine_would_answer_wrongly_is_refused() {
        for (query, said) in [
            ("SELECT sum(1) FROM t", "count(*)"),
            ("SELECT a FROM (SELECT a, SUM(2 * 3) AS b FROM t GROUP BY a) WHERE b > 1", "count(*)"),
            ("SELECT a, sum(count(*)) OVER () AS n FROM t GROUP BY a", "subquery"),
            ("SELECT a FROM t QUALIFY row_number() OVER (PARTITION BY a) = 1", "WHERE"),
            ("SELECT a FROM t UNION ALL SELECT a FROM u ORDER BY count(*)", "select it too"),
            ("SELECT avg(sum(a)) FROM t", "subquery"),
            ("SELECT avg(a) OVER (PARTITION BY b ORDER BY c) AS d FROM t", "run along"),
            (
                "SELECT 1 AS n FROM a JOIN b ON a.k = b.k AND b.s = 'f' FULL JOIN c ON a.k = c.k",
                "filter a table before",
            ),
            ("SELECT a, array_agg(b) FROM t GROUP BY a", "select the rows"),
            ("SELECT a, rank() OVER (ORDER BY count(*)) AS n FROM t GROUP BY a", "subquery"),
        ] {
            assert!(text(query).contains(said), "{query}: {}", text(query));
        }
        let plain = "SELECT sum(CASE WHEN a > 1 THEN 1 ELSE 0 END) AS n, sum(b) OVER (PARTITION BY a) AS m FROM t";
        assert_eq!(text(plain), plain);
    }

    #[test]
    fn what_a_query_reads_is_known() {
        let relations = settle("WITH x AS (SELECT * FROM Dags) SELECT * FROM x JOIN task_attempts AS t USING (dag_id)");
        let relations = relations.expect("settled").relations.expect("known");
        assert_eq!(relations.into_iter().collect::<Vec<_>>(), ["dags", "task_attempts", "x"]);
    }
}
