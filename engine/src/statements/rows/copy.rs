//! COPY: loads files into a table, and writes tables or queries into files.

use crate::statements::syntax::parse;
use std::ops::ControlFlow;

use arrow::datatypes::{DataType, Schema};
use clouddb_storage::Transaction;
use clouddb_storage::catalog::TableMeta;
use datafusion::common::{Column, ScalarValue};
use datafusion::datasource::provider_as_source;
use datafusion::functions::expr_fn::coalesce;
use datafusion::logical_expr::{Expr as LogicalExpr, LogicalPlan, LogicalPlanBuilder, cast, lit};
use datafusion::sql::sqlparser::ast::{Ident, ObjectName, Query, Visit, Visitor};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::insert::{column_names, listed_columns, write_rows};
use crate::error::{Error, Result, from_datafusion};
use crate::files::streams::{self, Copied};
use crate::files::{self, Columns, FileFormat, Given, NULL_FOLDER, Options, Place, Use};
use crate::semantics::session_zone;
use crate::session::result::Done;
use crate::statements::context::Context;
use crate::statements::meaning::refuse::unsupported;
use crate::statements::syntax::copy_options;
use crate::types;

/// `COPY ... FROM` or `COPY ... TO`.
#[derive(Debug, Clone)]
pub(crate) struct CopyStatement {
    subject: Subject,
    to: bool,
    path: String,
    options: Vec<(String, Given)>,
}

#[derive(Debug, Clone)]
enum Subject {
    Table { name: ObjectName, columns: Vec<Ident> },
    Query(Box<Query>),
}

impl CopyStatement {
    /// Whether it writes files.
    pub(crate) fn to_files(&self) -> bool {
        self.to
    }

    /// The table that it loads.
    pub(crate) fn target(&mut self) -> Option<&mut ObjectName> {
        match &mut self.subject {
            Subject::Table { name, .. } if !self.to => Some(name),
            Subject::Table { .. } | Subject::Query(_) => None,
        }
    }

    /// Visits the tables that it names.
    pub(crate) fn visit_relations<V: Visitor>(&self, visitor: &mut V) -> ControlFlow<V::Break> {
        match &self.subject {
            Subject::Table { name, .. } => visitor.pre_visit_relation(name),
            Subject::Query(query) => query.visit(visitor),
        }
    }

    /// `COPY name TO 'path'`.
    pub(crate) fn table_to(name: ObjectName, path: String, options: Vec<(String, Given)>) -> Self {
        Self { subject: Subject::Table { name, columns: vec![] }, to: true, path, options }
    }

