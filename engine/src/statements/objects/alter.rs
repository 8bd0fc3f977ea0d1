//! ALTER and COMMENT ON: changes of what things are called and what is said of them. Changes of columns that would touch rows are refused.

use crate::statements::syntax::parse;
use clouddb_storage::catalog::ColumnChange;
use clouddb_storage::{Snapshot, Transaction};
use datafusion::sql::sqlparser::ast::{
    AlterColumnOperation, AlterSchema, AlterSchemaOperation, AlterTable, AlterTableOperation, CommentObject, Ident, ObjectName,
    RenameTableNameKind,
};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};

use super::tables::{check_default, expanded};
use crate::error::{Error, Result};
use crate::session::result::Done;
use crate::statements::context::{Context, QualifiedName};
use crate::statements::lookup::{self, Found};
use crate::statements::meaning::refuse::unsupported;
use crate::types::quoted_where_needed;

/// `ALTER VIEW v RENAME TO w`, which the SQL parser does not read.
#[derive(Debug, Clone)]
pub(crate) struct AlterView {
    name: ObjectName,
    if_exists: bool,
    new_name: ObjectName,
}

impl AlterView {
    /// The view's name.
    pub(crate) fn name(&mut self) -> &mut ObjectName {
        &mut self.name
    }
}

/// Parses one, if the parser stands before one.
pub(crate) fn parse_view(parser: &mut Parser<'_>) -> Result<Option<AlterView>, ParserError> {
    let parsed = parser.maybe_parse(|parser| {
        parser.expect_keywords(&[Keyword::ALTER, Keyword::VIEW])?;
        let if_exists = parser.parse_keywords(&[Keyword::IF, Keyword::EXISTS]);
        let name = parser.parse_object_name(false)?;
        parser.expect_keywords(&[Keyword::RENAME, Keyword::TO])?;
        Ok(AlterView { name, if_exists, new_name: parser.parse_object_name(false)? })
    })?;
    Ok(parsed)
}

/// Runs an ALTER VIEW inside a transaction.
pub(crate) fn view(context: &Context, transaction: &mut Transaction, alter: &AlterView) -> Result<Done> {
    let done = Done::new("ALTER VIEW");
    let snapshot = transaction.snapshot();
    if alter.if_exists && lookup::relation_if_exists(context, &snapshot, &alter.name)?.is_none() {
        return Ok(done);
    }
    match lookup::relation(context, &snapshot, &alter.name)? {
        (name, Found::View(view)) => transaction.rename_view(view.id, &new_name(context, &snapshot, &name, &alter.new_name)?)?,
        (name, Found::Table(_)) => return Err(Error::invalid(format!("'{name}' is a table")).with_hint("write ALTER TABLE")),
    }
    Ok(done)
}

/// Runs an ALTER TABLE inside a transaction.
pub(crate) fn table(context: &Context, transaction: &mut Transaction, alter: AlterTable) -> Result<Done> {
    let AlterTable { name, if_exists, only: _, operations, location, on_cluster, table_type, end_token: _ } = alter;
    if location.is_some() || on_cluster.is_some() || table_type.is_some() {
        return Err(unsupported("an option of ALTER TABLE"));
    }
    let done = Done::new("ALTER TABLE");
    if if_exists && lookup::relation_if_exists(context, &transaction.snapshot(), &name)?.is_none() {
        return Ok(done);
    }
    let (found, relation) = lookup::relation(context, &transaction.snapshot(), &name)?;
    let Found::Table(table) = relation else {
        return Err(Error::invalid(format!("'{found}' is a view")).with_hint("write ALTER VIEW"));
    };
    let id = table.meta().id;
    for operation in operations {
        let snapshot = transaction.snapshot();
        let now = snapshot.table_by_id(id).ok_or_else(|| Error::internal("a table is gone that is being altered"))?;
        let column = |wanted: &Ident| lookup::column(now.meta(), &wanted.value);
        match operation {
            AlterTableOperation::RenameTable { table_name: RenameTableNameKind::To(to) | RenameTableNameKind::As(to) } => {
                transaction.rename_table(id, &new_name(context, &snapshot, &found, &to)?)?;
            }
            AlterTableOperation::RenameColumn { old_column_name, new_column_name } => {
                let old = column(&old_column_name)?;
                let taken = now
                    .meta()
                    .columns
                    .iter()
                    .find(|other| other.id() != old.id() && other.name().to_lowercase() == new_column_name.value.to_lowercase());
                if let Some(taken) = taken {
                    return Err(Error::already_exists(format!("table '{found}' has a column '{}' already", taken.name())));
                }
                let change = ColumnChange { id: old.id(), name: Some(parse::normalized(&new_column_name)), ..Default::default() };
                transaction.alter_column(id, change)?;
            }
            AlterTableOperation::AlterColumn { column_name, op } => {
                let column = column(&column_name)?;
                let default = match op {
                    AlterColumnOperation::SetDefault { value } => {
                        let of = |error: Error| error.context(format!("default of column '{}'", column.name()));
                        let value = expanded(context, &value)?;
                        check_default(context, &value, column.field()).map_err(of)?;
                        Some(value.to_string())
                    }
                    AlterColumnOperation::DropDefault => None,
                    other => return Err(needs_rows(&found, &format!("ALTER COLUMN {other}"))),
                };
                transaction.alter_column(id, ColumnChange { id: column.id(), default: Some(default), ..Default::default() })?;
            }
            other => return Err(needs_rows(&found, &first_words(&other.to_string()))),
        }
    }
    Ok(done)
}

