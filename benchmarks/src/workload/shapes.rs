//! Shapes of queries that TPC's suites have few of, over a star of our own: sales, returns, customers, products, stores.
//!
//! Sales come in the order of time, as they do in life: a table clustered by day, in which a range of days is a range of rows. Few products and
//! customers sell most. The queries are in `queries/shapes.sql`, each named for its shape.

use std::path::Path;

use super::rows::Values::{self, Big, Cents, Day, Double, Int, MaybeText, Second, Small, Text};
use super::rows::{Rows, below, chance, root, unit, zipf};
use super::{Query, Workload, files_of, texts};
use crate::engines::Source;
use crate::error::{Error, Result};
use crate::files::{Batches, Format};

/// The star with so many sales.
#[derive(Debug, Clone, clap::Args)]
pub struct Shapes {
    /// Rows of the table of sales; the others are fractions of it
    #[arg(long, default_value_t = 5_000_000)]
    pub rows: u64,
}

/// 2022-01-01, in days since 1970.
const FIRST_DAY: i64 = 18_993;

/// Three years.
const DAYS: u64 = 1_096;

const STORES: u64 = 120;
const CITIES: [&str; 10] = ["Aachen", "Bergen", "Cádiz", "Delft", "Évora", "Ferrara", "Graz", "Haarlem", "Innsbruck", "Jena"];
const SEGMENTS: [&str; 5] = ["private", "small business", "company", "school", "public"];
const CHANNELS: [&str; 4] = ["shop", "web", "phone", "partner"];
const CATEGORIES: [&str; 12] =
    ["books", "bikes", "coffee", "garden", "games", "kitchen", "lamps", "music", "paper", "shoes", "tea", "tools"];
const ADJECTIVES: [&str; 8] = ["red", "small", "heavy", "old", "blue", "plain", "quick", "northern"];
const REASONS: [&str; 4] = ["broken", "late", "wrong size", "other"];

fn customers(sales: u64) -> u64 {
    sales / 20 + 10
}

fn products(sales: u64) -> u64 {
    sales / 200 + 10
}

/// A row, known by its number, and how many sales there are.
struct Row {
    number: u64,
    sales: u64,
}

impl Row {
    fn id(&self) -> i64 {
        self.number as i64
    }

    fn pick(&self, salt: u64, values: &[&str]) -> String {
        values[zipf(self.number, salt, values.len() as u64) as usize].to_owned()
    }

    /// The second of a sale since the first day: evenly spread, in order.
    fn second(&self) -> i64 {
        (u128::from(self.number) * u128::from(DAYS * 86_400) / u128::from(self.sales.max(1))) as i64
    }

    /// The sale that a return is for: about every twelfth, in order.
    fn returned(&self) -> u64 {
        (self.number * 12 + below(self.number, 50, 12)).min(self.sales.saturating_sub(1))
    }

    fn product(&self) -> i64 {
        zipf(self.number, 2, products(self.sales)) as i64
    }
}

static SALES: [(&str, Values<Row>); 11] = [
    ("sale_id", Big(Row::id)),
    ("day", Day(|row| FIRST_DAY + row.second() / 86_400)),
    ("sold_at", Second(|row| FIRST_DAY * 86_400 + row.second())),
    ("customer_id", Big(|row| root(row.number, 1, customers(row.sales)) as i64)),
    ("product_id", Int(Row::product)),
    ("store_id", Int(|row| zipf(row.number, 3, STORES) as i64)),
    ("quantity", Small(|row| 1 + zipf(row.number, 4, 20) as i64)),
    ("price", Cents(|row| 99 + below(row.product() as u64, 5, 20_000) as i64 + below(row.number, 6, 300) as i64)),
    ("channel", Text(|row| row.pick(7, &CHANNELS))),
    ("note", MaybeText(|row| chance(row.number, 8, 60).then(|| format!("please call {:05}", below(row.number, 9, 100_000))))),
    ("basket", Big(|row| (row.number / 3) as i64)),
];

static RETURNS: [(&str, Values<Row>); 4] = [
    ("sale_id", Big(|row| row.returned() as i64)),
    ("returned_on", Day(|row| FIRST_DAY + Row { number: row.returned(), sales: row.sales }.second() / 86_400 + 3)),
    ("reason", Text(|row| row.pick(51, &REASONS))),
    ("refund", Cents(|row| 50 + below(row.number, 52, 9_000) as i64)),
];

