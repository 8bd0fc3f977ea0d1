//! Writes a plan's rows into files: Parquet and Arrow by DataFusion's writers, text by `text`.
//!
//! A path that ends with a slash is a folder, which must be empty, so that nothing is mixed with what an earlier statement wrote.

use std::fmt;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt64Type};
use async_trait::async_trait;
use bytes::Bytes;
use datafusion::common::Result as DataFusionResult;
use datafusion::common::config::TableParquetOptions;
use datafusion::common::runtime::SpawnedTask;
use datafusion::datasource::file_format::FileFormat as DataFusionFormat;
use datafusion::datasource::file_format::arrow::ArrowFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::file_format::write::BatchSerializer;
use datafusion::datasource::file_format::write::demux::DemuxedStreamReceiver;
use datafusion::datasource::file_format::write::orchestration::spawn_writer_tasks_and_join;
use datafusion::datasource::physical_plan::{FileGroup, FileOutputMode, FileSink, FileSinkConfig};
use datafusion::datasource::sink::{DataSink, DataSinkExec};
use datafusion::execution::session_state::SessionState;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::dml::InsertOp;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties};
use futures::TryStreamExt;
use object_store::ObjectStore;

use super::{Compression, FileFormat, Options, Place};
use crate::error::{Error, Result, from_datafusion};
use crate::session::result::Rows;
use crate::statements::context::Context;
use crate::text::{csv, json};

/// Writes a plan's rows to a place; returns their number.
///
/// `folders` are the columns, all of text, whose values become folders.
pub(crate) async fn write(
    context: &Context,
    place: &Place,
    format: FileFormat,
    options: &Options,
    plan: Arc<dyn ExecutionPlan>,
    folders: Vec<String>,
) -> Result<u64> {
    let state = &context.state;
    check_options(options, format, &place.written)?;
    check_types(format, &plan.schema())?;
    if place.pattern.is_some() {
        return Err(Error::invalid(format!("'{}' is a pattern", place.written))
            .with_hint("COPY ... TO writes one file, or a folder if the path ends with /"));
    }
    if place.is_folder && place.store.list(Some(&place.path)).try_next().await.map_err(|error| from_datafusion(error.into()))?.is_some() {
        return Err(Error::invalid(format!("the folder '{}' is not empty", place.written)).with_hint("COPY ... TO writes a new folder"));
    }
    // A sink has one input.
    let plan = match plan.output_partitioning().partition_count() {
        1 => plan,
        _ => Arc::new(CoalescePartitionsExec::new(plan)),
    };
    let compression = match format {
        FileFormat::Csv | FileFormat::Json => options.text_compression(&place.written)?,
        FileFormat::Parquet | FileFormat::Arrow => Compression::None,
    };
    let config = FileSinkConfig {
        original_url: place.written.clone(),
        object_store_url: place.store_url.clone(),
        file_group: FileGroup::default(),
        table_paths: vec![place.listing_url()?],
        output_schema: plan.schema(),
        table_partition_cols: folders.into_iter().map(|name| (name, DataType::Utf8View)).collect(),
        insert_op: InsertOp::Append,
        keep_partition_by_columns: false,
        file_extension: format!("{}{}", format.extension(), compression.extension()),
        file_output_mode: if place.is_folder { FileOutputMode::Directory } else { FileOutputMode::SingleFile },
    };
    let exec: Arc<dyn ExecutionPlan> = match format {
        FileFormat::Parquet => {
            let writer = ParquetFormat::default().with_options(parquet_options(state, options)?);
            writer.create_writer_physical_plan(plan, state, config, None).await.map_err(from_datafusion)?
        }
        FileFormat::Arrow => ArrowFormat.create_writer_physical_plan(plan, state, config, None).await.map_err(from_datafusion)?,
        FileFormat::Csv => {
            let rows = CsvRows { style: csv_style(options, &place.written)?, header: options.header.unwrap_or(true) };
            sink(plan, config, compression, Arc::new(rows))
        }
        FileFormat::Json => sink(plan, config, compression, Arc::new(JsonRows)),
    };
    let written =
        Rows::run(exec, context.task())?.collect().await.map_err(|error| error.context(format!("writing '{}'", place.written)))?;
    let counts = written.iter().filter_map(|batch| batch.columns().first()?.as_primitive_opt::<UInt64Type>());
    Ok(counts.flat_map(|counts| counts.iter().flatten()).sum())
}

/// Options that a format does not have are an error.
fn check_options(options: &Options, format: FileFormat, path: &str) -> Result<()> {
    let not_for = |what: &str| Err(Error::invalid(format!("{what} is no option of this format")));
    if format != FileFormat::Csv
        && (options.header.is_some()
            || options.delimiter.is_some()
            || options.quote.is_some()
            || options.escape.is_some()
            || options.null.is_some())
    {
        return not_for("HEADER, DELIMITER, QUOTE, ESCAPE or NULL");
    }
    if format != FileFormat::Parquet && (options.row_group_size.is_some() || options.compression_level.is_some()) {
        return not_for("ROW_GROUP_SIZE or COMPRESSION_LEVEL");
    }
    if format == FileFormat::Arrow && (options.compression.is_some() || Compression::from_path(path) != Compression::None) {
        return not_for("COMPRESSION");
    }
    Ok(())
}

