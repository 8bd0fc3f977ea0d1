//! CREATE VIEW and DROP VIEW. A view is stored as the text of its query, with the schema in which its names are looked up.

use std::ops::ControlFlow;

use clouddb_storage::Transaction;
use datafusion::sql::sqlparser::ast::{CreateTableOptions, CreateView, ObjectName, Statement, Visit, Visitor};

use super::dependents::Dependents;
use crate::error::{Error, Result};
use crate::session::result::Done;
use crate::settings::TEMPORARY;
use crate::statements::context::Context;
use crate::statements::lookup::{self, Found};
use crate::statements::meaning::refuse::{check_stored, unsupported};
use crate::statements::meaning::rewrite;
use crate::statements::objects::attach;
use crate::statements::objects::schemas;
use crate::statements::syntax::parse::normalized;
use crate::statements::syntax::written::as_written;
use crate::statements::targets::temporary_name;

/// Runs a CREATE VIEW inside a transaction.
pub(crate) async fn create(context: &Context, transaction: &mut Transaction, create: CreateView) -> Result<Done> {
    let CreateView {
        or_alter,
        or_replace,
        materialized,
        secure,
        name,
        name_before_not_exists: _,
        columns,
        query,
        options,
        cluster_by,
        comment,
        with_no_schema_binding,
        if_not_exists,
        temporary,
        copy_grants,
        to,
        params,
    } = create;
    for (there, what) in [
        (or_alter, "CREATE OR ALTER VIEW"),
        (materialized, "a materialized view"),
        // `targets` took it.
        (temporary, "this temporary view"),
        (
            secure
                || with_no_schema_binding
                || copy_grants
                || to.is_some()
                || params.is_some()
                || !cluster_by.is_empty()
                || options != CreateTableOptions::None,
            "an option of this CREATE VIEW",
        ),
        (columns.iter().any(|column| column.data_type.is_some() || column.options.is_some()), "a type or option of a view's column"),
    ] {
        if there {
            return Err(unsupported(what));
        }
    }
    if let Some(what) = rewrite::reads_past_or_files(&query) {
        return Err(unsupported(format!("a view that {what}")));
    }
    let statement = Statement::Query(query.clone());
    check_stored(&statement)?;
    let mut others = context.catalogs.attached_names();
    match context.changes_temporary {
        true => others.retain(|name| name != TEMPORARY),
        false => check_names(context, &statement)?,
    }
    attach::check_stored(&statement, &others)?;
    let name = context.qualify(&name)?;
    let schema = schemas::existing(transaction, &name.schema)?;
    let snapshot = transaction.snapshot();
    if snapshot.table(&name.schema, &name.name).is_some() {
        return Err(Error::already_exists(format!("a table '{name}' exists already")));
    }
    let existing = snapshot.view(&name.schema, &name.name);
    match &existing {
        Some(_) if if_not_exists => return Ok(Done::new("CREATE VIEW")),
        Some(_) if !or_replace => {
            return Err(Error::already_exists(format!("view '{name}' exists already"))
                .with_hint("write CREATE OR REPLACE VIEW, or CREATE VIEW IF NOT EXISTS"));
        }
        _ => {}
    }
    let text = as_written(&query.to_string());
    let plan = context.plan_query(query).await?;
    let fields = plan.schema().fields();
    if !columns.is_empty() && columns.len() != fields.len() {
        return Err(Error::invalid(format!("the view's query has {} columns, and {} names are given", fields.len(), columns.len())));
    }
    let mut names: Vec<String> = match columns.is_empty() {
        true => fields.iter().map(|field| field.name().clone()).collect(),
        false => columns.iter().map(|column| normalized(&column.name)).collect(),
    };
    let sql = match columns.is_empty() {
        true => text,
        false => {
            let list: Vec<String> = names.iter().map(|name| quoted(name)).collect();
            format!("SELECT * FROM ({text}) AS {} ({})", quoted(&name.name), list.join(", "))
        }
    };
    names.sort();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Error::invalid(format!("the view has two columns '{}'", pair[0])).with_hint("name one of them with AS"));
    }
    if let Some(existing) = existing {
        transaction.drop_view(existing.id)?;
    }
    transaction.create_view(schema, &name.name, &sql, context.current_schema(), comment)?;
    Ok(Done::new("CREATE VIEW"))
}

/// Refuses a stored view of what is temporary: whoever else reads it would find nothing.
fn check_names(context: &Context, statement: &Statement) -> Result<()> {
    struct Finder<'a>(&'a Context);
    impl Visitor for Finder<'_> {
        type Break = Error;
        fn pre_visit_relation(&mut self, name: &ObjectName) -> ControlFlow<Error> {
            match temporary_name(name, self.0.temporary.as_ref()) {
                Ok(Some(_)) => ControlFlow::Break(
                    unsupported(format!("a stored view that reads the temporary table '{name}'"))
                        .with_hint("write CREATE TEMP VIEW, or main.name for a stored table of that name"),
                ),
                Ok(None) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(error),
            }
        }
    }
    match statement.visit(&mut Finder(context)) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

/// Runs a DROP VIEW inside a transaction.
pub(crate) fn drop(
    context: &Context,
    transaction: &mut Transaction,
    names: &[ObjectName],
    if_exists: bool,
    dependents: Dependents,
) -> Result<Done> {
    for name in names {
        match lookup::relation_if_exists(context, &transaction.snapshot(), name)? {
            Some((name, Found::View(view))) => {
                dependents.carry_out(transaction, &[name])?;
                transaction.drop_view(view.id)?;
            }
            Some((name, Found::Table(_))) => return Err(Error::invalid(format!("'{name}' is a table")).with_hint("write DROP TABLE")),
            None if if_exists => {}
            None => {
                let name = context.qualify(name)?;
                let known = lookup::relation_names(&transaction.snapshot(), &name.schema);
                let error = Error::not_found(format!("there is no view '{name}'"));
                let known = known.iter().map(String::as_str);
                return Err(lookup::with_nearest(error, &name.name, known, "DROP VIEW IF EXISTS does not mind"));
            }
        }
    }
    Ok(Done::new("DROP VIEW"))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
