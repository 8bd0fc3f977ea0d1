//! The one place that creates a record: puts it in a slot and finds out what became of it.
//!
//! The answer to a put can be lost, can come late, and can be wrong about whether anything happened. What is in the slot is the truth, so every
//! doubt is settled by reading it. Until it is settled the same bytes are put again, never others: whichever of the attempts arrives, and
//! however late, it is the same commit.

use std::time::Duration;

use bytes::Bytes;

use super::{folder_before, folder_of, slot_path};
use crate::env::{Env, Pauses};
use crate::error::{Error, ErrorKind};
use crate::format::record::decode_record;
#[cfg(feature = "simulation")]
use crate::simulation::{self, Bug};
use crate::store::{PutIfAbsent, Store};

/// What became of a record.
#[derive(Debug)]
pub(crate) enum Published {
    /// It is in the slot, durably.
    Ours,
    /// Another record is in the slot; ours is nowhere and never will be.
    Theirs,
    /// Nothing was written and nothing will be: the store refused plainly.
    Refused(Error),
    /// Not known: it may be in the slot now, or later.
    Unknown(Error),
    /// The disk failed to make it durable. Nobody can say any more what survives, so this writer must stop.
    NotDurable(Error),
    /// Nothing was written: the disk failed to make durable what it would have followed. This writer must stop.
    DiskFailed(Error),
}

/// Rounds of put and read before the outcome is called unknown. With the pauses below this is some 20 s on top of the store's own retries:
/// longer than a restart of a store's server, shorter than a user's patience.
const ROUNDS: u32 = 12;

/// The pause after the first doubtful round; doubles up to `LONGEST_PAUSE`.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// Puts a record in a slot, once, and finds out what became of it.
pub(crate) async fn publish(store: &Store, env: &Env, slot: u64, bytes: &Bytes) -> Published {
    let path = slot_path(slot);
    if let Some(folder) = folder_before(slot) {
        // A record of a writer that died may not be durable yet. Within a folder our own sync covers it; in the folder before, this does.
        if let Err(error) = store.sync_folder(&folder).await {
            return Published::DiskFailed(error);
        }
    }
    let mut in_doubt = false;
    let mut pauses = Pauses::new(FIRST_PAUSE, LONGEST_PAUSE);
    let mut last = Error::unavailable("the store did not answer");
    for _ in 0..ROUNDS {
        match store.put_if_absent(&path, bytes.clone()).await {
            Ok(PutIfAbsent::Created) => return Published::Ours,
            #[cfg(feature = "simulation")]
            Ok(PutIfAbsent::Exists) if simulation::has(Bug::NoReread) => return Published::Theirs,
            Ok(PutIfAbsent::Exists) => {}
            Err(error) if error.kind() == ErrorKind::OutcomeUnknown => return Published::NotDurable(error),
            Err(error) if is_refusal(error.kind()) && !in_doubt => return Published::Refused(error),
            Err(error) => {
                #[cfg(feature = "simulation")]
                if simulation::has(Bug::OtherBytesAtRetry) {
                    return Published::Theirs;
                } else if simulation::has(Bug::DoubtIsFailure) {
                    return Published::Refused(error);
                }
                in_doubt = true;
                last = error;
            }
        }
        match look(store, &path, bytes).await {
            // It can be seen; whether it would survive, only a sync of its folder tells.
            Ok(Some(true)) => return store.sync_folder(&folder_of(slot)).await.map_or_else(Published::NotDurable, |()| Published::Ours),
            Ok(Some(false)) => return Published::Theirs,
            Ok(None) => {}
            Err(error) => {
                in_doubt = true;
                last = error;
            }
        }
        pauses.pause(env).await;
    }
    Published::Unknown(last)
}

/// Errors of a put that promise that it did nothing.
fn is_refusal(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::PermissionDenied | ErrorKind::Limit | ErrorKind::Invalid | ErrorKind::Unsupported | ErrorKind::NotFound)
}

/// Whether the slot holds our bytes; `None` when it does not exist.
///
/// A body that was cut short on its way must not pass for somebody else's record, so other bytes count only when they are a whole record. A record
/// that this version does not support is whole: its hash was checked first.
async fn look(store: &Store, path: &str, ours: &Bytes) -> Result<Option<bool>, Error> {
    match store.get(path).await {
        Ok(bytes) if bytes == *ours => Ok(Some(true)),
        Ok(bytes) => match decode_record(path, &bytes) {
            Err(error) if error.kind() != ErrorKind::Unsupported => Err(error),
            _ => Ok(Some(false)),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::local::DurableLocal;
    use crate::store::local::simulated::{SimulatedDisk, Step};

    #[tokio::test]
    async fn what_a_record_would_follow_must_be_durable_first() -> Result<(), Error> {
        let disk = SimulatedDisk::new();
        let store = Store::from_local(DurableLocal::on(Arc::new(disk.clone()), "/db"), "/db");
        let (env, record) = (Env::seeded(1), Bytes::from_static(b"a record"));
        assert!(matches!(publish(&store, &env, 4095, &record).await, Published::Ours));
        // The first record of the next folder.
        disk.fail_next(Step::SyncFolder, std::io::ErrorKind::Other);
        assert!(matches!(publish(&store, &env, 4096, &record).await, Published::DiskFailed(_)));
        assert_eq!(store.list("log").await?.len(), 1);
        Ok(())
    }
}
