//! The names that can be completed, and where they come from.

use std::sync::{Arc, Mutex, PoisonError};

use clouddb_engine::{Database, Session, StatementResult};
use clouddb_storage::Snapshot;

/// A table or view, with its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Relation {
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) columns: Vec<String>,
}

/// What there is.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) schemas: Vec<String>,
    pub(crate) relations: Vec<Relation>,
    pub(crate) functions: Vec<String>,
    pub(crate) settings: Vec<String>,
}

impl Names {
    /// Fills in what there is in the database, in the background: whoever types does not wait for a far-away store.
    pub(crate) fn refresh(names: &Arc<Mutex<Self>>, database: &Database) {
        let (names, database) = (Arc::clone(names), database.clone());
        tokio::spawn(async move {
            // Names that cannot be read cannot be completed; the next statement tells why.
            let Ok(snapshot) = database.storage().snapshot().await else { return };
            let (schemas, relations) = of_snapshot(&snapshot);
            let has_functions = {
                let mut names = names.lock().unwrap_or_else(PoisonError::into_inner);
                (names.schemas, names.relations) = (schemas, relations);
                !names.functions.is_empty()
            };
            if !has_functions {
                let mut session = database.session();
                let functions = column(&mut session, "SELECT DISTINCT routine_name FROM information_schema.routines ORDER BY 1").await;
                let settings = column(&mut session, "SELECT name FROM duckdb_settings() ORDER BY 1").await;
                let mut names = names.lock().unwrap_or_else(PoisonError::into_inner);
                (names.functions, names.settings) = (functions, settings);
            }
        });
    }

    /// Adds what an open transaction has made, which nobody else sees: rows of schema, table and column.
    pub(crate) fn add_columns(&mut self, rows: Vec<Vec<Option<String>>>) {
        for row in rows {
            let Ok([Some(schema), Some(table), Some(column)]) = <[Option<String>; 3]>::try_from(row) else { continue };
            let known = self.relations.iter_mut().find(|relation| relation.schema == schema && relation.name == table);
            match known {
                Some(relation) if relation.columns.contains(&column) => {}
                Some(relation) => relation.columns.push(column),
                None => self.relations.push(Relation { schema, name: table, columns: vec![column] }),
            }
        }
    }
}

/// The columns that a session sees.
pub(crate) const COLUMNS: &str = "SELECT table_schema, table_name, column_name FROM information_schema.columns \
    WHERE table_schema NOT IN ('information_schema', 'system') ORDER BY table_schema, table_name, ordinal_position";

fn of_snapshot(snapshot: &Snapshot) -> (Vec<String>, Vec<Relation>) {
    let mut schemas: Vec<String> = snapshot.schemas().map(|schema| schema.name.clone()).collect();
    let mut relations = Vec::new();
    for schema in &schemas {
        relations.extend(snapshot.tables(schema).into_iter().map(|table| Relation {
            schema: schema.clone(),
            name: table.meta().name.clone(),
            columns: table.meta().columns.iter().map(|column| column.name().to_owned()).collect(),
        }));
        relations.extend(snapshot.views(schema).into_iter().map(|view| Relation {
            schema: schema.clone(),
            name: view.name.clone(),
            columns: Vec::new(),
        }));
    }
    schemas.extend(["system", "information_schema"].map(str::to_owned));
    (schemas, relations)
}

async fn column(session: &mut Session, sql: &str) -> Vec<String> {
    let Ok(StatementResult::Rows(rows)) = session.execute(sql).await else { return Vec::new() };
    let batches = rows.collect().await.unwrap_or_default();
    let texts = batches.iter().filter_map(|batch| arrow::compute::cast(batch.columns().first()?, &arrow::datatypes::DataType::Utf8).ok());
    texts
        .flat_map(|array| {
            let strings = arrow::array::AsArray::as_string::<i32>(&array);
            strings.iter().flatten().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}
