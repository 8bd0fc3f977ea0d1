//! `t, LATERAL (SELECT t.a + 1 AS b) AS x`: expressions beside the row that they are computed from. A lateral query with a FROM is DataFusion's business.

use std::ops::ControlFlow;

use datafusion::common::Result;
use datafusion::logical_expr::planner::RelationPlannerContext;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::sql::sqlparser::ast::{
    Expr as SqlExpr, GroupByExpr, Ident, JoinConstraint, JoinOperator, Query, SelectItem, SetExpr, TableAlias, Value, Visit, Visitor,
};

/// The expressions of a lateral query that is nothing but a list of them, and what they are called.
pub(super) fn items(query: &Query, operator: &JoinOperator) -> Option<Vec<(SqlExpr, Ident)>> {
    let always = |constraint: &JoinConstraint| match constraint {
        JoinConstraint::None => true,
        JoinConstraint::On(SqlExpr::Value(value)) => value.value == Value::Boolean(true),
        _ => false,
    };
    let joins_all = match operator {
        JoinOperator::CrossJoin(_) => true,
        JoinOperator::Join(on) | JoinOperator::Inner(on) | JoinOperator::Left(on) | JoinOperator::LeftOuter(on) => always(on),
        _ => false,
    };
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    let is_list = query.with.is_none()
        && query.limit_clause.is_none()
        && select.from.is_empty()
        && select.selection.is_none()
        && select.having.is_none()
        && select.qualify.is_none()
        && select.distinct.is_none()
        && matches!(&select.group_by, GroupByExpr::Expressions(exprs, _) if exprs.is_empty());
    if !joins_all || !is_list {
        return None;
    }
    let rows = |item: &SelectItem| match item {
        SelectItem::ExprWithAlias { expr, .. } | SelectItem::UnnamedExpr(expr) => makes_rows(expr),
        _ => false,
    };
    if select.projection.iter().any(rows) {
        return None;
    }
    let named = select.projection.iter().map(|item| match item {
        SelectItem::ExprWithAlias { expr, alias } => Some((expr.clone(), alias.clone())),
        SelectItem::UnnamedExpr(expr @ SqlExpr::Identifier(name)) => Some((expr.clone(), name.clone())),
        SelectItem::UnnamedExpr(expr @ SqlExpr::CompoundIdentifier(parts)) => Some((expr.clone(), parts.last()?.clone())),
        _ => None,
    });
    named.collect()
}

/// Whether an expression is several rows.
fn makes_rows(expr: &SqlExpr) -> bool {
    struct Finder;
    impl Visitor for Finder {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &SqlExpr) -> ControlFlow<()> {
            match expr {
                SqlExpr::Function(function) if function.name.to_string().eq_ignore_ascii_case("unnest") => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        }
    }
    expr.visit(&mut Finder).is_break()
}

/// Plans the expressions beside the left side's columns.
pub(super) fn plan(
    left: LogicalPlan,
    items: Vec<(SqlExpr, Ident)>,
    alias: &TableAlias,
    context: &mut dyn RelationPlannerContext,
) -> Result<LogicalPlan> {
    let relation = context.normalize_ident(alias.name.clone());
    let mut columns: Vec<Expr> = left.schema().columns().into_iter().map(Expr::Column).collect();
    for (at, (expr, name)) in items.into_iter().enumerate() {
        let name = alias.columns.get(at).map_or(name, |column| column.name.clone());
        let planned = context.sql_to_expr(expr, left.schema())?;
        columns.push(planned.alias_qualified(Some(relation.as_str()), context.normalize_ident(name)));
    }
    LogicalPlanBuilder::from(left).project(columns)?.build()
}
