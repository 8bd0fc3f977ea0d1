//! Makes a batch of a chunk.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringViewBuilder, new_null_array};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Field, SchemaRef};

use super::CsvRecords;
use super::reading::Reading;
use super::records::{self, Blank, Broken, Span};
use crate::error::{Error, Result};
use crate::files::split::Chunk;
use crate::files::typed::{BadRows, at_column, cannot_read, nullable, typed};

/// One column as it is read.
struct Column<'a> {
    field: &'a Field,
    reading: &'a Reading,
    /// Its position in the file; none if the file does not have it.
    position: Option<usize>,
    /// Whether every text is a value, blanks and the empty one too. One in quotes is never NULL then; of other types it cannot be anything else.
    is_verbatim: bool,
    never_null: bool,
    block: u32,
    builder: StringViewBuilder,
}

/// Makes a batch of a chunk: the columns that are wanted, by position in the table.
pub(super) fn decode(csv: &CsvRecords, chunk: &Chunk, projection: &[usize], schema: &SchemaRef) -> Result<RecordBatch> {
    let (mut columns, count) = open_columns(csv, chunk, projection);
    let (mut bad, mut lines) = (BadRows::default(), Vec::new());
    let (mut spans, mut at) = (Vec::new(), 0);
    let blank = if count == 1 { Blank::Record } else { Blank::Skipped };
    loop {
        let (start, end) = match records::next(&chunk.bytes, &csv.dialect, at, blank, &mut spans) {
            Ok(Some(found)) => found,
            Ok(None) => break,
            Err(broken) => {
                at = refuse_line(csv, chunk, broken)?;
                continue;
            }
        };
        at = end;
        if let Some(message) = wrong_count(csv, &spans, count) {
            let error = chunk.error(start, format!(": {message}"));
            match &chunk.refusals {
                Some(refusals) => refusals.note(&chunk.name, chunk.line(start), None, message, &chunk.bytes[start..end]),
                None => return Err(error.with_hint(COUNT_HINT)),
            }
            continue;
        }
        for column in columns.iter_mut().filter(|column| column.position.is_some()) {
            let span = column.position.and_then(|position| spans.get(position)).copied();
            if let Err(message) = column.append(csv, chunk, span) {
                if chunk.refusals.is_none() {
                    return Err(at_column(chunk, start, column.field, &message).with_hint(hint(csv, column.field)));
                }
                bad.add(lines.len(), column.field, message);
                column.builder.append_null();
            }
        }
        lines.push((start, end));
    }
    let mut arrays = Vec::with_capacity(columns.len());
    for column in columns {
        arrays.push(column.finish(csv, chunk, &lines, &mut bad)?);
    }
    finish(csv, chunk, (projection, schema), arrays, &lines, bad)
}

const COUNT_HINT: &str = "null_padding = true fills up short records with NULL, ignore_errors = true leaves out records that do not fit; is the delimiter \
                          another one, or do lines stand before the records (skip = 2)?";

/// The columns that are read, and how many the file has. Where lines may be refused all are read: whether one is does not depend on what is asked for.
fn open_columns<'a>(csv: &'a CsvRecords, chunk: &Chunk, projection: &[usize]) -> (Vec<Column<'a>>, usize) {
    let buffer = Buffer::from(chunk.bytes.clone());
    let all: Vec<usize> = (0..csv.schema.fields().len()).collect();
    let read = if chunk.refusals.is_some() { &all } else { projection };
    let columns = read.iter().map(|at| {
        let field = csv.schema.field(*at);
        let mut builder = StringViewBuilder::new();
        let block = builder.append_block(buffer.clone());
        Column {
            field,
            reading: &csv.readings[*at],
            position: match &chunk.layout {
                None => Some(*at),
                Some(layout) => layout.positions[*at],
            },
            is_verbatim: matches!(field.data_type(), DataType::Utf8View | DataType::BinaryView),
            never_null: csv.never_null[*at],
            block,
            builder,
        }
    });
    (columns.collect(), chunk.layout.as_ref().map_or(csv.columns, |layout| layout.count))
}

/// Leaves out a line that cannot be read, if that may be.
fn refuse_line(csv: &CsvRecords, chunk: &Chunk, broken: Broken) -> Result<usize> {
    let error = broken.error(chunk);
    let Some(refusals) = &chunk.refusals else { return Err(error) };
    let end = csv.dialect.line_after(&chunk.bytes, broken.start);
    let message = error.message().split_once(": ").map_or(error.message(), |(_, message)| message);
    refusals.note(&chunk.name, chunk.line(broken.start), None, message.to_owned(), &chunk.bytes[broken.start..end]);
    Ok(end)
}

