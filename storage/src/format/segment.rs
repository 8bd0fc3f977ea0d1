//! Segments as protobuf: where the bytes are, how many rows, and the statistics that prune.

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::ids::{SegmentId, SessionId};
use crate::segment::{Bound, ColumnStatistics, ParquetLocation, SegmentBody, SegmentMeta, Value, parquet_path};

/// A segment. Tags 13 (deletion vectors) and 14 (the partition) are reserved.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SegmentProto {
    /// The session that wrote it: 24 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) session: Vec<u8>,
    /// Its number within the session.
    #[prost(uint64, tag = "2")]
    pub(crate) number: u64,
    #[prost(oneof = "BodyProto", tags = "3, 4")]
    pub(crate) body: Option<BodyProto>,
    #[prost(uint64, tag = "5")]
    pub(crate) rows: u64,
    #[prost(uint64, tag = "6")]
    pub(crate) first_row_id: u64,
    #[prost(uint64, tag = "7")]
    pub(crate) added_at: u64,
    #[prost(uint64, tag = "8")]
    pub(crate) schema_version: u64,
    #[prost(bool, tag = "9")]
    pub(crate) sorted: bool,
    #[prost(message, repeated, tag = "10")]
    pub(crate) columns: Vec<ColumnStatisticsProto>,
    #[prost(uint64, tag = "11")]
    pub(crate) deleted_rows: u64,
    #[prost(bool, tag = "12")]
    pub(crate) stored_row_ids: bool,
}

/// Where a segment's bytes are.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum BodyProto {
    #[prost(message, tag = "3")]
    Parquet(ParquetProto),
    /// An Arrow IPC stream.
    #[prost(bytes = "bytes", tag = "4")]
    Inline(Bytes),
}

/// A Parquet file.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ParquetProto {
    #[prost(uint32, tag = "1")]
    pub(crate) base: u32,
    /// The path, if it is not the one that follows from the segment's id.
    #[prost(string, optional, tag = "2")]
    pub(crate) path: Option<String>,
    #[prost(uint64, tag = "3")]
    pub(crate) length: u64,
    #[prost(uint64, tag = "4")]
    pub(crate) tail_length: u64,
    /// BLAKE3: 32 bytes.
    #[prost(bytes = "vec", tag = "5")]
    pub(crate) tail_hash: Vec<u8>,
}

/// Statistics of one column.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ColumnStatisticsProto {
    #[prost(uint32, tag = "1")]
    pub(crate) field_id: u32,
    #[prost(uint64, tag = "2")]
    pub(crate) null_count: u64,
    #[prost(message, optional, tag = "3")]
    pub(crate) min: Option<BoundProto>,
    #[prost(message, optional, tag = "4")]
    pub(crate) max: Option<BoundProto>,
    #[prost(uint64, tag = "5")]
    pub(crate) decoded_bytes: u64,
    /// An estimate; absent where nobody counted.
    #[prost(uint64, optional, tag = "6")]
    pub(crate) distinct: Option<u64>,
}

/// A lower or upper bound.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct BoundProto {
    #[prost(oneof = "ValueProto", tags = "1, 2, 3, 4, 5, 6, 7")]
    pub(crate) value: Option<ValueProto>,
    /// Whether the value is beyond every value of the column, not one of them.
    #[prost(bool, tag = "8")]
    pub(crate) inexact: bool,
}

/// A bound's value.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum ValueProto {
    #[prost(bool, tag = "1")]
    Boolean(bool),
    #[prost(sint64, tag = "2")]
    Int(i64),
    #[prost(uint64, tag = "3")]
    UInt(u64),
    #[prost(double, tag = "4")]
    Float(f64),
    /// The unscaled value: big-endian two's complement in as few bytes as hold it, 1 to 16.
    #[prost(bytes = "vec", tag = "5")]
    Decimal(Vec<u8>),
    #[prost(string, tag = "6")]
    String(String),
    #[prost(bytes = "vec", tag = "7")]
    Binary(Vec<u8>),
}

