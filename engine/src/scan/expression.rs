//! DataFusion's expressions as the cache's.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::and_kleene;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use clouddb_cache::Expression;
use clouddb_cache::predicate::ExpressionError;
use clouddb_cache::set::IntegerSet;
use clouddb_cache::whole;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DataFusionError, Result, internal_err};
use datafusion::functions::core::r#struct::StructFunc;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{
    BinaryExpr, CaseExpr, Column, InListExpr, IsNotNullExpr, IsNullExpr, LikeExpr, Literal, NotExpr,
};
use datafusion::physical_expr::utils::{collect_columns, reassign_expr_columns};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_plan::joins::{HashExpr, HashTableLookupExpr};

use crate::semantics;

/// A predicate of DataFusion's on a table's columns.
#[derive(Debug)]
pub(super) struct PhysicalPredicate {
    /// On the schema below.
    expr: Arc<dyn PhysicalExpr>,
    columns: Vec<usize>,
    /// The columns that it reads, in the order of `columns`.
    schema: SchemaRef,
    may_fail: bool,
}

impl PhysicalPredicate {
    /// A predicate on a table's schema.
    pub(super) fn try_new(expr: &Arc<dyn PhysicalExpr>, table: &SchemaRef) -> Result<Self> {
        let mut columns: Vec<_> = collect_columns(expr).iter().map(Column::index).collect();
        columns.sort_unstable();
        columns.dedup();
        let schema = Arc::new(table.project(&columns)?);
        let may_fail = !cannot_fail(expr, table);
        let expr = reassign_expr_columns(Arc::clone(expr), &schema)?;
        if expr.data_type(&schema)? != DataType::Boolean {
            return internal_err!("the filter {expr} is no condition");
        }
        Ok(Self { expr, columns, schema, may_fail })
    }

    fn answers(&self, columns: Vec<ArrayRef>, rows: usize) -> Result<BooleanArray> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        // The cache's columns are NULL where a query asks what NULL would give, also where the table has none.
        let schema = match columns.iter().zip(self.schema.fields()).any(|(column, field)| !field.is_nullable() && column.null_count() > 0) {
            true => nullable(&self.schema),
            false => Arc::clone(&self.schema),
        };
        let batch = RecordBatch::try_new_with_options(schema, columns, &options)?;
        let answers = self.expr.evaluate(&batch)?.into_array(rows)?;
        match answers.as_boolean_opt() {
            Some(answers) => Ok(answers.clone()),
            None => internal_err!("the filter {} gave {}", self.expr, answers.data_type()),
        }
    }
}

fn nullable(schema: &Schema) -> SchemaRef {
    Arc::new(Schema::new(schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect::<Vec<_>>()))
}

impl Expression for PhysicalPredicate {
    fn columns(&self) -> &[usize] {
        &self.columns
    }

    fn may_fail(&self) -> bool {
        self.may_fail
    }

    fn evaluate(&self, columns: Vec<ArrayRef>, rows: usize) -> Result<BooleanArray, ExpressionError> {
        self.answers(columns, rows).map_err(|error| Box::new(error) as ExpressionError)
    }
}

/// What an expression failed with.
pub(super) fn to_datafusion(error: ExpressionError) -> DataFusionError {
    match error.downcast::<DataFusionError>() {
        Ok(error) => *error,
        Err(error) => DataFusionError::External(error),
    }
}

/// Whether an expression has an answer for all values: comparisons and what combines them, and what filters of joins are made of. Arithmetic, casts and
/// functions may not.
fn cannot_fail(expr: &Arc<dyn PhysicalExpr>, schema: &Schema) -> bool {
    let mut safe = true;
    let walked = expr.apply(|part| {
        let known = part.is::<Column>()
            || part.is::<Literal>()
            || part.is::<InListExpr>()
            || part.is::<IsNullExpr>()
            || part.is::<IsNotNullExpr>()
            || part.is::<LikeExpr>()
            || part.is::<NotExpr>()
            || part.is::<CaseExpr>()
            || part.is::<HashTableLookupExpr>()
            || part.is::<HashExpr>()
            || part.downcast_ref::<ScalarFunctionExpr>().is_some_and(|function| function.fun().inner().is::<StructFunc>())
            || part.downcast_ref::<BinaryExpr>().is_some_and(|binary| compares(binary, schema));
        safe &= known;
        Ok(if safe { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    });
    walked.is_ok() && safe
}

fn compares(binary: &BinaryExpr, schema: &Schema) -> bool {
    let same_types = || {
        let types = (binary.left().data_type(schema), binary.right().data_type(schema));
        matches!(types, (Ok(left), Ok(right)) if left == right)
    };
    match binary.op() {
        Operator::And | Operator::Or => true,
        op if semantics::is_comparison(*op) => same_types(),
        // How the filter of a join finds a row's partition.
        Operator::Modulo => binary.left().is::<HashExpr>() && binary.right().is::<Literal>(),
        _ => false,
    }
}

/// Whether a column's value, an integer inside, is in a set. NULL is not.
#[derive(Debug)]
pub(super) struct InSet {
    column: [usize; 1],
    set: Arc<IntegerSet>,
}

impl InSet {
    pub(super) fn new(column: usize, set: Arc<IntegerSet>) -> Self {
        Self { column: [column], set }
    }
}

impl Expression for InSet {
    fn columns(&self) -> &[usize] {
        &self.column
    }

    fn may_fail(&self) -> bool {
        false
    }

    fn evaluate(&self, columns: Vec<ArrayRef>, rows: usize) -> Result<BooleanArray, ExpressionError> {
        let mut values = Vec::with_capacity(rows);
        match columns.first() {
            Some(column) if whole::append_values(column, &mut values) => {
                let are_in = values.iter().map(|value| self.set.contains(*value)).collect();
                Ok(BooleanArray::new(are_in, column.nulls().cloned()))
            }
            _ => Err("a key is not an integer inside".into()),
        }
    }
}

/// Two expressions that must both be true. For columns that are kept in a way that their common shape does not suit.
#[derive(Debug)]
pub(super) struct Both {
    one: Arc<dyn Expression>,
    other: Arc<dyn Expression>,
}

impl Both {
    /// Both read the same column, and no other.
    pub(super) fn new(one: Arc<dyn Expression>, other: Arc<dyn Expression>) -> Self {
        Self { one, other }
    }
}

impl Expression for Both {
    fn columns(&self) -> &[usize] {
        self.one.columns()
    }

    fn may_fail(&self) -> bool {
        self.one.may_fail() || self.other.may_fail()
    }

    fn evaluate(&self, columns: Vec<ArrayRef>, rows: usize) -> Result<BooleanArray, ExpressionError> {
        let one = self.one.evaluate(columns.clone(), rows)?;
        let other = self.other.evaluate(columns, rows)?;
        Ok(and_kleene(&one, &other)?)
    }
}
