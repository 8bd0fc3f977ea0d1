//! Group commit: one task per open database puts everything that waits into one record.
//!
//! ```text
//!   transactions ──▶ queue ──▶ check each against the tip and the earlier ones ──▶ record ──▶ next slot
//!                      ▲                                                                        │
//!                      └───── a slot lost to another writer: read on, check all anew ◀──────────┤
//!                                                                                  committed ◀──┘
//! ```
//!
//! The task owns the order of this process's commits, so no caller can cancel one half-way. While a record is under way, more transactions
//! gather; that is what makes many callers fast on a store that is slow. A record whose outcome is unknown stays frozen for its slot: nothing else
//! is put there until it is settled.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::follow::refresh;
use super::publish::{Published, publish};
use crate::error::{Error, ErrorKind, Result};
use crate::format::action::{Action, ActionProto, kind};
use crate::format::record::{TransactionProto, encode_record};
use crate::handle::Handle;
use crate::identity;
use crate::ids::{SessionId, TableId, TransactionId};
use crate::shared::Shared;
use crate::state::State;
use crate::store::StoreKind;
use crate::upkeep::{Committed, belongs_in_head};

/// Transactions in one record: bounds what a reader must decode at once.
const MAX_TRANSACTIONS: usize = 4096;

/// Bytes of actions in one record, before compression. A single transaction stays below it by listing its segments in manifests.
const MAX_ACTION_BYTES: usize = 3 << 20;

/// Slots to ask for after losing one: whoever won has probably won more.
const CATCH_UP_WINDOW: u64 = 4;

/// A transaction that waits to be committed.
pub(crate) struct Request {
    pub(crate) read_slot: u64,
    pub(crate) what: String,
    /// What it does; manifests expanded.
    pub(crate) actions: Vec<Action>,
    /// The same as it will stand in the record.
    pub(crate) encoded: Vec<ActionProto>,
    /// Tables that must not have changed since `read_slot`.
    pub(crate) reads: Vec<TableId>,
    pub(crate) reply: oneshot::Sender<Result<Arc<State>>>,
}

impl Request {
    fn bytes(&self) -> usize {
        self.encoded.iter().map(|action| action.payload.len() + 16).sum::<usize>() + self.what.len() + 128
    }
}

/// A record for a slot, with what it will have made of the state.
struct Prepared {
    slot: u64,
    bytes: Bytes,
    after: Arc<State>,
    /// Whether it adds a segment that belongs in `head`.
    belongs_in_head: bool,
}

/// The committer's task.
pub(crate) struct Committer {
    shared: Arc<Shared>,
    /// For background work that commits; not to keep the queue open.
    handle: Weak<Handle>,
    session: SessionId,
    opened: bool,
    queue: mpsc::UnboundedReceiver<Request>,
    /// A record whose outcome is unknown.
    frozen: Option<Prepared>,
}

impl Committer {
    pub(crate) fn new(handle: &Arc<Handle>, queue: mpsc::UnboundedReceiver<Request>) -> Self {
        let (shared, session) = (Arc::clone(handle.shared()), handle.session());
        Self { shared, handle: Arc::downgrade(handle), session, opened: false, queue, frozen: None }
    }

    /// Runs until the last sender is gone.
    pub(crate) async fn run(mut self) {
        let mut waiting = VecDeque::new();
        while let Some(request) = self.queue.recv().await {
            waiting.push_back(request);
            while !waiting.is_empty() {
                while let Ok(request) = self.queue.try_recv() {
                    waiting.push_back(request);
                }
                self.round(&mut waiting).await;
            }
        }
    }

