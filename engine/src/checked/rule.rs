//! Puts checked arithmetic in place of DataFusion's, after types are known and before anything is computed.

use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result as DataFusionResult};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::type_coercion::binary::BinaryTypeCoercer;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator};
use datafusion::optimizer::AnalyzerRule;

use super::arithmetic::{self, Operation};

/// The rule. It belongs behind those that give expressions their types.
#[derive(Debug)]
pub(crate) struct CheckArithmetic;

impl AnalyzerRule for CheckArithmetic {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> DataFusionResult<LogicalPlan> {
        let checked_plan = |plan: LogicalPlan| {
            let mut schema = merge_schema(&plan.inputs());
            if let LogicalPlan::TableScan(scan) = &plan {
                schema.merge(&DFSchema::try_from_qualified_schema(scan.table_name.clone(), &scan.source.schema())?);
            }
            let names = NamePreserver::new(&plan);
            plan.map_expressions(|expr| {
                let name = names.save(&expr);
                Ok(rewritten(expr, &schema)?.update_data(|expr| name.restore(expr)))
            })
        };
        Ok(plan.transform_up_with_subqueries(checked_plan)?.data)
    }

    fn name(&self) -> &str {
        "check_arithmetic"
    }
}

/// An expression whose types are known, with checked arithmetic.
pub(crate) fn checked(expr: Expr, schema: &DFSchema) -> DataFusionResult<Expr> {
    Ok(rewritten(expr, schema)?.data)
}

fn rewritten(expr: Expr, schema: &DFSchema) -> DataFusionResult<Transformed<Expr>> {
    expr.transform_up(|expr| match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match Operation::of(op) {
            Some(operation) if may_overflow(&left, &right, op, schema)? => Ok(Transformed::yes(operation.call(vec![*left, *right]))),
            _ => Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right }))),
        },
        Expr::Negative(operand) => match type_of(&operand, schema)?.is_signed_integer() {
            true => Ok(Transformed::yes(Operation::Negate.call(vec![*operand]))),
            false => Ok(Transformed::no(Expr::Negative(operand))),
        },
        other => Ok(Transformed::no(other)),
    })
}

/// Whole numbers always may; decimals when the result would need more digits than there are.
fn may_overflow(left: &Expr, right: &Expr, op: Operator, schema: &DFSchema) -> DataFusionResult<bool> {
    let (left, right) = (type_of(left, schema)?, type_of(right, schema)?);
    match (&left, &right) {
        (DataType::Decimal128(..), DataType::Decimal128(..)) => {
            let result = BinaryTypeCoercer::new(&left, &op, &right).get_result_type()?;
            Ok(matches!(result, DataType::Decimal128(DECIMAL128_MAX_PRECISION, _)))
        }
        _ => Ok(left.is_integer() && right.is_integer()),
    }
}

/// An expression's type. Of a long chain of whole numbers it is that of the last, which is not deep.
fn type_of(expr: &Expr, schema: &DFSchema) -> DataFusionResult<DataType> {
    if let Some(last) = arithmetic::operands(expr).and_then(|operands| operands.last()) {
        let data_type = type_of(last, schema)?;
        if data_type.is_integer() {
            return Ok(data_type);
        }
    }
    expr.get_type(schema)
}
