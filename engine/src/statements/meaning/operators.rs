//! Operators and forms of expressions that DataFusion does not plan, or plans as something else, as calls of functions that mean the same. After names are
//! found, so that a result is called what was written.

use datafusion::sql::sqlparser::ast::{
    AccessExpr, BinaryOperator, CastKind, DataType as SqlType, DateTimeField, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArguments, Subscript, UnaryOperator, Value, ValueWithSpan,
};

use super::resolve::ast::{call, take};
use super::{calls, indexed_lambdas, structs};
use crate::statements::syntax::tokens::OPEN_END;

/// The operator that stands for `->` while a statement is parsed becomes that again (see `tokens`).
pub(crate) fn restore_arrow(expr: &mut Expr) {
    if let Expr::BinaryOp { op: op @ BinaryOperator::HashMinus, .. } = expr {
        *op = BinaryOperator::Arrow;
    }
}

/// Writes one expression as DataFusion plans it; those within have been.
pub(crate) fn as_calls(expr: &mut Expr) {
    indexed_lambdas::rewritten(expr);
    match expr {
        Expr::BinaryOp { op, left, right } => {
            if let Some(function) = function_of(op) {
                *expr = call(function, vec![take(left), take(right)]);
            }
        }
        Expr::UnaryOp { op: UnaryOperator::BitwiseNot, expr: inner } => {
            // In two's complement `~x` is `-1 - x`, which never overflows.
            let inner = Expr::Nested(Box::new(take(inner)));
            *expr = Expr::BinaryOp { left: Box::new(number("-1")), op: BinaryOperator::Minus, right: Box::new(inner) };
        }
        Expr::UnaryOp { op: UnaryOperator::PGAbs, expr: inner } => *expr = call("abs", vec![take(inner)]),
        Expr::UnaryOp { op: UnaryOperator::PGPostfixFactorial | UnaryOperator::PGPrefixFactorial, expr: inner } => {
            *expr = call("factorial", vec![take(inner)]);
        }
        Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. } => with_backslashes(pattern, escape_char),
        // As PostgreSQL and DuckDB do, `extract('year' FROM d)`.
        Expr::Extract { field: DateTimeField::Custom(name), .. } => name.quote_style = None,
        Expr::SimilarTo { negated, expr: inner, pattern, escape_char } => {
            let mut arguments = vec![take(inner), take(pattern)];
            arguments.extend(escape_char.take().map(Expr::Value));
            let similar = call("similar_to", arguments);
            *expr = match negated {
                true => Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(similar) },
                false => similar,
            };
        }
        Expr::Function(function) => {
            flatten(function);
            if let Some(made) = structs::with_named_fields(function).or_else(|| calls::rewritten(function)) {
                *expr = made;
            }
        }
        Expr::CompoundFieldAccess { root: _, access_chain } => {
            for access in access_chain {
                if let AccessExpr::Subscript(Subscript::Slice { lower_bound, upper_bound, stride }) = access {
                    let is_open =
                        |bound: &Expr| matches!(bound, Expr::Value(value) if value.value == Value::SingleQuotedString(OPEN_END.to_owned()));
                    upper_bound.take_if(|bound| is_open(bound));
                    // An open end is that of the list, which -1 counts from; backwards it is the other one.
                    let (first, last) = match stride {
                        None | Some(Expr::Value(_)) => (number("1"), number("-1")),
                        Some(Expr::UnaryOp { op: UnaryOperator::Minus, expr }) if matches!(expr.as_ref(), Expr::Value(_)) => {
                            (number("-1"), number("1"))
                        }
                        Some(stride) => (sign_of(stride, "1"), sign_of(stride, "-1")),
                    };
                    lower_bound.get_or_insert(first);
                    upper_bound.get_or_insert(last);
                }
            }
        }
        _ => {}
    }
}

/// `coalesce(coalesce(a, b), c)` is `coalesce(a, b, c)`. DataFusion writes every argument but the last twice, those of arguments four times, and so on.
fn flatten(function: &mut Function) {
    let is_coalesce = |function: &Function| function.over.is_none() && function.name.to_string().eq_ignore_ascii_case("coalesce");
    let (true, FunctionArguments::List(list)) = (is_coalesce(function), &mut function.args) else { return };
    let mut flat = Vec::with_capacity(list.args.len());
    for argument in list.args.drain(..) {
        match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Function(Function {
                args: FunctionArguments::List(inner),
                name,
                over: None,
                ..
            }))) if name.to_string().eq_ignore_ascii_case("coalesce") => {
                flat.extend(inner.args);
            }
            other => flat.push(other),
        }
    }
    list.args = flat;
}

/// A constant pattern with another escape character, as one with the backslash, which alone is known further on.
fn with_backslashes(pattern: &mut Expr, escape: &mut Option<ValueWithSpan>) {
    let (Expr::Value(text), Some(ValueWithSpan { value: Value::SingleQuotedString(escaped_by), .. })) = (&mut *pattern, &*escape) else {
        return;
    };
    let Value::SingleQuotedString(text) = &mut text.value else { return };
    let mut letters = escaped_by.chars();
    let (escaped_by, None) = (letters.next(), letters.next()) else { return };
    if escaped_by == Some('\\') {
        return;
    }
    let mut written = String::with_capacity(text.len() + 1);
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            letter if Some(letter) == escaped_by => written.extend(['\\'].into_iter().chain(letters.next())),
            '\\' => written.push_str("\\\\"),
            other => written.push(other),
        }
    }
    *text = written;
    *escape = None;
}

/// 1 or -1, by the sign of a number and another one.
fn sign_of(stride: &Expr, one: &str) -> Expr {
    let of_sign = Expr::BinaryOp {
        left: Box::new(call("sign", vec![stride.clone()])),
        op: BinaryOperator::Multiply,
        right: Box::new(Expr::Nested(Box::new(number(one)))),
    };
    Expr::Cast { kind: CastKind::Cast, expr: Box::new(of_sign), data_type: SqlType::BigInt(None), array: false, format: None }
}

fn function_of(op: &BinaryOperator) -> Option<&'static str> {
    Some(match op {
        BinaryOperator::BitwiseXor | BinaryOperator::PGExp => "power",
        _ => return None,
    })
}

fn number(digits: &str) -> Expr {
    let literal = |digits: &str| Expr::Value(Value::Number(digits.to_owned(), false).into());
    match digits.strip_prefix('-') {
        Some(digits) => Expr::UnaryOp { op: UnaryOperator::Minus, expr: Box::new(literal(digits)) },
        None => literal(digits),
    }
}
