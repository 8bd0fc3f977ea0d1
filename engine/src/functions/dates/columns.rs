//! Parts, beginnings and distances of whole columns of dates and timestamps.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, PrimitiveArray};
use arrow::datatypes::{ArrowPrimitiveType, Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;

use super::super::rows::{Column, Out};
use super::between::boundaries;
use super::calendar::DAY;
use super::field::Field;
use super::parts::of_moment;
use super::truncate::truncated;
use crate::error::{Error, Result};

/// A part that is named by the first column, of the second.
pub(super) fn named_part(columns: &[(Column<'_>, bool)]) -> Result<Option<ArrayRef>> {
    match columns {
        [name, moments] => match constant_field(name)? {
            Some(field) => part(field, std::slice::from_ref(moments)),
            None => Ok(None),
        },
        _ => Ok(None),
    }
}

/// A part of a column.
pub(super) fn part(field: Field, columns: &[(Column<'_>, bool)]) -> Result<Option<ArrayRef>> {
    // What has a fraction is a DOUBLE, and only moments have an offset.
    if field.is_fraction() || field == Field::Timezone {
        return Ok(None);
    }
    let of = |micros: i64| match of_moment(field, micros)? {
        Out::Int(part) => Ok(part),
        other => Err(Error::internal(format!("a part of a date is {other:?}"))),
    };
    Ok(match columns {
        [(Column::Timestamp(moments), false)] => Some(each::<_, Int64Type>(moments, of)?),
        [(Column::Date(dates), false)] => Some(each::<_, Int64Type>(dates, |days| of(i64::from(days) * DAY))?),
        _ => None,
    })
}

/// The beginning of what the first column names, of the second.
pub(super) fn beginning(columns: &[(Column<'_>, bool)]) -> Result<Option<ArrayRef>> {
    let [name, (Column::Timestamp(moments), false)] = columns else { return Ok(None) };
    let Some(field) = constant_field(name)? else { return Ok(None) };
    let moments_then = try_each::<_, TimestampMicrosecondType>(moments, |micros| truncated(field, micros))?;
    Ok(Some(Arc::new(moments_then.with_data_type(moments.data_type().clone()))))
}

/// How many times what the first column names begins between the others.
pub(super) fn distance(columns: &[(Column<'_>, bool)]) -> Result<Option<ArrayRef>> {
    let [name, (Column::Timestamp(from), from_is_one), (Column::Timestamp(to), to_is_one)] = columns else { return Ok(None) };
    let Some(field) = constant_field(name)? else { return Ok(None) };
    Ok(match (from_is_one, to_is_one) {
        (false, true) if to.is_valid(0) => {
            let to = to.value(0);
            Some(each::<_, Int64Type>(from, |from| boundaries(field, from, to))?)
        }
        (true, false) if from.is_valid(0) => {
            let from = from.value(0);
            Some(each::<_, Int64Type>(to, |to| boundaries(field, from, to))?)
        }
        (false, false) => {
            let distances = arrow::compute::kernels::arity::try_binary::<_, _, _, Int64Type>(*from, *to, |from, to| {
                boundaries(field, from, to).map_err(through_arrow)
            });
            let distances: Int64Array = distances.map_err(from_arrow)?;
            Some(Arc::new(distances))
        }
        _ => None,
    })
}

/// The part that a constant names.
fn constant_field(name: &(Column<'_>, bool)) -> Result<Option<Field>> {
    match name {
        (Column::Text(names, _), true) if names.is_valid(0) => Field::parse(names.value(0)).map(Some),
        _ => Ok(None),
    }
}

fn each<T: ArrowPrimitiveType, O: ArrowPrimitiveType>(
    values: &PrimitiveArray<T>,
    of: impl Fn(T::Native) -> Result<O::Native>,
) -> Result<ArrayRef> {
    Ok(Arc::new(try_each::<T, O>(values, of)?))
}

fn try_each<T: ArrowPrimitiveType, O: ArrowPrimitiveType>(
    values: &PrimitiveArray<T>,
    of: impl Fn(T::Native) -> Result<O::Native>,
) -> Result<PrimitiveArray<O>> {
    values.try_unary::<_, O, Error>(of)
}

fn through_arrow(error: Error) -> ArrowError {
    ArrowError::ExternalError(Box::new(error))
}

fn from_arrow(error: ArrowError) -> Error {
    match error {
        ArrowError::ExternalError(inner) => match inner.downcast::<Error>() {
            Ok(ours) => *ours,
            Err(other) => Error::invalid(other.to_string()),
        },
        other => Error::from(other),
    }
}
