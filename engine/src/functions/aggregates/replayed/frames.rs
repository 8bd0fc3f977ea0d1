//! An aggregate over each frame of a window, computed anew for every frame that differs from the one before.
//!
//! It costs the frame's rows for each row, where an aggregate that takes rows back costs those that come and go. So it is for aggregates that cannot, and
//! for what nobody carries out otherwise: ORDER BY within the call, DISTINCT, EXCLUDE.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions_aggregate::first_last::first_value_udaf;
use datafusion::logical_expr::expr::{NullTreatment, WindowFunction, WindowFunctionParams};
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::planner::RawWindowExpr;
use datafusion::logical_expr::{
    AggregateUDF, Expr, PartitionEvaluator, Signature, Volatility, WindowFunctionDefinition, WindowUDF, WindowUDFImpl, lit,
};
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;

use super::{Clauses, Input, aggregate, coerced, comparable, in_type};
use crate::error::{Error, to_datafusion, while_planning};
use crate::limits::check_stopped;
use crate::statements::{Exclusion, WindowClauses};

/// Aggregates that take rows back, so that a frame that moves costs what it moves by.
const TAKING_BACK: [&str; 13] =
    ["count", "count_if", "sum", "avg", "min", "max", "var", "var_pop", "stddev", "stddev_pop", "corr", "covar_samp", "covar_pop"];

/// Whether an aggregate takes rows back.
pub(in crate::functions) fn takes_rows_back(function: &AggregateUDF, distinct: bool) -> bool {
    TAKING_BACK.contains(&function.name()) && !distinct
}

/// A call of an aggregate with OVER that is computed frame by frame. Behind its arguments stand the keys of its own order, then its filter.
pub(in crate::functions) fn framed(mut function: Arc<AggregateUDF>, expr: &mut RawWindowExpr, given: WindowClauses) -> Result<Expr> {
    let mut arguments: Vec<Expr> = std::mem::take(&mut expr.args);
    let mut behind = arguments.split_off(given.arguments.min(arguments.len()));
    let filter = match expr.filter.take() {
        Some(filter) => Some(*filter),
        None if given.filter => behind.pop(),
        None => None,
    };
    let distinct = given.distinct || expr.distinct;
    if distinct && behind.iter().any(|key| !arguments.contains(key)) {
        let error = Error::invalid(format!("ORDER BY of {}(DISTINCT ...) has a key that is none of its arguments", function.name()));
        return Err(while_planning(error.with_hint("of equal values which row's key would count?")));
    }
    match (function.name(), arguments.len()) {
        ("string_agg", 1) => arguments.push(lit(",")),
        ("any_value", _) if !behind.is_empty() => {
            function = first_value_udaf();
            expr.null_treatment = Some(NullTreatment::IgnoreNulls);
        }
        (_, 0) => arguments.push(lit(1_i64)),
        _ => {}
    }
    let peers: Vec<Expr> = match given.exclusion {
        Some(Exclusion::Group | Exclusion::Ties) => expr.order_by.iter().map(|key| key.expr.clone()).collect(),
        Some(Exclusion::CurrentRow) | None => Vec::new(),
    };
    let clauses = Clauses { arguments: arguments.len(), distinct, keys: given.keys };
    let name = format!(
        "{}{}{}",
        function.name(),
        clauses.written(),
        given.exclusion.map_or_else(String::new, |exclusion| format!(" EXCLUDE {}", exclusion.written()))
    );
    let framed = Framed {
        name,
        function,
        clauses,
        peers: peers.len(),
        has_filter: filter.is_some(),
        exclusion: given.exclusion,
        signature: Signature::user_defined(Volatility::Immutable),
    };
    let params = WindowFunctionParams {
        args: arguments.into_iter().chain(behind).chain(peers).chain(filter).collect(),
        partition_by: std::mem::take(&mut expr.partition_by),
        order_by: std::mem::take(&mut expr.order_by),
        window_frame: expr.window_frame.clone(),
        filter: None,
        null_treatment: expr.null_treatment,
        distinct: false,
    };
    let fun = WindowFunctionDefinition::WindowUDF(Arc::new(WindowUDF::new_from_impl(framed)));
    Ok(Expr::WindowFunction(Box::new(WindowFunction { fun, params })))
}

/// The aggregate as a window function. Its arguments: those of the aggregate, the keys of its order, the keys of the window's order, its filter.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Framed {
    /// Says all that makes two of them differ.
    name: String,
    function: Arc<AggregateUDF>,
    clauses: Clauses,
    /// How many keys of the window's order there are.
    peers: usize,
    has_filter: bool,
    exclusion: Option<Exclusion>,
    signature: Signature,
}

impl WindowUDFImpl for Framed {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let mut types = coerced(&self.function, self.clauses.arguments, types)?;
        if let Some(filter) = types.last_mut().filter(|_| self.has_filter) {
            *filter = DataType::Boolean;
        }
        Ok(types)
    }

    fn field(&self, arguments: WindowUDFFieldArgs<'_>) -> Result<FieldRef> {
        let own = arguments.input_fields().get(..self.clauses.arguments).unwrap_or_default();
        let field = self.function.return_field(own)?;
        Ok(Arc::new(Field::new(arguments.name(), field.data_type().clone(), true)))
    }

    fn partition_evaluator(&self, arguments: PartitionEvaluatorArgs<'_>) -> Result<Box<dyn PartitionEvaluator>> {
        let own = self.clauses.arguments;
        let exprs = arguments.input_exprs().get(..own).unwrap_or_default();
        let fields = arguments.input_fields().get(..own).unwrap_or_default();
        let aggregate = aggregate(&self.function, exprs, fields, arguments.ignore_nulls())?;
        // What the aggregate has to say of its arguments it says before there are rows.
        aggregate.create_accumulator()?;
        Ok(Box::new(Frames {
            result: self.function.return_field(fields)?.data_type().clone(),
            aggregate,
            clauses: self.clauses.clone(),
            peers: self.peers,
            has_filter: self.has_filter,
            exclusion: self.exclusion,
            row: 0,
            partition: None,
            last: None,
        }))
    }
}

