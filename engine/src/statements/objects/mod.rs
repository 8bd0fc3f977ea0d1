//! What a database holds besides rows: made, changed, dropped, and written as the SQL that makes it again.

pub(crate) mod alter;
pub(crate) mod attach;
pub(crate) mod ddl;
pub(crate) mod dependents;
pub(crate) mod schemas;
pub(crate) mod sequences;
pub(crate) mod stored;
pub(crate) mod tables;
pub(crate) mod views;
