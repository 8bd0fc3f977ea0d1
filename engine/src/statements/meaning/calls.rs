//! Calls of functions that stand for operators, for rows of a list, or for what other functions do: written as those.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, UnaryOperator, Value,
};

use super::resolve::ast::{call, number, text};

/// What such a call means; none for other calls.
pub(crate) fn rewritten(function: &Function) -> Option<Expr> {
    let Function { name, args: FunctionArguments::List(list), over: None, filter: None, null_treatment: None, .. } = function else {
        return None;
    };
    let FunctionArgumentList { duplicate_treatment: None, args, clauses } = list else { return None };
    if !clauses.is_empty() || !function.within_group.is_empty() {
        return None;
    }
    let name = name.to_string().to_ascii_lowercase();
    if name == "unnest" {
        return unnested(args);
    }
    let arguments: Vec<Expr> = args.iter().map(plain).collect::<Option<_>>()?;
    match (name.as_str(), arguments.as_slice()) {
        ("add", [value]) => Some(value.clone()),
        ("subtract", [value]) => Some(Expr::UnaryOp { op: UnaryOperator::Minus, expr: Box::new(bracketed(value)) }),
        ("add", [left, right]) => Some(binary(left, BinaryOperator::Plus, right)),
        ("subtract", [left, right]) => Some(binary(left, BinaryOperator::Minus, right)),
        ("multiply", [left, right]) => Some(binary(left, BinaryOperator::Multiply, right)),
        ("divide", [left, right]) => Some(binary(left, BinaryOperator::Divide, right)),
        ("date_part" | "datepart", [Expr::Array(parts), value]) => {
            Some(call("date_parts", vec![text(&lines(&parts.elem)?), value.clone()]))
        }
        ("regexp_extract" | "regexp_substr", [value, pattern, Expr::Array(names), options @ ..]) => {
            let mut arguments = vec![value.clone(), pattern.clone(), text(&lines(&names.elem)?)];
            arguments.extend_from_slice(options);
            Some(call("regexp_extract_groups", arguments))
        }
        ("generate_subscripts", [list, dimension]) => {
            let length = call("array_length", vec![list.clone(), dimension.clone()]);
            Some(call("unnest", vec![call("generate_series", vec![number(1), length])]))
        }
        ("regexp_split_to_table", _) => Some(call("unnest", vec![call("regexp_split_to_array", arguments)])),
        ("string_to_table", _) => Some(call("unnest", vec![call("string_to_array", arguments)])),
        ("map", []) => Some(call("map", vec![call("make_array", vec![]), call("make_array", vec![])])),
        _ => None,
    }
}

/// `unnest(list, recursive := true)` and `unnest(list, max_depth := n)`: the elements of a list without the levels that are meant.
fn unnested(arguments: &[FunctionArg]) -> Option<Expr> {
    let (FunctionArg::Unnamed(FunctionArgExpr::Expr(list)), [option]) = (arguments.first()?, &arguments[1..]) else { return None };
    let FunctionArg::Named { name, arg: FunctionArgExpr::Expr(Expr::Value(value)), .. } = option else { return None };
    let items = match (name.value.to_ascii_lowercase().as_str(), &value.value) {
        ("recursive", Value::Boolean(true)) => call("flatten_all", vec![list.clone()]),
        ("recursive", Value::Boolean(false)) => list.clone(),
        ("max_depth", Value::Number(depth, _)) => {
            let depth: usize = depth.parse().ok().filter(|depth| (1..=100).contains(depth))?;
            (1..depth).fold(list.clone(), |list, _| call("flatten_level", vec![list]))
        }
        _ => return None,
    };
    Some(call("unnest", vec![items]))
}

fn plain(argument: &FunctionArg) -> Option<Expr> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    }
}

fn bracketed(expr: &Expr) -> Expr {
    Expr::Nested(Box::new(expr.clone()))
}

fn binary(left: &Expr, op: BinaryOperator, right: &Expr) -> Expr {
    Expr::Nested(Box::new(Expr::BinaryOp { left: Box::new(bracketed(left)), op, right: Box::new(bracketed(right)) }))
}

/// Names that are written out, one a line.
fn lines(names: &[Expr]) -> Option<String> {
    let name = |expr: &Expr| match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(name) if !name.contains(['\n', '\r']) => Some(name.clone()),
            _ => None,
        },
        _ => None,
    };
    Some(names.iter().map(name).collect::<Option<Vec<_>>>()?.join("\n"))
}
