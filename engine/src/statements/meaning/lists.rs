//! Lists in other spellings: `ARRAY(SELECT ...)`, the rows of a query as a list; functions of JSON that are given a path with a wildcard.

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, ObjectName, Query, SelectItem, SetExpr, TableAlias,
    TableAliasColumnDef, TableFactor, TableWithJoins, Value,
};

use super::resolve::ast::{call, identifier, plain_query, quoted, select};
use crate::functions::json;

/// The name of the rows' only column.
const ITEM: &str = "__item";

/// `ARRAY(SELECT ...)`: a list of the query's rows, in its order; an empty one of none.
pub(crate) fn of_query(function: &Function) -> Option<Expr> {
    let FunctionArguments::Subquery(query) = &function.args else { return None };
    if !function.name.to_string().eq_ignore_ascii_case("array") {
        return None;
    }
    let column = TableAliasColumnDef { name: quoted(ITEM), data_type: None };
    let alias = TableAlias { explicit: true, name: quoted("__rows"), columns: vec![column], at: None };
    let rows = TableFactor::Derived { lateral: false, subquery: query.clone(), alias: Some(alias), sample: None };
    let list = SelectItem::UnnamedExpr(call("array_agg", vec![identifier(ITEM)]));
    let all: Query =
        plain_query(SetExpr::Select(Box::new(select(vec![list], vec![TableWithJoins { relation: rows, joins: vec![] }], None))));
    Some(call("coalesce", vec![Expr::Subquery(Box::new(all)), call("make_array", vec![])]))
}

/// `json_extract(j, '$.a[*]')` gives a list, which is another function: the type of a result does not depend on a text.
pub(crate) fn of_json(function: &mut Function) {
    let FunctionArguments::List(list) = &function.args else { return };
    let [_, FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(path)))] = list.args.as_slice() else { return };
    let Value::SingleQuotedString(path) = &path.value else { return };
    if let Some(several) = json::for_several(&function.name.to_string().to_lowercase())
        && json::has_several(path)
    {
        function.name = ObjectName::from(vec![several.into()]);
    }
}
