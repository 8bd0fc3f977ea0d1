//! The rule for what depends on types, after they are known and before anything is computed.

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;

use super::{arithmetic, attempts, casts, common_types, intervals, nested, nulls, walk};

/// The rule. It belongs behind those that give expressions their types.
#[derive(Debug)]
pub(super) struct TypedMeaning;

impl AnalyzerRule for TypedMeaning {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let rewritten = walk::every_expression(plan, |expr, place| {
            let rewritten = rewritten(expr, &place.schema)?;
            match place.is_key {
                true => rewritten.transform_data(|expr| intervals::key(expr, &place.schema)),
                false => Ok(rewritten),
            }
        })?;
        Ok(rewritten.data)
    }

    fn name(&self) -> &str {
        "typed_meaning"
    }
}

/// An expression whose types are known, with our meaning.
pub(crate) fn with_our_meaning(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    Ok(rewritten(expr, schema)?.data)
}

fn rewritten(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    expr.transform_up(|expr| match &expr {
        Expr::Cast(_) | Expr::TryCast(_) => casts::rewritten(expr, schema),
        Expr::BinaryExpr(binary) if common_types::is_comparison(binary.op) => {
            intervals::rewritten(expr, schema)?.transform_data(|expr| nested::rewritten(expr, schema))
        }
        Expr::BinaryExpr(_) | Expr::Negative(_) => arithmetic::rewritten(expr, schema),
        Expr::Between(_)
        | Expr::InList(_)
        | Expr::InSubquery(_)
        | Expr::Case(_)
        | Expr::AggregateFunction(_)
        | Expr::WindowFunction(_)
        | Expr::ScalarFunction(_) => intervals::rewritten(expr, schema)?
            .transform_data(|expr| nested::rewritten(expr, schema))?
            .transform_data(|expr| attempts::rewritten(expr, schema))?
            .transform_data(|expr| nulls::rewritten(expr, schema)),
        _ => Ok(Transformed::no(expr)),
    })
}

/// An expression's type. Of a long chain of whole numbers it is that of the last, which is not deep.
pub(super) fn type_of(expr: &Expr, schema: &DFSchema) -> Result<arrow::datatypes::DataType> {
    if let Some(last) = arithmetic::operands(expr).and_then(|operands| operands.last()) {
        let data_type = type_of(last, schema)?;
        if data_type.is_integer() {
            return Ok(data_type);
        }
    }
    expr.get_type(schema)
}
