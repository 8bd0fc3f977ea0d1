//! Structs of different fields, and lists of them, in the type in which they meet: all fields of them, by name, NULL where one has none.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, StructArray, new_null_array};
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::common::{Result as DataFusionResult, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::type_coercion::binary::type_union_resolution;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use super::assignment::{compact, conform};
use crate::error::{Error, Result, to_datafusion};

/// The type in which values meet of which some are structs with other fields than others, or lists of such; none where they need no type of their own.
pub(super) fn common(types: &[DataType]) -> Option<DataType> {
    common_where(types, differ)
}

/// As `common`, also of lists whose elements are of other types than others'.
pub(super) fn common_elements(types: &[DataType]) -> Option<DataType> {
    common_where(types, |one, other| {
        let of_others = |one: &DataType, other: &DataType| match (one, other) {
            (DataType::List(one), DataType::List(other)) => {
                let (one, other) = (one.data_type(), other.data_type());
                one != other && !one.is_null() && !other.is_null() && !matches!(one, DataType::Struct(_))
            }
            _ => false,
        };
        differ(one, other) || of_others(one, other)
    })
}

fn common_where(types: &[DataType], differ: impl Fn(&DataType, &DataType) -> bool) -> Option<DataType> {
    let first = types.iter().find(|data_type| !data_type.is_null())?;
    let differs = types.iter().any(|other| !other.is_null() && differ(first, other));
    if !differs {
        return None;
    }
    types.iter().try_fold(DataType::Null, |common, other| met(&common, other))
}

/// Whether two types hold structs whose fields have other names, or lists of other types within lists.
fn differ(one: &DataType, other: &DataType) -> bool {
    match (one, other) {
        (DataType::List(one), DataType::List(other)) => differ(one.data_type(), other.data_type()),
        (DataType::Struct(ones), DataType::Struct(others)) => {
            let is_tuple = |fields: &Fields| fields.iter().enumerate().all(|(at, field)| *field.name() == format!("c{at}"));
            // Tuples meet by their places, which is another matter.
            if is_tuple(ones) || is_tuple(others) {
                return false;
            }
            let has = |fields: &Fields, name: &str| fields.iter().any(|field| field.name() == name);
            let names = ones.len() != others.len() || ones.iter().any(|field| !has(others, field.name()));
            let same = |field: &FieldRef| others.iter().find(|other| other.name() == field.name());
            names || ones.iter().any(|field| same(field).is_some_and(|other| differ(field.data_type(), other.data_type())))
        }
        _ => false,
    }
}

fn met(one: &DataType, other: &DataType) -> Option<DataType> {
    match (one, other) {
        (DataType::Null, other) | (other, DataType::Null) => Some(other.clone()),
        (DataType::List(one), DataType::List(other)) => Some(DataType::new_list(met(one.data_type(), other.data_type())?, true)),
        (DataType::Struct(ones), DataType::Struct(others)) => {
            let mut fields: Vec<Field> = Vec::with_capacity(ones.len());
            for field in ones.iter().chain(others) {
                match fields.iter_mut().find(|known| known.name().eq_ignore_ascii_case(field.name())) {
                    Some(known) => *known = Field::new(known.name(), met(known.data_type(), field.data_type())?, true),
                    None => fields.push(field.as_ref().clone().with_nullable(true)),
                }
            }
            Some(DataType::Struct(fields.into()))
        }
        _ if one == other => Some(one.clone()),
        // A text is no number: it is read as one only where it is written out.
        _ if one.is_string() != other.is_string() => None,
        _ => type_union_resolution(&[one.clone(), other.clone()]).filter(|met| !met.is_nested() && met.is_string() == one.is_string()),
    }
}

/// An expression in such a type.
pub(super) fn in_type(expr: Expr, to: &DataType) -> Expr {
    let function = Fitted { to: to.clone(), signature: Signature::any(1, Volatility::Immutable) };
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::new_from_impl(function)), vec![expr]))
}

/// What makes values fit.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Fitted {
    to: DataType,
    signature: Signature,
}

fn fitted(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    Ok(match (array.data_type(), to) {
        (from, to) if from == to => Arc::clone(array),
        (DataType::Null, to) => new_null_array(to, array.len()),
        (DataType::List(_), DataType::List(item)) => {
            let lists = array.as_list::<i32>();
            let (offsets, items) = compact(lists.offsets(), lists.values());
            Arc::new(ListArray::try_new(Arc::clone(item), offsets, fitted(&items, item.data_type())?, lists.nulls().cloned())?)
        }
        (DataType::Struct(from), DataType::Struct(fields)) => {
            let rows = array.as_struct();
            let column = |field: &FieldRef| match from.iter().position(|own| own.name().eq_ignore_ascii_case(field.name())) {
                Some(at) => fitted(rows.column(at), field.data_type()),
                None => Ok(new_null_array(field.data_type(), rows.len())),
            };
            let columns = fields.iter().map(column).collect::<Result<Vec<_>>>()?;
            Arc::new(StructArray::try_new_with_length(fields.clone(), columns, rows.nulls().cloned(), rows.len())?)
        }
        (from, to) => conform(array, &Field::new("", from.clone(), true), &Field::new("", to.clone(), true))?,
    })
}

impl ScalarUDFImpl for Fitted {
    fn name(&self) -> &str {
        "fitted"
    }

    /// As the value's: it names columns of results.
    fn schema_name(&self, operands: &[Expr]) -> DataFusionResult<String> {
        Ok(operands.iter().map(|operand| operand.schema_name().to_string()).collect())
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DataFusionResult<DataType> {
        Ok(self.to.clone())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let is_scalar = matches!(arguments.args[..], [ColumnarValue::Scalar(_)]);
        let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
        let [array] = arrays.as_slice() else { return Err(to_datafusion(Error::internal("one value is made to fit"))) };
        let fitted = fitted(array, &self.to).map_err(to_datafusion)?;
        Ok(match is_scalar {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&fitted, 0)?),
            false => ColumnarValue::Array(fitted),
        })
    }
}
