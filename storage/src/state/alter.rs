//! How a change of a description changes the state. It is checked against the state of the moment: a name that was taken meanwhile, or a column that
//! is gone, is a conflict; changes of different things of one table both hold.

use std::sync::Arc;

use super::{Relation, State};
use crate::catalog::{ColumnChange, MacroMeta, SchemaChange, SequenceMeta, TableChange, TableMeta, ViewChange};
use crate::error::{Error, Result};
use crate::ids::{MacroId, SchemaId, SequenceId};

impl State {
    pub(super) fn alter_schema(&mut self, change: &SchemaChange) -> Result<()> {
        let Some(schema) = self.schemas.get(&change.id) else {
            return Err(Error::conflict("the schema was dropped by a concurrent transaction"));
        };
        let mut meta = schema.as_ref().clone();
        if let Some(name) = &change.name {
            if self.schema_names.contains_key(name) {
                return Err(Error::already_exists(format!("schema '{name}' exists already")));
            }
            self.schema_names.remove(&meta.name);
            self.schema_names.insert(name.clone(), meta.id);
            self.follow_schema(&meta.name, name);
            meta.name = name.clone();
        }
        if let Some(comment) = &change.comment {
            meta.comment = comment.clone();
        }
        self.schemas.insert(meta.id, Arc::new(meta));
        Ok(())
    }

    /// Views and macros look names up in a schema that they know by name.
    fn follow_schema(&mut self, old: &str, new: &str) {
        let views: Vec<_> = self.views.values().filter(|view| view.search_path == old).map(Arc::clone).collect();
        for view in views {
            let mut view = view.as_ref().clone();
            view.search_path = new.to_owned();
            self.views.insert(view.id, Arc::new(view));
        }
        let macros: Vec<_> = self.macros.iter().filter(|(_, meta)| meta.search_path == old).map(|(key, _)| key.clone()).collect();
        for key in macros {
            if let Some(meta) = self.macros.get_mut(&key) {
                Arc::make_mut(meta).search_path = new.to_owned();
            }
        }
    }

    pub(super) fn alter_table(&mut self, change: &TableChange) -> Result<()> {
        let mut meta = TableMeta::clone(&self.table_mut(change.id)?.meta);
        if let Some(name) = &change.name {
            self.claim_name(meta.schema, name, Relation::Table(meta.id))?;
            self.relation_names.remove(&(meta.schema, meta.name.clone()));
            meta.name = name.clone();
        }
        if let Some(comment) = &change.comment {
            meta.comment = comment.clone();
        }
        change.columns.iter().try_for_each(|column| alter_column(&mut meta, column))?;
        self.table_mut(change.id)?.meta = Arc::new(meta);
        Ok(())
    }

    pub(super) fn alter_view(&mut self, change: &ViewChange) -> Result<()> {
        let Some(view) = self.views.get(&change.id) else {
            return Err(Error::conflict("the view was dropped by a concurrent transaction"));
        };
        let mut meta = view.as_ref().clone();
        if let Some(name) = &change.name {
            self.claim_name(meta.schema, name, Relation::View(meta.id))?;
            self.relation_names.remove(&(meta.schema, meta.name.clone()));
            meta.name = name.clone();
        }
        if let Some(comment) = &change.comment {
            meta.comment = comment.clone();
        }
        self.views.insert(meta.id, Arc::new(meta));
        Ok(())
    }

    pub(super) fn create_macro(&mut self, meta: &MacroMeta) -> Result<()> {
        self.check_schema(meta.schema, &meta.name)?;
        match self.macros.insert((meta.schema, meta.name.clone()), Arc::new(meta.clone())) {
            Some(_) => Err(Error::already_exists(format!("macro '{}' exists already", meta.name))),
            None => Ok(()),
        }
    }

    pub(super) fn drop_macro(&mut self, id: MacroId) -> Result<()> {
        let key = self.macros.iter().find(|(_, meta)| meta.id == id).map(|(key, _)| key.clone());
        let key = key.ok_or_else(|| Error::conflict("the macro was dropped by a concurrent transaction"))?;
        self.macros.remove(&key);
        Ok(())
    }

    pub(super) fn create_sequence(&mut self, meta: &SequenceMeta) -> Result<()> {
        self.check_schema(meta.schema, &meta.name)?;
        match self.sequences.insert((meta.schema, meta.name.clone()), Arc::new(meta.clone())) {
            Some(_) => Err(Error::already_exists(format!("sequence '{}' exists already", meta.name))),
            None => Ok(()),
        }
    }

    pub(super) fn drop_sequence(&mut self, id: SequenceId) -> Result<()> {
        let key = self.sequence_key(id)?;
        self.sequences.remove(&key);
        Ok(())
    }

    /// Takes numbers: they must be the next ones, so that nobody else has them.
    pub(super) fn take_numbers(&mut self, id: SequenceId, from: u64, to: u64) -> Result<()> {
        let key = self.sequence_key(id)?;
        let Some(sequence) = self.sequences.get_mut(&key) else { return Err(Error::internal("a sequence is gone")) };
        if sequence.taken != from || to < from {
            return Err(Error::conflict(format!("numbers of sequence '{}' were taken by a concurrent transaction", sequence.name)));
        }
        Arc::make_mut(sequence).taken = to;
        Ok(())
    }

    fn sequence_key(&self, id: SequenceId) -> Result<(SchemaId, String)> {
        let key = self.sequences.iter().find(|(_, meta)| meta.id == id).map(|(key, _)| key.clone());
        key.ok_or_else(|| Error::conflict("the sequence was dropped by a concurrent transaction"))
    }

    fn check_schema(&self, schema: SchemaId, name: &str) -> Result<()> {
        match self.schemas.contains_key(&schema) {
            true => Ok(()),
            false => Err(Error::conflict(format!("the schema of '{name}' was dropped by a concurrent transaction"))),
        }
    }

    /// Whether a schema holds macros or sequences.
    pub(super) fn has_other_objects(&self, schema: SchemaId) -> bool {
        self.macros.values().any(|meta| meta.schema == schema) || self.sequences.values().any(|meta| meta.schema == schema)
    }
}

fn alter_column(meta: &mut TableMeta, change: &ColumnChange) -> Result<()> {
    let table = meta.name.clone();
    if let Some(name) = &change.name
        && meta.columns.iter().any(|column| column.name() == name && column.id() != change.id)
    {
        return Err(Error::already_exists(format!("table '{table}' has a column '{name}' already")));
    }
    let Some(column) = meta.columns.iter_mut().find(|column| column.id() == change.id) else {
        return Err(Error::conflict(format!("a column of table '{table}' was dropped by a concurrent transaction")));
    };
    if let Some(name) = &change.name {
        column.field = Arc::new(column.field.as_ref().clone().with_name(name));
    }
    if let Some(comment) = &change.comment {
        column.comment = comment.clone();
    }
    if let Some(default) = &change.default {
        column.write_default = default.clone();
    }
    Ok(())
}
