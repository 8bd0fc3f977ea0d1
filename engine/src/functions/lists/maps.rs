//! Maps: made of entries, asked for keys, put together.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, MapArray, StructArray, UInt64Array};
use arrow::compute::{concat, take};
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::ScalarValue;

use super::{Definition, as_list, item, list_of, lists, scalar};
use crate::error::{Error, Result, from_datafusion};

pub(super) fn definitions() -> Vec<Definition> {
    [keys(), entries()].concat()
}

fn keys() -> Vec<Definition> {
    vec![
        Definition {
            name: "map_from_entries",
            aliases: &[],
            usage: "map_from_entries(list)",
            about: "the map of a list of pairs",
            example: "map_from_entries([('a', 1)])",
            takes: |arguments| match arguments {
                [list] => as_list(list).filter(|list| pair(&item(Some(list))).is_some()).map(|list| vec![list]),
                _ => None,
            },
            gives: |arguments| match pair(&item(arguments.first())) {
                Some((key, value)) => map_of(&key, &value),
                None => DataType::Null,
            },
            run: |arrays, result| {
                let lists = lists(&arrays[0])?;
                let DataType::Map(entries, _) = result else { return Err(Error::internal("a map has another type")) };
                let DataType::Struct(fields) = entries.data_type() else { return Err(Error::internal("a map has no entries")) };
                let pairs = lists.values().as_struct();
                let (key, value) = (Arc::clone(pairs.column(0)), Arc::clone(pairs.column(1)));
                if key.null_count() > 0 {
                    return Err(Error::invalid("a key of a map is not NULL"));
                }
                let pairs = StructArray::try_new(fields.clone(), vec![key, value], None)?;
                Ok(Arc::new(MapArray::try_new(Arc::clone(entries), lists.offsets().clone(), pairs, lists.nulls().cloned(), false)?))
            },
        },
        Definition {
            name: "map_contains",
            aliases: &["map_contains_key"],
            usage: "map_contains(map, key)",
            about: "whether a map has a key",
            example: "map_contains(MAP {'a': 1}, 'a')",
            takes: map_and_key,
            gives: |_| DataType::Boolean,
            run: |arrays, _| {
                let maps = arrays[0].as_map();
                let row =
                    |row: usize| Ok((maps.is_valid(row) && arrays[1].is_valid(row)).then_some(place(maps, row, &arrays[1])?.is_some()));
                Ok(Arc::new((0..maps.len()).map(row).collect::<Result<BooleanArray>>()?))
            },
        },
        Definition {
            name: "map_contains_value",
            aliases: &[],
            usage: "map_contains_value(map, value)",
            about: "whether a map has a value",
            example: "map_contains_value(MAP {'a': 1}, 1)",
            takes: |arguments| match arguments {
                [map, value] => entry(Some(map)).and_then(|(_, own)| Some(vec![map.clone(), in_common(&own, value)?])),
                _ => None,
            },
            gives: |_| DataType::Boolean,
            run: |arrays, _| {
                let maps = arrays[0].as_map();
                let row = |row: usize| -> Result<Option<bool>> {
                    if maps.is_null(row) || arrays[1].is_null(row) {
                        return Ok(None);
                    }
                    let wanted = scalar(&arrays[1], row)?;
                    let offsets = maps.value_offsets();
                    for place in offsets[row].unsigned_abs() as usize..offsets[row + 1].unsigned_abs() as usize {
                        if is_same(maps.values(), place, &wanted)? {
                            return Ok(Some(true));
                        }
                    }
                    Ok(Some(false))
                };
                Ok(Arc::new((0..maps.len()).map(row).collect::<Result<BooleanArray>>()?))
            },
        },
        Definition {
            name: "map_contains_entry",
            aliases: &[],
            usage: "map_contains_entry(map, key, value)",
            about: "whether a map has a value under a key",
            example: "map_contains_entry(MAP {'a': 1}, 'a', 1)",
            takes: |arguments| match arguments {
                [map, _, value] => entry(Some(map)).and_then(|(key, own)| Some(vec![map.clone(), key, in_common(&own, value)?])),
                _ => None,
            },
            gives: |_| DataType::Boolean,
            run: |arrays, _| {
                let maps = arrays[0].as_map();
                let row = |row: usize| -> Result<Option<bool>> {
                    if maps.is_null(row) {
                        return Ok(None);
                    }
                    let place = place(maps, row, &arrays[1])?.and_then(|place| usize::try_from(place).ok());
                    Ok(Some(match place {
                        Some(place) => is_same(maps.values(), place, &scalar(&arrays[2], row)?)?,
                        None => false,
                    }))
                };
                Ok(Arc::new((0..maps.len()).map(row).collect::<Result<BooleanArray>>()?))
            },
        },
    ]
}

