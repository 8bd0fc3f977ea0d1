//! In which Arrow types the Parquet decoder hands out columns: those that cost least on the way to what becomes of them.
//!
//! A decimal of up to 18 digits lies in a file as 32 or 64 bits. Decoded as the 128 bits that queries see, a row group of it takes two megabytes of
//! fresh memory, so it stays narrow until a batch of its rows is needed.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, PrimitiveArray};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Decimal32Type, Decimal64Type, Decimal128Type, Field, Int32Type, Int64Type, Schema};
use arrow::error::ArrowError;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::basic::{Encoding, PageType, Type as PhysicalType};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};

use crate::row_group::ColumnShape;

/// Strings that are not in a dictionary are kept with offsets of 32 bits if a column chunk takes less than this in the file, uncompressed.
const OFFSETS_FIT_BELOW: i64 = 1 << 30;

/// What becomes of columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Chunks.
    Kept,
    /// Arrays for one query.
    Seen,
}

/// Metadata that asks the decoder for columns, each with where it is in the row group.
pub(crate) fn reader_metadata<'a>(
    metadata: &Arc<ParquetMetaData>,
    columns: impl Iterator<Item = (&'a ColumnShape, &'a ColumnChunkMetaData)>,
    form: Form,
) -> parquet::errors::Result<ArrowReaderMetadata> {
    let wanted: Vec<_> = columns.filter_map(|(shape, leaf)| Some((shape, wanted(&shape.data_type, leaf, form)?))).collect();
    let plain = ArrowReaderMetadata::try_new(Arc::clone(metadata), ArrowReaderOptions::new())?;
    if wanted.is_empty() {
        return Ok(plain);
    }
    let mut fields: Vec<_> = plain.schema().fields().iter().cloned().collect();
    for (shape, data_type) in wanted {
        if let Some(field) = fields.iter_mut().find(|field| *field.name() == shape.physical_name) {
            *field = Arc::new(Field::clone(field).with_data_type(data_type));
        }
    }
    let schema = Arc::new(Schema::new(fields));
    ArrowReaderMetadata::try_new(Arc::clone(metadata), ArrowReaderOptions::new().with_schema(schema))
}

/// The type to ask for; `None` for the file's own.
fn wanted(data_type: &DataType, leaf: &ColumnChunkMetaData, form: Form) -> Option<DataType> {
    match (data_type, form) {
        (DataType::Decimal128(precision, scale), _) => match leaf.column_type() {
            PhysicalType::INT32 => Some(DataType::Decimal32(*precision, *scale)),
            PhysicalType::INT64 => Some(DataType::Decimal64(*precision, *scale)),
            _ => None,
        },
        (DataType::Utf8View, Form::Seen) => Some(DataType::Utf8View),
        (DataType::Utf8View, Form::Kept) if is_all_dictionary(leaf) => {
            Some(DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)))
        }
        (DataType::Utf8View, Form::Kept) if leaf.uncompressed_size() < OFFSETS_FIT_BELOW && !has_dictionary(leaf) => Some(DataType::Utf8),
        _ => None,
    }
}

/// Whether this is a type that [`seen`] widens.
pub fn is_narrow(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Decimal32(..) | DataType::Decimal64(..))
}

/// An array in the type that queries see: narrow decimals become `Decimal128`, anything else stays as it is.
///
/// # Errors
/// None, for a decimal that was decoded.
pub fn seen(array: ArrayRef) -> Result<ArrayRef, ArrowError> {
    fn widen<T: ArrowPrimitiveType<Native: Into<i128>>>(
        array: &PrimitiveArray<T>,
        precision: u8,
        scale: i8,
    ) -> Result<ArrayRef, ArrowError> {
        let wide = array.unary::<_, Decimal128Type>(Into::into);
        Ok(Arc::new(wide.with_precision_and_scale(precision, scale)?))
    }
    match *array.data_type() {
        DataType::Decimal32(precision, scale) => widen(array.as_primitive::<Decimal32Type>(), precision, scale),
        DataType::Decimal64(precision, scale) => widen(array.as_primitive::<Decimal64Type>(), precision, scale),
        _ => Ok(array),
    }
}

/// A narrow decimal as the integers that it is inside; anything else stays as it is.
pub(crate) fn integers(array: ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Decimal32(..) => Arc::new(array.as_primitive::<Decimal32Type>().reinterpret_cast::<Int32Type>()),
        DataType::Decimal64(..) => Arc::new(array.as_primitive::<Decimal64Type>().reinterpret_cast::<Int64Type>()),
        _ => array,
    }
}

fn has_dictionary(column: &ColumnChunkMetaData) -> bool {
    column.dictionary_page_offset().is_some()
}

/// Whether every value of a column chunk is a code into its dictionary.
fn is_all_dictionary(column: &ColumnChunkMetaData) -> bool {
    let only_codes = |encoding: Encoding| matches!(encoding, Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY);
    let all = match (column.page_encoding_stats_mask(), column.page_encoding_stats()) {
        (Some(mask), _) => mask.is_only(Encoding::RLE_DICTIONARY) || mask.is_only(Encoding::PLAIN_DICTIONARY),
        (None, Some(pages)) => pages
            .iter()
            .filter(|page| matches!(page.page_type, PageType::DATA_PAGE | PageType::DATA_PAGE_V2))
            .all(|page| only_codes(page.encoding)),
        (None, None) => false,
    };
    has_dictionary(column) && all
}
