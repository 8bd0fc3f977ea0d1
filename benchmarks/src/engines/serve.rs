//! An engine in a process of its own, seen from inside: CloudDB or DataFusion behind the [`protocol`](super::protocol).

use std::io::BufRead;
use std::time::Instant;

use serde_json::{Value, json};

use super::protocol::{Memory, Opened, Opening, Request};
use super::{CloudDb, DataFusion, Engine, runtime};
use crate::child;
use crate::error::{Context, Error, Result};
use crate::memory;

/// Answers requests until standard input ends.
///
/// # Errors
/// When standard input or output fails. What an engine reports goes to the other side.
pub(crate) fn child() -> Result<()> {
    let mut engine: Option<Box<dyn Engine>> = None;
    for line in std::io::stdin().lock().lines() {
        match serde_json::from_str(&line?).context("reading a request").and_then(|request| answer(&mut engine, request)) {
            Ok(answer) => child::tell(&answer)?,
            Err(error) => child::tell(&json!({"error": error.to_string()}))?,
        }
    }
    Ok(())
}

fn answer(engine: &mut Option<Box<dyn Engine>>, request: Request) -> Result<Value> {
    Ok(match request {
        Request::Open(opening) => {
            let start = Instant::now();
            let opened = engine.insert(open(&opening)?);
            json!(Opened { version: opened.version(), seconds: start.elapsed().as_secs_f64() })
        }
        Request::Run { sql, rows } => {
            let run = engine.as_mut().context("the engine is not open")?.run(&sql)?;
            json!({"seconds": run.seconds, "names": run.names, "rows": rows.then_some(run.answer.rows)})
        }
        Request::Memory => json!(Memory { peak_rss_bytes: memory::peak_rss_bytes(), rss_bytes: memory::rss_bytes() }),
        Request::Close => {
            let start = Instant::now();
            engine.take().context("the engine is not open")?.close();
            json!({"seconds": start.elapsed().as_secs_f64()})
        }
    })
}

fn open(opening: &Opening) -> Result<Box<dyn Engine>> {
    let runtime = runtime(opening.threads)?;
    match opening.engine.as_str() {
        "clouddb" => {
            let location = opening.location.as_ref().context("CloudDB needs a place for its database")?;
            let mut database = CloudDb::open_with(location, opening.threads, runtime, &opening.keeps)?;
            for table in &opening.tables {
                database.load_parquet(&table.name, &table.path)?;
            }
            Ok(Box::new(database))
        }
        "datafusion" => Ok(Box::new(DataFusion::open(opening, runtime)?)),
        other => Err(Error::new(format!("there is no engine '{other}' in this program"))),
    }
}
