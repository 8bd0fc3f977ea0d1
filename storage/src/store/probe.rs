//! Finds out whether a store honours put-if-absent, before anything depends on it.

use bytes::Bytes;

use super::{PutIfAbsent, Store};
use crate::error::{Error, Result};

/// Puts an object that is known to exist again, with put-if-absent and the bytes it already has: the store must say that it exists.
///
/// # Errors
/// *Unsupported* when the store overwrites instead: concurrent commits would replace each other.
pub async fn probe_put_if_absent(store: &Store, path: &str, bytes: Bytes) -> Result<()> {
    match store.put_if_absent(path, bytes).await? {
        PutIfAbsent::Exists => Ok(()),
        PutIfAbsent::Created => Err(Error::unsupported(format!(
            "the store at {} does not honour put-if-absent (If-None-Match): concurrent commits would overwrite each other",
            store.url()
        ))
        .with_hint("use a store that does, such as S3, MinIO, R2, GCS, Azure or a local disk; reading with --readonly is possible")),
    }
}
