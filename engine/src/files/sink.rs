//! Writes a plan's rows into files: Parquet and Arrow by DataFusion's writers, text by `text`.
//!
//! A path that ends with a slash is a folder. What is in it before is an error, so that nothing is mixed with what an earlier statement wrote, unless options
//! say what becomes of it (`existing`).

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
use object_store::ObjectStore;

use super::encoding::Encoding;
use super::{Compression, FileFormat, ForceQuote, Options, Place, existing, moments};
use crate::error::{Error, Result, from_datafusion};
use crate::session::result::Rows;
use crate::statements::context::Context;
use crate::text::values::Formats;
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
    let compression = compression(options, format, &place.written)?;
    if options.read.encoding.is_some_and(|encoding| encoding != Encoding::UTF_8) {
        return Err(Error::unsupported("files are written in UTF-8 only"));
    }
    check_types(format, &plan.schema())?;
    if place.is_http {
        return Err(Error::unsupported(format!("'{}' cannot be written: files behind http:// are read only", place.written))
            .with_hint("write into a local folder or a bucket"));
    }
    if place.pattern.is_some() {
        return Err(Error::invalid(format!("'{}' is a pattern", place.written))
            .with_hint("COPY ... TO writes one file, or a folder if the path ends with /"));
    }
    let before = match place.is_folder {
        true => existing::found(place, options).await?,
        false => vec![],
    };
    // A sink has one input.
    let plan = match plan.output_partitioning().partition_count() {
        1 => plan,
        _ => Arc::new(CoalescePartitionsExec::new(plan)),
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
            let style = csv_style(options, &place.written, &plan.schema())?;
            let rows = CsvRows { style, header: options.csv.header.unwrap_or(true) };
            sink(plan, config, (compression, options.write.compression_level), Arc::new(rows))
        }
        FileFormat::Json => {
            let rows = JsonRows { formats: Formats::of(options) };
            sink(plan, config, (compression, options.write.compression_level), Arc::new(rows))
        }
    };
    let written =
        Rows::run(exec, context.task())?.collect().await.map_err(|error| error.context(format!("writing '{}'", place.written)))?;
    existing::replaced(place, options, before).await?;
    let counts = written.iter().filter_map(|batch| batch.columns().first()?.as_primitive_opt::<UInt64Type>());
    Ok(counts.flat_map(|counts| counts.iter().flatten()).sum())
}

/// How text is compressed; the other formats have compressions of their own.
fn compression(options: &Options, format: FileFormat, path: &str) -> Result<Compression> {
    match format {
        FileFormat::Csv | FileFormat::Json => {
            let compression = options.text_compression(path)?;
            match compression == Compression::None && options.write.compression_level.is_some() {
                true => Err(Error::invalid("COMPRESSION_LEVEL needs a compression")),
                false => Ok(compression),
            }
        }
        FileFormat::Parquet => Ok(Compression::None),
        FileFormat::Arrow if options.compression.is_some() || options.write.compression_level.is_some() => {
            Err(Error::invalid("COMPRESSION is no option of Arrow files"))
        }
        FileFormat::Arrow if Compression::from_path(path) != Compression::None => {
            Err(Error::invalid("COMPRESSION is no option of Arrow files"))
        }
        FileFormat::Arrow => Ok(Compression::None),
    }
}

fn parquet_options(state: &SessionState, options: &Options) -> Result<TableParquetOptions> {
    let level = options.write.compression_level;
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
    if let Some(rows) = options.write.row_group_size {
        if rows == 0 {
            return Err(Error::invalid("ROW_GROUP_SIZE is at least 1"));
        }
        global.max_row_group_size = rows;
    }
    if let Some(version) = &options.write.parquet_version {
        global.writer_version = version.parse().map_err(from_datafusion)?;
    }
    Ok(TableParquetOptions { global, ..Default::default() })
}

