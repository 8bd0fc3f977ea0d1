//! `format('{:.2f}', x)` and `printf('%.2f', x)`.

use super::super::rows::{Args, Function, Kind, Out, function};
use crate::error::{Error, Result};

/// A field is not wider, and a number has no more digits: a format must not take all memory.
const WIDEST: usize = 1 << 20;

pub(super) fn functions() -> Vec<Function> {
    use Kind::{Shown, Text};
    vec![
        function("format", "format(format, value, ...)", "a text with values in place of {}", "format('{} has {:.2f}', 'a', 1.5)")
            .form_of_many(&[Text], Shown, Text, |a| run(a, braces)),
        function(
            "printf",
            "printf(format, value, ...)",
            "a text with values in place of %s, %d, %.2f …",
            "printf('%s has %.2f', 'a', 1.5)",
        )
        .form_of_many(&[Text], Shown, Text, |a| run(a, percents)),
    ]
}

fn run<'a>(a: &Args<'a>, by: fn(&Args<'_>) -> Result<String>) -> Result<Out<'a>> {
    match (0..a.len()).any(|index| a.is_null(index)) {
        true => Ok(Out::Null),
        false => Ok(by(a)?.into()),
    }
}

/// How a value is to be written.
#[derive(Debug, Default)]
struct Spec {
    fill: Option<char>,
    align: Option<char>,
    sign: Option<char>,
    alternate: bool,
    zeros: bool,
    width: usize,
    precision: Option<usize>,
    thousands: Option<char>,
    kind: Option<char>,
}

fn broken(format: &str, why: &str) -> Error {
    Error::invalid(format!("the format '{format}' {why}"))
}

/// The text of an argument, counted from 0 behind the format.
fn argument<'a>(a: &Args<'a>, index: usize, format: &str) -> Result<(&'a str, bool)> {
    if index + 1 >= a.len() {
        return Err(broken(format, &format!("asks for {} values, but there are {}", index + 1, a.len() - 1)));
    }
    Ok((a.text(index + 1)?, a.is_number(index + 1)))
}

fn braces(a: &Args<'_>) -> Result<String> {
    let format = a.text(0)?;
    let mut text = String::with_capacity(format.len());
    let mut rest = format;
    let mut next = 0;
    while let Some(at) = rest.find(['{', '}']) {
        text.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(behind) = rest.strip_prefix(brace) {
            text.push_str(brace);
            rest = behind;
            continue;
        }
        let end = rest.find('}').filter(|_| brace == "{").ok_or_else(|| broken(format, "has a brace without its partner"))?;
        let (place, spec) = rest[..end].split_once(':').unwrap_or((&rest[..end], ""));
        let index = match place.is_empty() {
            true => {
                next += 1;
                next - 1
            }
            false => place.parse().map_err(|_| broken(format, &format!("has {{{place}}}, which is no number")))?,
        };
        let spec = brace_spec(spec, format)?;
        let (value, is_number) = argument(a, index, format)?;
        write(&mut text, value, is_number, &spec, format)?;
        rest = &rest[end + 1..];
    }
    text.push_str(rest);
    Ok(text)
}

/// `[[fill]align][sign][#][0][width][,][.precision][type]`, as Python and the library fmt have it.
fn brace_spec(text: &str, format: &str) -> Result<Spec> {
    let mut spec = Spec::default();
    let mut characters = text.chars().peekable();
    let mut ahead = text.chars();
    if let (Some(first), Some(second)) = (ahead.next(), ahead.next())
        && "<>^".contains(second)
    {
        (spec.fill, spec.align) = (Some(first), Some(second));
        characters.next();
        characters.next();
    } else if let Some(align) = characters.next_if(|character| "<>^".contains(*character)) {
        spec.align = Some(align);
    }
    spec.sign = characters.next_if(|character| "+- ".contains(*character));
    spec.alternate = characters.next_if_eq(&'#').is_some();
    spec.zeros = characters.next_if_eq(&'0').is_some();
    spec.width = number(&mut characters).unwrap_or(0);
    if let Some(separator) = characters.next_if(|character| ",_'".contains(*character)) {
        spec.thousands = Some(separator);
    }
    if characters.next_if_eq(&'.').is_some() {
        spec.precision = Some(number(&mut characters).unwrap_or(0));
    }
    spec.kind = characters.next();
    // DuckDB's own: the character between thousands.
    if spec.kind == Some('t') {
        (spec.thousands, spec.kind) = (characters.next(), None);
    }
    match characters.next() {
        None if spec.width <= WIDEST && spec.precision.unwrap_or(0) <= WIDEST => Ok(spec),
        _ => Err(broken(format, &format!("has '{text}', which is not understood"))),
    }
}

