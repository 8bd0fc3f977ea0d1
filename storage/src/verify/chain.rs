//! Replays the log from slot 1.
//!
//! Where the chain breaks, the state behind the break is unknown. The replay then starts again from the next checkpoint that can be read, so that
//! what is sound behind the damage is verified too. Records in between are verified by themselves.

use std::collections::{BTreeMap, HashMap, HashSet};

use futures::{StreamExt, stream};

use super::segments::check_inline;
use super::{Table, VerifyProgress, VerifyReport};
use crate::checkpoint::{HEAD, load, slot_of_root};
use crate::error::{ErrorKind, Result};
use crate::format::action::Action;
use crate::format::record::{Record, decode_record};
use crate::format::root::decode_root;
use crate::ids::{DatabaseId, LineageId, SegmentId};
use crate::log::follow::read_record;
use crate::log::slot_path;
use crate::segment::{SegmentBody, SegmentMeta};
use crate::state::State;
use crate::store::{Listed, Store};

/// Records read at once.
const PARALLEL_GETS: usize = 32;

/// What the log says.
pub(super) struct Chain {
    /// The database and the line of history that the records say they belong to.
    pub(super) identity: Option<(DatabaseId, LineageId)>,
    /// The newest slot that exists.
    pub(super) tip: u64,
    /// States as of the slots that checkpoints are of, where the chain reaches them.
    pub(super) states: BTreeMap<u64, State>,
    /// Every segment file that any snapshot has, with the table as it was when the segment was added.
    pub(super) segments: Vec<(Table, SegmentMeta)>,
    /// Paths below `data/` that records refer to.
    pub(super) referenced: HashSet<String>,
}

/// Where a replay stands.
struct Replay<'a> {
    store: &'a Store,
    chain: Chain,
    /// `None` behind a break.
    state: Option<State>,
    /// The slot and the hash of the record before, where that could be read.
    previous: Option<[u8; 32]>,
    seen: HashSet<SegmentId>,
    tables: HashMap<crate::ids::TableId, Table>,
    /// Roots by slot, `head` among them, to start again from.
    roots: BTreeMap<u64, Vec<String>>,
}

/// Reads all records.
pub(super) async fn replay(
    store: &Store,
    log: &[Listed],
    checkpoints: &[Listed],
    progress: &VerifyProgress,
    report: &mut VerifyReport,
) -> Result<Chain> {
    let lengths: BTreeMap<u64, u64> = log.iter().filter_map(|object| Some((slot_of(&object.path)?, object.length))).collect();
    for object in log.iter().filter(|object| slot_of(&object.path).is_none()) {
        report.add(object.path.clone(), None, "it is no slot of the log");
    }
    let tip = lengths.last_key_value().map_or(0, |(slot, _)| *slot);
    let mut roots: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for object in checkpoints {
        if let Some(slot) = slot_of_root(&object.path) {
            roots.entry(slot).or_default().push(object.path.clone());
        }
    }
    // Where `head` cannot be read, checking it tells why.
    if let Ok((head, _)) = store.get(HEAD).await.and_then(|bytes| decode_root(HEAD, &bytes)) {
        roots.entry(head.header.slot).or_default().push(HEAD.to_owned());
    }
    let chain = Chain { identity: None, tip, states: BTreeMap::new(), segments: Vec::new(), referenced: HashSet::new() };
    let mut replay = Replay { store, chain, state: None, previous: Some([0; 32]), seen: HashSet::new(), tables: HashMap::new(), roots };
    let mut records = stream::iter(1..=tip).map(|slot| async move { (slot, read_record(store, slot).await) }).buffered(PARALLEL_GETS);
    while let Some((slot, record)) = records.next().await {
        progress.advance(lengths.get(&slot).copied().unwrap_or(0));
        replay.step(slot, record, report).await?;
    }
    report.snapshot = tip;
    Ok(replay.chain)
}

