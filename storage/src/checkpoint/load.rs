//! Reads a state from a checkpoint.

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};

use super::fold::{KnownNodes, content_hash};
use super::{FOLDER, HEAD, slot_of_root};
use crate::error::{Error, ErrorKind, Result};
use crate::format::root::{EntriesProto, NodeRefProto, RootProto, decode_node, decode_root};
use crate::format::segment::decode_segment;
use crate::ids::{DatabaseId, LineageId, SessionId, TableId};
use crate::state::{Relation, State, TableState};
use crate::store::Store;

/// Nodes read at once.
const PARALLEL_GETS: usize = 16;

/// A state as a checkpoint holds it, with the nodes that it was read from.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    pub(crate) state: State,
    pub(crate) nodes: KnownNodes,
}

/// The state in `head`, or `None` when there is none, or none that can be used: `head` is never the truth.
pub(crate) async fn load_head(store: &Store, database: DatabaseId, bytes: Result<Bytes>) -> Result<Option<Loaded>> {
    let bytes = match bytes {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    match load_root(store, HEAD, &bytes, database).await {
        Ok(loaded) => Ok(Some(loaded)),
        // A damaged head, or a root whose nodes are damaged, costs time: older checkpoints and the log hold the same.
        Err(e) if e.kind() == ErrorKind::Corrupt => {
            tracing::warn!("head cannot be used, older checkpoints and the log do for it: {}", e.message());
            load_before(store, u64::MAX, database).await
        }
        Err(e) => Err(e),
    }
}

/// The state of the newest checkpoint at or before a slot that can be read, or `None` when there is none.
pub(crate) async fn load_before(store: &Store, slot: u64, database: DatabaseId) -> Result<Option<Loaded>> {
    let listed = store.list(FOLDER).await?;
    let mut roots: Vec<_> = listed.into_iter().filter_map(|object| Some((slot_of_root(&object.path)?, object.path))).collect();
    roots.retain(|(of, _)| *of <= slot);
    roots.sort_unstable();
    while let Some((_, path)) = roots.pop() {
        match load_at(store, &path, database).await {
            Ok(loaded) => return Ok(Some(loaded)),
            Err(e) if matches!(e.kind(), ErrorKind::Corrupt | ErrorKind::NotFound) => {
                tracing::warn!("a checkpoint cannot be used, older ones and the log do for it: {}", e.message());
            }
            Err(e) => return Err(e),
        }
    }
    Ok(None)
}

async fn load_at(store: &Store, path: &str, database: DatabaseId) -> Result<Loaded> {
    let bytes = store.get(path).await?;
    load_root(store, path, &bytes, database).await
}

/// Builds the state from a root and its nodes.
pub(crate) async fn load_root(store: &Store, name: &str, bytes: &Bytes, database: DatabaseId) -> Result<Loaded> {
    let (envelope, mut root) = decode_root(name, bytes)?;
    if envelope.header.database != database {
        return Err(Error::corrupt(format!("'{name}' belongs to database {}, not to {database}", envelope.header.database)));
    }
    let references = std::mem::take(&mut root.nodes);
    let mut pieces: Vec<EntriesProto> = root.entries.take().into_iter().collect();
    let mut nodes = KnownNodes::new();
    let mut reads = stream::iter(references).map(|node| read_node(store, node, database)).buffered(PARALLEL_GETS);
    while let Some((content, node, entries)) = reads.try_next().await? {
        pieces.push(entries);
        nodes.insert(content, node);
    }
    let state =
        build(envelope.header.lineage, envelope.header.slot, database, &root, pieces).map_err(|e| e.context(format!("'{name}'")))?;
    Ok(Loaded { state, nodes })
}

/// A node's entries, with the hash that it is known by.
async fn read_node(store: &Store, node: NodeRefProto, database: DatabaseId) -> Result<([u8; 32], NodeRefProto, EntriesProto)> {
    let bytes = store.get(&node.path).await.map_err(|e| match e.kind() {
        ErrorKind::NotFound => Error::corrupt(format!("'{}', which a checkpoint refers to, is missing", node.path)).with_source(e),
        _ => e,
    })?;
    let (envelope, entries) = decode_node(&node.path, &bytes)?;
    if envelope.hash.as_slice() != node.hash.as_slice() || envelope.header.database != database {
        return Err(Error::corrupt(format!("'{}' is not the object that a checkpoint refers to", node.path)));
    }
    Ok((content_hash(&envelope.body), node, entries))
}

fn build(lineage: LineageId, slot: u64, database: DatabaseId, root: &RootProto, pieces: Vec<EntriesProto>) -> Result<State> {
    let mut state = State {
        database,
        lineage,
        slot,
        record_hash: root
            .record_hash
            .as_slice()
            .try_into()
            .map_err(|_| Error::corrupt("the hash of a checkpoint's record does not have 32 bytes"))?,
        commit_time_us: root.commit_time_us,
        writer_features: root.writer_features,
        ..State::default()
    };
    let mut segments = Vec::new();
    for piece in pieces {
        for schema in piece.schemas {
            let schema = schema.decode_meta()?;
            state.schema_names.insert(schema.name.clone(), schema.id);
            state.schemas.insert(schema.id, Arc::new(schema));
        }
        for entry in piece.tables {
            let meta = entry.meta.ok_or_else(|| Error::corrupt("a checkpoint's table has no description"))?.decode_meta()?;
            state.relation_names.insert((meta.schema, meta.name.clone()), Relation::Table(meta.id));
            let mut table = TableState::new(meta, entry.created_at);
            table.changed_at = entry.changed_at;
            table.next_row_id = entry.next_row_id;
            table.next_ordinal = entry.next_ordinal;
            state.tables.insert(table.meta.id, Arc::new(table));
        }
        for view in piece.views {
            let view = view.decode_meta()?;
            state.relation_names.insert((view.schema, view.name.clone()), Relation::View(view.id));
            state.views.insert(view.id, Arc::new(view));
        }
        for meta in piece.macros {
            let meta = meta.decode_meta()?;
            state.macros.insert((meta.schema, meta.name.clone()), Arc::new(meta));
        }
        for meta in piece.sequences {
            let meta = meta.decode_meta()?;
            state.sequences.insert((meta.schema, meta.name.clone()), Arc::new(meta));
        }
        for entry in piece.sessions {
            state.sessions.insert(SessionId::from_bytes(&entry.session)?, entry.sequence);
        }
        segments.extend(piece.segments);
    }
    for entry in segments {
        let table = TableId::from_bytes(&entry.table)?;
        let segment = entry.segment.ok_or_else(|| Error::corrupt("a checkpoint's segment has no description"))?;
        let table = state.tables.get_mut(&table).ok_or_else(|| Error::corrupt("a checkpoint has a segment of a table it does not have"))?;
        Arc::make_mut(table).restore(entry.ordinal, decode_segment(&segment)?)?;
    }
    Ok(state)
}