/// A segment as a message.
pub(crate) fn encode_segment(segment: &SegmentMeta) -> SegmentProto {
    SegmentProto {
        session: segment.id.session.to_bytes().to_vec(),
        number: segment.id.number,
        body: Some(match &segment.body {
            SegmentBody::Parquet(location) => BodyProto::Parquet(ParquetProto {
                base: location.base,
                path: (location.path != parquet_path(segment.id)).then(|| location.path.clone()),
                length: location.length,
                tail_length: location.tail_length,
                tail_hash: location.tail_hash.to_vec(),
            }),
            SegmentBody::Inline(bytes) => BodyProto::Inline(bytes.clone()),
        }),
        rows: segment.rows,
        first_row_id: segment.first_row_id,
        added_at: segment.added_at,
        schema_version: segment.schema_version,
        sorted: segment.sorted,
        columns: segment.columns.iter().map(encode_statistics).collect(),
        deleted_rows: segment.deleted_rows,
        stored_row_ids: segment.stored_row_ids,
    }
}

/// The segment that a message stands for.
///
/// # Errors
/// *Corrupt* for what no segment encodes to.
pub(crate) fn decode_segment(segment: &SegmentProto) -> Result<SegmentMeta> {
    let id = SegmentId { session: SessionId::from_bytes(&segment.session)?, number: segment.number };
    decode_segment_of(id, segment).map_err(|error| error.context(format!("segment {id}")))
}

fn decode_segment_of(id: SegmentId, segment: &SegmentProto) -> Result<SegmentMeta> {
    if segment.deleted_rows > segment.rows {
        return Err(Error::corrupt(format!("{} of its {} rows are deleted", segment.deleted_rows, segment.rows)));
    }
    if segment.first_row_id.checked_add(segment.rows).is_none_or(|end| end > i64::MAX as u64) {
        return Err(Error::corrupt(format!("{} rows from row id {} on pass the greatest row id", segment.rows, segment.first_row_id)));
    }
    Ok(SegmentMeta {
        id,
        body: match &segment.body {
            None => return Err(Error::corrupt("it has neither a file nor inline rows")),
            Some(BodyProto::Inline(bytes)) => SegmentBody::Inline(bytes.clone()),
            Some(BodyProto::Parquet(location)) => SegmentBody::Parquet(decode_location(id, location)?),
        },
        rows: segment.rows,
        first_row_id: segment.first_row_id,
        stored_row_ids: segment.stored_row_ids,
        added_at: segment.added_at,
        schema_version: segment.schema_version,
        sorted: segment.sorted,
        columns: segment.columns.iter().map(decode_statistics).collect::<Result<_>>()?,
        deleted_rows: segment.deleted_rows,
    })
}

fn decode_location(id: SegmentId, location: &ParquetProto) -> Result<ParquetLocation> {
    let path = location.path.clone().unwrap_or_else(|| parquet_path(id));
    // A path must not lead out of the database's folder.
    if path.split('/').any(|part| matches!(part, "" | "." | "..") || part.contains(['\\', '\0'])) {
        return Err(Error::corrupt(format!("its path is '{}'", path.escape_debug())));
    }
    if location.tail_length > location.length {
        return Err(Error::corrupt(format!("a tail of {} bytes in a file of {}", location.tail_length, location.length)));
    }
    let tail_hash = location
        .tail_hash
        .as_slice()
        .try_into()
        .map_err(|_| Error::corrupt(format!("the hash of its tail has {} bytes, not 32", location.tail_hash.len())))?;
    Ok(ParquetLocation { base: location.base, path, length: location.length, tail_length: location.tail_length, tail_hash })
}

fn encode_statistics(column: &ColumnStatistics) -> ColumnStatisticsProto {
    ColumnStatisticsProto {
        field_id: column.field_id,
        null_count: column.null_count,
        min: column.min.as_ref().map(encode_bound),
        max: column.max.as_ref().map(encode_bound),
        decoded_bytes: column.decoded_bytes,
        distinct: column.distinct,
    }
}

