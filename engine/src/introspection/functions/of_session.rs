//! Functions of the session: its settings, its schema, who it is.

use super::super::cells::{Cell, Kind};
use super::super::{INFORMATION_SCHEMA, PG_CATALOG};
use super::{FunctionDefinition, text};
use crate::error::Result;
use crate::session::view::Asked;
use crate::settings::CATALOG;
use crate::statements::settings;

/// What a database's owner is called: there are no users.
pub(crate) const OWNER: &str = CATALOG;

/// The functions.
pub(super) static FUNCTIONS: &[FunctionDefinition] = &[
    constant("version", &[], |_, _| Ok(Cell::from(version()))),
    constant("current_schema", &[], |asked, _| Ok(Cell::from(asked.current_schema()))),
    constant("current_database", &["current_catalog"], |_, _| Ok(Cell::from(CATALOG))),
    constant("current_user", &["session_user", "user", "current_role"], |_, _| Ok(Cell::from(OWNER))),
    FunctionDefinition {
        name: "pg_backend_pid",
        aliases: &[],
        arguments: &[0],
        result: Kind::Int,
        strict: true,
        volatile: false,
        evaluate: |_, _| Ok(Cell::from(i64::from(std::process::id()))),
    },
    FunctionDefinition {
        name: "current_schemas",
        aliases: &[],
        arguments: &[1],
        result: Kind::Texts,
        strict: true,
        volatile: false,
        evaluate: current_schemas,
    },
    FunctionDefinition {
        name: "current_setting",
        aliases: &[],
        arguments: &[1, 2],
        result: Kind::Text,
        strict: true,
        volatile: false,
        evaluate: current_setting,
    },
];

const fn constant(
    name: &'static str,
    aliases: &'static [&'static str],
    evaluate: fn(&Asked<'_>, &[Cell]) -> Result<Cell>,
) -> FunctionDefinition {
    FunctionDefinition { name, aliases, arguments: &[0], result: Kind::Text, strict: true, volatile: false, evaluate }
}

/// The name and version of this program.
pub(crate) fn version() -> String {
    format!("CloudDB {}", env!("CARGO_PKG_VERSION"))
}

/// The schemas in which names are looked up; with `true` also those that need not be named.
fn current_schemas(asked: &Asked<'_>, arguments: &[Cell]) -> Result<Cell> {
    let mut schemas = vec![asked.current_schema().to_owned()];
    if arguments.first() == Some(&Cell::Flag(true)) {
        schemas.extend([PG_CATALOG.to_owned(), INFORMATION_SCHEMA.to_owned()]);
        schemas.truncate(2);
    }
    Ok(Cell::Texts(schemas))
}

/// With a second argument that is true, a setting that is not there is NULL.
fn current_setting(asked: &Asked<'_>, arguments: &[Cell]) -> Result<Cell> {
    let name = arguments.first().and_then(text).unwrap_or_default();
    match settings::value(asked, name) {
        Ok(value) => Ok(Cell::from(value)),
        Err(_) if arguments.get(1) == Some(&Cell::Flag(true)) => Ok(Cell::Null),
        Err(error) => Err(error),
    }
}
