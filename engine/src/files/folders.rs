//! Columns that folders tell: `year=2024/country=CH/x.parquet` is a row's year and country, as Hive, Spark and DuckDB write them.
//!
//! They are read where all files have the same, and the files have no column of that name of their own.

use std::borrow::Cow;

use arrow::array::Array;
use arrow::datatypes::{DataType, Field, TimeUnit};
use datafusion::common::ScalarValue;

use super::options::ReadOptions;
use crate::error::{Error, Result, from_datafusion};
use crate::semantics::assignment;

/// What stands for NULL in the name of a folder.
pub(crate) const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// Names and values that the folders of a path tell, values as text.
pub(super) type Told = Vec<(String, Option<String>)>;

/// What the folders of a path tell; the last part of the path is a file.
pub(super) fn told<'a>(folders: impl Iterator<Item = &'a str>) -> Told {
    folders
        .filter_map(|folder| folder.split_once('='))
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, value)| {
            let value = (value != NULL).then(|| decoded(value).into_owned());
            (decoded(name).into_owned(), value)
        })
        .collect()
}

/// The columns, and each file's values.
///
/// # Errors
/// *Invalid* when some files tell other columns than others.
pub(super) fn columns(files: &[(&str, Told)], options: &ReadOptions) -> Result<(Vec<Field>, Vec<Vec<ScalarValue>>)> {
    let Some((first, names)) = files.first() else { return Ok((vec![], vec![])) };
    let same = |told: &Told| told.len() == names.len() && told.iter().zip(names).all(|((name, _), (expected, _))| name == expected);
    if let Some((other, _)) = files.iter().find(|(_, told)| !same(told)) {
        return Err(Error::invalid(format!("the folders of '{first}' and of '{other}' tell different columns"))
            .with_hint("a pattern such as 'folder/*/*.parquet' chooses files whose folders have the same names before their ="));
    }
    if let Some((name, _)) =
        names.iter().enumerate().find(|(at, (name, _))| names[..*at].iter().any(|(other, _)| other == name)).map(|(_, told)| told)
    {
        return Err(Error::invalid(format!("the folders of '{first}' tell column '{name}' twice")));
    }
    let mut fields = Vec::new();
    let mut values = vec![Vec::new(); files.len()];
    for (at, (name, _)) in names.iter().enumerate() {
        let texts: Vec<ScalarValue> = files.iter().map(|(_, told)| ScalarValue::Utf8View(told[at].1.clone())).collect();
        let told = options.hive_types.iter().find(|field| field.name().eq_ignore_ascii_case(name));
        let (field, typed) = match told {
            Some(told) => told_values(texts, &told.clone().with_name(name))?,
            None if options.hive_text => (Field::new(name, DataType::Utf8View, true), texts),
            None => {
                let (data_type, typed) = typed(texts);
                (Field::new(name, data_type, true), typed)
            }
        };
        fields.push(field);
        typed.into_iter().zip(&mut values).for_each(|(value, values)| values.push(value));
    }
    Ok((fields, values))
}

/// Values as a type that is told.
fn told_values(texts: Vec<ScalarValue>, field: &Field) -> Result<(Field, Vec<ScalarValue>)> {
    let source = Field::new(field.name(), DataType::Utf8View, true);
    let array = ScalarValue::iter_to_array(texts).map_err(from_datafusion)?;
    let array = assignment::conform(&array, &source, field).map_err(|error| error.context("what folders tell"))?;
    let values = (0..array.len()).map(|row| ScalarValue::try_from_array(&array, row)).collect::<std::result::Result<Vec<_>, _>>();
    Ok((field.clone(), values.map_err(from_datafusion)?))
}

/// Values as the narrowest type that holds them all.
fn typed(texts: Vec<ScalarValue>) -> (DataType, Vec<ScalarValue>) {
    let candidates = [DataType::Int64, DataType::Date32, DataType::Timestamp(TimeUnit::Microsecond, None)];
    let is_text = |text: &ScalarValue| matches!(text, ScalarValue::Utf8View(Some(_)));
    if texts.iter().any(is_text) {
        for candidate in candidates {
            // A cast would read 2024-01-31 10:00 as a date.
            let fits = |text: &ScalarValue| match (text, &candidate) {
                (ScalarValue::Utf8View(Some(text)), DataType::Date32) => text.len() == 10,
                _ => true,
            };
            let cast: Option<Vec<ScalarValue>> = texts.iter().filter(|text| fits(text)).map(|text| text.cast_to(&candidate).ok()).collect();
            if let Some(cast) = cast.filter(|cast| cast.len() == texts.len()) {
                return (candidate, cast);
            }
        }
    }
    (DataType::Utf8View, texts)
}

/// A name with `%2F` made `/`, and the like.
fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return text.into();
    }
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let (mut plain, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(byte) = bytes.get(at) {
        match (*byte == b'%').then(|| digit(at + 1).zip(digit(at + 2))).flatten().and_then(|(high, low)| u8::try_from(high * 16 + low).ok())
        {
            Some(code) => {
                plain.push(code);
                at += 3;
            }
            None => {
                plain.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8(plain).map_or_else(|_| text.into(), Cow::Owned)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(paths: &[&str]) -> Result<(Vec<DataType>, Vec<Vec<String>>)> {
        let told: Vec<(&str, Told)> = paths.iter().map(|path| (*path, told(path.split('/')))).collect();
        let (fields, values) = columns(&told, &ReadOptions::default())?;
        let texts = values.iter().map(|row| row.iter().map(ToString::to_string).collect()).collect();
        Ok((fields.iter().map(|field| field.data_type().clone()).collect(), texts))
    }

    #[test]
    fn folders_tell_columns_and_their_types() {
        let (types, values) = read(&["n=1/d=2024-01-31/s=a%2Fb", "n=20/d=2024-02-01/s=", &format!("n={NULL}/d={NULL}/s={NULL}")]).unwrap();
        assert_eq!(types, [DataType::Int64, DataType::Date32, DataType::Utf8View]);
        assert_eq!(values, [["1", "2024-01-31", "a/b"], ["20", "2024-02-01", ""], ["NULL", "NULL", "NULL"]]);
        assert_eq!(read(&["n=1", "n=x"]).unwrap().0, [DataType::Utf8View]);
        assert_eq!(
            read(&["t=2024-01-31 10:00:00", "t=2024-01-31 11:30:00.5"]).unwrap().0,
            [DataType::Timestamp(TimeUnit::Microsecond, None)]
        );
        assert_eq!(read(&["a/b", "c"]).unwrap().0, []);
        assert_eq!(read(&["x=100%", "x=%zz"]).unwrap().1, [["100%"], ["%zz"]]);
    }

    #[test]
    fn folders_that_tell_different_columns_are_an_error() {
        assert!(read(&["n=1", "m=1"]).is_err());
        assert!(read(&["n=1/x", "y"]).is_err());
        assert!(read(&["n=1/n=2"]).is_err());
    }
}
