//! What is found out about CSV files while they are looked at: their header, names and types of their columns, and how texts are read.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use futures::{StreamExt, TryStreamExt, stream};
use memchr::{memchr, memrchr};

use super::dialect::Dialect;
use super::infer::Guess;
use super::open::{AHEAD, SAMPLE_BYTES, Sample};
use super::reading::Reading;
use super::records::{self, Blank, Text};
use super::{CsvRecords, Header, detect, header, names};
use crate::error::{Error, Result};
use crate::files::listing::File;
use crate::files::split::{Chunk, LONGEST_RECORD};
use crate::files::{Columns, Options, given_field, source};

/// Places in large files that are looked at, and how much there.
const SPOTS: u64 = 12;
const SPOT_BYTES: u64 = 64 * 1024;

/// What is known of files while they are looked at.
pub(super) struct Opening<'a> {
    pub(super) options: &'a Options,
    columns: Columns,
    pub(super) dialect: Dialect,
    pub(super) header: Header,
    /// The names of the columns.
    names: Vec<String>,
    /// What each column may be.
    guesses: Vec<Guess>,
}

impl<'a> Opening<'a> {
    pub(super) fn new(options: &'a Options, columns: Columns, dialect: Dialect) -> Self {
        Self { options, columns, dialect, header: Header::None, names: vec![], guesses: vec![] }
    }

    pub(super) fn is_union(&self) -> bool {
        self.options.read.union_by_name && matches!(self.header, Header::Names(_))
    }

    pub(super) fn guesses_types(&self) -> bool {
        self.columns.expected().is_none() && !self.options.csv.all_text && self.options.guesses()
    }

    /// Takes the first file's header; returns the number of its columns.
    pub(super) fn begin(&mut self, first: &Sample) -> Result<usize> {
        let rows = &first.rows;
        let Some(top) = rows.first() else { return Ok(0) };
        if !self.options.guesses() && matches!(self.columns, Columns::Inferred) {
            return Err(
                Error::invalid("auto_detect = false needs the columns").with_hint("columns = {'a': 'INTEGER', 'b': 'VARCHAR'} tells them")
            );
        }
        let has_header = match (self.options.csv.header, self.columns.expected()) {
            (Some(told), _) => told,
            (None, _) if !self.options.guesses() => false,
            (None, Some(given)) => header::is_above(rows, given, &self.dialect, self.options)?,
            (None, None) => header::is_guessed(rows, &self.dialect, self.options)?,
        };
        let counts: Vec<usize> = rows.iter().map(Vec::len).collect();
        let usual = detect::usual(&counts);
        if top.len() < usual && rows.len() > 1 && !self.options.csv.null_padding && !self.options.read.ignore_errors {
            return Err(short_beginning(first, &self.dialect, top.len(), usual));
        }
        // A delimiter at the end of the header, and of no record.
        let ends_empty = top.last().is_some_and(|last| last.text.is_empty() && !last.quoted);
        let given = self.columns.expected().map(|given| given.fields().len());
        let count = match ends_empty && (given == Some(top.len() - 1) || has_header && usual + 1 == top.len()) {
            true => top.len() - 1,
            false if self.options.csv.null_padding => top.len().max(usual),
            false => top.len(),
        };
        let mut found: Vec<String> = top.iter().take(count).map(|value| value.text.trim().to_owned()).collect();
        found.resize(count, String::new());
        self.names = match has_header {
            true => names::of_header(&found, self.options.csv.normalize_names),
            false => (0..count).map(|at| names::numbered(at, count)).collect(),
        };
        self.header = match has_header {
            true if self.renames() => Header::Skipped,
            true => Header::Names(found),
            false => Header::None,
        };
        self.rename(count, &first.chunk)?;
        let delimiter = self.dialect.delimiter;
        self.guesses = (0..count).map(|at| self.guess(at, delimiter)).collect::<Result<_>>()?;
        Ok(count)
    }

    /// Whether columns have other names than the header's.
    fn renames(&self) -> bool {
        !self.options.csv.names.is_empty() || matches!(self.columns, Columns::InOrder(_))
    }

