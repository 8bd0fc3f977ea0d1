//! Functions whose result's type may depend on constants, alone or as further ways to call another function.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, StructArray};
use arrow::compute::nullif;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::{Result as DataFusionResult, ScalarValue};
use datafusion::logical_expr::interval_arithmetic::Interval;
use datafusion::logical_expr::preimage::PreimageResult;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::type_coercion::functions::fields_with_udf;
use datafusion::logical_expr::{
    ColumnarValue, DocSection, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::error::{Error, Result, from_datafusion, to_datafusion, while_planning};

/// A way to call a function.
#[derive(Clone, Copy)]
pub(super) struct Way {
    /// The types that the arguments become; none if it does not take them. Constants that say what the result is keep their type.
    pub(super) takes: fn(&[DataType]) -> Option<Vec<DataType>>,
    /// The type of the result for such arguments, some of which are constants.
    pub(super) gives: fn(&[DataType], &[Option<&ScalarValue>]) -> Result<DataType>,
    /// How whole columns become one, of the result's type.
    pub(super) run: fn(&[ArrayRef], &DataType) -> Result<ArrayRef>,
}

/// The function that has all other ways.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Rest {
    Of(Arc<ScalarUDF>),
    /// There are none.
    Nothing,
}

/// A function with a way of its own.
struct Extended {
    name: String,
    aliases: Vec<String>,
    way: Option<Way>,
    /// The types that arguments of the rest become before it sees them; none to leave them as they are.
    widened: fn(&[DataType]) -> Option<Vec<DataType>>,
    rest: Rest,
    signature: Signature,
    documentation: Option<Documentation>,
}

/// A function that is called in one way.
pub(super) fn alone(names: &[&str], usage: &str, about: &str, example: &str, way: Way) -> Arc<ScalarUDF> {
    let documentation = Documentation::builder(DocSection::default(), about, usage).with_sql_example(example).build();
    let (name, aliases) = names.split_first().map_or(("", names), |(name, aliases)| (*name, aliases));
    Arc::new(ScalarUDF::new_from_impl(Extended {
        name: name.to_owned(),
        aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
        way: Some(way),
        widened: |_| None,
        rest: Rest::Nothing,
        signature: Signature::user_defined(Volatility::Immutable),
        documentation: Some(documentation),
    }))
}

/// Another function, with a further way to call it.
pub(super) fn extended(rest: &Arc<ScalarUDF>, way: Way) -> Arc<ScalarUDF> {
    of(rest, Some(way), |_| None)
}

/// Another function, whose arguments become other types first.
pub(super) fn widened(rest: &Arc<ScalarUDF>, widened: fn(&[DataType]) -> Option<Vec<DataType>>) -> Arc<ScalarUDF> {
    of(rest, None, widened)
}

fn of(rest: &Arc<ScalarUDF>, way: Option<Way>, widened: fn(&[DataType]) -> Option<Vec<DataType>>) -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::new_from_impl(Extended {
        name: rest.name().to_owned(),
        aliases: rest.aliases().to_vec(),
        way,
        widened,
        signature: Signature::user_defined(rest.signature().volatility),
        documentation: rest.documentation().cloned(),
        rest: Rest::Of(Arc::clone(rest)),
    }))
}

/// The names in a constant text, one a line, as fields of a struct.
///
/// # Errors
/// *Invalid* if the argument is no constant, names one twice or names none.
pub(super) fn names_in(function: &str, constant: Option<&ScalarValue>) -> Result<Vec<String>> {
    let Some(text) = constant.and_then(|value| value.try_as_str().flatten()) else {
        return Err(Error::invalid(format!("the names that {function} takes are constants")));
    };
    let names: Vec<String> = text.lines().map(str::to_owned).collect();
    let lower: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
    if let Some(at) = (1..names.len()).find(|at| lower[..*at].contains(&lower[*at])) {
        return Err(Error::invalid(format!("{function} is given the name '{}' twice", names[at])));
    }
    if names.is_empty() {
        return Err(Error::invalid(format!("{function} is given no names")));
    }
    Ok(names)
}

/// What a function makes of columns and constants.
///
/// # Errors
/// The function's.
pub(super) fn call(function: &ScalarUDF, args: Vec<ColumnarValue>, number_rows: usize) -> Result<ArrayRef> {
    let arg_fields: Vec<FieldRef> = args.iter().map(|value| Arc::new(Field::new("", value.data_type(), true))).collect();
    let constants: Vec<Option<&ScalarValue>> = args
        .iter()
        .map(|value| match value {
            ColumnarValue::Scalar(value) => Some(value),
            ColumnarValue::Array(_) => None,
        })
        .collect();
    let return_field = function
        .return_field_from_args(ReturnFieldArgs { arg_fields: &arg_fields, scalar_arguments: &constants })
        .map_err(from_datafusion)?;
    let arguments = ScalarFunctionArgs { args, arg_fields, number_rows, return_field, config_options: Arc::new(ConfigOptions::default()) };
    function.invoke_with_args(arguments).and_then(|value| value.into_array(number_rows)).map_err(from_datafusion)
}

