//! `+`, `-`, `*` and the sign of whole numbers; `+`, `-`, `*` and the quotient of decimals.
//!
//! DataFusion computes modulo 2^64; here what is out of a type's range is an error, not another number. The quotient of decimals is a DOUBLE, as in DuckDB:
//! DataFusion's has four digits more than the dividend, and cuts off the rest. Such a quotient by zero is an error, as in PostgreSQL;
//! that of DOUBLEs is infinite, as in DuckDB.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, Datum, Decimal128Array};
use arrow::buffer::NullBuffer;
use arrow::compute::kernels::numeric::{add, div, mul, neg, sub};
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, Field, FieldRef, Float64Type};
use arrow::error::ArrowError;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, DataFusionError, Result as DataFusionResult, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::type_coercion::binary::BinaryTypeCoercer;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::physical_expr_common::datum::apply;

use super::typed::type_of;
use crate::error::{Error, to_datafusion};
use crate::types;

/// What is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Operation {
    Add,
    Subtract,
    Multiply,
    Negate,
    Divide,
}

/// One operation, checked.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Checked {
    operation: Operation,
    signature: Signature,
}

static ADD: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Operation::Add.function(2));
static SUBTRACT: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Operation::Subtract.function(2));
static MULTIPLY: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Operation::Multiply.function(2));
static NEGATE: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Operation::Negate.function(1));
static DIVIDE: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Operation::Divide.function(2));

/// A node with checked arithmetic, or as it was.
pub(super) fn rewritten(expr: Expr, schema: &DFSchema) -> DataFusionResult<Transformed<Expr>> {
    Ok(match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match Operation::of(op) {
            Some(operation) if is_ours(&left, &right, schema)? => Transformed::yes(operation.call(vec![*left, *right])),
            _ => Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })),
        },
        Expr::Negative(operand) => match type_of(&operand, schema)?.is_signed_integer() {
            true => Transformed::yes(Operation::Negate.call(vec![*operand])),
            false => Transformed::no(Expr::Negative(operand)),
        },
        other => Transformed::no(other),
    })
}

/// Those of whole numbers, which may overflow, and those of decimals: where they may not, they are quicker here.
fn is_ours(left: &Expr, right: &Expr, schema: &DFSchema) -> DataFusionResult<bool> {
    let (left, right) = (type_of(left, schema)?, type_of(right, schema)?);
    let are_decimals = matches!((&left, &right), (DataType::Decimal128(..), DataType::Decimal128(..)));
    Ok(are_decimals || left.is_integer() && right.is_integer())
}

