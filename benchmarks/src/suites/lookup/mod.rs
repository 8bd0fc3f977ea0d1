//! Lookups: a few rows of a big table that is clustered by the column that is asked for.
//!
//! TPC-H's lineitem, clustered by `l_orderkey`, is asked for the lines of one order, and for a sum over the orders of a narrow range of keys: by
//! new processes, which have to find them with few requests, and by one that has been asked before, beside peers that have the table too.

mod cold;
mod hot;
mod results;

use std::path::PathBuf;

use self::results::Results;
use crate::engines::{self, CloudDb, EngineName, Source};
use crate::error::{Context, Result};
use crate::place::{Place, StoreArgs};
use crate::report;
use crate::tpch::Table;
use crate::tpch::data::{self, Format};
use crate::workload::rows::below;

/// Orders of TPC-H at scale 1.
const ORDERS: f64 = 1_500_000.0;

/// Arguments of the suite.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// TPC-H's scale
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Cold processes for each kind of lookup
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Keys that are looked up hot
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    keys: u64,
    /// Chooses the keys
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Threads of every engine
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Engines that are asked hot
    #[arg(long, value_enum, value_delimiter = ',', default_value = "clouddb,duckdb-memory,duckdb-file")]
    engines: Vec<EngineName>,
    /// GiB of decoded columns that CloudDB may keep; left out, its default
    #[arg(long)]
    cache_gib: Option<u64>,
    /// Do not tell the library beforehand which table will be read
    #[arg(long)]
    no_prefetch: bool,
    /// Folder for TPC-H's data, kept for the next run
    #[arg(long, default_value = "benchmarks/data")]
    data: PathBuf,
    /// Where to put the database
    #[command(flatten)]
    store: StoreArgs,
    /// Folder for the results
    #[arg(long, default_value = "benchmarks/results")]
    out: PathBuf,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lookup {
    /// The lines of an order.
    Point,
    /// A sum over the lines of 32 orders that follow each other.
    Range,
}

impl Lookup {
    const ALL: [Self; 2] = [Self::Point, Self::Range];

    fn name(self) -> &'static str {
        match self {
            Self::Point => "point",
            Self::Range => "range",
        }
    }

    fn sql(self, key: u64) -> String {
        match self {
            Self::Point => format!("SELECT * FROM lineitem WHERE l_orderkey = {key}"),
            // Of 128 keys that follow each other, 32 are orders.
            Self::Range => format!(
                "SELECT count(*), sum(l_extendedprice * (1 - l_discount)) FROM lineitem WHERE l_orderkey BETWEEN {key} AND {}",
                key + 127
            ),
        }
    }
}

/// Keys of orders, the same for the same seed.
struct Keys {
    orders: u64,
    seed: u64,
}

impl Keys {
    fn get(&self, number: u64) -> u64 {
        let order = below(number, self.seed, self.orders) + 1;
        // TPC-H uses the first eight of 32 keys.
        ((order >> 3) << 5) | (order & 7)
    }
}

/// Runs the suite.
///
/// # Errors
/// When the database cannot be made, a key has no rows, or answers differ.
pub fn run(args: &Args) -> Result<()> {
    report::warn_if_unoptimized();
    let place = Place::new(&args.store, "lookup")?;
    let data = data::prepare(&args.data, args.scale, Format::ParquetSnappy, &[Table::Lineitem], args.threads)?;
    let path = data.file(Table::Lineitem).to_str().context("the data folder's path is not UTF-8")?.to_owned();
    let source = Source { name: Table::Lineitem.name().to_owned(), path };
    let mut near = CloudDb::open(&place.near("db"), args.threads, engines::runtime(args.threads)?)?;
    near.execute(&format!("CREATE TABLE lineitem ({}) CLUSTER BY (l_orderkey)", Table::Lineitem.sql_columns()))?;
    near.execute(&format!("INSERT INTO lineitem SELECT * FROM '{}'", source.path.replace('\'', "''")))?;
    near.settle();
    let keys = Keys { orders: (args.scale * ORDERS).max(1.0) as u64, seed: args.seed };
    let cold = cold::measure(args, &place, &keys, &mut near)?;
    drop(near);
    let hot = hot::measure(args, &place, &keys, &source)?;
    Results { args, place: &place, cold, hot }.report()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_orders() {
        let keys = Keys { orders: 40, seed: 1 };
        let all: std::collections::BTreeSet<u64> = (0..1000).map(|number| keys.get(number)).collect();
        assert_eq!(all.len(), 40);
        assert!(all.iter().all(|key| key % 32 < 8 && (1..=160).contains(key)), "{all:?}");
    }
}
