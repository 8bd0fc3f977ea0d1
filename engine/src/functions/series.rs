//! `generate_series` and `range` as tables: numbers, dates or timestamps from one to another. The column has the function's name.

use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::catalog::{TableFunction, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{Result, ScalarValue};
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::execution::SessionStateDefaults;
use datafusion::logical_expr::{DocSection, Documentation, Expr, LogicalPlanBuilder, cast, col, lit};

use crate::error::{Error, while_planning};
use crate::types;

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
        self.check(arguments.exprs())?;
        if arguments.exprs().iter().any(is_null) {
            // To or from nowhere there is no row.
            let nothing = LogicalPlanBuilder::empty(true).project(vec![lit(0_i64).alias(self.name)])?.filter(lit(false))?.build()?;
            return Ok(Arc::new(ViewTable::new(nothing, None)));
        }
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

impl Series {
    /// Says which arguments it does not take.
    fn check(&self, arguments: &[Expr]) -> Result<()> {
        let mut types = Vec::with_capacity(arguments.len());
        for argument in arguments {
            let Expr::Literal(value, _) = argument else {
                let error = Error::unsupported(format!("{} in FROM takes constants, not {argument}", self.name));
                return Err(while_planning(error.with_hint(format!("write unnest({}(...)), which takes columns", self.name))));
            };
            types.push(value.data_type());
        }
        let is_null = |data_type: &DataType| *data_type == DataType::Null;
        let is_number =
            |data_type: &DataType| data_type.is_integer() || matches!(data_type, DataType::Decimal128(_, 0)) || is_null(data_type);
        let is_moment =
            |data_type: &DataType| matches!(data_type, DataType::Date32 | DataType::Date64 | DataType::Timestamp(..)) || is_null(data_type);
        let fits = match types.as_slice() {
            [from, to, step] if is_moment(from) && is_moment(to) && (matches!(step, DataType::Interval(_)) || is_null(step)) => true,
            numbers => (1..=3).contains(&numbers.len()) && numbers.iter().all(is_number),
        };
        if fits {
            return Ok(());
        }
        let found: Vec<String> = types.iter().map(types::name_of).collect();
        let usage = FUNCTIONS.iter().find(|(name, ..)| *name == self.name).map_or("", |(_, usage, ..)| usage);
        let error = Error::invalid(format!("there is no {}({}) in FROM", self.name, found.join(", ")));
        Err(while_planning(error.with_hint(format!("it is called as {usage}, with whole numbers, or with dates and an INTERVAL"))))
    }
}

fn is_null(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(value, _) if value.is_null())
}

/// DataFusion counts series of timestamps in nanoseconds; dates are their midnights.
fn in_nanoseconds(expr: &Expr) -> Result<Expr> {
    Ok(match expr {
        Expr::Literal(value, _) => match value.data_type() {
            DataType::Date32 | DataType::Date64 => lit(value.cast_to(&DataType::Timestamp(TimeUnit::Nanosecond, None))?),
            DataType::Timestamp(_, zone) => lit(value.cast_to(&DataType::Timestamp(TimeUnit::Nanosecond, zone))?),
            whole if whole.is_integer() => lit(value.cast_to(&DataType::Int64)?),
            DataType::Decimal128(_, 0) => lit(value.cast_to(&DataType::Int64)?),
            DataType::Null => lit(ScalarValue::Int64(None)),
            _ => expr.clone(),
        },
        other => other.clone(),
    })
}
