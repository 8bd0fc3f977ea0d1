//! Parquet and Arrow files as a table: DataFusion reads them; which ones, and what their folders tell, is decided here.

use std::sync::Arc;

use arrow::datatypes::{Fields, Schema, SchemaRef};
use arrow::ipc::convert::fb_to_schema;
use arrow::ipc::reader::read_footer_length;
use arrow::ipc::root_as_footer;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::{ColumnStatistics, Precision, Statistics};
use datafusion::common::{DataFusionError, Result as DataFusionResult};
use datafusion::datasource::file_format::FileFormat as DataFusionFormat;
use datafusion::datasource::file_format::arrow::ArrowFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::{ObjectMeta, ObjectStoreExt};

use super::FileFormat;
use super::listing::{File, Files};
use super::sink::holds_interval;
use crate::error::{Error, Result, from_datafusion, to_datafusion};

/// Files whose metadata are fetched at a time.
const FOOTERS_AHEAD: usize = 32;

/// The end of an Arrow file: its footer's length, and `ARROW1`.
const TRAILER: u64 = 10;

/// Files of one format as a table: their columns, then those that their folders tell.
#[derive(Debug)]
pub(super) struct ScannedTable {
    files: Vec<File>,
    format: Arc<dyn DataFusionFormat>,
    schema: TableSchema,
    /// Whether `*` leaves out the last column.
    pub(super) hides_last: bool,
    is_parquet: bool,
}

impl ScannedTable {
    /// Looks into the files for their schema.
    pub(super) async fn open(state: &SessionState, files: Files, format: FileFormat) -> Result<Self> {
        let reader: Arc<dyn DataFusionFormat> = match format {
            FileFormat::Parquet => Arc::new(ParquetFormat::default()),
            FileFormat::Arrow => Arc::new(ArrowFormat),
            FileFormat::Csv | FileFormat::Json => return Err(Error::internal("text is not read by DataFusion")),
        };
        let Some(first) = files.files.first() else { return Err(Error::internal("no files")) };
        if let Some(other) = files.files.iter().find(|file| file.store_url != first.store_url) {
            return Err(Error::unsupported(format!("'{}' and '{}' are in different stores", first.name, other.name))
                .with_hint("SELECT ... UNION ALL SELECT ... reads from several"));
        }
        let from_footers = if format == FileFormat::Arrow { arrow_schema(&files).await? } else { None };
        let schema = match from_footers {
            Some(schema) => schema,
            None => infer(state, reader.as_ref(), &files).await?,
        };
        let files = files.without_columns_of(&schema);
        let hides_last = files.hides_last;
        let folders: Fields = files.folders.into();
        let schema = TableSchema::builder(schema).with_table_partition_cols(folders).build();
        Ok(Self { files: files.files, format: reader, schema, hides_last, is_parquet: format == FileFormat::Parquet })
    }

    /// Refuses intervals of Parquet files: the reader (parquet 59.3) leaves out their months, or all but these, without a word.
    fn check_intervals(&self, projection: Option<&Vec<usize>>) -> Result<()> {
        let fields = self.schema.table_schema().fields();
        let mut wanted = fields.iter().enumerate().filter(|(at, _)| projection.is_none_or(|projection| projection.contains(at)));
        match wanted.find(|(_, field)| self.is_parquet && holds_interval(field)) {
            None => Ok(()),
            Some((_, field)) => Err(Error::unsupported(format!(
                "column '{}' is an INTERVAL, which is not read from Parquet files",
                field.name()
            ))
            .with_hint(
                "other columns are: SELECT * EXCLUDE (...); write intervals as text, with CAST(x AS VARCHAR), which reads back as INTERVAL",
            )),
        }
    }

    /// A file with what is known of its rows.
    async fn described(&self, session: &dyn Session, file: File) -> DataFusionResult<PartitionedFile> {
        let statistics = match session.config().collect_statistics() {
            true => self.format.infer_stats(session, &file.store, Arc::clone(self.schema.file_schema()), &file.meta).await?,
            false => Statistics::new_unknown(self.schema.file_schema()),
        };
        let mut partitioned = PartitionedFile::from(file.meta);
        partitioned.partition_values = file.values;
        let mut described = partitioned.with_statistics(Arc::new(statistics));
        if let Some(statistics) = &mut described.statistics {
            // DataFusion 55.2 takes what a folder tells for a value, also when it is NULL, or when the file has no row.
            let statistics = Arc::make_mut(statistics);
            let first = self.schema.file_schema().fields().len();
            for (value, column) in described.partition_values.iter().zip(&mut statistics.column_statistics[first..]) {
                match statistics.num_rows {
                    rows if value.is_null() => *column = ColumnStatistics::new_unknown().with_null_count(rows),
                    Precision::Exact(rows) if rows > 0 => {}
                    _ => *column = ColumnStatistics::new_unknown(),
                }
            }
        }
        Ok(described)
    }
}