fn number(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<usize> {
    let mut number: Option<usize> = None;
    while let Some(digit) = characters.peek().and_then(|character| character.to_digit(10)) {
        characters.next();
        number = Some(number.unwrap_or(0).saturating_mul(10).saturating_add(digit as usize));
    }
    number
}

fn percents(a: &Args<'_>) -> Result<String> {
    let format = a.text(0)?;
    let mut text = String::with_capacity(format.len());
    let mut characters = format.chars().peekable();
    let mut next = 0;
    while let Some(character) = characters.next() {
        if character != '%' {
            text.push(character);
            continue;
        }
        if characters.next_if_eq(&'%').is_some() {
            text.push('%');
            continue;
        }
        let mut spec = Spec { align: Some('>'), ..Spec::default() };
        while let Some(flag) = characters.next_if(|character| "-+ #0,'_".contains(*character)) {
            match flag {
                '-' => spec.align = Some('<'),
                '+' | ' ' => spec.sign = Some(flag),
                '#' => spec.alternate = true,
                '0' => spec.zeros = true,
                separator => spec.thousands = Some(separator),
            }
        }
        spec.width = number(&mut characters).unwrap_or(0);
        if characters.next_if_eq(&'.').is_some() {
            spec.precision = Some(number(&mut characters).unwrap_or(0));
        }
        // How wide C's numbers are is no question here.
        while characters.next_if(|character| "lhzjt".contains(*character)).is_some() {}
        spec.kind = Some(match characters.next().ok_or_else(|| broken(format, "ends in the middle"))? {
            'i' | 'u' => 'd',
            other => other,
        });
        if spec.width > WIDEST || spec.precision.unwrap_or(0) > WIDEST {
            return Err(broken(format, "has a field that is too wide"));
        }
        let (value, is_number) = argument(a, next, format)?;
        next += 1;
        write(&mut text, value, is_number, &spec, format)?;
    }
    Ok(text)
}

fn write(text: &mut String, value: &str, is_number: bool, spec: &Spec, format: &str) -> Result<()> {
    let not = |what: &str| broken(format, &format!("takes '{value}' for {what}"));
    let whole = || value.parse::<i128>().map_err(|_| not("a whole number"));
    let float = || value.parse::<f64>().map_err(|_| not("a number"));
    let kind = spec.kind.unwrap_or(if is_number && spec.precision.is_some() { 'g' } else { 's' });
    let precision = spec.precision.unwrap_or(6);
    let (digits, numeric) = match kind {
        's' => match (spec.precision, is_number && (spec.thousands.is_some() || spec.sign.is_some())) {
            (_, true) => (value.to_owned(), true),
            (Some(length), false) => (value.chars().take(length).collect(), false),
            (None, false) => (value.to_owned(), is_number),
        },
        'd' => (whole()?.to_string(), true),
        'x' => (based(whole()?, spec.alternate, "0x", |number| format!("{number:x}")), true),
        'X' => (based(whole()?, spec.alternate, "0X", |number| format!("{number:X}")), true),
        'o' => (based(whole()?, spec.alternate, "0", |number| format!("{number:o}")), true),
        'b' => (based(whole()?, spec.alternate, "0b", |number| format!("{number:b}")), true),
        'f' | 'F' => (format!("{:.precision$}", float()?), true),
        'e' => (exponent(float()?, precision, 'e'), true),
        'E' => (exponent(float()?, precision, 'E'), true),
        'g' | 'G' => (general(float()?, precision.max(1)), true),
        '%' => (format!("{:.precision$}%", float()? * 100.0), true),
        'c' if is_number => {
            (u32::try_from(whole()?).ok().and_then(char::from_u32).map(String::from).ok_or_else(|| not("a character's code"))?, false)
        }
        'c' => (value.chars().take(1).collect(), false),
        other => return Err(broken(format, &format!("has the unknown type '{other}'"))),
    };
    text.push_str(&laid_out(digits, numeric, spec));
    Ok(())
}

fn based(number: i128, alternate: bool, prefix: &str, digits: fn(u128) -> String) -> String {
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{}{}", if alternate { prefix } else { "" }, digits(number.unsigned_abs()))
}

/// As C writes exponents: a sign, and two digits at least.
fn exponent(number: f64, precision: usize, letter: char) -> String {
    let text = format!("{number:.precision$e}");
    match text.split_once('e') {
        Some((digits, power)) => {
            let power: i32 = power.parse().unwrap_or(0);
            format!("{digits}{letter}{}{:02}", if power < 0 { '-' } else { '+' }, power.abs())
        }
        None => text,
    }
}

/// As C's `%g`: the shorter of both ways, without zeros at the end.
fn general(number: f64, precision: usize) -> String {
    if number == 0.0 || !number.is_finite() {
        return number.to_string();
    }
    let rounded = format!("{number:.*e}", precision - 1);
    let power: i64 = rounded.split_once('e').and_then(|(_, power)| power.parse().ok()).unwrap_or(0);
    let digits = i64::try_from(precision).unwrap_or(i64::MAX);
    let text = match (-4..digits).contains(&power) {
        true => format!("{number:.*}", usize::try_from(digits - 1 - power).unwrap_or(0)),
        false => exponent(number, precision - 1, 'e'),
    };
    let (digits, power) = text.split_once('e').map_or((text.as_str(), String::new()), |(digits, power)| (digits, format!("e{power}")));
    let trimmed = if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits };
    format!("{trimmed}{power}")
}

