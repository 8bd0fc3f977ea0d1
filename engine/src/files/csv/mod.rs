//! CSV.
//!
//! Splitting follows the quotes through the file, so that a line break within a value never divides a record. How files are written is recognized in
//! `detect`, what their columns are in `open` and `infer`.

mod decode;
mod detect;
mod dialect;
mod header;
mod infer;
mod names;
mod open;
mod opening;
mod quotes;
mod reading;
mod records;
mod sniff;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};

use self::dialect::Dialect;
use self::reading::Reading;
use self::records::Blank;
use super::split::{Chunk, Input, Layout, Records};
use super::table::TextTable;
use crate::error::Result;

pub(super) use open::Csv;
pub(super) use sniff::sniffed;

/// How records stand in CSV files.
#[derive(Debug, Clone)]
struct CsvRecords {
    dialect: Dialect,
    /// Lines before the header.
    skip: usize,
    header: Header,
    schema: SchemaRef,
    /// How the texts of each column are read.
    readings: Vec<Reading>,
    /// Columns whose empty values are texts.
    never_null: Vec<bool>,
    /// How many columns a file has, unless its header says otherwise.
    columns: usize,
    /// What types were guessed from, where they were.
    guessed_from: Option<String>,
    null_padding: bool,
    /// Columns that a file does not have are NULL in it.
    union_by_name: bool,
    longest: usize,
}

/// What files' first records are.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Header {
    /// Rows.
    None,
    /// Names: the first file's. Other files may have them in another order.
    Names(Vec<String>),
    /// Something that is left out: the columns are named otherwise.
    Skipped,
}

impl Records for CsvRecords {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn end_of_last(&self, data: &[u8]) -> usize {
        quotes::last_record_end(data, &self.dialect)
    }

    fn lines_before(&self) -> usize {
        self.skip
    }

    fn longest(&self) -> usize {
        self.longest
    }

    fn begin(&self, chunk: Chunk) -> Result<Option<Chunk>> {
        if self.header == Header::None {
            return Ok(Some(chunk));
        }
        let mut spans = Vec::new();
        let found = records::next(&chunk.bytes, &self.dialect, 0, Blank::Skipped, &mut spans).map_err(|broken| broken.error(&chunk))?;
        let Some((_, end)) = found else { return Ok(None) };
        let layout = match &self.header {
            Header::Names(names) => self.layout(&chunk, names, header::names(&chunk, &self.dialect, &spans))?,
            Header::None | Header::Skipped => None,
        };
        Ok(Some(Chunk { layout, ..chunk.behind(end) }))
    }

    fn decode(&self, chunk: &Chunk, projection: &[usize], schema: &SchemaRef) -> Result<RecordBatch> {
        decode::decode(self, chunk, projection, schema)
    }
}

impl CsvRecords {
    /// Where the columns of a file are whose header is another one than the first file's.
    fn layout(&self, chunk: &Chunk, names: &[String], mut found: Vec<String>) -> Result<Option<Layout>> {
        // Behind a delimiter at the end of the line.
        if found.len() == names.len() + 1 && found.last().is_some_and(String::is_empty) {
            found.pop();
        }
        // A record that is shorter than others has names for some columns only.
        if found == names || (self.null_padding && names.starts_with(&found) && names[found.len()..].iter().all(String::is_empty)) {
            return Ok(None);
        }
        let positions: Vec<Option<usize>> =
            names.iter().map(|name| found.iter().position(|other| other.eq_ignore_ascii_case(name))).collect();
        let is_known = |name: &String| names.iter().any(|known| known.eq_ignore_ascii_case(name));
        let wrong = names.iter().zip(&positions).find(|(_, position)| position.is_none()).map(|(name, _)| name);
        let message = match (wrong, found.iter().find(|name| !is_known(name))) {
            (Some(missing), _) if !self.union_by_name => format!(": the first file has a column '{missing}', and this one has not"),
            (_, Some(more)) => format!(": the column '{more}' is not in the first file"),
            _ => return Ok(Some(Layout { positions: positions.into(), count: found.len() })),
        };
        Err(chunk.error(0, message).with_hint(format!(
            "union_by_name = true takes the columns of all files together; those of the first file are {}",
            names.join(", ")
        )))
    }
}

impl Csv {
    /// As a table: the files' columns, in the files' order.
    pub(super) fn table(self, session: &dyn Session) -> Arc<dyn TableProvider> {
        Arc::new(TextTable::new(self.into_input(), session.config().target_partitions()))
    }

    fn into_input(self) -> Input {
        let Self { files, compression, encoding, records, refusals, .. } = self;
        Input { files, compression, encoding, records: Box::new(records), refusals }
    }
}
