//! Infers whether files have a header, and the types of their columns, from a sample.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringViewArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Field, Schema, SchemaRef, TimeUnit};

use super::dialect::Dialect;
use super::records::Text;
use crate::files::Columns;

/// Types that a column may have, the narrowest first. A text that none of them reads is VARCHAR.
fn candidates() -> [DataType; 6] {
    [
        DataType::Boolean,
        DataType::Int64,
        // Of whole numbers, a DOUBLE keeps no more than 16 digits.
        DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0),
        DataType::Float64,
        DataType::Date32,
        DataType::Timestamp(TimeUnit::Microsecond, None),
    ]
}

/// Whether the first record is a header.
pub(super) fn has_header(rows: &[Vec<Text>], dialect: &Dialect, columns: &Columns) -> bool {
    let Some((first, rest)) = rows.split_first() else { return false };
    if let Columns::Given(schema) = columns {
        let is_column = |text: &Text| schema.fields().iter().any(|field| field.name().eq_ignore_ascii_case(text.text.trim()));
        return first.iter().all(is_column);
    }
    let distinct: HashSet<&str> = first.iter().map(|value| value.text.as_str()).collect();
    let named = distinct.len() == first.len() && first.iter().all(|value| !value.text.trim().is_empty());
    // A number is the name of nothing.
    let plain = first.iter().all(|value| column_type(std::iter::once(value), dialect) == DataType::Utf8View);
    // Below a header stands something else than text; if all is text, names tell it.
    let is_typed = types(rest, first.len(), dialect).iter().any(|found| *found != DataType::Utf8View);
    plain && (named || is_typed)
}

/// Names and types of the columns.
pub(super) fn schema(rows: &[Vec<Text>], header: Option<&[String]>, dialect: &Dialect) -> SchemaRef {
    let data = match header {
        Some(_) => rows.get(1..).unwrap_or_default(),
        None => rows,
    };
    let count = rows.first().map_or(0, Vec::len);
    let mut names: Vec<String> = Vec::with_capacity(count);
    for at in 0..count {
        let wanted =
            header.and_then(|header| header.get(at)).filter(|name| !name.is_empty()).cloned().unwrap_or_else(|| format!("column{at}"));
        let mut name = wanted.clone();
        let mut number = 0;
        while names.contains(&name) {
            number += 1;
            name = format!("{wanted}_{number}");
        }
        names.push(name);
    }
    let fields = names.into_iter().zip(types(data, count, dialect)).map(|(name, data_type)| Field::new(name, data_type, true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn types(rows: &[Vec<Text>], count: usize, dialect: &Dialect) -> Vec<DataType> {
    (0..count).map(|at| column_type(rows.iter().filter_map(|row| row.get(at)), dialect)).collect()
}

fn column_type<'a>(values: impl Iterator<Item = &'a Text>, dialect: &Dialect) -> DataType {
    let texts: Vec<&str> = values.map(|value| value.text.trim()).filter(|text| *text != dialect.null && !text.is_empty()).collect();
    if texts.is_empty() {
        return DataType::Utf8View;
    }
    let is_boolean = texts.iter().all(|text| text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false"));
    // A number with a zero before it is a code: a postcode, a telephone number.
    let is_code = |text: &&str| text.len() > 1 && text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'));
    let has_code = texts.iter().any(is_code);
    let all_numbers = texts.iter().all(is_number);
    let array: ArrayRef = Arc::new(StringViewArray::from_iter_values(&texts));
    candidates()
        .into_iter()
        .filter(|candidate| match candidate {
            DataType::Boolean => is_boolean,
            DataType::Int64 | DataType::Float64 => all_numbers && !has_code,
            DataType::Decimal128(..) => all_numbers && !has_code && !texts.iter().any(|text| text.contains(['.', 'e', 'E'])),
            // A date is no timestamp and the other way around: a time must be written out.
            DataType::Date32 => texts.iter().all(|text| text.len() <= 10 && text.contains('-')),
            _ => texts.iter().all(|text| text.contains('-') && text.contains(':')),
        })
        .find(|candidate| {
            let options = CastOptions { safe: true, ..CastOptions::default() };
            cast_with_options(&array, candidate, &options).is_ok_and(|cast| cast.null_count() == 0)
        })
        .unwrap_or(DataType::Utf8View)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<Vec<Text>> {
        text.lines().map(|line| line.split(',').map(|text| Text { text: text.to_owned(), quoted: false }).collect()).collect()
    }

    fn dialect() -> Dialect {
        Dialect { delimiter: b',', quote: Some(b'"'), escape: b'"', null: String::new() }
    }

    #[test]
    fn infers_names_and_types() {
        let rows = rows(
            "id,price,day,at,flag,name,zip,none\n1,1.5,2026-01-31,2026-01-31 10:00:00,true,x,01234,\n-2,2,2026-02-01,2026-02-01T00:00:00,false,2,10000,",
        );
        assert!(has_header(&rows, &dialect(), &Columns::Inferred));
        let header: Vec<String> = rows[0].iter().map(|value| value.text.clone()).collect();
        let found = schema(&rows, Some(&header), &dialect());
        let types: Vec<DataType> = found.fields().iter().map(|field| field.data_type().clone()).collect();
        let text = DataType::Utf8View;
        let at = DataType::Timestamp(TimeUnit::Microsecond, None);
        assert_eq!(types, [DataType::Int64, DataType::Float64, DataType::Date32, at, DataType::Boolean, text.clone(), text.clone(), text]);
    }

    #[test]
    fn whole_numbers_keep_all_digits() {
        for (text, expected) in [
            ("1\n9223372036854775807", DataType::Int64),
            ("1\n9223372036854775808", DataType::Decimal128(38, 0)),
            ("1\n1.5\n9223372036854775808", DataType::Float64),
            ("1\n999999999999999999999999999999999999999", DataType::Float64),
        ] {
            assert_eq!(schema(&rows(text), None, &dialect()).field(0).data_type(), &expected, "{text}");
        }
    }

    #[test]
    fn a_file_without_header_keeps_its_first_row() {
        assert!(!has_header(&rows("1,x\n2,y"), &dialect(), &Columns::Inferred));
        assert!(!has_header(&rows("x,x\ny,y"), &dialect(), &Columns::Inferred));
        assert!(has_header(&rows("a,b\nx,y"), &dialect(), &Columns::Inferred));
        assert!(has_header(&rows("a,a,\n1,2,3"), &dialect(), &Columns::Inferred));
        let found = schema(&rows("1,x\n2,y"), None, &dialect());
        assert_eq!(found.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>(), ["column0", "column1"]);
    }

    #[test]
    fn a_header_twice_the_same_gets_numbers() {
        let header = ["a".to_owned(), "a".to_owned(), String::new()];
        let found = schema(&rows("a,a,\n1,2,3"), Some(&header), &dialect());
        assert_eq!(found.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>(), ["a", "a_1", "column2"]);
    }
}
