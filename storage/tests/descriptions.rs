//! What things are called and what is said of them: changes that touch no rows, macros and sequences; found again in the log and in checkpoints.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use arrow::datatypes::DataType;
use clouddb_storage::catalog::{ColumnChange, ColumnSpec, SequenceMeta, TableMeta};
use clouddb_storage::store::{Store, StoreKind};
use clouddb_storage::{Database, ErrorKind, OpenOptions, Result, Snapshot, Transaction};
use object_store::memory::InMemory;

fn memory() -> Store {
    Store::from_object_store(Arc::new(InMemory::new()), "db", StoreKind::Memory, "memory")
}

async fn open(store: &Store) -> Result<Database> {
    Database::open_store(store.clone(), OpenOptions::default()).await
}

async fn change(database: &Database, change: impl FnOnce(&mut Transaction) -> Result<()>) -> Result<Snapshot> {
    let mut transaction = database.begin(&database.snapshot().await?)?;
    change(&mut transaction)?;
    transaction.commit().await
}

/// A table, a view, a macro and a sequence in the schema `s`.
fn create(transaction: &mut Transaction) -> Result<()> {
    let schema = transaction.create_schema("s", None)?;
    let columns = vec![ColumnSpec::new("a", DataType::Int64, true), ColumnSpec::new("b", DataType::Utf8View, true)];
    transaction.create_table(TableMeta::new(transaction.new_table_id(), schema, "t", columns, &["a".to_owned()])?)?;
    transaction.create_view(schema, "v", "SELECT 1", "s", None)?;
    transaction.create_macro(schema, "m", "(a) AS a + 1", "s")?;
    let (id, name) = (transaction.new_sequence_id(), "q".to_owned());
    let sequence = SequenceMeta { id, schema, name, start: 1, increment: 1, min: 1, max: i64::MAX, cycle: false, taken: 0, comment: None };
    transaction.create_sequence(sequence)
}

fn alter(transaction: &mut Transaction) -> Result<()> {
    let snapshot = transaction.snapshot();
    let table = snapshot.table("s", "t").unwrap().meta().clone();
    transaction.rename_table(table.id, "t2")?;
    transaction.comment_table(table.id, Some("a table".to_owned()))?;
    let column = ColumnChange { id: table.columns[0].id(), name: Some("x".to_owned()), ..Default::default() };
    transaction.alter_column(table.id, column)?;
    let default = Some(Some("'none'".to_owned()));
    transaction.alter_column(table.id, ColumnChange { id: table.columns[1].id(), default, ..Default::default() })?;
    let view = snapshot.view("s", "v").unwrap();
    transaction.rename_view(view.id, "w")?;
    transaction.comment_view(view.id, Some("a view".to_owned()))?;
    let schema = snapshot.schema("s").unwrap().id;
    transaction.rename_schema(schema, "s2")?;
    transaction.comment_schema(schema, Some("a schema".to_owned()))
}

fn check(snapshot: &Snapshot) {
    assert!(snapshot.schema("s").is_none());
    assert_eq!(snapshot.schema("s2").unwrap().comment.as_deref(), Some("a schema"));
    assert!(snapshot.table("s2", "t").is_none());
    let table = snapshot.table("s2", "t2").unwrap();
    assert_eq!(table.meta().comment.as_deref(), Some("a table"));
    let [x, b] = table.meta().columns.as_slice() else { panic!("two columns") };
    assert_eq!((x.name(), x.physical_name(), b.default()), ("x", "a", Some("'none'")));
    let view = snapshot.view("s2", "w").unwrap();
    assert_eq!((view.search_path.as_str(), view.comment.as_deref()), ("s2", Some("a view")));
    assert_eq!(snapshot.macros("s2")[0].search_path, "s2");
}

#[tokio::test]
async fn changes_are_found_again_in_the_log_and_in_checkpoints() -> Result<()> {
    let store = memory();
    let database = open(&store).await?;
    change(&database, create).await?;
    change(&database, alter).await?;
    check(&open(&store).await?.snapshot().await?);
    // More commits than a checkpoint waits for; each takes numbers.
    for taken in 0..300 {
        let sequence = database.snapshot().await?.sequences("s2")[0].clone();
        assert_eq!(sequence.taken, taken * 10);
        change(&database, |transaction| transaction.take_numbers(sequence.id, 10).map(drop)).await?;
    }
    database.close().await;
    assert!(!store.list("checkpoint").await?.is_empty());
    let snapshot = open(&store).await?.snapshot().await?;
    check(&snapshot);
    assert_eq!(snapshot.sequences("s2")[0].taken, 3_000);
    Ok(())
}

#[tokio::test]
async fn numbers_are_taken_once() -> Result<()> {
    let database = open(&memory()).await?;
    let snapshot = change(&database, create).await?;
    let sequence = snapshot.sequences("s")[0].id;
    let (mut first, mut second) = (database.begin(&snapshot)?, database.begin(&snapshot)?);
    assert_eq!((first.take_numbers(sequence, 5)?, second.take_numbers(sequence, 7)?), (0, 0));
    first.commit().await?;
    assert_eq!(second.commit().await.unwrap_err().kind(), ErrorKind::Conflict);
    let mut third = database.begin(&database.snapshot().await?)?;
    assert_eq!(third.take_numbers(sequence, 1)?, 5);
    Ok(())
}

#[tokio::test]
async fn different_changes_of_one_thing_both_hold_and_a_name_is_taken_once() -> Result<()> {
    let database = open(&memory()).await?;
    let snapshot = change(&database, create).await?;
    let table = snapshot.table("s", "t").unwrap().meta().clone();
    let mut one = database.begin(&snapshot)?;
    let mut other = database.begin(&snapshot)?;
    let mut late = database.begin(&snapshot)?;
    one.comment_table(table.id, Some("one".to_owned()))?;
    other.alter_column(
        table.id,
        ColumnChange { id: table.columns[0].id(), comment: Some(Some("other".to_owned())), ..Default::default() },
    )?;
    late.create_view(table.schema, "taken", "SELECT 1", "s", None)?;
    one.commit().await?;
    other.rename_table(table.id, "taken")?;
    let snapshot = other.commit().await?;
    let found = snapshot.table("s", "taken").unwrap().meta().clone();
    assert_eq!((found.comment.as_deref(), found.columns[0].comment()), (Some("one"), Some("other")));
    assert_eq!(late.commit().await.unwrap_err().kind(), ErrorKind::AlreadyExists);
    // What was dropped meanwhile cannot be changed.
    let mut gone = database.begin(&snapshot)?;
    gone.comment_table(table.id, None)?;
    change(&database, |transaction| transaction.drop_table(table.id)).await?;
    assert_eq!(gone.commit().await.unwrap_err().kind(), ErrorKind::Conflict);
    Ok(())
}

#[tokio::test]
async fn a_schema_with_a_macro_is_not_empty() -> Result<()> {
    let database = open(&memory()).await?;
    let snapshot = change(&database, create).await?;
    let mut transaction = database.begin(&snapshot)?;
    transaction.drop_table(snapshot.table("s", "t").unwrap().meta().id)?;
    transaction.drop_view(snapshot.view("s", "v").unwrap().id)?;
    let schema = snapshot.schema("s").unwrap().id;
    assert_eq!(transaction.drop_schema(schema).unwrap_err().kind(), ErrorKind::Invalid);
    transaction.drop_macro(snapshot.macros("s")[0].id)?;
    transaction.drop_sequence(snapshot.sequences("s")[0].id)?;
    transaction.drop_schema(schema)?;
    transaction.commit().await?;
    Ok(())
}