fn decode_statistics(column: &ColumnStatisticsProto) -> Result<ColumnStatistics> {
    Ok(ColumnStatistics {
        field_id: column.field_id,
        null_count: column.null_count,
        min: column.min.as_ref().map(decode_bound).transpose()?,
        max: column.max.as_ref().map(decode_bound).transpose()?,
        decoded_bytes: column.decoded_bytes,
        distinct: column.distinct,
    })
}

fn encode_bound(bound: &Bound) -> BoundProto {
    let value = match &bound.value {
        Value::Boolean(value) => ValueProto::Boolean(*value),
        Value::Int(value) => ValueProto::Int(*value),
        Value::UInt(value) => ValueProto::UInt(*value),
        Value::Float(value) => ValueProto::Float(*value),
        Value::Decimal(value) => ValueProto::Decimal(encode_decimal(*value)),
        Value::String(value) => ValueProto::String(value.clone()),
        Value::Binary(value) => ValueProto::Binary(value.clone()),
    };
    BoundProto { value: Some(value), inexact: !bound.exact }
}

fn decode_bound(bound: &BoundProto) -> Result<Bound> {
    let value = match bound.value.as_ref().ok_or_else(|| Error::corrupt("a bound without a value"))? {
        ValueProto::Boolean(value) => Value::Boolean(*value),
        ValueProto::Int(value) => Value::Int(*value),
        ValueProto::UInt(value) => Value::UInt(*value),
        ValueProto::Float(value) if value.is_nan() => return Err(Error::corrupt("a bound that is not a number")),
        ValueProto::Float(value) => Value::Float(*value),
        ValueProto::Decimal(bytes) => Value::Decimal(decode_decimal(bytes)?),
        ValueProto::String(value) => Value::String(value.clone()),
        ValueProto::Binary(value) => Value::Binary(value.clone()),
    };
    Ok(Bound { value, exact: !bound.inexact })
}

fn encode_decimal(value: i128) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    // A leading byte can go if it says no more than the sign bit of the next one.
    let redundant = bytes.windows(2).take_while(|pair| matches!((pair[0], pair[1] >> 7), (0, 0) | (0xff, 1))).count();
    bytes[redundant..].to_vec()
}

