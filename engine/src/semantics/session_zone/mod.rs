//! Sessions whose time zone is not UTC: `SET timezone = 'Europe/Zurich'`.
//!
//! Moments are in UTC wherever they are kept and computed. What depends on the session's zone is written into the plan, once types are known: the clock of a
//! moment is `timezone(zone, x)` (`super::zones`), as if the query had said AT TIME ZONE, and where a function reads a clock and gives a moment, that is turned
//! back. So no operator and no function asks for the session. Texts of moments are made of values that carry the zone in their type, as are results.
//!
//! - here: casts, and arithmetic;
//! - `functions`: which functions read a clock, which do not, and which are refused, as nobody has decided about them;
//! - `shift`: a moment and an interval, whose days are the zone's.

mod functions;
mod shift;

use std::sync::Arc;

use arrow::array::{ArrayRef, StringViewArray};
use arrow::compute::cast as cast_array;
use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result as DataFusionResult};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr::{AggregateFunctionParams, Cast, ScalarFunction, TryCast};
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator, ScalarUDF, lit};
use datafusion::optimizer::AnalyzerRule;

use super::assignment::conform;
use super::typed::type_of;
use super::{walk, zones};
use crate::error::Result;
use crate::types::ZONE;

const CLOCK: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

/// The session's zone, if it is not UTC.
pub(crate) fn of(options: &ConfigOptions) -> Option<&str> {
    options.execution.time_zone.as_deref().filter(|zone| *zone != ZONE)
}

/// The rule. It belongs behind those that give expressions their types, before our meaning of casts.
#[derive(Debug)]
pub(super) struct SessionZone;

impl AnalyzerRule for SessionZone {
    fn analyze(&self, plan: LogicalPlan, options: &ConfigOptions) -> DataFusionResult<LogicalPlan> {
        match of(options) {
            Some(zone) => Ok(walk::every_expression(plan, |expr, place| rewritten(expr, &place.schema, zone))?.data),
            None => Ok(plan),
        }
    }

    fn name(&self) -> &str {
        "session_zone"
    }
}

/// An expression whose types are known, as it is meant in the session's zone.
pub(crate) fn in_session(expr: Expr, schema: &DFSchema, options: &ConfigOptions) -> DataFusionResult<Expr> {
    match of(options) {
        Some(zone) => Ok(rewritten(expr, schema, zone)?.data),
        None => Ok(expr),
    }
}

fn rewritten(expr: Expr, schema: &DFSchema, zone: &str) -> DataFusionResult<Transformed<Expr>> {
    expr.transform_up(|expr| match expr {
        Expr::Cast(Cast { expr, field }) => {
            casted(*expr, &field, schema, zone, |expr, to| Expr::Cast(Cast { expr: Box::new(expr), field: to }))
        }
        Expr::TryCast(TryCast { expr, field }) => {
            casted(*expr, &field, schema, zone, |expr, to| Expr::TryCast(TryCast { expr: Box::new(expr), field: to }))
        }
        Expr::BinaryExpr(binary) if matches!(binary.op, Operator::Plus | Operator::Minus) => sum(binary, schema, zone),
        Expr::ScalarFunction(call) => functions::rewritten(call, schema, zone),
        Expr::AggregateFunction(mut call) if functions::shows(call.func.name()) => {
            let AggregateFunctionParams { args, .. } = &mut call.params;
            let mut changed = false;
            for argument in args.iter_mut() {
                let shown = shown_argument(std::mem::take(argument), schema, zone)?;
                changed |= shown.transformed;
                *argument = shown.data;
            }
            Ok(Transformed::new_transformed(Expr::AggregateFunction(call), changed))
        }
        other => Ok(Transformed::no(other)),
    })
}

/// Whether it is the type of moments as they are kept.
fn is_moment(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(_, Some(zone)) if zone.as_ref() == ZONE)
}

/// The clock of a moment, or the moment of a clock.
fn turned(zone: &str, expr: Expr) -> Expr {
    let function = Arc::new(ScalarUDF::new_from_impl(zones::AtTimeZone::default()));
    Expr::ScalarFunction(ScalarFunction::new_udf(function, vec![lit(zone), expr]))
}

fn with_type(field: &FieldRef, data_type: DataType) -> FieldRef {
    Arc::new(field.as_ref().clone().with_data_type(data_type))
}

