//! SET, RESET and USE: settings of one session.

use std::time::Duration;

use datafusion::sql::sqlparser::ast::{Expr, Ident, ObjectName, Set, Use, Value};

use super::refuse::unsupported;
use super::schemas::schema_name;
use crate::error::{Error, Result};
use crate::limits::{Limits, StatementLimits, duration_text, parse_duration, parse_size, size_text};
use crate::optimizer::PREFIX;

/// The name of the limit on a statement's time.
pub(crate) const STATEMENT_TIMEOUT: &str = "statement_timeout";

/// The name of the limit on a statement's memory.
pub(crate) const QUERY_MEMORY_LIMIT: &str = "query_memory_limit";

/// The name of the limit on the memory of all statements.
pub(crate) const MEMORY_LIMIT: &str = "memory_limit";

/// The name of the setting that takes rows from the cache of results.
pub(crate) const USE_CACHED_RESULT: &str = "use_cached_result";

/// A change of a session's settings.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Setting {
    /// Read the past: the snapshot of this number.
    Snapshot(Expr),
    /// Read the past: as of this time.
    Timestamp(Expr),
    /// Where names without a schema are looked up.
    Schema(String),
    /// How long a statement may run.
    StatementTimeout(Option<Duration>),
    /// How many bytes the operators of one statement may hold.
    QueryMemoryLimit(Option<usize>),
    /// How many bytes the operators of all statements may hold, those of other sessions included.
    MemoryLimit(Option<usize>),
    /// One of DataFusion's own.
    DataFusion(String, String),
}

/// What a SET changes.
pub(crate) fn from_set(set: Set) -> Result<Setting> {
    let (name, values) = match set {
        Set::SingleAssignment { scope: _, hivevar: false, variable, values } => (variable, values),
        Set::SetTimeZone { local: _, value } => return time_zone(&value),
        Set::SetTransaction { .. } => return Err(unsupported("SET TRANSACTION").with_hint("write BEGIN ISOLATION LEVEL ...")),
        other => return Err(unsupported(other)),
    };
    let value = match <[Expr; 1]>::try_from(values) {
        Ok([value]) => value,
        Err(_) => return Err(Error::invalid(format!("SET {name} takes one value"))),
    };
    let key = name.to_string().to_lowercase();
    match key.as_str() {
        "snapshot" => Ok(Setting::Snapshot(value)),
        "timestamp" => Ok(Setting::Timestamp(value)),
        "schema" | "search_path" => Ok(Setting::Schema(text(&value)?)),
        STATEMENT_TIMEOUT => Ok(Setting::StatementTimeout(parse_duration(&text(&value)?).map_err(|error| of(&key, error))?)),
        QUERY_MEMORY_LIMIT => Ok(Setting::QueryMemoryLimit(size(&key, &value)?)),
        MEMORY_LIMIT => Ok(Setting::MemoryLimit(size(&key, &value)?)),
        "timezone" | "time_zone" => time_zone(&value),
        _ => datafusion_setting(full_name(&key), text(&value)?),
    }
}

/// The name of a setting beside DataFusion's, which may be given without what such names begin with.
pub(crate) fn full_name(key: &str) -> String {
    match key {
        USE_CACHED_RESULT => format!("{PREFIX}.{key}"),
        other => other.to_owned(),
    }
}

/// The query that shows a limit, if the name is one's: `SHOW statement_timeout`.
pub(crate) fn shown(name: &[Ident], of_statement: &StatementLimits, of_all: &Limits) -> Option<String> {
    let [name] = name else { return None };
    let name = name.value.to_lowercase();
    let value = match name.as_str() {
        STATEMENT_TIMEOUT => of_statement.timeout.map(duration_text),
        QUERY_MEMORY_LIMIT => of_statement.memory.map(size_text),
        MEMORY_LIMIT => of_all.memory().map(size_text),
        _ => return None,
    };
    Some(format!("SELECT '{name}' AS name, '{}' AS value", value.as_deref().unwrap_or("0")))
}

/// A size that is a limit; 0 is none.
fn size(key: &str, value: &Expr) -> Result<Option<usize>> {
    let text = text(value)?;
    if text.trim() == "0" {
        return Ok(None);
    }
    let bytes = parse_size(&text).map_err(|error| of(key, error))?;
    Ok(Some(usize::try_from(bytes).unwrap_or(usize::MAX)))
}

fn of(key: &str, error: Error) -> Error {
    error.context(format!("the value of {key}"))
}

/// What a USE changes.
pub(crate) fn from_use(statement: Use) -> Result<Setting> {
    match statement {
        Use::Schema(name) | Use::Object(name) => Ok(Setting::Schema(schema_name(&name)?)),
        other => Err(unsupported(other)),
    }
}

/// Whether a setting of DataFusion's may be changed by a session.
pub(crate) fn check_datafusion_key(key: &str) -> Result<()> {
    let ours = key.strip_prefix(PREFIX).is_some_and(|rest| rest.starts_with('.'));
    if ours {
        return Ok(());
    }
    if !key.starts_with("datafusion.") {
        return Err(Error::not_found(format!("there is no setting '{key}'")).with_hint(
            "there are snapshot, timestamp, schema, statement_timeout, query_memory_limit and memory_limit, and those that SHOW ALL lists",
        ));
    }
    let fixed =
        key.starts_with("datafusion.runtime.") || key.starts_with("datafusion.catalog.") || key.starts_with("datafusion.sql_parser.");
    // With either of these DataFusion 55.2 gives wrong answers.
    let wrong = ["datafusion.optimizer.enable_aggregate_dynamic_filter_pushdown", "datafusion.execution.enable_file_stream_work_stealing"];
    match fixed || wrong.contains(&key) {
        true => Err(unsupported(format!("changing '{key}' in a session"))
            .with_hint("memory, threads and folders are options of opening the database")),
        false => Ok(()),
    }
}

fn datafusion_setting(key: String, value: String) -> Result<Setting> {
    check_datafusion_key(&key)?;
    Ok(Setting::DataFusion(key, value))
}

fn time_zone(value: &Expr) -> Result<Setting> {
    match text(value)?.to_uppercase().as_str() {
        "UTC" | "+00:00" | "GMT" | "Z" => Ok(Setting::DataFusion("datafusion.execution.time_zone".to_owned(), "UTC".to_owned())),
        _ => Err(unsupported("a time zone other than UTC").with_hint("write x AT TIME ZONE '...' to see another zone")),
    }
}

/// A value as text: a string, a number, a name, TRUE or FALSE.
fn text(value: &Expr) -> Result<String> {
    let wrong = || Error::invalid(format!("'{value}' is no value of a setting"));
    match value {
        Expr::Value(literal) => match &literal.value {
            Value::Boolean(value) => Ok(value.to_string()),
            Value::Number(digits, _) => Ok(digits.clone()),
            other => other.clone().into_string().ok_or_else(wrong),
        },
        Expr::Identifier(ident) => Ok(super::parse::normalized(ident)),
        Expr::CompoundIdentifier(parts) => Ok(ObjectName::from(parts.clone()).to_string()),
        Expr::UnaryOp { .. } => Ok(value.to_string()),
        _ => Err(wrong()),
    }
}
