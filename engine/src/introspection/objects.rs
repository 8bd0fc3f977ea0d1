//! What a snapshot holds by name, read once for a table of the catalog: schemas, tables and views with their columns.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::{FieldRef, SchemaRef};
use clouddb_storage::TableSnapshot;
use clouddb_storage::catalog::{MacroMeta, SequenceMeta, ViewMeta};
use datafusion::catalog::SchemaProvider;

use crate::catalog::CloudCatalog;
use crate::settings::TEMPORARY;
use crate::system_tables;

/// The first number that an object of a user's can have: below are those of types and of what PostgreSQL has built in.
const FIRST_OID: u32 = 16_384;

/// The numbers of the schemas that are in every database, as in PostgreSQL where it has them.
pub(crate) const PG_CATALOG_OID: i64 = 11;
const INFORMATION_SCHEMA_OID: i64 = 13_000;
const SYSTEM_OID: i64 = 13_001;
/// The number of the database itself.
pub(crate) const DATABASE_OID: i64 = 5;

/// A schema.
#[derive(Debug, Clone)]
pub(crate) struct SchemaObject {
    pub(crate) oid: i64,
    pub(crate) name: String,
    pub(crate) comment: Option<String>,
    /// Whether it is in every database.
    pub(crate) internal: bool,
}

/// A table or a view.
#[derive(Debug, Clone)]
pub(crate) struct Relation {
    pub(crate) oid: i64,
    pub(crate) schema: String,
    pub(crate) schema_oid: i64,
    pub(crate) name: String,
    pub(crate) comment: Option<String>,
    pub(crate) what: What,
    pub(crate) columns: Vec<ColumnObject>,
}

/// What a relation is.
#[derive(Debug, Clone)]
pub(crate) enum What {
    Table(TableSnapshot),
    View(Arc<ViewMeta>),
    /// A table of the schema `system`.
    System,
}

/// A column.
#[derive(Debug, Clone)]
pub(crate) struct ColumnObject {
    pub(crate) field: FieldRef,
    pub(crate) nullable: bool,
    pub(crate) default: Option<String>,
    pub(crate) comment: Option<String>,
}

/// Everything.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    pub(crate) schemas: Vec<SchemaObject>,
    pub(crate) relations: Vec<Relation>,
    /// With the names and numbers of their schemas.
    pub(crate) macros: Vec<(String, i64, Arc<MacroMeta>)>,
    pub(crate) sequences: Vec<(String, i64, Arc<SequenceMeta>)>,
}

impl Relation {
    /// Whether it is a view.
    pub(crate) fn is_view(&self) -> bool {
        matches!(self.what, What::View(_))
    }

    /// Whether it is the session's alone.
    pub(crate) fn is_temporary(&self) -> bool {
        self.schema == TEMPORARY
    }

    /// Whether it is in every database.
    pub(crate) fn is_internal(&self) -> bool {
        matches!(self.what, What::System)
    }

    /// The rows of a table.
    pub(crate) fn rows(&self) -> Option<i64> {
        match &self.what {
            What::Table(table) => Some(i64::try_from(table.rows()).unwrap_or(i64::MAX)),
            What::View(_) | What::System => None,
        }
    }
}

impl Objects {
    /// Reads them, those of the session's temporary catalog too. A view whose query cannot be planned any more has no columns.
    pub(crate) async fn read(catalog: &CloudCatalog, temporary: Option<&CloudCatalog>) -> Self {
        let mut objects = Self::names(catalog);
        objects.add_temporary(temporary);
        for relation in objects.relations.iter_mut().filter(|relation| relation.is_view()) {
            let catalog = temporary.filter(|_| relation.is_temporary()).unwrap_or(catalog);
            if let Ok(Some(planned)) = catalog.schema_of_user(&relation.schema).table(&relation.name).await {
                relation.columns = columns_of(&planned.schema());
            }
        }
        objects
    }

