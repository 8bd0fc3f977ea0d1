//! A row group of a segment: what is known of it beforehand, where its bytes are, and how they become chunks.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchReader};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit};
use clouddb_storage::segment::reader::SegmentFooter;
use clouddb_storage::segment::{BLOCK, ParquetLocation, SegmentBody, SegmentMeta};
use clouddb_storage::store::Store;
use clouddb_storage::{Error, Result};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReaderBuilder, RowSelection};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::statistics::Statistics;

use crate::ahead::{Ahead, Fetched};
use crate::chunk::Chunk;
use crate::forms::{self, Form};
use crate::predicate::{Bounds, ValueBounds};

/// A column of a table, as the cache needs to know it.
#[derive(Debug, Clone)]
pub struct ColumnShape {
    /// Its identity in the table.
    pub field_id: u32,
    /// Its name in files.
    pub physical_name: String,
    /// The type that queries see.
    pub data_type: DataType,
}

/// A row group of a Parquet segment.
#[derive(Debug, Clone)]
pub struct RowGroup {
    /// The segment.
    pub segment: Arc<SegmentMeta>,
    /// The segment's footer.
    pub footer: Arc<SegmentFooter>,
    /// Which of the segment's row groups.
    pub number: usize,
    /// All columns of the table.
    pub columns: Arc<[ColumnShape]>,
    /// Bytes that were asked for before.
    ahead: Option<Ahead>,
}

impl RowGroup {
    /// A row group of a segment, of which nothing is on its way.
    pub fn new(segment: Arc<SegmentMeta>, footer: Arc<SegmentFooter>, number: usize, columns: Arc<[ColumnShape]>) -> Self {
        Self { segment, footer, number, columns, ahead: None }
    }

    /// The same, with all bytes of some columns, by their positions in the table, on their way: together, where each column alone would be a request or
    /// a trip of its own. Whoever reads these columns waits for them.
    #[must_use]
    pub fn fetching(mut self, store: &Store, columns: &[usize]) -> Self {
        let Ok(location) = self.location().cloned() else { return self };
        // What is wrong with a column is said when it is read.
        let Ok(ranges) = self.mask(columns).map(|mask| self.ranges(&mask, None)) else { return self };
        self.ahead = Some(Ahead::begin(store.clone(), location, Arc::clone(&self.footer), columns.to_vec(), ranges));
        self
    }

    /// Whether all bytes of some columns are on their way already.
    pub fn is_fetching(&self, columns: &[usize]) -> bool {
        self.ahead.as_ref().is_some_and(|ahead| ahead.has(columns))
    }

    /// What fetching some columns takes, in bytes of the file: those within them, too, and each widened to the blocks that are verified.
    pub fn bytes(&self, columns: &[usize]) -> u64 {
        let Ok(mask) = self.mask(columns) else { return 0 };
        let leaves = self.metadata().row_group(self.number).columns().iter().enumerate().filter(|(leaf, _)| mask.leaf_included(*leaf));
        leaves.map(|(_, column)| column.compressed_size().unsigned_abs().next_multiple_of(BLOCK)).sum()
    }

    fn metadata(&self) -> &Arc<ParquetMetaData> {
        self.footer.metadata()
    }

    /// How many rows it has.
    pub fn rows(&self) -> usize {
        usize::try_from(self.metadata().row_group(self.number).num_rows()).unwrap_or_default()
    }

    /// The metadata of a column that has no others within.
    fn leaf(&self, column: usize) -> Option<&ColumnChunkMetaData> {
        let name = &self.columns.get(column)?.physical_name;
        let schema = self.metadata().file_metadata().schema_descr();
        let at = |leaf: &usize| matches!(schema.column(*leaf).path().parts(), [only] if only == name);
        // Columns mostly stand where they stand in the table.
        let leaf = Some(column).filter(|leaf| *leaf < schema.num_columns() && at(leaf));
        let leaf = leaf.or_else(|| (0..schema.num_columns()).find(at))?;
        self.metadata().row_group(self.number).columns().get(leaf)
    }

