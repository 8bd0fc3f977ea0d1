//! Two halves of an aggregate as aggregates of their own: `f_state` gives a group's state instead of its result, `f_merge` makes the result of many states. What
//! ClickHouse calls combinators. Between them, groups may pass a join.
//!
//! A state is a struct of what the function's accumulator would hand on between two processors. A NULL instead of one is a group that no row belongs to.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StructArray, new_null_array};
use arrow::compute::kernels::zip::zip;
use arrow::compute::{and, is_not_null, prep_null_mask_filter};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema};
use datafusion::common::{Result, not_impl_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::expressions::Column;

/// `f_state(arguments of f)`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct StateOf {
    function: Arc<AggregateUDF>,
    name: String,
    signature: Signature,
}

/// `f_merge(state)`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct MergeOf {
    function: Arc<AggregateUDF>,
    name: String,
    signature: Signature,
    /// Those of the function, which its states do not tell.
    arguments: Vec<FieldRef>,
}

/// The two halves of a function of such arguments. `None` if it has no accumulator for many groups.
pub(crate) fn halves(function: &Arc<AggregateUDF>, arguments: Vec<FieldRef>) -> Result<Option<(Arc<AggregateUDF>, Arc<AggregateUDF>)>> {
    if !of_inner(function, &arguments, |inner| Ok(function.groups_accumulator_supported(inner)))? {
        return Ok(None);
    }
    let signature = || Signature::user_defined(Volatility::Immutable);
    let state = StateOf { function: Arc::clone(function), name: format!("{}_state", function.name()), signature: signature() };
    let merge = MergeOf { function: Arc::clone(function), name: format!("{}_merge", function.name()), signature: signature(), arguments };
    Ok(Some((Arc::new(AggregateUDF::new_from_impl(state)), Arc::new(AggregateUDF::new_from_impl(merge)))))
}

/// Whether an aggregate gives states.
pub(super) fn gives_state(aggregate: &AggregateFunctionExpr) -> bool {
    aggregate.fun().inner().is::<StateOf>()
}

/// What the function's own accumulators are made by.
fn of_inner<T>(function: &AggregateUDF, arguments: &[FieldRef], make: impl FnOnce(AccumulatorArgs<'_>) -> Result<T>) -> Result<T> {
    let schema = Schema::new(Fields::from(arguments.to_vec()));
    let column = |(at, field): (usize, &FieldRef)| Arc::new(Column::new(field.name(), at)) as Arc<dyn PhysicalExpr>;
    let exprs: Vec<_> = arguments.iter().enumerate().map(column).collect();
    make(AccumulatorArgs {
        return_field: function.return_field(arguments)?,
        schema: &schema,
        ignore_nulls: false,
        order_bys: &[],
        is_reversed: false,
        name: function.name(),
        is_distinct: false,
        exprs: &exprs,
        expr_fields: arguments,
    })
}

/// What the function's accumulators exchange.
fn inner_states(function: &AggregateUDF, arguments: &[FieldRef], name: &str) -> Result<Vec<FieldRef>> {
    let return_field = function.return_field(arguments)?;
    function.state_fields(StateFieldsArgs { name, input_fields: arguments, return_field, ordering_fields: &[], is_distinct: false })
}

/// As fields of a struct.
fn packed(states: &[FieldRef]) -> Fields {
    states.iter().enumerate().map(|(at, field)| Field::new(at.to_string(), field.data_type().clone(), true)).collect()
}

impl AggregateUDFImpl for StateOf {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arguments.to_vec())
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        let fields: Vec<_> = arguments.iter().map(|data_type| Arc::new(Field::new("argument", data_type.clone(), true))).collect();
        Ok(DataType::Struct(packed(&inner_states(&self.function, &fields, &self.name)?)))
    }

    fn state_fields(&self, arguments: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        inner_states(&self.function, arguments.input_fields, arguments.name)
    }

    fn accumulator(&self, _arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        not_impl_err!("{} without GROUP BY", self.name)
    }

    fn groups_accumulator_supported(&self, _arguments: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        let fields = packed(&inner_states(&self.function, arguments.expr_fields, &self.name)?);
        let inner = of_inner(&self.function, arguments.expr_fields, |inner| self.function.create_groups_accumulator(inner))?;
        Ok(Box::new(States { inner, fields }))
    }
}

