//! The tables that the callers write to, and their rows.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringViewArray};
use arrow::datatypes::{DataType, Int64Type};
use clouddb_storage::TableId;
use clouddb_storage::catalog::{ColumnSpec, TableMeta};
use clouddb_storage::segment::SegmentBody;
use clouddb_storage::segment::reader::read_inline;
use clouddb_storage::{Database, OpenOptions, Snapshot, TableSnapshot};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::error::{Context, Error, Result};
use crate::place::Location;

/// The schema that every database has.
const SCHEMA: &str = "main";

/// A table of the suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TableName {
    /// What transactions over one table append to.
    Events,
    /// What transfers add amounts to.
    Credit,
    /// What transfers take amounts from.
    Debit,
}

impl TableName {
    pub(super) const ALL: [Self; 3] = [Self::Events, Self::Credit, Self::Debit];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Credit => "credit",
            Self::Debit => "debit",
        }
    }

    /// Whether a transaction puts a row into this table.
    pub(super) fn has(self, id: RowId, transfer: bool) -> bool {
        let two_tables = transfer && id.n % 2 == 1;
        two_tables != (self == Self::Events)
    }
}

/// Which transaction of which caller put a row there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RowId {
    pub(super) caller: i64,
    pub(super) n: i64,
}

impl RowId {
    /// What a transfer moves: different from one transfer to the next, so that a lost half cannot hide behind another's.
    fn amount(self) -> i64 {
        (self.caller + 1) * 1_000_003 + self.n
    }

    /// The row that a transaction puts into a table.
    pub(super) fn row(self, table: TableName) -> Result<RecordBatch> {
        let amount = match table {
            TableName::Events => 0,
            TableName::Credit => self.amount(),
            TableName::Debit => -self.amount(),
        };
        let integer = |value: i64| -> ArrayRef { Arc::new(Int64Array::from(vec![value])) };
        let note: ArrayRef = Arc::new(StringViewArray::from(vec![format!("transaction {} of caller {}", self.n, self.caller)]));
        let columns = [("caller", integer(self.caller)), ("n", integer(self.n)), ("amount", integer(amount)), ("note", note)];
        Ok(RecordBatch::try_from_iter(columns)?)
    }
}

/// Options for a database that always looks at the store: a reader that looks for mistakes must not look at what it knows already.
pub(super) fn reading(location: &Location) -> OpenOptions {
    OpenOptions { store_options: location.options.clone(), max_staleness: Some(Duration::ZERO), ..OpenOptions::default() }
}

/// Makes the database with its tables.
pub(super) async fn create(location: &Location) -> Result<()> {
    let database = Database::open(&location.url, reading(location)).await?;
    let mut transaction = database.begin(&database.snapshot().await?)?;
    let schema = transaction.snapshot().schema(SCHEMA).context("a new database has no schema 'main'")?.id;
    for table in TableName::ALL {
        let mut columns: Vec<_> = ["caller", "n", "amount"].into_iter().map(|name| ColumnSpec::new(name, DataType::Int64, false)).collect();
        columns.push(ColumnSpec::new("note", DataType::Utf8View, true));
        transaction.create_table(TableMeta::new(transaction.new_table_id(), schema, table.name(), columns, &[])?)?;
    }
    transaction.commit().await?;
    database.close().await;
    Ok(())
}

/// A table's id.
pub(super) fn id(snapshot: &Snapshot, table: TableName) -> Result<TableId> {
    Ok(snapshot.table(SCHEMA, table.name()).context(format!("the database has no table '{}'", table.name()))?.meta().id)
}

/// A row as it was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) id: RowId,
    pub(super) amount: i64,
}

/// One of the suite's tables in a snapshot, for reading.
pub(super) struct Ledger(TableSnapshot);

impl Ledger {
    pub(super) fn of(snapshot: &Snapshot, table: TableName) -> Result<Self> {
        Ok(Self(snapshot.table(SCHEMA, table.name()).context(format!("the database has no table '{}'", table.name()))?))
    }

    /// All rows. Segments are read without the engine, so that what is checked is the store and nothing else.
    pub(super) async fn rows(&self) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        for segment in self.0.segments() {
            let batches = match &segment.body {
                SegmentBody::Inline(_) => read_inline(self.0.meta(), segment)?,
                SegmentBody::Parquet(location) => {
                    let file = self.0.store().get(&location.path).await?;
                    ParquetRecordBatchReaderBuilder::try_new(file)?.build()?.collect::<std::result::Result<_, _>>()?
                }
            };
            for batch in batches {
                let column = |position: usize| -> Result<&Int64Array> {
                    let column = batch.columns().get(position).and_then(|column| column.as_primitive_opt::<Int64Type>());
                    column.filter(|column| column.null_count() == 0).context("a column is not what was written")
                };
                let (caller, n, amount) = (column(0)?, column(1)?, column(2)?);
                rows.extend(
                    (0..batch.num_rows())
                        .map(|row| Row { id: RowId { caller: caller.value(row), n: n.value(row) }, amount: amount.value(row) }),
                );
            }
        }
        if rows.len() as u64 != self.0.rows() {
            return Err(Error::new(format!("the table says {} rows and has {}", self.0.rows(), rows.len())));
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_transaction_has_its_tables() {
        let id = |n| RowId { caller: 3, n };
        let tables = |n, transfer| TableName::ALL.into_iter().filter(|table| table.has(id(n), transfer)).collect::<Vec<_>>();
        assert_eq!(tables(0, true), [TableName::Events]);
        assert_eq!(tables(1, true), [TableName::Credit, TableName::Debit]);
        assert_eq!(tables(1, false), [TableName::Events]);
    }

    #[tokio::test]
    async fn rows_come_back() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let location = Location { url: folder.path().join("db").to_string_lossy().into_owned(), options: Vec::new() };
        create(&location).await?;
        let database = Database::open(&location.url, reading(&location)).await?;
        let snapshot = database.snapshot().await?;
        let mut transaction = database.begin(&snapshot)?;
        let transfer = RowId { caller: 1, n: 1 };
        for table in [TableName::Credit, TableName::Debit] {
            let mut writer = transaction.writer(id(&snapshot, table)?)?;
            writer.write(transfer.row(table)?).await?;
            transaction.append(id(&snapshot, table)?, writer.finish().await?)?;
        }
        let snapshot = transaction.commit().await?;
        let credit = Ledger::of(&snapshot, TableName::Credit)?.rows().await?;
        let debit = Ledger::of(&snapshot, TableName::Debit)?.rows().await?;
        assert_eq!((credit.len(), debit.len(), credit[0].id), (1, 1, transfer));
        assert_eq!(credit[0].amount + debit[0].amount, 0);
        assert_ne!(credit[0].amount, 0);
        assert!(Ledger::of(&snapshot, TableName::Events)?.rows().await?.is_empty());
        Ok(())
    }
}
