//! Processes that work on one database, and what each of their callers was told.
//!
//! A process lives, is killed or ends, and is followed by another. Each has several tasks that insert, move amounts between two tables, create and
//! drop tables; every transaction says a name of its own in its description, by which the log can be searched for it. A reader looks on all the
//! while.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clouddb_storage::env::{Env, SeededRandom};
use clouddb_storage::store::{Store, StoreKind};
use clouddb_storage::{Database, Error, ErrorKind, OpenOptions, Result, Snapshot, TableId, TransactionId};
use futures::future::{Either, select};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::task::JoinSet;

use crate::faulty::{Bucket, Client, Rates};
use crate::rows::{self, Cache, How, Row};
use crate::time::VirtualTime;

/// What a transaction does to a table if it is committed.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Creates a table.
    Create(TableId, String),
    /// Drops a table.
    Drop(TableId),
    /// Adds a row.
    Insert(TableId, Row),
    /// Adds so many rows `(v, 0)`, from a first `v` on.
    Load(TableId, i64, i64),
}

/// What a caller was told.
#[derive(Debug, Clone)]
pub enum Told {
    /// Committed, as this snapshot.
    Committed(u64),
    /// Not committed.
    NotCommitted(Error),
    /// Not known; to be asked for by this id.
    Unknown(Option<TransactionId>),
    /// Nothing: its process was killed, or it stopped waiting.
    Nothing,
}

/// A transaction that somebody tried to commit.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Its name, which is its description in the log.
    pub name: String,
    /// What it does.
    pub effects: Vec<Effect>,
    /// What its caller was told.
    pub told: Told,
}

/// What goes on in a simulation; all of it follows from the seed.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// Processes at a time.
    pub processes: usize,
    /// Lives of each process, one after the other.
    pub lives: usize,
    /// Tasks of each process.
    pub tasks: usize,
    /// Transactions that each task tries in one life.
    pub attempts: usize,
    /// How the store fails.
    pub rates: Rates,
    /// Whether background work is done: checkpoints, writing inline rows to files.
    pub background: bool,
    /// How a process ends: after this time it is killed, unless it has ended by itself.
    pub killed_after: Option<Duration>,
}

impl Plan {
    /// The plan that belongs to a seed.
    pub fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed ^ 0x5eed);
        let failing = [0.0, 0.02, 0.1, 0.3][rng.random_range(0..4)];
        let mut outages = Vec::new();
        if rng.random_bool(0.5) {
            let mut at = 0.0;
            for _ in 0..rng.random_range(1..4) {
                let start = at + rng.random_range(0.05..20.0);
                at = start + rng.random_range(1.0..90.0);
                outages.push(Duration::from_secs_f64(start)..=Duration::from_secs_f64(at));
            }
        }
        Self {
            seed,
            processes: rng.random_range(1..4),
            lives: rng.random_range(1..3),
            tasks: rng.random_range(1..4),
            attempts: rng.random_range(2..6),
            rates: Rates { failing, outages },
            background: rng.random_bool(0.5),
            killed_after: rng.random_bool(0.4).then(|| Duration::from_secs_f64(rng.random_range(0.01..10.0))),
        }
    }
}

/// What is left of a simulation.
#[derive(Debug)]
pub struct Trace {
    /// The bucket.
    pub bucket: Bucket,
    /// Everything that was tried, in the order of trying.
    pub attempts: Vec<Attempt>,
    /// What went wrong while it ran.
    pub wrong: Vec<String>,
}

/// Tables that every plan has: two between which amounts are moved, and one.
const TABLES: [&str; 3] = ["a", "b", "t"];

/// How often something that failed is tried again: an outage takes up to 90 s, and each try some.
const TRIES: usize = 60;

struct World {
    plan: Plan,
    time: VirtualTime,
    bucket: Bucket,
    attempts: Mutex<Vec<Attempt>>,
    wrong: Mutex<Vec<String>>,
    next_value: AtomicU64,
    done: AtomicBool,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "World({})", self.plan.seed)
    }
}

