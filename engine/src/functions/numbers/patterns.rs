//! Numbers in PostgreSQL's patterns: `to_char(1234.5, '999,990.00')`.

use crate::error::{Error, Result};

/// What a pattern asks for.
#[derive(Debug, Default)]
struct Pattern {
    /// The digits' places before the point, and what stands between them: `9`, `0`, `,` and quoted text.
    whole: Vec<Place>,
    fraction: Vec<Place>,
    has_point: bool,
    unpadded: bool,
    /// Where the sign stands; none is in front of the first digit.
    sign: Option<Sign>,
}

#[derive(Debug, Clone, PartialEq)]
enum Place {
    /// A digit, or nothing.
    Nine,
    /// A digit.
    Zero,
    /// A separator, or nothing where no digit is before it.
    Comma,
    /// Text.
    Text(String),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Sign {
    /// `S` in front.
    Before,
    /// `S` behind.
    Behind,
    /// `MI` behind: a minus or a blank.
    Minus,
    /// `PR`: negative numbers in angle brackets.
    Brackets,
}

/// A number, written with a point and perhaps an exponent, in a pattern.
pub(in crate::functions) fn shown(number: &str, format: &str) -> Result<String> {
    let pattern = parse(format)?;
    let value: f64 = number.parse().map_err(|_| Error::invalid(format!("'{number}' is no number")))?;
    if !value.is_finite() {
        return Err(Error::invalid(format!("{number} has no digits")));
    }
    let (negative, whole, fraction) = digits(number, value, count(&pattern.fraction));
    let places = count(&pattern.whole);
    let significant = whole.trim_start_matches('0');
    let fits = significant.len() <= places;
    let body = match fits {
        true => body(&pattern, &format!("{significant:0>places$}"), significant.len(), &fraction),
        // PostgreSQL shows what has no place as number signs.
        false => pattern.whole.iter().chain(&pattern.fraction).filter(|place| **place != Place::Comma).map(|_| '#').collect(),
    };
    // Zero has no sign.
    let negative = negative && (significant.chars().chain(fraction.chars()).any(|digit| digit != '0'));
    Ok(signed(&pattern, negative, body))
}

/// Sign, digits before and digits behind the point, rounded half away from zero.
fn digits(number: &str, value: f64, behind: usize) -> (bool, String, String) {
    let negative = number.starts_with('-');
    let plain = number.trim_start_matches(['-', '+']);
    let (whole, fraction) = match plain.contains(['e', 'E']) {
        // No exponent in texts of whole numbers, which may have more digits than a DOUBLE.
        true => {
            let text = format!("{:.behind$}", value.abs());
            let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
            (whole.to_owned(), fraction.to_owned())
        }
        false => {
            let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
            (whole.to_owned(), fraction.to_owned())
        }
    };
    if fraction.len() <= behind {
        return (negative, whole, format!("{fraction:0<behind$}"));
    }
    let up = fraction.as_bytes().get(behind).is_some_and(|digit| *digit >= b'5');
    let mut all: Vec<u8> = whole.bytes().chain(fraction.bytes().take(behind)).collect();
    let mut carry = up;
    for digit in all.iter_mut().rev() {
        if !carry {
            break;
        }
        carry = *digit == b'9';
        *digit = if carry { b'0' } else { *digit + 1 };
    }
    let mut text: String = all.into_iter().map(char::from).collect();
    if carry {
        text.insert(0, '1');
    }
    let split = text.len() - behind;
    (negative, text[..split].to_owned(), text[split..].to_owned())
}

fn count(places: &[Place]) -> usize {
    places.iter().filter(|place| matches!(place, Place::Nine | Place::Zero)).count()
}

/// The digits in their places. `digits` has one for each place, of which the last `significant` count.
fn body(pattern: &Pattern, digits: &str, significant: usize, fraction: &str) -> String {
    let first_zero =
        pattern.whole.iter().filter(|place| matches!(place, Place::Nine | Place::Zero)).position(|place| *place == Place::Zero);
    let blank = digits.len() - significant;
    let shown_from = first_zero.map_or(blank, |zero| zero.min(blank));
    let mut text = String::new();
    let mut at = 0;
    let mut next = digits.chars();
    for place in &pattern.whole {
        match place {
            Place::Nine | Place::Zero => {
                let digit = next.next().unwrap_or('0');
                text.push(if at >= shown_from { digit } else { ' ' });
                at += 1;
            }
            Place::Comma => text.push(if at > shown_from { ',' } else { ' ' }),
            Place::Text(literal) => text.push_str(literal),
        }
    }
    // A number below one keeps a zero only where there is a 0, or nothing else.
    if shown_from == digits.len() && !pattern.has_point && !digits.is_empty() {
        text.pop();
        text.push('0');
    }
    if pattern.has_point {
        text.push('.');
    }
    let mut behind = fraction.chars();
    let mut tail = String::new();
    for place in &pattern.fraction {
        match place {
            Place::Nine | Place::Zero => tail.extend(behind.next()),
            Place::Comma => {}
            Place::Text(literal) => tail.push_str(literal),
        }
    }
    if pattern.unpadded {
        let kept = pattern.fraction.iter().rposition(|place| *place == Place::Zero).map_or(0, |place| place + 1);
        while tail.len() > kept && tail.ends_with('0') {
            tail.pop();
        }
    }
    text + &tail
}

fn signed(pattern: &Pattern, negative: bool, body: String) -> String {
    let blanks = body.len() - body.trim_start_matches(' ').len();
    let (front, rest) = body.split_at(blanks);
    let text = match pattern.sign {
        None => format!("{front}{}{rest}", if negative { '-' } else { ' ' }),
        Some(Sign::Before) => format!("{front}{}{rest}", if negative { '-' } else { '+' }),
        Some(Sign::Behind) => format!("{body}{}", if negative { '-' } else { '+' }),
        Some(Sign::Minus) => format!("{body}{}", if negative { '-' } else { ' ' }),
        Some(Sign::Brackets) if negative => format!("{front}<{rest}>"),
        Some(Sign::Brackets) => format!("{front} {rest} "),
    };
    if pattern.unpadded { text.trim().to_owned() } else { text }
}

fn parse(format: &str) -> Result<Pattern> {
    let mut pattern = Pattern::default();
    let mut rest = format;
    while let Some(first) = rest.chars().next() {
        let places = if pattern.has_point { &mut pattern.fraction } else { &mut pattern.whole };
        let upper = rest.get(..2).unwrap_or("").to_ascii_uppercase();
        let mut length = first.len_utf8();
        match (first.to_ascii_uppercase(), upper.as_str()) {
            (_, "FM") => (pattern.unpadded, length) = (true, 2),
            (_, "MI") => (pattern.sign, length) = (Some(Sign::Minus), 2),
            (_, "PR") => (pattern.sign, length) = (Some(Sign::Brackets), 2),
            ('9', _) => places.push(Place::Nine),
            ('0', _) => places.push(Place::Zero),
            (',' | 'G', _) => places.push(Place::Comma),
            ('.' | 'D', _) if !pattern.has_point => pattern.has_point = true,
            ('S', _) => {
                let is_first = pattern.whole.is_empty();
                pattern.sign = Some(if is_first { Sign::Before } else { Sign::Behind });
            }
            ('"', _) => {
                let quoted = &rest[1..];
                let end = quoted.find('"').unwrap_or(quoted.len());
                places.push(Place::Text(quoted[..end].to_owned()));
                length = (end + 2).min(rest.len());
            }
            (other, _) if !other.is_alphanumeric() && other != '.' => places.push(Place::Text(first.to_string())),
            _ => {
                return Err(Error::unsupported(format!("'{rest}' begins with no pattern of a number"))
                    .with_hint("patterns are 9, 0, a point, a comma, S, MI, PR and FM, as in '999,990.00'"));
            }
        }
        rest = &rest[length..];
    }
    Ok(pattern)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn numbers_look_as_in_postgresql() {
        for (number, format, text) in [
            ("485", "999", " 485"),
            ("-485", "999", "-485"),
            ("485", "9 9 9", " 4 8 5"),
            ("1485", "9,999", " 1,485"),
            ("148.5", "999.999", " 148.500"),
            ("148.5", "FM999.999", "148.5"),
            ("148.5", "FM999.990", "148.500"),
            ("0.1", "0.9", " 0.1"),
            ("0.1", "99.99", "   .10"),
            ("-12.345", "FM999,990.00", "-12.35"),
            ("1234567.891", "9,999,999.99", " 1,234,567.89"),
            ("12", "00000", " 00012"),
            ("485", "999S", "485+"),
            ("-485", "999MI", "485-"),
            ("-485", "999PR", "<485>"),
            ("-485", "S999", "-485"),
            ("12345", "999", " ###"),
            ("0", "FM9", "0"),
            ("9.99", "FM90.0", "10.0"),
        ] {
            assert_eq!(shown(number, format).unwrap(), text, "{number} {format}");
        }
    }
}
