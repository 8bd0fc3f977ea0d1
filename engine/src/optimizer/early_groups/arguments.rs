//! Arguments that have a value for all rows: whoever computes them for rows that nobody asked for must not fail.

use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{BinaryExpr, Cast, Expr, ExprSchemable, Operator};

use crate::semantics::{always_has_a_result, is_comparison};

/// Whether none of them can fail.
pub(super) fn are_total(arguments: &[Expr], schema: &DFSchema) -> bool {
    arguments.iter().all(|argument| {
        let mut total = true;
        let walked = argument.apply(|part| {
            total &= is_total(part, schema);
            Ok(if total { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
        });
        walked.is_ok() && total
    })
}

/// A billion values of so many digits fit into the 128 bits that a sum is kept in.
const MOST_DIGITS: u8 = 29;

/// Whether sums of so many rows as there can be have room where they are kept: those of groups that a join drops must not fail.
pub(super) fn have_room(arguments: &[Expr], schema: &DFSchema) -> bool {
    arguments.iter().all(|argument| match argument.get_type(schema) {
        Ok(DataType::Decimal128(digits, _)) => digits <= MOST_DIGITS,
        Ok(_) => true,
        Err(_) => false,
    })
}

/// Whether an expression has a value for all values of its operands.
fn is_total(expr: &Expr, schema: &DFSchema) -> bool {
    match expr {
        Expr::Column(_)
        | Expr::Literal(..)
        | Expr::Alias(_)
        | Expr::Case(_)
        | Expr::Not(_)
        | Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::InList(_)
        | Expr::Between(_) => true,
        Expr::Cast(Cast { expr, field }) => expr.get_type(schema).is_ok_and(|from| widens(&from, field.data_type())),
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let types = (left.get_type(schema), right.get_type(schema));
            let floats = matches!(&types, (Ok(left), Ok(right)) if left.is_floating() && right.is_floating());
            let arithmetic = matches!(op, Operator::Plus | Operator::Minus | Operator::Multiply | Operator::Divide);
            matches!(op, Operator::And | Operator::Or) || is_comparison(*op) || floats && arithmetic
        }
        Expr::ScalarFunction(call) => always_has_a_result(call, schema),
        _ => false,
    }
}

/// Whether all values of a type have a place in another.
fn widens(from: &DataType, to: &DataType) -> bool {
    let digits = |data_type: &DataType| match data_type {
        DataType::Int8 | DataType::UInt8 => Some(3),
        DataType::Int16 | DataType::UInt16 => Some(5),
        DataType::Int32 | DataType::UInt32 => Some(10),
        DataType::Int64 => Some(19),
        _ => None,
    };
    match (from, to) {
        (from, DataType::Float64) => from.is_numeric(),
        (DataType::Decimal128(digits, scale), DataType::Decimal128(to_digits, to_scale)) => {
            to_scale >= scale && i16::from(*to_digits) - i16::from(*to_scale) >= i16::from(*digits) - i16::from(*scale)
        }
        (from, DataType::Decimal128(to_digits, to_scale)) => {
            digits(from).is_some_and(|digits| i16::from(*to_digits) - i16::from(*to_scale) >= digits)
        }
        (from, to) if from.is_signed_integer() && to.is_signed_integer() => from.primitive_width() <= to.primitive_width(),
        _ => from == to,
    }
}
