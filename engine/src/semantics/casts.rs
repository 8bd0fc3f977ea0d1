//! Casts that mean what they mean in PostgreSQL and DuckDB.
//!
//! - A number with a fraction becomes the nearest whole number, a moment the nearest one of a coarser clock; Arrow cuts off.
//! - DataFusion looks through a cast that it compares with a constant, and leaves out row groups by the cast of their bounds. Both are wrong for a cast that
//!   makes one value of several, or that does not keep the order: `CAST(n AS INTEGER) = 1` is no `n = 1`, and noon may be between two days' mornings.
//!   So such a cast becomes a call of a function, which nobody looks through.
//! - Timestamps, intervals, lists, structs, maps and UUIDs become the texts that results show; a text `\x00ff` becomes the bytes that it stands for.
//!
//! Assignment to a column ([`conform`]) does the same, and names the column and the value when one does not fit.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StringViewArray, StringViewBuilder};
use arrow::compute::{CastOptions, cast, cast_with_options, nullif};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type, TimeUnit};
use arrow::error::ArrowError;
use arrow::util::display::FormatOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, DataFusionError, Result as DataFusionResult};
use datafusion::logical_expr::expr::{Cast, ScalarFunction, TryCast};
use datafusion::logical_expr::{ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use super::assignment::{conform, first_lost, shortened};
use super::{bytes, written};
use crate::error::{Error, Result, from_datafusion, to_datafusion};
use crate::text::extremes::plain_texts;
use crate::text::values;
use crate::types::{self, interval};

/// A cast with our meaning, or as it was.
pub(super) fn rewritten(expr: Expr, schema: &DFSchema) -> DataFusionResult<Transformed<Expr>> {
    let (inner, to, safe) = match &expr {
        Expr::Cast(Cast { expr, field }) => (expr, field, false),
        Expr::TryCast(TryCast { expr, field }) => (expr, field, true),
        _ => return Ok(Transformed::no(expr)),
    };
    let from = super::typed::type_of(inner, schema)?;
    if from.is_string() && matches!(to.data_type(), DataType::List(_)) {
        // Arrow would make a list of one element.
        let error = Error::unsupported(format!("CAST of VARCHAR to {} is not supported", types::sql_name(to)));
        return Err(to_datafusion(error.with_hint("string_split(text, ',') makes a list, whose elements CAST makes numbers")));
    }
    // What DataFusion makes of a constant is what we would.
    if let (Expr::Literal(value, _), DataType::Date32) = (inner.as_ref(), to.data_type())
        && value.try_as_str().flatten().is_some_and(|text| written::is_plain(to.data_type(), text))
    {
        return Ok(Transformed::no(expr));
    }
    // Within a list, TRY_CAST would have to lose single values: that is left to Arrow.
    let is_nested = to.data_type().is_nested();
    if !is_ours(&from, to.data_type()) || (safe && is_nested) {
        return Ok(Transformed::no(expr));
    }
    let function = OwnCast { to: Arc::clone(to), safe, signature: Signature::any(1, Volatility::Immutable) };
    let call = ScalarFunction::new_udf(Arc::new(ScalarUDF::new_from_impl(function)), vec![inner.as_ref().clone()]);
    Ok(Transformed::yes(Expr::ScalarFunction(call)))
}

fn is_ours(from: &DataType, to: &DataType) -> bool {
    match (from, to) {
        (DataType::List(from), DataType::List(to)) => is_ours(from.data_type(), to.data_type()),
        (DataType::Map(from, _), DataType::Map(to, _)) => is_ours(from.data_type(), to.data_type()),
        (DataType::Struct(from), DataType::Struct(to)) => {
            from.len() == to.len() && from.iter().zip(to).any(|(from, to)| is_ours(from.data_type(), to.data_type()))
        }
        _ => {
            makes_text(from, to)
                || makes_bytes(from, to)
                || !keeps_order(from, to)
                || loses_digits(from, to)
                || !holds_range(from, to)
                || (from.is_string() && (matches!(to, DataType::Interval(_)) || written::has_spellings(to)))
                || may_become_infinite(from, to)
        }
    }
}

/// Whether Arrow makes infinity of a number that is too large.
pub(super) fn may_become_infinite(from: &DataType, to: &DataType) -> bool {
    match to {
        DataType::Float64 => from.is_string(),
        DataType::Float16 | DataType::Float32 => from.is_string() || *from == DataType::Float64,
        _ => false,
    }
}

/// Infinity only where there was infinity before: what else became it is NULL in the result.
///
/// # Errors
/// Arrow's.
pub(super) fn without_new_infinities(before: &ArrayRef, after: ArrayRef) -> Result<ArrayRef> {
    let wide = cast(&after, &DataType::Float64)?;
    if !wide.as_primitive::<Float64Type>().iter().flatten().any(f64::is_infinite) {
        return Ok(after);
    }
    let was_infinite: BooleanArray = match before.data_type().is_string() {
        true => {
            let texts = cast(before, &DataType::Utf8View)?;
            let is_word = |text: &str| text.trim().trim_start_matches(['+', '-']).starts_with(['i', 'I']);
            texts.as_string_view().iter().map(|text| text.map(is_word)).collect()
        }
        false => before.as_primitive::<Float64Type>().iter().map(|value| value.map(f64::is_infinite)).collect(),
    };
    let is_new = |(value, was): (Option<f64>, Option<bool>)| value.is_some_and(f64::is_infinite) && was == Some(false);
    let new: BooleanArray = wide.as_primitive::<Float64Type>().iter().zip(&was_infinite).map(|pair| Some(is_new(pair))).collect();
    Ok(nullif(&after, &new)?)
}

fn makes_text(from: &DataType, to: &DataType) -> bool {
    let is_ours = |from: &DataType| {
        let has_extremes = matches!(from, DataType::Float32 | DataType::Float64 | DataType::Date32 | DataType::Date64);
        has_extremes || matches!(from, DataType::Timestamp(..) | DataType::Interval(_) | DataType::FixedSizeBinary(types::UUID_WIDTH))
    };
    to.is_string() && (from.is_nested() || is_ours(from))
}

fn makes_bytes(from: &DataType, to: &DataType) -> bool {
    from.is_string() && matches!(to, DataType::BinaryView | DataType::Binary | DataType::LargeBinary)
}

/// Whether a greater value never becomes a lesser one, so that the cast of bounds are bounds of the cast. Casts between texts and other types are left to
/// DataFusion, which does not use bounds for them.
pub(crate) fn keeps_order(from: &DataType, to: &DataType) -> bool {
    match (from, to) {
        (DataType::Timestamp(..), DataType::Time32(_) | DataType::Time64(_)) => false,
        (from, DataType::Boolean) => !from.is_numeric(),
        _ => true,
    }
}

fn loses_digits(from: &DataType, to: &DataType) -> bool {
    match (scale(from), scale(to)) {
        (Some(from), Some(to)) => to < from,
        // To a TIMESTAMP, say.
        (Some(from), None) => from > 0 && !to.is_floating() && !to.is_string(),
        (None, Some(_)) => from.is_floating() && to.is_integer(),
        _ => match (from, to) {
            (DataType::Timestamp(from, _), DataType::Timestamp(to, _)) => per_second(*from) > per_second(*to),
            _ => false,
        },
    }
}

/// Whether every whole part of an exact number has a place: a cast that is to fail, or to become NULL, is not looked through.
fn holds_range(from: &DataType, to: &DataType) -> bool {
    match (range(from), range(to)) {
        (Some((least, greatest)), Some((from, to))) => from <= least && greatest <= to,
        _ => true,
    }
}

/// The least and the greatest whole part of an exact number.
fn range(data_type: &DataType) -> Option<(i128, i128)> {
    match *data_type {
        DataType::Int8 => Some((i8::MIN.into(), i8::MAX.into())),
        DataType::Int16 => Some((i16::MIN.into(), i16::MAX.into())),
        DataType::Int32 => Some((i32::MIN.into(), i32::MAX.into())),
        DataType::Int64 => Some((i64::MIN.into(), i64::MAX.into())),
        DataType::UInt8 => Some((0, u8::MAX.into())),
        DataType::UInt16 => Some((0, u16::MAX.into())),
        DataType::UInt32 => Some((0, u32::MAX.into())),
        DataType::UInt64 => Some((0, u64::MAX.into())),
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) | DataType::Decimal128(precision, scale) => {
            let digits = u32::try_from(i32::from(precision) - i32::from(scale)).ok()?;
            let beyond = 10_i128.checked_pow(digits)?;
            Some((1 - beyond, beyond - 1))
        }
        _ => None,
    }
}

