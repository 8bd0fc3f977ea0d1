//! The words behind a command: with blanks between them, in quotes where they hold blanks themselves.

use crate::variables::Variables;

/// Cuts a line into words, and puts values in place of variables that stand outside of quotes. In double quotes `\n`, `\t`, `\\` and `\"` are what they are in C; in single quotes a quote is doubled.
pub(super) fn split(line: &str, variables: &Variables) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut rest = line.chars().peekable();
    loop {
        while rest.next_if(|c| c.is_whitespace()).is_some() {}
        let Some(first) = rest.peek().copied() else { return Ok(words) };
        let mut word = String::new();
        match first {
            '\'' => {
                rest.next();
                loop {
                    match rest.next() {
                        Some('\'') if rest.next_if_eq(&'\'').is_some() => word.push('\''),
                        Some('\'') => break,
                        Some(c) => word.push(c),
                        None => return Err("a quote is not closed".to_owned()),
                    }
                }
            }
            '"' => {
                rest.next();
                loop {
                    match rest.next() {
                        Some('"') => break,
                        Some('\\') => word.push(match rest.next() {
                            Some('n') => '\n',
                            Some('t') => '\t',
                            Some('r') => '\r',
                            Some(c) => c,
                            None => return Err("a quote is not closed".to_owned()),
                        }),
                        Some(c) => word.push(c),
                        None => return Err("a quote is not closed".to_owned()),
                    }
                }
            }
            _ => {
                while let Some(c) = rest.next_if(|c| !c.is_whitespace()) {
                    word.push(c);
                }
                word = variables.put_into(&word).into_owned();
            }
        }
        words.push(word);
    }
}

#[cfg(test)]
mod tests {
    use super::Variables;

    fn split(line: &str) -> Result<Vec<String>, String> {
        let mut variables = Variables::default();
        variables.set("x", "a b");
        super::split(line, &variables)
    }

    #[test]
    fn words_and_quotes() {
        assert_eq!(split(":x ':x' :'x' c:x").as_deref(), Ok(["a b", ":x", "'a b'", "ca b"].map(str::to_owned).as_slice()));
        assert_eq!(split("a  b\tc").as_deref(), Ok(["a", "b", "c"].map(str::to_owned).as_slice()));
        assert_eq!(split(r#"'it''s here' "a\tb" c"d"#).as_deref(), Ok(["it's here", "a\tb", "c\"d"].map(str::to_owned).as_slice()));
        assert_eq!(split("").as_deref(), Ok([].as_slice()));
        assert_eq!(split("''").as_deref(), Ok([String::new()].as_slice()));
        assert!(split("'a").is_err() && split("\"a").is_err());
    }
}
