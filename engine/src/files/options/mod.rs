//! Options of files, told by COPY and by functions such as read_csv, in the spellings of PostgreSQL and DuckDB.
//!
//! `definitions` lists them all: a new option is a line there and a field here. What an option does not apply to, it is refused for: nothing is ignored.

mod definitions;
mod given;

use std::collections::BTreeSet;

use arrow::datatypes::Field;

pub(crate) use self::definitions::Use;
pub(crate) use self::given::Given;
use super::encoding::Encoding;
use super::{Compression, FileFormat};
use crate::error::{Error, Result};

/// Options of files; what is not told is `None`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Options {
    pub(crate) format: Option<FileFormat>,
    /// The name of a compression: what there is depends on the format.
    pub(crate) compression: Option<String>,
    pub(crate) csv: CsvOptions,
    pub(crate) json: JsonOptions,
    pub(crate) read: ReadOptions,
    pub(crate) write: WriteOptions,
    /// As strftime has it.
    pub(crate) date_format: Option<String>,
    pub(crate) timestamp_format: Option<String>,
    /// The names of those that were told.
    told: BTreeSet<&'static str>,
}

/// How CSV is written.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct CsvOptions {
    pub(crate) header: Option<bool>,
    pub(crate) delimiter: Option<u8>,
    /// Inner `None`: nothing is quoted.
    pub(crate) quote: Option<Option<u8>>,
    pub(crate) escape: Option<u8>,
    /// What stands for NULL.
    pub(crate) null: Option<Vec<String>>,
    /// Lines before the first record, or its header.
    pub(crate) skip: usize,
    /// Inner `None`: there are no comments.
    pub(crate) comment: Option<Option<u8>>,
    /// Whether lines end with a carriage return alone.
    pub(crate) lone_returns: Option<bool>,
    pub(crate) null_padding: bool,
    pub(crate) lenient: bool,
    pub(crate) decimal: Option<u8>,
    pub(crate) thousands: Option<u8>,
    pub(crate) names: Vec<String>,
    pub(crate) all_text: bool,
    pub(crate) normalize_names: bool,
    /// Columns whose empty values are empty texts, not NULL.
    pub(crate) force_not_null: Vec<String>,
    /// The types that may be guessed.
    pub(crate) candidates: Option<Vec<Field>>,
    pub(crate) longest_line: Option<usize>,
}

/// How JSON is written.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct JsonOptions {
    pub(crate) layout: Option<JsonLayout>,
}

/// How JSON's values stand in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JsonLayout {
    /// A value a line.
    Lines,
    /// One array of them.
    Array,
    /// Values one after the other, on as many lines as they want.
    Values,
}

/// What reading is told.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ReadOptions {
    /// All columns, by name or in order.
    pub(crate) columns: Option<Vec<Field>>,
    /// Types of some columns, in order.
    pub(crate) types: Vec<Field>,
    /// Types of some columns, by name.
    pub(crate) named_types: Vec<Field>,
    /// Whether what is not told is guessed: true unless told.
    pub(crate) auto_detect: Option<bool>,
    /// Rows that are looked at to guess types; inner `None`: all.
    pub(crate) sample_rows: Option<Option<usize>>,
    pub(crate) encoding: Option<Encoding>,
    pub(crate) ignore_errors: bool,
    /// The name of a column for the files' names.
    pub(crate) filename: Option<String>,
    /// Whether there is also a column `filename` that `*` leaves out, unless there is one of this name anyway.
    pub(crate) hidden_filename: bool,
    pub(crate) hive_partitioning: Option<bool>,
    pub(crate) hive_types: Vec<Field>,
    /// Whether what folders tell keeps being text unless its type is told.
    pub(crate) hive_text: bool,
    pub(crate) union_by_name: bool,
}

/// What writing is told.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct WriteOptions {
    pub(crate) compression_level: Option<u32>,
    pub(crate) row_group_size: Option<usize>,
    pub(crate) partition_by: Vec<String>,
    /// Several files in a folder.
    pub(crate) folder: bool,
    pub(crate) existing: Existing,
    pub(crate) force_quote: ForceQuote,
    pub(crate) parquet_version: Option<String>,
}

impl WriteOptions {
    /// Whether a folder of files is to be written, or what is in one is told of.
    pub(crate) fn makes_folders(&self) -> bool {
        self.folder || !self.partition_by.is_empty() || self.existing != Existing::Refused
    }
}

/// What becomes of the files that are in a folder before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Existing {
    /// They are an error.
    #[default]
    Refused,
    /// All go.
    Replaced,
    /// Those go that are in folders which get new ones.
    ReplacedWhereWritten,
    /// They stay.
    Kept,
}

/// Which columns' values are always in quotes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum ForceQuote {
    #[default]
    None,
    Columns(Vec<String>),
    All,
}

impl Options {
    /// Takes one option. Whether it means something for the format is asked when the format is known, by `check`.
    ///
    /// # Errors
    /// *Invalid* for an option that `whose` (COPY, or a function) does not have, with the likeliest ones.
    pub(crate) fn set(&mut self, whose: &str, uses: Use, name: &str, given: Given) -> Result<()> {
        let definition = definitions::find(name).ok_or_else(|| definitions::unknown(whose, uses, name))?;
        self.told.insert(definition.name());
        (definition.set)(self, &definition.argument(name, given))
    }

    /// Refuses options that mean nothing for what is done.
    pub(crate) fn check(&self, whose: &str, uses: Use) -> Result<()> {
        match self.told.iter().filter_map(|name| definitions::find(name)).find(|definition| !definition.uses.meets(uses)) {
            None => Ok(()),
            Some(definition) => Err(definitions::misplaced(whose, uses, definition)),
        }
    }

    /// The delimiter of a CSV file at a path, if it is told.
    pub(super) fn delimiter_at(&self, path: &str) -> Option<u8> {
        self.csv.delimiter.or_else(|| path.to_ascii_lowercase().contains(".tsv").then_some(b'\t'))
    }

    /// The compression of text files, if it is told.
    pub(crate) fn told_compression(&self) -> Result<Option<Compression>> {
        match self.compression.as_deref() {
            Some("auto" | "auto_detect") | None => Ok(None),
            Some(name) => Compression::from_name(name).map(Some),
        }
    }

    /// The compression of a text file at a path.
    pub(crate) fn text_compression(&self, path: &str) -> Result<Compression> {
        Ok(self.told_compression()?.unwrap_or_else(|| Compression::from_path(path)))
    }

    /// The one text that stands for NULL in what is written.
    pub(super) fn written_null(&self) -> Result<String> {
        match self.csv.null.as_deref() {
            None => Ok(String::new()),
            Some([null]) => Ok(null.clone()),
            Some(_) => Err(Error::invalid("NULL is written as one text, and several are given")),
        }
    }

    /// Whether types and other properties that are not told are guessed.
    pub(super) fn guesses(&self) -> bool {
        self.read.auto_detect != Some(false)
    }
}
