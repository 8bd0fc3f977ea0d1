//! Macros: expressions and queries with parameters and a name. `CREATE MACRO f(a, b := 5) AS a + b`, `CREATE MACRO t(n) AS TABLE SELECT ...`.
//!
//! A macro is stored as the text of its parameters and its body (`definition`), and put in place of its calls before a statement is planned (`expand`).

mod definition;
pub(crate) mod expand;
mod hygiene;

use std::sync::Arc;

use clouddb_storage::catalog::MacroMeta;
use clouddb_storage::{Snapshot, Transaction};
use datafusion::sql::sqlparser::ast::ObjectName;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};

use super::refuse::unsupported;
use crate::error::{Error, Result};
use crate::session::result::Done;
use crate::statements::context::Context;
use crate::statements::lookup;
pub(crate) use crate::statements::meaning::macros::definition::Definition;
use crate::statements::objects::schemas;
use crate::statements::syntax::parse::name_parts;
use crate::statements::syntax::words;
use crate::statements::syntax::written::as_written;

/// `CREATE MACRO` or `DROP MACRO`.
#[derive(Debug, Clone)]
pub(crate) enum MacroStatement {
    Create { or_replace: bool, if_not_exists: bool, temporary: bool, name: ObjectName, definition: Box<Definition> },
    Drop { if_exists: bool, names: Vec<ObjectName> },
}

/// Parses one, if the parser stands before one. `FUNCTION` is another word for it.
pub(crate) fn parse(parser: &mut Parser<'_>) -> std::result::Result<Option<MacroStatement>, ParserError> {
    if !matches!(words::object(parser).as_deref(), Some("MACRO" | "FUNCTION")) {
        return Ok(None);
    }
    if parser.parse_keyword(Keyword::DROP) {
        parser.advance_token();
        // DROP MACRO TABLE t
        let _ = parser.parse_keyword(Keyword::TABLE);
        let if_exists = parser.parse_keywords(&[Keyword::IF, Keyword::EXISTS]);
        let names = parser.parse_comma_separated(|parser| parser.parse_object_name(false))?;
        return Ok(Some(MacroStatement::Drop { if_exists, names }));
    }
    parser.expect_keyword(Keyword::CREATE)?;
    let or_replace = parser.parse_keywords(&[Keyword::OR, Keyword::REPLACE]);
    let temporary = parser.parse_one_of_keywords(&[Keyword::TEMP, Keyword::TEMPORARY]).is_some();
    parser.advance_token();
    let if_not_exists = parser.parse_keywords(&[Keyword::IF, Keyword::NOT, Keyword::EXISTS]);
    let name = parser.parse_object_name(false)?;
    let definition = Box::new(Definition::parse(parser)?);
    Ok(Some(MacroStatement::Create { or_replace, if_not_exists, temporary, name, definition }))
}

/// Runs one inside a transaction.
pub(crate) fn carry_out(context: &Context, transaction: &mut Transaction, statement: MacroStatement) -> Result<Done> {
    match statement {
        MacroStatement::Create { temporary: true, .. } => {
            Err(unsupported("a temporary macro").with_hint("CREATE MACRO keeps it in the database; DROP MACRO drops it"))
        }
        MacroStatement::Create { or_replace, if_not_exists, temporary: false, name, definition } => {
            create(context, transaction, &name, &definition, or_replace, if_not_exists)
        }
        MacroStatement::Drop { if_exists, names } => {
            for name in names {
                match find(context, &transaction.snapshot(), &name) {
                    Ok((_, meta)) => transaction.drop_macro(meta.id)?,
                    Err(error) if if_exists && error.kind() == crate::error::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(Done::new("DROP MACRO"))
        }
    }
}

fn create(
    context: &Context,
    transaction: &mut Transaction,
    name: &ObjectName,
    definition: &Definition,
    or_replace: bool,
    if_not_exists: bool,
) -> Result<Done> {
    let done = Done::new("CREATE MACRO");
    definition.check()?;
    let snapshot = transaction.snapshot();
    let (schema, _) = lookup::schema_and_name(context, &snapshot, name)?;
    let schema_id = schemas::existing(transaction, &schema)?;
    let name = name_parts(name)?.pop().unwrap_or_default();
    // The old one is found in any case of letters, as calls find it.
    let names = snapshot.macros(&schema);
    let old = lookup::pick("macro", &name, names.iter().map(|meta| meta.name.as_str()))?;
    match old.and_then(|old| names.iter().find(|meta| meta.name == old)) {
        Some(_) if if_not_exists => return Ok(done),
        Some(old) if or_replace => transaction.drop_macro(old.id)?,
        Some(_) => {
            return Err(Error::already_exists(format!("macro '{schema}.{name}' exists already")).with_hint("write CREATE OR REPLACE MACRO"));
        }
        None => {}
    }
    transaction.create_macro(schema_id, &name, &as_written(&definition.to_string()), context.current_schema())?;
    // It must not call itself, not even through others.
    expand::check_recursion(&transaction.snapshot(), &schema, &name)?;
    Ok(done)
}

/// The macro that a name means, and its schema.
pub(crate) fn find(context: &Context, snapshot: &Snapshot, name: &ObjectName) -> Result<(String, Arc<MacroMeta>)> {
    let (schema, wanted) = lookup::schema_and_name(context, snapshot, name)?;
    let macros = snapshot.macros(&schema);
    let names = || macros.iter().map(|meta| meta.name.as_str());
    let found = lookup::pick("macro", &wanted, names())?.and_then(|name| macros.iter().find(|meta| meta.name == name));
    match found {
        Some(meta) => Ok((schema, Arc::clone(meta))),
        None => {
            let error = Error::not_found(format!("there is no macro '{schema}.{wanted}'"));
            Err(lookup::with_nearest(error, &wanted, names(), "SHOW MACROS lists those that there are"))
        }
    }
}
