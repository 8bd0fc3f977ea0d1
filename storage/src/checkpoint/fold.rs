//! Folds a state into a checkpoint.

use std::collections::HashMap;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use prost::Message;

use super::{HEAD, object_path};
use crate::error::{Error, Result};
use crate::format::action::{SchemaMetaProto, TableMetaProto, ViewMetaProto};
use crate::format::envelope::{Header, Magic};
use crate::format::objects::{MacroMetaProto, SequenceMetaProto};
use crate::format::root::{
    EntriesProto, NodeRefProto, RootProto, SegmentEntryProto, SessionEntryProto, TableEntryProto, encode_checkpoint,
};
use crate::format::segment::encode_segment;
use crate::log::folder_of;
use crate::state::State;
use crate::store::Store;

/// Bytes of a root's body: with its header and references it stays below 256 KiB, which one request brings in one go.
const ROOT_BYTES: usize = 192 << 10;

/// Bytes of entries in a node: near 1 MiB, large enough to be worth a request, small enough to be read in part.
const NODE_BYTES: usize = 896 << 10;

/// Segments in a node at most. Nodes end at multiples of this in a table's order, so that old ones stay the same and are not written again.
const NODE_SEGMENTS: u64 = 2048;

/// Nodes written at once.
const PARALLEL_PUTS: usize = 8;

/// Nodes that are in the store already, by the hash of what they hold: what did not change since the last checkpoint is referred to, not written.
pub(crate) type KnownNodes = HashMap<[u8; 32], NodeRefProto>;

/// A root as encoded, ready to be put at its path and to `head`.
#[derive(Debug)]
pub(crate) struct Root {
    pub(crate) path: String,
    pub(crate) bytes: Bytes,
}

/// Writes the state's nodes; returns its root.
pub(crate) async fn fold(store: &Store, state: &State, known: &mut KnownNodes) -> Result<Root> {
    if state.has_unknown_actions {
        return Err(Error::unsupported("the log holds actions that this version does not know: it makes no checkpoints of it"));
    }
    // The newest record may be another process's, and not durable yet: a checkpoint of it must not outlive it.
    store.sync_folder(&folder_of(state.slot)).await?;
    let mut pieces = pieces_of(state);
    let mut size: usize = pieces.iter().map(|piece| piece.bytes).sum();
    // The largest pieces leave the root first: they are the segments of large tables.
    pieces.sort_by_key(|piece| std::cmp::Reverse(piece.bytes));
    let mut entries = EntriesProto::default();
    let mut spilled = Vec::new();
    for piece in pieces {
        if size > ROOT_BYTES && piece.bytes > 0 {
            size -= piece.bytes;
            spilled.push(piece);
        } else {
            append(&mut entries, piece.entries);
        }
    }
    let nodes = write_nodes(store, state, spilled, known).await?;
    let root = RootProto {
        record_hash: state.record_hash.to_vec(),
        commit_time_us: state.commit_time_us,
        writer_features: state.writer_features,
        floor: 0,
        expired_below: 0,
        entries: Some(entries),
        nodes,
    };
    let (bytes, hash) = encode_checkpoint(&header(state, Magic::Root), &root)?;
    Ok(Root { path: object_path(state.slot, &hash, "root"), bytes })
}

/// Writes a root to where time travel finds it.
pub(crate) async fn write_root(store: &Store, root: &Root) -> Result<()> {
    store.put(&root.path, root.bytes.clone()).await
}

/// Writes a root to `head`, where whoever opens the database finds it.
pub(crate) async fn write_head(store: &Store, root: &Root) -> Result<()> {
    tracing::debug!(root = root.path, "head");
    store.put(HEAD, root.bytes.clone()).await
}

fn header(state: &State, magic: Magic) -> Header {
    Header {
        magic,
        reader_features: 0,
        writer_features: state.writer_features,
        database: state.database,
        lineage: state.lineage,
        branch: 0,
        slot: state.slot,
        previous: [0; 32],
    }
}

/// Entries that stay together.
struct Piece {
    table: Vec<u8>,
    entries: EntriesProto,
    count: u64,
    bytes: usize,
}

impl Piece {
    fn new(table: Vec<u8>, entries: EntriesProto, count: usize) -> Self {
        let bytes = entries.encoded_len();
        Self { table, entries, count: count as u64, bytes }
    }
}

