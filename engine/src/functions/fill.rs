//! `fill(x) OVER (ORDER BY key)`: what is missing between the values that there are, on straight lines between them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Float64Array, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, Field, FieldRef, Float64Type, Int64Type};
use datafusion::common::Result;
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{
    DocSection, Documentation, LimitEffect, PartitionEvaluator, Signature, Volatility, WindowUDF, WindowUDFImpl,
};
use datafusion::physical_plan::PhysicalExpr;

use crate::error::{Error, while_planning};
use crate::types;

/// The function. The planner gives it the key of its ORDER BY as its second argument.
pub(super) fn function() -> Arc<WindowUDF> {
    let documentation = Documentation::builder(
        DocSection::default(),
        "what is missing among numbers or moments, on a straight line between those beside it, by the key of ORDER BY",
        "fill(x) OVER (ORDER BY key)",
    )
    .with_sql_example("fill(x) OVER (ORDER BY y)")
    .build();
    Arc::new(WindowUDF::new_from_impl(Fill { signature: Signature::user_defined(Volatility::Immutable), documentation }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Fill {
    signature: Signature,
    documentation: Documentation,
}

/// Whether values of a type have a place between two others.
fn is_between(data_type: &DataType) -> bool {
    let is_number = data_type.is_integer() || data_type.is_floating() || matches!(data_type, DataType::Decimal128(..));
    is_number || matches!(data_type, DataType::Date32 | DataType::Timestamp(..) | DataType::Time32(_) | DataType::Time64(_))
}

impl WindowUDFImpl for Fill {
    fn name(&self) -> &str {
        "fill"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        let hint = "it is called as fill(x) OVER (ORDER BY key), with one key, of numbers or moments both";
        match arguments {
            [value, key] if is_between(value) && is_between(key) => Ok(arguments.to_vec()),
            _ => {
                let found: Vec<String> = arguments.iter().take(1).map(types::name_of).collect();
                Err(while_planning(Error::invalid(format!("there is no fill({}) with such an order", found.join(", "))).with_hint(hint)))
            }
        }
    }

    fn partition_evaluator(&self, _: PartitionEvaluatorArgs<'_>) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(Box::new(Filled))
    }

    fn field(&self, arguments: WindowUDFFieldArgs<'_>) -> Result<FieldRef> {
        let data_type = arguments.get_input_field(0).map_or(DataType::Null, |field| field.data_type().clone());
        Ok(Arc::new(Field::new(arguments.name(), data_type, true)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }

    fn limit_effect(&self, _: &[Arc<dyn PhysicalExpr>]) -> LimitEffect {
        LimitEffect::Unknown
    }
}

#[derive(Debug)]
struct Filled;

impl PartitionEvaluator for Filled {
    fn evaluate_all(&mut self, values: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        let (Some(values), Some(keys)) = (values.first(), values.get(1)) else {
            return Err(while_planning(Error::internal("fill has no key")));
        };
        if values.null_count() == 0 {
            return Ok(Arc::clone(values));
        }
        let (values, keys) = (Points::of(values)?, Points::of(keys)?);
        let known: Vec<usize> = (0..rows).filter(|row| values.is_valid(*row) && keys.is_valid(*row)).collect();
        let mut filled = Vec::with_capacity(rows);
        // How many of the known ones are at this row or before it.
        let mut before = 0;
        for row in 0..rows {
            before += usize::from(known.get(before) == Some(&row));
            let pair = match (before, known.as_slice()) {
                _ if values.is_valid(row) || keys.is_null(row) => None,
                (_, []) => None,
                (_, [one]) => Some((*one, *one)),
                (0, [first, second, ..]) => Some((*first, *second)),
                (before, known) if before < known.len() => Some((known[before - 1], known[before])),
                (_, [.., last_but_one, last]) => Some((*last_but_one, *last)),
            };
            filled.push((row, pair));
        }
        values.filled(&keys, &filled)
    }

    fn uses_window_frame(&self) -> bool {
        false
    }

    fn supports_bounded_execution(&self) -> bool {
        false
    }
}

/// Values as points of a line.
struct Points {
    data_type: DataType,
    /// Exact ones, in the type's own ticks; of floats none.
    ticks: Option<Decimal128Array>,
    numbers: Float64Array,
}

impl Points {
    fn of(array: &ArrayRef) -> Result<Self> {
        let data_type = array.data_type().clone();
        let ticks = match &data_type {
            real if real.is_floating() => None,
            DataType::Decimal128(..) => Some(array.as_primitive::<Decimal128Type>().clone()),
            whole if whole.is_integer() => {
                let wide = cast(array, &DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0))?;
                Some(wide.as_primitive::<Decimal128Type>().clone())
            }
            DataType::Date32 | DataType::Time32(_) => Some(wide(&cast(&cast(array, &DataType::Int32)?, &DataType::Int64)?)),
            _ => Some(wide(&cast(array, &DataType::Int64)?)),
        };
        let numbers = match &ticks {
            Some(ticks) => ticks.unary::<_, Float64Type>(|tick| tick as f64),
            None => cast(array, &DataType::Float64)?.as_primitive::<Float64Type>().clone(),
        };
        Ok(Self { data_type, ticks, numbers })
    }

    fn is_valid(&self, row: usize) -> bool {
        self.numbers.is_valid(row)
    }

    fn is_null(&self, row: usize) -> bool {
        self.numbers.is_null(row)
    }

    /// The values, and what is on the lines through pairs of them.
    fn filled(&self, keys: &Self, rows: &[(usize, Option<(usize, usize)>)]) -> Result<ArrayRef> {
        let Some(ticks) = &self.ticks else {
            let one = |(row, pair): &(usize, Option<(usize, usize)>)| match pair {
                Some((from, to)) => Some(self.number_at(keys, *row, *from, *to)),
                None => self.is_valid(*row).then(|| self.numbers.value(*row)),
            };
            let filled: ArrayRef = Arc::new(rows.iter().map(one).collect::<Float64Array>());
            return Ok(cast(&filled, &self.data_type)?);
        };
        let one = |(row, pair): &(usize, Option<(usize, usize)>)| match pair {
            Some((from, to)) => {
                let exact = self.tick_at(keys, *row, *from, *to);
                // What is cut off is less than a tick.
                Some(exact.unwrap_or_else(|| self.number_at(keys, *row, *from, *to) as i128))
            }
            None => ticks.is_valid(*row).then(|| ticks.value(*row)),
        };
        let filled: Decimal128Array = rows.iter().map(one).collect();
        Ok(match &self.data_type {
            DataType::Decimal128(precision, scale) => {
                let filled = filled.with_precision_and_scale(*precision, *scale)?;
                filled.validate_decimal_precision(*precision)?;
                Arc::new(filled)
            }
            data_type => {
                let filled: ArrayRef = Arc::new(filled.with_precision_and_scale(DECIMAL128_MAX_PRECISION, 0)?);
                let whole = if data_type.is_integer() { data_type.clone() } else { DataType::Int64 };
                let filled = cast(&filled, &whole)?;
                match data_type {
                    DataType::Date32 | DataType::Time32(_) => cast(&cast(&filled, &DataType::Int32)?, data_type)?,
                    _ => cast(&filled, data_type)?,
                }
            }
        })
    }

    /// Where the line through two points is at a row's key; none if it is not exact.
    fn tick_at(&self, keys: &Self, row: usize, from: usize, to: usize) -> Option<i128> {
        let (ticks, keys) = (self.ticks.as_ref()?, keys.ticks.as_ref()?);
        let width = keys.value(to).checked_sub(keys.value(from))?;
        if width == 0 {
            return Some(ticks.value(from));
        }
        let rise = ticks.value(to).checked_sub(ticks.value(from))?;
        let far = keys.value(row).checked_sub(keys.value(from))?;
        let all = ticks.value(from).checked_mul(width)?.checked_add(rise.checked_mul(far)?)?;
        all.checked_div(width)
    }

    fn number_at(&self, keys: &Self, row: usize, from: usize, to: usize) -> f64 {
        let (numbers, keys) = (&self.numbers, &keys.numbers);
        let width = keys.value(to) - keys.value(from);
        let rise = numbers.value(to) - numbers.value(from);
        match width == 0.0 {
            true => numbers.value(from),
            false => numbers.value(from) + rise * ((keys.value(row) - keys.value(from)) / width),
        }
    }
}

/// Ticks of 64 bits as those of 128.
fn wide(ticks: &ArrayRef) -> Decimal128Array {
    let ticks: &Int64Array = ticks.as_primitive::<Int64Type>();
    ticks.unary::<_, Decimal128Type>(i128::from)
}
