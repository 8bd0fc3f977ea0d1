//! CSV.
//!
//! ```text
//! files ─ source ─▶ pieces of bytes ─ split ─▶ chunks of whole records ─ decode (in parallel) ─▶ batches
//! ```
//!
//! Splitting follows the quotes through the file, in one place, so that a line break within a value never divides a record; it only looks for line ends
//! and is much faster than decoding. Every chunk knows its first line, so that an error names the line.

mod decode;
mod dialect;
mod infer;
mod records;
mod source;
mod split;
mod table;

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};

use self::dialect::Dialect;
use self::split::Chunk;
use super::{Files, Options};
use crate::error::{Error, Result};

/// What the columns of CSV files are.
pub(crate) enum Columns {
    /// Names and types are inferred from the beginning of the first file.
    Inferred,
    /// Those of a table: by name where the files have a header, else by position.
    Given(SchemaRef),
}

/// CSV files, opened: dialect and columns are known.
#[derive(Debug, Clone)]
pub(crate) struct Csv {
    input: Arc<Input>,
}

/// What all readers of the files share.
#[derive(Debug)]
struct Input {
    files: Files,
    /// How the files are compressed, if that is told; else each file's name tells.
    compression: Option<super::Compression>,
    dialect: Dialect,
    /// The header's names, where there is one: every file must have the same.
    header: Option<Vec<String>>,
    schema: SchemaRef,
    /// Whether types are inferred: then an error has another way out.
    inferred: bool,
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
        let sample = Chunk { file: first.name.as_str().into(), first_line: 1, bytes: split::whole_records(sample, &dialect, &first.name)? };
        let rows = records::sample(&sample, &dialect)?;
        let Some(top) = rows.first() else {
            return Self::empty(files, compression, dialect, options, columns, &first.name);
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
        Ok(Self { input: Arc::new(Input { files, compression, dialect, header, schema, inferred }) })
    }

    /// A file without records has no rows; without a header, its columns are those that are given.
    fn empty(
        files: Files,
        compression: Option<super::Compression>,
        dialect: Dialect,
        options: &Options,
        columns: Columns,
        name: &str,
    ) -> Result<Self> {
        let schema = match columns {
            Columns::Given(_) if options.header == Some(true) => {
                return Err(Error::invalid(format!("file '{name}' is empty: it has no header")));
            }
            Columns::Given(schema) => schema,
            Columns::Inferred => return Err(Error::invalid(format!("file '{name}' is empty: it has no columns"))),
        };
        Ok(Self { input: Arc::new(Input { files, compression, dialect, header: None, schema, inferred: false }) })
    }

    /// The files' columns, in the files' order.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.input.schema
    }

    /// As a table.
    pub(crate) fn table(&self, session: &dyn Session) -> Arc<dyn TableProvider> {
        Arc::new(table::CsvTable::new(Arc::clone(&self.input), session.config().target_partitions()))
    }
}

/// The files' columns where a table's are given.
fn given_columns(given: &SchemaRef, header: Option<&[String]>, found: usize, dialect: &Dialect, file: &str) -> Result<Schema> {
    match header {
        Some(names) => {
            let fields = names.iter().map(|name| {
                let exact = given.fields().iter().find(|field| field.name() == name);
                let field = exact.or_else(|| given.fields().iter().find(|field| field.name().eq_ignore_ascii_case(name)));
                match field {
                    Some(field) => field.as_ref().clone(),
                    // The caller refuses it by its name.
                    None => Field::new(name, arrow::datatypes::DataType::Utf8View, true),
                }
            });
            Ok(Schema::new(fields.collect::<Vec<_>>()))
        }
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
