//! A table of groups: keys and what was accumulated for each.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, PhysicalGroupBy, evaluate_group_by};

use super::keys::{Keys, keys};
use super::sets::Sets;
use super::states;

/// What is grouped by what.
#[derive(Debug)]
pub(super) struct Grouped {
    pub(super) group_by: Arc<PhysicalGroupBy>,
    pub(super) aggregates: Vec<Arc<AggregateFunctionExpr>>,
    pub(super) filters: Vec<Option<Arc<dyn PhysicalExpr>>>,
    /// Arguments of each aggregate, on the input.
    arguments: Vec<Vec<Arc<dyn PhysicalExpr>>>,
    /// The keys.
    key_schema: SchemaRef,
    /// Keys and states: what is exchanged between tables.
    pub(super) states: SchemaRef,
    /// Keys and results.
    pub(super) output: SchemaRef,
    /// How several grouping sets are made of one.
    pub(super) sets: Option<Sets>,
}

impl Grouped {
    /// The same by other keys, for their states.
    pub(super) fn by(&self, group_by: PhysicalGroupBy, input: &Schema) -> Result<Self> {
        let key_schema = group_by.group_schema(input)?;
        let of_aggregates = self.states.fields().iter().skip(self.key_count());
        let states = Arc::new(Schema::new(key_schema.fields().iter().chain(of_aggregates).cloned().collect::<Vec<_>>()));
        Ok(Self {
            group_by: Arc::new(group_by),
            aggregates: self.aggregates.clone(),
            filters: self.filters.clone(),
            arguments: self.arguments.clone(),
            key_schema,
            output: Arc::clone(&states),
            states,
            sets: None,
        })
    }

    /// As in a partial aggregation, whose output are states, and the final one above it.
    pub(super) fn try_new(partial: &AggregateExec, output: SchemaRef) -> Result<Self> {
        let aggregates = partial.aggr_expr().to_vec();
        let group_by = Arc::new(partial.group_expr().clone());
        let mut grouped = Self {
            key_schema: group_by.group_schema(&partial.input_schema())?,
            group_by,
            arguments: aggregates.iter().map(|aggregate| aggregate.expressions()).collect(),
            aggregates,
            filters: partial.filter_expr().to_vec(),
            states: partial.schema(),
            output,
            sets: None,
        };
        grouped.sets = Sets::new(&grouped, &partial.input_schema())?;
        Ok(grouped)
    }

    /// What the aggregates are given.
    fn arguments(&self, batch: &RecordBatch) -> Result<Arguments> {
        let evaluate = |expr: &Arc<dyn PhysicalExpr>| expr.evaluate(batch)?.into_array(batch.num_rows());
        let filters = self.filters.iter().map(|filter| filter.as_ref().map(evaluate).transpose());
        let arguments = self.arguments.iter().map(|arguments| arguments.iter().map(evaluate).collect());
        Ok(Arguments { arguments: arguments.collect::<Result<_>>()?, filters: filters.collect::<Result<_>>()? })
    }

    /// A table without groups.
    pub(super) fn table(self: &Arc<Self>) -> Result<Table> {
        let accumulators = self.aggregates.iter().map(|aggregate| aggregate.create_groups_accumulator());
        Ok(Table {
            keys: keys(&self.key_schema)?,
            accumulators: accumulators.collect::<Result<_>>()?,
            groups: Vec::new(),
            grouped: Arc::clone(self),
        })
    }

    /// Whether one of the grouping sets is empty: then there is a group even if there are no rows.
    pub(super) fn has_empty_set(&self) -> bool {
        self.group_by.has_grouping_set() && self.group_by.groups().iter().any(|set| set.iter().all(|is_null| *is_null))
    }

    /// How many columns of states are keys.
    pub(super) fn key_count(&self) -> usize {
        self.key_schema.fields().len()
    }
}

/// Of a batch, for each aggregate, its arguments and its filter.
struct Arguments {
    arguments: Vec<Vec<ArrayRef>>,
    filters: Vec<Option<ArrayRef>>,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").field("groups", &self.keys.len()).finish_non_exhaustive()
    }
}

