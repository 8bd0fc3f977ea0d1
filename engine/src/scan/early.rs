//! What scans of a far-away store fetch before anybody asks them for rows.
//!
//! A join reads one side, then the other, so a query with five joins would wait for five trips, one after the other. When a plan is run, the footers and
//! the bytes of the first row groups of all its scans are asked for at once. What turns out not to be wanted, because a join's filter leaves it out, was
//! fetched in vain; so it is not much, and nothing where the query's own filters leave few rows of a row group.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use clouddb_cache::RowGroup;
use clouddb_storage::SegmentId;
use clouddb_storage::segment::reader::SegmentFooter;
use clouddb_storage::store::{Store, StoreCounts};
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_plan::ExecutionPlan;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::source::SegmentSource;
use super::stream::StoreMetrics;

/// What one scan fetches before it is asked for rows, in bytes.
const EARLY_BYTES: u64 = 16 << 20;

/// The same for all scans of a plan together: no operator accounts for these bytes.
const EARLY_BYTES_IN_ALL: u64 = 64 << 20;

/// Segments that one scan looks at early: whoever needs the rest need not wait for their footers, and what is cached costs no bytes.
pub(super) const EARLY_SEGMENTS: usize = 24;

/// Row groups that one scan fetches early: each is a request, or several.
pub(super) const EARLY_ROW_GROUPS: usize = 48;

/// Columns that only the output needs are fetched if at least this share of the rows is expected to pass the query's own filters: a hundred or so of a
/// row group, which are on most of its pages.
pub(super) const LEAST_SELECTIVITY: f64 = 0.001;

/// Begins to fetch for all scans of a plan that is about to be run, where that is worth it.
pub(crate) fn begin(plan: &Arc<dyn ExecutionPlan>) {
    let Ok(runtime) = Handle::try_current() else { return };
    // Where a table is read twice in the same way, the second scan mostly finds in the cache what the first one fetched.
    let mut scans: HashMap<String, &SegmentSource> = HashMap::new();
    collect(plan, &mut scans);
    let each = EARLY_BYTES.min(EARLY_BYTES_IN_ALL / scans.len().max(1) as u64);
    scans.into_values().for_each(|source| source.begin_early(&runtime, each));
}

/// The scans of a plan, one for each identity.
fn collect<'a>(plan: &'a Arc<dyn ExecutionPlan>, scans: &mut HashMap<String, &'a SegmentSource>) {
    let source = plan.downcast_ref::<DataSourceExec>().map(DataSourceExec::data_source);
    if let Some(source) = source.and_then(|source| source.downcast_ref::<SegmentSource>())
        && source.is_far()
    {
        scans.entry(source.identity()).or_insert(source);
    }
    plan.children().into_iter().for_each(|child| collect(child, scans));
}

/// What was found of a scan's segments.
#[derive(Default)]
pub(super) struct Found {
    pub(super) footers: HashMap<SegmentId, Arc<SegmentFooter>>,
    /// Row groups whose bytes are on their way.
    pub(super) row_groups: HashMap<(SegmentId, usize), RowGroup>,
}

/// What a scan fetches early. Dropping it ends what is under way.
#[derive(Default)]
pub(super) struct Early(OnceLock<Begun>);

struct Begun {
    found: Shared<BoxFuture<'static, Arc<Mutex<Found>>>>,
    /// Counts what it asks for.
    store: Store,
    /// How much of that is in the metrics.
    counted: Mutex<StoreCounts>,
}

impl fmt::Debug for Early {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Early").field("begun", &self.0.get().is_some()).finish()
    }
}

impl Early {
    /// Begins, unless that was done before: a plan that is run again finds what it needs in the caches, or reads it when it is wanted. `store` counts
    /// what `find` asks for.
    pub(super) fn begin(&self, runtime: &Handle, store: Store, find: impl Future<Output = Found> + Send + 'static) {
        self.0.get_or_init(|| {
            let mut task = JoinSet::new();
            task.spawn_on(find, runtime);
            let found = async move {
                let found = task.join_next().await.and_then(Result::ok).unwrap_or_default();
                Arc::new(Mutex::new(found))
            };
            Begun { found: found.boxed().shared(), store, counted: Mutex::default() }
        });
    }

    /// The footer of a segment that is opened now, if it is here. Waits until it is known what is.
    pub(super) async fn footer(&self, segment: SegmentId) -> Option<Arc<SegmentFooter>> {
        let found = self.0.get()?.found.clone().await;
        lock(&found).footers.get(&segment).cloned()
    }

    /// The row group, with its bytes on their way if they are.
    pub(super) async fn row_group(&self, row_group: RowGroup) -> RowGroup {
        let Some(begun) = self.0.get() else { return row_group };
        let found = begun.found.clone().await;
        lock(&found).row_groups.remove(&(row_group.segment.id, row_group.number)).unwrap_or(row_group)
    }

    /// Brings metrics up to date with what was asked of the store.
    pub(super) fn count(&self, metrics: &StoreMetrics) {
        let Some(begun) = self.0.get() else { return };
        let mut counted = lock(&begun.counted);
        let now = begun.store.counts();
        metrics.add(now - *counted);
        *counted = now;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
