//! `repeat(x, n)` and `repeat_row(x, y, num_rows = n)` in FROM: the same row several times.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, FunctionArg, FunctionArgExpr, SelectItem, SetExpr, TableAlias, TableFactor, TableFunctionArgs, TableWithJoins,
};

use super::resolve::ast::{call, plain_query, quoted, select};
use crate::error::{Error, Result};

/// The query that a call of one of them means.
pub(crate) fn standardize(factor: &mut TableFactor) -> Result<()> {
    let TableFactor::Table { name, args: Some(TableFunctionArgs { args, .. }), alias, .. } = factor else { return Ok(()) };
    let function = name.to_string().to_lowercase();
    let (values, times) = match (function.as_str(), args.as_slice()) {
        ("repeat", [FunctionArg::Unnamed(FunctionArgExpr::Expr(value)), FunctionArg::Unnamed(FunctionArgExpr::Expr(times))]) => {
            (vec![(value.clone(), name_of(value))], times.clone())
        }
        ("repeat_row", [values @ .., times]) if !values.is_empty() => {
            let value = |(at, argument): (usize, &FunctionArg)| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Ok((expr.clone(), format!("column{at}"))),
                _ => Err(usage()),
            };
            let values = values.iter().enumerate().map(value).collect::<Result<Vec<_>>>()?;
            (values, num_rows(times).ok_or_else(usage)?)
        }
        ("repeat" | "repeat_row", _) => return Err(usage()),
        _ => return Ok(()),
    };
    let items = values.into_iter().map(|(expr, name)| SelectItem::ExprWithAlias { expr, alias: quoted(&name) });
    let Expr::Function(range) = call("range", vec![times]) else { return Ok(()) };
    let relation = TableFactor::Function {
        lateral: false,
        name: range.name,
        args: match range.args {
            datafusion::sql::sqlparser::ast::FunctionArguments::List(list) => list.args,
            _ => vec![],
        },
        with_ordinality: false,
        alias: None,
    };
    let query = select(items.collect(), vec![TableWithJoins { relation, joins: vec![] }], None);
    let own = || TableAlias { explicit: true, name: quoted(&function), columns: vec![], at: None };
    let alias = alias.take().or_else(|| Some(own()));
    let subquery = Box::new(plain_query(SetExpr::Select(Box::new(query))));
    *factor = TableFactor::Derived { lateral: false, subquery, alias, sample: None };
    Ok(())
}

/// What follows `num_rows =`.
fn num_rows(argument: &FunctionArg) -> Option<Expr> {
    match argument {
        FunctionArg::Named { name, arg: FunctionArgExpr::Expr(times), .. } if name.value.eq_ignore_ascii_case("num_rows") => {
            Some(times.clone())
        }
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::BinaryOp { left, op: BinaryOperator::Eq, right })) => match left.as_ref() {
            Expr::Identifier(name) if name.value.eq_ignore_ascii_case("num_rows") => Some(right.as_ref().clone()),
            _ => None,
        },
        _ => None,
    }
}

/// As DuckDB calls the column: as the value is written, a text without its quotes.
fn name_of(value: &Expr) -> String {
    match value {
        Expr::Value(value) => value.value.clone().into_string().unwrap_or_else(|| value.to_string()),
        other => other.to_string(),
    }
}

fn usage() -> Error {
    Error::invalid("repeat takes a value and how often, repeat_row values and then num_rows")
        .with_hint("FROM repeat('x', 3), FROM repeat_row(1, 'a', num_rows = 3)")
}
