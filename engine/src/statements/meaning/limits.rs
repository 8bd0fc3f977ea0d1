//! LIMIT and OFFSET that a query computes, `LIMIT (SELECT ...)`, and percentages, `LIMIT 10%`: asked for before the query itself is planned, which wants numbers.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::Array;
use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::sql::sqlparser::ast::{
    Cte, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, LimitClause, Query, SelectItem, SetExpr, Statement, TableAlias,
    TableFactor, TableWithJoins, Value, Visit, VisitMut, Visitor, VisitorMut, With,
};

use super::resolve::ast::{call, number, plain_query, quoted, select};
use crate::error::{Error, ErrorKind, Result, from_datafusion};
use crate::files::FileCatalog;
use crate::session::result::Rows;
use crate::statements::PERCENT;
use crate::statements::context::Context;

/// The catalog that tells that a statement holds numbers of another one, so that its plan is not kept.
const COMPUTED: &str = "numbers computed before";

/// Puts numbers where a statement has queries and percentages behind LIMIT and OFFSET.
pub(crate) async fn with_numbers(context: &Context, statement: &mut Statement) -> Result<()> {
    let mut found = Found { withs: Vec::new(), asked: Vec::new() };
    let _ = Visit::visit(&*statement, &mut found);
    if found.asked.is_empty() {
        return Ok(());
    }
    context.catalogs.add(COMPUTED, Arc::new(FileCatalog::default()));
    let mut numbers = Vec::with_capacity(found.asked.len());
    for asked in found.asked {
        numbers.push(answer(context, asked).await?);
    }
    let _ = VisitMut::visit(statement, &mut Fill { numbers: numbers.into_iter() });
    Ok(())
}

/// Whether a query's LIMIT or OFFSET is computed.
pub(crate) fn is_computed(query: &Query) -> bool {
    parts(query).into_iter().flatten().any(asks)
}

/// The expressions behind LIMIT and OFFSET.
fn parts(query: &Query) -> [Option<&Expr>; 2] {
    match &query.limit_clause {
        Some(LimitClause::LimitOffset { limit, offset, .. }) => [limit.as_ref(), offset.as_ref().map(|offset| &offset.value)],
        Some(LimitClause::OffsetCommaLimit { offset, limit }) => [Some(limit), Some(offset)],
        None => [None, None],
    }
}

fn asks(expr: &Expr) -> bool {
    struct Finder;
    impl Visitor for Finder {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            match expr {
                Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        }
    }
    percent(expr).is_some() || expr.visit(&mut Finder).is_break()
}

/// The number of a percentage.
fn percent(expr: &Expr) -> Option<&Expr> {
    let Expr::Function(function) = expr else { return None };
    let FunctionArguments::List(list) = &function.args else { return None };
    match list.args.as_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(number))] if function.name.to_string() == PERCENT => Some(number),
        _ => None,
    }
}

/// A number that is asked for.
enum Asked {
    /// The one value of a query; of a LIMIT, or else of an OFFSET.
    Value(Box<Query>, bool),
    /// So much of the rows that a query counts.
    Percentage(Box<Expr>, Box<Query>),
}

/// Looks for them, in the order in which queries end.
struct Found {
    withs: Vec<Option<With>>,
    asked: Vec<Asked>,
}

impl Visitor for Found {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.withs.push(query.with.clone());
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        for (at, expr) in parts(query).into_iter().enumerate() {
            let Some(expr) = expr.filter(|expr| asks(expr)) else { continue };
            let asked = match percent(expr) {
                Some(share) => Asked::Percentage(Box::new(share.clone()), Box::new(self.with_queries_around(counted(query), query))),
                None => {
                    let value = vec![SelectItem::UnnamedExpr(expr.clone())];
                    let value = plain_query(SetExpr::Select(Box::new(select(value, vec![], None))));
                    Asked::Value(Box::new(self.with_queries_around(value, query)), at == 0)
                }
            };
            self.asked.push(asked);
        }
        self.withs.pop();
        ControlFlow::Continue(())
    }
}

