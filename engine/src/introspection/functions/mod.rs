//! Functions that ask for the session, the database and its objects: `current_schema()`, `current_setting('x')`, `pg_get_viewdef(oid)`.
//!
//! A function is a [`FunctionDefinition`]: how many arguments it takes, what it returns, and how it makes one value of those of one row. To add one,
//! write a definition and list it.

mod listed;
mod of_objects;
mod of_sequences;
mod of_session;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result as DataFusionResult, ScalarValue, exec_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility};

pub(crate) use self::listed::{FunctionObject, all};
pub(crate) use self::of_session::version;
use super::cells::{self, Cell, Kind};
use crate::error::{Result, to_datafusion};
use crate::session::view::Asked;

/// A function of the session, the database, or its objects.
pub(crate) struct FunctionDefinition {
    name: &'static str,
    aliases: &'static [&'static str],
    /// How many arguments it can have.
    arguments: &'static [usize],
    result: Kind,
    /// Whether a NULL among the arguments makes the answer NULL.
    strict: bool,
    /// Whether a call right behind another may have another answer.
    volatile: bool,
    evaluate: fn(&Asked<'_>, &[Cell]) -> Result<Cell>,
}

/// All of them.
pub(crate) fn functions() -> Vec<Arc<ScalarUDF>> {
    let definitions = of_session::FUNCTIONS.iter().chain(of_objects::FUNCTIONS).chain(of_sequences::FUNCTIONS);
    let mut functions: Vec<_> = definitions.map(|definition| Arc::new(ScalarUDF::new_from_impl(Function::new(definition)))).collect();
    functions.push(Arc::new(ScalarUDF::new_from_impl(of_sequences::NextVal::default())));
    functions
}

struct Function {
    definition: &'static FunctionDefinition,
    aliases: Vec<String>,
    signature: Signature,
}

impl Function {
    fn new(definition: &'static FunctionDefinition) -> Self {
        let counts = definition.arguments.iter().map(|count| match count {
            0 => TypeSignature::Nullary,
            count => TypeSignature::Any(*count),
        });
        // Not immutable: the same call has another answer in another session, or after a SET.
        let volatility = if definition.volatile { Volatility::Volatile } else { Volatility::Stable };
        let signature = Signature::one_of(counts.collect(), volatility);
        Self { definition, aliases: definition.aliases.iter().map(|alias| (*alias).to_owned()).collect(), signature }
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Function").field(&self.definition.name).finish()
    }
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.definition.name == other.definition.name
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.definition.name.hash(state);
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.definition.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> DataFusionResult<DataType> {
        Ok(cells::schema(&[("", self.definition.result)]).field(0).data_type().clone())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let Some(asked) = Asked::of(&arguments.config_options) else {
            return exec_err!("the function {} needs a session", self.definition.name);
        };
        let is_constant = arguments.args.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
        let is_constant = is_constant && !self.definition.volatile;
        let rows = if is_constant { 1 } else { arguments.number_rows };
        let column = |argument: &ColumnarValue| values(&argument.to_array(rows)?).map_err(to_datafusion);
        let columns = arguments.args.iter().map(column).collect::<DataFusionResult<Vec<_>>>()?;
        let mut results = Vec::with_capacity(rows);
        for row in 0..rows {
            let cells: Vec<Cell> = columns.iter().map(|column| column[row].clone()).collect();
            let result = match self.definition.strict && cells.contains(&Cell::Null) {
                true => Cell::Null,
                false => (self.definition.evaluate)(&asked, &cells).map_err(to_datafusion)?,
            };
            results.push(vec![result]);
        }
        let batch = cells::batch(&[("result", self.definition.result)], &results).map_err(to_datafusion)?;
        let array = Arc::clone(batch.column(0));
        Ok(match is_constant {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?),
            false => ColumnarValue::Array(array),
        })
    }
}

/// An argument's values, as cells: whole numbers, flags, and the text of all else.
fn values(array: &ArrayRef) -> Result<Vec<Cell>> {
    let nulls = |row: usize| array.is_null(row);
    Ok(match array.data_type() {
        DataType::Null => vec![Cell::Null; array.len()],
        DataType::Boolean => {
            let flags = array.as_boolean();
            (0..flags.len()).map(|row| if nulls(row) { Cell::Null } else { Cell::Flag(flags.value(row)) }).collect()
        }
        data_type if data_type.is_integer() => {
            let numbers = cast(array, &DataType::Int64)?;
            let numbers = numbers.as_primitive::<Int64Type>();
            (0..numbers.len()).map(|row| if nulls(row) { Cell::Null } else { Cell::Number(numbers.value(row)) }).collect()
        }
        _ => {
            let texts = cast(array, &DataType::Utf8)?;
            let texts = texts.as_string::<i32>();
            (0..texts.len()).map(|row| if nulls(row) { Cell::Null } else { Cell::from(texts.value(row)) }).collect()
        }
    })
}

/// A number that may be written as a text, as oids are.
fn number(cell: &Cell) -> Option<i64> {
    match cell {
        Cell::Number(number) => Some(*number),
        Cell::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn text(cell: &Cell) -> Option<&str> {
    match cell {
        Cell::Text(text) => Some(text),
        _ => None,
    }
}