impl Replay<'_> {
    async fn step(&mut self, slot: u64, record: Result<Option<Record>>, report: &mut VerifyReport) -> Result<()> {
        let path = slot_path(slot);
        match record {
            Ok(Some(record)) => {
                report.records += 1;
                report.transactions += record.transactions.len() as u64;
                self.link(&path, &record, report);
                self.apply(&path, &record, report)?;
            }
            Ok(None) => {
                report.add(path, None, "it is missing, although later records exist");
                self.break_off();
            }
            Err(error) => {
                report.note(&path, error)?;
                // Its manifest may be what is damaged: the record itself still links the chain.
                let bytes = self.store.get(&path).await;
                self.break_off();
                self.previous = bytes.ok().and_then(|bytes| decode_record(&path, &bytes).ok()).map(|record| record.hash);
            }
        }
        self.restart(slot, report).await?;
        if let Some(state) = &self.state
            && self.roots.contains_key(&slot)
        {
            self.chain.states.insert(slot, state.clone());
        }
        Ok(())
    }

    fn break_off(&mut self) {
        self.state = None;
        self.previous = None;
    }

    /// Checks that a record follows the one before.
    fn link(&mut self, path: &str, record: &Record, report: &mut VerifyReport) {
        if let Some(previous) = self.previous
            && record.previous != previous
        {
            report.add(path, None, "it does not follow the record before: one of the two was overwritten");
            self.state = None;
        }
        let (database, _) = *self.chain.identity.get_or_insert((record.database, record.lineage));
        self.chain.identity = Some((database, record.lineage));
        if record.database != database {
            report.add(path, None, format!("it belongs to database {}, not to {database}", record.database));
            self.state = None;
        }
        if record.slot == 1 && record.previous == [0; 32] {
            self.state = Some(State::genesis(database, record.lineage));
        }
        self.previous = Some(record.hash);
    }

    fn apply(&mut self, path: &str, record: &Record, report: &mut VerifyReport) -> Result<()> {
        if let Some(state) = &mut self.state
            && let Err(error) = state.apply_record(record)
        {
            report.note(path, error)?;
            self.state = None;
        }
        let actions = record.transactions.iter().flat_map(|transaction| &transaction.actions);
        for action in actions {
            match action {
                Action::CreateTable(meta) => drop(self.tables.insert(meta.id, Table::new(meta.clone()))),
                Action::AddSegment { table, segment } => match self.tables.get(table).cloned() {
                    Some(table) => self.found(table, segment.clone(), report)?,
                    // Its table's creation is in a record that could not be read: the bytes can be verified all the same.
                    None => report.add(path, None, format!("it adds segment {} to a table that no readable record creates", segment.id)),
                },
                _ => {}
            }
        }
        Ok(())
    }

    fn found(&mut self, table: Table, segment: SegmentMeta, report: &mut VerifyReport) -> Result<()> {
        if !self.seen.insert(segment.id) {
            return Ok(());
        }
        match &segment.body {
            // At once, so that the rows of all records are never in memory together.
            SegmentBody::Inline(_) => check_inline(&table, &segment, report)?,
            SegmentBody::Parquet(location) => {
                self.chain.referenced.insert(location.path.clone());
                self.chain.segments.push((table, segment));
            }
        }
        Ok(())
    }

    /// Behind a break: takes the state from a checkpoint of this very slot, if there is one that can be read.
    async fn restart(&mut self, slot: u64, report: &mut VerifyReport) -> Result<()> {
        let (None, Some((database, _))) = (&self.state, self.chain.identity) else { return Ok(()) };
        for path in self.roots.get(&slot).cloned().unwrap_or_default() {
            let loaded = match self.store.get(&path).await {
                Ok(bytes) => load::load_root(self.store, &path, &bytes, database).await,
                Err(error) => Err(error),
            };
            match loaded.map(|loaded| loaded.state) {
                Ok(state) if state.slot == slot && self.previous.is_none_or(|hash| hash == state.record_hash) => {
                    self.previous = Some(state.record_hash);
                    self.adopt(&state, report)?;
                    self.state = Some(state);
                    return Ok(());
                }
                // What is wrong with it is told where checkpoints are checked.
                Ok(_) => {}
                Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::NotFound | ErrorKind::Unsupported) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Takes over what the unreadable records would have told.
    fn adopt(&mut self, state: &State, report: &mut VerifyReport) -> Result<()> {
        for table in state.tables.values() {
            self.tables.insert(table.meta.id, Table::clone(&table.meta));
            for segment in table.segments() {
                self.found(Table::clone(&table.meta), SegmentMeta::clone(segment), report)?;
            }
        }
        Ok(())
    }
}

/// The slot that a path below `log/` is of.
fn slot_of(path: &str) -> Option<u64> {
    let slot = path.rsplit('/').next()?.parse().ok()?;
    (slot_path(slot) == path).then_some(slot)
}
