//! Names that were probably meant: the one measure for tables, columns, functions, settings, options, files, keywords and the shell's commands.

use std::borrow::Borrow;

use strsim::osa_distance;

/// How many names of a list are shown.
const SHOWN: usize = 12;

/// As many letters tell enough of a name to find it by its beginning.
const BEGINNING: usize = 3;

/// The known name that is nearest, if one is near.
pub fn nearest<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    near(wanted, known).into_iter().next()
}

/// The known names that are near, the nearest first: a third of the letters may be added, missing, replaced or swapped with their neighbour, or one
/// name begins as the other. Upper and lower case are the same.
pub fn near<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted = wanted.to_lowercase();
    let letters = wanted.chars().count();
    let ranked = known.into_iter().filter_map(|name| {
        let lower = name.to_lowercase();
        let (far, length) = (osa_distance(&wanted, &lower), lower.chars().count());
        let longest = letters.max(length);
        // Names of one letter that differ have nothing in common.
        let is_near = far <= longest.div_ceil(3) && far < longest;
        let begins = letters.min(length) >= BEGINNING && (lower.starts_with(&wanted) || wanted.starts_with(&lower));
        (is_near || begins).then_some((far, length, name))
    });
    let mut ranked: Vec<(usize, usize, &str)> = ranked.collect();
    ranked.sort();
    ranked.dedup();
    ranked.into_iter().map(|(_, _, name)| name).collect()
}

/// `did you mean 'x'?`, where a known name is near enough.
pub(crate) fn hint<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(wanted, known).map(|name| format!("did you mean '{name}'?"))
}

/// The first names of a list that may be long.
pub(crate) fn shortened<S: Borrow<str>>(names: &[S]) -> String {
    match names.len() > SHOWN {
        true => format!("{} and {} more", names[..SHOWN].join(", "), names.len() - SHOWN),
        false => names.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_are_near() {
        let known = ["orders", "customer", "vendor_id", "price", "threads", "memory_limit"];
        for (wanted, meant) in [
            ("vendorid", "vendor_id"),
            ("ordres", "orders"),
            ("custmer", "customer"),
            ("pric", "price"),
            ("thread", "threads"),
            ("MEMORY_LIMT", "memory_limit"),
            ("cust", "customer"),
        ] {
            assert_eq!(nearest(wanted, known), Some(meant));
        }
    }

    #[test]
    fn other_words_are_not() {
        assert_eq!(nearest("colour", ["orders", "customer", "threads"]), None);
        assert_eq!(nearest("x", ["a", "b"]), None);
        assert_eq!(nearest("", ["a", "orders"]), None);
    }

    #[test]
    fn the_nearest_comes_first() {
        assert_eq!(near("ab", ["abcdef", "ba", "abc", "ab_"]), ["ba", "ab_", "abc"]);
        assert_eq!(near("größe", ["grösse", "GRÖẞE"]), ["GRÖẞE", "grösse"]);
    }
}
