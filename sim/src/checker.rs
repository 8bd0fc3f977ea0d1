//! Compares what is in a database with what callers were told.
//!
//! The log says, slot by slot, which transactions were committed. What each of them does is known, so that a model can be built beside it: every
//! snapshot must hold the model's rows. And what the log says must be what the callers were told.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use clouddb_storage::store::{Store, StoreKind};
use clouddb_storage::verify::{VerifyProgress, verify};
use clouddb_storage::{AsOf, Database, OpenMode, OpenOptions, Outcome, Snapshot, TableId};
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::rows::{Cache, Row};
use crate::workload::{Attempt, Effect, Told, Trace, balance};

/// What a simulation did, for those who want to know that it did something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Commits that were acknowledged.
    pub committed: u64,
    /// Commits that failed, and did nothing.
    pub not_committed: u64,
    /// Commits of which nobody was told how they ended, and which are there.
    pub unknown_there: u64,
    /// Such commits that are not there.
    pub unknown_absent: u64,
    /// Snapshots that were compared.
    pub snapshots: u64,
    /// Checkpoints from which the database was opened.
    pub checkpoints: u64,
    /// Files of rows that were written in the background.
    pub flushes: u64,
}

impl std::ops::AddAssign for Report {
    fn add_assign(&mut self, other: Self) {
        self.committed += other.committed;
        self.not_committed += other.not_committed;
        self.unknown_there += other.unknown_there;
        self.unknown_absent += other.unknown_absent;
        self.snapshots += other.snapshots;
        self.checkpoints += other.checkpoints;
        self.flushes += other.flushes;
    }
}

/// What transactions say that no workload began.
const FLUSH: &str = "write inline rows to a file";

/// Snapshots compared in one simulation at most; the newest always is. Each is built from the log.
const MOST_SNAPSHOTS: u64 = 24;

type Check<T> = Result<T, String>;

fn failed(doing: &str) -> impl FnOnce(clouddb_storage::Error) -> String {
    move |error| format!("{doing} failed with {:?}: {error}", error.kind())
}

/// The tables as they should be at the end of the log.
#[derive(Debug, Clone, Default)]
pub struct Model {
    names: BTreeMap<String, TableId>,
    rows: HashMap<TableId, Vec<Row>>,
}

impl Model {
    fn apply(&mut self, attempt: &Attempt) -> Check<()> {
        let impossible = |what: &str| format!("{} was committed although {what}", attempt.name);
        for effect in &attempt.effects {
            match effect {
                Effect::Create(id, name) => {
                    if self.names.insert(name.clone(), *id).is_some() {
                        return Err(impossible(&format!("table {name} existed")));
                    }
                    self.rows.insert(*id, Vec::new());
                }
                Effect::Drop(id) => {
                    self.rows.remove(id).ok_or_else(|| impossible("its table was dropped"))?;
                    self.names.retain(|_, of| of != id);
                }
                Effect::Insert(id, row) => self.rows.get_mut(id).ok_or_else(|| impossible("its table was dropped"))?.push(*row),
                Effect::Load(id, first, count) => {
                    let rows = self.rows.get_mut(id).ok_or_else(|| impossible("its table was dropped"))?;
                    rows.extend((*first..first + count).map(|v| (v, 0)));
                }
            }
        }
        Ok(())
    }

    async fn compare(&self, cache: &mut Cache, snapshot: &Snapshot) -> Check<()> {
        let number = snapshot.number();
        let names: Vec<_> = snapshot.tables("main").iter().map(|table| table.meta().name.clone()).collect();
        if !names.iter().eq(self.names.keys()) {
            return Err(format!("snapshot {number} has the tables {names:?}, not {:?}", self.names.keys()));
        }
        for (name, id) in &self.names {
            let rows = cache.rows(snapshot, name).await.map_err(failed("reading rows"))?.unwrap_or_default();
            let mut expected = self.rows.get(id).cloned().unwrap_or_default();
            expected.sort_unstable();
            if rows != expected {
                let differ = |left: &[Row], right: &[Row]| {
                    let right: std::collections::HashSet<_> = right.iter().collect();
                    left.iter().filter(|row| !right.contains(row)).copied().take(5).collect::<Vec<_>>()
                };
                let (more, missing) = (differ(&rows, &expected), differ(&expected, &rows));
                let (found, wanted) = (rows.len(), expected.len());
                return Err(format!(
                    "snapshot {number}, table {name}: {found} rows, not {wanted}; too many: {more:?}, missing: {missing:?}"
                ));
            }
        }
        match balance(cache, snapshot).await.map_err(failed("reading rows"))? {
            0 => Ok(()),
            sum => Err(format!("snapshot {number} has a sum of {sum}")),
        }
    }
}

/// Checks a simulation that has ended.
///
/// # Errors
/// Says what is wrong.
pub async fn check(trace: &Trace) -> Check<Report> {
    if let Some(wrong) = trace.wrong.first() {
        return Err(wrong.clone());
    }
    trace.bucket.settle().await.map_err(|error| error.to_string())?;
    let plain = trace.bucket.plain();
    let (mut report, model) = check_store(&plain, &Path::from("db"), &trace.attempts).await?;
    check_checkpoints(&plain, &model, &mut report).await?;
    Ok(report)
}

async fn open(plain: &Arc<dyn ObjectStore>, prefix: &Path) -> Check<Database> {
    let store = Store::from_object_store(Arc::clone(plain), prefix.as_ref(), StoreKind::Memory, "what is left");
    let options = OpenOptions { mode: OpenMode::ReadOnly, background: false, ..OpenOptions::default() };
    Database::open_store(store, options).await.map_err(failed("opening what is left"))
}

