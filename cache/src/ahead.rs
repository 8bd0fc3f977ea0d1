//! Bytes of a row group that are fetched together, and before it is known who decodes which of them.

use std::fmt;
use std::io::Read;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use clouddb_storage::segment::ParquetLocation;
use clouddb_storage::segment::reader::{self, SegmentFooter};
use clouddb_storage::store::Store;
use clouddb_storage::{Error, Result};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};
use tokio::task::JoinSet;

/// Columns of a row group whose bytes are on their way. When the last clone is dropped, they are no longer.
#[derive(Clone)]
pub(crate) struct Ahead {
    /// By their positions in the table.
    columns: Arc<[usize]>,
    fetch: Shared<BoxFuture<'static, Result<Fetched>>>,
}

impl fmt::Debug for Ahead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ahead").field("columns", &self.columns).finish_non_exhaustive()
    }
}

impl Ahead {
    /// Begins to fetch ranges, ascending, which are all bytes of the columns.
    pub(crate) fn begin(
        store: Store,
        file: ParquetLocation,
        footer: Arc<SegmentFooter>,
        columns: Vec<usize>,
        ranges: Vec<Range<u64>>,
    ) -> Self {
        let mut task = JoinSet::new();
        task.spawn(async move { Fetched::read(&store, &file, &footer, &ranges).await });
        let fetch = async move {
            match task.join_next().await {
                Some(Ok(fetched)) => fetched,
                Some(Err(error)) => Err(Error::internal(format!("a fetch ended early: {error}"))),
                None => Err(Error::internal("a fetch is not there")),
            }
        };
        Self { columns: columns.into(), fetch: fetch.boxed().shared() }
    }

    /// Whether it has all of these columns.
    pub(crate) fn has(&self, columns: &[usize]) -> bool {
        columns.iter().all(|column| self.columns.contains(column))
    }

    /// The bytes, when they are there.
    ///
    /// # Errors
    /// Those of reading them.
    pub(crate) async fn fetched(&self) -> Result<Fetched> {
        self.fetch.clone().await
    }
}

/// The parts of a file that were fetched.
#[derive(Debug, Clone)]
pub(crate) struct Fetched {
    length: u64,
    /// Each with where it begins, ascending.
    parts: Arc<[(u64, Bytes)]>,
}

impl Fetched {
    /// Fetches ranges of a segment's file, ascending, and verifies them.
    pub(crate) async fn read(store: &Store, location: &ParquetLocation, footer: &SegmentFooter, ranges: &[Range<u64>]) -> Result<Self> {
        let bytes = reader::read_ranges(store, location, footer, ranges).await?;
        Ok(Self { length: location.length, parts: ranges.iter().map(|range| range.start).zip(bytes).collect() })
    }

    /// What was fetched from here on.
    fn from(&self, start: u64) -> parquet::errors::Result<Bytes> {
        // Parts may touch: the last one that begins before it is the one.
        let part = self.parts.iter().rev().find(|(begin, bytes)| *begin <= start && start <= begin + bytes.len() as u64);
        let (begin, bytes) = part.ok_or_else(|| ParquetError::EOF(format!("byte {start} was not fetched")))?;
        Ok(bytes.slice(usize::try_from(start - begin).unwrap_or(usize::MAX)..))
    }
}

impl Length for Fetched {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Fetched {
    type T = Box<dyn Read>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(Box::new(self.from(start)?.reader()))
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        let bytes = self.from(start)?;
        if bytes.len() < length {
            return Err(ParquetError::EOF(format!("bytes {start} to {} were not fetched", start + length as u64)));
        }
        Ok(bytes.slice(..length))
    }
}
