//! `t, unnest(t.list) AS u(x)`: each row of the left side once for every item of its lists, beside the item.

use datafusion::common::{Column, NullHandling, Result, UnnestOptions};
use datafusion::logical_expr::planner::RelationPlannerContext;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::sql::sqlparser::ast::{CastKind, DataType, Expr as SqlExpr, JoinConstraint, JoinOperator, TableAlias, Value};

use crate::error::{Error, to_datafusion};
use crate::statements::ast::{call, null};

/// Plans a join with an UNNEST that sees its left side.
pub(super) fn plan(
    left: LogicalPlan,
    lists: &[SqlExpr],
    with_ordinality: bool,
    alias: &TableAlias,
    operator: &JoinOperator,
    context: &mut dyn RelationPlannerContext,
) -> Result<LogicalPlan> {
    let (null_handling, condition) = match operator {
        JoinOperator::CrossJoin(_) => (NullHandling::Drop, None),
        JoinOperator::Join(constraint) | JoinOperator::Inner(constraint) => (NullHandling::Drop, on(constraint)),
        JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) if on(constraint).is_none() => {
            (NullHandling::PreserveAndExpandEmpty, None)
        }
        _ => {
            return Err(to_datafusion(
                Error::unsupported("this kind of JOIN with UNNEST is not supported")
                    .with_hint("write t CROSS JOIN unnest(t.list), or t LEFT JOIN unnest(t.list) ON true"),
            ));
        }
    };
    let own: Vec<Expr> = left.schema().columns().into_iter().map(Expr::Column).collect();
    let mut lists = lists.to_vec();
    if with_ordinality && let Some(first) = lists.first() {
        let length = call("coalesce", vec![call("array_length", vec![first.clone()]), number(0)]);
        let length =
            SqlExpr::Cast { kind: CastKind::Cast, expr: Box::new(length), data_type: DataType::BigInt(None), array: false, format: None };
        lists.push(call("generate_series", vec![number(1), length]));
    }
    let mut beside = own.clone();
    let mut names = Vec::new();
    for (at, list) in lists.into_iter().enumerate() {
        let name = format!("__list_{at}");
        beside.push(context.sql_to_expr(list, left.schema())?.alias(&name));
        names.push(name);
    }
    let options = UnnestOptions { null_handling, recursions: vec![] };
    let columns = names.iter().map(Column::from_name).collect();
    let unnested = LogicalPlanBuilder::from(left).project(beside)?.unnest_columns_with_options(columns, options)?;
    let relation = context.normalize_ident(alias.name.clone());
    let items = names.iter().zip(&alias.columns).map(|(name, column)| {
        Expr::Column(Column::from_name(name)).alias_qualified(Some(relation.as_str()), context.normalize_ident(column.name.clone()))
    });
    let listed: Vec<Expr> = own.into_iter().chain(items).collect();
    let plan = unnested.project(listed)?.build()?;
    match condition {
        None => Ok(plan),
        Some(condition) => {
            let condition = context.sql_to_expr(condition, plan.schema())?;
            LogicalPlanBuilder::from(plan).filter(condition)?.build()
        }
    }
}

/// The condition of a join, unless it is TRUE.
fn on(constraint: &JoinConstraint) -> Option<SqlExpr> {
    match constraint {
        JoinConstraint::On(SqlExpr::Value(value)) if value.value == Value::Boolean(true) => None,
        JoinConstraint::On(condition) => Some(condition.clone()),
        JoinConstraint::Using(_) | JoinConstraint::Natural => Some(null()),
        JoinConstraint::None => None,
    }
}

fn number(value: u64) -> SqlExpr {
    SqlExpr::Value(Value::Number(value.to_string(), false).into())
}
