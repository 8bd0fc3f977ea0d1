//! Sizes and durations as people write them.

use std::time::Duration;

use crate::error::{Error, Result};

/// Bytes from `1073741824`, `512MiB`, `4GB`, `2G`. One letter counts in 1024s, as it does for Java and Docker.
///
/// # Errors
/// *Invalid* for what is no size above 0.
pub fn parse_size(text: &str) -> Result<u64> {
    let (number, unit) = number_and_unit(text);
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        _ => return Err(Error::invalid(format!("'{unit}' is no unit: B, KB, MB, GB, TB, KiB, MiB, GiB, TiB"))),
    };
    let bytes = match number.contains('.') {
        false => number.parse::<u64>().ok().and_then(|whole| whole.checked_mul(factor)),
        true => number
            .parse::<f64>()
            .ok()
            .map(|number| number * factor as f64)
            .filter(|bytes| *bytes < u64::MAX as f64)
            .map(|bytes| bytes as u64),
    };
    match bytes {
        Some(0) | None => Err(Error::invalid("it must be a size above 0, as 512MiB or 4GB")),
        Some(bytes) => Ok(bytes),
    }
}

/// A duration from `10s`, `500ms`, `5min`, `1h`, `2d`; a number alone counts milliseconds, as it does for Postgres. 0 is no limit.
///
/// # Errors
/// *Invalid* for what is no duration.
pub fn parse_duration(text: &str) -> Result<Option<Duration>> {
    let (number, unit) = number_and_unit(text);
    let seconds = match unit.to_ascii_lowercase().as_str() {
        "us" => 1e-6,
        "" | "ms" => 1e-3,
        "s" => 1.0,
        "min" | "m" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        _ => return Err(Error::invalid(format!("'{unit}' is no unit of time: ms, s, min, h, d"))),
    };
    let duration = number.parse::<f64>().ok().and_then(|number| Duration::try_from_secs_f64(number * seconds).ok());
    // What lies beyond the clock's end is as good as no limit.
    match duration.filter(|duration| duration.as_secs() < 1 << 32) {
        Some(Duration::ZERO) => Ok(None),
        Some(duration) => Ok(Some(duration)),
        None => Err(Error::invalid("it must be a duration, as 500ms, 10s or 5min; 0 is no limit")),
    }
}

fn number_and_unit(text: &str) -> (&str, &str) {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    (number, unit.trim())
}

/// Bytes in the largest unit that leaves a number of a few digits, as it can be written back.
pub(crate) fn size_text(bytes: usize) -> String {
    const UNITS: [(usize, &str); 4] = [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match UNITS.iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => {
            let text = format!("{:.1}", bytes as f64 / *unit as f64);
            format!("{}{name}", text.strip_suffix(".0").unwrap_or(&text))
        }
        None => format!("{bytes}B"),
    }
}

/// A duration as it can be written back.
pub(crate) fn duration_text(duration: Duration) -> String {
    match duration.as_millis() {
        0 => format!("{}us", duration.as_micros()),
        ms if ms % 1000 == 0 => format!("{}s", ms / 1000),
        ms => format!("{ms}ms"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(parse_size("123").unwrap(), 123);
        assert_eq!(parse_size("2KB").unwrap(), 2000);
        assert_eq!(parse_size("1.5 GiB").unwrap(), 3 << 29);
        assert_eq!(parse_size("4g").unwrap(), 4 << 30);
        for wrong in ["", "0", "x", "5 parsecs", "-1", "99999999999999999999", "1.2.3MB"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations() {
        let ms = |ms| Some(Duration::from_millis(ms));
        for (text, duration) in [
            ("250", ms(250)),
            ("0", None),
            ("0s", None),
            ("10s", ms(10_000)),
            ("1.5 s", ms(1500)),
            ("2min", ms(120_000)),
            ("1h", ms(3_600_000)),
        ] {
            assert_eq!(parse_duration(text).unwrap(), duration, "{text}");
        }
        for wrong in ["", "s", "-1s", "5 moons", "99999999999999999999h", "1.2.3s"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn written_back() {
        for bytes in [5, 1 << 10, 3 << 29, 4 << 30] {
            assert_eq!(parse_size(&size_text(bytes)).unwrap(), bytes as u64);
        }
        for text in ["250us", "250ms", "10s"] {
            assert_eq!(duration_text(parse_duration(text).unwrap().unwrap()), text);
        }
    }
}
