//! TPC-H's tables as files: made in process, streamed to disk, and kept for the next run.
//!
//! A folder `sf<scale>-<format>` holds one file a table; a file that is there is complete.

use std::fs;
use std::path::{Path, PathBuf};

use super::{TABLES, Table};
use crate::error::{Context, Error, Result};
use crate::files;
pub use crate::files::Format;

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
    // The big tables are the last.
    let missing = TABLES.into_iter().filter(|table| tables.contains(table) && !data.file(*table).exists()).collect();
    files::share(missing, threads, |table| {
        let path = data.file(table);
        eprintln!("making {} at scale {scale} …", path.display());
        files::write(&path, format, table.generate(scale, 1, 1)).context(format!("writing {}", path.display()))
    })?;
    Ok(data)
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
