//! Functions of lists, structs and maps, beside DataFusion's.
//!
//! A [`Definition`] is a line: names, what it takes and gives, and how whole columns become one. Positions begin at 1.

mod aggregation;
mod basics;
mod combined;
mod maps;
mod ordering;
mod reduce;
mod selection;
mod slices;
mod structs;

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, ListArray, new_empty_array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{concat, take};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result as DataFusionResult, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, DocSection, Documentation, HigherOrderUDF, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::extended::{extended, widened};
use crate::error::{Error, Result, from_datafusion, to_datafusion, while_planning};
use crate::types;

/// All scalar ones.
pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    let mut functions: Vec<_> =
        definitions().into_iter().map(|definition| Arc::new(ScalarUDF::new_from_impl(Whole::new(definition)))).collect();
    functions.extend(aggregation::each());
    functions.extend(structs::by_constants());
    functions
}

/// Functions of DataFusion's that also take elements of another type, texts in place of lists, or a further argument. `named` finds DataFusion's.
pub(super) fn of_other_types(named: impl Fn(&str) -> Option<Arc<ScalarUDF>>) -> Vec<Arc<ScalarUDF>> {
    let of_elements = ["array_has", "array_append"].into_iter().filter_map(&named).map(|function| widened(&function, in_one_type));
    let of_texts = named("array_element").map(|function| extended(&function, slices::CHARACTER));
    let paired = named("arrays_zip").map(|function| extended(&function, combined::SHORTEST));
    of_elements.chain(of_texts).chain(paired).collect()
}

/// A list of numbers and a number of another type, in the type in which they meet.
fn in_one_type(arguments: &[DataType]) -> Option<Vec<DataType>> {
    let [list, element] = arguments else { return None };
    let own = item(Some(&as_list(list)?));
    if own == *element || !own.is_numeric() || !element.is_numeric() {
        return None;
    }
    let common = selection::common(&own, element)?;
    Some(vec![list_of(common.clone()), common])
}

/// One of those that are defined by a line.
pub(super) fn named(name: &str) -> Arc<ScalarUDF> {
    let found = definitions().into_iter().find(|definition| definition.name == name);
    debug_assert!(found.is_some(), "{name}");
    Arc::new(found.map_or_else(
        || datafusion::functions_nested::length::array_length_udf().as_ref().clone(),
        |found| ScalarUDF::new_from_impl(Whole::new(found)),
    ))
}

fn definitions() -> Vec<Definition> {
    [
        basics::definitions(),
        combined::definitions(),
        maps::definitions(),
        ordering::definitions(),
        selection::definitions(),
        slices::definitions(),
        structs::definitions(),
    ]
    .concat()
}

/// Those that take a lambda.
pub(crate) fn with_lambdas() -> Vec<Arc<HigherOrderUDF>> {
    let mut functions = datafusion::execution::SessionStateDefaults::default_higher_order_functions();
    functions.push(reduce::function());
    let renamed: [(&str, &[&'static str]); 2] =
        [("array_transform", &["array_apply", "list_apply", "apply"]), ("array_filter", &["list_filter", "filter"])];
    for (name, aliases) in renamed {
        let found = functions.iter().find(|function| function.name() == name).map(|function| reduce::with_names(function, aliases));
        functions.extend(found);
    }
    functions
}

/// What is done with whole columns, and the type of the result.
pub(super) type Run = fn(&[ArrayRef], &DataType) -> Result<ArrayRef>;

/// A function.
#[derive(Debug, Clone)]
pub(super) struct Definition {
    pub(super) name: &'static str,
    pub(super) aliases: &'static [&'static str],
    pub(super) usage: &'static str,
    pub(super) about: &'static str,
    pub(super) example: &'static str,
    /// The types that the arguments become; none if it does not take them.
    pub(super) takes: fn(&[DataType]) -> Option<Vec<DataType>>,
    /// The type of the result for such arguments.
    pub(super) gives: fn(&[DataType]) -> DataType,
    pub(super) run: Run,
}

/// The list of a type that is one.
pub(super) fn as_list(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::List(_) => Some(data_type.clone()),
        DataType::LargeList(item) | DataType::FixedSizeList(item, _) => Some(DataType::List(Arc::clone(item))),
        DataType::Null => Some(list_of(DataType::Null)),
        _ => None,
    }
}

/// A list of a type.
pub(super) fn list_of(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(item, true)))
}

