//! Leaves out segments that cannot hold a row a query asks for, before any of their bytes are read.
//!
//! What stays is decided by DataFusion's own pruning of row groups, applied to the bounds in the log. The filters are applied to the rows all
//! the same, so a filter that cannot be used here costs time, never a wrong answer.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, UInt64Array};
use arrow::datatypes::{Schema, SchemaRef};
use clouddb_cache::predicate::{Bounds, ValueBounds};
use clouddb_storage::segment::{ColumnStatistics, SegmentMeta, Value};
use datafusion::catalog::Session;
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result};
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::expressions::{CastExpr, TryCastExpr};
use datafusion::physical_expr::{PhysicalExpr, conjunction};
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::scalar::ScalarValue;

use super::values;
use crate::semantics;

/// A query's filters on a table's schema.
pub(super) fn physical(session: &dyn Session, schema: &SchemaRef, filters: &[Expr]) -> Result<Vec<Arc<dyn PhysicalExpr>>> {
    if filters.is_empty() {
        return Ok(Vec::new());
    }
    let df_schema = DFSchema::try_from(Arc::clone(schema))?;
    filters.iter().map(|filter| session.create_physical_expr(filter.clone(), &df_schema)).collect()
}

/// Those filters that may leave out segments by their bounds, as one; `None` if there is none. DataFusion leaves out by the cast of bounds, also where
/// that does not keep the order.
pub(super) fn usable(filters: &[Arc<dyn PhysicalExpr>], schema: &SchemaRef) -> Option<Arc<dyn PhysicalExpr>> {
    let usable: Vec<_> = filters.iter().filter(|filter| casts_keep_order(filter, schema)).map(Arc::clone).collect();
    (!usable.is_empty()).then(|| conjunction(usable))
}

/// Whether all casts in a filter keep the order of values, so that the casts of bounds are bounds. DataFusion does not ask.
fn casts_keep_order(filter: &Arc<dyn PhysicalExpr>, schema: &Schema) -> bool {
    let mut keeps = true;
    let walked = filter.apply(|part| {
        let cast = part.downcast_ref::<CastExpr>().map(|cast| (cast.expr(), cast.cast_type()));
        let cast = cast.or_else(|| part.downcast_ref::<TryCastExpr>().map(|cast| (cast.expr(), cast.cast_type())));
        if let Some((inner, to)) = cast {
            keeps &= inner.data_type(schema).is_ok_and(|from| semantics::keeps_order(&from, to));
        }
        Ok(if keeps { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    });
    walked.is_ok() && keeps
}

/// The segments that can hold rows for which the predicate is true.
pub(crate) fn prune(
    segments: Vec<Arc<SegmentMeta>>,
    predicate: &Arc<dyn PhysicalExpr>,
    schema: &SchemaRef,
    positions: &HashMap<u32, usize>,
) -> Vec<Arc<SegmentMeta>> {
    let Some(pruning) = PruningPredicateBuilder::new().with_file_schema(Arc::clone(schema)).build(Arc::clone(predicate)) else {
        return segments;
    };
    let bounds = SegmentBounds { segments: &segments, schema, positions };
    match pruning.prune(&bounds) {
        Ok(keep) => segments.into_iter().zip(keep).filter_map(|(segment, keep)| keep.then_some(segment)).collect(),
        Err(error) => {
            tracing::debug!(%error, "segments could not be pruned");
            segments
        }
    }
}

/// What the log says of a column's values in a segment, as the cache understands it: for filters that come while a scan runs.
pub(super) fn bounds(segment: &SegmentMeta, field_id: u32) -> Option<Bounds<'_>> {
    let column = segment.column(field_id)?;
    let integer = |value: &Value| match value {
        Value::Int(value) => Some(*value),
        Value::UInt(value) => i64::try_from(*value).ok(),
        Value::Decimal(value) => i64::try_from(*value).ok(),
        _ => None,
    };
    let values = match (&column.min.as_ref()?.value, &column.max.as_ref()?.value) {
        (Value::String(least), Value::String(greatest)) => ValueBounds::Strings(least.as_bytes(), greatest.as_bytes()),
        (least, greatest) => ValueBounds::Integers(integer(least)?, integer(greatest)?),
    };
    Some(Bounds { null_count: Some(column.null_count), rows: segment.rows, values })
}

/// Bounds and null counts of segments, a container each.
struct SegmentBounds<'a> {
    segments: &'a [Arc<SegmentMeta>],
    schema: &'a SchemaRef,
    positions: &'a HashMap<u32, usize>,
}

impl SegmentBounds<'_> {
    /// Position and field id of a column.
    fn find(&self, column: &Column) -> Option<(usize, u32)> {
        let position = self.schema.index_of(column.name()).ok()?;
        let id = self.positions.iter().find(|(_, at)| **at == position)?.0;
        Some((position, *id))
    }

    fn bounds(&self, column: &Column, pick: impl Fn(&ColumnStatistics) -> Option<Value>) -> Option<ArrayRef> {
        let (position, id) = self.find(column)?;
        let data_type = self.schema.field(position).data_type();
        let null = ScalarValue::try_from(data_type).ok()?;
        let scalars = self.segments.iter().map(|segment| {
            let value = segment.column(id).and_then(&pick);
            value.and_then(|value| values::to_scalar(&value, data_type)).unwrap_or_else(|| null.clone())
        });
        ScalarValue::iter_to_array(scalars).ok()
    }
}

impl PruningStatistics for SegmentBounds<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds(column, |statistics| statistics.min.as_ref().map(|bound| values::lower(&bound.value)))
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds(column, |statistics| statistics.max.as_ref().map(|bound| values::upper(&bound.value)))
    }

    fn num_containers(&self) -> usize {
        self.segments.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        let (_, id) = self.find(column)?;
        let counts = self.segments.iter().map(|segment| segment.column(id).map(|column| column.null_count));
        Some(Arc::new(counts.collect::<UInt64Array>()))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        Some(Arc::new(self.segments.iter().map(|segment| Some(segment.rows)).collect::<UInt64Array>()))
    }

    fn contained(&self, _column: &Column, _values: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
