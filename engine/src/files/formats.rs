//! Formats and compressions of files, by name and by the end of a path.

use datafusion::datasource::file_format::file_compression_type::FileCompressionType;

use crate::error::{Error, Result};

/// A file's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileFormat {
    Parquet,
    Csv,
    /// One JSON object a line.
    Json,
    /// Arrow IPC.
    Arrow,
}

/// How a text file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Compression {
    #[default]
    None,
    Gzip,
    Zstd,
    Bzip2,
    Xz,
}

impl FileFormat {
    /// By name, as in `FORMAT csv`.
    pub(crate) fn from_name(name: &str) -> Result<Self> {
        match name.to_ascii_lowercase().as_str() {
            "parquet" => Ok(Self::Parquet),
            "csv" | "tsv" | "text" => Ok(Self::Csv),
            "json" | "jsonl" | "ndjson" => Ok(Self::Json),
            "arrow" | "ipc" | "feather" => Ok(Self::Arrow),
            _ => {
                Err(Error::unsupported(format!("the format '{name}' is not supported")).with_hint("there are parquet, csv, json and arrow"))
            }
        }
    }

    /// By the end of a path, before that of a compression.
    pub(crate) fn from_path(path: &str) -> Option<Self> {
        let (path, _) = Compression::split(path);
        let end = path.rsplit('/').next()?.rsplit_once('.')?.1;
        match end.to_ascii_lowercase().as_str() {
            "parquet" | "pq" => Some(Self::Parquet),
            "csv" | "tsv" | "tbl" | "txt" => Some(Self::Csv),
            "json" | "jsonl" | "ndjson" => Some(Self::Json),
            "arrow" | "ipc" | "feather" | "arrows" => Some(Self::Arrow),
            _ => None,
        }
    }

    /// Its name, as in `FORMAT csv`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Arrow => "arrow",
        }
    }

    /// What the names of its files end with.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Csv => "csv",
            Self::Json => "jsonl",
            Self::Arrow => "arrow",
        }
    }
}

impl Compression {
    /// By name, as in `COMPRESSION gzip`.
    pub(crate) fn from_name(name: &str) -> Result<Self> {
        match name.to_ascii_lowercase().as_str() {
            "none" | "uncompressed" => Ok(Self::None),
            "gzip" | "gz" => Ok(Self::Gzip),
            "zstd" | "zst" => Ok(Self::Zstd),
            "bzip2" | "bz2" => Ok(Self::Bzip2),
            "xz" => Ok(Self::Xz),
            _ => Err(Error::unsupported(format!("the compression '{name}' is not supported for text"))
                .with_hint("there are none, gzip, zstd, bzip2 and xz")),
        }
    }

    /// By the end of a path.
    pub(crate) fn from_path(path: &str) -> Self {
        Self::split(path).1
    }

    /// A path without the end that names a compression.
    fn split(path: &str) -> (&str, Self) {
        for (end, compression) in [
            (".gz", Self::Gzip),
            (".gzip", Self::Gzip),
            (".zst", Self::Zstd),
            (".zstd", Self::Zstd),
            (".bz2", Self::Bzip2),
            (".xz", Self::Xz),
        ] {
            if path.len() > end.len()
                && path.is_char_boundary(path.len() - end.len())
                && path[path.len() - end.len()..].eq_ignore_ascii_case(end)
            {
                return (&path[..path.len() - end.len()], compression);
            }
        }
        (path, Self::None)
    }

    /// As DataFusion knows it.
    pub(crate) fn datafusion(self) -> FileCompressionType {
        match self {
            Self::None => FileCompressionType::UNCOMPRESSED,
            Self::Gzip => FileCompressionType::GZIP,
            Self::Zstd => FileCompressionType::ZSTD,
            Self::Bzip2 => FileCompressionType::BZIP2,
            Self::Xz => FileCompressionType::XZ,
        }
    }

    /// What the names of its files end with.
    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Zstd => ".zst",
            Self::Bzip2 => ".bz2",
            Self::Xz => ".xz",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_tell_format_and_compression() {
        for (path, format, compression) in [
            ("a/b.parquet", Some(FileFormat::Parquet), Compression::None),
            ("s3://b/x/*.CSV.gz", Some(FileFormat::Csv), Compression::Gzip),
            ("x.ndjson.zst", Some(FileFormat::Json), Compression::Zstd),
            ("x.tbl", Some(FileFormat::Csv), Compression::None),
            ("a.csv/part-0", None, Compression::None),
            ("naïve.arrow", Some(FileFormat::Arrow), Compression::None),
            ("gz", None, Compression::None),
        ] {
            assert_eq!((FileFormat::from_path(path), Compression::from_path(path)), (format, compression), "{path}");
        }
    }
}
