//! SHOW CREATE: the statement that makes a thing, ready to run again.

use arrow::array::RecordBatch;
use datafusion::sql::sqlparser::ast::ObjectName;

use super::{Made, one_text};
use crate::error::{Error, Result};
use crate::settings::{CATALOG, TEMPORARY};
use crate::statements::context::Context;
use crate::statements::lookup::{self, Found};
use crate::statements::meaning::macros;
use crate::statements::objects::ddl;
use crate::statements::objects::sequences;
use crate::statements::rows::export::schema_text;
use crate::types::quoted_where_needed;

/// One row with the statement.
pub(super) fn create(context: &Context, made: Made, name: &ObjectName) -> Result<RecordBatch> {
    let snapshot = &context.snapshot;
    let sql = match made {
        Made::Table | Made::View => {
            let (snapshot, place) = context.place(name)?;
            let (found, relation) = lookup::relation(context, snapshot, &place)?;
            let is_temporary = place != *name || found.schema == TEMPORARY;
            let qualified = match is_temporary {
                true => quoted_where_needed(&found.name),
                false => ddl::qualified(&found.schema, &found.name),
            };
            let sql = match (made, relation) {
                (Made::Table, Found::Table(table)) => ddl::create_table(&qualified, table.meta()),
                (Made::View, Found::View(view)) => ddl::create_view(&qualified, &view),
                (_, Found::Table(_)) => return Err(Error::invalid(format!("'{found}' is a table")).with_hint("write SHOW CREATE TABLE")),
                (_, Found::View(_)) => return Err(Error::invalid(format!("'{found}' is a view")).with_hint("write SHOW CREATE VIEW")),
            };
            match is_temporary {
                true => sql.replacen("CREATE ", "CREATE TEMP ", 1),
                false => sql,
            }
        }
        Made::Database => {
            if !name.to_string().eq_ignore_ascii_case(CATALOG) {
                return Err(Error::not_found(format!("there is no database '{name}' to show: this one is called '{CATALOG}'")));
            }
            schema_text(context)?
        }
        Made::Schema => ddl::create_schema(&lookup::schema_of_name(snapshot, name)?),
        Made::Macro => {
            let (schema, meta) = macros::find(context, snapshot, name)?;
            ddl::create_macro(&ddl::qualified(&schema, &meta.name), &meta)
        }
        Made::Sequence => {
            let (schema, meta) = sequences::find(context, snapshot, name)?;
            ddl::create_sequence(&ddl::qualified(&schema, &meta.name), &meta)
        }
    };
    one_text("sql", &sql)
}