#[async_trait]
impl TableProvider for ScannedTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.schema.table_schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let Some(first) = self.files.first() else { return Err(DataFusionError::Internal("no files".to_owned())) };
        self.check_intervals(projection).map_err(to_datafusion)?;
        let described: Vec<PartitionedFile> =
            stream::iter(self.files.clone()).map(|file| self.described(session, file)).buffered(FOOTERS_AHEAD).try_collect().await?;
        let schema = self.schema.table_schema();
        let merged =
            |files: &[PartitionedFile]| Statistics::try_merge_iter(files.iter().filter_map(|file| file.statistics.as_deref()), schema);
        let total = merged(&described)?;
        let groups = FileGroup::new(described).split_files(session.config().target_partitions().max(1));
        let groups = groups.into_iter().map(|group| {
            let statistics = merged(group.files())?;
            Ok(group.with_statistics(Arc::new(statistics)))
        });
        let config = FileScanConfigBuilder::new(first.store_url.clone(), self.format.file_source(self.schema.clone()))
            .with_file_groups(groups.collect::<DataFusionResult<Vec<_>>>()?)
            .with_statistics(total)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        self.format.create_physical_plan(session, config).await
    }
}

/// The schema of all files together. A file that cannot be read is named.
async fn infer(state: &SessionState, format: &dyn DataFusionFormat, files: &Files) -> Result<SchemaRef> {
    let Some(first) = files.files.first() else { return Err(Error::internal("no files")) };
    let metas: Vec<ObjectMeta> = files.files.iter().map(|file| file.meta.clone()).collect();
    match format.infer_schema(state, &first.store, &metas).await {
        Ok(schema) => Ok(schema),
        Err(error) => {
            // Which one was it? Only asked when something is wrong.
            for file in &files.files {
                if let Err(error) = format.infer_schema(state, &file.store, std::slice::from_ref(&file.meta)).await {
                    return Err(from_datafusion(error).context(format!("file '{}'", file.name)));
                }
            }
            Err(from_datafusion(error).context(format!("files '{}'", files.paths.join(", "))))
        }
    }
}

/// The schema of Arrow files, from their footers; `None` where one has none. (DataFusion 55.2 looks at the beginning of a file that is not local, and
/// takes it to be aligned to 8 bytes, where Arrow's own writer aligns to 64.)
async fn arrow_schema(files: &Files) -> Result<Option<SchemaRef>> {
    let schemas: Vec<Option<Schema>> = stream::iter(&files.files).map(schema_in_footer).buffered(FOOTERS_AHEAD).try_collect().await?;
    let Some(schemas) = schemas.into_iter().collect::<Option<Vec<_>>>() else { return Ok(None) };
    let merged =
        Schema::try_merge(schemas).map_err(|error| from_datafusion(error.into()).context(format!("files '{}'", files.paths.join(", "))))?;
    Ok(Some(Arc::new(merged)))
}

async fn schema_in_footer(file: &File) -> Result<Option<Schema>> {
    let size = file.meta.size;
    let read = async |from: u64, to: u64| {
        let bytes = file.store.get_range(&file.meta.location, from..to).await;
        bytes.map_err(|error| from_datafusion(error.into()).context(format!("file '{}'", file.name)))
    };
    let Some(end) = size.checked_sub(TRAILER) else { return Ok(None) };
    // The streaming form has no footer.
    let Some(length) = read(end, size).await?.as_ref().try_into().ok().and_then(|trailer| read_footer_length(trailer).ok()) else {
        return Ok(None);
    };
    let Some(start) = end.checked_sub(length as u64) else { return Ok(None) };
    let footer = read(start, end).await?;
    Ok(root_as_footer(&footer).ok().and_then(|footer| footer.schema()).map(fb_to_schema))
}
