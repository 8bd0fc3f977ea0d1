//! A CloudDB database inside somebody's own DataFusion context: open, register the catalog, query.
//!
//! `cargo run --example embed`

use std::sync::Arc;

use clouddb_engine::{Database, Options};
use datafusion::prelude::{SessionConfig, SessionContext};

/// Returns the answer, formatted as a table.
#[allow(unreachable_pub, reason = "the test calls it")]
pub async fn embed(url: &str) -> Result<String, Box<dyn std::error::Error>> {
    let database = Database::open(url, Options::default()).await?;
    let mut session = database.session();
    session.execute("CREATE TABLE IF NOT EXISTS city (name VARCHAR, people BIGINT)").await?;
    session.execute("INSERT INTO city VALUES ('Bern', 134591), ('Basel', 171017), ('Chur', 38000)").await?;

    // The catalog shows one snapshot: later commits do not change what this context sees.
    let config = SessionConfig::new().with_default_catalog_and_schema("db", "main");
    let context = SessionContext::new_with_config(config);
    context.register_catalog("db", Arc::clone(&database.catalog().await?));
    let frame = context.sql("SELECT name, people FROM city WHERE people > 100000 ORDER BY people").await?;
    Ok(frame.to_string().await?)
}

#[tokio::main]
#[allow(dead_code, reason = "the test calls embed() itself")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("{}", embed("memory://").await?);
    Ok(())
}
