//! Expressions of a plan as SQL: without positions of columns, with SQL's names of types.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{
    BinaryExpr, CaseExpr, CastExpr, Column, DynamicFilterPhysicalExpr, InListExpr, IsNotNullExpr, IsNullExpr, LikeExpr, Literal,
    NegativeExpr, NotExpr, TryCastExpr,
};
use datafusion::physical_expr::{PhysicalExpr, PhysicalSortExpr, ScalarFunctionExpr};
use datafusion::physical_expr_common::physical_expr::fmt_sql;

use crate::text::values;
use crate::types::sql_name;

/// Longer texts are cut: whoever reads a plan wants to know which expression it is.
const LONGEST: usize = 300;

/// An expression as SQL.
pub(super) fn sql(expr: &Arc<dyn PhysicalExpr>) -> String {
    let text = written(expr);
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text,
    }
}

fn written(expr: &Arc<dyn PhysicalExpr>) -> String {
    if let Some(column) = expr.downcast_ref::<Column>() {
        return plain_name(column.name());
    }
    if let Some(literal) = expr.downcast_ref::<Literal>() {
        return value(literal.value());
    }
    if let Some(binary) = expr.downcast_ref::<BinaryExpr>() {
        let side = |side: &Arc<dyn PhysicalExpr>| match side.downcast_ref::<BinaryExpr>() {
            Some(inner) if rank(inner.op()) < rank(binary.op()) => format!("({})", written(side)),
            _ => written(side),
        };
        return format!("{} {} {}", side(binary.left()), binary.op(), side(binary.right()));
    }
    if let Some(not) = expr.downcast_ref::<NotExpr>() {
        return format!("NOT ({})", written(not.arg()));
    }
    if let Some(negative) = expr.downcast_ref::<NegativeExpr>() {
        return format!("-({})", written(negative.arg()));
    }
    if let Some(is_null) = expr.downcast_ref::<IsNullExpr>() {
        return format!("{} IS NULL", written(is_null.arg()));
    }
    if let Some(is_not_null) = expr.downcast_ref::<IsNotNullExpr>() {
        return format!("{} IS NOT NULL", written(is_not_null.arg()));
    }
    if let Some(cast) = expr.downcast_ref::<CastExpr>() {
        return format!("CAST({} AS {})", written(cast.expr()), type_name(cast.cast_type()));
    }
    if let Some(cast) = expr.downcast_ref::<TryCastExpr>() {
        return format!("TRY_CAST({} AS {})", written(cast.expr()), type_name(cast.cast_type()));
    }
    if let Some(like) = expr.downcast_ref::<LikeExpr>() {
        let not = if like.negated() { "NOT " } else { "" };
        let like_word = if like.case_insensitive() { "ILIKE" } else { "LIKE" };
        return format!("{} {not}{like_word} {}", written(like.expr()), written(like.pattern()));
    }
    if let Some(list) = expr.downcast_ref::<InListExpr>() {
        let not = if list.negated() { "NOT " } else { "" };
        return format!("{} {not}IN ({})", written(list.expr()), all(list.list()));
    }
    if let Some(case) = expr.downcast_ref::<CaseExpr>() {
        return written_case(case);
    }
    if let Some(function) = expr.downcast_ref::<ScalarFunctionExpr>() {
        return written_call(function);
    }
    // Others know how to write themselves.
    fmt_sql(expr.as_ref()).to_string()
}

/// Functions that stand for operators, because they notice what the operators do not.
const OPERATORS: &[(&str, &str)] = &[
    ("checked_add", "+"),
    ("checked_subtract", "-"),
    ("checked_multiply", "*"),
    ("checked_divide", "/"),
    ("checked_modulo", "%"),
    ("interval_between", "-"),
    ("interval_scaled", "*"),
    ("interval_divided", "/"),
    ("time_later", "+"),
    ("time_earlier", "-"),
    ("date_at", "+"),
];

fn written_call(function: &ScalarFunctionExpr) -> String {
    let operator = OPERATORS.iter().find(|(name, _)| *name == function.name());
    if let (Some((_, operator)), [left, right]) = (operator, function.args()) {
        let side = |side: &Arc<dyn PhysicalExpr>| {
            let is_operator =
                side.downcast_ref::<ScalarFunctionExpr>().is_some_and(|inner| OPERATORS.iter().any(|(name, _)| *name == inner.name()));
            if is_operator || side.is::<BinaryExpr>() { format!("({})", written(side)) } else { written(side) }
        };
        return format!("{} {operator} {}", side(left), side(right));
    }
    match (function.name(), function.args()) {
        ("checked_negate", [argument]) => format!("-({})", written(argument)),
        (name, arguments) => format!("{name}({})", all(arguments)),
    }
}