    /// The same with another path.
    pub(crate) fn with_path(self, path: String) -> Self {
        Self { path, ..self }
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    fn options(&self) -> Result<Options> {
        let mut options = Options::default();
        let (whose, uses) = self.uses();
        for (name, given) in &self.options {
            options.set(whose, uses, name, given.clone())?;
        }
        options.check(whose, uses)?;
        // A stream has no name that tells.
        if options.format.is_none() && streams::is_own(&self.path) {
            options.format = Some(FileFormat::Csv);
        }
        Ok(options)
    }

    fn uses(&self) -> (&'static str, Use) {
        match self.to {
            true => ("COPY ... TO", Use::WRITE),
            false => ("COPY ... FROM", Use::READ),
        }
    }
}

/// Parses `COPY`; the parser stands before it.
pub(crate) fn parse(parser: &mut Parser<'_>) -> Result<CopyStatement, ParserError> {
    parser.expect_keyword(Keyword::COPY)?;
    let subject = match parser.consume_token(&Token::LParen) {
        true => {
            let query = parser.parse_query()?;
            parser.expect_token(&Token::RParen)?;
            Subject::Query(query)
        }
        false => {
            let name = parser.parse_object_name(false)?;
            let columns = match parser.consume_token(&Token::LParen) {
                true => {
                    let columns = parser.parse_comma_separated(Parser::parse_identifier)?;
                    parser.expect_token(&Token::RParen)?;
                    columns
                }
                false => vec![],
            };
            Subject::Table { name, columns }
        }
    };
    let to = match parser.expect_one_of_keywords(&[Keyword::FROM, Keyword::TO])? {
        Keyword::TO => true,
        _ if matches!(subject, Subject::Query(_)) => return Err(error("COPY (query) is followed by TO")),
        _ => false,
    };
    let path = match parser.parse_one_of_keywords(&[Keyword::STDIN, Keyword::STDOUT, Keyword::PROGRAM]) {
        None => parser.parse_literal_string()?,
        Some(Keyword::STDIN) if !to => streams::INPUT.to_owned(),
        Some(Keyword::STDOUT) if to => streams::OUTPUT.to_owned(),
        Some(Keyword::PROGRAM) => return Err(error("COPY runs no programs: a shell's pipe does, as in clouddb -c \"COPY t FROM STDIN\"")),
        Some(_) => return Err(error("COPY reads FROM STDIN and writes TO STDOUT")),
    };
    let options = copy_options::parse(parser)?;
    Ok(CopyStatement { subject, to, path, options })
}

fn error(message: &str) -> ParserError {
    ParserError::ParserError(message.to_owned())
}

/// Loads files into a table, inside a transaction.
pub(crate) async fn from_files(context: &Context, transaction: &mut Transaction, copy: CopyStatement) -> Result<Done> {
    let options = copy.options()?;
    let Subject::Table { name, columns } = &copy.subject else { return Err(Error::internal("COPY FROM has a table")) };
    let target = context.table(&context.qualify(name)?)?;
    let listed = columns.iter().map(|column| ObjectName::from(vec![column.clone()])).collect::<Vec<_>>();
    let listed = listed_columns(target.meta(), &listed)?;
    // A moment without an offset is read in the session's zone, which the type tells the readers.
    let zone = session_zone::of(context.state.config_options()).unwrap_or(types::ZONE);
    let given = listed.iter().map(|at| {
        let field = target.meta().columns[*at].field().as_ref().clone();
        let data_type = session_zone::shown_in(zone, field.data_type());
        field.with_data_type(data_type)
    });
    let given = Schema::new(given.collect::<Vec<_>>());
    let paths = std::slice::from_ref(&copy.path);
    let table = files::table(context, "COPY ... FROM", paths, &options, Columns::Given(given.into())).await?;
    let positions = by_name(table.schema().fields().iter().map(|field| field.name().as_str()), target.meta(), &listed)?;
    // `positions[i]` is the table's column for the file's column `i`; turned around for the writer.
    let mut from: Vec<Option<usize>> = vec![None; target.meta().columns.len()];
    positions.iter().enumerate().for_each(|(file, table)| from[*table] = Some(file));
    let plan =
        LogicalPlanBuilder::scan("file", provider_as_source(table), None).and_then(LogicalPlanBuilder::build).map_err(from_datafusion)?;
    let rows = write_rows(context, transaction, &target, plan, from).await.map_err(|error| match error.message().contains("file '") {
        // Readers of text name the file themselves.
        true => error,
        false => error.context(format!("loading '{}'", copy.path)),
    })?;
    Ok(Done::with_rows("COPY", rows))
}

/// The table's column for each of a file's columns: the same name, or else the one that differs in case only.
fn by_name<'a>(names: impl Iterator<Item = &'a str>, table: &TableMeta, listed: &[usize]) -> Result<Vec<usize>> {
    let mut taken = Vec::new();
    let position = |name: &str| {
        let same = |exact: bool| {
            listed.iter().copied().find(|at| {
                let column = table.columns[*at].name();
                if exact { column == name } else { column.eq_ignore_ascii_case(name) }
            })
        };
        same(true).or_else(|| same(false))
    };
    names
        .map(|name| {
            let at = position(name).ok_or_else(|| {
                Error::invalid(format!("the file has a column '{name}', and table '{}' has none to put it into", table.name)).with_hint(
                    format!(
                        "the table's columns are {}; INSERT INTO {} SELECT ... FROM 'file' chooses and renames columns",
                        column_names(table),
                        table.name
                    ),
                )
            })?;
            if taken.contains(&at) {
                return Err(Error::invalid(format!("the file has two columns for column '{}' of the table", table.columns[at].name())));
            }
            taken.push(at);
            Ok(at)
        })
        .collect()
}

