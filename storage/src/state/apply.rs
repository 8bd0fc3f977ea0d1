//! How an action changes the state, and when it must not: the rules under which concurrent transactions both commit.
//!
//! | mine \ theirs | append | rewrite | drop | create of the same name |
//! |---|---|---|---|---|
//! | append | fine | fine | conflict | – |
//! | rewrite | fine | conflict if a segment is gone | conflict | – |
//! | drop table or view | fine | fine | conflict | – |
//! | drop schema | conflict if the schema is no longer empty | | conflict | |
//! | create | – | – | conflict if the schema is gone | conflict |
//! | alter | fine | fine | conflict | conflict if it takes the name |
//! | take numbers of a sequence | fine | fine | conflict | – |
//!
//! Two transactions that take numbers of one sequence are a conflict too; two that alter one thing are not: the later one holds.
//!
//! A transaction may ask for more: that a table did not change at all ([`crate::Transaction::require_unchanged`]), as one does that replaces a table by what it
//! read of it.
//!
//! An append also conflicts when the table's columns changed since they were read (`schema_version`).

use std::sync::Arc;

use super::{Relation, State, TableState};
use crate::error::{Error, Result};
use crate::format::action::Action;
use crate::format::record::{LoggedTransaction, Record};
use crate::ids::{SchemaId, TableId, TransactionId};

impl State {
    /// Applies a record from the log.
    ///
    /// # Errors
    /// *Corrupt* when the record does not follow this state, or does what the rules forbid: its writer checked it against this very state.
    pub(crate) fn apply_record(&mut self, record: &Record) -> Result<()> {
        let here = || format!("the record in slot {}", record.slot);
        if record.slot != self.slot + 1 {
            return Err(Error::internal(format!("{} does not follow slot {}", here(), self.slot)));
        }
        if record.database != self.database {
            return Err(Error::corrupt(format!("{} belongs to database {}, not to {}", here(), record.database, self.database))
                .with_hint("objects of two databases were mixed in one folder"));
        }
        if record.previous != self.record_hash {
            return Err(Error::corrupt(format!("{} does not follow the record in slot {}: history was overwritten", here(), self.slot))
                .with_hint("'clouddb verify' shows where the chain breaks; restore the log from a copy of the database"));
        }
        if record.commit_time_us <= self.commit_time_us {
            return Err(Error::corrupt(format!("{} is not later than the one before", here())));
        }
        self.lineage = record.lineage;
        self.writer_features |= record.writer_features;
        self.slot = record.slot;
        self.record_hash = record.hash;
        self.commit_time_us = record.commit_time_us;
        for transaction in &record.transactions {
            self.apply_transaction(transaction)
                .map_err(|e| Error::corrupt(format!("{}: {}", here(), e.message())).with_source(e).with_transaction(transaction.id))?;
        }
        Ok(())
    }

    /// Applies a transaction of the record in the state's slot, unless its session is past it.
    pub(crate) fn apply_transaction(&mut self, transaction: &LoggedTransaction) -> Result<()> {
        if !self.advance_session(transaction.id) {
            return Ok(());
        }
        transaction.actions.iter().try_for_each(|action| self.apply(action))
    }

    /// Moves a session to a transaction; `false` when the session is there or past it already.
    pub(crate) fn advance_session(&mut self, id: TransactionId) -> bool {
        if self.sessions.get(&id.session).is_some_and(|highest| *highest >= id.sequence) {
            return false;
        }
        self.sessions.insert(id.session, id.sequence);
        true
    }

