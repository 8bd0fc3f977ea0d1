//! Integers as differences from the least (a frame of reference), in one, two, four or eight bytes each.
//!
//! Comparisons with a constant become comparisons of differences, eight or sixteen at once in a vector register; a batch whose bounds answer the
//! question is not looked at.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use super::{BATCH_ROWS, Rows};
use crate::bits::Bits;
use crate::set::IntegerSet;
use crate::whole::{Whole, each_type};

/// The integers of a chunk.
#[derive(Debug)]
pub struct Integers {
    /// The least value; NULLs count as this one.
    least: i64,
    differences: Differences,
    /// The least and the greatest difference of every batch, NULLs aside. A batch of NULLs has a least one above the greatest.
    bounds: Vec<(u64, u64)>,
}

/// Differences in as few bytes as the greatest takes.
#[derive(Debug)]
enum Differences {
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
    U64(Vec<u64>),
}

/// Runs an expression with the differences, whatever their width.
macro_rules! each_width {
    ($differences:expr, $values:ident => $body:expr) => {
        match $differences {
            Differences::U8($values) => $body,
            Differences::U16($values) => $body,
            Differences::U32($values) => $body,
            Differences::U64($values) => $body,
        }
    };
}

/// A difference.
trait Difference: Copy + PartialOrd + Into<u64> {
    fn narrow(value: u64) -> Self;
    fn minus(self, other: Self) -> Self;
}

macro_rules! difference {
    ($($native:ty),*) => {
        $(impl Difference for $native {
            // Callers have checked that it fits.
            #[allow(clippy::cast_possible_truncation)]
            fn narrow(value: u64) -> Self {
                value as $native
            }

            fn minus(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }
        })*
    };
}

difference!(u8, u16, u32, u64);

impl Integers {
    /// The integers of an array; `None` if its type has none, or one does not fit 64 bits.
    pub(super) fn new(array: &ArrayRef) -> Option<Self> {
        each_type!(array.data_type(), T => Self::of_primitive(array.as_primitive::<T>()), else None)
    }

    fn of_primitive<T: ArrowPrimitiveType<Native: Whole>>(array: &PrimitiveArray<T>) -> Option<Self> {
        let rows = array.values();
        let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
        let mut batches = Vec::with_capacity(rows.len().div_ceil(BATCH_ROWS));
        for (number, batch) in rows.chunks(BATCH_ROWS).enumerate() {
            let mut least = i64::MAX;
            let mut greatest = i64::MIN;
            match nulls {
                None => {
                    let mut fits = true;
                    for value in batch {
                        let value = value.whole();
                        fits &= value.is_some();
                        let value = value.unwrap_or_default();
                        least = least.min(value);
                        greatest = greatest.max(value);
                    }
                    if !fits {
                        return None;
                    }
                }
                Some(nulls) => {
                    for (_, value) in batch.iter().enumerate().filter(|(row, _)| nulls.is_valid(number * BATCH_ROWS + row)) {
                        let value = value.whole()?;
                        least = least.min(value);
                        greatest = greatest.max(value);
                    }
                }
            }
            batches.push((least, greatest));
        }
        let filled = || batches.iter().filter(|(least, greatest)| least <= greatest);
        let least = filled().map(|batch| batch.0).min().unwrap_or_default();
        let greatest = filled().map(|batch| batch.1).max().unwrap_or_default();
        let difference = |value: i64| value.wrapping_sub(least).cast_unsigned();
        let bounds = batches.iter().map(|(from, to)| if from <= to { (difference(*from), difference(*to)) } else { (1, 0) }).collect();
        let of = |row: usize, value: &T::Native| match nulls {
            Some(nulls) if nulls.is_null(row) => 0,
            _ => difference(value.whole().unwrap_or(least)),
        };
        let narrow = rows.iter().enumerate().map(|(row, value)| of(row, value));
        let differences = match difference(greatest) {
            0..=0xFF => Differences::U8(narrow.map(u8::narrow).collect()),
            0x100..=0xFFFF => Differences::U16(narrow.map(u16::narrow).collect()),
            0x1_0000..=0xFFFF_FFFF => Differences::U32(narrow.map(u32::narrow).collect()),
            _ => Differences::U64(narrow.collect()),
        };
        Some(Self { least, differences, bounds })
    }

