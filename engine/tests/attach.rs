//! Other databases in the same queries: ATTACH, DETACH, and which of their snapshots is read.
#![allow(clippy::unwrap_used)]

use arrow::util::display::array_value_to_string;
use clouddb_engine::{Database, Error, Options, Session, StatementResult};

async fn run(session: &mut Session, sql: &str) -> Result<String, Error> {
    let StatementResult::Rows(rows) = session.execute(sql).await? else { return Ok(String::new()) };
    let mut lines = Vec::new();
    for batch in rows.collect().await? {
        for row in 0..batch.num_rows() {
            let values: Vec<String> = batch.columns().iter().map(|column| array_value_to_string(column, row).unwrap()).collect();
            lines.push(values.join(" "));
        }
    }
    Ok(lines.join("\n"))
}

async fn error(session: &mut Session, sql: &str) -> String {
    run(session, sql).await.unwrap_err().message().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_database_is_read_beside_this_one() -> Result<(), Error> {
    let folder = tempfile::tempdir().unwrap();
    let location = folder.path().join("sales").to_string_lossy().into_owned();
    let mut there = Database::open(&location, Options::default()).await?.session();
    run(&mut there, "CREATE TABLE t (a INT, b VARCHAR)").await?;
    run(&mut there, "INSERT INTO t VALUES (1, 'there'), (2, 'too')").await?;
    run(&mut there, "CREATE SCHEMA s").await?;
    run(&mut there, "CREATE VIEW s.v AS SELECT max(a) AS m FROM main.t").await?;

    let mut here = Database::open("memory://", Options::default()).await?.session();
    run(&mut here, "CREATE TABLE t (a INT, b VARCHAR)").await?;
    run(&mut here, "INSERT INTO t VALUES (2, 'here')").await?;
    assert!(error(&mut here, &format!("ATTACH '{location}' AS other")).await.contains("ATTACH for writing is not supported"));
    run(&mut here, &format!("ATTACH '{location}' AS other (READ_ONLY)")).await?;
    run(&mut here, &format!("ATTACH IF NOT EXISTS '{location}' AS other (READ_ONLY)")).await?;
    assert!(error(&mut here, &format!("ATTACH '{location}' AS other (READ_ONLY)")).await.contains("is there already"));
    assert_eq!(run(&mut here, "SHOW DATABASES").await?, "clouddb\nother");

    // The same names mean what they say.
    assert_eq!(run(&mut here, "SELECT b FROM t").await?, "here");
    assert_eq!(run(&mut here, "SELECT b FROM other.main.t ORDER BY a").await?, "there\ntoo");
    let joined = "SELECT t.b, o.b FROM t JOIN other.t AS o ON t.a = o.a";
    assert_eq!(run(&mut here, joined).await?, "here too");
    assert_eq!(run(&mut here, "SELECT m FROM other.s.v").await?, "2");
    assert_eq!(run(&mut here, "SHOW TABLES FROM other").await?, "t");
    assert!(run(&mut here, "DESCRIBE other.main.t").await?.starts_with("a INTEGER"));

    // Each statement reads the newest snapshot, a transaction that of its beginning.
    run(&mut here, "BEGIN").await?;
    run(&mut there, "INSERT INTO t VALUES (3, 'new')").await?;
    assert_eq!(run(&mut here, "SELECT count(*) FROM other.t").await?, "2");
    run(&mut here, "ROLLBACK").await?;
    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    assert_eq!(run(&mut here, "SELECT count(*) FROM other.t").await?, "3");

    // It is read only, and nothing that is stored here may depend on it.
    assert!(error(&mut here, "INSERT INTO other.main.t VALUES (1, 'x')").await.contains("attached for reading only"));
    assert!(error(&mut here, "CREATE VIEW w AS SELECT * FROM other.main.t").await.contains("reads another database"));
    assert!(error(&mut here, "CREATE VIEW w AS SELECT * FROM other.t").await.contains("reads another database"));
    run(&mut here, "CREATE TABLE copied AS SELECT * FROM other.t").await?;
    assert_eq!(run(&mut here, "SELECT count(*) FROM copied").await?, "3");
    assert!(error(&mut here, "USE other").await.contains("USE of an attached database"));

    run(&mut here, "DETACH other").await?;
    assert!(run(&mut here, "SELECT * FROM other.main.t").await.is_err());
    assert!(error(&mut here, "DETACH other").await.contains("no attached database"));
    run(&mut here, "DETACH IF EXISTS other").await?;

    // Without a name, it has that of its folder.
    run(&mut here, &format!("ATTACH '{location}' (READ_ONLY)")).await?;
    assert_eq!(run(&mut here, "SELECT count(*) FROM sales.t").await?, "3");
    Ok(())
}
