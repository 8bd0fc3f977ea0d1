//! Settings of a session: SET, RESET and USE carried out.

use clouddb_storage::AsOf;
use datafusion::config::ConfigOptions;
use datafusion::sql::sqlparser::ast::{Set, Statement as SqlStatement};

use super::Session;
use super::result::Done;
use super::view::SessionView;
use crate::error::{Error, Result, from_datafusion};
use crate::introspection::{INFORMATION_SCHEMA, PG_CATALOG};
use crate::reuse::fingerprint;
use crate::settings::{CATALOG, DEFAULT_SCHEMA};
use crate::statements::context::Context;
use crate::statements::lookup;
use crate::statements::meaning::rewrite;
use crate::statements::set::{self, Setting};
use crate::statements::settings;
use crate::statements::unsupported;
use crate::system_tables::SYSTEM_SCHEMA;

impl Session {
    pub(super) async fn set(&mut self, statement: SqlStatement) -> Result<Done> {
        let setting = match statement {
            SqlStatement::Set(set @ Set::SetTransaction { .. }) if self.in_transaction() => return Err(unsupported(set)),
            SqlStatement::Set(set) => set::from_set(set)?,
            SqlStatement::Use(statement) => set::from_use(statement)?,
            other => return Err(unsupported(other)),
        };
        self.change(setting).await?;
        Ok(Done::new("SET"))
    }

    /// Carries out one change.
    pub(super) async fn change(&mut self, setting: Setting) -> Result<()> {
        match setting {
            Setting::Snapshot(expr) => self.pin(|context| rewrite::snapshot_number(context, expr)).await?,
            Setting::Timestamp(expr) => {
                let said = expr.to_string();
                self.pin(|context| rewrite::timestamp(context, expr)).await?;
                self.view_mut(|view| drop(view.said.insert("timestamp", said.trim_matches('\'').to_owned())));
            }
            Setting::Schema(name) => {
                let name = self.schema_of(&name).await?;
                self.options_mut().catalog.default_schema = name;
            }
            Setting::StatementTimeout(timeout) => self.limits.timeout = timeout,
            Setting::QueryMemoryLimit(bytes) => self.limits.memory = bytes,
            Setting::MemoryLimit(bytes) => self.database.limits().set_memory(bytes),
            Setting::DataFusion(key, value) => self.set_datafusion(&key, &value)?,
            Setting::Said(name, value) => self.view_mut(|view| drop(view.said.insert(name, value))),
            Setting::Nothing => {}
            Setting::Reset(name) => drop(self.reset(&name)?),
        }
        self.settings_changed();
        Ok(())
    }

    /// The schema that a name means: `s`, `clouddb.s`, or the database itself, which means its first schema.
    async fn schema_of(&self, name: &str) -> Result<String> {
        let (catalog, name) = match name.split_once('.') {
            Some((catalog, name)) => (Some(catalog), name),
            None => (None, name),
        };
        let name = name.trim_matches('"');
        if catalog.is_some_and(|catalog| !catalog.trim_matches('"').eq_ignore_ascii_case(CATALOG)) {
            if catalog.is_some_and(|catalog| self.attached.contains_key(catalog)) {
                return Err(unsupported("USE of an attached database").with_hint("name it with each table: other.main.t"));
            }
            return Err(Error::not_found(format!("there is no database '{}'", catalog.unwrap_or_default()))
                .with_hint(format!("this one is called '{CATALOG}'")));
        }
        let always = [DEFAULT_SCHEMA, SYSTEM_SCHEMA, INFORMATION_SCHEMA, PG_CATALOG];
        if let Some(schema) = always.into_iter().find(|schema| schema.eq_ignore_ascii_case(name)) {
            return Ok(schema.to_owned());
        }
        let snapshot = self.snapshot().await?;
        if catalog.is_none() && snapshot.schema(name).is_none() && self.attached.contains_key(name) {
            return Err(unsupported("USE of an attached database").with_hint("name it with each table: other.main.t"));
        }
        if catalog.is_none() && name.eq_ignore_ascii_case(CATALOG) && snapshot.schema(name).is_none() {
            return Ok(DEFAULT_SCHEMA.to_owned());
        }
        lookup::schema(&snapshot, name)
    }

