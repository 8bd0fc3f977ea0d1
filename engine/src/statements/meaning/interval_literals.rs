//! INTERVAL in a statement: constants in the one spelling that Arrow reads rightly, `INTERVAL (n) DAY` as a call.

use arrow::datatypes::IntervalMonthDayNano;
use datafusion::sql::sqlparser::ast::{DollarQuotedString, Expr, Interval, UnaryOperator, Value};

use super::refuse::unsupported;
use super::resolve::ast::{call, take, text};
use crate::error::{Error, Result};
use crate::types::interval;

/// Rewrites an INTERVAL, or a sign in front of one; those within have been. Other expressions stay.
pub(crate) fn standardize(expr: &mut Expr) -> Result<()> {
    match expr {
        Expr::Interval(found) => {
            if let Some(rewritten) = rewritten(found)? {
                *expr = rewritten;
            }
        }
        Expr::UnaryOp { op: UnaryOperator::Minus, expr: inner } => {
            if let Expr::Interval(found) = inner.as_mut()
                && let Some(written) = constant(&found.value)
            {
                // DataFusion would give the sign to the first part alone.
                let negated = interval::parse(&written)?.checked_neg();
                *expr = literal(negated.ok_or_else(|| Error::invalid(format!("-INTERVAL '{written}' is out of range")))?);
            }
        }
        _ => {}
    }
    Ok(())
}

/// None for what has its one spelling already.
fn rewritten(found: &mut Interval) -> Result<Option<Expr>> {
    let Interval { value, leading_field, leading_precision, last_field, fractional_seconds_precision } = found;
    if last_field.is_some() {
        return Err(unsupported("INTERVAL ... TO ...").with_hint("leave it out, as in INTERVAL '1-2' and INTERVAL '1 12:30:00'"));
    }
    if leading_precision.is_some() || fractional_seconds_precision.is_some() {
        return Err(unsupported("INTERVAL with a number of digits").with_hint("leave the digits out"));
    }
    let unit = leading_field.as_ref().map(ToString::to_string);
    if unit.is_none() && matches!(value.as_ref(), Expr::Value(number) if matches!(number.value, Value::Number(..))) {
        // What stands behind it, if it is no unit, has become the name of the column.
        return Err(Error::invalid(format!("INTERVAL {value} has no unit"))
            .with_hint("units are YEAR, QUARTER, MONTH, WEEK, DAY, HOUR, MINUTE, SECOND, as in INTERVAL 5 DAY"));
    }
    if let Some(amount) = constant(value) {
        let whole = unit.map_or_else(|| amount.clone(), |unit| format!("{amount} {unit}"));
        return interval::parse(&whole).map(|interval| Some(literal(interval)));
    }
    let Some(unit) = unit else {
        return Err(Error::invalid("an INTERVAL has no unit").with_hint("write INTERVAL (n) DAY, or n * INTERVAL '1 day'"));
    };
    match interval::plural(&unit) {
        // Of a nanosecond there is no function, as nothing else counts them.
        Some(plural) if plural != "nanoseconds" => Ok(Some(call(&format!("to_{plural}"), vec![take(value)]))),
        _ => Err(Error::invalid(format!("'{unit}' is no unit of an INTERVAL"))
            .with_hint("units are YEAR, MONTH, WEEK, DAY, HOUR, MINUTE, SECOND")),
    }
}

/// What a constant is written as.
fn constant(value: &Expr) -> Option<String> {
    match value {
        Expr::Value(value) => match &value.value {
            Value::Number(text, _)
            | Value::SingleQuotedString(text)
            | Value::DollarQuotedString(DollarQuotedString { value: text, .. }) => Some(text.clone()),
            _ => None,
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => constant(expr).map(|amount| format!("-{amount}")),
        Expr::Nested(inner) => constant(inner),
        _ => None,
    }
}

fn literal(value: IntervalMonthDayNano) -> Expr {
    Expr::Interval(Interval {
        value: Box::new(text(&interval::for_arrow(value))),
        leading_field: None,
        leading_precision: None,
        last_field: None,
        fractional_seconds_precision: None,
    })
}
