//! DuckDB's statements `PIVOT t ON column USING aggregate GROUP BY columns` and `UNPIVOT t ON columns INTO NAME n VALUE v`, as the queries that they mean;
//! and `TABLE t`.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, ExprWithAlias, Ident, LimitClause, NullInclusion, PivotValueSource, Query, SelectItem, SetExpr, TableFactor, TableWithJoins,
    Visit, VisitMut, Visitor, VisitorMut, WildcardAdditionalOptions,
};
use datafusion::sql::sqlparser::dialect::{Dialect, Precedence};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::dialect::DIALECT;
use super::resolve::ast::{call, plain_query, select};

/// Parses either statement.
pub(crate) fn parse(parser: &mut Parser<'_>) -> Result<Box<Query>, ParserError> {
    let factor = match parser.expect_one_of_keywords(&[Keyword::PIVOT, Keyword::UNPIVOT])? {
        Keyword::PIVOT => pivot(parser)?,
        _ => unpivot(parser)?,
    };
    ordered(parser, all_of(factor))
}

/// Parses `TABLE t`, as a statement.
pub(crate) fn table(parser: &mut Parser<'_>) -> Result<Box<Query>, ParserError> {
    parser.expect_keyword_is(Keyword::TABLE)?;
    let factor = parser.parse_table_factor()?;
    ordered(parser, all_of(factor))
}

/// A query with the ORDER BY and LIMIT that follow.
fn ordered(parser: &mut Parser<'_>, body: SetExpr) -> Result<Box<Query>, ParserError> {
    let mut query = plain_query(body);
    query.order_by = parser.parse_optional_order_by()?;
    if parser.parse_keyword(Keyword::LIMIT) {
        query.limit_clause = Some(LimitClause::LimitOffset { limit: Some(parser.parse_expr()?), offset: None, limit_by: vec![] });
    }
    Ok(Box::new(query))
}

fn all_of(relation: TableFactor) -> SetExpr {
    let star = SelectItem::Wildcard(WildcardAdditionalOptions::default());
    SetExpr::Select(Box::new(select(vec![star], vec![TableWithJoins { relation, joins: vec![] }], None)))
}

fn pivot(parser: &mut Parser<'_>) -> Result<TableFactor, ParserError> {
    let table = parser.parse_table_factor()?;
    parser.expect_keyword_is(Keyword::ON)?;
    let mut columns = Vec::new();
    let mut values = None;
    loop {
        // IN would be taken for the operator.
        columns.push(parser.parse_subexpr(DIALECT.prec_value(Precedence::Between))?);
        if parser.parse_keyword(Keyword::IN) {
            parser.expect_token(&Token::LParen)?;
            values = Some(parser.parse_comma_separated(Parser::parse_expr_with_alias)?);
            parser.expect_token(&Token::RParen)?;
        }
        if !parser.consume_token(&Token::Comma) {
            break;
        }
    }
    if values.is_some() && columns.len() > 1 {
        return Err(ParserError::ParserError(
            "IN of a PIVOT by several columns is not supported: leave it out, or filter the rows before".to_owned(),
        ));
    }
    let mut aggregate_functions = match parser.parse_keyword(Keyword::USING) {
        true => parser.parse_comma_separated(Parser::parse_expr_with_alias)?,
        false => vec![ExprWithAlias { expr: count_all(), alias: None }],
    };
    let table = match parser.parse_keywords(&[Keyword::GROUP, Keyword::BY]) {
        true => {
            let groups = parser.parse_comma_separated(Parser::parse_expr)?;
            narrowed(table, groups, &mut columns, &mut aggregate_functions)
        }
        false => table,
    };
    Ok(TableFactor::Pivot {
        table: Box::new(table),
        aggregate_functions,
        value_column: columns,
        value_source: values.map_or(PivotValueSource::Any(vec![]), PivotValueSource::List),
        default_on_null: None,
        alias: None,
    })
}

fn count_all() -> Expr {
    use datafusion::sql::sqlparser::ast::{FunctionArg, FunctionArgExpr, FunctionArguments};
    let mut count = call("count", vec![]);
    if let Expr::Function(function) = &mut count
        && let FunctionArguments::List(list) = &mut function.args
    {
        list.args.push(FunctionArg::Unnamed(FunctionArgExpr::Wildcard));
    }
    count
}

