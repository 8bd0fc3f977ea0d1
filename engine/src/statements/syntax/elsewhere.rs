//! Statements of other databases that have nothing to do here, and what to do about them.

use datafusion::sql::sqlparser::parser::Parser;

use super::words::word_at;
use crate::error::Error;
use crate::statements::meaning::refuse::unsupported;

/// Whether a statement that begins with a word is one of them; the parser stands before it.
pub(crate) fn is(parser: &Parser<'_>, word: &str) -> bool {
    let next = word_at(parser, 1);
    match word.to_ascii_uppercase().as_str() {
        "CHECKPOINT" => true,
        "INSTALL" | "LOAD" => next.as_deref() != Some("DATA"),
        "FORCE" => matches!(next.as_deref(), Some("CHECKPOINT" | "INSTALL")),
        _ => false,
    }
}

/// The error for one.
pub(crate) fn refused(parser: &Parser<'_>, word: &str) -> Error {
    let word = word.to_ascii_uppercase();
    match (word.as_str(), word_at(parser, 1).as_deref()) {
        ("CHECKPOINT", _) | (_, Some("CHECKPOINT")) => {
            unsupported("CHECKPOINT").with_hint("leave it out: what is committed is durable, and checkpoints are made in the background")
        }
        _ => unsupported(word)
            .with_hint("leave it out: S3, HTTP, Parquet, JSON, CSV and time zones are built in, and there are no extensions"),
    }
}
