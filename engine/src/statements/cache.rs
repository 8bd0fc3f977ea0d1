//! `CACHE TABLE` loads a table's columns into memory, `UNCACHE TABLE` drops them: Spark's spelling.

use datafusion::sql::sqlparser::ast::Statement;

use super::context::Context;
use super::unsupported;
use crate::error::{ErrorKind, Result};
use crate::scan::warm;
use crate::session::result::Done;

/// Carries out one of the two.
pub(crate) async fn carry_out(context: &Context, statement: Statement) -> Result<Done> {
    match statement {
        Statement::Cache { table_flag, table_name, has_as, options, query } => {
            if table_flag.is_some() || has_as || query.is_some() || !options.is_empty() {
                return Err(unsupported("CACHE TABLE with options or a query").with_hint("CACHE TABLE name loads a table"));
            }
            let table = context.table(&context.qualify(&table_name)?)?;
            let rows = warm::warm(table, context.database.caches()).await?;
            Ok(Done::with_rows("CACHE TABLE", rows))
        }
        Statement::UNCache { table_name, if_exists } => {
            match context.table(&context.qualify(&table_name)?) {
                Ok(table) => warm::forget(&table, context.database.caches()),
                Err(error) if if_exists && error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            Ok(Done::new("UNCACHE TABLE"))
        }
        other => Err(unsupported(other)),
    }
}
