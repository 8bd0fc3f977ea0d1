//! What a query's text says of its answer: by which of its columns the rows are sorted, and whether LIMIT cuts it.

use datafusion::sql::sqlparser::ast::{Expr, OrderByKind, Query, Select, SelectItem, SetExpr, Statement, Value};
use datafusion::sql::sqlparser::dialect::DuckDbDialect;
use datafusion::sql::sqlparser::parser::Parser;

/// What a query's text says of its answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shape {
    /// The answer's columns that the outermost ORDER BY sorts by, as far as all sort keys before them are columns of the answer too.
    pub order_by: Vec<usize>,
    /// The query without the outermost LIMIT and OFFSET, if it has one of them.
    pub without_limit: Option<String>,
}

impl Shape {
    /// Reads a query. One that cannot be read is one that says nothing.
    pub fn of(sql: &str) -> Self {
        let Ok(statements) = Parser::parse_sql(&DuckDbDialect {}, sql) else { return Self::default() };
        let [Statement::Query(query)] = statements.as_slice() else { return Self::default() };
        let without_limit = query.limit_clause.as_ref().map(|_| {
            let mut whole = query.clone();
            whole.limit_clause = None;
            whole.order_by = None;
            whole.to_string()
        });
        Self { order_by: order_by(query), without_limit }
    }
}

fn order_by(query: &Query) -> Vec<usize> {
    let Some(OrderByKind::Expressions(keys)) = query.order_by.as_ref().map(|order_by| &order_by.kind) else { return Vec::new() };
    let Some(select) = first_select(&query.body) else { return Vec::new() };
    // Behind `*` positions are unknown.
    let known = select.projection.iter().take_while(|item| matches!(item, SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. }));
    let columns: Vec<&SelectItem> = known.collect();
    keys.iter().map_while(|key| position(&key.expr, &columns)).collect()
}

fn first_select(body: &SetExpr) -> Option<&Select> {
    match body {
        SetExpr::Select(select) => Some(select),
        SetExpr::Query(query) => first_select(&query.body),
        SetExpr::SetOperation { left, .. } => first_select(left),
        _ => None,
    }
}

/// The column that a sort key names: by its number, its alias, or by the same expression.
fn position(key: &Expr, columns: &[&SelectItem]) -> Option<usize> {
    if let Expr::Value(value) = key {
        let Value::Number(number, _) = &value.value else { return None };
        let number: usize = number.to_string().parse().ok()?;
        return (1..=columns.len()).contains(&number).then(|| number - 1);
    }
    let has_alias = |item: &&SelectItem| match item {
        SelectItem::ExprWithAlias { alias, .. } => matches!(key, Expr::Identifier(key) if alias.value.eq_ignore_ascii_case(&key.value)),
        _ => false,
    };
    let is_same = |item: &&SelectItem| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => expr == key,
        _ => false,
    };
    let is_named_so = |item: &&SelectItem| match item {
        SelectItem::UnnamedExpr(expr) => may_be_same(expr, key),
        _ => false,
    };
    let find = |test: &dyn Fn(&&SelectItem) -> bool| columns.iter().position(test);
    find(&has_alias).or_else(|| find(&is_same)).or_else(|| find(&is_named_so))
}

/// Whether two names mean the same column, one of them with its table's name and one without.
fn may_be_same(left: &Expr, right: &Expr) -> bool {
    let one_is_short = matches!(left, Expr::Identifier(_)) || matches!(right, Expr::Identifier(_));
    one_is_short && last_name(left).is_some() && last_name(left) == last_name(right)
}

/// A column's name without its table's.
fn last_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(name) => Some(name.value.to_ascii_lowercase()),
        Expr::CompoundIdentifier(names) => names.last().map(|name| name.value.to_ascii_lowercase()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order_by(sql: &str) -> Vec<usize> {
        Shape::of(sql).order_by
    }

    #[test]
    fn sort_keys_are_columns_by_number_alias_or_expression() {
        assert_eq!(order_by("SELECT a, b AS c, sum(d) FROM t GROUP BY a, b ORDER BY 3 DESC, C NULLS FIRST, t.a"), [2, 1, 0]);
        assert_eq!(order_by("SELECT a, count(*) FROM t GROUP BY a ORDER BY count(*) DESC"), [1]);
        assert_eq!(order_by("WITH x AS (SELECT 1 AS a) SELECT x.a FROM x UNION ALL SELECT 2 ORDER BY a"), [0]);
        // What comes behind a key that is no column only breaks ties.
        assert_eq!(order_by("SELECT a, b FROM t ORDER BY a, a + b, b"), [0]);
        assert_eq!(order_by("SELECT * FROM t ORDER BY a"), [] as [usize; 0]);
        assert_eq!(order_by("SELECT a FROM t"), [] as [usize; 0]);
    }

    #[test]
    fn only_the_outermost_limit_is_taken_away() {
        let shape = Shape::of("SELECT a FROM (SELECT a FROM t LIMIT 3) AS u ORDER BY a LIMIT 2 OFFSET 1");
        assert_eq!(shape.without_limit.as_deref(), Some("SELECT a FROM (SELECT a FROM t LIMIT 3) AS u"));
        assert_eq!(Shape::of("SELECT a FROM (SELECT a FROM t LIMIT 3) AS u").without_limit, None);
    }
}
