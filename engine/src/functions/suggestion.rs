//! What to write in place of a function that there is not.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::catalogue::{Kind, catalogue};
use crate::error::Error;
use crate::nearest::nearest;

/// What other databases' functions are here.
const ELSEWHERE: &[(&str, &str)] = &[
    ("array_agg_distinct", "write array_agg(DISTINCT x)"),
    ("approx_top_k", "write SELECT x, count(*) FROM t GROUP BY x ORDER BY 2 DESC LIMIT k"),
    ("array_to_list", "lists and arrays are the same"),
    ("bitstring_agg", "write list(DISTINCT x ORDER BY x)"),
    ("can_cast_implicitly", "typeof(x) tells a type, TRY_CAST(x AS type) tries a cast"),
    ("constant_or_null", "write CASE WHEN x IS NOT NULL THEN value END"),
    ("convert", "write CAST(x AS type)"),
    ("date", "write CAST(x AS DATE)"),
    ("datename", "write dayname(date) or monthname(date)"),
    ("datetime", "write CAST(x AS TIMESTAMP)"),
    ("explode", "write unnest(list)"),
    ("posexplode", "write unnest(list), and row_number() OVER () for the places"),
    ("getdate", "write now()"),
    ("getutcdate", "write now()"),
    ("ilike", "write x ILIKE 'pattern'"),
    ("is_null", "write x IS NULL"),
    ("isnull", "write x IS NULL, or ifnull(x, y) for a value in its place"),
    ("json_serialize", "write to_json(x)"),
    ("jsonb_set", "write json_merge_patch(x, json_object('name', value))"),
    ("last_insert_id", "write INSERT ... RETURNING id where it is supported, or SELECT max(id)"),
    ("like", "write x LIKE 'pattern'"),
    ("nullifzero", "write nullif(x, 0)"),
    ("object_construct", "write json_object('key', value)"),
    ("percentile", "write quantile_cont(x, 0.5)"),
    ("percentile_approx", "write approx_quantile(x, 0.5)"),
    ("reservoir_quantile", "write quantile_disc(x, 0.5)"),
    ("rlike", "write regexp_matches(x, 'pattern')"),
    ("safe_cast", "write TRY_CAST(x AS type)"),
    ("sequence", "write generate_series(from, to)"),
    ("size", "write len(list), or cardinality(map)"),
    ("space", "write repeat(' ', n)"),
    ("str_to_date", "write strptime(text, '%Y-%m-%d')"),
    ("strtok", "write split_part(text, separator, n)"),
    ("struct_pack", "write struct_pack(name := value, ...), or {'name': value, ...}"),
    ("sysdate", "write now()"),
    ("to_array", "write [x]"),
    ("to_decimal", "write CAST(x AS DECIMAL(18,3))"),
    ("to_double", "write CAST(x AS DOUBLE)"),
    ("to_int", "write CAST(x AS INTEGER)"),
    ("to_number", "write CAST(x AS DECIMAL(18,3)) or CAST(x AS BIGINT)"),
    ("to_varchar", "write CAST(x AS VARCHAR), or to_char(x, format)"),
    ("utc_timestamp", "write now()"),
    ("zeroifnull", "write coalesce(x, 0)"),
];

/// Every name, and whether it is a window function's.
static NAMES: LazyLock<BTreeSet<(String, bool)>> = LazyLock::new(|| {
    let names = |entry: super::catalogue::Entry| {
        let is_window = entry.kind == Kind::Window;
        entry.aliases.into_iter().chain([entry.name]).map(move |name| (name.to_lowercase(), is_window)).collect::<Vec<_>>()
    };
    catalogue().into_iter().flat_map(names).collect()
});

/// What to write in place of a function that there is not; none if nothing is near.
pub fn suggestion(name: &str) -> Option<String> {
    let name = name.to_lowercase();
    if let Some((_, hint)) = ELSEWHERE.iter().find(|(known, _)| *known == name) {
        return Some((*hint).to_owned());
    }
    if NAMES.contains(&(name.clone(), true)) {
        return Some(format!("it looks at the rows around: write {name}(...) OVER (ORDER BY ...)"));
    }
    nearest(&name, NAMES.iter().map(|(known, _)| known.as_str())).map(|known| format!("did you mean {known}?"))
}

/// The error for a function that there is not.
pub(crate) fn no_function(name: &str) -> Error {
    let error = Error::invalid(format!("there is no function '{name}'"));
    match suggestion(name) {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// Functions of numbers that are often asked for the texts of some.
const OF_NUMBERS: [&str; 8] = ["sum", "avg", "mean", "median", "stddev", "var_pop", "var_samp", "quantile_cont"];

/// The error for arguments that a function does not take: `call` is its name with their types.
pub(crate) fn wrong_arguments(name: &str, call: &str) -> Error {
    if name == "named_struct" {
        return Error::invalid("a struct has at least one field").with_hint("it is written {'name': value, ...}");
    }
    let error = Error::invalid(format!("{name} does not take these arguments: {call}"));
    if OF_NUMBERS.contains(&name) && call.contains("VARCHAR") {
        return error.with_hint("VARCHAR is text: CAST(x AS DOUBLE) makes numbers of it, TRY_CAST NULL where it is none");
    }
    let has = |entry: &super::catalogue::Entry| entry.name == name || entry.aliases.iter().any(|alias| alias == name);
    match catalogue().into_iter().find(has) {
        Some(entry) if entry.example.is_empty() => error.with_hint(format!("it is called as {}", entry.usage)),
        Some(entry) => error.with_hint(format!("it is called as {}, such as {}", entry.usage, entry.example)),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_and_those_of_elsewhere_are_suggested() {
        for (name, hint) in [
            ("getdate", "write now()"),
            ("strpoz", "did you mean strpos?"),
            ("date_dif", "did you mean date_diff?"),
            ("LENGHT", "did you mean length?"),
            ("row_number", "it looks at the rows around: write row_number(...) OVER (ORDER BY ...)"),
        ] {
            assert_eq!(suggestion(name).as_deref(), Some(hint), "{name}");
        }
        assert_eq!(suggestion("frobnicate_everything"), None);
    }

    #[test]
    fn what_is_there_is_not_said_to_be_elsewhere() {
        for (name, _) in ELSEWHERE {
            assert!(!NAMES.iter().any(|(known, _)| known == name), "{name}");
        }
    }
}
