//! A table as of one slot: its columns and its segments.

use std::sync::Arc;

use imbl::OrdMap;

use crate::catalog::TableMeta;
use crate::error::{Error, Result};
use crate::ids::SegmentId;
use crate::segment::{SegmentBody, SegmentMeta};

/// A table as of one slot.
#[derive(Debug, Clone)]
pub(crate) struct TableState {
    pub(crate) meta: Arc<TableMeta>,
    /// Rows that a scan returns.
    pub(crate) rows: u64,
    /// Bytes of its segments.
    pub(crate) bytes: u64,
    /// Segments that are inline, and their bytes: what decides when they are written to a file.
    pub(crate) inline_segments: u64,
    pub(crate) inline_bytes: u64,
    /// The next row id to give.
    pub(crate) next_row_id: u64,
    pub(crate) created_at: u64,
    pub(crate) changed_at: u64,
    /// Segments by the order in which they were added.
    segments: OrdMap<u64, Arc<SegmentMeta>>,
    ordinals: OrdMap<SegmentId, u64>,
    pub(crate) next_ordinal: u64,
}

impl TableState {
    pub(crate) fn new(meta: TableMeta, slot: u64) -> Self {
        Self {
            meta: Arc::new(meta),
            rows: 0,
            bytes: 0,
            inline_segments: 0,
            inline_bytes: 0,
            next_row_id: 0,
            created_at: slot,
            changed_at: slot,
            segments: OrdMap::new(),
            ordinals: OrdMap::new(),
            next_ordinal: 0,
        }
    }

    pub(crate) fn segment_count(&self) -> usize {
        self.segments.len()
    }

    pub(crate) fn segments(&self) -> impl DoubleEndedIterator<Item = &Arc<SegmentMeta>> {
        self.segments.values()
    }

    pub(crate) fn segments_with_ordinals(&self) -> impl Iterator<Item = (u64, &Arc<SegmentMeta>)> {
        self.segments.iter().map(|(ordinal, segment)| (*ordinal, segment))
    }

    /// Adds a segment behind all others and gives its rows their ids.
    pub(crate) fn add(&mut self, mut segment: SegmentMeta, slot: u64) -> Result<()> {
        segment.added_at = slot;
        if !segment.stored_row_ids {
            segment.first_row_id = self.next_row_id;
            self.next_row_id = self
                .next_row_id
                .checked_add(segment.rows)
                .ok_or_else(|| Error::limit(format!("table '{}' has used up its row ids", self.meta.name)))?;
        }
        let ordinal = self.next_ordinal;
        self.next_ordinal += 1;
        self.changed_at = slot;
        self.restore(ordinal, segment)
    }

    /// Puts a segment back at its place, as a checkpoint tells it.
    pub(crate) fn restore(&mut self, ordinal: u64, segment: SegmentMeta) -> Result<()> {
        if segment.deleted_rows > segment.rows {
            return Err(Error::corrupt(format!("segment {} has fewer rows than deleted ones", segment.id)));
        }
        self.rows += segment.live_rows();
        self.bytes += segment.bytes();
        if let SegmentBody::Inline(data) = &segment.body {
            self.inline_segments += 1;
            self.inline_bytes += data.len() as u64;
        }
        if self.ordinals.insert(segment.id, ordinal).is_some() {
            return Err(Error::corrupt(format!("segment {} is in table '{}' twice", segment.id, self.meta.name)));
        }
        self.segments.insert(ordinal, Arc::new(segment));
        Ok(())
    }

    /// Takes a segment out; returns it, or `None` where it is not in the table.
    pub(crate) fn remove(&mut self, id: SegmentId, slot: u64) -> Option<Arc<SegmentMeta>> {
        let ordinal = self.ordinals.remove(&id)?;
        let segment = self.segments.remove(&ordinal)?;
        self.rows -= segment.live_rows();
        self.bytes -= segment.bytes();
        if let SegmentBody::Inline(data) = &segment.body {
            self.inline_segments -= 1;
            self.inline_bytes -= data.len() as u64;
        }
        self.changed_at = slot;
        Some(segment)
    }
}
