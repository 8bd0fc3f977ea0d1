//! Errors on their way between storage, DataFusion and people.
//!
//! The crate's error is storage's: a kind that says what the caller can do, a message, a hint. Inside a DataFusion plan it travels as
//! `DataFusionError::External`; here is the one place that wraps and unwraps it, and that turns DataFusion's own errors into words for people.

mod wording;

use datafusion::common::{DataFusionError, SchemaError};

pub use clouddb_storage::{Error, ErrorKind, Position, Result};

use crate::nearest::shortened;
use crate::types::in_messages::with_sql_names;

/// What stands before the hint in the text of an error that must be one of DataFusion's: operators spill where they see its kind.
pub(crate) const HINT: &str = "\nhint: ";

/// What DataFusion puts behind an error about a function's arguments: types and signatures of its own.
const CANDIDATES: &str = "No function matches the given name and argument types '";

/// Whether memory that was accounted for was not enough: the same plan with other operators may do.
pub(crate) fn is_out_of_memory(error: &DataFusionError) -> bool {
    find_ours(error).is_none() && matches!(innermost(error), DataFusionError::ResourcesExhausted(_))
}

/// Wraps an error of ours for its way through DataFusion.
pub(crate) fn to_datafusion(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// An error of ours about a function's arguments, on its way through DataFusion's planner, which makes a text of it.
pub(crate) fn while_planning(error: Error) -> DataFusionError {
    let hint = error.hint().map(|hint| format!("{HINT}{hint}")).unwrap_or_default();
    DataFusionError::Plan(format!("{}{hint}", error.message()))
}

/// The error that a person sees for an error of DataFusion's: one of ours comes out as it went in, anywhere in the chain; others get a kind, and
/// lose the prefixes that speak of DataFusion's insides.
pub fn from_datafusion(error: DataFusionError) -> Error {
    if let Some(ours) = find_ours(&error) {
        return in_words(ours);
    }
    let root = innermost(&error);
    let message = with_sql_names(&message_of(root));
    if let Some(name) = unknown_function(&message) {
        return crate::functions::no_function(name).with_source(error);
    }
    if let Some((before, candidates)) = message.split_once(CANDIDATES)
        && !before.contains(HINT)
    {
        let name = candidates.split('(').next().unwrap_or_default();
        let call = candidates.split_once("'.").map_or(candidates, |(call, _)| call);
        return crate::functions::wrong_arguments(name, &with_sql_names(call)).with_source(error);
    }
    if let Some((message, hint)) = wording::reworded(&message) {
        return Error::new(kind_of(root), message).with_hint(hint).with_source(error);
    }
    let kind = kind_of(root);
    let made = match message.split_once(HINT) {
        Some((message, hint)) if hint.contains(CANDIDATES) => {
            Error::new(kind, message).with_hint(hint.split(CANDIDATES).next().unwrap_or(hint).trim_end_matches([' ', '.']))
        }
        Some((message, hint)) => Error::new(kind, message).with_hint(hint),
        None if kind == ErrorKind::Limit => {
            Error::new(kind, message).with_hint("raise memory_limit or query_memory_limit, or let the statement work on less at once")
        }
        None => Error::new(kind, message),
    };
    made.with_source(error)
}

/// An error of ours as it is, unless it only hands on what Arrow says.
fn in_words(ours: Error) -> Error {
    let message = with_sql_names(&without_prefixes(ours.message()));
    match wording::reworded(&message) {
        Some((message, hint)) if ours.hint().is_none() => Error::new(ours.kind(), message).with_hint(hint).with_source(ours),
        _ => ours,
    }
}

/// One of our errors, wherever in the chain it is.
fn find_ours(error: &(dyn std::error::Error + 'static)) -> Option<Error> {
    if let Some(ours) = error.downcast_ref::<Error>() {
        return Some(ours.clone());
    }
    // Shared errors hide what they hold behind an `Arc`, and a collection answers with its first error only.
    if let Some(error) = error.downcast_ref::<DataFusionError>() {
        match error {
            DataFusionError::Shared(inner) => return find_ours(inner.as_ref()),
            DataFusionError::External(inner) => return find_ours(inner.as_ref()),
            DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => return find_ours(inner.as_ref()),
            DataFusionError::Collection(errors) => return errors.iter().find_map(|error| find_ours(error)),
            DataFusionError::ArrowError(inner, _) => return find_ours(inner.as_ref()),
            DataFusionError::ParquetError(inner) => return find_ours(inner.as_ref()),
            _ => {}
        }
    }
    if let Some(arrow::error::ArrowError::ExternalError(inner)) = error.downcast_ref::<arrow::error::ArrowError>() {
        return find_ours(inner.as_ref());
    }
    error.source().and_then(find_ours)
}

/// The error that started it: through contexts, diagnostics, sharing and Arrow's wrapping.
fn innermost(error: &DataFusionError) -> &DataFusionError {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => innermost(inner),
        DataFusionError::Shared(inner) => innermost(inner),
        DataFusionError::Collection(errors) => errors.first().map_or(error, innermost),
        DataFusionError::External(inner) => inner.downcast_ref::<DataFusionError>().map_or(error, innermost),
        DataFusionError::ArrowError(inner, _) => match inner.as_ref() {
            arrow::error::ArrowError::ExternalError(inner) => inner.downcast_ref::<DataFusionError>().map_or(error, innermost),
            _ => error,
        },
        _ => error,
    }
}

fn kind_of(error: &DataFusionError) -> ErrorKind {
    match error {
        DataFusionError::NotImplemented(_) => ErrorKind::Unsupported,
        DataFusionError::ResourcesExhausted(_) => ErrorKind::Limit,
        DataFusionError::Internal(_) => ErrorKind::Internal,
        DataFusionError::IoError(_) => ErrorKind::Unavailable,
        DataFusionError::ObjectStore(inner) => match inner.as_ref() {
            object_store::Error::NotFound { .. } => ErrorKind::NotFound,
            object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => ErrorKind::PermissionDenied,
            _ => ErrorKind::Unavailable,
        },
        DataFusionError::SchemaError(..) => ErrorKind::Invalid,
        DataFusionError::Plan(message) if message.starts_with("table '") && message.ends_with("not found") => ErrorKind::NotFound,
        _ => ErrorKind::Invalid,
    }
}

fn message_of(error: &DataFusionError) -> String {
    let text = match error {
        DataFusionError::SchemaError(inner, _) => match inner.as_ref() {
            SchemaError::FieldNotFound { field, valid_fields } => {
                let names: Vec<String> = valid_fields.iter().map(|field| format!("'{}'", field.flat_name())).collect();
                return match names.is_empty() {
                    true => format!("there is no column '{}'", field.flat_name()),
                    false => format!("there is no column '{}'; there are {}", field.flat_name(), shortened(&names)),
                };
            }
            other => other.to_string(),
        },
        DataFusionError::SQL(inner, _) => match inner.as_ref() {
            datafusion::sql::sqlparser::parser::ParserError::ParserError(message) => format!("syntax error: {message}"),
            datafusion::sql::sqlparser::parser::ParserError::TokenizerError(message) => format!("syntax error: {message}"),
            datafusion::sql::sqlparser::parser::ParserError::RecursionLimitExceeded => "the statement is nested too deeply".to_owned(),
        },
        DataFusionError::ArrowError(inner, _) => inner.to_string(),
        DataFusionError::ParquetError(inner) => inner.to_string(),
        DataFusionError::ObjectStore(inner) => inner.to_string(),
        DataFusionError::External(inner) => inner.to_string(),
        DataFusionError::Plan(message)
        | DataFusionError::NotImplemented(message)
        | DataFusionError::Execution(message)
        | DataFusionError::Configuration(message)
        | DataFusionError::ResourcesExhausted(message)
        | DataFusionError::Internal(message) => message.clone(),
        other => other.strip_backtrace(),
    };
    without_prefixes(&text)
}

/// The name of a function that there is not, which DataFusion's planner says in two ways.
fn unknown_function(message: &str) -> Option<&str> {
    let rest = message.strip_prefix("Invalid function '").and_then(|rest| rest.split_once('\'').map(|(name, _)| name));
    rest.or_else(|| message.strip_prefix("There is no window function named "))
}

/// Takes off the names that libraries put before their messages, and stack traces behind them.
fn without_prefixes(text: &str) -> String {
    const PREFIXES: [&str; 14] = [
        "External error: ",
        "Arrow error: ",
        "Parquet error: ",
        "Error during planning: ",
        "Execution error: ",
        "Schema error: ",
        "Cast error: ",
        "Invalid argument error: ",
        "Compute error: ",
        "Parser error: ",
        "Csv error: ",
        "Json error: ",
        "This feature is not implemented: ",
        "Optimizer rule failed: ",
    ];
    let mut text = text.split("\n\nbacktrace: ").next().unwrap_or(text).trim();
    loop {
        if let Some(rest) = PREFIXES.iter().find_map(|prefix| text.strip_prefix(prefix)) {
            text = rest;
            continue;
        }
        // What a function of ours says of its arguments.
        match text.split_once("' user-defined coercion failed with: ") {
            Some((before, rest)) if before.starts_with("Function '") => text = rest,
            _ => break,
        }
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn ours_comes_back_from_anywhere() {
        let ours = || Error::corrupt("segment 7 is damaged").with_hint("restore it");
        let nested = to_datafusion(ours()).context("while scanning");
        let shared = DataFusionError::Shared(Arc::new(to_datafusion(ours())));
        let arrow = DataFusionError::ArrowError(Box::new(arrow::error::ArrowError::ExternalError(Box::new(shared))), None);
        for error in [to_datafusion(ours()), nested, arrow] {
            let back = from_datafusion(error);
            assert_eq!(back.kind(), ErrorKind::Corrupt);
            assert_eq!(back.message(), "segment 7 is damaged");
            assert_eq!(back.hint(), Some("restore it"));
        }
    }

    #[test]
    fn messages_say_what_to_do() {
        let plan = |message: &str| from_datafusion(DataFusionError::Plan(message.to_owned()));
        let grouped = plan(
            "Column in SELECT must be in GROUP BY or an aggregate function: While expanding wildcard, column \"t.a\" must appear in the GROUP BY clause or must be part",
        );
        assert_eq!(grouped.message(), "the column 't.a' must be in GROUP BY, or within an aggregate");
        assert!(grouped.hint().is_some_and(|hint| hint.contains("any_value(a)")));
        for (message, expected, hint) in [
            (
                "Cannot cast string '2024-13-01' to value of Date32 type",
                "'2024-13-01' is no DATE: there is no month 13",
                "a date is written '2024-01-31'",
            ),
            ("Error parsing timestamp from 'yesterday': error parsing date", "'yesterday' is no TIMESTAMP", "a timestamp is written '2024"),
        ] {
            let error = plan(message);
            assert_eq!(error.message(), expected);
            assert!(error.hint().is_some_and(|found| found.starts_with(hint)));
        }
        let sum = plan("Cannot coerce arithmetic expression Utf8View + Int64 to valid types");
        assert_eq!(sum.message(), "there is no VARCHAR + BIGINT");
    }

    #[test]
    fn people_see_no_insides() {
        let plan = DataFusionError::Plan("something is off".to_owned()).context("type_coercion");
        assert_eq!(from_datafusion(plan).message(), "something is off");
        let cast =
            DataFusionError::ArrowError(Box::new(arrow::error::ArrowError::CastError("Can't cast value 300 to type Int8".into())), None);
        assert_eq!(from_datafusion(cast).message(), "300 is out of the range of TINYINT");
        let limit = DataFusionError::ResourcesExhausted("no memory".to_owned());
        assert_eq!(from_datafusion(limit).kind(), ErrorKind::Limit);
    }
}
