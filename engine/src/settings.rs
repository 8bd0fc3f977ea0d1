//! How a database is opened for SQL: threads, memory, spilling; and the session configuration that follows.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clouddb_cache::CachePolicy;
use clouddb_storage::OpenOptions;
use datafusion::config::Dialect as ConfigDialect;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::prelude::SessionConfig;

use crate::error::{Result, from_datafusion};
use crate::limits::{Limits, StatementLimits};
use crate::optimizer::CloudOptions;
use crate::scan::Caches;

/// The name under which DataFusion knows the database: `clouddb.main.t` is the table `t`.
pub const CATALOG: &str = "clouddb";

/// The name of a session's temporary tables and views: as a database, and as the only schema in it.
pub(crate) const TEMPORARY: &str = "temp";

/// The schema that always exists, and that names without a schema mean at first.
pub const DEFAULT_SCHEMA: &str = "main";

/// The side of a join that is built is built once, not in partitions, up to an estimate of so many bytes: partitions hash every row of both sides once more.
const COLLECTED_BYTES: usize = 128 * 1024 * 1024;

/// Where nobody knows the bytes, so many rows.
const COLLECTED_ROWS: usize = 4_000_000;

/// Whole numbers as keys get an array instead of a hash table, several times as quick to look up, if they lie in a range of so many: 32 MiB.
const ARRAY_RANGE: usize = 8 * 1024 * 1024;

/// And in wider ranges, if so large a share of the range is there: an array never takes more than 200 bytes a row.
const ARRAY_DENSITY: f64 = 0.02;

/// How to open a database for SQL.
#[derive(Debug, Clone)]
pub struct Options {
    /// How to open the storage.
    pub storage: OpenOptions,
    /// In how many partitions queries and loads run; `None` is the number of cores.
    pub threads: Option<usize>,
    /// Bytes that the operators of all statements may hold, as sorts, joins and aggregations, before they spill to disk or fail; `None` is no limit. Where
    /// the system tells how much memory the process really holds (Linux), a statement that makes it hold much more is stopped.
    pub memory_limit: Option<usize>,
    /// What the operators of one statement may hold; `None` is no limit of its own. Memory that they do not account for is not looked at. `SET query_memory_limit` changes it for a session.
    pub query_memory_limit: Option<usize>,
    /// How long a statement may run; `None` is no limit. `SET statement_timeout` changes it for a session.
    pub statement_timeout: Option<Duration>,
    /// Where to spill; `None` is the system's folder for temporary files.
    pub spill_folder: Option<PathBuf>,
    /// Rows in a batch; `None` is DataFusion's default.
    pub batch_size: Option<usize>,
    /// Bytes of segments' footers to keep in memory.
    pub footer_cache_bytes: u64,
    /// Bytes of decoded columns to keep in memory between queries; 0 keeps nothing.
    pub cache_bytes: u64,
    /// Which of them stay when there is not room for all.
    pub cache_policy: CachePolicy,
    /// Bytes of queries' results to keep in memory, for the same query on the same snapshot; 0 keeps nothing.
    pub result_cache_bytes: u64,
    /// A folder on a local disk to keep what is read of segments in a store behind a network, for later processes, too; `None` keeps nothing. Any
    /// number of databases and processes can share it.
    pub cache_folder: Option<PathBuf>,
    /// Bytes to keep there; 0 keeps nothing.
    pub cache_folder_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            storage: OpenOptions::default(),
            threads: None,
            memory_limit: None,
            query_memory_limit: None,
            statement_timeout: None,
            spill_folder: None,
            batch_size: None,
            footer_cache_bytes: clouddb_cache::DEFAULT_FOOTER_BYTES,
            cache_bytes: clouddb_cache::DEFAULT_COLUMN_BYTES,
            cache_policy: CachePolicy::default(),
            result_cache_bytes: 0,
            cache_folder: None,
            cache_folder_bytes: clouddb_cache::DEFAULT_DISK_BYTES,
        }
    }
}

impl Options {
    /// The configuration of every session.
    pub(crate) fn session_config(&self) -> SessionConfig {
        let mut config =
            SessionConfig::new().with_default_catalog_and_schema(CATALOG, DEFAULT_SCHEMA).with_create_default_catalog_and_schema(false);
        if let Some(threads) = self.threads {
            config = config.with_target_partitions(threads.max(1));
        }
        if let Some(rows) = self.batch_size {
            config = config.with_batch_size(rows.max(1));
        }
        let options = config.options_mut();
        options.extensions.insert(CloudOptions::default());
        // Which side of a join is built has been decided before, by better estimates; what is decided here is only whether it is built once or in partitions.
        options.optimizer.join_reordering = false;
        options.optimizer.hash_join_single_partition_threshold = COLLECTED_BYTES;
        options.optimizer.hash_join_single_partition_threshold_rows = COLLECTED_ROWS;
        options.execution.perfect_hash_join_small_build_threshold = ARRAY_RANGE;
        options.execution.perfect_hash_join_min_key_density = ARRAY_DENSITY;
        // DataFusion 55.2 answers min and max over several columns and files wrongly with it (datafusion#24816).
        options.optimizer.enable_aggregate_dynamic_filter_pushdown = false;
        // 0.06 + 0.01 is 0.07, as in every other database, not 0.06999999999999999.
        options.sql_parser.parse_float_as_decimal = true;
        // The order of a query within is looked at when the whole is known: `semantics::input_order`.
        options.sql_parser.enable_subquery_sort_elimination = false;
        options.sql_parser.dialect = ConfigDialect::DuckDB;
        options.execution.time_zone = Some("UTC".to_owned());
        config
    }

    /// What all statements together may take, beside what caches hold.
    pub(crate) fn limits(&self, caches: Caches) -> Limits {
        Limits::new(self.memory_limit, Box::new(move || caches.held()))
    }

    /// What a session's statements may each take at first.
    pub(crate) fn statement_limits(&self) -> StatementLimits {
        StatementLimits { timeout: self.statement_timeout, memory: self.query_memory_limit }
    }

    /// Spilling and object stores, shared by all sessions of a database. Memory is each statement's own, see [`Limits`].
    pub(crate) fn runtime(&self, limits: &Limits) -> Result<Arc<RuntimeEnv>> {
        let mode = match &self.spill_folder {
            Some(folder) => DiskManagerMode::Directories(vec![folder.clone()]),
            None => DiskManagerMode::OsTmpDirectory,
        };
        RuntimeEnvBuilder::new()
            .with_memory_pool(limits.pool())
            .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(mode))
            // Files queried in place may change between two statements; these caches look at size and time only, or at nothing.
            .with_object_list_cache_limit(0)
            .with_file_statistics_cache_limit(0)
            .with_metadata_cache_limit(0)
            .build_arc()
            .map_err(from_datafusion)
    }
}
