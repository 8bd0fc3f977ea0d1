//! COPY: loads files into a table, and writes tables or queries into files.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Field, Schema, UInt64Type};
use clouddb_storage::Transaction;
use clouddb_storage::catalog::TableMeta;
use datafusion::catalog::TableProvider;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::collect;
use datafusion::sql::parser::{CopyToSource, CopyToStatement, Statement as DataFusionStatement};
use datafusion::sql::sqlparser::ast::{Ident, ObjectName, Query, Statement, Value, Visit, Visitor};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::context::Context;
use super::insert::{column_names, listed_columns, write_rows};
use super::refuse::unsupported;
use super::rewrite;
use super::types;
use crate::error::{Error, Result, from_datafusion};
use crate::files::{self, Columns, Compression, Csv, FileFormat, Files, Options};
use crate::session::result::Done;

/// `COPY ... FROM` or `COPY ... TO`.
#[derive(Debug, Clone)]
pub(crate) struct CopyStatement {
    subject: Subject,
    to: bool,
    path: String,
    options: Vec<(String, Vec<String>)>,
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

    /// Visits the tables that it names.
    pub(crate) fn visit_relations<V: Visitor>(&self, visitor: &mut V) -> ControlFlow<V::Break> {
        match &self.subject {
            Subject::Table { name, .. } => visitor.pre_visit_relation(name),
            Subject::Query(query) => query.visit(visitor),
        }
    }

    fn options(&self) -> Result<Options> {
        let mut options = Options::default();
        for (name, values) in &self.options {
            options.set(name, values)?;
        }
        Ok(options)
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
    if parser.parse_one_of_keywords(&[Keyword::STDIN, Keyword::STDOUT, Keyword::PROGRAM]).is_some() {
        return Err(error("COPY reads and writes files: STDIN, STDOUT and PROGRAM are not supported"));
    }
    let path = parser.parse_literal_string()?;
    let _ = parser.parse_keyword(Keyword::WITH);
    let mut options = Vec::new();
    if parser.consume_token(&Token::LParen) {
        loop {
            options.push(option(parser)?);
            if !parser.consume_token(&Token::Comma) {
                break;
            }
        }
        parser.expect_token(&Token::RParen)?;
    } else if !matches!(parser.peek_token().token, Token::EOF) {
        return Err(error("options of COPY stand in brackets: (FORMAT csv, HEADER)"));
    }
    Ok(CopyStatement { subject, to, path, options })
}

fn option(parser: &mut Parser<'_>) -> Result<(String, Vec<String>), ParserError> {
    let name = match parser.next_token().token {
        Token::Word(word) => word.value,
        Token::SingleQuotedString(text) => text,
        other => return Err(error(&format!("expected the name of an option of COPY, found: {other}"))),
    };
    let _ = parser.consume_token(&Token::Eq);
    let mut values = Vec::new();
    if parser.consume_token(&Token::LParen) {
        values = parser.parse_comma_separated(value)?;
        parser.expect_token(&Token::RParen)?;
    } else if !matches!(parser.peek_token().token, Token::Comma | Token::RParen) {
        values.push(value(parser)?);
    }
    Ok((name, values))
}

fn value(parser: &mut Parser<'_>) -> Result<String, ParserError> {
    match parser.next_token().token {
        Token::Word(word) => Ok(word.value),
        Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text) | Token::DoubleQuotedString(text) => Ok(text),
        Token::Number(digits, _) => Ok(digits),
        other => Err(error(&format!("expected the value of an option of COPY, found: {other}"))),
    }
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
    let files = Files::find(&context.state, context.database.store_options(), std::slice::from_ref(&copy.path)).await?;
    let format = match options.format {
        Some(format) => format,
        None => files.format()?,
    };
    let (table, positions) = match format {
        FileFormat::Csv => csv_source(context, files, &options, target.meta(), &listed).await?,
        FileFormat::Json => {
            check_names(context, &files, format, &options, target.meta(), &listed).await?;
            let schema = Schema::new(listed.iter().map(|at| json_field(target.meta().columns[*at].field())).collect::<Vec<_>>());
            let table = files::table_with_schema(&context.state, files, format, &options, Some(Arc::new(schema))).await?;
            (table, listed.iter().map(|at| Some(*at)).collect())
        }
        FileFormat::Parquet | FileFormat::Arrow => {
            let table = files::table_with_schema(&context.state, files, format, &options, None).await?;
            let positions = by_name(table.schema().fields().iter().map(|field| field.name().as_str()), target.meta(), &listed)?;
            (table, positions)
        }
    };
    // `positions[i]` is the table's column for the file's column `i`; turned around for the writer.
    let mut from: Vec<Option<usize>> = vec![None; target.meta().columns.len()];
    positions.iter().enumerate().for_each(|(file, table): (usize, &Option<usize>)| {
        if let Some(table) = table {
            from[*table] = Some(file);
        }
    });
    let plan =
        LogicalPlanBuilder::scan("file", provider_as_source(table), None).and_then(LogicalPlanBuilder::build).map_err(from_datafusion)?;
    let rows = write_rows(context, transaction, &target, plan, from).await.map_err(|error| match format {
        // The CSV reader names file and line itself.
        FileFormat::Csv => error,
        _ => error.context(format!("loading '{}'", copy.path)),
    })?;
    Ok(Done::with_rows("COPY", rows))
}

