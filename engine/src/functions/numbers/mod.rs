//! Functions of numbers, where DataFusion has none or answers otherwise.

mod bits;
pub(super) mod patterns;
mod rounding;
mod whole;

use std::sync::Arc;

use datafusion::logical_expr::ScalarUDF;

use super::rows::{Function, Kind, Out, function};
use crate::error::{Error, Result};

/// All that look at rows.
pub(super) fn functions() -> Vec<Function> {
    [floats(), whole::functions(), bits::functions()].concat()
}

/// Those that keep their argument's type.
pub(super) fn of_any_number() -> Vec<Arc<ScalarUDF>> {
    rounding::functions()
}

/// Defines a function of a DOUBLE.
macro_rules! float {
    ($name:literal, $also:expr, $about:literal, $run:expr) => {
        function($name, concat!($name, "(x)"), $about, concat!($name, "(1)")).also(&$also).form(&[Kind::Float], Kind::Float, |a| {
            let run: fn(f64) -> f64 = $run;
            Ok(run(a.float(0)?).into())
        })
    };
}

fn floats() -> Vec<Function> {
    use Kind::{Bool, Date, Float, Int, Moment, Text, Timestamp};
    vec![
        float!("sqrt", [], "the square root; NaN of a negative number", f64::sqrt),
        float!("gamma", [], "the gamma function, which is (x - 1)! for whole numbers", libm::tgamma),
        float!("lgamma", [], "the logarithm of the gamma function", libm::lgamma),
        float!("even", [], "rounded up, away from zero, to an even number", even),
        function("log", "log([base,] x)", "the logarithm, with base 10 unless one is given", "log(2, 8)")
            .form(&[Float], Float, |a| Ok(a.float(0)?.log10().into()))
            .form(&[Float, Float], Float, |a| Ok((a.float(1)?.ln() / a.float(0)?.ln()).into())),
        function("power", "power(x, y)", "x to the power of y", "power(2, 10)")
            .also(&["pow"])
            .form(&[Float, Float], Float, |a| Ok(a.float(0)?.powf(a.float(1)?).into())),
        function("fdiv", "fdiv(x, y)", "the quotient rounded down", "fdiv(7, 2)")
            .form(&[Float, Float], Float, |a| Ok((a.float(0)? / a.float(1)?).floor().into())),
        function("fmod", "fmod(x, y)", "what a division rounded down leaves over", "fmod(7.5, 2)").form(&[Float, Float], Float, |a| {
            let (x, y) = (a.float(0)?, a.float(1)?);
            Ok((x - y * (x / y).floor()).into())
        }),
        function("isnan", "isnan(x)", "whether it is not a number", "isnan('NaN'::DOUBLE)")
            .form(&[Float], Bool, |a| Ok(a.float(0)?.is_nan().into())),
        function("isinf", "isinf(x)", "whether it is infinite", "isinf('inf'::DOUBLE)")
            .form(&[Float], Bool, |a| Ok(a.float(0)?.is_infinite().into()))
            .form(&[Date], Bool, |_| Ok(false.into()))
            .form(&[Timestamp], Bool, |_| Ok(false.into()))
            .form(&[Moment], Bool, |_| Ok(false.into())),
        function("isfinite", "isfinite(x)", "whether it is a number and not infinite", "isfinite(1.5)")
            .form(&[Float], Bool, |a| Ok(a.float(0)?.is_finite().into()))
            .form(&[Date], Bool, |_| Ok(true.into()))
            .form(&[Timestamp], Bool, |_| Ok(true.into()))
            .form(&[Moment], Bool, |_| Ok(true.into())),
        function("signbit", "signbit(x)", "whether there is a minus in front, also of zero", "signbit(-0.0)")
            .form(&[Float], Bool, |a| Ok(a.float(0)?.is_sign_negative().into())),
        function("sign", "sign(x)", "-1, 0 or 1", "sign(-5)").also(&["signum"]).form(&[Int], Int, |a| Ok(a.int(0)?.signum().into())).form(
            &[Float],
            Int,
            |a| {
                let x = a.float(0)?;
                Ok((i64::from(x > 0.0) - i64::from(x < 0.0)).into())
            },
        ),
        function("nextafter", "nextafter(x, y)", "the DOUBLE next to x on the way to y", "nextafter(1, 2)").form(
            &[Float, Float],
            Float,
            |a| Ok(libm::nextafter(a.float(0)?, a.float(1)?).into()),
        ),
        function(
            "width_bucket",
            "width_bucket(x, low, high, count)",
            "which of so many equal parts of a range x is in",
            "width_bucket(5, 0, 10, 5)",
        )
        .form(&[Float, Float, Float, Int], Int, |a| {
            let (x, low, high, count) = (a.float(0)?, a.float(1)?, a.float(2)?, a.int(3)?);
            if count < 1 || low == high || !low.is_finite() || !high.is_finite() || x.is_nan() {
                return Err(Error::invalid("width_bucket needs a range, and a count of at least 1"));
            }
            let share = (x - low) / (high - low);
            Ok(match share {
                ..0.0 => 0,
                1.0.. => count.saturating_add(1),
                _ => (share * count as f64) as i64 + 1,
            }
            .into())
        }),
        function("bar", "bar(x, min, max[, width])", "a bar whose length shows where x is in a range", "bar(5, 0, 10, 10)")
            .form(&[Float, Float, Float], Text, |a| bar(a.float(0)?, a.float(1)?, a.float(2)?, 80.0).map(Into::into))
            .form(&[Float, Float, Float, Float], Text, |a| bar(a.float(0)?, a.float(1)?, a.float(2)?, a.float(3)?).map(Into::into)),
        function("format_bytes", "format_bytes(bytes)", "a number of bytes in KiB, MiB, GiB …", "format_bytes(12345678)")
            .also(&["pg_size_pretty", "formatReadableSize", "formatreadablesize"])
            .form(&[Int], Text, |a| Ok(readable(a.int(0)?, 1024, &["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]).into())),
        function(
            "formatreadabledecimalsize",
            "formatReadableDecimalSize(bytes)",
            "a number of bytes in kB, MB, GB …",
            "formatReadableDecimalSize(12345678)",
        )
        .also(&["formatReadableDecimalSize"])
        .form(&[Int], Text, |a| Ok(readable(a.int(0)?, 1000, &["kB", "MB", "GB", "TB", "PB", "EB"]).into())),
    ]
}

fn even(x: f64) -> f64 {
    let rounded = if x >= 0.0 { x.ceil() } else { x.floor() };
    if rounded % 2.0 == 0.0 { rounded } else { rounded + 1.0_f64.copysign(x) }
}

fn bar(x: f64, min: f64, max: f64, width: f64) -> Result<String> {
    // Eighths of a character, from the left.
    const PARTS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    if x.is_nan() || min.is_nan() || max.is_nan() || max <= min {
        return Err(Error::invalid("bar needs numbers, and a maximum above the minimum"));
    }
    if !(1.0..=1000.0).contains(&width) {
        return Err(Error::invalid("the width of a bar is from 1 to 1000"));
    }
    let eighths = ((x - min) / (max - min)).clamp(0.0, 1.0) * width * 8.0;
    let (full, part) = ((eighths / 8.0) as usize, (eighths % 8.0) as usize);
    let mut text = "█".repeat(full);
    if part > 0 {
        text.extend(PARTS.get(part));
    }
    let missing = (width as usize).saturating_sub(full + usize::from(part > 0));
    Ok(text + &" ".repeat(missing))
}

/// A number of bytes with one digit behind the point, which is cut, not rounded.
fn readable(bytes: i64, step: u64, units: &[&str]) -> String {
    let sign = if bytes < 0 { "-" } else { "" };
    let size = bytes.unsigned_abs();
    if size < step {
        return format!("{sign}{size} {}", if size == 1 { "byte" } else { "bytes" });
    }
    let mut unit = step;
    let mut place = 0;
    while place + 1 < units.len() && size / step >= unit {
        unit = unit.saturating_mul(step);
        place += 1;
    }
    let tenths = u128::from(size) * 10 / u128::from(unit);
    format!("{sign}{}.{} {}", tenths / 10, tenths % 10, units.get(place).copied().unwrap_or("bytes"))
}

/// The error for a result that has no place in a BIGINT.
fn overflow(what: &str) -> Error {
    Error::invalid(format!("{what} is out of the range of BIGINT"))
}

/// A result that may have no place in a BIGINT.
fn whole_result(value: Option<i64>, what: &str) -> Result<Out<'static>> {
    value.map(Out::Int).ok_or_else(|| overflow(what))
}
