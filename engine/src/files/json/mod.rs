//! JSON lines: an object a line.
//!
//! No key is left out: one that is in no column is an error, with its file and line. Values are read as text and then made the column's type, so that what
//! does not fit is an error too.

mod decode;
mod shape;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use futures::{StreamExt, TryStreamExt, stream};
use memchr::memrchr;

use self::shape::Shape;
use super::listing::File;
use super::split::{Chunk, Input, Records};
use super::table::TextTable;
use super::{Columns, Files, Options, source};
use crate::error::{Error, Result};

/// Lines of each file that are looked at: more tell no more about types, and fewer miss too much.
const SAMPLE_LINES: usize = 20_480;

/// Files whose beginning is looked at.
const SAMPLE_FILES: usize = 32;

/// Beginnings that are fetched at a time.
const SAMPLES_AHEAD: usize = 8;

/// JSON lines, opened: their columns are known.
#[derive(Debug)]
pub(crate) struct Json {
    input: Input,
}

/// How records stand in JSON lines.
#[derive(Debug)]
struct JsonRecords {
    schema: SchemaRef,
    /// The same columns with text for everything that is no list, struct or map.
    texts: SchemaRef,
    /// Whether columns are inferred: then an error has another way out.
    inferred: bool,
}

impl Json {
    /// Looks at the beginning of the files.
    pub(crate) async fn open(files: Files, options: &Options, columns: Columns) -> Result<Self> {
        let compression = options.told_compression()?;
        let first: Vec<File> = files.files.iter().take(SAMPLE_FILES).cloned().collect();
        let samples = stream::iter(first)
            .map(|file| async move { Ok::<_, Error>(Chunk::beginning(&file.name, source::beginning(&file, compression).await?)) })
            .buffered(SAMPLES_AHEAD)
            .try_collect::<Vec<_>>()
            .await?;
        let mut found = Shape::Unknown;
        for sample in samples {
            for (start, line) in decode::lines(&whole_lines(sample.clone())).take(SAMPLE_LINES) {
                let shape = decode::object(&sample, start, line)?;
                found = found.merged(shape).map_err(|message| sample.error(start, format!(": {message}")))?;
            }
        }
        let Shape::Object(keys) = found else {
            return match columns {
                Columns::Given(schema) => Ok(Self::new(files, compression, schema.as_ref().clone(), false)),
                Columns::Inferred => {
                    Err(Error::invalid(format!("the files of '{}' are empty: they have no columns", files.paths.join(", "))))
                }
            };
        };
        let (fields, inferred): (Vec<Field>, bool) = match columns {
            Columns::Inferred => (keys.into_iter().map(|(name, shape)| Field::new(name, shape.data_type(), true)).collect(), true),
            Columns::Given(given) => {
                let mut fields: Vec<Field> = keys.iter().map(|(name, _)| super::given_field(&given, name)).collect();
                // Keys that stand further down only.
                let is_there = |name: &str| keys.iter().any(|(key, _)| key.eq_ignore_ascii_case(name));
                fields.extend(given.fields().iter().filter(|field| !is_there(field.name())).map(|field| field.as_ref().clone()));
                (fields, false)
            }
        };
        Ok(Self::new(files, compression, Schema::new(fields), inferred))
    }

    fn new(files: Files, compression: Option<super::Compression>, schema: Schema, inferred: bool) -> Self {
        let texts = schema.fields().iter().map(|field| texts_of(field));
        let texts = Arc::new(Schema::new(texts.collect::<Vec<_>>()));
        Self { input: Input { files, compression, records: Box::new(JsonRecords { schema: Arc::new(schema), texts, inferred }) } }
    }

    /// As a table.
    pub(crate) fn table(self, session: &dyn Session) -> Arc<dyn TableProvider> {
        Arc::new(TextTable::new(self.input, session.config().target_partitions()))
    }
}

impl Records for JsonRecords {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// A line break within a string is written `\n`: every one ends a record.
    fn end_of_last(&self, data: &[u8]) -> usize {
        memrchr(b'\n', data).map_or(0, |at| at + 1)
    }

    fn without_header(&self, chunk: Chunk) -> Result<Option<Chunk>> {
        Ok(Some(chunk))
    }

    fn decode(&self, chunk: &Chunk, projection: &[usize], schema: &SchemaRef) -> Result<RecordBatch> {
        decode::decode(self, chunk, projection, schema)
    }
}

/// A sample without the part of a line at its end; all of it, if that is one line.
fn whole_lines(sample: Chunk) -> Chunk {
    match memrchr(b'\n', &sample.bytes) {
        Some(at) => Chunk { bytes: sample.bytes.slice(..=at), ..sample },
        None => sample,
    }
}

/// A field as JSON is read into it.
fn texts_of(field: &Field) -> Field {
    let child = |field: &Field| Arc::new(texts_of(field));
    let data_type = match field.data_type() {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => DataType::List(child(item)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(|field| child(field)).collect()),
        DataType::Map(entries, sorted) => match entries.data_type() {
            DataType::Struct(pair) => {
                let pair = pair.iter().map(|field| Arc::new(texts_of(field).with_nullable(field.is_nullable()))).collect();
                DataType::Map(Arc::new(Field::new(entries.name(), DataType::Struct(pair), false)), *sorted)
            }
            _ => DataType::Utf8View,
        },
        _ => DataType::Utf8View,
    };
    Field::new(field.name(), data_type, true)
}
