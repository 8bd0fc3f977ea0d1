//! Sums kept in 128 bits until they are asked for: of whole numbers they cannot overflow, of decimals an overflow is an error.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, Decimal128Array, Int64Array, PrimitiveArray, UInt64Array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, Field, Int64Type, UInt64Type};
use datafusion::common::{Result as DataFusionResult, ScalarValue};
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};

use crate::error::{Error, to_datafusion};
use crate::types;

/// What is summed up; of decimals the precision and scale of the sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Signed,
    Unsigned,
    Decimal(u8, i8),
}

impl Kind {
    /// By the type of the sum; none for types that are summed up elsewhere.
    pub(super) fn of(sum: &DataType) -> Option<Self> {
        match sum {
            DataType::Int64 => Some(Self::Signed),
            DataType::UInt64 => Some(Self::Unsigned),
            DataType::Decimal128(precision, scale) => Some(Self::Decimal(*precision, *scale)),
            _ => None,
        }
    }

    pub(super) fn scale(self) -> i8 {
        match self {
            Self::Signed | Self::Unsigned => 0,
            Self::Decimal(_, scale) => scale,
        }
    }

    fn data_type(self) -> DataType {
        match self {
            Self::Signed => DataType::Int64,
            Self::Unsigned => DataType::UInt64,
            Self::Decimal(precision, scale) => DataType::Decimal128(precision, scale),
        }
    }

    /// A sum that is on its way between two accumulators.
    fn state(self, totals: Vec<i128>, nulls: Option<NullBuffer>) -> DataFusionResult<ArrayRef> {
        let array = Decimal128Array::new(totals.into(), nulls);
        Ok(Arc::new(array.with_precision_and_scale(DECIMAL128_MAX_PRECISION, self.scale())?))
    }

    /// Sums, if they all fit.
    fn result(self, totals: Vec<i128>, nulls: Option<NullBuffer>) -> DataFusionResult<ArrayRef> {
        let out_of_range = || self.out_of_range();
        Ok(match self {
            Self::Signed => {
                let totals = totals.into_iter().map(i64::try_from).collect::<Result<Vec<_>, _>>().map_err(|_| out_of_range())?;
                Arc::new(Int64Array::new(totals.into(), nulls))
            }
            Self::Unsigned => {
                let totals = totals.into_iter().map(u64::try_from).collect::<Result<Vec<_>, _>>().map_err(|_| out_of_range())?;
                Arc::new(UInt64Array::new(totals.into(), nulls))
            }
            Self::Decimal(precision, scale) => {
                let array = Decimal128Array::new(totals.into(), nulls).with_precision_and_scale(precision, scale)?;
                array.validate_decimal_precision(precision).map_err(|_| out_of_range())?;
                Arc::new(array)
            }
        })
    }

    fn out_of_range(self) -> datafusion::common::DataFusionError {
        let name = types::sql_name(&Field::new("sum", self.data_type(), true));
        let wider = match self {
            Self::Signed | Self::Unsigned => "DECIMAL(38,0) or DOUBLE",
            Self::Decimal(..) => "DOUBLE",
        };
        to_datafusion(
            Error::invalid(format!("a sum is out of the range of {name}")).with_hint(format!("cast what is summed up to {wider}")),
        )
    }

    /// The sum of an array's values that are not NULL.
    fn total(self, values: &ArrayRef) -> DataFusionResult<i128> {
        match self {
            Self::Signed => Ok(slices(values.as_primitive::<Int64Type>()).map(signed).sum()),
            Self::Unsigned => Ok(slices(values.as_primitive::<UInt64Type>()).map(unsigned).sum()),
            Self::Decimal(..) => decimals(values.as_primitive::<Decimal128Type>()).ok_or_else(|| self.out_of_range()),
        }
    }
}

/// The runs of values that are not NULL.
fn slices<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>) -> impl Iterator<Item = &[T::Native]> {
    let values: &[T::Native] = array.values();
    let (with, without) = match array.nulls().filter(|nulls| nulls.null_count() > 0) {
        Some(nulls) => (Some(nulls.valid_slices().map(|(start, end)| &values[start..end])), None),
        None => (None, Some(values)),
    };
    with.into_iter().flatten().chain(without)
}

/// As many values' halves fit into 64 bits.
const HALVES: usize = 1 << 30;

/// Low and high halves are summed up apart: what a processor does to several numbers at once.
fn signed(values: &[i64]) -> i128 {
    let part = |values: &[i64]| {
        let low: u64 = values.iter().map(|value| u64::from(*value as u32)).sum();
        let high: i64 = values.iter().map(|value| value >> 32).sum();
        (i128::from(high) << 32) + i128::from(low)
    };
    values.chunks(HALVES).map(part).sum()
}

