//! `if(condition, a, b)`, which is planned as CASE: only one of both is computed.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::type_coercion::binary::type_union_resolution;
use datafusion::logical_expr::{
    ColumnarValue, DocSection, Documentation, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::error::{Error, to_datafusion, while_planning};
use crate::types;

pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    let documentation =
        Documentation::builder(DocSection::default(), "the first value if a condition is true, else the second", "if(condition, a, b)");
    let documentation = documentation.with_sql_example("if(x > 1, 'many', 'one')").build();
    let function = If { aliases: vec!["iff".to_owned()], signature: Signature::user_defined(Volatility::Immutable), documentation };
    vec![Arc::new(ScalarUDF::new_from_impl(function))]
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct If {
    aliases: Vec<String>,
    signature: Signature,
    documentation: Documentation,
}

impl ScalarUDFImpl for If {
    fn name(&self) -> &str {
        "if"
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        let common = match arguments {
            [_, yes, no] => match (yes, no) {
                (DataType::Null, other) | (other, DataType::Null) => Some(other.clone()),
                (yes, no) if mixes(yes, no) => Some(DataType::Float64),
                _ => type_union_resolution(&[yes.clone(), no.clone()]),
            },
            _ => None,
        };
        match common {
            Some(common) => Ok(vec![DataType::Boolean, common.clone(), common]),
            None => {
                let found: Vec<String> = arguments.iter().map(types::name_of).collect();
                Err(while_planning(
                    Error::invalid(format!("there is no if({})", found.join(", "))).with_hint("it is called as if(condition, a, b)"),
                ))
            }
        }
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(arguments.get(1).cloned().unwrap_or(DataType::Null))
    }

    fn simplify(&self, arguments: Vec<Expr>, _: &SimplifyContext) -> Result<ExprSimplifyResult> {
        Ok(match <[Expr; 3]>::try_from(arguments) {
            Ok([condition, yes, no]) => {
                let case = Case::new(None, vec![(Box::new(condition), Box::new(yes))], Some(Box::new(no)));
                ExprSimplifyResult::Simplified(Expr::Case(case))
            }
            Err(arguments) => ExprSimplifyResult::Original(arguments),
        })
    }

    fn short_circuits(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Err(to_datafusion(Error::internal("if() was not planned as CASE")))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// Whether a DOUBLE and a decimal meet, which they do as DOUBLE.
fn mixes(left: &DataType, right: &DataType) -> bool {
    (left.is_floating() && right.is_decimal()) || (left.is_decimal() && right.is_floating())
}