    /// Commits what it can of what waits. Whatever it answers leaves the queue.
    async fn round(&mut self, waiting: &mut VecDeque<Request>) {
        if let Some(error) = self.shared.ended.get() {
            return answer_all(waiting.drain(..), error);
        }
        if let Err(error) = self.settle().await {
            return answer_all(waiting.drain(..), &error);
        }
        let tip = self.shared.tip();
        if let Err(error) = self.check_is_the_same(&tip).await {
            return answer_all(waiting.drain(..), &error);
        }
        if tip.writer_features != 0 {
            let error = Error::unsupported("a newer version wrote to this database with features this version does not know")
                .with_hint("write to it with a newer version of clouddb; reading is possible");
            return answer_all(waiting.drain(..), &error);
        }
        let (batch, after, transactions) = self.assemble(&tip, waiting);
        if batch.is_empty() {
            return;
        }
        let commit_time_us = after.commit_time_us;
        let encoded = encode_record((after.database, after.lineage), (tip.slot, tip.record_hash), commit_time_us, transactions.clone());
        let (bytes, hash) = match encoded {
            Ok(encoded) => encoded,
            Err(error) => return answer_all(batch, &error),
        };
        let adds_for_head =
            |action: &Action| matches!(action, Action::AddSegment { segment, .. } if belongs_in_head(&self.shared.store, segment));
        let record = Prepared {
            slot: after.slot,
            bytes,
            after: Arc::new(State { record_hash: hash, ..after }),
            belongs_in_head: batch.iter().flat_map(|request| &request.actions).any(adds_for_head),
        };
        match publish(&self.shared.store, &self.shared.env, record.slot, &record.bytes).await {
            Published::Ours => {
                self.won(&record);
                for request in batch {
                    // A caller that has gone away does not change what was committed.
                    let _ = request.reply.send(Ok(Arc::clone(&record.after)));
                }
            }
            Published::Theirs => {
                put_back(waiting, batch);
                if let Err(error) = self.read_on().await {
                    answer_all(waiting.drain(..), &error);
                }
            }
            Published::Refused(error) => answer_all(batch, &error.context("nothing was committed")),
            Published::DiskFailed(error) => answer_all(batch, &self.end(&error)),
            Published::Unknown(error) => {
                for (request, transaction) in batch.into_iter().zip(&transactions) {
                    let _ = request.reply.send(Err(self.unknown(&error, transaction.sequence)));
                }
                self.frozen = Some(record);
            }
            Published::NotDurable(error) => {
                for (request, transaction) in batch.into_iter().zip(&transactions) {
                    let _ = request.reply.send(Err(self.unknown(&error, transaction.sequence)));
                }
                self.end(&error);
            }
        }
    }

    /// Whether a folder still holds the database that was opened: somebody may have deleted it and made another one, whose log must not get a record of
    /// ours. (A bucket would have to be asked over a network, before every commit, for what hardly ever happens there.)
    async fn check_is_the_same(&self, tip: &State) -> Result<()> {
        let store = &self.shared.store;
        if store.kind() != StoreKind::Local {
            return Ok(());
        }
        match identity::read(store).await {
            Ok(Some(identity)) if identity.database == tip.database => Ok(()),
            Ok(Some(_)) => Err(Error::unavailable(format!(
                "nothing was committed: another database was made at {} while this one was in use",
                store.url()
            ))
            .with_hint("open it again")),
            // Whether it has vanished, the write itself will tell.
            Ok(None) => Ok(()),
            Err(error) => Err(error.context("nothing was committed")),
        }
    }

    /// Takes transactions from the queue into a record. Those that conflict with the tip are answered; those that conflict only with earlier ones
    /// of the same record wait for its outcome.
    fn assemble(&mut self, tip: &Arc<State>, waiting: &mut VecDeque<Request>) -> (Vec<Request>, State, Vec<TransactionProto>) {
        let wall_us = self.shared.env.clock.now_us();
        let mut after = State::clone(tip);
        after.slot += 1;
        after.commit_time_us = wall_us.max(tip.commit_time_us + 1);
        let mut batch: Vec<Request> = Vec::new();
        let mut transactions: Vec<TransactionProto> = Vec::new();
        let mut later = VecDeque::new();
        let mut bytes = 0;
        while let Some(request) = waiting.pop_front() {
            if !batch.is_empty() && (batch.len() >= MAX_TRANSACTIONS || bytes + request.bytes() > MAX_ACTION_BYTES) {
                later.push_back(request);
                break;
            }
            let id = TransactionId { session: self.session, sequence: self.shared.next_sequence() };
            match check(&after, &request, id) {
                Ok(changed) => {
                    after = changed;
                    bytes += request.bytes();
                    transactions.push(self.logged(&request, id, wall_us, batch.is_empty()));
                    batch.push(request);
                }
                Err(_) if !batch.is_empty() => later.push_back(request),
                Err(error) => {
                    let _ = request.reply.send(Err(error));
                }
            }
        }
        later.append(waiting);
        *waiting = later;
        (batch, after, transactions)
    }

