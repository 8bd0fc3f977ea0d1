//! Text of values that are no numbers: as the peers' workers write it (`benchmarks/peers/worker.py`), so that it can be compared.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, DurationMicrosecondType, Field, Float64Type, IntervalMonthDayNanoType, IntervalUnit, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use clouddb_engine::text::values;
use serde_json::Value;

use crate::error::{Context, Error, Result};

/// How long a month is in Python, which has no months.
const DAYS_OF_A_MONTH: i64 = 30;
const MICROSECONDS_OF_A_DAY: i64 = 24 * 60 * 60 * 1_000_000;

/// The texts of a column's values; for NULL `None`.
pub(super) fn texts(array: &dyn Array) -> Result<Vec<Option<String>>> {
    let known = |text: &dyn Fn(usize) -> Result<String>| -> Result<Vec<_>> {
        (0..array.len()).map(|row| if array.is_null(row) { Ok(None) } else { text(row).map(Some) }).collect()
    };
    match array.data_type() {
        DataType::Interval(_) => {
            let months = arrow::compute::cast(array, &DataType::Interval(IntervalUnit::MonthDayNano))?;
            let months = months.as_primitive::<IntervalMonthDayNanoType>();
            known(&|row| {
                let value = months.value(row);
                let days = i64::from(value.months) * DAYS_OF_A_MONTH + i64::from(value.days);
                Ok(format!("interval {}", days * MICROSECONDS_OF_A_DAY + value.nanoseconds / 1000))
            })
        }
        DataType::Duration(_) => {
            let wide = arrow::compute::cast(array, &DataType::Duration(TimeUnit::Microsecond))?;
            known(&|row| Ok(format!("interval {}", wide.as_primitive::<DurationMicrosecondType>().value(row))))
        }
        DataType::Timestamp(..) | DataType::Time32(_) | DataType::Time64(_) => {
            let (formatted, aware) = (formatted(array)?, matches!(array.data_type(), DataType::Timestamp(_, Some(_))));
            let moment = |row: usize| -> Result<String> {
                let text = formatted[row].trim_end_matches('Z');
                let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
                Ok(format!("{text}{}", if aware { "Z" } else { "" }))
            };
            known(&moment)
        }
        // As SQL shows them: years beyond 9999 and before our era have no other text that all agree on.
        DataType::Date32 | DataType::Date64 => {
            let field = Field::new("", array.data_type().clone(), true);
            let formatter = values::formatter(&field, array, &values::options("NULL"))?;
            known(&|row| Ok(formatter.value(row).try_to_string()?))
        }
        data_type if data_type.is_nested() => known(&|row| nested(&array.slice(row, 1))),
        _ => {
            let formatted = formatted(array)?;
            known(&|row| Ok(formatted[row].clone()))
        }
    }
}

fn formatted(array: &dyn Array) -> Result<Vec<String>> {
    // Moments of time in UTC.
    let utc = match array.data_type() {
        DataType::Timestamp(unit, Some(_)) => Some(arrow::compute::cast(array, &DataType::Timestamp(*unit, Some("UTC".into())))?),
        _ => None,
    };
    let formatter = ArrayFormatter::try_new(utc.as_deref().unwrap_or(array), &FormatOptions::new())?;
    (0..array.len()).map(|row| Ok(formatter.value(row).try_to_string()?)).collect()
}

/// The text of the one value of an array: JSON, but for numbers, of which all have ten digits, and keys of any type.
fn nested(value: &ArrayRef) -> Result<String> {
    if value.is_null(0) || value.data_type() == &DataType::Null {
        return Ok("null".to_owned());
    }
    let items = |values: ArrayRef| -> Result<String> {
        Ok(format!("[{}]", (0..values.len()).map(|row| nested(&values.slice(row, 1))).collect::<Result<Vec<_>>>()?.join(", ")))
    };
    match value.data_type() {
        DataType::List(_) => items(value.as_list::<i32>().value(0)),
        DataType::LargeList(_) => items(value.as_list::<i64>().value(0)),
        DataType::FixedSizeList(..) => items(value.as_fixed_size_list().value(0)),
        DataType::Struct(fields) => {
            let columns = fields.iter().zip(value.as_struct().columns());
            let pairs = columns.map(|(field, column)| Ok(format!("{}: {}", Value::from(field.name().as_str()), nested(column)?)));
            Ok(format!("{{{}}}", pairs.collect::<Result<Vec<_>>>()?.join(", ")))
        }
        DataType::Map(..) => {
            let entries = value.as_map().value(0);
            let pair = |row| Ok(format!("{}: {}", nested(&entries.column(0).slice(row, 1))?, nested(&entries.column(1).slice(row, 1))?));
            Ok(format!("{{{}}}", (0..entries.len()).map(pair).collect::<Result<Vec<_>>>()?.join(", ")))
        }
        DataType::Boolean => Ok(value.as_boolean().value(0).to_string()),
        data_type if data_type.is_numeric() => {
            let number = arrow::compute::cast(value, &DataType::Float64)?.as_primitive::<Float64Type>().value(0);
            Ok(if number.is_finite() { format!("{number:.9e}") } else { number.to_string().to_lowercase() })
        }
        _ => {
            let text = texts(value.as_ref())?.pop().flatten().context("a value without a text")?;
            serde_json::to_string(&text).map_err(Error::from)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ListArray, StructArray, TimestampMicrosecondArray};
    use arrow::datatypes::{Field, Int32Type};

    use super::*;

    #[test]
    fn what_is_inside_lists_and_structs_is_written_as_the_workers_do() -> Result<()> {
        let list: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(15), None]), None]));
        assert_eq!(texts(&list)?, [Some("[1.500000000e1, null]".to_owned()), None]);
        let field = Arc::new(Field::new("a \"b\"", list.data_type().clone(), true));
        let pairs = StructArray::from(vec![(field, list)]);
        assert_eq!(texts(&pairs)?[0].as_deref(), Some("{\"a \\\"b\\\"\": [1.500000000e1, null]}"));
        Ok(())
    }

    #[test]
    fn fractions_end_without_zeros() -> Result<()> {
        let moments = TimestampMicrosecondArray::from(vec![Some(1_120_000), Some(0)]);
        assert_eq!(texts(&moments)?, [Some("1970-01-01T00:00:01.12".to_owned()), Some("1970-01-01T00:00:00".to_owned())]);
        let zoned = moments.with_timezone("+02:00");
        assert_eq!(texts(&zoned)?[0].as_deref(), Some("1970-01-01T00:00:01.12Z"));
        Ok(())
    }
}
