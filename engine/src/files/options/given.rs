//! The values of options, as they are given.

use arrow::datatypes::{DataType, Field};
use datafusion::sql::sqlparser::ast::{CastKind, Expr};

use crate::error::{Error, Result};
use crate::statements::syntax::parse;
use crate::types;

/// What stands behind an option's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Given {
    /// Nothing: it is switched on.
    Nothing,
    /// A word, a number or a string.
    Text(String),
    /// `['a', 'b']` or `(a, b)`.
    List(Vec<String>),
    /// `{'a': 'INTEGER'}`.
    Pairs(Vec<(String, String)>),
    /// `*`.
    All,
}

/// An option's value, and the name that it was given under.
pub(super) struct Argument<'a> {
    pub(super) name: &'a str,
    pub(super) given: Given,
}

impl Argument<'_> {
    fn wrong(&self, expected: &str) -> Error {
        let found = match &self.given {
            Given::Nothing => "nothing".to_owned(),
            Given::Text(text) => format!("'{text}'"),
            Given::List(items) => format!("({})", items.join(", ")),
            Given::Pairs(_) => "a struct".to_owned(),
            Given::All => "*".to_owned(),
        };
        Error::invalid(format!("the option {} is {expected}, not {found}", self.name))
    }

    pub(super) fn text(&self) -> Result<&str> {
        match &self.given {
            Given::Text(text) => Ok(text),
            _ => Err(self.wrong("one text")),
        }
    }

    /// True, false, or nothing for true.
    pub(super) fn flag(&self) -> Result<bool> {
        let text = match &self.given {
            Given::Nothing => return Ok(true),
            Given::Text(text) => text.to_ascii_lowercase(),
            _ => return Err(self.wrong("true or false")),
        };
        match text.as_str() {
            "true" | "on" | "1" | "yes" => Ok(true),
            "false" | "off" | "0" | "no" => Ok(false),
            _ => Err(self.wrong("true or false")),
        }
    }

    /// A sign; `None` for an empty text.
    pub(super) fn byte(&self) -> Result<Option<u8>> {
        let text = self.text()?;
        match text.as_bytes() {
            [] => Ok(None),
            [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r') => Ok(Some(*byte)),
            _ if text == "\\t" => Ok(Some(b'\t')),
            _ => Err(self.wrong("one ASCII character")),
        }
    }

    /// A sign that must be there.
    pub(super) fn sign(&self) -> Result<u8> {
        self.byte()?.ok_or_else(|| self.wrong("one ASCII character"))
    }

    pub(super) fn number<T: std::str::FromStr>(&self) -> Result<T> {
        self.text()?.replace('_', "").parse().map_err(|_| self.wrong("a whole number"))
    }

    /// Texts: one, or a list.
    pub(super) fn texts(&self) -> Result<Vec<String>> {
        match &self.given {
            Given::Text(text) => Ok(vec![text.clone()]),
            Given::List(texts) => Ok(texts.clone()),
            _ => Err(self.wrong("a list of texts")),
        }
    }

    /// One of several words.
    pub(super) fn one_of<T: Copy>(&self, words: &[(&str, T)]) -> Result<T> {
        let text = self.text()?;
        let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.wrong(&format!("one of {}", names.join(", ")))
        })
    }

    /// Types without names.
    pub(super) fn types(&self) -> Result<Vec<Field>> {
        self.texts()?.iter().map(|text| self.typed("", text)).collect()
    }

    /// Names and types.
    pub(super) fn named_types(&self) -> Result<Vec<Field>> {
        match &self.given {
            Given::Pairs(pairs) => pairs.iter().map(|(name, text)| self.typed(name, text)).collect(),
            _ => Err(self.wrong("a struct of names and types, as {'a': 'INTEGER'}")),
        }
    }

    pub(super) fn has_names(&self) -> bool {
        matches!(self.given, Given::Pairs(_))
    }

    fn typed(&self, name: &str, text: &str) -> Result<Field> {
        column_type(name, text).map_err(|error| error.context(format!("the option {}", self.name)))
    }
}

/// A column of a type that is written in SQL.
fn column_type(name: &str, text: &str) -> Result<Field> {
    match text.to_ascii_uppercase().as_str() {
        "SQLNULL" | "NULL" => return Ok(Field::new(name, DataType::Null, true)),
        // DuckDB's names of types, where the nearest type here has another name.
        "HUGEINT" => return Ok(Field::new(name, DataType::Decimal128(38, 0), true)),
        "JSON" => return Ok(Field::new(name, DataType::Utf8View, true)),
        _ => {}
    }
    let no_type = || Error::invalid(format!("'{text}' is no type"));
    match parse::parse_expression(&format!("CAST(NULL AS {text})")).map_err(|_| no_type())? {
        Expr::Cast { kind: CastKind::Cast, data_type, .. } => types::field(name, &data_type).map(|field| field.as_ref().clone()),
        _ => Err(no_type()),
    }
}
