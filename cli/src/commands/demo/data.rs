//! The demo's data: TPC-H, generated in this process and written straight into segments.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use clouddb_storage::catalog::{ColumnSpec, TableMeta};
use clouddb_storage::{Database, Error, Result, StagedSegment, TableId, TableWriter, Transaction};
use futures::StreamExt;
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator, PartSuppGenerator, RegionGenerator,
    SupplierGenerator,
};
use tpchgen_arrow::{CustomerArrow, LineItemArrow, NationArrow, OrderArrow, PartArrow, PartSuppArrow, RegionArrow, SupplierArrow};

/// A source of one table's rows.
type Rows = Box<dyn RecordBatchReader<Item = Result<RecordBatch, ArrowError>> + Send>;

/// A table of TPC-H: its name, and how to generate one of several parts of it.
struct TpchTable {
    name: &'static str,
    /// Scale factor, part (from 1), number of parts.
    generate: fn(f64, i32, i32) -> Rows,
    /// Whether it grows with the scale and is worth several writers.
    is_large: bool,
}

macro_rules! table {
    ($name:literal, $generator:ident, $arrow:ident, $is_large:literal) => {
        TpchTable {
            name: $name,
            generate: |scale, part, parts| Box::new($arrow::new($generator::new(scale, part, parts))),
            is_large: $is_large,
        }
    };
}

/// The eight tables, the largest first, so that the last writers to end are short ones.
const TABLES: [TpchTable; 8] = [
    table!("lineitem", LineItemGenerator, LineItemArrow, true),
    table!("orders", OrderGenerator, OrderArrow, true),
    table!("partsupp", PartSuppGenerator, PartSuppArrow, true),
    table!("part", PartGenerator, PartArrow, false),
    table!("customer", CustomerGenerator, CustomerArrow, false),
    table!("supplier", SupplierGenerator, SupplierArrow, false),
    table!("nation", NationGenerator, NationArrow, false),
    table!("region", RegionGenerator, RegionArrow, false),
];

/// Creates TPC-H's eight tables in the schema `main` and fills them, all in one transaction. `rows` counts while they are written.
pub(super) async fn load(database: &Database, scale: f64, threads: usize, rows: &Arc<AtomicU64>) -> Result<()> {
    let snapshot = database.snapshot().await?;
    let mut transaction = database.begin(&snapshot)?;
    transaction.describe(&format!("clouddb demo: load TPC-H at scale {scale}"));
    let schema = match snapshot.schema("main") {
        Some(schema) => schema.id,
        None => transaction.create_schema("main", None)?,
    };
    let parts = i32::try_from(threads).unwrap_or(i32::MAX);
    let mut pieces: Vec<(TableId, TableWriter, Rows)> = Vec::new();
    for table in &TABLES {
        let id = transaction.new_table_id();
        let columns = columns_of(&(table.generate)(scale, 1, 1).schema());
        transaction.create_table(TableMeta::new(id, schema, table.name, columns, &[])?)?;
        let parts = if table.is_large { parts } else { 1 };
        for part in 1..=parts {
            pieces.push((id, transaction.writer(id)?, (table.generate)(scale, part, parts)));
        }
    }
    let mut written = futures::stream::iter(pieces)
        .map(|(id, writer, source)| {
            let rows = Arc::clone(rows);
            async move {
                let segments = tokio::spawn(write(writer, source, rows)).await;
                Ok::<_, Error>((id, segments.map_err(|error| Error::internal(format!("a writer of the demo ended: {error}")))??))
            }
        })
        .buffered(threads);
    while let Some(piece) = written.next().await {
        append(&mut transaction, piece?)?;
    }
    drop(written);
    transaction.commit().await?;
    Ok(())
}

fn append(transaction: &mut Transaction, (table, segments): (TableId, Vec<StagedSegment>)) -> Result<()> {
    transaction.append(table, segments)
}

async fn write(mut writer: TableWriter, source: Rows, rows: Arc<AtomicU64>) -> Result<Vec<StagedSegment>> {
    for batch in source {
        let batch = batch.map_err(|error| Error::internal(format!("cannot generate TPC-H data: {error}")))?;
        let count = batch.num_rows() as u64;
        writer.write(batch).await?;
        rows.fetch_add(count, Ordering::Relaxed);
    }
    writer.finish().await
}

/// TPC-H's columns are NOT NULL, all of them.
fn columns_of(schema: &SchemaRef) -> Vec<ColumnSpec> {
    schema.fields().iter().map(|field| ColumnSpec::new(field.name(), field.data_type().clone(), false)).collect()
}
