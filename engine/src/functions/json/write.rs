//! JSON written as text.

use std::fmt::Write;

use super::tree::Json;

impl Json<'_> {
    /// As text, without blanks.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        self.push(&mut text);
        text
    }

    /// As text, a string without its quotes; none for null.
    pub(super) fn plain(&self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::String(string) => Some(string.to_string()),
            other => Some(other.text()),
        }
    }

    fn push(&self, text: &mut String) {
        match self {
            Self::Null => text.push_str("null"),
            Self::Bool(true) => text.push_str("true"),
            Self::Bool(false) => text.push_str("false"),
            Self::Number(digits) => push_number(digits, text),
            Self::String(string) => push_string(string, text),
            Self::Array(items) => {
                text.push('[');
                for (place, item) in items.iter().enumerate() {
                    text.push_str(if place > 0 { "," } else { "" });
                    item.push(text);
                }
                text.push(']');
            }
            Self::Object(entries) => {
                text.push('{');
                for (place, (key, value)) in entries.iter().enumerate() {
                    text.push_str(if place > 0 { "," } else { "" });
                    push_string(key, text);
                    text.push(':');
                    value.push(text);
                }
                text.push('}');
            }
        }
    }

    /// As text, each element on a line of its own.
    pub(super) fn pretty(&self) -> String {
        let mut text = String::new();
        self.push_pretty(&mut text, 0);
        text
    }

    fn push_pretty(&self, text: &mut String, depth: usize) {
        let line = |text: &mut String, depth: usize| {
            text.push('\n');
            text.push_str(&"    ".repeat(depth));
        };
        match self {
            Self::Array(items) if !items.is_empty() => {
                text.push('[');
                for (place, item) in items.iter().enumerate() {
                    text.push_str(if place > 0 { "," } else { "" });
                    line(text, depth + 1);
                    item.push_pretty(text, depth + 1);
                }
                line(text, depth);
                text.push(']');
            }
            Self::Object(entries) if !entries.is_empty() => {
                text.push('{');
                for (place, (key, value)) in entries.iter().enumerate() {
                    text.push_str(if place > 0 { "," } else { "" });
                    line(text, depth + 1);
                    push_string(key, text);
                    text.push_str(": ");
                    value.push_pretty(text, depth + 1);
                }
                line(text, depth);
                text.push('}');
            }
            other => other.push(text),
        }
    }
}

/// Whole numbers keep all their digits; others are the shortest that a DOUBLE is read back from.
fn push_number(digits: &str, text: &mut String) {
    let is_whole = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    match digits.parse::<f64>() {
        Ok(number) if !is_whole && number.is_finite() => {
            let _ = match number.abs() {
                size if size != 0.0 && !(1e-5..1e17).contains(&size) => write!(text, "{number:e}"),
                _ => write!(text, "{number:?}"),
            };
        }
        _ => text.push_str(digits),
    }
}

/// A string in quotes.
pub(super) fn push_string(string: &str, text: &mut String) {
    text.push('"');
    for character in string.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            control if control < ' ' => {
                let _ = write!(text, "\\u{:04x}", u32::from(control));
            }
            other => text.push(other),
        }
    }
    text.push('"');
}
