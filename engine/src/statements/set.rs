//! SET, RESET and USE: which change of the session a statement means.

use std::time::Duration;

use datafusion::sql::sqlparser::ast::{ContextModifier, Expr, ObjectName, Set, Use, Value};

use super::settings::{self, Change, Definition, Scope};
use crate::error::{Error, Result};
use crate::optimizer::PREFIX;
use crate::statements::meaning::refuse::unsupported;

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
    /// Kept as it was said.
    Said(&'static str, String),
    /// It is so already.
    Nothing,
    /// As it was when the session began.
    Reset(String),
}

/// What a SET changes: several settings for `SET NAMES` and its like, one otherwise.
pub(crate) fn from_set(set: Set) -> Result<Setting> {
    let (scope, name, values) = match set {
        Set::SingleAssignment { scope, hivevar: false, variable, values } => (scope, variable, values),
        Set::SetTimeZone { local: false, value } => return ours("timezone", None, &[value]),
        Set::SetTimeZone { local: true, .. } => return Err(local()),
        Set::SetNames { charset_name, collation_name: None } => return of_text("client_encoding", &charset_name.value),
        Set::SetTransaction { .. } => return Err(unsupported("SET TRANSACTION").with_hint("write BEGIN ISOLATION LEVEL ...")),
        other => return Err(unsupported(other)),
    };
    ours(&name.to_string().to_lowercase(), scope, &values)
}

/// The change that a text means, as `PRAGMA` has one.
pub(crate) fn of_text(name: &str, value: &str) -> Result<Setting> {
    ours(name, None, &[Expr::Value(Value::SingleQuotedString(value.to_owned()).into())])
}

fn ours(key: &str, scope: Option<ContextModifier>, values: &[Expr]) -> Result<Setting> {
    if matches!(scope, Some(ContextModifier::Local)) {
        return Err(local());
    }
    let definition = settings::find(key).or_else(|| settings::find_mapped(key));
    check_scope(key, definition, scope.as_ref())?;
    let value = match (values, definition.map(|definition| definition.name)) {
        ([value], _) => value,
        // `SET datestyle = ISO, MDY`
        (_, Some(name @ "datestyle")) => {
            let parts = values.iter().map(text).collect::<Result<Vec<_>>>()?;
            return of_text(name, &parts.join(", "));
        }
        (_, Some("schema")) => {
            return Err(unsupported("a search path of several schemas").with_hint("name the one schema that most names are in"));
        }
        _ => return Err(Error::invalid(format!("SET {key} takes one value"))),
    };
    if matches!(value, Expr::Identifier(ident) if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("default")) {
        return Ok(Setting::Reset(key.to_owned()));
    }
    match definition {
        Some(Definition { name: "snapshot", .. }) => Ok(Setting::Snapshot(value.clone())),
        Some(Definition { change: Change::Expression, .. }) => Ok(Setting::Timestamp(value.clone())),
        Some(definition) => settings::change(definition, &text(value)?),
        None => Ok(Setting::DataFusion(key.to_owned(), text(value)?)),
    }
}

fn local() -> Error {
    unsupported("SET LOCAL").with_hint("SET holds until RESET, or the end of the session")
}

/// `SET GLOBAL` of what is a session's own would be believed to hold for all; and the other way round.
fn check_scope(key: &str, definition: Option<&Definition>, scope: Option<&ContextModifier>) -> Result<()> {
    let of = definition.map_or(Scope::Session, |definition| definition.scope);
    match (scope, of) {
        (Some(ContextModifier::Global), Scope::Session) => {
            Err(unsupported(format!("SET GLOBAL {key}")).with_hint(format!("it is a session's own: write SET {key} = ...")))
        }
        (Some(ContextModifier::Session), Scope::Database) => {
            Err(unsupported(format!("SET SESSION {key}")).with_hint(format!("it is the database's: write SET {key} = ...")))
        }
        _ => Ok(()),
    }
}

/// What a USE changes.
pub(crate) fn from_use(statement: Use) -> Result<Setting> {
    match statement {
        Use::Schema(name) | Use::Object(name) => Ok(Setting::Schema(name.to_string())),
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
        return Err(Error::not_found(format!("there is no setting '{key}'")));
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

/// A value as text: a string, a number, a name, TRUE or FALSE.
fn text(value: &Expr) -> Result<String> {
    let wrong = || Error::invalid(format!("'{value}' is no value of a setting"));
    match value {
        Expr::Value(literal) => match &literal.value {
            Value::Boolean(value) => Ok(value.to_string()),
            Value::Number(digits, _) => Ok(digits.clone()),
            other => other.clone().into_string().ok_or_else(wrong),
        },
        Expr::Identifier(ident) => Ok(ident.value.clone()),
        Expr::CompoundIdentifier(parts) => Ok(ObjectName::from(parts.clone()).to_string()),
        Expr::UnaryOp { .. } => Ok(value.to_string()),
        _ => Err(wrong()),
    }
}