impl AggregateUDFImpl for MergeOf {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arguments.to_vec())
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.function.return_field(&self.arguments)?.data_type().clone())
    }

    fn return_field(&self, _arguments: &[FieldRef]) -> Result<FieldRef> {
        self.function.return_field(&self.arguments)
    }

    fn is_nullable(&self) -> bool {
        self.function.is_nullable()
    }

    fn state_fields(&self, arguments: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        inner_states(&self.function, &self.arguments, arguments.name)
    }

    fn accumulator(&self, _arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        not_impl_err!("{} without GROUP BY", self.name)
    }

    fn groups_accumulator_supported(&self, _arguments: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(&self, _arguments: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        let inner = of_inner(&self.function, &self.arguments, |inner| self.function.create_groups_accumulator(inner))?;
        Ok(Box::new(Merged { inner, arguments: self.arguments.clone() }))
    }
}

/// Gives states where the function's accumulator would give results.
struct States {
    inner: Box<dyn GroupsAccumulator>,
    fields: Fields,
}

impl GroupsAccumulator for States {
    fn update_batch(&mut self, values: &[ArrayRef], groups: &[usize], filter: Option<&BooleanArray>, count: usize) -> Result<()> {
        self.inner.update_batch(values, groups, filter, count)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        Ok(Arc::new(StructArray::try_new(self.fields.clone(), self.inner.state(emit_to)?, None)?))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.inner.state(emit_to)
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], count: usize) -> Result<()> {
        self.inner.merge_batch(values, groups, count)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.inner.convert_to_state(values, filter)
    }

    fn size(&self) -> usize {
        self.inner.size()
    }
}

/// Takes states where the function's accumulator would take values.
struct Merged {
    inner: Box<dyn GroupsAccumulator>,
    arguments: Vec<FieldRef>,
}

impl GroupsAccumulator for Merged {
    fn update_batch(&mut self, values: &[ArrayRef], groups: &[usize], wanted: Option<&BooleanArray>, count: usize) -> Result<()> {
        let states = self.states(&values[0], wanted)?;
        self.inner.merge_batch(&states, groups, count)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        self.inner.evaluate(emit_to)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.inner.state(emit_to)
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], count: usize) -> Result<()> {
        self.inner.merge_batch(values, groups, count)
    }

    fn convert_to_state(&self, values: &[ArrayRef], wanted: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.states(&values[0], wanted)
    }

    fn size(&self) -> usize {
        self.inner.size()
    }
}

impl Merged {
    /// The states, and in place of those that are NULL or not wanted such of no values. They cannot be left out: an accumulator takes it that each group that it is told
    /// of has had a value if it has never seen one that is NULL.
    fn states(&self, states: &ArrayRef, wanted: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let states = states.as_struct();
        let present = is_not_null(states)?;
        let present = match wanted {
            Some(wanted) if wanted.null_count() > 0 => and(&present, &prep_null_mask_filter(wanted))?,
            Some(wanted) => and(&present, wanted)?,
            None => present,
        };
        if present.false_count() == 0 {
            return Ok(states.columns().to_vec());
        }
        let nothing: Vec<_> = self.arguments.iter().map(|field| new_null_array(field.data_type(), states.len())).collect();
        let nothing = self.inner.convert_to_state(&nothing, None)?;
        states.columns().iter().zip(&nothing).map(|(state, nothing)| Ok(zip(&present, state, nothing)?)).collect()
    }
}

/// Columns of states as an aggregate gives them, of accumulators that are [`States`].
pub(super) fn pack(data_type: &DataType, states: Vec<ArrayRef>) -> Result<ArrayRef> {
    let DataType::Struct(fields) = data_type else { return not_impl_err!("states of type {data_type}") };
    Ok(Arc::new(StructArray::try_new(fields.clone(), states, None)?))
}
