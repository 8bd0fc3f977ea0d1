//! One partition of a scan: takes row groups, filters them inside the cache, and hands out the rows that are wanted.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use clouddb_cache::bits::Bits;
use clouddb_cache::chunk::Rows;
use clouddb_cache::predicate::ValueBounds;
use clouddb_cache::{Chunk, Filter, Loading, RowGroup};
use clouddb_storage::segment::SegmentMeta;
use clouddb_storage::store::{Store, StoreCounts, StoreKind};
use datafusion::common::Result;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{DynamicFilterTracker, DynamicFilterTracking};
use datafusion::physical_plan::metrics::{BaselineMetrics, Count, ExecutionPlanMetricsSet, MetricBuilder, RecordOutput};
use futures::Stream;

use super::early::{Early, LEAST_SELECTIVITY};
use super::output::{self, Column, Coming};
use super::work::{Item, Opening, Piece, Queue, Toward};
use super::{Shared, compile, expression, pruning};
use crate::error::{Error, to_datafusion};
use crate::key_sets::JoinKeys;

/// Row groups whose filter's columns are on their way in one scan of a far-away store, all partitions together, but two for each: as many requests as hide a
/// trip of 30 ms behind a network of a gigabit. As many again may wait for columns of the output.
const AHEAD_REMOTE: usize = 24;

/// Fewer row groups are on their way if they take more than this together, but one for each partition: no operator accounts for these bytes.
const AHEAD_BYTES: u64 = 128 << 20;

/// Row groups on their way for each partition on local disk: one is read while another is decoded.
const AHEAD_LOCAL: usize = 2;

/// Less than this share of a row group's rows, with those between them that are decoded all the same, is few: whole columns are not asked for before it is known
/// which rows are wanted.
const FEW: f64 = 1.0 / 64.0;

/// What a scan does, for all its partitions.
pub(super) struct Job {
    pub(super) shared: Arc<Shared>,
    pub(super) projection: Vec<usize>,
    pub(super) projected_schema: SchemaRef,
    pub(super) filters: Vec<Arc<dyn PhysicalExpr>>,
    pub(super) fetch: Option<usize>,
    pub(super) toward: Option<(usize, Toward)>,
    /// The share of rows that is expected to pass the query's own filters.
    pub(super) selectivity: f64,
    pub(super) join_keys: Vec<Arc<JoinKeys>>,
    pub(super) early: Arc<Early>,
    pub(super) batch_rows: usize,
    pub(super) partitions: usize,
    pub(super) metrics: ExecutionPlanMetricsSet,
}

/// What partitions take from a queue: a row group that may have wanted rows.
pub(super) type Morsel = RowGroup;

struct Metrics {
    baseline: BaselineMetrics,
    segments_skipped: Count,
    row_groups: Count,
    row_groups_pruned: Count,
    row_groups_empty: Count,
    rows_scanned: Count,
    cache_hits: Count,
    cache_misses: Count,
    store: StoreMetrics,
}

impl Metrics {
    fn new(metrics: &ExecutionPlanMetricsSet, partition: usize) -> Self {
        let counter = |name| MetricBuilder::new(metrics).counter(name, partition);
        Self {
            baseline: BaselineMetrics::new(metrics, partition),
            segments_skipped: counter("segments_skipped"),
            row_groups: counter("row_groups_total"),
            row_groups_pruned: counter("row_groups_pruned"),
            row_groups_empty: counter("row_groups_empty"),
            rows_scanned: counter("rows_scanned"),
            cache_hits: counter("cache_hits"),
            cache_misses: counter("cache_misses"),
            store: StoreMetrics::new(metrics, partition),
        }
    }
}

/// What a scan asked of the store.
#[derive(Clone)]
pub(super) struct StoreMetrics {
    requests: Count,
    bytes: Count,
    /// Of the cache on disk.
    disk_hits: Count,
    disk_bytes: Count,
}

