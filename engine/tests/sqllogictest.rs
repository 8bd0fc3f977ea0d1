//! Runs `testdata/sql/*.slt` against the engine: in memory, in a local folder, and in a bucket when `CLOUDDB_TEST_MINIO` names one
//! (a server's URL, as `scripts/minio run` sets it).
//!
//! Every file gets a database of its own; `connection NAME` is another session of it. NULL is shown as `NULL`, an empty string as `(empty)`.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::expect_used)]

use std::path::{Path, PathBuf};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use clouddb_engine::{Database, Error, Options, Session, StatementResult};
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType, Runner};

struct Connection(Session);

#[async_trait::async_trait]
impl AsyncDB for Connection {
    type Error = Error;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Error> {
        match self.0.execute(sql).await? {
            StatementResult::Done(done) => Ok(DBOutput::StatementComplete(done.rows.unwrap_or(0))),
            StatementResult::Rows(rows) => {
                let types = vec![DefaultColumnType::Any; rows.schema().fields().len()];
                let mut lines = Vec::new();
                for batch in rows.collect().await? {
                    let columns: Vec<Vec<String>> = batch.columns().iter().map(texts).collect();
                    lines.extend((0..batch.num_rows()).map(|row| columns.iter().map(|column| column[row].clone()).collect()));
                }
                Ok(DBOutput::Rows { types, rows: lines })
            }
        }
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &str {
        "clouddb"
    }
}

fn texts(column: &ArrayRef) -> Vec<String> {
    let options = FormatOptions::default().with_null("NULL");
    let formatter = ArrayFormatter::try_new(column, &options).unwrap();
    let text = |row: usize| match column.data_type() {
        DataType::FixedSizeBinary(16) if column.is_valid(row) => {
            let hex: String = column.as_fixed_size_binary().value(row).iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
        }
        _ => formatter.value(row).to_string(),
    };
    let shown = |row: usize| match text(row) {
        text if text.is_empty() => "(empty)".to_owned(),
        text => text,
    };
    (0..column.len()).map(shown).collect()
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/sql");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "slt"));
    // One file alone, while it is being written: CLOUDDB_TEST_SLT=insert cargo test.
    if let Ok(only) = std::env::var("CLOUDDB_TEST_SLT") {
        files.retain(|path| path.file_stem().is_some_and(|stem| *stem == *only));
    }
    files.sort();
    files
}

/// Runs all files, each on the database that `url` names for it. All failures are told, not only the first.
async fn run_all(url: impl Fn(&str) -> String) {
    let mut failures = Vec::new();
    let files = files();
    assert!(!files.is_empty(), "there are no tests");
    for file in files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let database = Database::open(&url(&name), Options { threads: Some(2), ..Options::default() }).await.unwrap();
        let mut runner = Runner::new(|| async { Ok(Connection(database.session())) });
        if let Err(error) = runner.run_file_async(&file).await {
            failures.push(format!("{name}: {}", error.display(false)));
        }
    }
    assert!(failures.is_empty(), "{} files failed:\n{}", failures.len(), failures.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_memory() {
    run_all(|_| "memory://".to_owned()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    run_all(|name| folder.path().join(name).to_string_lossy().into_owned()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_bucket() {
    if std::env::var_os("CLOUDDB_TEST_MINIO").is_none() {
        assert!(std::env::var_os("CLOUDDB_TEST_REQUIRE_MINIO").is_none(), "there is no MinIO: run this with scripts/minio run");
        eprintln!("skipped: no MinIO server; run it with scripts/minio run");
        return;
    }
    let run = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    run_all(|name| format!("s3://test/slt-{run}/{name}")).await;
}
