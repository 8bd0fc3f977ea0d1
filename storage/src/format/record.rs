//! Records: what a slot of the log holds. A record is one or more transactions that were committed together.

use bytes::Bytes;
use prost::Message;

use super::action::{Action, ActionProto, decode_action};
use super::envelope::{self, Header, Magic};
use crate::error::{Error, Result};
use crate::ids::{DatabaseId, LineageId, SessionId, TransactionId};

/// A transaction as the log keeps it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LoggedTransaction {
    pub(crate) id: TransactionId,
    /// A key that the application gave, to recognise the transaction by. Kept, not interpreted.
    pub(crate) idempotency_key: Option<String>,
    /// The committer's wall clock, microseconds since 1970. What counts for time travel is the record's commit time.
    pub(crate) wall_us: i64,
    pub(crate) who: String,
    pub(crate) what: String,
    /// The slot that it read.
    pub(crate) read_slot: u64,
    pub(crate) actions: Vec<Action>,
}

/// A decoded record.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) database: DatabaseId,
    pub(crate) lineage: LineageId,
    pub(crate) slot: u64,
    pub(crate) previous: [u8; 32],
    pub(crate) hash: [u8; 32],
    /// Strictly later than that of the record before. One for the whole record: its transactions become visible together.
    pub(crate) commit_time_us: i64,
    pub(crate) transactions: Vec<LoggedTransaction>,
    /// Feature bits that whoever writes after this record must know.
    pub(crate) writer_features: u64,
}

#[derive(Clone, PartialEq, Message)]
struct RecordProto {
    #[prost(sint64, tag = "1")]
    commit_time_us: i64,
    #[prost(message, repeated, tag = "2")]
    transactions: Vec<TransactionProto>,
}

/// A transaction as it stands in a record.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct TransactionProto {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) session: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub(crate) sequence: u64,
    #[prost(string, optional, tag = "3")]
    pub(crate) idempotency_key: Option<String>,
    #[prost(sint64, tag = "4")]
    pub(crate) wall_us: i64,
    #[prost(string, tag = "5")]
    pub(crate) who: String,
    #[prost(string, tag = "6")]
    pub(crate) what: String,
    #[prost(uint64, tag = "7")]
    pub(crate) read_slot: u64,
    #[prost(message, repeated, tag = "8")]
    pub(crate) actions: Vec<ActionProto>,
}

/// Encodes the record that follows `(slot, hash)` in a database's log; returns its bytes and its hash.
pub(crate) fn encode_record(
    (database, lineage): (DatabaseId, LineageId),
    (previous_slot, previous): (u64, [u8; 32]),
    commit_time_us: i64,
    transactions: Vec<TransactionProto>,
) -> Result<(Bytes, [u8; 32])> {
    let body = RecordProto { commit_time_us, transactions }.encode_to_vec();
    let slot = previous_slot + 1;
    let header = Header { magic: Magic::Record, reader_features: 0, writer_features: 0, database, lineage, branch: 0, slot, previous };
    envelope::encode(&header, &body)
}

/// Decodes and verifies a record. `name` is its path, for messages.
pub(crate) fn decode_record(name: &str, bytes: &Bytes) -> Result<Record> {
    let envelope = envelope::decode(Magic::Record, name, bytes)?;
    let header = envelope.header;
    if header.branch != 0 {
        return Err(Error::unsupported(format!("'{name}' is on branch {}; this version reads the main branch only", header.branch)));
    }
    let proto = RecordProto::decode(envelope.body).map_err(|e| Error::from(e).context(format!("'{name}'")))?;
    let transactions =
        proto.transactions.into_iter().map(decode_transaction).collect::<Result<_>>().map_err(|e| e.context(format!("'{name}'")))?;
    Ok(Record {
        database: header.database,
        lineage: header.lineage,
        slot: header.slot,
        previous: header.previous,
        hash: envelope.hash,
        commit_time_us: proto.commit_time_us,
        transactions,
        writer_features: header.writer_features,
    })
}

fn decode_transaction(proto: TransactionProto) -> Result<LoggedTransaction> {
    Ok(LoggedTransaction {
        id: TransactionId { session: SessionId::from_bytes(&proto.session)?, sequence: proto.sequence },
        idempotency_key: proto.idempotency_key,
        wall_us: proto.wall_us,
        who: proto.who,
        what: proto.what,
        read_slot: proto.read_slot,
        actions: proto.actions.iter().map(decode_action).collect::<Result<_>>()?,
    })
}
