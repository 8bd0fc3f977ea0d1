//! What all clones of an open database share: the store, and the newest state that this process knows.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use futures::future;
use tokio::sync::Mutex;

use crate::catalog::TableMeta;
use crate::checkpoint::HEAD;
use crate::checkpoint::load::{self, Loaded};
use crate::database::{OpenMode, OpenOptions};
use crate::env::Env;
use crate::error::{Error, Result};
use crate::identity::{self, Identity};
use crate::ids::{SegmentId, SessionId};
use crate::log::follow::{catch_up, refresh};
use crate::segment::reader::{SegmentFooter, read_footer};
use crate::segment::writer::{NextSegmentId, TableWriter};
use crate::segment::{SegmentBody, SegmentMeta};
use crate::state::State;
use crate::store::{Store, StoreKind};
use crate::upkeep::Upkeep;

/// Slots asked for at once when a database is opened: the tail behind a checkpoint mostly fits.
const OPEN_WINDOW: u64 = 32;

/// Slots asked for at once when a warm reader looks for news.
const REFRESH_WINDOW: u64 = 2;

/// Footers of one table fetched ahead of need.
const PREFETCHED_SEGMENTS: usize = 64;

/// How old a snapshot may be where every look costs a trip over a network.
const REMOTE_STALENESS: Duration = Duration::from_secs(1);

/// What all clones of an open database share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) env: Env,
    pub(crate) who: String,
    pub(crate) mode: OpenMode,
    pub(crate) max_staleness: Duration,
    pub(crate) upkeep: Upkeep,
    /// Footers fetched while the database was opened, for the first who asks.
    prefetched: std::sync::Mutex<Vec<(SegmentId, Arc<SegmentFooter>)>>,
    identity: RwLock<Option<Identity>>,
    tip: RwLock<Arc<State>>,
    /// Why nothing can be committed any more: the disk failed.
    pub(crate) ended: OnceLock<Error>,
    /// When the last look at the log began; held while one is under way.
    looked_at: Mutex<Option<Duration>>,
    session: OnceLock<SessionId>,
    next_segment: AtomicU64,
    /// Numbers of transactions. They belong to the session, so they go on when one committer ends and another follows.
    next_sequence: AtomicU64,
}

impl Shared {
    /// Reads `clouddb.json`, `head` and the log behind it.
    pub(crate) async fn open(store: Store, options: OpenOptions) -> Result<Self> {
        let looked_at = options.env.clock.elapsed();
        let (identity, head) = future::join(identity::read(&store), store.get(HEAD)).await;
        let genesis = |identity: Identity| Loaded { state: State::genesis(identity.database, identity.lineage), ..Loaded::default() };
        let mut prefetched = Vec::new();
        let identity = match identity? {
            Some(identity) => Some(identity),
            None => identity::explain_absence(&store, options.mode).await?,
        };
        let (identity, head, state) = match identity {
            Some(identity) => {
                let head = load::load_head(&store, identity.database, head).await?.unwrap_or_else(|| genesis(identity));
                let footers = prefetch(&store, &head.state, &options.prefetch);
                let (state, footers) = future::join(catch_up(&store, head.state.clone(), OPEN_WINDOW, None), footers).await;
                prefetched = footers;
                (Some(identity), head, state?)
            }
            None if options.mode == OpenMode::Create => (None, Loaded::default(), State::genesis(Default::default(), Default::default())),
            None => {
                return Err(Error::not_found(format!("there is no database at {}", store.url()))
                    .with_hint("check the path; a database is created by the first write, without --must-exist and --readonly"));
            }
        };
        let max_staleness = options.max_staleness.unwrap_or(match store.kind() {
            StoreKind::Remote => REMOTE_STALENESS,
            StoreKind::Memory | StoreKind::Local => Duration::ZERO,
        });
        Ok(Self {
            upkeep: Upkeep::new(options.background, &store, &state, head.state.slot, head.nodes),
            store,
            env: options.env,
            who: options.who.unwrap_or_else(identity::user_at_host),
            mode: options.mode,
            max_staleness,
            prefetched: std::sync::Mutex::new(prefetched),
            identity: RwLock::new(identity),
            tip: RwLock::new(Arc::new(state)),
            ended: OnceLock::new(),
            looked_at: Mutex::new(Some(looked_at)),
            session: OnceLock::new(),
            next_segment: AtomicU64::new(1),
            next_sequence: AtomicU64::new(1),
        })
    }

