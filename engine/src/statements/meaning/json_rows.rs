//! `json_each(json)` and `json_tree(json)` in FROM: rows of lists that a function makes of JSON, so that they may stand beside the row whose JSON it is.

use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, TableAlias, TableAliasColumnDef, TableFactor, TableFunctionArgs,
};

use super::resolve::ast::{call, field, quoted};
use crate::functions::json::COLUMNS;

/// Writes such a relation as an UNNEST.
pub(crate) fn standardize(factor: &mut TableFactor) {
    let (name, arguments, alias, with_ordinality) = match factor {
        TableFactor::Table {
            name, args: Some(TableFunctionArgs { args, settings: None }), alias, with_ordinality, sample: None, ..
        } => (name, args, alias, *with_ordinality),
        TableFactor::Function { name, args, alias, .. } => (name, args, alias, false),
        _ => return,
    };
    let (Some(function), Some(arguments)) = (function_of(name), expressions(arguments)) else { return };
    let mut alias =
        alias.take().unwrap_or_else(|| TableAlias { explicit: true, name: Ident::new(function), columns: Vec::new(), at: None });
    for name in COLUMNS.iter().skip(alias.columns.len()) {
        alias.columns.push(TableAliasColumnDef { name: quoted(name), data_type: None });
    }
    let columns = call(&format!("{function}_columns"), arguments);
    *factor = TableFactor::UNNEST {
        alias: Some(alias),
        array_exprs: COLUMNS.iter().map(|column| field(columns.clone(), column)).collect(),
        with_offset: false,
        with_offset_alias: None,
        with_ordinality,
    };
}

fn function_of(name: &ObjectName) -> Option<&'static str> {
    let name = name.to_string();
    ["json_each", "json_tree"].into_iter().find(|function| name.eq_ignore_ascii_case(function))
}

fn expressions(arguments: &[FunctionArg]) -> Option<Vec<Expr>> {
    let one = |argument: &FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    };
    matches!(arguments.len(), 1 | 2).then(|| arguments.iter().map(one).collect())?
}