/// A pivot groups by every column that it does not use otherwise: with GROUP BY the table has only those that are wanted. What is grouped by and used, too,
/// it has a second time under another name.
fn narrowed(table: TableFactor, groups: Vec<Expr>, columns: &mut [Expr], aggregates: &mut [ExprWithAlias]) -> TableFactor {
    let is = |expr: &Expr, name: &Ident| matches!(expr, Expr::Identifier(ident) if ident.value.eq_ignore_ascii_case(&name.value));
    let mut used: Vec<Ident> = Vec::new();
    for name in columns.iter().chain(aggregates.iter().map(|aggregate| &aggregate.expr)).flat_map(names) {
        if !used.iter().any(|known| known.value.eq_ignore_ascii_case(&name.value)) {
            used.push(name);
        }
    }
    let mut items: Vec<SelectItem> = groups.iter().cloned().map(SelectItem::UnnamedExpr).collect();
    for name in used {
        if !groups.iter().any(|group| is(group, &name)) {
            items.push(SelectItem::UnnamedExpr(Expr::Identifier(name)));
            continue;
        }
        let second = Ident::with_quote('"', format!("__used_{}", name.value));
        for expr in columns.iter_mut().chain(aggregates.iter_mut().map(|aggregate| &mut aggregate.expr)) {
            rename(expr, &name, &second);
        }
        items.push(SelectItem::ExprWithAlias { expr: Expr::Identifier(name), alias: second });
    }
    let query = plain_query(SetExpr::Select(Box::new(select(items, vec![TableWithJoins { relation: table, joins: vec![] }], None))));
    TableFactor::Derived { lateral: false, subquery: Box::new(query), alias: None, sample: None }
}

/// Gives a column another name, wherever an expression names it.
fn rename(expr: &mut Expr, from: &Ident, to: &Ident) {
    struct Rename<'a>(&'a Ident, &'a Ident);
    impl VisitorMut for Rename<'_> {
        type Break = ();
        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            let is_it = match expr {
                Expr::Identifier(ident) => ident.value.eq_ignore_ascii_case(&self.0.value),
                Expr::CompoundIdentifier(parts) => parts.last().is_some_and(|last| last.value.eq_ignore_ascii_case(&self.0.value)),
                _ => false,
            };
            if is_it {
                *expr = Expr::Identifier(self.1.clone());
            }
            ControlFlow::Continue(())
        }
    }
    let _ = VisitMut::visit(expr, &mut Rename(from, to));
}

/// The columns that an expression names.
pub(crate) fn names(expr: &Expr) -> Vec<Ident> {
    struct Names(Vec<Ident>);
    impl Visitor for Names {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            match expr {
                Expr::Identifier(ident) => self.0.push(ident.clone()),
                Expr::CompoundIdentifier(parts) => self.0.extend(parts.last().cloned()),
                _ => {}
            }
            ControlFlow::Continue(())
        }
    }
    let mut names = Names(Vec::new());
    let _ = expr.visit(&mut names);
    names.0
}

fn unpivot(parser: &mut Parser<'_>) -> Result<TableFactor, ParserError> {
    let table = parser.parse_table_factor()?;
    let mut null_inclusion = None;
    if parser.parse_keywords(&[Keyword::INCLUDE, Keyword::NULLS]) {
        null_inclusion = Some(NullInclusion::IncludeNulls);
    }
    parser.expect_keyword_is(Keyword::ON)?;
    let columns = parser.parse_comma_separated(Parser::parse_expr_with_alias)?;
    let (mut name, mut value) = (Ident::new("name"), Ident::new("value"));
    if parser.parse_keyword(Keyword::INTO) {
        parser.expect_keyword_is(Keyword::NAME)?;
        name = parser.parse_identifier()?;
        parser.expect_keyword_is(Keyword::VALUE)?;
        value = parser.parse_identifier()?;
    }
    Ok(TableFactor::Unpivot { table: Box::new(table), value: Expr::Identifier(value), name, columns, null_inclusion, alias: None })
}
