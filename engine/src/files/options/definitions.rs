//! All options: their names, what they mean something for, and where they go.

use super::given::{Argument, Given};
use super::{Existing, ForceQuote, JsonLayout, Options};
use crate::error::{Error, Result};
use crate::files::FileFormat;
use crate::files::encoding::Encoding;
use crate::nearest::near;

/// What options mean something for: reading or writing files of some formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Use(u16);

impl Use {
    pub(crate) const READ_CSV: Self = Self(1);
    pub(crate) const READ_JSON: Self = Self(1 << 1);
    pub(crate) const READ_PARQUET: Self = Self(1 << 2);
    pub(crate) const READ_ARROW: Self = Self(1 << 3);
    /// Whole files.
    pub(crate) const READ_WHOLE: Self = Self(1 << 4);
    pub(crate) const WRITE_CSV: Self = Self(1 << 5);
    pub(crate) const WRITE_JSON: Self = Self(1 << 6);
    pub(crate) const WRITE_PARQUET: Self = Self(1 << 7);
    pub(crate) const WRITE_ARROW: Self = Self(1 << 8);
    /// The format is not known yet.
    pub(crate) const READ: Self = Self(0b1111);
    pub(crate) const WRITE: Self = Self(0b1_1110_0000);

    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) fn reading(format: FileFormat) -> Self {
        match format {
            FileFormat::Csv => Self::READ_CSV,
            FileFormat::Json => Self::READ_JSON,
            FileFormat::Parquet => Self::READ_PARQUET,
            FileFormat::Arrow => Self::READ_ARROW,
        }
    }

    pub(crate) fn writing(format: FileFormat) -> Self {
        match format {
            FileFormat::Csv => Self::WRITE_CSV,
            FileFormat::Json => Self::WRITE_JSON,
            FileFormat::Parquet => Self::WRITE_PARQUET,
            FileFormat::Arrow => Self::WRITE_ARROW,
        }
    }
}

type Set = fn(&mut Options, &Argument<'_>) -> Result<()>;

/// One option.
pub(super) struct Definition {
    /// Its names; messages use the first.
    names: &'static [&'static str],
    pub(super) uses: Use,
    pub(super) set: Set,
}

impl Definition {
    pub(super) fn name(&self) -> &'static str {
        self.names.first().copied().unwrap_or_default()
    }

    pub(super) fn argument<'a>(&self, name: &'a str, given: Given) -> Argument<'a> {
        Argument { name, given }
    }
}

const CSV: Use = Use::READ_CSV.or(Use::WRITE_CSV);
const TEXT: Use = Use::READ_CSV.or(Use::READ_JSON);
const WRITE_TEXT: Use = Use::WRITE_CSV.or(Use::WRITE_JSON);
const ANY: Use = Use::READ.or(Use::WRITE);

const fn option(names: &'static [&'static str], uses: Use, set: Set) -> Definition {
    Definition { names, uses, set }
}

