//! A function that gives what it was given, and says something of it that planners do not know.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, UInt64Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, FieldRef, Float32Type, Float64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

/// What is said of a value that stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Known {
    /// It may be NULL.
    Nullable,
    /// It is never NULL.
    Present,
    /// Nothing is below its NULLs.
    Bare,
    /// Its zeros have no sign.
    OneZero,
}

impl Known {
    pub(super) fn call(self, expr: Expr) -> Expr {
        let function = Same { known: self, signature: Signature::any(1, Volatility::Immutable) };
        Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::new_from_impl(function)), vec![expr]))
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Same {
    known: Known,
    signature: Signature,
}

impl ScalarUDFImpl for Same {
    fn name(&self) -> &str {
        match self.known {
            Known::Nullable => "or_null",
            Known::Present => "never_null",
            Known::Bare => "bare_nulls",
            Known::OneZero => "one_zero",
        }
    }

    /// That of what stays as it is: nobody needs to read of it.
    fn schema_name(&self, arguments: &[Expr]) -> Result<String> {
        Ok(arguments.iter().map(|argument| argument.schema_name().to_string()).collect())
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(arguments.first().cloned().unwrap_or(DataType::Null))
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let field = Arc::clone(&arguments.arg_fields[0]);
        Ok(match self.known {
            Known::Nullable => Arc::new(field.as_ref().clone().with_nullable(true)),
            Known::Present => Arc::new(field.as_ref().clone().with_nullable(false)),
            Known::Bare | Known::OneZero => field,
        })
    }

    fn invoke_with_args(&self, mut arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let value = arguments.args.pop().unwrap_or(ColumnarValue::Scalar(ScalarValue::Null));
        Ok(match (self.known, value) {
            (Known::Bare, ColumnarValue::Array(array)) => ColumnarValue::Array(bare(array)?),
            (Known::OneZero, ColumnarValue::Array(array)) => ColumnarValue::Array(with_one_zero(array)),
            (_, value) => value,
        })
    }
}

/// An array with nothing below its NULLs.
fn bare(array: ArrayRef) -> Result<ArrayRef> {
    if array.null_count() == 0 || !hides(&array) {
        return Ok(array);
    }
    let rows: UInt64Array = (0..array.len()).map(|row| array.is_valid(row).then_some(row as u64)).collect();
    Ok(take(&array, &rows, None)?)
}

/// An array of floats without -0.0, which is another value bit by bit.
fn with_one_zero(array: ArrayRef) -> ArrayRef {
    fn added<T: ArrowPrimitiveType>(array: &ArrayRef, zero: T::Native) -> ArrayRef
    where
        T::Native: std::ops::Add<Output = T::Native>,
    {
        Arc::new(array.as_primitive::<T>().unary::<_, T>(|value| value + zero))
    }
    match array.data_type() {
        DataType::Float64 => added::<Float64Type>(&array, 0.0),
        DataType::Float32 => added::<Float32Type>(&array, 0.0),
        _ => array,
    }
}

fn hides(array: &ArrayRef) -> bool {
    let lists = |length: &dyn Fn(usize) -> usize| (0..array.len()).any(|row| array.is_null(row) && length(row) > 0);
    match array.data_type() {
        DataType::List(_) => lists(&|row| array.as_list::<i32>().value_length(row) as usize),
        DataType::Map(..) => lists(&|row| array.as_map().value_length(row) as usize),
        _ => true,
    }
}
