//! The second half: what the tables of all input partitions come to, and which output partition merges what.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::runtime::JoinSet;
use datafusion::common::{DataFusionError, Result, exec_err};
use datafusion::execution::memory_pool::MemoryReservation;
use futures::StreamExt;

use super::collect::{Collected, Setting};
use super::spill::{self, PARTS, Spill};
use super::table::Table;

/// So few groups, all tables together, are merged by one output partition.
const FEW_GROUPS: usize = 16 * 1024;

/// What an output partition has to do.
#[derive(Debug)]
pub(super) enum Part {
    /// Nothing, as others have it.
    Nothing,
    /// Nothing, as there was no row.
    NoRows,
    /// A table that has all groups.
    Whole(Table, MemoryReservation),
    /// States to be merged.
    States(Vec<RecordBatch>, MemoryReservation),
    /// States to be merged that are on disk: some of the parts of each of these.
    OnDisk(Arc<Vec<Spill>>, Vec<usize>, MemoryReservation),
}

/// Shares the groups out over so many output partitions.
pub(super) async fn share_out(
    setting: &Setting,
    mut all: Vec<Collected>,
    outputs: usize,
    reservation: MemoryReservation,
) -> Result<Vec<Part>> {
    let mut parts: Vec<_> = (0..outputs).map(|_| Part::Nothing).collect();
    let Some(first) = parts.first_mut() else { return Ok(parts) };
    let is_spilled = all.iter().any(|collected| collected.spill.is_some());
    let groups: usize = all.iter().map(|collected| collected.table.len()).sum();
    if !is_spilled {
        all.retain(|collected| collected.table.len() > 0);
        if all.len() <= 1 {
            *first = match all.pop() {
                Some(only) => Part::Whole(only.table, only.reservation),
                None => Part::NoRows,
            };
            return Ok(parts);
        }
        let bytes: usize = all.iter().map(|collected| collected.table.size()).sum();
        if reservation.try_grow(bytes).is_ok() {
            let outputs = if groups <= FEW_GROUPS { 1 } else { outputs };
            let states = cut_all(setting, all, outputs).await?;
            // What the tables held until now, those that are merged will.
            reservation.grow(bytes);
            for (part, states) in parts.iter_mut().zip(states) {
                let share = reservation.split(2 * bytes / outputs);
                *part = Part::States(states, share);
            }
            return Ok(parts);
        }
    }
    // Too much for memory: all of it goes through the disk.
    let mut spills = Vec::new();
    for (partition, mut collected) in all.into_iter().enumerate() {
        if collected.table.len() > 0 {
            collected.write_out(setting, partition)?;
        }
        collected.reservation.free();
        spills.extend(collected.spill);
    }
    let spills = Arc::new(spills);
    for (output, part) in parts.iter_mut().enumerate() {
        *part = Part::OnDisk(Arc::clone(&spills), (output..PARTS).step_by(outputs).collect(), reservation.new_empty());
    }
    Ok(parts)
}

/// The states of all tables, by output partition.
async fn cut_all(setting: &Setting, all: Vec<Collected>, outputs: usize) -> Result<Vec<Vec<RecordBatch>>> {
    let mut tasks = JoinSet::new();
    for mut collected in all {
        let keys = setting.grouped.key_count();
        tasks.spawn(async move {
            let states = collected.table.take_states()?;
            drop(collected);
            spill::cut(&states, keys, outputs)
        });
    }
    let mut states = vec![Vec::new(); outputs];
    while let Some(done) = tasks.join_next().await {
        for (states, cut) in states.iter_mut().zip(joined(done)?) {
            states.push(cut);
        }
    }
    Ok(states)
}

/// What a task gave.
pub(super) fn joined<T>(done: std::result::Result<Result<T>, tokio::task::JoinError>) -> Result<T> {
    match done {
        Ok(result) => result,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => exec_err!("grouping was cancelled"),
    }
}

/// Merges states; the groups.
pub(super) async fn merge(setting: &Setting, states: Vec<RecordBatch>) -> Result<Table> {
    let mut table = setting.grouped.table()?;
    for batch in states {
        for slice in spill::slices(&batch) {
            table.merge(&slice)?;
            // Others want to run, too.
            tokio::task::consume_budget().await;
        }
    }
    Ok(table)
}

/// Merges one part that is on disk; the groups.
pub(super) async fn merge_from_disk(setting: &Setting, spills: &[Spill], part: usize, reservation: &MemoryReservation) -> Result<Table> {
    let mut table = setting.grouped.table()?;
    for spill in spills {
        for mut batches in spill.read(part)? {
            while let Some(batch) = batches.next().await {
                table.merge(&batch?)?;
                reservation.try_resize(table.size()).map_err(too_large)?;
            }
        }
    }
    Ok(table)
}

fn too_large(error: DataFusionError) -> DataFusionError {
    error.context(format!("a {PARTS}th of the groups does not fit into memory"))
}
