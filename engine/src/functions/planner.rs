//! What SQL's own syntax becomes: EXTRACT, POSITION, SUBSTRING, the operators `->` and `->>`, and `max(x, n)`.

use std::sync::{Arc, LazyLock};

use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawAggregateExpr, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ScalarUDF};
use datafusion::sql::sqlparser::ast::BinaryOperator;

use super::aggregates;

/// Our functions by their names.
fn named(name: &str) -> Option<Arc<ScalarUDF>> {
    static OURS: LazyLock<Vec<Arc<ScalarUDF>>> = LazyLock::new(super::ours);
    OURS.iter().find(|function| function.name() == name).cloned()
}

/// The planner. It belongs in front of DataFusion's.
#[derive(Debug)]
pub(super) struct FunctionPlanner;

fn call(name: &str, arguments: Vec<Expr>) -> PlannerResult<Vec<Expr>> {
    match named(name) {
        Some(function) => PlannerResult::Planned(Expr::ScalarFunction(ScalarFunction::new_udf(function, arguments))),
        None => PlannerResult::Original(arguments),
    }
}

impl ExprPlanner for FunctionPlanner {
    fn plan_binary_op(&self, expr: RawBinaryExpr, _: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let name = match expr.op {
            BinaryOperator::Arrow => "json_extract",
            BinaryOperator::LongArrow => "json_extract_string",
            BinaryOperator::DuckIntegerDivide => "div",
            _ => return Ok(PlannerResult::Original(expr)),
        };
        Ok(match named(name) {
            Some(function) => PlannerResult::Planned(Expr::ScalarFunction(ScalarFunction::new_udf(function, vec![expr.left, expr.right]))),
            None => PlannerResult::Original(expr),
        })
    }

    fn plan_extract(&self, arguments: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        Ok(call("date_part", arguments))
    }

    fn plan_position(&self, arguments: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        Ok(call("strpos", arguments))
    }

    fn plan_substring(&self, arguments: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        Ok(call("substring", arguments))
    }

    fn plan_overlay(&self, arguments: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        Ok(call("overlay", arguments))
    }

    fn plan_aggregate(&self, mut expr: RawAggregateExpr) -> Result<PlannerResult<RawAggregateExpr>> {
        // The n greatest or least.
        if expr.args.len() == 2 && matches!(expr.func.name(), "max" | "min") {
            if let Some(function) = aggregates::named(&format!("{}_n", expr.func.name())) {
                expr.func = function;
            }
        }
        Ok(PlannerResult::Original(expr))
    }
}
