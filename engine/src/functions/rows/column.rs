//! Arguments as columns that give their rows' values, and the column of results.

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewArray, BinaryViewBuilder, BooleanArray, BooleanBuilder, Date32Builder, Float64Array,
    Float64Builder, Int64Array, Int64Builder, IntervalMonthDayNanoArray, IntervalMonthDayNanoBuilder, ListArray, ListBuilder,
    PrimitiveArray, StringViewArray, StringViewBuilder, Time64MicrosecondBuilder, TimestampMicrosecondBuilder, UInt64Builder,
    new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Field, Float64Type, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, Time64MicrosecondType, TimeUnit,
    TimestampMicrosecondType,
};

use std::sync::Arc;

use super::Kind;
use super::cell::{Cell, DAY, Out};
use crate::error::{Error, Result};
use crate::semantics::as_text;
use crate::types::ZONE;

/// An argument in the type of its kind.
///
/// # Errors
/// Arrow's, for a value that has no place in it.
pub(super) fn in_kind(kind: Kind, field: &Field, array: &ArrayRef) -> Result<ArrayRef> {
    match kind.data_type() {
        None if *array.data_type() == DataType::Null => Ok(new_null_array(&DataType::Utf8View, array.len())),
        None if array.data_type().is_string() => Ok(cast(array, &DataType::Utf8View)?),
        None => as_text(field, array),
        Some(_) if matches!(array.data_type(), DataType::Duration(_)) => {
            let micros = cast(&cast(array, &DataType::Duration(TimeUnit::Microsecond))?, &DataType::Int64)?;
            let interval = |micros: i64| IntervalMonthDayNano {
                months: 0,
                days: i32::try_from(micros / DAY).unwrap_or(i32::MAX),
                nanoseconds: micros % DAY * 1000,
            };
            Ok(Arc::new(micros.as_primitive::<Int64Type>().unary::<_, IntervalMonthDayNanoType>(interval)))
        }
        Some(data_type) if data_type == *array.data_type() => Ok(Arc::clone(array)),
        Some(data_type) => Ok(cast(array, &data_type)?),
    }
}

