//! CSV.
//!
//! Splitting follows the quotes through the file, so that a line break within a value never divides a record.

mod decode;
mod dialect;
mod infer;
mod quotes;
mod records;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};

use self::dialect::Dialect;
use super::split::{Chunk, Input, Records};
use super::table::TextTable;
use super::{Columns, Files, Options, source};
use crate::error::{Error, Result};

/// CSV files, opened: dialect and columns are known.
#[derive(Debug)]
pub(crate) struct Csv {
    input: Input,
}

/// How records stand in CSV files.
#[derive(Debug)]
struct CsvRecords {
    dialect: Dialect,
    /// The header's names, where there is one: every file must have the same.
    header: Option<Vec<String>>,
    schema: SchemaRef,
    /// Whether types are inferred: then an error has another way out.
    inferred: bool,
}

impl Records for CsvRecords {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn end_of_last(&self, data: &[u8]) -> usize {
        quotes::last_record_end(data, &self.dialect).end
    }

    fn without_header(&self, chunk: Chunk) -> Result<Option<Chunk>> {
        let Some(header) = &self.header else { return Ok(Some(chunk)) };
        let Some((found, end)) = records::first(&chunk, &self.dialect)? else { return Ok(None) };
        let same = found.len() == header.len() && found.iter().zip(header).all(|(found, name)| found.text.trim() == name);
        match same {
            true => Ok(Some(chunk.behind(end))),
            false => {
                Err(chunk.error(0, ": the header is not that of the first file").with_hint(format!("that one is: {}", header.join(", "))))
            }
        }
    }

    fn decode(&self, chunk: &Chunk, projection: &[usize], schema: &SchemaRef) -> Result<RecordBatch> {
        decode::decode(self, chunk, projection, schema)
    }
}

impl Csv {
    /// Looks at the beginning of the first file.
    pub(crate) async fn open(files: Files, options: &Options, columns: Columns) -> Result<Self> {
        let first = files.files.first().cloned().ok_or_else(|| Error::internal("no files"))?;
        let compression = options.told_compression()?;
        let sample = source::beginning(&first, compression).await?;
        let expected = match &columns {
            Columns::Given(schema) => Some(schema.fields().len()),
            Columns::Inferred => None,
        };
        let dialect = Dialect::new(options, &first.name, &sample, expected);
        let sample = whole_records(Chunk::beginning(&first.name, sample), &dialect)?;
        let rows = records::sample(&sample, &dialect)?;
        let Some(top) = rows.first() else {
            let records = Self::empty(dialect, options, columns, &first.name)?;
            return Ok(Self { input: Input { files, compression, records: Box::new(records) } });
        };
        let has_header = match options.header {
            Some(told) => told,
            None => infer::has_header(&rows, &dialect, &columns),
        };
        let header = has_header.then(|| top.iter().map(|value| value.text.trim().to_owned()).collect::<Vec<_>>());
        let (schema, inferred) = match columns {
            Columns::Inferred => (infer::schema(&rows, header.as_deref(), &dialect), true),
            Columns::Given(given) => (Arc::new(given_columns(&given, header.as_deref(), top.len(), &dialect, &first.name)?), false),
        };
        let records = Box::new(CsvRecords { dialect, header, schema, inferred });
        Ok(Self { input: Input { files, compression, records } })
    }

    /// A file without records has no rows; without a header, its columns are those that are given.
    fn empty(dialect: Dialect, options: &Options, columns: Columns, name: &str) -> Result<CsvRecords> {
        let schema = match columns {
            Columns::Given(_) if options.header == Some(true) => {
                return Err(Error::invalid(format!("file '{name}' is empty: it has no header")));
            }
            Columns::Given(schema) => schema,
            Columns::Inferred => return Err(Error::invalid(format!("file '{name}' is empty: it has no columns"))),
        };
        Ok(CsvRecords { dialect, header: None, schema, inferred: false })
    }

    /// As a table: the files' columns, in the files' order.
    pub(crate) fn table(self, session: &dyn Session) -> Arc<dyn TableProvider> {
        Arc::new(TextTable::new(self.input, session.config().target_partitions()))
    }
}

/// A sample that was cut off anywhere, without the part of a record at its end.
fn whole_records(sample: Chunk, dialect: &Dialect) -> Result<Chunk> {
    let found = quotes::last_record_end(&sample.bytes, dialect);
    match (found.end, found.open_quote) {
        (0, Some(at)) => Err(records::never_closed(&sample, at)),
        // One record without a line end: all there is.
        (0, None) => Ok(sample),
        (end, _) => Ok(Chunk { bytes: sample.bytes.slice(..end), ..sample }),
    }
}

/// The files' columns where a table's are given.
fn given_columns(given: &SchemaRef, header: Option<&[String]>, found: usize, dialect: &Dialect, file: &str) -> Result<Schema> {
    match header {
        Some(names) => Ok(Schema::new(names.iter().map(|name| super::given_field(given, name)).collect::<Vec<_>>())),
        None if found == given.fields().len() || found == given.fields().len() + 1 => Ok(given.as_ref().clone()),
        None => Err(Error::invalid(format!(
            "file '{file}', line 1: there are {found} values, and {} columns to put them into",
            given.fields().len()
        ))
        .with_hint(format!(
            "the delimiter is taken to be '{}'; (DELIMITER ';') names another, COPY t (a, b) FROM names the columns",
            char::from(dialect.delimiter).escape_default()
        ))),
    }
}
