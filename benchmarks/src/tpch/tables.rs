//! The eight tables: names, columns, and generators of their rows.

use arrow::datatypes::{DataType, SchemaRef};
use tpchgen::generators as rows;
use tpchgen_arrow as batches;

use crate::files::Batches;

/// Rows in a batch of a generator; DataFusion's own batch size, so that one batch is one unit of work in what follows.
const BATCH_ROWS: usize = 8192;

/// A table of TPC-H.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// Customers.
    Customer,
    /// Lines of orders: the big one, 6 million rows at scale factor 1.
    Lineitem,
    /// Nations; 25 rows at every scale.
    Nation,
    /// Orders.
    Orders,
    /// Parts.
    Part,
    /// Which supplier has which part.
    Partsupp,
    /// Regions; 5 rows at every scale.
    Region,
    /// Suppliers.
    Supplier,
}

/// All tables, the small ones first.
pub const TABLES: [Table; 8] =
    [Table::Region, Table::Nation, Table::Supplier, Table::Customer, Table::Part, Table::Partsupp, Table::Orders, Table::Lineitem];

impl Table {
    /// Its name in SQL, and the stem of its files' names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Lineitem => "lineitem",
            Self::Nation => "nation",
            Self::Orders => "orders",
            Self::Part => "part",
            Self::Partsupp => "partsupp",
            Self::Region => "region",
            Self::Supplier => "supplier",
        }
    }

    /// The table of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        TABLES.into_iter().find(|table| table.name() == name)
    }

    /// Its columns.
    pub fn schema(self) -> SchemaRef {
        match self {
            Self::Customer => batches::CustomerArrow::schema_ref(),
            Self::Lineitem => batches::LineItemArrow::schema_ref(),
            Self::Nation => batches::NationArrow::schema_ref(),
            Self::Orders => batches::OrderArrow::schema_ref(),
            Self::Part => batches::PartArrow::schema_ref(),
            Self::Partsupp => batches::PartSuppArrow::schema_ref(),
            Self::Region => batches::RegionArrow::schema_ref(),
            Self::Supplier => batches::SupplierArrow::schema_ref(),
        }
    }

    /// Its rows at a scale factor, part `part` of `parts` (counted from 1).
    pub(super) fn generate(self, scale: f64, part: i32, parts: i32) -> Batches {
        macro_rules! generate {
            ($batches:ident, $rows:ident) => {
                Box::new(batches::$batches::new(rows::$rows::new(scale, part, parts)).with_batch_size(BATCH_ROWS))
            };
        }
        match self {
            Self::Customer => generate!(CustomerArrow, CustomerGenerator),
            Self::Lineitem => generate!(LineItemArrow, LineItemGenerator),
            Self::Nation => generate!(NationArrow, NationGenerator),
            Self::Orders => generate!(OrderArrow, OrderGenerator),
            Self::Part => generate!(PartArrow, PartGenerator),
            Self::Partsupp => generate!(PartSuppArrow, PartSuppGenerator),
            Self::Region => generate!(RegionArrow, RegionGenerator),
            Self::Supplier => generate!(SupplierArrow, SupplierGenerator),
        }
    }

    /// Its columns as SQL declares them, in types that CloudDB and DuckDB share: `l_orderkey BIGINT NOT NULL, …`.
    pub fn sql_columns(self) -> String {
        self.columns().map(|(name, sql_type)| format!("{name} {sql_type} NOT NULL")).collect::<Vec<_>>().join(", ")
    }

    /// Its columns as DuckDB's `read_csv` wants them: `{'l_orderkey': 'BIGINT', …}`.
    pub fn duckdb_csv_columns(self) -> String {
        format!("{{{}}}", self.columns().map(|(name, sql_type)| format!("'{name}': '{sql_type}'")).collect::<Vec<_>>().join(", "))
    }

    fn columns(self) -> impl Iterator<Item = (String, String)> {
        let fields: Vec<_> = self.schema().fields().iter().cloned().collect();
        fields.into_iter().map(|field| {
            let sql_type = match field.data_type() {
                DataType::Int32 => "INTEGER".to_owned(),
                DataType::Int64 => "BIGINT".to_owned(),
                DataType::Date32 => "DATE".to_owned(),
                DataType::Decimal128(precision, scale) => format!("DECIMAL({precision}, {scale})"),
                // All that is left are strings; the test below looks at every table.
                _ => "VARCHAR".to_owned(),
            };
            (field.name().clone(), sql_type)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Result;

    #[test]
    fn every_type_has_its_name_in_sql() {
        for table in TABLES {
            for field in table.schema().fields() {
                let known = matches!(
                    field.data_type(),
                    DataType::Int32 | DataType::Int64 | DataType::Date32 | DataType::Decimal128(_, _) | DataType::Utf8View
                );
                assert!(known, "{}.{}: {}", table.name(), field.name(), field.data_type());
            }
            assert_eq!(Table::from_name(table.name()), Some(table));
        }
        assert!(Table::Lineitem.sql_columns().contains("l_extendedprice DECIMAL(15, 2) NOT NULL, l_discount"));
        assert_eq!(Table::Region.duckdb_csv_columns(), "{'r_regionkey': 'BIGINT', 'r_name': 'VARCHAR', 'r_comment': 'VARCHAR'}");
    }

    #[test]
    fn generates_the_rows_of_the_specification() -> Result<()> {
        let mut regions = 0;
        for batch in Table::Region.generate(0.01, 1, 1) {
            regions += batch?.num_rows();
        }
        let mut suppliers = 0;
        for part in 1..=2 {
            for batch in Table::Supplier.generate(0.01, part, 2) {
                suppliers += batch?.num_rows();
            }
        }
        assert_eq!((regions, suppliers), (5, 100));
        Ok(())
    }
}
