//! Macros and sequences as protobuf.

use prost::Message;

use crate::catalog::{MacroMeta, SequenceMeta};
use crate::error::{Error, Result};
use crate::ids::{MacroId, SchemaId, SequenceId};

#[derive(Clone, PartialEq, Message)]
pub(crate) struct MacroMetaProto {
    #[prost(bytes = "vec", tag = "1")]
    id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    schema: Vec<u8>,
    #[prost(string, tag = "3")]
    name: String,
    #[prost(string, tag = "4")]
    definition: String,
    #[prost(string, tag = "5")]
    search_path: String,
    #[prost(string, optional, tag = "6")]
    comment: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SequenceMetaProto {
    #[prost(bytes = "vec", tag = "1")]
    id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    schema: Vec<u8>,
    #[prost(string, tag = "3")]
    name: String,
    #[prost(sint64, tag = "4")]
    start: i64,
    #[prost(sint64, tag = "5")]
    increment: i64,
    #[prost(sint64, tag = "6")]
    min: i64,
    #[prost(sint64, tag = "7")]
    max: i64,
    #[prost(bool, tag = "8")]
    cycle: bool,
    #[prost(uint64, tag = "9")]
    taken: u64,
    #[prost(string, optional, tag = "10")]
    comment: Option<String>,
}

/// Numbers of a sequence that a writer takes: those behind the first `from`, up to `to`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct TakeNumbersProto {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) id: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub(crate) from: u64,
    #[prost(uint64, tag = "3")]
    pub(crate) to: u64,
}

impl MacroMetaProto {
    pub(crate) fn encode_meta(meta: &MacroMeta) -> Self {
        Self {
            id: meta.id.to_bytes().into(),
            schema: meta.schema.to_bytes().into(),
            name: meta.name.clone(),
            definition: meta.definition.clone(),
            search_path: meta.search_path.clone(),
            comment: meta.comment.clone(),
        }
    }

    pub(crate) fn decode_meta(self) -> Result<MacroMeta> {
        Ok(MacroMeta {
            id: MacroId::from_bytes(&self.id)?,
            schema: SchemaId::from_bytes(&self.schema)?,
            name: self.name,
            definition: self.definition,
            search_path: self.search_path,
            comment: self.comment,
        })
    }
}

impl SequenceMetaProto {
    pub(crate) fn encode_meta(meta: &SequenceMeta) -> Self {
        Self {
            id: meta.id.to_bytes().into(),
            schema: meta.schema.to_bytes().into(),
            name: meta.name.clone(),
            start: meta.start,
            increment: meta.increment,
            min: meta.min,
            max: meta.max,
            cycle: meta.cycle,
            taken: meta.taken,
            comment: meta.comment.clone(),
        }
    }

    pub(crate) fn decode_meta(self) -> Result<SequenceMeta> {
        if self.increment == 0 || self.min > self.max || !(self.min..=self.max).contains(&self.start) {
            return Err(Error::corrupt(format!("sequence '{}' has no numbers", self.name)));
        }
        Ok(SequenceMeta {
            id: SequenceId::from_bytes(&self.id)?,
            schema: SchemaId::from_bytes(&self.schema)?,
            name: self.name,
            start: self.start,
            increment: self.increment,
            min: self.min,
            max: self.max,
            cycle: self.cycle,
            taken: self.taken,
            comment: self.comment,
        })
    }
}
