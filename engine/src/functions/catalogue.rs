//! Every function with what people want to know of it.

use std::collections::BTreeMap;

use datafusion::logical_expr::Documentation;

use super::family::Family;

/// What a function makes its result of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A row's values.
    Scalar,
    /// All rows of a group.
    Aggregate,
    /// The rows around.
    Window,
    /// It gives rows.
    Table,
}

impl Kind {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Aggregate => "aggregate",
            Self::Window => "window",
            Self::Table => "table",
        }
    }
}

/// A function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its own name.
    pub name: String,
    /// Its other names.
    pub aliases: Vec<String>,
    /// What its result is made of.
    pub kind: Kind,
    /// What it is about.
    pub family: Family,
    /// How it is called.
    pub usage: String,
    /// What it does, in a line.
    pub about: String,
    /// A call; empty if nobody wrote one.
    pub example: String,
}

/// Functions that are of use to DataFusion only.
pub(crate) const HIDDEN: [&str; 18] = [
    "arrow_cast",
    "arrow_field",
    "arrow_metadata",
    "arrow_try_cast",
    "arrow_typeof",
    "cast_to_type",
    "file_row_index",
    "get_field",
    "input_file_name",
    "named_struct",
    "text_slice",
    "to_timestamp_micros",
    "to_timestamp_millis",
    "to_timestamp_nanos",
    "to_timestamp_seconds",
    "try_cast_to_type",
    "with_metadata",
    "uuid_text",
];

/// All functions, by name and kind; those that only DataFusion itself calls are left out.
pub fn catalogue() -> Vec<Entry> {
    let mut entries: BTreeMap<(String, Kind), Entry> = BTreeMap::new();
    let mut add = |name: &str, aliases: &[String], kind: Kind, documentation: Option<&Documentation>| {
        if !HIDDEN.contains(&name) {
            let entry = entry(name, aliases, kind, documentation);
            entries.insert((name.to_owned(), kind), entry);
        }
    };
    for function in super::scalars() {
        add(function.name(), function.aliases(), Kind::Scalar, function.documentation());
    }
    for function in super::with_lambdas() {
        add(function.name(), function.aliases(), Kind::Scalar, function.documentation());
    }
    for function in super::aggregates() {
        add(function.name(), function.aliases(), Kind::Aggregate, function.documentation());
    }
    for function in super::windows() {
        add(function.name(), function.aliases(), Kind::Window, function.documentation());
    }
    for (name, documentation) in super::series::documentation() {
        add(name, &[], Kind::Table, Some(&documentation));
    }
    let mut entries: Vec<Entry> = entries.into_values().collect();
    without_overridden(&mut entries);
    entries
}

/// Takes away other names that are another function's own.
fn without_overridden(entries: &mut [Entry]) {
    let own: Vec<(String, Kind)> = entries.iter().map(|entry| (entry.name.clone(), entry.kind)).collect();
    for entry in entries {
        let kind = entry.kind;
        entry.aliases.retain(|alias| !own.iter().any(|(name, of)| name == alias && *of == kind));
        entry.aliases.sort();
        entry.aliases.dedup();
    }
}

fn entry(name: &str, aliases: &[String], kind: Kind, documentation: Option<&Documentation>) -> Entry {
    let first_line = |text: &str| in_our_name(text.trim().lines().next().unwrap_or_default().trim());
    Entry {
        name: name.to_owned(),
        aliases: aliases.to_vec(),
        kind,
        family: Family::of(name, kind, documentation),
        usage: documentation.map_or_else(|| format!("{name}(...)"), |known| first_line(&known.syntax_example)),
        about: documentation.map_or_else(String::new, |known| first_line(&known.description)),
        example: documentation.and_then(|known| known.sql_example.as_deref()).map_or_else(String::new, example),
    }
}

/// The call of an example, which DataFusion shows with a prompt and a table of its result.
fn example(text: &str) -> String {
    let prompt = text.lines().find_map(|line| line.trim().strip_prefix("> "));
    let line = prompt.unwrap_or_else(|| text.trim().lines().next().unwrap_or_default());
    let line = line.trim().trim_end_matches(';');
    let call = line.get(..7).filter(|start| start.eq_ignore_ascii_case("select ")).map_or(line, |_| &line[7..]);
    in_our_name(call.trim())
}

/// A text about a function, in which DataFusion's name is that of a library below.
pub(crate) fn in_our_name(text: &str) -> String {
    text.replace("Apache DataFusion", "CloudDB")
        .replace("DataFusion", "CloudDB")
        .replace("dataFusion", "cloudDB")
        .replace("datafusion", "clouddb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_says_what_it_does() {
        let entries = catalogue();
        assert!(entries.len() > 400, "{}", entries.len());
        let silent: Vec<&str> = entries.iter().filter(|entry| entry.about.is_empty()).map(|entry| entry.name.as_str()).collect();
        assert!(silent.is_empty(), "{silent:?}");
        let of_others = |entry: &&Entry| format!("{} {} {}", entry.usage, entry.about, entry.example).to_lowercase().contains("datafusion");
        assert_eq!(entries.iter().find(of_others), None);
    }
}
