//! Segments: the immutable pieces that a table's rows are stored in.
//!
//! A segment is a Parquet file that any engine reads, or, for a handful of rows, a block inside the log's record (*inline*).

mod blocks;
mod bounds;
mod conform;
mod distinct;
mod encoding;
mod fetch;
mod file;
mod inline;
mod layout;
pub(crate) mod merge;
pub mod reader;
mod sort;
pub mod statistics;
#[cfg(test)]
mod tests;
pub mod writer;

use bytes::Bytes;

use crate::ids::SegmentId;
pub use blocks::BLOCK;
pub use fetch::{BlockCache, Lookup, Piece, missing};
pub use sort::ORDER as CLUSTERING_ORDER;
pub use statistics::{Bound, ColumnStatistics, Value};

/// What the log holds of a segment.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentMeta {
    /// Its identity.
    pub id: SegmentId,
    /// Where its bytes are.
    pub body: SegmentBody,
    /// Rows in the file, deleted ones included.
    pub rows: u64,
    /// The row id of its first row, given at commit; the others follow.
    pub first_row_id: u64,
    /// Whether the file stores its rows' ids in the column `_row_id`, as rewritten segments do: `first_row_id` is then the least of them.
    pub stored_row_ids: bool,
    /// The snapshot that added it, given at commit.
    pub added_at: u64,
    /// The table's schema version that it was written with.
    pub schema_version: u64,
    /// Whether its rows are sorted by the table's clustering key.
    pub sorted: bool,
    /// Null counts and bounds of the clustering columns and the first 32; columns that are not here have none.
    pub columns: Vec<ColumnStatistics>,
    /// Rows deleted from it. (Reserved: nothing deletes rows yet.)
    pub deleted_rows: u64,
}

/// Where a segment's bytes are.
#[derive(Debug, Clone, PartialEq)]
pub enum SegmentBody {
    /// A Parquet file below the database's folder.
    Parquet(ParquetLocation),
    /// In the record itself: an Arrow IPC stream, schema included.
    Inline(Bytes),
}

/// A Parquet file, with what it takes to verify every byte of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParquetLocation {
    /// Which base the path is relative to: 0 is the database itself. (Reserved for clones.)
    pub base: u32,
    /// The path below the base: `data/<session>/<n>.parquet`.
    pub path: String,
    /// Length of the file in bytes.
    pub length: u64,
    /// Length in bytes of the tail: page indexes, footer and the 8 bytes behind it.
    pub tail_length: u64,
    /// BLAKE3 of the tail. The tail in turn holds a CRC32C for every block of 64 KiB before it.
    pub tail_hash: [u8; 32],
}

/// The path of a segment's file, below the database: it follows from the segment's id.
pub(crate) fn parquet_path(id: SegmentId) -> String {
    format!("data/{}/{}.parquet", id.session, id.number)
}

impl SegmentMeta {
    /// Rows that a scan returns.
    pub fn live_rows(&self) -> u64 {
        self.rows - self.deleted_rows
    }

    /// Bytes it takes in the store.
    pub fn bytes(&self) -> u64 {
        match &self.body {
            SegmentBody::Parquet(location) => location.length,
            SegmentBody::Inline(data) => data.len() as u64,
        }
    }

    /// Statistics of a column, by field id.
    pub fn column(&self, field_id: u32) -> Option<&ColumnStatistics> {
        self.columns.iter().find(|column| column.field_id == field_id)
    }
}
