//! Compares checkpoints, and `head`, with the state that the log says they must hold.
//!
//! Losing a checkpoint costs time, not data; a wrong one would be a wrong answer, so each is compared in full.

use std::collections::HashSet;

use super::chain::Chain;
use super::{VerifyProgress, VerifyReport};
use crate::checkpoint::{HEAD, load, slot_of_root};
use crate::error::{ErrorKind, Result};
use crate::format::root::{decode_node, decode_root};
use crate::ids::DatabaseId;
use crate::log::slot_path;
use crate::state::State;
use crate::store::{Listed, Store};

/// Checks every object below `checkpoint/`, and `head`.
pub(super) async fn check(
    store: &Store,
    chain: &Chain,
    listed: &[Listed],
    progress: &VerifyProgress,
    report: &mut VerifyReport,
) -> Result<()> {
    let Some((database, _)) = chain.identity else { return Ok(()) };
    let mut nodes: HashSet<String> = HashSet::new();
    let (roots, others): (Vec<_>, Vec<_>) = listed.iter().partition(|object| slot_of_root(&object.path).is_some());
    for object in roots {
        check_root(store, chain, database, &object.path, &mut nodes, report).await?;
        progress.advance(object.length);
    }
    check_head(store, chain, database, &mut nodes, report).await?;
    for object in others {
        check_other(store, &object.path, nodes.contains(&object.path), report).await?;
        progress.advance(object.length);
    }
    Ok(())
}

async fn check_head(
    store: &Store,
    chain: &Chain,
    database: DatabaseId,
    nodes: &mut HashSet<String>,
    report: &mut VerifyReport,
) -> Result<()> {
    match store.head(HEAD).await {
        Ok(_) => check_root(store, chain, database, HEAD, nodes, report).await,
        // It is a copy and may be lost.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => report.note(HEAD, error),
    }
}

async fn check_root(
    store: &Store,
    chain: &Chain,
    database: DatabaseId,
    path: &str,
    nodes: &mut HashSet<String>,
    report: &mut VerifyReport,
) -> Result<()> {
    report.checkpoints += 1;
    let bytes = match store.get(path).await {
        Ok(bytes) => bytes,
        Err(error) => return report.note(path, error),
    };
    let (slot, hash) = match decode_root(path, &bytes) {
        Ok((envelope, root)) => {
            nodes.extend(root.nodes.into_iter().map(|node| node.path));
            (envelope.header.slot, envelope.hash)
        }
        Err(error) => return report.note(path, error),
    };
    if path != HEAD && !is_named_after(path, slot, &hash) {
        report.add(path, None, format!("it holds another checkpoint than its name says: one of snapshot {slot}"));
    }
    if slot > chain.tip {
        if store.head(&slot_path(slot)).await.is_ok() {
            // It is of a record that somebody added after the log was listed.
            return Ok(());
        }
        report.add(path, None, format!("it is a checkpoint of snapshot {slot}, but the log ends at {}: records were lost", chain.tip));
        return Ok(());
    }
    let loaded = match load::load_root(store, path, &bytes, database).await {
        Ok(loaded) => loaded.state,
        Err(error) => return report.note(path, error),
    };
    // Behind a break of the chain there is nothing to compare with; that break has been told.
    if let Some(replayed) = chain.states.get(&slot)
        && let Some(difference) = difference(replayed, &loaded)
    {
        report.add(path, None, format!("it differs from what the log says of snapshot {slot}: {difference}"));
    }
    Ok(())
}

/// Whether a root's name repeats its slot and the beginning of its hash.
fn is_named_after(path: &str, slot: u64, hash: &[u8; 32]) -> bool {
    let hex: String = hash[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    slot_of_root(path) == Some(slot) && path.contains(&hex)
}

/// Nodes that no root refers to are verified by themselves: they are left from a checkpoint that was not completed.
async fn check_other(store: &Store, path: &str, is_known: bool, report: &mut VerifyReport) -> Result<()> {
    if is_known {
        // Was read with its root.
        return Ok(());
    }
    if !path.ends_with(".node") {
        report.add(path, None, "it is no checkpoint");
        return Ok(());
    }
    let node = match store.get(path).await {
        Ok(bytes) => decode_node(path, &bytes).map(|_| ()),
        Err(error) => Err(error),
    };
    match node {
        Ok(()) => Ok(()),
        Err(error) => report.note(path, error),
    }
}

/// What is different between two states of one slot, in a few words.
fn difference(log: &State, checkpoint: &State) -> Option<String> {
    let differs = |what: &str| Some(what.to_owned());
    if log.record_hash != checkpoint.record_hash {
        return differs("the record's hash");
    }
    if log.commit_time_us != checkpoint.commit_time_us || log.lineage != checkpoint.lineage {
        return differs("commit time or lineage");
    }
    if log.schemas != checkpoint.schemas || log.schema_names != checkpoint.schema_names {
        return differs("schemas");
    }
    if log.macros != checkpoint.macros || log.sequences != checkpoint.sequences {
        return differs("macros or sequences");
    }
    if log.views != checkpoint.views {
        return differs("views");
    }
    if log.relation_names != checkpoint.relation_names {
        return differs("names of tables and views");
    }
    if log.sessions != checkpoint.sessions {
        return differs("sessions");
    }
    if !log.tables.keys().eq(checkpoint.tables.keys()) {
        return differs("tables");
    }
    for (table, other) in log.tables.values().zip(checkpoint.tables.values()) {
        let name = log.qualified_name(table);
        if table.meta != other.meta || (table.created_at, table.changed_at) != (other.created_at, other.changed_at) {
            return Some(format!("the columns of table {name}"));
        }
        if (table.rows, table.bytes) != (other.rows, other.bytes) {
            return Some(format!("table {name} has {} rows, the checkpoint says {}", table.rows, other.rows));
        }
        let counters = |table: &crate::state::TableState| (table.next_row_id, table.next_ordinal);
        if counters(table) != counters(other) || !table.segments_with_ordinals().eq(other.segments_with_ordinals()) {
            return Some(format!("the segments of table {name}"));
        }
    }
    None
}
