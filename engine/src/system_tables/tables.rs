//! `system.tables`: the tables, their size and layout.

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringViewArray};
use arrow::datatypes::SchemaRef;
use clouddb_storage::{Snapshot, TableSnapshot};
use datafusion::common::Result;

use super::{all_tables, batch, number, optional_text, schema_of, text, text_list, texts_lists, to_number};

pub(super) fn schema() -> SchemaRef {
    schema_of(vec![
        text("schema"),
        text("name"),
        number("rows"),
        number("bytes"),
        number("segments"),
        number("created"),
        number("changed"),
        text_list("cluster_by"),
        optional_text("comment"),
    ])
}

pub(super) fn rows(snapshot: &Snapshot) -> Result<RecordBatch> {
    let tables = all_tables(snapshot);
    let number =
        |of: fn(&TableSnapshot) -> u64| Arc::new(tables.iter().map(|(_, table)| Some(to_number(of(table)))).collect::<Int64Array>());
    batch(
        schema(),
        vec![
            Arc::new(tables.iter().map(|(schema, _)| Some(schema)).collect::<StringViewArray>()),
            Arc::new(tables.iter().map(|(_, table)| Some(&table.meta().name)).collect::<StringViewArray>()),
            number(TableSnapshot::rows),
            number(TableSnapshot::bytes),
            number(|table| table.segment_count() as u64),
            number(TableSnapshot::created_at),
            number(TableSnapshot::changed_at),
            texts_lists(tables.iter().map(|(_, table)| cluster_key(table))),
            Arc::new(tables.iter().map(|(_, table)| table.meta().comment.as_ref()).collect::<StringViewArray>()),
        ],
    )
}

fn cluster_key(table: &TableSnapshot) -> Vec<&str> {
    let meta = table.meta();
    meta.cluster_by.iter().filter_map(|id| meta.column_by_id(*id).map(|(_, column)| column.name())).collect()
}
