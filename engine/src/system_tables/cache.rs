//! `system.cache`: what is kept in memory between queries, and on disk, and what it was good for. `system.cached_columns`: which columns.
//!
//! Both are about this process, not about the snapshot.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringViewArray};
use arrow::datatypes::{DataType, Field, SchemaRef};
use clouddb_storage::{SegmentId, Snapshot};
use datafusion::common::Result;

use super::{all_tables, batch, number, schema_of, text, to_number};
use crate::scan::Caches;

pub(super) fn schema() -> SchemaRef {
    schema_of(vec![
        text("kind"),
        number("entries"),
        number("bytes"),
        number("budget"),
        number("hits"),
        number("misses"),
        number("evictions"),
        Field::new("saved_seconds", DataType::Float64, false),
    ])
}

/// A line of `system.cache`: kind; entries, bytes, budget, hits, misses, evictions; nanoseconds saved.
type Line = (&'static str, [u64; 6], u64);

pub(super) async fn rows(caches: &Caches) -> Result<RecordBatch> {
    let columns = caches.columns.counts();
    let footers = caches.footers.counts().await;
    let mut lines: Vec<Line> = vec![
        (
            "columns",
            [columns.entries, columns.bytes, columns.budget, columns.hits, columns.misses, columns.evictions],
            columns.saved_nanoseconds,
        ),
        (
            "footers",
            [footers.entries, footers.bytes, footers.budget, footers.hits, footers.loads, footers.evictions],
            footers.saved_nanoseconds,
        ),
    ];
    if let Some(disk) = &caches.disk {
        let disk = disk.counts().await;
        lines.push(("disk", [disk.entries, disk.bytes, disk.budget, disk.hits, disk.misses, disk.evictions], disk.saved_nanoseconds));
    }
    if let Some(reuse) = &caches.reuse {
        for (kind, kept) in [("plans", reuse.plans.counts()), ("results", reuse.results.counts())] {
            lines.push((kind, [kept.entries, kept.bytes, kept.budget, kept.hits, kept.misses, kept.evictions], kept.saved_nanoseconds));
        }
    }
    let numbers = |at: usize| Arc::new(lines.iter().map(|line| Some(to_number(line.1[at]))).collect::<Int64Array>());
    batch(
        schema(),
        vec![
            Arc::new(lines.iter().map(|line| Some(line.0)).collect::<StringViewArray>()),
            numbers(0),
            numbers(1),
            numbers(2),
            numbers(3),
            numbers(4),
            numbers(5),
            Arc::new(lines.iter().map(|line| Some(line.2 as f64 / 1e9)).collect::<Float64Array>()),
        ],
    )
}

pub(super) fn columns_schema() -> SchemaRef {
    schema_of(vec![
        text("schema"),
        text("table_name"),
        text("column_name"),
        number("row_groups"),
        number("rows"),
        number("bytes"),
        number("pinned_bytes"),
    ])
}

pub(super) fn columns_rows(snapshot: &Snapshot, caches: &Caches) -> Result<RecordBatch> {
    let tables = all_tables(snapshot);
    let owners: HashMap<SegmentId, usize> = tables
        .iter()
        .enumerate()
        .flat_map(|(owner, (_, table))| table.segments().map(move |segment| (segment.id, owner)).collect::<Vec<_>>())
        .collect();
    let mut cached: HashMap<(usize, u32), [u64; 4]> = HashMap::new();
    for entry in caches.columns.entries() {
        if let Some(owner) = owners.get(&entry.key.segment) {
            let [row_groups, rows, bytes, pinned] = cached.entry((*owner, entry.key.field_id)).or_default();
            *row_groups += 1;
            *rows += entry.rows;
            *bytes += entry.bytes;
            *pinned += if entry.pinned { entry.bytes } else { 0 };
        }
    }
    let mut names = (Vec::new(), Vec::new(), Vec::new());
    let mut numbers: [Vec<i64>; 4] = Default::default();
    for (owner, (schema, table)) in tables.iter().enumerate() {
        for column in &table.meta().columns {
            let Some(of_column) = cached.get(&(owner, column.id())) else { continue };
            names.0.push(schema.as_str());
            names.1.push(table.meta().name.as_str());
            names.2.push(column.name());
            numbers.iter_mut().zip(of_column).for_each(|(numbers, number)| numbers.push(to_number(*number)));
        }
    }
    let names = [names.0, names.1, names.2].map(|names| Arc::new(StringViewArray::from(names)) as ArrayRef);
    let numbers = numbers.map(|numbers| Arc::new(Int64Array::from(numbers)) as ArrayRef);
    batch(columns_schema(), names.into_iter().chain(numbers).collect())
}