fn pieces_of(state: &State) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let schemas: Vec<_> = state.schemas.values().map(|meta| SchemaMetaProto::encode_meta(meta)).collect();
    let views: Vec<_> = state.views.values().map(|meta| ViewMetaProto::encode_meta(meta)).collect();
    pieces.extend(chunked(schemas, |schemas| EntriesProto { schemas, ..Default::default() }));
    pieces.extend(chunked(views, |views| EntriesProto { views, ..Default::default() }));
    let macros: Vec<_> = state.macros.values().map(|meta| MacroMetaProto::encode_meta(meta)).collect();
    pieces.extend(chunked(macros, |macros| EntriesProto { macros, ..Default::default() }));
    let sequences: Vec<_> = state.sequences.values().map(|meta| SequenceMetaProto::encode_meta(meta)).collect();
    pieces.extend(chunked(sequences, |sequences| EntriesProto { sequences, ..Default::default() }));
    let sessions: Vec<_> = state
        .sessions
        .iter()
        .map(|(session, sequence)| SessionEntryProto { session: session.to_bytes().into(), sequence: *sequence })
        .collect();
    pieces.extend(chunked(sessions, |sessions| EntriesProto { sessions, ..Default::default() }));
    let tables: Vec<_> = state
        .tables
        .values()
        .map(|table| TableEntryProto {
            meta: Some(TableMetaProto::encode_meta(&table.meta)),
            next_row_id: table.next_row_id,
            created_at: table.created_at,
            changed_at: table.changed_at,
            next_ordinal: table.next_ordinal,
        })
        .collect();
    pieces.extend(chunked(tables, |tables| EntriesProto { tables, ..Default::default() }));
    for table in state.tables.values() {
        let id = table.meta.id.to_bytes().to_vec();
        let (mut segments, mut bytes, mut group) = (Vec::new(), 0, 0);
        let mut finish = |segments: Vec<SegmentEntryProto>| {
            let count = segments.len();
            if count > 0 {
                pieces.push(Piece::new(id.clone(), EntriesProto { segments, ..Default::default() }, count));
            }
        };
        for (ordinal, segment) in table.segments_with_ordinals() {
            let entry = SegmentEntryProto { table: id.clone(), ordinal, segment: Some(encode_segment(segment)) };
            let length = entry.encoded_len();
            if bytes + length > NODE_BYTES || ordinal / NODE_SEGMENTS != group {
                finish(std::mem::take(&mut segments));
                (bytes, group) = (0, ordinal / NODE_SEGMENTS);
            }
            bytes += length;
            segments.push(entry);
        }
        finish(segments);
    }
    pieces
}

/// Cuts entries of one kind into pieces of at most a node's size.
fn chunked<T: Message>(items: Vec<T>, make: impl Fn(Vec<T>) -> EntriesProto) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let (mut current, mut bytes) = (Vec::new(), 0);
    for item in items {
        let length = item.encoded_len() + 8;
        if bytes + length > NODE_BYTES && !current.is_empty() {
            let full: Vec<T> = std::mem::take(&mut current);
            let count = full.len();
            pieces.push(Piece::new(Vec::new(), make(full), count));
            bytes = 0;
        }
        bytes += length;
        current.push(item);
    }
    let count = current.len();
    if count > 0 {
        pieces.push(Piece::new(Vec::new(), make(current), count));
    }
    pieces
}

fn append(into: &mut EntriesProto, mut from: EntriesProto) {
    into.schemas.append(&mut from.schemas);
    into.tables.append(&mut from.tables);
    into.views.append(&mut from.views);
    into.sessions.append(&mut from.sessions);
    into.segments.append(&mut from.segments);
    into.macros.append(&mut from.macros);
    into.sequences.append(&mut from.sequences);
}

/// What a node is known by: its body. The envelope also holds the slot, so it is not part of this hash.
pub(super) fn content_hash(body: &[u8]) -> [u8; 32] {
    *blake3::hash(body).as_bytes()
}

async fn write_nodes(store: &Store, state: &State, spilled: Vec<Piece>, known: &mut KnownNodes) -> Result<Vec<NodeRefProto>> {
    let mut references = Vec::with_capacity(spilled.len());
    let mut puts = Vec::new();
    let mut in_use = KnownNodes::new();
    for piece in spilled {
        let content = content_hash(&piece.entries.encode_to_vec());
        let reference = match known.get(&content) {
            Some(reference) => reference.clone(),
            None => {
                let (bytes, hash) = encode_checkpoint(&header(state, Magic::Node), &piece.entries)?;
                let path = object_path(state.slot, &hash, "node");
                puts.push((path.clone(), bytes.clone()));
                NodeRefProto { path, length: bytes.len() as u64, hash: hash.to_vec(), table: piece.table, entries: piece.count }
            }
        };
        in_use.insert(content, reference.clone());
        references.push(reference);
    }
    stream::iter(puts.into_iter().map(|(path, bytes)| async move { store.put(&path, bytes).await }))
        .buffer_unordered(PARALLEL_PUTS)
        .try_collect::<()>()
        .await?;
    *known = in_use;
    Ok(references)
}