/// A field as JSON is read into it: types that JSON writes as text stay text until they are cast.
fn json_field(field: &Field) -> Field {
    let data_type = match field.data_type() {
        DataType::FixedSizeBinary(_) | DataType::Binary | DataType::BinaryView => DataType::Utf8View,
        other => other.clone(),
    };
    Field::new(field.name(), data_type, true)
}

/// JSON has no list of columns: those of a sample of its rows must be the table's.
async fn check_names(
    context: &Context,
    files: &Files,
    format: FileFormat,
    options: &Options,
    table: &TableMeta,
    listed: &[usize],
) -> Result<()> {
    let sample = files::table_with_schema(&context.state, files.clone(), format, options, None).await?;
    by_name(sample.schema().fields().iter().map(|field| field.name().as_str()), table, listed).map(|_| ())
}

async fn csv_source(
    context: &Context,
    files: Files,
    options: &Options,
    table: &TableMeta,
    listed: &[usize],
) -> Result<(Arc<dyn TableProvider>, Vec<Option<usize>>)> {
    let fields: Vec<_> = listed.iter().map(|at| Arc::clone(table.columns[*at].field())).collect();
    let csv = Csv::open(files, options, Columns::Given(Schema::new(fields).into())).await?;
    let names = csv.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
    let positions = by_name(names.iter().map(String::as_str), table, listed)?;
    Ok((csv.table(&context.state), positions))
}

/// The table's column for each of a file's columns: the same name, or else the one that differs in case only.
fn by_name<'a>(names: impl Iterator<Item = &'a str>, table: &TableMeta, listed: &[usize]) -> Result<Vec<Option<usize>>> {
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
            Ok(Some(at))
        })
        .collect()
}

