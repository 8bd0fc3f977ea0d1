//! Reads segments: every byte is verified before it is decoded.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::Bytes;
use parquet::DecodeResult;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataPushDecoder};

use super::{ParquetLocation, SegmentBody, SegmentMeta, blocks, fetch, inline};
use crate::catalog::TableMeta;
use crate::error::{Error, Result};
use crate::store::Store;

/// A Parquet segment's footer: verified against the log, parsed, with page indexes and the checksums of the file's blocks; and all of the file where
/// that is small.
#[derive(Debug)]
pub struct SegmentFooter {
    metadata: Arc<ParquetMetaData>,
    sums: Vec<u32>,
    /// The file, verified: its rows need no further request.
    whole: Option<Bytes>,
}

impl SegmentFooter {
    /// Parquet's metadata, page indexes included.
    pub fn metadata(&self) -> &Arc<ParquetMetaData> {
        &self.metadata
    }

    /// Bytes it takes in memory, for those who cache it.
    pub fn memory_size(&self) -> usize {
        let whole = self.whole.as_ref().map_or(0, Bytes::len);
        size_of::<Self>() + self.metadata.memory_size() + size_of_val(self.sums.as_slice()) + whole
    }
}

/// Whether a segment's file is read whole together with its footer: where the rows before the footer are no more than a small object of this store.
pub(crate) fn is_read_whole(store: &Store, location: &ParquetLocation) -> bool {
    location.length.saturating_sub(location.tail_length) <= store.small_object()
}

/// Fetches and verifies a segment's footer, and with it a small file's rows: one request at most.
///
/// # Errors
/// *Corrupt* when the footer's bytes are not those that the log vouches for. Damage among the rows is the business of who reads them.
pub async fn read_footer(store: &Store, location: &ParquetLocation) -> Result<SegmentFooter> {
    check_location(location)?;
    let data_length = location.length - location.tail_length;
    let with_rows = is_read_whole(store, location);
    let start = if with_rows { 0 } else { data_length };
    let understand = |body: Bytes| {
        let (data, tail) = (body.slice(..(data_length - start) as usize), body.slice((data_length - start) as usize..));
        check_tail(location, &tail)?;
        let mut footer = parse_tail(location, tail).map_err(|error| error.context(format!("the tail of {}", location.path)))?;
        if with_rows && blocks::verify(&data, 0, &footer.sums).is_ok() {
            footer.whole = Some(body);
        }
        Ok(footer)
    };
    fetch::whole(store, location, start..location.length, understand, |footer| footer.whole.is_some() == with_rows).await
}

/// The tail's bytes, verified.
async fn read_tail(store: &Store, location: &ParquetLocation) -> Result<Bytes> {
    let range = location.length - location.tail_length..location.length;
    fetch::whole(store, location, range, |tail| check_tail(location, &tail).map(|()| tail), |_| true).await
}

fn check_tail(location: &ParquetLocation, tail: &[u8]) -> Result<()> {
    if blake3::hash(tail).as_bytes() != &location.tail_hash {
        let start = location.length - location.tail_length;
        let message =
            format!("the tail of {} (bytes {start} to {}) does not have the hash that the log has of it", location.path, location.length);
        return Err(Error::corrupt(message));
    }
    Ok(())
}

fn check_location(location: &ParquetLocation) -> Result<()> {
    if location.base != 0 {
        return Err(Error::unsupported(format!("{} lies in another database (base {})", location.path, location.base)));
    }
    if location.tail_length > location.length {
        return Err(Error::corrupt(format!("{} has a tail that is longer than the file", location.path)));
    }
    Ok(())
}

fn parse_tail(location: &ParquetLocation, tail: Bytes) -> Result<SegmentFooter> {
    let corrupt = |error: parquet::errors::ParquetError| Error::corrupt(error.to_string()).with_source(error);
    let data_length = location.length - location.tail_length;
    // The last eight bytes: length of the footer, magic. The decoder takes for granted that the footer is within the file.
    let length = tail.len().checked_sub(8).and_then(|at| Some(u32::from_le_bytes(tail.get(at..at + 4)?.try_into().ok()?)));
    if length.is_none_or(|length| u64::from(length) + 8 > location.tail_length) {
        return Err(Error::corrupt("it is too short for its footer"));
    }
    let mut decoder =
        ParquetMetaDataPushDecoder::try_new(location.length).map_err(corrupt)?.with_page_index_policy(PageIndexPolicy::Required);
    decoder.push_range(data_length..location.length, tail).map_err(corrupt)?;
    let metadata = match decoder.try_decode().map_err(corrupt)? {
        DecodeResult::Data(metadata) => metadata,
        DecodeResult::NeedsData(_) | DecodeResult::Finished => return Err(Error::corrupt("its indexes are not all in it")),
    };
    check_offsets(&metadata, data_length)?;
    let pairs = metadata.file_metadata().key_value_metadata();
    let text = pairs.into_iter().flatten().find(|pair| pair.key == blocks::KEY).and_then(|pair| pair.value.as_deref());
    let sums = blocks::decode(text.ok_or_else(|| Error::corrupt("its footer has no block checksums"))?, data_length)?;
    Ok(SegmentFooter { metadata: Arc::new(metadata), sums, whole: None })
}

