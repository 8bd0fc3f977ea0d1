//! Databases in memory for unit tests, filled through storage's transactions.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::util::pretty::pretty_format_batches;
use clouddb_cache::{ColumnCache, FooterCache};
use clouddb_storage::catalog::{ColumnSpec, TableMeta};
use clouddb_storage::{Database, OpenOptions, Snapshot};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::MetricValue;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::CloudCatalog;
use crate::scan::Caches;

pub(crate) type TestResult<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// How rows are to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// As storage likes it: few rows inline.
    Inline,
    /// In a Parquet file, however few.
    Parquet,
}

/// A database in memory with the schema `main`.
pub(crate) struct TestDatabase {
    pub(crate) storage: Database,
    pub(crate) caches: Caches,
}

impl TestDatabase {
    pub(crate) async fn new() -> TestResult<Self> {
        let storage = Database::open("memory://", OpenOptions::default()).await?;
        let test = Self { storage, caches: Caches::new(FooterCache::default(), ColumnCache::new(64 << 20)) };
        let mut transaction = test.storage.begin(&test.snapshot().await?)?;
        if transaction.snapshot().schema("main").is_none() {
            transaction.create_schema("main", None)?;
            transaction.commit().await?;
        }
        Ok(test)
    }

    pub(crate) async fn snapshot(&self) -> TestResult<Snapshot> {
        Ok(self.storage.snapshot().await?)
    }

    pub(crate) async fn create(&self, name: &str, columns: Vec<ColumnSpec>, cluster_by: &[&str]) -> TestResult {
        let mut transaction = self.storage.begin(&self.snapshot().await?)?;
        let schema = transaction.snapshot().schema("main").ok_or("no schema main")?.id;
        let cluster_by: Vec<_> = cluster_by.iter().map(|key| (*key).to_owned()).collect();
        transaction.create_table(TableMeta::new(transaction.new_table_id(), schema, name, columns, &cluster_by)?)?;
        transaction.commit().await?;
        Ok(())
    }

    pub(crate) async fn create_like(&self, name: &str, schema: &SchemaRef, cluster_by: &[&str]) -> TestResult {
        let column = |field: &Arc<arrow::datatypes::Field>| ColumnSpec {
            metadata: field.metadata().clone(),
            ..ColumnSpec::new(field.name(), field.data_type().clone(), field.is_nullable())
        };
        self.create(name, schema.fields().iter().map(column).collect(), cluster_by).await
    }

    pub(crate) async fn create_view(&self, name: &str, sql: &str) -> TestResult {
        let mut transaction = self.storage.begin(&self.snapshot().await?)?;
        let schema = transaction.snapshot().schema("main").ok_or("no schema main")?.id;
        transaction.create_view(schema, name, sql, "main", None)?;
        transaction.commit().await?;
        Ok(())
    }

    /// Commits a batch as a transaction of its own.
    pub(crate) async fn append(&self, name: &str, batch: RecordBatch, keep: Keep) -> TestResult {
        let mut transaction = self.storage.begin(&self.snapshot().await?)?;
        let table = transaction.snapshot().table("main", name).ok_or("no such table")?.meta().id;
        let mut writer = transaction.writer(table)?;
        if keep == Keep::Parquet {
            writer = writer.without_inline();
        }
        writer.write(batch).await?;
        let segments = writer.finish().await?;
        transaction.append(table, segments)?;
        transaction.commit().await?;
        Ok(())
    }

    pub(crate) async fn catalog(&self) -> TestResult<Arc<CloudCatalog>> {
        Ok(CloudCatalog::new(self.storage.clone(), self.snapshot().await?, self.caches.clone()))
    }

    /// A context whose default catalog is the newest snapshot.
    pub(crate) async fn context(&self) -> TestResult<SessionContext> {
        self.context_with(|config| config).await
    }

    pub(crate) async fn context_with(&self, configure: impl FnOnce(SessionConfig) -> SessionConfig) -> TestResult<SessionContext> {
        let context = SessionContext::new_with_config(configure(config()));
        context.register_catalog("db", self.catalog().await?);
        Ok(context)
    }
}

/// The configuration of tests' contexts: four partitions, and off what our own sessions switch off, so that scans stand without a guard.
pub(crate) fn config() -> SessionConfig {
    SessionConfig::new()
        .with_default_catalog_and_schema("db", "main")
        .with_target_partitions(4)
        .set_bool("datafusion.optimizer.enable_aggregate_dynamic_filter_pushdown", false)
        .set_bool("datafusion.execution.enable_file_stream_work_stealing", false)
}

pub(crate) fn column(name: &str, data_type: DataType) -> ColumnSpec {
    ColumnSpec::new(name, data_type, true)
}

/// A query's answer as a table of text.
pub(crate) async fn answer(context: &SessionContext, sql: &str) -> TestResult<String> {
    Ok(pretty_format_batches(&context.sql(sql).await?.collect().await?)?.to_string())
}

/// A query's rows as text, sorted, for comparing answers that have no order.
pub(crate) async fn sorted_rows(context: &SessionContext, sql: &str) -> TestResult<Vec<String>> {
    let text = answer(context, sql).await.map_err(|error| format!("{sql}: {error}"))?;
    let mut rows: Vec<_> = text.lines().filter(|line| line.starts_with('|')).skip(1).map(str::to_owned).collect();
    rows.sort_unstable();
    Ok(rows)
}

/// Sums a metric over a plan, after it has run.
pub(crate) fn metric(plan: &Arc<dyn ExecutionPlan>, name: &str) -> usize {
    let own: usize = plan.metrics().map_or(0, |metrics| {
        let value = |value: &MetricValue| match value {
            MetricValue::PruningMetrics { pruning_metrics, .. } => pruning_metrics.pruned(),
            other => other.as_usize(),
        };
        metrics.iter().filter(|metric| metric.value().name() == name).map(|metric| value(metric.value())).sum()
    });
    own + plan.children().into_iter().map(|child| metric(child, name)).sum::<usize>()
}

/// A small generator of numbers that are random enough for tests (Knuth's linear congruential constants), and the same everywhere.
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(2).wrapping_add(1))
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    pub(crate) fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }

    pub(crate) fn one_of<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len() as u64) as usize]
    }
}