    async fn pin(&mut self, as_of: impl FnOnce(&Context) -> Result<AsOf>) -> Result<()> {
        if self.in_transaction() {
            return Err(Error::invalid("a transaction reads its own snapshot")
                .with_hint("SET snapshot before BEGIN, or read the past in one query: SELECT ... FROM t AT (VERSION => 3)"));
        }
        // The newest snapshot may be anything: the point in time is a constant.
        let context = self.read_context().await?;
        let as_of = as_of(&context)?;
        self.pinned = Some(self.database.storage().snapshot_at(as_of).await?);
        Ok(())
    }

    /// Sets a setting of DataFusion's, by its full name.
    fn set_datafusion(&mut self, key: &str, value: &str) -> Result<()> {
        // What the table of settings names is allowed, whatever family it belongs to.
        if !settings::is_mapped(key) && key.starts_with("datafusion.") {
            set::check_datafusion_key(key)?;
        }
        if !settings::exists(self.state.config_options(), key) {
            return Err(settings::unknown(key, self.state.config_options()));
        }
        let options = self.options_mut();
        options.set(key, value).map_err(|error| Error::invalid(from_datafusion(error).message()).context(format!("the value of {key}")))?;
        // `enable_dynamic_filter_pushdown = true` would switch this one on as well.
        options.optimizer.enable_aggregate_dynamic_filter_pushdown = false;
        Ok(())
    }

    pub(super) fn reset(&mut self, name: &str) -> Result<Done> {
        match settings::find(name).map_or(name, |definition| definition.name) {
            "all" => self.reset_all(),
            "snapshot" | "timestamp" => {
                self.pinned = None;
                self.view_mut(|view| drop(view.said.remove("timestamp")));
            }
            "schema" => self.options_mut().catalog.default_schema = DEFAULT_SCHEMA.to_owned(),
            "statement_timeout" => self.limits.timeout = self.database.default_statement_limits().timeout,
            "query_memory_limit" => self.limits.memory = self.database.default_statement_limits().memory,
            "memory_limit" => self.database.limits().set_memory(self.database.default_memory_limit()),
            said if settings::find(said).is_some_and(|definition| matches!(definition.change, settings::Change::Said)) => {
                let said = said.to_owned();
                self.view_mut(|view| view.said.retain(|name, _| *name != said));
            }
            key => match settings::mapped(key) {
                // Never changed.
                None if settings::find(key).is_some() => {}
                mapped => self.reset_datafusion(mapped.unwrap_or(key))?,
            },
        }
        self.settings_changed();
        Ok(Done::new("RESET"))
    }

    fn reset_datafusion(&mut self, key: &str) -> Result<()> {
        let value = settings::planner_value(self.database.template().config_options(), key);
        let value = value.ok_or_else(|| settings::unknown(key, self.state.config_options()))?;
        self.set_datafusion(key, &value)
    }

    fn reset_all(&mut self) {
        let view = self.state.config_options().extensions.get::<SessionView>().cloned();
        let mut options = self.database.template().config_options().as_ref().clone();
        if let Some(mut view) = view {
            view.said.clear();
            options.extensions.insert(view);
        }
        *self.options_mut() = options;
        self.pinned = None;
        self.limits = self.database.default_statement_limits();
    }

    fn options_mut(&mut self) -> &mut ConfigOptions {
        self.state.config_mut().options_mut()
    }

    fn view_mut(&mut self, change: impl FnOnce(&mut SessionView)) {
        if let Some(view) = self.options_mut().extensions.get_mut::<SessionView>() {
            change(view);
        }
    }

    /// Tells statements to come of the change.
    fn settings_changed(&mut self) {
        let (limits, pinned) = (self.limits, self.pinned.clone());
        self.view_mut(|view| (view.limits, view.pinned) = (limits, pinned));
        self.settings = fingerprint(self.state.config_options());
    }
}