fn casted(
    expr: Expr,
    field: &FieldRef,
    schema: &DFSchema,
    zone: &str,
    cast: impl Fn(Expr, FieldRef) -> Expr,
) -> DataFusionResult<Transformed<Expr>> {
    let from = type_of(&expr, schema)?;
    let to = field.data_type();
    Ok(match (&from, to) {
        (from, DataType::Timestamp(_, None) | DataType::Date32 | DataType::Date64 | DataType::Time32(_) | DataType::Time64(_))
            if is_moment(from) =>
        {
            Transformed::yes(cast(turned(zone, expr), Arc::clone(field)))
        }
        (DataType::Timestamp(_, None), to) if is_moment(to) => Transformed::yes(cast(turned(zone, expr), Arc::clone(field))),
        (DataType::Date32 | DataType::Date64, to) if is_moment(to) => {
            let clock = cast(expr, with_type(field, CLOCK));
            Transformed::yes(cast(turned(zone, clock), Arc::clone(field)))
        }
        // A text may have an offset of its own: which it is is known when it is read.
        (from, to) if from.is_string() && is_moment(to) => {
            let read = cast(expr, with_type(field, shown_in(zone, to)));
            Transformed::yes(cast(read, Arc::clone(field)))
        }
        (from, to) if !is_moment(to) && !to.is_nested() || to.is_string() => match shown_in(zone, from) {
            shown if shown == *from => Transformed::no(cast(expr, Arc::clone(field))),
            shown => Transformed::yes(cast(cast(expr, with_type(field, shown)), Arc::clone(field))),
        },
        _ => Transformed::no(cast(expr, Arc::clone(field))),
    })
}

fn sum(BinaryExpr { left, op, right }: BinaryExpr, schema: &DFSchema, zone: &str) -> DataFusionResult<Transformed<Expr>> {
    let (left_type, right_type) = (type_of(&left, schema)?, type_of(&right, schema)?);
    let is_interval = |data_type: &DataType| matches!(data_type, DataType::Interval(_));
    Ok(match op {
        Operator::Plus if is_moment(&left_type) && is_interval(&right_type) => Transformed::yes(shift::later(zone, *left, *right)),
        Operator::Plus if is_interval(&left_type) && is_moment(&right_type) => Transformed::yes(shift::later(zone, *right, *left)),
        Operator::Minus if is_moment(&left_type) && is_interval(&right_type) => Transformed::yes(shift::earlier(zone, *left, *right)),
        _ => Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })),
    })
}

/// An argument whose text matters.
fn shown_argument(expr: Expr, schema: &DFSchema, zone: &str) -> DataFusionResult<Transformed<Expr>> {
    let from = type_of(&expr, schema)?;
    Ok(match shown_in(zone, &from) {
        shown if shown == from => Transformed::no(expr),
        shown => Transformed::yes(datafusion::logical_expr::cast(expr, shown)),
    })
}

/// A type with its moments, also those within lists, structs and maps, as a zone shows them.
pub(crate) fn shown_in(zone: &str, data_type: &DataType) -> DataType {
    let part = |field: &FieldRef| with_type(field, shown_in(zone, field.data_type()));
    match data_type {
        moment @ DataType::Timestamp(unit, _) if is_moment(moment) => DataType::Timestamp(*unit, Some(zone.into())),
        DataType::List(item) => DataType::List(part(item)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(part).collect()),
        DataType::Map(entries, sorted) => DataType::Map(part(entries), *sorted),
        other => other.clone(),
    }
}

/// [`conform`] for a session: clocks and moments become one another in its zone.
///
/// # Errors
/// As there.
pub(crate) fn conform_in(zone: Option<&str>, array: &ArrayRef, source: &Field, target: &Field) -> Result<ArrayRef> {
    let Some(zone) = zone else { return conform(array, source, target) };
    let turned = |times: &ArrayRef, to: &DataType| {
        let zones: ArrayRef = Arc::new(StringViewArray::from_iter_values(std::iter::repeat_n(zone, times.len())));
        zones::moved(&zones, times, to)
    };
    let (from, to) = (source.data_type(), target.data_type());
    match (from, to) {
        (DataType::Timestamp(unit, None), to) if is_moment(to) => {
            let moments = DataType::Timestamp(*unit, Some(ZONE.into()));
            conform(&turned(array, &moments)?, &source.clone().with_data_type(moments), target)
        }
        (DataType::Date32 | DataType::Date64, to) if is_moment(to) => {
            let moments = DataType::Timestamp(TimeUnit::Microsecond, Some(ZONE.into()));
            conform(&turned(&cast_array(array, &CLOCK)?, &moments)?, &source.clone().with_data_type(moments), target)
        }
        (from, DataType::Timestamp(_, None) | DataType::Date32 | DataType::Date64 | DataType::Time32(_) | DataType::Time64(_))
            if is_moment(from) =>
        {
            conform(&turned(array, &CLOCK)?, &source.clone().with_data_type(CLOCK), target)
        }
        _ => {
            let (shown_from, shown_to) = (shown_in(zone, from), shown_in(zone, to));
            let conformed = match shown_from == *from || from == to {
                true => conform(array, source, &target.clone().with_data_type(shown_to.clone()))?,
                false => {
                    let shown = cast_array(array, &shown_from)?;
                    conform(&shown, &source.clone().with_data_type(shown_from), &target.clone().with_data_type(shown_to.clone()))?
                }
            };
            match shown_to == *to {
                true => Ok(conformed),
                false => Ok(cast_array(&conformed, to)?),
            }
        }
    }
}
