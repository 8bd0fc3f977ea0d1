//! Spellings of queries that mean what another spelling means, in that other one: `FROM t`, `TABLE t`, `FETCH FIRST`, samples.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Fetch, Ident, LimitClause, ObjectName, Query, Select, SelectFlavor, SelectItem, SetExpr, Statement, TableFactor, TableWithJoins,
    Value, VisitMut, VisitorMut, WildcardAdditionalOptions,
};

use super::refuse::unsupported;
use super::resolve::ast;
use crate::error::{Error, Result};
use crate::statements::meaning::generators;
use crate::statements::meaning::json_rows;
use crate::statements::meaning::lists;
use crate::statements::meaning::sample;
use crate::statements::syntax::pivot_syntax;

/// Rewrites all queries of a statement; `stored` tells that it is read within others.
pub(crate) fn standardize(statement: &mut Statement, stored: bool) -> Result<()> {
    match VisitMut::visit(statement, &mut Standard { within: usize::from(stored) }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Standard {
    /// How many queries are around.
    within: usize,
}

/// More rows than there are anywhere; a number to which another can still be added.
const NO_LIMIT: &str = "1000000000000000000";

impl VisitorMut for Standard {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        body(&mut query.body);
        if let Some(LimitClause::LimitOffset { limit: limit @ None, offset: Some(_), .. }) = &mut query.limit_clause
            && self.within > 0
        {
            // DataFusion moves a sort from around a query with OFFSET alone into it, below the OFFSET.
            *limit = Some(Expr::Value(Value::Number(NO_LIMIT.to_owned(), false).into()));
        }
        self.within += 1;
        flow(fetch(query))
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<Error> {
        self.within -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        if let Expr::Function(function) = expr {
            lists::of_json(function);
            if let Some(list) = lists::of_query(function) {
                *expr = list;
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        // Of statements that hold a query among other things.
        pivot_syntax::grouped(factor);
        if let Err(error) = generators::standardize(factor) {
            return ControlFlow::Break(error);
        }
        json_rows::standardize(factor);
        flow(sample::carry_out(factor))
    }
}

fn flow(result: Result<()>) -> ControlFlow<Error> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    }
}

/// `FROM t` and `TABLE t` mean `SELECT * FROM t`.
fn body(body: &mut SetExpr) {
    match body {
        SetExpr::Select(select) if select.flavor == SelectFlavor::FromFirstNoSelect => {
            select.flavor = SelectFlavor::Standard;
            select.projection = vec![star()];
        }
        SetExpr::Table(table) => {
            let parts = table.schema_name.iter().chain(&table.table_name).map(|part| Ident::new(part.as_str()));
            let name = ObjectName::from(parts.collect::<Vec<_>>());
            *body = SetExpr::Select(Box::new(all_of(name)));
        }
        SetExpr::SetOperation { left, right, .. } => {
            self::body(left);
            self::body(right);
        }
        _ => {}
    }
}

fn star() -> SelectItem {
    SelectItem::Wildcard(WildcardAdditionalOptions::default())
}

fn all_of(name: ObjectName) -> Select {
    ast::select(vec![star()], vec![TableWithJoins { relation: ast::named_table(name), joins: vec![] }], None)
}

/// `FETCH FIRST 3 ROWS ONLY` means `LIMIT 3`.
fn fetch(query: &mut Query) -> Result<()> {
    let Some(Fetch { with_ties, percent, quantity }) = query.fetch.take() else { return Ok(()) };
    if with_ties || percent {
        return Err(unsupported("FETCH ... WITH TIES and PERCENT")
            .with_hint("rank() over the order tells which rows are ties: SELECT ... QUALIFY rank() OVER (ORDER BY x) <= 3"));
    }
    let rows = quantity.unwrap_or_else(|| Expr::Value(Value::Number("1".to_owned(), false).into()));
    match &mut query.limit_clause {
        none @ None => *none = Some(LimitClause::LimitOffset { limit: Some(rows), offset: None, limit_by: vec![] }),
        Some(LimitClause::LimitOffset { limit: limit @ None, .. }) => *limit = Some(rows),
        Some(_) => return Err(Error::invalid("a query has both LIMIT and FETCH").with_hint("one of them is enough")),
    }
    Ok(())
}