/// A record has as many values as there are columns. A delimiter at the end of the line, as some programs write it, is no value.
fn wrong_count(csv: &CsvRecords, spans: &[Span], columns: usize) -> Option<String> {
    let found = spans.len();
    let trailing = found == columns + 1 && spans.last().is_some_and(|last| last.start == last.end && !last.quoted);
    let padded = found < columns && csv.null_padding;
    let cut = found > columns && csv.dialect.lenient;
    let right = found == columns || trailing || padded || cut;
    (!right).then(|| format!("there are {found} values, and {columns} columns"))
}

fn hint(csv: &CsvRecords, field: &Field) -> Cow<'static, str> {
    let name = field.name().replace('\'', "''");
    match &csv.guessed_from {
        Some(looked_at) => format!(
            "the type was guessed from {looked_at}: types = {{'{name}': 'VARCHAR'}} reads the column as text, sample_size = -1 looks at all \
             rows first, ignore_errors = true leaves such lines out"
        )
        .into(),
        None => "(HEADER) skips a first line of names, (NULL 'text') names what stands for NULL, (IGNORE_ERRORS) leaves such lines out".into(),
    }
}

impl Column<'_> {
    fn append(&mut self, csv: &CsvRecords, chunk: &Chunk, span: Option<Span>) -> std::result::Result<(), String> {
        let data = chunk.bytes.as_ref();
        // A record that is too short.
        let Some(mut span) = span else {
            self.builder.append_null();
            return Ok(());
        };
        if !self.is_verbatim {
            while span.start < span.end && data[span.start] == b' ' {
                span.start += 1;
            }
            while span.start < span.end && data[span.end - 1] == b' ' {
                span.end -= 1;
            }
        }
        let may_be_null = !span.quoted || !self.is_verbatim;
        if may_be_null && !self.never_null && csv.dialect.is_null(&data[span.start..span.end]) {
            self.builder.append_null();
            return Ok(());
        }
        // An empty text is no number, whatever stands for NULL.
        if !self.is_verbatim && span.start == span.end {
            self.builder.append_null();
            return Ok(());
        }
        let text = records::unescaped(data, span, &csv.dialect);
        if self.reading.is_plain(self.field.data_type())
            && let Cow::Borrowed(_) = &text
            && let (Ok(start), Ok(length)) = (u32::try_from(span.start), u32::try_from(span.end - span.start))
        {
            return self.builder.try_append_view(self.block, start, length).map_err(|_| NO_UTF8.to_owned());
        }
        let text = std::str::from_utf8(&text).map_err(|_| NO_UTF8.to_owned())?;
        match self.reading.sql(text, self.field.data_type()) {
            Some(sql) => {
                self.builder.append_value(sql);
                Ok(())
            }
            None => Err(match &self.reading.format {
                Some(format) => format!("{} in the format '{}'", cannot_read(text, self.field), format.text()),
                None => cannot_read(text, self.field),
            }),
        }
    }

    fn finish(mut self, csv: &CsvRecords, chunk: &Chunk, lines: &[(usize, usize)], bad: &mut BadRows) -> Result<ArrayRef> {
        if self.position.is_none() {
            return match self.field.is_nullable() {
                true => Ok(new_null_array(self.field.data_type(), lines.len())),
                false => Err(Error::invalid(format!("file '{}' has no column '{}', which is NOT NULL", chunk.name, self.field.name()))),
            };
        }
        let texts: ArrayRef = Arc::new(self.builder.finish());
        typed(chunk, |row| lines[row].0, &texts, self.field, &hint(csv, self.field), bad)
    }
}

const NO_UTF8: &str = "the value is not UTF-8 (encoding = 'latin1' or another name tells how the file is encoded)";

/// The batch of the columns that are wanted, without the rows that are refused.
fn finish(
    csv: &CsvRecords,
    chunk: &Chunk,
    (projection, schema): (&[usize], &SchemaRef),
    arrays: Vec<ArrayRef>,
    lines: &[(usize, usize)],
    bad: BadRows,
) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(lines.len()));
    if chunk.refusals.is_none() {
        return Ok(RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options)?);
    }
    let all = RecordBatch::try_new_with_options(nullable(&csv.schema), arrays, &options)?;
    let kept = bad.refused(chunk, lines, all)?;
    let arrays = projection.iter().map(|at| Arc::clone(kept.column(*at))).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(kept.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options)?)
}
