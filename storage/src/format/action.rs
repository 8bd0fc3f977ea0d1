//! Actions: what a transaction does, and how each kind is written.
//!
//! An action is a kind and a payload, so that a reader that does not know a kind keeps its bytes. Kinds of one family share a decade.

use bytes::Bytes;
use prost::Message;

use super::change::{self, ChangeProto};
use super::objects::{MacroMetaProto, SequenceMetaProto, TakeNumbersProto};
use super::schema::{ColumnProto, decode_column, encode_column};
use super::segment::{SegmentProto, decode_segment, encode_segment};
use crate::catalog::{MacroMeta, SchemaChange, SchemaMeta, SequenceMeta, TableChange, TableMeta, ViewChange, ViewMeta};
use crate::error::{Error, Result};
use crate::ids::{MacroId, SchemaId, SegmentId, SequenceId, SessionId, TableId, ViewId};
use crate::segment::SegmentMeta;

/// One change of the state.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    /// The session of this transaction commits for the first time.
    OpenSession,
    CreateSchema(SchemaMeta),
    DropSchema(SchemaId),
    AlterSchema(SchemaChange),
    CreateTable(TableMeta),
    DropTable(TableId),
    AlterTable(TableChange),
    CreateView(ViewMeta),
    DropView(ViewId),
    AlterView(ViewChange),
    CreateMacro(MacroMeta),
    DropMacro(MacroId),
    CreateSequence(SequenceMeta),
    DropSequence(SequenceId),
    /// Numbers of a sequence go to this transaction's writer.
    TakeNumbers {
        id: SequenceId,
        from: u64,
        to: u64,
    },
    AddSegment {
        table: TableId,
        segment: SegmentMeta,
    },
    RemoveSegment {
        table: TableId,
        segment: SegmentId,
    },
    /// Segments listed in an object of their own, because a record has to stay small.
    AddManifest {
        table: TableId,
        path: String,
        hash: [u8; 32],
    },
    /// A kind this version does not know or does not carry out. Its bytes are kept; the state is not folded into checkpoints any more.
    Other {
        kind: u32,
        payload: Bytes,
    },
}