impl World {
    fn wrong(&self, what: impl Into<String>) {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).push(what.into());
    }

    /// Notes an error that no fault of the store explains.
    fn permitted(&self, doing: &str, error: &Error) {
        if !matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::PermissionDenied) {
            self.wrong(format!("{doing} failed with {:?}: {error}", error.kind()));
        }
    }

    fn note(&self, attempt: Attempt) -> usize {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        attempts.push(attempt);
        attempts.len() - 1
    }

    fn tell(&self, index: usize, told: Told) {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)[index].told = told;
    }

    fn value(&self) -> i64 {
        self.next_value.fetch_add(1, Ordering::Relaxed) as i64
    }

    async fn open(&self, client: &Arc<Client>, rng: &mut StdRng) -> Option<Database> {
        let kind = if rng.random_bool(0.5) { StoreKind::Remote } else { StoreKind::Memory };
        let store = Store::from_object_store(Arc::clone(client) as _, "db", kind, "simulated bucket");
        let random = rng.random();
        let skew_us = rng.random_range(-10_000_000..10_000_000);
        for _ in 0..TRIES {
            let clock = Arc::new(self.time.clock(skew_us));
            let env = Env { clock, random: Arc::new(SeededRandom::new(random)) };
            let options = OpenOptions { background: self.plan.background, env, who: Some("sim".into()), ..OpenOptions::default() };
            match Database::open_store(store.clone(), options).await {
                Ok(database) => return Some(database),
                Err(error) => self.permitted("opening", &error),
            }
            self.time.sleep(Duration::from_secs(1)).await;
        }
        None
    }

    async fn snapshot(&self, database: &Database) -> Option<Snapshot> {
        for _ in 0..TRIES {
            match database.snapshot().await {
                Ok(snapshot) => return Some(snapshot),
                Err(error) => self.permitted("a snapshot", &error),
            }
            self.time.sleep(Duration::from_secs(1)).await;
        }
        None
    }
}

/// Runs a plan to its end.
pub async fn run(time: VirtualTime, plan: Plan) -> Trace {
    let bucket = Bucket::new(time.clone(), plan.seed, plan.rates.clone());
    let world = Arc::new(World {
        plan: plan.clone(),
        time,
        bucket,
        attempts: Mutex::default(),
        wrong: Mutex::default(),
        next_value: AtomicU64::new(1),
        done: AtomicBool::new(false),
    });
    let looks_on = tokio::spawn(look_on(Arc::clone(&world)));
    let mut processes = JoinSet::new();
    for process in 0..plan.processes {
        let world = Arc::clone(&world);
        processes.spawn(async move {
            for life in 0..world.plan.lives {
                live(&world, process, life).await;
            }
        });
    }
    while let Some(ended) = processes.join_next().await {
        if let Err(error) = ended {
            world.wrong(format!("a process panicked: {error}"));
        }
    }
    world.done.store(true, Ordering::Relaxed);
    if let Err(error) = looks_on.await {
        world.wrong(format!("the reader panicked: {error}"));
    }
    let attempts = world.attempts.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let wrong = world.wrong.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Trace { bucket: world.bucket.clone(), attempts, wrong }
}

/// One life of a process.
async fn live(world: &Arc<World>, process: usize, life: usize) {
    let mut rng = StdRng::seed_from_u64(world.plan.seed.wrapping_mul(1000) + (process * 10 + life) as u64);
    let client = world.bucket.client();
    let killed_after = world.plan.killed_after.filter(|_| rng.random_bool(0.7)).map(|most| most.mul_f64(rng.random_range(0.0..1.0)));
    let working = {
        let (world, client) = (Arc::clone(world), Arc::clone(&client));
        async move {
            let Some(database) = world.open(&client, &mut rng).await else { return };
            let mut tasks = JoinSet::new();
            for task in 0..world.plan.tasks {
                let (world, database, rng) = (Arc::clone(&world), database.clone(), StdRng::seed_from_u64(rng.random()));
                tasks.spawn(async move { work(&world, &database, rng, &format!("{process}.{life}.{task}")).await });
            }
            while let Some(ended) = tasks.join_next().await {
                if let Err(error) = ended {
                    world.wrong(format!("a task panicked: {error}"));
                }
            }
            if rng.random_bool(0.5) {
                database.close().await;
                // A clone may go on to work after that.
                if rng.random_bool(0.5) {
                    work(&world, &database, rng, &format!("{process}.{life}.closed")).await;
                    database.close().await;
                }
            }
        }
    };
    let mut working = tokio::spawn(working);
    if let Some(after) = killed_after {
        match select(&mut working, Box::pin(world.time.sleep(after))).await {
            Either::Left((ended, _)) => {
                if let Err(error) = ended {
                    world.wrong(format!("a process panicked: {error}"));
                }
            }
            Either::Right(_) => {
                client.kill();
                working.abort();
            }
        }
    } else if let Err(error) = working.await {
        world.wrong(format!("a process panicked: {error}"));
    }
}

