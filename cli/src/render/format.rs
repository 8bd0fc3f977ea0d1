//! The formats of results, by their names.

use clap::ValueEnum;

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table drawn with lines, for people: the first and the last rows.
    #[value(alias = "duckbox")]
    Box,
    /// Comma-separated values with a header line; NULL is empty, an empty string is "".
    Csv,
    /// Values separated by tabs, with a header line.
    #[value(alias = "tabs")]
    Tsv,
    /// One JSON array of objects for each result.
    Json,
    /// One JSON object for each row, on a line of its own.
    #[value(alias = "jsonlines", alias = "ndjson")]
    Jsonl,
    /// A table of Markdown.
    #[value(alias = "md")]
    Markdown,
    /// A line for each value, a blank line between rows.
    #[value(alias = "lines", alias = "expanded")]
    Line,
    /// Rows of an HTML table.
    Html,
    /// A table drawn with + and -, with all rows.
    Table,
    /// Values in columns, without lines.
    #[value(alias = "columns")]
    Column,
    /// Values with | between them.
    List,
    /// Values with the control characters 0x1F and 0x1E behind values and rows.
    Ascii,
    /// INSERT statements.
    Insert,
    /// Nothing: the rows are counted and let go.
    #[value(alias = "off")]
    Trash,
}

impl Format {
    /// The format of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::from_str(name, true).ok()
    }

    /// Its name.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// All names, with commas between them.
    pub(crate) fn names() -> String {
        Self::value_variants().iter().map(|format| format.name()).collect::<Vec<_>>().join(", ")
    }

    /// Whether it is for people, who want to be told what a statement did.
    pub(crate) fn is_for_people(self) -> bool {
        matches!(self, Self::Box | Self::Line | Self::Table | Self::Column | Self::Markdown | Self::Trash)
    }
}
