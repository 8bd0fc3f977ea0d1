//! Scans: from a table in a snapshot to a physical plan.
//!
//! Parquet segments are read through Velocity, the cache of decoded columns, which filters them ([`source`], [`stream`]). Inline segments are decoded
//! from the log ([`inline`]). A table that has both is the union of the two. Segments that cannot match are left out beforehand ([`pruning`]); row
//! groups are left out by their bounds while the scan runs, also by filters that arrive then.

mod ahead;
mod compile;
mod distinct;
pub(crate) mod early;
mod estimate;
mod expression;
mod inline;
mod output;
mod progress;
mod pruning;
pub(crate) mod schema;
mod source;
pub(crate) mod statistics;
mod stream;
mod substrings;
#[cfg(test)]
mod tests;
pub(crate) mod values;
pub(crate) mod warm;
mod work;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arrow::datatypes::SchemaRef;
use clouddb_cache::{ColumnCache, ColumnShape, DiskCache, Filter, FooterCache, RowGroup};
use clouddb_storage::TableSnapshot;
use clouddb_storage::segment::reader::SegmentFooter;
use clouddb_storage::segment::{SegmentBody, SegmentMeta};
use clouddb_storage::store::Store;
use datafusion::catalog::Session;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, Statistics};
use datafusion::datasource::source::{DataSource, DataSourceExec};
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::{PhysicalExpr, conjunction};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::FilterExecBuilder;
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricBuilder};
use datafusion::physical_plan::union::UnionExec;
use futures::future::join_all;

use crate::error::to_datafusion;
use crate::files::Rejects;
use crate::optimizer;
use crate::reuse::Reuse;
use ahead::FootersAhead;
pub(crate) use distinct::expected as expected_distinct;
use early::{EARLY_ROW_GROUPS, EARLY_SEGMENTS, Found};
pub(crate) use inline::InlineSource;
pub use progress::Extent;
pub(crate) use progress::{Scanned, extent, scanned};
pub(crate) use source::SegmentSource;
use statistics::TableStatistics;
use stream::StoreMetrics;
use work::{Distribution, Piece};

/// What all databases of a process, or those that share a budget, keep between queries. Cloning is cheap; clones share it.
#[derive(Debug, Clone)]
pub struct Caches {
    /// Segments' footers.
    pub footers: FooterCache,
    /// Decoded columns.
    pub columns: ColumnCache,
    /// Bytes of segments, on a local disk. The store is read through it; here it is for those who want to know how it does.
    pub disk: Option<DiskCache>,
    /// Statistics of tables.
    pub(crate) statistics: TableStatistics,
    /// What is kept of the statements of the one database that runs SQL with them.
    pub(crate) reuse: Option<Reuse>,
    /// Lines of files that statements refused.
    pub(crate) rejects: Rejects,
}

impl Caches {
    /// Caches in memory, for catalogs in contexts of somebody else's.
    pub fn new(footers: FooterCache, columns: ColumnCache) -> Self {
        Self { footers, columns, disk: None, statistics: TableStatistics::default(), reuse: None, rejects: Rejects::default() }
    }

    /// How many bytes they hold in memory.
    pub(crate) fn held(&self) -> u64 {
        let results = self.reuse.as_ref().map_or(0, |reuse| reuse.results.counts().bytes);
        self.columns.counts().bytes + self.footers.bytes() + results
    }
}

/// What the partitions of one scan share.
#[derive(Debug)]
struct Shared {
    name: String,
    store: Store,
    footers_ahead: FootersAhead,
    cache: ColumnCache,
    /// What queries see of the whole table.
    schema: SchemaRef,
    /// The same columns, as the cache knows them.
    columns: Arc<[ColumnShape]>,
}

impl Shared {
    /// The row groups of a piece of a segment.
    fn row_groups(&self, piece: &Piece, footer: &Arc<SegmentFooter>) -> impl Iterator<Item = RowGroup> {
        let row_group = |number| RowGroup::new(Arc::clone(&piece.segment), Arc::clone(footer), number, Arc::clone(&self.columns));
        piece.row_groups(footer.metadata().num_row_groups()).map(row_group)
    }

    /// The first row groups that may have wanted rows, with the bytes of columns that are not cached on their way: at most so many.
    async fn first_row_groups(
        &self,
        pieces: impl Iterator<Item = &Piece>,
        filter: &Filter,
        columns: &[usize],
        bytes: u64,
        (store, metrics): (&Store, &StoreMetrics),
    ) -> Found {
        let mut found = Found::default();
        let mut left = bytes;
        let may_match = |piece: &&Piece| filter.may_match(&|column| pruning::bounds(&piece.segment, self.columns.get(column)?.field_id));
        let pieces: Vec<_> = pieces.filter(may_match).take(EARLY_SEGMENTS).collect();
        let footers: Vec<_> = pieces.iter().map(|piece| self.footers_ahead.footer(&piece.segment, store, metrics)).collect();
        for (piece, footer) in pieces.into_iter().zip(join_all(footers).await) {
            // What is wrong with a footer is told to whoever needs it.
            let Ok(footer) = footer else { break };
            found.footers.insert(piece.segment.id, Arc::clone(&footer));
            for row_group in self.row_groups(piece, &footer).filter(|row_group| filter.may_match(&|column| row_group.bounds(column))) {
                let missing: Vec<_> = columns.iter().copied().filter(|column| self.cache.peek(&row_group, *column).is_none()).collect();
                if !missing.is_empty() {
                    let bytes = row_group.bytes(&missing);
                    if bytes > left || found.row_groups.len() >= EARLY_ROW_GROUPS {
                        return found;
                    }
                    left -= bytes;
                    found.row_groups.insert((piece.segment.id, row_group.number), row_group.fetching(store, &missing));
                }
            }
        }
        found
    }
}

