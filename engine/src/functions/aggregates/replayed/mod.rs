//! Aggregates whose rows are kept and handed to the aggregate again: in an order of their own, without repetitions, without those that a frame excludes.
//!
//! - `frames`: an aggregate over each frame of a window, computed anew: for what cannot take rows back, for ORDER BY within it and for EXCLUDE.
//! - `ordered`: an aggregate with an ORDER BY beside others with another one, which no single sort of the input satisfies.

mod frames;
mod ordered;

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, UInt64Array};
use arrow::compute::{SortOptions, take};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use arrow::row::{RowConverter, Rows, SortField};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::type_coercion::functions::fields_with_udf;
use datafusion::logical_expr::{Accumulator, AggregateUDF};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::{AggregateExprBuilder, AggregateFunctionExpr};
use datafusion::physical_expr::expressions::{Column, Literal};

use crate::error::{Error, to_datafusion, while_planning};
use crate::semantics::order_keys;

pub(in crate::functions) use frames::{framed, takes_rows_back};
pub(crate) use ordered::ordered;

/// What an aggregate is handed: how many of the columns are its own arguments; behind them stand the keys of its order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Clauses {
    arguments: usize,
    distinct: bool,
    keys: Vec<SortOptions>,
}

impl Clauses {
    fn is_plain(&self) -> bool {
        !self.distinct && self.keys.is_empty()
    }

    /// How its order and DISTINCT are written, so that two of them have two names.
    fn written(&self) -> String {
        let keys = self.keys.iter().map(|options| format!(" {options}"));
        format!("{}{}", if self.distinct { " DISTINCT" } else { "" }, keys.collect::<String>())
    }
}

/// The types that an aggregate's own arguments become; what stands behind them stays.
fn coerced(function: &AggregateUDF, arguments: usize, types: &[DataType]) -> Result<Vec<DataType>> {
    let own: Vec<FieldRef> = types.iter().take(arguments).map(|data_type| Arc::new(Field::new("", data_type.clone(), true))).collect();
    let compares = matches!(function.name(), "min" | "max" | "arg_min" | "arg_max" | "arg_min_null" | "arg_max_null" | "mode");
    if compares && own.iter().any(|field| matches!(field.data_type(), DataType::Interval(_))) {
        let error = Error::unsupported(format!("{} of an INTERVAL in such a window is not supported", function.name()));
        return Err(while_planning(error.with_hint("epoch(x) is its length in seconds, which can be compared")));
    }
    let mut all: Vec<DataType> = fields_with_udf(&own, function)?.iter().map(|field| field.data_type().clone()).collect();
    all.extend(types.iter().skip(arguments).cloned());
    Ok(all)
}

/// The aggregate itself, over columns that are handed to it; what is a constant stays one.
fn aggregate(
    function: &Arc<AggregateUDF>,
    exprs: &[Arc<dyn PhysicalExpr>],
    fields: &[FieldRef],
    ignore_nulls: bool,
) -> Result<AggregateFunctionExpr> {
    let named: Vec<Field> = fields.iter().enumerate().map(|(at, field)| field.as_ref().clone().with_name(format!("_{at}"))).collect();
    let columns = exprs.iter().enumerate().map(|(at, expr)| match expr.downcast_ref::<Literal>() {
        Some(_) => Arc::clone(expr),
        None => Arc::new(Column::new(&format!("_{at}"), at)) as Arc<dyn PhysicalExpr>,
    });
    AggregateExprBuilder::new(Arc::clone(function), columns.collect())
        .schema(Arc::new(Schema::new(named)))
        .alias(function.name())
        .with_ignore_nulls(ignore_nulls)
        .build()
}

/// Rows in a form in which they compare as bytes.
fn comparable(columns: &[ArrayRef], options: &[SortOptions]) -> Result<Rows> {
    let keys: Vec<ArrayRef> = columns.iter().map(order_keys).collect::<std::result::Result<_, _>>()?;
    let fields = keys.iter().zip(options).map(|(key, options)| SortField::new_with_options(key.data_type().clone(), *options));
    let fields: Vec<SortField> = fields.collect();
    if !RowConverter::supports_fields(&fields) {
        return Err(to_datafusion(Error::unsupported("sorting and comparing values of this type in an aggregate is not supported")));
    }
    Ok(RowConverter::new(fields)?.convert_columns(&keys)?)
}

/// The columns of an aggregate's rows, and what is needed to choose and to sort among them.
#[derive(Debug)]
struct Input {
    arguments: Vec<ArrayRef>,
    keys: Option<Rows>,
    values: Option<Rows>,
}

impl Input {
    fn new(columns: &[ArrayRef], clauses: &Clauses) -> Result<Self> {
        let (arguments, keys) = columns.split_at(clauses.arguments.min(columns.len()));
        let keys = keys.get(..clauses.keys.len()).unwrap_or_default();
        let plain = vec![SortOptions::default(); arguments.len()];
        Ok(Self {
            arguments: arguments.to_vec(),
            keys: if clauses.keys.is_empty() { None } else { Some(comparable(keys, &clauses.keys)?) },
            values: if clauses.distinct { Some(comparable(arguments, &plain)?) } else { None },
        })
    }

    /// Hands rows to an accumulator: sorted, those that are equal in their order; each of several with the same values once.
    fn feed(&self, mut rows: Vec<usize>, accumulator: &mut dyn Accumulator) -> Result<()> {
        if let Some(keys) = &self.keys {
            rows.sort_by(|left, right| keys.row(*left).cmp(&keys.row(*right)));
        }
        if let Some(values) = &self.values {
            let mut seen = HashSet::new();
            rows.retain(|row| seen.insert(values.row(*row)));
        }
        if rows.is_empty() {
            return Ok(());
        }
        let rows = UInt64Array::from_iter_values(rows.into_iter().map(|row| u64::try_from(row).unwrap_or(u64::MAX)));
        let taken = self.arguments.iter().map(|column| take(column, &rows, None)).collect::<std::result::Result<Vec<_>, _>>()?;
        accumulator.update_batch(&taken)
    }

    /// Hands rows that stand side by side to an accumulator, as they are.
    fn feed_slice(&self, rows: &std::ops::Range<usize>, accumulator: &mut dyn Accumulator) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let slices: Vec<ArrayRef> = self.arguments.iter().map(|column| column.slice(rows.start, rows.len())).collect();
        accumulator.update_batch(&slices)
    }
}

/// A scalar of exactly the type that a column has: some aggregates leave names of fields within to chance.
fn in_type(value: ScalarValue, data_type: &DataType) -> Result<ScalarValue> {
    match value.data_type() == *data_type {
        true => Ok(value),
        false => value.cast_to(data_type),
    }
}
