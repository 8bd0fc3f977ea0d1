//! What depends on the order of values: quantiles, medians, the most frequent, the n greatest.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, UInt32Array, new_empty_array};
use arrow::compute::{SortOptions, cast, sort_to_indices, take};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::common::utils::SingleRowListArrayBuilder;

use super::collected::{Definition, Group, null, ranked, value_at};
use crate::error::{Error, Result, from_datafusion};
use crate::semantics::{order_keys, scaled_interval};

pub(super) fn definitions() -> Vec<Definition> {
    [quantiles(), others()].concat()
}

fn quantiles() -> Vec<Definition> {
    vec![
        Definition {
            name: "quantile_cont",
            aliases: &["percentile_cont"],
            usage: "quantile_cont(x, fraction)",
            about: "the value below which a fraction of all is, between two of them if need be; of a list of fractions a list",
            example: "quantile_cont(x, 0.5)",
            takes: |arguments| match arguments {
                [x, fractions] => Some(vec![continuous_input(x)?, fraction_type(fractions)?]),
                _ => None,
            },
            gives: |arguments| as_list_if(arguments.get(1), continuous(arguments.first())),
            finish: |group| fractions(group, continuous_at),
            of_none: null,
        },
        Definition {
            name: "quantile_disc",
            aliases: &["percentile_disc", "quantile"],
            usage: "quantile_disc(x, fraction)",
            about: "the first value that at least a fraction of all is not above; of a list of fractions a list",
            example: "quantile_disc(x, 0.5)",
            takes: |arguments| match arguments {
                [x, fractions] => Some(vec![x.clone(), fraction_type(fractions)?]),
                _ => None,
            },
            gives: |arguments| as_list_if(arguments.get(1), arguments.first().cloned().unwrap_or(DataType::Null)),
            finish: |group| fractions(group, discrete_at),
            of_none: null,
        },
        Definition {
            name: "median",
            aliases: &["approx_median"],
            usage: "median(x)",
            about: "the value in the middle; of two in the middle what is between them, or the second if they are texts",
            example: "median(x)",
            takes: |arguments| match arguments {
                [x] => Some(vec![continuous_input(x).unwrap_or_else(|| x.clone())]),
                _ => None,
            },
            gives: |arguments| match arguments.first() {
                Some(x) if continuous_input(x).is_some() => continuous(Some(x)),
                other => other.cloned().unwrap_or(DataType::Null),
            },
            finish: |group| {
                let sorted = sorted(group)?;
                match continuous_input(sorted.data_type()) {
                    Some(_) => continuous_at(&sorted, 0.5),
                    None => discrete_at(&sorted, 0.5),
                }
            },
            of_none: null,
        },
    ]
}

fn others() -> Vec<Definition> {
    vec![
        Definition {
            name: "mad",
            aliases: &[],
            usage: "mad(x)",
            about: "the median of the values' distances from their median",
            example: "mad(x)",
            takes: |arguments| match arguments {
                [x] if x.is_numeric() => Some(vec![DataType::Float64]),
                _ => None,
            },
            gives: |_| DataType::Float64,
            finish: |group| {
                let values = sorted(group)?;
                let ScalarValue::Float64(Some(middle)) = continuous_at(&values, 0.5)? else { return Ok(ScalarValue::Float64(None)) };
                let distances = values.as_primitive::<Float64Type>().unary::<_, Float64Type>(|value| (value - middle).abs());
                let distances: ArrayRef = Arc::new(distances);
                let order = sort_to_indices(&distances, None, None)?;
                continuous_at(&take(&distances, &order, None)?, 0.5)
            },
            of_none: null,
        },
        Definition {
            name: "mode",
            aliases: &[],
            usage: "mode(x)",
            about: "the most frequent value; the least of several that are equally frequent",
            example: "mode(x)",
            takes: |arguments| matches!(arguments, [_]).then(|| arguments.to_vec()),
            gives: |arguments| arguments.first().cloned().unwrap_or(DataType::Null),
            finish: |group| {
                let mut best: Option<super::collected::Run> = None;
                for run in ranked(&group.values)? {
                    if best.is_none_or(|best| run.count > best.count) {
                        best = Some(run);
                    }
                }
                let row = best.and_then(|best| usize::try_from(best.first).ok()).unwrap_or(0);
                value_at(&group.values, row)
            },
            of_none: null,
        },
        n_extreme("max_n", "max_n(x, n)", "the n greatest values", "max_n(x, 3)", |group| extremes(group, true)),
        n_extreme("min_n", "min_n(x, n)", "the n least values", "min_n(x, 3)", |group| extremes(group, false)),
    ]
}

fn n_extreme(
    name: &'static str,
    usage: &'static str,
    about: &'static str,
    example: &'static str,
    finish: fn(&Group<'_>) -> Result<ScalarValue>,
) -> Definition {
    Definition {
        name,
        aliases: &[],
        usage,
        about,
        example,
        takes: |arguments| match arguments {
            [x, n] if n.is_integer() => Some(vec![x.clone(), DataType::Int64]),
            _ => None,
        },
        gives: |arguments| list_of(arguments.first().cloned().unwrap_or(DataType::Null)),
        finish,
        of_none: null,
    }
}

fn list_of(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(item, true)))
}

