//! What a JSON value is, and what several values are together.

use std::fmt;

use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Field, TimeUnit};
use chrono::{NaiveDate, NaiveTime};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::files::moments::{has_shape, is_timestamp};

/// What values are. Keys stand in the order in which they first appear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    /// Nothing but null.
    Unknown,
    Boolean,
    /// A whole number that a BIGINT holds.
    Integer,
    /// A whole number that it does not.
    Huge,
    Number,
    Text,
    /// A text that is a date as SQL writes it.
    Date,
    Timestamp,
    List(Box<Shape>),
    Object(Vec<(String, Shape)>),
}

impl Shape {
    /// What both are. Values that have no type in common are text, as long as they are no lists and objects.
    ///
    /// # Errors
    /// Says what the two are.
    pub(super) fn merged(self, other: Self) -> Result<Self, String> {
        Ok(match (self, other) {
            (Self::Unknown, shape) | (shape, Self::Unknown) => shape,
            (Self::List(a), Self::List(b)) => Self::List(Box::new(a.merged(*b)?)),
            (Self::Object(mut fields), Self::Object(others)) => {
                for (key, shape) in others {
                    match fields.iter_mut().find(|(name, _)| *name == key) {
                        Some((_, known)) => {
                            let merged = std::mem::replace(known, Self::Unknown).merged(shape);
                            *known = merged.map_err(|message| format!("key '{key}' {message}"))?;
                        }
                        None => fields.push((key, shape)),
                    }
                }
                Self::Object(fields)
            }
            (a @ (Self::List(_) | Self::Object(_)), b) | (a, b @ (Self::List(_) | Self::Object(_))) => {
                return Err(format!("is {} here and {} before", b.name(), a.name()));
            }
            (a, b) if a == b => a,
            (Self::Integer, Self::Huge) | (Self::Huge, Self::Integer) => Self::Huge,
            (Self::Integer | Self::Huge | Self::Number, Self::Integer | Self::Huge | Self::Number) => Self::Number,
            _ => Self::Text,
        })
    }

    fn name(&self) -> &'static str {
        match self {
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
            _ => "a plain value",
        }
    }

    /// The type of a column of such values.
    pub(super) fn data_type(&self) -> DataType {
        match self {
            Self::Unknown | Self::Text => DataType::Utf8View,
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::Boolean => DataType::Boolean,
            Self::Integer => DataType::Int64,
            Self::Huge => DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0),
            Self::Number => DataType::Float64,
            Self::List(item) => DataType::List(Field::new_list_field(item.data_type(), true).into()),
            Self::Object(fields) => {
                DataType::Struct(fields.iter().map(|(name, shape)| Field::new(name, shape.data_type(), true)).collect())
            }
        }
    }

    /// A key of an object, or of one within it, that a type has no field for.
    pub(super) fn key_beyond(&self, data_type: &DataType) -> Option<String> {
        match (self, data_type) {
            (Self::Object(keys), DataType::Struct(fields)) => {
                keys.iter().find_map(|(key, shape)| match fields.iter().find(|field| field.name() == key) {
                    Some(field) => shape.key_beyond(field.data_type()).map(|rest| format!("{key}.{rest}")),
                    None => Some(key.clone()),
                })
            }
            (Self::List(item), DataType::List(field)) => item.key_beyond(field.data_type()),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShapeVisitor)
    }
}

/// Whether the time of what looks like a timestamp is one.
fn has_hour(text: &str) -> bool {
    ["%H:%M:%S", "%H:%M:%S%.f"].iter().any(|format| NaiveTime::parse_from_str(&text[11..], format).is_ok())
}

struct ShapeVisitor;

