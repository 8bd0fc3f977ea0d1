//! Amounts and units of time, read from a text.

use arrow::datatypes::IntervalMonthDayNano;

const NANOS_A_SECOND: i128 = 1_000_000_000;
const NANOS_A_DAY: i128 = 86_400 * NANOS_A_SECOND;
const DAYS_A_MONTH: i128 = 30;

/// Amounts are counted in billionths, so that nine digits behind the point are exact.
const ONE: i128 = 1_000_000_000;

type Unit = (&'static [&'static str], i128, i128, i128);

/// Names of units, the plural second, and the months, days and nanoseconds in one.
const UNITS: [Unit; 14] = [
    (&["millennium", "millennia", "millenniums", "mil", "mils"], 12_000, 0, 0),
    (&["century", "centuries", "cent", "c"], 1_200, 0, 0),
    (&["decade", "decades", "dec", "decs"], 120, 0, 0),
    (&["year", "years", "yr", "yrs", "y"], 12, 0, 0),
    (&["quarter", "quarters", "qtr", "q"], 3, 0, 0),
    (&["month", "months", "mon", "mons"], 1, 0, 0),
    (&["week", "weeks", "w"], 0, 7, 0),
    (&["day", "days", "d"], 0, 1, 0),
    (&["hour", "hours", "hr", "hrs", "h"], 0, 0, 3_600 * NANOS_A_SECOND),
    (&["minute", "minutes", "min", "mins", "m"], 0, 0, 60 * NANOS_A_SECOND),
    (&["second", "seconds", "sec", "secs", "s"], 0, 0, NANOS_A_SECOND),
    (&["millisecond", "milliseconds", "msec", "msecs", "ms"], 0, 0, 1_000_000),
    (&["microsecond", "microseconds", "usec", "usecs", "us"], 0, 0, 1_000),
    (&["nanosecond", "nanoseconds", "nsec", "nsecs", "ns"], 0, 0, 1),
];

/// Units of ISO 8601, before and behind its `T`.
const ISO_DATE_UNITS: [(char, &str); 4] = [('Y', "year"), ('M', "month"), ('W', "week"), ('D', "day")];
const ISO_TIME_UNITS: [(char, &str); 3] = [('H', "hour"), ('M', "minute"), ('S', "second")];

/// The plural of a unit, under any of its names.
pub(crate) fn plural(unit: &str) -> Option<&'static str> {
    unit_named(unit).and_then(|(names, ..)| names.get(1).copied())
}

fn unit_named(name: &str) -> Option<&'static Unit> {
    UNITS.iter().find(|(names, ..)| names.iter().any(|known| known.eq_ignore_ascii_case(name)))
}

/// What was read so far.
#[derive(Debug, Default)]
pub(super) struct Sum {
    months: i128,
    days: i128,
    nanos: i128,
}

impl Sum {
    /// Adds all that a text says.
    pub(super) fn add_all(&mut self, text: &str) -> Result<(), String> {
        let mut rest = text.strip_prefix('@').unwrap_or(text).trim_start();
        if rest.is_empty() {
            return Err("it is empty".to_owned());
        }
        while !rest.is_empty() {
            if rest.eq_ignore_ascii_case("ago") {
                (self.months, self.days, self.nanos) = (-self.months, -self.days, -self.nanos);
                return Ok(());
            }
            rest = self.add_one(rest)?.trim_start();
        }
        Ok(())
    }

