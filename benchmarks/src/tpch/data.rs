//! TPC-H's tables as files: made in process, streamed to disk, and kept for the next run.
//!
//! A folder `sf<scale>-<format>` holds one file a table. Each file is written under another name and renamed when it is whole,
//! so a file that is there is complete; an interrupted run leaves nothing that a later one would take for data.
//! Memory stays at a row group a thread.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::tables::Batches;
use super::{TABLES, Table};
use crate::error::{Context, Error, Result};

/// Rows in a row group: what DuckDB itself writes, so that its scan has as many pieces to share among threads as it is made for.
const ROW_GROUP_ROWS: usize = 122_880;

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

    fn name(self) -> &'static str {
        match self {
            Self::ParquetSnappy => "parquet-snappy",
            Self::ParquetZstd => "parquet-zstd",
            Self::Csv => "csv",
        }
    }
}

/// A folder of TPC-H files.
#[derive(Debug, Clone)]
pub struct Data {
    /// The folder.
    pub folder: PathBuf,
    /// How its files are written.
    pub format: Format,
    /// The scale factor.
    pub scale: f64,
}

impl Data {
    /// The file of a table.
    pub fn file(&self, table: Table) -> PathBuf {
        self.folder.join(format!("{}.{}", table.name(), self.format.extension()))
    }

    /// Bytes of some tables' files.
    ///
    /// # Errors
    /// When a file cannot be looked at.
    pub fn bytes(&self, tables: &[Table]) -> Result<u64> {
        tables.iter().map(|table| Ok(fs::metadata(self.file(*table)).context(self.file(*table).display())?.len())).sum()
    }
}

/// Makes what is missing of the tables' files below `root`, on so many threads.
///
/// # Errors
/// For a scale that is not positive, and when a file cannot be written.
pub fn prepare(root: &Path, scale: f64, format: Format, tables: &[Table], threads: usize) -> Result<Data> {
    if !(scale > 0.0 && scale.is_finite()) {
        return Err(Error::new(format!("the scale factor must be a positive number, not {scale}")));
    }
    let folder = root.join(format!("sf{scale}-{}", format.name()));
    fs::create_dir_all(&folder).context(format!("making the folder {}", folder.display()))?;
    let folder = folder.canonicalize().context(folder.display())?;
    let data = Data { folder, format, scale };
    // Big tables first, so that no thread is left alone with the biggest at the end.
    let missing: Mutex<Vec<Table>> =
        Mutex::new(TABLES.into_iter().filter(|table| tables.contains(table) && !data.file(*table).exists()).collect());
    let next = || missing.lock().ok().and_then(|mut missing| missing.pop());
    std::thread::scope(|scope| {
        let work = || -> Result<()> {
            while let Some(table) = next() {
                eprintln!("making {} at scale {scale} …", data.file(table).display());
                write(&data, table).context(format!("writing {}", data.file(table).display()))?;
            }
            Ok(())
        };
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| Error::new("a thread that makes data panicked"))?)
    })?;
    Ok(data)
}

fn write(data: &Data, table: Table) -> Result<()> {
    let path = data.file(table);
    let partial = path.with_extension("partial");
    let file = BufWriter::with_capacity(1 << 20, File::create(&partial)?);
    let batches = table.generate(data.scale, 1, 1);
    let file = match data.format {
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
    file.flush()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    #[test]
    fn writes_every_format_once() -> Result<()> {
        let root = tempfile::tempdir()?;
        let tables = [Table::Supplier, Table::Nation];
        for format in [Format::ParquetSnappy, Format::ParquetZstd, Format::Csv] {
            let data = prepare(root.path(), 0.01, format, &tables, 2)?;
            let bytes = fs::read(data.file(Table::Supplier))?;
            if format == Format::Csv {
                assert_eq!(String::from_utf8_lossy(&bytes).lines().count(), 101);
            } else {
                let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes))?;
                assert_eq!(reader.metadata().file_metadata().num_rows(), 100);
            }
            assert!(data.bytes(&tables)? > 0);
            fs::write(data.file(Table::Nation), "kept")?;
            let again = prepare(root.path(), 0.01, format, &tables, 1)?;
            assert_eq!(fs::read(again.file(Table::Nation))?, b"kept");
            assert_eq!(fs::read_dir(&again.folder)?.count(), 2);
        }
        Ok(())
    }

    #[test]
    fn refuses_a_scale_of_nothing() {
        assert!(prepare(Path::new("unused"), 0.0, Format::Csv, &TABLES, 1).is_err());
        assert!(prepare(Path::new("unused"), f64::NAN, Format::Csv, &TABLES, 1).is_err());
    }
}
