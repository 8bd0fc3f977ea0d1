//! Many callers that want one column at once, when nobody has it: it is loaded once.

use std::sync::Arc;

use clouddb_engine::StatementResult;
use serde::{Deserialize, Serialize};
use tokio::sync::Barrier;

use crate::child::{self, Child};
use crate::engines::{self, CloudDb, Keeps};
use crate::error::{Context, Error, Result};
use crate::memory;
use crate::place::Location;

/// Has the snapshot and the table's footers read, and none of the column.
const BEFORE: &str = "SELECT sum(l_quantity) FROM lineitem";

/// Reads the column.
const QUERY: &str = "SELECT sum(l_extendedprice) FROM lineitem";

/// More bytes than looking for a newer snapshot takes while the callers are at work.
const SNAPSHOT_BYTES: u64 = 64 << 10;

/// What a process of callers is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Task {
    location: Location,
    keeps: Keeps,
    callers: usize,
    threads: usize,
}

/// What they had.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Asked {
    pub(super) callers: usize,
    /// Row groups of the column.
    pub(super) chunks: u64,
    /// Loads of a row group of the column.
    pub(super) loads: u64,
    /// Requests to the store for something to read.
    pub(super) gets: u64,
    /// Bytes that they brought.
    pub(super) bytes: u64,
    /// From the word to go to the last answer.
    pub(super) seconds: f64,
    pub(super) peak_rss_bytes: Option<u64>,
}

/// Callers at work, in a process of their own.
pub(super) fn ask(location: &Location, cache_bytes: u64, callers: usize, threads: usize) -> Result<Asked> {
    let keeps = Keeps { cache_bytes: Some(cache_bytes), ..Keeps::default() };
    let mut child = Child::start(&child::Task::Callers(Task { location: location.clone(), keeps, callers, threads }))?;
    let asked = child.answer().context(format!("{callers} callers of one column"))?;
    child.finish()?;
    Ok(asked)
}

/// What is wrong with what many callers had, beside what one had.
pub(super) fn problem(many: &Asked, one: &Asked) -> Option<String> {
    if many.loads != many.chunks {
        return Some(format!("{} callers loaded {} row groups {} times", many.callers, many.chunks, many.loads));
    }
    (many.bytes > one.bytes + SNAPSHOT_BYTES)
        .then(|| format!("{} callers read {} bytes of the store, one alone reads {}", many.callers, many.bytes, one.bytes))
}

/// Asks with all callers at once; in the child.
pub(crate) fn child(task: &Task) -> Result<()> {
    let runtime = engines::runtime(task.threads)?;
    let database = CloudDb::open_with(&task.location, task.threads, Arc::clone(&runtime), &task.keeps)?.database().clone();
    let (columns, store) = (database.caches().columns.clone(), database.storage().store().clone());
    let callers = task.callers;
    let work = async move {
        answer(database.session(), BEFORE).await?;
        let (kept_before, read_before) = (columns.counts(), store.counts());
        let (ready, start) = (Arc::new(Barrier::new(callers)), std::time::Instant::now());
        let asking: Vec<_> = (0..callers)
            .map(|_| {
                let (session, ready) = (database.session(), Arc::clone(&ready));
                tokio::spawn(async move {
                    ready.wait().await;
                    answer(session, QUERY).await
                })
            })
            .collect();
        let mut answers = Vec::new();
        for caller in asking {
            answers.push(caller.await.context("a caller's task ended early")??);
        }
        let seconds = start.elapsed().as_secs_f64();
        if answers.windows(2).any(|pair| pair[0] != pair[1]) {
            return Err(Error::new("callers of one column had different answers"));
        }
        let (kept, read) = (columns.counts(), store.counts() - read_before);
        Ok(Asked {
            callers,
            chunks: kept.entries - kept_before.entries,
            loads: kept.loads - kept_before.loads,
            gets: read.gets,
            bytes: read.bytes_read,
            seconds,
            peak_rss_bytes: memory::peak_rss_bytes(),
        })
    };
    let asked = runtime.block_on(runtime.spawn(work)).context("the callers' task ended early")??;
    child::tell(&asked)
}

async fn answer(mut session: clouddb_engine::Session, sql: &str) -> Result<String> {
    match session.execute(sql).await.context(sql)? {
        StatementResult::Rows(rows) => {
            let batches = rows.collect().await?;
            Ok(datafusion::arrow::util::pretty::pretty_format_batches(&batches)?.to_string())
        }
        StatementResult::Done(_) => Err(Error::new(format!("a query without rows: {sql}"))),
    }
}
