//! Casts that mean what they mean in PostgreSQL and DuckDB.
//!
//! - A number with a fraction becomes the nearest whole number; Arrow cuts the fraction off.
//! - DataFusion looks through a cast that it compares with a constant, and leaves out row groups by the cast of their bounds. Both are wrong for a cast that
//!   makes one value of several, or that does not keep the order: `CAST(n AS INTEGER) = 1` is no `n = 1`, and noon may be between two days' mornings.
//!   So such a cast becomes a call of a function, which nobody looks through.
//! - Timestamps, lists, structs, maps and UUIDs become the texts that results show.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewBuilder};
use arrow::compute::{CastOptions, cast, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use arrow::util::display::FormatOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result as DataFusionResult};
use datafusion::logical_expr::expr::{Cast, ScalarFunction, TryCast};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::error::{Result, to_datafusion};
use crate::statements::types;
use crate::text::values;

/// A cast with our meaning, or as it was.
pub(super) fn rewritten(expr: Expr, schema: &DFSchema) -> DataFusionResult<Transformed<Expr>> {
    let (inner, to, safe) = match &expr {
        Expr::Cast(Cast { expr, field }) => (expr, field, false),
        Expr::TryCast(TryCast { expr, field }) => (expr, field, true),
        _ => return Ok(Transformed::no(expr)),
    };
    let from = super::typed::type_of(inner, schema)?;
    if !is_ours(&from, to.data_type()) || (is_bytes(&from) && !types::is_uuid(&*inner.to_field(schema)?.1)) {
        return Ok(Transformed::no(expr));
    }
    let function = OwnCast { to: Arc::clone(to), safe, signature: Signature::any(1, Volatility::Immutable) };
    let call = ScalarFunction::new_udf(Arc::new(ScalarUDF::new_from_impl(function)), vec![inner.as_ref().clone()]);
    Ok(Transformed::yes(Expr::ScalarFunction(call)))
}

fn is_ours(from: &DataType, to: &DataType) -> bool {
    makes_text(from, to) || !keeps_order(from, to) || loses_digits(from, to)
}

fn makes_text(from: &DataType, to: &DataType) -> bool {
    to.is_string() && (is_bytes(from) || from.is_nested() || matches!(from, DataType::Timestamp(..)))
}

/// As wide as a UUID; whether it is one is said by its field.
fn is_bytes(data_type: &DataType) -> bool {
    matches!(data_type, DataType::FixedSizeBinary(16))
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
        (None, Some(_)) => from.is_floating() && to.is_integer(),
        _ => false,
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

/// Numbers with a fraction, rounded if they are to become whole ones: decimals half away from zero, floats half to even.
///
/// # Errors
/// Arrow's, for a decimal that has no room for what it is rounded to.
pub(crate) fn round_for(array: &ArrayRef, target: &DataType) -> Result<ArrayRef> {
    if !target.is_integer() {
        return Ok(Arc::clone(array));
    }
    Ok(match array.data_type() {
        DataType::Float16 | DataType::Float32 | DataType::Float64 => {
            let wide = cast(array, &DataType::Float64)?;
            Arc::new(wide.as_primitive::<Float64Type>().unary::<_, Float64Type>(f64::round_ties_even))
        }
        DataType::Decimal128(precision, scale) if *scale > 0 => cast(array, &DataType::Decimal128(*precision, 0))?,
        DataType::Decimal256(precision, scale) if *scale > 0 => cast(array, &DataType::Decimal256(*precision, 0))?,
        _ => Arc::clone(array),
    })
}

/// The texts that results show of these values.
fn texts(field: &Field, array: &ArrayRef) -> Result<ArrayRef> {
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
        let array = match makes_text(from.data_type(), to) {
            true => texts(from, array)?,
            false => round_for(array, to)?,
        };
        Ok(cast_with_options(&array, to, &CastOptions { safe: self.safe, format_options: FormatOptions::default() })?)
    }
}

impl ScalarUDFImpl for OwnCast {
    fn name(&self) -> &str {
        if self.safe { "try_cast" } else { "cast" }
    }

    fn schema_name(&self, operands: &[Expr]) -> DataFusionResult<String> {
        let operands: Vec<String> = operands.iter().map(|operand| operand.schema_name().to_string()).collect();
        Ok(format!("{}({} AS {})", self.name().to_uppercase(), operands.join(", "), types::sql_name(&self.to)))
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