/// What a query wants of a table.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    projection: &'a [usize],
    /// All must be true.
    filters: &'a [Expr],
    /// The same, on the table's schema.
    physical: &'a [Arc<dyn PhysicalExpr>],
    limit: Option<usize>,
}

/// A table in a snapshot, ready to be scanned any number of times.
#[derive(Debug)]
pub(crate) struct TableScan {
    table: TableSnapshot,
    schema: SchemaRef,
    columns: Arc<[ColumnShape]>,
    positions: HashMap<u32, usize>,
    caches: Caches,
    statistics: OnceLock<Arc<Statistics>>,
    /// The share of rows that passes filters, by their text: a query asks several times while it is planned.
    selectivities: Mutex<HashMap<String, Option<f64>>>,
}

impl TableScan {
    pub(crate) fn new(table: TableSnapshot, caches: Caches) -> Self {
        let schema = schema::query_schema(table.meta());
        let shape = |(column, field): (&clouddb_storage::catalog::Column, &Arc<arrow::datatypes::Field>)| ColumnShape {
            field_id: column.id(),
            physical_name: column.physical_name().to_owned(),
            data_type: field.data_type().clone(),
        };
        let columns = table.meta().columns.iter().zip(schema.fields()).map(shape).collect();
        let positions = schema::positions_by_field_id(table.meta());
        Self { table, schema, columns, positions, caches, statistics: OnceLock::new(), selectivities: Mutex::default() }
    }

    pub(crate) fn table(&self) -> &TableSnapshot {
        &self.table
    }

    /// What queries see.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Statistics of the whole table, computed when they are first asked for.
    pub(crate) fn statistics(&self) -> &Statistics {
        self.statistics.get_or_init(|| self.caches.statistics.of(&self.table, || self.statistics_of(self.table.segments())))
    }

