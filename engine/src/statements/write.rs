//! Carries out statements that change the database, inside a transaction.

use clouddb_storage::Transaction;
use datafusion::sql::sqlparser::ast::{ObjectType, Statement};

use super::context::Context;
use crate::error::{Error, Result};
use crate::session::result::Done;
use crate::statements::meaning::macros::{self, MacroStatement};
use crate::statements::meaning::refuse::unsupported;
use crate::statements::objects::alter::{self, AlterView};
use crate::statements::objects::dependents::Dependents;
use crate::statements::objects::schemas;
use crate::statements::objects::sequences::{self, SequenceStatement};
use crate::statements::objects::tables;
use crate::statements::objects::views;
use crate::statements::rows::copy::{self, CopyStatement};
use crate::statements::rows::import::{self, ImportStatement};
use crate::statements::rows::insert;

/// A statement that changes the database.
#[derive(Debug, Clone)]
pub(crate) enum Write {
    /// INSERT, CREATE, DROP.
    Sql(Box<Statement>),
    /// `INSERT INTO t BY NAME`.
    InsertByName(Box<Statement>),
    /// `COPY ... FROM`.
    Copy(Box<CopyStatement>),
    /// `CREATE MACRO`, `DROP MACRO`.
    Macro(MacroStatement),
    /// `CREATE SEQUENCE`, `DROP SEQUENCE`.
    Sequence(SequenceStatement),
    /// `ALTER VIEW ... RENAME`.
    AlterView(AlterView),
    /// `IMPORT DATABASE`.
    Import(ImportStatement),
}

/// Carries out one statement inside a transaction. What it stages before an error must not be committed.
pub(crate) async fn carry_out(context: &Context, transaction: &mut Transaction, write: Write) -> Result<Done> {
    let statement = match write {
        Write::Copy(copy) => return copy::from_files(context, transaction, *copy).await,
        Write::InsertByName(statement) => {
            return match *statement {
                Statement::Insert(insert) => Box::pin(insert::insert(context, transaction, insert, true)).await,
                other => Err(Error::internal(format!("'{other}' is no INSERT"))),
            };
        }
        Write::Macro(statement) => return macros::carry_out(context, transaction, statement),
        Write::Sequence(statement) => return sequences::carry_out(context, transaction, statement),
        Write::AlterView(statement) => return alter::view(context, transaction, &statement),
        Write::Import(import) => return import::carry_out(context, transaction, import).await,
        Write::Sql(statement) => *statement,
    };
    match statement {
        Statement::Insert(insert) => Box::pin(insert::insert(context, transaction, insert, false)).await,
        Statement::CreateTable(create) => Box::pin(tables::create(context, transaction, create)).await,
        Statement::CreateView(create) => Box::pin(views::create(context, transaction, create)).await,
        Statement::CreateSchema { schema_name, if_not_exists, with, options, default_collate_spec, clone } => {
            if with.is_some() || options.is_some() || default_collate_spec.is_some() || clone.is_some() {
                return Err(unsupported("an option of CREATE SCHEMA"));
            }
            schemas::create(transaction, &schema_name, if_not_exists)
        }
        Statement::Drop { object_type, if_exists, names, cascade, restrict, purge, temporary, table } => {
            if purge || temporary || table.is_some() {
                return Err(unsupported("an option of DROP"));
            }
            match object_type {
                ObjectType::Table => tables::drop(context, transaction, &names, if_exists, Dependents::of(cascade, restrict)),
                ObjectType::View => views::drop(context, transaction, &names, if_exists, Dependents::of(cascade, restrict)),
                ObjectType::Schema => schemas::drop(transaction, &names, if_exists, cascade),
                other => Err(unsupported(format!("DROP {other}"))),
            }
        }
        Statement::AlterTable(alter) => alter::table(context, transaction, alter),
        Statement::AlterSchema(alter) => alter::schema(transaction, alter),
        Statement::Comment { object_type, object_name, comment, if_exists } => {
            alter::comment(context, transaction, &object_type, &object_name, comment, if_exists)
        }
        other => Err(Error::internal(format!("'{other}' is no statement that writes"))),
    }
}
