//! DataFusion as its users have it: a plain `SessionContext` over Parquet files, or over a `MemTable` of their rows, in a process of this program
//! and with the same allocator.
//!
//! Its defaults are left alone, but for the number of partitions. So it keeps the listing, footers and statistics of files that it has
//! seen, as it does for everybody, and decodes data of files anew for every query.

use std::sync::Arc;

use ::datafusion::datasource::MemTable;
use ::datafusion::execution::object_store::ObjectStoreUrl;
use ::datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use tokio::runtime::Runtime;

use super::protocol::Opening;
use super::{Engine, Run, names, time_query};
use crate::bucket;
use crate::error::{Error, Result};

/// DataFusion, with the sources as its tables.
pub struct DataFusion {
    context: SessionContext,
    runtime: Arc<Runtime>,
}

impl DataFusion {
    /// Registers the sources as tables.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(crate) fn open(opening: &Opening, runtime: Arc<Runtime>) -> Result<Self> {
        let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(opening.threads));
        let registering = register(context.clone(), opening.clone());
        runtime.block_on(runtime.spawn(registering)).map_err(|error| Error::new(format!("loading ended early: {error}")))??;
        Ok(Self { context, runtime })
    }
}

async fn register(context: SessionContext, opening: Opening) -> Result<()> {
    if let (Some(endpoint), Some(first)) = (&opening.endpoint, opening.tables.first()) {
        let (name, _) = bucket::split(&first.path)?;
        let url = ObjectStoreUrl::parse(format!("s3://{name}"))?;
        context.register_object_store(url.as_ref(), bucket::client(name, Some(endpoint))?);
    }
    for table in &opening.tables {
        match opening.storage.as_str() {
            "memory" => {
                let rows = context.read_parquet(table.path.as_str(), ParquetReadOptions::default()).await?;
                let schema = Arc::clone(rows.schema().inner());
                let table_rows = MemTable::try_new(schema, rows.collect_partitioned().await?)?;
                context.register_table(table.name.as_str(), Arc::new(table_rows))?;
            }
            _ => context.register_parquet(table.name.as_str(), table.path.as_str(), ParquetReadOptions::default()).await?,
        }
    }
    Ok(())
}

impl Engine for DataFusion {
    fn version(&self) -> String {
        ::datafusion::DATAFUSION_VERSION.to_owned()
    }

    fn run(&mut self, sql: &str) -> Result<Run> {
        let (context, sql) = (self.context.clone(), sql.to_owned());
        time_query(&self.runtime, async move {
            let frame = context.sql(&sql).await?;
            Ok((names(frame.schema().as_arrow()), frame.collect().await?))
        })
    }
}