static CUSTOMERS: [(&str, Values<Row>); 6] = [
    ("customer_id", Big(Row::id)),
    ("name", Text(|row| format!("customer {:07}", below(row.number, 20, 10_000_000)))),
    ("city", Text(|row| row.pick(21, &CITIES))),
    ("segment", Text(|row| row.pick(22, &SEGMENTS))),
    ("joined", Day(|row| FIRST_DAY - 2_000 + below(row.number, 23, 2_500) as i64)),
    (
        "email",
        MaybeText(|row| {
            (!chance(row.number, 24, 100)).then(|| format!("c{}@example.{}", row.number, row.pick(25, &["org", "net", "com"])))
        }),
    ),
];

static PRODUCTS: [(&str, Values<Row>); 5] = [
    ("product_id", Int(Row::id)),
    ("title", Text(|row| format!("{} {} {}", row.pick(30, &ADJECTIVES), row.pick(31, &ADJECTIVES), row.pick(32, &CATEGORIES)))),
    ("category", Text(|row| row.pick(32, &CATEGORIES))),
    ("brand", Int(|row| zipf(row.number, 33, 300) as i64)),
    ("weight", Double(|row| 0.05 + unit(row.number, 34) * 30.0)),
];

static STORE_COLUMNS: [(&str, Values<Row>); 4] = [
    ("store_id", Int(Row::id)),
    ("city", Text(|row| row.pick(40, &CITIES))),
    ("area", Int(|row| 40 + below(row.number, 41, 900) as i64)),
    ("opened", Day(|row| FIRST_DAY - 4_000 + below(row.number, 42, 4_000) as i64)),
];

/// All tables; the big ones are the last.
const TABLES: [&str; 5] = ["stores", "products", "customers", "returns", "sales"];

fn generate(table: &str, sales: u64) -> Result<Batches> {
    let row = move |number| Row { number, sales };
    Ok(match table {
        "stores" => Box::new(Rows::new(STORES, &STORE_COLUMNS, row)),
        "products" => Box::new(Rows::new(products(sales), &PRODUCTS, row)),
        "customers" => Box::new(Rows::new(customers(sales), &CUSTOMERS, row)),
        "returns" => Box::new(Rows::new(sales / 12, &RETURNS, row)),
        "sales" => Box::new(Rows::new(sales, &SALES, row)),
        other => return Err(Error::new(format!("the star has no table '{other}'"))),
    })
}

impl Workload for Shapes {
    fn suite(&self) -> &'static str {
        "shapes"
    }

    fn size(&self) -> String {
        format!("{}-rows", self.rows)
    }

    fn title(&self) -> String {
        format!("Shapes of queries, {} sales", self.rows)
    }

    fn prepare(&self, root: &Path, threads: usize) -> Result<Vec<Source>> {
        if self.rows < 1_000 {
            return Err(Error::new("fewer than 1,000 sales leave queries without rows: --rows is at least 1000"));
        }
        let folder = root.join(format!("shapes-{}", self.rows));
        files_of(&folder, Format::ParquetSnappy, &TABLES, threads, |table| generate(table, self.rows))
    }

    fn queries(&self) -> Result<Vec<Query>> {
        Ok(texts::queries(&include_str!("../../queries/shapes.sql").replace("{middle}", &(self.rows / 2).to_string())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_the_same_every_time() -> Result<()> {
        for table in TABLES {
            let all = || -> Result<Vec<_>> { Ok(generate(table, 20_000)?.collect::<std::result::Result<_, _>>()?) };
            assert_eq!(all()?, all()?);
            assert!(!all()?.is_empty(), "{table}");
        }
        assert!(generate("nothing", 1).is_err());
        Ok(())
    }

    #[test]
    fn sales_come_in_the_order_of_time_and_returns_are_for_sales() {
        let row = |number| Row { number, sales: 20_000 };
        assert!((1..20_000).all(|number| row(number - 1).second() <= row(number).second()));
        let returned: Vec<u64> = (0..20_000 / 12).map(|number| row(number).returned()).collect();
        assert!(returned.windows(2).all(|pair| pair[0] < pair[1]) && returned.iter().all(|sale| *sale < 20_000));
    }

    #[test]
    fn queries_have_names_of_their_own() -> Result<()> {
        let queries = Shapes { rows: 1_000 }.queries()?;
        let names: std::collections::HashSet<&str> = queries.iter().map(|query| query.name.as_str()).collect();
        assert!(names.len() == queries.len() && queries.len() >= 24, "{}", queries.len());
        Ok(())
    }
}
