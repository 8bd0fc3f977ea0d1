//! SQL's functions: DataFusion's, and ours in place of those that are missing or answer otherwise than DuckDB and PostgreSQL.
//!
//! Most of ours look at one row at a time and are defined by a line in a table: `text`, `dates`, `numbers`, `json`, by what they are about. `rows` is how such a
//! line becomes a function. Others look at whole columns: `lists`, `aggregates`. `aliases` is one table of other names for what is there.

mod dates;
mod numbers;
mod rows;
mod text;
pub(crate) mod uuids;

use std::sync::Arc;

use datafusion::execution::SessionStateDefaults;
use datafusion::logical_expr::ScalarUDF;

/// All scalar functions: of two with the same name the later one is taken.
pub(crate) fn scalars() -> Vec<Arc<ScalarUDF>> {
    let mut functions = SessionStateDefaults::default_scalar_functions();
    functions.extend(ours());
    functions
}

/// Our scalar functions.
fn ours() -> Vec<Arc<ScalarUDF>> {
    let rows = [text::functions(), dates::functions(), numbers::functions()].concat();
    let mut functions: Vec<Arc<ScalarUDF>> = rows.into_iter().map(rows::Function::into_udf).collect();
    functions.extend(numbers::of_any_number());
    functions.extend(dates::of_the_clock());
    functions.extend(uuids::functions());
    functions
}
