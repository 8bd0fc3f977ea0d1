//! Conditional writes over a network: repeated where that helps, and never reported as refused when an earlier attempt may have happened.
//!
//! `object_store` repeats a conditional write by itself after some broken connections, and then reports the last answer only. If the first
//! attempt had created the object and the second was refused for another reason (say, expired credentials), that answer would say that nothing
//! happened. So conditional writes go through a twin of the store that repeats nothing, and are repeated here, where what happened before is
//! remembered. An attempt that finds its own earlier work answers "exists", which callers have to expect anyway.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error as StoreError, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
};

use super::Place;
use super::http::{FIRST_WAIT, RETRIES};
use super::translate;
use crate::error::{Error, ErrorKind};

/// A store whose conditional writes are honest about their outcome.
#[derive(Debug)]
pub(super) struct CarefulCreates {
    /// Repeats requests by itself.
    repeating: Arc<dyn ObjectStore>,
    /// The same store, repeating nothing.
    once: Arc<dyn ObjectStore>,
    place: Place,
}

impl CarefulCreates {
    pub(super) fn new(repeating: Arc<dyn ObjectStore>, once: Arc<dyn ObjectStore>, place: Place) -> Self {
        Self { repeating, once, place }
    }

    async fn create(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let mut wait = FIRST_WAIT;
        let mut unclear_before: Option<String> = None;
        let mut attempt = 0;
        loop {
            let result = self.once.put_opts(location, payload.clone(), options.clone()).await;
            let error = match result {
                Ok(created) => return Ok(created),
                Err(error) => error,
            };
            match translate::refusal(&error, &self.place) {
                // "It exists", which is an answer whatever happened before.
                None => return Err(error),
                Some(ErrorKind::Unavailable) => {
                    if attempt >= RETRIES {
                        return Err(error);
                    }
                    if !translate::was_not_sent(&error) {
                        unclear_before = Some(error.to_string());
                    }
                }
                Some(_) => return Err(unclear_before.map_or(error, |before| no_refusal(&before))),
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
            attempt += 1;
        }
    }
}

/// A plain refusal after an attempt whose outcome is not known.
fn no_refusal(before: &str) -> StoreError {
    let message = format!("a conditional write got no clear answer, and a second attempt was refused: {before}");
    StoreError::Generic { store: "conditional write", source: Box::new(Error::unavailable(message)) }
}

impl fmt::Display for CarefulCreates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place.description)
    }
}

#[async_trait]
impl ObjectStore for CarefulCreates {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        match opts.mode {
            PutMode::Overwrite => self.repeating.put_opts(location, payload, opts).await,
            PutMode::Create | PutMode::Update(_) => self.create(location, payload, opts).await,
        }
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.repeating.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.repeating.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.repeating.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.repeating.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.repeating.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.repeating.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.repeating.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.repeating.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.repeating.rename_opts(from, to, options).await
    }
}
