//! Numbers and dates that Arrow writes otherwise than DuckDB and PostgreSQL: `1e+16`, `1e-05`; years beyond 9999 without a sign, and those before our era as
//! `0044-03-15 (BC)`. Arrow formats all others, and a column that has none of these as a whole.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Date32Type, Date64Type, Float32Type, Float64Type, Int64Type};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, DisplayIndex, FormatOptions, FormatResult};

/// Numbers from here on have an exponent.
const LARGE: f64 = 1e16;

/// Numbers below have one, too.
const SMALL: f64 = 1e-4;

/// 0001-01-01 and 9999-12-31 in days since 1970.
const DAYS: std::ops::RangeInclusive<i64> = -719_162..=2_932_896;

/// The formatter of a column with such values; none for others.
pub(super) fn formatter<'a>(array: &'a dyn Array, options: &FormatOptions<'a>) -> Result<Option<Box<dyn DisplayIndex + 'a>>, ArrowError> {
    let null = options.null();
    Ok(match array.data_type() {
        DataType::Float32 | DataType::Float64 if has_exponents(array) => Some(Box::new(Numbers { array, null })),
        DataType::Date32 | DataType::Date64 if options.date_format().is_none() && has_far_years(array) => Some(years(array, options)?),
        // SQL's own format, which is set, begins with the year.
        DataType::Timestamp(..) if options.timestamp_format().is_none_or(|format| format.starts_with("%Y-")) && has_far_years(array) => {
            Some(years(array, options)?)
        }
        _ => None,
    })
}

/// Whether a column has values of which Arrow's text is not SQL's.
pub(crate) fn has_extremes(array: &dyn Array) -> bool {
    match array.data_type() {
        DataType::Float32 | DataType::Float64 => has_exponents(array),
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => has_far_years(array),
        _ => false,
    }
}

fn is_plain(number: f64) -> bool {
    number == 0.0 || !number.is_finite() || (SMALL..LARGE).contains(&number.abs())
}

fn has_exponents(array: &dyn Array) -> bool {
    match array.data_type() {
        DataType::Float32 => !array.as_primitive::<Float32Type>().values().iter().all(|number| is_plain(f64::from(*number))),
        _ => !array.as_primitive::<Float64Type>().values().iter().all(|number| is_plain(*number)),
    }
}

fn has_far_years(array: &dyn Array) -> bool {
    let per_day = |ticks: i64| DAYS.start() * ticks..=(DAYS.end() + 1) * ticks - 1;
    let far = |ticks: Option<i64>, values: &[i64]| ticks.is_none_or(|ticks| !values.iter().all(|value| per_day(ticks).contains(value)));
    match array.data_type() {
        DataType::Date32 => !array.as_primitive::<Date32Type>().values().iter().all(|day| DAYS.contains(&i64::from(*day))),
        DataType::Date64 => far(Some(86_400_000), array.as_primitive::<Date64Type>().values()),
        DataType::Timestamp(unit, _) => {
            use arrow::datatypes::TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
            let ticks = match unit {
                Second => 86_400,
                Millisecond => 86_400_000,
                Microsecond => 86_400_000_000,
                // They end in 2262.
                Nanosecond => return false,
            };
            let ticks_of = arrow::compute::cast(&arrow::array::make_array(array.to_data()), &DataType::Int64);
            ticks_of.is_ok_and(|all: ArrayRef| far(Some(ticks), all.as_primitive::<Int64Type>().values()))
        }
        _ => false,
    }
}

