//! The settings: one table of what they are called, what they do, what they are now, and how a value becomes a change. `SET`, `RESET`, `SHOW`, `PRAGMA`,
//! `current_setting`, `duckdb_settings()` and `pg_settings` all read it. DataFusion's own settings stand behind it, under their own names.
//!
//! To add a setting, write a [`Definition`].

use datafusion::config::ConfigOptions;

use super::lookup;
use super::set::{self, Setting};
use crate::error::{Error, Result};
use crate::introspection::functions::version;
use crate::limits::{duration_text, parse_duration, parse_size, size_text};
use crate::optimizer::{PREFIX, uses_cached_result};
use crate::semantics::zones;
use crate::session::view::Asked;
use crate::statements::meaning::refuse::unsupported;

/// For whom a setting holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// For one session.
    Session,
    /// For all sessions of the database in this process.
    Database,
}

impl Scope {
    fn name(self) -> &'static str {
        match self {
            Self::Session => "LOCAL",
            Self::Database => "GLOBAL",
        }
    }
}

/// What SET does to it.
#[derive(Clone, Copy)]
pub(crate) enum Change {
    /// A value becomes a change of the session or the database.
    To(fn(&str) -> Result<Setting>),
    /// The expression is needed, not its text: a point in time.
    Expression,
    /// Kept as it was said, and of no effect.
    Said,
    /// Only values that say what is so anyway; with what to do instead.
    Only(&'static [&'static str], &'static str),
    /// Never changes while the database is open; with what to do instead.
    Fixed(&'static str),
}

/// A setting.
pub(crate) struct Definition {
    pub(crate) name: &'static str,
    pub(crate) aliases: &'static [&'static str],
    /// Its type in SQL.
    pub(crate) input_type: &'static str,
    pub(crate) scope: Scope,
    pub(crate) description: &'static str,
    pub(crate) change: Change,
    /// What it is now.
    pub(crate) value: fn(&Asked<'_>) -> String,
}

/// The name of the setting in DataFusion for a number of partitions.
const THREADS: &str = "datafusion.execution.target_partitions";
const NULL_ORDER: &str = "datafusion.sql_parser.default_null_ordering";
const TIME_ZONE: &str = "datafusion.execution.time_zone";
const CACHED_RESULT: &str = "clouddb.use_cached_result";

/// Values of `default_null_order`, in DuckDB's words and in DataFusion's.
const NULL_ORDERS: [(&[&str], &str); 4] = [
    (&["nulls_last", "nulls last", "last"], "nulls_last"),
    (&["nulls_first", "nulls first", "first"], "nulls_first"),
    (&["nulls_last_on_asc_first_on_desc", "postgres"], "nulls_max"),
    (&["nulls_first_on_asc_last_on_desc", "sqlite", "mysql"], "nulls_min"),
];

const OPENED_WITH: &str = "it is an option of opening the database";

/// The settings, by name.
pub(crate) static SETTINGS: &[Definition] = &[
    Definition {
        name: "access_mode",
        aliases: &[],
        input_type: "VARCHAR",
        scope: Scope::Database,
        description: "Whether the database was opened for reading only, or for writing too",
        change: Change::Fixed(OPENED_WITH),
        value: |asked| (if asked.view.database.storage().is_read_only() { "read_only" } else { "read_write" }).to_owned(),
    },
    Definition {
        name: "application_name",
        aliases: &[],
        input_type: "VARCHAR",
        scope: Scope::Session,
        description: "What the program calls itself; has no effect",
        change: Change::Said,
        value: |asked| asked.view.said.get("application_name").cloned().unwrap_or_default(),
    },
    Definition {
        name: "client_encoding",
        aliases: &["names"],
        input_type: "VARCHAR",
        scope: Scope::Session,
        description: "The encoding of texts; always UTF8",
        change: Change::Only(&["utf8", "utf-8", "unicode"], "texts are UTF-8"),
        value: |_| "UTF8".to_owned(),
    },
    Definition {
        name: "datestyle",
        aliases: &[],
        input_type: "VARCHAR",
        scope: Scope::Session,
        description: "How dates are written; always as in 2026-01-31",
        change: Change::Only(
            &["iso", "iso, mdy", "iso,mdy", "iso, dmy", "iso,dmy", "iso, ymd", "iso,ymd"],
            "dates are written as in 2026-01-31; strftime(x, '%d.%m.%Y') writes them otherwise",
        ),
        value: |_| "ISO, YMD".to_owned(),
    },
    Definition {
        name: "default_null_order",
        aliases: &["null_order"],
        input_type: "VARCHAR",
        scope: Scope::Session,
        description: "Where NULLs stand in ORDER BY without NULLS FIRST or NULLS LAST",
        change: Change::To(null_order),
        value: |asked| {
            let order = asked.options.sql_parser.default_null_ordering.to_string().to_lowercase();
            NULL_ORDERS.iter().find(|(_, of)| *of == order).map_or(order.clone(), |(names, _)| names[0].to_owned())
        },
    },
    Definition {
        name: "default_order",
        aliases: &[],
        input_type: "VARCHAR",
        scope: Scope::Session,
        description: "The order of ORDER BY without ASC or DESC; always ascending",
        change: Change::Only(&["asc", "ascending"], "write DESC behind the column"),
        value: |_| "ASC".to_owned(),
    },
    Definition {
        name: "extra_float_digits",
        aliases: &[],
        input_type: "BIGINT",
        scope: Scope::Session,
        description: "Digits of floating-point numbers; always as many as tell them apart",
        change: Change::Only(&["1", "2", "3"], "numbers are written with as many digits as tell them apart; round(x, 2) has fewer"),
        value: |_| "1".to_owned(),
    },
    Definition {
        name: "lock_timeout",
        aliases: &["idle_in_transaction_session_timeout"],
        input_type: "VARCHAR",
        scope: Scope::Session,
        description: "How long to wait for locks; there are none",
        change: Change::Only(&["0", "0s", "0ms"], "nothing waits for locks: transactions find conflicts when they commit"),
        value: |_| "0".to_owned(),
    },
    Definition {
        name: "memory_limit",
        aliases: &["max_memory"],
        input_type: "VARCHAR",
        scope: Scope::Database,
        description: "How much the operators of all statements may hold before they spill or fail; 0 is no limit",
        change: Change::To(|value| size(value).map(Setting::MemoryLimit)),
        value: |asked| limit(asked.view.database.limits().memory()),
    },
    Definition {
        name: "query_memory_limit",
        aliases: &[],
        input_type: "VARCHAR",
        scope: Scope::Session,
        description: "How much the operators of one statement may hold before they spill or fail; 0 is no limit",
        change: Change::To(|value| size(value).map(Setting::QueryMemoryLimit)),
        value: |asked| limit(asked.view.limits.memory),
    },
    Definition {
        name: "schema",
        aliases: &["search_path", "current_schema"],
        input_type: "VARCHAR",
        scope: Scope::Session,
        description: "The schema in which names without one are looked up",
        change: Change::To(|value| Ok(Setting::Schema(value.to_owned()))),
        value: |asked| asked.current_schema().to_owned(),
    },
    Definition {
        name: "server_encoding",
        aliases: &[],
        input_type: "VARCHAR",
        scope: Scope::Database,
        description: "The encoding of texts in the database",
        change: Change::Fixed("texts are UTF-8"),
        value: |_| "UTF8".to_owned(),
    },
    Definition {
        name: "server_version",
        aliases: &[],
        input_type: "VARCHAR",
        scope: Scope::Database,
        description: "The version of this program",
        change: Change::Fixed("it is this program's version"),
        value: |_| version().split(' ').next_back().unwrap_or_default().to_owned(),
    },
    Definition {
        name: "snapshot",
        aliases: &[],
        input_type: "BIGINT",
        scope: Scope::Session,
        description: "The snapshot of the past that is read; empty for the present",
        change: Change::Expression,
        value: |asked| asked.view.pinned.as_ref().map(|pinned| pinned.number().to_string()).unwrap_or_default(),
    },
    Definition {
        name: "standard_conforming_strings",
        aliases: &[],
        input_type: "BOOLEAN",
        scope: Scope::Session,
        description: "Whether a backslash in a string is a letter like any other; always",
        change: Change::Only(&["on", "true", "1"], "write E'...' for a string with escapes"),
        value: |_| "on".to_owned(),
    },
    Definition {
        name: "statement_timeout",
        aliases: &[],
        input_type: "VARCHAR",
        scope: Scope::Session,
        description: "How long a statement may run; 0 is no limit",
        change: Change::To(|value| parse_duration(value).map(Setting::StatementTimeout)),
        value: |asked| asked.view.limits.timeout.map(duration_text).unwrap_or_else(|| "0".to_owned()),
    },
    Definition {
        name: "temp_directory",
        aliases: &["spill_folder"],
        input_type: "VARCHAR",
        scope: Scope::Database,
        description: "The folder that operators spill to; empty for the system's",
        change: Change::Fixed(OPENED_WITH),
        value: |asked| asked.view.database.spill_folder().map(|folder| folder.display().to_string()).unwrap_or_default(),
    },
    Definition {
        name: "threads",
        aliases: &["worker_threads"],
        input_type: "BIGINT",
        scope: Scope::Session,
        description: "In how many partitions queries and loads run",
        change: Change::To(threads),
        value: |asked| asked.options.execution.target_partitions.to_string(),
    },
    Definition {
        name: "timestamp",
        aliases: &[],
        input_type: "TIMESTAMP",
        scope: Scope::Session,
        description: "The point in the past that is read, when the session began to read the past",
        change: Change::Expression,
        value: |asked| asked.view.said.get("timestamp").cloned().unwrap_or_default(),
    },
    Definition {
        name: "timezone",
        aliases: &["time_zone"],
        input_type: "VARCHAR",
        scope: Scope::Session,
        description: "The zone in which moments are shown and read",
        change: Change::To(time_zone),
        value: |asked| asked.options.execution.time_zone.clone().unwrap_or_else(|| "UTC".to_owned()),
    },
    Definition {
        name: "transaction_isolation",
        aliases: &["default_transaction_isolation"],
        input_type: "VARCHAR",
        scope: Scope::Session,
        description: "What transactions see of each other: they read one snapshot",
        change: Change::Only(
            &["read uncommitted", "read committed", "repeatable read", "snapshot"],
            "BEGIN ISOLATION LEVEL SERIALIZABLE begins a serializable transaction",
        ),
        value: |_| "repeatable read".to_owned(),
    },
    Definition {
        name: "use_cached_result",
        aliases: &[],
        input_type: "BOOLEAN",
        scope: Scope::Session,
        description: "Take a query's rows from the cache of results, if the database was opened with one",
        change: Change::To(|value| flag(value).map(|value| Setting::DataFusion(CACHED_RESULT.to_owned(), value.to_string()))),
        value: |asked| uses_cached_result(asked.options).to_string(),
    },
];

/// A setting as it is shown.
pub(crate) struct Shown {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) description: String,
    pub(crate) input_type: &'static str,
    pub(crate) scope: &'static str,
    pub(crate) aliases: Vec<String>,
    pub(crate) fixed: bool,
}

