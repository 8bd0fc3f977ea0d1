//! IMPORT DATABASE: makes what a folder holds that EXPORT DATABASE wrote, this program's or DuckDB's, in one transaction.

use clouddb_storage::Transaction;
use datafusion::sql::sqlparser::ast::Statement as SqlStatement;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use futures::FutureExt;
use futures::future::BoxFuture;
use object_store::ObjectStoreExt;

use super::export::{LOAD_FILE, SCHEMA_FILE};
use crate::error::{Error, Result, from_datafusion};
use crate::files::Place;
use crate::session::result::Done;
use crate::session::stack;
use crate::statements::context::Context;
use crate::statements::kind::{self, Kind};
use crate::statements::set::{self, Setting};
use crate::statements::syntax::parse::{self, Parsed};
use crate::statements::write::{self, Write};

/// `IMPORT DATABASE`.
#[derive(Debug, Clone)]
pub(crate) struct ImportStatement {
    folder: String,
}

/// Whether a statement that begins with a word is one.
pub(crate) fn begins(word: &str) -> bool {
    word.eq_ignore_ascii_case("import")
}

/// Parses one; the parser stands before it.
pub(crate) fn parse(parser: &mut Parser<'_>) -> Result<ImportStatement, ParserError> {
    parser.next_token();
    parser.expect_keyword(Keyword::DATABASE)?;
    Ok(ImportStatement { folder: parser.parse_literal_string()? })
}

/// Runs the folder's two files inside a transaction.
pub(crate) fn carry_out<'a>(
    context: &'a Context,
    transaction: &'a mut Transaction,
    import: ImportStatement,
) -> BoxFuture<'a, Result<Done>> {
    async move { run(context, transaction, import).await }.boxed()
}

async fn run(context: &Context, transaction: &mut Transaction, import: ImportStatement) -> Result<Done> {
    let folder = import.folder.trim_end_matches('/').to_owned();
    let place = Place::of(&context.state, context.database.store_options(), &format!("{folder}/")).await?;
    let names = place.names().await?;
    let mut state = context.state.clone();
    let mut rows = 0;
    for file in [SCHEMA_FILE, LOAD_FILE] {
        if !names.iter().any(|name| name == file) {
            return Err(Error::not_found(format!("there is no file '{folder}/{file}'"))
                .with_hint("IMPORT DATABASE reads a folder that EXPORT DATABASE wrote"));
        }
        let text = read(&place, file).await?;
        for statement in parse::parse(&text).map_err(|error| error.context(file))? {
            let failed = |error: Error| error.context(format!("{file}, line {}", statement.line()));
            let parsed = stack::on_big_stack(statement.sql(), || parse::parse_statement(&statement)).map_err(failed)?;
            let write = match parsed {
                // A folder may have been moved since it was written.
                Parsed::Copy(copy) if !copy.to_files() => {
                    let last = copy.path().rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
                    Write::Copy(match names.contains(&last) {
                        true => Box::new(copy.with_path(format!("{folder}/{last}"))),
                        false => copy,
                    })
                }
                Parsed::Sql(sql) => match kind::of(&sql).map_err(failed)? {
                    Kind::Write => Write::Sql(sql),
                    Kind::Session => {
                        set_schema(&mut state, *sql).map_err(failed)?;
                        continue;
                    }
                    Kind::Query | Kind::Transaction => return Err(failed(not_there(statement.sql()))),
                },
                Parsed::Write(write) if matches!(*write, Write::Macro(_) | Write::Sequence(_)) => *write,
                _ => return Err(failed(not_there(statement.sql()))),
            };
            // Each statement sees what those before it made.
            let context = context.on(state.clone(), transaction.snapshot());
            let done =
                Box::pin(stack::with_big_stack(statement.sql(), write::carry_out(&context, transaction, write))).await.map_err(failed)?;
            rows += done.rows.unwrap_or(0);
        }
    }
    Ok(Done::with_rows("IMPORT", rows))
}

fn set_schema(state: &mut datafusion::execution::session_state::SessionState, statement: SqlStatement) -> Result<()> {
    let setting = match statement {
        SqlStatement::Set(set) => set::from_set(set)?,
        SqlStatement::Use(name) => set::from_use(name)?,
        other => return Err(not_there(&other.to_string())),
    };
    match setting {
        Setting::Schema(name) => {
            state.config_mut().options_mut().catalog.default_schema = name;
            Ok(())
        }
        _ => Err(Error::unsupported("IMPORT DATABASE sets no settings but the schema")),
    }
}

fn not_there(sql: &str) -> Error {
    Error::unsupported(format!("IMPORT DATABASE makes and loads tables: it does not run {sql}"))
}

async fn read(place: &Place, name: &str) -> Result<String> {
    let (store, path) = place.inside(name);
    let failed = |error: object_store::Error| from_datafusion(error.into()).context(format!("reading '{name}'"));
    let bytes = store.get(&path).await.map_err(failed)?.bytes().await.map_err(failed)?;
    String::from_utf8(bytes.into()).map_err(|_| Error::invalid(format!("'{name}' is no text in UTF-8")))
}
