//! Reads segments' files for DataFusion's Parquet source: footers through the cache, everything else verified before it is decoded.
//!
//! DataFusion decides what to read and decodes it; the bytes come from here. Every reader counts its own requests and bytes.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use clouddb_cache::FooterCache;
use clouddb_storage::segment::reader::{self, SegmentFooter};
use clouddb_storage::segment::{ParquetLocation, SegmentBody, SegmentMeta};
use clouddb_storage::store::{Store, StoreCounts};
use datafusion::common::{Result, internal_datafusion_err};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::physical_plan::metrics::{Count, ExecutionPlanMetricsSet, MetricBuilder};
use futures::FutureExt;
use futures::future::BoxFuture;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;

use super::ahead::FootersAhead;
use super::nan::FloatColumns;

/// What travels with a [`PartitionedFile`], so that a reader knows which segment it reads.
pub(crate) struct SegmentOfFile(pub(crate) Arc<SegmentMeta>);

/// Makes readers of the segments of one store.
pub(crate) struct SegmentReaderFactory {
    store: Store,
    footers: FooterCache,
    floats: FloatColumns,
    ahead: Arc<FootersAhead>,
}

impl SegmentReaderFactory {
    pub(super) fn new(store: Store, footers: FooterCache, floats: FloatColumns, ahead: FootersAhead) -> Self {
        Self { store, footers, floats, ahead: Arc::new(ahead) }
    }
}

impl fmt::Debug for SegmentReaderFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SegmentReaderFactory").field("store", &self.store.url()).finish_non_exhaustive()
    }
}

impl ParquetFileReaderFactory for SegmentReaderFactory {
    fn create_reader(
        &self,
        partition: usize,
        file: PartitionedFile,
        _metadata_size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let segment = file.extension::<SegmentOfFile>().map(|segment| Arc::clone(&segment.0));
        let segment = segment.ok_or_else(|| internal_datafusion_err!("file {} is no segment", file.path()))?;
        let counter = |name| MetricBuilder::new(metrics).counter(name, partition);
        let store_metrics = StoreMetrics { requests: counter("store_requests"), bytes: counter("store_bytes_read") };
        self.ahead.opening(segment.id, &store_metrics);
        Ok(Box::new(SegmentReader {
            store: self.store.counting_separately(),
            footers: self.footers.clone(),
            floats: self.floats.clone(),
            ahead: Arc::clone(&self.ahead),
            segment,
            footer: None,
            counted: StoreCounts::default(),
            store_metrics,
            scanned_bytes: counter("bytes_scanned"),
        }))
    }
}

/// What a scan asked of the store.
#[derive(Clone)]
pub(super) struct StoreMetrics {
    requests: Count,
    bytes: Count,
}

impl StoreMetrics {
    pub(super) fn add(&self, counts: StoreCounts) {
        self.requests.add((counts.gets + counts.heads) as usize);
        self.bytes.add(counts.bytes_read as usize);
    }
}

/// Reads one segment's file, for one partition of one scan.
struct SegmentReader {
    store: Store,
    footers: FooterCache,
    floats: FloatColumns,
    ahead: Arc<FootersAhead>,
    segment: Arc<SegmentMeta>,
    footer: Option<Arc<SegmentFooter>>,
    /// What of the store's counts is in the metrics already.
    counted: StoreCounts,
    store_metrics: StoreMetrics,
    scanned_bytes: Count,
}

impl SegmentReader {
    fn location(&self) -> clouddb_storage::Result<&ParquetLocation> {
        match &self.segment.body {
            SegmentBody::Parquet(location) => Ok(location),
            SegmentBody::Inline(_) => {
                Err(clouddb_storage::Error::internal(format!("inline segment {} is read as a file", self.segment.id)))
            }
        }
    }

    async fn footer(&mut self) -> clouddb_storage::Result<Arc<SegmentFooter>> {
        if let Some(footer) = &self.footer {
            return Ok(Arc::clone(footer));
        }
        let footer = match self.ahead.take(self.segment.id) {
            Some(footer) => footer,
            None => self.footers.footer(&self.store, self.segment.id, self.location()?).await?,
        };
        self.footer = Some(Arc::clone(&footer));
        Ok(footer)
    }

    async fn read(&mut self, ranges: &[Range<u64>]) -> clouddb_storage::Result<Vec<Bytes>> {
        let footer = self.footer().await?;
        let read = reader::read_ranges(&self.store, self.location()?, &footer, ranges).await?;
        self.scanned_bytes.add(ranges.iter().map(|range| (range.end - range.start) as usize).sum());
        Ok(read)
    }

    /// Brings the metrics up to date with what was asked of the store, also for requests that failed.
    fn count(&mut self) {
        let now = self.store.counts();
        self.store_metrics.add(now - self.counted);
        self.counted = now;
    }
}

impl AsyncFileReader for SegmentReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, parquet::errors::Result<Bytes>> {
        async move {
            let read = self.read(std::slice::from_ref(&range)).await;
            self.count();
            let mut read = read.map_err(to_parquet)?;
            read.pop().ok_or_else(|| ParquetError::General(format!("bytes {range:?} of segment {} did not come", self.segment.id)))
        }
        .boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, parquet::errors::Result<Vec<Bytes>>> {
        async move {
            let read = self.read(&ranges).await;
            self.count();
            read.map_err(to_parquet)
        }
        .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, parquet::errors::Result<Arc<ParquetMetaData>>> {
        async move {
            let footer = self.footer().await;
            self.count();
            let footer = footer.map_err(to_parquet)?;
            self.floats.without_misleading_bounds(&self.segment, footer.metadata())
        }
        .boxed()
    }
}

fn to_parquet(error: clouddb_storage::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}