/// The error for a change that would touch the rows, which stay as they were written.
fn needs_rows(table: &QualifiedName, what: &str) -> Error {
    let name = format!("{}.{}", quoted_where_needed(&table.schema), quoted_where_needed(&table.name));
    unsupported(format!("ALTER TABLE ... {what}"))
        .with_hint(format!("write the table again: CREATE OR REPLACE TABLE {name} AS SELECT ... FROM {name}"))
}

fn first_words(text: &str) -> String {
    text.split_whitespace().take_while(|word| word.chars().all(|c| c.is_ascii_uppercase() || c == '_')).collect::<Vec<_>>().join(" ")
}

/// Runs an ALTER SCHEMA inside a transaction.
pub(crate) fn schema(transaction: &mut Transaction, alter: AlterSchema) -> Result<Done> {
    let AlterSchema { name, if_exists, operations } = alter;
    let done = Done::new("ALTER SCHEMA");
    for operation in operations {
        let AlterSchemaOperation::Rename { name: to } = operation else {
            return Err(unsupported("anything of ALTER SCHEMA but RENAME TO"));
        };
        let snapshot = transaction.snapshot();
        let old = match lookup::schema_of_name(&snapshot, &name) {
            Err(error) if if_exists && error.kind() == crate::error::ErrorKind::NotFound => return Ok(done),
            old => old?,
        };
        let schema = snapshot.schema(&old).ok_or_else(|| Error::internal("a schema is gone"))?;
        let new = super::schemas::schema_name(&to)?;
        super::schemas::check_free(&new)?;
        transaction.rename_schema(schema.id, &new)?;
    }
    Ok(done)
}

/// The new name of a relation, which stays in its schema.
fn new_name(context: &Context, snapshot: &Snapshot, old: &QualifiedName, new: &ObjectName) -> Result<String> {
    let parts = parse::name_parts(new)?;
    let (Some(name), count) = (parts.last(), parts.len()) else { return Err(Error::invalid("a name is missing")) };
    if count > 1 && lookup::schema_and_name(context, snapshot, new)?.0 != old.schema {
        return Err(unsupported("moving a table to another schema").with_hint("CREATE TABLE ... AS SELECT * FROM ... copies it"));
    }
    let taken = lookup::relation_if_exists(
        context,
        snapshot,
        &ObjectName::from(vec![Ident::with_quote('"', &old.schema), Ident::with_quote('"', name)]),
    )?;
    match taken {
        Some((taken, _)) if taken != *old => Err(Error::already_exists(format!("there is a table or view '{taken}' already"))),
        _ => Ok(name.clone()),
    }
}

/// Runs a COMMENT ON inside a transaction.
pub(crate) fn comment(
    context: &Context,
    transaction: &mut Transaction,
    on: &CommentObject,
    name: &ObjectName,
    comment: Option<String>,
    if_exists: bool,
) -> Result<Done> {
    let done = Done::new("COMMENT");
    let snapshot = transaction.snapshot();
    let changed = match on {
        CommentObject::Table | CommentObject::View => comment_relation(context, transaction, on, name, comment),
        CommentObject::Column => comment_column(context, transaction, name, comment),
        CommentObject::Schema => {
            let schema = lookup::schema_of_name(&snapshot, name)
                .and_then(|name| snapshot.schema(&name).map(|schema| schema.id).ok_or_else(|| Error::internal("a schema is gone")));
            schema.and_then(|id| transaction.comment_schema(id, comment))
        }
        other => return Err(unsupported(format!("COMMENT ON {other}")).with_hint("TABLE, VIEW, COLUMN and SCHEMA can have comments")),
    };
    match changed {
        Err(error) if if_exists && error.kind() == crate::error::ErrorKind::NotFound => Ok(done),
        changed => changed.map(|()| done),
    }
}

fn comment_relation(
    context: &Context,
    transaction: &mut Transaction,
    on: &CommentObject,
    name: &ObjectName,
    comment: Option<String>,
) -> Result<()> {
    match (lookup::relation(context, &transaction.snapshot(), name)?, on) {
        ((_, Found::Table(table)), CommentObject::Table) => transaction.comment_table(table.meta().id, comment),
        ((_, Found::View(view)), CommentObject::View) => transaction.comment_view(view.id, comment),
        ((name, Found::Table(_)), _) => Err(Error::invalid(format!("'{name}' is a table")).with_hint("write COMMENT ON TABLE")),
        ((name, Found::View(_)), _) => Err(Error::invalid(format!("'{name}' is a view")).with_hint("write COMMENT ON VIEW")),
    }
}

fn comment_column(context: &Context, transaction: &mut Transaction, name: &ObjectName, comment: Option<String>) -> Result<()> {
    let mut parts = name.0.clone();
    let column = parts.pop().and_then(|part| part.as_ident().cloned());
    let (Some(column), false) = (column, parts.is_empty()) else {
        return Err(Error::invalid(format!("'{name}' is no column of a table")).with_hint("write COMMENT ON COLUMN table.column IS '...'"));
    };
    match lookup::relation(context, &transaction.snapshot(), &ObjectName(parts))? {
        (_, Found::Table(table)) => {
            let id = lookup::column(table.meta(), &column.value)?.id();
            transaction.alter_column(table.meta().id, ColumnChange { id, comment: Some(comment), ..Default::default() })
        }
        (name, Found::View(_)) => {
            Err(unsupported(format!("a comment on a column of the view '{name}'")).with_hint("COMMENT ON VIEW describes it"))
        }
    }
}
