//! Counts what is asked of a store: a wrapper around any `ObjectStore` that everything above goes through.
//!
//! A request is counted when it is made, so failed attempts count too; bytes are counted as they arrive, so a body that breaks off half-way
//! counts as far as it came. What a client repeats below this (retries, pages of a listing) is one request here.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart,
};

use super::StoreCounts;
use crate::segment::{BlockCache, Lookup, ParquetLocation, Piece};

/// The running totals. Relaxed order is enough: they are read for display and for differences around work that was awaited.
#[derive(Debug, Default)]
pub(super) struct Counters {
    gets: AtomicU64,
    puts: AtomicU64,
    heads: AtomicU64,
    lists: AtomicU64,
    bytes_read: AtomicU64,
    bytes_written: AtomicU64,
    cache_hits: AtomicU64,
    cache_bytes_read: AtomicU64,
}

fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

impl Counters {
    /// The totals now.
    pub(super) fn read(&self) -> StoreCounts {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        StoreCounts {
            gets: get(&self.gets),
            puts: get(&self.puts),
            heads: get(&self.heads),
            lists: get(&self.lists),
            bytes_read: get(&self.bytes_read),
            bytes_written: get(&self.bytes_written),
            cache_hits: get(&self.cache_hits),
            cache_bytes_read: get(&self.cache_bytes_read),
        }
    }
}

/// A store that counts.
#[derive(Debug)]
pub(super) struct Counted {
    inner: Arc<dyn ObjectStore>,
    counters: Arc<Counters>,
    /// Whether the store underneath reads several ranges of one object better by itself than one by one.
    reads_ranges_at_once: bool,
}

impl Counted {
    pub(super) fn new(inner: Arc<dyn ObjectStore>, counters: Arc<Counters>, reads_ranges_at_once: bool) -> Self {
        Self { inner, counters, reads_ranges_at_once }
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for Counted {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        add(&self.counters.puts, 1);
        add(&self.counters.bytes_written, payload.content_length() as u64);
        self.inner.put_opts(location, payload, opts).await
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        add(&self.counters.puts, 1);
        let inner = self.inner.put_multipart_opts(location, opts).await?;
        Ok(Box::new(CountedUpload { inner, counters: Arc::clone(&self.counters) }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let head = options.head;
        add(if head { &self.counters.heads } else { &self.counters.gets }, 1);
        let mut result = self.inner.get_opts(location, options).await?;
        if head {
            return Ok(result);
        }
        result.payload = match result.payload {
            // A file is read by whoever asked for it: all of the range, as far as can be known here.
            GetResultPayload::File(file, path) => {
                add(&self.counters.bytes_read, result.range.end - result.range.start);
                GetResultPayload::File(file, path)
            }
            GetResultPayload::Stream(stream) => {
                let counters = Arc::clone(&self.counters);
                let counted = stream.inspect(move |chunk| {
                    if let Ok(chunk) = chunk {
                        add(&counters.bytes_read, chunk.len() as u64);
                    }
                });
                GetResultPayload::Stream(counted.boxed())
            }
        };
        Ok(result)
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        if !self.reads_ranges_at_once {
            let fetch =
                |range: Range<u64>| async move { self.get_opts(location, GetOptions::new().with_range(Some(range))).await?.bytes().await };
            return object_store::coalesce_ranges(ranges, fetch, super::ranges::REMOTE_GAP).await;
        }
        add(&self.counters.gets, ranges.len() as u64);
        let bodies = self.inner.get_ranges(location, ranges).await?;
        add(&self.counters.bytes_read, bodies.iter().map(|body| body.len() as u64).sum());
        Ok(bodies)
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        add(&self.counters.lists, 1);
        self.inner.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        add(&self.counters.lists, 1);
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        add(&self.counters.lists, 1);
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        add(&self.counters.puts, 1);
        self.inner.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        add(&self.counters.puts, 1);
        self.inner.rename_opts(from, to, options).await
    }
}

/// A multipart upload that counts: each part is a PUT, and so is its completion.
#[derive(Debug)]
struct CountedUpload {
    inner: Box<dyn MultipartUpload>,
    counters: Arc<Counters>,
}

#[async_trait]
impl MultipartUpload for CountedUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        add(&self.counters.puts, 1);
        add(&self.counters.bytes_written, data.content_length() as u64);
        self.inner.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        add(&self.counters.puts, 1);
        self.inner.complete().await
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}

/// A cache of blocks that counts.
#[derive(Debug)]
pub(super) struct CountedBlocks {
    inner: Arc<dyn BlockCache>,
    counters: Arc<Counters>,
}

impl CountedBlocks {
    pub(super) fn new(inner: Arc<dyn BlockCache>, counters: Arc<Counters>) -> Self {
        Self { inner, counters }
    }
}

#[async_trait]
impl BlockCache for CountedBlocks {
    async fn find(&self, file: &ParquetLocation, ranges: &[Range<u64>]) -> Lookup {
        let found = self.inner.find(file, ranges).await;
        add(&self.counters.cache_hits, found.pieces.len() as u64);
        add(&self.counters.cache_bytes_read, found.pieces.iter().map(|(_, bytes)| bytes.len() as u64).sum());
        found
    }

    fn keep(&self, file: &ParquetLocation, pieces: Vec<Piece>, looked_up_at: Duration) {
        self.inner.keep(file, pieces, looked_up_at);
    }

    fn damaged(&self, file: &ParquetLocation, range: Range<u64>) {
        self.inner.damaged(file, range);
    }
}
