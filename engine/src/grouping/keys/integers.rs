//! One key that is an integer inside.
//!
//! Where keys lie close together, a group is found as in an array: the key's upper bits name a page of 4,096 numbers of groups, and pages exist only where
//! there are keys. That is one or two loads a row, and rows in the order of the key touch memory in order. Keys that are spread out go to a hash table.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::buffer::NullBuffer;
use arrow::datatypes::DataType;
use clouddb_cache::whole;
use datafusion::common::Result;
use hashbrown::HashTable;

use super::{Keys, mix};
use crate::error::{Error, to_datafusion};

/// Keys of one page.
const PAGE: usize = 4096;

/// Pages may cover a range of so many keys: their list takes 512 KiB at most.
const MOST_PAGES: usize = 1 << 16;

/// So many pages are always had; beyond them, a page must hold [`GROUPS_A_PAGE`] groups on average. 1 MiB.
const FREE_PAGES: usize = 64;

/// A page of 16 KiB with so many groups takes no more than a hash table would.
const GROUPS_A_PAGE: usize = 256;

/// No group yet.
const NONE: u32 = u32::MAX;

/// See the module.
pub(super) struct IntegerKeys {
    data_type: DataType,
    /// By number of the group.
    values: Vec<i64>,
    null: Option<u32>,
    table: Table,
    /// The keys of a batch.
    batch: Vec<i64>,
}

enum Table {
    Pages(Pages),
    Hashed(HashTable<(i64, u32)>),
}

#[derive(Default)]
struct Pages {
    /// The number of the first page.
    first: i64,
    pages: VecDeque<Option<Box<[u32; PAGE]>>>,
    filled: usize,
}

impl Pages {
    /// The place of a key; `None` if it would take too many pages.
    #[inline]
    fn slot(&mut self, key: i64, groups: usize) -> Option<&mut u32> {
        let number = key >> PAGE.trailing_zeros();
        let at = number.wrapping_sub(self.first);
        // Most keys are on a page that is there.
        let there = usize::try_from(at).ok().filter(|at| self.pages.get(*at).is_some_and(Option::is_some));
        let at = match there {
            Some(at) => at,
            None => self.add(number, groups)?,
        };
        let slot = usize::try_from(key & (PAGE as i64 - 1)).ok()?;
        self.pages.get_mut(at)?.as_mut()?.get_mut(slot)
    }

    #[cold]
    fn add(&mut self, number: i64, groups: usize) -> Option<usize> {
        if self.pages.is_empty() {
            self.first = number;
        }
        let last = self.first.checked_add(i64::try_from(self.pages.len()).ok()?)?;
        let span = number.max(last).checked_sub(number.min(self.first))?;
        if usize::try_from(span).ok()? >= MOST_PAGES || self.filled >= FREE_PAGES + groups / GROUPS_A_PAGE {
            return None;
        }
        while number < self.first {
            self.pages.push_front(None);
            self.first -= 1;
        }
        let at = usize::try_from(number - self.first).ok()?;
        while self.pages.len() <= at {
            self.pages.push_back(None);
        }
        self.pages[at] = Some(Box::new([NONE; PAGE]));
        self.filled += 1;
        Some(at)
    }
}

impl IntegerKeys {
    pub(super) fn new(data_type: DataType) -> Self {
        Self { data_type, values: Vec::new(), null: None, table: Table::Pages(Pages::default()), batch: Vec::new() }
    }

    /// The group of a key.
    #[inline]
    fn group(&mut self, key: i64) -> Result<usize> {
        let next = self.values.len();
        let number = match &mut self.table {
            Table::Pages(pages) => match pages.slot(key, next) {
                Some(slot) if *slot == NONE => {
                    *slot = number(next)?;
                    self.values.push(key);
                    return Ok(next);
                }
                Some(slot) => *slot,
                None => {
                    self.spread_out()?;
                    return self.group(key);
                }
            },
            Table::Hashed(table) => {
                let found = table.entry(hash(key), |(other, _)| *other == key, |(other, _)| hash(*other));
                match found {
                    hashbrown::hash_table::Entry::Occupied(entry) => entry.get().1,
                    hashbrown::hash_table::Entry::Vacant(entry) => {
                        entry.insert((key, number(next)?));
                        self.values.push(key);
                        return Ok(next);
                    }
                }
            }
        };
        Ok(number as usize)
    }

    /// The keys lie too far apart for pages.
    #[cold]
    fn spread_out(&mut self) -> Result<()> {
        let mut table = HashTable::with_capacity(self.values.len() * 2);
        for (group, key) in self.values.iter().enumerate() {
            // The number of the group of NULL has a value, too, which nobody looks for.
            if self.null != Some(number(group)?) {
                table.insert_unique(hash(*key), (*key, number(group)?), |(other, _)| hash(*other));
            }
        }
        self.table = Table::Hashed(table);
        Ok(())
    }

    fn null_group(&mut self) -> Result<usize> {
        if let Some(group) = self.null {
            return Ok(group as usize);
        }
        let next = self.values.len();
        self.null = Some(number(next)?);
        self.values.push(0);
        Ok(next)
    }
}

#[inline]
fn hash(key: i64) -> u64 {
    mix(0, key.cast_unsigned())
}

/// The number of the next group.
#[inline]
pub(super) fn number(next: usize) -> Result<u32> {
    u32::try_from(next).ok().filter(|number| *number != NONE).ok_or_else(too_many)
}

#[cold]
fn too_many() -> datafusion::common::DataFusionError {
    to_datafusion(Error::invalid(format!("there are more than {NONE} groups in one partition")))
}

impl Keys for IntegerKeys {
    fn intern(&mut self, columns: &[ArrayRef], groups: &mut Vec<usize>) -> Result<()> {
        groups.clear();
        let Some(column) = columns.first() else { return Ok(()) };
        let mut batch = std::mem::take(&mut self.batch);
        batch.clear();
        if !whole::append_values(column, &mut batch) {
            return Err(to_datafusion(Error::internal(format!("a key is not a {}", self.data_type))));
        }
        groups.reserve(batch.len());
        match column.nulls().filter(|nulls| nulls.null_count() > 0) {
            None => {
                for key in &batch {
                    groups.push(self.group(*key)?);
                }
            }
            Some(nulls) => {
                for (key, valid) in batch.iter().zip(nulls.iter()) {
                    groups.push(if valid { self.group(*key)? } else { self.null_group()? });
                }
            }
        }
        self.batch = batch;
        Ok(())
    }

    fn len(&self) -> usize {
        self.values.len()
    }

    fn size(&self) -> usize {
        let table = match &self.table {
            Table::Pages(pages) => pages.filled * PAGE * size_of::<u32>() + pages.pages.capacity() * size_of::<usize>(),
            Table::Hashed(table) => table.allocation_size(),
        };
        table + (self.values.capacity() + self.batch.capacity()) * size_of::<i64>()
    }

    fn take(&mut self) -> Result<Vec<ArrayRef>> {
        let values = std::mem::take(&mut self.values);
        let nulls = self.null.take().map(|null| (0..values.len()).map(|group| group != null as usize).collect::<NullBuffer>());
        self.table = Table::Pages(Pages::default());
        let array = whole::from_values(&self.data_type, &values, nulls);
        let array = array.ok_or_else(|| to_datafusion(Error::internal(format!("{} is not an integer inside", self.data_type))))?;
        Ok(vec![Arc::clone(&array)])
    }
}
