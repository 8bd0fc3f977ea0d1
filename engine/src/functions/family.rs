//! What functions are about: how the book groups them.

use std::collections::HashMap;
use std::sync::LazyLock;

use datafusion::logical_expr::Documentation;

use super::catalogue::Kind;

/// What functions are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// Texts and bytes.
    Texts,
    /// Numbers.
    Numbers,
    /// Dates, times and intervals.
    Dates,
    /// Lists, maps and structs.
    Nested,
    /// JSON.
    Json,
    /// Any values, conditions, the session.
    Values,
    /// Groups of rows.
    Aggregates,
    /// The rows around.
    Windows,
    /// Rows.
    Tables,
}

impl Family {
    /// All of them, in the order in which people look for functions.
    pub const ALL: [Self; 9] =
        [Self::Texts, Self::Numbers, Self::Dates, Self::Nested, Self::Json, Self::Values, Self::Aggregates, Self::Windows, Self::Tables];

    /// Its title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Texts => "Functions of texts and bytes",
            Self::Numbers => "Functions of numbers",
            Self::Dates => "Functions of dates, times and intervals",
            Self::Nested => "Functions of lists, maps and structs",
            Self::Json => "Functions of JSON",
            Self::Values => "Functions of any value, conditions, the session",
            Self::Aggregates => "Aggregate functions",
            Self::Windows => "Window functions",
            Self::Tables => "Table functions",
        }
    }

    /// By where it is defined here, or by what DataFusion says of its own.
    pub(super) fn of(name: &str, kind: Kind, documentation: Option<&Documentation>) -> Self {
        match kind {
            Kind::Aggregate => return Self::Aggregates,
            Kind::Window => return Self::Windows,
            Kind::Table => return Self::Tables,
            Kind::Scalar => {}
        }
        if let Some(family) = FAMILIES.get(name) {
            return *family;
        }
        match documentation.map_or("", |known| known.doc_section.label) {
            "String Functions" | "Regular Expression Functions" | "Hashing Functions" | "Binary String Functions" => Self::Texts,
            "Math Functions" => Self::Numbers,
            "Time and Date Functions" => Self::Dates,
            "Array Functions" | "Map Functions" | "Struct Functions" | "Union Functions" => Self::Nested,
            _ => Self::Values,
        }
    }
}

/// The families of our own scalar functions.
static FAMILIES: LazyLock<HashMap<String, Family>> = LazyLock::new(|| {
    let of_rows = [
        (Family::Texts, super::text::functions()),
        (Family::Dates, super::dates::functions()),
        (Family::Numbers, super::numbers::functions()),
        (Family::Values, super::values::functions()),
        (Family::Json, super::json::functions()),
    ];
    let others = [
        (Family::Numbers, super::numbers::of_any_number()),
        (Family::Values, super::values::of_any_type()),
        (Family::Nested, super::lists::functions()),
        (Family::Json, super::json::of_any_type()),
        (Family::Dates, super::dates::of_the_clock()),
        (Family::Values, super::uuids::functions()),
        (Family::Texts, super::text::of_several()),
        (Family::Dates, super::dates::of_several(|_| None)),
        (Family::Json, super::json::of_structures()),
    ];
    let rows =
        of_rows.into_iter().flat_map(|(family, functions)| functions.into_iter().map(move |function| (function.name().to_owned(), family)));
    let others =
        others.into_iter().flat_map(|(family, functions)| functions.into_iter().map(move |function| (function.name().to_owned(), family)));
    // Those that take lambdas are about lists.
    let lambdas = super::with_lambdas().into_iter().map(|function| (function.name().to_owned(), Family::Nested));
    rows.chain(others).chain(lambdas).collect()
});