/// Digits behind the point of an exact number.
fn scale(data_type: &DataType) -> Option<i8> {
    match data_type {
        DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) | DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => {
            Some(*scale)
        }
        whole if whole.is_integer() => Some(0),
        _ => None,
    }
}

/// Values made ready for Arrow's cast: texts as results show them, `\x` and digits as the bytes that they stand for, numbers rounded.
///
/// # Errors
/// Arrow's, for values that it cannot show.
pub(crate) fn ready_for(to: &DataType, field: &Field, array: &ArrayRef) -> Result<ArrayRef> {
    match field.data_type() {
        from if makes_text(from, to) => texts(field, array),
        from if makes_bytes(from, to) => bytes::of_texts(array),
        from if from.is_string() && matches!(to, DataType::Interval(_)) => interval::from_array(array, false),
        from if from.is_string() && written::has_spellings(to) => written::for_arrow(to, array),
        _ => rounded_for(to, array),
    }
}

/// Numbers with a fraction, rounded if they are to become whole ones: decimals half away from zero, floats half to even. A cast would cut the fraction off.
fn rounded_for(to: &DataType, array: &ArrayRef) -> Result<ArrayRef> {
    if let (DataType::Timestamp(from, zone), DataType::Timestamp(to, _)) = (array.data_type(), to)
        && per_second(*from) > per_second(*to)
    {
        let step = per_second(*from) / per_second(*to);
        let ticks = cast(array, &DataType::Int64)?;
        // Not toward zero, which is 1970.
        let rounded = ticks
            .as_primitive::<Int64Type>()
            .unary::<_, Int64Type>(|tick| tick.div_euclid(step) + i64::from(tick.rem_euclid(step) * 2 >= step));
        return Ok(cast(&rounded, &DataType::Timestamp(*to, zone.clone()))?);
    }
    if !to.is_integer() {
        return Ok(Arc::clone(array));
    }
    let whole = match *array.data_type() {
        DataType::Float16 | DataType::Float32 | DataType::Float64 => {
            let wide = cast(array, &DataType::Float64)?;
            return Ok(Arc::new(wide.as_primitive::<Float64Type>().unary::<_, Float64Type>(f64::round_ties_even)));
        }
        DataType::Decimal32(precision, 1..) => DataType::Decimal32(precision, 0),
        DataType::Decimal64(precision, 1..) => DataType::Decimal64(precision, 0),
        DataType::Decimal128(precision, 1..) => DataType::Decimal128(precision, 0),
        DataType::Decimal256(precision, 1..) => DataType::Decimal256(precision, 0),
        _ => return Ok(Arc::clone(array)),
    };
    Ok(cast(array, &whole)?)
}

