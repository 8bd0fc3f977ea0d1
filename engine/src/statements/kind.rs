//! What kind of statement it is: what this program carries out itself, what DataFusion plans, what is refused.

use datafusion::sql::sqlparser::ast::{ObjectType, Statement};

use crate::error::{Error, Result};
use crate::statements::meaning::instead;
use crate::statements::meaning::refuse::unsupported;

/// Statements by who carries them out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Planned by DataFusion, returns rows, changes nothing.
    Query,
    /// Changes the database.
    Write,
    /// BEGIN, COMMIT, ROLLBACK.
    Transaction,
    /// Changes the session.
    Session,
}

/// Decides, or refuses with a message that names the statement.
pub(crate) fn of(statement: &Statement) -> Result<Kind> {
    let not_yet = |what: &str| Error::unsupported(format!("{what} is not supported yet"));
    Ok(match statement {
        Statement::Query(_) | Statement::Explain { .. } => Kind::Query,
        Statement::Insert(_) | Statement::CreateTable(_) | Statement::CreateView(_) | Statement::CreateSchema { .. } => Kind::Write,
        Statement::Drop { object_type: ObjectType::Table | ObjectType::View | ObjectType::Schema, .. } => Kind::Write,
        Statement::AlterTable(_) | Statement::AlterSchema(_) | Statement::Comment { .. } => Kind::Write,
        Statement::StartTransaction { .. } | Statement::Commit { .. } | Statement::Rollback { .. } => Kind::Transaction,
        Statement::Set(_) | Statement::Use(_) | Statement::Reset(_) => Kind::Session,
        Statement::Delete(delete) => return Err(not_yet("DELETE").with_hint(instead::of_delete(delete))),
        Statement::Update(update) => return Err(not_yet("UPDATE").with_hint(instead::of_update(update))),
        Statement::Merge(_) => return Err(not_yet("MERGE")),
        Statement::Truncate(truncate) => {
            return Err(not_yet("TRUNCATE").with_hint(instead::of_truncate(truncate)));
        }
        Statement::AlterView { .. } => {
            return Err(unsupported("ALTER VIEW ... AS").with_hint("CREATE OR REPLACE VIEW gives a view another query"));
        }
        Statement::Vacuum(_) => return Err(not_yet("VACUUM")),
        Statement::OptimizeTable { .. } => return Err(not_yet("OPTIMIZE")),
        Statement::Analyze(_) => return Err(not_yet("ANALYZE (statistics are kept up to date by every load)")),
        Statement::Savepoint { .. } | Statement::ReleaseSavepoint { .. } => return Err(not_yet("SAVEPOINT")),
        Statement::CreateIndex(_) => {
            return Err(unsupported("CREATE INDEX").with_hint("CREATE TABLE ... CLUSTER BY (column) sorts a table for quick search"));
        }
        Statement::CreateDatabase { .. } => {
            return Err(unsupported("CREATE DATABASE").with_hint("a database is a location: name it when you connect"));
        }
        Statement::Grant(_) | Statement::Revoke(_) | Statement::Deny(_) => {
            return Err(unsupported("GRANT and REVOKE").with_hint("who may read and write is a matter of the store's permissions"));
        }
        Statement::Copy { .. } | Statement::CopyIntoSnowflake { .. } => return Err(unsupported("this spelling of COPY")),
        other => return Err(unsupported(first_words(other))),
    })
}

/// The words that a statement starts with, as it is written: enough to know which one is meant.
fn first_words(statement: &Statement) -> String {
    let text = statement.to_string();
    let words: Vec<&str> =
        text.split_whitespace().take_while(|word| word.chars().all(|c| c.is_ascii_uppercase() || c == '_')).take(3).collect();
    match words.is_empty() {
        true => "this statement".to_owned(),
        false => words.join(" "),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;
    use crate::error::ErrorKind;
    use crate::statements::syntax::dialect::DIALECT;

    #[test]
    fn statements_that_nobody_carries_out_are_refused_by_name() {
        for (sql, name) in [
            ("DELETE FROM t WHERE x IN (SELECT 1)", "DELETE"),
            ("UPDATE t SET a = 1", "UPDATE"),
            ("MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DELETE", "MERGE"),
            ("TRUNCATE TABLE t", "TRUNCATE"),
            ("CREATE INDEX i ON t (a)", "CREATE INDEX"),
            ("GRANT SELECT ON t TO u", "GRANT"),
            ("DROP INDEX i", "DROP INDEX"),
            ("SAVEPOINT s", "SAVEPOINT"),
            ("VACUUM", "VACUUM"),
            ("ATTACH DATABASE 'x' AS y", "ATTACH DATABASE"),
            ("INSTALL httpfs", "INSTALL"),
            ("CREATE DATABASE d", "CREATE DATABASE"),
            ("KILL 5", "KILL"),
        ] {
            let statement = Parser::parse_sql(&DIALECT, sql).unwrap().remove(0);
            let error = of(&statement).expect_err(sql);
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{sql}");
            assert!(error.message().starts_with(name), "{sql}: {error}");
        }
    }
}