/// An argument's values.
#[derive(Debug)]
pub(in crate::functions) enum Column<'a> {
    Bool(&'a BooleanArray),
    Int(&'a Int64Array),
    Float(&'a Float64Array),
    /// Also whether they are numbers that are shown.
    Text(&'a StringViewArray, bool),
    Bytes(&'a BinaryViewArray),
    Date(&'a PrimitiveArray<Date32Type>),
    Time(&'a PrimitiveArray<Time64MicrosecondType>),
    Timestamp(&'a PrimitiveArray<TimestampMicrosecondType>),
    Interval(&'a IntervalMonthDayNanoArray),
    Texts(&'a ListArray, &'a StringViewArray),
}

impl<'a> Column<'a> {
    /// The values of an array that has the kind's type, and had another type before.
    pub(in crate::functions) fn new(kind: Kind, array: &'a ArrayRef, from: &DataType) -> Result<Self> {
        let column = match kind {
            Kind::Bool => array.as_boolean_opt().map(Self::Bool),
            Kind::Int => array.as_primitive_opt::<Int64Type>().map(Self::Int),
            Kind::Float => array.as_primitive_opt::<Float64Type>().map(Self::Float),
            Kind::Text | Kind::Shown => array.as_string_view_opt().map(|texts| Self::Text(texts, from.is_numeric())),
            Kind::Bytes => array.as_binary_view_opt().map(Self::Bytes),
            Kind::Date => array.as_primitive_opt::<Date32Type>().map(Self::Date),
            Kind::Time => array.as_primitive_opt::<Time64MicrosecondType>().map(Self::Time),
            Kind::Timestamp | Kind::Moment => array.as_primitive_opt::<TimestampMicrosecondType>().map(Self::Timestamp),
            Kind::Interval => array.as_primitive_opt::<IntervalMonthDayNanoType>().map(Self::Interval),
            Kind::Unsigned => None,
            Kind::Texts => {
                let lists = array.as_list_opt::<i32>();
                lists.and_then(|lists| lists.values().as_string_view_opt().map(|texts| Self::Texts(lists, texts)))
            }
        };
        column.ok_or_else(|| Error::internal(format!("an argument of kind {kind:?} has type {}", array.data_type())))
    }

    fn array(&self) -> &'a dyn Array {
        match *self {
            Self::Bool(array) => array,
            Self::Int(array) => array,
            Self::Float(array) => array,
            Self::Text(array, _) => array,
            Self::Bytes(array) => array,
            Self::Date(array) => array,
            Self::Time(array) => array,
            Self::Timestamp(array) => array,
            Self::Interval(array) => array,
            Self::Texts(array, _) => array,
        }
    }

    /// The value in a row.
    pub(super) fn cell(&self, row: usize) -> Cell<'a> {
        if self.array().is_null(row) {
            return Cell::Null;
        }
        match *self {
            Self::Bool(array) => Cell::Bool(array.value(row)),
            Self::Int(array) => Cell::Int(array.value(row)),
            Self::Float(array) => Cell::Float(array.value(row)),
            Self::Text(array, true) => Cell::Number(array.value(row)),
            Self::Text(array, false) => Cell::Text(array.value(row)),
            Self::Bytes(array) => Cell::Bytes(array.value(row)),
            Self::Date(array) => Cell::Date(array.value(row)),
            Self::Time(array) => Cell::Micros(array.value(row)),
            Self::Timestamp(array) => Cell::Micros(array.value(row)),
            Self::Interval(array) => Cell::Interval(array.value(row)),
            Self::Texts(lists, texts) => {
                let offsets = lists.value_offsets();
                let range = offsets[row].unsigned_abs() as usize..offsets[row + 1].unsigned_abs() as usize;
                Cell::Texts(range.map(|item| texts.is_valid(item).then(|| texts.value(item))).collect())
            }
        }
    }
}

/// The column of results.
pub(super) enum Results {
    Bool(BooleanBuilder),
    Int(Int64Builder),
    Unsigned(UInt64Builder),
    Float(Float64Builder),
    Text(StringViewBuilder),
    Bytes(BinaryViewBuilder),
    Date(Date32Builder),
    Time(Time64MicrosecondBuilder),
    Timestamp(TimestampMicrosecondBuilder),
    Interval(IntervalMonthDayNanoBuilder),
    Texts(ListBuilder<StringViewBuilder>),
}

impl Results {
    pub(super) fn new(kind: Kind, rows: usize) -> Self {
        match kind {
            Kind::Bool => Self::Bool(BooleanBuilder::with_capacity(rows)),
            Kind::Int => Self::Int(Int64Builder::with_capacity(rows)),
            Kind::Unsigned => Self::Unsigned(UInt64Builder::with_capacity(rows)),
            Kind::Float => Self::Float(Float64Builder::with_capacity(rows)),
            Kind::Text | Kind::Shown => Self::Text(StringViewBuilder::with_capacity(rows)),
            Kind::Bytes => Self::Bytes(BinaryViewBuilder::with_capacity(rows)),
            Kind::Date => Self::Date(Date32Builder::with_capacity(rows)),
            Kind::Time => Self::Time(Time64MicrosecondBuilder::with_capacity(rows)),
            Kind::Timestamp => Self::Timestamp(TimestampMicrosecondBuilder::with_capacity(rows)),
            Kind::Moment => Self::Timestamp(TimestampMicrosecondBuilder::with_capacity(rows).with_timezone(ZONE)),
            Kind::Interval => Self::Interval(IntervalMonthDayNanoBuilder::with_capacity(rows)),
            Kind::Texts => Self::Texts(ListBuilder::new(StringViewBuilder::new())),
        }
    }

    pub(super) fn push(&mut self, out: Out<'_>) -> Result<()> {
        match (self, out) {
            (Self::Bool(builder), Out::Bool(value)) => builder.append_value(value),
            (Self::Bool(builder), Out::Null) => builder.append_null(),
            (Self::Int(builder), Out::Int(value)) => builder.append_value(value),
            (Self::Int(builder), Out::Null) => builder.append_null(),
            (Self::Unsigned(builder), Out::Unsigned(value)) => builder.append_value(value),
            (Self::Unsigned(builder), Out::Null) => builder.append_null(),
            (Self::Float(builder), Out::Float(value)) => builder.append_value(value),
            (Self::Float(builder), Out::Int(value)) => builder.append_value(value as f64),
            (Self::Float(builder), Out::Null) => builder.append_null(),
            (Self::Text(builder), Out::Text(value)) => builder.append_value(value),
            (Self::Text(builder), Out::Null) => builder.append_null(),
            (Self::Bytes(builder), Out::Bytes(value)) => builder.append_value(value),
            (Self::Bytes(builder), Out::Null) => builder.append_null(),
            (Self::Date(builder), Out::Date(value)) => builder.append_value(value),
            (Self::Date(builder), Out::Null) => builder.append_null(),
            (Self::Time(builder), Out::Micros(value)) => builder.append_value(value),
            (Self::Time(builder), Out::Null) => builder.append_null(),
            (Self::Timestamp(builder), Out::Micros(value)) => builder.append_value(value),
            (Self::Timestamp(builder), Out::Null) => builder.append_null(),
            (Self::Interval(builder), Out::Interval(value)) => builder.append_value(value),
            (Self::Interval(builder), Out::Null) => builder.append_null(),
            (Self::Texts(builder), Out::Texts(texts)) => {
                for text in texts {
                    builder.values().append_option(text);
                }
                builder.append(true);
            }
            (Self::Texts(builder), Out::Null) => builder.append(false),
            (_, out) => return Err(Error::internal(format!("a function's result is {out:?}"))),
        }
        Ok(())
    }

    pub(super) fn finish(self) -> ArrayRef {
        match self {
            Self::Bool(mut builder) => Arc::new(builder.finish()),
            Self::Int(mut builder) => Arc::new(builder.finish()),
            Self::Unsigned(mut builder) => Arc::new(builder.finish()),
            Self::Float(mut builder) => Arc::new(builder.finish()),
            Self::Text(mut builder) => Arc::new(builder.finish()),
            Self::Bytes(mut builder) => Arc::new(builder.finish()),
            Self::Date(mut builder) => Arc::new(builder.finish()),
            Self::Time(mut builder) => Arc::new(builder.finish()),
            Self::Timestamp(mut builder) => Arc::new(builder.finish()),
            Self::Interval(mut builder) => Arc::new(builder.finish()),
            Self::Texts(mut builder) => Arc::new(builder.finish()),
        }
    }
}