/// The setting of a name.
pub(crate) fn find(name: &str) -> Option<&'static Definition> {
    let is_it = |of: &str| of.eq_ignore_ascii_case(name);
    SETTINGS.iter().find(|definition| is_it(definition.name) || definition.aliases.iter().any(|alias| is_it(alias)))
}

/// All settings, ours by name and then DataFusion's.
pub(crate) fn all(asked: &Asked<'_>) -> Vec<Shown> {
    let ours = SETTINGS.iter().map(|definition| Shown {
        name: definition.name.to_owned(),
        value: (definition.value)(asked),
        description: definition.description.to_owned(),
        input_type: definition.input_type,
        scope: definition.scope.name(),
        aliases: definition.aliases.iter().map(|alias| (*alias).to_owned()).collect(),
        fixed: matches!(definition.change, Change::Fixed(_)),
    });
    let mut planner: Vec<Shown> = planner_entries(asked.options)
        .filter(|(name, ..)| set::check_datafusion_key(name).is_ok() && find(without_prefix(name)).is_none())
        .map(|(name, value, description)| Shown {
            name,
            value,
            description,
            input_type: "VARCHAR",
            scope: Scope::Session.name(),
            aliases: Vec::new(),
            fixed: false,
        })
        .collect();
    planner.sort_by(|left, right| left.name.cmp(&right.name));
    ours.chain(planner).collect()
}

