//! `CACHE TABLE` loads a table's columns into memory, `CACHE PINNED TABLE` keeps them there, `UNCACHE TABLE` drops them. Spark's spelling, with columns as
//! `ANALYZE` and `VACUUM` take them elsewhere: `CACHE TABLE orders (o_orderdate, o_totalprice)`.

use datafusion::sql::sqlparser::ast::{Ident, ObjectName};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{IsOptional, Parser, ParserError};

use super::insert::listed_columns;
use crate::error::{ErrorKind, Result};
use crate::scan::warm::{self, Stay};
use crate::session::result::Done;
use crate::statements::context::Context;

/// One of the three.
#[derive(Debug, Clone)]
pub(crate) struct CacheStatement {
    table: ObjectName,
    /// Empty for all of them.
    columns: Vec<Ident>,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Load(Stay),
    Drop { if_exists: bool },
}

impl CacheStatement {
    /// The table that it names.
    pub(crate) fn table(&self) -> &ObjectName {
        &self.table
    }
}

/// Parses one; the parser stands before it.
pub(crate) fn parse(parser: &mut Parser<'_>) -> Result<CacheStatement, ParserError> {
    let what = match parser.parse_keyword(Keyword::UNCACHE) {
        true => {
            parser.expect_keyword(Keyword::TABLE)?;
            What::Drop { if_exists: parser.parse_keywords(&[Keyword::IF, Keyword::EXISTS]) }
        }
        false => {
            parser.expect_keyword(Keyword::CACHE)?;
            let stay = match parser.parse_keyword(Keyword::TABLE) {
                true => Stay::WhileUsed,
                false => {
                    let word = parser.parse_identifier()?;
                    if !word.value.eq_ignore_ascii_case("pinned") {
                        return Err(ParserError::ParserError(format!("expected TABLE or PINNED TABLE behind CACHE, found: {word}")));
                    }
                    parser.expect_keyword(Keyword::TABLE)?;
                    Stay::Pinned
                }
            };
            What::Load(stay)
        }
    };
    let table = parser.parse_object_name(false)?;
    let columns = parser.parse_parenthesized_column_list(IsOptional::Optional, false)?;
    Ok(CacheStatement { table, columns, what })
}

/// Carries it out.
pub(crate) async fn carry_out(context: &Context, statement: CacheStatement) -> Result<Done> {
    let caches = context.database.caches();
    let table = match (context.table(&context.qualify(&statement.table)?), statement.what) {
        (Err(error), What::Drop { if_exists: true }) if error.kind() == ErrorKind::NotFound => return Ok(Done::new("UNCACHE TABLE")),
        (table, _) => table?,
    };
    let names: Vec<_> = statement.columns.into_iter().map(|column| ObjectName::from(vec![column])).collect();
    let columns = listed_columns(table.meta(), &names)?;
    match statement.what {
        What::Load(stay) => Ok(Done::with_rows("CACHE TABLE", warm::warm(table, &columns, stay, caches).await?)),
        What::Drop { .. } => {
            warm::forget(&table, &columns, caches);
            Ok(Done::new("UNCACHE TABLE"))
        }
    }
}
