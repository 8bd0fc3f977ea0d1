//! Which database a statement changes: the one that the session was opened on, or the session's temporary tables and views.
//!
//! `CREATE TEMP TABLE t` makes a temporary one. A name without a schema is that of a temporary table if there is one, as in PostgreSQL; `temp.t` always is, and
//! `main.t` never. Within the temporary database all names have the one schema that it has.

use clouddb_storage::Snapshot;
use datafusion::sql::sqlparser::ast::{CommentObject, Ident, ObjectName, ObjectNamePart, ObjectType, OnCommit, Statement, TableObject};

use super::context::Context;
use super::lookup;
use super::write::Write;
use crate::error::{Error, Result};
use crate::settings::TEMPORARY;
use crate::statements::meaning::refuse::unsupported;

/// PostgreSQL's name for the schema of temporary tables.
pub(crate) const PG_TEMP: &str = "pg_temp";

/// The name that a table has among the temporary ones, if it is that of a temporary table or view. `snapshot` is what there is of them.
pub(crate) fn temporary_name(name: &ObjectName, snapshot: Option<&Snapshot>) -> Result<Option<ObjectName>> {
    let Ok(parts) = lookup::parts(name) else { return Ok(None) };
    let is_temporary = |schema: &str| schema.eq_ignore_ascii_case(TEMPORARY) || schema.eq_ignore_ascii_case(PG_TEMP);
    Ok(match (parts.as_slice(), snapshot) {
        // In single quotes it is a file's.
        ([wanted], Some(snapshot)) if !is_file(name) => {
            let known = lookup::relation_names(snapshot, TEMPORARY);
            lookup::pick("table", wanted, known.iter().map(String::as_str))?.map(full)
        }
        ([schema, wanted] | [schema, _, wanted], _) if is_temporary(schema) => Some(full(wanted)),
        _ => None,
    })
}

fn is_file(name: &ObjectName) -> bool {
    matches!(name.0.as_slice(), [part] if part.as_ident().is_some_and(|ident| ident.quote_style == Some('\'')))
}

fn full(name: &str) -> ObjectName {
    ObjectName::from([TEMPORARY, name].map(|part| Ident::with_quote('"', part)).to_vec())
}

/// Whether a statement changes temporary tables or views. If so, its names are those that they have there.
///
/// # Errors
/// *Unsupported* for a statement that would change both.
pub(crate) fn is_temporary(write: &mut Write, snapshot: Option<&Snapshot>) -> Result<bool> {
    match write {
        Write::Sql(statement) => statement_is_temporary(statement, snapshot),
        Write::InsertByName(statement) => statement_is_temporary(statement, snapshot),
        Write::Copy(copy) => match copy.target() {
            Some(name) => put(name, snapshot),
            None => Ok(false),
        },
        Write::AlterView(alter) => put(alter.name(), snapshot),
        Write::Macro(_) | Write::Sequence(_) | Write::Import(_) => Ok(false),
    }
}

fn statement_is_temporary(statement: &mut Statement, snapshot: Option<&Snapshot>) -> Result<bool> {
    match statement {
        Statement::CreateTable(create) => {
            let said = std::mem::take(&mut create.temporary);
            let is_temporary = is_made_temporary(&mut create.name, said, "TABLE")?;
            if is_temporary {
                match create.on_commit.take() {
                    None | Some(OnCommit::PreserveRows) => {}
                    Some(OnCommit::Drop | OnCommit::DeleteRows) => {
                        return Err(unsupported("ON COMMIT DROP and DELETE ROWS").with_hint("DROP TABLE before COMMIT does it"));
                    }
                }
                // LOCAL says nothing, GLOBAL is nobody's.
                if create.global == Some(false) {
                    create.global = None;
                }
            }
            Ok(is_temporary)
        }
        Statement::CreateView(create) => {
            let said = std::mem::take(&mut create.temporary);
            is_made_temporary(&mut create.name, said, "VIEW")
        }
        Statement::Insert(insert) => match &mut insert.table {
            TableObject::TableName(name) => put(name, snapshot),
            _ => Ok(false),
        },
        Statement::Drop { object_type: ObjectType::Table | ObjectType::View, names, temporary, .. } => {
            let only_temporary = std::mem::take(temporary);
            dropped(names, only_temporary, snapshot)
        }
        Statement::AlterTable(alter) => put(&mut alter.name, snapshot),
        Statement::Comment { object_type: CommentObject::Table | CommentObject::View, object_name, .. } => put(object_name, snapshot),
        Statement::Comment { object_type: CommentObject::Column, object_name, .. } => {
            let Some(column) = object_name.0.pop() else { return Ok(false) };
            let is_temporary = put(object_name, snapshot);
            object_name.0.push(column);
            is_temporary
        }
        _ => Ok(false),
    }
}

/// Puts the temporary name in the place of another one.
fn put(name: &mut ObjectName, snapshot: Option<&Snapshot>) -> Result<bool> {
    match temporary_name(name, snapshot)? {
        Some(temporary) => {
            *name = temporary;
            Ok(true)
        }
        None => Ok(false),
    }
}

/// Whether what is made is temporary: by the word, or by its name.
fn is_made_temporary(name: &mut ObjectName, said: bool, what: &str) -> Result<bool> {
    let by_name = temporary_name(name, None)?;
    if by_name.is_none() && said && name.0.len() > 1 {
        return Err(Error::invalid(format!("CREATE TEMP {what} {name}: temporary tables have no schema of the database"))
            .with_hint("write the name alone, or temp.name"));
    }
    match (by_name, said) {
        (Some(full), _) => *name = full,
        (None, true) => {
            let schema = ObjectNamePart::Identifier(Ident::with_quote('"', TEMPORARY));
            name.0.insert(0, schema);
        }
        (None, false) => return Ok(false),
    }
    Ok(true)
}

fn dropped(names: &mut [ObjectName], only_temporary: bool, snapshot: Option<&Snapshot>) -> Result<bool> {
    let mut found = Vec::with_capacity(names.len());
    for name in names.iter() {
        let temporary = temporary_name(name, snapshot)?;
        found.push(match (temporary, only_temporary, name.0.as_slice()) {
            (None, true, [ObjectNamePart::Identifier(ident)]) => Some(full(&ident.value)),
            (temporary, ..) => temporary,
        });
    }
    if found.iter().all(Option::is_none) {
        return Ok(false);
    }
    if found.iter().any(Option::is_none) {
        return Err(unsupported("DROP of what is temporary together with what is stored").with_hint("drop them by two statements"));
    }
    for (name, temporary) in names.iter_mut().zip(found.into_iter().flatten()) {
        *name = temporary;
    }
    Ok(true)
}

impl Context {
    /// Where a table or a view is looked up, and the name that it has there.
    pub(crate) fn place(&self, name: &ObjectName) -> Result<(&Snapshot, ObjectName)> {
        match (&self.temporary, temporary_name(name, self.temporary.as_ref())?) {
            (Some(snapshot), Some(temporary)) => Ok((snapshot, temporary)),
            _ => Ok((&self.snapshot, name.clone())),
        }
    }
}