    fn statistics_of<'a>(&self, segments: impl IntoIterator<Item = &'a Arc<SegmentMeta>>) -> Statistics {
        statistics::of_segments(&self.schema, &self.positions, segments.into_iter().map(Arc::as_ref))
    }

    /// Plans a scan, which applies the filters.
    pub(crate) fn plan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all: Vec<_> = self.table.segments().map(Arc::clone).collect();
        schema::check_readable(self.table.meta(), &all).map_err(to_datafusion)?;
        let total = Total::of(&all);
        let physical = pruning::physical(session, &self.schema, filters)?;
        let mut kept = match pruning::usable(&physical, &self.schema) {
            Some(predicate) => pruning::prune(all, &predicate, &self.schema, &self.positions),
            None => all,
        };
        if let (Some(limit), []) = (limit, filters) {
            keep_first_rows(&mut kept, limit);
        }
        let (inline, parquet): (Vec<_>, Vec<_>) = kept.into_iter().partition(|segment| matches!(segment.body, SegmentBody::Inline(_)));
        let every: Vec<_> = (0..self.schema.fields().len()).collect();
        let projection = projection.map_or(every.as_slice(), Vec::as_slice);
        let wanted = Wanted { projection, filters, physical: &physical, limit };
        if inline.is_empty() {
            return self.plan_segments(session, &parquet, wanted, total.parquet + total.inline);
        }
        if parquet.is_empty() {
            return self.plan_inline(inline, wanted, total.parquet + total.inline);
        }
        let rows_in_files = self.plan_segments(session, &parquet, wanted, total.parquet)?;
        let rows_in_log = self.plan_inline(inline, wanted, total.inline)?;
        UnionExec::try_new(vec![rows_in_files, rows_in_log])
    }

    fn plan_segments(
        &self,
        session: &dyn Session,
        segments: &[Arc<SegmentMeta>],
        wanted: Wanted<'_>,
        total: usize,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        // When nothing was left out, the statistics are the table's, which may be known already.
        let is_whole_table = segments.len() == self.table.segment_count();
        let statistics = if is_whole_table { self.statistics().clone() } else { self.statistics_of(segments) };
        let target = session.config_options().execution.target_partitions.max(1);
        let distribution = Distribution::new(self.table.meta(), &self.schema, segments, target);
        let in_order: Vec<_> = distribution.pieces().map(|piece| Arc::clone(&piece.segment)).collect();
        let shared = Arc::new(self.shared(in_order, distribution.partitions()));
        let rows = segments.iter().map(|segment| segment.live_rows()).sum();
        let selectivity = self.selectivity(rows, wanted)?;
        let source = SegmentSource::try_new(shared, distribution, wanted.projection.to_vec(), statistics, wanted.limit)?;
        let source = source.with_filters(wanted.physical.to_vec(), selectivity);
        count_segments(&source.metrics(), total, segments.len());
        Ok(DataSourceExec::from_data_source(source))
    }

    fn shared(&self, in_order: Vec<Arc<SegmentMeta>>, partitions: usize) -> Shared {
        let store = self.table.store().clone();
        Shared {
            name: self.table.meta().name.clone(),
            footers_ahead: FootersAhead::new(store.clone(), self.caches.footers.clone(), in_order, partitions),
            store,
            cache: self.caches.columns.clone(),
            schema: Arc::clone(&self.schema),
            columns: Arc::clone(&self.columns),
        }
    }

    /// The share of the table's rows that pass filters, where that can be seen in the cache.
    pub(crate) fn sampled(&self, filters: &[Arc<dyn PhysicalExpr>]) -> Result<Option<f64>> {
        if filters.is_empty() {
            return Ok(Some(1.0));
        }
        let key = filters.iter().map(|filter| filter.to_string()).collect::<Vec<_>>().join(" AND ");
        let known = self.selectivities.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
        if let Some(known) = known {
            return Ok(known);
        }
        let segments: Vec<_> = self.table.segments().filter(|segment| matches!(segment.body, SegmentBody::Parquet(_))).cloned().collect();
        let sampled = estimate::sampled(&segments, &self.columns, &self.caches, &compile::filter(filters, &self.schema, &[])?);
        self.selectivities.lock().unwrap_or_else(PoisonError::into_inner).insert(key, sampled);
        Ok(sampled)
    }

    /// The same for a scan that reads only the segments which may match: the share of their rows.
    fn selectivity(&self, rows: u64, wanted: Wanted<'_>) -> Result<f64> {
        let of_all = match self.sampled(wanted.physical)? {
            Some(sampled) => sampled,
            None => optimizer::share_of_rows(self.statistics(), &self.schema, wanted.filters),
        };
        Ok((of_all * self.table.rows() as f64 / rows.max(1) as f64).min(1.0))
    }

    fn plan_inline(&self, segments: Vec<Arc<SegmentMeta>>, wanted: Wanted<'_>, total: usize) -> Result<Arc<dyn ExecutionPlan>> {
        let Wanted { projection, physical, limit, .. } = wanted;
        let statistics = self.statistics_of(&segments);
        let kept = segments.len();
        let everything: Vec<_> = (0..self.schema.fields().len()).collect();
        let read = if physical.is_empty() { projection } else { &everything };
        let source = InlineSource::try_new(Arc::clone(self.table.meta()), segments, Arc::clone(&self.schema), read, statistics)?;
        count_segments(&source.metrics(), total, kept);
        if physical.is_empty() {
            return Ok(DataSourceExec::from_data_source(source.with_limit(limit)));
        }
        let rows = DataSourceExec::from_data_source(source);
        let filter = FilterExecBuilder::new(conjunction(physical.to_vec()), rows);
        Ok(Arc::new(filter.apply_projection(Some(projection.to_vec()))?.build()?))
    }
}

/// What two scans have in common if they read the same rows of the same snapshot, filters aside; `None` for a source that is not ours.
pub(crate) fn identity(source: &dyn DataSource) -> Option<String> {
    let segments = source.downcast_ref::<SegmentSource>().map(SegmentSource::identity);
    segments.or_else(|| source.downcast_ref::<InlineSource>().map(InlineSource::identity))
}

/// Whether a scan applies a filter of a query's: not one that asks other tables, or that answers differently each time.
pub(crate) fn applies(filter: &Expr) -> bool {
    let mut asks_others = false;
    let walked = filter.apply(|part| {
        let asks = matches!(
            part,
            Expr::Exists(_) | Expr::InSubquery(_) | Expr::ScalarSubquery(_) | Expr::SetComparison(_) | Expr::OuterReferenceColumn(..)
        );
        asks_others |= asks;
        Ok(if asks { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    walked.is_ok() && !asks_others && !filter.is_volatile()
}

/// How many segments of each kind a table has.
struct Total {
    parquet: usize,
    inline: usize,
}

impl Total {
    fn of(segments: &[Arc<SegmentMeta>]) -> Self {
        let inline = segments.iter().filter(|segment| matches!(segment.body, SegmentBody::Inline(_))).count();
        Self { parquet: segments.len() - inline, inline }
    }
}

/// Without filters, the first segments that have enough rows are enough.
fn keep_first_rows(segments: &mut Vec<Arc<SegmentMeta>>, limit: usize) {
    let mut rows = 0;
    segments.retain(|segment| {
        let wanted = rows < limit as u64;
        rows += segment.live_rows();
        wanted
    });
}

fn count_segments(metrics: &ExecutionPlanMetricsSet, total: usize, kept: usize) {
    MetricBuilder::new(metrics).global_counter("segments_total").add(total);
    MetricBuilder::new(metrics).global_counter("segments_pruned").add(total - kept);
}
