//! The GROUP BY of a PIVOT, and the statement `TABLE t`.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, ExprWithAlias, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, LimitClause, Query, SelectItem, SetExpr, TableFactor,
    TableWithJoins, Visit, VisitMut, Visitor, VisitorMut, WildcardAdditionalOptions,
};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};

use super::tokens::PIVOT_GROUPS;
use crate::statements::meaning::resolve::ast::{plain_query, select};

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

/// Carries out the GROUP BY of a PIVOT that was parsed.
pub(crate) fn grouped(factor: &mut TableFactor) {
    let TableFactor::Pivot { table, aggregate_functions, value_column, default_on_null, .. } = factor else { return };
    let Some(Expr::Function(function)) = default_on_null else { return };
    if function.name.to_string() != PIVOT_GROUPS {
        return;
    }
    let FunctionArguments::List(list) = &function.args else { return };
    let groups = list.args.iter().filter_map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    });
    let groups = groups.collect();
    *default_on_null = None;
    **table = narrowed(table.as_ref().clone(), groups, value_column, aggregate_functions);
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
