//! `coalesce`, `greatest` and `least`: DataFusion's, which also take a text beside values of another type, as in `coalesce(day, '2024-05-06')`. It is read as one of
//! theirs; `semantics::common_types` refuses a text that is not written out.

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;
use datafusion::functions::core::{coalesce, greatest, least};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::type_coercion::binary::type_union_resolution;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    let meeting = |inner: Arc<ScalarUDF>| {
        Arc::new(ScalarUDF::new_from_impl(Meeting { signature: Signature::user_defined(Volatility::Immutable), inner }))
    };
    [coalesce(), greatest(), least()].map(meeting).to_vec()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Meeting {
    inner: Arc<ScalarUDF>,
    signature: Signature,
}

impl ScalarUDFImpl for Meeting {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        let others: Vec<DataType> = arguments.iter().filter(|found| !found.is_string() && !found.is_null()).cloned().collect();
        let texts = arguments.iter().any(DataType::is_string);
        match type_union_resolution(&others) {
            Some(common) if texts && !common.is_nested() => Ok(vec![common; arguments.len()]),
            _ => self.inner.coerce_types(arguments),
        }
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.inner.return_type(arguments)
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(arguments)
    }

    fn simplify(&self, arguments: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        self.inner.simplify(arguments, info)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.inner.invoke_with_args(arguments)
    }

    fn conditional_arguments<'a>(&self, arguments: &'a [Expr]) -> Option<(Vec<&'a Expr>, Vec<&'a Expr>)> {
        self.inner.conditional_arguments(arguments)
    }

    fn short_circuits(&self) -> bool {
        self.inner.short_circuits()
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }
}
