//! The bytes of text files, piece by piece, decompressed.

use bytes::Bytes;
use datafusion::common::DataFusionError;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectStoreExt;

use super::Compression;
use super::listing::File;
use crate::error::{Result, from_datafusion};

/// Bytes fetched in one request: great enough that the answer's first byte is no longer what a far store's time goes into, and a good deal of work for one core.
const PIECE_BYTES: u64 = 4 * 1024 * 1024;

/// Requests under way at a time for one file.
const PIECES_AHEAD: usize = 3;

/// How much of a file is looked at to recognize how it is written and to infer its columns.
const SAMPLE_BYTES: usize = 1024 * 1024;

/// A file's bytes, piece by piece. Unless its compression is told, its name tells it.
pub(super) fn pieces(file: &File, compression: Option<Compression>) -> Result<BoxStream<'static, Result<Bytes>>> {
    let (store, meta) = (file.store.clone(), file.meta.clone());
    let ranges = (0..meta.size).step_by(PIECE_BYTES as usize).map(move |start| start..(start + PIECE_BYTES).min(meta.size));
    let location = meta.location.clone();
    let raw = stream::iter(ranges)
        .map(move |range| {
            let (store, location) = (store.clone(), location.clone());
            async move { store.get_range(&location, range).await.map_err(DataFusionError::from) }
        })
        .buffered(PIECES_AHEAD)
        .boxed();
    let name = file.name.clone();
    let context = move |error: DataFusionError| from_datafusion(error).context(format!("file '{name}'"));
    let compression = compression.unwrap_or_else(|| Compression::from_path(&file.name));
    let plain = compression.datafusion().convert_stream(raw).map_err(from_datafusion)?;
    Ok(plain.map_err(context).boxed())
}

/// A file's beginning.
pub(super) async fn beginning(file: &File, compression: Option<Compression>) -> Result<Bytes> {
    let mut pieces = pieces(file, compression)?;
    let mut sample = Vec::new();
    while sample.len() < SAMPLE_BYTES {
        match pieces.try_next().await? {
            Some(piece) => sample.extend_from_slice(&piece[..piece.len().min(SAMPLE_BYTES - sample.len())]),
            None => break,
        }
    }
    Ok(sample.into())
}
