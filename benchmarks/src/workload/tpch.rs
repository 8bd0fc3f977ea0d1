//! TPC-H as a workload.

use std::path::Path;

use super::{Query, Workload};
use crate::engines::Source;
use crate::error::{Context, Error, Result};
use crate::tpch::data::{self, Format};
use crate::tpch::{QUERIES, TABLES};

/// TPC-H at a scale.
#[derive(Debug, Clone, clap::Args)]
pub struct TpcH {
    /// The scale factor: 1 is 1 GB as text
    #[arg(long, default_value_t = 1.0)]
    pub scale: f64,
    /// How the source Parquet is compressed
    #[arg(long, value_enum, default_value = "parquet-snappy")]
    pub format: Format,
}

impl Workload for TpcH {
    fn suite(&self) -> &'static str {
        "tpch"
    }

    fn size(&self) -> String {
        format!("sf{}", self.scale)
    }

    fn title(&self) -> String {
        format!("TPC-H scale {}", self.scale)
    }

    fn prepare(&self, root: &Path, threads: usize) -> Result<Vec<Source>> {
        if self.format == Format::Csv {
            return Err(Error::new("the peers read Parquet: --format is parquet-snappy or parquet-zstd"));
        }
        let data = data::prepare(root, self.scale, self.format, &TABLES, threads)?;
        let source = |path: std::path::PathBuf| path.to_str().map(str::to_owned).context("the data folder's path is not UTF-8");
        TABLES.iter().map(|table| Ok(Source { name: table.name().to_owned(), path: source(data.file(*table))? })).collect()
    }

    fn queries(&self) -> Result<Vec<Query>> {
        Ok(QUERIES.iter().map(|query| Query { name: format!("Q{}", query.number), sql: query.sql(self.scale).into_owned() }).collect())
    }
}
