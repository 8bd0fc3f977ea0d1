//! Intervals compared by their length: a month is 30 days, a day 24 hours, as in PostgreSQL and DuckDB.
//!
//! Arrow compares months, then days, then nanoseconds, so that 25 hours come before one day. Here both sides of a comparison, and keys of sorts and joins,
//! become their length in nanoseconds. Grouping keeps intervals apart that are written otherwise ('24 hours', '1 day').

use std::sync::{Arc, LazyLock};

use arrow::array::{AsArray, Decimal128Array};
use arrow::compute::cast;
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, IntervalMonthDayNanoType, IntervalUnit};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::{AggregateFunction, Between, InList, ScalarFunction, WindowFunction};
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, SortExpr, Volatility,
};

use super::typed::type_of;
use crate::error::{Error, to_datafusion};

const NANOS_A_DAY: i128 = 86_400_000_000_000;
const DAYS_A_MONTH: i128 = 30;

/// Functions that compare their arguments themselves.
const COMPARING: [&str; 6] = ["min", "max", "greatest", "least", "nullif", "median"];

static LENGTH: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Arc::new(ScalarUDF::new_from_impl(Length::default())));

/// A comparison, or a function that sorts, with lengths in place of intervals.
///
/// # Errors
/// *Unsupported* for functions that would compare intervals part by part.
pub(super) fn rewritten(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    Ok(match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            if !is_interval(&left, schema)? || !is_interval(&right, schema)? {
                return Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })));
            }
            Transformed::yes(Expr::BinaryExpr(BinaryExpr::new(Box::new(length(*left)), op, Box::new(length(*right)))))
        }
        Expr::Between(Between { expr, negated, low, high }) if is_interval(&expr, schema)? => {
            let [expr, low, high] = [expr, low, high].map(|operand| Box::new(length(*operand)));
            Transformed::yes(Expr::Between(Between { expr, negated, low, high }))
        }
        Expr::InList(InList { expr, list, negated }) if is_interval(&expr, schema)? => {
            let list = list.into_iter().map(length).collect();
            Transformed::yes(Expr::InList(InList { expr: Box::new(length(*expr)), list, negated }))
        }
        Expr::AggregateFunction(AggregateFunction { func, mut params }) => {
            refuse(func.name(), &params.args, schema)?;
            let changed = keys(&mut params.order_by, schema)?;
            Transformed::new_transformed(Expr::AggregateFunction(AggregateFunction { func, params }), changed)
        }
        Expr::WindowFunction(mut window) => {
            let WindowFunction { fun, params } = &mut *window;
            refuse(fun.name(), &params.args, schema)?;
            let changed = keys(&mut params.order_by, schema)?;
            Transformed::new_transformed(Expr::WindowFunction(window), changed)
        }
        Expr::ScalarFunction(ScalarFunction { func, args }) => {
            refuse(func.name(), &args, schema)?;
            Transformed::no(Expr::ScalarFunction(ScalarFunction { func, args }))
        }
        other => Transformed::no(other),
    })
}

/// A key of a sort or a join.
pub(super) fn key(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match is_interval(&expr, schema)? {
        true => Ok(Transformed::yes(length(expr))),
        false => Ok(Transformed::no(expr)),
    }
}

fn keys(order_by: &mut [SortExpr], schema: &DFSchema) -> Result<bool> {
    let mut changed = false;
    for sort in order_by {
        let key = key(std::mem::take(&mut sort.expr), schema)?;
        changed |= key.transformed;
        sort.expr = key.data;
    }
    Ok(changed)
}

fn refuse(function: &str, args: &[Expr], schema: &DFSchema) -> Result<()> {
    if !COMPARING.contains(&function) {
        return Ok(());
    }
    for argument in args {
        if is_interval(argument, schema)? {
            let error = Error::unsupported(format!("{function} of an INTERVAL is not supported"));
            return Err(to_datafusion(error.with_hint("ORDER BY the interval, with LIMIT 1; or compare with CASE WHEN")));
        }
    }
    Ok(())
}

fn is_interval(expr: &Expr, schema: &DFSchema) -> Result<bool> {
    Ok(matches!(type_of(expr, schema)?, DataType::Interval(_)))
}

fn length(interval: Expr) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(&LENGTH), vec![interval]))
}

/// The length of an interval in nanoseconds.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Length {
    signature: Signature,
}

impl Default for Length {
    fn default() -> Self {
        Self { signature: Signature::any(1, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Length {
    fn name(&self) -> &str {
        "interval_length"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
        let intervals = cast(&arrays[0], &DataType::Interval(IntervalUnit::MonthDayNano))?;
        let intervals = intervals.as_primitive::<IntervalMonthDayNanoType>();
        let lengths: Decimal128Array = intervals.unary(|interval| {
            let days = i128::from(interval.months) * DAYS_A_MONTH + i128::from(interval.days);
            days * NANOS_A_DAY + i128::from(interval.nanoseconds)
        });
        Ok(ColumnarValue::Array(Arc::new(lengths.with_precision_and_scale(DECIMAL128_MAX_PRECISION, 0)?)))
    }
}