    /// Applies one action as of the state's slot.
    ///
    /// # Errors
    /// *Conflict*, *not found* or *already exists* when the rules forbid it; the state may then be half changed and must be thrown away.
    pub(crate) fn apply(&mut self, action: &Action) -> Result<()> {
        match action {
            Action::OpenSession => {}
            Action::CreateSchema(meta) => {
                if self.schema_names.contains_key(&meta.name) {
                    return Err(Error::already_exists(format!("schema '{}' exists already", meta.name)));
                }
                self.schema_names.insert(meta.name.clone(), meta.id);
                self.schemas.insert(meta.id, Arc::new(meta.clone()));
            }
            Action::DropSchema(id) => {
                let name = match self.schemas.get(id) {
                    Some(schema) => schema.name.clone(),
                    None => return Err(Error::conflict("the schema was dropped by a concurrent transaction")),
                };
                if self.relations_of(*id).next().is_some() || self.has_other_objects(*id) {
                    return Err(Error::conflict(format!("schema '{name}' is not empty")).with_hint("drop what is in it first"));
                }
                self.schemas.remove(id);
                self.schema_names.remove(&name);
            }
            Action::CreateTable(meta) => {
                self.claim_name(meta.schema, &meta.name, Relation::Table(meta.id))?;
                self.tables.insert(meta.id, Arc::new(TableState::new(meta.clone(), self.slot)));
            }
            Action::DropTable(id) => {
                let table = self.tables.remove(id).ok_or_else(|| Error::conflict("the table was dropped by a concurrent transaction"))?;
                self.relation_names.remove(&(table.meta.schema, table.meta.name.clone()));
            }
            Action::CreateView(meta) => {
                self.claim_name(meta.schema, &meta.name, Relation::View(meta.id))?;
                self.views.insert(meta.id, Arc::new(meta.clone()));
            }
            Action::DropView(id) => {
                let view = self.views.remove(id).ok_or_else(|| Error::conflict("the view was dropped by a concurrent transaction"))?;
                self.relation_names.remove(&(view.schema, view.name.clone()));
            }
            Action::AlterSchema(change) => self.alter_schema(change)?,
            Action::AlterTable(change) => self.alter_table(change)?,
            Action::AlterView(change) => self.alter_view(change)?,
            Action::CreateMacro(meta) => self.create_macro(meta)?,
            Action::DropMacro(id) => self.drop_macro(*id)?,
            Action::CreateSequence(meta) => self.create_sequence(meta)?,
            Action::DropSequence(id) => self.drop_sequence(*id)?,
            Action::TakeNumbers { id, from, to } => self.take_numbers(*id, *from, *to)?,
            Action::AddSegment { table, segment } => {
                let (slot, version) = (self.slot, segment.schema_version);
                let table = self.table_mut(*table)?;
                if table.meta.schema_version != version {
                    return Err(Error::conflict(format!(
                        "the columns of table '{}' were changed by a concurrent transaction",
                        table.meta.name
                    )));
                }
                table.add(segment.clone(), slot)?;
            }
            Action::RemoveSegment { table, segment } => {
                let slot = self.slot;
                let table = self.table_mut(*table)?;
                if table.remove(*segment, slot).is_none() {
                    return Err(Error::conflict(format!(
                        "segment {segment} of table '{}' was replaced by a concurrent transaction",
                        table.meta.name
                    )));
                }
            }
            Action::AddManifest { path, .. } => {
                return Err(Error::internal(format!("manifest '{path}' was not read before its record was applied")));
            }
            Action::Other { .. } => self.has_unknown_actions = true,
        }
        Ok(())
    }

    pub(super) fn claim_name(&mut self, schema: SchemaId, name: &str, relation: Relation) -> Result<()> {
        let Some(schema_meta) = self.schemas.get(&schema) else {
            return Err(Error::conflict(format!("the schema of '{name}' was dropped by a concurrent transaction")));
        };
        let key = (schema, name.to_owned());
        if let Some(existing) = self.relation_names.get(&key) {
            let kind = match existing {
                Relation::Table(_) => "table",
                Relation::View(_) => "view",
            };
            return Err(Error::already_exists(format!("{kind} '{}.{name}' exists already", schema_meta.name)));
        }
        self.relation_names.insert(key, relation);
        Ok(())
    }

    pub(super) fn table_mut(&mut self, id: TableId) -> Result<&mut TableState> {
        let table = self.tables.get_mut(&id).ok_or_else(|| Error::conflict("the table was dropped by a concurrent transaction"))?;
        Ok(Arc::make_mut(table))
    }
}
