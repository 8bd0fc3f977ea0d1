//! Options of COPY, in the spellings of PostgreSQL and DuckDB.

use super::{Compression, FileFormat};
use crate::error::{Error, Result};

/// Options of COPY; what is not told is `None`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Options {
    pub(crate) format: Option<FileFormat>,
    pub(crate) header: Option<bool>,
    pub(crate) delimiter: Option<u8>,
    /// Inner `None`: nothing is quoted.
    pub(crate) quote: Option<Option<u8>>,
    pub(crate) escape: Option<u8>,
    /// What stands for NULL in CSV.
    pub(crate) null: Option<String>,
    /// The name of a compression: what there is depends on the format.
    pub(crate) compression: Option<String>,
    pub(crate) compression_level: Option<u32>,
    pub(crate) row_group_size: Option<usize>,
    pub(crate) partition_by: Vec<String>,
}

impl Options {
    /// Takes one option; `values` are the words behind its name.
    pub(crate) fn set(&mut self, name: &str, values: &[String]) -> Result<()> {
        let one = || match values {
            [value] => Ok(value.as_str()),
            _ => Err(Error::invalid(format!("the option {name} takes one value"))),
        };
        match name.to_ascii_lowercase().as_str() {
            "format" => self.format = Some(FileFormat::from_name(one()?)?),
            "header" => {
                self.header = Some(match values {
                    [] => true,
                    _ => boolean(name, one()?)?,
                });
            }
            "delimiter" | "delim" | "sep" => self.delimiter = Some(byte(name, one()?)?),
            "quote" => {
                self.quote = Some(match one()? {
                    "" => None,
                    text => Some(byte(name, text)?),
                });
            }
            "escape" => self.escape = Some(byte(name, one()?)?),
            "null" | "nullstr" => self.null = Some(one()?.to_owned()),
            "compression" | "codec" => self.compression = Some(one()?.to_ascii_lowercase()),
            "compression_level" => self.compression_level = Some(number(name, one()?)?),
            "row_group_size" => self.row_group_size = Some(number(name, one()?)?),
            "partition_by" => self.partition_by = values.to_vec(),
            "encoding" => {
                if !matches!(one()?.to_ascii_lowercase().as_str(), "utf8" | "utf-8") {
                    return Err(Error::unsupported("an encoding other than UTF-8 is not supported")
                        .with_hint("convert the file first, as with iconv"));
                }
            }
            _ => {
                return Err(Error::unsupported(format!("the option {name} of COPY is not supported")).with_hint(
                    "there are FORMAT, HEADER, DELIMITER, QUOTE, ESCAPE, NULL, COMPRESSION, COMPRESSION_LEVEL, ROW_GROUP_SIZE, \
                     PARTITION_BY and ENCODING",
                ));
            }
        }
        Ok(())
    }

    /// The delimiter of a CSV file at a path, if it is told.
    pub(super) fn delimiter_at(&self, path: &str) -> Option<u8> {
        self.delimiter.or_else(|| path.to_ascii_lowercase().contains(".tsv").then_some(b'\t'))
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
}

fn boolean(name: &str, text: &str) -> Result<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "on" | "1" | "yes" => Ok(true),
        "false" | "off" | "0" | "no" => Ok(false),
        _ => Err(Error::invalid(format!("the option {name} is true or false, not '{text}'"))),
    }
}

fn byte(name: &str, text: &str) -> Result<u8> {
    match text.as_bytes() {
        [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r') => Ok(*byte),
        _ if text == "\\t" => Ok(b'\t'),
        _ => Err(Error::invalid(format!("the option {name} is one ASCII character, not '{text}'"))),
    }
}

fn number<T: std::str::FromStr>(name: &str, text: &str) -> Result<T> {
    text.parse().map_err(|_| Error::invalid(format!("the option {name} is a whole number, not '{text}'")))
}
