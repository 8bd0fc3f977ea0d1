//! What one engine's answer is beside DuckDB's.

use crate::answer::compare;
use crate::engines::{Failure, Run};

/// What DuckDB calls the column of a statement that is not a query.
const COUNTS: [&str; 2] = ["Count", "Success"];

/// How an engine did beside DuckDB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The same answer, or done where DuckDB did it.
    Same,
    /// Another answer: how.
    Differs(String),
    /// An error, where DuckDB has an answer: its message.
    Fails(String),
    /// An answer, where DuckDB has an error: DuckDB's message.
    Answers(String),
    /// An error in both: this engine's message.
    BothFail(String),
}

/// Compares one engine's outcome with DuckDB's.
pub(super) fn judge(sql: &str, reference: &Result<Run, Failure>, outcome: &Result<Run, Failure>) -> Verdict {
    match (reference, outcome) {
        (Ok(reference), Ok(outcome)) => difference(sql, reference, outcome).map_or(Verdict::Same, Verdict::Differs),
        (Ok(_), Err(failure)) => Verdict::Fails(failure.to_string()),
        (Err(failure), Ok(_)) => Verdict::Answers(failure.to_string()),
        (Err(_), Err(failure)) => Verdict::BothFail(failure.to_string()),
    }
}

fn difference(sql: &str, reference: &Run, outcome: &Run) -> Option<String> {
    let no_query = reference.names.len() <= 1 && reference.names.iter().all(|name| COUNTS.contains(&name.as_str()));
    if no_query {
        return None;
    }
    if reference.names.len() != outcome.names.len() {
        return Some(format!("the columns ({}) against ({})", outcome.names.join(", "), reference.names.join(", ")));
    }
    // What columns without a name are called is each engine's own.
    let wrong = |(ours, theirs): &(&String, &String)| is_name(theirs) && ours != theirs;
    if let Some((ours, theirs)) = outcome.names.iter().zip(&reference.names).find(wrong) {
        return Some(format!("a column is called {ours} against {theirs}"));
    }
    let order: Vec<usize> = if is_ordered(sql) { (0..reference.names.len()).collect() } else { Vec::new() };
    compare(&outcome.answer, &reference.answer, &order).err()
}

fn is_name(text: &str) -> bool {
    text.chars().all(|letter| letter.is_alphanumeric() || letter == '_')
}

/// Whether a statement says in which order its rows come: ORDER BY outside of all parentheses and texts.
fn is_ordered(sql: &str) -> bool {
    let (mut depth, mut quoted, mut outside) = (0_usize, None, String::new());
    for letter in sql.chars() {
        match (quoted, letter) {
            (Some(quote), _) if quote == letter => quoted = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quoted = Some(letter),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            (None, _) if depth == 0 => outside.push(letter.to_ascii_uppercase()),
            (None, _) => {}
        }
    }
    outside.split_whitespace().collect::<Vec<_>>().windows(2).any(|words| words == ["ORDER", "BY"])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::{Answer, Cell};

    fn run(name: &str, values: &[&str]) -> Result<Run, Failure> {
        let rows = values.iter().map(|value| vec![Cell::Text((*value).to_owned())]).collect();
        Ok(Run { seconds: 0.0, names: vec![name.to_owned()], answer: Answer { rows } })
    }

    #[test]
    fn orders_count_where_they_are_asked_for() {
        assert!(is_ordered("SELECT a FROM t ORDER\n BY a"));
        assert!(!is_ordered("SELECT row_number() OVER (ORDER BY a), 'ORDER BY' FROM t"));
        let (up, down) = (run("a", &["x", "y"]), run("a", &["y", "x"]));
        assert_eq!(judge("SELECT a FROM t", &up, &down), Verdict::Same);
        assert!(matches!(judge("SELECT a FROM t ORDER BY a", &up, &down), Verdict::Differs(_)));
    }

    #[test]
    fn names_count_where_they_are_names() {
        let one = |name| run(name, &["x"]);
        assert!(matches!(judge("SELECT", &one("x_1"), &one("x")), Verdict::Differs(_)));
        assert_eq!(judge("SELECT", &one("(1 + 1)"), &one("1 + 1")), Verdict::Same);
        let failed: Result<Run, Failure> = Err(Failure::Error("no".to_owned()));
        assert_eq!(judge("SELECT", &one("a"), &failed), Verdict::Fails("no".to_owned()));
        assert_eq!(judge("SELECT", &failed, &one("a")), Verdict::Answers("no".to_owned()));
        assert_eq!(judge("SELECT", &failed, &failed), Verdict::BothFail("no".to_owned()));
        assert_eq!(judge("INSERT", &run("Count", &["3"]), &run("count", &["4"])), Verdict::Same);
    }
}