/// The type of a list's elements.
pub(super) fn item(list: Option<&DataType>) -> DataType {
    match list {
        Some(DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _)) => item.data_type().clone(),
        _ => DataType::Null,
    }
}

/// A column as lists.
pub(super) fn lists(array: &ArrayRef) -> Result<&ListArray> {
    array.as_list_opt::<i32>().ok_or_else(|| Error::internal(format!("{} is no list", array.data_type())))
}

/// A list for each row, or NULL, as a column.
pub(super) fn column_of(rows: Vec<Option<ArrayRef>>, result: &DataType) -> Result<ArrayRef> {
    let DataType::List(field) = result else { return Err(Error::internal(format!("{result} is no list"))) };
    let nulls: NullBuffer = rows.iter().map(Option::is_some).collect::<Vec<_>>().into();
    let offsets = OffsetBuffer::from_lengths(rows.iter().map(|row| row.as_ref().map_or(0, |row| row.len())));
    let parts: Vec<&dyn arrow::array::Array> = rows.iter().flatten().map(|row| row.as_ref()).collect();
    let values = if parts.is_empty() { new_empty_array(field.data_type()) } else { concat(&parts)? };
    Ok(Arc::new(ListArray::try_new(Arc::clone(field), offsets, values, Some(nulls))?))
}

/// Each row's list made into another one of some of its elements, by their places from 0.
pub(super) fn chosen(
    array: &ArrayRef,
    result: &DataType,
    places: impl Fn(usize, &ArrayRef) -> Result<Option<arrow::array::UInt64Array>>,
) -> Result<ArrayRef> {
    let lists = lists(array)?;
    let row = |row: usize| -> Result<Option<ArrayRef>> {
        if arrow::array::Array::is_null(lists, row) {
            return Ok(None);
        }
        let list = lists.value(row);
        Ok(match places(row, &list)? {
            Some(places) => Some(take(&list, &places, None)?),
            None => None,
        })
    };
    column_of((0..array.len()).map(row).collect::<Result<Vec<_>>>()?, result)
}

/// A definition as one of DataFusion's functions.
#[derive(Debug)]
pub(super) struct Whole {
    definition: Definition,
    aliases: Vec<String>,
    signature: Signature,
    documentation: Documentation,
}

impl Whole {
    fn new(definition: Definition) -> Self {
        Self {
            aliases: definition.aliases.iter().map(|alias| (*alias).to_owned()).collect(),
            signature: Signature::user_defined(Volatility::Immutable),
            documentation: Documentation::builder(DocSection::default(), definition.about, definition.usage)
                .with_sql_example(definition.example)
                .build(),
            definition,
        }
    }
}

impl PartialEq for Whole {
    fn eq(&self, other: &Self) -> bool {
        self.definition.name == other.definition.name
    }
}

impl Eq for Whole {}

impl Hash for Whole {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.definition.name.hash(state);
    }
}

/// The error for arguments that a function does not take.
pub(super) fn no_function(name: &str, usage: &str, example: &str, arguments: &[DataType]) -> Error {
    let found: Vec<String> = arguments.iter().map(types::name_of).collect();
    Error::invalid(format!("there is no {name}({})", found.join(", "))).with_hint(format!("it is called as {usage}, such as {example}"))
}

impl ScalarUDFImpl for Whole {
    fn name(&self) -> &str {
        self.definition.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> DataFusionResult<Vec<DataType>> {
        let Definition { name, usage, example, takes, .. } = &self.definition;
        takes(arguments).ok_or_else(|| while_planning(no_function(name, usage, example, arguments)))
    }

    fn return_type(&self, arguments: &[DataType]) -> DataFusionResult<DataType> {
        Ok((self.definition.gives)(arguments))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let is_constant = arguments.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
        let array = (self.definition.run)(&arrays, arguments.return_field.data_type()).map_err(to_datafusion)?;
        Ok(match is_constant {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?),
            false => ColumnarValue::Array(array),
        })
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// A value of an array.
pub(super) fn scalar(array: &ArrayRef, row: usize) -> Result<ScalarValue> {
    ScalarValue::try_from_array(array, row).map_err(from_datafusion)
}

/// A field of a column that may be NULL.
pub(super) fn nullable(name: &str, data_type: &DataType) -> FieldRef {
    Arc::new(Field::new(name, data_type.clone(), true))
}
