//! The values that a PIVOT without IN makes columns of: asked for before the query itself is planned, whose columns they are.

use std::ops::ControlFlow;

use arrow::array::Array;
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::sql::sqlparser::ast::{
    Expr, ExprWithAlias, GroupByExpr, OrderBy, OrderByExpr, OrderByKind, OrderByOptions, PivotValueSource, Query, SelectItem, SetExpr,
    Statement, TableFactor, TableWithJoins, Value, Visit, VisitMut, Visitor, VisitorMut, With,
};

use super::refuse::unsupported;
use super::resolve::ast::{plain_query, quoted, select};
use crate::error::{Error, Result};
use crate::session::result::Rows;
use crate::statements::context::Context;
use crate::types::sql_name;

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
    for (queries, columns) in found.queries {
        let width = if queries.len() > 1 { 1 } else { columns };
        let mut combined: Vec<Vec<Expr>> = vec![vec![]];
        for query in queries {
            let rows = values(context, query, width).await?;
            if combined.len().saturating_mul(rows.len()) > MOST_VALUES {
                return Err(too_many());
            }
            combined = combined.iter().flat_map(|before| rows.iter().map(|row| [before.as_slice(), row.as_slice()].concat())).collect();
        }
        lists.push(listed(combined)?);
    }
    let mut lists = lists.into_iter();
    let _ = VisitMut::visit(statement, &mut Fill { lists: &mut lists });
    Ok(())
}

/// The PIVOTs whose values are to be found: the queries that find them, and by how many columns each is.
struct Open {
    withs: Vec<Option<With>>,
    queries: Vec<(Vec<Query>, usize)>,
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
        let queries: Vec<Query> = match value_source {
            PivotValueSource::List(_) => return ControlFlow::Continue(()),
            PivotValueSource::Subquery(query) => vec![query.as_ref().clone()],
            // The values of each column on its own: a PIVOT by several has a column for each of their combinations.
            PivotValueSource::Any(order_by) => value_column.iter().map(|column| distinct(table, column, order_by)).collect(),
        };
        let queries = queries.into_iter().map(|query| self.with_queries_around(query, factor)).collect();
        self.queries.push((queries, value_column.len()));
        ControlFlow::Continue(())
    }
}

impl Open {
    /// WITH queries around can be what a query reads: those before the one that holds the PIVOT.
    fn with_queries_around(&self, mut query: Query, pivot: &TableFactor) -> Query {
        let before = |with: &With| With {
            cte_tables: with.cte_tables.iter().take_while(|cte| !holds(&cte.query, pivot)).cloned().collect(),
            ..with.clone()
        };
        let around = self.withs.iter().flatten().map(before).filter(|with| !with.cte_tables.is_empty());
        let around: Vec<With> = around.chain(query.with.take()).collect();
        query.with = around.into_iter().reduce(|mut all, one| {
            all.recursive |= one.recursive;
            all.cte_tables.extend(one.cte_tables);
            all
        });
        query
    }
}

/// Whether a relation stands somewhere in a query.
fn holds(query: &Query, relation: &TableFactor) -> bool {
    struct Finder<'a>(&'a TableFactor);
    impl Visitor for Finder<'_> {
        type Break = ();
        fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
            if factor == self.0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }
    query.visit(&mut Finder(relation)).is_break()
}

/// The values that a column has.
fn distinct(table: &TableFactor, column: &Expr, order_by: &[OrderByExpr]) -> Query {
    let from = vec![TableWithJoins { relation: table.clone(), joins: vec![] }];
    let mut distinct = select(vec![SelectItem::UnnamedExpr(column.clone())], from, None);
    distinct.group_by = GroupByExpr::Expressions(vec![column.clone()], vec![]);
    let mut query = plain_query(SetExpr::Select(Box::new(distinct)));
    let kind = match order_by.is_empty() {
        true => OrderByKind::All(OrderByOptions { asc: None, nulls_first: None }),
        false => OrderByKind::Expressions(order_by.to_vec()),
    };
    query.order_by = Some(OrderBy { kind, interpolate: None });
    query
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

/// Values as a PIVOT lists them: tuples, where it is by several columns.
fn listed(rows: Vec<Vec<Expr>>) -> Result<Vec<ExprWithAlias>> {
    if rows.is_empty() {
        return Err(Error::invalid("the PIVOT has no value to make a column of").with_hint("list the values that are wanted with IN (...)"));
    }
    let named = rows.into_iter().map(|mut row| {
        let names: Vec<String> = row.iter().map(name).collect();
        let expr = match row.len() {
            1 => row.remove(0),
            _ => Expr::Tuple(row),
        };
        ExprWithAlias { expr, alias: Some(quoted(&names.join("_"))) }
    });
    Ok(named.collect())
}

fn name(value: &Expr) -> String {
    match value {
        Expr::Value(value) => value.value.clone().into_string().unwrap_or_else(|| value.to_string()),
        other => other.to_string(),
    }
}

fn too_many() -> Error {
    Error::limit(format!("the PIVOT has more than {MOST_VALUES} columns")).with_hint("list the values that are wanted with IN (...)")
}

/// The rows of a query as literals. NULL makes no column, as in DuckDB.
async fn values(context: &Context, query: Query, columns: usize) -> Result<Vec<Vec<Expr>>> {
    let plan = Box::pin(context.plan_query(Box::new(query))).await?;
    let physical = Box::pin(context.physical(&plan)).await?;
    let batches = Rows::run(physical, context.task())?.collect().await?;
    let options = FormatOptions::default();
    let mut values = Vec::new();
    for batch in batches {
        if batch.num_columns() != columns {
            return Err(Error::invalid(format!("a PIVOT by {columns} columns gets values of {}", batch.num_columns())));
        }
        for field in batch.schema().fields() {
            let data_type = field.data_type();
            if data_type.is_nested() || data_type.is_binary() {
                return Err(unsupported(format!("a PIVOT by values of type {}", sql_name(field))).with_hint("cast them to VARCHAR"));
            }
        }
        let texts = batch.columns().iter().map(|column| Ok(ArrayFormatter::try_new(column, &options)?)).collect::<Result<Vec<_>>>()?;
        for row in 0..batch.num_rows() {
            if batch.columns().iter().any(|column| column.is_null(row)) {
                continue;
            }
            let literals = batch.columns().iter().zip(&texts).map(|(column, text)| {
                let text = text.value(row).to_string();
                // Other types are read from a text when they are compared with one.
                let value = match column.data_type() {
                    DataType::Boolean => Value::Boolean(text == "true"),
                    _ => Value::SingleQuotedString(text),
                };
                Expr::Value(value.into())
            });
            values.push(literals.collect());
        }
        if values.len() > MOST_VALUES {
            return Err(too_many());
        }
    }
    Ok(values)
}