/// The operands of a checked sum.
pub(crate) fn summands(expr: &Expr) -> Option<(&Expr, &Expr)> {
    match expr {
        Expr::ScalarFunction(call)
            if call.func.inner().downcast_ref::<Checked>().is_some_and(|checked| checked.operation == Operation::Add) =>
        {
            match call.args.as_slice() {
                [left, right] => Some((left, right)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// `sum + factor * count`, checked.
pub(crate) fn sum_and_multiple(sum: Expr, factor: Expr, count: Expr) -> Expr {
    Operation::Add.call(vec![sum, Operation::Multiply.call(vec![factor, count])])
}

/// The operands of a checked operation whose result has the type of its operands, if they are whole numbers.
pub(super) fn operands(expr: &Expr) -> Option<&[Expr]> {
    match expr {
        Expr::ScalarFunction(call)
            if call.func.inner().downcast_ref::<Checked>().is_some_and(|checked| checked.operation != Operation::Divide) =>
        {
            Some(&call.args)
        }
        _ => None,
    }
}

/// Whether a call is one of ours that has a result whatever its operands are: of decimals that have all the digits they may need, or a quotient by a number
/// that is not zero.
pub(crate) fn always_has_a_result(call: &ScalarFunction, schema: &DFSchema) -> bool {
    let Some(checked) = call.func.inner().downcast_ref::<Checked>() else { return false };
    let types = call.args.iter().map(|operand| type_of(operand, schema)).collect::<DataFusionResult<Vec<_>>>();
    match (checked.operation, types.as_deref(), call.args.as_slice()) {
        (Operation::Divide, _, [_, Expr::Literal(divisor, _)]) => {
            !divisor.is_null() && ScalarValue::new_zero(&divisor.data_type()).is_ok_and(|zero| zero != *divisor)
        }
        (Operation::Divide | Operation::Negate, ..) => false,
        (operation, Ok(types), _) => {
            let are_decimals = types.iter().all(|data_type| matches!(data_type, DataType::Decimal128(..)));
            let result = operation.result_type(types);
            are_decimals && matches!(result, Ok(DataType::Decimal128(digits, _)) if digits < DECIMAL128_MAX_PRECISION)
        }
        _ => false,
    }
}

impl Operation {
    pub(super) fn of(operator: Operator) -> Option<Self> {
        match operator {
            Operator::Plus => Some(Self::Add),
            Operator::Minus => Some(Self::Subtract),
            Operator::Multiply => Some(Self::Multiply),
            _ => None,
        }
    }

    /// The operation on operands, checked.
    pub(super) fn call(self, operands: Vec<Expr>) -> Expr {
        let function = match self {
            Self::Add => &ADD,
            Self::Subtract => &SUBTRACT,
            Self::Multiply => &MULTIPLY,
            Self::Negate => &NEGATE,
            Self::Divide => &DIVIDE,
        };
        Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(function), operands))
    }

    fn function(self, operands: usize) -> Arc<ScalarUDF> {
        Arc::new(ScalarUDF::new_from_impl(Checked { operation: self, signature: Signature::any(operands, Volatility::Immutable) }))
    }

    fn operator(self) -> Operator {
        match self {
            Self::Add => Operator::Plus,
            Self::Subtract | Self::Negate => Operator::Minus,
            Self::Multiply => Operator::Multiply,
            Self::Divide => Operator::Divide,
        }
    }

    /// The type of its result.
    fn result_type(self, operands: &[DataType]) -> DataFusionResult<DataType> {
        match operands {
            [_, _] if self == Self::Divide => Ok(DataType::Float64),
            [only] => Ok(only.clone()),
            [left, right] => BinaryTypeCoercer::new(left, &self.operator(), right).get_result_type(),
            _ => Err(to_datafusion(Error::internal("arithmetic has one or two operands"))),
        }
    }

    fn compute(self, operands: &[ColumnarValue]) -> DataFusionResult<ColumnarValue> {
        match (self, operands) {
            (Self::Add, [left, right]) => apply(left, right, add),
            (Self::Subtract, [left, right]) => apply(left, right, sub),
            (Self::Multiply, [left, right]) => apply(left, right, mul),
            (Self::Divide, [left, right]) => {
                let (left, right) = (left.cast_to(&DataType::Float64, None)?, right.cast_to(&DataType::Float64, None)?);
                apply(&left, &right, quotient)
            }
            (Self::Negate, [ColumnarValue::Array(array)]) => Ok(ColumnarValue::Array(neg(array)?)),
            (Self::Negate, [ColumnarValue::Scalar(scalar)]) => {
                let negated = neg(scalar.to_scalar()?.get().0)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&negated, 0)?))
            }
            _ => Err(to_datafusion(Error::internal("arithmetic has one or two operands"))),
        }
    }
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        match self.operation {
            Operation::Add => "checked_add",
            Operation::Subtract => "checked_subtract",
            Operation::Multiply => "checked_multiply",
            Operation::Negate => "checked_negate",
            Operation::Divide => "checked_divide",
        }
    }

    /// As the operator's would be: it names columns of results.
    fn schema_name(&self, operands: &[Expr]) -> DataFusionResult<String> {
        Ok(match operands {
            [left, right] => format!("{} {} {}", left.schema_name(), self.operation.operator(), right.schema_name()),
            [only] => format!("(- {})", only.schema_name()),
            _ => self.name().to_owned(),
        })
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, operands: &[DataType]) -> DataFusionResult<DataType> {
        self.operation.result_type(operands)
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> DataFusionResult<FieldRef> {
        let types: Vec<DataType> = arguments.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        let nullable = arguments.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Arc::new(Field::new(self.name(), self.operation.result_type(&types)?, nullable)))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        if let Some(result) = narrow(self.operation, &arguments.args) {
            return Ok(ColumnarValue::Array(result));
        }
        let result = self.operation.compute(&arguments.args).map_err(|error| out_of_range(error, arguments.return_field.data_type()))?;
        if let DataType::Decimal128(DECIMAL128_MAX_PRECISION, _) = result.data_type() {
            let array: ArrayRef = match &result {
                ColumnarValue::Array(array) => Arc::clone(array),
                ColumnarValue::Scalar(scalar) => scalar.to_array()?,
            };
            let digits = array.as_primitive::<Decimal128Type>().validate_decimal_precision(DECIMAL128_MAX_PRECISION);
            digits.map_err(|error| out_of_range(error.into(), array.data_type()))?;
        }
        Ok(result)
    }

    /// What never wraps keeps an order, as real numbers do.
    fn output_ordering(&self, operands: &[ExprProperties]) -> DataFusionResult<SortProperties> {
        Ok(match (self.operation, operands) {
            (Operation::Add, [left, right]) => left.sort_properties.add(&right.sort_properties),
            (Operation::Subtract, [left, right]) => left.sort_properties.sub(&right.sort_properties),
            (Operation::Negate, [only]) => -only.sort_properties,
            _ => SortProperties::Unordered,
        })
    }
}

/// The sum, difference or product of decimals that are 64-bit integers inside, as most are: it cannot overflow, nor have more digits than there are, as
/// 2^126 is less than 10^38. `None` for other operands.
fn narrow(operation: Operation, operands: &[ColumnarValue]) -> Option<ArrayRef> {
    match operands {
        [ColumnarValue::Array(left), ColumnarValue::Array(right)] => narrow_of(operation, left, right),
        [ColumnarValue::Array(left), ColumnarValue::Scalar(right)] => narrow_of(operation, left, &right.to_scalar().ok()?),
        [ColumnarValue::Scalar(left), ColumnarValue::Array(right)] => narrow_of(operation, &left.to_scalar().ok()?, right),
        _ => None,
    }
}