/// A name that the planner made of an expression, without the types that it notes with constants: `sum(a * Int64(1))` is `sum(a * 1)`.
fn plain_name(name: &str) -> String {
    const TYPES: [&str; 8] = ["Int64(", "Int32(", "UInt64(", "Float64(", "Boolean(", "Utf8(", "Utf8View(", "Date32("];
    let mut name = name.to_owned();
    for prefix in TYPES {
        while let Some(at) = name.find(prefix) {
            let Some(length) = name[at..].find(')') else { break };
            let inner = name[at + prefix.len()..at + length].replace('"', "'");
            name.replace_range(at..=at + length, &inner);
        }
    }
    name
}

fn written_case(case: &CaseExpr) -> String {
    let mut text = "CASE".to_owned();
    if let Some(expr) = case.expr() {
        text.push_str(&format!(" {}", written(expr)));
    }
    for (when, then) in case.when_then_expr() {
        text.push_str(&format!(" WHEN {} THEN {}", written(when), written(then)));
    }
    if let Some(otherwise) = case.else_expr() {
        text.push_str(&format!(" ELSE {}", written(otherwise)));
    }
    text + " END"
}

/// How tightly an operator binds.
fn rank(operator: &Operator) -> u8 {
    match operator {
        Operator::Or => 1,
        Operator::And => 2,
        Operator::Plus | Operator::Minus => 4,
        Operator::Multiply | Operator::Divide | Operator::Modulo => 5,
        _ => 3,
    }
}

/// Expressions with commas between them.
pub(super) fn all<'a>(exprs: impl IntoIterator<Item = &'a Arc<dyn PhysicalExpr>>) -> String {
    exprs.into_iter().map(sql).collect::<Vec<_>>().join(", ")
}

/// What rows are sorted by.
pub(super) fn order<'a>(order: impl IntoIterator<Item = &'a PhysicalSortExpr>) -> String {
    let part = |part: &PhysicalSortExpr| {
        let direction = if part.options.descending { " DESC" } else { "" };
        // NULLs count as the greatest, unless somebody says otherwise.
        let nulls = match (part.options.descending, part.options.nulls_first) {
            (true, false) => " NULLS LAST",
            (false, true) => " NULLS FIRST",
            _ => "",
        };
        format!("{}{direction}{nulls}", sql(&part.expr))
    };
    order.into_iter().map(part).collect::<Vec<_>>().join(", ")
}

/// The parts of a condition that must all be true, without those that are only known while the query runs; and whether there are such.
pub(super) fn conditions<'a>(exprs: impl IntoIterator<Item = &'a Arc<dyn PhysicalExpr>>) -> (Vec<String>, bool) {
    let (mut known, mut has_dynamic) = (Vec::new(), false);
    let mut add = |expr: &Arc<dyn PhysicalExpr>| match expr.is::<DynamicFilterPhysicalExpr>() {
        true => has_dynamic = true,
        false => known.push(sql(expr)),
    };
    for expr in exprs {
        datafusion::physical_expr::split_conjunction(expr).into_iter().for_each(&mut add);
    }
    (known, has_dynamic)
}

/// A constant as SQL writes it.
fn value(value: &ScalarValue) -> String {
    if value.is_null() {
        return "NULL".to_owned();
    }
    let text = || {
        let array = value.to_array().ok()?;
        let field = Field::new("", value.data_type(), true);
        values::formatter(&field, &array, &values::options("NULL")).ok()?.value(0).try_to_string().ok()
    };
    let Some(text) = text() else { return value.to_string() };
    let quoted = format!("'{}'", text.replace('\'', "''"));
    match value.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => quoted,
        DataType::Dictionary(_, inner) if inner.is_string() => quoted,
        DataType::Date32 | DataType::Date64 | DataType::Time32(_) | DataType::Time64(_) => {
            format!("{} {quoted}", type_name(&value.data_type()))
        }
        DataType::Timestamp(_, None) => format!("TIMESTAMP {quoted}"),
        DataType::Timestamp(_, Some(_)) => format!("TIMESTAMPTZ {quoted}"),
        DataType::Interval(_) => format!("INTERVAL {quoted}"),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => quoted,
        _ => text,
    }
}

fn type_name(data_type: &DataType) -> String {
    sql_name(&Field::new("", data_type.clone(), true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_the_planner_made() {
        assert_eq!(plain_name("sum(t.a * Int64(1) - Utf8(\"x\"))"), "sum(t.a * 1 - 'x')");
        assert_eq!(plain_name("Int64("), "Int64(");
        assert_eq!(plain_name("a"), "a");
    }
}
