//! A process whose callers commit.

use std::time::Instant;

use clouddb_storage::TableId;
use clouddb_storage::store::StoreCounts;
use clouddb_storage::{Database, OpenOptions};
use serde::{Deserialize, Serialize};

use super::ledger::{self, RowId, TableName};
use crate::error::{Error, Result};
use crate::place::Location;
use crate::{child, engines};

/// What the process is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Task {
    /// The database.
    pub location: Location,
    /// Its callers' numbers, unique among all processes.
    pub callers: Vec<u32>,
    /// Transactions of each caller.
    pub each: u32,
    /// Whether every second transaction is one over two tables.
    pub transfer: bool,
    /// Threads of the process.
    pub threads: usize,
}

/// What its callers had.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Answer {
    /// From the start of the first transaction to the end of the last, in seconds.
    pub seconds: f64,
    /// Seconds from beginning each transaction to its acknowledgement.
    pub latencies: Vec<f64>,
    /// What callers were told instead of an acknowledgement.
    pub errors: Vec<String>,
    /// Requests that were made to the store meanwhile.
    pub requests: u64,
}

/// Opens the database, waits for the word, commits, and tells the parent.
pub(crate) fn child(task: &Task) -> Result<()> {
    let runtime = engines::runtime(task.threads)?;
    let answer = runtime.block_on(async {
        let options = OpenOptions { store_options: task.location.options.clone(), ..OpenOptions::default() };
        let database = Database::open(&task.location.url, options).await?;
        let snapshot = database.snapshot().await?;
        let tables = TableName::ALL.into_iter().map(|table| Ok((table, ledger::id(&snapshot, table)?))).collect::<Result<Vec<_>>>()?;
        child::tell(&())?;
        child::wait()?;

        let before = requests(&database.store().counts());
        let start = Instant::now();
        let callers: Vec<_> = task
            .callers
            .iter()
            .map(|caller| tokio::spawn(call(database.clone(), tables.clone(), i64::from(*caller), task.each, task.transfer)))
            .collect();
        let mut answer = Answer::default();
        for caller in callers {
            let (latencies, errors) = caller.await.map_err(|error| Error::new(format!("a caller ended early: {error}")))?;
            answer.latencies.extend(latencies);
            answer.errors.extend(errors);
        }
        answer.seconds = start.elapsed().as_secs_f64();
        answer.requests = requests(&database.store().counts()) - before;
        database.close().await;
        Ok::<_, Error>(answer)
    })?;
    child::tell(&answer)
}

fn requests(counts: &StoreCounts) -> u64 {
    counts.gets + counts.puts + counts.heads + counts.lists
}

/// One caller: its transactions, one after the other.
async fn call(database: Database, tables: Vec<(TableName, TableId)>, caller: i64, each: u32, transfer: bool) -> (Vec<f64>, Vec<String>) {
    let (mut latencies, mut errors) = (Vec::with_capacity(each as usize), Vec::new());
    for n in 0..each {
        let id = RowId { caller, n: i64::from(n) };
        let tables: Vec<_> = tables.iter().filter(|(table, _)| table.has(id, transfer)).copied().collect();
        let start = Instant::now();
        match transact(&database, &tables, id).await {
            Ok(()) => latencies.push(start.elapsed().as_secs_f64()),
            Err(error) => errors.push(format!("{id:?}: {error}")),
        }
    }
    (latencies, errors)
}

/// One transaction: a row into each of its tables.
async fn transact(database: &Database, tables: &[(TableName, TableId)], id: RowId) -> Result<()> {
    let mut transaction = database.begin(&database.snapshot().await?)?;
    for (table, table_id) in tables {
        let mut writer = transaction.writer(*table_id)?;
        writer.write(id.row(*table)?).await?;
        transaction.append(*table_id, writer.finish().await?)?;
    }
    transaction.commit().await?;
    Ok(())
}
