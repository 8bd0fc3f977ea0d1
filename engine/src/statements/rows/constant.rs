//! Evaluates expressions that need no table: defaults, values of an INSERT, the time of time travel.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, ExprSchemable};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::sql::sqlparser::ast::{Expr as SqlExpr, ExprWithAlias};

use crate::error::{Error, Result, from_datafusion};
use crate::semantics::{self, session_zone};

/// Plans an expression that needs no table.
///
/// # Errors
/// *Invalid* for one that names columns, or holds a query, an aggregate or a parameter.
pub(crate) fn plan(state: &SessionState, expr: SqlExpr) -> Result<Expr> {
    let text = expr.to_string();
    let planned =
        state.create_logical_expr_from_sql_expr(ExprWithAlias { expr, alias: None }, &DFSchema::empty()).map_err(from_datafusion)?;
    let mut fault = None;
    planned
        .apply(|part| {
            fault = match part {
                Expr::Column(_) | Expr::OuterReferenceColumn(..) => Some("names a column"),
                Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_) | Expr::SetComparison(_) => Some("holds a query"),
                Expr::AggregateFunction(AggregateFunction { .. }) | Expr::WindowFunction(_) => Some("holds an aggregate"),
                Expr::Placeholder(_) => Some("holds a parameter"),
                Expr::Unnest(_) => Some("returns several rows"),
                _ => None,
            };
            Ok(if fault.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })
        .map_err(from_datafusion)?;
    match fault {
        Some(fault) => {
            Err(Error::invalid(format!("the expression {text} {fault}")).with_hint("it must be a constant, or call functions of constants"))
        }
        None => Ok(planned),
    }
}

/// Evaluates a planned expression: an array of one value, and its field.
pub(crate) fn evaluate(state: &SessionState, expr: Expr) -> Result<(ArrayRef, FieldRef)> {
    if let Expr::Literal(value, _) = &expr {
        let field = Arc::new(Field::new("value", value.data_type(), true));
        return Ok((value.to_array().map_err(from_datafusion)?, field));
    }
    let schema = Arc::new(DFSchema::empty());
    let context = SimplifyContext::builder()
        .with_schema(Arc::clone(&schema))
        .with_config_options(Arc::clone(state.config_options()))
        .with_query_execution_start_time(state.execution_props().query_execution_start_time)
        .build();
    let simplifier = ExprSimplifier::new(context);
    let coerced = semantics::with_common_types(expr, &schema)
        .and_then(|expr| simplifier.coerce(expr, &schema))
        .and_then(|expr| session_zone::in_session(expr, &schema, state.config_options()))
        .and_then(|expr| semantics::with_our_meaning(expr, &schema))
        .map_err(from_datafusion)?;
    let (_, field) = coerced.to_field(&schema).map_err(from_datafusion)?;
    let simplified = simplifier.simplify(coerced).map_err(from_datafusion)?;
    let physical = state.create_physical_expr(simplified, &schema).map_err(from_datafusion)?;
    let one_row = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), vec![], &RecordBatchOptions::new().with_row_count(Some(1)))?;
    let value = physical.evaluate(&one_row).and_then(|value| value.into_array(1)).map_err(from_datafusion)?;
    Ok((value, field))
}

/// Evaluates a SQL expression of a certain type, and casts it.
///
/// # Errors
/// *Invalid* for a value of another type, or one that the cast would lose.
pub(crate) fn scalar_of(state: &SessionState, expr: SqlExpr, accepts: impl Fn(&DataType) -> bool, to: &DataType) -> Result<ScalarValue> {
    let (value, _) = evaluate(state, plan(state, expr)?)?;
    let shown = || arrow::util::display::array_value_to_string(&value, 0);
    if !accepts(value.data_type()) {
        return Err(Error::invalid(format!("'{}' is of type {}", shown()?, value.data_type())));
    }
    // A date is its midnight, wherever that is.
    let midnight = match (value.data_type(), to) {
        (DataType::Date32, DataType::Timestamp(unit, _)) => Some(arrow::compute::cast(&value, &DataType::Timestamp(*unit, None))?),
        _ => None,
    };
    let cast = arrow::compute::cast(midnight.as_ref().unwrap_or(&value), to)?;
    if cast.null_count() != value.null_count() {
        return Err(Error::invalid(format!("'{}' is not of type {to}", shown()?)));
    }
    ScalarValue::try_from_array(&cast, 0).map_err(from_datafusion)
}
