//! The state that the log's records build: what exists, and which segments each table has.

use std::sync::Arc;

use imbl::OrdMap;

use crate::catalog::{SchemaMeta, TableMeta, ViewMeta};
use crate::ids::{DatabaseId, LineageId, SchemaId, SegmentId, SessionId, TableId, ViewId};
use crate::segment::SegmentMeta;

/// Everything that is true as of one slot of the log. Cloning is cheap: the maps share their nodes.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// The database.
    pub database: DatabaseId,
    /// The line of history.
    pub lineage: LineageId,
    /// The newest slot that is part of it; 0 before the first.
    pub slot: u64,
    /// BLAKE3 of that slot's record.
    pub record_hash: [u8; 32],
    /// Commit time of that slot.
    pub commit_time_us: i64,
    schemas: OrdMap<SchemaId, Arc<SchemaMeta>>,
    schema_names: OrdMap<String, SchemaId>,
    tables: OrdMap<TableId, Arc<TableState>>,
    views: OrdMap<ViewId, Arc<ViewMeta>>,
    /// Names of tables and views, which share one namespace in each schema.
    relation_names: OrdMap<(SchemaId, String), Relation>,
    sessions: OrdMap<SessionId, u64>,
}

/// What a name in a schema stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// A table.
    Table(TableId),
    /// A view.
    View(ViewId),
}

/// A table as of one slot.
#[derive(Debug, Clone)]
pub struct TableState {
    /// Its columns and layout.
    pub meta: Arc<TableMeta>,
    /// Rows that a scan returns.
    pub rows: u64,
    /// Bytes of its segments.
    pub bytes: u64,
    /// The next row id to give.
    pub next_row_id: u64,
    /// The slot that created it.
    pub created_at: u64,
    /// The slot that changed it last.
    pub changed_at: u64,
    segments: OrdMap<u64, Arc<SegmentMeta>>,
    ordinals: OrdMap<SegmentId, u64>,
    next_ordinal: u64,
}

impl State {
    pub(crate) fn schemas(&self) -> impl Iterator<Item = &Arc<SchemaMeta>> {
        self.schema_names.values().filter_map(|id| self.schemas.get(id))
    }

    pub(crate) fn schema_by_name(&self, name: &str) -> Option<&Arc<SchemaMeta>> {
        self.schemas.get(self.schema_names.get(name)?)
    }

    pub(crate) fn table(&self, id: TableId) -> Option<&Arc<TableState>> {
        self.tables.get(&id)
    }

    pub(crate) fn relation(&self, schema: SchemaId, name: &str) -> Option<Relation> {
        self.relation_names.get(&(schema, name.to_owned())).copied()
    }

    fn relations_of(&self, schema: &str) -> impl Iterator<Item = Relation> {
        let id = self.schema_names.get(schema).copied();
        id.into_iter().flat_map(|id| {
            self.relation_names
                .range((id, String::new())..)
                .take_while(move |((schema, _), _)| *schema == id)
                .map(|(_, relation)| *relation)
        })
    }

    pub(crate) fn tables_of(&self, schema: &str) -> impl Iterator<Item = &Arc<TableState>> {
        self.relations_of(schema).filter_map(|relation| match relation {
            Relation::Table(id) => self.tables.get(&id),
            Relation::View(_) => None,
        })
    }

    pub(crate) fn views_of(&self, schema: &str) -> impl Iterator<Item = &Arc<ViewMeta>> {
        self.relations_of(schema).filter_map(|relation| match relation {
            Relation::View(id) => self.views.get(&id),
            Relation::Table(_) => None,
        })
    }

    pub(crate) fn table_by_name(&self, schema: &str, name: &str) -> Option<&Arc<TableState>> {
        match self.relation(self.schema_by_name(schema)?.id, name)? {
            Relation::Table(id) => self.tables.get(&id),
            Relation::View(_) => None,
        }
    }

    pub(crate) fn view_by_name(&self, schema: &str, name: &str) -> Option<&Arc<ViewMeta>> {
        match self.relation(self.schema_by_name(schema)?.id, name)? {
            Relation::View(id) => self.views.get(&id),
            Relation::Table(_) => None,
        }
    }
}

impl TableState {
    pub(crate) fn segment_count(&self) -> usize {
        self.segments.len()
    }

    pub(crate) fn segments(&self) -> impl Iterator<Item = &Arc<SegmentMeta>> {
        self.segments.values()
    }
}