fn parquet_options(state: &SessionState, options: &Options) -> Result<TableParquetOptions> {
    let level = options.compression_level;
    let compression = match (options.compression.as_deref().unwrap_or("zstd"), level) {
        ("zstd", level) => format!("zstd({})", level.unwrap_or(3)),
        ("gzip", level) => format!("gzip({})", level.unwrap_or(6)),
        ("brotli", level) => format!("brotli({})", level.unwrap_or(4)),
        ("none" | "uncompressed", None) => "uncompressed".to_owned(),
        (name @ ("snappy" | "lz4" | "lz4_raw"), None) => name.to_owned(),
        (other, _) => {
            return Err(Error::invalid(format!("'{other}' is no compression of Parquet, or has no levels"))
                .with_hint("there are zstd, snappy, gzip, lz4, brotli and none"));
        }
    };
    let mut global = state.config_options().execution.parquet.clone();
    global.compression = Some(compression);
    if let Some(rows) = options.row_group_size {
        global.max_row_group_size = rows;
    }
    Ok(TableParquetOptions { global, ..Default::default() })
}

fn csv_style(options: &Options, path: &str) -> Result<csv::Style> {
    let plain = csv::Style::default();
    let quote = match options.quote {
        Some(None) => return Err(Error::unsupported("writing CSV without quotes is not supported")),
        Some(Some(quote)) => quote,
        None => plain.quote,
    };
    let style = csv::Style {
        delimiter: options.delimiter_at(path).unwrap_or(plain.delimiter),
        quote,
        escape: options.escape.unwrap_or(quote),
        null: options.null.clone().unwrap_or_default(),
    };
    let signs = [style.delimiter, style.quote, b'\n', b'\r'];
    match style.delimiter == style.quote || style.null.bytes().any(|byte| signs.contains(&byte)) {
        true => Err(Error::invalid("DELIMITER, QUOTE and the text of NULL must not be mistaken for each other")),
        false => Ok(style),
    }
}

/// CSV has no lists, structs and maps that anybody could read again, Parquet no intervals with their months, days and nanoseconds.
fn check_types(format: FileFormat, schema: &Schema) -> Result<()> {
    for field in schema.fields() {
        let name = field.name();
        match format {
            FileFormat::Csv if field.data_type().is_nested() => {
                return Err(Error::unsupported(format!("CSV cannot hold column '{name}' of lists, structs or maps"))
                    .with_hint("write Parquet, Arrow or JSON, or make a text of it"));
            }
            FileFormat::Parquet if holds_interval(field) => {
                return Err(Error::unsupported(format!("Parquet cannot hold column '{name}' of type INTERVAL"))
                    .with_hint("write Arrow, JSON or CSV, or make a text of it"));
            }
            _ => {}
        }
    }
    Ok(())
}

fn holds_interval(field: &Field) -> bool {
    match field.data_type() {
        DataType::Interval(_) => true,
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) | DataType::Map(item, _) => {
            holds_interval(item)
        }
        DataType::Struct(fields) => fields.iter().any(|field| holds_interval(field)),
        _ => false,
    }
}

/// Rows as text. Header and rows of one file.
struct CsvRows {
    style: csv::Style,
    header: bool,
}

impl BatchSerializer for CsvRows {
    fn serialize(&self, batch: RecordBatch, initial: bool) -> DataFusionResult<Bytes> {
        let mut text = Vec::new();
        if initial && self.header {
            self.style.push_header(batch.schema_ref(), &mut text);
        }
        self.style.push_rows(&batch, &mut text)?;
        Ok(text.into())
    }
}

struct JsonRows;

impl BatchSerializer for JsonRows {
    fn serialize(&self, batch: RecordBatch, _: bool) -> DataFusionResult<Bytes> {
        let mut text = Vec::new();
        json::push_lines(&batch, &mut text)?;
        Ok(text.into())
    }
}

fn sink(
    plan: Arc<dyn ExecutionPlan>,
    config: FileSinkConfig,
    compression: Compression,
    rows: Arc<dyn BatchSerializer>,
) -> Arc<dyn ExecutionPlan> {
    Arc::new(DataSinkExec::new(plan, Arc::new(TextSink { config, compression, rows }), None))
}

/// Writes text files.
struct TextSink {
    config: FileSinkConfig,
    compression: Compression,
    rows: Arc<dyn BatchSerializer>,
}

impl fmt::Debug for TextSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextSink").field("url", &self.config.original_url).finish_non_exhaustive()
    }
}

impl DisplayAs for TextSink {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TextSink: {}", self.config.original_url)
    }
}

#[async_trait]
impl FileSink for TextSink {
    fn config(&self) -> &FileSinkConfig {
        &self.config
    }

    async fn spawn_writer_tasks_and_join(
        &self,
        context: &Arc<TaskContext>,
        demux: SpawnedTask<DataFusionResult<()>>,
        files: DemuxedStreamReceiver,
        store: Arc<dyn ObjectStore>,
    ) -> DataFusionResult<u64> {
        let rows = Arc::clone(&self.rows);
        spawn_writer_tasks_and_join(context, rows, self.compression.datafusion(), None, store, demux, files).await
    }
}

#[async_trait]
impl DataSink for TextSink {
    fn schema(&self) -> &SchemaRef {
        self.config.output_schema()
    }

    async fn write_all(&self, data: SendableRecordBatchStream, context: &Arc<TaskContext>) -> DataFusionResult<u64> {
        FileSink::write_all(self, data, context).await
    }
}
