//! JSON's values as text, one a row: `read_json_objects`.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringViewArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use memchr::memrchr;

use super::super::encoding::Encoding;
use super::super::listing::File;
use super::super::options::JsonLayout;
use super::super::rejects::Refusals;
use super::super::split::{Chunk, Input, Records};
use super::super::{Compression, Files, Options};
use super::{decode, lines};
use crate::error::Result;

/// Files whose values are not looked into.
pub(in crate::files) fn objects(files: Files, options: &Options, refusals: Option<Refusals>) -> Result<Input> {
    let schema = Arc::new(Schema::new(vec![Field::new("json", DataType::Utf8View, true)]));
    let records = Box::new(Objects { schema, layout: options.json.layout });
    let compression = options.told_compression()?;
    Ok(Input { files, compression, encoding: Some(Encoding::UTF_8), records, refusals })
}

#[derive(Debug)]
struct Objects {
    schema: SchemaRef,
    layout: Option<JsonLayout>,
}

impl Records for Objects {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn end_of_last(&self, data: &[u8]) -> usize {
        memrchr(b'\n', data).map_or(0, |at| at + 1)
    }

    fn pieces<'a>(
        &'a self,
        file: &'a File,
        compression: Option<Compression>,
        encoding: Option<Encoding>,
    ) -> BoxFuture<'a, Result<BoxStream<'static, Result<Bytes>>>> {
        async move { lines::pieces(file, compression, encoding, self.layout).await }.boxed()
    }

    fn decode(&self, chunk: &Chunk, projection: &[usize], schema: &SchemaRef) -> Result<RecordBatch> {
        let mut values = Vec::new();
        for (start, line) in decode::lines(chunk) {
            match decode::value(chunk, start, line) {
                Ok(text) => values.push(text),
                Err(error) => decode::refuse(chunk, start, line, error)?,
            }
        }
        let rows = values.len();
        let texts: ArrayRef = Arc::new(StringViewArray::from_iter_values(values));
        let arrays = projection.iter().map(|_| Arc::clone(&texts)).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options)?)
    }
}