/// Writes a table or a query into files.
pub(crate) async fn to_files(context: &Context, copy: CopyStatement) -> Result<Done> {
    let options = copy.options()?;
    if !options.partition_by.is_empty() {
        // DataFusion 55.2 writes a row whose partition is NULL below `n=0`.
        return Err(unsupported("PARTITION_BY of COPY ... TO"));
    }
    let format = options.format.or_else(|| FileFormat::from_path(&copy.path)).ok_or_else(|| {
        Error::invalid(format!("the name '{}' does not tell the format", copy.path))
            .with_hint("COPY ... TO '...' (FORMAT parquet) names it")
    })?;
    let url = files_url(context, &copy.path).await?;
    let query = match copy.subject {
        Subject::Query(query) => query,
        Subject::Table { name, columns } => select(&name, &columns)?,
    };
    let mut statement = Statement::Query(query);
    rewrite::rewrite(context, &mut statement).await?;
    let Statement::Query(query) = statement else { return Err(Error::internal("a query became another statement")) };
    let query = textual(context, query, format).await?;
    let statement = CopyToStatement {
        source: CopyToSource::Query(query),
        target: url,
        partitioned_by: vec![],
        stored_as: Some(format.name().to_owned()),
        options: datafusion_options(&options, format, &copy.path)?,
    };
    let plan = context.state.statement_to_plan(DataFusionStatement::CopyTo(statement)).await.map_err(from_datafusion)?;
    context.note_reads(&plan)?;
    let LogicalPlan::Copy(_) = &plan else { return Err(Error::internal("COPY became another plan")) };
    let physical = context.physical(&plan).await?;
    let batches =
        collect(physical, context.task()).await.map_err(|error| from_datafusion(error).context(format!("writing '{}'", copy.path)))?;
    let rows = batches
        .iter()
        .filter(|batch| batch.num_columns() == 1)
        .filter_map(|batch| batch.column(0).as_primitive_opt::<UInt64Type>())
        .flat_map(|counts| counts.iter().flatten());
    Ok(Done::with_rows("COPY", rows.sum()))
}

async fn files_url(context: &Context, path: &str) -> Result<String> {
    if path.contains(['*', '?', '[']) {
        return Err(Error::invalid(format!("'{path}' is a pattern; COPY ... TO writes one file, or a folder if the path ends with /")));
    }
    // Makes the store known. A local path is made absolute, so that it means the same to whoever looks at the plan.
    let url = files::locate(&context.state, context.database.store_options(), path).await?;
    match url.scheme() {
        "file" => Ok(path.to_owned()),
        _ => Ok(url.as_str().to_owned()),
    }
}