    /// What the footer says of a column's values.
    pub fn bounds(&self, column: usize) -> Option<Bounds<'_>> {
        let statistics = self.leaf(column)?.statistics()?;
        let rows = self.rows() as u64;
        let values = values(statistics, &self.columns.get(column)?.data_type).unwrap_or(ValueBounds::Unknown);
        Some(Bounds { null_count: statistics.null_count_opt(), rows, values })
    }

    fn location(&self) -> Result<&ParquetLocation> {
        match &self.segment.body {
            SegmentBody::Parquet(location) => Ok(location),
            SegmentBody::Inline(_) => Err(Error::internal(format!("inline segment {} has no row groups", self.segment.id))),
        }
    }

    /// Fetches and decodes columns, by their positions in the table; as many chunks, in that order.
    ///
    /// # Errors
    /// Those of the store; *corrupt* where the bytes are not those that were written.
    pub(crate) async fn read(&self, store: &Store, columns: &[usize]) -> Result<Vec<Chunk>> {
        let location = self.location()?;
        let batch = self.decode(store, columns, Form::Kept, None).await?;
        let chunk = |column: &usize| {
            let shape = &self.columns[*column];
            Chunk::new(Arc::clone(decoded(&batch, shape)?), &shape.data_type)
                .map_err(|error| Error::corrupt(format!("column '{}' of {}: {error}", shape.physical_name, location.path)))
        };
        columns.iter().map(chunk).collect()
    }

    /// Fetches and decodes columns, by their positions in the table, for whoever needs them once: all rows, or those of `runs`, ascending. Pages without
    /// such rows are not fetched. The types are those that queries see, decimals aside, which are as narrow as in the file until [`seen`](crate::seen) widens them.
    ///
    /// # Errors
    /// Those of the store; *corrupt* where the bytes are not those that were written.
    pub async fn read_once(&self, store: &Store, columns: &[usize], runs: Option<&[Range<usize>]>) -> Result<Vec<ArrayRef>> {
        let location = self.location()?;
        let batch = self.decode(store, columns, Form::Seen, runs).await?;
        let array = |column: &usize| {
            let shape = &self.columns[*column];
            let array = decoded(&batch, shape)?;
            match array.data_type() == &shape.data_type || forms::is_narrow(array.data_type()) {
                true => Ok(Arc::clone(array)),
                false => cast(array, &shape.data_type)
                    .map_err(|error| Error::corrupt(format!("column '{}' of {}: {error}", shape.physical_name, location.path))),
            }
        };
        columns.iter().map(array).collect()
    }

    async fn decode(&self, store: &Store, columns: &[usize], form: Form, runs: Option<&[Range<usize>]>) -> Result<RecordBatch> {
        let location = self.location()?;
        let wanted = columns.iter().filter_map(|column| {
            let shape = self.columns.get(*column)?;
            Some((shape, self.leaf(*column)?))
        });
        let metadata = forms::reader_metadata(self.metadata(), wanted, form).map_err(|error| corrupt(location, error))?;
        let mask = self.mask(columns)?;
        let file = match self.ahead.as_ref().filter(|ahead| ahead.has(columns)) {
            Some(ahead) => ahead.fetched().await?,
            None => Fetched::read(store, location, &self.footer, &self.ranges(&mask, runs)).await?,
        };
        let rows = runs.map_or(self.rows(), |runs| runs.iter().map(Range::len).sum());
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
            .with_row_groups(vec![self.number])
            .with_projection(mask)
            .with_batch_size(rows.max(1));
        if let Some(runs) = runs {
            builder = builder.with_row_selection(RowSelection::from_consecutive_ranges(runs.iter().cloned(), self.rows()));
        }
        let mut batches = builder.build().map_err(|error| corrupt(location, error))?;
        let batch = match batches.next() {
            Some(batch) => batch.map_err(|error| Error::corrupt(format!("{}: {error}", location.path)).with_source(error))?,
            None => RecordBatch::new_empty(batches.schema()),
        };
        if batch.num_rows() != rows || batches.next().is_some() {
            let message = format!("row group {} of {} does not have the {} rows of its footer", self.number, location.path, self.rows());
            return Err(Error::corrupt(message));
        }
        Ok(batch)
    }

    /// The parts of the file's schema that are columns, by their positions in the table.
    fn mask(&self, columns: &[usize]) -> Result<ProjectionMask> {
        let schema = self.metadata().file_metadata().schema_descr();
        let mut roots = Vec::with_capacity(columns.len());
        for column in columns {
            let name = &self.columns[*column].physical_name;
            let root = schema.root_schema().get_fields().iter().position(|field| field.name() == name);
            let path = || self.location().map_or_else(|_| String::new(), |location| location.path.to_string());
            roots.push(root.ok_or_else(|| Error::corrupt(format!("{} has no column '{name}'", path())))?);
        }
        Ok(ProjectionMask::roots(schema, roots.iter().copied()))
    }

    /// Where their bytes are: all, or those that rows of `runs` need.
    fn ranges(&self, mask: &ProjectionMask, runs: Option<&[Range<usize>]>) -> Vec<Range<u64>> {
        let mut ranges = Vec::new();
        let leaves = self.metadata().file_metadata().schema_descr().num_columns();
        for leaf in (0..leaves).filter(|leaf| mask.leaf_included(*leaf)) {
            self.add_ranges(leaf, runs, &mut ranges);
        }
        ranges
    }

    /// Adds where a leaf column's bytes are: all of them, or its dictionary and the pages that have rows of `runs`.
    fn add_ranges(&self, leaf: usize, runs: Option<&[Range<usize>]>, ranges: &mut Vec<Range<u64>>) {
        let (start, length) = self.metadata().row_group(self.number).column(leaf).byte_range();
        let index = self.metadata().offset_index().and_then(|index| index.get(self.number)?.get(leaf));
        let (Some(runs), Some(index)) = (runs, index) else {
            ranges.push(start..start + length);
            return;
        };
        let pages = index.page_locations();
        let first = pages.first().map_or(start, |page| page.offset.unsigned_abs());
        if first > start {
            ranges.push(start..first);
        }
        let row = |at: usize| pages.get(at).map_or(self.rows(), |page| usize::try_from(page.first_row_index).unwrap_or(usize::MAX));
        for (at, page) in pages.iter().enumerate() {
            let rows = row(at)..row(at + 1);
            // Runs are ascending: the first that does not end before the page decides.
            let run = runs.get(runs.partition_point(|run| run.end <= rows.start));
            if run.is_some_and(|run| run.start < rows.end) {
                let offset = page.offset.unsigned_abs();
                ranges.push(offset..offset + u64::from(page.compressed_page_size.unsigned_abs()));
            }
        }
    }
}

