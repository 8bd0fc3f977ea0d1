//! Several keys in a few words: what is an integer inside as it is, anything else as the number that a table of its own gives it.
//!
//! Rows are equal if their words are, so that a group is found with one hash and one comparison however many columns there are.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, UInt32Array};
use arrow::buffer::NullBuffer;
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use clouddb_cache::whole;
use datafusion::common::Result;
use hashbrown::HashTable;

use super::integers::number;
use super::strings::StringKeys;
use super::{Keys, keys, mix};
use crate::error::{Error, to_datafusion};

/// Bits that the number of a distinct value takes.
const NUMBER_BITS: usize = 32;

/// Keys that are remembered: a power of two.
const SEEN: usize = 256;

/// See the module. Keys take `K` words.
pub(super) struct PackedKeys<const K: usize> {
    columns: Vec<Column>,
    table: HashTable<([u64; K], u32)>,
    seen: Box<[([u64; K], u32); SEEN]>,
    /// The rows of a batch.
    rows: Vec<[u64; K]>,
    values: Vec<i64>,
    numbers: Vec<usize>,
}

/// Where a column's value is, and what it means.
struct Column {
    field: Arc<Field>,
    word: usize,
    shift: usize,
    bits: usize,
    /// Where it is said that the value is NULL, if it can be.
    null: Option<(usize, usize)>,
    values: Values,
}

enum Values {
    Integers,
    Strings(StringKeys),
    Others(Box<dyn Keys>),
}

/// The bits of a type that is an integer inside.
fn integer_bits(data_type: &DataType) -> Option<usize> {
    match data_type {
        DataType::Decimal128(..) if whole::is_whole(data_type) => Some(64),
        _ if whole::is_whole(data_type) => data_type.primitive_width().map(|bytes| bytes * 8),
        _ => None,
    }
}

/// The places of fields of so many bits in words of 64, and how many words there are: wide fields first, so that nothing is cut.
fn places(bits: &[usize]) -> (Vec<(usize, usize)>, usize) {
    let mut order: Vec<_> = (0..bits.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(bits[*at]));
    let mut places = vec![(0, 0); bits.len()];
    let mut used: Vec<usize> = Vec::new();
    for at in order {
        let word = used.iter().position(|used| used + bits[at] <= 64).unwrap_or(used.len());
        if word == used.len() {
            used.push(0);
        }
        places[at] = (word, used[word]);
        used[word] += bits[at];
    }
    (places, used.len())
}

/// What each column takes, and after them each bit that says whether one is NULL.
fn widths(schema: &Schema) -> (Vec<usize>, Vec<usize>) {
    let bits = |field: &Arc<Field>| integer_bits(field.data_type()).unwrap_or(NUMBER_BITS);
    let mut widths: Vec<_> = schema.fields().iter().map(bits).collect();
    let fields = schema.fields().iter().enumerate();
    let nullable: Vec<_> =
        fields.filter(|(_, field)| field.is_nullable() && integer_bits(field.data_type()).is_some()).map(|(at, _)| at).collect();
    widths.extend(nullable.iter().map(|_| 1));
    (widths, nullable)
}

impl<const K: usize> PackedKeys<K> {
    /// How many words keys of these types take; `None` if there is none.
    pub(super) fn words(schema: &Schema) -> Option<usize> {
        (!schema.fields().is_empty()).then(|| places(&widths(schema).0).1)
    }

    pub(super) fn try_new(schema: &SchemaRef) -> Result<Self> {
        let (bits, nullable) = widths(schema);
        let (places, _) = places(&bits);
        let column = |(at, field): (usize, &Arc<Field>)| {
            let values = match field.data_type() {
                data_type if integer_bits(data_type).is_some() => Values::Integers,
                DataType::Utf8View => Values::Strings(StringKeys::default()),
                _ => Values::Others(keys(&Arc::new(Schema::new(vec![Arc::clone(field)])))?),
            };
            let null = nullable.iter().position(|column| *column == at).map(|null| places[schema.fields().len() + null]);
            Ok(Column { field: Arc::clone(field), word: places[at].0, shift: places[at].1, bits: bits[at], null, values })
        };
        let columns = schema.fields().iter().enumerate().map(column).collect::<Result<_>>()?;
        Ok(Self {
            columns,
            table: HashTable::new(),
            // No group has this number.
            seen: Box::new([([0; K], u32::MAX); SEEN]),
            rows: Vec::new(),
            values: Vec::new(),
            numbers: Vec::new(),
        })
    }