fn unsigned(values: &[u64]) -> i128 {
    let part = |values: &[u64]| {
        let low: u64 = values.iter().map(|value| u64::from(*value as u32)).sum();
        let high: u64 = values.iter().map(|value| value >> 32).sum();
        (i128::from(high) << 32) + i128::from(low)
    };
    values.chunks(HALVES).map(part).sum()
}

fn decimals(array: &PrimitiveArray<Decimal128Type>) -> Option<i128> {
    slices(array).flatten().try_fold(0i128, |total, value| total.checked_add(*value))
}

/// The sum of all rows, or of those in a window's frame.
#[derive(Debug)]
pub(super) struct Total {
    kind: Kind,
    total: i128,
    /// How many values are in it: without one, the sum is NULL.
    count: usize,
}

impl Total {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, total: 0, count: 0 }
    }

    fn add(&mut self, total: i128) -> DataFusionResult<()> {
        self.total = self.total.checked_add(total).ok_or_else(|| self.kind.out_of_range())?;
        Ok(())
    }

    fn nulls(&self) -> Option<NullBuffer> {
        (self.count == 0).then(|| NullBuffer::new_null(1))
    }
}

impl Accumulator for Total {
    fn update_batch(&mut self, values: &[ArrayRef]) -> DataFusionResult<()> {
        self.count += values[0].len() - values[0].null_count();
        self.add(self.kind.total(&values[0])?)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> DataFusionResult<()> {
        self.count += states[0].len() - states[0].null_count();
        let total = decimals(states[0].as_primitive::<Decimal128Type>()).ok_or_else(|| self.kind.out_of_range())?;
        self.add(total)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> DataFusionResult<()> {
        self.count -= values[0].len() - values[0].null_count();
        self.total = self.total.checked_sub(self.kind.total(&values[0])?).ok_or_else(|| self.kind.out_of_range())?;
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn state(&mut self) -> DataFusionResult<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::try_from_array(&self.kind.state(vec![self.total], self.nulls())?, 0)?])
    }

