//! Whether a store keeps the one promise that commits rest on.

use bytes::Bytes;

use super::{PutIfAbsent, Store};
use crate::error::{Error, Result};

/// Puts an object that is known to exist once more, with put-if-absent and the same bytes: the store must refuse.
///
/// The bytes are the same so that a store that does not refuse has changed nothing.
///
/// # Errors
/// *Unsupported* when the store takes the object: concurrent commits would overwrite each other there. Otherwise as for
/// [`Store::put_if_absent`].
pub async fn probe_put_if_absent(store: &Store, path: &str, bytes: Bytes) -> Result<()> {
    let hint = "use a store with conditional writes (If-None-Match), such as S3, MinIO or R2, in a version that has them; reading with --readonly is possible";
    match store.put_if_absent(path, bytes).await {
        Ok(PutIfAbsent::Exists) => Ok(()),
        Ok(PutIfAbsent::Created) => {
            let message = format!(
                "{} does not honour put-if-absent: it created {path} although it exists; concurrent commits would overwrite each other",
                store.description()
            );
            Err(Error::unsupported(message).with_hint(hint))
        }
        Err(error) if error.kind() == crate::ErrorKind::Unsupported && error.hint().is_none() => Err(error.with_hint(hint)),
        Err(error) => Err(error),
    }
}