/// Ticks of a unit in a second.
pub(super) fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

/// The texts that results show of these values.
///
/// # Errors
/// Arrow's, for values that it cannot show.
pub(crate) fn texts(field: &Field, array: &ArrayRef) -> Result<ArrayRef> {
    if let Some(texts) = plain_texts(array) {
        return Ok(texts);
    }
    let options = values::options("NULL");
    let formatter = values::formatter(field, array, &options)?;
    let mut texts = StringViewBuilder::with_capacity(array.len());
    for row in 0..array.len() {
        match array.is_null(row) {
            true => texts.append_null(),
            false => texts.append_value(formatter.value(row).try_to_string()?),
        }
    }
    Ok(Arc::new(texts.finish()))
}

/// Values of a type that texts stand for; NULL for those that stand for none.
///
/// # Errors
/// Arrow's, for types that texts never become.
pub(crate) fn from_texts(texts: &ArrayRef, to: &FieldRef) -> Result<ArrayRef> {
    if types::is_uuid(to) {
        let texts = cast(texts, &DataType::Utf8View)?;
        let known = texts.as_string_view().iter().map(|text| text.filter(|text| types::uuid::parse(text).is_some()));
        return types::uuid::from_array(&(Arc::new(known.collect::<StringViewArray>()) as ArrayRef));
    }
    let cast = OwnCast { to: Arc::clone(to), safe: true, signature: Signature::any(1, Volatility::Immutable) };
    cast.cast(texts, &Field::new("", texts.data_type().clone(), true))
}

