//! `system.segments`: the pieces that tables' rows are stored in.

use std::sync::Arc;

use arrow::array::{BooleanArray, Int64Array, RecordBatch, StringViewArray};
use arrow::datatypes::SchemaRef;
use clouddb_storage::Snapshot;
use clouddb_storage::segment::{SegmentBody, SegmentMeta};
use datafusion::common::Result;

use super::{all_tables, batch, flag, number, optional_text, schema_of, text, to_number};

pub(super) fn schema() -> SchemaRef {
    schema_of(vec![
        text("schema"),
        text("table_name"),
        text("segment"),
        text("kind"),
        optional_text("path"),
        number("rows"),
        number("bytes"),
        number("first_row_id"),
        number("added"),
        flag("sorted"),
    ])
}

pub(super) fn rows(snapshot: &Snapshot) -> Result<RecordBatch> {
    let tables = all_tables(snapshot);
    let segments: Vec<_> =
        tables.iter().flat_map(|(schema, table)| table.segments().map(move |segment| (schema, &table.meta().name, segment))).collect();
    let number =
        |of: fn(&SegmentMeta) -> u64| Arc::new(segments.iter().map(|(_, _, segment)| Some(to_number(of(segment)))).collect::<Int64Array>());
    batch(
        schema(),
        vec![
            Arc::new(segments.iter().map(|(schema, _, _)| Some(schema)).collect::<StringViewArray>()),
            Arc::new(segments.iter().map(|(_, table, _)| Some(table)).collect::<StringViewArray>()),
            Arc::new(segments.iter().map(|(_, _, segment)| Some(segment.id.to_string())).collect::<StringViewArray>()),
            Arc::new(segments.iter().map(|(_, _, segment)| Some(kind(segment))).collect::<StringViewArray>()),
            Arc::new(segments.iter().map(|(_, _, segment)| path(segment)).collect::<StringViewArray>()),
            number(|segment| segment.live_rows()),
            number(SegmentMeta::bytes),
            number(|segment| segment.first_row_id),
            number(|segment| segment.added_at),
            Arc::new(segments.iter().map(|(_, _, segment)| Some(segment.sorted)).collect::<BooleanArray>()),
        ],
    )
}

fn kind(segment: &SegmentMeta) -> &'static str {
    match segment.body {
        SegmentBody::Parquet(_) => "parquet",
        SegmentBody::Inline(_) => "inline",
    }
}

fn path(segment: &SegmentMeta) -> Option<&str> {
    match &segment.body {
        SegmentBody::Parquet(location) => Some(&location.path),
        SegmentBody::Inline(_) => None,
    }
}