    /// Gives columns the names that are told.
    fn rename(&mut self, count: usize, chunk: &Chunk) -> Result<()> {
        let told = match &self.columns {
            Columns::InOrder(schema) => schema.fields().iter().map(|field| field.name().clone()).collect(),
            _ => self.options.csv.names.clone(),
        };
        let all = matches!(self.columns, Columns::InOrder(_));
        let padded = all && self.options.csv.null_padding && told.len() > count;
        if told.len() > count && !padded || (all && told.len() < count) {
            return Err(chunk.error(0, format!(": there are {count} values, and {} names of columns", told.len())).with_hint(format!(
                "the delimiter is taken to be '{}'; delim = ';' tells another one",
                char::from(self.dialect.delimiter).escape_default()
            )));
        }
        told.into_iter().zip(&mut self.names).for_each(|(told, name)| *name = told);
        match names::of_header(&self.names, false) == self.names {
            true => Ok(()),
            false => {
                Err(Error::invalid(format!("the columns of '{}' would have the same name twice: {}", chunk.name, self.names.join(", "))))
            }
        }
    }

    /// The type that is told for a column.
    fn told_type(&self, at: usize) -> Option<&Field> {
        let read = &self.options.read;
        let name = self.names.get(at)?;
        let named = read.named_types.iter().find(|field| field.name() == name);
        let named = named.or_else(|| read.named_types.iter().find(|field| field.name().eq_ignore_ascii_case(name)));
        named.or_else(|| read.types.get(at))
    }

    /// The column that is given for a column of the files.
    fn given(&self, at: usize) -> Option<Field> {
        match &self.columns {
            Columns::Inferred => self.told_type(at).map(|field| field.clone().with_name(self.names[at].clone())),
            Columns::InOrder(schema) => schema.fields().get(at).map(|field| field.as_ref().clone()),
            Columns::Given(schema) => Some(match self.is_by_position(schema) {
                true => schema.fields().get(at).map_or_else(|| given_field(schema, &self.names[at]), |field| field.as_ref().clone()),
                false => given_field(schema, &self.names[at]),
            }),
        }
    }

    /// Whether a table's columns are those of the files in order: there are no names, or none that the table knows.
    fn is_by_position(&self, given: &Schema) -> bool {
        let is_known = |name: &String| given.fields().iter().any(|field| field.name().eq_ignore_ascii_case(name));
        match &self.header {
            Header::None => true,
            Header::Names(names) => names.len() == given.fields().len() && !names.iter().any(is_known),
            Header::Skipped => !self.names.iter().any(is_known),
        }
    }

    fn guess(&self, at: usize, delimiter: u8) -> Result<Guess> {
        match self.given(at) {
            Some(field) => Guess::of(field.data_type(), self.options, delimiter),
            None => Guess::any(self.options, delimiter),
        }
    }

    /// Looks at rows; `positions` are those of the columns in the file.
    pub(super) fn look(&mut self, rows: &[Vec<Text>], positions: Option<&[Option<usize>]>) {
        let most = match self.options.read.sample_rows {
            Some(Some(told)) => told.max(1),
            _ => rows.len(),
        };
        let rows = &rows[..rows.len().min(most)];
        for (at, guess) in self.guesses.iter_mut().enumerate() {
            let position = positions.map_or(Some(at), |positions| positions.get(at).copied().flatten());
            let Some(position) = position else { continue };
            let values = rows.iter().filter_map(|row| row.get(position));
            let texts: Vec<&str> = values
                .filter(|value| value.quoted || !self.dialect.is_null(value.text.as_bytes()))
                .map(|value| value.text.as_str())
                .collect();
            guess.look(&texts);
        }
    }

