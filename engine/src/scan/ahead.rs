//! Fetches the footers of the segments that a scan opens next, where a request is a trip over a network.
//!
//! A partition opens its files one after the other, and each needs its footer first: many small segments would be as many trips. So opening one
//! fetches those of the next few as well. What was fetched is kept here until it is used, however full the cache is; a fetch that failed is made
//! again when it is needed, and fails there.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clouddb_cache::FooterCache;
use clouddb_storage::segment::reader::{self, SegmentFooter};
use clouddb_storage::segment::{SegmentBody, SegmentMeta};
use clouddb_storage::store::{Store, StoreKind};
use clouddb_storage::{Error, Result, SegmentId};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::stream::StoreMetrics;

/// Footers fetched ahead in one scan, all partitions together, but one for each: as many as it takes to hide a trip of 30 ms behind files that take a
/// millisecond each. A small file comes whole with its footer, so this is some 8 MiB.
const AHEAD: usize = 32;

/// Footers of a scan, ahead of need. Dropping it ends what is under way.
pub(super) struct FootersAhead {
    store: Store,
    footers: FooterCache,
    /// In the order in which they are opened, as far as that can be known.
    segments: Vec<Arc<SegmentMeta>>,
    positions: HashMap<SegmentId, usize>,
    /// How many to fetch behind the one that is opened.
    window: usize,
    fetched: Arc<Mutex<HashMap<SegmentId, Arc<SegmentFooter>>>>,
    progress: Mutex<Progress>,
}

struct Progress {
    /// By position: opened, or fetched ahead.
    begun: Vec<bool>,
    fetches: JoinSet<()>,
}

impl std::fmt::Debug for FootersAhead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FootersAhead").field("segments", &self.segments.len()).finish_non_exhaustive()
    }
}

impl FootersAhead {
    /// For a scan of these segments in so many partitions.
    pub(super) fn new(store: Store, footers: FooterCache, segments: Vec<Arc<SegmentMeta>>, partitions: usize) -> Self {
        let window = match store.kind() {
            StoreKind::Local => 0,
            StoreKind::Memory | StoreKind::Remote => (AHEAD / partitions.max(1)).clamp(1, 8),
        };
        let positions = segments.iter().enumerate().map(|(position, segment)| (segment.id, position)).collect();
        let progress = Mutex::new(Progress { begun: vec![false; segments.len()], fetches: JoinSet::new() });
        Self { store, footers, segments, positions, window, fetched: Arc::default(), progress }
    }

    /// A segment's footer, for whoever opens the segment now. Fetches those of the next ones meanwhile.
    pub(super) async fn footer(&self, segment: &SegmentMeta, store: &Store, metrics: &StoreMetrics) -> Result<Arc<SegmentFooter>> {
        self.opening(segment.id, metrics);
        if let Some(footer) = lock(&self.fetched).remove(&segment.id) {
            return Ok(footer);
        }
        let footer = match &segment.body {
            SegmentBody::Parquet(location) => self.footers.footer(store, segment.id, location).await,
            SegmentBody::Inline(_) => Err(Error::internal(format!("inline segment {} is read as a file", segment.id))),
        };
        // It may have been on its way: then it was put here meanwhile, and nobody else comes for it.
        lock(&self.fetched).remove(&segment.id);
        footer
    }

    /// Whether a segment's footer can be had without a request.
    pub(super) fn is_at_hand(&self, segment: SegmentId) -> bool {
        lock(&self.fetched).contains_key(&segment) || self.footers.contains(segment)
    }

    /// A segment is being opened: fetches the footers of the next ones.
    fn opening(&self, segment: SegmentId, metrics: &StoreMetrics) {
        let (Some(&position), Ok(runtime)) = (self.positions.get(&segment), Handle::try_current()) else { return };
        let mut progress = lock(&self.progress);
        while progress.fetches.try_join_next().is_some() {}
        for next in position..(position + 1 + self.window).min(self.segments.len()) {
            if std::mem::replace(&mut progress.begun[next], true) || next == position || self.footers.contains(self.segments[next].id) {
                continue;
            }
            let fetch = self.fetch(&self.segments[next], metrics.clone());
            progress.fetches.spawn_on(fetch, &runtime);
        }
    }

    fn fetch(&self, segment: &Arc<SegmentMeta>, metrics: StoreMetrics) -> impl Future<Output = ()> + Send + 'static {
        let (store, footers) = (self.store.counting_separately(), self.footers.clone());
        let (segment, fetched) = (Arc::clone(segment), Arc::clone(&self.fetched));
        async move {
            let SegmentBody::Parquet(location) = &segment.body else { return };
            let load = async {
                let footer = reader::read_footer(&store, location).await.map(Arc::new);
                // Before anybody can go on with it: metrics are read when the scan ends.
                metrics.add(store.counts());
                let footer = footer?;
                lock(&fetched).insert(segment.id, Arc::clone(&footer));
                Ok(footer)
            };
            let _ = footers.footer_by(segment.id, load).await;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
