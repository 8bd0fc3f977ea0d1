//! Changes of schemas, tables and views as protobuf: ids, and what changes. A field that is absent stays as it is.

use prost::Message;

use crate::catalog::{ColumnChange, OptionalText, SchemaChange, TableChange, ViewChange};
use crate::error::Result;
use crate::ids::{SchemaId, TableId, ViewId};

/// A text that is set; without one, it is taken away.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct TextProto {
    #[prost(string, optional, tag = "1")]
    text: Option<String>,
}

/// A change of a schema or a view, and what every change begins with. Tags from 4 on are left to what only one of them has.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ChangeProto {
    #[prost(bytes = "vec", tag = "1")]
    id: Vec<u8>,
    #[prost(string, optional, tag = "2")]
    name: Option<String>,
    #[prost(message, optional, tag = "3")]
    comment: Option<TextProto>,
    /// Of a table: its columns that change.
    #[prost(message, repeated, tag = "4")]
    columns: Vec<ColumnChangeProto>,
}

/// A change of a column.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ColumnChangeProto {
    #[prost(uint32, tag = "1")]
    id: u32,
    #[prost(string, optional, tag = "2")]
    name: Option<String>,
    #[prost(message, optional, tag = "3")]
    comment: Option<TextProto>,
    #[prost(message, optional, tag = "4")]
    default: Option<TextProto>,
}

fn encode_text(text: &Option<OptionalText>) -> Option<TextProto> {
    text.clone().map(|text| TextProto { text })
}

fn decode_text(text: Option<TextProto>) -> Option<OptionalText> {
    text.map(|text| text.text)
}

pub(super) fn encode_schema(change: &SchemaChange) -> ChangeProto {
    ChangeProto { id: change.id.to_bytes().into(), name: change.name.clone(), comment: encode_text(&change.comment), columns: Vec::new() }
}

pub(super) fn decode_schema(proto: ChangeProto) -> Result<SchemaChange> {
    Ok(SchemaChange { id: SchemaId::from_bytes(&proto.id)?, name: proto.name, comment: decode_text(proto.comment) })
}

pub(super) fn encode_view(change: &ViewChange) -> ChangeProto {
    ChangeProto { id: change.id.to_bytes().into(), name: change.name.clone(), comment: encode_text(&change.comment), columns: Vec::new() }
}

pub(super) fn decode_view(proto: ChangeProto) -> Result<ViewChange> {
    Ok(ViewChange { id: ViewId::from_bytes(&proto.id)?, name: proto.name, comment: decode_text(proto.comment) })
}

pub(super) fn encode_table(change: &TableChange) -> ChangeProto {
    let columns = change.columns.iter().map(|column| ColumnChangeProto {
        id: column.id,
        name: column.name.clone(),
        comment: encode_text(&column.comment),
        default: encode_text(&column.default),
    });
    ChangeProto {
        id: change.id.to_bytes().into(),
        name: change.name.clone(),
        comment: encode_text(&change.comment),
        columns: columns.collect(),
    }
}

pub(super) fn decode_table(proto: ChangeProto) -> Result<TableChange> {
    let columns = proto.columns.into_iter().map(|column| ColumnChange {
        id: column.id,
        name: column.name,
        comment: decode_text(column.comment),
        default: decode_text(column.default),
    });
    Ok(TableChange {
        id: TableId::from_bytes(&proto.id)?,
        name: proto.name,
        comment: decode_text(proto.comment),
        columns: columns.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_survive_and_what_is_absent_stays_absent() -> Result<()> {
        let column = ColumnChange { id: 3, name: None, comment: Some(None), default: Some(Some("1 + 1".into())) };
        let change = TableChange { id: TableId(7), name: Some("u".into()), comment: Some(Some(String::new())), columns: vec![column] };
        assert_eq!(decode_table(ChangeProto::decode(encode_table(&change).encode_to_vec().as_slice())?)?, change);
        let change = ViewChange { id: ViewId(8), name: None, comment: None };
        assert_eq!(decode_view(ChangeProto::decode(encode_view(&change).encode_to_vec().as_slice())?)?, change);
        let change = SchemaChange { id: SchemaId(9), name: None, comment: Some(None) };
        assert_eq!(decode_schema(ChangeProto::decode(encode_schema(&change).encode_to_vec().as_slice())?)?, change);
        Ok(())
    }
}