/// All options. What is accepted without a meaning here says why.
#[rustfmt::skip]
static DEFINITIONS: &[Definition] = &[
    option(&["format"], ANY, set_format),
    option(&["compression", "codec"], ANY, |options, value| { options.compression = Some(value.text()?.to_ascii_lowercase()); Ok(()) }),
    option(&["compression_level"], Use::WRITE, |options, value| { options.write.compression_level = Some(value.number()?); Ok(()) }),
    // How CSV is written.
    option(&["header"], CSV, |options, value| { options.csv.header = Some(value.flag()?); Ok(()) }),
    option(&["delimiter", "delim", "sep"], CSV, |options, value| { options.csv.delimiter = Some(value.sign()?); Ok(()) }),
    option(&["quote"], CSV, |options, value| { options.csv.quote = Some(value.byte()?); Ok(()) }),
    option(&["escape"], CSV, |options, value| { options.csv.escape = value.byte()?; Ok(()) }),
    option(&["nullstr", "null", "na_values"], CSV, |options, value| { options.csv.null = Some(value.texts()?); Ok(()) }),
    option(&["skip"], Use::READ_CSV, |options, value| { options.csv.skip = value.number()?; Ok(()) }),
    option(&["comment"], Use::READ_CSV, |options, value| { options.csv.comment = Some(value.byte()?); Ok(()) }),
    option(&["new_line"], Use::READ_CSV, set_new_line),
    option(&["null_padding"], Use::READ_CSV, |options, value| { options.csv.null_padding = value.flag()?; Ok(()) }),
    option(&["strict_mode"], Use::READ_CSV, |options, value| { options.csv.lenient = !value.flag()?; Ok(()) }),
    option(&["decimal_separator"], Use::READ_CSV, |options, value| { options.csv.decimal = Some(value.sign()?); Ok(()) }),
    option(&["thousands"], Use::READ_CSV, |options, value| { options.csv.thousands = value.byte()?; Ok(()) }),
    option(&["names", "column_names"], Use::READ_CSV, |options, value| { options.csv.names = value.texts()?; Ok(()) }),
    option(&["all_varchar"], Use::READ_CSV, |options, value| { options.csv.all_text = value.flag()?; Ok(()) }),
    option(&["normalize_names"], Use::READ_CSV, |options, value| { options.csv.normalize_names = value.flag()?; Ok(()) }),
    option(&["force_not_null"], Use::READ_CSV, |options, value| { options.csv.force_not_null = value.texts()?; Ok(()) }),
    option(&["auto_type_candidates"], Use::READ_CSV, |options, value| { options.csv.candidates = Some(value.types()?); Ok(()) }),
    option(&["max_line_size", "maximum_line_size"], Use::READ_CSV, |options, value| { options.csv.longest_line = Some(value.number()?); Ok(()) }),
    option(&["allow_quoted_nulls"], Use::READ_CSV, never_quoted_nulls),
    // How JSON is written.
    option(&["records"], Use::READ_JSON, |_, value| match value.one_of(&[("auto", true), ("true", true), ("false", false)])? {
        true => Ok(()),
        false => Err(Error::unsupported("records = false is not supported").with_hint("read_json_objects reads values of any kind as text")),
    }),
    // What reading is told of columns.
    option(&["columns"], TEXT, |options, value| { options.read.columns = Some(value.named_types()?); Ok(()) }),
    option(&["types", "dtypes", "column_types"], Use::READ_CSV, |options, value| {
        match value.has_names() {
            true => options.read.named_types = value.named_types()?,
            false => options.read.types = value.types()?,
        }
        Ok(())
    }),
    option(&["auto_detect"], TEXT, |options, value| { options.read.auto_detect = Some(value.flag()?); Ok(()) }),
    option(&["sample_size"], TEXT, |options, value| {
        options.read.sample_rows = Some(usize::try_from(value.number::<i64>()?).ok());
        Ok(())
    }),
    option(&["dateformat", "date_format"], TEXT.or(WRITE_TEXT), |options, value| { options.date_format = told_format(value)?; Ok(()) }),
    option(&["timestampformat", "timestamp_format"], TEXT.or(WRITE_TEXT), |options, value| { options.timestamp_format = told_format(value)?; Ok(()) }),
    option(&["encoding"], CSV, set_encoding),
    option(&["ignore_errors"], TEXT, |options, value| { options.read.ignore_errors = value.flag()?; Ok(()) }),
    // Refused lines are always kept.
    option(&["store_rejects"], Use::READ_CSV, |options, value| { options.read.ignore_errors |= value.flag()?; Ok(()) }),
    option(&["rejects_table", "rejects_scan"], Use::READ_CSV, |_, value| {
        Err(Error::unsupported(format!("the option {} is not supported", value.name)).with_hint("refused lines are in the table system.rejects"))
    }),
    // What files' names tell.
    option(&["filename"], Use::READ, set_filename),
    option(&["hive_partitioning"], Use::READ, |options, value| { options.read.hive_partitioning = Some(value.flag()?); Ok(()) }),
    option(&["hive_types"], Use::READ, |options, value| { options.read.hive_types = value.named_types()?; Ok(()) }),
    option(&["hive_types_autocast"], Use::READ, |options, value| { options.read.hive_text = !value.flag()?; Ok(()) }),
    option(&["union_by_name"], Use::READ, |options, value| { options.read.union_by_name = value.flag()?; Ok(()) }),
    // They mean something for speed or memory elsewhere; here the answer is the same.
    option(&["parallel", "buffer_size", "buffer_size_bytes", "files_to_sniff", "maximum_object_size", "maximum_sample_files"], TEXT, |_, value| value.text().map(|_| ())),
    option(&["use_tmp_file"], Use::WRITE, |_, value| value.flag().map(|_| ())),
    // How files are written.
    option(&["row_group_size", "chunk_size"], Use::WRITE_PARQUET, |options, value| { options.write.row_group_size = Some(value.number()?); Ok(()) }),
    option(&["parquet_version"], Use::WRITE_PARQUET, |options, value| {
        options.write.parquet_version = Some(value.one_of(&[("v1", "1.0"), ("v2", "2.0"), ("1", "1.0"), ("2", "2.0")])?.to_owned());
        Ok(())
    }),
    option(&["partition_by"], Use::WRITE, |options, value| { options.write.partition_by = value.texts()?; Ok(()) }),
    option(&["write_partition_columns"], Use::WRITE, |_, value| match value.flag()? {
        false => Ok(()),
        true => Err(Error::unsupported("write_partition_columns = true is not supported").with_hint("readers take such columns from the folders' names")),
    }),
    option(&["file_size_bytes"], Use::WRITE, |_, _| {
        Err(Error::unsupported("FILE_SIZE_BYTES is not supported").with_hint("PER_THREAD_OUTPUT or a path that ends with / writes several files"))
    }),
    option(&["array"], Use::WRITE_JSON, |_, value| match value.flag()? {
        false => Ok(()),
        true => Err(Error::unsupported("ARRAY is not supported: JSON is written an object a line").with_hint("jq -s makes an array of lines")),
    }),
    option(&["per_thread_output"], Use::WRITE, |options, value| { options.write.folder = value.flag()?; Ok(()) }),
    option(&["overwrite"], Use::WRITE, |options, value| existing(options, value, Existing::Replaced)),
    option(&["overwrite_or_ignore", "allow_overwrite"], Use::WRITE, |options, value| existing(options, value, Existing::ReplacedWhereWritten)),
    option(&["append"], Use::WRITE, |options, value| existing(options, value, Existing::Kept)),
    option(&["force_quote"], Use::WRITE_CSV, |options, value| {
        options.write.force_quote = if value.given == Given::All { ForceQuote::All } else { ForceQuote::Columns(value.texts()?) };
        Ok(())
    }),
];