/// The type in which a value is compared with a map's own: a text is no number.
fn in_common(own: &DataType, value: &DataType) -> Option<DataType> {
    let are_alike = own.is_null() || value.is_null() || own.is_string() == value.is_string();
    super::selection::common(own, value).filter(|_| are_alike)
}

/// Whether a value of a map is another one, in the type of the other.
fn is_same(values: &ArrayRef, place: usize, wanted: &ScalarValue) -> Result<bool> {
    let found = scalar(values, place)?;
    if found.is_null() || wanted.is_null() {
        return Ok(found.is_null() && wanted.is_null());
    }
    Ok(found.cast_to(&wanted.data_type()).map_err(from_datafusion)? == *wanted)
}

fn entries() -> Vec<Definition> {
    vec![
        Definition {
            name: "map_extract_value",
            aliases: &[],
            usage: "map_extract_value(map, key)",
            about: "the value of a key; NULL if there is none",
            example: "map_extract_value(MAP {'a': 1}, 'a')",
            takes: map_and_key,
            gives: |arguments| entry(arguments.first()).map_or(DataType::Null, |(_, value)| value),
            run: |arrays, _| {
                let maps = arrays[0].as_map();
                let places = (0..maps.len()).map(|row| place(maps, row, &arrays[1])).collect::<Result<UInt64Array>>()?;
                Ok(take(maps.values(), &places, None)?)
            },
        },
        Definition {
            name: "map_extract",
            aliases: &["element_at"],
            usage: "map_extract(map, key)",
            about: "a list of the value of a key, which is empty if there is none",
            example: "map_extract(MAP {'a': 1}, 'a')",
            takes: map_and_key,
            gives: |arguments| entry(arguments.first()).map_or(DataType::Null, |(_, value)| list_of(value)),
            run: |arrays, result| {
                let maps = arrays[0].as_map();
                let row = |row: usize| -> Result<Option<ArrayRef>> {
                    let place = place(maps, row, &arrays[1])?.and_then(|place| usize::try_from(place).ok());
                    let found = place.map_or_else(|| maps.values().slice(0, 0), |place| maps.values().slice(place, 1));
                    Ok(maps.is_valid(row).then_some(found))
                };
                super::column_of((0..maps.len()).map(row).collect::<Result<Vec<_>>>()?, result)
            },
        },
        Definition {
            name: "map_concat",
            aliases: &[],
            usage: "map_concat(map, map, ...)",
            about: "several maps as one; the last value of a key counts",
            example: "map_concat(MAP {'a': 1}, MAP {'b': 2})",
            takes: |arguments| {
                let (first, rest) = arguments.split_first()?;
                (entry(Some(first)).is_some() && rest.iter().all(|other| other == first)).then(|| arguments.to_vec())
            },
            gives: |arguments| arguments[0].clone(),
            run: concatenated,
        },
        Definition {
            name: "map_entries",
            aliases: &[],
            usage: "map_entries(map)",
            about: "the entries of a map as a list",
            example: "map_entries(MAP {'a': 1})",
            takes: |arguments| matches!(arguments, [DataType::Map(..)]).then(|| arguments.to_vec()),
            gives: |arguments| {
                entry(arguments.first()).map_or(DataType::Null, |(key, value)| list_of(DataType::Struct(fields(&key, &value, true))))
            },
            run: |arrays, result| {
                let maps = arrays[0].as_map();
                let entries =
                    StructArray::try_new(fields(maps.key_type(), maps.value_type(), true), maps.entries().columns().to_vec(), None)?;
                let DataType::List(field) = result else { return Err(Error::internal("entries are no list")) };
                Ok(Arc::new(arrow::array::ListArray::try_new(
                    Arc::clone(field),
                    maps.offsets().clone(),
                    Arc::new(entries),
                    maps.nulls().cloned(),
                )?))
            },
        },
    ]
}