fn csv_style(options: &Options, path: &str, schema: &Schema) -> Result<csv::Style> {
    let plain = csv::Style::default();
    let quote = match options.csv.quote {
        Some(None) => return Err(Error::unsupported("writing CSV without quotes is not supported")),
        Some(Some(quote)) => quote,
        None => plain.quote,
    };
    let style = csv::Style {
        delimiter: options.delimiter_at(path).unwrap_or(plain.delimiter),
        quote,
        escape: options.csv.escape.unwrap_or(quote),
        null: options.written_null()?,
        force_quote: forced(options, schema)?,
        formats: Formats::of(options),
    };
    let signs = [style.delimiter, style.quote, b'\n', b'\r'];
    match style.delimiter == style.quote || style.null.bytes().any(|byte| signs.contains(&byte)) {
        true => Err(Error::invalid("DELIMITER, QUOTE and the text of NULL must not be mistaken for each other")),
        false => Ok(style),
    }
}

/// Which columns are always in quotes.
fn forced(options: &Options, schema: &Schema) -> Result<Vec<bool>> {
    let names = match &options.write.force_quote {
        ForceQuote::None => return Ok(vec![]),
        ForceQuote::All => return Ok(vec![true; schema.fields().len()]),
        ForceQuote::Columns(names) => names,
    };
    if let Some(unknown) = names.iter().find(|name| !schema.fields().iter().any(|field| field.name().eq_ignore_ascii_case(name))) {
        return Err(Error::not_found(format!("FORCE_QUOTE names '{unknown}', which is no column")));
    }
    Ok(schema.fields().iter().map(|field| names.iter().any(|name| name.eq_ignore_ascii_case(field.name()))).collect())
}

impl Formats {
    fn of(options: &Options) -> Self {
        let written = |format: &Option<String>| format.as_deref().map(moments::for_writing);
        Self { date: written(&options.date_format), timestamp: written(&options.timestamp_format) }
    }
}

/// CSV has no lists, structs and maps that anybody could read again, Parquet no intervals with their months, days and nanoseconds.
fn check_types(format: FileFormat, schema: &Schema) -> Result<()> {
    for field in schema.fields().iter().filter(|field| !can_hold(format, field)) {
        let name = field.name();
        match format {
            FileFormat::Csv => {
                return Err(Error::unsupported(format!("CSV cannot hold column '{name}' of lists, structs or maps"))
                    .with_hint("write Parquet, Arrow or JSON, or make a text of it"));
            }
            FileFormat::Parquet => {
                return Err(Error::unsupported(format!("Parquet cannot hold column '{name}' of type INTERVAL"))
                    .with_hint("write Arrow, JSON or CSV, or make a text of it"));
            }
            FileFormat::Json | FileFormat::Arrow => {}
        }
    }
    Ok(())
}

/// Whether a format holds a column's values so that they can be read again.
pub(crate) fn can_hold(format: FileFormat, field: &Field) -> bool {
    match format {
        FileFormat::Csv => !field.data_type().is_nested(),
        FileFormat::Parquet => !holds_interval(field),
        FileFormat::Json | FileFormat::Arrow => true,
    }
}

/// Whether an interval is anywhere in a column's values.
pub(super) fn holds_interval(field: &Field) -> bool {
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

struct JsonRows {
    formats: Formats,
}

impl BatchSerializer for JsonRows {
    fn serialize(&self, batch: RecordBatch, _: bool) -> DataFusionResult<Bytes> {
        let mut text = Vec::new();
        json::push_lines(&self.formats.texts_of(batch)?, &mut text)?;
        Ok(text.into())
    }
}

fn sink(
    plan: Arc<dyn ExecutionPlan>,
    config: FileSinkConfig,
    (compression, level): (Compression, Option<u32>),
    rows: Arc<dyn BatchSerializer>,
) -> Arc<dyn ExecutionPlan> {
    Arc::new(DataSinkExec::new(plan, Arc::new(TextSink { config, compression, level, rows }), None))
}

/// Writes text files.
struct TextSink {
    config: FileSinkConfig,
    compression: Compression,
    level: Option<u32>,
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
        spawn_writer_tasks_and_join(context, rows, self.compression.datafusion(), self.level, store, demux, files).await
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