/// The numbers of the kinds. Those that are only reserved are listed too, so that nobody gives them to something else.
pub(crate) mod kind {
    pub(crate) const OPEN_SESSION: u32 = 1;
    // 2 revoke session
    pub(crate) const CREATE_SCHEMA: u32 = 10;
    pub(crate) const DROP_SCHEMA: u32 = 11;
    pub(crate) const ALTER_SCHEMA: u32 = 12;
    pub(crate) const CREATE_TABLE: u32 = 20;
    pub(crate) const DROP_TABLE: u32 = 21;
    pub(crate) const ALTER_TABLE: u32 = 22;
    pub(crate) const CREATE_VIEW: u32 = 30;
    pub(crate) const DROP_VIEW: u32 = 31;
    pub(crate) const ALTER_VIEW: u32 = 32;
    pub(crate) const ADD_SEGMENT: u32 = 40;
    pub(crate) const REMOVE_SEGMENT: u32 = 41;
    // 42 add deletes: newly deleted positions of a segment, applied as a union
    pub(crate) const ADD_MANIFEST: u32 = 43;
    // 50 tag, 51 pin, 52 branch
    // 60 floor, 61 expire, 62 checkpoint, 63 gone
    pub(crate) const CREATE_MACRO: u32 = 70;
    pub(crate) const DROP_MACRO: u32 = 71;
    // 72 alter macro
    pub(crate) const CREATE_SEQUENCE: u32 = 80;
    pub(crate) const DROP_SEQUENCE: u32 = 81;
    // 82 alter sequence
    pub(crate) const TAKE_NUMBERS: u32 = 83;
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ActionProto {
    #[prost(uint32, tag = "1")]
    pub(crate) kind: u32,
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) payload: Bytes,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SchemaMetaProto {
    #[prost(bytes = "vec", tag = "1")]
    id: Vec<u8>,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(string, optional, tag = "3")]
    comment: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct TableMetaProto {
    #[prost(bytes = "vec", tag = "1")]
    id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    schema: Vec<u8>,
    #[prost(string, tag = "3")]
    name: String,
    #[prost(message, repeated, tag = "4")]
    columns: Vec<ColumnProto>,
    #[prost(uint32, tag = "5")]
    next_field_id: u32,
    #[prost(uint64, tag = "6")]
    schema_version: u64,
    #[prost(uint32, repeated, tag = "7")]
    cluster_by: Vec<u32>,
    #[prost(string, optional, tag = "8")]
    comment: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ViewMetaProto {
    #[prost(bytes = "vec", tag = "1")]
    id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    schema: Vec<u8>,
    #[prost(string, tag = "3")]
    name: String,
    #[prost(string, tag = "4")]
    sql: String,
    #[prost(string, tag = "5")]
    search_path: String,
    #[prost(string, optional, tag = "6")]
    comment: Option<String>,
}

/// An id alone: what a drop names.
#[derive(Clone, PartialEq, Message)]
struct IdProto {
    #[prost(bytes = "vec", tag = "1")]
    id: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct AddSegmentProto {
    #[prost(bytes = "vec", tag = "1")]
    table: Vec<u8>,
    #[prost(message, optional, tag = "2")]
    segment: Option<SegmentProto>,
}

#[derive(Clone, PartialEq, Message)]
struct RemoveSegmentProto {
    #[prost(bytes = "vec", tag = "1")]
    table: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    session: Vec<u8>,
    #[prost(uint64, tag = "3")]
    number: u64,
}

#[derive(Clone, PartialEq, Message)]
struct AddManifestProto {
    #[prost(bytes = "vec", tag = "1")]
    table: Vec<u8>,
    #[prost(string, tag = "2")]
    path: String,
    #[prost(bytes = "vec", tag = "3")]
    hash: Vec<u8>,
}

/// The body of a manifest: segments that one action adds.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ManifestProto {
    #[prost(message, repeated, tag = "1")]
    pub(crate) segments: Vec<SegmentProto>,
}

impl SchemaMetaProto {
    pub(crate) fn encode_meta(meta: &SchemaMeta) -> Self {
        Self { id: meta.id.to_bytes().into(), name: meta.name.clone(), comment: meta.comment.clone() }
    }

    pub(crate) fn decode_meta(self) -> Result<SchemaMeta> {
        Ok(SchemaMeta { id: SchemaId::from_bytes(&self.id)?, name: self.name, comment: self.comment })
    }
}

impl TableMetaProto {
    pub(crate) fn encode_meta(meta: &TableMeta) -> Self {
        Self {
            id: meta.id.to_bytes().into(),
            schema: meta.schema.to_bytes().into(),
            name: meta.name.clone(),
            columns: meta.columns.iter().map(encode_column).collect(),
            next_field_id: meta.next_field_id,
            schema_version: meta.schema_version,
            cluster_by: meta.cluster_by.clone(),
            comment: meta.comment.clone(),
        }
    }

    pub(crate) fn decode_meta(self) -> Result<TableMeta> {
        Ok(TableMeta {
            id: TableId::from_bytes(&self.id)?,
            schema: SchemaId::from_bytes(&self.schema)?,
            name: self.name,
            columns: self.columns.iter().map(decode_column).collect::<Result<_>>()?,
            next_field_id: self.next_field_id,
            schema_version: self.schema_version,
            cluster_by: self.cluster_by,
            comment: self.comment,
        })
    }
}

impl ViewMetaProto {
    pub(crate) fn encode_meta(meta: &ViewMeta) -> Self {
        Self {
            id: meta.id.to_bytes().into(),
            schema: meta.schema.to_bytes().into(),
            name: meta.name.clone(),
            sql: meta.sql.clone(),
            search_path: meta.search_path.clone(),
            comment: meta.comment.clone(),
        }
    }

    pub(crate) fn decode_meta(self) -> Result<ViewMeta> {
        Ok(ViewMeta {
            id: ViewId::from_bytes(&self.id)?,
            schema: SchemaId::from_bytes(&self.schema)?,
            name: self.name,
            sql: self.sql,
            search_path: self.search_path,
            comment: self.comment,
        })
    }
}

/// An action as it stands in a record.
pub(crate) fn encode_action(action: &Action) -> ActionProto {
    let id = |id: [u8; 16]| IdProto { id: id.into() }.encode_to_vec();
    let (kind, payload) = match action {
        Action::OpenSession => (kind::OPEN_SESSION, Vec::new()),
        Action::CreateSchema(meta) => (kind::CREATE_SCHEMA, SchemaMetaProto::encode_meta(meta).encode_to_vec()),
        Action::DropSchema(schema) => (kind::DROP_SCHEMA, id(schema.to_bytes())),
        Action::CreateTable(meta) => (kind::CREATE_TABLE, TableMetaProto::encode_meta(meta).encode_to_vec()),
        Action::DropTable(table) => (kind::DROP_TABLE, id(table.to_bytes())),
        Action::CreateView(meta) => (kind::CREATE_VIEW, ViewMetaProto::encode_meta(meta).encode_to_vec()),
        Action::DropView(view) => (kind::DROP_VIEW, id(view.to_bytes())),
        Action::AlterSchema(change) => (kind::ALTER_SCHEMA, change::encode_schema(change).encode_to_vec()),
        Action::AlterTable(change) => (kind::ALTER_TABLE, change::encode_table(change).encode_to_vec()),
        Action::AlterView(change) => (kind::ALTER_VIEW, change::encode_view(change).encode_to_vec()),
        Action::CreateMacro(meta) => (kind::CREATE_MACRO, MacroMetaProto::encode_meta(meta).encode_to_vec()),
        Action::DropMacro(dropped) => (kind::DROP_MACRO, id(dropped.to_bytes())),
        Action::CreateSequence(meta) => (kind::CREATE_SEQUENCE, SequenceMetaProto::encode_meta(meta).encode_to_vec()),
        Action::DropSequence(dropped) => (kind::DROP_SEQUENCE, id(dropped.to_bytes())),
        Action::TakeNumbers { id, from, to } => {
            (kind::TAKE_NUMBERS, TakeNumbersProto { id: id.to_bytes().into(), from: *from, to: *to }.encode_to_vec())
        }
        Action::AddSegment { table, segment } => {
            let proto = AddSegmentProto { table: table.to_bytes().into(), segment: Some(encode_segment(segment)) };
            (kind::ADD_SEGMENT, proto.encode_to_vec())
        }
        Action::RemoveSegment { table, segment } => {
            let (table, session) = (table.to_bytes().into(), segment.session.to_bytes().into());
            (kind::REMOVE_SEGMENT, RemoveSegmentProto { table, session, number: segment.number }.encode_to_vec())
        }
        Action::AddManifest { table, path, hash } => {
            let proto = AddManifestProto { table: table.to_bytes().into(), path: path.clone(), hash: hash.to_vec() };
            (kind::ADD_MANIFEST, proto.encode_to_vec())
        }
        Action::Other { kind, payload } => return ActionProto { kind: *kind, payload: payload.clone() },
    };
    ActionProto { kind, payload: payload.into() }
}

/// An action from a record.
pub(crate) fn decode_action(proto: &ActionProto) -> Result<Action> {
    let payload = proto.payload.clone();
    let dropped = || -> Result<Vec<u8>> { Ok(IdProto::decode(payload.clone())?.id) };
    Ok(match proto.kind {
        kind::OPEN_SESSION => Action::OpenSession,
        kind::CREATE_SCHEMA => Action::CreateSchema(SchemaMetaProto::decode(payload)?.decode_meta()?),
        kind::DROP_SCHEMA => Action::DropSchema(SchemaId::from_bytes(&dropped()?)?),
        kind::CREATE_TABLE => Action::CreateTable(TableMetaProto::decode(payload)?.decode_meta()?),
        kind::DROP_TABLE => Action::DropTable(TableId::from_bytes(&dropped()?)?),
        kind::CREATE_VIEW => Action::CreateView(ViewMetaProto::decode(payload)?.decode_meta()?),
        kind::DROP_VIEW => Action::DropView(ViewId::from_bytes(&dropped()?)?),
        kind::ALTER_SCHEMA => Action::AlterSchema(change::decode_schema(ChangeProto::decode(payload)?)?),
        kind::ALTER_TABLE => Action::AlterTable(change::decode_table(ChangeProto::decode(payload)?)?),
        kind::ALTER_VIEW => Action::AlterView(change::decode_view(ChangeProto::decode(payload)?)?),
        kind::CREATE_MACRO => Action::CreateMacro(MacroMetaProto::decode(payload)?.decode_meta()?),
        kind::DROP_MACRO => Action::DropMacro(MacroId::from_bytes(&dropped()?)?),
        kind::CREATE_SEQUENCE => Action::CreateSequence(SequenceMetaProto::decode(payload)?.decode_meta()?),
        kind::DROP_SEQUENCE => Action::DropSequence(SequenceId::from_bytes(&dropped()?)?),
        kind::TAKE_NUMBERS => {
            let TakeNumbersProto { id, from, to } = TakeNumbersProto::decode(payload)?;
            Action::TakeNumbers { id: SequenceId::from_bytes(&id)?, from, to }
        }
        kind::ADD_SEGMENT => {
            let proto = AddSegmentProto::decode(payload)?;
            let segment = proto.segment.ok_or_else(|| Error::corrupt("an action adds no segment"))?;
            Action::AddSegment { table: TableId::from_bytes(&proto.table)?, segment: decode_segment(&segment)? }
        }
        kind::REMOVE_SEGMENT => {
            let proto = RemoveSegmentProto::decode(payload)?;
            let segment = SegmentId { session: SessionId::from_bytes(&proto.session)?, number: proto.number };
            Action::RemoveSegment { table: TableId::from_bytes(&proto.table)?, segment }
        }
        kind::ADD_MANIFEST => {
            let proto = AddManifestProto::decode(payload)?;
            let hash = proto.hash.try_into().map_err(|_| Error::corrupt("a manifest's hash does not have 32 bytes"))?;
            Action::AddManifest { table: TableId::from_bytes(&proto.table)?, path: proto.path, hash }
        }
        kind => Action::Other { kind, payload },
    })
}