    /// Hands out the footers fetched while the database was opened.
    pub(crate) fn take_prefetched(&self) -> Vec<(SegmentId, Arc<SegmentFooter>)> {
        std::mem::take(&mut *self.prefetched.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The newest state that this process knows.
    pub(crate) fn tip(&self) -> Arc<State> {
        Arc::clone(&self.tip.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes a newer state the tip; older ones are ignored.
    pub(crate) fn advance(&self, state: Arc<State>) {
        let mut tip = self.tip.write().unwrap_or_else(PoisonError::into_inner);
        if state.slot > tip.slot {
            *tip = state;
        }
    }

    pub(crate) fn identity(&self) -> Option<Identity> {
        *self.identity.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state as of now, or as of at most `max_staleness` ago.
    ///
    /// Callers that arrive while a look is under way wait for it and then share the next one.
    pub(crate) async fn fresh_tip(&self) -> Result<Arc<State>> {
        self.tip_within(self.max_staleness).await
    }

    /// The state as of now, whatever staleness is permitted: for answers that must be final.
    pub(crate) async fn newest_tip(&self) -> Result<Arc<State>> {
        self.tip_within(Duration::ZERO).await
    }

    async fn tip_within(&self, max_staleness: Duration) -> Result<Arc<State>> {
        let asked_at = self.env.clock.elapsed();
        let mut looked_at = self.looked_at.lock().await;
        let fresh_from = asked_at.saturating_sub(max_staleness);
        if looked_at.is_some_and(|at| at >= fresh_from) {
            return Ok(self.tip());
        }
        let now = self.env.clock.elapsed();
        if self.identity().is_none() && !self.adopt_identity().await? {
            return Ok(self.tip());
        }
        let state = refresh(&self.store, &self.tip(), REFRESH_WINDOW).await?;
        self.advance(state);
        *looked_at = Some(now);
        Ok(self.tip())
    }

    /// Looks whether somebody has created the database meanwhile.
    async fn adopt_identity(&self) -> Result<bool> {
        match identity::read(&self.store).await? {
            Some(identity) => {
                self.set_identity(identity);
                Ok(true)
            }
            None => Ok(false),
        }
    }

    fn set_identity(&self, identity: Identity) {
        let mut known = self.identity.write().unwrap_or_else(PoisonError::into_inner);
        if known.is_none() {
            *known = Some(identity);
            *self.tip.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(State::genesis(identity.database, identity.lineage));
        }
    }

    /// The identity that is at the location now: the one that is known, or a new one where there is none yet.
    pub(crate) async fn make_sure_of_identity(&self) -> Result<Identity> {
        if let Some(known) = self.identity() {
            identity::confirm(&self.store, &self.env, &known).await?;
            return Ok(known);
        }
        let identity = identity::create_or_read(&self.store, &self.env).await?;
        self.set_identity(identity);
        Ok(identity)
    }

    /// This process's identity as a writer.
    pub(crate) fn session(&self) -> SessionId {
        *self.session.get_or_init(|| SessionId { opened_at: self.tip().slot, random: self.env.random.next_u128() })
    }

    /// The next segment's id.
    pub(crate) fn next_segment_id(&self) -> SegmentId {
        SegmentId { session: self.session(), number: self.next_segment.fetch_add(1, Ordering::Relaxed) }
    }

    /// The next transaction's number. To be drawn after the tip was read that the transaction is checked against: then numbers grow along the log,
    /// whichever committer draws them.
    pub(crate) fn next_sequence(&self) -> u64 {
        self.next_sequence.fetch_add(1, Ordering::Relaxed)
    }

    /// Gives segments' ids to writers.
    pub(crate) fn segment_ids(self: &Arc<Self>) -> NextSegmentId {
        let shared = Arc::clone(self);
        Arc::new(move || shared.next_segment_id())
    }

    /// A writer of a table's rows.
    pub(crate) fn table_writer(self: &Arc<Self>, table: &Arc<TableMeta>) -> TableWriter {
        TableWriter::new(self.store.clone(), Arc::clone(table), self.segment_ids())
    }
}

/// Fetches the footers of the tables that will be read first. What fails here is fetched again when it is needed, and fails there.
async fn prefetch(store: &Store, state: &State, tables: &[(String, String)]) -> Vec<(SegmentId, Arc<SegmentFooter>)> {
    let segments = tables
        .iter()
        .filter_map(|(schema, table)| state.table_by_name(schema, table))
        .flat_map(|table| table.segments().take(PREFETCHED_SEGMENTS));
    let reads = segments.filter_map(|segment: &Arc<SegmentMeta>| match &segment.body {
        SegmentBody::Parquet(location) => {
            let (id, location) = (segment.id, location.clone());
            Some(async move { Some((id, Arc::new(read_footer(store, &location).await.ok()?))) })
        }
        SegmentBody::Inline(_) => None,
    });
    future::join_all(reads.collect::<Vec<_>>()).await.into_iter().flatten().collect()
}
