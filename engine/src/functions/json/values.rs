//! Values as JSON: `to_json(x)`, `json_object(key, value, …)`, `json_array(value, …)`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, StringViewBuilder};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::{Result as DataFusionResult, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, DocSection, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::write::push_string;
use crate::error::{Error, Result, to_datafusion};
use crate::text::json::push_lines;

/// What is made of the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Shape {
    Value,
    Array,
    Object,
}

/// Name, other names, shape, how it is called, a line for people, an example.
type Definition = (&'static str, &'static [&'static str], Shape, &'static str, &'static str, &'static str);

/// All of them.
const FUNCTIONS: [Definition; 3] = [
    (
        "to_json",
        &["json_quote", "row_to_json", "array_to_json", "to_jsonb"],
        Shape::Value,
        "to_json(value)",
        "a value as JSON",
        "to_json([1, 2])",
    ),
    ("json_array", &["json_build_array"], Shape::Array, "json_array(value, ...)", "an array of values", "json_array(1, 'a')"),
    (
        "json_object",
        &["json_build_object"],
        Shape::Object,
        "json_object(key, value, ...)",
        "an object of keys and values",
        "json_object('a', 1)",
    ),
];

pub(in crate::functions) fn functions() -> Vec<Arc<ScalarUDF>> {
    let make = |(name, aliases, shape, usage, about, example): &Definition| {
        Arc::new(ScalarUDF::new_from_impl(AsJson {
            name,
            aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
            shape: *shape,
            signature: if *shape == Shape::Value {
                Signature::any(1, Volatility::Immutable)
            } else {
                Signature::variadic_any(Volatility::Immutable)
            },
            documentation: Documentation::builder(DocSection::default(), *about, *usage).with_sql_example(*example).build(),
        }))
    };
    FUNCTIONS.iter().map(make).collect()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct AsJson {
    name: &'static str,
    aliases: Vec<String>,
    shape: Shape,
    signature: Signature,
    documentation: Documentation,
}

/// The JSON of each of an argument's rows.
fn texts(field: &Field, array: &ArrayRef) -> Result<Vec<String>> {
    if *field.data_type() == DataType::Null {
        return Ok(vec!["null".to_owned(); array.len()]);
    }
    let field = field.clone().with_name("v").with_nullable(true);
    let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![Arc::clone(array)])?;
    let mut lines = Vec::new();
    push_lines(&batch, &mut lines)?;
    let lines = String::from_utf8(lines).map_err(|_| Error::internal("JSON is not UTF-8"))?;
    // Each line is {"v":...}.
    let inner = |line: &str| line.strip_prefix("{\"v\":").and_then(|rest| rest.strip_suffix('}')).map(str::to_owned);
    lines.lines().map(|line| inner(line).ok_or_else(|| Error::internal(format!("'{line}' is no JSON of a value")))).collect()
}

impl AsJson {
    fn run(&self, arguments: &ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_constant = arguments.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let rows = if is_constant { 1 } else { arguments.number_rows };
        let mut columns = Vec::new();
        for (value, field) in arguments.args.iter().zip(&arguments.arg_fields) {
            let array = value.to_array(rows).map_err(crate::error::from_datafusion)?;
            columns.push((texts(field, &array)?, array));
        }
        let mut result = StringViewBuilder::with_capacity(rows);
        for row in 0..rows {
            match self.shape {
                Shape::Value => match columns.first() {
                    Some((texts, array)) if !array.is_null(row) && *array.data_type() != DataType::Null => result.append_value(&texts[row]),
                    _ => result.append_null(),
                },
                Shape::Array => {
                    let items: Vec<&str> = columns.iter().map(|(texts, _)| texts[row].as_str()).collect();
                    result.append_value(format!("[{}]", items.join(",")));
                }
                Shape::Object => result.append_value(object(&columns, row)?),
            }
        }
        let array: ArrayRef = Arc::new(result.finish());
        Ok(match is_constant {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0).map_err(crate::error::from_datafusion)?),
            false => ColumnarValue::Array(array),
        })
    }
}

fn object(columns: &[(Vec<String>, ArrayRef)], row: usize) -> Result<String> {
    let mut text = String::from("{");
    for (place, pair) in columns.chunks(2).enumerate() {
        let [(keys, array), (values, _)] = pair else {
            return Err(Error::invalid("json_object takes pairs of a key and a value"));
        };
        if array.is_null(row) {
            return Err(Error::invalid("a key of json_object is not NULL"));
        }
        text.push_str(if place > 0 { "," } else { "" });
        match keys[row].starts_with('"') {
            true => text.push_str(&keys[row]),
            false => push_string(&keys[row], &mut text),
        }
        text.push(':');
        text.push_str(&values[row]);
    }
    Ok(text + "}")
}

impl ScalarUDFImpl for AsJson {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DataFusionResult<DataType> {
        Ok(DataType::Utf8View)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        self.run(&arguments).map_err(to_datafusion)
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
