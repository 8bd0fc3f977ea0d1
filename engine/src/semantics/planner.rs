//! Common types while SQL is planned: what an operator's operands become may change the type of its result, and what is planned around it relies on that.

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, cast, lit};
use datafusion::sql::sqlparser::ast::BinaryOperator;

use super::common_types;
use super::intervals::{self, Planned};
use super::typed::type_of;

/// Plans comparisons, and arithmetic whose operands are to have another type.
#[derive(Debug)]
pub(super) struct CommonTypesPlanner;

impl ExprPlanner for CommonTypesPlanner {
    fn plan_binary_op(&self, expr: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let RawBinaryExpr { op, left, right } = expr;
        let (left, right) = match arithmetic(&op) {
            Some(operator) => {
                let (left, right) = as_signed(left, right, schema)?;
                match of_time(operator, left, right, schema) {
                    Planned::Done(planned) => return Ok(PlannerResult::Planned(planned)),
                    Planned::Operands(left, right) => (left, right),
                }
            }
            None => (left, right),
        };
        let Some(operator) = operator(&op) else { return Ok(PlannerResult::Original(RawBinaryExpr { op, left, right })) };
        let planned = common_types::rewritten(Expr::BinaryExpr(BinaryExpr::new(Box::new(left), operator, Box::new(right))), schema)?;
        Ok(match (planned.transformed, planned.data) {
            (false, Expr::BinaryExpr(BinaryExpr { left, right, .. })) => {
                PlannerResult::Original(RawBinaryExpr { op, left: *left, right: *right })
            }
            (_, planned) => PlannerResult::Planned(planned),
        })
    }
}

fn arithmetic(op: &BinaryOperator) -> Option<Operator> {
    Some(match op {
        BinaryOperator::Plus => Operator::Plus,
        BinaryOperator::Minus => Operator::Minus,
        BinaryOperator::Multiply => Operator::Multiply,
        BinaryOperator::Divide => Operator::Divide,
        BinaryOperator::Modulo => Operator::Modulo,
        _ => return None,
    })
}

/// What moments, times of day and intervals make.
fn of_time(operator: Operator, left: Expr, right: Expr, schema: &DFSchema) -> Planned {
    match (type_of(&left, schema), type_of(&right, schema)) {
        (Ok(left_type), Ok(right_type)) if is_null(&left) || is_null(&right) => match beside_null(operator, &left_type, &right_type) {
            Some(null) => Planned::Done(lit(null)),
            None => intervals::planned(operator, (left, &left_type), (right, &right_type)),
        },
        (Ok(left_type), Ok(right_type)) => intervals::planned(operator, (left, &left_type), (right, &right_type)),
        _ => Planned::Operands(left, right),
    }
}

fn is_null(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(ScalarValue::Null, _))
}

/// The NULL that a moment or an interval and a NULL make: DataFusion takes the NULL for a moment, too, and finds no sum of two.
fn beside_null(operator: Operator, left: &DataType, right: &DataType) -> Option<ScalarValue> {
    let other = if left.is_null() { right } else { left };
    let is_moment = matches!(other, DataType::Date32 | DataType::Timestamp(..) | DataType::Time64(_));
    let is_answer = match operator {
        Operator::Plus => is_moment || matches!(other, DataType::Interval(_)),
        Operator::Minus => matches!(other, DataType::Interval(_)) && right.is_null(),
        Operator::Multiply => matches!(other, DataType::Interval(_)),
        Operator::Divide => matches!(other, DataType::Interval(_)) && right.is_null(),
        _ => false,
    };
    ScalarValue::try_from(other).ok().filter(|_| is_answer)
}

/// A UBIGINT beside a signed number counts as a BIGINT, as `row_number()` is one in every other database: DataFusion makes decimals of both.
fn as_signed(left: Expr, right: Expr, schema: &DFSchema) -> Result<(Expr, Expr)> {
    let (Ok(left_type), Ok(right_type)) = (type_of(&left, schema), type_of(&right, schema)) else { return Ok((left, right)) };
    Ok(match (left_type, right_type) {
        (DataType::UInt64, right_type) if right_type.is_signed_integer() => (cast(left, DataType::Int64), right),
        (left_type, DataType::UInt64) if left_type.is_signed_integer() => (left, cast(right, DataType::Int64)),
        _ => (left, right),
    })
}

fn operator(op: &BinaryOperator) -> Option<Operator> {
    Some(match op {
        BinaryOperator::Divide => Operator::Divide,
        BinaryOperator::Eq => Operator::Eq,
        BinaryOperator::NotEq => Operator::NotEq,
        BinaryOperator::Lt => Operator::Lt,
        BinaryOperator::LtEq => Operator::LtEq,
        BinaryOperator::Gt => Operator::Gt,
        BinaryOperator::GtEq => Operator::GtEq,
        _ => return None,
    })
}