/// Writes a table or a query into files.
pub(crate) async fn to_files(context: &Context, copy: CopyStatement) -> Result<Done> {
    let options = copy.options()?;
    let format = options.format.or_else(|| FileFormat::from_path(&copy.path)).ok_or_else(|| {
        Error::invalid(format!("the name '{}' does not tell the format", copy.path))
            .with_hint("COPY ... TO '...' (FORMAT parquet) names it")
    })?;
    options.check("COPY ... TO", Use::writing(format))?;
    let (copied, mut place) = match streams::is_stream(&copy.path) {
        true if options.write.folder || !options.write.partition_by.is_empty() => {
            return Err(Error::invalid(format!("'{}' takes one file, not a folder of them", copy.path)));
        }
        true => {
            let (copied, place) = Copied::new(&context.state, &copy.path).await?;
            (Some(copied), place)
        }
        false => {
            let path = streams::behind_link(&copy.path);
            let place = Place::of(&context.state, context.database.store_options(), &path).await?;
            (None, place.written_as(&copy.path))
        }
    };
    let query = match copy.subject {
        Subject::Query(query) => query,
        Subject::Table { name, columns } => select(&name, &columns)?,
    };
    let mut plan = context.plan_query(query).await?;
    let folders = match options.write.partition_by.as_slice() {
        [] if options.write.folder => {
            place = place.into_folder();
            vec![]
        }
        [] => {
            place.check_file()?;
            place.check_folder()?;
            vec![]
        }
        names => {
            place = place.into_folder();
            let folders = folder_columns(&plan, names)?;
            plan = with_folder_names(plan, &folders)?;
            folders
        }
    };
    let physical = context.physical(&plan).await?;
    let rows = files::write(context, &place, format, &options, physical, folders).await?;
    if let Some(copied) = copied {
        copied.copy().await?;
    }
    Ok(Done::with_rows("COPY", rows))
}

/// The columns whose values become folders, as the query calls them.
fn folder_columns(plan: &LogicalPlan, names: &[String]) -> Result<Vec<String>> {
    let fields = plan.schema().fields();
    let mut folders: Vec<String> = Vec::new();
    for name in names {
        let exact = fields.iter().find(|field| field.name() == name);
        let field = exact.or_else(|| fields.iter().find(|field| field.name().eq_ignore_ascii_case(name)));
        let field = field.ok_or_else(|| Error::not_found(format!("there is no column '{name}' to partition by")))?;
        if field.data_type().is_nested() || matches!(field.data_type(), DataType::BinaryView | DataType::Binary | DataType::LargeBinary) {
            return Err(unsupported(format!("PARTITION_BY column '{name}' of type {}", types::sql_name(field))));
        }
        if folders.contains(field.name()) {
            return Err(Error::invalid(format!("column '{name}' is named twice in PARTITION_BY")));
        }
        folders.push(field.name().clone());
    }
    match folders.len() == fields.len() {
        true => Err(Error::invalid("PARTITION_BY names all columns: there is nothing left for the files to hold")),
        false => Ok(folders),
    }
}

