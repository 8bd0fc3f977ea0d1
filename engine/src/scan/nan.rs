//! Keeps NaN rows from being pruned away.
//!
//! Queries order NaN above all numbers, so `x > 5` is true for NaN. Parquet's statistics leave NaN out, and DataFusion prunes row groups and
//! pages by them as if there were none. The log knows better: a column with a NaN has no bounds there. So where the log has no bounds for a column
//! of floats, those in the file are withheld from DataFusion.

use std::sync::Arc;

use clouddb_storage::catalog::TableMeta;
use clouddb_storage::segment::SegmentMeta;
use parquet::errors::Result;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::page_index::column_index::ColumnIndexMetaData;

/// A table's columns of floats.
#[derive(Debug, Clone)]
pub(super) struct FloatColumns {
    /// Each by its field id and its name in files.
    columns: Arc<[(u32, String)]>,
}

impl FloatColumns {
    pub(super) fn of(table: &TableMeta) -> Self {
        let floats = table.columns.iter().filter(|column| column.data_type().is_floating());
        Self { columns: floats.map(|column| (column.id(), column.physical_name().to_owned())).collect() }
    }

    /// A segment's metadata without the bounds of columns that may hold a NaN.
    pub(super) fn without_misleading_bounds(&self, segment: &SegmentMeta, metadata: &Arc<ParquetMetaData>) -> Result<Arc<ParquetMetaData>> {
        let may_have_nan = |id: u32| {
            segment.column(id).is_none_or(|column| (column.min.is_none() || column.max.is_none()) && column.null_count < segment.rows)
        };
        let names: Vec<_> = self.columns.iter().filter(|(id, _)| may_have_nan(*id)).map(|(_, name)| name.as_str()).collect();
        if names.is_empty() {
            return Ok(Arc::clone(metadata));
        }
        let schema = metadata.file_metadata().schema_descr();
        // A column of floats is a leaf at the top, so its path is its name alone.
        let is_misleading = |leaf: usize| matches!(schema.column(leaf).path().parts(), [name] if names.contains(&name.as_str()));
        let leaves: Vec<_> = (0..schema.num_columns()).filter(|leaf| is_misleading(*leaf)).collect();
        let mut builder = ParquetMetaData::clone(metadata).into_builder();
        let row_groups = builder.take_row_groups().into_iter().map(|row_group| clear(row_group, &leaves)).collect::<Result<_>>()?;
        let mut column_index = builder.take_column_index();
        for pages in column_index.iter_mut().flatten() {
            leaves.iter().filter_map(|leaf| pages.get_mut(*leaf).map(|bounds| *bounds = ColumnIndexMetaData::NONE)).for_each(drop);
        }
        Ok(Arc::new(builder.set_row_groups(row_groups).set_column_index(column_index).build()))
    }
}

fn clear(row_group: RowGroupMetaData, leaves: &[usize]) -> Result<RowGroupMetaData> {
    let mut builder = row_group.into_builder();
    let mut columns = builder.take_columns();
    for leaf in leaves {
        if let Some(column) = columns.get_mut(*leaf) {
            *column = column.clone().into_builder().clear_statistics().build()?;
        }
    }
    builder.set_column_metadata(columns).build()
}
