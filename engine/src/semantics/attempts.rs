//! `TRY(x)`: NULL for the rows for which x is an error.
//!
//! A function has its arguments computed before it is called, so the call becomes one that holds x, and has the columns in x as its arguments. What x is of is
//! the user's to know; an error that says that the database is at fault, or that something ran out, stays one.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_empty_array, new_null_array};
use arrow::compute::concat;
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, ExprSchema, Result, ScalarValue};
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, DocSection, Documentation, Expr, ExprSchemable, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};

use crate::error::{Error, ErrorKind, from_datafusion, to_datafusion};

/// The function's name.
const TRY: &str = "try";

/// `try(x)` as it is written.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Try {
    signature: Signature,
    documentation: Documentation,
}

impl Default for Try {
    fn default() -> Self {
        let documentation = Documentation::builder(DocSection::default(), "the value, or NULL where it is an error", "try(value)");
        Self { signature: Signature::any(1, Volatility::Immutable), documentation: documentation.with_sql_example("try(1 / 0)").build() }
    }
}

impl ScalarUDFImpl for Try {
    fn name(&self) -> &str {
        TRY
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(arguments.first().cloned().unwrap_or(DataType::Null))
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let value = arguments.arg_fields.first().map_or_else(|| Field::new(TRY, DataType::Null, true), |field| field.as_ref().clone());
        Ok(Arc::new(value.with_name(TRY).with_nullable(true)))
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Err(to_datafusion(Error::internal("try() was not planned")))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// A call of `try` as one that holds its value; other expressions stay.
///
/// # Errors
/// *Unsupported* for values that cannot be computed apart.
pub(super) fn rewritten(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let Expr::ScalarFunction(call) = expr else { return Ok(Transformed::no(expr)) };
    let ScalarFunction { func, mut args } = call;
    let is_try = func.inner().downcast_ref::<Try>().is_some();
    let value = match args.pop() {
        Some(value) if is_try && args.is_empty() => value,
        last => {
            args.extend(last);
            return Ok(Transformed::no(Expr::ScalarFunction(ScalarFunction { func, args })));
        }
    };
    check(&value)?;
    let volatility = match asks_the_clock(&value)? {
        true => Volatility::Stable,
        false => Volatility::Immutable,
    };
    let (_, field) = value.to_field(schema)?;
    let mut columns: Vec<Column> = value.column_refs().into_iter().cloned().collect();
    columns.sort();
    let mut fields = Vec::with_capacity(columns.len());
    for (place, column) in columns.iter().enumerate() {
        let found = schema.field_from_column(column)?;
        fields.push(found.as_ref().clone().with_name(name_of(place)));
    }
    let value = value.transform(|part| match part {
        Expr::Column(column) => {
            let place = columns.iter().position(|known| *known == column).unwrap_or(columns.len());
            Ok(Transformed::yes(Expr::Column(Column::new_unqualified(name_of(place)))))
        }
        other => Ok(Transformed::no(other)),
    })?;
    let attempt = Attempt {
        value: value.data,
        columns: Schema::new(fields),
        result: Arc::new(field.as_ref().clone().with_name(TRY).with_nullable(true)),
        signature: if columns.is_empty() { Signature::nullary(volatility) } else { Signature::any(columns.len(), volatility) },
    };
    let arguments = columns.into_iter().map(Expr::Column).collect();
    Ok(Transformed::yes(Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::new_from_impl(attempt)), arguments))))
}

fn name_of(place: usize) -> String {
    format!("c{place}")
}

fn check(value: &Expr) -> Result<()> {
    let mut fault = None;
    value.apply(|part| {
        fault = match part {
            Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_) | Expr::SetComparison(_) => Some("a query"),
            Expr::OuterReferenceColumn(..) => Some("a column of the query around"),
            Expr::AggregateFunction(_) | Expr::WindowFunction(_) => Some("an aggregate"),
            Expr::ScalarFunction(call) if call.func.signature().volatility == Volatility::Volatile => Some("what differs at each call"),
            _ => None,
        };
        Ok(if fault.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    match fault {
        None => Ok(()),
        Some(fault) => {
            let error = Error::unsupported(format!("TRY of {fault} is not supported"));
            Err(to_datafusion(error.with_hint("compute it in a subquery, and TRY what is made of it")))
        }
    }
}

/// Whether the value is the same within a statement only, so that nobody keeps it for the next one.
fn asks_the_clock(value: &Expr) -> Result<bool> {
    value.exists(|part| Ok(matches!(part, Expr::ScalarFunction(call) if call.func.signature().volatility == Volatility::Stable)))
}

/// What is tried, with its columns by their place.
struct Attempt {
    value: Expr,
    columns: Schema,
    result: FieldRef,
    signature: Signature,
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "try({})", self.value)
    }
}

