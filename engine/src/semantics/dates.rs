//! DATEs compared with constant TIMESTAMPs, such as `DATE '1995-01-01' + INTERVAL '1 year'`, as what says the same of DATEs: row groups are pruned by it, and
//! no date is cast.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::expr::{Between, Cast, InList};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, lit};

use super::common_types::is_comparison;
use super::typed::type_of;

const MICROS_A_DAY: i64 = 86_400_000_000;
const MOMENT: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

/// A comparison of a DATE with constants of which one is a TIMESTAMP, as one with DATEs; others as they were.
pub(super) fn compared(expr: Expr, schema: &DFSchema) -> Result<Expr, Expr> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_comparison(op) => {
            let swapped = match (is_date(&left, schema), is_date(&right, schema), op.swap()) {
                (true, false, _) => Some((&left, op, &right)),
                (false, true, Some(op)) => Some((&right, op, &left)),
                _ => None,
            };
            let compared = swapped.and_then(|(date, op, moment)| {
                let (op, constant) = with_date(op, micros(constant(moment)?)?)?;
                Some(Expr::BinaryExpr(BinaryExpr::new(date.clone(), op, Box::new(constant))))
            });
            compared.ok_or(Expr::BinaryExpr(BinaryExpr { left, op, right }))
        }
        Expr::Between(Between { expr, negated, low, high })
            if is_date(&expr, schema) && !(is_date(&low, schema) && is_date(&high, schema)) =>
        {
            let bounds = constant(&low).zip(constant(&high)).and_then(|(low, high)| {
                let (low, high) = (micros(low)?, micros(high)?);
                Some((date(low.div_euclid(MICROS_A_DAY) + i64::from(!is_midnight(low)))?, date(high.div_euclid(MICROS_A_DAY))?))
            });
            match bounds {
                Some((low, high)) => Ok(Expr::Between(Between { expr, negated, low: Box::new(low), high: Box::new(high) })),
                None => Err(Expr::Between(Between { expr, negated, low, high })),
            }
        }
        Expr::InList(InList { expr, list, negated }) if is_date(&expr, schema) && !list.iter().all(|item| is_date(item, schema)) => {
            let day = |item: &Expr| {
                constant(item).and_then(micros).filter(|micros| is_midnight(*micros)).and_then(|micros| date(micros / MICROS_A_DAY))
            };
            match list.iter().map(day).collect::<Option<Vec<_>>>() {
                Some(list) => Ok(Expr::InList(InList { expr, list, negated })),
                None => Err(Expr::InList(InList { expr, list, negated })),
            }
        }
        other => Err(other),
    }
}

fn is_date(expr: &Expr, schema: &DFSchema) -> bool {
    type_of(expr, schema).is_ok_and(|data_type| data_type == DataType::Date32)
}

fn is_midnight(micros: i64) -> bool {
    micros % MICROS_A_DAY == 0
}

fn date(days: i64) -> Option<Expr> {
    Some(lit(ScalarValue::Date32(Some(i32::try_from(days).ok()?))))
}

/// What a comparison with a moment says of dates.
fn with_date(op: Operator, micros: i64) -> Option<(Operator, Expr)> {
    let op = match (op, is_midnight(micros)) {
        (op, true) => op,
        // No date is within a day.
        (Operator::Lt | Operator::LtEq, false) => Operator::LtEq,
        (Operator::Gt | Operator::GtEq, false) => Operator::Gt,
        _ => return None,
    };
    Some((op, date(micros.div_euclid(MICROS_A_DAY))?))
}

fn micros(constant: ScalarValue) -> Option<i64> {
    match constant {
        ScalarValue::Date32(Some(days)) => i64::from(days).checked_mul(MICROS_A_DAY),
        ScalarValue::TimestampMicrosecond(Some(micros), None) => Some(micros),
        _ => None,
    }
}

/// The value of what is written with constants alone: literals, casts of texts and dates, intervals added.
fn constant(expr: &Expr) -> Option<ScalarValue> {
    match expr {
        Expr::Literal(value, _) => {
            Some(value.clone()).filter(|value| !value.is_null() && matches!(value.data_type(), DataType::Date32 | MOMENT))
        }
        Expr::Cast(Cast { expr, field }) if *field.data_type() == DataType::Date32 || *field.data_type() == MOMENT => {
            let value = match expr.as_ref() {
                Expr::Literal(text, _) if text.data_type().is_string() => text.clone(),
                other => constant(other).filter(|value| field.data_type() == &MOMENT || value.data_type() == DataType::Date32)?,
            };
            value.cast_to(field.data_type()).ok().filter(|value| !value.is_null())
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Plus, right }) => {
            let (moment, interval) = if is_interval(right) { (left, right) } else { (right, left) };
            constant(moment)?.add(interval_of(interval)?).ok()
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Minus, right }) => constant(left)?.sub(interval_of(right)?).ok(),
        _ => None,
    }
}

fn is_interval(expr: &Expr) -> bool {
    interval_of(expr).is_some()
}

fn interval_of(expr: &Expr) -> Option<&ScalarValue> {
    match expr {
        Expr::Literal(interval @ ScalarValue::IntervalMonthDayNano(Some(_)), _) => Some(interval),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_within_a_day_is_behind_its_date() {
        let noon = MICROS_A_DAY + MICROS_A_DAY / 2;
        for (op, micros, expected) in [
            (Operator::Lt, MICROS_A_DAY, Some((Operator::Lt, 1))),
            (Operator::GtEq, MICROS_A_DAY, Some((Operator::GtEq, 1))),
            (Operator::Eq, MICROS_A_DAY, Some((Operator::Eq, 1))),
            (Operator::Lt, noon, Some((Operator::LtEq, 1))),
            (Operator::GtEq, noon, Some((Operator::Gt, 1))),
            (Operator::LtEq, -noon, Some((Operator::LtEq, -2))),
            (Operator::Eq, noon, None),
            (Operator::NotEq, noon, None),
        ] {
            let expected = expected.map(|(op, days)| (op, lit(ScalarValue::Date32(Some(days)))));
            assert_eq!(with_date(op, micros), expected, "{op} {micros}");
        }
    }
}