/// A field of structs as a column: that of a NULL is NULL.
///
/// # Errors
/// Arrow's.
pub(super) fn column_of(structs: &StructArray, place: usize) -> Result<ArrayRef> {
    let column = structs.column(place);
    match structs.nulls() {
        None => Ok(Arc::clone(column)),
        Some(nulls) => Ok(nullif(column, &BooleanArray::new(!nulls.inner(), None))?),
    }
}

impl Extended {
    /// The way that takes these arguments, unless it is one of the rest.
    fn way(&self, arguments: &[DataType]) -> Option<(Way, Vec<DataType>)> {
        let way = self.way?;
        Some((way, (way.takes)(arguments)?))
    }

    fn rest(&self, arguments: &[DataType]) -> DataFusionResult<&Arc<ScalarUDF>> {
        match &self.rest {
            Rest::Of(function) => Ok(function),
            Rest::Nothing => {
                let (usage, example) = match &self.documentation {
                    Some(documentation) => {
                        (documentation.syntax_example.as_str(), documentation.sql_example.as_deref().unwrap_or_default())
                    }
                    None => ("", ""),
                };
                Err(while_planning(super::lists::no_function(&self.name, usage, example, arguments)))
            }
        }
    }

    fn inner(&self) -> Option<&Arc<ScalarUDF>> {
        match &self.rest {
            Rest::Of(function) => Some(function),
            Rest::Nothing => None,
        }
    }
}

fn types_of(fields: &[FieldRef]) -> Vec<DataType> {
    fields.iter().map(|field| field.data_type().clone()).collect()
}

impl std::fmt::Debug for Extended {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Extended").field("name", &self.name).finish_non_exhaustive()
    }
}

impl PartialEq for Extended {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.rest == other.rest
    }
}

impl Eq for Extended {}

impl Hash for Extended {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Extended {
    fn name(&self) -> &str {
        &self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> DataFusionResult<Vec<DataType>> {
        if let Some((_, types)) = self.way(arguments) {
            return Ok(types);
        }
        let rest = self.rest(arguments)?;
        let widened = (self.widened)(arguments).unwrap_or_else(|| arguments.to_vec());
        let fields: Vec<FieldRef> = widened.iter().map(|argument| Arc::new(Field::new("", argument.clone(), true))).collect();
        Ok(types_of(&fields_with_udf(&fields, rest.as_ref())?))
    }

    fn return_type(&self, arguments: &[DataType]) -> DataFusionResult<DataType> {
        match self.way(arguments) {
            Some((way, _)) => (way.gives)(arguments, &vec![None; arguments.len()]).map_err(while_planning),
            None => self.rest(arguments)?.return_type(arguments),
        }
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> DataFusionResult<FieldRef> {
        let types = types_of(arguments.arg_fields);
        match self.way(&types) {
            Some((way, _)) => {
                let data_type = (way.gives)(&types, arguments.scalar_arguments).map_err(while_planning)?;
                Ok(Arc::new(Field::new(&self.name, data_type, true)))
            }
            None => self.rest(&types)?.return_field_from_args(arguments),
        }
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let types = types_of(&arguments.arg_fields);
        let Some((way, _)) = self.way(&types) else { return self.rest(&types)?.invoke_with_args(arguments) };
        let is_constant = arguments.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
        let array = (way.run)(&arrays, arguments.return_field.data_type()).map_err(to_datafusion)?;
        Ok(match is_constant {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?),
            false => ColumnarValue::Array(array),
        })
    }

    fn simplify(&self, arguments: Vec<Expr>, info: &SimplifyContext) -> DataFusionResult<ExprSimplifyResult> {
        let types = arguments.iter().map(|argument| info.get_data_type(argument)).collect::<DataFusionResult<Vec<_>>>()?;
        match self.inner() {
            Some(inner) if self.way(&types).is_none() => inner.simplify(arguments, info),
            _ => Ok(ExprSimplifyResult::Original(arguments)),
        }
    }

    fn preimage(&self, arguments: &[Expr], result: &Expr, info: &SimplifyContext) -> DataFusionResult<PreimageResult> {
        match self.inner() {
            Some(inner) => inner.inner().preimage(arguments, result, info),
            None => Ok(PreimageResult::None),
        }
    }

    fn evaluate_bounds(&self, input: &[&Interval]) -> DataFusionResult<Interval> {
        match self.inner() {
            Some(inner) => inner.evaluate_bounds(input),
            None => Interval::make_unbounded(&DataType::Null),
        }
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> DataFusionResult<SortProperties> {
        match self.inner() {
            Some(inner) => inner.output_ordering(inputs),
            None => Ok(SortProperties::Unordered),
        }
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.documentation.as_ref()
    }
}
