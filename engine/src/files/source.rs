//! The text of files, piece by piece: decompressed, and in UTF-8.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use datafusion::common::DataFusionError;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectStoreExt;

use super::Compression;
use super::encoding::{self, Encoding};
use super::listing::File;
use crate::error::{Result, from_datafusion};

/// Bytes fetched in one request: great enough that the answer's first byte is no longer what a far store's time goes into, and a good deal of work for one core.
const PIECE_BYTES: u64 = 4 * 1024 * 1024;

/// Requests under way at a time for one file.
const PIECES_AHEAD: usize = 3;

/// A file's text, piece by piece. Unless its compression is told, its name tells it; unless its encoding is told, its beginning tells it.
pub(super) async fn pieces(
    file: &File,
    compression: Option<Compression>,
    encoding: Option<Encoding>,
) -> Result<(BoxStream<'static, Result<Bytes>>, Encoding)> {
    text(file, compression, encoding, PIECE_BYTES, Some(Arc::clone(&file.read))).await
}

/// A file's beginning.
pub(super) struct Beginning {
    pub(super) bytes: Bytes,
    /// Whether that is all.
    pub(super) all: bool,
    pub(super) encoding: Encoding,
}

/// A file's beginning: as many bytes, unless it is shorter.
pub(super) async fn beginning(file: &File, compression: Option<Compression>, encoding: Option<Encoding>, most: usize) -> Result<Beginning> {
    let (mut pieces, encoding) = text(file, compression, encoding, PIECE_BYTES.min(most as u64), None).await?;
    let mut sample = Vec::new();
    while let Some(piece) = pieces.try_next().await? {
        let room = most - sample.len();
        if piece.len() > room {
            sample.extend_from_slice(&piece[..room]);
            return Ok(Beginning { bytes: sample.into(), all: false, encoding });
        }
        sample.extend_from_slice(&piece);
    }
    Ok(Beginning { bytes: sample.into(), all: true, encoding })
}

/// A file's bytes, as they are, from anywhere in it.
pub(super) async fn range(file: &File, range: std::ops::Range<u64>) -> Result<Bytes> {
    let found = file.store.get_range(&file.meta.location, range).await;
    found.map_err(|error| from_datafusion(error.into()).context(format!("file '{}'", file.name)))
}

/// A file's text; what is read of it is counted.
async fn text(
    file: &File,
    compression: Option<Compression>,
    encoding: Option<Encoding>,
    piece_bytes: u64,
    read: Option<Arc<AtomicU64>>,
) -> Result<(BoxStream<'static, Result<Bytes>>, Encoding)> {
    let (store, meta) = (file.store.clone(), file.meta.clone());
    let ranges = (0..meta.size).step_by(piece_bytes as usize).map(move |start| start..(start + piece_bytes).min(meta.size));
    let compression = compression.unwrap_or_else(|| Compression::from_path(meta.location.as_ref()));
    let location = meta.location.clone();
    let raw = stream::iter(ranges)
        .map(move |range| {
            let (store, location) = (store.clone(), location.clone());
            async move { store.get_range(&location, range).await.map_err(DataFusionError::from) }
        })
        .buffered(PIECES_AHEAD)
        .inspect_ok(move |piece| {
            if let Some(read) = &read {
                read.fetch_add(piece.len() as u64, Ordering::Relaxed);
            }
        })
        .boxed();
    let plain = compression.datafusion().convert_stream(raw).map_err(from_datafusion)?;
    let (decoded, encoding) = encoding::decoded(plain.map_err(from_datafusion).boxed(), encoding).await.map_err(in_file(file))?;
    Ok((decoded.map_err(in_file(file)).boxed(), encoding))
}

fn in_file(file: &File) -> impl Fn(crate::Error) -> crate::Error + Send + 'static {
    let name = file.name.clone();
    move |error| error.context(format!("file '{name}'"))
}
