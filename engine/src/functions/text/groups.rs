//! The groups of a regular expression as a struct.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewBuilder, StructArray};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::ScalarUDF;
use regex::Regex;

use super::super::extended::{Way, alone, names_in};
use super::regex::regex;
use crate::error::{Error, Result};

pub(in crate::functions) fn functions() -> Vec<Arc<ScalarUDF>> {
    vec![alone(
        &["regexp_extract_groups"],
        "regexp_extract_groups(text, pattern, names[, options])",
        "the groups of the first match under names, one a line, as a struct: what regexp_extract is of a list of names",
        "regexp_extract('2024-05', '([0-9]+)-([0-9]+)', ['year', 'month'])",
        Way { takes, gives, run },
    )]
}

fn takes(arguments: &[DataType]) -> Option<Vec<DataType>> {
    let are_texts = arguments.iter().all(|argument| argument.is_string() || argument.is_null());
    (matches!(arguments.len(), 3 | 4) && arguments[2].is_string() && are_texts).then(|| arguments.to_vec())
}

fn gives(_: &[DataType], constants: &[Option<&ScalarValue>]) -> Result<DataType> {
    let names = names_in("regexp_extract", constants.get(2).copied().flatten())?;
    if let Some(pattern) = constants.get(1).copied().flatten().and_then(|pattern| pattern.try_as_str().flatten()) {
        check(regex(pattern, "")?.as_ref(), names.len())?;
    }
    Ok(DataType::Struct(names.iter().map(|name| Field::new(name, DataType::Utf8View, true)).collect()))
}

fn check(regex: &Regex, names: usize) -> Result<()> {
    let groups = regex.captures_len() - 1;
    match groups < names {
        true => Err(Error::invalid(format!("the pattern has {groups} groups, and there are {names} names for them"))
            .with_hint("a group stands in round brackets")),
        false => Ok(()),
    }
}

fn run(arrays: &[ArrayRef], result: &DataType) -> Result<ArrayRef> {
    let DataType::Struct(fields) = result else { return Err(Error::internal("groups are no struct")) };
    let texts: Vec<ArrayRef> = arrays.iter().map(|array| Ok(cast(array, &DataType::Utf8View)?)).collect::<Result<_>>()?;
    let [texts, patterns, _, options @ ..] = texts.as_slice() else { return Err(Error::internal("groups of no pattern")) };
    let rows = texts.len();
    let mut groups: Vec<StringViewBuilder> = fields.iter().map(|_| StringViewBuilder::with_capacity(rows)).collect();
    let mut are_there = Vec::with_capacity(rows);
    for row in 0..rows {
        let value = |array: &ArrayRef| array.is_valid(row).then(|| array.as_string_view().value(row).to_owned());
        let options = options.first().map_or(Some(String::new()), value);
        let (text, pattern) = (value(texts), value(patterns));
        are_there.push(text.is_some() && pattern.is_some() && options.is_some());
        match (text, pattern, options) {
            (Some(text), Some(pattern), Some(options)) => {
                let regex = regex(&pattern, &options)?;
                check(&regex, fields.len())?;
                let captures = regex.captures(&text);
                for (at, group) in groups.iter_mut().enumerate() {
                    group.append_value(captures.as_ref().and_then(|captures| captures.get(at + 1)).map_or("", |found| found.as_str()));
                }
            }
            _ => groups.iter_mut().for_each(StringViewBuilder::append_null),
        }
    }
    let columns = groups.into_iter().map(|mut group| Arc::new(group.finish()) as ArrayRef).collect();
    let nulls = NullBuffer::from(are_there);
    Ok(Arc::new(StructArray::try_new_with_length(Fields::clone(fields), columns, Some(nulls), rows)?))
}
