//! What a table's Parquet files look like: schema, encodings, compression, sizes.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use parquet::arrow::ArrowSchemaConverter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::SchemaDescPtr;

use super::sort;
use crate::catalog::{ROW_ID_NAME, TableMeta, types};
use crate::error::{Error, Result};

/// Its field id: the one that Iceberg v3 reserves for row ids.
pub(crate) const ROW_ID_FIELD: u32 = 2_147_483_540;

/// A file is complete at this size: large enough that a table of a terabyte has some thousand segments, small enough to be rewritten in seconds.
pub(super) const SEGMENT_BYTES: u64 = 128 * 1024 * 1024;

/// A file is complete with this many rows, however small they are: positions fit in 32 bits, and a scan has enough files to spread over cores.
pub(super) const SEGMENT_ROWS: u64 = 4 * 1024 * 1024;

/// Rows of a row group: the unit of scans, of pruning and of cached columns. A column of it is 1 MiB of 64-bit numbers, which fits a core's cache; and
/// as a writer holds one row group, it bounds the writer's memory.
pub(super) const ROW_GROUP_ROWS: usize = 128 * 1024;

/// A row group is complete at this size, for tables with wide rows: it bounds the writer's memory.
pub(super) const ROW_GROUP_BYTES: usize = 32 * 1024 * 1024;

/// How a table's files are written.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// Arrow's schema of what is written: physical names, types as stored.
    pub(super) schema: SchemaRef,
    /// Parquet's schema, with field ids.
    pub(super) parquet: SchemaDescPtr,
    pub(super) properties: WriterProperties,
}

impl Layout {
    pub(super) fn new(table: &TableMeta, row_ids: bool) -> Result<Self> {
        let mut fields: Vec<FieldRef> = table
            .columns
            .iter()
            .map(|column| {
                let field = types::stored_field(column.field());
                if field.name() == column.physical_name() {
                    field
                } else {
                    Arc::new(field.as_ref().clone().with_name(column.physical_name()))
                }
            })
            .collect();
        if row_ids {
            let metadata = [(types::FIELD_ID_KEY.to_owned(), ROW_ID_FIELD.to_string())].into();
            fields.push(Arc::new(Field::new(ROW_ID_NAME, DataType::Int64, false).with_metadata(metadata)));
        }
        let schema = Arc::new(Schema::new(fields));
        let parquet = ArrowSchemaConverter::new().schema_root("table").convert(&schema).map_err(|error| {
            Error::unsupported(format!("table '{}' cannot be stored as Parquet: {error}", table.name)).with_source(error)
        })?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).map_err(|error| Error::internal(error.to_string()))?))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
            .set_statistics_enabled(EnabledStatistics::Page)
            .set_sorting_columns(sorting_columns(table, &parquet)?)
            .set_created_by(concat!("clouddb version ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        Ok(Self { schema, parquet: Arc::new(parquet), properties })
    }
}

/// The clustering key by positions of Parquet's leaf columns.
fn sorting_columns(table: &TableMeta, parquet: &parquet::schema::types::SchemaDescriptor) -> Result<Option<Vec<SortingColumn>>> {
    let leaf = |position: usize| {
        let leaf = (0..parquet.num_columns()).find(|leaf| parquet.get_column_root_idx(*leaf) == position);
        let leaf = leaf.and_then(|leaf| i32::try_from(leaf).ok()).ok_or_else(|| Error::internal("a clustering column without a leaf"))?;
        Ok(SortingColumn { column_idx: leaf, descending: sort::ORDER.descending, nulls_first: sort::ORDER.nulls_first })
    };
    let columns = sort::key_positions(table).into_iter().map(leaf).collect::<Result<Vec<_>>>()?;
    Ok((!columns.is_empty()).then_some(columns))
}