fn without_prefix(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// DataFusion's settings and the optimizer's: full name, value, description.
fn planner_entries(options: &ConfigOptions) -> impl Iterator<Item = (String, String, String)> {
    options.entries().into_iter().map(|entry| {
        // DataFusion leaves out what the names of settings of our own begin with.
        let name = if entry.key.starts_with("datafusion.") { entry.key } else { format!("{PREFIX}.{}", entry.key) };
        let description = entry.description.split_whitespace().collect::<Vec<_>>().join(" ");
        (name, entry.value.unwrap_or_default(), description)
    })
}

/// What a setting is now.
///
/// # Errors
/// *Not found*, with the nearest name.
pub(crate) fn value(asked: &Asked<'_>, name: &str) -> Result<String> {
    if let Some(definition) = find(name) {
        return Ok((definition.value)(asked));
    }
    let name = name.to_lowercase();
    let found = planner_entries(asked.options).find(|(key, ..)| *key == name);
    found.map(|(_, value, _)| value).ok_or_else(|| unknown(&name, asked.options))
}

/// The settings that stand for one of DataFusion's.
const MAPPED: [(&str, &str); 4] =
    [("threads", THREADS), ("default_null_order", NULL_ORDER), ("timezone", TIME_ZONE), ("use_cached_result", CACHED_RESULT)];

/// DataFusion's name of a setting of ours, if it is one of DataFusion's.
pub(crate) fn mapped(name: &str) -> Option<&'static str> {
    MAPPED.into_iter().find(|(ours, _)| *ours == name).map(|(_, key)| key)
}

