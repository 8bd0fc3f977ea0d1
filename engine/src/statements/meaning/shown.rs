//! `FROM (DESCRIBE t)`, `FROM (SHOW TABLES)`, `FROM (SUMMARIZE t)`: the rows of the statement within as a table of the query.

use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::catalog::{CatalogProvider, MemoryCatalogProvider, MemorySchemaProvider, SchemaProvider};
use datafusion::datasource::MemTable;
use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, Statement, TableAlias, TableFactor, TableFunctionArgs, VisitMut, VisitorMut,
};

use super::resolve::ast::quoted;
use crate::error::{Error, Result, from_datafusion};
use crate::statements::SHOWN;
use crate::statements::context::Context;
use crate::statements::show;
use crate::statements::syntax::parse::{self, Parsed};

/// The catalog and the schema of such tables.
const CATALOG: &str = "rows of statements";
const SCHEMA: &str = "shown";

/// Carries out the statements within a statement.
pub(crate) async fn with_rows(context: &Context, statement: &mut Statement) -> Result<()> {
    let mut named = Named(Vec::new());
    let _ = VisitMut::visit(statement, &mut named);
    if named.0.is_empty() {
        return Ok(());
    }
    let schema = Arc::new(MemorySchemaProvider::new());
    for (at, text) in named.0.into_iter().enumerate() {
        let parsed = parse::parse(&text)?;
        let [one] = parsed.as_slice() else { return Err(not_shown(&text)) };
        let Parsed::Show(show) = parse::parse_statement(one)? else { return Err(not_shown(&text)) };
        let batch = Box::pin(show::batch(context, *show)).await?;
        let table = MemTable::try_new(batch.schema(), vec![vec![batch]]).map_err(from_datafusion)?;
        schema.register_table(name_of(at), Arc::new(table)).map_err(from_datafusion)?;
    }
    let catalog = MemoryCatalogProvider::new();
    catalog.register_schema(SCHEMA, schema).map_err(from_datafusion)?;
    context.catalogs.add(CATALOG, Arc::new(catalog));
    Ok(())
}

/// Whether a table of a query is the rows of a statement.
pub(crate) fn is_shown(factor: &TableFactor) -> bool {
    matches!(factor, TableFactor::Table { name, args: Some(_), .. } if name.to_string() == SHOWN)
}

fn not_shown(text: &str) -> Error {
    Error::invalid(format!("'{text}' has no rows that a query could read"))
        .with_hint("DESCRIBE, SHOW and SUMMARIZE can stand in brackets in a FROM")
}

fn name_of(at: usize) -> String {
    format!("statement {}", at + 1)
}

/// The texts of the statements; each is named as the table that it becomes.
struct Named(Vec<String>);

impl VisitorMut for Named {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if !is_shown(factor) {
            return ControlFlow::Continue(());
        }
        let TableFactor::Table { name, args, alias, .. } = factor else { return ControlFlow::Continue(()) };
        let Some(TableFunctionArgs { args: arguments, .. }) = args.take() else { return ControlFlow::Continue(()) };
        if let [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value)))] = arguments.as_slice()
            && let Some(text) = value.value.clone().into_string()
        {
            let table = name_of(self.0.len());
            let own = || TableAlias { explicit: true, name: quoted(&table), columns: vec![], at: None };
            alias.get_or_insert_with(own);
            *name = ObjectName::from([CATALOG, SCHEMA, &table].map(|part| Ident::with_quote('"', part)).to_vec());
            self.0.push(text);
        }
        ControlFlow::Continue(())
    }
}
