//! INSERT ... VALUES: each value is evaluated and cast on its own, so that a wrong one is named with its row and column.
//!
//! This does not go through a query plan: most inserts are a row of literals, and planning costs more than all else that one does.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, new_null_array};
use arrow::compute::concat;
use arrow::datatypes::{DataType, Field};
use clouddb_storage::catalog::{Column, TableMeta};
use clouddb_storage::{TableSnapshot, Transaction};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr as LogicalExpr;
use datafusion::sql::sqlparser::ast::{Expr, UnaryOperator, Value};

use super::insert::{default_of, wrong_count};
use crate::error::{Error, Result, from_datafusion};
use crate::semantics::session_zone::{self, conform_in};
use crate::statements::context::Context;
use crate::statements::meaning::macros::expand;
use crate::statements::meaning::refuse;
use crate::statements::meaning::rewrite;
use crate::statements::rows::constant;

/// Values are cast in batches of this many rows: bounds memory for the one-element arrays in between.
const ROWS_IN_A_BATCH: usize = 4_096;

/// Inserts rows of expressions; `listed` are the positions of the table's columns that they are for. Returns the number of rows.
pub(crate) async fn insert(
    context: &Context,
    transaction: &mut Transaction,
    target: &TableSnapshot,
    listed: &[usize],
    rows: Vec<Vec<Expr>>,
) -> Result<u64> {
    let table = target.meta();
    let mut from = vec![None; table.columns.len()];
    listed.iter().enumerate().for_each(|(at, column)| from[*column] = Some(at));
    let defaults = (0..table.columns.len()).map(|position| default_of(context, table, position)).collect::<Result<Vec<_>>>()?;
    let mut writer = transaction.writer(table.id)?;
    let count = rows.len();
    let mut first = 0;
    let mut rest = rows.into_iter();
    loop {
        let chunk: Vec<Vec<Expr>> = rest.by_ref().take(ROWS_IN_A_BATCH).collect();
        if chunk.is_empty() {
            break;
        }
        let rows_in_chunk = chunk.len();
        let batch = batch(context, table, &from, &defaults, listed.len(), chunk, first)?;
        writer.write(batch).await?;
        first += rows_in_chunk;
    }
    let segments = writer.finish().await?;
    transaction.append(table.id, segments)?;
    Ok(count as u64)
}

fn batch(
    context: &Context,
    table: &TableMeta,
    from: &[Option<usize>],
    defaults: &[Option<LogicalExpr>],
    listed: usize,
    rows: Vec<Vec<Expr>>,
    first: usize,
) -> Result<RecordBatch> {
    let mut columns: Vec<Vec<ArrayRef>> = table.columns.iter().map(|_| Vec::with_capacity(rows.len())).collect();
    for (number, row) in rows.into_iter().enumerate() {
        let number = first + number + 1;
        if row.len() != listed {
            return Err(wrong_count(table, listed, row.len()).context(format!("row {number} of VALUES")));
        }
        let mut row: Vec<Option<Expr>> = row.into_iter().map(Some).collect();
        for (position, column) in table.columns.iter().enumerate() {
            let expr = from[position].and_then(|at| row[at].take());
            let value = value(context, column, expr, defaults[position].as_ref())
                .map_err(|error| error.context(format!("row {number} of VALUES")))?;
            columns[position].push(value);
        }
    }
    let arrays = columns.iter().map(|values| {
        let values: Vec<&dyn Array> = values.iter().map(|value| value.as_ref()).collect();
        Ok(concat(&values)?)
    });
    let arrays = arrays.collect::<Result<Vec<_>>>()?;
    Ok(RecordBatch::try_new(table.arrow_schema(), arrays)?)
}

/// One value of one row, as an array of one.
fn value(context: &Context, column: &Column, expr: Option<Expr>, default: Option<&LogicalExpr>) -> Result<ArrayRef> {
    let evaluated = match expr {
        Some(expr) if !is_default(&expr) => evaluate(context, expr)?,
        _ => match default {
            Some(default) => constant::evaluate(&context.state, default.clone())?,
            None => (new_null_array(&DataType::Null, 1), Arc::new(Field::new("value", DataType::Null, true))),
        },
    };
    let cast = conform_in(session_zone::of(context.state.config_options()), &evaluated.0, &evaluated.1, column.field())?;
    if !column.field().is_nullable() && cast.null_count() > 0 {
        return Err(Error::invalid(format!("column '{}' is NOT NULL and gets NULL", column.name())));
    }
    Ok(cast)
}

/// The keyword DEFAULT.
fn is_default(expr: &Expr) -> bool {
    matches!(expr, Expr::Identifier(ident) if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("default"))
}

fn evaluate(context: &Context, expr: Expr) -> Result<(ArrayRef, Arc<Field>)> {
    if let Some(literal) = literal(&expr) {
        let field = Arc::new(Field::new("value", literal.data_type(), true));
        return Ok((literal.to_array().map_err(from_datafusion)?, field));
    }
    let mut expr = expr;
    expand::expand(&context.snapshot, context.current_schema(), &mut expr)?;
    refuse::check_expression(&expr)?;
    let expr = rewrite::rewrite_expression(expr)?;
    constant::evaluate(&context.state, constant::plan(&context.state, expr)?)
}

/// A literal that means what it is: strings, whole numbers, NULL, TRUE and FALSE. Others go the long way.
fn literal(expr: &Expr) -> Option<ScalarValue> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(ScalarValue::Utf8View(Some(text.clone()))),
            Value::Number(digits, _) => digits.parse::<i64>().ok().map(|number| ScalarValue::Int64(Some(number))),
            Value::Boolean(value) => Some(ScalarValue::Boolean(Some(*value))),
            Value::Null => Some(ScalarValue::Null),
            _ => None,
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match expr.as_ref() {
            Expr::Value(value) => match &value.value {
                Value::Number(digits, _) => format!("-{digits}").parse::<i64>().ok().map(|number| ScalarValue::Int64(Some(number))),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}