impl StoreMetrics {
    pub(super) fn new(metrics: &ExecutionPlanMetricsSet, partition: usize) -> Self {
        let counter = |name| MetricBuilder::new(metrics).counter(name, partition);
        Self {
            requests: counter("store_requests"),
            bytes: counter("store_bytes_read"),
            disk_hits: counter("disk_hits"),
            disk_bytes: counter("disk_bytes_read"),
        }
    }

    pub(super) fn add(&self, counts: StoreCounts) {
        self.requests.add((counts.gets + counts.heads) as usize);
        self.bytes.add(counts.bytes_read as usize);
        self.disk_hits.add(counts.cache_hits as usize);
        self.disk_bytes.add(counts.cache_bytes_read as usize);
    }
}

/// A row group whose columns are there or on their way.
struct Pending {
    row_group: RowGroup,
    /// Those that the filter reads.
    of_filter: Loading,
    /// The others that the output needs, if they were asked for at once.
    of_output: Option<Coming>,
}

/// A row group with wanted rows, whose other columns are there or on their way.
struct Filtered {
    rows: usize,
    wanted: Option<Bits>,
    /// By their positions in the table.
    at_hand: Vec<Option<Column>>,
    coming: Vec<Coming>,
}

/// A row group with wanted rows that have not all been handed out.
struct Current {
    columns: Vec<Column>,
    rows: usize,
    /// Which rows are wanted; all, if there is none.
    wanted: Option<Bits>,
    /// Rows before this one are done.
    next: usize,
}

/// A partition that runs.
struct Partition {
    job: Job,
    queue: Arc<Queue<Morsel>>,
    store: Store,
    counted: StoreCounts,
    metrics: Metrics,
    filter: Filter,
    filter_columns: Vec<usize>,
    output_columns: Vec<usize>,
    trackers: Vec<DynamicFilterTracker>,
    /// Row groups whose filter columns were looked at, and those of them that had a wanted row.
    looked_at: usize,
    with_rows: usize,
    /// Of the row groups with wanted rows, which share would have to be decoded, added up.
    decoded: f64,
    /// What fetching the row group that was asked for last takes.
    row_group_bytes: u64,
    pending: VecDeque<Pending>,
    filtered: VecDeque<Filtered>,
    current: Option<Current>,
    /// Rows that are too few for a batch.
    small: Vec<RecordBatch>,
    small_rows: usize,
    remaining: usize,
    indices: Vec<u32>,
    begun: bool,
    over: bool,
}

/// The batches of a partition.
pub(super) fn batches(job: Job, queue: Arc<Queue<Morsel>>, partition: usize) -> Result<impl Stream<Item = Result<RecordBatch>> + Send> {
    let partition = Partition::new(job, queue, partition);
    Ok(futures::stream::unfold(partition, |mut partition| async move {
        if partition.over {
            return None;
        }
        let batch = partition.next_batch().await.transpose();
        partition.count_requests();
        match &batch {
            Some(Ok(batch)) => drop(batch.record_output(&partition.metrics.baseline)),
            _ => partition.over = true,
        }
        batch.map(|batch| (batch, partition))
    }))
}

impl Partition {
    fn new(job: Job, queue: Arc<Queue<Morsel>>, partition: usize) -> Self {
        let mut output_columns = job.projection.clone();
        output_columns.sort_unstable();
        output_columns.dedup();
        Self {
            store: job.shared.store.counting_separately(),
            counted: StoreCounts::default(),
            metrics: Metrics::new(&job.metrics, partition),
            filter: Filter::default(),
            filter_columns: Vec::new(),
            output_columns,
            trackers: Vec::new(),
            looked_at: 0,
            with_rows: 0,
            decoded: 0.0,
            row_group_bytes: 0,
            pending: VecDeque::new(),
            filtered: VecDeque::new(),
            current: None,
            small: Vec::new(),
            small_rows: 0,
            remaining: job.fetch.unwrap_or(usize::MAX),
            indices: Vec::new(),
            begun: false,
            over: false,
            job,
            queue,
        }
    }

