//! Where a segment's bytes come from: a cache of blocks in front of the store, if the store has one, else the store.
//!
//! What the cache hands out is verified as what the store does. Bytes that are wrong are as good as none: the cache is told, and the store is asked.
//! What the store gave, and what was verified, the cache is given to keep.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use super::ParquetLocation;
use crate::error::{ErrorKind, Result};
use crate::store::Store;

/// A part of a segment's file: where it begins, and its bytes.
pub type Piece = (u64, Bytes);

/// What a cache has of ranges.
#[derive(Debug, Default)]
pub struct Lookup {
    /// Ascending and disjoint, each within one of the ranges.
    pub pieces: Vec<Piece>,
    /// When the answer was given, by the cache's own clock: it wants to know how long it takes to get the rest.
    pub at: Duration,
}

/// Keeps bytes of segments' files nearer than the store does. [`ParquetLocation::tail_hash`] says which file it is, whatever its path: it covers the
/// footer, with the checksums of all that is before it.
///
/// Nothing relies on it: it may forget, lose and damage what it was given, and answer late, but not with an error.
#[async_trait]
pub trait BlockCache: fmt::Debug + Send + Sync {
    /// What it has of these ranges, which are ascending and disjoint. Bytes that were given as one piece are found as one.
    async fn find(&self, file: &ParquetLocation, ranges: &[Range<u64>]) -> Lookup;

    /// Takes pieces, ascending and disjoint, that it may keep: what was looked up then and was not there. Returns at once.
    fn keep(&self, file: &ParquetLocation, pieces: Vec<Piece>, looked_up_at: Duration);

    /// Is told that what it found in this range was not what was written.
    fn damaged(&self, file: &ParquetLocation, range: Range<u64>);
}

/// Ranges of a file's blocks, ascending and disjoint, in as many bodies. `verify` checks bytes that begin there.
pub(super) async fn blocks(
    store: &Store,
    file: &ParquetLocation,
    ranges: &[Range<u64>],
    verify: impl Fn(u64, &[u8]) -> Result<()>,
) -> Result<Vec<Bytes>> {
    let mut pieces = Vec::new();
    let mut looked_up_at = Duration::ZERO;
    if let Some(cache) = store.block_cache() {
        let found = cache.find(file, ranges).await;
        looked_up_at = found.at;
        for (start, bytes) in found.pieces {
            match verify(start, &bytes) {
                Ok(()) => pieces.push((start, bytes)),
                Err(_) => cache.damaged(file, start..start + bytes.len() as u64),
            }
        }
    }
    let missing = missing(ranges, &pieces);
    if !missing.is_empty() {
        let fetched: Vec<Piece> = missing.iter().map(|range| range.start).zip(from_store(store, file, &missing).await?).collect();
        for (start, bytes) in &fetched {
            verify(*start, bytes)?;
        }
        if let Some(cache) = store.block_cache() {
            cache.keep(file, fetched.clone(), looked_up_at);
        }
        pieces.extend(fetched);
        pieces.sort_unstable_by_key(|(start, _)| *start);
    }
    Ok(ranges.iter().map(|range| assemble(range, &pieces)).collect())
}

/// One range of a file, which `understand` verifies as a whole. Where that leaves the result short of `sound`, the bytes are not kept.
pub(super) async fn whole<T>(
    store: &Store,
    file: &ParquetLocation,
    range: Range<u64>,
    understand: impl Fn(Bytes) -> Result<T>,
    sound: impl Fn(&T) -> bool,
) -> Result<T> {
    let mut looked_up_at = Duration::ZERO;
    if let Some(cache) = store.block_cache() {
        let found = cache.find(file, std::slice::from_ref(&range)).await;
        looked_up_at = found.at;
        if let [(start, bytes)] = found.pieces.as_slice()
            && *start == range.start
            && bytes.len() as u64 == range.end - range.start
        {
            match understand(bytes.clone()) {
                Ok(understood) if sound(&understood) => return Ok(understood),
                _ => cache.damaged(file, range.clone()),
            }
        }
    }
    let bytes = from_store(store, file, std::slice::from_ref(&range)).await?.pop().unwrap_or_default();
    let understood = understand(bytes.clone())?;
    if let Some(cache) = store.block_cache()
        && sound(&understood)
    {
        cache.keep(file, vec![(range.start, bytes)], looked_up_at);
    }
    Ok(understood)
}

async fn from_store(store: &Store, file: &ParquetLocation, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
    store.get_ranges(&file.path, ranges).await.map_err(|error| match error.kind() {
        ErrorKind::NotFound => error.with_hint("the snapshot that has this segment may have expired; read a newer one"),
        _ => error,
    })
}

/// What `pieces`, ascending and disjoint, leave of ranges that are so, too.
pub fn missing(ranges: &[Range<u64>], pieces: &[Piece]) -> Vec<Range<u64>> {
    let mut missing = Vec::new();
    for range in ranges {
        let mut next = range.start;
        let first = pieces.partition_point(|(start, bytes)| start + bytes.len() as u64 <= range.start);
        for (start, bytes) in pieces[first..].iter().take_while(|(start, _)| *start < range.end) {
            if next < *start {
                missing.push(next..*start);
            }
            next = start + bytes.len() as u64;
        }
        if next < range.end {
            missing.push(next..range.end);
        }
    }
    missing
}

/// A range's bytes, of pieces that have all of it: copied only where there are several.
fn assemble(range: &Range<u64>, pieces: &[Piece]) -> Bytes {
    let first = pieces.partition_point(|(start, bytes)| start + bytes.len() as u64 <= range.start);
    let mut parts = pieces[first..].iter().take_while(|(start, _)| *start < range.end).map(|(start, bytes)| {
        let end = start + bytes.len() as u64;
        bytes.slice((range.start.max(*start) - start) as usize..(range.end.min(end) - start) as usize)
    });
    let body = parts.next().unwrap_or_default();
    if body.len() as u64 == range.end - range.start {
        return body;
    }
    let mut all = BytesMut::with_capacity((range.end - range.start) as usize);
    all.extend_from_slice(&body);
    parts.for_each(|part| all.extend_from_slice(&part));
    all.freeze()
}
