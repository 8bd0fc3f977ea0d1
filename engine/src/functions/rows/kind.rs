//! The kinds of values that row functions take and give.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit};

use crate::types::ZONE;

/// A kind of value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::functions) enum Kind {
    /// BOOLEAN.
    Bool,
    /// BIGINT, and every whole number that is narrower.
    Int,
    /// UBIGINT. Only a result.
    Unsigned,
    /// DOUBLE, and every number.
    Float,
    /// VARCHAR.
    Text,
    /// BLOB.
    Bytes,
    /// DATE.
    Date,
    /// TIME.
    Time,
    /// TIMESTAMP; a DATE is its midnight.
    Timestamp,
    /// TIMESTAMP WITH TIME ZONE.
    Moment,
    /// INTERVAL.
    Interval,
    /// VARCHAR[].
    Texts,
    /// Any value, as the text that results show. Only an argument.
    Shown,
}

impl Kind {
    /// Its type; none for what keeps the argument's own.
    pub(in crate::functions) fn data_type(self) -> Option<DataType> {
        Some(match self {
            Self::Bool => DataType::Boolean,
            Self::Int => DataType::Int64,
            Self::Unsigned => DataType::UInt64,
            Self::Float => DataType::Float64,
            Self::Text => DataType::Utf8View,
            Self::Bytes => DataType::BinaryView,
            Self::Date => DataType::Date32,
            Self::Time => DataType::Time64(TimeUnit::Microsecond),
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::Moment => DataType::Timestamp(TimeUnit::Microsecond, Some(ZONE.into())),
            Self::Interval => DataType::Interval(IntervalUnit::MonthDayNano),
            Self::Texts => DataType::List(Arc::new(Field::new_list_field(DataType::Utf8View, true))),
            Self::Shown => return None,
        })
    }

    /// How far a value of a type is from this kind; none if it never becomes one by itself. A text becomes anything but numbers are no texts, so that
    /// `date_diff('day', '2024-01-01', d)` works and `left(12345, 2)` says what is wrong.
    pub(super) fn distance(self, from: &DataType) -> Option<u32> {
        // A text that is to become something else: farther than everything that has a type of its own.
        const PARSED: u32 = 100;
        if *from == DataType::Null {
            return Some(1);
        }
        let is_text = from.is_string();
        match self {
            Self::Shown => Some(10),
            Self::Unsigned => None,
            Self::Text => is_text.then_some(0),
            Self::Bool if *from == DataType::Boolean => Some(0),
            Self::Int if *from == DataType::Int64 => Some(0),
            Self::Int if from.is_integer() => Some(1),
            Self::Float if *from == DataType::Float64 => Some(0),
            Self::Float if from.is_numeric() => Some(3),
            Self::Bytes => matches!(from, DataType::Binary | DataType::LargeBinary | DataType::BinaryView).then_some(0),
            Self::Date if matches!(from, DataType::Date32 | DataType::Date64) => Some(0),
            Self::Time if matches!(from, DataType::Time32(_) | DataType::Time64(_)) => Some(0),
            Self::Timestamp => match from {
                DataType::Timestamp(_, None) => Some(0),
                DataType::Date32 | DataType::Date64 => Some(2),
                DataType::Timestamp(_, Some(_)) => Some(5),
                _ => is_text.then_some(PARSED),
            },
            Self::Moment => match from {
                DataType::Timestamp(_, Some(_)) => Some(0),
                DataType::Timestamp(_, None) | DataType::Date32 | DataType::Date64 => Some(7),
                _ => is_text.then_some(PARSED + 5),
            },
            Self::Interval if matches!(from, DataType::Interval(_) | DataType::Duration(_)) => Some(0),
            Self::Texts => match from {
                DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
                    (item.data_type().is_string() || *item.data_type() == DataType::Null).then_some(0)
                }
                _ => None,
            },
            _ => is_text.then_some(PARSED + 10),
        }
    }
}