/// The setting that stands for one of DataFusion's.
pub(crate) fn find_mapped(key: &str) -> Option<&'static Definition> {
    MAPPED.into_iter().find(|(_, mapped)| *mapped == key).and_then(|(ours, _)| find(ours))
}

/// Whether a setting of DataFusion's has another name here, under which its values are checked.
pub(crate) fn is_mapped(key: &str) -> bool {
    MAPPED.into_iter().any(|(_, mapped)| mapped == key)
}

/// What a setting of DataFusion's is in a configuration.
pub(crate) fn planner_value(options: &ConfigOptions, key: &str) -> Option<String> {
    planner_entries(options).find(|(name, ..)| name == key).map(|(_, value, _)| value)
}

/// Whether there is a setting of this name.
pub(crate) fn exists(options: &ConfigOptions, name: &str) -> bool {
    find(name).is_some() || planner_entries(options).any(|(key, ..)| key == name.to_lowercase())
}

/// The error for a name that no setting has.
pub(crate) fn unknown(name: &str, options: &ConfigOptions) -> Error {
    let keys: Vec<String> = planner_entries(options).map(|(key, ..)| key).collect();
    let names = SETTINGS.iter().flat_map(|definition| std::iter::once(definition.name).chain(definition.aliases.iter().copied()));
    let names = names.chain(keys.iter().map(String::as_str));
    lookup::with_nearest(Error::not_found(format!("there is no setting '{name}'")), name, names, "SHOW ALL lists the settings")
}

