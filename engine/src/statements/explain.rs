//! EXPLAIN: of queries only, with options in words or in brackets.

use datafusion::sql::sqlparser::ast::{AnalyzeFormat, AnalyzeFormatKind, Expr, Statement, UtilityOption};

use crate::error::{Error, Result};
use crate::explain::{Format, Wish};
use crate::statements::meaning::refuse::unsupported;

/// What an EXPLAIN asks for, and what is to be planned: its query; or, where DataFusion's own lines are wanted, an EXPLAIN as DataFusion reads it.
pub(crate) fn understood(statement: Statement) -> Result<(Wish, Statement)> {
    let Statement::Explain { describe_alias, mut analyze, mut verbose, query_plan, estimate, statement, format, options } = statement
    else {
        return Err(Error::internal("a statement is explained that is no EXPLAIN"));
    };
    if !matches!(*statement, Statement::Query(_)) {
        return Err(unsupported("EXPLAIN of anything but a query"));
    }
    if query_plan || estimate {
        return Err(unsupported("EXPLAIN QUERY PLAN and EXPLAIN ESTIMATE"));
    }
    let mut wanted = format.map(|format| of_words(&format)).transpose()?;
    for UtilityOption { name, arg } in options.unwrap_or_default() {
        match name.value.to_ascii_uppercase().as_str() {
            "ANALYZE" => analyze = switch(&name.value, arg.as_ref())?,
            "VERBOSE" => verbose = switch(&name.value, arg.as_ref())?,
            "FORMAT" => wanted = Some(named(&arg.map(|arg| arg.to_string()).unwrap_or_default())?),
            _ => return Err(unsupported(format!("the option {name} of EXPLAIN")).with_hint("there are ANALYZE, VERBOSE and FORMAT")),
        }
    }
    // VERBOSE is for those who know the names of what is inside.
    let format = wanted.unwrap_or(if verbose { Format::Indent } else { Format::Text });
    let wish = Wish { analyze, format };
    match format {
        Format::Indent => {
            let explain =
                Statement::Explain { describe_alias, analyze, verbose, query_plan, estimate, statement, format: None, options: None };
            Ok((wish, explain))
        }
        Format::Text | Format::Json if verbose => {
            Err(unsupported("VERBOSE with a FORMAT of its own").with_hint("VERBOSE alone, or FORMAT indent, shows what is inside"))
        }
        Format::Text | Format::Json => Ok((wish, *statement)),
    }
}

fn of_words(format: &AnalyzeFormatKind) -> Result<Format> {
    let (AnalyzeFormatKind::Keyword(format) | AnalyzeFormatKind::Assignment(format)) = format;
    match format {
        AnalyzeFormat::TEXT | AnalyzeFormat::TREE => Ok(Format::Text),
        AnalyzeFormat::JSON => Ok(Format::Json),
        other => named(&other.to_string()),
    }
}

fn named(name: &str) -> Result<Format> {
    match name.trim_matches('\'').to_ascii_lowercase().as_str() {
        "text" | "tree" => Ok(Format::Text),
        "json" => Ok(Format::Json),
        "indent" => Ok(Format::Indent),
        other => Err(unsupported(format!("EXPLAIN's FORMAT {other}")).with_hint("there are text, json and indent")),
    }
}

fn switch(name: &str, argument: Option<&Expr>) -> Result<bool> {
    match argument.map(|argument| argument.to_string().to_ascii_lowercase()).as_deref() {
        None | Some("true" | "on" | "1") => Ok(true),
        Some("false" | "off" | "0") => Ok(false),
        Some(other) => Err(Error::invalid(format!("the option {name} is true or false, not {other}"))),
    }
}
