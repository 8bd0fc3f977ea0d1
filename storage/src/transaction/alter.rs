//! Changes of descriptions, and the objects beside tables and views: macros and sequences.

use std::sync::Arc;

use super::{Transaction, check_name, not_concurrent};
use crate::catalog::{ColumnChange, MacroMeta, OptionalText, ROW_ID_NAME, SchemaChange, SequenceMeta, TableChange, ViewChange};
use crate::error::{Error, Result};
use crate::format::action::Action;
use crate::ids::{MacroId, SchemaId, SequenceId, TableId, ViewId};
use crate::state::State;

impl Transaction {
    /// Gives a schema another name. Views follow: their names are looked up where they were.
    ///
    /// # Errors
    /// *Invalid* for the schema `main`; *already exists* for a name that is taken.
    pub fn rename_schema(&mut self, id: SchemaId, name: &str) -> Result<()> {
        if id == State::MAIN {
            return Err(Error::invalid(format!("schema '{}' is part of every database and keeps its name", State::MAIN_NAME)));
        }
        let name = Some(check_name("schema", name)?);
        self.stage(Action::AlterSchema(SchemaChange { id, name, comment: None })).map_err(not_concurrent)
    }

    /// Changes a schema's comment.
    pub fn comment_schema(&mut self, id: SchemaId, comment: OptionalText) -> Result<()> {
        self.stage(Action::AlterSchema(SchemaChange { id, name: None, comment: Some(comment) })).map_err(not_concurrent)
    }

    /// Gives a table another name.
    ///
    /// # Errors
    /// *Already exists* for a name that is taken.
    pub fn rename_table(&mut self, id: TableId, name: &str) -> Result<()> {
        let name = Some(check_name("table", name)?);
        self.stage(Action::AlterTable(TableChange { id, name, comment: None, columns: vec![] })).map_err(not_concurrent)
    }

    /// Changes a table's comment.
    pub fn comment_table(&mut self, id: TableId, comment: OptionalText) -> Result<()> {
        self.stage(Action::AlterTable(TableChange { id, name: None, comment: Some(comment), columns: vec![] })).map_err(not_concurrent)
    }

    /// Changes what is said of a table's column.
    ///
    /// # Errors
    /// *Already exists* for a name that another column has; *invalid* for one that no column can have.
    pub fn alter_column(&mut self, id: TableId, change: ColumnChange) -> Result<()> {
        if let Some(name) = &change.name {
            check_name("column", name)?;
            if name.eq_ignore_ascii_case(ROW_ID_NAME) {
                return Err(Error::invalid(format!("no column can be called '{name}': rows' own ids have that name in files")));
            }
        }
        self.stage(Action::AlterTable(TableChange { id, name: None, comment: None, columns: vec![change] })).map_err(not_concurrent)
    }

    /// Gives a view another name.
    ///
    /// # Errors
    /// *Already exists* for a name that is taken.
    pub fn rename_view(&mut self, id: ViewId, name: &str) -> Result<()> {
        let name = Some(check_name("view", name)?);
        self.stage(Action::AlterView(ViewChange { id, name, comment: None })).map_err(not_concurrent)
    }

    /// Changes a view's comment.
    pub fn comment_view(&mut self, id: ViewId, comment: OptionalText) -> Result<()> {
        self.stage(Action::AlterView(ViewChange { id, name: None, comment: Some(comment) })).map_err(not_concurrent)
    }

    /// Creates a macro; its id is given here.
    ///
    /// # Errors
    /// *Already exists* for a macro of that name.
    pub fn create_macro(&mut self, schema: SchemaId, name: &str, definition: &str, search_path: &str) -> Result<Arc<MacroMeta>> {
        let id = MacroId::random(self.handle.env.random.as_ref());
        let (name, definition, search_path) = (check_name("macro", name)?, definition.to_owned(), search_path.to_owned());
        let meta = MacroMeta { id, schema, name, definition, search_path, comment: None };
        self.stage(Action::CreateMacro(meta.clone()))?;
        Ok(Arc::new(meta))
    }

    /// Drops a macro.
    pub fn drop_macro(&mut self, id: MacroId) -> Result<()> {
        self.stage(Action::DropMacro(id)).map_err(not_concurrent)
    }

    /// A new sequence's id.
    pub fn new_sequence_id(&self) -> SequenceId {
        SequenceId::random(self.handle.env.random.as_ref())
    }

    /// Creates a sequence (take the id from [`Transaction::new_sequence_id`]).
    ///
    /// # Errors
    /// *Already exists* for a sequence of that name; *invalid* for one without numbers.
    pub fn create_sequence(&mut self, sequence: SequenceMeta) -> Result<()> {
        check_name("sequence", &sequence.name)?;
        if sequence.increment == 0 {
            return Err(Error::invalid("the INCREMENT of a sequence cannot be 0"));
        }
        if sequence.min > sequence.max || !(sequence.min..=sequence.max).contains(&sequence.start) {
            return Err(Error::invalid(format!(
                "START {} of a sequence is not within MINVALUE {} and MAXVALUE {}",
                sequence.start, sequence.min, sequence.max
            )));
        }
        self.stage(Action::CreateSequence(sequence))
    }

    /// Drops a sequence.
    pub fn drop_sequence(&mut self, id: SequenceId) -> Result<()> {
        self.stage(Action::DropSequence(id)).map_err(not_concurrent)
    }

    /// Takes the next `count` numbers of a sequence; they belong to whoever commits this. Returns how many were taken before.
    ///
    /// # Errors
    /// *Not found* when there is no such sequence. The commit is a *conflict* when somebody else took them.
    pub fn take_numbers(&mut self, id: SequenceId, count: u64) -> Result<u64> {
        let sequence = self.overlay.sequences.values().find(|sequence| sequence.id == id);
        let from = sequence.ok_or_else(|| Error::not_found("the sequence does not exist"))?.taken;
        self.stage(Action::TakeNumbers { id, from, to: from.saturating_add(count) }).map_err(not_concurrent)?;
        Ok(from)
    }
}
