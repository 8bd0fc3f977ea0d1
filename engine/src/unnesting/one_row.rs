//! The value of a subquery that must not have several rows: a function of the value and of how many there are.

use std::sync::{Arc, LazyLock};

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use crate::error::{Error, to_datafusion};

/// The function: of a value, and the number of rows that it is the first of.
pub(crate) fn function() -> Arc<ScalarUDF> {
    static FUNCTION: LazyLock<Arc<ScalarUDF>> =
        LazyLock::new(|| Arc::new(ScalarUDF::new_from_impl(OneRow(Signature::any(2, Volatility::Immutable)))));
    Arc::clone(&FUNCTION)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct OneRow(Signature);

impl ScalarUDFImpl for OneRow {
    fn name(&self) -> &str {
        "__one_row"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(arguments.first().cloned().unwrap_or(DataType::Null))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let mut values = arguments.args.into_iter();
        let (Some(value), Some(count)) = (values.next(), values.next()) else {
            return Err(to_datafusion(Error::internal("__one_row takes two values")));
        };
        let counts = count.into_array(rows)?;
        let several = counts.as_primitive::<Int64Type>().iter().flatten().any(|count| count > 1);
        match several {
            false => Ok(value),
            true => Err(to_datafusion(
                Error::invalid("a subquery that is used as a value gives more than one row")
                    .with_hint("add LIMIT 1, an aggregate as max(...), or a condition that leaves one row"),
            )),
        }
    }
}
