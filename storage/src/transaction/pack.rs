//! Makes a transaction's actions fit into a record: many inline segments become a file, many segments a manifest.

use std::collections::BTreeMap;
use std::sync::Arc;

use prost::Message;

use crate::error::{Error, Result};
use crate::format::action::{Action, ActionProto, ManifestProto, encode_action};
use crate::format::envelope::{self, Header, Magic};
use crate::format::segment::encode_segment;
use crate::identity::Identity;
use crate::ids::TableId;
use crate::segment::{SegmentBody, SegmentMeta};
use crate::shared::Shared;
use crate::state::State;

/// Inline bytes of one transaction before they are written to a file instead: a record must stay small, and a file costs one request more.
const MAX_INLINE: usize = 256 << 10;

/// Bytes of segments' descriptions of one transaction before they go to manifests. Leaves room in a record for transactions of others.
const MAX_DESCRIBED: usize = 1 << 20;

/// Segments in one manifest: keeps it below some MiB.
const MANIFEST_SEGMENTS: usize = 4096;

/// Actions, as the state applies them and as the record will hold them.
pub(crate) struct Packed {
    pub(crate) actions: Vec<Action>,
    pub(crate) encoded: Vec<ActionProto>,
}

/// Makes actions fit. `overlay` is the state with the actions applied.
pub(crate) async fn pack(shared: &Arc<Shared>, overlay: &State, mut actions: Vec<Action>) -> Result<Packed> {
    let inline: usize = actions.iter().filter_map(inline_of).map(|(_, bytes)| bytes).sum();
    if inline > MAX_INLINE {
        actions = inline_to_files(shared, overlay, actions).await?;
    }
    let encoded: Vec<ActionProto> = actions.iter().map(encode_action).collect();
    let described: usize = encoded.iter().map(|action| action.payload.len()).sum();
    if described <= MAX_DESCRIBED {
        return Ok(Packed { actions, encoded });
    }
    // A new database gets its identity here: manifests repeat it.
    let identity = shared.make_sure_of_identity().await?;
    let encoded = with_manifests(shared, identity, &actions).await?;
    Ok(Packed { actions, encoded })
}

fn inline_of(action: &Action) -> Option<(TableId, usize)> {
    match action {
        Action::AddSegment { table, segment: SegmentMeta { body: SegmentBody::Inline(data), .. } } => Some((*table, data.len())),
        _ => None,
    }
}

/// Writes the inline rows of each table to files of their own.
async fn inline_to_files(shared: &Arc<Shared>, overlay: &State, actions: Vec<Action>) -> Result<Vec<Action>> {
    let mut inline: BTreeMap<TableId, Vec<SegmentMeta>> = BTreeMap::new();
    let mut others = Vec::new();
    for action in actions {
        match action {
            Action::AddSegment { table, segment } if matches!(segment.body, SegmentBody::Inline(_)) => {
                inline.entry(table).or_default().push(segment);
            }
            other => others.push(other),
        }
    }
    for (id, segments) in inline {
        // A table that the transaction dropped again has none.
        let Some(table) = overlay.table(id) else { continue };
        let mut writer = shared.table_writer(&table.meta).without_inline();
        for segment in &segments {
            for batch in crate::segment::reader::read_inline(&table.meta, segment)? {
                writer.write(batch).await?;
            }
        }
        others.extend(writer.finish().await?.into_iter().map(|staged| Action::AddSegment { table: id, segment: staged.0 }));
    }
    // What a dropped table was given must come before its drop, which it does no more: such tables have no segments any more.
    Ok(others)
}

/// Encodes actions with their segments in manifests.
async fn with_manifests(shared: &Arc<Shared>, identity: Identity, actions: &[Action]) -> Result<Vec<ActionProto>> {
    let mut encoded = Vec::new();
    let mut run: Vec<(TableId, &SegmentMeta)> = Vec::new();
    for action in actions {
        match action {
            Action::AddSegment { table, segment } => {
                if run.last().is_some_and(|(last, _)| last != table) || run.len() >= MANIFEST_SEGMENTS {
                    encoded.push(write_manifest(shared, identity, &run).await?);
                    run.clear();
                }
                run.push((*table, segment));
            }
            other => {
                if !run.is_empty() {
                    encoded.push(write_manifest(shared, identity, &run).await?);
                    run.clear();
                }
                encoded.push(encode_action(other));
            }
        }
    }
    if !run.is_empty() {
        encoded.push(write_manifest(shared, identity, &run).await?);
    }
    let bytes: usize = encoded.iter().map(|action| action.payload.len()).sum();
    if bytes > 2 * MAX_DESCRIBED {
        return Err(Error::limit(format!("the transaction's record would take {bytes} bytes; {} is the most", 2 * MAX_DESCRIBED))
            .with_hint("commit in several transactions"));
    }
    Ok(encoded)
}

async fn write_manifest(shared: &Arc<Shared>, identity: Identity, run: &[(TableId, &SegmentMeta)]) -> Result<ActionProto> {
    let [(table, _), ..] = run else { return Err(Error::internal("a manifest of no segments")) };
    let body = ManifestProto { segments: run.iter().map(|(_, segment)| encode_segment(segment)).collect() };
    let header = Header {
        magic: Magic::Manifest,
        reader_features: 0,
        writer_features: 0,
        database: identity.database,
        lineage: identity.lineage,
        branch: 0,
        slot: 0,
        previous: [0; 32],
    };
    let (bytes, hash) = envelope::encode(&header, &body.encode_to_vec())?;
    let id = shared.next_segment_id();
    let path = format!("data/{}/{}.manifest", id.session, id.number);
    shared.store.put(&path, bytes).await?;
    Ok(encode_action(&Action::AddManifest { table: *table, path, hash }))
}
