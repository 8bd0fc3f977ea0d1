//! Looks back: states of the past, and what each transaction did.

use futures::{StreamExt, TryStreamExt, stream};

use super::follow::{catch_up, read_record};
use crate::checkpoint::load::load_before;
use crate::database::HistoryEntry;
use crate::error::{Error, Result};
use crate::format::action::Action;
use crate::format::record::{LoggedTransaction, Record};
use crate::shared::Shared;
use crate::state::State;

/// Records read at once.
const PARALLEL_GETS: usize = 32;

/// The state as of a slot that exists.
pub(crate) async fn state_at(shared: &Shared, tip: &State, slot: u64) -> Result<State> {
    let genesis = || State::genesis(tip.database, tip.lineage);
    let start = match slot {
        0 => return Ok(genesis()),
        _ => load_before(&shared.store, slot, tip.database).await?.map_or_else(genesis, |loaded| loaded.state),
    };
    match start.slot == slot {
        true => Ok(start),
        false => catch_up(&shared.store, start, 128, Some(slot)).await,
    }
}

/// The newest slot committed at or before a time; 0 when there is none.
///
/// Commit times grow from slot to slot, so it is a binary search: some 20 records read for a million commits.
pub(crate) async fn slot_at_time(shared: &Shared, tip: &State, time_us: i64) -> Result<u64> {
    if tip.commit_time_us <= time_us {
        return Ok(tip.slot);
    }
    let (mut before, mut after) = (0, tip.slot);
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        if existing_record(shared, middle).await?.commit_time_us <= time_us {
            before = middle;
        } else {
            after = middle;
        }
    }
    Ok(before)
}

async fn existing_record(shared: &Shared, slot: u64) -> Result<Record> {
    read_record(&shared.store, slot).await?.ok_or_else(|| {
        Error::corrupt(format!("'{}' is missing, although later records exist", super::slot_path(slot)))
            .with_hint("'clouddb verify' lists everything that is damaged; restore the object from a copy of the database")
    })
}

/// The transactions in the slots `from..=to`, oldest first.
pub(crate) async fn history(shared: &Shared, from: u64, to: u64) -> Result<Vec<HistoryEntry>> {
    let start = match from {
        0 | 1 => State::genesis(shared.tip().database, shared.tip().lineage),
        _ => state_at(shared, &shared.tip(), from - 1).await?,
    };
    let mut records = stream::iter(from.max(1)..=to).map(|slot| existing_record(shared, slot)).buffered(PARALLEL_GETS);
    let mut state = start;
    let mut entries = Vec::new();
    while let Some(record) = records.try_next().await? {
        let before = state.clone();
        state.apply_record(&record)?;
        for transaction in &record.transactions {
            entries.push(describe(&record, transaction, &before, &state));
        }
    }
    Ok(entries)
}

fn describe(record: &Record, transaction: &LoggedTransaction, before: &State, after: &State) -> HistoryEntry {
    let table_name = |id| match after.table(id).or_else(|| before.table(id)) {
        Some(table) => before.schemas.get(&table.meta.schema).map_or_else(|| after.qualified_name(table), |_| before.qualified_name(table)),
        None => id.to_string(),
    };
    let mut changes: Vec<String> = Vec::new();
    let mut rows_added = 0;
    let mut appended: Vec<(crate::ids::TableId, u64)> = Vec::new();
    let mut rewritten: Vec<(crate::ids::TableId, u64)> = Vec::new();
    for action in &transaction.actions {
        match action {
            Action::OpenSession => {}
            Action::CreateSchema(meta) => changes.push(format!("create schema {}", meta.name)),
            Action::DropSchema(id) => {
                changes.push(format!("drop schema {}", before.schemas.get(id).map_or("?", |schema| schema.name.as_str())));
            }
            Action::CreateTable(meta) => changes.push(format!("create table {}", table_name(meta.id))),
            Action::DropTable(id) => changes.push(format!("drop table {}", table_name(*id))),
            Action::CreateView(meta) => changes.push(format!("create view {}", meta.name)),
            Action::DropView(id) => {
                changes.push(format!("drop view {}", before.views.get(id).map_or("?", |view| view.name.as_str())));
            }
            Action::AlterSchema(change) => {
                changes.push(format!("alter schema {}", before.schemas.get(&change.id).map_or("?", |schema| schema.name.as_str())));
            }
            Action::AlterTable(change) => {
                changes.push(format!(
                    "alter table {}",
                    before.table(change.id).map_or_else(|| table_name(change.id), |t| before.qualified_name(t))
                ));
            }
            Action::AlterView(change) => {
                changes.push(format!("alter view {}", before.views.get(&change.id).map_or("?", |view| view.name.as_str())));
            }
            Action::CreateMacro(meta) => changes.push(format!("create macro {}", meta.name)),
            Action::DropMacro(id) => {
                let name = before.macros.values().find(|meta| meta.id == *id).map_or("?", |meta| meta.name.as_str());
                changes.push(format!("drop macro {name}"));
            }
            Action::CreateSequence(meta) => changes.push(format!("create sequence {}", meta.name)),
            Action::DropSequence(id) => changes.push(format!("drop sequence {}", sequence_name(before, *id))),
            Action::TakeNumbers { id, from, to } => {
                changes.push(format!("take {} numbers of sequence {}", to - from, sequence_name(after, *id)));
            }
            Action::AddSegment { table, segment } if segment.stored_row_ids => count(&mut rewritten, *table, segment.rows),
            Action::AddSegment { table, segment } => {
                count(&mut appended, *table, segment.rows);
                rows_added += segment.rows;
            }
            Action::RemoveSegment { .. } => {}
            Action::AddManifest { path, .. } => changes.push(format!("add segments of {path}")),
            Action::Other { kind, .. } => changes.push(format!("action {kind}, which this version does not know")),
        }
    }
    changes.extend(appended.into_iter().map(|(table, rows)| format!("append {rows} rows to {}", table_name(table))));
    changes.extend(rewritten.into_iter().map(|(table, rows)| format!("rewrite {rows} rows of {}", table_name(table))));
    HistoryEntry {
        snapshot: record.slot,
        commit_time_us: record.commit_time_us,
        transaction: transaction.id,
        who: transaction.who.clone(),
        what: transaction.what.clone(),
        read_snapshot: transaction.read_slot,
        changes,
        rows_added,
    }
}

fn sequence_name(state: &State, id: crate::ids::SequenceId) -> &str {
    state.sequences.values().find(|meta| meta.id == id).map_or("?", |meta| meta.name.as_str())
}

fn count(counts: &mut Vec<(crate::ids::TableId, u64)>, table: crate::ids::TableId, rows: u64) {
    match counts.iter_mut().find(|(of, _)| *of == table) {
        Some((_, sum)) => *sum += rows,
        None => counts.push((table, rows)),
    }
}