/// A 64-bit integer times this stays below 2^123.
const LARGEST_SHIFT: i16 = 18;

fn narrow_of(operation: Operation, left: &dyn Datum, right: &dyn Datum) -> Option<ArrayRef> {
    let ((left, left_is_scalar), (right, right_is_scalar)) = (left.get(), right.get());
    let (left, right) = (left.as_primitive_opt::<Decimal128Type>()?, right.as_primitive_opt::<Decimal128Type>()?);
    let operator = match operation {
        Operation::Add => Operator::Plus,
        Operation::Subtract => Operator::Minus,
        Operation::Multiply => Operator::Multiply,
        _ => return None,
    };
    let result = BinaryTypeCoercer::new(left.data_type(), &operator, right.data_type()).get_result_type().ok()?;
    let DataType::Decimal128(precision, scale) = result else { return None };
    // What brings an operand to the scale of a sum.
    let shift = |from: i8| {
        let digits = i16::from(scale) - i16::from(from);
        (0..=LARGEST_SHIFT).contains(&digits).then(|| 10i128.pow(u32::from(digits.unsigned_abs())))
    };
    let values = match operation {
        Operation::Multiply if i16::from(scale) == i16::from(left.scale()) + i16::from(right.scale()) => {
            each_pair(left, left_is_scalar, right, right_is_scalar, |left, right| left * right)
        }
        Operation::Multiply => None,
        _ => {
            let (left_shift, right_shift) = (shift(left.scale())?, shift(right.scale())?);
            let right_shift = if operation == Operation::Subtract { -right_shift } else { right_shift };
            each_pair(left, left_is_scalar, right, right_is_scalar, move |left, right| left * left_shift + right * right_shift)
        }
    };
    let (values, nulls) = values?;
    let array = Decimal128Array::new(values.into(), nulls).with_precision_and_scale(precision, scale).ok()?;
    Some(Arc::new(array))
}

/// A function of each pair of values, if all of them are 64-bit integers inside.
fn each_pair(
    left: &Decimal128Array,
    left_is_scalar: bool,
    right: &Decimal128Array,
    right_is_scalar: bool,
    of: impl Fn(i128, i128) -> i128,
) -> Option<(Vec<i128>, Option<NullBuffer>)> {
    let mut all_narrow = true;
    let mut narrow = |value: i128| {
        #[allow(clippy::cast_possible_truncation, reason = "what is cut off is noticed")]
        let low = value as i64;
        all_narrow &= i128::from(low) == value;
        i128::from(low)
    };
    let result: (Vec<i128>, _) = match (left_is_scalar, right_is_scalar) {
        (false, false) if left.len() == right.len() => {
            let pairs = left.values().iter().zip(right.values());
            (pairs.map(|(left, right)| of(narrow(*left), narrow(*right))).collect(), NullBuffer::union(left.nulls(), right.nulls()))
        }
        (false, true) if right.is_valid(0) => {
            let constant = narrow(right.value(0));
            (left.values().iter().map(|left| of(narrow(*left), constant)).collect(), left.nulls().cloned())
        }
        (true, false) if left.is_valid(0) => {
            let constant = narrow(left.value(0));
            (right.values().iter().map(|right| of(constant, narrow(*right))).collect(), right.nulls().cloned())
        }
        _ => return None,
    };
    all_narrow.then_some(result)
}

/// The quotient of DOUBLEs, none of them by zero.
fn quotient(left: &dyn Datum, right: &dyn Datum) -> Result<ArrayRef, ArrowError> {
    let quotients = div(left, right)?;
    let (divisors, is_scalar) = right.get();
    let divisors = divisors.as_primitive::<Float64Type>();
    let is_by_zero = |row: usize| divisors.value(if is_scalar { 0 } else { row }) == 0.0;
    match (0..quotients.len()).any(|row| quotients.is_valid(row) && is_by_zero(row)) {
        true => Err(ArrowError::DivideByZero),
        false => Ok(quotients),
    }
}

/// Says what does not fit into which type.
fn out_of_range(error: DataFusionError, data_type: &DataType) -> DataFusionError {
    let DataFusionError::ArrowError(inner, _) = &error else { return error };
    let what = match inner.as_ref() {
        ArrowError::ArithmeticOverflow(message) => message.strip_prefix("Overflow happened on: ").unwrap_or(message).to_owned(),
        // "… is too large to store in a Decimal128 of precision 38. Max is …"
        ArrowError::InvalidArgumentError(message) => message.split(" is too ").next().unwrap_or(message).to_owned(),
        _ => return error,
    };
    let name = types::sql_name(&Field::new("value", data_type.clone(), true));
    let wider = match data_type {
        DataType::Decimal128(..) => "DOUBLE",
        DataType::UInt64 | DataType::Int64 => "DECIMAL(38,0) or DOUBLE",
        _ => "BIGINT",
    };
    to_datafusion(Error::invalid(format!("{what} is out of the range of {name}")).with_hint(format!("cast the operands to {wider}")))
}