    /// Brings the metrics up to date with what was asked of the store.
    fn count_requests(&mut self) {
        let now = self.store.counts();
        self.metrics.store.add(now - self.counted);
        self.counted = now;
        self.job.early.count(&self.metrics.store);
    }

    async fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        if !std::mem::replace(&mut self.begun, true) {
            // Not before the first batch is asked for: joins fill in their filters before they read this side. Watched first, so that no change is missed.
            for filter in &self.job.filters {
                if let DynamicFilterTracking::Watching(tracker) = DynamicFilterTracking::classify(filter) {
                    self.trackers.push(tracker);
                }
            }
            self.compile()?;
        }
        loop {
            if self.remaining == 0 {
                return Ok(None);
            }
            if let Some(batch) = self.next_of_current()? {
                self.remaining -= batch.num_rows();
                return Ok(Some(batch));
            }
            if !self.next_row_group().await? {
                return self.rest();
            }
        }
    }

    fn compile(&mut self) -> Result<()> {
        self.filter = compile::filter(&self.job.filters, &self.job.shared.schema, &self.job.join_keys)?;
        self.filter_columns = self.filter.columns();
        Ok(())
    }

    fn watch(&mut self) -> Result<()> {
        let mut changed = false;
        for tracker in &mut self.trackers {
            changed |= tracker.changed();
        }
        if changed { self.compile() } else { Ok(()) }
    }

    /// The next rows of the row group at hand.
    fn next_of_current(&mut self) -> Result<Option<RecordBatch>> {
        let Some(current) = &mut self.current else { return Ok(None) };
        let limit = self.job.batch_rows.min(self.remaining);
        let elapsed = self.metrics.baseline.elapsed_compute().clone();
        let _timer = elapsed.timer();
        let (rows, count) = match &current.wanted {
            None => {
                let end = (current.next + limit).min(current.rows);
                let rows = Rows::Range(current.next, end);
                current.next = end;
                (rows, rows.len())
            }
            Some(wanted) => {
                self.indices.clear();
                current.next = wanted.indices(current.next..current.rows, limit, &mut self.indices);
                (Rows::Indices(&self.indices), self.indices.len())
            }
        };
        let arrays = self
            .job
            .projection
            .iter()
            .map(|column| {
                let at = self.output_columns.binary_search(column).unwrap_or_default();
                current.columns[at].gather(rows)
            })
            .collect::<Result<Vec<ArrayRef>>>();
        let done = current.next >= current.rows;
        if done {
            self.current = None;
        }
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.job.projected_schema), arrays?, &options)?;
        if self.small.is_empty() && count * 2 >= limit {
            return Ok(Some(batch));
        }
        // Few rows of many row groups make one batch.
        if count > 0 {
            self.small_rows += count;
            self.small.push(batch);
        }
        if self.small_rows >= limit { self.rest() } else { Ok(None) }
    }

    /// What was too little for a batch.
    fn rest(&mut self) -> Result<Option<RecordBatch>> {
        self.small_rows = 0;
        let small = std::mem::take(&mut self.small);
        let batch = match small.as_slice() {
            [] => return Ok(None),
            [only] => only.clone(),
            several => concat_batches(&self.job.projected_schema, several)?,
        };
        let rows = batch.num_rows().min(self.remaining);
        Ok(Some(batch.slice(0, rows)))
    }

    /// Goes on to the next row group that has wanted rows; `false` if there is none.
    ///
    /// While the columns of one are on their way, those behind it are looked at: where a request is a trip, the trips for their columns run together.
    async fn next_row_group(&mut self) -> Result<bool> {
        let at_once = if self.job.fetch.is_some() || self.filter.is_empty() { 1 } else { self.ahead() };
        while self.filtered.len() < at_once {
            // Others want to run, too, however little is found; and whoever is to end does so here.
            tokio::task::consume_budget().await;
            self.watch()?;
            if self.filtered.is_empty() && self.pending.is_empty() {
                let Some(row_group) = self.take().await? else { return Ok(false) };
                self.begin(row_group);
            }
            self.begin_more().await?;
            let waits = |pending: &mut Pending| !pending.of_filter.is_done();
            if !self.filtered.is_empty() && self.pending.front_mut().is_none_or(waits) {
                break;
            }
            let Some(pending) = self.pending.pop_front() else { break };
            if let Some(filtered) = self.look_at(pending).await? {
                let is_there = !filtered.coming.iter().any(Coming::is_missing);
                self.filtered.push_back(filtered);
                if is_there && self.filtered.len() == 1 {
                    break;
                }
            }
        }
        let Some(Filtered { rows, wanted, mut at_hand, coming }) = self.filtered.pop_front() else { return Ok(false) };
        for coming in coming {
            coming.finish(&mut at_hand).await?;
        }
        let columns: Option<Vec<_>> = self.output_columns.iter().map(|column| at_hand[*column].take()).collect();
        let columns = columns.ok_or_else(|| to_datafusion(Error::internal("a column of a row group was not asked for")))?;
        self.current = Some(Current { columns, rows, wanted, next: 0 });
        Ok(true)
    }

    /// How many row groups may be on their way.
    fn ahead(&self) -> usize {
        match self.store.kind() {
            StoreKind::Local => AHEAD_LOCAL,
            StoreKind::Memory => 1,
            StoreKind::Remote => {
                let partitions = self.job.partitions.max(1);
                let fit = AHEAD_BYTES / partitions as u64 / self.row_group_bytes.max(1);
                (AHEAD_REMOTE / partitions).max(2).min(usize::try_from(fit).unwrap_or(usize::MAX)).max(1)
            }
        }
    }

    /// Whether what was asked for is all that will be wanted.
    fn is_enough(&self) -> bool {
        let rows = || self.pending.iter().map(|pending| pending.row_group.rows()).chain(self.filtered.iter().map(|filtered| filtered.rows));
        self.job.fetch.is_some() && self.filter.is_empty() && rows().sum::<usize>() >= self.remaining
    }

    /// Asks for the columns of more row groups ahead of need, where they have to be fetched.
    async fn begin_more(&mut self) -> Result<()> {
        // What is cached is not taken ahead of need: others may have nothing to do.
        let has_to_wait = |pending: &Pending| pending.of_filter.missing() > 0 || pending.of_output.as_ref().is_some_and(Coming::is_missing);
        while self.pending.len() < self.ahead() && self.pending.back().is_some_and(has_to_wait) && !self.is_enough() {
            let shared = Arc::clone(&self.job.shared);
            let Some(next) = self.queue.next_at_hand(|piece| shared.footers_ahead.is_at_hand(piece.segment.id)) else { break };
            if let Some(row_group) = self.taken(next).await? {
                self.begin(row_group);
            }
        }
        Ok(())
    }

    /// The next row group that may have wanted rows.
    async fn take(&mut self) -> Result<Option<RowGroup>> {
        while let Some(next) = self.queue.next().await {
            if let Some(row_group) = self.taken(next).await? {
                return Ok(Some(row_group));
            }
        }
        Ok(None)
    }

    /// What was taken from the queue, if it is a row group that may have wanted rows; a segment is opened.
    async fn taken(&mut self, next: (Item<Morsel>, Option<Opening<Morsel>>)) -> Result<Option<RowGroup>> {
        match next {
            (Item::Read(row_group), _) => return Ok(self.may_match(&row_group).then_some(row_group)),
            // A filter may have come, or changed, since the segments were chosen.
            (Item::Open(piece), Some(opening)) if self.may_have_rows(&piece.segment) => self.open(piece, opening).await?,
            (Item::Open(_), Some(_)) => self.metrics.segments_skipped.add(1),
            (Item::Open(_), None) => {}
        }
        Ok(None)
    }

    /// Opens a segment and puts its row groups into the queue.
    async fn open(&mut self, piece: Piece, opening: Opening<Morsel>) -> Result<()> {
        let shared = &self.job.shared;
        let footer = match self.job.early.footer(piece.segment.id).await {
            Some(footer) => footer,
            None => shared.footers_ahead.footer(&piece.segment, &self.store, &self.metrics.store).await.map_err(to_datafusion)?,
        };
        let mut row_groups = Vec::new();
        for row_group in shared.row_groups(&piece, &footer) {
            row_groups.push(self.job.early.row_group(row_group).await);
        }
        self.metrics.row_groups.add(row_groups.len());
        if let Some((column, toward)) = self.job.toward {
            begin_toward(&mut row_groups, column, toward);
        }
        opening.done(row_groups);
        Ok(())
    }

    fn may_have_rows(&self, segment: &SegmentMeta) -> bool {
        let columns = &self.job.shared.columns;
        self.filter.may_match(&|column| pruning::bounds(segment, columns.get(column)?.field_id))
    }

    fn may_match(&self, row_group: &RowGroup) -> bool {
        let may_match = row_group.rows() > 0 && self.filter.may_match(&|column| row_group.bounds(column));
        if !may_match {
            self.metrics.row_groups_pruned.add(1);
        }
        may_match
    }

    /// Asks for the columns of a row group: for all of them, unless most row groups turn out to have no wanted row, or so few rows that it pays to know
    /// which before they are read.
    fn begin(&mut self, row_group: RowGroup) {
        let unknown = self.looked_at < 2;
        let mostly = unknown || self.with_rows * 4 > self.looked_at * 3;
        let few = if unknown { self.job.selectivity < LEAST_SELECTIVITY } else { self.decoded < FEW * self.with_rows as f64 };
        let rest: Vec<_> = self.output_columns.iter().copied().filter(|column| !self.filter_columns.contains(column)).collect();
        let keeps = self.job.shared.cache.keeps();
        let pays = if keeps { !few } else { self.decoded * 2.0 >= self.with_rows as f64 };
        let at_once = self.filter.is_empty() || mostly && pays;
        if self.store.kind() == StoreKind::Remote {
            self.row_group_bytes = row_group.bytes(&self.filter_columns) + row_group.bytes(&rest);
        }
        let row_group = if at_once { self.fetching(row_group, &rest) } else { row_group };
        let of_filter = self.load(&row_group, &self.filter_columns);
        let of_output = at_once.then(|| match keeps {
            true => Coming::Cached(self.load(&row_group, &rest)),
            false => self.read_once(&row_group, rest),
        });
        self.pending.push_back(Pending { row_group, of_filter, of_output });
    }

    /// The row group, with the bytes of the filter's columns and others on their way together, where each request counts.
    fn fetching(&self, row_group: RowGroup, others: &[usize]) -> RowGroup {
        let one_alone = self.filter_columns.is_empty() || others.is_empty() || row_group.is_fetching(&self.filter_columns);
        if one_alone || self.store.kind() != StoreKind::Remote {
            return row_group;
        }
        let columns = self.filter_columns.iter().chain(others).copied();
        let missing: Vec<_> = columns.filter(|column| self.job.shared.cache.peek(&row_group, *column).is_none()).collect();
        match missing.len() < 2 || row_group.is_fetching(&missing) {
            true => row_group,
            false => row_group.fetching(&self.store, &missing),
        }
    }

    fn load(&self, row_group: &RowGroup, columns: &[usize]) -> Loading {
        let loading = self.job.shared.cache.load(&self.store, row_group, columns);
        self.metrics.cache_misses.add(loading.missing());
        self.metrics.cache_hits.add(columns.len() - loading.missing());
        loading
    }

    fn read_once(&self, row_group: &RowGroup, columns: Vec<usize>) -> Coming {
        self.metrics.cache_misses.add(columns.len());
        Coming::once(&self.store, row_group, columns)
    }

    /// Evaluates the filter on a row group; if it has wanted rows, asks for what is missing of them.
    async fn look_at(&mut self, pending: Pending) -> Result<Option<Filtered>> {
        let Pending { row_group, of_filter, of_output } = pending;
        let rows = row_group.rows();
        // The filter may have changed since the columns were asked for: those that are missing now are asked for again below.
        let mut loaded: Vec<Option<Arc<Chunk>>> = vec![None; self.job.shared.columns.len()];
        let columns = self.filter_columns.clone();
        let mut of_filter = of_filter;
        if of_filter.columns() != columns.as_slice() {
            of_filter = self.load(&row_group, &columns);
        }
        for (column, chunk) in columns.iter().zip(of_filter.finish().await.map_err(to_datafusion)?) {
            loaded[*column] = Some(chunk);
        }
        let (wanted, share) = if self.filter.is_empty() {
            (None, 1.0)
        } else {
            let elapsed = self.metrics.baseline.elapsed_compute().clone();
            let _timer = elapsed.timer();
            let (wanted, count) = self.filter.wanted(&loaded, rows).map_err(expression::to_datafusion)?;
            self.looked_at += 1;
            if count == 0 {
                self.metrics.rows_scanned.add(rows);
                self.metrics.row_groups_empty.add(1);
                return Ok(None);
            }
            self.with_rows += 1;
            let wanted = (count < rows).then_some(wanted);
            let share = wanted.as_ref().map_or(1.0, output::share);
            self.decoded += share;
            (wanted, share)
        };
        self.metrics.rows_scanned.add(rows);
        let at_hand: Vec<Option<Column>> = loaded.into_iter().map(|chunk| chunk.map(Column::Chunk)).collect();
        let mut coming: Vec<_> = of_output.into_iter().collect();
        let is_missing = |column: &usize| at_hand[*column].is_none() && !coming.iter().any(|coming| coming.columns().contains(column));
        let missing: Vec<_> = self.output_columns.iter().copied().filter(is_missing).collect();
        if !missing.is_empty() {
            self.ask_for(&row_group, missing, wanted.as_ref(), share, &mut coming);
        }
        Ok(Some(Filtered { rows, wanted, at_hand, coming }))
    }

    /// Asks for columns of which it is known now which rows are wanted, and which share would be decoded for them. If that is little, they are read alone, unless
    /// the cache thinks that others will be wanted soon.
    fn ask_for(&self, row_group: &RowGroup, columns: Vec<usize>, wanted: Option<&Bits>, share: f64, coming: &mut Vec<Coming>) {
        let cache = &self.job.shared.cache;
        let (through_cache, once) = match cache.keeps() {
            false => (Vec::new(), columns),
            true if share < FEW => {
                let (there, missing): (Vec<_>, Vec<_>) = columns.iter().partition(|column| cache.peek(row_group, **column).is_some());
                if missing.is_empty() || cache.are_worth_loading(row_group, &missing) { (columns, Vec::new()) } else { (there, missing) }
            }
            true => (columns, Vec::new()),
        };
        if !through_cache.is_empty() {
            coming.push(Coming::Cached(self.load(row_group, &through_cache)));
        }
        if !once.is_empty() {
            self.metrics.cache_misses.add(once.len());
            coming.push(Coming::wanted(&self.store, row_group, once, wanted));
        }
    }
}

/// Orders row groups so that those with a column's least or greatest values come first; where nobody knows them, last.
fn begin_toward(row_groups: &mut [RowGroup], column: usize, toward: Toward) {
    // What is compared: the nearer end of the row group's values, as a number or as text.
    fn end(row_group: &RowGroup, column: usize, toward: Toward) -> Option<(i64, &[u8])> {
        match row_group.bounds(column)?.values {
            ValueBounds::Integers(least, greatest) => Some((if toward == Toward::Least { least } else { greatest }, &[])),
            ValueBounds::Strings(least, greatest) => Some((0, if toward == Toward::Least { least } else { greatest })),
            ValueBounds::Unknown => None,
        }
    }
    row_groups.sort_by(|left, right| match (end(left, column, toward), end(right, column, toward)) {
        (Some(left), Some(right)) if toward == Toward::Least => left.cmp(&right),
        (Some(left), Some(right)) => right.cmp(&left),
        (left, right) => right.is_some().cmp(&left.is_some()),
    });
}
