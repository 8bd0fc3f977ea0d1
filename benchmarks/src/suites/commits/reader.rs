//! A process that looks all the while whether transfers are ever seen by halves.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clouddb_storage::{Database, Snapshot};
use serde::{Deserialize, Serialize};

use super::ledger::{self, Ledger, RowId, TableName};
use crate::error::{Error, Result};
use crate::place::Location;
use crate::{child, engines};

/// What to look at.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Task {
    /// The database.
    pub location: Location,
}

/// What was seen.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Answer {
    /// How often it looked.
    pub looks: u64,
    /// How many different snapshots it saw.
    pub snapshots: usize,
    /// Transfers in the last one.
    pub transfers: usize,
}

/// Looks until standard input ends; fails at the first sum that does not balance.
pub(crate) fn child(task: &Task) -> Result<()> {
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let runtime = engines::runtime(1)?;
    let answer = runtime.block_on(async {
        let database = Database::open(&task.location.url, ledger::reading(&task.location)).await?;
        let mut transfers = look(&database.snapshot().await?).await?;
        child::tell(&())?;
        std::thread::spawn(move || {
            // The end of input and an error of reading it are both the end.
            let _ = child::wait();
            stopped.store(true, Ordering::Release);
        });
        let (mut looks, mut snapshots) = (0, BTreeSet::new());
        loop {
            // Asked before looking, so that the last look comes after the last commit.
            let last = stop.load(Ordering::Acquire);
            let snapshot = database.snapshot().await?;
            let now = look(&snapshot).await?;
            if now < transfers {
                return Err(Error::new(format!("snapshot {} has {now} transfers; an earlier one had {transfers}", snapshot.number())));
            }
            transfers = now;
            looks += 1;
            snapshots.insert(snapshot.number());
            if last {
                return Ok(Answer { looks, snapshots: snapshots.len(), transfers });
            }
        }
    })?;
    child::tell(&answer)
}

/// Checks one snapshot, and says how many transfers it has.
async fn look(snapshot: &Snapshot) -> Result<usize> {
    let credit = Ledger::of(snapshot, TableName::Credit)?.rows().await?;
    let debit = Ledger::of(snapshot, TableName::Debit)?.rows().await?;
    let sum: i64 = credit.iter().chain(&debit).map(|row| row.amount).sum();
    let ids = |rows: &[ledger::Row]| rows.iter().map(|row| row.id).collect::<BTreeSet<RowId>>();
    if sum != 0 || credit.len() != debit.len() || ids(&credit) != ids(&debit) {
        return Err(Error::new(format!(
            "snapshot {} does not balance: {} rows of credit, {} of debit, {sum} between them",
            snapshot.number(),
            credit.len(),
            debit.len()
        )));
    }
    Ok(credit.len())
}
