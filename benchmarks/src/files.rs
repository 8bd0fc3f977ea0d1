//! Files of source data: written under another name and renamed when they are whole, so that a file that is there is complete.
//!
//! An interrupted run leaves nothing that a later one would take for data. Memory stays at a row group a thread.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;
use std::sync::Mutex;

use arrow::array::RecordBatchReader;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::error::{Context, Error, Result};

/// Rows in a row group: what DuckDB itself writes, so that its scan has as many pieces to share among threads as it is made for.
const ROW_GROUP_ROWS: usize = 122_880;

/// A generator of batches.
pub type Batches = Box<dyn RecordBatchReader + Send>;

/// How the files are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize)]
pub enum Format {
    /// Parquet, compressed with Snappy: the default of DuckDB, Spark and most other writers.
    ParquetSnappy,
    /// Parquet, compressed with Zstandard, level 3.
    ParquetZstd,
    /// CSV with a header line.
    Csv,
}

impl Format {
    /// The extension of its files.
    pub fn extension(self) -> &'static str {
        match self {
            Self::ParquetSnappy | Self::ParquetZstd => "parquet",
            Self::Csv => "csv",
        }
    }

    /// Its name, as options and folders have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ParquetSnappy => "parquet-snappy",
            Self::ParquetZstd => "parquet-zstd",
            Self::Csv => "csv",
        }
    }
}

/// Writes a generator's rows to a file; the file has its name only when it is whole.
///
/// # Errors
/// Those of the generator and of writing.
pub fn write(path: &Path, format: Format, batches: Batches) -> Result<()> {
    let partial = path.with_extension("partial");
    let file = BufWriter::with_capacity(1 << 20, File::create(&partial).context(partial.display())?);
    let file = match format {
        Format::ParquetSnappy => write_parquet(batches, file, Compression::SNAPPY)?,
        Format::ParquetZstd => write_parquet(batches, file, Compression::ZSTD(ZstdLevel::try_new(3)?))?,
        Format::Csv => write_csv(batches, file)?,
    };
    file.into_inner().map_err(|error| Error::from(error.into_error()))?.sync_all()?;
    fs::rename(partial, path)?;
    Ok(())
}

fn write_parquet(batches: Batches, file: BufWriter<File>, compression: Compression) -> Result<BufWriter<File>> {
    let properties = WriterProperties::builder().set_compression(compression).set_max_row_group_row_count(Some(ROW_GROUP_ROWS)).build();
    let mut writer = ArrowWriter::try_new(file, batches.schema(), Some(properties))?;
    for batch in batches {
        writer.write(&batch?)?;
    }
    Ok(writer.into_inner()?)
}

fn write_csv(batches: Batches, mut file: BufWriter<File>) -> Result<BufWriter<File>> {
    let mut writer = arrow::csv::WriterBuilder::new().with_header(true).build(&mut file);
    for batch in batches {
        writer.write(&batch?)?;
    }
    drop(writer);
    Ok(file)
}

/// Carries out all tasks on so many threads, the last ones of the list first: put the longest there, so that none is left alone at the end.
///
/// # Errors
/// The first error of a task.
pub fn share<T: Send>(tasks: Vec<T>, threads: usize, work: impl Fn(T) -> Result<()> + Sync) -> Result<()> {
    let tasks = Mutex::new(tasks);
    let next = || tasks.lock().ok().and_then(|mut tasks| tasks.pop());
    std::thread::scope(|scope| {
        let work = || -> Result<()> {
            while let Some(task) = next() {
                work(task)?;
            }
            Ok(())
        };
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| Error::new("a thread that makes data panicked"))?)
    })
}
