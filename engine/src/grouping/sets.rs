//! Several grouping sets (ROLLUP, CUBE, GROUPING SETS) from one: rows are grouped by all keys first, and the sets are made of those groups' states.
//!
//! A row is then looked up once instead of once for each set. It pays where groups by all keys are much fewer than rows: that is measured as rows come.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use datafusion::common::Result;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::aggregates::PhysicalGroupBy;

use super::table::{Grouped, Table};

/// So many groups are made before the sets are made of them: their table stays in a core's second cache.
const MOST_GROUPS: usize = 32 * 1024;

/// Of the rows, groups may be this share, or each row is looked up for each set as it comes.
const MOST_OF_ROWS: f64 = 0.4;

/// Groups by all keys, of which the sets are made.
pub(super) struct Finest {
    table: Table,
    rows: usize,
}

/// How the sets are made of groups by all keys.
#[derive(Debug)]
pub(super) struct Sets {
    finest: Arc<Grouped>,
    /// The sets, over the columns of the finest groups' states.
    of_states: PhysicalGroupBy,
}

impl Sets {
    /// For a grouping with several sets.
    pub(super) fn new(grouped: &Grouped, input: &Schema) -> Result<Option<Self>> {
        let sets = &grouped.group_by;
        if !sets.has_grouping_set() || sets.groups().len() < 2 || sets.expr().is_empty() {
            return Ok(None);
        }
        let group_by = PhysicalGroupBy::new_single(sets.expr().to_vec());
        let key = |(at, (_, name)): (usize, &(_, String))| (Arc::new(Column::new(name, at)) as _, name.clone());
        let keys = sets.expr().iter().enumerate().map(key).collect();
        let of_states = PhysicalGroupBy::new(keys, sets.null_expr().to_vec(), sets.groups().to_vec(), true);
        Ok(Some(Self { finest: Arc::new(grouped.by(group_by, input)?), of_states }))
    }

    /// No groups yet.
    pub(super) fn finest(&self) -> Result<Finest> {
        Ok(Finest { table: self.finest.table()?, rows: 0 })
    }
}

impl Finest {
    /// Adds rows of the input.
    pub(super) fn update(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows += batch.num_rows();
        self.table.update(batch)
    }

    /// Whether it has as many groups as it should have.
    pub(super) fn is_full(&self) -> bool {
        self.table.len() >= MOST_GROUPS
    }

    /// Whether it has too many of them for the rows that it saw.
    pub(super) fn does_not_pay(&self) -> bool {
        self.table.len() as f64 > MOST_OF_ROWS * self.rows as f64
    }

    /// Bytes in memory.
    pub(super) fn size(&self) -> usize {
        self.table.size()
    }

    /// Makes the sets of the groups. None is left.
    pub(super) fn empty_into(&mut self, sets: &Sets, table: &mut Table) -> Result<()> {
        self.rows = 0;
        let mut full = std::mem::replace(&mut self.table, sets.finest.table()?);
        table.merge_sets(&full.take_states()?, &sets.of_states)
    }
}
