//! The commands besides SQL, one in each file.

pub(crate) mod demo;
pub(crate) mod generate;
pub(crate) mod help;
pub(crate) mod info;
pub(crate) mod log;
pub(crate) mod verify;

use clouddb_storage::{Database, OpenMode, OpenOptions};

use crate::args::CommonArgs;
use crate::failure::Result;

/// Opens a database that must exist, to look at it.
async fn open_to_read(url: &str, common: &CommonArgs) -> Result<Database> {
    let options = OpenOptions { mode: OpenMode::ReadOnly, store_options: common.store_options.clone(), ..OpenOptions::default() };
    Ok(Database::open(url, options).await?)
}
