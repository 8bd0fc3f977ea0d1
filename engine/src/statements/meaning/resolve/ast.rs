//! Small pieces of syntax trees: names that are quoted, so that they mean what they say, and calls.

use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, GroupByExpr, Ident, ObjectName,
    Query, Select, SelectFlavor, SelectItem, SetExpr, TableFactor, TableWithJoins, Value,
};

use crate::error::Position;

/// A name in quotes: nothing changes its case any more.
pub(crate) fn quoted(name: &str) -> Ident {
    Ident::with_quote('"', name)
}

/// A column without a qualifier.
pub(crate) fn identifier(name: &str) -> Expr {
    Expr::Identifier(quoted(name))
}

/// A column behind a qualifier.
pub(crate) fn compound<'a>(parts: impl Iterator<Item = &'a String>) -> Expr {
    Expr::CompoundIdentifier(parts.map(|part| quoted(part)).collect())
}

/// A string.
pub(crate) fn text(value: &str) -> Expr {
    Expr::Value(Value::SingleQuotedString(value.to_owned()).into())
}

/// NULL: what is left where an expression was taken out.
pub(crate) fn null() -> Expr {
    Expr::Value(Value::Null.into())
}

/// Takes an expression out of its place.
pub(crate) fn take(expr: &mut Expr) -> Expr {
    std::mem::replace(expr, null())
}

/// A field of a struct.
pub(crate) fn field(expr: Expr, name: &str) -> Expr {
    match expr {
        Expr::CompoundFieldAccess { root, mut access_chain } => {
            access_chain.push(AccessExpr::Dot(text(name)));
            Expr::CompoundFieldAccess { root, access_chain }
        }
        root => Expr::CompoundFieldAccess { root: Box::new(root), access_chain: vec![AccessExpr::Dot(text(name))] },
    }
}

/// A whole number.
pub(crate) fn number(value: usize) -> Expr {
    Expr::Value(Value::Number(value.to_string(), false).into())
}

/// A call of a function.
pub(crate) fn call(function: &str, arguments: Vec<Expr>) -> Expr {
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(function)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: arguments.into_iter().map(|argument| FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))).collect(),
            clauses: vec![],
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    })
}

/// Where a name stands.
pub(crate) fn position(ident: &Ident) -> Position {
    Position { line: ident.span.start.line, column: ident.span.start.column }
}

/// A table by its name, which is not changed any more.
pub(crate) fn table(name: &str) -> TableFactor {
    named_table(ObjectName::from(vec![quoted(name)]))
}

/// A table, and nothing with it.
pub(crate) fn named_table(name: ObjectName) -> TableFactor {
    TableFactor::Table {
        name,
        alias: None,
        args: None,
        with_hints: vec![],
        version: None,
        with_ordinality: false,
        partitions: vec![],
        json_path: None,
        sample: None,
        index_hints: vec![],
    }
}

/// `SELECT items FROM from WHERE selection`.
pub(crate) fn select(items: Vec<SelectItem>, from: Vec<TableWithJoins>, selection: Option<Expr>) -> Select {
    Select {
        select_token: AttachedToken::empty(),
        optimizer_hints: vec![],
        distinct: None,
        select_modifiers: None,
        top: None,
        top_before_distinct: false,
        projection: items,
        exclude: None,
        into: None,
        from,
        lateral_views: vec![],
        prewhere: None,
        selection,
        connect_by: vec![],
        group_by: GroupByExpr::Expressions(vec![], vec![]),
        cluster_by: vec![],
        distribute_by: vec![],
        sort_by: vec![],
        having: None,
        named_window: vec![],
        qualify: None,
        window_before_qualify: false,
        value_table_mode: None,
        flavor: SelectFlavor::Standard,
    }
}

/// A query that is nothing but its body.
pub(crate) fn plain_query(body: SetExpr) -> Query {
    Query {
        with: None,
        body: Box::new(body),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: vec![],
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: vec![],
    }
}