/// The change that a value of a setting means.
pub(crate) fn change(definition: &'static Definition, value: &str) -> Result<Setting> {
    let of = |error: Error| error.context(format!("the value of {}", definition.name));
    match definition.change {
        Change::To(parse) => parse(value).map_err(of),
        Change::Said => Ok(Setting::Said(definition.name, value.to_owned())),
        Change::Only(accepted, instead) => match accepted.contains(&value.trim().to_lowercase().as_str()) {
            true => Ok(Setting::Nothing),
            false => Err(unsupported(format!("{} = '{value}'", definition.name)).with_hint(instead)),
        },
        Change::Fixed(instead) => Err(unsupported(format!("changing '{}' in a session", definition.name)).with_hint(instead)),
        Change::Expression => Err(Error::internal("a point in time is no text")),
    }
}

/// A size that is a limit; 0 is none.
fn size(text: &str) -> Result<Option<usize>> {
    if text.trim() == "0" {
        return Ok(None);
    }
    Ok(Some(usize::try_from(parse_size(text)?).unwrap_or(usize::MAX)))
}

fn limit(bytes: Option<usize>) -> String {
    bytes.map(size_text).unwrap_or_else(|| "0".to_owned())
}

fn flag(text: &str) -> Result<bool> {
    match text.to_lowercase().as_str() {
        "true" | "on" | "1" | "yes" => Ok(true),
        "false" | "off" | "0" | "no" => Ok(false),
        other => Err(Error::invalid(format!("it is true or false, not '{other}'"))),
    }
}

fn threads(text: &str) -> Result<Setting> {
    // More partitions than this only cost memory.
    const MOST: usize = 1024;
    match text.trim().parse::<usize>() {
        Ok(threads @ 1..=MOST) => Ok(Setting::DataFusion(THREADS.to_owned(), threads.to_string())),
        _ => Err(Error::invalid(format!("it must be a whole number from 1 to {MOST}, not '{text}'"))),
    }
}

fn null_order(text: &str) -> Result<Setting> {
    let wanted = text.trim().to_lowercase();
    match NULL_ORDERS.iter().find(|(names, _)| names.contains(&wanted.as_str())) {
        Some((_, order)) => Ok(Setting::DataFusion(NULL_ORDER.to_owned(), (*order).to_owned())),
        None => Err(Error::invalid(format!("'{text}' is no order of NULLs")).with_hint("there are NULLS_FIRST and NULLS_LAST")),
    }
}

fn time_zone(text: &str) -> Result<Setting> {
    let zone = match text.to_uppercase().as_str() {
        // LOCAL and DEFAULT are what a session begins with.
        "UTC" | "+00:00" | "GMT" | "Z" | "ETC/UTC" | "LOCAL" | "DEFAULT" => "UTC".to_owned(),
        _ => match zones::named(text) {
            Ok(_) => text.to_owned(),
            Err(error) => {
                // Zones are found whatever their case: europe/zurich, america/new_york.
                let mut begins = true;
                let titled: String = text
                    .to_lowercase()
                    .chars()
                    .map(|letter| match std::mem::replace(&mut begins, !letter.is_alphabetic()) {
                        true => letter.to_ascii_uppercase(),
                        false => letter,
                    })
                    .collect();
                [titled, text.to_uppercase()].into_iter().find(|zone| zones::named(zone).is_ok()).ok_or(error)?
            }
        },
    };
    Ok(Setting::DataFusion(TIME_ZONE.to_owned(), zone))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_name_stands_for_two_settings() {
        let mut seen = HashSet::new();
        for definition in SETTINGS {
            assert!(seen.insert(definition.name), "{}", definition.name);
            definition.aliases.iter().for_each(|alias| assert!(seen.insert(alias), "{alias}"));
        }
    }

    #[test]
    fn what_is_accepted_is_what_is_shown() {
        for (name, value) in [("client_encoding", "UTF8"), ("datestyle", "ISO, MDY"), ("extra_float_digits", "3"), ("default_order", "ASC")]
        {
            assert_eq!(find(name).map(|definition| change(definition, value).ok()), Some(Some(Setting::Nothing)), "{name}");
        }
        for (name, value) in [("client_encoding", "latin1"), ("datestyle", "german"), ("threads", "0"), ("temp_directory", "/tmp")] {
            assert!(find(name).is_some_and(|definition| change(definition, value).is_err()), "{name}");
        }
    }
}