/// The types of a pair's two fields.
fn pair(data_type: &DataType) -> Option<(DataType, DataType)> {
    match data_type {
        DataType::Struct(fields) if fields.len() == 2 => Some((fields[0].data_type().clone(), fields[1].data_type().clone())),
        _ => None,
    }
}

/// The types of a map's keys and values.
fn entry(map: Option<&DataType>) -> Option<(DataType, DataType)> {
    match map {
        Some(DataType::Map(entries, _)) => pair(entries.data_type()),
        _ => None,
    }
}

fn fields(key: &DataType, value: &DataType, nullable: bool) -> Fields {
    vec![Field::new("key", key.clone(), nullable), Field::new("value", value.clone(), true)].into()
}

fn map_of(key: &DataType, value: &DataType) -> DataType {
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(fields(key, value, false)), false)), false)
}

fn map_and_key(arguments: &[DataType]) -> Option<Vec<DataType>> {
    match arguments {
        [map, _] => entry(Some(map)).map(|(key, _)| vec![map.clone(), key]),
        _ => None,
    }
}

/// Where the value of a row's key is.
fn place(maps: &MapArray, row: usize, keys: &ArrayRef) -> Result<Option<u64>> {
    if maps.is_null(row) || keys.is_null(row) {
        return Ok(None);
    }
    let wanted = scalar(keys, row)?;
    let from = maps.value_offsets()[row].unsigned_abs() as usize;
    let to = maps.value_offsets()[row + 1].unsigned_abs() as usize;
    for place in from..to {
        if scalar(maps.keys(), place)? == wanted {
            return Ok(u64::try_from(place).ok());
        }
    }
    Ok(None)
}

fn concatenated(arrays: &[ArrayRef], result: &DataType) -> Result<ArrayRef> {
    let DataType::Map(entries, _) = result else { return Err(Error::internal("a map has another type")) };
    let maps: Vec<&MapArray> = arrays.iter().map(|array| array.as_map()).collect();
    let rows = arrays.first().map_or(0, |array| array.len());
    let mut parts: Vec<ArrayRef> = Vec::new();
    let mut lengths = Vec::with_capacity(rows);
    for row in 0..rows {
        let mut keys: Vec<ScalarValue> = Vec::new();
        let mut chosen: Vec<ArrayRef> = Vec::new();
        for map in maps.iter().filter(|map| map.is_valid(row)) {
            let found: ArrayRef = Arc::new(map.value(row));
            for place in 0..found.len() {
                let key = scalar(found.as_struct().column(0), place)?;
                let one = found.slice(place, 1);
                match keys.iter().position(|known| *known == key) {
                    Some(known) => chosen[known] = one,
                    None => {
                        keys.push(key);
                        chosen.push(one);
                    }
                }
            }
        }
        lengths.push(chosen.len());
        parts.extend(chosen);
    }
    let parts: Vec<&dyn Array> = parts.iter().map(|part| part.as_ref()).collect();
    let values = match parts.is_empty() {
        true => ScalarValue::try_from(entries.data_type()).and_then(|value| value.to_array_of_size(0)).map_err(from_datafusion)?,
        false => concat(&parts)?,
    };
    let offsets = arrow::buffer::OffsetBuffer::from_lengths(lengths);
    Ok(Arc::new(MapArray::try_new(Arc::clone(entries), offsets, values.as_struct().clone(), None, false)?))
}