fn select(name: &ObjectName, columns: &[Ident]) -> Result<Box<Query>> {
    let list = match columns.is_empty() {
        true => "*".to_owned(),
        false => columns.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    super::parse::parse_query(&format!("SELECT {list} FROM {name}"))
}

/// CSV and JSON have no bytes: UUIDs are written as text, bytes as `\x` and their hexadecimal digits, as they are read again.
async fn textual(context: &Context, query: Box<Query>, format: FileFormat) -> Result<Box<Query>> {
    if !matches!(format, FileFormat::Csv | FileFormat::Json) {
        return Ok(query);
    }
    let statement = DataFusionStatement::Statement(Box::new(Statement::Query(query.clone())));
    let plan = context.state.statement_to_plan(statement).await.map_err(from_datafusion)?;
    let fields = plan.schema().fields();
    let is_bytes = |field: &Field| matches!(field.data_type(), DataType::Binary | DataType::BinaryView | DataType::LargeBinary);
    if !fields.iter().any(|field| types::is_uuid(field) || is_bytes(field)) {
        return Ok(query);
    }
    let columns = fields.iter().map(|field| {
        let name = format!("\"{}\"", field.name().replace('"', "\"\""));
        match field {
            field if types::is_uuid(field) => format!("uuid_text({name}) AS {name}"),
            field if is_bytes(field) => format!("'\\x' || encode({name}, 'hex') AS {name}"),
            _ => name,
        }
    });
    super::parse::parse_query(&format!("SELECT {} FROM ({query}) AS q", columns.collect::<Vec<_>>().join(", ")))
}

/// Our options as DataFusion's writers know them.
fn datafusion_options(options: &Options, format: FileFormat, path: &str) -> Result<Vec<(String, Value)>> {
    let mut list: Vec<(&str, String)> = Vec::new();
    let text = |byte: u8| char::from(byte).to_string();
    let not_for = |what: &str| Err(Error::invalid(format!("{what} is no option of this format")));
    match format {
        FileFormat::Csv => {
            let default = if path.to_ascii_lowercase().contains(".tsv") { b'\t' } else { b',' };
            list.push(("format.delimiter", text(options.delimiter.unwrap_or(default))));
            list.push(("format.has_header", options.header.unwrap_or(true).to_string()));
            if let Some(quote) = options.quote {
                list.push(("format.quote", text(quote.ok_or_else(|| Error::unsupported("writing CSV without quotes is not supported"))?)));
            }
            if let Some(escape) = options.escape.filter(|escape| *escape != options.quote.flatten().unwrap_or(b'"')) {
                list.push(("format.escape", text(escape)));
                list.push(("format.double_quote", "false".to_owned()));
            }
            if let Some(null) = &options.null {
                list.push(("format.null_value", null.clone()));
            }
            list.push(("format.compression", options.text_compression(path)?.name().to_owned()));
        }
        FileFormat::Json => list.push(("format.compression", options.text_compression(path)?.name().to_owned())),
        FileFormat::Parquet => {
            let level = options.compression_level;
            let compression = match (options.compression.as_deref().unwrap_or("zstd"), level) {
                ("zstd", level) => format!("zstd({})", level.unwrap_or(3)),
                ("gzip", level) => format!("gzip({})", level.unwrap_or(6)),
                ("brotli", level) => format!("brotli({})", level.unwrap_or(4)),
                ("none" | "uncompressed", None) => "uncompressed".to_owned(),
                (name @ ("snappy" | "lz4" | "lz4_raw"), None) => name.to_owned(),
                (other, _) => {
                    return Err(Error::invalid(format!("'{other}' is no compression of Parquet"))
                        .with_hint("there are zstd, snappy, gzip, lz4, brotli and none"));
                }
            };
            list.push(("format.compression", compression));
            if let Some(rows) = options.row_group_size {
                list.push(("format.max_row_group_size", rows.to_string()));
            }
        }
        FileFormat::Arrow => {}
    }
    if format != FileFormat::Csv
        && (options.header.is_some() || options.delimiter.is_some() || options.quote.is_some() || options.null.is_some())
    {
        return not_for("HEADER, DELIMITER, QUOTE or NULL");
    }
    if format != FileFormat::Parquet && (options.row_group_size.is_some() || options.compression_level.is_some()) {
        return not_for("ROW_GROUP_SIZE or COMPRESSION_LEVEL");
    }
    if format == FileFormat::Arrow && (options.compression.is_some() || Compression::from_path(path) != Compression::None) {
        return not_for("COMPRESSION");
    }
    Ok(list.into_iter().map(|(name, value)| (name.to_owned(), Value::SingleQuotedString(value))).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::parse::{self, Parsed};
    use super::*;

    fn copy(sql: &str) -> Result<CopyStatement> {
        match parse::parse_statement(&parse::parse(sql)?.remove(0))? {
            Parsed::Copy(copy) => Ok(*copy),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn options_are_read_in_all_spellings() {
        let parsed =
            copy("COPY t (a, \"B\") FROM 'x.csv' WITH (FORMAT csv, HEADER, DELIMITER ';', NULL 'NA', quote '''', partition_by (a, b))")
                .unwrap();
        assert!(!parsed.to_files());
        let options = parsed.options().unwrap();
        assert_eq!(options.format, Some(FileFormat::Csv));
        assert_eq!((options.header, options.delimiter, options.quote), (Some(true), Some(b';'), Some(Some(b'\''))));
        assert_eq!((options.null.as_deref(), options.partition_by), (Some("NA"), vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(copy("COPY t TO 'x' (HEADER false, DELIM E'\\t')").unwrap().options().unwrap().delimiter, Some(b'\t'));
    }

    #[test]
    fn mistakes_are_told() {
        for sql in [
            "COPY t FROM STDIN",
            "COPY t FROM 'x' CSV HEADER",
            "COPY (SELECT 1) FROM 'x'",
            "COPY t FROM 'x' (FORMAT xlsx)",
            "COPY t FROM 'x' (HEADER maybe)",
            "COPY t FROM 'x' (DELIMITER 'ab')",
            "COPY t FROM 'x' (FREEZE)",
            "COPY t FROM 'x' (ENCODING 'latin1')",
        ] {
            assert!(copy(sql).and_then(|copy| copy.options().map(|_| ())).is_err(), "{sql}");
        }
    }
}
