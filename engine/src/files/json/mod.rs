//! JSON: an object a line, or an array of objects, or objects on as many lines as they want, which are made lines (`lines`).
//!
//! No key is left out: one that is in no column is an error, with its file and line. Values are read as text and then made the column's type, so that what
//! does not fit is an error too.

mod decode;
mod lines;
mod objects;
mod shape;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use datafusion::catalog::{Session, TableProvider};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use memchr::memrchr;

use self::shape::Shape;
use super::encoding::Encoding;
use super::listing::File;
use super::options::JsonLayout;
use super::rejects::Refusals;
use super::split::{Chunk, Input, Records, Splitter};
use super::table::TextTable;
use super::{Columns, Files, Options};
use crate::error::{Error, Result};

/// Lines of each file that are looked at: more tell no more about types, and fewer miss too much.
const SAMPLE_LINES: usize = 20_480;

/// Files whose beginning is looked at.
const SAMPLE_FILES: usize = 32;

/// How much of each is looked at.
const SAMPLE_BYTES: usize = 1024 * 1024;

/// Beginnings that are fetched at a time.
const SAMPLES_AHEAD: usize = 8;

/// JSON lines, opened: their columns are known.
#[derive(Debug)]
pub(crate) struct Json {
    files: Files,
    compression: Option<super::Compression>,
    records: JsonRecords,
    refusals: Option<Refusals>,
}

/// How records stand in JSON lines.
#[derive(Debug)]
struct JsonRecords {
    schema: SchemaRef,
    /// The same columns with text for everything that is no list, struct or map.
    texts: SchemaRef,
    /// Whether columns are inferred: then an error has another way out.
    inferred: bool,
    /// How values stand in the files, if that is told.
    layout: Option<JsonLayout>,
    /// Whether a key without a column is an error.
    strict: bool,
}

pub(super) use objects::objects;

impl Json {
    /// Looks at the beginning of the files.
    pub(crate) async fn open(files: Files, options: &Options, columns: Columns, refusals: Option<Refusals>) -> Result<Self> {
        let compression = options.told_compression()?;
        let layout = options.json.layout;
        let opened = move |schema: Schema, inferred: bool, files: Files| Self::new(files, compression, schema, inferred, layout, refusals);
        if let Columns::InOrder(told) = &columns {
            // Told columns choose among the keys.
            let mut json = opened(told.as_ref().clone(), false, files);
            json.records.strict = false;
            return Ok(json);
        }
        let Shape::Object(keys) = shape_of(&files, options).await? else {
            return match columns {
                Columns::Given(schema) | Columns::InOrder(schema) => Ok(opened(schema.as_ref().clone(), false, files)),
                // As in DuckDB: nothing tells the columns, and there is no row.
                Columns::Inferred => Ok(opened(Schema::new(vec![Field::new("json", DataType::Utf8View, true)]), false, files)),
            };
        };
        let (fields, inferred): (Vec<Field>, bool) = match columns {
            Columns::Inferred => (keys.into_iter().map(|(name, shape)| Field::new(name, shape.data_type(), true)).collect(), true),
            Columns::Given(given) | Columns::InOrder(given) => {
                let mut fields: Vec<Field> = keys.iter().map(|(name, _)| super::given_field(&given, name)).collect();
                // Keys that stand further down only.
                let is_there = |name: &str| keys.iter().any(|(key, _)| key.eq_ignore_ascii_case(name));
                fields.extend(given.fields().iter().filter(|field| !is_there(field.name())).map(|field| field.as_ref().clone()));
                (fields, false)
            }
        };
        Ok(opened(Schema::new(fields), inferred, files))
    }

    fn new(
        files: Files,
        compression: Option<super::Compression>,
        schema: Schema,
        inferred: bool,
        layout: Option<JsonLayout>,
        refusals: Option<Refusals>,
    ) -> Self {
        let texts = schema.fields().iter().map(|field| texts_of(field));
        let texts = Arc::new(Schema::new(texts.collect::<Vec<_>>()));
        let records = JsonRecords { schema: Arc::new(schema), texts, inferred, layout, strict: true };
        Self { files, compression, records, refusals }
    }

    /// As a table.
    pub(crate) fn table(self, session: &dyn Session) -> Arc<dyn TableProvider> {
        let Self { files, compression, records, refusals } = self;
        let input = Input { files, compression, encoding: Some(Encoding::UTF_8), records: Box::new(records), refusals };
        Arc::new(TextTable::new(input, session.config().target_partitions()))
    }
}

/// What the files' values are, by their beginnings; by all of them, if that is told.
async fn shape_of(files: &Files, options: &Options) -> Result<Shape> {
    let (compression, layout) = (options.told_compression()?, options.json.layout);
    let mut found = Shape::Unknown;
    let mut look = |sample: &Chunk, most: usize| {
        for (start, line) in decode::lines(sample).take(most) {
            let shape = match decode::object(sample, start, line) {
                Err(_) if options.read.ignore_errors => continue,
                other => other?,
            };
            let merged = std::mem::replace(&mut found, Shape::Unknown).merged(shape);
            found = merged.map_err(|message| sample.error(start, format!(": {message}")))?;
        }
        Ok::<_, Error>(())
    };
    if options.read.sample_rows == Some(None) {
        let input = objects::objects(files.clone(), options, None)?;
        let mut splitter = Splitter::new(Arc::new(input), true);
        while let Some(chunk) = splitter.next().await? {
            look(&chunk, usize::MAX)?;
        }
        return Ok(found);
    }
    let most = options.read.sample_rows.flatten().unwrap_or(SAMPLE_LINES);
    let first: Vec<File> = files.files.iter().take(SAMPLE_FILES).cloned().collect();
    let mut samples = stream::iter(first)
        .map(|file| async move { lines::beginning(&file, compression, layout, SAMPLE_BYTES).await })
        .buffered(SAMPLES_AHEAD);
    while let Some(sample) = samples.try_next().await? {
        look(&sample, most)?;
    }
    Ok(found)
}

impl Records for JsonRecords {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// A line break within a string is written `\n`: every one ends a record.
    fn end_of_last(&self, data: &[u8]) -> usize {
        memrchr(b'\n', data).map_or(0, |at| at + 1)
    }

    fn pieces<'a>(
        &'a self,
        file: &'a File,
        compression: Option<super::Compression>,
        encoding: Option<Encoding>,
    ) -> BoxFuture<'a, Result<BoxStream<'static, Result<Bytes>>>> {
        async move { lines::pieces(file, compression, encoding, self.layout).await }.boxed()
    }

    fn decode(&self, chunk: &Chunk, projection: &[usize], schema: &SchemaRef) -> Result<RecordBatch> {
        decode::decode(self, chunk, projection, schema)
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
