//! Aggregates of a list's elements: `list_aggregate(list, 'sum')`, `list_sum(list)` and so on, with any aggregate there is.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::{DataType, FieldRef, Schema};
use datafusion::common::{Result as DataFusionResult, ScalarValue};
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::type_coercion::functions::fields_with_udf;
use datafusion::logical_expr::{
    AggregateUDF, ColumnarValue, DocSection, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{Column, Literal};

use super::{as_list, item, lists, nullable};
use crate::error::{Error, Result, from_datafusion, to_datafusion, while_planning};
use crate::functions::aggregates;

/// Functions of their own for these aggregates, called `list_…` and `array_…`.
const NAMED: [&str; 29] = [
    "sum",
    "avg",
    "min",
    "max",
    "count",
    "first",
    "last",
    "any_value",
    "median",
    "mode",
    "product",
    "stddev_pop",
    "stddev_samp",
    "var_pop",
    "var_samp",
    "string_agg",
    "bool_and",
    "bool_or",
    "bit_and",
    "bit_or",
    "bit_xor",
    "histogram",
    "entropy",
    "approx_count_distinct",
    "mad",
    "sem",
    "skewness",
    "kurtosis",
    "kurtosis_pop",
];

/// Those that are called `array_…`, too, as DataFusion's are.
const TWINS: [&str; 6] = ["array_sum", "array_avg", "array_min", "array_max", "array_product", "array_any_value"];

/// `list_aggregate`, and one function for each aggregate.
pub(super) fn each() -> Vec<Arc<ScalarUDF>> {
    let about = "an aggregate of the elements of a list".to_owned();
    let general =
        ListAggregate::new("list_aggregate".to_owned(), vec!["list_aggr", "array_aggregate", "array_aggr", "aggregate"], None, about);
    let named = NAMED.iter().map(|name| {
        let about = format!("{name} of the elements of a list");
        ListAggregate::new(format!("list_{name}"), Vec::new(), Some(name), about)
    });
    let mut functions: Vec<_> =
        std::iter::once(general).chain(named).map(|function| Arc::new(ScalarUDF::new_from_impl(function))).collect();
    let twins = NAMED
        .iter()
        .map(|name| ListAggregate::new(format!("array_{name}"), Vec::new(), Some(name), format!("{name} of the elements of a list")));
    functions.extend(twins.filter(|twin| TWINS.contains(&twin.name.as_str())).map(|twin| Arc::new(ScalarUDF::new_from_impl(twin))));
    functions
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ListAggregate {
    name: String,
    aliases: Vec<String>,
    /// The aggregate; none if an argument says which.
    aggregate: Option<&'static str>,
    signature: Signature,
    documentation: Documentation,
}

impl ListAggregate {
    fn new(name: String, aliases: Vec<&str>, aggregate: Option<&'static str>, about: String) -> Self {
        let usage = if aggregate.is_some() { format!("{name}(list)") } else { format!("{name}(list, aggregate, ...)") };
        let example = if aggregate.is_some() { format!("{name}([1, 2, 3])") } else { format!("{name}([1, 2, 3], 'sum')") };
        Self {
            aliases: aliases.into_iter().map(str::to_owned).collect(),
            aggregate,
            signature: Signature::user_defined(Volatility::Immutable),
            documentation: Documentation::builder(DocSection::default(), about, usage).with_sql_example(example).build(),
            name,
        }
    }

    /// How many arguments stand in front of the aggregate's own constants.
    fn skipped(&self) -> usize {
        if self.aggregate.is_some() { 1 } else { 2 }
    }

    fn function(&self, named: Option<&ScalarValue>) -> Result<Arc<AggregateUDF>> {
        let name = match (self.aggregate, named) {
            (Some(name), _) => name.to_owned(),
            (None, Some(ScalarValue::Utf8(Some(name)) | ScalarValue::Utf8View(Some(name)) | ScalarValue::LargeUtf8(Some(name)))) => {
                name.to_ascii_lowercase()
            }
            _ => return Err(Error::invalid(format!("the aggregate of {} is a constant name such as 'sum'", self.name))),
        };
        aggregates::named(&name).ok_or_else(|| Error::invalid(format!("there is no aggregate '{name}'")))
    }

    /// The aggregate's arguments as it wants them, and its result.
    fn fields(&self, function: &AggregateUDF, list: &DataType, constants: &[FieldRef]) -> Result<(Vec<FieldRef>, FieldRef)> {
        // A list of nothing but NULLs has elements of no type.
        let element = match item(Some(list)) {
            DataType::Null => DataType::Int64,
            known => known,
        };
        let mut given: Vec<FieldRef> = std::iter::once(nullable("element", &element)).chain(constants.iter().cloned()).collect();
        if given.len() == 1 && function.name() == "string_agg" {
            given.push(nullable("separator", &DataType::Utf8));
        }
        let wanted = fields_with_udf(&given, function).map_err(from_datafusion)?;
        let result = function.return_field(&wanted).map_err(from_datafusion)?;
        Ok((wanted, result))
    }

    fn run(&self, arguments: &ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_constant = matches!(arguments.args.first(), Some(ColumnarValue::Scalar(_)));
        let array = arguments.args.first().map(|list| list.to_array(if is_constant { 1 } else { arguments.number_rows }));
        let array = array.transpose().map_err(from_datafusion)?.ok_or_else(|| Error::internal("there is no list"))?;
        let scalars: Vec<&ScalarValue> = arguments
            .args
            .iter()
            .skip(1)
            .filter_map(|argument| match argument {
                ColumnarValue::Scalar(scalar) => Some(scalar),
                ColumnarValue::Array(_) => None,
            })
            .collect();
        if scalars.len() + 1 != arguments.args.len() {
            return Err(Error::invalid(format!("only the list of {} may differ from row to row", self.name)));
        }
        let function = self.function(scalars.first().copied())?;
        let constants = arguments.arg_fields.get(self.skipped()..).unwrap_or_default();
        let (fields, result) = self.fields(&function, array.data_type(), constants)?;
        let mut exprs: Vec<Arc<dyn PhysicalExpr>> = vec![Arc::new(Column::new("element", 0))];
        let mut values = Vec::new();
        for (scalar, field) in scalars.iter().skip(self.skipped() - 1).zip(fields.iter().skip(1)) {
            let value = scalar.cast_to(field.data_type()).map_err(from_datafusion)?;
            exprs.push(Arc::new(Literal::new(value.clone())));
            values.push(value);
        }
        if values.is_empty() && function.name() == "string_agg" {
            let comma = ScalarValue::Utf8(Some(",".to_owned())).cast_to(fields[1].data_type()).map_err(from_datafusion)?;
            exprs.push(Arc::new(Literal::new(comma.clone())));
            values.push(comma);
        }
        let schema = Schema::new(fields.clone());
        let lists = lists(&array)?;
        let mut results = Vec::with_capacity(lists.len());
        for row in 0..lists.len() {
            if lists.is_null(row) {
                results.push(ScalarValue::try_from(result.data_type()).map_err(from_datafusion)?);
                continue;
            }
            let elements = arrow::compute::cast(&lists.value(row), fields[0].data_type())?;
            let make = AccumulatorArgs {
                return_field: Arc::clone(&result),
                schema: &schema,
                ignore_nulls: false,
                order_bys: &[],
                is_reversed: false,
                name: function.name(),
                is_distinct: false,
                exprs: &exprs,
                expr_fields: &fields,
            };
            let mut accumulator = function.accumulator(make).map_err(from_datafusion)?;
            let mut columns: Vec<ArrayRef> = vec![elements];
            for value in &values {
                columns.push(value.to_array_of_size(columns[0].len()).map_err(from_datafusion)?);
            }
            if !columns[0].is_empty() {
                accumulator.update_batch(&columns).map_err(from_datafusion)?;
            }
            results.push(accumulator.evaluate().map_err(from_datafusion)?);
        }
        let array = match results.is_empty() {
            true => arrow::array::new_empty_array(result.data_type()),
            false => ScalarValue::iter_to_array(results).map_err(from_datafusion)?,
        };
        let array = arrow::compute::cast(&array, arguments.return_field.data_type())?;
        Ok(match is_constant {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0).map_err(from_datafusion)?),
            false => ColumnarValue::Array(array),
        })
    }
}

impl ScalarUDFImpl for ListAggregate {
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
        let list = arguments.first().and_then(as_list).filter(|_| arguments.len() >= self.skipped());
        let list = list.ok_or_else(|| {
            let example = format!("{}([1, 2, 3])", self.name);
            while_planning(super::no_function(&self.name, &self.documentation.syntax_example, &example, arguments))
        })?;
        Ok(std::iter::once(list).chain(arguments.iter().skip(1).cloned()).collect())
    }

    fn return_type(&self, _: &[DataType]) -> DataFusionResult<DataType> {
        Err(to_datafusion(Error::internal("the type of a list's aggregate depends on its name")))
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> DataFusionResult<FieldRef> {
        let named = arguments.scalar_arguments.get(1).copied().flatten();
        let function = self.function(named).map_err(to_datafusion)?;
        let list = arguments.arg_fields.first().and_then(|field| as_list(field.data_type())).unwrap_or(DataType::Null);
        let constants = arguments.arg_fields.get(self.skipped()..).unwrap_or_default();
        let (_, result) = self.fields(&function, &list, constants).map_err(to_datafusion)?;
        Ok(Arc::new(result.as_ref().clone().with_name(&self.name).with_nullable(true)))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        self.run(&arguments).map_err(to_datafusion)
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