/// CAST or TRY_CAST to a type.
#[derive(Debug, PartialEq, Eq, Hash)]
struct OwnCast {
    to: FieldRef,
    safe: bool,
    signature: Signature,
}

impl OwnCast {
    fn cast(&self, array: &ArrayRef, from: &Field) -> Result<ArrayRef> {
        let to = self.to.data_type();
        if to.is_nested() {
            return conform(array, from, &self.to);
        }
        if self.safe && from.data_type().is_string() && matches!(to, DataType::Interval(_)) {
            return interval::from_array(array, true);
        }
        let ready = ready_for(to, from, array)?;
        let options = CastOptions { safe: self.safe, format_options: FormatOptions::default() };
        let cast = cast_with_options(&ready, to, &options).map_err(|error| self.no_value(array, &ready, error))?;
        if !may_become_infinite(from.data_type(), to) {
            return Ok(cast);
        }
        let finite = without_new_infinities(array, Arc::clone(&cast))?;
        match (0..cast.len()).find(|row| cast.is_valid(*row) && finite.is_null(*row)) {
            Some(row) if !self.safe => {
                let value = values::formatter(from, array, &values::options("NULL"))?.value(row).try_to_string()?;
                Err(Error::invalid(format!("{} is too large for {}", shortened(&value), types::sql_name(&self.to)))
                    .with_hint("DOUBLE goes to 1.8e308, REAL to 3.4e38"))
            }
            _ => Ok(finite),
        }
    }

    /// Why Arrow does not cast a text, with the text as it was written and our name of the type.
    fn no_value(&self, array: &ArrayRef, ready: &ArrayRef, error: ArrowError) -> Error {
        let to = self.to.data_type();
        let options = CastOptions { safe: true, format_options: FormatOptions::default() };
        let lost = match array.data_type().is_string() && written::has_spellings(to) {
            true => cast_with_options(ready, to, &options).ok().and_then(|cast| first_lost(array, &cast)),
            false => None,
        };
        match lost {
            Some(text) => {
                let message = format!("Cannot cast string '{text}' to value of {} type", types::sql_name(&self.to));
                from_datafusion(DataFusionError::Execution(message))
            }
            None => from_datafusion(error.into()),
        }
    }
}

impl ScalarUDFImpl for OwnCast {
    fn name(&self) -> &str {
        if self.safe { "try_cast" } else { "cast" }
    }

    fn schema_name(&self, operands: &[Expr]) -> DataFusionResult<String> {
        let operands: Vec<String> = operands.iter().map(|operand| operand.schema_name().to_string()).collect();
        Ok(format!("{}({} AS {})", self.name().to_uppercase(), operands.join(", "), self.to.data_type()))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DataFusionResult<DataType> {
        Ok(self.to.data_type().clone())
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> DataFusionResult<FieldRef> {
        let nullable = self.safe || arguments.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Arc::new(self.to.as_ref().clone().with_name(self.name()).with_nullable(nullable)))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let is_scalar = matches!(arguments.args[..], [ColumnarValue::Scalar(_)]);
        let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
        let cast = self.cast(&arrays[0], &arguments.arg_fields[0]).map_err(to_datafusion)?;
        Ok(match is_scalar {
            true => ColumnarValue::Scalar(datafusion::common::ScalarValue::try_from_array(&cast, 0)?),
            false => ColumnarValue::Array(cast),
        })
    }
}
