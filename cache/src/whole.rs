//! Types that are integers inside: whole numbers, dates, times, timestamps, decimals. Who works on 64-bit integers works on all of them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::DataType;

/// As many digits as always fit 64 bits.
const DIGITS: u8 = 18;

/// Runs an expression with the Arrow type behind a data type whose values are integers of at most 64 bits, a decimal's included.
macro_rules! each_type {
    ($data_type:expr, $type:ident => $body:expr, else $otherwise:expr) => {
        match $data_type {
            arrow::datatypes::DataType::Int8 => {
                type $type = arrow::datatypes::Int8Type;
                $body
            }
            arrow::datatypes::DataType::Int16 => {
                type $type = arrow::datatypes::Int16Type;
                $body
            }
            arrow::datatypes::DataType::Int32 => {
                type $type = arrow::datatypes::Int32Type;
                $body
            }
            arrow::datatypes::DataType::Int64 => {
                type $type = arrow::datatypes::Int64Type;
                $body
            }
            arrow::datatypes::DataType::UInt8 => {
                type $type = arrow::datatypes::UInt8Type;
                $body
            }
            arrow::datatypes::DataType::UInt16 => {
                type $type = arrow::datatypes::UInt16Type;
                $body
            }
            arrow::datatypes::DataType::UInt32 => {
                type $type = arrow::datatypes::UInt32Type;
                $body
            }
            arrow::datatypes::DataType::UInt64 => {
                type $type = arrow::datatypes::UInt64Type;
                $body
            }
            arrow::datatypes::DataType::Date32 => {
                type $type = arrow::datatypes::Date32Type;
                $body
            }
            arrow::datatypes::DataType::Date64 => {
                type $type = arrow::datatypes::Date64Type;
                $body
            }
            arrow::datatypes::DataType::Time32(arrow::datatypes::TimeUnit::Second) => {
                type $type = arrow::datatypes::Time32SecondType;
                $body
            }
            arrow::datatypes::DataType::Time32(arrow::datatypes::TimeUnit::Millisecond) => {
                type $type = arrow::datatypes::Time32MillisecondType;
                $body
            }
            arrow::datatypes::DataType::Time64(arrow::datatypes::TimeUnit::Microsecond) => {
                type $type = arrow::datatypes::Time64MicrosecondType;
                $body
            }
            arrow::datatypes::DataType::Time64(arrow::datatypes::TimeUnit::Nanosecond) => {
                type $type = arrow::datatypes::Time64NanosecondType;
                $body
            }
            arrow::datatypes::DataType::Timestamp(arrow::datatypes::TimeUnit::Second, _) => {
                type $type = arrow::datatypes::TimestampSecondType;
                $body
            }
            arrow::datatypes::DataType::Timestamp(arrow::datatypes::TimeUnit::Millisecond, _) => {
                type $type = arrow::datatypes::TimestampMillisecondType;
                $body
            }
            arrow::datatypes::DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, _) => {
                type $type = arrow::datatypes::TimestampMicrosecondType;
                $body
            }
            arrow::datatypes::DataType::Timestamp(arrow::datatypes::TimeUnit::Nanosecond, _) => {
                type $type = arrow::datatypes::TimestampNanosecondType;
                $body
            }
            arrow::datatypes::DataType::Decimal128(_, _) => {
                type $type = arrow::datatypes::Decimal128Type;
                $body
            }
            _ => $otherwise,
        }
    };
}

pub(crate) use each_type;

/// A native value of Arrow as an integer, and back.
pub(crate) trait Whole: Copy {
    fn whole(self) -> Option<i64>;
    fn of(value: i64) -> Self;
}

macro_rules! whole {
    ($($native:ty),*) => {
        $(impl Whole for $native {
            fn whole(self) -> Option<i64> {
                i64::try_from(self).ok()
            }

            // What went in comes out: a value is only made of a difference that was made of a value of this type.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_lossless)]
            fn of(value: i64) -> Self {
                value as $native
            }
        })*
    };
}

whole!(i8, i16, i32, i64, u8, u16, u32, u64, i128);

/// Whether all values of a type fit 64 bits with a sign.
pub fn is_whole(data_type: &DataType) -> bool {
    match data_type {
        DataType::UInt64 => false,
        DataType::Decimal128(precision, _) => *precision <= DIGITS,
        other => each_type!(other, T => size_of::<<T as ArrowPrimitiveType>::Native>() <= size_of::<i64>(), else false),
    }
}

/// An array's values, NULLs as whatever lies there; `false`, with nothing appended, if its type has none, or one does not fit.
pub fn append_values(array: &dyn Array, values: &mut Vec<i64>) -> bool {
    fn append<T: ArrowPrimitiveType<Native: Whole>>(array: &PrimitiveArray<T>, values: &mut Vec<i64>) -> bool {
        let before = values.len();
        let mut fits = true;
        values.extend(array.values().iter().enumerate().map(|(row, value)| {
            let whole = value.whole();
            fits &= whole.is_some() || array.is_null(row);
            whole.unwrap_or_default()
        }));
        if !fits {
            values.truncate(before);
        }
        fits
    }
    each_type!(array.data_type(), T => append(array.as_primitive::<T>(), values), else false)
}

/// An array of values that came from [`append_values`]; `None` if the type has none.
pub fn from_values(data_type: &DataType, values: &[i64], nulls: Option<NullBuffer>) -> Option<ArrayRef> {
    each_type!(data_type, T => {
        let values: Vec<<T as ArrowPrimitiveType>::Native> = values.iter().map(|value| Whole::of(*value)).collect();
        Some(Arc::new(PrimitiveArray::<T>::new(values.into(), nulls).with_data_type(data_type.clone())) as ArrayRef)
    }, else None)
}
