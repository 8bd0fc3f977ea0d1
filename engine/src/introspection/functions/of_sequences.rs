//! `nextval('s')` and `currval('s')`.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, PoisonError};

use arrow::array::Int64Array;
use arrow::datatypes::DataType;
use clouddb_storage::catalog::SequenceMeta;
use datafusion::common::{Result as DataFusionResult, exec_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use tokio::runtime::{Handle, RuntimeFlavor};

use super::super::cells::{Cell, Kind};
use super::{FunctionDefinition, text, values};
use crate::error::{Error, Result, to_datafusion};
use crate::session::view::Asked;
use crate::statements::objects::sequences;

/// The functions that only look.
pub(super) static FUNCTIONS: &[FunctionDefinition] = &[FunctionDefinition {
    name: "currval",
    aliases: &[],
    arguments: &[1],
    result: Kind::Number,
    strict: true,
    volatile: true,
    evaluate: |asked, arguments| {
        let meta = sequence(asked, arguments.first().and_then(text).unwrap_or_default())?;
        let last = asked.view.last_numbers.lock().unwrap_or_else(PoisonError::into_inner).get(&meta.id).copied();
        let last = last.ok_or_else(|| {
            Error::invalid(format!("currval: this session has taken no number of sequence '{}'", meta.name))
                .with_hint(format!("SELECT nextval('{}') takes one", meta.name))
        })?;
        Ok(Cell::from(last))
    },
}];

/// The sequence of a name in a string: `s` or `schema.s`.
fn sequence(asked: &Asked<'_>, name: &str) -> Result<Arc<SequenceMeta>> {
    let catalog = asked.view.catalog().ok_or_else(|| Error::internal("a statement without a catalog"))?;
    let (schema, name) = name.rsplit_once('.').unwrap_or((asked.current_schema(), name));
    let schema = crate::statements::lookup::schema(catalog.snapshot(), schema.trim_matches('"'))?;
    sequences::find_in(catalog.snapshot(), &schema, name.trim_matches('"'))
}

/// `nextval`: another number for every row.
#[derive(Debug)]
pub(super) struct NextVal {
    signature: Signature,
}

impl Default for NextVal {
    fn default() -> Self {
        Self { signature: Signature::any(1, Volatility::Volatile) }
    }
}

impl PartialEq for NextVal {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for NextVal {}

impl Hash for NextVal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl ScalarUDFImpl for NextVal {
    fn name(&self) -> &str {
        "nextval"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> DataFusionResult<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let Some(asked) = Asked::of(&arguments.config_options) else { return exec_err!("the function nextval needs a session") };
        let [ColumnarValue::Scalar(name)] = arguments.args.as_slice() else {
            return exec_err!("nextval takes the name of a sequence as a constant string");
        };
        let names = values(&name.to_array_of_size(1)?).map_err(to_datafusion)?;
        let Some(name) = names.first().and_then(text) else { return exec_err!("nextval takes the name of a sequence as a string") };
        let numbers = numbers(&asked, name, arguments.number_rows).map_err(to_datafusion)?;
        Ok(ColumnarValue::Array(Arc::new(Int64Array::from(numbers))))
    }
}

fn numbers(asked: &Asked<'_>, name: &str, count: usize) -> Result<Vec<i64>> {
    let meta = sequence(asked, name)?;
    let database = asked.view.database.clone();
    // A function of a query cannot wait, and taking numbers is a commit: the other threads of the runtime carry on meanwhile.
    let numbers = match Handle::try_current() {
        Ok(handle) if handle.runtime_flavor() == RuntimeFlavor::MultiThread => {
            tokio::task::block_in_place(|| handle.block_on(sequences::next(&database, &meta, count)))?
        }
        _ => return Err(Error::unsupported("nextval needs a runtime of several threads")),
    };
    if let Some(last) = numbers.last() {
        asked.view.last_numbers.lock().unwrap_or_else(PoisonError::into_inner).insert(meta.id, *last);
    }
    Ok(numbers)
}
