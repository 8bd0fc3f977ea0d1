//! Carries out statements that change the database, inside a transaction.

use clouddb_storage::Transaction;
use datafusion::sql::sqlparser::ast::{ObjectType, Statement};

use super::context::Context;
use super::copy::{self, CopyStatement};
use super::import::{self, ImportStatement};
use super::refuse::unsupported;
use super::{insert, schemas, tables, views};
use crate::error::{Error, Result};
use crate::session::result::Done;

/// A statement that changes the database.
#[derive(Debug, Clone)]
pub(crate) enum Write {
    /// INSERT, CREATE, DROP.
    Sql(Box<Statement>),
    /// `COPY ... FROM`.
    Copy(Box<CopyStatement>),
    /// `IMPORT DATABASE`.
    Import(ImportStatement),
}

/// Carries out one statement inside a transaction. What it stages before an error must not be committed.
pub(crate) async fn carry_out(context: &Context, transaction: &mut Transaction, write: Write) -> Result<Done> {
    let statement = match write {
        Write::Copy(copy) => return copy::from_files(context, transaction, *copy).await,
        Write::Import(import) => return import::carry_out(context, transaction, import).await,
        Write::Sql(statement) => *statement,
    };
    match statement {
        Statement::Insert(insert) => Box::pin(insert::insert(context, transaction, insert)).await,
        Statement::CreateTable(create) => Box::pin(tables::create(context, transaction, create)).await,
        Statement::CreateView(create) => Box::pin(views::create(context, transaction, create)).await,
        Statement::CreateSchema { schema_name, if_not_exists, with, options, default_collate_spec, clone } => {
            if with.is_some() || options.is_some() || default_collate_spec.is_some() || clone.is_some() {
                return Err(unsupported("an option of CREATE SCHEMA"));
            }
            schemas::create(transaction, &schema_name, if_not_exists)
        }
        Statement::Drop { object_type, if_exists, names, cascade, restrict: _, purge, temporary, table } => {
            if purge || temporary || table.is_some() {
                return Err(unsupported("an option of DROP"));
            }
            match object_type {
                ObjectType::Table if cascade => {
                    Err(unsupported("DROP TABLE ... CASCADE").with_hint("drop the views that read the table by name"))
                }
                ObjectType::View if cascade => {
                    Err(unsupported("DROP VIEW ... CASCADE").with_hint("drop the views that read the view by name"))
                }
                ObjectType::Table => tables::drop(context, transaction, &names, if_exists),
                ObjectType::View => views::drop(context, transaction, &names, if_exists),
                ObjectType::Schema => schemas::drop(transaction, &names, if_exists, cascade),
                other => Err(unsupported(format!("DROP {other}"))),
            }
        }
        other => Err(Error::internal(format!("'{other}' is no statement that writes"))),
    }
}
