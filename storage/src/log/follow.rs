//! Reads the log from a known state to its tip.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream::FuturesOrdered;
use prost::Message;

use super::slot_path;
use crate::error::{Error, ErrorKind, Result};
use crate::format::action::{Action, ManifestProto};
use crate::format::envelope::{self, Magic};
use crate::format::record::{Record, decode_record};
use crate::format::segment::decode_segment;
use crate::ids::DatabaseId;
use crate::state::State;
use crate::store::Store;

/// Slots asked for at once: first few, because a warm reader mostly finds nothing new, then more and more while every slot is there.
const LARGEST_WINDOW: u64 = 128;

/// The state at the log's tip, from a state before it. `window` is how many slots to ask for in the first trip.
///
/// `until` ends it at a slot that is known to exist: time travel.
///
/// # Errors
/// *Corrupt* also for a slot that is missing before one that exists, as far as the slots that were asked for show it: only damage does that.
pub(crate) async fn catch_up(store: &Store, mut state: State, mut window: u64, until: Option<u64>) -> Result<State> {
    loop {
        let first = state.slot + 1;
        let last = (state.slot + window).min(until.unwrap_or(u64::MAX));
        let mut records: FuturesOrdered<_> = (first..=last).map(|slot| read_record(store, slot)).collect();
        while let Some(record) = records.next().await {
            match record? {
                Some(record) => state.apply_record(&record)?,
                None => {
                    let missing = state.slot + 1;
                    let later = match until {
                        Some(slot) => Some(slot),
                        None => first_of(missing + 1, records).await,
                    };
                    let Some(later) = later else { return Ok(state) };
                    // It may have been created between the two looks; once a later slot exists, a look is final.
                    if read_record(store, missing).await?.is_none() {
                        return Err(Error::corrupt(format!("'{}' is missing, although slot {later} exists", slot_path(missing)))
                            .with_hint(
                                "'clouddb verify' lists everything that is damaged; restore the object from a copy of the database",
                            ));
                    }
                    break;
                }
            }
        }
        if Some(state.slot) == until {
            return Ok(state);
        }
        window = (window * 2).min(LARGEST_WINDOW);
    }
}

/// The first slot that exists among those that were asked for, from a slot on.
async fn first_of(mut slot: u64, mut records: FuturesOrdered<impl Future<Output = Result<Option<Record>>>>) -> Option<u64> {
    while let Some(record) = records.next().await {
        match record {
            Ok(Some(_)) => return Some(slot),
            Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported) => return Some(slot),
            // Nobody asked for these slots: a request that failed tells nothing, and fails nothing.
            Ok(None) | Err(_) => slot += 1,
        }
    }
    None
}

/// The state at the log's tip, sharing the one that is known when nothing is new.
pub(crate) async fn refresh(store: &Store, state: &Arc<State>, window: u64) -> Result<Arc<State>> {
    let caught_up = catch_up(store, State::clone(state), window, None).await?;
    Ok(if caught_up.slot == state.slot { Arc::clone(state) } else { Arc::new(caught_up) })
}

/// The record in a slot, verified, its manifests read; `None` when the slot does not exist.
pub(crate) async fn read_record(store: &Store, slot: u64) -> Result<Option<Record>> {
    let path = slot_path(slot);
    let bytes = match store.get(&path).await {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let mut record = decode_record(&path, &bytes)?;
    if record.slot != slot {
        return Err(Error::corrupt(format!("'{path}' holds the record of slot {}", record.slot)).with_hint(envelope::DAMAGED_HINT));
    }
    for transaction in &mut record.transactions {
        if transaction.actions.iter().any(|action| matches!(action, Action::AddManifest { .. })) {
            transaction.actions = expand_manifests(store, record.database, std::mem::take(&mut transaction.actions)).await?;
        }
    }
    Ok(Some(record))
}

/// Replaces each manifest by the segments that it lists.
async fn expand_manifests(store: &Store, database: DatabaseId, actions: Vec<Action>) -> Result<Vec<Action>> {
    let mut expanded = Vec::with_capacity(actions.len());
    for action in actions {
        let Action::AddManifest { table, path, hash } = action else {
            expanded.push(action);
            continue;
        };
        let bytes = store.get(&path).await.map_err(|e| match e.kind() {
            ErrorKind::NotFound => Error::corrupt(format!("'{path}', which the log refers to, is missing")).with_source(e),
            _ => e,
        })?;
        let envelope = envelope::decode(Magic::Manifest, &path, &bytes)?;
        if envelope.hash != hash || envelope.header.database != database {
            return Err(Error::corrupt(format!("'{path}' is not the object that the log refers to")));
        }
        for segment in &ManifestProto::decode(envelope.body)?.segments {
            expanded.push(Action::AddSegment { table, segment: decode_segment(segment)? });
        }
    }
    Ok(expanded)
}