    /// Adds what stands first, and gives what stands behind it.
    fn add_one<'a>(&mut self, text: &'a str) -> Result<&'a str, String> {
        let (amount, behind) = signed(text)?;
        if let Some(behind) = behind.strip_prefix(':') {
            return self.add_time(text, amount, behind);
        }
        if let Some((months, behind)) = behind.strip_prefix('-').and_then(|behind| unsigned(behind).ok()) {
            // Years and months, as the standard writes them.
            self.add(amount, "year")?;
            self.add(if text.starts_with('-') { -months } else { months }, "month")?;
            return Ok(behind);
        }
        let unit = behind.trim_start();
        let length = unit.find(|letter: char| !letter.is_alphabetic()).unwrap_or(unit.len());
        let (name, behind) = unit.split_at(length);
        match (name, behind.trim().is_empty()) {
            ("", true) => self.add(amount, "second")?,
            // Days in front of a time, as the standard writes them.
            ("", false) if unit.split_whitespace().next().is_some_and(|next| next.contains(':')) => {
                self.add(amount, "day")?;
                return Ok(unit);
            }
            ("", false) => return Err(format!("there is no unit behind '{}'", text[..text.len() - unit.len()].trim())),
            // A number without a unit, of seconds.
            (name, true) if name.eq_ignore_ascii_case("ago") => {
                self.add(amount, "second")?;
                return Ok(unit);
            }
            (name, _) => self.add(amount, name)?,
        }
        Ok(behind)
    }

    /// Adds hours, and the minutes and seconds behind them.
    fn add_time<'a>(&mut self, text: &str, hours: i128, behind: &'a str) -> Result<&'a str, String> {
        let wrong = || format!("'{}' is no time", text.split_whitespace().next().unwrap_or(text));
        let (minutes, mut behind) = unsigned(behind).map_err(|_| wrong())?;
        let mut seconds = 0;
        if let Some(rest) = behind.strip_prefix(':') {
            (seconds, behind) = unsigned(rest).map_err(|_| wrong())?;
        }
        let is_whole = hours % ONE == 0 && minutes % ONE == 0;
        if !is_whole || minutes >= 60 * ONE || seconds >= 60 * ONE || behind.starts_with(|next: char| !next.is_whitespace()) {
            return Err(wrong());
        }
        let sign = if text.starts_with('-') { -1 } else { 1 };
        for (amount, unit) in [(hours, "hour"), (sign * minutes, "minute"), (sign * seconds, "second")] {
            self.add(amount, unit)?;
        }
        Ok(behind)
    }

    /// Adds what ISO 8601 has behind its `P`.
    pub(super) fn add_iso(&mut self, text: &str) -> Result<(), String> {
        let (dates, times) = text.split_once(['T', 't']).unwrap_or((text, ""));
        if dates.is_empty() && times.is_empty() {
            return Err("it is empty".to_owned());
        }
        for (mut rest, units) in [(dates, &ISO_DATE_UNITS[..]), (times, &ISO_TIME_UNITS[..])] {
            while !rest.is_empty() {
                let (amount, behind) = signed(rest)?;
                let letter = behind.chars().next().map(|letter| letter.to_ascii_uppercase());
                let unit = units.iter().find(|(known, _)| Some(*known) == letter).map(|(_, unit)| *unit);
                self.add(amount, unit.ok_or_else(|| format!("there is no unit behind '{rest}'"))?)?;
                rest = &behind[1..];
            }
        }
        Ok(())
    }

    /// Adds an amount, in billionths, of a unit: parts of a month are days, parts of a day are time.
    fn add(&mut self, amount: i128, unit: &str) -> Result<(), String> {
        let Some((_, months, days, nanos)) = unit_named(unit) else { return Err(format!("'{unit}' is no unit of time")) };
        let months = amount.saturating_mul(*months);
        let days = amount.saturating_mul(*days).saturating_add(months % ONE * DAYS_A_MONTH);
        let nanos = amount.saturating_mul(*nanos).saturating_add(days % ONE * NANOS_A_DAY);
        self.months = self.months.saturating_add(months / ONE);
        self.days = self.days.saturating_add(days / ONE);
        self.nanos = self.nanos.saturating_add(nanos / ONE);
        Ok(())
    }

    /// All of it; none beyond what intervals hold.
    pub(super) fn finish(self) -> Option<IntervalMonthDayNano> {
        Some(IntervalMonthDayNano {
            months: i32::try_from(self.months).ok()?,
            days: i32::try_from(self.days).ok()?,
            nanoseconds: i64::try_from(self.nanos).ok()?,
        })
    }
}

/// A number with a sign, in billionths, and what stands behind it.
fn signed(text: &str) -> Result<(i128, &str), String> {
    match text.strip_prefix(['-', '+']) {
        Some(digits) => unsigned(digits.trim_start()).map(|(amount, rest)| (if text.starts_with('-') { -amount } else { amount }, rest)),
        None => unsigned(text),
    }
}

fn unsigned(text: &str) -> Result<(i128, &str), String> {
    let end = |text: &str| text.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(text.len());
    let (whole, rest) = text.split_at(end(text));
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(fraction) => fraction.split_at(end(fraction)),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(format!("there is no number before '{}'", text.split_whitespace().next().unwrap_or(text)));
    }
    // No unit is so long, or so short, that more digits matter.
    let too_long = || "a number is too long".to_owned();
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse::<i64>().map_err(|_| too_long())?.into() };
    let billionths: String = fraction.chars().chain(std::iter::repeat('0')).take(9).collect();
    let fraction: i128 = billionths.parse::<i64>().map_err(|_| too_long())?.into();
    Ok((whole * ONE + fraction, rest))
}
