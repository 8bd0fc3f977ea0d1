//! `list_reduce(list, (a, x) -> …[, initial])`: the elements put together by a lambda, one after the other.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, UInt64Array, new_null_array};
use arrow::compute::{CastOptions, cast_with_options, interleave, take, take_arrays};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, DocSection, Documentation, HigherOrderFunctionArgs, HigherOrderReturnFieldArgs, HigherOrderSignature, HigherOrderUDF,
    HigherOrderUDFImpl, LambdaArgument, LambdaParametersProgress, ValueOrLambda, Volatility,
};

use super::{as_list, item, lists};
use crate::error::{Error, to_datafusion};

/// The function.
pub(super) fn function() -> Arc<HigherOrderUDF> {
    let documentation = Documentation::builder(
        DocSection::default(),
        "the elements of a list put together by a lambda, from the first on, or from an initial value",
        "list_reduce(list, (a, x) -> expression[, initial])",
    );
    Arc::new(HigherOrderUDF::new_from_impl(Reduce {
        aliases: ["reduce", "array_reduce", "list_fold"].map(str::to_owned).to_vec(),
        signature: HigherOrderSignature::user_defined(Volatility::Immutable),
        documentation: documentation.with_sql_example("list_reduce([1, 2, 3], (a, x) -> a + x)").build(),
    }))
}

/// A function under other names.
pub(super) fn with_names(function: &Arc<HigherOrderUDF>, names: &[&'static str]) -> Arc<HigherOrderUDF> {
    Arc::new(function.as_ref().clone().with_aliases(names.iter().copied()))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Reduce {
    aliases: Vec<String>,
    signature: HigherOrderSignature,
    documentation: Documentation,
}

fn misused() -> datafusion::common::DataFusionError {
    to_datafusion(
        Error::invalid("list_reduce takes a list, a lambda and perhaps an initial value")
            .with_hint("such as list_reduce([1, 2, 3], (a, x) -> a + x)"),
    )
}

/// What a lambda is called with: what there is so far, and an element.
fn parameters(list: &DataType, initial: Option<&FieldRef>) -> Vec<FieldRef> {
    let element = Arc::new(Field::new("element", item(Some(list)), true));
    let so_far = initial.map_or_else(|| Arc::clone(&element), |initial| Arc::new(initial.as_ref().clone().with_nullable(true)));
    vec![so_far, element]
}

impl HigherOrderUDFImpl for Reduce {
    fn name(&self) -> &str {
        "list_reduce"
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &HigherOrderSignature {
        &self.signature
    }

    fn coerce_value_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        match arguments {
            [list] => Ok(vec![as_list(list).ok_or_else(misused)?]),
            [list, initial] => Ok(vec![as_list(list).ok_or_else(misused)?, initial.clone()]),
            _ => Err(misused()),
        }
    }

    fn lambda_parameters(&self, _: usize, fields: &[ValueOrLambda<FieldRef, Option<FieldRef>>]) -> Result<LambdaParametersProgress> {
        match fields {
            [ValueOrLambda::Value(list), ValueOrLambda::Lambda(_)] => {
                Ok(LambdaParametersProgress::Complete(vec![parameters(list.data_type(), None)]))
            }
            [ValueOrLambda::Value(list), ValueOrLambda::Lambda(_), ValueOrLambda::Value(initial)] => {
                Ok(LambdaParametersProgress::Complete(vec![parameters(list.data_type(), Some(initial))]))
            }
            _ => Err(misused()),
        }
    }

    fn return_field_from_args(&self, arguments: HigherOrderReturnFieldArgs<'_>) -> Result<FieldRef> {
        let so_far = match arguments.arg_fields {
            [ValueOrLambda::Value(list), ValueOrLambda::Lambda(_)] => item(Some(list.data_type())),
            [_, ValueOrLambda::Lambda(_), ValueOrLambda::Value(initial)] => initial.data_type().clone(),
            _ => return Err(misused()),
        };
        Ok(Arc::new(Field::new(self.name(), so_far, true)))
    }

    fn invoke_with_args(&self, arguments: HigherOrderFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let (list, lambda, initial) = match arguments.args.as_slice() {
            [ValueOrLambda::Value(list), ValueOrLambda::Lambda(lambda)] => (list.to_array(rows)?, lambda, None),
            [ValueOrLambda::Value(list), ValueOrLambda::Lambda(lambda), ValueOrLambda::Value(initial)] => {
                (list.to_array(rows)?, lambda, Some(initial.to_array(rows)?))
            }
            _ => return Err(misused()),
        };
        reduced(&list, lambda, initial, arguments.return_field.data_type()).map(ColumnarValue::Array)
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// All lists at once: the first elements, then the second ones, and so on.
fn reduced(array: &ArrayRef, lambda: &LambdaArgument, initial: Option<ArrayRef>, to: &DataType) -> Result<ArrayRef> {
    let lists = lists(array).map_err(to_datafusion)?;
    let length = |row: usize| if lists.is_null(row) { 0 } else { lists.value_length(row).unsigned_abs() as usize };
    let start = |row: usize| lists.value_offsets()[row].unsigned_abs() as usize;
    let elements = |rows: &[usize], step: usize| {
        let places: UInt64Array = rows.iter().filter_map(|row| u64::try_from(start(*row) + step).ok()).collect::<Vec<_>>().into();
        take(lists.values(), &places, None)
    };
    let (mut so_far, first) = match initial {
        Some(initial) => (initial, 0),
        None => {
            if let Some(row) = (0..lists.len()).find(|row| lists.is_valid(*row) && length(*row) == 0) {
                let error = Error::invalid(format!("list_reduce has nothing to begin with: a list is empty (row {})", row + 1));
                return Err(to_datafusion(error.with_hint("give an initial value")));
            }
            let places: UInt64Array = (0..lists.len()).map(|row| lists.is_valid(row).then_some(start(row) as u64)).collect();
            (take(lists.values(), &places, None)?, 1)
        }
    };
    let longest = (0..lists.len()).map(length).max().unwrap_or(0);
    for step in first..longest {
        let rows: Vec<usize> = (0..lists.len()).filter(|row| length(*row) > step).collect();
        let places: UInt64Array = rows.iter().map(|row| *row as u64).collect::<Vec<_>>().into();
        let (left, right) = (take(&so_far, &places, None)?, elements(&rows, step)?);
        let evaluated = lambda
            .evaluate(&[&|| Ok(Arc::clone(&left)), &|| Ok(Arc::clone(&right))], |captured| Ok(take_arrays(captured, &places, None)?))?;
        let strict = CastOptions { safe: false, ..CastOptions::default() };
        let evaluated = cast_with_options(&evaluated.into_array(rows.len())?, to, &strict)?;
        let mut from: Vec<(usize, usize)> = (0..lists.len()).map(|row| (0, row)).collect();
        for (place, row) in rows.iter().enumerate() {
            from[*row] = (1, place);
        }
        so_far = interleave(&[so_far.as_ref(), evaluated.as_ref()], &from)?;
    }
    if array.null_count() == 0 {
        return Ok(so_far);
    }
    // No list, no result.
    let nothing = new_null_array(so_far.data_type(), 1);
    let from: Vec<(usize, usize)> = (0..lists.len()).map(|row| if lists.is_null(row) { (1, 0) } else { (0, row) }).collect();
    Ok(interleave(&[so_far.as_ref(), nothing.as_ref()], &from)?)
}