    fn evaluate(&mut self) -> DataFusionResult<ScalarValue> {
        ScalarValue::try_from_array(&self.kind.result(vec![self.total], self.nulls())?, 0)
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

/// The sum of distinct values: DataFusion finds them, their sum is ours.
#[derive(Debug)]
pub(super) struct DistinctTotal {
    kind: Kind,
    values: Box<dyn Accumulator>,
}

impl DistinctTotal {
    pub(super) fn new(kind: Kind, values: Box<dyn Accumulator>) -> Self {
        Self { kind, values }
    }
}

impl Accumulator for DistinctTotal {
    fn update_batch(&mut self, values: &[ArrayRef]) -> DataFusionResult<()> {
        self.values.update_batch(values)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> DataFusionResult<()> {
        self.values.merge_batch(states)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> DataFusionResult<()> {
        self.values.retract_batch(values)
    }

    fn supports_retract_batch(&self) -> bool {
        self.values.supports_retract_batch()
    }

    fn state(&mut self) -> DataFusionResult<Vec<ScalarValue>> {
        self.values.state()
    }

    fn evaluate(&mut self) -> DataFusionResult<ScalarValue> {
        let state = self.values.state()?;
        let Some(ScalarValue::List(list)) = state.first() else {
            return Err(to_datafusion(Error::internal("distinct values are a list")));
        };
        let mut total = Total::new(self.kind);
        total.update_batch(&[Arc::clone(list.values())])?;
        total.evaluate()
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.values.size()
    }
}

/// So few groups are summed up in several copies.
const FEW: usize = 16;

/// How many copies there are of the sums of few groups.
const LANES: usize = 4;

/// The sums of groups.
pub(super) struct GroupTotals {
    kind: Kind,
    totals: Vec<i128>,
    /// Which groups have a value: the sum of the others is NULL.
    seen: Vec<bool>,
}

impl GroupTotals {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, totals: Vec::new(), seen: Vec::new() }
    }

    fn add<T: ArrowPrimitiveType<Native: Into<i128>>>(
        &mut self,
        values: &PrimitiveArray<T>,
        groups: &[usize],
        filter: Option<&BooleanArray>,
        count: usize,
    ) -> DataFusionResult<()> {
        self.totals.resize(count, 0);
        self.seen.resize(count, false);
        let wanted = wanted(values, filter);
        if count <= FEW && wanted.is_none() && self.add_to_few(groups, values.values()) {
            return Ok(());
        }
        let mut overflow = false;
        let mut add = |group: usize, value: T::Native| {
            let (total, overflows) = self.totals[group].overflowing_add(value.into());
            self.totals[group] = total;
            self.seen[group] = true;
            overflow |= overflows;
        };
        match (wanted, values.values()) {
            (None, numbers) => groups.iter().zip(numbers).for_each(|(group, value)| add(*group, *value)),
            (Some(wanted), numbers) => wanted.valid_indices().for_each(|row| add(groups[row], numbers[row])),
        }
        match overflow {
            true => Err(self.kind.out_of_range()),
            false => Ok(()),
        }
    }

    /// Adds a value to each row's group, where there are at most [`FEW`]. Rows that follow each other mostly belong to the same groups, and a sum in memory
    /// that is read right after it was written makes the processor wait: neighbours are added up apart. `false`, with nothing added, if one of these sums does
    /// not fit: one behind the other they may.
    fn add_to_few<N: Into<i128> + Copy>(&mut self, groups: &[usize], values: &[N]) -> bool {
        let mut lanes = [[0i128; FEW]; LANES];
        let mut overflow = false;
        let mut add = |lane: usize, group: usize, value: N| {
            let total = &mut lanes[lane][group % FEW];
            let (sum, overflows) = total.overflowing_add(value.into());
            *total = sum;
            overflow |= overflows;
        };
        let ((groups_by_lane, last_groups), (values_by_lane, last_values)) = (groups.as_chunks::<LANES>(), values.as_chunks::<LANES>());
        for (groups, values) in groups_by_lane.iter().zip(values_by_lane) {
            (0..LANES).for_each(|lane| add(lane, groups[lane], values[lane]));
        }
        last_groups.iter().zip(last_values).for_each(|(group, value)| add(0, *group, *value));
        let total = |(group, total): (usize, &i128)| lanes.iter().try_fold(*total, |total, lane| total.checked_add(lane[group % FEW]));
        let totals: Option<Vec<i128>> = self.totals.iter().enumerate().map(total).collect();
        let Some(totals) = totals.filter(|_| !overflow) else { return false };
        self.totals = totals;
        if !self.seen.iter().all(|seen| *seen) {
            groups.iter().for_each(|group| self.seen[*group] = true);
        }
        true
    }

    fn take(&mut self, emit: EmitTo) -> (Vec<i128>, Option<NullBuffer>) {
        let (totals, seen) = (emit.take_needed(&mut self.totals), emit.take_needed(&mut self.seen));
        let nulls = NullBuffer::from(seen);
        (totals, (nulls.null_count() > 0).then_some(nulls))
    }
}

/// The rows that a filter lets through and that are not NULL; `None` if that is all.
fn wanted(values: &dyn Array, filter: Option<&BooleanArray>) -> Option<NullBuffer> {
    let filter = filter.map(|filter| {
        let passes = NullBuffer::new(filter.values().clone());
        NullBuffer::union(Some(&passes), filter.nulls()).unwrap_or(passes)
    });
    NullBuffer::union(values.nulls(), filter.as_ref()).filter(|wanted| wanted.null_count() > 0)
}

impl GroupsAccumulator for GroupTotals {
    fn update_batch(&mut self, values: &[ArrayRef], groups: &[usize], filter: Option<&BooleanArray>, count: usize) -> DataFusionResult<()> {
        match self.kind {
            Kind::Signed => self.add(values[0].as_primitive::<Int64Type>(), groups, filter, count),
            Kind::Unsigned => self.add(values[0].as_primitive::<UInt64Type>(), groups, filter, count),
            Kind::Decimal(..) => self.add(values[0].as_primitive::<Decimal128Type>(), groups, filter, count),
        }
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], count: usize) -> DataFusionResult<()> {
        self.add(states[0].as_primitive::<Decimal128Type>(), groups, None, count)
    }

    fn evaluate(&mut self, emit: EmitTo) -> DataFusionResult<ArrayRef> {
        let (totals, nulls) = self.take(emit);
        self.kind.result(totals, nulls)
    }

    fn state(&mut self, emit: EmitTo) -> DataFusionResult<Vec<ArrayRef>> {
        let (totals, nulls) = self.take(emit);
        Ok(vec![self.kind.state(totals, nulls)?])
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> DataFusionResult<Vec<ArrayRef>> {
        let totals: Vec<i128> = match self.kind {
            Kind::Signed => values[0].as_primitive::<Int64Type>().values().iter().map(|value| i128::from(*value)).collect(),
            Kind::Unsigned => values[0].as_primitive::<UInt64Type>().values().iter().map(|value| i128::from(*value)).collect(),
            Kind::Decimal(..) => values[0].as_primitive::<Decimal128Type>().values().to_vec(),
        };
        Ok(vec![self.kind.state(totals, wanted(&values[0], filter))?])
    }

    fn size(&self) -> usize {
        self.totals.capacity() * size_of::<i128>() + self.seen.capacity()
    }
}
