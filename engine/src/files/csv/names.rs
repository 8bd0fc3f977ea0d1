//! Names of columns: a header's, each once, or numbers where there is none.

use crate::types::quoted_where_needed;

/// The names of a header: those that are left out are numbered, those that stand there twice get a number behind them. Case makes no difference between names.
pub(super) fn of_header(header: &[String], normalize: bool) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(header.len());
    for (at, name) in header.iter().enumerate() {
        let wanted = match (name.trim(), normalize) {
            ("", _) => numbered(at, header.len()),
            (name, true) => normalized(name),
            (name, false) => name.to_owned(),
        };
        let is_taken = |name: &str| names.iter().any(|other| other.eq_ignore_ascii_case(name));
        let free = (1..).map(|number| format!("{wanted}_{number}")).find(|name| !is_taken(name));
        let name = if is_taken(&wanted) { free.unwrap_or_default() } else { wanted };
        names.push(name);
    }
    names
}

/// The name of a column without one.
pub(super) fn numbered(at: usize, count: usize) -> String {
    let width = count.saturating_sub(1).to_string().len();
    format!("column{at:0width$}")
}

/// A name of small letters, digits and underscores, which needs no quotes.
fn normalized(name: &str) -> String {
    let mut plain: String = name
        .chars()
        .filter_map(|letter| match letter {
            letter if letter.is_alphanumeric() || letter == '_' => Some(letter),
            letter if letter.is_whitespace() => Some('_'),
            _ => None,
        })
        .flat_map(char::to_lowercase)
        .collect();
    let is_reserved = plain.is_ascii() && quoted_where_needed(&plain) != plain;
    if is_reserved || plain.starts_with(|first: char| first.is_ascii_digit()) {
        plain.insert(0, '_');
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[&str], normalize: bool) -> Vec<String> {
        of_header(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(), normalize)
    }

    #[test]
    fn every_name_stands_once() {
        assert_eq!(of(&["a", "a", "", "A", "a_1"], false), ["a", "a_1", "column2", "A_2", "a_1_1"]);
        assert_eq!(of(&["A b", "x-y", "select", "1a", "é"], true), ["a_b", "xy", "_select", "_1a", "é"]);
        assert_eq!((numbered(3, 4), numbered(3, 12)), ("column3".to_owned(), "column03".to_owned()));
    }
}