    /// Looks at the beginning of another file.
    pub(super) fn add(&mut self, sample: &Sample) -> Result<()> {
        let Some((top, rest)) = sample.rows.split_first() else { return Ok(()) };
        let Header::Names(known) = &self.header else {
            let from = usize::from(self.header != Header::None);
            self.look(&sample.rows[from..], None);
            return Ok(());
        };
        let found: Vec<String> = top.iter().map(|value| value.text.trim().to_owned()).collect();
        if self.is_union() {
            let new: Vec<String> =
                found.iter().filter(|name| !known.iter().any(|other| other.eq_ignore_ascii_case(name))).cloned().collect();
            let mut all = known.clone();
            all.extend(new);
            self.names = names::of_header(&all, self.options.csv.normalize_names);
            for at in self.guesses.len()..all.len() {
                let guess = self.guess(at, self.dialect.delimiter)?;
                self.guesses.push(guess);
            }
            self.header = Header::Names(all);
        }
        let Header::Names(known) = &self.header else { return Ok(()) };
        let positions: Vec<Option<usize>> =
            known.iter().map(|name| found.iter().position(|other| other.eq_ignore_ascii_case(name))).collect();
        self.look(rest, Some(&positions));
        Ok(())
    }

    /// Looks at places all over a file. A place within quotes looks like nothing that fits, and is left out.
    pub(super) async fn look_around(&mut self, file: &File, count: usize) -> Result<()> {
        let size = file.meta.size;
        let from = SAMPLE_BYTES as u64;
        let step = (size.saturating_sub(from) / SPOTS).max(SPOT_BYTES);
        // The last one is the file's end.
        let starts =
            (1..=SPOTS).map(|spot| (from + spot * step).min(size).saturating_sub(SPOT_BYTES).max(from)).filter(|start| *start < size);
        let ranges: Vec<_> = starts.map(|start| start..(start + SPOT_BYTES).min(size)).collect();
        let mut spots = stream::iter(ranges).map(|range| source::range(file, range)).buffered(AHEAD);
        while let Some(bytes) = spots.try_next().await? {
            let (Some(first), Some(last)) = (memchr(b'\n', &bytes), memrchr(b'\n', &bytes)) else { continue };
            let chunk = Chunk::beginning(&file.name, bytes.slice(first + 1..last + 1));
            let mut rows = Vec::new();
            let (mut spans, mut at) = (Vec::new(), 0);
            let whole = loop {
                match records::next(&chunk.bytes, &self.dialect, at, Blank::Skipped, &mut spans) {
                    Ok(None) => break true,
                    Ok(Some((_, next))) if spans.len() == count => at = next,
                    _ => break false,
                }
                rows.push(records::texts(&chunk, &self.dialect, &spans));
            };
            if whole {
                self.look(&rows, None);
            }
        }
        Ok(())
    }

    /// How records are read, by what is known now.
    pub(super) fn records(&self, count: usize) -> Result<CsvRecords> {
        let options = self.options;
        if let Some(unknown) =
            options.read.named_types.iter().find(|field| !self.names.iter().any(|name| name.eq_ignore_ascii_case(field.name())))
        {
            return Err(Error::invalid(format!("there is no column '{}' to give a type", unknown.name()))
                .with_hint(format!("the columns are {}", self.names.join(", "))));
        }
        let comma = self.guesses.iter().any(Guess::has_comma);
        let (mut fields, mut readings) = (Vec::new(), Vec::new());
        for (at, guess) in self.guesses.iter().enumerate() {
            let (data_type, reading) = guess.outcome(comma);
            let field = self.given(at).filter(|field| !field.data_type().is_null());
            fields.push(field.unwrap_or_else(|| Field::new(&self.names[at], data_type, true)));
            readings.push(self.told_reading(reading, fields.last().map(Field::data_type))?);
        }
        // Columns that are told, and that no file has.
        if let Columns::InOrder(given) = &self.columns {
            for field in given.fields().iter().skip(fields.len()) {
                fields.push(field.as_ref().clone());
                readings.push(self.told_reading(Reading::default(), Some(field.data_type()))?);
            }
        }
        self.check_given(count, &fields)?;
        let never_null = fields.iter().map(|field| options.csv.force_not_null.iter().any(|name| name.eq_ignore_ascii_case(field.name())));
        let rows = match options.read.sample_rows {
            None => "the beginning of the files and some places in them".to_owned(),
            Some(Some(rows)) => format!("the first {rows} rows"),
            Some(None) => "all rows".to_owned(),
        };
        Ok(CsvRecords {
            dialect: self.dialect.clone(),
            skip: options.csv.skip,
            header: self.header.clone(),
            never_null: never_null.collect(),
            columns: fields.len(),
            schema: Arc::new(Schema::new(fields)),
            readings,
            guessed_from: matches!(self.columns, Columns::Inferred).then_some(rows),
            null_padding: options.csv.null_padding,
            union_by_name: options.read.union_by_name,
            longest: options.csv.longest_line.unwrap_or(LONGEST_RECORD),
        })
    }

