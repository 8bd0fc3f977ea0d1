//! Scans: from a table in a snapshot to a physical plan.
//!
//! Parquet segments are read by DataFusion's own Parquet source, over readers that verify what they read ([`reader`]). Inline segments are
//! decoded from the log ([`inline`]). A table that has both is the union of the two. Segments that cannot match are left out beforehand
//! ([`pruning`]); row groups and pages are left out by DataFusion, also by filters that arrive while the scan runs.
//!
//! `EXPLAIN ANALYZE` shows on the scan: `segments_total` and `segments_pruned`, `store_requests` and `store_bytes_read` (made for this scan),
//! beside DataFusion's own `row_groups_pruned_statistics`, `page_index_rows_pruned` and `bytes_scanned`.

mod ahead;
mod distinct;
mod groups;
mod guard;
mod inline;
mod nan;
mod pruning;
pub(crate) mod reader;
pub(crate) mod schema;
pub(crate) mod statistics;
#[cfg(test)]
mod tests;
pub(crate) mod values;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use arrow::datatypes::SchemaRef;
use clouddb_cache::FooterCache;
use clouddb_storage::TableSnapshot;
use clouddb_storage::segment::{SegmentBody, SegmentMeta};
use datafusion::catalog::Session;
use datafusion::common::config::TableParquetOptions;
use datafusion::common::{Result, Statistics};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileScanConfigBuilder, FileSource, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricBuilder};
use datafusion::physical_plan::union::UnionExec;
use object_store::memory::InMemory;

use crate::error::to_datafusion;
use ahead::FootersAhead;
use inline::InlineSource;
use nan::FloatColumns;
use reader::{SegmentOfFile, SegmentReaderFactory};

/// DataFusion looks up a store by this URL before it asks for a reader. Nothing is ever read from it: readers bring the database's own store.
const PLACEHOLDER_STORE: &str = "clouddb-segments://";

/// A table in a snapshot, ready to be scanned any number of times.
#[derive(Debug)]
pub(crate) struct TableScan {
    table: TableSnapshot,
    schema: SchemaRef,
    positions: HashMap<u32, usize>,
    floats: FloatColumns,
    footers: FooterCache,
    statistics: OnceLock<Statistics>,
}

impl TableScan {
    pub(crate) fn new(table: TableSnapshot, footers: FooterCache) -> Self {
        let schema = schema::query_schema(table.meta());
        let positions = schema::positions_by_field_id(table.meta());
        let floats = FloatColumns::of(table.meta());
        Self { table, schema, positions, floats, footers, statistics: OnceLock::new() }
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
        self.statistics.get_or_init(|| self.statistics_of(self.table.segments()))
    }

    fn statistics_of<'a>(&self, segments: impl IntoIterator<Item = &'a Arc<SegmentMeta>>) -> Statistics {
        statistics::of_segments(&self.schema, &self.positions, segments.into_iter().map(Arc::as_ref))
    }

    /// Plans a scan. Filters leave out what cannot match; they are not applied to rows.
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
        let usable = pruning::filters(session, &self.schema, filters)?;
        let mut kept = match usable.predicate {
            Some(predicate) => pruning::prune(all, &predicate, &self.schema, &self.positions),
            None => all,
        };
        if let (Some(limit), []) = (limit, filters) {
            keep_first_rows(&mut kept, limit);
        }
        let (inline, parquet): (Vec<_>, Vec<_>) = kept.into_iter().partition(|segment| matches!(segment.body, SegmentBody::Inline(_)));
        let projection = projection.cloned().unwrap_or_else(|| (0..self.schema.fields().len()).collect());

        let guarded = |scan| guard::guarded(scan, session.config_options(), usable.casts_keep_order);
        if inline.is_empty() {
            return Ok(guarded(self.plan_parquet(session, parquet, projection, limit, total.parquet + total.inline)?));
        }
        if parquet.is_empty() {
            return self.plan_inline(inline, &projection, limit, total.parquet + total.inline);
        }
        let rows_in_files = guarded(self.plan_parquet(session, parquet, projection.clone(), limit, total.parquet)?);
        let rows_in_log = self.plan_inline(inline, &projection, limit, total.inline)?;
        UnionExec::try_new(vec![rows_in_files, rows_in_log])
    }

    fn plan_parquet(
        &self,
        session: &dyn Session,
        segments: Vec<Arc<SegmentMeta>>,
        projection: Vec<usize>,
        limit: Option<usize>,
        total: usize,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let options = TableParquetOptions { global: session.config_options().execution.parquet.clone(), ..Default::default() };

        // When nothing was left out, the statistics are the table's, which may be known already.
        let is_whole_table = segments.len() == self.table.segment_count();
        let statistics = if is_whole_table { self.statistics().clone() } else { self.statistics_of(&segments) };
        let files = segments.iter().map(|segment| self.file(segment)).collect();
        let groups = groups::distribute(self.table.meta(), &self.schema, &segments, files, session.config_options());
        let files = groups.groups.iter().flat_map(|group| group.iter());
        let in_order = files.filter_map(|file| file.extension::<SegmentOfFile>().map(|segment| Arc::clone(&segment.0))).collect();
        let store = self.table.store().clone();
        let ahead = FootersAhead::new(store.clone(), self.footers.clone(), in_order, groups.groups.len());
        let factory = SegmentReaderFactory::new(store, self.footers.clone(), self.floats.clone(), ahead);
        let source = ParquetSource::new(TableSchema::from(&self.schema))
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(Arc::new(factory));
        count_segments(source.metrics(), total, segments.len());
        let config = FileScanConfigBuilder::new(placeholder_store(session.runtime_env())?, Arc::new(source))
            .with_file_groups(groups.groups)
            .with_output_ordering(groups.ordering.into_iter().collect())
            .with_statistics(statistics)
            .with_projection_indices(Some(projection))?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }

    fn file(&self, segment: &Arc<SegmentMeta>) -> PartitionedFile {
        let path = match &segment.body {
            SegmentBody::Parquet(location) => location.path.clone(),
            SegmentBody::Inline(_) => segment.id.to_string(),
        };
        PartitionedFile::new(path, segment.bytes())
            .with_statistics(Arc::new(self.statistics_of([segment])))
            .with_extension(SegmentOfFile(Arc::clone(segment)))
    }

    fn plan_inline(
        &self,
        segments: Vec<Arc<SegmentMeta>>,
        projection: &[usize],
        limit: Option<usize>,
        total: usize,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        use datafusion::datasource::source::DataSource;
        let statistics = self.statistics_of(&segments);
        let kept = segments.len();
        let source = InlineSource::try_new(Arc::clone(self.table.meta()), segments, Arc::clone(&self.schema), projection, statistics)?;
        count_segments(&source.metrics(), total, kept);
        Ok(DataSourceExec::from_data_source(source.with_limit(limit)))
    }
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

fn placeholder_store(runtime: &RuntimeEnv) -> Result<ObjectStoreUrl> {
    let url = ObjectStoreUrl::parse(PLACEHOLDER_STORE)?;
    if runtime.object_store(&url).is_err() {
        runtime.register_object_store(url.as_ref(), Arc::new(InMemory::new()));
    }
    Ok(url)
}
