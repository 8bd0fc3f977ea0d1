//! `typeof(x)`: a value's type under its name in SQL.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, DocSection, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::types;

pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    [("typeof", "the type of a value", false), ("pg_typeof", "the type of a value, as PostgreSQL writes it", true)]
        .into_iter()
        .map(|(name, about, is_lower)| {
            let documentation =
                Documentation::builder(DocSection::default(), about, format!("{name}(value)")).with_sql_example(format!("{name}(1)"));
            let signature = Signature::any(1, Volatility::Immutable);
            Arc::new(ScalarUDF::new_from_impl(TypeOf { name, is_lower, signature, documentation: documentation.build() }))
        })
        .collect()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct TypeOf {
    name: &'static str,
    is_lower: bool,
    signature: Signature,
    documentation: Documentation,
}

impl ScalarUDFImpl for TypeOf {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let name = arguments.arg_fields.first().map(|field| types::sql_name(field));
        let name = name.map(|name| if self.is_lower { name.to_lowercase() } else { name });
        Ok(ColumnarValue::Scalar(ScalarValue::Utf8View(name)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
