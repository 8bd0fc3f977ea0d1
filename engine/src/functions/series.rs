//! `generate_series` and `range` as tables: numbers, dates or timestamps from one to another. The column has the function's name.

use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::catalog::{TableFunction, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{Result, ScalarValue};
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::execution::SessionStateDefaults;
use datafusion::logical_expr::{DocSection, Documentation, Expr, LogicalPlanBuilder, cast, col, lit};

/// Name, how it is called, a line for people, an example.
const FUNCTIONS: [(&str, &str, &str, &str); 2] = [
    (
        "generate_series",
        "generate_series([from,] to[, step])",
        "a row for each number, date or timestamp, the last one included",
        "FROM generate_series(DATE '2024-01-01', DATE '2024-01-31', INTERVAL '1 day')",
    ),
    ("range", "range([from,] to[, step])", "a row for each number, date or timestamp, the last one left out", "FROM range(10)"),
];

/// The functions, and DataFusion's others.
pub(crate) fn tables() -> Vec<Arc<TableFunction>> {
    SessionStateDefaults::default_table_functions()
        .into_iter()
        .map(|function| match FUNCTIONS.iter().find(|(name, ..)| *name == function.name()) {
            Some((name, ..)) => Arc::new(TableFunction::new((*name).to_owned(), Arc::new(Series { name, inner: function }))),
            None => function,
        })
        .collect()
}

/// What people read of them.
pub(super) fn documentation() -> Vec<(&'static str, Documentation)> {
    let one = |(name, usage, about, example): &(&'static str, &str, &str, &str)| {
        (*name, Documentation::builder(DocSection::default(), *about, *usage).with_sql_example(*example).build())
    };
    FUNCTIONS.iter().map(one).collect()
}

#[derive(Debug)]
struct Series {
    name: &'static str,
    inner: Arc<TableFunction>,
}

impl TableFunctionImpl for Series {
    fn call_with_args(&self, arguments: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let exprs: Vec<Expr> = arguments.exprs().iter().map(in_nanoseconds).collect::<Result<_>>()?;
        let inner = self.inner.create_table_provider_with_args(TableFunctionArgs::new(&exprs, arguments.session()))?;
        let source = provider_as_source(Arc::clone(&inner));
        let schema = inner.schema();
        let field = schema.field(0);
        let column = match field.data_type() {
            DataType::Timestamp(_, zone) => cast(col(field.name()), DataType::Timestamp(TimeUnit::Microsecond, zone.clone())),
            _ => col(field.name()),
        };
        let plan = LogicalPlanBuilder::scan(self.name, source, None)?.project(vec![column.alias(self.name)])?.build()?;
        Ok(Arc::new(ViewTable::new(plan, None)))
    }
}

/// DataFusion counts series of timestamps in nanoseconds.
fn in_nanoseconds(expr: &Expr) -> Result<Expr> {
    Ok(match expr {
        Expr::Literal(value, _) => match value.data_type() {
            DataType::Timestamp(_, zone) => lit(value.cast_to(&DataType::Timestamp(TimeUnit::Nanosecond, zone))?),
            whole if whole.is_integer() => lit(value.cast_to(&DataType::Int64)?),
            DataType::Decimal128(_, 0) => lit(value.cast_to(&DataType::Int64)?),
            DataType::Null => lit(ScalarValue::Int64(None)),
            _ => expr.clone(),
        },
        other => other.clone(),
    })
}
