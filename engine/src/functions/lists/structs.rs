//! Structs: their names, their values, put together.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewArray, StructArray};
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::ScalarValue;

use super::{Definition, list_of};
use crate::error::{Error, Result, from_datafusion};

pub(super) fn definitions() -> Vec<Definition> {
    vec![
        Definition {
            name: "struct_keys",
            aliases: &[],
            usage: "struct_keys(struct)",
            about: "the names of a struct's fields",
            example: "struct_keys({'a': 1})",
            takes: |arguments| matches!(arguments, [DataType::Struct(_)]).then(|| arguments.to_vec()),
            gives: |_| list_of(DataType::Utf8View),
            run: |arrays, _| {
                let names: ArrayRef =
                    Arc::new(StringViewArray::from_iter_values(arrays[0].as_struct().fields().iter().map(|field| field.name())));
                let list = datafusion::common::utils::SingleRowListArrayBuilder::new(names).with_nullable(true).build_list_scalar();
                let null = ScalarValue::try_from(&list_of(DataType::Utf8View)).map_err(from_datafusion)?;
                let each = (0..arrays[0].len()).map(|row| if arrays[0].is_null(row) { null.clone() } else { list.clone() });
                ScalarValue::iter_to_array(each).map_err(from_datafusion)
            },
        },
        Definition {
            name: "struct_concat",
            aliases: &[],
            usage: "struct_concat(struct, struct, ...)",
            about: "the fields of several structs as one",
            example: "struct_concat({'a': 1}, {'b': 2})",
            takes: |arguments| {
                let all = !arguments.is_empty() && arguments.iter().all(|argument| matches!(argument, DataType::Struct(_)));
                all.then(|| arguments.to_vec())
            },
            gives: |arguments| DataType::Struct(fields(arguments).into()),
            run: |arrays, result| {
                let DataType::Struct(fields) = result else { return Err(Error::internal("a struct has another type")) };
                let columns: Vec<ArrayRef> = arrays.iter().map(columns).collect::<Result<Vec<_>>>()?.concat();
                Ok(Arc::new(StructArray::try_new(fields.clone(), columns, None)?))
            },
        },
    ]
}

fn fields(structs: &[DataType]) -> Vec<FieldRef> {
    let of = |data_type: &DataType| match data_type {
        DataType::Struct(fields) => fields.iter().map(|field| Arc::new(field.as_ref().clone().with_nullable(true))).collect(),
        _ => Vec::new(),
    };
    structs.iter().flat_map(of).collect()
}

/// The columns of a struct's fields; those of a NULL are NULL.
fn columns(array: &ArrayRef) -> Result<Vec<ArrayRef>> {
    let (_, columns, nulls) = array.as_struct().clone().into_parts();
    let Some(nulls) = nulls else { return Ok(columns) };
    let places: arrow::array::UInt64Array =
        (0..array.len()).map(|row| nulls.is_valid(row).then_some(u64::try_from(row).unwrap_or_default())).collect();
    Ok(columns.iter().map(|column| arrow::compute::take(column, &places, None)).collect::<std::result::Result<_, _>>()?)
}
