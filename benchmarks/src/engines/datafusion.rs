//! DataFusion as its users have it: a plain `SessionContext` over Parquet files, in this process and with the same allocator.
//!
//! Its defaults are left alone, but for the number of partitions. So it keeps the listing, footers and statistics of files that it has
//! seen, as it does for everybody, and decodes data anew for every query.

use std::sync::Arc;

use ::datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use tokio::runtime::Runtime;

use super::{Engine, Run, time_query};
use crate::error::{Context, Error, Result};
use crate::tpch::TABLES;
use crate::tpch::data::Data;

/// DataFusion on Parquet files.
pub struct DataFusionParquet {
    context: SessionContext,
    runtime: Arc<Runtime>,
    threads: usize,
}

impl DataFusionParquet {
    /// Registers TPC-H's files as tables.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn open(data: &Data, threads: usize, runtime: Arc<Runtime>) -> Result<Self> {
        let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(threads));
        runtime.block_on(async {
            for table in TABLES {
                let path = data.file(table);
                let path = path.to_str().context("the data folder's path is not UTF-8")?;
                context.register_parquet(table.name(), path, ParquetReadOptions::default()).await?;
            }
            Ok::<_, Error>(())
        })?;
        Ok(Self { context, runtime, threads })
    }
}

impl Engine for DataFusionParquet {
    fn name(&self) -> &str {
        "datafusion-parquet"
    }

    fn description(&self) -> String {
        format!("DataFusion {} on the source Parquet, {} partitions, defaults", ::datafusion::DATAFUSION_VERSION, self.threads)
    }

    fn run(&mut self, sql: &str) -> Result<Run> {
        let (context, sql) = (self.context.clone(), sql.to_owned());
        time_query(&self.runtime, async move { Ok(context.sql(&sql).await?.collect().await?) })
    }
}