fn laid_out(digits: String, numeric: bool, spec: &Spec) -> String {
    let (mut sign, mut body) = match digits.strip_prefix('-') {
        Some(rest) if numeric => ("-".to_owned(), rest.to_owned()),
        _ => (String::new(), digits),
    };
    if numeric {
        if let Some(separator) = spec.thousands {
            body = with_thousands(&body, separator);
        }
        if sign.is_empty()
            && let Some(shown @ ('+' | ' ')) = spec.sign
        {
            sign.push(shown);
        }
    }
    let missing = spec.width.saturating_sub(sign.chars().count() + body.chars().count());
    let fill = spec.fill.unwrap_or(' ');
    let filling = |count: usize| std::iter::repeat_n(fill, count).collect::<String>();
    match spec.align {
        Some('<') => format!("{sign}{body}{}", filling(missing)),
        _ if spec.zeros && numeric => format!("{sign}{}{body}", "0".repeat(missing)),
        Some('^') => format!("{}{sign}{body}{}", filling(missing / 2), filling(missing - missing / 2)),
        Some(_) => format!("{}{sign}{body}", filling(missing)),
        // Numbers stand on the right, texts on the left.
        None if numeric => format!("{}{sign}{body}", filling(missing)),
        None => format!("{body}{}", filling(missing)),
    }
}

fn with_thousands(number: &str, separator: char) -> String {
    let end = number.find(|character: char| !character.is_ascii_digit()).unwrap_or(number.len());
    let mut text = String::with_capacity(number.len() * 4 / 3 + 1);
    for (place, digit) in number[..end].chars().enumerate() {
        if place > 0 && (end - place) % 3 == 0 {
            text.push(separator);
        }
        text.push(digit);
    }
    text + &number[end..]
}