fn set_format(options: &mut Options, value: &Argument<'_>) -> Result<()> {
    // In read_json, the format is that of the values.
    let layouts = [
        ("newline_delimited", JsonLayout::Lines),
        ("nd", JsonLayout::Lines),
        ("array", JsonLayout::Array),
        ("unstructured", JsonLayout::Values),
    ];
    match value.text()? {
        "auto" => {}
        text => match layouts.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
            Some((_, layout)) => options.json.layout = Some(*layout),
            None => options.format = Some(FileFormat::from_name(text)?),
        },
    }
    Ok(())
}

fn set_new_line(options: &mut Options, value: &Argument<'_>) -> Result<()> {
    let ends = [("\\n", false), ("\n", false), ("\\r\\n", false), ("\r\n", false), ("\\r", true), ("\r", true)];
    options.csv.lone_returns = Some(value.one_of(&ends)?);
    Ok(())
}

fn set_encoding(options: &mut Options, value: &Argument<'_>) -> Result<()> {
    options.read.encoding = match value.text()? {
        text if text.eq_ignore_ascii_case("auto") => None,
        text => Some(Encoding::from_name(text)?),
    };
    Ok(())
}

fn set_filename(options: &mut Options, value: &Argument<'_>) -> Result<()> {
    options.read.filename = match (&value.given, value.flag()) {
        (_, Ok(true)) => Some("filename".to_owned()),
        (_, Ok(false)) => None,
        (Given::Text(name), Err(_)) => Some(name.clone()),
        (_, Err(error)) => return Err(error),
    };
    Ok(())
}