    /// Reads them, without the columns of views, which only planning them tells.
    pub(crate) fn names(catalog: &CloudCatalog) -> Self {
        let snapshot = catalog.snapshot();
        let mut objects = Self::default();
        let mut oids = Oids::default();
        for schema in snapshot.schemas().filter(|schema| schema.name != system_tables::SYSTEM_SCHEMA) {
            let (name, oid) = (schema.name.clone(), oids.of(schema.id.0));
            objects.schemas.push(SchemaObject { oid, name: name.clone(), comment: schema.comment.clone(), internal: false });
            for table in snapshot.tables(&name) {
                let columns = table.meta().columns.iter().map(|column| ColumnObject {
                    field: Arc::clone(column.field()),
                    nullable: column.field().is_nullable(),
                    default: column.default().map(str::to_owned),
                    comment: column.comment().map(str::to_owned),
                });
                objects.relations.push(Relation {
                    oid: oids.of(table.meta().id.0),
                    schema: name.clone(),
                    schema_oid: oid,
                    name: table.meta().name.clone(),
                    comment: table.meta().comment.clone(),
                    columns: columns.collect(),
                    what: What::Table(table),
                });
            }
            for view in snapshot.views(&name) {
                objects.relations.push(Relation {
                    oid: oids.of(view.id.0),
                    schema: name.clone(),
                    schema_oid: oid,
                    name: view.name.clone(),
                    comment: view.comment.clone(),
                    columns: Vec::new(),
                    what: What::View(view),
                });
            }
            objects.macros.extend(snapshot.macros(&name).into_iter().map(|meta| (name.clone(), oid, meta)));
            objects.sequences.extend(snapshot.sequences(&name).into_iter().map(|meta| (name.clone(), oid, meta)));
        }
        objects.add_internal();
        objects
    }

    fn add_temporary(&mut self, temporary: Option<&CloudCatalog>) {
        if let Some(temporary) = temporary.map(Self::names) {
            self.schemas.extend(temporary.schemas.into_iter().filter(|schema| schema.name == TEMPORARY));
            self.relations.extend(temporary.relations.into_iter().filter(Relation::is_temporary));
        }
    }

    fn add_internal(&mut self) {
        for (oid, name) in [
            (INFORMATION_SCHEMA_OID, super::INFORMATION_SCHEMA),
            (PG_CATALOG_OID, super::PG_CATALOG),
            (SYSTEM_OID, system_tables::SYSTEM_SCHEMA),
        ] {
            self.schemas.push(SchemaObject { oid, name: name.to_owned(), comment: None, internal: true });
        }
        for (at, (name, schema)) in system_tables::definitions().into_iter().enumerate() {
            self.relations.push(Relation {
                oid: SYSTEM_OID + 1 + i64::try_from(at).unwrap_or(0),
                schema: system_tables::SYSTEM_SCHEMA.to_owned(),
                schema_oid: SYSTEM_OID,
                name: name.to_owned(),
                comment: None,
                columns: columns_of(&schema),
                what: What::System,
            });
        }
    }

    /// What users made, without what is in every database.
    pub(crate) fn of_users(&self) -> impl Iterator<Item = &Relation> {
        self.relations.iter().filter(|relation| !relation.is_internal())
    }

    /// Tables that users made.
    pub(crate) fn tables(&self) -> impl Iterator<Item = (&Relation, &TableSnapshot)> {
        self.relations.iter().filter_map(|relation| match &relation.what {
            What::Table(table) => Some((relation, table)),
            What::View(_) | What::System => None,
        })
    }

    /// Views that users made.
    pub(crate) fn views(&self) -> impl Iterator<Item = (&Relation, &ViewMeta)> {
        self.relations.iter().filter_map(|relation| match &relation.what {
            What::View(view) => Some((relation, view.as_ref())),
            What::Table(_) | What::System => None,
        })
    }
}

/// The columns of what is no table.
pub(crate) fn columns_of(schema: &SchemaRef) -> Vec<ColumnObject> {
    let column = |field: &FieldRef| ColumnObject { field: Arc::clone(field), nullable: true, default: None, comment: None };
    schema.fields().iter().map(column).collect()
}

/// Numbers for objects, as PostgreSQL's tools want them: made of their identities, so that an object keeps its number.
#[derive(Debug, Default)]
struct Oids(HashSet<u32>);

impl Oids {
    fn of(&mut self, identity: u128) -> i64 {
        let range = u128::from(u32::MAX >> 1) - u128::from(FIRST_OID);
        let mut oid = u32::try_from(identity % range).unwrap_or(0) + FIRST_OID;
        while !self.0.insert(oid) {
            oid += 1;
        }
        i64::from(oid)
    }
}
