//! The values that a PIVOT without IN makes columns of: asked for before the query itself is planned, whose columns they are.

use std::ops::ControlFlow;

use arrow::array::Array;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::sql::sqlparser::ast::{
    Expr, ExprWithAlias, GroupByExpr, Ident, OrderBy, OrderByKind, OrderByOptions, PivotValueSource, Query, SelectItem, SetExpr, Statement,
    TableFactor, TableWithJoins, Value, Visit, VisitMut, Visitor, VisitorMut, With,
};

use super::context::Context;
use super::resolve::ast::{plain_query, quoted, select};
use crate::error::{Error, Result};
use crate::session::result::Rows;

/// More columns than this are no table that anybody looks at.
const MOST_VALUES: usize = 10_000;

/// Puts lists of values into the PIVOTs that have none.
pub(crate) async fn with_values(context: &Context, statement: &mut Statement) -> Result<()> {
    let mut found = Open { withs: Vec::new(), queries: Vec::new() };
    let _ = Visit::visit(&*statement, &mut found);
    if found.queries.is_empty() {
        return Ok(());
    }
    let mut lists = Vec::new();
    for (query, columns) in found.queries {
        lists.push(values(context, query, columns).await?);
    }
    let mut lists = lists.into_iter();
    let _ = VisitMut::visit(statement, &mut Fill { lists: &mut lists });
    Ok(())
}

/// The PIVOTs whose values are to be found: the queries that find them, and by how many columns each is.
struct Open {
    withs: Vec<Option<With>>,
    queries: Vec<(Query, usize)>,
}

impl Visitor for Open {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.withs.push(query.with.clone());
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.withs.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        let TableFactor::Pivot { table, value_column, value_source, .. } = factor else { return ControlFlow::Continue(()) };
        let query = match value_source {
            PivotValueSource::List(_) => return ControlFlow::Continue(()),
            PivotValueSource::Subquery(query) => query.as_ref().clone(),
            PivotValueSource::Any(order_by) => {
                let items = value_column.iter().cloned().map(SelectItem::UnnamedExpr).collect();
                let from = vec![TableWithJoins { relation: table.as_ref().clone(), joins: vec![] }];
                let mut distinct = select(items, from, None);
                distinct.group_by = GroupByExpr::Expressions(value_column.clone(), vec![]);
                let mut query = plain_query(SetExpr::Select(Box::new(distinct)));
                let kind = match order_by.is_empty() {
                    true => OrderByKind::All(OrderByOptions { asc: None, nulls_first: None }),
                    false => OrderByKind::Expressions(order_by.clone()),
                };
                query.order_by = Some(OrderBy { kind, interpolate: None });
                query
            }
        };
        let mut query = query;
        // WITH queries around can be what it reads.
        let around: Vec<With> = self.withs.iter().flatten().cloned().chain(query.with.take()).collect();
        query.with = around.into_iter().reduce(|mut all, one| {
            all.recursive |= one.recursive;
            all.cte_tables.extend(one.cte_tables);
            all
        });
        self.queries.push((query, value_column.len()));
        ControlFlow::Continue(())
    }
}

struct Fill<'a> {
    lists: &'a mut dyn Iterator<Item = Vec<ExprWithAlias>>,
}

impl VisitorMut for Fill<'_> {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Pivot { value_source, .. } = factor
            && !matches!(value_source, PivotValueSource::List(_))
            && let Some(list) = self.lists.next()
        {
            *value_source = PivotValueSource::List(list);
        }
        ControlFlow::Continue(())
    }
}

/// The rows of a query as values: tuples, where a PIVOT is by several columns. NULL makes no column, as in DuckDB.
async fn values(context: &Context, query: Query, columns: usize) -> Result<Vec<ExprWithAlias>> {
    let plan = Box::pin(context.plan_query(Box::new(query))).await?;
    let physical = Box::pin(context.physical(&plan)).await?;
    let batches = Rows::run(physical, context.task())?.collect().await?;
    let options = FormatOptions::default();
    let mut values = Vec::new();
    for batch in batches {
        if batch.num_columns() != columns {
            return Err(Error::invalid(format!("a PIVOT by {columns} columns gets values of {}", batch.num_columns())));
        }
        let texts = batch.columns().iter().map(|column| Ok(ArrayFormatter::try_new(column, &options)?)).collect::<Result<Vec<_>>>()?;
        for row in 0..batch.num_rows() {
            if batch.columns().iter().any(|column| column.is_null(row)) {
                continue;
            }
            let parts: Vec<String> = texts.iter().map(|text| text.value(row).to_string()).collect();
            // Compared as a text, which every type is read from.
            let literals = parts.iter().map(|part| Expr::Value(Value::SingleQuotedString(part.clone()).into()));
            let expr = match columns {
                1 => literals.last().unwrap_or(Expr::Value(Value::Null.into())),
                _ => Expr::Tuple(literals.collect()),
            };
            let alias: Ident = quoted(&parts.join("_"));
            values.push(ExprWithAlias { expr, alias: Some(alias) });
        }
        if values.len() > MOST_VALUES {
            return Err(Error::limit(format!("the PIVOT has more than {MOST_VALUES} columns"))
                .with_hint("list the values that are wanted with IN (...)"));
        }
    }
    match values.is_empty() {
        true => {
            Err(Error::invalid("the PIVOT has no value to make a column of").with_hint("list the values that are wanted with IN (...)"))
        }
        false => Ok(values),
    }
}