fn existing(options: &mut Options, value: &Argument<'_>, meaning: Existing) -> Result<()> {
    if value.flag()? {
        if options.write.existing != Existing::Refused {
            return Err(Error::invalid("OVERWRITE, OVERWRITE_OR_IGNORE and APPEND exclude each other"));
        }
        options.write.existing = meaning;
    }
    Ok(())
}

fn told_format(value: &Argument<'_>) -> Result<Option<String>> {
    match value.text()? {
        "auto" => Ok(None),
        text => crate::files::moments::check(text).map(|()| Some(text.to_owned())),
    }
}

/// A text in quotes is a text.
fn never_quoted_nulls(_: &mut Options, value: &Argument<'_>) -> Result<()> {
    match value.flag()? {
        false => Ok(()),
        true => Err(Error::unsupported("allow_quoted_nulls = true is not supported: what stands in quotes is a text")
            .with_hint("nullif(column, '') makes NULL of empty texts")),
    }
}

/// An option by any of its names.
pub(super) fn find(name: &str) -> Option<&'static Definition> {
    DEFINITIONS.iter().find(|definition| definition.names.iter().any(|known| known.eq_ignore_ascii_case(name)))
}

/// The error for a name that is no option's.
pub(super) fn unknown(whose: &str, uses: Use, name: &str) -> Error {
    let usable = || DEFINITIONS.iter().filter(move |definition| definition.uses.meets(uses));
    let likely = near(name, usable().flat_map(|definition| definition.names).copied());
    // Each option once, by its first name, the likeliest first.
    let position = |definition: &Definition| likely.iter().position(|name| definition.names.contains(name)).unwrap_or(likely.len());
    let mut all: Vec<&Definition> = usable().collect();
    all.sort_by_key(|definition| position(definition));
    let all = all.iter().map(|definition| definition.name()).collect::<Vec<_>>().join(", ");
    Error::invalid(format!("{whose} has no option '{name}'")).with_hint(match likely.first() {
        Some(likely) => format!("did you mean {likely}? There are {all}"),
        None => format!("there are {all}"),
    })
}

/// The error for an option that means nothing for what is done.
pub(super) fn misplaced(whose: &str, uses: Use, definition: &Definition) -> Error {
    let reads = Use::READ.or(Use::READ_WHOLE);
    let message = match (definition.uses.meets(reads), definition.uses.meets(Use::WRITE)) {
        (true, false) if !uses.meets(reads) => format!("{} is an option of reading files, not of {whose}", definition.name()),
        (false, true) if uses.meets(reads) => format!("{} is an option of writing files, not of {whose}", definition.name()),
        _ => format!("{} is no option of this format", definition.name()),
    };
    Error::invalid(message)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_name_is_one_options() {
        let names: Vec<&str> = DEFINITIONS.iter().flat_map(|definition| definition.names.iter().copied()).collect();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
        assert!(names.iter().all(|name| *name == name.to_ascii_lowercase()));
    }

    #[test]
    fn the_likeliest_name_comes_first() {
        let hint = |name| unknown("read_csv", Use::READ_CSV, name).hint().map(str::to_owned).unwrap_or_default();
        assert!(hint("delimeter").starts_with("did you mean delimiter? There are delimiter, "), "{}", hint("delimeter"));
        assert!(hint("nothing_like_it_at_all").starts_with("there are "), "{}", hint("nothing_like_it_at_all"));
        assert!(!hint("x").contains("row_group_size"));
    }
}