impl<'de> Visitor<'de> for ShapeVisitor {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Unknown)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
        Ok(Shape::Boolean)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
        Ok(Shape::Integer)
    }

    fn visit_u64<E>(self, number: u64) -> Result<Shape, E> {
        Ok(if i64::try_from(number).is_ok() { Shape::Integer } else { Shape::Huge })
    }

    fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape::Number)
    }

    fn visit_str<E>(self, text: &str) -> Result<Shape, E> {
        let is_date = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok();
        Ok(match text.split_at_checked(10) {
            Some((day, "")) if has_shape(text, "%Y-%m-%d") && is_date(day) => Shape::Date,
            Some((day, _)) if is_timestamp(text) && is_date(day) && has_hour(text) => Shape::Timestamp,
            _ => Shape::Text,
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Shape, A::Error> {
        let mut shape = Shape::Unknown;
        while let Some(item) = items.next_element()? {
            shape = shape.merged(item).map_err(serde::de::Error::custom)?;
        }
        Ok(Shape::List(Box::new(shape)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Shape, A::Error> {
        let mut keys: Vec<(String, Shape)> = Vec::new();
        while let Some((key, shape)) = entries.next_entry::<String, Shape>()? {
            // Which of two values would be meant?
            if keys.iter().any(|(other, _)| *other == key) {
                return Err(serde::de::Error::custom(format!("key '{key}' stands there twice")));
            }
            keys.push((key, shape));
        }
        Ok(Shape::Object(keys))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn shape(lines: &[&str]) -> Result<Shape, String> {
        lines.iter().try_fold(Shape::Unknown, |shape, line| shape.merged(serde_json::from_str(line).map_err(|error| error.to_string())?))
    }

    #[test]
    fn values_have_a_type_in_common() {
        for (lines, expected) in [
            (["1", "2"], DataType::Int64),
            (["1", "1.5"], DataType::Float64),
            (["1", "9223372036854775808"], DataType::Decimal128(38, 0)),
            (["null", "true"], DataType::Boolean),
            (["\"2024-01-31\"", "\"2024-02-29\""], DataType::Date32),
            (["\"2024-01-31\"", "\"2024-02-30\""], DataType::Utf8View),
            (["\"2024-01-31 10:00:00\"", "\"2024-01-31T10:00:00.5\""], DataType::Timestamp(TimeUnit::Microsecond, None)),
            (["\"2024-01-31 25:00:00\"", "null"], DataType::Utf8View),
            (["\"2024-01-31\"", "\"2024-01-31 10:00:00\""], DataType::Utf8View),
            (["1", "\"x\""], DataType::Utf8View),
            (["null", "null"], DataType::Utf8View),
            (["[1]", "[2.5, null]"], DataType::List(Field::new_list_field(DataType::Float64, true).into())),
        ] {
            assert_eq!(shape(&lines).unwrap().data_type(), expected, "{lines:?}");
        }
        let Shape::Object(keys) = shape(&[r#"{"b": 1}"#, r#"{"c": {"x": 1}, "a": null}"#, r#"{"b": null, "c": {"y": [true]}}"#]).unwrap()
        else {
            panic!()
        };
        assert_eq!(keys.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["b", "c", "a"]);
        assert_eq!(keys[1].1.data_type().to_string(), shape(&[r#"{"x": 1, "y": [true]}"#]).unwrap().data_type().to_string());
    }

    #[test]
    fn what_has_nothing_in_common_is_told() {
        assert_eq!(shape(&[r#"{"a": 1}"#, r#"{"a": [1]}"#]).unwrap_err(), "key 'a' is a list here and a plain value before");
        assert!(shape(&[r#"{"a": 1, "a": 2}"#]).unwrap_err().contains("key 'a' stands there twice"));
    }

    #[test]
    fn keys_without_a_field_are_found() {
        let known = shape(&[r#"{"a": 1, "b": {"c": 1}, "l": [{"x": 1}]}"#]).unwrap().data_type();
        for (line, key) in [
            (r#"{"a": 2}"#, None),
            (r#"{"z": 2}"#, Some("z")),
            (r#"{"b": {"c": 1, "d": 2}}"#, Some("b.d")),
            (r#"{"l": [{"x": 1}, {"y": 2}]}"#, Some("l.y")),
        ] {
            assert_eq!(shape(&[line]).unwrap().key_beyond(&known).as_deref(), key, "{line}");
        }
    }
}
