//! `clouddb.json`: what makes a folder a database. Written once, put-if-absent, never changed.
//!
//! ```json
//! {"format": 0, "database": "<32 hexadecimal digits>", "lineage": "<32 hexadecimal digits>"}
//! ```

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::database::OpenMode;
use crate::env::{Env, Pauses};
use crate::error::{Error, ErrorKind, Result};
use crate::format::FORMAT_VERSION;
use crate::ids::{DatabaseId, LineageId};
use crate::store::probe::probe_put_if_absent;
use crate::store::{PutIfAbsent, Store};

/// The object that makes a folder a database.
pub(crate) const PATH: &str = "clouddb.json";

/// What a database's folder may hold at its top before `clouddb.json` is there: what other writers are creating at this moment.
const OWN_NAMES: [&str; 3] = [PATH, "data", "intents"];

/// What comes into it only after `clouddb.json`.
const LATER_NAMES: [&str; 3] = ["log", "checkpoint", "head"];

/// How to mend a lost or damaged one.
const LOST_HINT: &str =
    "it holds the format and the database's id, which the header of every record in log/ repeats; restore it from a copy";

/// Attempts when the store gives no clear answer. With the pauses below this is some 5 s on top of the store's own retries: this comes before a
/// first commit, and its author waits for it.
const ATTEMPTS: usize = 9;

/// The pause after the first attempt; doubles up to `LONGEST_PAUSE`.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A database's identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) database: DatabaseId,
    pub(crate) lineage: LineageId,
}

#[derive(Serialize, Deserialize)]
struct IdentityJson {
    format: u32,
    database: String,
    lineage: String,
}

