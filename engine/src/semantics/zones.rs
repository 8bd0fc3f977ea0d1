//! `AT TIME ZONE`: the clock on a wall somewhere, of a moment; and the moment, of a clock on a wall.
//!
//! It is called as PostgreSQL's and DuckDB's function `timezone(zone, timestamp)`. A wall clock that was skipped when clocks went forward is read with the
//! offset before that; one that was shown twice stands for the later moment: as in PostgreSQL.

use arrow::array::timezone::Tz;
use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimeUnit};
use chrono::{DateTime, Days, LocalResult, NaiveDateTime, Offset, TimeZone};
use datafusion::common::Result as DataFusionResult;
use datafusion::logical_expr::{ColumnarValue, DocSection, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

use super::casts::per_second;
use crate::error::{Error, Result, to_datafusion};
use crate::types::ZONE;

/// In a second.
const MICROS: i64 = 1_000_000;

/// The function's name.
pub(crate) const TIMEZONE: &str = "timezone";

/// The function `timezone(zone, timestamp)`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct AtTimeZone {
    signature: Signature,
    documentation: Documentation,
}

impl Default for AtTimeZone {
    fn default() -> Self {
        let about = "the clock on a wall somewhere, of a moment, or the moment of such a clock: what AT TIME ZONE means";
        let documentation = Documentation::builder(DocSection::default(), about, "timezone(zone, timestamp)");
        let example = "timezone('Europe/Zurich', TIMESTAMPTZ '2024-05-06 12:00:00Z')";
        Self { signature: Signature::any(2, Volatility::Immutable), documentation: documentation.with_sql_example(example).build() }
    }
}

impl ScalarUDFImpl for AtTimeZone {
    fn name(&self) -> &str {
        TIMEZONE
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> DataFusionResult<DataType> {
        match arguments {
            [_, DataType::Timestamp(unit, Some(_))] => Ok(DataType::Timestamp(*unit, None)),
            [_, DataType::Timestamp(unit, None)] => Ok(DataType::Timestamp(*unit, Some(ZONE.into()))),
            [_, DataType::Null] => Ok(DataType::Timestamp(TimeUnit::Microsecond, None)),
            other => {
                let found = other.last().map(ToString::to_string).unwrap_or_default();
                let error = Error::invalid(format!("AT TIME ZONE needs a TIMESTAMP, with a time zone or without, not {found}"));
                Err(to_datafusion(error.with_hint("write TIMESTAMP '...' or TIMESTAMPTZ '...' before AT TIME ZONE")))
            }
        }
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
        moved(&arrays[0], &arrays[1], arguments.return_field.data_type()).map(ColumnarValue::Array).map_err(to_datafusion)
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// Clocks of moments, or moments of clocks, each in its zone.
///
/// # Errors
/// *Invalid* for a zone that is not there, and for years that are too far away.
pub(super) fn moved(zones: &ArrayRef, times: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let DataType::Timestamp(unit, to_zone) = to else { return Err(Error::internal(format!("{to} is no timestamp"))) };
    let is_moment = matches!(times.data_type(), DataType::Timestamp(_, Some(_)));
    let zones = cast(zones, &DataType::Utf8View)?;
    let zones = zones.as_string_view();
    // The zone of a moment is only how it is shown.
    let times = cast(times, &DataType::Timestamp(*unit, None)).and_then(|times| cast(&times, &DataType::Int64))?;
    let times = times.as_primitive::<Int64Type>();
    let per_second = per_second(*unit);
    let mut known: Option<(&str, Tz)> = None;
    let mut result = Vec::with_capacity(times.len());
    for row in 0..times.len() {
        if zones.is_null(row) || times.is_null(row) {
            result.push(None);
            continue;
        }
        let zone = match known {
            Some((name, zone)) if name == zones.value(row) => zone,
            _ => {
                let name = zones.value(row);
                let zone = named(name)?;
                known = Some((name, zone));
                zone
            }
        };
        let time = times.value(row);
        let beyond = || Error::invalid("a timestamp is too far away for AT TIME ZONE");
        let clock = DateTime::from_timestamp(time.div_euclid(per_second), 0).ok_or_else(beyond)?.naive_utc();
        let offset = match is_moment {
            true => i64::from(zone.offset_from_utc_datetime(&clock).fix().local_minus_utc()),
            false => -offset_of_clock(zone, clock).ok_or_else(beyond)?,
        };
        result.push(Some(time.checked_add(offset * per_second).ok_or_else(beyond)?));
    }
    let result = Int64Array::from(result);
    let result = cast(&result, &DataType::Timestamp(*unit, None))?;
    Ok(match to_zone {
        None => result,
        Some(_) => cast(&cast(&result, &DataType::Int64)?, to)?,
    })
}

/// Seconds by which a wall clock in a zone is ahead of UTC.
fn offset_of_clock(zone: Tz, clock: NaiveDateTime) -> Option<i64> {
    let offset = match zone.offset_from_local_datetime(&clock) {
        LocalResult::Single(offset) => offset,
        LocalResult::Ambiguous(_, later) => later,
        LocalResult::None => zone.offset_from_local_datetime(&clock.checked_sub_days(Days::new(1))?).earliest()?,
    };
    Some(i64::from(offset.fix().local_minus_utc()))
}

/// The zone of a name, or of an offset.
///
/// # Errors
/// *Invalid* if there is none.
pub(crate) fn named(name: &str) -> Result<Tz> {
    name.parse()
        .map_err(|_| Error::invalid(format!("there is no time zone '{name}'")).with_hint("such as 'Europe/Zurich', '+02:00', 'UTC'"))
}

/// Microseconds by which a zone's clock is ahead of UTC, at a moment in microseconds.
pub(super) fn offset_of_moment(zone: Tz, micros: i64) -> Option<i64> {
    let moment = DateTime::from_timestamp_micros(micros)?.naive_utc();
    Some(i64::from(zone.offset_from_utc_datetime(&moment).fix().local_minus_utc()) * MICROS)
}

/// The same, when the clock shows a time in microseconds.
pub(super) fn offset_of_clock_micros(zone: Tz, micros: i64) -> Option<i64> {
    Some(offset_of_clock(zone, DateTime::from_timestamp_micros(micros)?.naive_utc())? * MICROS)
}
