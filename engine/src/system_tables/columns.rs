//! `system.columns`: the columns of tables, with what is known of their values without reading them.

use std::sync::Arc;

use arrow::array::{BooleanArray, Int64Array, RecordBatch, StringViewArray};
use arrow::datatypes::{DataType, Field, SchemaRef};
use clouddb_storage::catalog::Column;
use clouddb_storage::{Snapshot, TableSnapshot};
use datafusion::common::ColumnStatistics;
use datafusion::common::Result;
use datafusion::common::stats::Precision;
use datafusion::scalar::ScalarValue;

use super::{all_tables, batch, flag, number, optional_text, schema_of, text, to_number};
use crate::scan::{schema as scan_schema, statistics};
use crate::types::sql_name;

pub(super) fn schema() -> SchemaRef {
    schema_of(vec![
        text("schema"),
        text("table_name"),
        number("position"),
        text("name"),
        text("type"),
        flag("nullable"),
        optional_text("default_value"),
        optional_text("comment"),
        number("field_id"),
        Field::new("null_count", DataType::Int64, true),
        optional_text("min"),
        optional_text("max"),
        Field::new("min_exact", DataType::Boolean, true),
        Field::new("max_exact", DataType::Boolean, true),
    ])
}

struct Row<'a> {
    schema: &'a str,
    table: &'a str,
    position: usize,
    column: &'a Column,
    statistics: ColumnStatistics,
}

pub(super) fn rows(snapshot: &Snapshot) -> Result<RecordBatch> {
    let tables = all_tables(snapshot);
    let rows: Vec<_> = tables.iter().flat_map(|(schema, table)| of_table(schema, table)).collect();
    let number = |of: fn(&Row<'_>) -> Option<i64>| Arc::new(rows.iter().map(of).collect::<Int64Array>());
    batch(
        schema(),
        vec![
            Arc::new(rows.iter().map(|row| Some(row.schema)).collect::<StringViewArray>()),
            Arc::new(rows.iter().map(|row| Some(row.table)).collect::<StringViewArray>()),
            number(|row| Some(row.position as i64)),
            Arc::new(rows.iter().map(|row| Some(row.column.name())).collect::<StringViewArray>()),
            Arc::new(rows.iter().map(|row| Some(sql_name(row.column.field()))).collect::<StringViewArray>()),
            Arc::new(rows.iter().map(|row| Some(row.column.field().is_nullable())).collect::<BooleanArray>()),
            Arc::new(rows.iter().map(|row| row.column.default()).collect::<StringViewArray>()),
            Arc::new(rows.iter().map(|row| row.column.comment()).collect::<StringViewArray>()),
            number(|row| Some(i64::from(row.column.id()))),
            number(|row| row.statistics.null_count.get_value().map(|count| to_number(*count as u64))),
            Arc::new(rows.iter().map(|row| as_text(&row.statistics.min_value)).collect::<StringViewArray>()),
            Arc::new(rows.iter().map(|row| as_text(&row.statistics.max_value)).collect::<StringViewArray>()),
            Arc::new(rows.iter().map(|row| row.statistics.min_value.is_exact()).collect::<BooleanArray>()),
            Arc::new(rows.iter().map(|row| row.statistics.max_value.is_exact()).collect::<BooleanArray>()),
        ],
    )
}

fn of_table<'a>(schema: &'a str, table: &'a TableSnapshot) -> Vec<Row<'a>> {
    let meta = table.meta();
    let positions = scan_schema::positions_by_field_id(meta);
    let statistics = statistics::of_segments(&scan_schema::query_schema(meta), &positions, table.segments().map(Arc::as_ref));
    let columns = meta.columns.iter().zip(statistics.column_statistics).enumerate();
    columns.map(|(at, (column, statistics))| Row { schema, table: &meta.name, position: at + 1, column, statistics }).collect()
}

/// A bound as a query would show it; bytes in hexadecimal digits.
fn as_text(bound: &Precision<ScalarValue>) -> Option<String> {
    match bound.get_value()? {
        ScalarValue::BinaryView(Some(bytes)) | ScalarValue::FixedSizeBinary(_, Some(bytes)) => {
            Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
        }
        value => match value.cast_to(&DataType::Utf8).ok()? {
            ScalarValue::Utf8(text) => text,
            _ => None,
        },
    }
}
