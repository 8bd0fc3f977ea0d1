//! Databases that a session has attached: opened for reading, and read at the newest snapshot of each statement's beginning. A transaction reads those of
//! its own beginning.

use clouddb_storage::{OpenMode, OpenOptions, Snapshot};

use super::Session;
use super::catalogs::AttachedCatalog;
use super::result::Done;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::settings::{CATALOG, Options, TEMPORARY};
use crate::statements::objects::attach::AttachStatement;
use crate::statements::{lookup, unsupported};

/// A database that a session has attached.
#[derive(Debug)]
pub(super) struct Attached {
    database: Database,
    location: String,
    /// What the open transaction reads.
    snapshot: Option<Snapshot>,
}

impl Session {
    pub(super) async fn attach(&mut self, statement: AttachStatement) -> Result<Done> {
        if self.in_transaction() {
            return Err(Error::invalid("ATTACH and DETACH stand outside of transactions").with_hint("COMMIT or ROLLBACK ends it"));
        }
        match statement {
            AttachStatement::Attach { location, name, if_not_exists, read_only } => {
                if self.attached.contains_key(&name) && if_not_exists {
                    return Ok(Done::new("ATTACH"));
                }
                self.check_free(&name)?;
                if !read_only && location.starts_with(":memory:") {
                    return Err(unsupported("ATTACH of a new database in memory")
                        .with_hint("CREATE TEMP TABLE keeps a table for the session alone, CREATE SCHEMA keeps tables apart"));
                }
                if !read_only {
                    return Err(unsupported("ATTACH for writing")
                        .with_hint(format!("write ATTACH '{location}' AS {name} (READ_ONLY), or open that database to write to it")));
                }
                let storage = OpenOptions {
                    mode: OpenMode::ReadOnly,
                    store_options: self.database.store_options().to_vec(),
                    ..OpenOptions::default()
                };
                let database = Database::open(&location, Options { storage, ..Options::default() }).await?;
                self.attached.insert(name, Attached { database, location, snapshot: None });
                self.refresh_attached().await?;
                Ok(Done::new("ATTACH"))
            }
            AttachStatement::Detach { name, if_exists } => {
                if self.attached.remove(&name).is_none() && !if_exists {
                    let error = Error::not_found(format!("there is no attached database '{name}'"));
                    return Err(lookup::with_nearest(error, &name, self.attached.keys().map(String::as_str), "SHOW DATABASES lists them"));
                }
                self.refresh_attached().await?;
                Ok(Done::new("DETACH"))
            }
        }
    }

    fn check_free(&self, name: &str) -> Result<()> {
        match [CATALOG, TEMPORARY].contains(&name) || name.is_empty() || self.attached.contains_key(name) {
            true => Err(Error::already_exists(format!("a database '{name}' is there already")).with_hint("ATTACH '...' AS another_name")),
            false => Ok(()),
        }
    }

    /// Takes the newest snapshots of all of them, or the transaction's.
    pub(super) async fn refresh_attached(&self) -> Result<()> {
        let mut catalogs = Vec::with_capacity(self.attached.len());
        for (name, attached) in &self.attached {
            let snapshot = match &attached.snapshot {
                Some(snapshot) => snapshot.clone(),
                None => attached.database.storage().snapshot().await?,
            };
            let catalog = attached.database.catalog_at(snapshot);
            catalogs.push(AttachedCatalog { name: name.clone(), location: attached.location.clone(), catalog });
        }
        catalogs.extend(
            self.temporary
                .iter()
                .filter(|temporary| !temporary.is_empty())
                .map(|temporary| temporary.catalog(&self.database, &self.catalogs)),
        );
        self.catalogs.set_attached(catalogs);
        Ok(())
    }

    /// Keeps the snapshots of a transaction that begins, or lets them go when it is over.
    pub(super) async fn pin_attached(&mut self) -> Result<()> {
        let in_transaction = self.in_transaction();
        for attached in self.attached.values_mut() {
            attached.snapshot = match in_transaction {
                true => Some(attached.database.storage().snapshot().await?),
                false => None,
            };
        }
        Ok(())
    }
}
