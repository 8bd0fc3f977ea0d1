//! How many trips to a store far away a first query takes.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../../storage/tests/support/waves.rs"]
mod waves;

use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use clouddb_engine::{Database, Options, StatementResult};
use clouddb_storage::OpenOptions;
use clouddb_storage::store::Store;
use futures::TryStreamExt;
use object_store::memory::InMemory;
use waves::{far_away, nearby};

const THREADS: usize = 2;

/// Opens a database, told beforehand which table will be read, or not.
async fn open(store: Store, table: Option<&str>) -> Database {
    let storage = OpenOptions {
        prefetch: table.map(|table| ("main".to_owned(), table.to_owned())).into_iter().collect(),
        // However slow the machine is, nothing is looked up a second time.
        max_staleness: Some(Duration::from_secs(3600)),
        ..OpenOptions::default()
    };
    let options = Options { storage: storage.clone(), threads: Some(THREADS), ..Options::default() };
    Database::from_storage(clouddb_storage::Database::open_store(store, storage).await.unwrap(), &options).await.unwrap()
}

/// Runs a statement; the text of what it answers.
async fn run(database: &Database, sql: &str) -> String {
    let batches: Vec<RecordBatch> = match database.session().execute(sql).await.unwrap() {
        StatementResult::Rows(rows) => rows.into_stream().try_collect().await.unwrap(),
        StatementResult::Done(_) => Vec::new(),
    };
    arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string()
}

/// Runs statements and closes the database.
#[tokio::main(flavor = "current_thread")]
async fn prepared(statements: impl IntoIterator<Item = String>) -> Arc<InMemory> {
    let objects = Arc::new(InMemory::new());
    let database = open(nearby(&objects), None).await;
    for sql in statements {
        run(&database, &sql).await;
    }
    database.storage().close().await;
    objects
}

/// Numbers that no encoding makes shorter: eight bytes a row.
fn rows(table: &str, from: usize, to: usize) -> String {
    format!("INSERT INTO {table} SELECT value, random() FROM generate_series({from}, {}) AS r(value)", to - 1)
}

fn create(table: &str) -> String {
    format!("CREATE TABLE {table} (id BIGINT, number DOUBLE)")
}

#[test]
fn rows_of_small_files_come_with_the_second_trip() {
    let large = [create("large"), rows("large", 0, 200_000)];
    let objects =
        prepared([create("small")].into_iter().chain((0..20).map(|part| rows("small", part * 10_000, (part + 1) * 10_000))).chain(large));
    far_away(&objects, async |far, store| {
        let database = open(store, Some("small")).await;
        let answer = run(&database, "SELECT count(*), sum(id) FROM small WHERE id >= 5 AND number >= 0").await;
        assert!(answer.contains("| 199995   | 19999899990"), "{answer}");
        assert_eq!(far.waves().len(), 2, "{:#?}", far.waves());
    });
}

#[test]
fn rows_of_a_large_file_come_with_the_third_trip() {
    let objects = prepared([create("large"), rows("large", 0, 600_000)]);
    far_away(&objects, async |far, store| {
        let database = open(store, Some("large")).await;
        run(&database, "SELECT sum(number) FROM large WHERE id >= 100").await;
        let waves = far.waves();
        assert!(waves.iter().take(2).flatten().all(|request| !request.contains(".parquet 0..")), "the file is large: {waves:#?}");
        let of_rows = |request: &String| request.contains(".parquet ");
        assert!(waves.len() >= 3 && waves[2].iter().any(of_rows) && waves[2].iter().all(of_rows), "{waves:#?}");
    });
}

#[test]
fn footers_of_many_files_are_fetched_together() {
    let objects = prepared([create("t")].into_iter().chain((0..20).map(|part| rows("t", part * 2000, (part + 1) * 2000))));
    far_away(&objects, async |far, store| {
        let database = open(store.clone(), None).await;
        assert_eq!(far.waves().len(), 2);
        let opened = store.counts();
        let plan = run(&database, "EXPLAIN (ANALYZE, FORMAT indent) SELECT sum(number) FROM t WHERE id >= 0").await;
        let (trips, made) = (far.waves().len() - 2, store.counts() - opened);
        assert!(trips <= 3, "{trips} trips for 20 files in {THREADS} partitions: {:#?}", far.waves());
        assert_eq!(made.gets, 20, "each file is read once, whole");
        assert!(plan.contains("store_requests=20"), "what is fetched ahead counts: {plan}");
    });
}

#[test]
fn all_sides_of_joins_come_together() {
    let tables = ["a", "b", "c"];
    let objects = prepared(tables.into_iter().flat_map(|table| [create(table), rows(table, 0, 200_000)]));
    far_away(&objects, async |far, store| {
        let database = open(store, None).await;
        let before = far.waves().len();
        let sql = "SELECT count(*), sum(a.id) FROM a JOIN b USING (id) JOIN c USING (id) WHERE a.number + b.number + c.number >= 0";
        let answer = run(&database, sql).await;
        assert!(answer.contains("| 200000   | 19999900000"), "{answer}");
        let waves = far.waves();
        assert!(waves.len() - before <= 2, "footers, then rows: {waves:#?}");
    });
}