/// The frames of one partition, one after the other.
#[derive(Debug)]
struct Frames {
    aggregate: AggregateFunctionExpr,
    result: DataType,
    clauses: Clauses,
    peers: usize,
    has_filter: bool,
    exclusion: Option<Exclusion>,
    /// The row whose frame comes next: they are asked for in their order.
    row: usize,
    partition: Option<Partition>,
    last: Option<(Range<usize>, ScalarValue)>,
}

/// A partition's rows.
#[derive(Debug)]
struct Partition {
    input: Input,
    filter: Option<ArrayRef>,
    /// Rows that are equal in the window's order, by row; empty if nobody asks.
    groups: Vec<Range<usize>>,
}

impl Partition {
    fn passes(&self, row: usize) -> bool {
        match self.filter.as_ref().and_then(|filter| filter.as_boolean_opt()) {
            Some(filter) => filter.is_valid(row) && filter.value(row),
            None => true,
        }
    }
}

impl Frames {
    /// Looks at all rows of the partition, once.
    fn partition(&self, columns: &[ArrayRef]) -> Result<Partition> {
        let own = self.clauses.arguments + self.clauses.keys.len();
        let (Some(input), Some(peers)) = (columns.get(..own), columns.get(own..own + self.peers)) else {
            return Err(to_datafusion(Error::internal("a window function has too few columns")));
        };
        let filter = columns.get(own + self.peers).filter(|_| self.has_filter).cloned();
        let groups = match self.exclusion {
            Some(Exclusion::Group | Exclusion::Ties) => groups(peers, columns.first().map_or(0, |column| column.len()))?,
            Some(Exclusion::CurrentRow) | None => Vec::new(),
        };
        Ok(Partition { input: Input::new(input, &self.clauses)?, filter, groups })
    }
}

/// The range of equal rows that each row belongs to. Without keys all rows are equal.
fn groups(keys: &[ArrayRef], rows: usize) -> Result<Vec<Range<usize>>> {
    if keys.is_empty() {
        return Ok(vec![0..rows; rows]);
    }
    let keys = comparable(keys, &vec![SortOptions::default(); keys.len()])?;
    let mut groups = Vec::with_capacity(rows);
    let mut start = 0;
    for end in 1..=rows {
        if end == rows || keys.row(end) != keys.row(start) {
            groups.extend(std::iter::repeat_n(start..end, end - start));
            start = end;
        }
    }
    Ok(groups)
}

/// What is left of a frame in up to three pieces: without the rows of `left_out`, but with the row of `kept`.
fn pieces(frame: &Range<usize>, left_out: &Range<usize>, kept: Option<usize>) -> Vec<Range<usize>> {
    let before = frame.start..frame.end.min(left_out.start);
    let behind = frame.start.max(left_out.end)..frame.end;
    let kept = kept.filter(|row| frame.contains(row)).map(|row| row..row + 1);
    [Some(before), kept, Some(behind)].into_iter().flatten().filter(|piece| !piece.is_empty()).collect()
}

impl PartitionEvaluator for Frames {
    fn evaluate(&mut self, columns: &[ArrayRef], frame: &Range<usize>) -> Result<ScalarValue> {
        let row = self.row;
        self.row += 1;
        if self.exclusion.is_none()
            && let Some((last, result)) = &self.last
            && last == frame
        {
            return Ok(result.clone());
        }
        // All frames of all partitions are computed in one call.
        check_stopped()?;
        if self.partition.is_none() {
            self.partition = Some(self.partition(columns)?);
        }
        let Some(partition) = &self.partition else { return Err(to_datafusion(Error::internal("a window has no partition"))) };
        let group = || partition.groups.get(row).cloned().unwrap_or(row..row + 1);
        let pieces = match self.exclusion {
            None => vec![frame.clone()],
            Some(Exclusion::CurrentRow) => pieces(frame, &(row..row + 1), None),
            Some(Exclusion::Group) => pieces(frame, &group(), None),
            Some(Exclusion::Ties) => pieces(frame, &group(), Some(row)),
        };
        let mut accumulator = self.aggregate.create_accumulator()?;
        if self.clauses.is_plain() && partition.filter.is_none() {
            for piece in &pieces {
                partition.input.feed_slice(piece, accumulator.as_mut())?;
            }
        } else {
            let rows = pieces.into_iter().flatten().filter(|row| partition.passes(*row)).collect();
            partition.input.feed(rows, accumulator.as_mut())?;
        }
        let result = in_type(accumulator.evaluate()?, &self.result)?;
        self.last = Some((frame.clone(), result.clone()));
        Ok(result)
    }

    fn uses_window_frame(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_left_without_what_is_excluded() {
        assert_eq!(pieces(&(2..8), &(4..5), None), [2..4, 5..8]);
        assert_eq!(pieces(&(2..8), &(3..6), Some(4)), [2..3, 4..5, 6..8]);
        assert_eq!(pieces(&(2..8), &(0..2), None), [2..8]);
        assert_eq!(pieces(&(2..8), &(9..10), Some(9)), [2..8]);
        assert_eq!(pieces(&(2..8), &(0..20), Some(2)), [2..3]);
        assert!(pieces(&(3..3), &(3..4), Some(3)).is_empty());
    }
}
