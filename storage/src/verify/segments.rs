//! Reads every segment: its tail, every block, every row.
//!
//! A file is read a row group at a time, so memory is bounded by the row groups under way. What lies between row groups is read too: every byte
//! of the file is under a checksum. Rows are decoded and counted, and so are NULLs, which the log states for many columns.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use bytes::{Buf, Bytes};
use futures::{StreamExt, stream};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::file::reader::{ChunkReader, Length};

use super::{Problem, Table, VerifyProgress, VerifyReport};
use crate::catalog::types::FIELD_ID_KEY;
use crate::error::{Error, ErrorKind, Result};
use crate::segment::reader::{SegmentFooter, read_footer, read_inline, read_ranges};
use crate::segment::{BLOCK, ParquetLocation, SegmentBody, SegmentMeta};
use crate::store::Store;

/// Segments under way at once: enough to decode on some cores while others are fetched; each holds a row group in memory.
const PARALLEL_SEGMENTS: usize = 4;

/// Bytes read at once between row groups.
const PIECE: u64 = 8 << 20;

/// Checks all segments.
pub(super) async fn check(
    store: &Store,
    segments: Vec<(Table, SegmentMeta)>,
    progress: &VerifyProgress,
    report: &mut VerifyReport,
) -> Result<()> {
    let mut checked = stream::iter(segments)
        .map(|(table, segment)| {
            let store = store.clone();
            async move {
                // In a task of its own each, so that several cores decode.
                let task = tokio::spawn(async move { check_segment(&store, &table, &segment).await });
                task.await.map_err(|error| Error::internal(format!("a task of the verification ended: {error}")))?
            }
        })
        .buffer_unordered(PARALLEL_SEGMENTS);
    while let Some(segment) = checked.next().await {
        let segment = segment?;
        progress.advance(segment.bytes);
        report.segments += 1;
        report.rows += segment.rows;
        report.problems.extend(segment.problems);
    }
    Ok(())
}

/// What was found in one segment.
#[derive(Debug, Default)]
struct Checked {
    rows: u64,
    bytes: u64,
    problems: Vec<Problem>,
}

impl Checked {
    fn add(&mut self, object: &str, offset: Option<u64>, what: impl Into<String>) {
        self.problems.push(Problem { object: object.to_owned(), offset, what: what.into() });
    }

    /// Notes an error about what is stored.
    ///
    /// # Errors
    /// Any other.
    fn note(&mut self, object: &str, error: Error) -> Result<()> {
        match error.kind() {
            ErrorKind::Corrupt | ErrorKind::NotFound | ErrorKind::Invalid | ErrorKind::Unsupported => {
                self.add(object, None, error.message());
                Ok(())
            }
            _ => Err(error.context(format!("cannot verify '{object}'"))),
        }
    }
}

/// Checks a segment that is in a record: its bytes are verified with the record's.
pub(super) fn check_inline(table: &Table, segment: &SegmentMeta, report: &mut VerifyReport) -> Result<()> {
    let object = format!("inline segment {} of table '{}'", segment.id, table.name);
    let mut checked = Checked::default();
    let mut counts = Counts::new(segment);
    match read_inline(table, segment) {
        Ok(batches) => {
            batches.iter().for_each(|batch| counts.add(batch));
            counts.compare(&object, table, segment, &mut checked);
        }
        Err(error) => checked.note(&object, error)?,
    }
    report.segments += 1;
    report.rows += checked.rows;
    report.problems.extend(checked.problems);
    Ok(())
}

async fn check_segment(store: &Store, table: &Table, segment: &SegmentMeta) -> Result<Checked> {
    let mut checked = Checked::default();
    // Inline segments were checked with the records that they are in.
    let SegmentBody::Parquet(location) = &segment.body else { return Ok(checked) };
    checked.bytes = location.length;
    let mut counts = Counts::new(segment);
    if check_file(store, location, &mut counts, &mut checked).await? {
        counts.compare(&location.path, table, segment, &mut checked);
    }
    Ok(checked)
}

/// Reads a file; `false` when it is damaged, so that counting makes no sense.
async fn check_file(store: &Store, location: &ParquetLocation, counts: &mut Counts, checked: &mut Checked) -> Result<bool> {
    let path = &location.path;
    match store.head(path).await {
        Ok(length) if length != location.length => {
            checked.add(path, None, format!("it has {length} bytes, the log says {}", location.length));
        }
        Ok(_) => {}
        Err(error) => {
            checked.note(path, error)?;
            return Ok(false);
        }
    }
    let footer = match read_footer(store, location).await {
        Ok(footer) => footer,
        Err(error) => {
            checked.note(path, error)?;
            return Ok(false);
        }
    };
    let before = checked.problems.len();
    let body = location.length.saturating_sub(location.tail_length);
    let mut next = 0;
    for (index, range) in row_groups(&footer, body) {
        read_piecewise(store, location, &footer, next..range.start, checked).await?;
        next = next.max(range.end);
        let Some(bytes) = read_or_locate(store, location, &footer, range.clone(), checked).await? else { continue };
        if let Err(error) = decode(&footer, index, Piece { start: range.start, length: location.length, bytes }, counts) {
            checked.add(path, Some(range.start), format!("row group {index} cannot be decoded: {error}"));
        }
        // Decoding is work for a core; other tasks may want it.
        tokio::task::yield_now().await;
    }
    read_piecewise(store, location, &footer, next..body, checked).await?;
    Ok(checked.problems.len() == before)
}

