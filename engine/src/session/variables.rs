//! SET VARIABLE and `getvariable`: values with names, for as long as the session.

use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, PoisonError, RwLock};

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result as DataFusionResult, ScalarValue};
use datafusion::logical_expr::{ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use datafusion::sql::sqlparser::ast::{Query, Statement as SqlStatement};

use super::Session;
use super::result::Done;
use crate::error::{Error, Result, from_datafusion, while_planning};

/// `SET VARIABLE` or `RESET VARIABLE`.
#[derive(Debug, Clone)]
pub(crate) enum VariableStatement {
    /// The value is that of a query of one row.
    Set {
        name: String,
        value: Box<Query>,
    },
    Reset {
        name: String,
    },
}

/// A session's variables, by name in small letters, each with its type. Copies are the same ones.
#[derive(Debug, Clone, Default)]
pub(crate) struct Variables(Arc<RwLock<HashMap<String, (ScalarValue, FieldRef)>>>);

impl Variables {
    /// The function that tells what they are.
    pub(crate) fn function(&self) -> ScalarUDF {
        ScalarUDF::new_from_impl(GetVariable { variables: self.clone(), signature: Signature::string(1, Volatility::Stable) })
    }

    fn get(&self, name: &str) -> Option<(ScalarValue, FieldRef)> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&name.to_lowercase()).cloned()
    }

    fn set(&self, name: &str, value: Option<(ScalarValue, FieldRef)>) {
        let mut variables = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match value {
            Some(value) => drop(variables.insert(name.to_lowercase(), value)),
            None => drop(variables.remove(&name.to_lowercase())),
        }
    }
}

impl Session {
    pub(super) async fn set_variable(&mut self, statement: VariableStatement) -> Result<Done> {
        match statement {
            VariableStatement::Set { name, value } => {
                // The plan goes by the query's own text.
                let sql = format!("{value}");
                let rows = Box::pin(self.query(&sql, SqlStatement::Query(value))).await?;
                let batches = rows.collect().await?;
                let mut found = batches.iter().filter(|batch| batch.num_rows() > 0);
                let batch = found.next().ok_or_else(|| Error::invalid(format!("the variable '{name}' has no value")))?;
                let value = ScalarValue::try_from_array(batch.column(0), 0).map_err(from_datafusion)?;
                let field = batch.schema().field(0).clone().with_name(&name).with_nullable(true);
                self.variables.set(&name, Some((value, Arc::new(field))));
                Ok(Done::new("SET VARIABLE"))
            }
            VariableStatement::Reset { name } => {
                self.variables.set(&name, None);
                Ok(Done::new("RESET VARIABLE"))
            }
        }
    }
}

/// `getvariable('name')`: NULL if there is none of this name, as in DuckDB.
struct GetVariable {
    variables: Variables,
    signature: Signature,
}

impl fmt::Debug for GetVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("getvariable")
    }
}

impl PartialEq for GetVariable {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.variables.0, &other.variables.0)
    }
}

impl Eq for GetVariable {}

impl Hash for GetVariable {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.variables.0).hash(state);
    }
}

impl GetVariable {
    fn named(&self, name: Option<&ScalarValue>) -> DataFusionResult<(ScalarValue, FieldRef)> {
        let name = name.and_then(|name| name.try_as_str().flatten().map(str::to_owned));
        let name = name.ok_or_else(|| while_planning(Error::invalid("getvariable takes the name of a variable, in single quotes")))?;
        let unknown = || (ScalarValue::Null, Arc::new(Field::new(&name, DataType::Null, true)));
        Ok(self.variables.get(&name).unwrap_or_else(unknown))
    }
}

impl ScalarUDFImpl for GetVariable {
    fn name(&self) -> &str {
        "getvariable"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DataFusionResult<DataType> {
        Err(while_planning(Error::internal("the type of a variable is that of its value")))
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> DataFusionResult<FieldRef> {
        self.named(arguments.scalar_arguments.first().copied().flatten()).map(|(_, field)| field)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        match arguments.args.first() {
            Some(ColumnarValue::Scalar(name)) => self.named(Some(name)).map(|(value, _)| ColumnarValue::Scalar(value)),
            _ => self.named(None).map(|(value, _)| ColumnarValue::Scalar(value)),
        }
    }
}