/// A finite number with the fewest digits that mean it.
fn number_text(digits: &str) -> String {
    let (mantissa, exponent) = digits.split_once('e').unwrap_or((digits, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

struct Numbers<'a> {
    array: &'a dyn Array,
    null: &'a str,
}

impl DisplayIndex for Numbers<'_> {
    fn write(&self, index: usize, f: &mut dyn Write) -> FormatResult {
        if self.array.is_null(index) {
            f.write_str(self.null)?;
            return Ok(());
        }
        match self.array.data_type() {
            DataType::Float32 => {
                let number = self.array.as_primitive::<Float32Type>().value(index);
                if is_plain(f64::from(number)) { write!(f, "{number:?}")? } else { f.write_str(&number_text(&format!("{number:e}")))? }
            }
            _ => {
                let number = self.array.as_primitive::<Float64Type>().value(index);
                if is_plain(number) { write!(f, "{number:?}")? } else { f.write_str(&number_text(&format!("{number:e}")))? }
            }
        }
        Ok(())
    }
}

/// Moments as Arrow writes them, the year then mended.
struct Years<'a> {
    inner: ArrayFormatter<'a>,
    array: &'a dyn Array,
    null: &'a str,
}

fn years<'a>(array: &'a dyn Array, options: &FormatOptions<'a>) -> Result<Box<dyn DisplayIndex + 'a>, ArrowError> {
    let inner = ArrayFormatter::try_new(array, &options.clone().with_formatter_factory(None))?;
    Ok(Box::new(Years { inner, array, null: options.null() }))
}

impl DisplayIndex for Years<'_> {
    fn write(&self, index: usize, f: &mut dyn Write) -> FormatResult {
        match self.array.is_null(index) {
            true => f.write_str(self.null)?,
            false => f.write_str(&with_year(&self.inner.value(index).try_to_string()?))?,
        }
        Ok(())
    }
}

/// `+10000-01-01` is 10000-01-01; `0000-12-31` the year 1 before our era, `-0043-03-15` the year 44.
fn with_year(text: &str) -> String {
    let (sign, rest) = match text.strip_prefix(['+', '-']) {
        Some(rest) => (&text[..1], rest),
        None => ("", text),
    };
    match rest.split_once('-').and_then(|(year, day)| Some((year.parse::<i64>().ok()?, day))) {
        Some((year, day)) if sign == "-" || year == 0 => format!("{:04}-{day} (BC)", year + 1),
        _ => rest.to_owned(),
    }
}

/// The texts of a column without such values are Arrow's.
pub(crate) fn plain_texts(array: &ArrayRef) -> Option<ArrayRef> {
    let is_arrows = matches!(array.data_type(), DataType::Float32 | DataType::Float64 | DataType::Date32 | DataType::Date64);
    if !is_arrows || has_extremes(array) {
        return None;
    }
    arrow::compute::cast(array, &DataType::Utf8View).ok().map(|texts| Arc::clone(&texts))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use arrow::array::{Date32Array, Float32Array, Float64Array, TimestampMicrosecondArray};
    use arrow::datatypes::Field;

    use crate::text::values;

    fn texts(array: &dyn arrow::array::Array) -> Vec<String> {
        let field = Field::new("x", array.data_type().clone(), true);
        let options = values::options("NULL");
        let formatter = values::formatter(&field, array, &options).unwrap();
        (0..array.len()).map(|row| formatter.value(row).try_to_string().unwrap()).collect()
    }

    #[test]
    fn numbers_have_exponents_of_two_digits() {
        let numbers = Float64Array::from(vec![1e16, -1.5e-5, 1e15, 0.0001, 0.0, f64::INFINITY, 1e300]);
        assert_eq!(texts(&numbers), ["1e+16", "-1.5e-05", "1000000000000000.0", "0.0001", "0.0", "inf", "1e+300"]);
        assert_eq!(texts(&Float32Array::from(vec![1e30_f32, 0.1])), ["1e+30", "0.1"]);
    }

    #[test]
    fn years_have_no_sign() {
        let days = Date32Array::from(vec![Some(2_932_897), Some(-719_163), Some(0), None, Some(-735_000)]);
        assert_eq!(texts(&days), ["10000-01-01", "0001-12-31 (BC)", "1970-01-01", "NULL", "0044-08-22 (BC)"]);
        let moments = TimestampMicrosecondArray::from(vec![2_932_897 * 86_400_000_000 + 1_000_000]);
        assert_eq!(texts(&moments), ["10000-01-01 00:00:01"]);
    }
}
