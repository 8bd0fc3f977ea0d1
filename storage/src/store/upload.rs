//! Writing an object whose length is not known yet, in parts, with bounded memory.
//!
//! Small objects never become multipart uploads: up to one part is one PUT. All parts but the last have the same length, which some stores
//! require. Nothing is visible before [`Upload::finish`] returns; dropping an upload abandons it.

use bytes::{Bytes, BytesMut};
use object_store::path::Path;
use object_store::{MultipartUpload, PutPayload};
use tokio::task::JoinSet;

use super::{Store, StoreKind};
use crate::error::{Error, Result};

/// Length of a part. S3 allows 10,000 parts of at least 5 MiB: this reaches 78 GiB for one object, and keeps a part's time on a slow line short.
const PART: usize = 8 * 1024 * 1024;

/// Parts under way at a time; with [`PART`] it bounds the memory of one upload at 40 MiB. Four connections saturate what one core can compress.
const PARTS_UNDER_WAY: usize = 4;

/// An object being written piece by piece; memory is bounded by a few parts. Dropping it abandons the object.
#[derive(Debug)]
pub struct Upload {
    store: Store,
    path: String,
    location: Path,
    /// What does not fill a part yet, as it came; joined only logically, a payload is a list of pieces.
    pieces: Vec<Bytes>,
    buffered: usize,
    multipart: Option<Box<dyn MultipartUpload>>,
    parts: JoinSet<object_store::Result<()>>,
    /// A failed upload stays failed: parts are missing.
    failed: Option<Error>,
}

impl Upload {
    pub(super) fn new(store: Store, path: String, location: Path) -> Self {
        Self { store, path, location, pieces: Vec::new(), buffered: 0, multipart: None, parts: JoinSet::new(), failed: None }
    }

    fn error(&self, error: object_store::Error) -> Error {
        self.store.translate(error, "writing", &self.path)
    }

    fn check(&self) -> Result<()> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    /// Takes up to one part from what is buffered.
    fn take_part(&mut self) -> PutPayload {
        let mut part = Vec::new();
        let mut room = PART.min(self.buffered);
        self.buffered -= room;
        let mut rest = Vec::new();
        for mut piece in self.pieces.drain(..) {
            if room == 0 {
                rest.push(piece);
            } else if piece.len() <= room {
                room -= piece.len();
                part.push(piece);
            } else {
                part.push(piece.split_to(room));
                room = 0;
                rest.push(piece);
            }
        }
        self.pieces = rest;
        // Thousands of tiny pieces would cost more to carry around than to join.
        if part.len() > 1 && part.len() * 4096 > PART {
            let mut joined = BytesMut::with_capacity(part.iter().map(Bytes::len).sum());
            part.iter().for_each(|piece| joined.extend_from_slice(piece));
            part = vec![joined.freeze()];
        }
        part.into_iter().collect()
    }

    async fn wait_for_one(&mut self) -> Result<()> {
        match self.parts.join_next().await {
            None | Some(Ok(Ok(()))) => Ok(()),
            Some(Ok(Err(error))) => Err(self.error(error)),
            Some(Err(error)) => Err(self.error(error.into())),
        }
    }

    async fn send_part(&mut self) -> Result<()> {
        while self.parts.len() >= PARTS_UNDER_WAY {
            self.wait_for_one().await?;
        }
        if self.multipart.is_none() {
            let started = self.store.inner.store.put_multipart_opts(&self.location, Default::default()).await;
            self.multipart = Some(started.map_err(|error| self.error(error))?);
        }
        let part = self.take_part();
        if let Some(multipart) = &mut self.multipart {
            let part = multipart.put_part(part);
            self.parts.spawn(part);
        }
        Ok(())
    }

    /// Adds bytes; waits while too many parts are under way.
    pub async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.check()?;
        if !bytes.is_empty() {
            self.buffered += bytes.len();
            self.pieces.push(bytes);
        }
        // Strictly more than a part: what fills exactly one may be all there is, and is then a single PUT.
        while self.buffered > PART {
            if let Err(error) = self.send_part().await {
                self.failed = Some(error.clone());
                self.give_up().await;
                return Err(error);
            }
        }
        Ok(())
    }

    /// Completes the object: durable and visible when it returns.
    pub async fn finish(mut self) -> Result<()> {
        self.check()?;
        if self.multipart.is_none() {
            let payload = self.take_part();
            let put = self.store.inner.store.put_opts(&self.location, payload, Default::default()).await;
            return put.map(|_| ()).map_err(|error| self.error(error));
        }
        let complete = self.complete().await;
        if complete.is_err() {
            self.give_up().await;
        }
        complete
    }

    async fn complete(&mut self) -> Result<()> {
        if self.buffered > 0 {
            self.send_part().await?;
        }
        while !self.parts.is_empty() {
            self.wait_for_one().await?;
        }
        let completed = match &mut self.multipart {
            Some(multipart) => multipart.complete().await,
            None => return Ok(()),
        };
        completed.map_err(|error| self.error(error))?;
        self.multipart = None;
        Ok(())
    }

    /// Removes what was written in vain to a local disk, before anybody is told of the failure: it may be the room that a full disk lacks. A store
    /// that does not answer is not waited for.
    async fn give_up(&mut self) {
        self.parts.shutdown().await;
        if self.store.kind() == StoreKind::Local
            && let Some(mut multipart) = self.multipart.take()
        {
            // What cannot be removed now either is waste, not damage.
            let _ = multipart.abort().await;
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.parts.abort_all();
        let Some(mut multipart) = self.multipart.take() else { return };
        if self.store.kind() == StoreKind::Local {
            // An unfinished file is removed when it is dropped, at once: the process may be about to end.
            return;
        }
        // Parts left behind cost money until a lifecycle rule removes them; without a runtime there is nobody to tell.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let _ = multipart.abort().await;
            });
        }
    }
}
