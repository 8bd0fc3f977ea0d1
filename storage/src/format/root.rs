//! Checkpoints: a root, and the nodes that it refers to.
//!
//! The state is a list of entries. A root holds as many of them itself as fit, and refers to nodes, objects of their own, for the rest.

use bytes::Bytes;
use prost::Message;

use super::action::{SchemaMetaProto, TableMetaProto, ViewMetaProto};
use super::envelope::{self, Envelope, Header, Magic};
use super::objects::{MacroMetaProto, SequenceMetaProto};
use super::segment::SegmentProto;
use crate::error::Result;

/// A piece of the state; in a root or in a node.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct EntriesProto {
    #[prost(message, repeated, tag = "1")]
    pub(crate) schemas: Vec<SchemaMetaProto>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) tables: Vec<TableEntryProto>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) views: Vec<ViewMetaProto>,
    #[prost(message, repeated, tag = "4")]
    pub(crate) sessions: Vec<SessionEntryProto>,
    #[prost(message, repeated, tag = "5")]
    pub(crate) segments: Vec<SegmentEntryProto>,
    #[prost(message, repeated, tag = "6")]
    pub(crate) macros: Vec<MacroMetaProto>,
    #[prost(message, repeated, tag = "7")]
    pub(crate) sequences: Vec<SequenceMetaProto>,
}

/// A table, without its segments.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct TableEntryProto {
    #[prost(message, optional, tag = "1")]
    pub(crate) meta: Option<TableMetaProto>,
    #[prost(uint64, tag = "2")]
    pub(crate) next_row_id: u64,
    #[prost(uint64, tag = "3")]
    pub(crate) created_at: u64,
    #[prost(uint64, tag = "4")]
    pub(crate) changed_at: u64,
    #[prost(uint64, tag = "5")]
    pub(crate) next_ordinal: u64,
}

/// A session and the highest sequence number of its transactions.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SessionEntryProto {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) session: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub(crate) sequence: u64,
}

/// A segment of a table, and its place among the table's segments.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SegmentEntryProto {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) table: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub(crate) ordinal: u64,
    #[prost(message, optional, tag = "3")]
    pub(crate) segment: Option<SegmentProto>,
}

/// A reference to a node.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct NodeRefProto {
    #[prost(string, tag = "1")]
    pub(crate) path: String,
    #[prost(uint64, tag = "2")]
    pub(crate) length: u64,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) hash: Vec<u8>,
    /// The table whose segments it holds; empty for anything else.
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) table: Vec<u8>,
    /// Entries in it.
    #[prost(uint64, tag = "5")]
    pub(crate) entries: u64,
}

/// The body of a root.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct RootProto {
    /// BLAKE3 of the record in the root's slot.
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) record_hash: Vec<u8>,
    #[prost(sint64, tag = "2")]
    pub(crate) commit_time_us: i64,
    #[prost(uint64, tag = "3")]
    pub(crate) writer_features: u64,
    /// Slots below may be tombstones. (Reserved: 0.)
    #[prost(uint64, tag = "4")]
    pub(crate) floor: u64,
    /// The oldest snapshot that stays. (Reserved: 0.)
    #[prost(uint64, tag = "5")]
    pub(crate) expired_below: u64,
    #[prost(message, optional, tag = "6")]
    pub(crate) entries: Option<EntriesProto>,
    #[prost(message, repeated, tag = "7")]
    pub(crate) nodes: Vec<NodeRefProto>,
}

/// Encodes a root or a node; returns its bytes and its hash.
pub(crate) fn encode_checkpoint(header: &Header, body: &impl Message) -> Result<(Bytes, [u8; 32])> {
    envelope::encode(header, &body.encode_to_vec())
}

/// Decodes and verifies a root.
pub(crate) fn decode_root(name: &str, bytes: &Bytes) -> Result<(Envelope, RootProto)> {
    let envelope = envelope::decode(Magic::Root, name, bytes)?;
    let root = RootProto::decode(envelope.body.clone())?;
    Ok((envelope, root))
}

/// Decodes and verifies a node.
pub(crate) fn decode_node(name: &str, bytes: &Bytes) -> Result<(Envelope, EntriesProto)> {
    let envelope = envelope::decode(Magic::Node, name, bytes)?;
    let entries = EntriesProto::decode(envelope.body.clone())?;
    Ok((envelope, entries))
}
