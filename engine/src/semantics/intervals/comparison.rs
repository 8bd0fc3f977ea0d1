//! Intervals compared by their length: a month is 30 days, a day 24 hours, as in PostgreSQL and DuckDB.
//!
//! Arrow compares months, then days, then nanoseconds, so that 25 hours come before one day. Here both sides of a comparison, and keys of sorts and joins,
//! become their length in nanoseconds. Where that is not done, what would compare intervals part by part is refused; but GROUP BY, DISTINCT and UNION keep
//! intervals apart that are written otherwise ('24 hours', '1 day').

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, AsArray, Decimal128Array};
use arrow::compute::cast;
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, IntervalMonthDayNanoType, IntervalUnit};
use arrow::error::ArrowError;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::expr::{AggregateFunction, Between, Case, InList, ScalarFunction, WindowFunction};
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, SortExpr, Volatility,
    WindowFunctionDefinition,
};

use super::super::typed::type_of;
use super::extremes;
use crate::error::{Error, to_datafusion};

const NANOS_A_DAY: i128 = 86_400_000_000_000;
const DAYS_A_MONTH: i128 = 30;

/// Functions that compare their arguments, or what is in them.
const COMPARING: [&str; 21] = [
    "nullif",
    "array_max",
    "array_min",
    "array_position",
    "array_positions",
    "array_has",
    "array_has_all",
    "array_has_any",
    "array_remove",
    "array_remove_n",
    "array_remove_all",
    "array_replace",
    "array_replace_n",
    "array_replace_all",
    "array_intersect",
    "array_except",
    "mode",
    "list_position",
    "list_max",
    "list_min",
    "list_aggregate",
];

static LENGTH: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Arc::new(ScalarUDF::new_from_impl(Length::default())));

/// A comparison, or a function that sorts, with lengths in place of intervals.
///
/// # Errors
/// *Unsupported* for functions that would compare intervals part by part.
pub(in crate::semantics) fn rewritten(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    Ok(match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            for operand in [&left, &right] {
                refuse_nested(operand, schema)?;
            }
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
        Expr::Case(Case { expr: Some(base), when_then_expr, else_expr }) if is_interval(&base, schema)? => {
            let when_then_expr = when_then_expr.into_iter().map(|(when, then)| (Box::new(length(*when)), then)).collect();
            Transformed::yes(Expr::Case(Case { expr: Some(Box::new(length(*base))), when_then_expr, else_expr }))
        }
        Expr::InSubquery(in_subquery) if is_interval(&in_subquery.expr, schema)? => {
            return Err(unsupported("IN (SELECT ...) of an INTERVAL", "write EXISTS (SELECT 1 ... WHERE ... = ...)"));
        }
        Expr::AggregateFunction(AggregateFunction { mut func, mut params }) => {
            refuse(func.name(), &params.args, schema)?;
            let is_extreme = extremes::by_length(&mut func, &mut params.args, schema)?;
            params.distinct &= !is_extreme;
            let has_keys = keys(&mut params.order_by, schema)?;
            Transformed::new_transformed(Expr::AggregateFunction(AggregateFunction { func, params }), is_extreme || has_keys)
        }
        Expr::WindowFunction(mut window) => {
            let WindowFunction { fun, params } = &mut *window;
            refuse(fun.name(), &params.args, schema)?;
            let is_extreme = match fun {
                WindowFunctionDefinition::AggregateUDF(func) => {
                    let name = func.name().to_owned();
                    let is_extreme = extremes::by_length(func, &mut params.args, schema)?;
                    // What leaves the frame cannot be taken back.
                    if is_extreme && !params.window_frame.start_bound.is_unbounded() {
                        return Err(unsupported(
                            &format!("{name} of an INTERVAL over a frame that moves"),
                            "epoch(x) is its length in seconds, which can be compared",
                        ));
                    }
                    is_extreme
                }
                WindowFunctionDefinition::WindowUDF(_) => false,
            };
            let has_keys = keys(&mut params.order_by, schema)?;
            Transformed::new_transformed(Expr::WindowFunction(window), is_extreme || has_keys)
        }
        Expr::ScalarFunction(ScalarFunction { func, mut args })
            if func.name() == "nullif" && args.len() == 2 && is_interval(&args[0], schema)? && is_interval(&args[1], schema)? =>
        {
            let (value, other) = (std::mem::take(&mut args[0]), std::mem::take(&mut args[1]));
            let is_other = Expr::BinaryExpr(BinaryExpr::new(Box::new(length(value.clone())), Operator::Eq, Box::new(length(other))));
            let null = Expr::Literal(ScalarValue::IntervalMonthDayNano(None), None);
            Transformed::yes(Expr::Case(Case::new(None, vec![(Box::new(is_other), Box::new(null))], Some(Box::new(value)))))
        }
        Expr::ScalarFunction(ScalarFunction { func, args }) => {
            refuse(func.name(), &args, schema)?;
            extremes::of_values(ScalarFunction { func, args }, schema)?
        }
        other => Transformed::no(other),
    })
}

/// A key of a sort or a join.
pub(in crate::semantics) fn key(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    refuse_nested(&expr, schema)?;
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
        if holds_interval(&type_of(argument, schema)?) {
            return Err(unsupported(
                &format!("{function} of an INTERVAL"),
                "ORDER BY the interval, with LIMIT 1; or compare with CASE WHEN",
            ));
        }
    }
    Ok(())
}

fn refuse_nested(expr: &Expr, schema: &DFSchema) -> Result<()> {
    let data_type = type_of(expr, schema)?;
    match data_type.is_nested() && holds_interval(&data_type) {
        true => Err(unsupported("comparing lists, structs and maps of INTERVALs", "compare or sort by the INTERVALs in them")),
        false => Ok(()),
    }
}

fn unsupported(what: &str, hint: &str) -> DataFusionError {
    to_datafusion(Error::unsupported(format!("{what} is not supported")).with_hint(hint))
}

fn holds_interval(data_type: &DataType) -> bool {
    match data_type {
        DataType::Interval(_) => true,
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) | DataType::Map(item, _) => {
            holds_interval(item.data_type())
        }
        DataType::Struct(fields) => fields.iter().any(|field| holds_interval(field.data_type())),
        _ => false,
    }
}

pub(super) fn is_interval(expr: &Expr, schema: &DFSchema) -> Result<bool> {
    Ok(matches!(type_of(expr, schema)?, DataType::Interval(_)))
}

pub(super) fn length(interval: Expr) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(&LENGTH), vec![interval]))
}

/// The lengths of intervals, in nanoseconds.
fn lengths(intervals: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let intervals = cast(intervals, &DataType::Interval(IntervalUnit::MonthDayNano))?;
    let lengths: Decimal128Array = intervals.as_primitive::<IntervalMonthDayNanoType>().unary(|interval| {
        let days = i128::from(interval.months) * DAYS_A_MONTH + i128::from(interval.days);
        days * NANOS_A_DAY + i128::from(interval.nanoseconds)
    });
    Ok(Arc::new(lengths.with_precision_and_scale(DECIMAL128_MAX_PRECISION, 0)?))
}

/// What values are sorted by: intervals by their lengths, all others by themselves.
pub(crate) fn order_keys(values: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match values.data_type() {
        DataType::Interval(_) => lengths(values),
        _ => Ok(Arc::clone(values)),
    }
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
        Ok(ColumnarValue::Array(lengths(&arrays[0])?))
    }
}