fn corrupt(location: &ParquetLocation, error: ParquetError) -> Error {
    match error {
        ParquetError::External(error) => match error.downcast::<Error>() {
            Ok(error) => *error,
            Err(error) => Error::corrupt(format!("{}: {error}", location.path)),
        },
        error => Error::corrupt(format!("{}: {error}", location.path)).with_source(error),
    }
}

/// A column of what was decoded.
fn decoded<'a>(batch: &'a RecordBatch, shape: &ColumnShape) -> Result<&'a ArrayRef> {
    let array = batch.column_by_name(&shape.physical_name);
    array.ok_or_else(|| Error::internal(format!("column '{}' was not decoded", shape.physical_name)))
}

/// Bounds of a type that is an integer inside, or of strings.
fn values<'a>(statistics: &'a Statistics, data_type: &DataType) -> Option<ValueBounds<'a>> {
    let integers = |least: i64, greatest: i64| Some(ValueBounds::Integers(least, greatest));
    let unsigned = matches!(data_type, DataType::UInt8 | DataType::UInt16 | DataType::UInt32);
    match (statistics, data_type) {
        (Statistics::Int32(bounds), _) if unsigned => {
            integers(bounds.min_opt()?.cast_unsigned().into(), bounds.max_opt()?.cast_unsigned().into())
        }
        (
            Statistics::Int32(bounds),
            DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Date32
            | DataType::Time32(TimeUnit::Millisecond)
            | DataType::Decimal128(..),
        ) => integers((*bounds.min_opt()?).into(), (*bounds.max_opt()?).into()),
        (Statistics::Int64(bounds), DataType::Int64 | DataType::Timestamp(..) | DataType::Time64(_) | DataType::Decimal128(..)) => {
            integers(*bounds.min_opt()?, *bounds.max_opt()?)
        }
        (Statistics::ByteArray(bounds), DataType::Utf8View) => {
            Some(ValueBounds::Strings(bounds.min_opt()?.data(), bounds.max_opt()?.data()))
        }
        _ => None,
    }
}
