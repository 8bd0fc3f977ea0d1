//! What becomes of the files that are in a folder before COPY ... TO writes into it.
//!
//! They go when the new ones are there: what fails in between loses nothing.

use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt};

use super::options::Existing;
use super::{Options, Place};
use crate::error::{Error, Result, from_datafusion};

/// Files that are deleted at a time.
const AHEAD: usize = 16;

/// The files in a folder.
///
/// # Errors
/// *Invalid* if there are any, and options do not say what becomes of them.
pub(super) async fn found(place: &Place, options: &Options) -> Result<Vec<Path>> {
    if options.write.existing == Existing::Kept {
        return Ok(vec![]);
    }
    let mut found = place.store.list(Some(&place.path));
    let mut before = Vec::new();
    while let Some(ObjectMeta { location, .. }) = found.try_next().await.map_err(|error| from_datafusion(error.into()))? {
        if options.write.existing == Existing::Refused {
            return Err(Error::invalid(format!("the folder '{}' is not empty", place.written)).with_hint(
                "COPY ... TO writes a new folder; OVERWRITE takes away what is in it, OVERWRITE_OR_IGNORE what is in the folders that get new files, \
                 APPEND keeps all",
            ));
        }
        before.push(location);
    }
    Ok(before)
}

/// Takes away files that were there before, as options say.
pub(super) async fn replaced(place: &Place, options: &Options, before: Vec<Path>) -> Result<()> {
    if before.is_empty() {
        return Ok(());
    }
    let failed = |error: object_store::Error| from_datafusion(error.into()).context(format!("replacing what was in '{}'", place.written));
    let gone = match options.write.existing {
        Existing::Refused | Existing::Kept => return Ok(()),
        Existing::Replaced => before,
        Existing::ReplacedWhereWritten => {
            let now: Vec<Path> = place.store.list(Some(&place.path)).map_ok(|meta| meta.location).try_collect().await.map_err(failed)?;
            let written: std::collections::HashSet<String> = now.iter().filter(|path| !before.contains(path)).map(folder).collect();
            before.into_iter().filter(|path| written.contains(&folder(path))).collect()
        }
    };
    stream::iter(gone)
        .map(|path| async move { place.store.delete(&path).await })
        .buffer_unordered(AHEAD)
        .try_collect::<()>()
        .await
        .map_err(failed)
}

fn folder(path: &Path) -> String {
    path.as_ref().rsplit_once('/').map_or("", |(folder, _)| folder).to_owned()
}
