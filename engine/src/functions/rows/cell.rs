//! A row's arguments, and its result.

use std::borrow::Cow;

use arrow::datatypes::IntervalMonthDayNano;

use crate::error::{Error, Result};

/// Microseconds in a day.
pub(super) const DAY: i64 = 86_400_000_000;

/// An argument's value in a row.
#[derive(Debug, Clone)]
pub(in crate::functions) enum Cell<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'a str),
    /// A number, as it is shown.
    Number(&'a str),
    Bytes(&'a [u8]),
    /// Days since 1970.
    Date(i32),
    /// Microseconds: of a time since midnight, of a timestamp since 1970.
    Micros(i64),
    Interval(IntervalMonthDayNano),
    Texts(Vec<Option<&'a str>>),
}

/// A row's result.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::functions) enum Out<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Unsigned(u64),
    Float(f64),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
    Date(i32),
    Micros(i64),
    Interval(IntervalMonthDayNano),
    Texts(Vec<Option<Cow<'a, str>>>),
}

/// The arguments of a row.
#[derive(Debug)]
pub(in crate::functions) struct Args<'a>(pub(super) Vec<Cell<'a>>);

impl<'a> Args<'a> {
    /// How many there are.
    pub(in crate::functions) fn len(&self) -> usize {
        self.0.len()
    }

    pub(in crate::functions) fn is_null(&self, index: usize) -> bool {
        matches!(self.0.get(index), None | Some(Cell::Null))
    }

    pub(in crate::functions) fn text(&self, index: usize) -> Result<&'a str> {
        match self.0.get(index) {
            Some(Cell::Text(text) | Cell::Number(text)) => Ok(text),
            other => Err(unexpected(index, other)),
        }
    }

    /// Whether what is shown is a number.
    pub(in crate::functions) fn is_number(&self, index: usize) -> bool {
        matches!(self.0.get(index), Some(Cell::Number(_)))
    }

    /// The text, none for NULL.
    pub(in crate::functions) fn text_or_null(&self, index: usize) -> Result<Option<&'a str>> {
        match self.is_null(index) {
            true => Ok(None),
            false => self.text(index).map(Some),
        }
    }

    pub(in crate::functions) fn bytes(&self, index: usize) -> Result<&'a [u8]> {
        match self.0.get(index) {
            Some(Cell::Bytes(bytes)) => Ok(bytes),
            Some(Cell::Text(text)) => Ok(text.as_bytes()),
            other => Err(unexpected(index, other)),
        }
    }

    pub(in crate::functions) fn int(&self, index: usize) -> Result<i64> {
        match self.0.get(index) {
            Some(Cell::Int(int)) => Ok(*int),
            other => Err(unexpected(index, other)),
        }
    }

    pub(in crate::functions) fn float(&self, index: usize) -> Result<f64> {
        match self.0.get(index) {
            Some(Cell::Float(float)) => Ok(*float),
            other => Err(unexpected(index, other)),
        }
    }

    pub(in crate::functions) fn bool(&self, index: usize) -> Result<bool> {
        match self.0.get(index) {
            Some(Cell::Bool(bool)) => Ok(*bool),
            other => Err(unexpected(index, other)),
        }
    }

    /// Days since 1970.
    pub(in crate::functions) fn days(&self, index: usize) -> Result<i32> {
        match self.0.get(index) {
            Some(Cell::Date(days)) => Ok(*days),
            other => Err(unexpected(index, other)),
        }
    }

    /// Microseconds since 1970, of a date its midnight; of a time since midnight.
    pub(in crate::functions) fn micros(&self, index: usize) -> Result<i64> {
        match self.0.get(index) {
            Some(Cell::Micros(micros)) => Ok(*micros),
            Some(Cell::Date(days)) => Ok(i64::from(*days) * DAY),
            other => Err(unexpected(index, other)),
        }
    }

    pub(in crate::functions) fn interval(&self, index: usize) -> Result<IntervalMonthDayNano> {
        match self.0.get(index) {
            Some(Cell::Interval(interval)) => Ok(*interval),
            other => Err(unexpected(index, other)),
        }
    }

    pub(in crate::functions) fn texts(&self, index: usize) -> Result<&[Option<&'a str>]> {
        match self.0.get(index) {
            Some(Cell::Texts(texts)) => Ok(texts),
            other => Err(unexpected(index, other)),
        }
    }
}

fn unexpected(index: usize, found: Option<&Cell<'_>>) -> Error {
    Error::internal(format!("argument {index} of a function is {found:?}"))
}

impl From<bool> for Out<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Out<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for Out<'_> {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl<'a> From<&'a str> for Out<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(Cow::Borrowed(value))
    }
}

impl From<String> for Out<'_> {
    fn from(value: String) -> Self {
        Self::Text(Cow::Owned(value))
    }
}

impl<'a> From<Cow<'a, str>> for Out<'a> {
    fn from(value: Cow<'a, str>) -> Self {
        Self::Text(value)
    }
}

impl From<Vec<u8>> for Out<'_> {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(Cow::Owned(value))
    }
}

impl From<IntervalMonthDayNano> for Out<'_> {
    fn from(value: IntervalMonthDayNano) -> Self {
        Self::Interval(value)
    }
}

impl<'a, T: Into<Out<'a>>> From<Option<T>> for Out<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<'a> FromIterator<&'a str> for Out<'a> {
    fn from_iter<I: IntoIterator<Item = &'a str>>(texts: I) -> Self {
        Self::Texts(texts.into_iter().map(|text| Some(Cow::Borrowed(text))).collect())
    }
}

impl FromIterator<String> for Out<'_> {
    fn from_iter<I: IntoIterator<Item = String>>(texts: I) -> Self {
        Self::Texts(texts.into_iter().map(|text| Some(Cow::Owned(text))).collect())
    }
}

/// A count of characters, say, as a BIGINT.
pub(in crate::functions) fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