/// Checks what is in a store, under a prefix, against what callers were told. Gives the tables as they should be, and are.
///
/// # Errors
/// Says what is wrong.
pub async fn check_store(plain: &Arc<dyn ObjectStore>, prefix: &Path, attempts: &[Attempt]) -> Check<(Report, Model)> {
    let mut report = Report::default();
    let exists = plain.head(&prefix.clone().join("clouddb.json")).await.is_ok();
    if !exists {
        return match attempts.iter().find(|attempt| matches!(attempt.told, Told::Committed(_))) {
            Some(attempt) => Err(format!("{} was acknowledged, and there is no database", attempt.name)),
            None => Ok((report, Model::default())),
        };
    }
    let database = open(plain, prefix).await?;
    let tip = database.snapshot().await.map_err(failed("the newest snapshot"))?;
    let history = database.history(1, tip.number()).await.map_err(failed("the history"))?;
    let mut found: HashMap<&str, Vec<u64>> = HashMap::new();
    for entry in &history {
        found.entry(&entry.what).or_default().push(entry.snapshot);
    }
    for attempt in attempts {
        compare(&database, attempt, found.get(attempt.name.as_str()).map_or(&[], Vec::as_slice), &mut report).await?;
    }
    let by_name: HashMap<&str, &Attempt> = attempts.iter().map(|attempt| (attempt.name.as_str(), attempt)).collect();
    let mut model = Model::default();
    let mut cache = Cache::default();
    let mut entries = history.iter().peekable();
    let step = tip.number().div_ceil(MOST_SNAPSHOTS).max(1);
    for slot in 1..=tip.number() {
        while let Some(entry) = entries.next_if(|entry| entry.snapshot == slot) {
            match by_name.get(entry.what.as_str()) {
                Some(attempt) => model.apply(attempt)?,
                None if entry.what == FLUSH => report.flushes += 1,
                None => return Err(format!("slot {slot} has a transaction that nobody began: {}", entry.what)),
            }
        }
        if slot % step == 0 || slot == tip.number() {
            let snapshot = database.snapshot_at(AsOf::Snapshot(slot)).await.map_err(failed("an old snapshot"))?;
            if snapshot.number() != slot {
                return Err(format!("asked for snapshot {slot}, got {}", snapshot.number()));
            }
            model.compare(&mut cache, &snapshot).await?;
            report.snapshots += 1;
        }
    }
    let store = Store::from_object_store(Arc::clone(plain), prefix.as_ref(), StoreKind::Memory, "what is left");
    let verified = verify(&store, &VerifyProgress::default()).await.map_err(failed("verifying"))?;
    match verified.problems.first() {
        Some(problem) => Err(format!("verify finds {} problems, first of all {problem:?}", verified.problems.len())),
        None => Ok((report, model)),
    }
}

/// Opens the database from each of its checkpoints, and from none.
async fn check_checkpoints(plain: &Arc<dyn ObjectStore>, model: &Model, report: &mut Report) -> Check<()> {
    let (prefix, cache) = (&Path::from("db"), &mut Cache::default());
    let io = |error: object_store::Error| error.to_string();
    let folder = Path::from("db/checkpoint");
    let listed: Vec<_> = plain.list(Some(&folder)).try_collect().await.map_err(io)?;
    let head = Path::from("db/head");
    for root in listed.iter().filter(|object| object.location.as_ref().ends_with(".root")) {
        let bytes = plain.get(&root.location).await.map_err(io)?.bytes().await.map_err(io)?;
        plain.put(&head, bytes.into()).await.map_err(io)?;
        let database = open(plain, prefix).await?;
        model.compare(cache, &database.snapshot().await.map_err(failed("the newest snapshot"))?).await?;
        report.checkpoints += 1;
    }
    if !listed.is_empty() {
        let _ = plain.delete(&head).await;
        for object in &listed {
            plain.delete(&object.location).await.map_err(io)?;
        }
        let database = open(plain, prefix).await?;
        model.compare(cache, &database.snapshot().await.map_err(failed("the newest snapshot"))?).await?;
    }
    Ok(())
}

/// Compares what the log has of a transaction with what its caller was told.
async fn compare(database: &Database, attempt: &Attempt, slots: &[u64], report: &mut Report) -> Check<()> {
    let name = &attempt.name;
    match (&attempt.told, slots) {
        (_, [_, _, ..]) => return Err(format!("{name} is in the log more than once: {slots:?}")),
        (Told::Committed(snapshot), [slot]) if snapshot == slot => report.committed += 1,
        (Told::Committed(snapshot), _) => return Err(format!("{name} was acknowledged as snapshot {snapshot}, and is in {slots:?}")),
        (Told::NotCommitted(_), []) => report.not_committed += 1,
        (Told::NotCommitted(error), _) => return Err(format!("{name} is in {slots:?}; its caller was told that it is not: {error}")),
        (Told::Unknown(_) | Told::Nothing, []) => report.unknown_absent += 1,
        (Told::Unknown(_) | Told::Nothing, [_]) => report.unknown_there += 1,
    }
    if let Told::Unknown(Some(id)) = &attempt.told {
        let outcome = database.outcome(*id).await.map_err(failed("asking for an outcome"))?;
        let expected = slots.first().map_or(Outcome::NotFound, |slot| Outcome::Committed(*slot));
        if outcome != expected {
            return Err(format!("{name} is in {slots:?}; its outcome is said to be {outcome:?}"));
        }
    }
    Ok(())
}