fn decode_decimal(bytes: &[u8]) -> Result<i128> {
    if bytes.is_empty() || bytes.len() > 16 {
        return Err(Error::corrupt(format!("a decimal of {} bytes", bytes.len())));
    }
    let mut wide = [if bytes[0] & 0x80 == 0 { 0 } else { 0xff }; 16];
    wide[16 - bytes.len()..].copy_from_slice(bytes);
    Ok(i128::from_be_bytes(wide))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use prost::Message;
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;

    fn values() -> Vec<Value> {
        let mut values = vec![
            Value::Boolean(false),
            Value::Boolean(true),
            Value::UInt(0),
            Value::UInt(u64::MAX),
            Value::Float(0.0),
            Value::Float(-0.0),
            Value::Float(f64::NEG_INFINITY),
            Value::String(String::new()),
            Value::String("zwölf".to_owned()),
            Value::Binary(vec![]),
            Value::Binary(vec![0, 255]),
        ];
        for bits in 0..127 {
            let edge = 1_i128 << bits;
            values.extend([edge - 1, edge, -edge, -edge - 1].map(Value::Decimal));
        }
        values.extend([i128::MIN, i128::MAX].map(Value::Decimal));
        values.extend([i64::MIN, -1, 0, 1, i64::MAX].map(Value::Int));
        values
    }

    fn segment(body: SegmentBody) -> SegmentMeta {
        let id = SegmentId { session: SessionId { opened_at: 3, random: 1 << 100 }, number: 4 };
        let columns = values()
            .into_iter()
            .enumerate()
            .map(|(index, value)| ColumnStatistics {
                field_id: index as u32,
                null_count: 7 * index as u64,
                min: Some(Bound { value: value.clone(), exact: true }),
                max: (index % 2 == 0).then_some(Bound { value, exact: false }),
                decoded_bytes: 1 << 40,
                distinct: (index % 3 != 0).then_some(index as u64),
            })
            .collect();
        SegmentMeta {
            id,
            body,
            rows: 100,
            first_row_id: 5,
            stored_row_ids: true,
            added_at: 6,
            schema_version: 7,
            sorted: true,
            columns,
            deleted_rows: 8,
        }
    }

    fn file(path: &str) -> SegmentBody {
        SegmentBody::Parquet(ParquetLocation { base: 1, path: path.to_owned(), length: 10_000, tail_length: 400, tail_hash: [9; 32] })
    }

    fn round_trip(segment: &SegmentMeta) -> Result<SegmentMeta> {
        decode_segment(&SegmentProto::decode(encode_segment(segment).encode_to_vec().as_slice())?)
    }

    #[test]
    fn segments_survive() -> Result<()> {
        let own_path = parquet_path(segment(SegmentBody::Inline(Bytes::new())).id);
        for body in [SegmentBody::Inline(Bytes::from_static(b"rows")), file("data/elsewhere/1.parquet"), file(&own_path)] {
            let segment = segment(body);
            assert_eq!(round_trip(&segment)?, segment);
        }
        Ok(())
    }

    #[test]
    fn decimals_take_few_bytes() {
        assert_eq!(encode_decimal(0), [0]);
        assert_eq!(encode_decimal(-1), [0xff]);
        assert_eq!(encode_decimal(127), [127]);
        assert_eq!(encode_decimal(128), [0, 128]);
        assert_eq!(encode_decimal(-128), [128]);
        assert_eq!(encode_decimal(i128::MIN).len(), 16);
    }

    #[test]
    fn what_no_segment_encodes_to_is_corrupt() {
        let wrong: [fn(&mut SegmentProto); 8] = [
            |segment| segment.session.truncate(23),
            |segment| segment.body = None,
            |segment| segment.deleted_rows = segment.rows + 1,
            |segment| segment.first_row_id = i64::MAX as u64,
            |segment| segment.columns[0].min = Some(BoundProto::default()),
            |segment| segment.columns[0].min = Some(BoundProto { value: Some(ValueProto::Float(f64::NAN)), inexact: false }),
            |segment| segment.columns[0].min = Some(BoundProto { value: Some(ValueProto::Decimal(vec![])), inexact: false }),
            |segment| {
                let tail = ParquetProto { length: 1, tail_length: 2, tail_hash: vec![0; 32], ..ParquetProto::default() };
                segment.body = Some(BodyProto::Parquet(tail));
            },
        ];
        let right = encode_segment(&segment(file("data/a/1.parquet")));
        for (case, change) in wrong.into_iter().enumerate() {
            let mut proto = right.clone();
            change(&mut proto);
            assert_eq!(decode_segment(&proto).unwrap_err().kind(), crate::ErrorKind::Corrupt, "case {case}");
        }
        for path in ["", "/etc/passwd", "data/../../x", "data//x", "a\\b"] {
            assert!(decode_segment(&encode_segment(&segment(file(path)))).is_err(), "{path}");
        }
    }

    #[test]
    fn changed_bytes_never_panic() {
        let mut random = StdRng::seed_from_u64(12);
        let bytes = encode_segment(&segment(file("data/a/1.parquet"))).encode_to_vec();
        let mut failed = 0;
        for _ in 0..2_000 {
            let mut bytes = bytes.clone();
            let at = random.random_range(0..bytes.len());
            bytes[at] = random.random();
            bytes.truncate(random.random_range(at..=bytes.len()));
            failed += usize::from(!SegmentProto::decode(bytes.as_slice()).is_ok_and(|proto| decode_segment(&proto).is_ok()));
        }
        assert!(failed > 0);
    }
}