    /// Packs the rows of a batch.
    fn pack(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let Self { columns: packed, rows, values, numbers, .. } = self;
        rows.clear();
        rows.resize(columns.first().map_or(0, |column| column.len()), [0; K]);
        for (column, array) in packed.iter_mut().zip(columns) {
            let Column { word, shift, bits, null, .. } = *column;
            let mask = if bits >= 64 { u64::MAX } else { (1 << bits) - 1 };
            match &mut column.values {
                Values::Integers => {
                    values.clear();
                    if !whole::append_values(array, values) {
                        return Err(to_datafusion(Error::internal(format!("a key is not a {}", column.field.data_type()))));
                    }
                    match array.nulls().filter(|nulls| nulls.null_count() > 0) {
                        None => rows.iter_mut().zip(&*values).for_each(|(row, value)| row[word] |= (value.cast_unsigned() & mask) << shift),
                        Some(nulls) => {
                            let (null_word, null_bit) =
                                null.ok_or_else(|| to_datafusion(Error::internal("a key that is never NULL is")))?;
                            for ((row, value), valid) in rows.iter_mut().zip(&*values).zip(nulls.iter()) {
                                match valid {
                                    true => row[word] |= (value.cast_unsigned() & mask) << shift,
                                    false => row[null_word] |= 1 << null_bit,
                                }
                            }
                        }
                    }
                }
                Values::Strings(strings) => {
                    let mut rows = rows.iter_mut();
                    strings.each(array, |number| {
                        if let Some(row) = rows.next() {
                            row[word] |= u64::from(number) << shift;
                        }
                    })?;
                }
                Values::Others(others) => {
                    others.intern(std::slice::from_ref(array), numbers)?;
                    for (row, group) in rows.iter_mut().zip(&*numbers) {
                        row[word] |= u64::from(number(*group)?) << shift;
                    }
                }
            }
        }
        Ok(())
    }

    #[inline]
    fn group(&mut self, key: [u64; K]) -> Result<usize> {
        let hash = hash(&key);
        let at = (hash >> (64 - SEEN.trailing_zeros())) as usize;
        let (seen, group) = &self.seen[at];
        if *seen == key && *group != u32::MAX {
            return Ok(*group as usize);
        }
        let next = self.table.len();
        let group = match self.table.entry(hash, |(other, _)| *other == key, |(other, _)| self::hash(other)) {
            hashbrown::hash_table::Entry::Occupied(entry) => entry.get().1,
            hashbrown::hash_table::Entry::Vacant(entry) => {
                let group = number(next)?;
                entry.insert((key, group));
                group
            }
        };
        self.seen[at] = (key, group);
        Ok(group as usize)
    }
}

#[inline]
fn hash<const K: usize>(key: &[u64; K]) -> u64 {
    key.iter().fold(0, |hash, word| mix(hash, *word))
}

impl<const K: usize> Keys for PackedKeys<K> {
    fn intern(&mut self, columns: &[ArrayRef], groups: &mut Vec<usize>) -> Result<()> {
        self.pack(columns)?;
        groups.clear();
        let rows = std::mem::take(&mut self.rows);
        groups.reserve(rows.len());
        for row in &rows {
            groups.push(self.group(*row)?);
        }
        self.rows = rows;
        Ok(())
    }

    fn len(&self) -> usize {
        self.table.len()
    }

    fn size(&self) -> usize {
        let columns = self.columns.iter().map(|column| match &column.values {
            Values::Integers => 0,
            Values::Strings(strings) => strings.bytes(),
            Values::Others(others) => others.size(),
        });
        let scratch = self.rows.capacity() * size_of::<[u64; K]>() + self.values.capacity() * 8 + self.numbers.capacity() * 8;
        columns.sum::<usize>() + self.table.allocation_size() + scratch + size_of_val(self.seen.as_slice())
    }

    fn take(&mut self) -> Result<Vec<ArrayRef>> {
        let table = std::mem::take(&mut self.table);
        self.seen.fill(([0; K], u32::MAX));
        let mut rows = vec![[0; K]; table.len()];
        for (key, group) in &table {
            rows[*group as usize] = *key;
        }
        drop(table);
        let column = |column: &mut Column| {
            let Column { word, shift, bits, null, .. } = *column;
            // What is above the value's bits goes, and its sign comes back.
            let value = |row: &[u64; K]| ((row[word] >> shift) << (64 - bits)).cast_signed() >> (64 - bits);
            match &mut column.values {
                Values::Integers => {
                    let data_type = column.field.data_type();
                    let nulls = null.map(|(word, bit)| rows.iter().map(|row| row[word] >> bit & 1 == 0).collect::<NullBuffer>());
                    let values: Vec<i64> = rows.iter().map(value).collect();
                    let nulls = nulls.filter(|nulls| nulls.null_count() > 0);
                    let array = whole::from_values(data_type, &values, nulls);
                    array.ok_or_else(|| to_datafusion(Error::internal(format!("{data_type} is not an integer inside"))))
                }
                distinct => {
                    let distinct: ArrayRef = match distinct {
                        Values::Strings(strings) => Arc::new(strings.strings()?),
                        Values::Others(others) => others.take()?.swap_remove(0),
                        Values::Integers => return Err(to_datafusion(Error::internal("integers have no table"))),
                    };
                    // The numbers were of 32 bits when they were packed.
                    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                    let numbers: UInt32Array = rows.iter().map(|row| Some(value(row) as u32)).collect();
                    Ok(take(&distinct, &numbers, None)?)
                }
            }
        };
        self.columns.iter_mut().map(column).collect()
    }
}
