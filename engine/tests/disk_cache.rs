//! The cache on disk below SQL: what a process that starts again asks of a store far away.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../../storage/tests/support/waves.rs"]
mod waves;

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use clouddb_engine::{Database, Options, StatementResult};
use clouddb_storage::OpenOptions;
use clouddb_storage::store::Store;
use futures::TryStreamExt;
use object_store::memory::InMemory;
use waves::{far_away, nearby};

async fn open(store: Store, folder: Option<&Path>) -> Database {
    let storage = OpenOptions { prefetch: vec![("main".to_owned(), "t".to_owned())], ..OpenOptions::default() };
    let options = Options { cache_folder: folder.map(Path::to_owned), threads: Some(2), ..Options::default() };
    Database::open_store(store, storage, &options).await.unwrap()
}

/// Runs a statement; the text of what it answers.
async fn run(database: &Database, sql: &str) -> String {
    let batches: Vec<RecordBatch> = match database.session().execute(sql).await.unwrap() {
        StatementResult::Rows(rows) => rows.into_stream().try_collect().await.unwrap(),
        StatementResult::Done(_) => Vec::new(),
    };
    arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string()
}

/// A table of a large file and some small ones.
#[tokio::main(flavor = "current_thread")]
async fn prepared() -> Arc<InMemory> {
    let objects = Arc::new(InMemory::new());
    let database = open(nearby(&objects), None).await;
    run(&database, "CREATE TABLE t (id BIGINT, number DOUBLE, name VARCHAR)").await;
    for (from, to) in [(0, 400_000), (400_000, 402_000), (402_000, 404_000)] {
        let rows = format!("SELECT value, random(), 'name ' || value FROM range({from}, {to}) AS r(value)");
        run(&database, &format!("INSERT INTO t {rows}")).await;
    }
    database.close().await;
    objects
}

const QUERIES: [&str; 3] = [
    "SELECT count(*), sum(id) FROM t WHERE number >= 0",
    "SELECT name FROM t WHERE id = 300000",
    "SELECT max(name), min(number) > -1 FROM t WHERE id >= 401000",
];

#[test]
fn the_second_process_fetches_no_segment() {
    let (objects, folder) = (prepared(), tempfile::tempdir().unwrap());
    let mut answers = Vec::new();
    for process in 0..3 {
        far_away(&objects, async |far, store| {
            let database = open(store, Some(folder.path())).await;
            for (number, sql) in QUERIES.iter().enumerate() {
                let answer = run(&database, sql).await;
                if process == 0 { answers.push(answer) } else { assert_eq!(answer, answers[number], "{sql}") }
            }
            database.close().await;
            let of_segments = far.waves().concat().iter().filter(|request| request.contains(".parquet")).count();
            assert_eq!(of_segments > 0, process == 0, "process {process}: {:#?}", far.waves());
        });
    }
    assert!(answers[0].contains("| 404000   | 81607798000"), "{}", answers[0]);
}

#[test]
fn what_the_disk_did_is_shown() {
    let (objects, folder) = (prepared(), tempfile::tempdir().unwrap());
    let query = format!("EXPLAIN (ANALYZE, FORMAT indent) {}", QUERIES[0]);
    let shown = "entries > 0 AND bytes > 1000000 AND budget = 10737418240 AND evictions = 0";
    let cache = |what: &str| format!("SELECT kind FROM system.cache WHERE kind = 'disk' AND {shown} AND {what}");
    far_away(&objects, async |_, store| {
        let database = open(store, Some(folder.path())).await;
        let plan = run(&database, &query).await;
        assert!(plan.contains("disk_hits=0") && !plan.contains("store_bytes_read=0,"), "{plan}");
        database.close().await;
        let answer = run(&database, &cache("hits = 0 AND misses > 0 AND saved_seconds = 0")).await;
        assert!(answer.contains("disk"), "{}", run(&database, "SELECT * FROM system.cache").await);
    });
    far_away(&objects, async |_, store| {
        let database = open(store, Some(folder.path())).await;
        let plan = run(&database, &query).await;
        assert!(!plan.contains("disk_hits=0") && plan.contains("store_bytes_read=0, store_requests=0]"), "{plan}");
        let answer = run(&database, &cache("hits > 0 AND misses = 0 AND saved_seconds > 0")).await;
        assert!(answer.contains("disk"), "{}", run(&database, "SELECT * FROM system.cache").await);
    });
    let kinds = "SELECT kind FROM system.cache ORDER BY kind";
    far_away(&objects, async |_, store| {
        let database = open(store, None).await;
        assert!(!run(&database, kinds).await.contains("disk"), "there is none");
    });
}

#[tokio::test]
async fn a_store_that_is_near_has_none() {
    let (folder, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let cache = folder.path().join("cache");
    for url in ["memory://", place.path().to_str().unwrap()] {
        let options = Options { cache_folder: Some(cache.clone()), ..Options::default() };
        let database = Database::open(url, options).await.unwrap();
        run(&database, "CREATE TABLE t AS SELECT value AS id FROM range(0, 100000) AS r(value)").await;
        assert!(run(&database, "SELECT sum(id) FROM t WHERE id > 5").await.contains("4999949985"));
        database.close().await;
        assert!(!cache.exists(), "{url}");
    }
}