/// The identity at a location; `None` when there is no database.
pub(crate) async fn read(store: &Store) -> Result<Option<Identity>> {
    match store.get(PATH).await {
        Ok(bytes) => decode(store, &bytes).map(Some),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

fn decode(store: &Store, bytes: &[u8]) -> Result<Identity> {
    let damaged = |what: String| Error::corrupt(format!("'{PATH}' at {} is damaged: {what}", store.url())).with_hint(LOST_HINT);
    // The version is looked at first: a newer one may have other fields.
    let value: serde_json::Value = serde_json::from_slice(bytes).map_err(|e| damaged(e.to_string()))?;
    let format = value.get("format").and_then(serde_json::Value::as_u64).ok_or_else(|| damaged("it states no format".into()))?;
    if format != u64::from(FORMAT_VERSION) {
        return Err(Error::unsupported(format!(
            "the database at {} has format {format}; this version reads and writes format {FORMAT_VERSION}",
            store.url()
        ))
        .with_hint("open it with the version of clouddb that wrote it, or a newer one"));
    }
    let json: IdentityJson = serde_json::from_value(value).map_err(|e| damaged(e.to_string()))?;
    let identity = Identity {
        database: json.database.parse().map_err(|e: Error| damaged(e.message().to_owned()))?,
        lineage: json.lineage.parse().map_err(|e: Error| damaged(e.message().to_owned()))?,
    };
    // What is written is always in this one form, so that a flipped bit cannot go unnoticed as other white space or letter case.
    if encode(&identity)? != bytes { Err(damaged("it is not in the form in which it was written".into())) } else { Ok(identity) }
}

fn encode(identity: &Identity) -> Result<Bytes> {
    let json = IdentityJson { format: FORMAT_VERSION, database: identity.database.to_string(), lineage: identity.lineage.to_string() };
    let mut text = serde_json::to_string_pretty(&json).map_err(|e| Error::internal(e.to_string()))?;
    text.push('\n');
    Ok(Bytes::from(text))
}

/// The identity at a location, created where there is none.
pub(crate) async fn create_or_read(store: &Store, env: &Env) -> Result<Identity> {
    let new = Identity { database: DatabaseId::random(env.random.as_ref()), lineage: LineageId::random(env.random.as_ref()) };
    patiently(env, || read_or_create(store, &new)).await
}

async fn read_or_create(store: &Store, new: &Identity) -> Result<Identity> {
    if let Some(identity) = read(store).await? {
        return Ok(identity);
    }
    let created = store.put_if_absent(PATH, encode(new)?).await;
    match created.map_err(|error| error.context(format!("cannot create a database at {}", store.url())))? {
        PutIfAbsent::Created => {
            tracing::info!(url = store.url(), database = %new.database, "created a database");
            Ok(*new)
        }
        // Whoever was first: what is there now is the database.
        PutIfAbsent::Exists => read(store).await?.ok_or_else(|| Error::unavailable(format!("'{PATH}' exists, but cannot be read yet"))),
    }
}

/// Tries again what does no harm when it is done twice, for as long as the store does not answer.
async fn patiently<T, F: Future<Output = Result<T>>>(env: &Env, attempt: impl Fn() -> F) -> Result<T> {
    let mut pauses = Pauses::new(FIRST_PAUSE, LONGEST_PAUSE);
    for _ in 1..ATTEMPTS {
        match attempt().await {
            Err(error) if error.kind() == ErrorKind::Unavailable => pauses.pause(env).await,
            other => return other,
        }
    }
    attempt().await
}

/// Makes sure that a location still holds the database that was opened there: a record of one database must never come into another one's log.
pub(crate) async fn confirm(store: &Store, env: &Env, known: &Identity) -> Result<()> {
    let became = match patiently(env, || read(store)).await? {
        Some(identity) if identity == *known => return Ok(()),
        Some(_) => "replaced by another one",
        None => "deleted",
    };
    Err(Error::invalid(format!("the database at {} was {became} while it was open", store.url())).with_hint("open it again"))
}

/// What is at a location that has no `clouddb.json`: nothing, or a database that somebody has just created.
///
/// # Errors
/// *Corrupt* for a database that has lost it; *invalid* for something else, where a database is to be created.
pub(crate) async fn explain_absence(store: &Store, mode: OpenMode) -> Result<Option<Identity>> {
    let names = match (store.top_level().await, mode) {
        (Ok(names), _) => names,
        (Err(error), OpenMode::Create) => return Err(error),
        // Whoever only wants what exists is told that it does not.
        (Err(_), OpenMode::MustExist | OpenMode::ReadOnly) => return Ok(None),
    };
    if let Some(name) = names.iter().find(|name| LATER_NAMES.contains(&name.as_str())) {
        return match read(store).await? {
            Some(identity) => Ok(Some(identity)),
            None => Err(Error::corrupt(format!("'{PATH}' is missing at {}, although '{name}' is there", store.url())).with_hint(LOST_HINT)),
        };
    }
    match names.iter().find(|name| !OWN_NAMES.contains(&name.as_str())) {
        Some(name) if mode == OpenMode::Create => {
            Err(Error::invalid(format!("{} is no database: it holds '{name}', but no '{PATH}'", store.url()))
                .with_hint("name the folder of a database, or an empty or new one"))
        }
        _ => Ok(None),
    }
}

/// Makes sure that the store honours put-if-absent, with an object that is known to exist and the bytes it already has: a store that overwrites
/// does no harm by it, and is found out before the first commit.
pub(crate) async fn probe(store: &Store, env: &Env, identity: &Identity) -> Result<()> {
    let bytes = encode(identity)?;
    patiently(env, || probe_put_if_absent(store, PATH, bytes.clone())).await
}

/// Who writes, by default: `user@host`, as far as the environment knows.
pub(crate) fn user_at_host() -> String {
    let variable = |names: &[&str]| names.iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    let user = variable(&["USER", "LOGNAME", "USERNAME"]).unwrap_or_else(|| "unknown".to_owned());
    let host = variable(&["HOSTNAME", "COMPUTERNAME"])
        .or_else(|| std::fs::read_to_string("/etc/hostname").ok().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()))
        .unwrap_or_else(|| "localhost".to_owned());
    format!("{user}@{host}")
}