/// The row groups, each with the range of bytes that its column chunks span, in the order in which they lie.
fn row_groups(footer: &SegmentFooter, body: u64) -> Vec<(usize, Range<u64>)> {
    let mut groups: Vec<(usize, Range<u64>)> = footer
        .metadata()
        .row_groups()
        .iter()
        .enumerate()
        .map(|(index, group)| {
            let ranges = group.columns().iter().map(|column| column.byte_range());
            let (start, end) = ranges.fold((u64::MAX, 0), |(start, end), (at, length)| (start.min(at), end.max(at.saturating_add(length))));
            (index, start.min(body)..end.min(body).max(start.min(body)))
        })
        .collect();
    groups.sort_by_key(|(_, range)| range.start);
    groups
}

/// Reads bytes that nothing decodes, for their checksums.
async fn read_piecewise(
    store: &Store,
    location: &ParquetLocation,
    footer: &SegmentFooter,
    range: Range<u64>,
    checked: &mut Checked,
) -> Result<()> {
    let mut start = range.start;
    while start < range.end {
        let end = range.end.min(start + PIECE);
        read_or_locate(store, location, footer, start..end, checked).await?;
        start = end;
    }
    Ok(())
}

/// Reads a range; where it is damaged, finds out which blocks are, and returns nothing.
async fn read_or_locate(
    store: &Store,
    location: &ParquetLocation,
    footer: &SegmentFooter,
    range: Range<u64>,
    checked: &mut Checked,
) -> Result<Option<Bytes>> {
    let error = match read_ranges(store, location, footer, std::slice::from_ref(&range)).await {
        Ok(mut pieces) => return Ok(pieces.pop()),
        Err(error) if error.kind() == ErrorKind::Corrupt => error,
        Err(error) => {
            checked.note(&location.path, error)?;
            return Ok(None);
        }
    };
    let before = checked.problems.len();
    let mut block = range.start - range.start % BLOCK;
    while block < range.end {
        let end = range.end.min(block + BLOCK);
        match read_ranges(store, location, footer, &[block.max(range.start)..end]).await {
            Ok(_) => {}
            // Neighbouring ranges share blocks: a block is told once.
            Err(_) if checked.problems.iter().any(|problem| problem.offset == Some(block)) => {}
            Err(error) if error.kind() == ErrorKind::Corrupt => checked.add(&location.path, Some(block), error.message()),
            Err(error) => checked.note(&location.path, error)?,
        }
        block += BLOCK;
    }
    if checked.problems.len() == before && checked.problems.iter().all(|problem| problem.offset.is_none()) {
        checked.note(&location.path, error)?;
    }
    Ok(None)
}

/// Decodes a row group whose bytes are verified.
fn decode(footer: &SegmentFooter, row_group: usize, piece: Piece, counts: &mut Counts) -> parquet::errors::Result<()> {
    let metadata = ArrowReaderMetadata::try_new(Arc::clone(footer.metadata()), ArrowReaderOptions::new())?;
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(piece, metadata).with_row_groups(vec![row_group]).build()?;
    for batch in reader {
        counts.add(&batch?);
    }
    Ok(())
}

/// A piece of a file that Parquet's reader takes for the file.
struct Piece {
    start: u64,
    length: u64,
    bytes: Bytes,
}

impl Piece {
    fn from(&self, start: u64) -> parquet::errors::Result<Bytes> {
        let at = start.checked_sub(self.start).filter(|at| *at <= self.bytes.len() as u64);
        let at = at.ok_or_else(|| parquet::errors::ParquetError::General(format!("byte {start} is outside of the row group")))?;
        Ok(self.bytes.slice(at as usize..))
    }
}

impl Length for Piece {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Piece {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(self.from(start)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        let bytes = self.from(start)?;
        match length <= bytes.len() {
            true => Ok(bytes.slice(..length)),
            false => Err(parquet::errors::ParquetError::General(format!("{length} bytes from {start} reach beyond the row group"))),
        }
    }
}

/// Rows and NULLs, counted while they are decoded.
struct Counts {
    rows: u64,
    /// Field id, NULLs counted, NULLs that the log states.
    nulls: Vec<(u32, u64, u64)>,
}

impl Counts {
    fn new(segment: &SegmentMeta) -> Self {
        Self { rows: 0, nulls: segment.columns.iter().map(|column| (column.field_id, 0, column.null_count)).collect() }
    }

    fn add(&mut self, batch: &RecordBatch) {
        self.rows += batch.num_rows() as u64;
        for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            let id = field.metadata().get(FIELD_ID_KEY).and_then(|id| id.parse::<u32>().ok());
            if let Some((_, counted, _)) = self.nulls.iter_mut().find(|(of, _, _)| Some(*of) == id) {
                *counted += array.logical_null_count() as u64;
            }
        }
    }

    /// Compares with what the log states.
    fn compare(&self, object: &str, table: &Table, segment: &SegmentMeta, checked: &mut Checked) {
        checked.rows = self.rows;
        if self.rows != segment.rows {
            checked.add(object, None, format!("it holds {} rows, the log says {}", self.rows, segment.rows));
        }
        for (field_id, counted, stated) in self.nulls.iter().filter(|(_, counted, stated)| counted != stated) {
            let name = table.column_by_id(*field_id).map_or_else(|| field_id.to_string(), |(_, column)| column.name().to_owned());
            checked.add(object, None, format!("column '{name}' holds {counted} NULLs, the log says {stated}"));
        }
    }
}