/// Checks that everything the metadata points to is before the tail.
fn check_offsets(metadata: &ParquetMetaData, data_length: u64) -> Result<()> {
    let within = |start: i64, length: i64| {
        u64::try_from(start)
            .ok()
            .zip(u64::try_from(length).ok())
            .and_then(|(start, length)| start.checked_add(length))
            .is_some_and(|end| end <= data_length)
    };
    let mut rows = 0_i64;
    for (number, group) in metadata.row_groups().iter().enumerate() {
        rows = rows.checked_add(group.num_rows().max(0)).ok_or_else(|| Error::corrupt("it counts too many rows"))?;
        for (leaf, column) in group.columns().iter().enumerate() {
            let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset()).min(column.data_page_offset());
            let pages = metadata.offset_index().and_then(|index| index.get(number)?.get(leaf));
            let pages_within = pages.is_none_or(|pages| {
                pages.page_locations().iter().all(|page| within(page.offset, page.compressed_page_size.into()) && page.first_row_index >= 0)
            });
            if group.num_rows() < 0 || !within(start, column.compressed_size()) || !pages_within {
                return Err(Error::corrupt(format!("column {leaf} of row group {number} lies outside of the file's data")));
            }
        }
    }
    if rows != metadata.file_metadata().num_rows() {
        return Err(Error::corrupt("its row groups do not have the rows that the footer counts"));
    }
    Ok(())
}

/// Fetches ranges of a segment's file and verifies them: widened to blocks of 64 KiB, neighbours in one request, each block checked against its
/// CRC32C before anything is returned. No request is made for a file that was read whole with its footer, nor for blocks that the store's cache has.
///
/// # Errors
/// *Corrupt* names the file and the block.
pub async fn read_ranges(store: &Store, location: &ParquetLocation, footer: &SegmentFooter, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
    check_location(location)?;
    let data_length = location.length - location.tail_length;
    if let Some(wrong) = ranges.iter().find(|range| range.start > range.end || range.end > location.length) {
        return Err(Error::corrupt(format!("bytes {wrong:?} are wanted of {}, which has {}", location.path, location.length)));
    }
    if let Some(whole) = footer.whole.as_ref().filter(|whole| whole.len() as u64 == location.length) {
        return Ok(ranges.iter().map(|range| whole.slice(range.start as usize..range.end as usize)).collect());
    }
    let wide =
        merge(ranges.iter().filter(|range| !range.is_empty() && range.start < data_length).map(|range| blocks::widen(range, data_length)));
    let verify = |start: u64, bytes: &[u8]| blocks::verify(bytes, start, &footer.sums).map_err(|error| error.context(&location.path));
    let bodies = fetch::blocks(store, location, &wide, verify).await?;
    let tail = match ranges.iter().any(|range| range.end > data_length && !range.is_empty()) {
        true => read_tail(store, location).await?,
        false => Bytes::new(),
    };
    let slice = |range: &Range<u64>| {
        let part = |body: &Bytes, start: u64, range: Range<u64>| body.slice((range.start - start) as usize..(range.end - start) as usize);
        let data = range.start..range.end.min(data_length);
        let before = match wide.partition_point(|wide| wide.start <= data.start).checked_sub(1) {
            Some(index) if !data.is_empty() => part(&bodies[index], wide[index].start, data),
            _ => Bytes::new(),
        };
        if range.end <= data_length || range.is_empty() {
            return before;
        }
        let behind = part(&tail, data_length, range.start.max(data_length)..range.end);
        if before.is_empty() { behind } else { [before, behind].concat().into() }
    };
    Ok(ranges.iter().map(slice).collect())
}

/// The union of ranges, ascending, where ranges that overlap or touch are one. The store decides which are fetched together.
fn merge(ranges: impl Iterator<Item = Range<u64>>) -> Vec<Range<u64>> {
    let mut ranges: Vec<_> = ranges.collect();
    ranges.sort_unstable_by_key(|range| (range.start, range.end));
    let mut merged: Vec<Range<u64>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// The rows of an inline segment, in the table's schema.
///
/// # Errors
/// *Corrupt* when they are not rows of this table, or not as many as the log says.
pub fn read_inline(table: &TableMeta, segment: &SegmentMeta) -> Result<Vec<RecordBatch>> {
    let SegmentBody::Inline(stream) = &segment.body else {
        return Err(Error::internal(format!("segment {} is not inline", segment.id)));
    };
    let context = |error: Error| error.context(format!("segment {} of table '{}'", segment.id, table.name));
    let batches = inline::decode(table, stream).map_err(context)?;
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    if rows as u64 != segment.rows {
        return Err(context(Error::corrupt(format!("{rows} inline rows where the log has {}", segment.rows))));
    }
    Ok(batches)
}
