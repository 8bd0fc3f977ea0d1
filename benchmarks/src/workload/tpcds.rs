//! TPC-DS as a workload: 24 tables, made in process, and the 99 queries.
//!
//! The queries are those of DuckDB's extension `tpcds`, fetched from it at run time: they are not part of this project.

use std::path::Path;

use tpcdsgen::config::SessionBuilder;
use tpcdsgen_arrow as batches;

use super::{Query, Workload, files_of};
use crate::answer::Cell;
use crate::engines::{Opening, Source, Worker};
use crate::error::{Context, Error, Result};
use crate::files::{Batches, Format};

/// TPC-DS at a scale.
#[derive(Debug, Clone, clap::Args)]
pub struct TpcDs {
    /// The scale factor: 1 is 1 GB as text
    #[arg(long, default_value_t = 1.0)]
    pub scale: f64,
}

/// All tables; the big ones are the last.
pub const TABLES: [&str; 24] = [
    "call_center",
    "catalog_page",
    "household_demographics",
    "income_band",
    "promotion",
    "reason",
    "ship_mode",
    "store",
    "warehouse",
    "web_page",
    "web_site",
    "item",
    "time_dim",
    "date_dim",
    "customer_address",
    "customer",
    "customer_demographics",
    "web_returns",
    "catalog_returns",
    "store_returns",
    "web_sales",
    "inventory",
    "catalog_sales",
    "store_sales",
];

fn generate(table: &str, scale: f64) -> Result<Batches> {
    let session = SessionBuilder::new().with_scale_factor(scale).build().map_err(|error| Error::new(error.to_string()))?;
    macro_rules! generate {
        ($batches:ident) => {
            Box::new(batches::$batches::new(session))
        };
    }
    Ok(match table {
        "call_center" => generate!(CallCenterArrow),
        "catalog_page" => generate!(CatalogPageArrow),
        "catalog_returns" => generate!(CatalogReturnsArrow),
        "catalog_sales" => generate!(CatalogSalesArrow),
        "customer" => generate!(CustomerArrow),
        "customer_address" => generate!(CustomerAddressArrow),
        "customer_demographics" => generate!(CustomerDemographicsArrow),
        "date_dim" => generate!(DateDimArrow),
        "household_demographics" => generate!(HouseholdDemographicsArrow),
        "income_band" => generate!(IncomeBandArrow),
        "inventory" => generate!(InventoryArrow),
        "item" => generate!(ItemArrow),
        "promotion" => generate!(PromotionArrow),
        "reason" => generate!(ReasonArrow),
        "ship_mode" => generate!(ShipModeArrow),
        "store" => generate!(StoreArrow),
        "store_returns" => generate!(StoreReturnsArrow),
        "store_sales" => generate!(StoreSalesArrow),
        "time_dim" => generate!(TimeDimArrow),
        "warehouse" => generate!(WarehouseArrow),
        "web_page" => generate!(WebPageArrow),
        "web_returns" => generate!(WebReturnsArrow),
        "web_sales" => generate!(WebSalesArrow),
        "web_site" => generate!(WebSiteArrow),
        other => return Err(Error::new(format!("TPC-DS has no table '{other}'"))),
    })
}

impl Workload for TpcDs {
    fn suite(&self) -> &'static str {
        "tpcds"
    }

    fn size(&self) -> String {
        format!("sf{}", self.scale)
    }

    fn title(&self) -> String {
        format!("TPC-DS scale {}", self.scale)
    }

    fn prepare(&self, root: &Path, threads: usize) -> Result<Vec<Source>> {
        if !(self.scale > 0.0 && self.scale.is_finite()) {
            return Err(Error::new(format!("the scale factor must be a positive number, not {}", self.scale)));
        }
        files_of(&root.join(format!("tpcds-sf{}", self.scale)), Format::ParquetSnappy, &TABLES, threads, |table| {
            generate(table, self.scale)
        })
    }

    fn queries(&self) -> Result<Vec<Query>> {
        let opening = Opening { engine: "duckdb".to_owned(), storage: "tpcds".to_owned(), threads: 1, ..Opening::default() };
        let (mut duckdb, _) = Worker::python(&opening).context("TPC-DS's queries come from DuckDB's extension tpcds")?;
        let run = duckdb.run("SELECT query_nr, query FROM tpcds_queries() ORDER BY query_nr", None)?;
        let query = |row: Vec<Cell>| match row.as_slice() {
            [number, Cell::Text(sql)] => Ok(Query { name: format!("Q{number}"), sql: sql.trim().trim_end_matches(';').to_owned() }),
            _ => Err(Error::new("DuckDB's extension tpcds gave a row that is no number and query")),
        };
        run.answer.rows.into_iter().map(query).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_can_be_made_and_is_the_same_twice() -> Result<()> {
        for table in TABLES {
            let first = || -> Result<_> { generate(table, 0.01)?.next().transpose().map_err(Error::from) };
            let batch = first()?.context(format!("{table} is empty"))?;
            assert!(batch.num_rows() > 0, "{table}");
            assert_eq!(Some(batch), first()?, "{table}");
        }
        assert!(generate("nothing", 1.0).is_err());
        Ok(())
    }
}
