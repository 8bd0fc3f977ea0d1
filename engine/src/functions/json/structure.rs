//! What JSON is built of: `json_structure`, and the structures that `json_transform` is given.

use std::borrow::Cow;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::sql::sqlparser::ast::DataType as SqlType;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::tree::{self, Json};
use super::write::push_string;
use crate::error::{Error, Result};
use crate::statements::DIALECT;
use crate::types;

/// What values have in common.
#[derive(Debug, Clone, PartialEq)]
enum Shape {
    Null,
    /// A type in DuckDB's words.
    Of(&'static str),
    Array(Box<Shape>),
    Object(Vec<(String, Shape)>),
    /// Values of several kinds.
    Any,
}

impl Shape {
    fn of(json: &Json<'_>) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Array(items) => Self::Array(Box::new(items.iter().map(Self::of).fold(Self::Null, Self::merged))),
            Json::Object(entries) => {
                let one = |(key, value): &(Cow<'_, str>, Json<'_>)| Self::Object(vec![(key.to_string(), Self::of(value))]);
                entries.iter().map(one).fold(Self::Object(Vec::new()), Self::merged)
            }
            other => Self::Of(other.kind()),
        }
    }

    /// What both have in common.
    fn merged(self, other: Self) -> Self {
        match (self, other) {
            (Self::Null, other) | (other, Self::Null) => other,
            (Self::Array(one), Self::Array(other)) => Self::Array(Box::new(one.merged(*other))),
            (Self::Object(mut entries), Self::Object(others)) => {
                for (key, shape) in others {
                    match entries.iter_mut().find(|(known, _)| *known == key) {
                        Some((_, known)) => *known = std::mem::replace(known, Self::Null).merged(shape),
                        None => entries.push((key, shape)),
                    }
                }
                Self::Object(entries)
            }
            (Self::Of(one), Self::Of(other)) if one == other => Self::Of(one),
            (Self::Of(one), Self::Of(other)) => {
                let is_number = |name| matches!(name, "UBIGINT" | "BIGINT" | "HUGEINT" | "DOUBLE");
                match is_number(one) && is_number(other) {
                    true if one == "DOUBLE" || other == "DOUBLE" => Self::Of("DOUBLE"),
                    true => Self::Of("HUGEINT"),
                    false => Self::Any,
                }
            }
            _ => Self::Any,
        }
    }

    fn push(&self, text: &mut String) {
        match self {
            Self::Null => text.push_str("\"NULL\""),
            Self::Of(name) => push_string(name, text),
            Self::Array(items) => {
                text.push('[');
                items.push(text);
                text.push(']');
            }
            Self::Object(entries) if !entries.is_empty() => {
                for (at, (key, shape)) in entries.iter().enumerate() {
                    text.push(if at == 0 { '{' } else { ',' });
                    push_string(key, text);
                    text.push(':');
                    shape.push(text);
                }
                text.push('}');
            }
            Self::Object(_) | Self::Any => text.push_str("\"JSON\""),
        }
    }
}

/// The structure of JSON, as JSON.
///
/// # Errors
/// *Invalid* for what is no JSON.
pub(super) fn structure_of(text: &str) -> Result<String> {
    let mut written = String::new();
    Shape::of(&tree::parse(text)?).push(&mut written);
    Ok(written)
}

/// What JSON is to become.
#[derive(Debug, Clone)]
pub(super) enum Structure {
    Struct(Vec<(String, Structure)>),
    List(Box<Structure>),
    /// JSON as it is.
    Json,
    Value(FieldRef),
}

impl Structure {
    /// Reads a structure: an object of names and structures, an array of one, or the name of a type.
    ///
    /// # Errors
    /// *Invalid* for other JSON, and for a type that there is not.
    pub(super) fn read(text: &str) -> Result<Self> {
        Self::from_json(&tree::parse(text)?)
    }

    fn from_json(json: &Json<'_>) -> Result<Self> {
        let wrong = |why: &str| {
            Err(Error::invalid(format!("a structure of JSON {why}")).with_hint(
                "it is an object of names and types, an array of one type, or a type, as in '{\"a\": \"INTEGER\", \"b\": [\"VARCHAR\"]}'",
            ))
        };
        match json {
            Json::Object(entries) if entries.is_empty() => wrong("names no fields"),
            Json::Object(entries) => {
                let lower = |at: usize| entries[at].0.to_lowercase();
                if let Some(at) = (1..entries.len()).find(|at| (0..*at).any(|before| lower(before) == lower(*at))) {
                    return wrong(&format!("names '{}' twice", entries[at].0));
                }
                Ok(Self::Struct(entries.iter().map(|(key, value)| Ok((key.to_string(), Self::from_json(value)?))).collect::<Result<_>>()?))
            }
            Json::Array(items) => match items.as_slice() {
                [item] => Ok(Self::List(Box::new(Self::from_json(item)?))),
                _ => wrong("has an array of other than one type"),
            },
            Json::String(name) => of_type(name),
            _ => wrong("holds a value that is no type"),
        }
    }

    /// The type of the values.
    pub(super) fn data_type(&self) -> DataType {
        match self {
            Self::Struct(fields) => {
                DataType::Struct(fields.iter().map(|(name, inner)| Field::new(name, inner.data_type(), true)).collect())
            }
            Self::List(item) => DataType::new_list(item.data_type(), true),
            Self::Json => DataType::Utf8View,
            Self::Value(field) => field.data_type().clone(),
        }
    }
}

fn of_type(name: &str) -> Result<Structure> {
    let parsed = Parser::new(&DIALECT).try_with_sql(name).and_then(|mut parser| {
        let parsed = parser.parse_data_type()?;
        parser.expect_token(&Token::EOF)?;
        Ok(parsed)
    });
    let sql_type = parsed.map_err(|_| Error::invalid(format!("'{name}' is no type")))?;
    if matches!(sql_type, SqlType::JSON | SqlType::JSONB) {
        return Ok(Structure::Json);
    }
    let field = types::field("", &sql_type)?;
    of_field(&field).ok_or_else(|| Error::unsupported(format!("JSON does not become {}", types::sql_name(&field))))
}

/// The structure of a type; none for maps.
fn of_field(field: &FieldRef) -> Option<Structure> {
    Some(match field.data_type() {
        DataType::Struct(fields) => {
            let inner = fields.iter().map(|inner| Some((inner.name().clone(), of_field(inner)?)));
            Structure::Struct(inner.collect::<Option<_>>()?)
        }
        DataType::List(item) => Structure::List(Box::new(of_field(item)?)),
        DataType::Map(..) => return None,
        _ => Structure::Value(std::sync::Arc::clone(field)),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn structures_are_what_values_have_in_common() {
        for (json, structure) in [
            ("{\"a\": 1, \"b\": [true]}", "{\"a\":\"UBIGINT\",\"b\":[\"BOOLEAN\"]}"),
            ("[{\"a\": 1}, {\"a\": 2.5, \"b\": null}]", "[{\"a\":\"DOUBLE\",\"b\":\"NULL\"}]"),
            ("[1, -1]", "[\"HUGEINT\"]"),
            ("[1, \"a\"]", "[\"JSON\"]"),
            ("[{\"a\":1},[1]]", "[\"JSON\"]"),
            ("[{}, {\"a\":1}, null]", "[{\"a\":\"UBIGINT\"}]"),
            ("{}", "\"JSON\""),
            ("[]", "[\"NULL\"]"),
        ] {
            assert_eq!(structure_of(json).unwrap(), structure, "{json}");
        }
    }
}
