//! The state that the log's records build: what exists, and which segments each table has.
//!
//! The same code changes the state when a transaction stages its changes, when a commit is checked against concurrent ones, and when the log is
//! replayed: see [`apply`]. Conflicts are found by comparing with the state, not by looking at what others did, so a transaction
//! that took hours is checked as quickly as a short one.

mod alter;
pub(crate) mod apply;
pub(crate) mod table;

use std::sync::Arc;

use imbl::OrdMap;

use crate::catalog::{MacroMeta, SchemaMeta, SequenceMeta, ViewMeta};
use crate::ids::{DatabaseId, LineageId, SchemaId, SessionId, TableId, ViewId};
pub(crate) use table::TableState;

/// Everything that is true as of one slot of the log. Cloning is cheap: the maps share their nodes.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    pub(crate) database: DatabaseId,
    pub(crate) lineage: LineageId,
    /// The newest slot that is part of it; 0 before the first.
    pub(crate) slot: u64,
    /// BLAKE3 of that slot's record.
    pub(crate) record_hash: [u8; 32],
    /// Commit time of that slot.
    pub(crate) commit_time_us: i64,
    /// Feature bits that a writer must know.
    pub(crate) writer_features: u64,
    /// Whether an action was met that this version keeps but does not understand: such a state is not folded into checkpoints.
    pub(crate) has_unknown_actions: bool,
    pub(crate) schemas: OrdMap<SchemaId, Arc<SchemaMeta>>,
    pub(crate) schema_names: OrdMap<String, SchemaId>,
    pub(crate) tables: OrdMap<TableId, Arc<TableState>>,
    pub(crate) views: OrdMap<ViewId, Arc<ViewMeta>>,
    /// Names of tables and views, which share one namespace in each schema.
    pub(crate) relation_names: OrdMap<(SchemaId, String), Relation>,
    /// Macros by schema and name.
    pub(crate) macros: OrdMap<(SchemaId, String), Arc<MacroMeta>>,
    /// Sequences by schema and name.
    pub(crate) sequences: OrdMap<(SchemaId, String), Arc<SequenceMeta>>,
    /// The highest sequence number of each session: what makes a transaction apply at most once.
    pub(crate) sessions: OrdMap<SessionId, u64>,
}

/// What a name in a schema stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    Table(TableId),
    View(ViewId),
}

impl State {
    /// The schema that every database has from the beginning. Its id is the same in all of them.
    pub(crate) const MAIN: SchemaId = SchemaId(0);
    pub(crate) const MAIN_NAME: &'static str = "main";

    /// The database before its first commit: the schema `main`, and nothing in it.
    pub(crate) fn genesis(database: DatabaseId, lineage: LineageId) -> Self {
        let main = SchemaMeta { id: Self::MAIN, name: Self::MAIN_NAME.to_owned(), comment: None };
        let mut state = Self { database, lineage, ..Self::default() };
        state.schema_names.insert(main.name.clone(), main.id);
        state.schemas.insert(main.id, Arc::new(main));
        state
    }

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

    /// All tables and views of a schema, by name.
    pub(crate) fn relations_of(&self, schema: SchemaId) -> impl Iterator<Item = Relation> {
        self.relation_names.range((schema, String::new())..).take_while(move |((of, _), _)| *of == schema).map(|(_, relation)| *relation)
    }

    fn relations_by_schema_name(&self, schema: &str) -> impl Iterator<Item = Relation> {
        let id = self.schema_names.get(schema).copied();
        id.into_iter().flat_map(|id| self.relations_of(id))
    }

    pub(crate) fn tables_of(&self, schema: &str) -> impl Iterator<Item = &Arc<TableState>> {
        self.relations_by_schema_name(schema).filter_map(|relation| match relation {
            Relation::Table(id) => self.tables.get(&id),
            Relation::View(_) => None,
        })
    }

    pub(crate) fn views_of(&self, schema: &str) -> impl Iterator<Item = &Arc<ViewMeta>> {
        self.relations_by_schema_name(schema).filter_map(|relation| match relation {
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

    /// A table's name with its schema's, for messages.
    pub(crate) fn qualified_name(&self, table: &TableState) -> String {
        let schema = self.schemas.get(&table.meta.schema).map_or("?", |schema| schema.name.as_str());
        format!("{schema}.{}", table.meta.name)
    }
}
