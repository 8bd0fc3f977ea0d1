//! EXPLAIN: of queries only, with options in words or in brackets.

use datafusion::sql::sqlparser::ast::{Expr, Statement, UtilityOption};

use super::refuse::unsupported;
use crate::error::{Error, Result};

/// Turns options in brackets into words, which is what DataFusion reads; refuses what it would leave unread.
pub(crate) fn normalized(statement: Statement) -> Result<Statement> {
    let Statement::Explain { describe_alias, mut analyze, mut verbose, query_plan, estimate, statement, format, options } = statement
    else {
        return Ok(statement);
    };
    if !matches!(*statement, Statement::Query(_)) {
        return Err(unsupported("EXPLAIN of anything but a query"));
    }
    if query_plan || estimate {
        return Err(unsupported("EXPLAIN QUERY PLAN and EXPLAIN ESTIMATE"));
    }
    if format.is_some() {
        // DataFusion 55.2 does not read the parser's formats.
        return Err(unsupported("FORMAT of EXPLAIN"));
    }
    for UtilityOption { name, arg } in options.unwrap_or_default() {
        match name.value.to_ascii_uppercase().as_str() {
            "ANALYZE" => analyze = switch(&name.value, arg.as_ref())?,
            "VERBOSE" => verbose = switch(&name.value, arg.as_ref())?,
            _ => return Err(unsupported(format!("the option {name} of EXPLAIN")).with_hint("there are ANALYZE and VERBOSE")),
        }
    }
    Ok(Statement::Explain { describe_alias, analyze, verbose, query_plan, estimate, statement, format, options: None })
}

fn switch(name: &str, argument: Option<&Expr>) -> Result<bool> {
    match argument.map(|argument| argument.to_string().to_ascii_lowercase()).as_deref() {
        None | Some("true" | "on" | "1") => Ok(true),
        Some("false" | "off" | "0") => Ok(false),
        Some(other) => Err(Error::invalid(format!("the option {name} is true or false, not {other}"))),
    }
}