/// Groups and their accumulators.
pub(super) struct Table {
    grouped: Arc<Grouped>,
    keys: Box<dyn Keys>,
    accumulators: Vec<Box<dyn GroupsAccumulator>>,
    /// The groups of a batch's rows.
    groups: Vec<usize>,
}

impl Table {
    /// How many groups there are.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Bytes in memory.
    pub(super) fn size(&self) -> usize {
        let accumulators: usize = self.accumulators.iter().map(|accumulator| accumulator.size()).sum();
        self.keys.size() + accumulators + self.groups.capacity() * size_of::<usize>()
    }

    /// Adds rows of the input.
    pub(super) fn update(&mut self, batch: &RecordBatch) -> Result<()> {
        let Arguments { arguments, filters } = self.grouped.arguments(batch)?;
        // One set of keys for each grouping set.
        for keys in evaluate_group_by(&self.grouped.group_by, batch)? {
            self.keys.intern(&keys, &mut self.groups)?;
            let count = self.keys.len();
            for ((accumulator, arguments), filter) in self.accumulators.iter_mut().zip(&arguments).zip(&filters) {
                let filter: Option<&BooleanArray> = filter.as_ref().map(|filter| filter.as_boolean());
                accumulator.update_batch(arguments, &self.groups, filter, count)?;
            }
        }
        Ok(())
    }

    /// Each row as a group of its own, as they come out of [`Self::finish`], if the aggregates give states.
    pub(super) fn states_of_rows(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        let Arguments { arguments, filters } = self.grouped.arguments(rows)?;
        let mut columns = evaluate_group_by(&self.grouped.group_by, rows)?.concat();
        for (at, accumulator) in self.accumulators.iter().enumerate() {
            let filter: Option<&BooleanArray> = filters[at].as_ref().map(|filter| filter.as_boolean());
            let states = accumulator.convert_to_state(&arguments[at], filter)?;
            columns.push(states::pack(self.grouped.output.field(columns.len()).data_type(), states)?);
        }
        batch(&self.grouped.output, columns, rows.num_rows())
    }

    /// Adds another table's states.
    pub(super) fn merge(&mut self, states: &RecordBatch) -> Result<()> {
        let (keys, states) = states.columns().split_at(self.grouped.key_count());
        self.merge_states(keys, states)
    }

    /// Adds states of groups by all keys to each of the sets.
    pub(super) fn merge_sets(&mut self, states: &RecordBatch, sets: &PhysicalGroupBy) -> Result<()> {
        let of_aggregates = &states.columns()[sets.expr().len()..];
        for keys in evaluate_group_by(sets, states)? {
            self.merge_states(&keys, of_aggregates)?;
        }
        Ok(())
    }

    fn merge_states(&mut self, keys: &[ArrayRef], states: &[ArrayRef]) -> Result<()> {
        self.keys.intern(keys, &mut self.groups)?;
        let count = self.keys.len();
        let mut at = 0;
        for (accumulator, aggregate) in self.accumulators.iter_mut().zip(&self.grouped.aggregates) {
            let fields = aggregate.state_fields()?.len();
            accumulator.merge_batch(&states[at..at + fields], &self.groups, count)?;
            at += fields;
        }
        Ok(())
    }

    /// All keys and states. No group is left.
    pub(super) fn take_states(&mut self) -> Result<RecordBatch> {
        let count = self.keys.len();
        let mut columns = self.keys.take()?;
        for accumulator in &mut self.accumulators {
            columns.extend(accumulator.state(EmitTo::All)?);
        }
        batch(&self.grouped.states, columns, count)
    }

    /// All keys and results.
    pub(super) fn finish(mut self) -> Result<RecordBatch> {
        let count = self.keys.len();
        let mut columns = self.keys.take()?;
        for accumulator in &mut self.accumulators {
            columns.push(accumulator.evaluate(EmitTo::All)?);
        }
        batch(&self.grouped.output, columns, count)
    }
}

fn batch(schema: &SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}