    fn logged(&self, request: &Request, id: TransactionId, wall_us: i64, first: bool) -> TransactionProto {
        let open = (first && !self.opened).then(|| ActionProto { kind: kind::OPEN_SESSION, payload: Bytes::new() });
        TransactionProto {
            session: id.session.to_bytes().into(),
            sequence: id.sequence,
            idempotency_key: None,
            wall_us,
            who: self.shared.who.clone(),
            what: request.what.clone(),
            read_slot: request.read_slot,
            actions: open.into_iter().chain(request.encoded.iter().cloned()).collect(),
        }
    }

    /// Finds out what became of the record that is frozen, if there is one.
    async fn settle(&mut self) -> Result<()> {
        let Some(frozen) = self.frozen.take() else { return Ok(()) };
        match publish(&self.shared.store, &self.shared.env, frozen.slot, &frozen.bytes).await {
            Published::Ours => {
                self.won(&frozen);
                Ok(())
            }
            Published::Theirs => self.read_on().await,
            Published::Refused(error) | Published::Unknown(error) => {
                self.frozen = Some(frozen);
                Err(error.context("nothing was committed, because the outcome of an earlier commit is still unknown"))
            }
            // A second sync that succeeds proves nothing about what the first one could not write.
            Published::NotDurable(error) | Published::DiskFailed(error) => Err(self.end(&error)),
        }
    }

    /// Ends all committing of this open database: the disk failed.
    fn end(&self, error: &Error) -> Error {
        let message = format!("an earlier commit could not be made durable ({}); nothing was committed", error.message());
        let error = Error::unavailable(message).with_hint("check the disk, then open the database again");
        self.shared.ended.get_or_init(|| error).clone()
    }

    fn won(&mut self, record: &Prepared) {
        self.opened = true;
        self.shared.advance(Arc::clone(&record.after));
        let commit = Committed { after: &record.after, bytes: record.bytes.len(), belongs_in_head: record.belongs_in_head };
        self.shared.upkeep.committed(&self.shared, &self.handle, &commit);
    }

    async fn read_on(&mut self) -> Result<()> {
        let tip = refresh(&self.shared.store, &self.shared.tip(), CATCH_UP_WINDOW)
            .await
            .map_err(|e| e.context("nothing was committed: another writer was first, and reading the log on failed"))?;
        self.shared.advance(tip);
        Ok(())
    }

    fn unknown(&self, error: &Error, sequence: u64) -> Error {
        let transaction = TransactionId { session: self.session, sequence };
        Error::new(ErrorKind::OutcomeUnknown, format!("transaction {transaction} may or may not have been committed: {}", error.message()))
            .with_hint("look for its id in system.snapshots before you run it again")
            .with_transaction(transaction)
            .with_source(error.clone())
    }
}

/// The state with a transaction applied, if nothing forbids it.
fn check(state: &State, request: &Request, id: TransactionId) -> Result<State> {
    for read in &request.reads {
        match state.table(*read) {
            None => return Err(Error::conflict("a table that the transaction read was dropped by a concurrent transaction")),
            Some(table) if table.changed_at > request.read_slot => {
                return Err(Error::conflict(format!(
                    "table '{}', which the transaction read, was changed by a concurrent transaction",
                    state.qualified_name(table)
                ))
                .with_hint("run the transaction again"));
            }
            Some(_) => {}
        }
    }
    let mut changed = state.clone();
    // Whoever replays the log skips what a session is past: such a transaction would be acknowledged and be nowhere.
    if !changed.advance_session(id) {
        return Err(Error::internal(format!("transaction {id} is not newer than its session's last one")));
    }
    for action in &request.actions {
        changed.apply(action)?;
    }
    Ok(changed)
}

fn answer_all(requests: impl IntoIterator<Item = Request>, error: &Error) {
    for request in requests {
        let _ = request.reply.send(Err(error.clone()));
    }
}

/// Puts a batch back to the front of the queue, in its order.
fn put_back(waiting: &mut VecDeque<Request>, batch: Vec<Request>) {
    for request in batch.into_iter().rev() {
        waiting.push_front(request);
    }
}
