//! Spellings of PostgreSQL's tools and DuckDB's functions in FROM, in words that the planner knows.
//!
//! - `duckdb_tables()` and its like are tables of the catalog; `pragma_table_info('t')` is a query on one.
//! - `other.t` is a table in the schema `main` of an attached database.
//! - `pg_catalog.f(x)` is `f(x)`; `x OPERATOR(pg_catalog.~) y` is `x ~ y`; `COLLATE pg_catalog.default` says nothing.
//! - Casts to PostgreSQL's names for names and numbers of things: `'t'::regclass`, `x::oid`, `x::name`.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType as SqlType, Expr, FunctionArg, FunctionArgExpr, GroupByExpr, Ident, ObjectName, Query, SelectItem,
    SetExpr, Statement, TableAlias, TableFactor, TableFunctionArgs, Value, VisitMut, VisitorMut,
};

use crate::error::{Error, Result};
use crate::introspection::{PG_CATALOG, table_of_function};
use crate::settings::DEFAULT_SCHEMA;
use crate::statements::ast;
use crate::statements::context::Context;
use crate::statements::lookup;
use crate::statements::objects::attach;
use crate::statements::objects::ddl;
use crate::statements::syntax::parse;

/// Rewrites a statement.
pub(crate) fn rewrite(context: Option<&Context>, statement: &mut Statement) -> Result<()> {
    let attached = context.map(|context| context.catalogs.attached_names()).unwrap_or_default();
    match VisitMut::visit(statement, &mut Rewriter { context, attached }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Rewriter<'a> {
    /// Finds tables as they are written; without one, names are taken as they are.
    context: Option<&'a Context>,
    /// The databases that are attached.
    attached: Vec<String>,
}

impl VisitorMut for Rewriter<'_> {
    type Break = Error;

    fn pre_visit_relation(&mut self, relation: &mut ObjectName) -> ControlFlow<Error> {
        if let Some(context) = self.context
            && !self.attached.is_empty()
        {
            attach::with_temporary_schema(relation);
            attach::with_schema(relation, &self.attached, |schema| context.snapshot.schema(schema).is_some());
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        let TableFactor::Table { name, args: Some(args), alias, .. } = factor else { return ControlFlow::Continue(()) };
        let Some(table) = last_word(name).and_then(|function| table_of_function(&function)) else { return ControlFlow::Continue(()) };
        match table_function(self.context, table, args, alias.take()) {
            Ok(rewritten) => {
                *factor = rewritten;
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(error),
        }
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        expression(expr);
        ControlFlow::Continue(())
    }
}

/// The last part of a name of one part, or of two of which the first is PostgreSQL's schema.
fn last_word(name: &ObjectName) -> Option<String> {
    let parts: Vec<&Ident> = name.0.iter().map(|part| part.as_ident()).collect::<Option<_>>()?;
    match parts.as_slice() {
        [word] => Some(word.value.to_lowercase()),
        [schema, word] if schema.value.eq_ignore_ascii_case(PG_CATALOG) => Some(word.value.to_lowercase()),
        _ => None,
    }
}

fn table_function(context: Option<&Context>, table: &str, args: &TableFunctionArgs, alias: Option<TableAlias>) -> Result<TableFactor> {
    let sql = match (table, args.args.as_slice()) {
        ("pragma_table_info", [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value)))]) => {
            let Some(text) = value.value.clone().into_string() else { return Err(takes_a_name(table)) };
            let wanted = ObjectName::from(text.split('.').map(Ident::new).collect::<Vec<_>>());
            let (schema, name) = match context {
                Some(context) => {
                    let (found, _) = lookup::relation(context, &context.snapshot, &wanted)?;
                    (found.schema, found.name)
                }
                None => match text.split_once('.') {
                    Some((schema, name)) => (schema.to_owned(), name.to_owned()),
                    None => (DEFAULT_SCHEMA.to_owned(), text),
                },
            };
            let (schema, name) = (ddl::literal(&schema), ddl::literal(&name));
            format!(
                "SELECT cid, name, type, \"notnull\", dflt_value, pk FROM pg_catalog.pragma_table_info \
                 WHERE table_schema = {schema} AND table_name = {name}"
            )
        }
        ("pragma_table_info", _) => return Err(takes_a_name(table)),
        (table, []) => format!("SELECT * FROM pg_catalog.{table}"),
        (table, _) => return Err(Error::invalid(format!("{table}() takes no arguments"))),
    };
    let alias = alias.or_else(|| Some(TableAlias { explicit: true, name: Ident::new(table), columns: vec![], at: None }));
    Ok(TableFactor::Derived { lateral: false, subquery: parse::parse_query(&sql)?, alias, sample: None })
}

fn takes_a_name(table: &str) -> Error {
    Error::invalid(format!("{table} takes the name of a table as a string")).with_hint(format!("write {table}('t') or {table}('s.t')"))
}