impl Found {
    /// A query with the WITH queries that can be seen where another one stands: those that do not hold it.
    fn with_queries_around(&self, mut query: Query, place: &Query) -> Query {
        let before = |with: &With| With {
            cte_tables: with.cte_tables.iter().take_while(|cte| !holds(cte, place)).cloned().collect(),
            ..with.clone()
        };
        let around = self.withs.iter().flatten().map(before).filter(|with| !with.cte_tables.is_empty());
        query.with = around.reduce(|mut all, one| {
            all.recursive |= one.recursive;
            all.cte_tables.extend(one.cte_tables);
            all
        });
        query
    }
}

/// Whether a query stands somewhere in a WITH query.
fn holds(cte: &Cte, query: &Query) -> bool {
    struct Finder<'a>(&'a Query);
    impl Visitor for Finder<'_> {
        type Break = ();
        fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
            if query == self.0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }
    cte.query.visit(&mut Finder(query)).is_break()
}

/// How many rows a query has without its LIMIT.
fn counted(query: &Query) -> Query {
    let rows = Query { with: None, order_by: None, limit_clause: None, ..query.clone() };
    let alias = TableAlias { explicit: true, name: quoted("rows"), columns: vec![], at: None };
    let relation = TableFactor::Derived { lateral: false, subquery: Box::new(rows), alias: Some(alias), sample: None };
    let count = vec![SelectItem::UnnamedExpr(call("count", vec![number(1)]))];
    plain_query(SetExpr::Select(Box::new(select(count, vec![TableWithJoins { relation, joins: vec![] }], None))))
}

/// The number as a literal; `None` for no limit.
async fn answer(context: &Context, asked: Asked) -> Result<Option<Expr>> {
    let of = |rows: Option<i64>, what: &str| match rows {
        None => Ok(None),
        Some(rows) => usize::try_from(rows)
            .map(|rows| Some(number(rows)))
            .map_err(|_| Error::invalid(format!("{what} {rows}: it cannot be negative"))),
    };
    match asked {
        Asked::Value(query, is_limit) => of(value(context, query).await?, if is_limit { "LIMIT" } else { "OFFSET" }),
        Asked::Percentage(share, query) => {
            let text = share.to_string();
            let share = text.parse::<f64>().ok().filter(|share| (0.0..=100.0).contains(share));
            let share = share.ok_or_else(|| Error::invalid(format!("LIMIT {text}%: a percentage is from 0 to 100")))?;
            let rows = value(context, query).await?.unwrap_or_default();
            of(Some((rows as f64 * share / 100.0).floor() as i64), "LIMIT")
        }
    }
}

/// The one value of a query; none if it is NULL, or there is no row.
async fn value(context: &Context, query: Box<Query>) -> Result<Option<i64>> {
    let plan = Box::pin(context.plan_query(query)).await.map_err(|error| match error.kind() {
        ErrorKind::NotFound => error.with_hint("a query behind LIMIT or OFFSET names no columns of the queries around it"),
        _ => error,
    })?;
    let physical = Box::pin(context.physical(&plan)).await?;
    let batches = Rows::run(physical, context.task())?.collect().await?;
    let Some(batch) = batches.iter().find(|batch| batch.num_rows() > 0) else { return Ok(None) };
    let found = batch.column(0);
    if !found.data_type().is_numeric() && *found.data_type() != DataType::Null {
        return Err(Error::invalid("what stands behind LIMIT or OFFSET is no number"));
    }
    let value = ScalarValue::try_from_array(found, 0).and_then(|value| value.cast_to(&DataType::Int64)).map_err(from_datafusion)?;
    match value {
        ScalarValue::Int64(value) => Ok(value),
        _ => Ok(None),
    }
}

struct Fill {
    numbers: std::vec::IntoIter<Option<Expr>>,
}

impl VisitorMut for Fill {
    type Break = ();

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let (limit, offset) = match &mut query.limit_clause {
            Some(LimitClause::LimitOffset { limit, offset, .. }) => (limit.as_mut(), offset.as_mut().map(|offset| &mut offset.value)),
            Some(LimitClause::OffsetCommaLimit { offset, limit }) => (Some(limit), Some(offset)),
            None => return ControlFlow::Continue(()),
        };
        for expr in [limit, offset].into_iter().flatten() {
            if asks(expr)
                && let Some(number) = self.numbers.next()
            {
                *expr = number.unwrap_or_else(|| Expr::Value(Value::Null.into()));
            }
        }
        ControlFlow::Continue(())
    }
}
