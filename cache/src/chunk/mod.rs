//! A decoded column of one row group, as the cache keeps it: compact, unfiltered, never changed.
//!
//! Whatever is an integer inside (integers, dates, times, timestamps, decimals of up to 18 digits) is kept as the difference from the least value, in
//! as many bytes as the greatest difference takes ([`Integers`]): TPC-H's `l_shipdate` takes two bytes a row, `l_discount` one. Strings with a
//! dictionary in the file keep it ([`Dictionary`]); others are one run of bytes with offsets. What is left stays as Arrow has it.
//!
//! Rows leave a chunk as the Arrow type that queries see ([`Chunk::gather`]).

mod dictionary;
mod integers;

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewArray, UInt32Array};
use arrow::buffer::NullBuffer;
use arrow::compute::{cast, take};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

pub use dictionary::Dictionary;
pub use integers::Integers;

use crate::bits::{self, Bits};
use crate::forms;
use crate::whole::is_whole;

/// Rows that are looked at together: minimum and maximum are kept for so many, and filters work on so many at once. They and their
/// intermediate results fit a core's first cache.
pub const BATCH_ROWS: usize = 8192;

/// What a chunk costs beside its values: itself, the key, and the cache's own bookkeeping.
const OVERHEAD: usize = 384;

/// A column of a row group in memory.
#[derive(Debug)]
pub struct Chunk {
    data_type: DataType,
    rows: usize,
    nulls: Option<NullBuffer>,
    values: Values,
}

/// How a chunk keeps its values.
#[derive(Debug)]
pub enum Values {
    /// Differences from the least value.
    Integers(Integers),
    /// Codes into distinct strings.
    Dictionary(Dictionary),
    /// Strings that are mostly different (`Utf8`): offsets into one run of bytes.
    Strings(ArrayRef),
    /// Anything else, in the type that queries see.
    Plain(ArrayRef),
}

/// Which rows of a chunk are wanted.
#[derive(Debug, Clone, Copy)]
pub enum Rows<'a> {
    /// All of a range.
    Range(usize, usize),
    /// These, ascending.
    Indices(&'a [u32]),
}

impl Rows<'_> {
    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Self::Range(start, end) => end - start,
            Self::Indices(indices) => indices.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Chunk {
    /// Keeps an array, which becomes `data_type` when it leaves. Strings may come as dictionaries of `Int32` codes.
    ///
    /// # Errors
    /// Those of Arrow's cast, where the array is not of the type and cannot become it.
    pub fn new(array: ArrayRef, data_type: &DataType) -> Result<Self, ArrowError> {
        let rows = array.len();
        let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0).cloned();
        let (nulls, values) = match array.data_type() {
            DataType::Dictionary(_, _) if *data_type == DataType::Utf8View => match Dictionary::new(&array)? {
                Some((dictionary, nulls)) => (nulls, Values::Dictionary(dictionary)),
                None => (nulls, Values::Plain(cast(&array, data_type)?)),
            },
            DataType::Utf8 if *data_type == DataType::Utf8View => (nulls, Values::Strings(array)),
            DataType::Decimal32(..) | DataType::Decimal64(..) if is_whole(data_type) => {
                match Integers::new(&forms::integers(Arc::clone(&array))) {
                    Some(integers) => (nulls, Values::Integers(integers)),
                    None => (nulls, Values::Plain(forms::seen(array)?)),
                }
            }
            from => {
                let array = if from == data_type { array } else { cast(&array, data_type)? };
                match Integers::new(&array) {
                    Some(integers) => (nulls, Values::Integers(integers)),
                    None => (nulls, Values::Plain(array)),
                }
            }
        };
        Ok(Self { data_type: data_type.clone(), rows, nulls, values })
    }

    /// The type that queries see.
    pub fn data_type(&self) -> &DataType {
        &self.data_type
    }

    /// Rows of the row group.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How the values are kept.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// How many rows are NULL.
    pub fn null_count(&self) -> usize {
        self.nulls.as_ref().map_or(0, NullBuffer::null_count)
    }

    /// Bytes in memory, bookkeeping included.
    pub fn memory_size(&self) -> usize {
        let values = match &self.values {
            Values::Integers(integers) => integers.memory_size(),
            Values::Dictionary(dictionary) => dictionary.memory_size(),
            Values::Strings(array) | Values::Plain(array) => array.get_array_memory_size(),
        };
        OVERHEAD + values + self.nulls.as_ref().map_or(0, |nulls| nulls.buffer().len())
    }

    /// Clears the bits of rows that are NULL. `range` starts at a multiple of 64.
    pub(crate) fn keep_valid(&self, range: &Range<usize>, mask: &mut Bits) {
        if let Some(nulls) = &self.nulls {
            mask.and(range, bits::words(nulls.inner(), range));
        }
    }

    /// Clears the bits of rows that are not NULL. `range` starts at a multiple of 64.
    pub(crate) fn keep_null(&self, range: &Range<usize>, mask: &mut Bits) {
        match &self.nulls {
            Some(nulls) => mask.and(range, bits::words(nulls.inner(), range).into_iter().map(|word| !word)),
            None => mask.clear(range),
        }
    }

    /// Rows, in the type that queries see.
    ///
    /// # Errors
    /// Those of Arrow's kernels; none that a chunk of this crate should cause.
    pub fn gather(&self, rows: Rows<'_>) -> Result<ArrayRef, ArrowError> {
        let nulls = || self.nulls.as_ref().map(|nulls| gather_nulls(nulls, rows)).filter(|nulls| nulls.null_count() > 0);
        match &self.values {
            Values::Integers(integers) => integers.gather(&self.data_type, rows, nulls()),
            Values::Dictionary(dictionary) => dictionary.gather(rows, nulls()),
            Values::Strings(array) => {
                let array = gather_plain(array, rows)?;
                Ok(Arc::new(StringViewArray::from(array.as_string::<i32>())))
            }
            Values::Plain(array) => gather_plain(array, rows),
        }
    }
}

fn gather_plain(array: &ArrayRef, rows: Rows<'_>) -> Result<ArrayRef, ArrowError> {
    match rows {
        Rows::Range(start, end) => Ok(array.slice(start, end - start)),
        Rows::Indices(indices) => take(array, &UInt32Array::from(indices.to_vec()), None),
    }
}

fn gather_nulls(nulls: &NullBuffer, rows: Rows<'_>) -> NullBuffer {
    match rows {
        Rows::Range(start, end) => nulls.slice(start, end - start),
        Rows::Indices(indices) => indices.iter().map(|row| nulls.is_valid(*row as usize)).collect(),
    }
}