    /// Bytes in memory.
    pub(super) fn memory_size(&self) -> usize {
        size_of_val(self.bounds.as_slice()) + each_width!(&self.differences, values => size_of_val(values.as_slice()))
    }

    /// A range of values as a range of differences; `None` if nothing can be in it.
    fn as_differences(&self, from: i128, to: i128) -> Option<(u64, u64)> {
        let base = i128::from(self.least);
        let from = from.saturating_sub(base).max(0);
        let to = to.saturating_sub(base).min(i128::from(u64::MAX));
        (from <= to).then(|| (u64::try_from(from).unwrap_or(u64::MAX), u64::try_from(to).unwrap_or(u64::MAX)))
    }

    /// Keeps, in the bits of one batch, the rows whose value lies between the two, or with `outside` those whose value does not. NULLs are not looked at.
    pub(crate) fn keep_between(&self, range: &Range<usize>, from: i128, to: i128, outside: bool, mask: &mut Bits) {
        let (least, greatest) = self.bounds.get(range.start / BATCH_ROWS).copied().unwrap_or((1, 0));
        let Some((from, to)) = self.as_differences(from, to).filter(|(from, to)| least <= *to && greatest >= *from) else {
            if !outside {
                mask.clear(range);
            }
            return;
        };
        if from <= least && greatest <= to {
            if outside {
                mask.clear(range);
            }
            return;
        }
        // The bounds overlap, so both fit the width.
        fn between<T: Difference>(values: &[T], from: u64, to: u64, outside: bool, range: &Range<usize>, mask: &mut Bits) {
            let (from, width) = (T::narrow(from), T::narrow(to - from));
            mask.and_each(range, values, |value| (value.minus(from) <= width) != outside);
        }
        each_width!(&self.differences, values => {
            let values = &values[range.clone()];
            let greatest = match &self.differences {
                Differences::U8(_) => u64::from(u8::MAX),
                Differences::U16(_) => u64::from(u16::MAX),
                Differences::U32(_) => u64::from(u32::MAX),
                Differences::U64(_) => u64::MAX,
            };
            between(values, from, to.min(greatest), outside, range, mask);
        });
    }

    /// Keeps, in the bits of one batch, the rows whose value is in a set, or with `outside` those whose value is not. NULLs are not looked at.
    #[allow(clippy::useless_conversion, reason = "one of the widths is what they become")]
    pub(crate) fn keep_in(&self, range: &Range<usize>, set: &IntegerSet, outside: bool, mask: &mut Bits) {
        let least = self.least;
        each_width!(&self.differences, values => {
            mask.and_some(range, &values[range.clone()], |value| {
                set.contains(least.wrapping_add(u64::from(value).cast_signed())) != outside
            });
        });
    }

    /// Rows in an Arrow type.
    pub(super) fn gather(&self, data_type: &DataType, rows: Rows<'_>, nulls: Option<NullBuffer>) -> Result<ArrayRef, ArrowError> {
        fn collect<T: Whole, D: Difference>(least: i64, values: &[D], rows: Rows<'_>) -> Vec<T> {
            let value = |difference: D| T::of(least.wrapping_add(difference.into().cast_signed()));
            match rows {
                Rows::Range(start, end) => values[start..end].iter().map(|difference| value(*difference)).collect(),
                Rows::Indices(indices) => indices.iter().map(|row| value(values[*row as usize])).collect(),
            }
        }
        let unknown = || ArrowError::InvalidArgumentError(format!("{data_type} is not kept as integers"));
        each_type!(data_type, T => {
            let values: Vec<<T as ArrowPrimitiveType>::Native> = each_width!(&self.differences, values => collect(self.least, values, rows));
            Ok(Arc::new(PrimitiveArray::<T>::new(values.into(), nulls).with_data_type(data_type.clone())))
        }, else Err(unknown()))
    }
}
