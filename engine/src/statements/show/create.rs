//! SHOW CREATE: the statement that makes a thing, ready to run again.

use arrow::array::RecordBatch;
use datafusion::sql::sqlparser::ast::ObjectName;

use super::{Made, one_text};
use crate::error::{Error, Result};
use crate::statements::context::Context;
use crate::statements::lookup::{self, Found};
use crate::statements::meaning::macros;
use crate::statements::objects::ddl;
use crate::statements::objects::sequences;

/// One row with the statement.
pub(super) fn create(context: &Context, made: Made, name: &ObjectName) -> Result<RecordBatch> {
    let snapshot = &context.snapshot;
    let sql = match made {
        Made::Table | Made::View => {
            let (found, relation) = lookup::relation(context, snapshot, name)?;
            let qualified = ddl::qualified(&found.schema, &found.name);
            match (made, relation) {
                (Made::Table, Found::Table(table)) => ddl::create_table(&qualified, table.meta()),
                (Made::View, Found::View(view)) => ddl::create_view(&qualified, &view),
                (_, Found::Table(_)) => return Err(Error::invalid(format!("'{found}' is a table")).with_hint("write SHOW CREATE TABLE")),
                (_, Found::View(_)) => return Err(Error::invalid(format!("'{found}' is a view")).with_hint("write SHOW CREATE VIEW")),
            }
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