fn expression(expr: &mut Expr) {
    let null = || Expr::Value(Value::Null.into());
    let take = |expr: &mut Expr| std::mem::replace(expr, null());
    match expr {
        Expr::Function(function) => {
            let is_qualified = function.name.0.len() == 2 && first_is_pg_catalog(&function.name);
            if is_qualified {
                function.name.0.remove(0);
            }
        }
        Expr::Subquery(query) => at_most_one_row(query),
        Expr::Collate { expr: inner, collation } if last_word(collation).as_deref() == Some("default") => *expr = take(inner),
        Expr::BinaryOp { op, .. } => {
            if let BinaryOperator::PGCustomBinaryOperator(parts) = op
                && let [schema, symbol] = parts.as_slice()
                && schema.eq_ignore_ascii_case(PG_CATALOG)
            {
                *op = operator(symbol).unwrap_or_else(|| op.clone());
            }
        }
        Expr::Cast { kind: CastKind::Cast | CastKind::DoubleColon, expr: inner, data_type, .. } => {
            let name = match data_type {
                SqlType::Regclass => Some("regclass".to_owned()),
                SqlType::Custom(name, arguments) if arguments.is_empty() => last_word(name),
                _ => None,
            };
            match name.as_deref() {
                Some("regclass") => *expr = call("to_regclass", take(inner)),
                Some("regtype") => *expr = call_two("format_type", take(inner), null()),
                Some("oid") => *data_type = SqlType::BigInt(None),
                Some("name" | "char" | "text" | "varchar" | "regproc" | "cstring" | "bpchar") => *data_type = SqlType::Varchar(None),
                Some("int2") => *data_type = SqlType::SmallInt(None),
                Some("int4") => *data_type = SqlType::Int(None),
                Some("int8") => *data_type = SqlType::BigInt(None),
                Some("bool") => *data_type = SqlType::Boolean,
                _ => {}
            }
        }
        _ => {}
    }
}

/// The planner wants an aggregate in a subquery that names outer columns. In the catalog's own tables such a subquery finds one row, which is its own
/// minimum.
fn at_most_one_row(query: &mut Query) {
    let SetExpr::Select(select) = query.body.as_mut() else { return };
    let is_plain = query.with.is_none()
        && query.limit_clause.is_none()
        && select.distinct.is_none()
        && select.having.is_none()
        && matches!(&select.group_by, GroupByExpr::Expressions(keys, _) if keys.is_empty());
    let of_catalog = |factor: &TableFactor| matches!(factor, TableFactor::Table { name, .. } if first_is_pg_catalog(name));
    let tables = || select.from.iter().flat_map(|from| std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation)));
    if !is_plain || tables().next().is_none() || !tables().all(of_catalog) {
        return;
    }
    if let [SelectItem::UnnamedExpr(expr)] = select.projection.as_mut_slice()
        && !matches!(expr, Expr::Function(function) if is_aggregate(&function.name))
    {
        let inner = std::mem::replace(expr, Expr::Value(Value::Null.into()));
        *expr = call("min", inner);
        query.order_by = None;
    }
}

fn is_aggregate(name: &ObjectName) -> bool {
    matches!(
        last_word(name).as_deref(),
        Some("count" | "min" | "max" | "sum" | "avg" | "string_agg" | "array_agg" | "bool_and" | "bool_or")
    )
}

fn first_is_pg_catalog(name: &ObjectName) -> bool {
    name.0.first().and_then(|part| part.as_ident()).is_some_and(|ident| ident.value.eq_ignore_ascii_case(PG_CATALOG))
}

fn operator(symbol: &str) -> Option<BinaryOperator> {
    Some(match symbol {
        "~" => BinaryOperator::PGRegexMatch,
        "~*" => BinaryOperator::PGRegexIMatch,
        "!~" => BinaryOperator::PGRegexNotMatch,
        "!~*" => BinaryOperator::PGRegexNotIMatch,
        "~~" => BinaryOperator::PGLikeMatch,
        "!~~" => BinaryOperator::PGNotLikeMatch,
        "=" => BinaryOperator::Eq,
        "<>" => BinaryOperator::NotEq,
        "<" => BinaryOperator::Lt,
        ">" => BinaryOperator::Gt,
        "<=" => BinaryOperator::LtEq,
        ">=" => BinaryOperator::GtEq,
        "+" => BinaryOperator::Plus,
        "-" => BinaryOperator::Minus,
        "||" => BinaryOperator::StringConcat,
        _ => return None,
    })
}

fn call(function: &str, argument: Expr) -> Expr {
    ast::call(function, vec![argument])
}

fn call_two(function: &str, first: Expr, second: Expr) -> Expr {
    ast::call(function, vec![first, second])
}
