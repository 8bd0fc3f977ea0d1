//! A snapshot: the database as one commit left it.

use std::sync::Arc;

use crate::catalog::{MacroMeta, SchemaMeta, SequenceMeta, TableMeta, ViewMeta};
use crate::ids::TableId;
use crate::segment::SegmentMeta;
use crate::state::{State, TableState};
use crate::store::Store;

/// The database as one commit left it: never changes, costs nothing to keep. Reading from it sees all of that commit and nothing of later ones.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub(crate) state: Arc<State>,
    pub(crate) store: Store,
}

impl Snapshot {
    /// The snapshot's number: the slot of the commit. 0 is the empty database before its first commit.
    pub fn number(&self) -> u64 {
        self.state.slot
    }

    /// When it was committed: microseconds since 1970, UTC; strictly growing from snapshot to snapshot.
    pub fn commit_time_us(&self) -> i64 {
        self.state.commit_time_us
    }

    /// The store that its segments are in.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// All schemas, by name.
    pub fn schemas(&self) -> impl Iterator<Item = &Arc<SchemaMeta>> {
        self.state.schemas()
    }

    /// A schema by name.
    pub fn schema(&self, name: &str) -> Option<&Arc<SchemaMeta>> {
        self.state.schema_by_name(name)
    }

    /// All tables of a schema, by name.
    pub fn tables(&self, schema: &str) -> Vec<TableSnapshot> {
        self.state.tables_of(schema).map(|table| self.table_snapshot(table)).collect()
    }

    /// A table by name.
    pub fn table(&self, schema: &str, name: &str) -> Option<TableSnapshot> {
        self.state.table_by_name(schema, name).map(|table| self.table_snapshot(table))
    }

    /// A table by id.
    pub fn table_by_id(&self, id: TableId) -> Option<TableSnapshot> {
        self.state.table(id).map(|table| self.table_snapshot(table))
    }

    /// All views of a schema, by name.
    pub fn views(&self, schema: &str) -> Vec<Arc<ViewMeta>> {
        self.state.views_of(schema).map(Arc::clone).collect()
    }

    /// A view by name.
    pub fn view(&self, schema: &str, name: &str) -> Option<Arc<ViewMeta>> {
        self.state.view_by_name(schema, name).map(Arc::clone)
    }

    /// All macros of a schema, by name.
    pub fn macros(&self, schema: &str) -> Vec<Arc<MacroMeta>> {
        let Some(schema) = self.schema(schema) else { return Vec::new() };
        self.state.macros.values().filter(|meta| meta.schema == schema.id).map(Arc::clone).collect()
    }

    /// Whether there is a macro at all, in any schema.
    pub fn has_macros(&self) -> bool {
        !self.state.macros.is_empty()
    }

    /// All sequences of a schema, by name.
    pub fn sequences(&self, schema: &str) -> Vec<Arc<SequenceMeta>> {
        let Some(schema) = self.schema(schema) else { return Vec::new() };
        self.state.sequences.values().filter(|meta| meta.schema == schema.id).map(Arc::clone).collect()
    }

    fn table_snapshot(&self, table: &Arc<TableState>) -> TableSnapshot {
        TableSnapshot { state: Arc::clone(table), store: self.store.clone() }
    }
}

/// A table in a snapshot.
#[derive(Debug, Clone)]
pub struct TableSnapshot {
    state: Arc<TableState>,
    store: Store,
}

impl TableSnapshot {
    /// Its columns and layout.
    pub fn meta(&self) -> &Arc<TableMeta> {
        &self.state.meta
    }

    /// The store that its segments are in.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Rows that a scan returns.
    pub fn rows(&self) -> u64 {
        self.state.rows
    }

    /// Bytes that its segments take in the store.
    pub fn bytes(&self) -> u64 {
        self.state.bytes
    }

    /// How many segments it has.
    pub fn segment_count(&self) -> usize {
        self.state.segment_count()
    }

    /// Its segments, in the order in which they were added.
    pub fn segments(&self) -> impl Iterator<Item = &Arc<SegmentMeta>> {
        self.state.segments()
    }

    /// Whether this is the same table, unchanged, though perhaps of another snapshot. A table that was changed and changed back is another one.
    pub fn is_unchanged_from(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.state, &other.state)
    }

    /// The snapshot that created it.
    pub fn created_at(&self) -> u64 {
        self.state.created_at
    }

    /// The snapshot that changed its columns or rows last.
    pub fn changed_at(&self) -> u64 {
        self.state.changed_at
    }
}
