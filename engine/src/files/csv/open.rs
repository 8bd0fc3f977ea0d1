//! Opens CSV files: looks at samples of them, and finds out how they are written and what their columns are.
//!
//! More of the files is looked at than others look at: the beginning of up to 32 files, and places all over large files that are not compressed. So a value
//! that makes a column text is found more often before the query runs than while it runs.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};

use super::dialect::Dialect;
use super::opening::Opening;
use super::records::{self, Blank, Text};
use super::{CsvRecords, Header, detect, quotes};
use crate::error::{Error, Result};
use crate::files::encoding::Encoding;
use crate::files::listing::File;
use crate::files::rejects::Refusals;
use crate::files::split::{Chunk, Input, Splitter};
use crate::files::{Columns, Compression, Files, Options, source};

/// Rows of a beginning that are looked at: as many as DuckDB looks at.
const SAMPLE_ROWS: usize = 20_480;

/// How much of the first file is looked at: what one request brings.
pub(super) const SAMPLE_BYTES: usize = 4 * 1024 * 1024;

/// Files whose beginning is looked at, and how much of each beside the first.
const SAMPLE_FILES: usize = 32;
const MORE_BYTES: usize = 256 * 1024;

/// Requests under way at a time.
pub(super) const AHEAD: usize = 8;

/// CSV files, opened: how they are written and their columns are known.
#[derive(Debug)]
pub(in crate::files) struct Csv {
    pub(super) files: Files,
    pub(super) compression: Option<Compression>,
    pub(super) encoding: Option<Encoding>,
    pub(super) records: CsvRecords,
    pub(super) refusals: Option<Refusals>,
}

/// The beginning of a file, in whole records.
pub(super) struct Sample {
    pub(super) chunk: Chunk,
    pub(super) rows: Vec<Vec<Text>>,
    encoding: Encoding,
    all: bool,
}

impl Csv {
    /// Looks into the files.
    pub(in crate::files) async fn open(files: Files, options: &Options, columns: Columns, refusals: Option<Refusals>) -> Result<Self> {
        let compression = options.told_compression()?;
        let look = async |file: &File, bytes: usize| {
            let beginning = source::beginning(file, compression, options.read.encoding, bytes).await?;
            let chunk = Chunk::beginning(&file.name, beginning.bytes).without_lines(options.csv.skip);
            Ok::<_, Error>((chunk, beginning.all, beginning.encoding))
        };
        // The first file with a record tells how they are written.
        let mut first = None;
        for file in files.files.iter().take(SAMPLE_FILES) {
            let found = look(file, SAMPLE_BYTES).await?;
            let is_blank = found.0.bytes.trim_ascii().is_empty();
            first = Some(found);
            if !is_blank {
                break;
            }
        }
        let (chunk, all, encoding) = first.ok_or_else(|| Error::internal("no files"))?;
        let expected = columns.expected().map(|schema| schema.fields().len());
        let dialect = detect::dialect(options, &chunk.name, &chunk.bytes, expected, all);
        let first = sample(chunk, &dialect, all, encoding)?;
        let mut opening = Opening::new(options, columns, dialect);
        if first.rows.is_empty() {
            let records = opening.empty(&first.chunk.name)?;
            return Ok(Self { files, compression, encoding: options.read.encoding, records, refusals });
        }
        let count = opening.begin(&first)?;
        opening.look(&first.rows[usize::from(opening.header != Header::None)..], None);
        // Others, and what comes further on in this one.
        let name = Arc::clone(&first.chunk.name);
        let wanted = if opening.is_union() { usize::MAX } else { SAMPLE_FILES };
        let more: Vec<File> = files.files.iter().filter(|file| *file.name != *name).take(wanted.saturating_sub(1)).cloned().collect();
        let mut samples = stream::iter(more).map(|file| async move { look(&file, MORE_BYTES).await }).buffered(AHEAD);
        while let Some((chunk, all, encoding)) = samples.try_next().await? {
            opening.add(&sample(chunk, &opening.dialect, all, encoding)?)?;
        }
        drop(samples);
        if opening.guesses_types() && !first.all && first.encoding == Encoding::UTF_8 {
            let file = files.files.iter().find(|file| *file.name == *name);
            if let Some(file) =
                file.filter(|file| compression.unwrap_or_else(|| Compression::from_path(file.meta.location.as_ref())) == Compression::None)
            {
                opening.look_around(file, count).await?;
            }
        }
        let records = opening.records(count)?;
        let mut csv = Self { files, compression, encoding: options.read.encoding, records, refusals };
        if let Some(rows) = opening.options.read.sample_rows.filter(|rows| rows.is_none_or(|rows| rows > SAMPLE_ROWS)) {
            csv = csv.look_further(&mut opening, rows, count).await?;
        }
        Ok(csv)
    }

    /// Reads files from their beginning, for as many rows as are to be looked at.
    async fn look_further(self, opening: &mut Opening<'_>, rows: Option<usize>, count: usize) -> Result<Self> {
        if !opening.guesses_types() {
            return Ok(self);
        }
        let Self { files, compression, encoding, records, refusals } = self;
        let input = Input { files: files.clone(), compression, encoding, records: Box::new(records), refusals: None };
        let mut splitter = Splitter::new(Arc::new(input), true);
        let mut seen = 0;
        while rows.is_none_or(|rows| seen < rows)
            && let Some(chunk) = splitter.next().await?
        {
            let found = records::sample(&chunk, &opening.dialect, rows.map_or(usize::MAX, |rows| rows - seen));
            seen += found.len();
            opening.look(&found, chunk.layout.as_ref().map(|layout| layout.positions.as_ref()));
        }
        Ok(Self { files, compression, encoding, records: opening.records(count)?, refusals })
    }
}

/// A beginning in whole records, and its rows.
fn sample(chunk: Chunk, dialect: &Dialect, all: bool, encoding: Encoding) -> Result<Sample> {
    let chunk = match (all, quotes::last_record_end(&chunk.bytes, dialect)) {
        // One record without a line end: all there is.
        (true, _) | (_, 0) => chunk,
        (false, end) => Chunk { bytes: chunk.bytes.slice(..end), ..chunk },
    };
    let rows = records::sample(&chunk, dialect, SAMPLE_ROWS);
    if rows.is_empty() {
        records::next(&chunk.bytes, dialect, 0, Blank::Skipped, &mut Vec::new()).map_err(|broken| broken.error(&chunk))?;
    }
    Ok(Sample { chunk, rows, encoding, all })
}
