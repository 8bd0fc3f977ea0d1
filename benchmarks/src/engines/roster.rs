//! Who can take part.

use super::protocol::{Opened, Opening};
use super::worker::Worker;
use crate::error::Result;

/// An engine that can take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum EngineName {
    /// CloudDB on its own segments
    Clouddb,
    /// DuckDB on tables in its memory
    DuckdbMemory,
    /// DuckDB on its own file
    DuckdbFile,
    /// DuckDB on the source Parquet
    DuckdbParquet,
    /// DataFusion on the source Parquet
    DatafusionParquet,
    /// DataFusion on a MemTable
    DatafusionMemory,
    /// Hyper on tables of its own
    Hyper,
    /// Polars' SQL on the source Parquet
    PolarsParquet,
    /// Polars' SQL on data frames
    PolarsMemory,
    /// ClickHouse on MergeTree tables
    ClickhouseMergetree,
    /// ClickHouse on the source Parquet
    ClickhouseParquet,
}

impl EngineName {
    /// Its name, as options and reports have it.
    pub fn name(self) -> &'static str {
        self.facts().0
    }

    /// Where it has its rows, for reports.
    pub fn reads(self) -> &'static str {
        self.facts().3
    }

    /// Whether it reads the sources in place, so that they can be in a bucket.
    pub fn reads_sources(self) -> bool {
        self.facts().2 == "parquet"
    }

    /// How good a reference its answers are, the smallest first: DuckDB's, which the queries of the suites are written for, then other peers'.
    pub fn reference_rank(self) -> u8 {
        match self.facts().1 {
            "duckdb" => 0,
            "clouddb" => 2,
            _ => 1,
        }
    }

    /// Starts its process with what `opening` says; engine and storage are filled in.
    ///
    /// # Errors
    /// When it does not start, or cannot load the tables.
    pub fn open(self, opening: &Opening) -> Result<(Worker, Opened)> {
        let (_, engine, storage, _) = self.facts();
        let opening = Opening { engine: engine.to_owned(), storage: storage.to_owned(), ..opening.clone() };
        match engine {
            "clouddb" | "datafusion" => Worker::own(&opening),
            _ => Worker::python(&opening),
        }
    }

    /// Name, engine, storage (as the workers know them) and what it reads.
    fn facts(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::Clouddb => ("clouddb", "clouddb", "own", "its own segments"),
            Self::DuckdbMemory => ("duckdb-memory", "duckdb", "memory", "tables in memory"),
            Self::DuckdbFile => ("duckdb-file", "duckdb", "file", "its own file"),
            Self::DuckdbParquet => ("duckdb-parquet", "duckdb", "parquet", "the source Parquet"),
            Self::DatafusionParquet => ("datafusion-parquet", "datafusion", "parquet", "the source Parquet"),
            Self::DatafusionMemory => ("datafusion-memory", "datafusion", "memory", "a MemTable"),
            Self::Hyper => ("hyper", "hyper", "own", "its own tables"),
            Self::PolarsParquet => ("polars-parquet", "polars", "parquet", "the source Parquet"),
            Self::PolarsMemory => ("polars-memory", "polars", "memory", "data frames"),
            Self::ClickhouseMergetree => ("clickhouse-mergetree", "clickhouse", "own", "MergeTree tables"),
            Self::ClickhouseParquet => ("clickhouse-parquet", "clickhouse", "parquet", "the source Parquet"),
        }
    }
}