/// What a continuous quantile is computed of.
fn continuous_input(x: &DataType) -> Option<DataType> {
    match x {
        numeric if numeric.is_numeric() => Some(DataType::Float64),
        DataType::Null => Some(DataType::Float64),
        DataType::Date32 | DataType::Date64 => Some(DataType::Timestamp(TimeUnit::Microsecond, None)),
        DataType::Timestamp(..) | DataType::Time64(_) | DataType::Interval(_) => Some(x.clone()),
        _ => None,
    }
}

fn continuous(x: Option<&DataType>) -> DataType {
    x.and_then(continuous_input).unwrap_or(DataType::Float64)
}

fn fraction_type(fractions: &DataType) -> Option<DataType> {
    match fractions {
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => Some(list_of(DataType::Float64)),
        number if number.is_numeric() => Some(DataType::Float64),
        _ => None,
    }
}

fn as_list_if(fractions: Option<&DataType>, item: DataType) -> DataType {
    match fractions {
        Some(DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..)) => list_of(item),
        _ => item,
    }
}

fn sorted(group: &Group<'_>) -> Result<ArrayRef> {
    let options = SortOptions { descending: group.descending, nulls_first: false };
    let order = sort_to_indices(&order_keys(&group.values)?, Some(options), None)?;
    Ok(take(&group.values, &order, None)?)
}

/// One quantile, or a list of them.
fn fractions(group: &Group<'_>, at: fn(&ArrayRef, f64) -> Result<ScalarValue>) -> Result<ScalarValue> {
    let sorted = sorted(group)?;
    let constant = group.constants.first().ok_or_else(|| Error::internal("a quantile has no fraction"))?;
    let one = |fraction: f64| match (0.0..=1.0).contains(&fraction) {
        true => at(&sorted, fraction),
        false => Err(Error::invalid(format!("a fraction is from 0 to 1, not {fraction}"))),
    };
    match (constant, group.result) {
        (ScalarValue::Float64(Some(fraction)), _) => one(*fraction),
        (ScalarValue::List(list), DataType::List(item)) => {
            let all = cast(&list.value(0), &DataType::Float64)?;
            let all = all.as_primitive::<Float64Type>();
            let values = (0..all.len()).filter(|place| all.is_valid(*place)).map(|place| one(all.value(place)));
            let values = values.collect::<Result<Vec<_>>>()?;
            let array = match values.is_empty() {
                true => new_empty_array(item.data_type()),
                false => ScalarValue::iter_to_array(values).map_err(from_datafusion)?,
            };
            Ok(SingleRowListArrayBuilder::new(array).with_nullable(true).build_list_scalar())
        }
        _ => ScalarValue::try_from(group.result).map_err(from_datafusion),
    }
}

fn discrete_at(sorted: &ArrayRef, fraction: f64) -> Result<ScalarValue> {
    // Half of three is the second: the first whose share, counted with it, is not below the fraction.
    let place = (fraction * sorted.len() as f64).ceil() as usize;
    value_at(sorted, place.saturating_sub(1).min(sorted.len().saturating_sub(1)))
}

fn continuous_at(sorted: &ArrayRef, fraction: f64) -> Result<ScalarValue> {
    let place = fraction * (sorted.len().saturating_sub(1)) as f64;
    let (low, high, share) = (place.floor() as usize, place.ceil() as usize, place - place.floor());
    if let Some(floats) = sorted.as_primitive_opt::<Float64Type>() {
        let (low, high) = (floats.value(low), floats.value(high));
        let between = if share == 0.0 || low == high { low } else { low + (high - low) * share };
        return Ok(ScalarValue::Float64(Some(between)));
    }
    if let Some(intervals) = sorted.as_primitive_opt::<IntervalMonthDayNanoType>() {
        return Ok(ScalarValue::IntervalMonthDayNano(Some(interval_at(intervals.value(low), intervals.value(high), share)?)));
    }
    let ticks = cast(sorted, &DataType::Int64)?;
    let ticks = ticks.as_primitive::<Int64Type>();
    let (low, high) = (ticks.value(low), ticks.value(high));
    let between = low + ((high - low) as f64 * share) as i64;
    value_at(&cast(&arrow::array::Int64Array::from(vec![between]), sorted.data_type())?, 0)
}

/// The interval that is a share of the way from one to another, part by part.
fn interval_at(low: IntervalMonthDayNano, high: IntervalMonthDayNano, share: f64) -> Result<IntervalMonthDayNano> {
    if share == 0.0 || low == high {
        return Ok(low);
    }
    let distance = high.checked_sub(low).and_then(|distance| scaled_interval(distance, share));
    distance.and_then(|distance| low.checked_add(distance)).ok_or_else(|| Error::invalid("a quantile of INTERVALs is out of range"))
}

fn extremes(group: &Group<'_>, descending: bool) -> Result<ScalarValue> {
    let n = match group.constants.first() {
        Some(ScalarValue::Int64(Some(n))) if *n > 0 => usize::try_from(*n).unwrap_or(usize::MAX),
        _ => return Err(Error::invalid("how many values are asked for is a number above 0")),
    };
    let options = SortOptions { descending, nulls_first: false };
    let order: UInt32Array = sort_to_indices(&order_keys(&group.values)?, Some(options), Some(n))?;
    let values = take(&group.values, &order, None)?;
    Ok(SingleRowListArrayBuilder::new(values).with_nullable(true).build_list_scalar())
}