/// One task: transaction after transaction.
async fn work(world: &World, database: &Database, mut rng: StdRng, name: &str) {
    let mut newest = 0;
    for number in 0..world.plan.attempts {
        if rng.random_bool(0.3) {
            world.time.sleep(Duration::from_secs_f64(rng.random_range(0.0..10.0))).await;
        }
        let Some(snapshot) = world.snapshot(database).await else { return };
        if snapshot.number() < newest {
            world.wrong(format!("{name} sees snapshot {} after it committed {newest}", snapshot.number()));
        }
        match attempt(world, database, &snapshot, &mut rng, format!("{name}.{number}")).await {
            Ok(Some(committed)) => newest = committed,
            Ok(None) => {}
            // Nothing was tried: writing a file failed, say.
            Err(error) => world.permitted("preparing a transaction", &error),
        }
    }
}

async fn attempt(world: &World, database: &Database, snapshot: &Snapshot, rng: &mut StdRng, name: String) -> Result<Option<u64>> {
    let mut transaction = database.begin(snapshot)?;
    transaction.describe(&name);
    let mut effects = Vec::new();
    let id = |name: &str| snapshot.table("main", name).map(|table| table.meta().id);
    let how = How { file: rng.random_bool(0.1), filler: 0 };
    let mut insert = Vec::new();
    match (id("a"), id("b"), id("t")) {
        (Some(a), Some(b), Some(t)) => match rng.random_range(0..10) {
            0..4 => insert.push((t, (world.value(), 0))),
            4..8 => {
                let (v, amount) = (world.value(), rng.random_range(1..1000));
                insert.push((a, (v, -amount)));
                insert.push((b, (v, amount)));
            }
            _ => {
                let table = format!("c{}", rng.random_range(0..2));
                match id(&table) {
                    Some(existing) if rng.random_bool(0.5) => {
                        transaction.drop_table(existing)?;
                        effects.push(Effect::Drop(existing));
                    }
                    Some(existing) => insert.push((existing, (world.value(), 0))),
                    None => {
                        let new = transaction.new_table_id();
                        transaction.create_table(rows::table(new, &table)?)?;
                        effects.push(Effect::Create(new, table));
                        insert.push((new, (world.value(), 0)));
                    }
                }
            }
        },
        _ => {
            for name in TABLES {
                let new = transaction.new_table_id();
                transaction.create_table(rows::table(new, name)?)?;
                effects.push(Effect::Create(new, name.to_owned()));
            }
        }
    }
    for (table, row) in insert {
        rows::append(&mut transaction, table, &[row], how).await?;
        effects.push(Effect::Insert(table, row));
    }
    let index = world.note(Attempt { name, effects, told: Told::Nothing });
    let commit = Box::pin(transaction.commit());
    let outcome = if rng.random_bool(0.05) {
        let patience = Duration::from_secs_f64(rng.random_range(0.0..0.1));
        match select(commit, Box::pin(world.time.sleep(patience))).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => return Ok(None),
        }
    } else {
        commit.await
    };
    match outcome {
        Ok(snapshot) => {
            world.tell(index, Told::Committed(snapshot.number()));
            return Ok(Some(snapshot.number()));
        }
        Err(error) if error.kind() == ErrorKind::OutcomeUnknown => world.tell(index, Told::Unknown(error.transaction())),
        Err(error) => {
            if !matches!(error.kind(), ErrorKind::Conflict | ErrorKind::AlreadyExists) {
                world.permitted("committing", &error);
            }
            world.tell(index, Told::NotCommitted(error));
        }
    }
    Ok(None)
}

/// A reader that looks all the while: sums balance, and time does not run backwards.
async fn look_on(world: Arc<World>) {
    let mut rng = StdRng::seed_from_u64(world.plan.seed ^ 0x100c);
    let client = world.bucket.client();
    let Some(database) = world.open(&client, &mut rng).await else { return };
    let mut newest = 0;
    let mut cache = Cache::default();
    while !world.done.load(Ordering::Relaxed) {
        world.time.sleep(Duration::from_secs_f64(rng.random_range(0.01..5.0))).await;
        let snapshot = match database.snapshot().await {
            Ok(snapshot) => snapshot,
            Err(error) => {
                world.permitted("looking", &error);
                continue;
            }
        };
        if snapshot.number() < newest {
            world.wrong(format!("the reader sees snapshot {} after {newest}", snapshot.number()));
        }
        newest = snapshot.number();
        match balance(&mut cache, &snapshot).await {
            Ok(0) => {}
            Ok(sum) => world.wrong(format!("the reader sees a sum of {sum} in snapshot {newest}")),
            Err(error) => world.permitted("reading", &error),
        }
    }
}

/// The sum over both tables between which amounts are moved: 0, if transactions are whole.
///
/// # Errors
/// Those of reading.
pub async fn balance(cache: &mut Cache, snapshot: &Snapshot) -> Result<i64> {
    let mut sum = 0;
    for name in ["a", "b"] {
        sum += cache.rows(snapshot, name).await?.into_iter().flatten().map(|row| row.1).sum::<i64>();
    }
    Ok(sum)
}