/// A plan with the text of folders in place of some columns' values. NULL has a name of its own, which DataFusion's writer does not know.
fn with_folder_names(plan: LogicalPlan, folders: &[String]) -> Result<LogicalPlan> {
    let outputs: Vec<LogicalExpr> = plan
        .schema()
        .iter()
        .map(|(qualifier, field)| {
            let column = LogicalExpr::Column(Column::new(qualifier.cloned(), field.name()));
            match folders.contains(field.name()) {
                true => {
                    let text = cast(column, DataType::Utf8View);
                    coalesce(vec![text, lit(ScalarValue::Utf8View(Some(NULL_FOLDER.to_owned())))]).alias(field.name())
                }
                false => column,
            }
        })
        .collect();
    LogicalPlanBuilder::from(plan).project(outputs).and_then(LogicalPlanBuilder::build).map_err(from_datafusion)
}

fn select(name: &ObjectName, columns: &[Ident]) -> Result<Box<Query>> {
    let list = match columns.is_empty() {
        true => "*".to_owned(),
        false => columns.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    parse::parse_query(&format!("SELECT {list} FROM {name}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::statements::syntax::parse::{self, Parsed};

    fn copy(sql: &str) -> Result<CopyStatement> {
        match parse::parse_statement(&parse::parse(sql)?.remove(0))? {
            Parsed::Copy(copy) => Ok(*copy),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn options_are_read_in_all_spellings() {
        let parsed = copy("COPY t (a, \"B\") FROM 'x.csv' WITH (FORMAT csv, HEADER, DELIMITER ';', NULL 'NA', quote '''')").unwrap();
        assert!(!parsed.to_files());
        let options = parsed.options().unwrap();
        assert_eq!(options.format, Some(FileFormat::Csv));
        assert_eq!((options.csv.header, options.csv.delimiter, options.csv.quote), (Some(true), Some(b';'), Some(Some(b'\''))));
        assert_eq!(options.csv.null, Some(vec!["NA".to_owned()]));
        let partitioned = copy("COPY t TO 'x' (HEADER false, DELIM E'\\t', partition_by (a, b))").unwrap().options().unwrap();
        assert_eq!((partitioned.csv.delimiter, partitioned.write.partition_by), (Some(b'\t'), vec!["a".to_owned(), "b".to_owned()]));
        let old = copy("COPY t FROM 'x' WITH CSV HEADER DELIMITER AS ';' NULL 'NA' FORCE NOT NULL a, b").unwrap().options().unwrap();
        assert_eq!((old.format, old.csv.header, old.csv.delimiter), (Some(FileFormat::Csv), Some(true), Some(b';')));
        assert_eq!(old.csv.force_not_null, ["a", "b"]);
        let quoted = copy("COPY t TO 'x' CSV FORCE QUOTE *").unwrap().options().unwrap();
        assert_eq!(quoted.write.force_quote, crate::files::ForceQuote::All);
        let typed = copy("COPY t FROM 'x' (types {'a': 'INTEGER'}, nullstr ['-', 'NA'], sample_size -1)").unwrap().options().unwrap();
        assert_eq!((typed.read.named_types.len(), typed.csv.null.unwrap().len(), typed.read.sample_rows), (1, 2, Some(None)));
    }

    #[test]
    fn mistakes_are_told() {
        for sql in [
            "COPY t FROM STDOUT",
            "COPY t TO PROGRAM 'x'",
            "COPY t FROM 'x' CSV BINARY",
            "COPY t FROM 'x' (PARTITION_BY (a))",
            "COPY t TO 'x' (SKIP 1)",
            "COPY (SELECT 1) FROM 'x'",
            "COPY t FROM 'x' (FORMAT xlsx)",
            "COPY t FROM 'x' (HEADER maybe)",
            "COPY t FROM 'x' (DELIMITER 'ab')",
            "COPY t FROM 'x' (FREEZE)",
            "COPY t FROM 'x' (ENCODING 'nosuch')",
        ] {
            assert!(copy(sql).and_then(|copy| copy.options().map(|_| ())).is_err(), "{sql}");
        }
    }
}