    /// How a column is read: as is told, else as was guessed.
    fn told_reading(&self, guessed: Reading, data_type: Option<&DataType>) -> Result<Reading> {
        let told = match data_type {
            Some(DataType::Date32) => &self.options.date_format,
            Some(DataType::Timestamp(..)) => &self.options.timestamp_format,
            _ => &None,
        };
        let told = told.as_deref().map(crate::files::moments::Format::new).transpose()?;
        Ok(Reading {
            format: told.or(guessed.format),
            decimal: self.options.csv.decimal.unwrap_or(guessed.decimal),
            thousands: self.options.csv.thousands.or(guessed.thousands),
        })
    }

    /// A table's columns must all have a place, and no more.
    fn check_given(&self, count: usize, fields: &[Field]) -> Result<()> {
        let Columns::Given(given) = &self.columns else { return Ok(()) };
        let (wanted, found) = (given.fields().len(), fields.len());
        if self.header != Header::None || found == wanted {
            return Ok(());
        }
        Err(Error::invalid(format!("line 1: there are {count} values, and {wanted} columns to put them into")).with_hint(format!(
            "the delimiter is taken to be '{}'; (DELIMITER ';') names another, COPY t (a, b) FROM names the columns",
            char::from(self.dialect.delimiter).escape_default()
        )))
    }

    /// A file without records has no rows. Its columns are those that are given; else one, of text, as in DuckDB.
    pub(super) fn empty(&self, name: &str) -> Result<CsvRecords> {
        let schema: SchemaRef = match &self.columns {
            Columns::Given(_) if self.options.csv.header == Some(true) => {
                return Err(Error::invalid(format!("file '{name}' is empty: it has no header")));
            }
            Columns::Given(schema) | Columns::InOrder(schema) => Arc::clone(schema),
            Columns::Inferred => Arc::new(Schema::new(vec![Field::new(names::numbered(0, 1), DataType::Utf8View, true)])),
        };
        let count = schema.fields().len();
        Ok(CsvRecords {
            dialect: self.dialect.clone(),
            skip: self.options.csv.skip,
            header: Header::None,
            schema,
            readings: vec![Reading::default(); count],
            never_null: vec![false; count],
            columns: count,
            guessed_from: None,
            null_padding: false,
            union_by_name: false,
            longest: LONGEST_RECORD,
        })
    }
}

/// The error for lines at the beginning that are shorter than what follows.
fn short_beginning(sample: &Sample, dialect: &Dialect, found: usize, usual: usize) -> Error {
    let (mut spans, mut at) = (Vec::new(), 0);
    let mut first = None;
    while let Ok(Some((start, next))) = records::next(&sample.chunk.bytes, dialect, at, Blank::Skipped, &mut spans) {
        if spans.len() == usual {
            first = Some(sample.chunk.line(start) - 1);
            break;
        }
        at = next;
    }
    let skip = first.unwrap_or(1);
    sample.chunk.error(0, format!(": there are {found} values, and {usual} in most lines below")).with_hint(format!(
        "skip = {skip} leaves out the lines before the records, null_padding = true fills up short records with NULL; the delimiter is taken to be '{}'",
        char::from(dialect.delimiter).escape_default()
    ))
}