impl PartialEq for Attempt {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value && self.columns == other.columns
    }
}

impl Eq for Attempt {}

impl Hash for Attempt {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.value.hash(state);
    }
}

impl Attempt {
    fn physical(&self) -> Result<Arc<dyn PhysicalExpr>> {
        let schema = DFSchema::try_from(self.columns.clone())?;
        create_physical_expr(&self.value, &schema, &ExecutionProps::new(), &PhysicalPlanningContext::default())
    }

    /// The values of rows, NULL where one is an error: of two halves it is known sooner where.
    fn values(&self, physical: &Arc<dyn PhysicalExpr>, rows: &RecordBatch) -> Result<ArrayRef> {
        let result = self.result.data_type();
        match physical.evaluate(rows).and_then(|values| values.into_array(rows.num_rows())) {
            Ok(values) => Ok(values),
            Err(error) => {
                let error = from_datafusion(error);
                match (error.kind(), rows.num_rows()) {
                    (ErrorKind::Invalid, 1) => return Ok(new_null_array(result, 1)),
                    (ErrorKind::Invalid, _) => {}
                    _ => return Err(to_datafusion(error)),
                }
                let half = rows.num_rows() / 2;
                let halves = [rows.slice(0, half), rows.slice(half, rows.num_rows() - half)];
                let [first, second] = halves.map(|half| self.values(physical, &half));
                Ok(concat(&[first?.as_ref(), second?.as_ref()])?)
            }
        }
    }
}

impl ScalarUDFImpl for Attempt {
    fn name(&self) -> &str {
        TRY
    }

    fn schema_name(&self, _: &[Expr]) -> Result<String> {
        Ok(format!("try({})", self.value.schema_name()))
    }

    fn display_name(&self, _: &[Expr]) -> Result<String> {
        Ok(format!("try({})", self.value))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.result.data_type().clone())
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        Ok(Arc::clone(&self.result))
    }

    /// The clock's functions get their answers, which the optimizer does not see in here.
    fn simplify(&self, arguments: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let simplified = self.value.clone().transform(|part| match part {
            Expr::ScalarFunction(ScalarFunction { func, args }) if func.signature().volatility == Volatility::Stable => {
                Ok(match func.simplify(args, info)? {
                    ExprSimplifyResult::Simplified(answer) => Transformed::yes(answer),
                    ExprSimplifyResult::Original(args) => Transformed::no(Expr::ScalarFunction(ScalarFunction { func, args })),
                })
            }
            other => Ok(Transformed::no(other)),
        })?;
        if !simplified.transformed {
            return Ok(ExprSimplifyResult::Original(arguments));
        }
        let attempt = Self {
            value: simplified.data,
            columns: self.columns.clone(),
            result: Arc::clone(&self.result),
            signature: self.signature.clone(),
        };
        Ok(ExprSimplifyResult::Simplified(ScalarUDF::new_from_impl(attempt).call(arguments)))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let physical = self.physical()?;
        let is_constant = arguments.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let rows = if is_constant { 1 } else { arguments.number_rows };
        let columns = arguments.args.iter().map(|value| value.to_array(rows)).collect::<Result<Vec<_>>>()?;
        // The types that the columns have by now.
        let fields: Vec<Field> = columns
            .iter()
            .zip(self.columns.fields())
            .map(|(column, field)| field.as_ref().clone().with_data_type(column.data_type().clone()).with_nullable(true))
            .collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?;
        let values = match rows {
            0 => new_empty_array(self.result.data_type()),
            _ => self.values(&physical, &batch)?,
        };
        Ok(match is_constant {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&values, 0)?),
            false => ColumnarValue::Array(values),
        })
    }
}
